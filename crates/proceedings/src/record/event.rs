//! What happened to the record.

use std::collections::BTreeSet;

use base::{
    Language, PartyId, PersonId, ReleaseVersion, Revision, SegmentId, StatementId, Timestamp,
    TranscriptLineId,
};
use serde::{Deserialize, Serialize};

use super::command::Clearance;
use super::release::{BoundStatement, ReleaseDefect};
use super::statement::Wording;
use super::verb::ReportingVerb;
use crate::chain::Hash;

/// One fact about the record. Stored for good, like [`crate::Event`], of which it is a part. No
/// field may be named like one of [`crate::Line`], in which it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum RecordEvent {
    /// Something that was said was put down.
    TranscriptLineCommitted {
        /// Its number.
        line: TranscriptLineId,
        /// In which segment it was said.
        segment: SegmentId,
        /// Who said it; nobody's under the Chatham House Rule.
        person: Option<PersonId>,
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
        /// In which language the text is.
        language: Language,
        /// In which language it was said, where the text is an interpreter's.
        interpreted_from: Option<Language>,
        /// The words.
        text: String,
    },
    /// A line was put right.
    TranscriptLineCorrected {
        /// Which.
        line: TranscriptLineId,
        /// Who said it.
        person: Option<PersonId>,
        /// The words.
        text: String,
    },
    /// A line was taken out.
    TranscriptLineStruck {
        /// Which.
        line: TranscriptLineId,
    },

    /// A passage was marked.
    StatementMarked {
        /// Its number.
        statement: StatementId,
        /// In which segment.
        segment: SegmentId,
        /// Whose; nobody's under the Chatham House Rule.
        speaker: Option<PersonId>,
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
        /// In which language it was spoken.
        language: Language,
    },
    /// A statement got another place in the sound, or another speaker.
    StatementMoved {
        /// Which.
        statement: StatementId,
        /// In which segment.
        segment: SegmentId,
        /// Whose.
        speaker: Option<PersonId>,
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
        /// In which language it was spoken.
        language: Language,
    },
    /// A statement got its reporting verb.
    StatementVerbChosen {
        /// Which.
        statement: StatementId,
        /// The verb.
        verb: ReportingVerb,
    },
    /// A statement was worded in one language.
    StatementWorded {
        /// Which.
        statement: StatementId,
        /// In which.
        language: Language,
        /// The wording; `None` took it away.
        wording: Option<Wording>,
    },
    /// Somebody vouched for a statement.
    StatementChecked {
        /// Which.
        statement: StatementId,
        /// As it was.
        revision: Revision,
    },
    /// A statement was sent to its speaker.
    StatementSent {
        /// Which.
        statement: StatementId,
        /// As it was.
        revision: Revision,
        /// By when an answer is asked for.
        deadline: Timestamp,
    },
    /// The speaker, or the speaker's office, answered.
    StatementAnswered {
        /// Which.
        statement: StatementId,
        /// As it was.
        revision: Revision,
        /// The answer.
        clearance: Clearance,
    },
    /// The words that the speaker wanted were taken over.
    StatementCorrectionTaken {
        /// Which.
        statement: StatementId,
    },
    /// A statement was taken back.
    StatementWithdrawn {
        /// Which.
        statement: StatementId,
        /// Why.
        reason: String,
    },
    /// A person may clear statements in a speaker's place, or no longer.
    OfficeChanged {
        /// In whose place.
        speaker: PersonId,
        /// Who.
        office: PersonId,
        /// May they.
        appointed: bool,
    },

    /// What the programme does not say and a release needs was written down.
    ReleaseNotesSaved {
        /// By whom.
        by: PersonId,
        /// SHA-256 of the document.
        document: Hash,
    },
    /// A version of the release was saved. It has no approvals.
    ReleaseSaved {
        /// Its number.
        version: ReleaseVersion,
        /// By whom.
        by: PersonId,
        /// SHA-256 of the document.
        document: Hash,
        /// The languages that it is written in.
        languages: BTreeSet<Language>,
        /// The statements that it is bound to.
        statements: Vec<BoundStatement>,
        /// SHA-256 of each text bound to nothing.
        #[cfg_attr(feature = "typescript", ts(type = "string[]"))]
        unbound: BTreeSet<Hash>,
        /// What else forbids to issue it.
        defects: BTreeSet<ReleaseDefect>,
    },
    /// Somebody answers for a text that is bound to nothing.
    UnboundTextAccepted {
        /// SHA-256 of the text.
        text: Hash,
        /// Why it may stand.
        reason: String,
    },
    /// A party approved a version.
    ReleaseApproved {
        /// Which.
        version: ReleaseVersion,
        /// SHA-256 of its document.
        document: Hash,
        /// Which party.
        party: PartyId,
    },
    /// A party took its approval back.
    ApprovalWithdrawn {
        /// Of which version.
        version: ReleaseVersion,
        /// Which party.
        party: PartyId,
    },
    /// The embargo was set, moved or lifted.
    EmbargoSet {
        /// Until when.
        until: Option<Timestamp>,
    },
    /// The release, or a corrigendum, was issued.
    ReleaseIssued {
        /// Which version.
        version: ReleaseVersion,
        /// SHA-256 of its document.
        document: Hash,
        /// What was corrected, if it is a corrigendum.
        correction: Option<String>,
        /// Until when it is not for the public.
        embargo: Option<Timestamp>,
    },
    /// The embargo of what was issued ended.
    EmbargoLifted,
    /// What was issued was recalled.
    ReleaseKilled {
        /// What editors are told.
        reason: String,
    },

    /// From now on everybody may read the record.
    RecordPublished,
    /// The record was taken back from the public.
    RecordWithdrawn,
}
