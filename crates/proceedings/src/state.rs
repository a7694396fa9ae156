//! The state of an event: the fold of its proceedings.

use std::collections::{BTreeMap, BTreeSet};

use base::{ConnectionId, Millis, PersonId, Sequence, Timestamp};
use serde::{Deserialize, Serialize};

use crate::definition::{EventDefinition, Person, RecordStatus};
use crate::record::Record;

/// Where an event stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Life {
    /// Announced; nobody is heard.
    Scheduled,
    /// Speakers meet out of the audience's hearing.
    GreenRoom,
    /// The audience watches and hears.
    Live,
    /// Stopped by the moderator; the audience sees a notice.
    Suspended,
    /// Over for good.
    Closed,
}

/// Everything that is so in an event at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventState {
    /// The event as planned, with people who registered since kept in [`Self::people`].
    pub definition: EventDefinition,
    /// Number of the last line applied.
    pub sequence: Sequence,
    /// Where the event stands.
    pub life: Life,
    /// When it went live.
    pub opened_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Set while the event is suspended.
    pub suspension: Option<Suspension>,
    /// Nobody new comes in.
    pub locked: bool,
    /// Everybody the event knows, by id; those of the programme file first had their order there.
    pub people: BTreeMap<PersonId, Attendance>,
    /// Where the programme stands.
    pub programme: ProgrammeState,
    /// Who has the floor.
    pub floor: Option<Grant>,
    /// Who may be heard beside the holder, in the order allowed.
    pub answering: Vec<PersonId>,
    /// Raised hands, first come first.
    pub hands: Vec<Hand>,
    /// Who is on stage, in the order they came. It follows from [`Attendance::stage`] and is kept
    /// because every packet's way depends on it and [`Self::people`] may be long.
    pub stage: Vec<PersonId>,
    /// Participants who are admitted and here, kept for the same reason.
    pub participants_present: usize,
    /// Transcript, statements, release.
    pub record: Record,
}

/// A suspension of the whole event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub since: Timestamp,
    /// What the audience is told.
    pub reason: Option<String>,
}

/// A person's part in the event so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendance {
    /// Who.
    pub person: Person,
    /// True for those who registered on the public page.
    pub registered: bool,
    /// May they watch and hear.
    pub admission: Admission,
    /// Live connections.
    pub connections: BTreeSet<ConnectionId>,
    /// First arrival.
    pub arrived_at: Option<Timestamp>,
    /// Since when they wait in the lobby.
    pub waiting_since: Option<Timestamp>,
    /// Place on the stage, if any.
    pub stage: StagePlace,
    /// Their microphone.
    pub microphone: Microphone,
    /// Their camera is on.
    pub camera: bool,
    /// They share a screen.
    pub screen: bool,
}

/// May a person watch and hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Admission {
    /// Has a link, has not come yet.
    Invited,
    /// Waits in the lobby.
    Waiting,
    /// May watch and hear.
    Admitted,
    /// Put out until readmitted.
    Suspended,
    /// Put out for good.
    Removed,
}

/// Place on the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum StagePlace {
    /// In the audience, or not here.
    None,
    /// On stage for as long as they have the floor.
    Guest,
    /// On stage.
    Member,
}

/// A person's microphone as the proceedings know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Microphone {
    /// Off by its owner.
    Off,
    /// On.
    On,
    /// Off by the moderator; the owner cannot turn it on.
    Muted,
}

/// Where the programme stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgrammeState {
    /// Index of the present segment; `None` before the opening.
    pub current: Option<usize>,
    /// One for each segment of the definition, in order.
    pub segments: Vec<SegmentProgress>,
    /// Who had the floor or could answer since the present segment began. The programme gives a
    /// late speaker their right by itself only once, so that nobody takes back a floor that the
    /// moderator took from them by leaving and entering the stage.
    pub heard: BTreeSet<PersonId>,
}

/// How far one segment has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentProgress {
    /// When it began (the last time, if it was returned to).
    pub began_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Time it took in runs that are over: before it ended, before the moderator returned to it,
    /// or before the event was suspended. [`Self::spent`] adds the run that goes on.
    pub spent_before: Millis,
    /// Since when its clock runs without a break; `None` while it stands.
    pub running_since: Option<Timestamp>,
    /// Extensions given.
    pub extended_by: Millis,
    /// Record status, as planned or as changed since.
    pub record_status: RecordStatus,
}

/// The right to speak now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who has it.
    pub person: PersonId,
    /// Since when.
    pub since: Timestamp,
    /// For how long, if limited.
    pub limit: Option<Millis>,
}

/// A raised hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    /// Whose.
    pub person: PersonId,
    /// Since when.
    pub since: Timestamp,
}
