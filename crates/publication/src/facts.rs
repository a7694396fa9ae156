//! What a release is made of. The server fills this from the proceedings; nothing here is shown to
//! anybody before it went through [`crate::draft`].

use std::collections::{BTreeMap, BTreeSet};

use base::{
    EventId, Language, Localized, Millis, PersonId, Revision, SegmentId, StatementId, Timestamp,
};
use proceedings::{RecordStatus, ReportingVerb, Role, SegmentKind, Wording};
use serde::{Deserialize, Serialize};

/// Everything that a release may say of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The event itself.
    pub event: Event,
    /// Everybody known to the event, in order of precedence: also those who may not be named, since
    /// only a known name can be kept out.
    pub people: Vec<Person>,
    /// The programme, in order.
    pub segments: Vec<Segment>,
    /// What was said, in any order.
    pub statements: Vec<Statement>,
}

/// What is known of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Identifier; stands in the URL.
    pub id: EventId,
    /// Languages of the release; the first is the original, which prevails.
    pub languages: Vec<Language>,
    /// The subject, as it stands on the invitation.
    pub title: Localized,
    /// The occasion as a phrase of its own, for the line under the headline.
    pub occasion: Option<Localized>,
    /// What the event is dedicated to, in the form that follows "dedicated to" (in Russian the
    /// dative, in Urdu the form before "کے موقع پر").
    pub dedication: Option<Localized>,
    /// A headline; without one the subject is the headline.
    pub headline: Option<Localized>,
    /// A notice that every public document of the event carries.
    pub notice: Option<Localized>,
    /// When the event was opened; the clock that statements count from.
    pub opened: Timestamp,
    /// IANA name of the event's time zone.
    pub time_zone: String,
    /// The city of the dateline.
    pub city: Localized,
    /// Who holds the event, the organiser first.
    pub organisers: Vec<Organiser>,
    /// The organisers' own words of thanks.
    pub thanks: Option<Localized>,
    /// What comes next, in the organisers' words.
    pub outlook: Option<Localized>,
    /// Who the organisers are, in a few sentences.
    pub boilerplate: Option<Localized>,
    /// Whom the press may ask.
    pub contact: Option<Localized>,
    /// How many took part, where the policy lets it be told.
    pub attendance: Option<u32>,
}

/// A body that holds the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organiser {
    /// Full name, as on a letterhead.
    pub name: Localized,
    /// The name as it stands inside a sentence, with its article and short form:
    /// "the Karachi Council on Foreign Relations (KCFR)".
    pub in_text: Option<Localized>,
}

/// Grammatical gender, for languages whose verbs and pronouns have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gender {
    /// "he", «подчеркнул».
    Masculine,
    /// "she", «подчеркнула».
    Feminine,
    /// Not given, and never guessed: the name is repeated, and Russian verbs stand in the present.
    #[default]
    Unspecified,
}

/// A person as they were addressed on the day of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// Name without titles.
    pub name: Localized,
    /// Style before the full name: "HE", "Ambassador Dr".
    pub honorific: Option<Localized>,
    /// Surname, for the second mention; without it the whole name is repeated.
    pub surname: Option<Localized>,
    /// What stands before the surname: "Ambassador", "Mr". Without it the honorific does.
    pub address: Option<Localized>,
    /// Full title inside a sentence: "Senior Vice Chairman of the Karachi Council on Foreign
    /// Relations". Without it office and affiliation are put side by side.
    pub title: Option<Localized>,
    /// Office held.
    pub office: Option<Localized>,
    /// Body the person belongs to.
    pub affiliation: Option<Localized>,
    /// For the grammar of some languages.
    pub gender: Gender,
    /// Parts in the event.
    pub roles: Vec<Role>,
}

/// A part of the programme, as it was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Identifier.
    pub id: SegmentId,
    /// What kind of part it is.
    pub kind: SegmentKind,
    /// Title, where it has one of its own.
    pub title: Option<Localized>,
    /// Some of it was on the record.
    pub on_the_record: bool,
    /// Some of it was under the Chatham House Rule.
    pub under_rule: bool,
    /// Who is named for the floor by the programme.
    pub floor: Vec<PersonId>,
    /// When it began and ended, counted from the opening; `None` when it was not held.
    pub held: Option<(Millis, Millis)>,
}

/// How far the speaker's office has agreed to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clearance {
    /// May be issued.
    Cleared,
    /// May be drafted, not issued.
    Pending,
    /// The speaker keeps it back, or it was withdrawn: it is in no draft.
    Withheld,
}

/// An attributed passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Identifier.
    pub id: StatementId,
    /// Who said it. Under the Chatham House Rule it is never shown, whether it stands here or not.
    pub speaker: Option<PersonId>,
    /// In which part.
    pub segment: SegmentId,
    /// Status of the moment at which it was made.
    pub record: RecordStatus,
    /// How it is reported.
    pub verb: ReportingVerb,
    /// The words, by language: indirect speech is what follows the verb, with or without its
    /// "that", or a phrase, as [`crate::complement`] says.
    pub words: BTreeMap<Language, Wording>,
    /// Language it was said in.
    pub original: Language,
    /// Set when the words in other languages go back to an interpreter: the language that was
    /// interpreted.
    pub interpreted_from: Option<Language>,
    /// Where it begins, counted from the opening.
    pub start: Millis,
    /// Where it ends.
    pub end: Millis,
    /// Whether it may be issued.
    pub clearance: Clearance,
    /// How often it was changed.
    pub revision: Revision,
}

/// A line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who spoke.
    pub speaker: Option<PersonId>,
    /// Status of the moment at which it was said.
    pub record: RecordStatus,
    /// Counted from the opening.
    pub start: Millis,
    /// Counted from the opening.
    pub end: Millis,
    /// Language of the text.
    pub language: Language,
    /// What was said.
    pub text: String,
}

impl Segment {
    /// Its strictest status: off the record when none of it may be reported.
    pub(crate) fn status(&self) -> RecordStatus {
        match (self.under_rule, self.on_the_record) {
            (true, _) => RecordStatus::ChathamHouseRule,
            (false, true) => RecordStatus::OnTheRecord,
            (false, false) => RecordStatus::OffTheRecord,
        }
    }
}

impl Statement {
    /// True when its speaker may be named as such.
    pub(crate) fn is_attributed(&self) -> bool {
        self.record == RecordStatus::OnTheRecord
    }

    /// True when it was made under the Chatham House Rule.
    pub(crate) fn is_under_rule(&self) -> bool {
        self.record == RecordStatus::ChathamHouseRule
    }
}

impl Facts {
    /// The person of this identifier.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.iter().find(|person| person.id == *id)
    }

    /// The segment of this identifier.
    pub fn segment(&self, id: &SegmentId) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.id == *id)
    }

    /// True when something was under the Chatham House Rule.
    pub(crate) fn has_chatham_house(&self) -> bool {
        self.segments.iter().any(|segment| segment.under_rule)
            || self.statements.iter().any(|s| s.record == RecordStatus::ChathamHouseRule)
    }

    /// Who may be named: rule 3 of the crate's documentation. Where nothing was under the Chatham
    /// House Rule that is everybody with a part in the programme.
    pub fn nameable(&self) -> BTreeSet<PersonId> {
        let rule = self.has_chatham_house();
        let public = |segment: &&Segment| segment.on_the_record || !rule;
        let mut named: BTreeSet<PersonId> =
            self.segments.iter().filter(public).flat_map(|segment| segment.floor.clone()).collect();
        if self.segments.iter().any(|segment| segment.on_the_record) {
            let moderators =
                self.people.iter().filter(|person| person.roles.contains(&Role::Moderator));
            named.extend(moderators.map(|person| person.id.clone()));
        }
        let on_the_record = self.statements.iter().filter(|statement| statement.is_attributed());
        named.extend(on_the_record.filter_map(|statement| statement.speaker.clone()));
        named
    }
}
