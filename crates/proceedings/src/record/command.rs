//! What captioners, rapporteurs, speakers and parties ask for.

use std::collections::{BTreeMap, BTreeSet};

use base::{
    Language, PersonId, ReleaseVersion, Revision, StatementId, Timestamp, TranscriptLineId,
};
use serde::{Deserialize, Serialize};

use super::release::{BoundStatement, ReleaseDefect};
use super::statement::Wording;
use super::verb::ReportingVerb;
use crate::chain::Hash;

/// A wish about the record. Those marked *server* come from [`crate::Actor::Server`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum RecordCommand {
    // The transcript.
    /// Puts down what was said.
    CommitTranscriptLine {
        /// Who said it: somebody whom the audience heard in that time. Dropped under the Chatham
        /// House Rule, needed on the record.
        person: Option<PersonId>,
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
        /// In which language the text is.
        language: Language,
        /// In which language it was said, where the text is an interpreter's.
        #[serde(default)]
        interpreted_from: Option<Language>,
        /// The words.
        text: String,
    },
    /// Puts a line right. Captioners may correct the last ones of a language, the desk any.
    CorrectTranscriptLine {
        /// Which.
        line: TranscriptLineId,
        /// Who said it.
        person: Option<PersonId>,
        /// The words.
        text: String,
    },
    /// Takes a line out.
    StrikeTranscriptLine {
        /// Which.
        line: TranscriptLineId,
    },

    // Statements.
    /// Marks a passage.
    MarkStatement {
        /// Whose; dropped under the Chatham House Rule, needed on the record.
        speaker: Option<PersonId>,
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
        /// In which language it was spoken.
        language: Language,
    },
    /// Changes a statement; it is a draft again then.
    EditStatement {
        /// Which.
        statement: StatementId,
        /// As the writer saw it.
        revision: Revision,
        /// What to change.
        edit: StatementEdit,
    },
    /// Vouches that the statement is what the sound says.
    CheckStatement {
        /// Which.
        statement: StatementId,
        /// As it was compared.
        revision: Revision,
    },
    /// Sends a checked statement to its speaker, or sets another deadline.
    SendForClearance {
        /// Which.
        statement: StatementId,
        /// As it is sent.
        revision: Revision,
        /// By when an answer is asked for.
        deadline: Timestamp,
    },
    /// The speaker's answer.
    AnswerClearance {
        /// Which.
        statement: StatementId,
        /// As the speaker saw it.
        revision: Revision,
        /// The answer.
        clearance: Clearance,
    },
    /// Takes over the words that the speaker wants; whoever does has compared them with the sound.
    TakeCorrection {
        /// Which.
        statement: StatementId,
        /// As it was corrected.
        revision: Revision,
    },
    /// Takes a statement back for good.
    WithdrawStatement {
        /// Which.
        statement: StatementId,
        /// Why.
        reason: String,
    },
    /// Lets a person clear statements in a speaker's place, or ends that.
    SetOffice {
        /// In whose place.
        speaker: PersonId,
        /// Who.
        office: PersonId,
        /// May they.
        appointed: bool,
    },

    // The release.
    /// *Server.* Takes what the programme does not say and a release needs: how people are
    /// addressed the second time, the house's own paragraphs. The document is kept already.
    SaveReleaseNotes {
        /// Whose notes they are.
        by: PersonId,
        /// SHA-256 of the document.
        document: Hash,
    },
    /// *Server.* Saves a version whose document is kept already. The server has read it, and says
    /// what it is bound to.
    SaveRelease {
        /// Whose version it is.
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
        /// What else is wrong with it.
        defects: BTreeSet<ReleaseDefect>,
    },
    /// Answers for a text of the last version that is bound to nothing.
    AcceptUnboundText {
        /// SHA-256 of the text.
        text: Hash,
        /// Why it may stand.
        reason: String,
    },
    /// Approves the last version for one's party.
    ApproveRelease {
        /// Which.
        version: ReleaseVersion,
        /// SHA-256 of its document, as the approver saw it.
        document: Hash,
    },
    /// Takes one's party's approval back.
    WithdrawApproval {
        /// Of which version.
        version: ReleaseVersion,
    },
    /// Sets until when the release is not for the public, or lifts that.
    SetEmbargo {
        /// The moment; `None` lifts it.
        until: Option<Timestamp>,
    },
    /// Issues the last version.
    IssueRelease {
        /// Which.
        version: ReleaseVersion,
        /// SHA-256 of its document.
        document: Hash,
        /// What was corrected; needed when something was issued before.
        #[serde(default)]
        correction: Option<String>,
    },
    /// *Server.* The embargo ends by itself.
    LiftEmbargo,
    /// Recalls what was issued: editors are told not to use it.
    KillRelease {
        /// What editors are told.
        reason: String,
    },

    // The record's page.
    /// Lets everybody read the record of a closed event.
    PublishRecord,
    /// Takes the record back from the public.
    WithdrawRecord,
}

/// A change of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum StatementEdit {
    /// Where it stands in the sound, and whose it is. The segment follows from the time.
    Span {
        /// Whose.
        speaker: Option<PersonId>,
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
        /// In which language it was spoken.
        language: Language,
    },
    /// How it is reported.
    Verb {
        /// The verb.
        verb: ReportingVerb,
    },
    /// What it says in one language.
    Wording {
        /// In which.
        language: Language,
        /// The wording; `None` takes it away.
        wording: Option<Wording>,
    },
}

/// A speaker's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Clearance {
    /// It may be released as it is.
    Cleared,
    /// It may be released in these words.
    Corrected {
        /// The words, in languages that the statement has.
        wordings: BTreeMap<Language, String>,
        /// What the speaker adds.
        reason: Option<String>,
    },
    /// It may not be released.
    Withheld {
        /// Why.
        reason: Option<String>,
    },
}
