//! What was said, as it was typed or recognised.

use base::{Language, PersonId, SegmentId, Sequence, Timestamp, TranscriptLineId};
use serde::{Deserialize, Serialize};

/// A line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TranscriptLine {
    /// Its number.
    pub id: TranscriptLineId,
    /// In which segment it was said.
    pub segment: SegmentId,
    /// Who said it; nobody's under the Chatham House Rule.
    pub person: Option<PersonId>,
    /// From when, by the event's clock.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// In which language the text is.
    pub language: Language,
    /// In which language it was said, where the text is an interpreter's.
    pub interpreted_from: Option<Language>,
    /// The words, as corrected last.
    pub text: String,
    /// Taken out: it is shown to nobody but those who may correct it.
    pub struck: bool,
    /// Number of the line of the proceedings that changed it last.
    pub changed: Sequence,
}
