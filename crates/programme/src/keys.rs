//! Every key of the programme file, in one table each for the event, its parties, people,
//! segments and policy. The reader, the schema and the test of the manual are made from these
//! tables, so that none of them can know a key that the others do not.

use base::limits::{
    LONG_TEXT_CHARS_MAX, PARTIES_MAX, PEOPLE_MAX, PROGRAMME_PEOPLE_MAX, SEGMENTS_MAX,
    TEXT_CHARS_MAX,
};

/// One key that may stand in a table of the programme file.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// The file is refused without it.
    pub(crate) required: bool,
    /// What it means, as the schema and the manual say it.
    pub(crate) doc: &'static str,
    /// How a line with it looks; shown when the key is missing or its value is of a wrong type.
    pub(crate) example: &'static str,
    /// Other words that people use for the same thing; they lead to this key.
    pub(crate) also: &'static [&'static str],
}

/// What kind of value a key takes.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A short name of a-z, 0-9 and hyphens.
    Id,
    /// Text in one language (a string) or in several (a table from language to string).
    Text { chars_max: usize },
    /// A list of language tags.
    Languages,
    /// A date with a time of day.
    Moment,
    /// An IANA name.
    TimeZone,
    /// An ISO 3166-1 alpha-2 code.
    Country,
    /// A whole number.
    Number { min: u32, max: u32, default: Option<u32> },
    /// true or false.
    Flag { default: bool },
    /// One word of a list.
    OneOf { choices: &'static [Choice], default: Option<&'static str> },
    /// One word of a list, or several.
    SomeOf(&'static [Choice]),
    /// A list of keys of people.
    People,
    /// A table.
    Table(&'static [Key]),
    /// Several tables: `[[name]]` each with an `id`, or `[name.ID]`.
    Entries { keys: &'static [Key], entries_max: usize },
}

/// A word that a key accepts.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) word: &'static str,
    pub(crate) doc: &'static str,
}

const TEXT: Shape = Shape::Text { chars_max: TEXT_CHARS_MAX };
const LONG_TEXT: Shape = Shape::Text { chars_max: LONG_TEXT_CHARS_MAX };

/// Longest planned length of a segment: a whole day.
pub(crate) const MINUTES_MAX: u32 = 24 * 60;

/// How many participants an event admits unless the file says otherwise: what one machine is
/// measured to serve at full quality.
pub(crate) const PARTICIPANTS_DEFAULT: u32 = 1_000;

/// Keys at the top of the file.
pub(crate) static EVENT: &[Key] = &[
    Key {
        name: "id",
        shape: Shape::Id,
        required: true,
        doc: "Identifier of the event. It stands in the event's address, so it never changes \
              after the invitations are out.",
        example: r#"id = "russian-diplomats-day""#,
        also: &["key", "slug", "event", "event_id"],
    },
    Key {
        name: "title",
        shape: TEXT,
        required: true,
        doc: "Title as it stands on the invitation.",
        example: r#"title = { en = "Russia–Pakistan relations", ru = "Российско-пакистанские отношения" }"#,
        also: &["name", "heading"],
    },
    Key {
        name: "topic",
        shape: LONG_TEXT,
        required: true,
        doc: "What the event is about, in a sentence or two.",
        example: r#"topic = "Regional cooperation and the corridors that join Asia, Europe and Africa.""#,
        also: &["description", "about", "subject", "theme", "abstract"],
    },
    Key {
        name: "occasion",
        shape: TEXT,
        required: false,
        doc: "What the event is dedicated to, or the occasion on which it is held.",
        example: r#"occasion = "Webinar, dedicated to Russian Diplomats’ Day""#,
        also: &["dedication", "dedicated_to"],
    },
    Key {
        name: "notice",
        shape: LONG_TEXT,
        required: false,
        doc: "A notice that every public page of the event carries.",
        example: r#"notice = "This example is a reconstruction from press coverage.""#,
        also: &["disclaimer", "note"],
    },
    Key {
        name: "languages",
        shape: Shape::Languages,
        required: true,
        doc: "Languages of the event. The first is the floor language, and the one of every text \
              that is written as a plain string.",
        example: r#"languages = ["en", "ru", "ur"]"#,
        also: &["langs", "locales"],
    },
    Key {
        name: "start",
        shape: Shape::Moment,
        required: true,
        doc: "Planned opening, in the time of the event's zone. An offset may be added; it must \
              then agree with the zone.",
        example: r#"start = "2021-02-09T15:00""#,
        also: &["date", "time", "begin", "opening", "starts", "when"],
    },
    Key {
        name: "time_zone",
        shape: Shape::TimeZone,
        required: true,
        doc: "Time zone of the event, by its IANA name.",
        example: r#"time_zone = "Asia/Karachi""#,
        also: &["tz", "zone"],
    },
    Key {
        name: "city",
        shape: TEXT,
        required: true,
        doc: "City by which the event's time is named.",
        example: r#"city = { en = "Karachi", ru = "Карачи", ur = "کراچی" }"#,
        also: &["place", "location", "venue"],
    },
    Key {
        name: "parties",
        shape: Shape::Entries { keys: PARTY, entries_max: PARTIES_MAX },
        required: true,
        doc: "Organising bodies in order of precedence: the first is the organiser, the others \
              are co-organisers of equal standing.",
        example: "[[parties]]",
        also: &["organiser", "organisers", "organizer", "organizers", "co_organisers", "hosts"],
    },
    Key {
        name: "people",
        shape: Shape::Entries { keys: PERSON, entries_max: PROGRAMME_PEOPLE_MAX },
        required: true,
        doc: "People with a part in the event, in order of precedence. Participants who register \
              themselves are not listed.",
        example: "[people.kazi]",
        also: &["persons", "speakers", "participants"],
    },
    Key {
        name: "segments",
        shape: Shape::Entries { keys: SEGMENT, entries_max: SEGMENTS_MAX },
        required: true,
        doc: "The programme, in its order.",
        example: "[[segments]]",
        also: &["programme", "program", "agenda", "sessions", "items"],
    },
    Key {
        name: "policy",
        shape: Shape::Table(POLICY),
        required: false,
        doc: "What is allowed.",
        example: "[policy]",
        also: &["policies", "settings", "rules"],
    },
];

/// Keys of one organising body.
pub(crate) static PARTY: &[Key] = &[
    Key {
        name: "id",
        shape: Shape::Id,
        required: true,
        doc: "Identifier of the party. Written only with [[parties]]; in [parties.kcfr] the \
              identifier is the name of the table.",
        example: r#"id = "kcfr""#,
        also: &["key", "slug"],
    },
    Key {
        name: "name",
        shape: TEXT,
        required: true,
        doc: "Full name.",
        example: r#"name = "Karachi Council on Foreign Relations""#,
        also: &["title"],
    },
    Key {
        name: "short_name",
        shape: TEXT,
        required: false,
        doc: "Short name, as sentences of the interface use it.",
        example: r#"short_name = "the Council""#,
        also: &["abbreviation", "short"],
    },
];

/// Keys of one person.
pub(crate) static PERSON: &[Key] = &[
    Key {
        name: "id",
        shape: Shape::Id,
        required: true,
        doc: "Key of the person, by which segments name them. Written only with [[people]]; in \
              [people.ganich] the key is the name of the table.",
        example: r#"id = "ganich""#,
        also: &["key", "slug"],
    },
    Key {
        name: "name",
        shape: TEXT,
        required: true,
        doc: "Name without titles.",
        example: r#"name = { en = "Danila Ganich", ru = "Данила Ганич" }"#,
        also: &["full_name"],
    },
    Key {
        name: "honorific",
        shape: TEXT,
        required: false,
        doc: "Style before the name. Never guessed: without it none is shown.",
        example: r#"honorific = "HE""#,
        also: &["title", "titles", "prefix", "style"],
    },
    Key {
        name: "office",
        shape: TEXT,
        required: false,
        doc: "Office held on the day of the event.",
        example: r#"office = "Ambassador of the Russian Federation to Pakistan""#,
        also: &["position", "post", "job", "function"],
    },
    Key {
        name: "affiliation",
        shape: TEXT,
        required: false,
        doc: "Body that the person belongs to.",
        example: r#"affiliation = "Karachi Council on Foreign Relations""#,
        also: &["organisation", "organization", "institution", "company"],
    },
    Key {
        name: "country",
        shape: Shape::Country,
        required: false,
        doc: "Country represented, as its ISO 3166-1 code of two letters.",
        example: r#"country = "RU""#,
        also: &["nationality", "state"],
    },
    Key {
        name: "party",
        shape: Shape::Id,
        required: false,
        doc: "Organising body that the person works for: the id of one of the parties.",
        example: r#"party = "kcfr""#,
        also: &[],
    },
    Key {
        name: "roles",
        shape: Shape::SomeOf(ROLES),
        required: true,
        doc: "What the person may do. The first role is the one shown.",
        example: r#"roles = ["moderator"]"#,
        also: &["role", "rights"],
    },
];

/// Keys of one segment.
pub(crate) static SEGMENT: &[Key] = &[
    Key {
        name: "id",
        shape: Shape::Id,
        required: false,
        doc: "Identifier of the segment. Without it the kind serves, if no other segment has it.",
        example: r#"id = "plenary-address""#,
        also: &["key", "slug"],
    },
    Key {
        name: "kind",
        shape: Shape::OneOf { choices: KINDS, default: None },
        required: true,
        doc: "What kind of part it is.",
        example: r#"kind = "plenary-address""#,
        also: &["type"],
    },
    Key {
        name: "title",
        shape: TEXT,
        required: false,
        doc: "Title. Without it the kind's own name is shown in the reader's language. A segment \
              of the kind other must have one.",
        example: r#"title = "Signing of the memorandum""#,
        also: &["name", "heading"],
    },
    Key {
        name: "minutes",
        shape: Shape::Number { min: 1, max: MINUTES_MAX, default: None },
        required: true,
        doc: "Planned length in whole minutes.",
        example: "minutes = 30",
        also: &["duration", "length", "planned", "min"],
    },
    Key {
        name: "floor",
        shape: Shape::People,
        required: false,
        doc: "Who has the floor, by the keys of people. The first gets the floor when the \
              segment begins; in questions and discussions all of them may answer.",
        example: r#"floor = ["ganich"]"#,
        also: &["speaker", "speakers", "people", "who"],
    },
    Key {
        name: "record",
        shape: Shape::OneOf { choices: RECORD_STATUSES, default: Some("on-the-record") },
        required: false,
        doc: "How far what is said is recorded and attributed.",
        example: r#"record = "chatham-house-rule""#,
        also: &["record_status", "status", "recording"],
    },
];

/// Keys of the policy.
pub(crate) static POLICY: &[Key] = &[
    Key {
        name: "lobby",
        shape: Shape::OneOf { choices: LOBBY_POLICIES, default: Some("registered") },
        required: false,
        doc: "Who waits in the lobby until the moderator admits them. People who moderate, \
              speak, interpret, caption or report never do.",
        example: r#"lobby = "registered""#,
        also: &["waiting_room", "admission"],
    },
    Key {
        name: "registration_open",
        shape: Shape::Flag { default: false },
        required: false,
        doc: "People may register themselves on the public page.",
        example: "registration_open = true",
        also: &["registration", "open"],
    },
    Key {
        name: "hands_allowed",
        shape: Shape::Flag { default: true },
        required: false,
        doc: "Participants may raise a hand to ask for the floor.",
        example: "hands_allowed = true",
        also: &["hands", "raise_hand"],
    },
    Key {
        name: "recording",
        shape: Shape::Flag { default: true },
        required: false,
        doc: "Segments on the record are recorded.",
        example: "recording = true",
        also: &["record"],
    },
    Key {
        name: "chatham_house_recorded",
        shape: Shape::Flag { default: false },
        required: false,
        doc: "Segments under the Chatham House Rule are recorded too, for the parties' own use.",
        example: "chatham_house_recorded = false",
        also: &["chatham_house", "record_chatham_house"],
    },
    Key {
        name: "attendance_published",
        shape: Shape::Flag { default: true },
        required: false,
        doc: "The record page tells how many took part; never with a part under the Chatham House Rule.",
        example: "attendance_published = false",
        also: &["attendance", "publish_attendance"],
    },
    Key {
        name: "participants_max",
        // The limit of PEOPLE_MAX fits in 32 bits; the schema's test reads it back.
        shape: Shape::Number {
            min: 1,
            max: PEOPLE_MAX as u32,
            default: Some(PARTICIPANTS_DEFAULT),
        },
        required: false,
        doc: "Most people admitted as participants at once.",
        example: "participants_max = 500",
        also: &["max_participants", "capacity", "limit"],
    },
];

/// Words for roles.
pub(crate) static ROLES: &[Choice] = &[
    Choice { word: "organiser", doc: "sets policy and may do all that a moderator may" },
    Choice { word: "co-organiser", doc: "the same, as a party of equal standing" },
    Choice { word: "moderator", doc: "opens and closes, runs the programme, gives the floor" },
    Choice { word: "plenary-speaker", doc: "delivers the plenary address" },
    Choice { word: "panellist", doc: "speaks in a discussion" },
    Choice { word: "concluding-speaker", doc: "speaks the concluding note" },
    Choice { word: "interpreter", doc: "speaks into a language channel" },
    Choice { word: "captioner", doc: "writes live captions" },
    Choice { word: "rapporteur", doc: "marks statements and edits the record" },
    Choice { word: "participant", doc: "watches and hears, raises a hand" },
];

/// Words for kinds of segments.
pub(crate) static KINDS: &[Choice] = &[
    Choice { word: "introductory-remarks", doc: "the moderator opens the subject" },
    Choice { word: "plenary-address", doc: "the main speech" },
    Choice { word: "discussion", doc: "panellists speak with each other" },
    Choice { word: "questions", doc: "the audience asks" },
    Choice { word: "concluding-note", doc: "the closing speech" },
    Choice { word: "other", doc: "anything else; it needs a title" },
];

/// Words for the record status.
pub(crate) static RECORD_STATUSES: &[Choice] = &[
    Choice { word: "on-the-record", doc: "recorded and attributed" },
    Choice {
        word: "chatham-house-rule",
        doc: "what was said may be reported, never by whom; recorded only if the policy says so",
    },
    Choice { word: "off-the-record", doc: "nothing is kept but that the segment began and ended" },
];

/// Words for the lobby policy.
pub(crate) static LOBBY_POLICIES: &[Choice] = &[
    Choice { word: "nobody", doc: "a link is enough" },
    Choice {
        word: "registered",
        doc: "those who registered themselves wait; those named in this file go straight in",
    },
    Choice { word: "everybody", doc: "every participant waits" },
];
