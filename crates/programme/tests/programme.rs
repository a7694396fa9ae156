//! The reference event, broken files with their exact messages, and files that are no files.

use std::fs;
use std::path::Path;

use base::{Language, PersonId, Timestamp};
use expect_test::{Expect, expect};
use proceedings::{LobbyPolicy, RecordStatus};
use programme::{Gravity, parse, parse_bytes, schema};
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../../../examples/russian-diplomats-day.toml");

/// The smallest file that is right, with a place for other lines at the top.
fn file(top: &str) -> String {
    format!(
        r#"{top}
id = "talk"
title = "A talk"
topic = "Something"
languages = ["en", "ru"]
start = "2026-03-01T18:00"
time_zone = "Asia/Karachi"
city = "Karachi"
[parties.kcfr]
name = "The Council"
[people.kazi]
name = "M. K. Kazi"
roles = ["moderator"]
[[segments]]
kind = "plenary-address"
minutes = 30
floor = ["kazi"]
"#
    )
}

/// The small file with one text replaced by another.
fn changed(from: &str, to: &str) -> String {
    let file = file("");
    assert!(file.contains(from), "{from} is not in the file");
    file.replacen(from, to, 1)
}

fn check(text: &str, expected: Expect) {
    let out = match parse(text) {
        Ok(checked) => {
            let warnings: Vec<_> =
                checked.warnings.iter().map(|warning| format!("warning {warning}\n")).collect();
            format!("right\n{}", warnings.concat())
        }
        Err(problems) => format!("{problems}\n"),
    };
    expected.assert_eq(&out);
}

#[test]
fn the_reference_event() {
    let checked = parse(EXAMPLE).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(checked.warnings, []);
    let event = checked.definition;
    // 15:00 in Karachi is 10:00 UTC.
    assert_eq!(event.start, Timestamp(1_612_864_800_000));
    let segments: Vec<_> = event
        .segments
        .iter()
        .map(|segment| {
            let floor: Vec<_> = segment.floor.iter().map(PersonId::as_str).collect();
            (segment.id.as_str(), segment.planned.0 / 60_000, floor, segment.record_status)
        })
        .collect();
    assert_eq!(
        segments,
        [
            ("introductory-remarks", 10, vec!["kazi"], RecordStatus::OnTheRecord),
            ("plenary-address", 30, vec!["ganich"], RecordStatus::OnTheRecord),
            ("questions", 20, vec!["ganich"], RecordStatus::ChathamHouseRule),
            ("concluding-note", 10, vec!["sehgal"], RecordStatus::OnTheRecord),
        ]
    );
    let precedence: Vec<_> = event.people.iter().map(|person| person.id.as_str()).collect();
    assert_eq!(
        precedence,
        ["ganich", "sehgal", "kazi", "mirza", "hashmi", "lodhi", "durrani", "abbasi"]
    );
    // Complete in all three languages, without exception.
    let texts = serde_json::to_value(&event).expect("an event is JSON");
    let mut incomplete = Vec::new();
    incomplete_texts(&texts, "", &mut incomplete);
    assert_eq!(incomplete, Vec::<String>::new());
}

fn incomplete_texts(value: &serde_json::Value, path: &str, out: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            let tags = map.keys().filter(|key| Language::new(key).is_ok_and(|_| key.len() == 2));
            let count = tags.filter(|key| key.as_str() != "id").count();
            if count > 0 && count < 3 {
                out.push(path.to_owned());
            }
            for (key, value) in map {
                incomplete_texts(value, &format!("{path}.{key}"), out);
            }
        }
        serde_json::Value::Array(array) => {
            array.iter().for_each(|value| incomplete_texts(value, path, out));
        }
        _ => {}
    }
}

#[test]
fn what_is_left_out_has_a_default() {
    let event = parse(&file("")).expect("the small file").definition;
    assert_eq!(event.policy.lobby, LobbyPolicy::Registered);
    assert!(!event.policy.registration_open && event.policy.hands_allowed);
    assert!(event.policy.recording && !event.policy.chatham_house_recorded);
    assert_eq!(event.policy.participants_max, 1_000);
    assert_eq!(event.segments[0].id.as_str(), "plenary-address");
    assert_eq!(event.title.0.len(), 1);
}

#[test]
fn entries_may_be_tables_or_lists_and_keep_their_order() {
    let listed = file("")
        .replace("[people.kazi]", "[[people]]\nid = \"zia\"\nname = \"Z\"\nroles = \"participant\"\n[[people]]\nid = \"kazi\"")
        .replace("[parties.kcfr]", "[[parties]]\nid = \"kcfr\"")
        .replace("[[segments]]", "[segments.welcome]");
    let event = parse(&listed).unwrap_or_else(|problems| panic!("{problems}")).definition;
    assert_eq!(event.people[0].id.as_str(), "zia");
    assert_eq!(event.segments[0].id.as_str(), "welcome");
    let tables = file("").replace(
        "[people.kazi]",
        "[people.zia]\nname = \"Z\"\nroles = \"participant\"\n[people.kazi]",
    );
    let event = parse(&tables).unwrap_or_else(|problems| panic!("{problems}")).definition;
    assert_eq!(event.people[0].id.as_str(), "zia");
}

#[test]
fn unknown_keys() {
    check(
        &file("tittle = \"x\"\ncolour = 1\ntimezone = \"UTC\""),
        expect![[r#"
        1:1: tittle: there is no key `tittle` here; did you mean `title`?
        2:1: colour: there is no key `colour` here; the keys here are `id`, `title`, `topic`, `occasion`, `notice`, `languages`, `start`, `time_zone`, `city`, `parties`, `people`, `segments` and `policy`
        3:1: timezone: there is no key `timezone` here; did you mean `time_zone`?
    "#]],
    );
    check(
        &changed("roles =", "role ="),
        expect![[r#"
            13:1: people.kazi.role: there is no key `role` here; did you mean `roles`?
        "#]],
    );
    check(
        &changed("minutes = 30", "duration = 30"),
        expect![[r#"
            16:1: segments.plenary-address.duration: there is no key `duration` here; did you mean `minutes`?
        "#]],
    );
    check(
        &format!("{}occasion = \"x\"\n", file("")),
        expect![[r#"
        18:1: segments.plenary-address.occasion: there is no key `occasion` here; `occasion` belongs to the event: move it above the first [table] of the file
    "#]],
    );
}

#[test]
fn missing_keys() {
    check(
        "",
        expect![[r#"
            1:1: languages: `languages` is missing; languages of the event; for example `languages = ["en", "ru", "ur"]`
            1:1: time_zone: `time_zone` is missing; time zone of the event, by its IANA name; for example `time_zone = "Asia/Karachi"`
            1:1: start: `start` is missing; planned opening, in the time of the event's zone; for example `start = "2021-02-09T15:00"`
            1:1: id: `id` is missing; identifier of the event; for example `id = "russian-diplomats-day"`
            1:1: title: `title` is missing; title as it stands on the invitation; for example `title = { en = "Russia–Pakistan relations", ru = "Российско-пакистанские отношения" }`
            1:1: topic: `topic` is missing; what the event is about, in a sentence or two; for example `topic = "Regional cooperation and the corridors that join Asia, Europe and Africa."`
            1:1: city: `city` is missing; city by which the event's time is named; for example `city = { en = "Karachi", ru = "Карачи", ur = "کراچی" }`
            1:1: parties: `parties` is missing; organising bodies in order of precedence: the first is the organiser, the others are co-organisers of equal standing; for example `[[parties]]`
            1:1: people: `people` is missing; people with a part in the event, in order of precedence; for example `[people.kazi]`
            1:1: segments: `segments` is missing; the programme, in its order; for example `[[segments]]`
        "#]],
    );
    check(
        &changed("city = \"Karachi\"\n", ""),
        expect![[r#"
        1:1: city: `city` is missing; the city by which the time is named; for example `city = "Karachi"`
    "#]],
    );
    check(
        &changed("minutes = 30\n", ""),
        expect![[r#"
        14:1: segments.plenary-address.minutes: `minutes` is missing; planned length in whole minutes; for example `minutes = 30`
    "#]],
    );
    check(
        &changed("kind = \"plenary-address\"\n", ""),
        expect![[r#"
        14:1: segments[1].kind: `kind` is missing; what kind of part it is; for example `kind = "plenary-address"`
    "#]],
    );
    check(
        &changed("[people.kazi]", "[[people]]"),
        expect![[r#"
            11:1: people[1].id: `id` is missing; key of the person, by which segments name them; for example `id = "ganich"`
            17:10: segments.plenary-address.floor[1]: there is no person "kazi"; add `[people.kazi]`
        "#]],
    );
}

#[test]
fn values_of_a_wrong_type() {
    check(
        &changed("title = \"A talk\"", "title = 7"),
        expect![[r#"
        3:9: title: `title` takes text, or a table from language to text, and this is a whole number; for example `title = { en = "Russia–Pakistan relations", ru = "Российско-пакистанские отношения" }`
    "#]],
    );
    check(
        &changed("minutes = 30", "minutes = \"30\""),
        expect![[r#"
        16:11: segments.plenary-address.minutes: `minutes` takes a whole number, and this is text; for example `minutes = 30`
    "#]],
    );
    check(
        &changed("minutes = 30", "minutes = 7.5"),
        expect![[r#"
        16:11: segments.plenary-address.minutes: `minutes` takes a whole number, and this is a decimal number; for example `minutes = 30`
    "#]],
    );
    check(
        &changed("minutes = 30", "minutes = 0"),
        expect![[r#"
        16:11: segments.plenary-address.minutes: `minutes` is out of range; it goes from 1 to 1440
    "#]],
    );
    check(
        &changed("minutes = 30", "minutes = 99999999999999999999"),
        expect![[r#"
        16:11: segments.plenary-address.minutes: `minutes` is out of range; it goes from 1 to 1440
    "#]],
    );
    check(
        &changed("floor = [\"kazi\"]", "floor = [1]"),
        expect![[r#"
        17:10: segments.plenary-address.floor[1]: this takes text, and it is a whole number; for example `floor = ["ganich"]`
    "#]],
    );
    check(
        &changed("languages = [\"en\", \"ru\"]", "languages = \"en\""),
        expect![[r#"
        5:13: languages: `languages` takes a list of languages, and this is text; for example `languages = ["en", "ru", "ur"]`
    "#]],
    );
    check(
        &changed("languages = [\"en\", \"ru\"]", "languages = [\"English\", \"en\", \"en\"]"),
        expect![[r#"
            5:14: languages[1]: this is not the tag of a language; a language is written as "en", "ru" or "zh-hant"
            5:31: languages[3]: `en` is listed twice; keep one of them
        "#]],
    );
    check(
        &changed("[parties.kcfr]\nname = \"The Council\"", "[parties]\nkcfr = 1"),
        expect![[r#"
        10:8: parties.kcfr: this takes a table, and it is a whole number; begin it with `[[parties]]`
    "#]],
    );
    check(
        &file("policy = 3"),
        expect![[r#"
        1:10: policy: `policy` takes a table, and this is a whole number; for example `[policy]`
    "#]],
    );
    check(
        &file("policy = { recording = \"yes\", participants_max = 0, lobby = \"none\" }"),
        expect![[r#"
            1:24: policy.recording: `recording` takes true or false, without quotes, and this is text; for example `recording = true`
            1:50: policy.participants_max: `participants_max` is out of range; it goes from 1 to 20000
            1:61: policy.lobby: `lobby` does not know the word "none"; the words are "nobody", "registered" and "everybody"
        "#]],
    );
    check(
        &changed("[[segments]]", "[segments]"),
        expect![[r#"
            14:1: segments: `segments` takes several tables, and this is one; write its header as `[[segments]]`
        "#]],
    );
    check(
        &changed("time_zone = \"Asia/Karachi\"", "time_zone = 5"),
        expect![[r#"
        7:13: time_zone: `time_zone` takes the name of a zone as text; for example `time_zone = "Asia/Karachi"`
    "#]],
    );
}

#[test]
fn texts() {
    check(
        &changed("title = \"A talk\"", "title = { en = \"A\", fr = \"B\", 'x y' = \"C\" }"),
        expect![[r#"
            3:21: title.fr: `fr` is not one of the event's languages; they are `en` and `ru`: add it to `languages`, or take the text out
            3:31: title.x y: `x y` is not the tag of a language; a language is written as en, ru or zh-hant
        "#]],
    );
    check(
        &changed("title = \"A talk\"", "title = { en = \"A\" }"),
        expect![[r#"
        right
        warning 3:9: title: `title` has no text in `ru`; readers of that language see it in another
    "#]],
    );
    check(
        &changed("title = \"A talk\"", "title = {}"),
        expect![[r#"
        3:9: title: `title` has no text in any language; for example `title = { en = "Russia–Pakistan relations", ru = "Российско-пакистанские отношения" }`
    "#]],
    );
    check(
        &changed("title = \"A talk\"", "title = \"  \""),
        expect![[r#"
        3:9: title: this text is empty; write the text, or take the key out
    "#]],
    );
    check(
        &changed("title = \"A talk\"", "title = \"A\\nB\""),
        expect![[r#"
        3:9: title: this text has more than one line; write it on one line; it is wrapped where it is shown
    "#]],
    );
    check(
        &changed("title = \"A talk\"", "title = \"A\\u202EB\""),
        expect![[r#"
        3:9: title: this text holds the invisible character U+202E; take it out; right-to-left text needs no such mark
    "#]],
    );
    check(
        &changed("title = \"A talk\"", "title = { en = \"A\", EN = \"B\" }"),
        expect![[r#"
        3:11: title.en: this language is given twice; keep one of the two texts
    "#]],
    );
    check(
        &changed("A talk", &"x".repeat(281)),
        expect![[r#"
        3:9: title: this text has 281 characters; at most 280 are shown
    "#]],
    );
}

#[test]
fn identifiers() {
    check(
        &changed("id = \"talk\"", "id = \"My Talk!\""),
        expect![[r#"
        2:6: id: `My Talk!` cannot be used: an identifier is made of a-z, 0-9 and hyphens, and begins and ends with a letter or digit; for example `my-talk`
    "#]],
    );
    check(
        &changed("id = \"talk\"", "id = \"\""),
        expect![[r#"
            2:6: id: this identifier is empty; for example `kazi` or `plenary-address`
        "#]],
    );
    check(
        &changed("[people.kazi]", "[people.Kazi]"),
        expect![[r#"
        11:9: people.Kazi: `Kazi` cannot be used: an identifier is made of a-z, 0-9 and hyphens, and begins and ends with a letter or digit; for example `kazi`
        17:10: segments.plenary-address.floor[1]: there is no person "kazi"; add `[people.kazi]`
    "#]],
    );
    check(
        &changed("[people.kazi]", "[people.kazi]\nid = \"kazi\""),
        expect![[r#"
        12:6: people.kazi.id: the identifier stands in the header already: `kazi`; take the key `id` out
    "#]],
    );
    check(
        &format!(
            "{}[[segments]]\nkind = \"plenary-address\"\nminutes = 5\nfloor = [\"kazi\"]\n",
            file("")
        ),
        expect![[r#"
            18:1: segments.plenary-address: there is a second `plenary-address`; give each segment an `id` of its own
        "#]],
    );
}

#[test]
fn words() {
    check(
        &changed("[\"moderator\"]", "[\"Moderator\", \"chair\"]"),
        expect![[r#"
        13:10: people.kazi.roles[1]: `roles` does not know the word "Moderator"; did you mean "moderator"? The words are "organiser", "co-organiser", "moderator", "plenary-speaker", "panellist", "concluding-speaker", "interpreter", "captioner", "rapporteur" and "participant"
        13:23: people.kazi.roles[2]: `roles` does not know the word "chair"; the words are "organiser", "co-organiser", "moderator", "plenary-speaker", "panellist", "concluding-speaker", "interpreter", "captioner", "rapporteur" and "participant"
    "#]],
    );
    check(
        &changed("[\"moderator\"]", "[]"),
        expect![[r#"
        13:9: people.kazi.roles: a person has at least one role; who only watches is a "participant"
    "#]],
    );
    check(
        &changed("minutes = 30", "minutes = 30\nrecord = \"off\""),
        expect![[r#"
        17:10: segments.plenary-address.record: `record` does not know the word "off"; the words are "on-the-record", "chatham-house-rule" and "off-the-record"
    "#]],
    );
    check(
        &changed("kind = \"plenary-address\"", "kind = \"other\""),
        expect![[r#"
        14:1: segments.other: a segment of the kind "other" must have a title; add `title`: nobody could tell what it is
    "#]],
    );
}

#[test]
fn people_and_the_floor() {
    check(
        &changed("floor = [\"kazi\"]", "floor = [\"kasi\", \"ganich\"]"),
        expect![[r#"
        17:10: segments.plenary-address.floor[1]: there is no person "kasi"; did you mean "kazi"?
        17:18: segments.plenary-address.floor[2]: there is no person "ganich"; add `[people.ganich]`
    "#]],
    );
    check(
        &changed("floor = [\"kazi\"]", "floor = [\"kazi\", \"kazi\"]"),
        expect![[r#"
        17:18: segments.plenary-address.floor[2]: "kazi" is listed twice; keep one
    "#]],
    );
    check(
        &changed("[\"moderator\"]", "[\"organiser\"]"),
        expect![[r#"
        17:10: segments.plenary-address.floor[1]: "kazi" has no role that may speak; add "panellist", "plenary-speaker", "concluding-speaker" or "moderator" to `people.kazi.roles`
    "#]],
    );
    check(
        &changed("[\"moderator\"]", "[\"panellist\"]"),
        expect![[r#"
        11:2: people: nobody moderates the event; give one person the role "moderator"
    "#]],
    );
    check(
        &changed("floor = [\"kazi\"]\n", ""),
        expect![[r#"
        right
        warning 14:1: segments.plenary-address: nobody has the floor in this segment; the moderator must give it by hand; `floor` names who gets it
    "#]],
    );
    check(
        &changed("roles =", "party = \"kcrf\"\nroles ="),
        expect![[r#"
        13:9: people.kazi.party: there is no party "kcrf"; did you mean "kcfr"?
    "#]],
    );
    check(
        &changed("roles =", "country = \"UK\"\nroles ="),
        expect![[r#"
        13:11: people.kazi.country: `country` takes an ISO 3166-1 code of two letters; did you mean "GB"?
    "#]],
    );
    check(
        &changed("roles =", "country = \"Moon\"\nroles ="),
        expect![[r#"
        13:11: people.kazi.country: `country` takes an ISO 3166-1 code of two letters; two capital letters, as "PK"; who represents no country has no `country`
    "#]],
    );
    check(
        &changed("[\"moderator\"]", "[\"co-organiser\", \"plenary-speaker\"]")
            .replace("floor = [\"kazi\"]", ""),
        expect![[r#"
            right
            warning 11:2: people.kazi: "kazi" is announced as a speaker and has the floor in no segment; name the person in the `floor` of a segment
            warning 13:9: people.kazi.roles: a co-organiser acts for a party, and none is named; add `party` with the id of the party
            warning 14:1: segments.plenary-address: nobody has the floor in this segment; the moderator must give it by hand; `floor` names who gets it
        "#]],
    );
}

#[test]
fn times() {
    let at = |start: &str, zone: &str| {
        changed("start = \"2026-03-01T18:00\"", &format!("start = {start}"))
            .replace("Asia/Karachi", zone)
    };
    check(
        &at("\"2026-03-01\"", "Asia/Karachi"),
        expect![[r#"
        6:9: start: `start` has a date but no time of day; write year-month-day, T, and hour:minute of the event's city, as `start = "2021-02-09T15:00"`
    "#]],
    );
    check(
        &at("\"tomorrow\"", "Asia/Karachi"),
        expect![[r#"
        6:9: start: `start` is not a date with a time of day; write year-month-day, T, and hour:minute of the event's city, as `start = "2021-02-09T15:00"`
    "#]],
    );
    check(
        &at("18", "Asia/Karachi"),
        expect![[r#"
        6:9: start: `start` is not a date with a time of day; write year-month-day, T, and hour:minute of the event's city, as `start = "2021-02-09T15:00"`
    "#]],
    );
    check(
        &at("2026-03-01", "Asia/Karachi"),
        expect![[r#"
        6:9: start: `start` has a date but no time of day; write year-month-day, T, and hour:minute of the event's city, as `start = "2021-02-09T15:00"`
    "#]],
    );
    check(
        &at("2026-03-01T18:00:00", "Asia/Karachi"),
        expect![[r#"
        right
    "#]],
    );
    check(
        &at("2026-03-01T18:00:00+05:00", "Asia/Karachi"),
        expect![[r#"
        right
    "#]],
    );
    check(
        &at("2026-03-01T18:00:00Z", "Asia/Karachi"),
        expect![[r#"
        6:9: start: the offset +00:00 does not agree with `time_zone`; Asia/Karachi has +05:00 then; leave the offset out or mend it
    "#]],
    );
    check(
        &at("\"2026-03-01T18:00+03:00\"", "Asia/Karachi"),
        expect![[r#"
        6:9: start: the offset +03:00 does not agree with `time_zone`; Asia/Karachi has +05:00 then; leave the offset out or mend it
    "#]],
    );
    check(
        &at("\"2026-03-01T18:00+05:00[Asia/Karachi]\"", "Asia/Karachi"),
        expect![[r#"
        6:9: start: the zone in brackets belongs in `time_zone`; write year-month-day, T, and hour:minute of the event's city, as `start = "2021-02-09T15:00"`
    "#]],
    );
    // The last Sunday of March and of October in Berlin.
    check(
        &at("\"2026-03-29T02:30\"", "Europe/Berlin"),
        expect![[r#"
        6:9: start: 2026-03-29T02:30 does not exist in Europe/Berlin: the clocks go forward over it; did you mean 2026-03-29T03:30?
    "#]],
    );
    check(
        &at("\"2026-10-25T02:30\"", "Europe/Berlin"),
        expect![[r#"
        6:9: start: 2026-10-25T02:30 occurs twice in Europe/Berlin: the clocks go back over it; write which: `start = "2026-10-25T02:30+02:00"` for the first, +01:00 for the second
    "#]],
    );
    check(
        &at("\"2026-10-25T02:30+01:00\"", "Europe/Berlin"),
        expect![[r#"
        right
    "#]],
    );
    check(
        &at("\"2026-03-01T18:00\"", "Karachi"),
        expect![[r#"
        7:13: time_zone: there is no time zone "Karachi"; did you mean "Asia/Karachi"?
    "#]],
    );
    check(
        &at("\"2026-03-01T18:00\"", "Asia/Karatchi"),
        expect![[r#"
        7:13: time_zone: there is no time zone "Asia/Karatchi"; did you mean "Asia/Karachi"?
    "#]],
    );
    check(
        &at("\"2026-03-01T18:00\"", "PKT-ish"),
        expect![[r#"
        7:13: time_zone: there is no time zone "PKT-ish"; zones are named by continent and city, as "Asia/Karachi"
    "#]],
    );
    check(
        &at("\"9999-12-31T23:59\"", "America/New_York"),
        expect![[r#"
        6:9: start: 9999-12-31T23:59 lies outside of the calendar; choose a date of this era
    "#]],
    );
}

#[test]
fn not_toml() {
    check(
        "id = \"x",
        expect![[r#"
        1:8: invalid basic string, expected `"`
    "#]],
    );
    check(
        "id = \"x\"\nid = \"y\"\n[",
        expect![[r#"
        2:1: duplicate key
        3:2: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`
    "#]],
    );
    check(
        "= = =\n\u{0}\n",
        expect![[r#"
        1:1: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`
        1:3: extra `=`, expected nothing
        1:5: unexpected key or value, expected newline, `#`
        2:1: invalid unquoted key, expected letters, numbers, `-`, `_`
        2:2: key with no value, expected `=`
    "#]],
    );
}

#[test]
fn not_text() {
    let error = parse_bytes(b"id = \"a\"\ntitle = \"\xFF\"").expect_err("no text");
    expect!["2:10: the file is not UTF-8 text from here on; save it as UTF-8"]
        .assert_eq(&error.to_string());
    assert!(parse_bytes(format!("\u{FEFF}{EXAMPLE}").as_bytes()).is_ok());
    let error = parse(&" ".repeat((1 << 20) + 1)).expect_err("too long");
    expect!["1:1: the file has 1048577 bytes; a programme has at most 1048576"]
        .assert_eq(&error.to_string());
}

#[test]
fn a_hundred_errors_are_described_and_the_others_counted() {
    let lines: String = (0..250).map(|n| format!("unknown-{n} = 1\n")).collect();
    let problems = parse(&file(&lines)).expect_err("unknown keys");
    assert_eq!((problems.errors.len(), problems.errors_not_shown), (100, 150));
}

#[test]
fn an_error_on_a_terminal() {
    let text = changed("floor = [\"kazi\"]", "floor = [\"kazi\", \"كاظي\"] # \u{1b}[31m");
    let problems = parse(&text.replace('\u{1b}', "")).expect_err("a bad key");
    let rendered: String = problems
        .errors
        .iter()
        .map(|error| error.render("talk.toml", &text, Gravity::Error, false))
        .collect();
    expect![[r#"
        error: `كاظي` cannot be used: an identifier is made of a-z, 0-9 and hyphens, and begins and ends with a letter or digit
          --> talk.toml:17:18  segments.plenary-address.floor[2]
           |
        17 | floor = ["kazi", "كاظي"] # ·[31m
           |                  ^^^^^^
           = for example `kazi` or `plenary-address`
    "#]].assert_eq(&rendered);
    let coloured = problems.errors[0].render("talk.toml", &text, Gravity::Error, true);
    assert!(coloured.contains("\x1b[1;31merror\x1b[0m") && !coloured.contains("\x1b[31m"));
}

#[test]
fn a_long_line_is_cut_around_the_caret() {
    let text = changed(
        "title = \"A talk\"",
        &format!("title = {{ en = \"{}\", zz = \"b\" }}", "é".repeat(200)),
    );
    let problems = parse(&text).expect_err("an unknown language");
    let rendered = problems.errors[0].render("talk.toml", &text, Gravity::Error, false);
    expect![[r#"
        error: `zz` is not one of the event's languages
         --> talk.toml:3:220  title.zz
          |
        3 | ééééééééééééééééééééééééééééééééééééé", zz = "b" }
          |                                         ^^
          = they are `en` and `ru`: add it to `languages`, or take the text out
    "#]]
    .assert_eq(&rendered);
}

#[test]
fn the_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/programme.schema.json");
    let current = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(path, &current).expect("the schema can be written");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/programme.schema.json is stale; run UPDATE_GENERATED=1 cargo test -p programme"
    );
}

/// The manual names every key, and each whole file in it is right.
#[test]
fn the_manual_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PROGRAMME-FILE.md");
    let manual = fs::read_to_string(path).expect("the manual");
    let mut names = Vec::new();
    names_in(&schema(), &mut names);
    let missing: Vec<_> =
        names.iter().filter(|name| !manual.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/PROGRAMME-FILE.md does not name {missing:?}");
    let files: Vec<_> =
        manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!files.is_empty());
    for file in files {
        let whole = if file.contains("languages =") { file.to_owned() } else { continue };
        parse(&whole).unwrap_or_else(|problems| panic!("{problems}\nin\n{whole}"));
    }
}

fn names_in(schema: &serde_json::Value, out: &mut Vec<String>) {
    match schema {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Object(properties)) = map.get("properties") {
                out.extend(properties.keys().cloned());
            }
            out.extend(map.get("const").and_then(|word| word.as_str()).map(str::to_owned));
            map.values().for_each(|value| names_in(value, out));
        }
        serde_json::Value::Array(array) => array.iter().for_each(|value| names_in(value, out)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        show(&bytes);
    }

    /// The example with some of its characters changed, moved or lost.
    #[test]
    fn a_damaged_example_never_panics(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12, ".{0,6}"), 1..6),
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for (at, length, text) in edits {
            let start = at.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, text.bytes());
        }
        show(&bytes);
    }

    /// Lines in another order: every value is of a good type somewhere else.
    #[test]
    fn a_shuffled_example_never_panics(lines in Just(EXAMPLE.lines().collect::<Vec<_>>()).prop_shuffle()) {
        show(lines.join("\n").as_bytes());
    }
}

/// Parses and renders everything that there is to say about the bytes.
fn show(bytes: &[u8]) {
    if let Err(problems) = parse_bytes(bytes) {
        assert!(!problems.errors.is_empty());
        let text = String::from_utf8_lossy(bytes);
        for problem in problems.errors.iter().chain(&problems.warnings) {
            assert!(problem.line >= 1 && problem.column >= 1);
            problem.render("file", &text, Gravity::Error, true);
        }
    }
}
