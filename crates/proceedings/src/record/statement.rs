//! Statements: attributed passages with their place in the sound.

use std::collections::BTreeMap;

use base::{Language, PersonId, Revision, SegmentId, Sequence, StatementId, Timestamp};
use serde::{Deserialize, Serialize};

use super::verb::ReportingVerb;

/// An attributed passage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Statement {
    /// Its number.
    pub id: StatementId,
    /// In which segment it was made.
    pub segment: SegmentId,
    /// Who made it; nobody under the Chatham House Rule.
    pub speaker: Option<PersonId>,
    /// From when, by the event's clock.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// In which language it was spoken; its wording there prevails.
    pub language: Language,
    /// How it is reported; chosen before it is checked.
    pub verb: Option<ReportingVerb>,
    /// What the record says, by language.
    pub wordings: BTreeMap<Language, Wording>,
    /// How often it was changed.
    pub revision: Revision,
    /// How far it has come.
    pub life: StatementLife,
    /// Number of the line of the proceedings that changed it last.
    pub changed: Sequence,
}

/// A statement in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "form", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Wording {
    /// Indirect speech, after the verb.
    Indirect {
        /// As "that Moscow was confident of good relations".
        text: String,
    },
    /// The speaker's own words.
    Verbatim {
        /// The words, without quotation marks around them.
        text: String,
        /// They differ from the transcript because somebody listened and knows better.
        corrected_by_ear: bool,
    },
}

impl Wording {
    /// The words.
    pub fn text(&self) -> &str {
        match self {
            Self::Indirect { text } | Self::Verbatim { text, .. } => text,
        }
    }
}

/// How far a statement has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum StatementLife {
    /// Marked, perhaps worded; nobody has vouched for it.
    Drafted,
    /// Somebody compared it with the sound.
    Checked,
    /// With the speaker or the speaker's office.
    Sent {
        /// By when an answer is asked for. It is shown; a late answer counts too, and silence
        /// clears nothing.
        deadline: Timestamp,
    },
    /// The speaker stands by it as it is.
    Cleared,
    /// The speaker wants other words, which the desk has to take over or to talk about.
    Corrected {
        /// The words wanted.
        wordings: BTreeMap<Language, String>,
        /// What the speaker adds.
        reason: Option<String>,
    },
    /// The speaker does not want it released.
    Withheld {
        /// Why, if told.
        reason: Option<String>,
    },
    /// Taken back by the desk.
    Withdrawn {
        /// Why.
        reason: String,
    },
}

impl StatementLife {
    /// True once it was sent to the speaker, who may answer again at any time.
    pub fn is_with_speaker(&self) -> bool {
        matches!(
            self,
            Self::Sent { .. } | Self::Cleared | Self::Corrected { .. } | Self::Withheld { .. }
        )
    }
}
