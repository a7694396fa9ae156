//! What is said in the rehearsed event and what its desk makes of it, and when each sentence is
//! due. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use base::{Language, Millis, PersonId, SegmentId};
use proceedings::{EventDefinition, ReportingVerb, Segment, Wording};

/// What is said, and what the release needs besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// The notes for the release as JSON (docs/RECORD.md).
    pub notes: String,
    /// Sentences by the time at which they are said.
    pub sentences: Vec<Sentence>,
}

/// A sentence that will be a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentence {
    /// Who says it.
    pub speaker: PersonId,
    /// In which segment.
    pub segment: SegmentId,
    /// In which language.
    pub language: Language,
    /// As it is said.
    pub said: String,
    /// From when on, counted from the opening, as planned.
    pub start: Millis,
    /// Until when.
    pub end: Millis,
    /// How it is reported.
    pub verb: ReportingVerb,
    /// As it is reported, by language.
    pub words: BTreeMap<Language, Wording>,
}

/// A sentence with its place in the rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cue {
    /// Which of the script.
    pub(super) sentence: usize,
    pub(super) start: Instant,
    pub(super) end: Instant,
}

impl Script {
    /// What a person says in the whole event, in the language of their first sentence.
    pub(super) fn speech(&self, person: &PersonId) -> Option<(Language, String)> {
        let own = || self.sentences.iter().filter(|sentence| sentence.speaker == *person);
        let language = own().next()?.language.clone();
        let said = own().filter(|sentence| sentence.language == language);
        let text: Vec<_> = said.map(|sentence| sentence.said.as_str()).collect();
        Some((language, text.join(" ")))
    }

    /// When the sentences of one turn are due: those of `segment`, of one speaker or of all, in a
    /// turn of `length` from `began` on. They keep their places in the segment as planned where
    /// the turn is the whole of it, else they follow one another at equal distances.
    pub(super) fn cues(
        &self,
        event: &EventDefinition,
        segment: &Segment,
        speaker: Option<&PersonId>,
        (began, length): (Instant, Duration),
    ) -> VecDeque<Cue> {
        let mut turn: Vec<(usize, &Sentence)> = self
            .sentences
            .iter()
            .enumerate()
            .filter(|(_, one)| one.segment == segment.id)
            .filter(|(_, one)| speaker.is_none_or(|speaker| one.speaker == *speaker))
            .collect();
        turn.sort_by_key(|(_, sentence)| sentence.start);
        let before = event.segments.iter().take_while(|other| other.id != segment.id);
        let from: u64 = before.map(|other| other.planned.0).sum();
        let until = from + segment.planned.0;
        let whole = speaker.is_none() || segment.floor.len() < 2;
        let as_planned = whole
            && turn.iter().all(|(_, one)| from < one.start.0 && one.end.0 < until)
            && turn.iter().all(|(_, one)| one.start < one.end);
        let scale = length.as_secs_f64() / segment.planned.0.max(1) as f64;
        let count = turn.len();
        turn.into_iter()
            .enumerate()
            .map(|(number, (sentence, one))| {
                let (start, end) = if as_planned {
                    let at =
                        |moment: Millis| Duration::from_secs_f64((moment.0 - from) as f64 * scale);
                    (at(one.start), at(one.end))
                } else {
                    let place = |part: f64| length.mul_f64(part / (count as f64 + 1.0));
                    (place(number as f64 + 0.5), place(number as f64 + 1.2))
                };
                Cue { sentence, start: began + start, end: began + end }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proceedings::testing;

    fn sentence(speaker: &str, segment: &str, start: u64, end: u64) -> Sentence {
        Sentence {
            speaker: testing::parsed(speaker),
            segment: testing::parsed(segment),
            language: Language::new("en").expect("a tag"),
            said: format!("{speaker} at {start}."),
            start: Millis::from_secs(start),
            end: Millis::from_secs(end),
            verb: ReportingVerb::Said,
            words: BTreeMap::new(),
        }
    }

    /// Places of the sentences of a ten-second turn, in milliseconds.
    fn places(sentences: Vec<Sentence>) -> Vec<(u128, u128)> {
        let event = testing::reference_event();
        let script = Script { notes: "{}".to_owned(), sentences };
        let began = Instant::now();
        let turn = (began, Duration::from_secs(10));
        let cues = script.cues(&event, &event.segments[1], None, turn);
        let ms = |at: Instant| (at - began).as_millis();
        cues.iter().map(|cue| (ms(cue.start), ms(cue.end))).collect()
    }

    #[test]
    fn sentences_keep_their_places_in_the_segment() {
        let event = testing::reference_event();
        let (opening, address) = (&event.segments[0], &event.segments[1]);
        let (from, planned) = (opening.planned.0 / 1_000, address.planned.0 / 1_000);
        let (segment, middle) = (address.id.as_str(), from + planned / 2);
        let said = |start, end| sentence("ganich", segment, start, end);
        let elsewhere = sentence("kazi", opening.id.as_str(), 1, 2);
        let placed = places(vec![said(middle, middle + planned / 10), elsewhere]);
        assert_eq!(placed, [(5_000, 6_000)]);
        // One that was planned for another part of the event comes in its turn all the same.
        let placed = places(vec![said(1, 2), said(middle, middle + 1)]);
        assert_eq!(placed, [(1_666, 4_000), (5_000, 7_333)]);
    }

    #[test]
    fn a_person_speaks_their_own_sentences() {
        let sentences = vec![
            sentence("kazi", "a", 1, 2),
            sentence("ganich", "b", 3, 4),
            sentence("kazi", "c", 5, 6),
        ];
        let script = Script { notes: String::new(), sentences };
        let (_, text) = script.speech(&testing::parsed("kazi")).expect("kazi speaks");
        assert_eq!(text, "kazi at 1. kazi at 5.");
        assert_eq!(script.speech(&testing::parsed("sehgal")), None);
    }
}
