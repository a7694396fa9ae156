//! What people are shown of an event.
//!
//! The live view is cut into sections. A section is always sent whole, so that a client replaces
//! what it has and never patches; each carries no more than its readers may know.

use base::{
    EventId, Language, Localized, Millis, PartyId, PersonId, SegmentId, Timestamp, TranscriptLineId,
};
use proceedings::{
    Admission, Life, Microphone, Party, RecordStatus, Role, SegmentKind, StagePlace,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::captions::PartialsSection;
use crate::schema;

/// An event as everybody may read it, before, during and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct EventView {
    /// Identifier; stands in the URL.
    #[schema(value_type = String)]
    pub id: EventId,
    /// Title.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub title: Localized,
    /// What it is about.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub topic: Localized,
    /// Occasion or dedication.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub occasion: Option<Localized>,
    /// Notice that every page of the event carries.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub notice: Option<Localized>,
    /// Languages of the event; the first is the floor language.
    #[schema(value_type = Vec<String>)]
    pub languages: Vec<Language>,
    /// Planned opening.
    #[schema(value_type = i64)]
    pub start: Timestamp,
    /// Planned end: the opening plus all planned lengths.
    #[schema(value_type = i64)]
    pub planned_end: Timestamp,
    /// IANA time zone of the event.
    pub time_zone: String,
    /// City that names the event's time.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub city: Localized,
    /// Parties in order of precedence, the organiser first.
    #[schema(value_type = Vec<schema::Party>)]
    pub parties: Vec<Party>,
    /// People who moderate or speak, in order of precedence.
    pub people: Vec<PersonView>,
    /// Programme.
    pub segments: Vec<SegmentView>,
    /// Where the event stands now.
    #[schema(value_type = schema::Life)]
    pub life: Life,
    /// People may register on the public page.
    pub registration_open: bool,
    /// Participants may raise a hand.
    pub hands_allowed: bool,
    /// On-the-record segments are recorded.
    pub recording: bool,
    /// Chatham House segments are recorded too.
    pub chatham_house_recorded: bool,
}

/// A person with everything a name plate needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct PersonView {
    /// Identifier within the event.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// Name without titles.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub name: Localized,
    /// Style before the name.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub honorific: Option<Localized>,
    /// Office.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub office: Option<Localized>,
    /// Body the person belongs to.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub affiliation: Option<Localized>,
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// Party the person belongs to.
    #[schema(value_type = Option<String>)]
    pub party: Option<PartyId>,
    /// Roles, the first is shown.
    #[schema(value_type = Vec<schema::Role>)]
    pub roles: Vec<Role>,
}

/// A planned segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct SegmentView {
    /// Identifier.
    #[schema(value_type = String)]
    pub id: SegmentId,
    /// Kind; names the segment where no title is given.
    #[schema(value_type = schema::SegmentKind)]
    pub kind: SegmentKind,
    /// Title, if it has one of its own.
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub title: Option<Localized>,
    /// Planned length.
    #[schema(value_type = u64)]
    pub planned: Millis,
    /// Who has the floor or may answer.
    #[schema(value_type = Vec<String>)]
    pub floor: Vec<PersonId>,
    /// Planned record status.
    #[schema(value_type = schema::RecordStatus)]
    pub record_status: RecordStatus,
}

/// One section of the live view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "section")]
pub enum Section {
    /// Where the event stands. For everybody, those in the lobby too.
    Life(LifeSection),
    /// Where the programme stands. For everybody, those in the lobby too.
    Programme(ProgrammeSection),
    /// Who has the floor. For those admitted.
    Floor(FloorSection),
    /// Who is on stage. For those admitted.
    Stage(StageSection),
    /// How many watch. For those admitted.
    Audience(AudienceSection),
    /// Which person each fixed media slot carries. For those admitted; on stage and in the
    /// audience it may differ.
    Slots(SlotsView),
    /// The queue of hands. For those who moderate.
    Hands(HandsSection),
    /// Who waits. For those who moderate.
    Lobby(LobbySection),
    /// Everybody the event knows. For those who moderate.
    Roster(RosterSection),
    /// How the recording stands. For those who moderate.
    Recording(RecordingSection),
    /// How good people's lines are. For those who moderate.
    Lines(LinesSection),
    /// What was said last, as text. For those admitted.
    Captions(CaptionsSection),
    /// What is being put down at this moment. For those admitted.
    Partials(PartialsSection),
}

/// The last lines of the captions: those of the present segment, a few of each language. Empty off
/// the record and while the event is not live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CaptionsSection {
    /// In the order in which they were put down.
    pub lines: Vec<CaptionLine>,
}

/// A line of the captions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CaptionLine {
    /// Its number in the transcript; a corrected line keeps it.
    pub id: TranscriptLineId,
    /// Who said it; nobody under the Chatham House Rule.
    pub person: Option<PersonId>,
    /// From when.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// In which language the text is.
    pub language: Language,
    /// In which language it was said, where the text is an interpreter's.
    pub interpreted_from: Option<Language>,
    /// The words.
    pub text: String,
}

/// Where the event stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LifeSection {
    /// Stage of its life.
    pub life: Life,
    /// When it went live.
    pub opened_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Since when it is suspended.
    pub suspended_since: Option<Timestamp>,
    /// What the audience is told about the suspension.
    pub suspension_reason: Option<String>,
    /// Nobody new comes in.
    pub locked: bool,
}

/// Where the programme stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ProgrammeSection {
    /// The present segment; none before the opening.
    pub current: Option<SegmentId>,
    /// One for each segment, in order.
    pub segments: Vec<SegmentNow>,
    /// Record status that holds now.
    pub record_status: RecordStatus,
}

/// How far a segment has come. Time spent now = `spent_before`, and while its clock runs also the
/// time since `running_since` (by the server's clock). It stands while the event is suspended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SegmentNow {
    /// Which.
    pub id: SegmentId,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Time of runs that are over.
    pub spent_before: Millis,
    /// Since when its clock runs without a break; none while it stands.
    pub running_since: Option<Timestamp>,
    /// Extensions given.
    pub extended_by: Millis,
    /// Record status as it stands.
    pub record_status: RecordStatus,
}

/// Who has the floor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct FloorSection {
    /// The holder.
    pub holder: Option<FloorGrant>,
    /// Who may be heard beside the holder.
    pub answering: Vec<PersonId>,
}

/// The right to speak now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct FloorGrant {
    /// Who.
    pub person: PersonId,
    /// Since when.
    pub since: Timestamp,
    /// For how long, if limited.
    pub limit: Option<Millis>,
}

/// Who is on stage, in order of precedence, guests last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct StageSection {
    /// People on stage.
    pub people: Vec<StagePerson>,
}

/// A person on stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct StagePerson {
    /// Who, with everything for the name plate (guests are not in the event's people).
    pub person: PersonView,
    /// Member or guest.
    pub place: StagePlace,
    /// At least one connection is up; false keeps the place, plate and time.
    pub present: bool,
    /// Microphone.
    pub microphone: Microphone,
    /// Camera is on.
    pub camera: bool,
    /// Shares a screen.
    pub screen: bool,
}

/// How many watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AudienceSection {
    /// People admitted and connected, the stage not counted.
    pub watching: u32,
    /// Raised hands.
    pub hands: u32,
}

/// Which person each fixed media slot carries (docs/PROTOCOL.md, "Fixed slots").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SlotsView {
    /// Audio slots 0 to 2.
    pub voices: Vec<Option<PersonId>>,
    /// Video slot 0.
    pub main: Option<PersonId>,
    /// Video slot 1.
    pub screen: Option<PersonId>,
    /// Video slots 2 to 5.
    pub thumbnails: Vec<Option<PersonId>>,
}

/// How the recording stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RecordingSection {
    /// What is said now is written down.
    pub recording: bool,
    /// The worst of what is wrong.
    pub problem: Option<RecordingProblem>,
    /// Speech came faster than it was recognised: something is missing in the captions.
    pub recogniser_behind: bool,
}

/// What is wrong with a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum RecordingProblem {
    /// The store of finished recordings does not take them: they stay on this machine, and it is
    /// tried again.
    StoreFails,
    /// There will soon be no room on the disk.
    DiskNearlyFull,
    /// The machine does not keep up: something was not recorded.
    Overloaded,
    /// There is no room on the disk: nothing is recorded.
    DiskFull,
    /// The disk refuses to be written to: nothing is recorded.
    WriteFailed,
}

/// How good a person's line to the server is, judged by the worse of the ways in and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum LineQuality {
    /// Nothing to notice.
    Good,
    /// It can be noticed, and followed.
    Fair,
    /// Hard to follow.
    Poor,
    /// Nothing comes any more.
    Lost,
}

/// How good the lines of those who are connected are. What is not judged yet is not named. At most
/// 200 people are listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LinesSection {
    /// Everybody on stage, then all others whose line is not good, the worst first.
    pub people: Vec<PersonLine>,
    /// Of the audience, how many have a line of each step.
    pub audience: LineCounts,
}

/// How good one person's line is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PersonLine {
    /// Whose.
    pub person: PersonId,
    /// How good.
    pub quality: LineQuality,
}

/// Numbers of lines by step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LineCounts {
    /// Good lines.
    pub good: u32,
    /// Fair lines.
    pub fair: u32,
    /// Poor lines.
    pub poor: u32,
    /// Lost lines.
    pub lost: u32,
}

/// The queue of hands, first come first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct HandsSection {
    /// Raised hands.
    pub hands: Vec<HandView>,
}

/// A raised hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct HandView {
    /// Whose.
    pub person: PersonView,
    /// Since when.
    pub since: Timestamp,
    /// Still connected.
    pub present: bool,
}

/// Who waits in the lobby, longest first. At most 200 are listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LobbySection {
    /// How many wait in all.
    pub count: u32,
    /// The first of them.
    pub waiting: Vec<WaitingView>,
}

/// A person in the lobby.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct WaitingView {
    /// Who.
    pub person: PersonView,
    /// Since when.
    pub since: Timestamp,
    /// Registered on the public page, not named in the programme file.
    pub registered: bool,
}

/// Everybody the event knows: speakers and staff first, then those present, then the rest. At
/// most 500 are listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RosterSection {
    /// How many there are in all.
    pub count: u32,
    /// The first of them.
    pub people: Vec<PersonRow>,
}

/// A line of the roster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonRow {
    /// Who.
    pub person: PersonView,
    /// May they watch and hear.
    pub admission: Admission,
    /// Connected now.
    pub present: bool,
    /// Place on the stage.
    pub place: StagePlace,
}

/// What a person is told about themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct You {
    /// Who you are.
    pub person: PersonView,
    /// You may run the event.
    pub moderates: bool,
    /// You have a place on the stage by right.
    pub speaks: bool,
    /// May you watch and hear.
    #[schema(value_type = schema::Admission)]
    pub admission: Admission,
    /// Your place on the stage.
    #[schema(value_type = schema::StagePlace)]
    pub place: StagePlace,
    /// Your microphone.
    #[schema(value_type = schema::Microphone)]
    pub microphone: Microphone,
    /// Your camera is on.
    pub camera: bool,
    /// You share a screen.
    pub screen: bool,
    /// You have the floor.
    pub has_floor: bool,
    /// You may be heard beside the holder.
    pub may_answer: bool,
    /// Your place in the queue of hands, from 1.
    pub hand: Option<u32>,
    /// You may publish microphone and camera now (WHIP).
    pub may_publish: bool,
    /// You may receive the floor's sound and pictures now (WHEP).
    pub may_receive: bool,
}
