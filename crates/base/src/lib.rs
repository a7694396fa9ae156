//! Words shared by every crate: identifiers, languages, localised text, time, randomness and the
//! limits that bound everything.
//!
//! Nothing here reads a clock, draws randomness or does I/O: time and randomness are handed in
//! ([`Clock`], [`Random`]) so that every machine built on this crate can be replayed.

mod ids;
mod language;
pub mod limits;
mod random;
mod time;

pub use ids::{
    ConnectionId, EventId, IdError, PartyId, PersonId, ReleaseVersion, Revision, SegmentId,
    Sequence, StatementId, TranscriptLineId,
};
pub use language::{Language, LanguageError, Localized};
pub use random::{Random, SplitMix};
pub use time::{Clock, ManualClock, Millis, Timestamp};
