//! The record in the making: transcript, statements, clearance, release, recordings. docs/RECORD.md
//! tells who reads what.
//!
//! `changed` is the number of the last line of the proceedings that changed anything of the record;
//! it is the entity tag of these answers, so that asking again with `If-None-Match` costs nothing.

use std::collections::{BTreeMap, BTreeSet};

use base::{Language, Millis, PartyId, PersonId, ReleaseVersion, Sequence, StatementId, Timestamp};
use proceedings::{
    Acceptance, DraftVersion, Hash, Issue, Kill, RecordStanding, RecordStatus, ReportingVerb, Run,
    Statement, Tone, TranscriptLine,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Answer to `POST /api/events/{event}/commands`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct CommandAccepted {
    /// Number of the last line that the command wrote.
    #[schema(value_type = u64)]
    pub sequence: Sequence,
}

/// Answer to `GET /api/events/{event}/transcript`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct TranscriptView {
    /// See the module.
    #[schema(value_type = u64)]
    pub changed: Sequence,
    /// Lines changed after the number asked for, in the order of committing.
    #[schema(value_type = Vec<Object>)]
    pub lines: Vec<TranscriptLine>,
    /// There are more: ask again after the largest `changed` of these lines.
    pub more: bool,
    /// When what was said was on the record, or under the Chatham House Rule.
    #[schema(value_type = Vec<Object>)]
    pub runs: Vec<Run>,
}

/// Answer to `GET /api/events/{event}/statements`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct StatementsView {
    /// See the module.
    #[schema(value_type = u64)]
    pub changed: Sequence,
    /// All statements, in the order of marking.
    #[schema(value_type = Vec<Object>)]
    pub statements: Vec<Statement>,
    /// Who may clear in a speaker's place.
    #[schema(value_type = std::collections::BTreeMap<String, Vec<String>>)]
    #[ts(type = "Record<string, PersonId[]>")]
    pub offices: BTreeMap<PersonId, BTreeSet<PersonId>>,
    /// Statements that were issued and are not cleared any more as they were.
    #[schema(value_type = Vec<u32>)]
    pub overtaken: Vec<StatementId>,
    /// The reporting verbs.
    #[schema(value_type = Vec<Object>)]
    pub verbs: Vec<VerbView>,
    /// Whether the public may read the record.
    #[schema(value_type = Object)]
    pub standing: RecordStanding,
}

/// A reporting verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct VerbView {
    /// Which.
    pub verb: ReportingVerb,
    /// `loaded` is warned of.
    pub tone: Tone,
    /// What follows it.
    pub complement: VerbComplement,
}

/// What follows a reporting verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum VerbComplement {
    /// A clause, after "that".
    Clause,
    /// A phrase: whom somebody thanked, what somebody welcomed.
    Phrase,
    /// A question, as "whether".
    Question,
}

/// Answer to `GET /api/events/{event}/clearance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct ClearanceView {
    /// See the module.
    #[schema(value_type = u64)]
    pub changed: Sequence,
    /// The statements that the reader may answer for and that were sent.
    #[schema(value_type = Vec<Object>)]
    pub statements: Vec<Statement>,
}

/// Answer to `GET /api/events/{event}/release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct ReleaseView {
    /// See the module.
    #[schema(value_type = u64)]
    pub changed: Sequence,
    /// The last version.
    #[schema(value_type = Option<Object>)]
    pub last: Option<DraftVersion>,
    /// All versions, in order.
    #[schema(value_type = Vec<Object>)]
    pub versions: Vec<VersionRow>,
    /// Parties whose approval counts, in order of precedence.
    #[schema(value_type = Vec<String>)]
    pub parties: Vec<PartyId>,
    /// Those that approved the last version.
    #[schema(value_type = Vec<String>)]
    pub approvals: BTreeSet<PartyId>,
    /// Texts of the last version bound to nothing that nobody answers for.
    #[schema(value_type = Vec<String>)]
    pub unaccepted: Vec<Hash>,
    /// Texts that somebody answers for.
    #[schema(value_type = std::collections::BTreeMap<String, Object>)]
    #[ts(type = "Record<string, Acceptance>")]
    pub accepted: BTreeMap<Hash, Acceptance>,
    /// Statements of the last version that are not cleared as they stand in it.
    #[schema(value_type = Vec<u32>)]
    pub uncleared: Vec<StatementId>,
    /// Statements that were issued and are not cleared any more as they were.
    #[schema(value_type = Vec<u32>)]
    pub overtaken: Vec<StatementId>,
    /// SHA-256 of the notes.
    #[schema(value_type = Option<String>)]
    pub notes: Option<Hash>,
    /// Until when the next issue is under embargo.
    #[schema(value_type = Option<i64>)]
    pub embargo: Option<Timestamp>,
    /// What was issued.
    #[schema(value_type = Vec<Object>)]
    pub issues: Vec<Issue>,
    /// The kill notice.
    #[schema(value_type = Option<Object>)]
    pub killed: Option<Kill>,
}

/// A version in the list of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct VersionRow {
    /// Its number.
    pub version: ReleaseVersion,
    /// When it was saved.
    pub at: Timestamp,
    /// By whom.
    pub by: PersonId,
    /// SHA-256 of its document.
    pub document: Hash,
    /// Its languages.
    pub languages: BTreeSet<Language>,
    /// Parties whose approval it had when the next version was saved, and which was lost with it.
    pub lost: BTreeSet<PartyId>,
}

/// Answer to `GET /api/events/{event}/recordings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct RecordingsView {
    /// What the audience heard and saw.
    #[schema(value_type = Vec<Object>)]
    pub programme: Vec<ProgrammeFile>,
    /// Single tracks.
    #[schema(value_type = Vec<Object>)]
    pub takes: Vec<TakeFile>,
    /// Told to those who have all files, where the operator named a store for them.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub store: Option<StoreState>,
}

/// How it stands with the store of recordings for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum StoreState {
    /// Nothing waits for the store: it has everything, or nothing is finished.
    Nothing,
    /// Files are being carried to it, or wait for that.
    Waiting,
    /// Files wait because it does not take them; it is tried again.
    Failing,
}

/// A file of the programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProgrammeFile {
    /// Where a player reads it; good for some hours.
    pub url: String,
    /// `on-the-record` or `chatham-house-rule`.
    pub status: RecordStatus,
    /// How long it lasts; unknown while it grows.
    pub duration: Option<Millis>,
    /// Stretches without a break: from `at` in the file on, its time runs with the clock from
    /// `began_at`.
    pub spans: Vec<SpanView>,
}

/// A stretch of a file without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SpanView {
    /// Where in the file it begins.
    pub at: Millis,
    /// When it begins.
    pub began_at: Timestamp,
}

/// A file of one track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TakeFile {
    /// Where a player reads it; good for some hours.
    pub url: String,
    /// Whose; nobody's under the Chatham House Rule.
    pub person: Option<PersonId>,
    /// `microphone`, `camera`, `screen` or `screen-sound`.
    pub kind: String,
    /// `opus`, `vp8`, `vp9`, `h264` or `av1`.
    pub codec: String,
    /// `on-the-record` or `chatham-house-rule`.
    pub status: RecordStatus,
    /// The moment of its time zero.
    pub began_at: Timestamp,
    /// How long it lasts; unknown while it grows.
    pub duration: Option<Millis>,
}

/// Answer to `POST /api/events/{event}/release/versions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct VersionSaved {
    /// Its number.
    #[schema(value_type = u32)]
    pub version: ReleaseVersion,
    /// SHA-256 of its document.
    #[schema(value_type = String)]
    pub document: Hash,
}
