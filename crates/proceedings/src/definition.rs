//! What the organiser writes down before the event: the programme file, checked and typed.

use base::{EventId, Language, Localized, Millis, PartyId, PersonId, SegmentId, Timestamp};
use serde::{Deserialize, Serialize};

/// A whole event as planned. The programme file is parsed into this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct EventDefinition {
    /// Identifier; stands in the URL.
    pub id: EventId,
    /// Title as it stands on the invitation.
    pub title: Localized,
    /// What the talk is about, in a sentence or two.
    pub topic: Localized,
    /// What the event is dedicated to or held on the occasion of.
    pub occasion: Option<Localized>,
    /// A notice that every public page of the event carries (for example that it is a
    /// reconstruction).
    pub notice: Option<Localized>,
    /// Languages of the event; the first is the floor language unless a segment says otherwise.
    pub languages: Vec<Language>,
    /// Planned opening.
    pub start: Timestamp,
    /// IANA name of the event's time zone, as `Asia/Karachi`.
    pub time_zone: String,
    /// City by which the event's time is named.
    pub city: Localized,
    /// Organising parties in order of precedence; the first is the organiser, the others are
    /// co-organisers of equal standing.
    pub parties: Vec<Party>,
    /// People with a part in the event, in order of precedence.
    pub people: Vec<Person>,
    /// The programme.
    pub segments: Vec<Segment>,
    /// What is allowed.
    pub policy: Policy,
}

/// An organising body whose approval counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Party {
    /// Identifier, as `kcfr`.
    pub id: PartyId,
    /// Full name.
    pub name: Localized,
    /// Short name, as it is used in the interface ("the Council").
    pub short_name: Option<Localized>,
}

/// A person as they are addressed on the day of the event. Nothing is ever guessed: an absent
/// title stays absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Person {
    /// Key of the programme file, or generated at registration.
    pub id: PersonId,
    /// Name without titles.
    pub name: Localized,
    /// Style before the name: "HE", "Ambassador Dr".
    pub honorific: Option<Localized>,
    /// Office held: "Ambassador of the Russian Federation to Pakistan".
    pub office: Option<Localized>,
    /// Body the person belongs to.
    pub affiliation: Option<Localized>,
    /// ISO 3166-1 alpha-2 code of the country represented, upper case.
    pub country: Option<String>,
    /// Party the person belongs to, for organisers' staff.
    pub party: Option<PartyId>,
    /// What the person may do; never empty, the first is the one shown.
    pub roles: Vec<Role>,
}

/// Roles as PRODUCT.md lists them. The rights of each stand in one place, `decide.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Role {
    /// Creates and schedules, sets policy; may do all that a moderator may.
    Organiser,
    /// The same for one event, as a party of equal standing.
    CoOrganiser,
    /// Opens and closes, runs the programme, gives and takes the floor.
    Moderator,
    /// Delivers the plenary address.
    PlenarySpeaker,
    /// Speaks in a discussion.
    Panellist,
    /// Speaks the concluding note.
    ConcludingSpeaker,
    /// Speaks into a language channel.
    Interpreter,
    /// Writes live captions.
    Captioner,
    /// Marks statements, edits the record.
    Rapporteur,
    /// Watches and hears, raises a hand.
    Participant,
}

impl Role {
    /// May run the event: open, close, programme, floor, lobby.
    pub fn moderates(self) -> bool {
        matches!(self, Self::Organiser | Self::CoOrganiser | Self::Moderator)
    }

    /// Speaks for a party: approves and issues the release.
    pub fn organises(self) -> bool {
        matches!(self, Self::Organiser | Self::CoOrganiser)
    }

    /// Has a place on the stage by right.
    pub fn speaks(self) -> bool {
        matches!(
            self,
            Self::Moderator | Self::PlenarySpeaker | Self::Panellist | Self::ConcludingSpeaker
        )
    }
}

impl Person {
    /// True when one of the person's roles may run the event.
    pub fn moderates(&self) -> bool {
        self.roles.iter().any(|role| role.moderates())
    }

    /// True when one of the person's roles speaks for a party.
    pub fn organises(&self) -> bool {
        self.roles.iter().any(|role| role.organises())
    }

    /// True when the person makes the record: rapporteurs and those who moderate.
    pub fn works_at_desk(&self) -> bool {
        self.moderates() || self.roles.contains(&Role::Rapporteur)
    }

    /// True when the person may write captions: captioners, and those who moderate in their place.
    pub fn captions(&self) -> bool {
        self.roles.contains(&Role::Captioner) || self.moderates()
    }

    /// True when one of the person's roles has a place on the stage.
    pub fn speaks(&self) -> bool {
        self.roles.iter().any(|role| role.speaks())
    }

    /// True when the person may take a place on the stage unasked.
    pub fn may_enter_stage(&self) -> bool {
        self.moderates() || self.speaks()
    }

    /// True for participants: people without a task in the event. They are counted against
    /// [`Policy::participants_max`], and only they can be held in the lobby by the policy.
    pub fn is_participant(&self) -> bool {
        self.roles.iter().all(|role| *role == Role::Participant)
    }
}

/// A part of the programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Segment {
    /// Identifier, as `plenary-address`.
    pub id: SegmentId,
    /// What kind of part it is.
    pub kind: SegmentKind,
    /// Title; `None` shows the kind's own name in the reader's language.
    pub title: Option<Localized>,
    /// Planned length, whole minutes.
    pub planned: Millis,
    /// Who has the floor. In a question segment and in a discussion these people may answer, and
    /// the floor goes to those who raise a hand; in every other segment the first gets the floor
    /// when it begins.
    pub floor: Vec<PersonId>,
    /// On or off the record.
    pub record_status: RecordStatus,
}

/// Kinds of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum SegmentKind {
    /// The moderator opens the subject.
    IntroductoryRemarks,
    /// The main speech.
    PlenaryAddress,
    /// Panellists speak with each other.
    Discussion,
    /// The audience asks.
    Questions,
    /// The closing speech.
    ConcludingNote,
    /// Anything else; such a segment must have a title.
    Other,
}

impl SegmentKind {
    /// In these kinds the people named by the segment may answer without holding the floor.
    pub fn floor_is_open(self) -> bool {
        matches!(self, Self::Discussion | Self::Questions)
    }
}

/// How far what is said is recorded and attributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum RecordStatus {
    /// Recorded and attributed.
    OnTheRecord,
    /// Content may be reported, speakers never named; recorded only if the policy says so.
    ChathamHouseRule,
    /// Nothing is recorded anywhere but that the segment began and ended.
    OffTheRecord,
}

/// What the organiser allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Policy {
    /// Who waits in the lobby.
    pub lobby: LobbyPolicy,
    /// People may register themselves on the public page.
    pub registration_open: bool,
    /// Participants may raise a hand.
    pub hands_allowed: bool,
    /// On-the-record segments are recorded.
    pub recording: bool,
    /// Chatham House segments are recorded too (for the parties' own use).
    pub chatham_house_recorded: bool,
    /// The record page tells how many came, unless a part was under the Chatham House Rule. Left out
    /// where it is true, so that lines written before it was there keep their hash.
    #[serde(default = "published", skip_serializing_if = "is_published")]
    pub attendance_published: bool,
    /// Most participants admitted and here at once. Whoever was admitted once can always return.
    pub participants_max: u32,
}

fn published() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_published(published: &bool) -> bool {
    *published
}

/// Who waits in the lobby until the moderator admits them. People who moderate or speak never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum LobbyPolicy {
    /// Nobody: a link is enough.
    Nobody,
    /// People who registered themselves; those named in the programme file go straight in.
    Registered,
    /// Every participant.
    Everybody,
}
