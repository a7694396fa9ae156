//! When what was said was on the record, and whom the audience heard then. It follows from the
//! proceedings alone, so that who said something is never guessed.

use std::collections::VecDeque;

use base::{PersonId, SegmentId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::definition::RecordStatus;

/// Stretches kept of each kind. A moderator who changes something every ten seconds for a day
/// makes fewer; beyond it the oldest are forgotten, and nothing new can be attributed to them.
const RUNS_MAX: usize = 10_000;

/// A stretch of one segment under one record status, never off the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Run {
    /// Which segment.
    pub segment: SegmentId,
    /// Under which status.
    pub status: RecordStatus,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None` while it goes on.
    pub until: Option<Timestamp>,
}

/// A stretch that is over, in which the audience could hear one person on the record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Voice {
    person: PersonId,
    from: Timestamp,
    until: Timestamp,
}

/// The stretches of an event so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordTime {
    runs: VecDeque<Run>,
    voices: VecDeque<Voice>,
    /// Who can be heard on the record now, and since when.
    audible: Vec<(PersonId, Timestamp)>,
    /// The latest moment noted; a clock that was set back does not fold stretches over others.
    latest: Timestamp,
}

impl RecordTime {
    /// What holds from `at` on: the present segment and its status, unless off the record, and who
    /// can be heard.
    pub(crate) fn note(
        &mut self,
        at: Timestamp,
        now: Option<(&SegmentId, RecordStatus)>,
        heard: &[PersonId],
    ) {
        let at = at.max(self.latest);
        self.latest = at;
        let goes_on = |run: &Run| run.until.is_none() && now == Some((&run.segment, run.status));
        if !self.runs.back().is_some_and(goes_on) {
            if let Some(run) = self.runs.back_mut().filter(|run| run.until.is_none()) {
                run.until = Some(at);
            }
            if self.runs.back().is_some_and(|run| run.until.is_some_and(|until| until <= run.from))
            {
                self.runs.pop_back();
            }
            if let Some((segment, status)) = now {
                let segment = segment.clone();
                self.runs.push_back(Run { segment, status, from: at, until: None });
            }
        }
        let named = matches!(now, Some((_, RecordStatus::OnTheRecord)));
        let heard = if named { heard } else { &[] };
        for (person, from) in self.audible.extract_if(.., |(person, _)| !heard.contains(person)) {
            if from < at {
                self.voices.push_back(Voice { person, from, until: at });
            }
        }
        for person in heard {
            if !self.audible.iter().any(|(other, _)| other == person) {
                self.audible.push((person.clone(), at));
            }
        }
        while self.runs.len() > RUNS_MAX {
            self.runs.pop_front();
        }
        while self.voices.len() > RUNS_MAX {
            self.voices.pop_front();
        }
    }

    /// The stretches in order.
    pub fn runs(&self) -> &VecDeque<Run> {
        &self.runs
    }

    /// The stretch in which the moment lies.
    pub fn run_at(&self, moment: Timestamp) -> Option<&Run> {
        self.runs
            .iter()
            .rev()
            .find(|run| run.from <= moment && run.until.is_none_or(|until| moment < until))
    }

    /// True when all from `start` to `end` was under the status of the stretch `run`, in which
    /// `start` lies.
    pub(crate) fn keeps_status(&self, run: &Run, end: Timestamp) -> bool {
        let mut reached = run.until;
        let after = self.runs.iter().filter(|other| other.from >= run.from).skip(1);
        for next in after {
            match reached {
                Some(until) if until < end => {
                    if next.from > until || next.status != run.status {
                        return false;
                    }
                    reached = next.until;
                }
                _ => break,
            }
        }
        reached.is_none_or(|until| end <= until)
    }

    /// True when the audience could hear the person on the record at some moment of the span.
    pub fn was_heard(&self, person: &PersonId, start: Timestamp, end: Timestamp) -> bool {
        let open = self.audible.iter().any(|(other, from)| other == person && *from < end);
        open || self
            .voices
            .iter()
            .rev()
            .any(|voice| voice.person == *person && voice.from < end && start < voice.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RecordStatus::{ChathamHouseRule, OnTheRecord};

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms)
    }

    #[test]
    fn stretches_follow_each_other() {
        let (talk, questions): (SegmentId, SegmentId) =
            ("talk".parse().expect("an id"), "questions".parse().expect("an id"));
        let people: Vec<PersonId> =
            ["a", "b"].iter().map(|id| id.parse().expect("an id")).collect();
        let mut time = RecordTime::default();
        time.note(at(10), Some((&talk, OnTheRecord)), &people[..1]);
        time.note(at(15), Some((&talk, OnTheRecord)), &people);
        time.note(at(20), Some((&questions, OnTheRecord)), &people[1..]);
        time.note(at(30), Some((&questions, ChathamHouseRule)), &people[1..]);
        time.note(at(40), None, &people);
        time.note(at(50), Some((&questions, OnTheRecord)), &people[..1]);

        let run = |ms| time.run_at(at(ms)).map(|run| (run.segment.as_str(), run.status));
        assert_eq!(run(9), None);
        assert_eq!(run(10), Some(("talk", OnTheRecord)));
        assert_eq!(run(20), Some(("questions", OnTheRecord)));
        assert_eq!(run(39), Some(("questions", ChathamHouseRule)));
        assert_eq!(run(45), None);
        assert_eq!(run(1_000), Some(("questions", OnTheRecord)));

        let keeps = |start, end| time.keeps_status(time.run_at(at(start)).expect("a run"), at(end));
        assert!(keeps(12, 20) && keeps(12, 28), "from one segment to the next on the record");
        assert!(!keeps(12, 35) && !keeps(22, 31), "into the Chatham House Rule");
        assert!(keeps(32, 40) && !keeps(32, 41) && !keeps(32, 60), "over what is off the record");

        let heard = |person: usize, start, end| time.was_heard(&people[person], at(start), at(end));
        assert!(heard(0, 0, 11) && heard(0, 19, 25) && !heard(0, 20, 50) && heard(0, 40, 51));
        assert!(!heard(1, 10, 15) && heard(1, 29, 35), "up to the status in which nobody is named");
        assert!(!heard(1, 30, 90));
    }

    #[test]
    fn stretches_are_bounded() {
        let talk: SegmentId = "talk".parse().expect("an id");
        let person: PersonId = "a".parse().expect("an id");
        let mut time = RecordTime::default();
        for ms in 0..25_000 {
            let status = if ms % 2 == 0 { OnTheRecord } else { ChathamHouseRule };
            time.note(at(ms), Some((&talk, status)), std::slice::from_ref(&person));
        }
        assert_eq!(time.runs.len(), RUNS_MAX);
        assert!(time.voices.len() <= RUNS_MAX);
        assert!(time.run_at(at(24_998)).is_some());
    }
}
