//! The Chatham House Rule: what was said may be told, who said it may not, anywhere.

use std::collections::BTreeMap;

use base::{Localized, Millis, PersonId, SegmentId};
use base::{Revision, StatementId};
use proceedings::{RecordStatus, ReportingVerb, Role, SegmentKind, Wording};
use proptest::prelude::*;
use publication::output::{Status, web_vtt};
use publication::{
    At, Clearance, Edit, Facts, Gender, Line, Person, Problem, Segment, Source, Statement, unbound,
};

use crate::support::{
    edition, formats, language, languages, problems, record_outputs, reference_facts, release_of,
};

/// Something that Ganich said during the questions, which are under the Rule.
fn answer(words: &str) -> Statement {
    let ganich = |text: &str| Wording::Indirect { text: text.to_owned() };
    Statement {
        id: StatementId(99),
        speaker: Some(PersonId::new("ganich").unwrap()),
        segment: SegmentId::new("questions").unwrap(),
        record: RecordStatus::ChathamHouseRule,
        verb: ReportingVerb::Noted,
        words: BTreeMap::from([
            (language("en"), ganich(words)),
            (language("ru"), ganich("потребуется время")),
            (language("ur"), ganich("وقت درکار ہو گا")),
        ]),
        original: language("ru"),
        interpreted_from: Some(language("ru")),
        start: Millis(2_777_123),
        end: Millis(2_888_123),
        clearance: Clearance::Cleared,
        revision: Revision(1),
    }
}

#[test]
fn content_may_appear_and_its_speaker_may_not() {
    let mut facts = reference_facts();
    facts.statements.push(answer("time would be needed"));
    let release = release_of(&facts);
    assert_eq!(problems(&release, &facts), []);
    let cited = release.cited(StatementId(99)).unwrap();
    assert_eq!((&cited.speaker, cited.span), (&None, None));
    let bytes = String::from_utf8(release.to_json().unwrap()).unwrap();
    assert!(!bytes.contains("2777123"), "no time leads to the voice");
    for (tag, sentence, interpreted) in [
        ("en", "a participant noted that time would be needed", "interpreted"),
        ("ru", "один из участников отметил, что потребуется время", "перевод"),
        ("ur", "ایک شریک نے اس بات کا ذکر کیا کہ وقت درکار ہو گا", "ترجمہ)"),
    ] {
        let blocks = &release.versions[&language(tag)].blocks;
        let paragraph = blocks
            .iter()
            .find(|block| block.segment.as_ref().is_some_and(|id| id.as_str() == "questions"))
            .unwrap();
        assert!(paragraph.text().contains(sentence), "{}", paragraph.text());
        assert!(!paragraph.text().contains(interpreted), "the language may tell who it was");
        for (format, text) in formats(&edition(&release), &language(tag)) {
            assert!(!text.contains("2777") && !text.contains("15:46:17"), "{format} has its time");
        }
    }
}

#[test]
fn small_words_of_a_name_are_no_names() {
    let mut facts = reference_facts();
    facts.people[0].name =
        Localized(BTreeMap::from([(language("en"), "Desk of the Council".to_owned())]));
    facts.statements.push(answer("the time of the talks would be needed"));
    assert_eq!(problems(&release_of(&facts), &facts), []);
    facts.statements.pop();
    facts.statements.push(answer("the Desk would need time"));
    assert_ne!(problems(&release_of(&facts), &facts), []);
}

#[test]
fn no_name_passes_in_a_paragraph_under_the_rule() {
    let en = language("en");
    for leak in [
        "GANICH was asked",
        "the Ambassador of the Russian Federation to Pakistan was asked",
        "Danila answered",
        "Mr Kazi’s view is another",
        "the Karachi Council on Foreign Relations would help",
        "Сана Мирза спросила",
        "ثنا مرزا نے پوچھا",
    ] {
        let mut facts = reference_facts();
        facts.statements.push(answer(leak));
        let found = problems(&release_of(&facts), &facts);
        assert!(
            matches!(found.as_slice(), [Problem::Named { language, block: 6 }] if *language == en),
            "{leak}: {found:?}"
        );
    }
}

#[test]
fn no_edit_brings_a_name_in() {
    let mut facts = reference_facts();
    facts.statements.push(answer("time would be needed"));
    let named = |release: &publication::Release| {
        // All that is unbound was accepted.
        let accepted = unbound(release, &facts).into_iter().map(|text| text.digest).collect();
        publication::check(release, &facts, &accepted)
            .iter()
            .any(|problem| matches!(problem, Problem::Named { .. }))
    };
    let en = language("en");
    for (text, block, forbidden) in [
        ("Ambassador Ganich then answered under the Chatham House Rule.", 5, true),
        ("Посол Ганич отвечал по правилу Чатем-Хауса.", 5, true),
        ("Dr Sana Mirza was among the guests.", 5, true),
        ("Bilal Hashmi of the University of Karachi came too.", 5, true),
        ("Ambassador Ganich spoke at length.", 5, false),
        ("Questions followed under the Chatham House Rule.", 5, false),
    ] {
        let mut release = release_of(&facts);
        release.edit(&en, Edit::InsertParagraph { block, text: text.into() }).unwrap();
        assert_eq!(named(&release), forbidden, "{text}");
    }
    let mut release = release_of(&facts);
    let run = Edit::InsertRun { at: At { block: 6, run: 1 }, text: "That was Ganich.".into() };
    release.edit(&en, run).unwrap();
    assert!(named(&release), "in a paragraph under the Rule");
}

#[test]
fn captions_strike_names_out_and_have_no_voice() {
    let facts = reference_facts();
    let line = |speaker: &str, segment: &str, text: &str| Line {
        speaker: Some(PersonId::new(speaker).unwrap()),
        record: reference_facts().segment(&SegmentId::new(segment).unwrap()).map_or(
            RecordStatus::OffTheRecord,
            |segment| match segment.under_rule {
                true => RecordStatus::ChathamHouseRule,
                false => RecordStatus::OnTheRecord,
            },
        ),
        start: Millis(5_000),
        end: Millis(9_000),
        language: language("en"),
        text: text.into(),
    };
    let lines = [
        line("ganich", "plenary-address", "I thank the organisers."),
        line("hashmi", "questions", "Bilal Hashmi here. Ambassador Ganich, how long?"),
    ];
    let captions = web_vtt::captions(&facts, &lines, &language("en"));
    assert!(captions.contains("<v Danila Ganich>I thank the organisers."), "{captions}");
    assert!(captions.contains("[name withheld] here. Ambassador [name withheld], how long?"));
    let mut closed = facts.clone();
    for segment in &mut closed.segments {
        (segment.on_the_record, segment.under_rule) = (false, false);
    }
    let lines = lines.map(|line| Line { record: RecordStatus::OffTheRecord, ..line });
    assert_eq!(web_vtt::captions(&closed, &lines, &language("en")), "WEBVTT\nLanguage: en\n");
    assert_eq!(web_vtt::chapters(&closed, &language("en")), "WEBVTT\nLanguage: en\n");
}

#[test]
fn off_the_record_is_nowhere() {
    let mut facts = reference_facts();
    facts.segments[1].on_the_record = false;
    for statement in &mut facts.statements {
        if statement.segment == facts.segments[1].id {
            statement.record = RecordStatus::OffTheRecord;
        }
    }
    let release = release_of(&facts);
    assert_eq!(problems(&release, &facts), []);
    for language in languages() {
        for (format, text) in formats(&edition(&release), &language) {
            for said in ["Indo-Pacific", "Индо-Тихоокеанском", "بحرالکاہل"]
            {
                assert!(!text.contains(said), "{format}");
            }
        }
    }
    let before = release_of(&reference_facts());
    let found = problems(&before, &facts);
    assert!(found.iter().any(|problem| matches!(problem, Problem::NotReportable { .. })));
}

#[test]
fn what_was_withdrawn_shows_no_more_than_that() {
    let release = release_of(&reference_facts());
    let mut edition = edition(&release);
    edition.status = Status::Withdrawn(crate::support::NEXT_DAY);
    let item = publication::output::ninjs::item(&edition, &language("en"));
    assert_eq!(item["pubstatus"], "canceled");
    for (format, text) in formats(&edition, &language("en")) {
        assert!(!text.contains("Indo-Pacific"), "{format}");
        assert!(format == "JSON-LD" || text.contains("Withdrawn"), "{format}");
    }
    edition.status = Status::Embargoed(crate::support::NEXT_DAY);
    let item = publication::output::ninjs::item(&edition, &language("en"));
    assert_eq!(
        (&item["pubstatus"], &item["embargoed"]),
        (&"withheld".into(), &"2021-02-10T06:00:00Z".into())
    );
    let feed = formats(&edition, &language("en")).into_iter().find(|(name, _)| *name == "Atom");
    assert!(!feed.unwrap().1.contains("<entry>"), "an embargo is not told to everybody");
}

/// A name of two words that occur nowhere else.
fn name() -> impl Strategy<Value = String> {
    ("[B-Z][a-z]{2}q[a-z]{3}", "[B-Z][a-z]{2}x[a-z]{3}").prop_map(|(a, b)| format!("{a} {b}"))
}

fn person(index: usize, name: &str, role: Role) -> Person {
    let text =
        |text: String| Localized(languages().into_iter().map(|tag| (tag, text.clone())).collect());
    let surname = name.split(' ').next_back().unwrap_or_default().to_owned();
    Person {
        id: PersonId::new(&format!("person-{index}")).unwrap(),
        name: text(name.to_owned()),
        honorific: Some(text("Dr".into())),
        surname: Some(text(surname)),
        address: Some(text("Dr".into())),
        title: Some(text(format!("Chair Zqoffice{index}"))),
        office: None,
        affiliation: Some(text(format!("Institute Zqbody{index}"))),
        gender: Gender::Unspecified,
        roles: vec![role],
    }
}

fn status(segment: &Segment) -> RecordStatus {
    match (segment.under_rule, segment.on_the_record) {
        (true, _) => RecordStatus::ChathamHouseRule,
        (_, true) => RecordStatus::OnTheRecord,
        _ => RecordStatus::OffTheRecord,
    }
}

prop_compose! {
    fn some_facts()(
        names in prop::collection::vec(name(), 2..6),
        roles in prop::collection::vec(0..4_usize, 6),
        kinds in prop::collection::vec((0..6_usize, 0..3_usize, prop::option::of(0..6_usize)), 1..6),
        said in prop::collection::vec(
            (0..6_usize, 0..6_usize, 0..29_usize, prop::option::of(0..6_usize), any::<bool>()), 0..14),
    ) -> Facts {
        let mut facts = reference_facts();
        let roles = roles.iter().map(|at| [Role::Moderator, Role::PlenarySpeaker, Role::Panellist, Role::Participant][*at]);
        facts.people = names.iter().zip(roles).enumerate()
            .map(|(index, (name, role))| person(index, name, role)).collect();
        let who = |at: usize| facts.people[at % facts.people.len()].id.clone();
        facts.segments = kinds.iter().enumerate().map(|(index, (kind, record, titled))| Segment {
            id: SegmentId::new(&format!("segment-{index}")).unwrap(),
            kind: [SegmentKind::IntroductoryRemarks, SegmentKind::PlenaryAddress, SegmentKind::Discussion,
                SegmentKind::Questions, SegmentKind::ConcludingNote, SegmentKind::Other][*kind],
            title: titled.map(|at| Localized::single(language("en"),
                format!("Answers of {}", names[at % names.len()]))),
            on_the_record: *record == 0,
            under_rule: *record == 1,
            floor: vec![who(index)],
            held: Some((Millis(index as u64 * 60_000), Millis(index as u64 * 60_000 + 60_000))),
        }).collect();
        let segments = facts.segments.len();
        facts.statements = said.iter().enumerate().map(|(index, (speaker, segment, verb, mention, verbatim))| {
            let text = match mention {
                Some(at) => format!("that is what {} wants", names[at % names.len()]),
                None => "that is so".to_owned(),
            };
            let words = |text: &str| match verbatim {
                true => Wording::Verbatim { text: text.to_owned(), corrected_by_ear: false },
                false => Wording::Indirect { text: text.to_owned() },
            };
            Statement {
                id: StatementId(index as u32 + 1),
                speaker: Some(who(*speaker)),
                segment: SegmentId::new(&format!("segment-{}", segment % segments)).unwrap(),
                record: status(&facts.segments[segment % segments]),
                verb: ReportingVerb::ALL[*verb],
                words: languages().into_iter().map(|tag| (tag, words(&text))).collect(),
                original: language("en"),
                interpreted_from: None,
                start: Millis(7_000 + index as u64),
                end: Millis(9_000 + index as u64),
                clearance: Clearance::Cleared,
                revision: Revision(1),
            }
        }).collect();
        facts
    }
}

/// Words by which a person is known.
fn known_by(person: &Person) -> Vec<String> {
    let en = language("en");
    let name = &person.name.0[&en];
    let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
    for text in [&person.title, &person.affiliation].into_iter().flatten() {
        words.extend(
            text.0[&en].split(' ').filter(|word| word.starts_with("Zq")).map(str::to_owned),
        );
    }
    words
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the facts: what may be issued names nobody who is hidden, in any format, and no
    /// paragraph under the Rule names anybody.
    #[test]
    fn names_under_the_rule_are_in_no_output(facts in some_facts()) {
        let release = release_of(&facts);
        let found = problems(&release, &facts);
        let rule = facts.segments.iter().any(|segment| segment.under_rule);
        let nameable = facts.nameable();
        let hidden: Vec<String> = facts.people.iter()
            .filter(|person| rule && !nameable.contains(&person.id)).flat_map(known_by).collect();
        let everybody: Vec<String> = facts.people.iter().flat_map(known_by).collect();
        let leaked = found.iter().any(|problem| matches!(problem, Problem::Named { .. }));
        let mut seen = false;
        let mut outputs: Vec<(&str, String)> =
            vec![("document", String::from_utf8(release.to_json().unwrap()).unwrap())];
        for tag in languages() {
            outputs.extend(formats(&edition(&release), &tag));
            for block in &release.versions[&tag].blocks {
                let under = block.segment.as_ref().is_some_and(|id| facts.segment(id).unwrap().under_rule);
                seen |= under && everybody.iter().any(|word| block.text().contains(word.as_str()));
            }
        }
        for (format, text) in &outputs {
            let shown = hidden.iter().find(|word| text.contains(word.as_str()));
            seen |= shown.is_some();
            prop_assert!(leaked || shown.is_none(), "{}: {:?}", format, shown);
        }
        prop_assert_eq!(leaked, seen, "check() finds what is there, and nothing else: {:?}", found);
        // Under the Rule a statement has neither speaker nor time.
        for cited in &release.statements {
            let under = facts.segment(&cited.segment).unwrap().under_rule;
            prop_assert_eq!(under, cited.speaker.is_none());
            prop_assert_eq!(under, cited.span.is_none());
        }
        let chapters = web_vtt::chapters(&facts, &language("en"));
        prop_assert!(hidden.iter().all(|word| !chapters.contains(word.as_str())));
    }

    /// The same for captions, whose text nobody wrote for publication.
    #[test]
    fn names_under_the_rule_are_in_no_caption(facts in some_facts()) {
        let lines: Vec<Line> = facts.statements.iter().map(|statement| Line {
            speaker: statement.speaker.clone(),
            record: statement.record,
            start: statement.start,
            end: statement.end,
            language: language("en"),
            text: statement.words[&language("en")].text().to_owned(),
        }).collect();
        let rule = facts.segments.iter().any(|segment| segment.under_rule);
        let nameable = facts.nameable();
        for line in &lines {
            let captions = web_vtt::captions(&facts, std::slice::from_ref(line), &language("en"));
            let record = line.record;
            if record == RecordStatus::OffTheRecord {
                prop_assert!(!captions.contains("-->"));
            }
            for person in &facts.people {
                let forbidden = record == RecordStatus::ChathamHouseRule
                    || rule && !nameable.contains(&person.id);
                for word in known_by(person) {
                    prop_assert!(!forbidden || !captions.contains(word.as_str()), "{}", captions);
                }
            }
        }
    }

    /// The same for all that everybody reads of the record. What is hidden everywhere is nowhere, and
    /// a text that was said under the Rule stands without a name, a time and a way to the sound.
    #[test]
    fn names_under_the_rule_are_nowhere_in_the_record(facts in some_facts()) {
        let lines: Vec<Line> = facts.statements.iter().enumerate().map(|(index, statement)| Line {
            speaker: statement.speaker.clone(),
            record: statement.record,
            start: Millis(facts.segment(&statement.segment).unwrap().held.unwrap().0.0 + index as u64),
            end: Millis(facts.segment(&statement.segment).unwrap().held.unwrap().0.0 + 900),
            language: language("en"),
            text: format!("{} Marked{index}.", statement.words[&language("en")].text()),
        }).collect();
        let rule = facts.segments.iter().any(|segment| segment.under_rule);
        let nameable = facts.nameable();
        let hidden: Vec<String> = facts.people.iter()
            .filter(|person| rule && !nameable.contains(&person.id)).flat_map(known_by).collect();
        let everybody: Vec<String> = facts.people.iter().flat_map(known_by).collect();
        for tag in languages() {
            for (form, text) in record_outputs(&facts, &lines, &tag) {
                let shown = hidden.iter().find(|word| text.contains(word.as_str()));
                prop_assert!(shown.is_none(), "{}: {:?}", form, shown);
                for (index, line) in lines.iter().enumerate() {
                    let said = text.lines().filter(|text| text.contains(&format!("Marked{index}.")));
                    for said in said {
                        prop_assert!(line.record != RecordStatus::OffTheRecord, "{}", said);
                        if line.record == RecordStatus::ChathamHouseRule {
                            let named = everybody.iter().find(|word| said.contains(word.as_str()));
                            prop_assert!(named.is_none(), "{}: {}", form, said);
                            prop_assert!(!said.contains("t=") && !said.contains("data-t"), "{}", said);
                        }
                    }
                }
                let cues = text.split("\n\n").filter(|cue| cue.contains(" --> "));
                for (index, line) in lines.iter().enumerate() {
                    let mark = format!("Marked{index}.");
                    let told = cues.clone().any(|cue| cue.contains(&mark));
                    prop_assert!(!told || line.record == RecordStatus::OnTheRecord, "{}: {}", form, mark);
                }
            }
        }
    }

    /// A draft of cleared statements has nothing unbound in it.
    #[test]
    fn a_draft_is_bound(facts in some_facts()) {
        let release = release_of(&facts);
        prop_assert_eq!(unbound(&release, &facts), vec![]);
        let runs = release.versions.values().flat_map(|v| &v.blocks).flat_map(|b| &b.runs);
        prop_assert!(runs.into_iter().all(|run| run.source != Source::Unbound));
        let bytes = release.to_json().unwrap();
        prop_assert_eq!(publication::Release::from_json(&bytes).unwrap(), release);
    }
}
