//! Every message between the server and its clients: REST bodies and the live socket.
//!
//! TypeScript comes from here (`web/src/api/types.ts`, written and compared by this crate's test);
//! the prose is docs/PROTOCOL.md. Field names are snake_case, names of variants kebab-case, times
//! are milliseconds since 1970 UTC, lengths are milliseconds, texts in several languages are
//! objects from language tag to text.

mod captions;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod live;
mod press;
mod record;
mod rest;
mod schema;
mod view;

pub use captions::{CaptionAct, CaptionSeat, CaptionSource, PartialCaption, PartialsSection};
pub use live::{ClientMessage, CommandFailure, EndReason, ServerMessage};
pub use press::{MailAgain, MailState, MailTrouble, Mailing, PressList, PressView, Recipient};
pub use record::{
    ClearanceView, CommandAccepted, ProgrammeFile, RecordingsView, ReleaseView, SpanView,
    StatementsView, StoreState, TakeFile, TranscriptView, VerbComplement, VerbView, VersionRow,
    VersionSaved,
};
pub use rest::{ErrorBody, EventSummary, JoinView, LinkIssued, Registration};
pub use view::{
    AudienceSection, CaptionLine, CaptionsSection, EventView, FloorGrant, FloorSection, HandView,
    HandsSection, LifeSection, LineCounts, LineQuality, LinesSection, LobbySection, PersonLine,
    PersonRow, PersonView, ProgrammeSection, RecordingProblem, RecordingSection, RosterSection,
    Section, SegmentNow, SegmentView, SlotsView, StagePerson, StageSection, WaitingView, You,
};
