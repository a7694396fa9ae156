//! The domain of Plenary as a pure state machine.
//!
//! Everything that happens in an event is a [`Line`] in its append-only **proceedings**. A
//! [`Command`] by an [`Actor`] is judged against the [`EventState`] at a given moment: [`decide`]
//! answers with the [`Event`]s that follow from it, or with a typed [`Refusal`]. [`EventState`] is
//! the fold of all events ([`EventState::apply`]), so the state after a restart equals the state
//! before. There is no clock, no randomness and no I/O here.

mod apply;
mod chain;
mod command;
mod decide;
mod definition;
mod event;
mod hearing;
mod record;
mod refusal;
mod state;
#[cfg(feature = "testing")]
pub mod testing;

pub use chain::{Broken, BrokenAt, Hash, HashError, Line, Tip, chain, verify, verify_after};
pub use command::{Actor, Command};
pub use decide::decide;
pub use definition::{
    EventDefinition, LobbyPolicy, Party, Person, Policy, RecordStatus, Role, Segment, SegmentKind,
};
pub use event::Event;
pub use hearing::{Hearing, Recording, Source};
pub use record::{
    Acceptance, BoundStatement, Clearance, DraftVersion, Issue, Kill, Published, Record,
    RecordCommand, RecordEvent, RecordStanding, RecordTime, ReleaseDefect, ReleaseState,
    ReportingVerb, Run, Statement, StatementEdit, StatementLife, Tone, TranscriptLine, Wording,
};
pub use refusal::Refusal;
pub use state::{
    Admission, Attendance, EventState, Grant, Hand, Life, Microphone, ProgrammeState,
    SegmentProgress, StagePlace, Suspension,
};
