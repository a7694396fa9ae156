//! The record of an event for everybody: a page that needs no script, the transcript as text and
//! as captions, captions and chapters for each file of the recording.
//!
//! What is public follows from the facts alone. On the record everything that was said and cleared
//! is there, with the names of those who may be named. Under the Chatham House Rule the words may
//! stand, without name, time and sound, and names in them are struck out. Off the record there is
//! nothing.

mod page;
mod words;

use base::{Language, Millis, SegmentId, Timestamp};
use proceedings::RecordStatus;

use super::{web_vtt, words as frame_words};
use crate::dates::clock;
use crate::facts::{Facts, Line};
use crate::names::Names;
use crate::release::Span;
use crate::text::clean;

pub use page::{absent, page};

/// How long after the moment asked for the recording may begin and still be taken for its place,
/// in milliseconds: a part begins in the proceedings a moment before its first packet.
const GAP_MS_MAX: u64 = 5_000;

/// Everything that the page of a record shows.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The event, its people, its statements.
    pub facts: &'a Facts,
    /// The parts as they were held, in order.
    pub stretches: &'a [Stretch],
    /// The transcript, without what was struck.
    pub lines: &'a [Line],
    /// The files of the recording that the public may have: on the record and nothing else.
    pub media: &'a [Media],
    /// When it was closed.
    pub closed: Timestamp,
    /// When the record was published.
    pub published: Timestamp,
    /// Languages of the release, if the public may read one.
    pub release: &'a [Language],
    /// Where all this stands.
    pub addresses: &'a Addresses,
}

/// A stretch of one part under one record status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Which part.
    pub segment: SegmentId,
    /// Its status then.
    pub status: RecordStatus,
    /// From the opening.
    pub span: Span,
}

/// A file of the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Its name within the recording.
    pub file: String,
    /// It has a picture; else it is sound alone.
    pub picture: bool,
    /// Its stretches without a break, in order.
    pub spans: Vec<MediaSpan>,
}

/// A stretch of a file without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaSpan {
    /// Where in the file it begins.
    pub at: Millis,
    /// When that was, from the opening.
    pub span: Span,
}

/// Addresses of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Where people reach the server, without a slash at the end.
    pub origin: String,
    /// Path of the event's page, as `/e/russian-diplomats-day`.
    pub event: String,
    /// Path of the script, if it was built.
    pub script: Option<String>,
    /// Paths of the style sheets.
    pub styles: Vec<String>,
}

impl Addresses {
    fn record(&self) -> String {
        format!("{}/record", self.event)
    }

    fn file(&self, media: &Media) -> String {
        format!("{}/record/media/{}", self.event, media.file)
    }
}

impl Media {
    /// Where in the file a moment lies.
    fn place(&self, moment: Millis) -> Option<Millis> {
        let span = self.spans.iter().find(|span| moment < span.span.end)?;
        let early = span.span.start.0.saturating_sub(moment.0);
        let into = moment.0.saturating_sub(span.span.start.0);
        (early <= GAP_MS_MAX).then_some(Millis(span.at.0 + into))
    }
}

impl Record<'_> {
    /// The file in which a moment lies, by its place, and where.
    fn place(&self, moment: Millis) -> Option<(&Media, Millis)> {
        self.media.iter().find_map(|media| Some((media, media.place(moment)?)))
    }

    /// Languages in which there is something to read, in the order of the event's.
    pub fn transcribed(&self) -> Vec<&Language> {
        let there =
            |language: &&Language| self.lines.iter().any(|line| line.language == **language);
        self.facts.event.languages.iter().filter(there).collect()
    }

    /// The transcript as somebody who reads `language` wants it: what was said or interpreted in
    /// it, and where there is nothing in it the other languages in the order of the event's.
    fn transcript(&self, language: &Language) -> Vec<&Line> {
        let others = self.facts.event.languages.iter().filter(|other| *other != language);
        let mut chosen: Vec<&Line> = Vec::new();
        for preferred in std::iter::once(language).chain(others) {
            // Those chosen before, in order, and how far they and all before them reach.
            chosen.sort_by_key(|line| (line.start, line.end));
            let mut reach = Millis(0);
            let reached: Vec<Millis> = chosen
                .iter()
                .map(|line| {
                    reach = reach.max(line.end);
                    reach
                })
                .collect();
            // People interrupt each other: what is told twice is told in the middle, too.
            let free = |line: &&Line| {
                let middle = Millis(line.start.0 / 2 + line.end.0 / 2);
                let before = chosen.partition_point(|other| other.start <= middle);
                before == 0 || reached[before - 1] <= middle
            };
            let of = self.lines.iter().filter(|line| line.language == *preferred);
            let more: Vec<&Line> = of.filter(free).collect();
            chosen.extend(more);
        }
        chosen.retain(|line| line.record != RecordStatus::OffTheRecord);
        chosen.sort_by_key(|line| (line.start, line.end));
        chosen
    }

    /// The transcript in `language` as text.
    pub fn text(&self, language: &Language) -> String {
        let (facts, labels) = (self.facts, words::labels(language));
        let (names, nameable, titles) =
            (Names::new(facts), facts.nameable(), self.titles(language));
        let best = |text: &base::Localized| {
            clean(text.best(language, &facts.event.languages).unwrap_or_default())
        };
        let mut out = format!("{}\n{}\n", best(&facts.event.title), self.held(language));
        let lines = self.transcript(language);
        for stretch in self.stretches {
            out.push_str(&format!(
                "\n{}. {}\n",
                titles.get(&stretch.segment).map_or("", String::as_str),
                labels.status(stretch.status)
            ));
            let rule = stretch.status == RecordStatus::ChathamHouseRule;
            for line in lines.iter().filter(|line| stretch.holds(line)) {
                let withheld = frame_words(&line.language).labels.name_withheld;
                let text = clean(&names.redacted(&clean(&line.text), rule, withheld));
                if rule {
                    out.push_str(&format!("{text}\n"));
                } else {
                    let at = clock(facts.event.opened, line.start, &facts.event.time_zone);
                    out.push_str(&format!(
                        "[{at}] {}: {text}\n",
                        self.speaker(line, &nameable, language)
                    ));
                }
            }
        }
        out
    }

    /// The transcript in `language` as captions (WebVTT), counted from the opening. Under the
    /// Chatham House Rule a time would tell who spoke, so there is no cue.
    pub fn captions(&self, language: &Language) -> String {
        let lines: Vec<Line> = self.attributed().cloned().collect();
        web_vtt::captions(self.facts, &lines, language)
    }

    /// The captions of one file of the recording; `None` when there is no such file.
    pub fn captions_of(&self, file: usize, language: &Language) -> Option<String> {
        let media = self.media.get(file)?;
        let lines: Vec<Line> = self
            .attributed()
            .filter_map(|line| {
                let start = media.place(line.start)?;
                let length = line.end.0.saturating_sub(line.start.0);
                Some(Line { start, end: Millis(start.0 + length), ..line.clone() })
            })
            .collect();
        Some(web_vtt::captions(self.facts, &lines, language))
    }

    /// The chapters of one file of the recording; `None` when there is no such file.
    pub fn chapters_of(&self, file: usize, language: &Language) -> Option<String> {
        let media = self.media.get(file)?;
        let last = media.spans.last()?;
        let end = Millis(last.at.0 + last.span.end.0.saturating_sub(last.span.start.0));
        let titles = self.titles(language);
        let begun: Vec<(Millis, &str)> = self
            .stretches
            .iter()
            .filter(|stretch| stretch.status == RecordStatus::OnTheRecord)
            .filter_map(|stretch| {
                let at = media.place(stretch.span.start)?;
                Some((at, titles.get(&stretch.segment)?.as_str()))
            })
            .collect();
        let ends = begun.iter().skip(1).map(|(at, _)| *at).chain([end]);
        let cues = begun.iter().zip(ends).map(|((at, title), end)| (*at, end, *title));
        Some(web_vtt::cues(language, cues))
    }

    fn attributed(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.record == RecordStatus::OnTheRecord)
    }
}

impl Stretch {
    fn holds(&self, line: &Line) -> bool {
        self.status == line.record && self.span.start <= line.start && line.start < self.span.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(spans: &[(u64, u64, u64)]) -> Media {
        let spans = spans.iter().map(|(at, start, end)| MediaSpan {
            at: Millis(*at),
            span: Span { start: Millis(*start), end: Millis(*end) },
        });
        Media { file: "programme-001.webm".to_owned(), picture: true, spans: spans.collect() }
    }

    #[test]
    fn moments_have_a_place_in_one_file() {
        let file = media(&[(0, 2_000, 10_000), (8_000, 60_000, 90_000)]);
        let place = |ms| file.place(Millis(ms)).map(|at| at.0);
        assert_eq!(place(2_000), Some(0));
        assert_eq!(place(9_999), Some(7_999));
        assert_eq!(place(500), Some(0), "it began a moment later");
        assert_eq!(place(20_000), None, "in the break");
        assert_eq!(place(58_000), Some(8_000));
        assert_eq!(place(61_500), Some(9_500));
        assert_eq!(place(90_000), None);
    }
}
