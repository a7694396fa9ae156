//! What a person writes is unbound, and what forbids issuing is named.

use std::collections::BTreeSet;

use base::StatementId;
use proceedings::Wording;
use publication::{
    At, Clearance, Day, Edit, EditError, Gender, HouseStyle, Part, Problem, Source, check, draft,
    unbound,
};

use crate::support::{KARACHI, NEXT_DAY, language, problems, reference_facts, release_of};

/// Place of the first sentence of the first intervention in English.
const KAZI: At = At { block: 4, run: 0 };

#[test]
fn a_changed_text_is_unbound_until_somebody_decides() {
    let facts = reference_facts();
    let mut release = release_of(&facts);
    let approved = release.hash().unwrap();
    let en = language("en");
    let before = release.versions[&en].blocks[KAZI.block].runs[KAZI.run].clone();
    assert_eq!(before.source, Source::Statement(StatementId(1)));

    let same = Edit::ReplaceText { at: KAZI, text: format!("  {} ", before.text), statement: None };
    release.edit(&en, same).unwrap();
    assert_eq!(release.hash().unwrap(), approved, "the same text is the same version");

    let text = before.text.replace("stressed", "claimed");
    release.edit(&en, Edit::ReplaceText { at: KAZI, text, statement: None }).unwrap();
    assert_ne!(release.hash().unwrap(), approved, "another version needs other approvals");
    let marked = unbound(&release, &facts);
    assert_eq!(marked.len(), 1);
    assert_eq!(marked[0].at, KAZI);
    let found = problems(&release, &facts);
    assert!(found.contains(&Problem::Unbound { text: marked[0].clone() }));
    let missing = Problem::MissingStatement { language: en.clone(), statement: StatementId(1) };
    assert!(found.contains(&missing), "the statement is no longer in this version: {found:?}");

    // The following sentence is somebody's only while its opening stands before it.
    assert!(found.iter().any(|problem| matches!(problem, Problem::Misplaced { .. })), "{found:?}");

    // Binding it again does not make it what was cleared.
    release.edit(&en, Edit::Bind { at: KAZI, statement: StatementId(1) }).unwrap();
    let found = problems(&release, &facts);
    let [Problem::Reworded { statement: of, text }] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(*of, StatementId(1));
    let accepted = BTreeSet::from([text.digest]);
    assert_eq!(check(&release, &facts, &accepted), [], "somebody decided");

    // Another word, and the decision is void.
    let text = before.text.replace("stressed", "admitted");
    let edit = Edit::ReplaceText { at: KAZI, text, statement: Some(StatementId(1)) };
    release.edit(&en, edit).unwrap();
    assert_eq!(check(&release, &facts, &accepted).len(), 1);

    // The cleared words bound again are as they were.
    let edit = Edit::ReplaceText { at: KAZI, text: before.text, statement: Some(StatementId(1)) };
    release.edit(&en, edit).unwrap();
    assert_eq!(release.hash().unwrap(), approved);
    assert_eq!(problems(&release, &facts), []);
}

#[test]
fn paragraphs_come_go_and_move() {
    let facts = reference_facts();
    let mut release = release_of(&facts);
    let en = language("en");
    let added = Edit::InsertParagraph { block: 5, text: "A vibrant\nexchange followed.".into() };
    release.edit(&en, added).unwrap();
    let block = &release.versions[&en].blocks[5];
    assert_eq!(
        (block.part, block.text().as_str()),
        (Part::Paragraph, "A vibrant exchange followed.")
    );
    assert_eq!(unbound(&release, &facts).len(), 1);
    release.edit(&en, Edit::MoveParagraph { block: 5, to: 7 }).unwrap();
    release
        .edit(&en, Edit::InsertRun { at: At { block: 7, run: 1 }, text: "Yes.".into() })
        .unwrap();
    release.edit(&en, Edit::RemoveRun { at: At { block: 7, run: 0 } }).unwrap();
    release.edit(&en, Edit::RemoveRun { at: At { block: 7, run: 0 } }).unwrap();
    assert_eq!(release, release_of(&facts), "all is as it was");

    for (edit, error) in [
        (Edit::RemoveParagraph { block: 99 }, EditError::NoPlace),
        (Edit::MoveParagraph { block: 0, to: 99 }, EditError::NoPlace),
        (Edit::RemoveRun { at: At { block: 0, run: 9 } }, EditError::NoPlace),
        (Edit::InsertParagraph { block: 0, text: " \u{202E}\n".into() }, EditError::Empty),
        (Edit::InsertParagraph { block: 0, text: "x".repeat(3_000) }, EditError::TooLong),
        (Edit::Bind { at: KAZI, statement: StatementId(77) }, EditError::NoStatement),
    ] {
        assert_eq!(release.edit(&en, edit), Err(error));
    }
    let gone = Edit::RemoveParagraph { block: 0 };
    assert_eq!(release.edit(&language("fr"), gone), Err(EditError::NoVersion));
    assert_eq!(release, release_of(&facts), "a refused change changes nothing");
}

#[test]
fn a_statement_dropped_everywhere_is_not_cited() {
    let facts = reference_facts();
    let mut release = release_of(&facts);
    let last = At { block: 6, run: 3 };
    for tag in ["en", "ru", "ur"] {
        release.edit(&language(tag), Edit::RemoveRun { at: last }).unwrap();
    }
    assert!(release.cited(StatementId(15)).is_none());
    assert_eq!(problems(&release, &facts), [], "what is not reported needs no clearance");
}

#[test]
fn what_changed_after_the_draft_is_found() {
    let facts = reference_facts();
    let release = release_of(&facts);
    let en = language("en");

    let mut pending = facts.clone();
    pending.statements[0].clearance = Clearance::Pending;
    let not_cleared = Problem::NotCleared { statement: StatementId(1) };
    assert_eq!(problems(&release, &pending), [not_cleared]);

    let mut withheld = facts.clone();
    withheld.statements[0].clearance = Clearance::Withheld;
    let not_reportable = Problem::NotReportable { statement: StatementId(1) };
    assert!(problems(&release, &withheld).contains(&not_reportable));
    assert!(release_of(&withheld).cited(StatementId(1)).is_none());

    let mut corrected = facts.clone();
    let words = Wording::Indirect { text: "the SCO was one platform among others".into() };
    corrected.statements[0].words.insert(en.clone(), words);
    assert!(matches!(problems(&release, &corrected).as_slice(), [Problem::Reworded { .. }]));

    let mut moved = facts.clone();
    moved.statements[0].start.0 += 1;
    let changed = Problem::StatementChanged { statement: StatementId(1) };
    assert_eq!(problems(&release, &moved), [changed]);

    let mut promoted = facts.clone();
    promoted.people[2].title = None;
    let found = problems(&release, &promoted);
    assert!(found.contains(&Problem::AboutChanged), "{found:?}");
    assert!(found.iter().any(|p| matches!(p, Problem::NotTheFact { .. })), "{found:?}");

    let mut untranslated = facts.clone();
    untranslated.statements[0].words.remove(&language("ur"));
    let missing = Problem::MissingStatement { language: language("ur"), statement: StatementId(1) };
    assert!(problems(&release_of(&untranslated), &untranslated).contains(&missing));

    let mut short = release.clone();
    short.versions.remove(&language("ru"));
    assert_eq!(problems(&short, &facts), [Problem::MissingVersion { language: language("ru") }]);
}

#[test]
fn a_sentence_cannot_be_put_into_another_mouth() {
    let facts = reference_facts();
    let mut release = release_of(&facts);
    let en = language("en");
    let version = release.versions.get_mut(&en).unwrap();
    let said_by_ganich = version.blocks[5].runs.remove(1);
    version.blocks[4].runs.push(said_by_ganich);
    let found = problems(&release, &facts);
    let [Problem::Misplaced { statement: of, .. }] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(*of, StatementId(6));
}

#[test]
fn grammar_follows_the_person() {
    let mut facts = reference_facts();
    let kazi = facts.people.iter().position(|person| person.id.as_str() == "kazi").unwrap();
    let ru =
        |facts: &publication::Facts| release_of(facts).text_of(&language("ru"), Part::Intervention);
    assert!(ru(&facts).contains("подчеркнул, что") && ru(&facts).contains("Он высказал мнение"));
    facts.people[kazi].gender = Gender::Feminine;
    assert!(ru(&facts).contains("подчеркнула, что") && ru(&facts).contains("Она высказала мнение"));
    facts.people[kazi].gender = Gender::Unspecified;
    let text = ru(&facts);
    assert!(text.contains("подчёркивает, что") && text.contains("Посол Кази высказывает мнение"));
    let en = release_of(&facts).text_of(&language("en"), Part::Intervention);
    assert!(en.contains("Ambassador Kazi held that"), "{en}");
}

#[test]
fn quotations_and_interpretation_are_marked() {
    let mut facts = reference_facts();
    let said = &mut facts.statements[4];
    said.original = language("ru");
    said.interpreted_from = Some(language("ru"));
    said.verb = proceedings::ReportingVerb::Said;
    for (tag, words) in [("en", "Shall we begin?"), ("ru", "Начнём?"), ("ur", "کیا ہم شروع کریں؟")]
    {
        said.words.insert(
            language(tag),
            Wording::Verbatim { text: words.into(), corrected_by_ear: false },
        );
    }
    let release = release_of(&facts);
    assert_eq!(problems(&release, &facts), []);
    let text = |tag: &str| release.text_of(&language(tag), Part::Intervention);
    assert!(text("en").contains("said: “Shall we begin?” (interpreted from Russian). He"));
    assert!(text("ru").contains("сказал: «Начнём?» Он"), "{}", text("ru"));
    assert!(text("ur").contains("کہا: “کیا ہم شروع کریں؟” (روسی سے ترجمہ)۔"), "{}", text("ur"));
}

#[test]
fn house_styles_are_data() {
    let facts = reference_facts();
    let style: HouseStyle =
        serde_json::from_str(&serde_json::to_string(&HouseStyle::agency()).unwrap()).unwrap();
    let release = draft(&facts, &style, Day::of(NEXT_DAY, KARACHI)).unwrap();
    assert_eq!(problems(&release, &facts), []);
    let blocks = &release.versions[&language("en")].blocks;
    assert_eq!(blocks.last().unwrap().text(), "-30-");
    let first = blocks.iter().find(|block| block.part == Part::Intervention).unwrap();
    assert_eq!(first.segment.as_ref().unwrap().as_str(), "plenary-address");
    assert_eq!(release.number(StatementId(5)), Some(1));
}

#[test]
fn several_organisers_thanks_and_attendance() {
    let mut facts = reference_facts();
    let en = language("en");
    let mut second = facts.event.organisers[0].clone();
    second.in_text = None;
    second.name.0.insert(en.clone(), "Institute of Oriental Studies".into());
    facts.event.organisers.push(second);
    facts.event.thanks =
        Some(base::Localized::single(en.clone(), "The Council thanks its guests."));
    facts.event.attendance = Some(128);
    let release = release_of(&facts);
    let lede = release.text_of(&en, Part::Lede);
    assert!(lede.contains("(KCFR) and Institute of Oriental Studies"), "{lede}");
    assert!(!lede.contains("128"), "not with a part under the Chatham House Rule");
    assert!(release.text_of(&language("ru"), Part::Lede).contains("Организаторы: "));
    assert_eq!(release.text_of(&en, Part::Thanks), "The Council thanks its guests.");
    for segment in &mut facts.segments {
        segment.under_rule = false;
    }
    assert!(release_of(&facts).text_of(&en, Part::Lede).contains("Attendance: 128."));
}
