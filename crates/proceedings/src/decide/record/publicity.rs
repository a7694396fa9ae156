//! Whether the public may read the record. What stands in it follows from the proceedings alone.

use base::Timestamp;

use super::super::Verdict;
use crate::{Event, EventState, Life, RecordEvent, Refusal};

/// Only what is over can be published, and nothing that an embargo holds back comes out this way.
pub(super) fn publish(state: &EventState, now: Timestamp) -> Verdict {
    if state.life != Life::Closed {
        return Err(Refusal::NotClosed);
    }
    if state.record.standing.is_public() {
        return Err(Refusal::NothingToDo);
    }
    if state.record.release.embargo.is_some_and(|until| now < until) {
        return Err(Refusal::EmbargoHolds);
    }
    Ok(vec![Event::Record(RecordEvent::RecordPublished)])
}

pub(super) fn withdraw(state: &EventState) -> Verdict {
    if !state.record.standing.is_public() {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::Record(RecordEvent::RecordWithdrawn)])
}
