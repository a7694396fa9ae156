//! What happened. Events are facts: they are never refused, only applied.

use base::{ConnectionId, Millis, PersonId, SegmentId};
use serde::{Deserialize, Serialize};

use crate::definition::{EventDefinition, Person, RecordStatus};
use crate::record::RecordEvent;
use crate::state::Life;

/// One fact of the proceedings. The serialised form is stored for good: variants and fields may
/// be added, never renamed or re-used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Event {
    /// The first line of every proceedings.
    EventCreated {
        /// The event as planned.
        definition: Box<EventDefinition>,
    },
    /// The green room opened.
    GreenRoomOpened,
    /// The event went live.
    EventOpened,
    /// The event was suspended.
    EventSuspended {
        /// What the audience was told.
        reason: Option<String>,
    },
    /// The event went on.
    EventResumed,
    /// The event ended.
    EventClosed,

    /// A person registered.
    PersonRegistered {
        /// Who.
        person: Box<Person>,
    },
    /// A connection came up.
    PersonArrived {
        /// Who.
        person: PersonId,
        /// By which connection.
        connection: ConnectionId,
    },
    /// A connection went down.
    PersonDeparted {
        /// Who.
        person: PersonId,
        /// Which connection.
        connection: ConnectionId,
    },
    /// The server started anew; every connection of before is gone.
    ServerRestarted,
    /// A person waits in the lobby.
    PersonWaiting {
        /// Who.
        person: PersonId,
    },
    /// A person may watch and hear.
    PersonAdmitted {
        /// Who.
        person: PersonId,
    },
    /// A person was put out for the time being.
    PersonSuspended {
        /// Who.
        person: PersonId,
    },
    /// A person was put out for good.
    PersonRemoved {
        /// Who.
        person: PersonId,
    },
    /// A suspended or removed person may come in again.
    PersonReadmitted {
        /// Who.
        person: PersonId,
    },
    /// The event was locked.
    EventLocked,
    /// The lock ended.
    EventUnlocked,

    /// A person took a place on the stage.
    StageEntered {
        /// Who.
        person: PersonId,
        /// Only for as long as they have the floor.
        guest: bool,
    },
    /// A person left the stage.
    StageLeft {
        /// Who.
        person: PersonId,
    },

    /// A segment began.
    SegmentBegan {
        /// Which.
        segment: SegmentId,
    },
    /// A segment ended.
    SegmentEnded {
        /// Which.
        segment: SegmentId,
    },
    /// A segment was given more time.
    SegmentExtended {
        /// Which.
        segment: SegmentId,
        /// How much more.
        by: Millis,
    },
    /// A segment's record status changed.
    RecordStatusChanged {
        /// Which.
        segment: SegmentId,
        /// To what.
        status: RecordStatus,
    },

    /// A person was given the floor.
    FloorGiven {
        /// Who.
        person: PersonId,
        /// For how long.
        limit: Option<Millis>,
    },
    /// The floor is with nobody.
    FloorTaken {
        /// Who had it.
        person: PersonId,
    },
    /// A person may be heard beside the holder, or no longer.
    AnsweringChanged {
        /// Who.
        person: PersonId,
        /// Allowed or not.
        allowed: bool,
    },
    /// A hand was raised.
    HandRaised {
        /// Whose.
        person: PersonId,
    },
    /// A hand went down: withdrawn, dismissed or answered with the floor.
    HandLowered {
        /// Whose.
        person: PersonId,
    },

    /// A microphone went on or off by its owner.
    MicrophoneChanged {
        /// Whose.
        person: PersonId,
        /// On or off.
        on: bool,
    },
    /// A camera went on or off.
    CameraChanged {
        /// Whose.
        person: PersonId,
        /// On or off.
        on: bool,
    },
    /// A screen is shared or no longer.
    ScreenChanged {
        /// Whose.
        person: PersonId,
        /// Shared or not.
        on: bool,
    },
    /// A moderator muted a person.
    PersonMuted {
        /// Whom.
        person: PersonId,
    },
    /// A muted person may turn the microphone on again.
    MicrophoneAllowed {
        /// Whom.
        person: PersonId,
    },

    /// Something about the record: transcript, statements, release.
    #[serde(untagged)]
    Record(RecordEvent),
}

impl Event {
    /// Where the event stands after this, if it changes that.
    pub fn leads_to(&self) -> Option<Life> {
        match self {
            Self::EventCreated { .. } => Some(Life::Scheduled),
            Self::GreenRoomOpened => Some(Life::GreenRoom),
            Self::EventOpened | Self::EventResumed => Some(Life::Live),
            Self::EventSuspended { .. } => Some(Life::Suspended),
            Self::EventClosed => Some(Life::Closed),
            _ => None,
        }
    }
}
