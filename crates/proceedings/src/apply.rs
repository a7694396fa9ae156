//! The fold: how each event changes the state.

use base::{Millis, PersonId, Timestamp};

use crate::{Event, EventDefinition, EventState, RecordStatus};

impl EventState {
    /// The state after `EventCreated`, the first line.
    pub fn new(definition: EventDefinition) -> Self {
        let _ = definition;
        todo!()
    }

    /// Applies one event that happened at `at` and counts the line.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        let _ = (at, event);
        todo!()
    }

    /// The record status that holds now: that of the present segment while live, off the record
    /// at any other time.
    pub fn record_status(&self) -> RecordStatus {
        todo!()
    }

    /// Time spent in the present segment so far, and its length with extensions.
    pub fn segment_time(&self, now: Timestamp) -> Option<(Millis, Millis)> {
        let _ = now;
        todo!()
    }

    /// True when at least one connection of the person is up.
    pub fn is_present(&self, person: &PersonId) -> bool {
        let _ = person;
        todo!()
    }
}
