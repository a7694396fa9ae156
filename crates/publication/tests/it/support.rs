//! The reference event, and every format of a release as text.

use std::collections::BTreeSet;

use base::{Language, Millis, StatementId, Timestamp};
use proceedings::RecordStatus;
use publication::output::record::{self, Addresses, Media, MediaSpan, Record, Stretch};
use publication::output::{
    Edition, Status, atom, docx, html, json_ld, mail, markdown, ninjs, plain,
};
use publication::{
    Clearance, Day, Facts, HouseStyle, Line, Release, Span, check, draft, from_programme,
    read_notes,
};

pub(crate) const EVENT: &str = "https://plenary.kcfr.example/events/russian-diplomats-day";
pub(crate) const RECORD: &str = "https://plenary.kcfr.example/events/russian-diplomats-day/record";
pub(crate) const RELEASE: &str =
    "https://plenary.kcfr.example/events/russian-diplomats-day/release";
pub(crate) const KARACHI: &str = "Asia/Karachi";
/// 11:00 in Karachi on 10 February 2021.
pub(crate) const NEXT_DAY: Timestamp = Timestamp(1_612_936_800_000);

pub(crate) fn language(tag: &str) -> Language {
    Language::new(tag).unwrap()
}

pub(crate) fn languages() -> [Language; 3] {
    [language("en"), language("ru"), language("ur")]
}

/// The example's programme and statements, all cleared.
pub(crate) fn reference_facts() -> Facts {
    let programme = include_str!("../../../../examples/russian-diplomats-day.toml");
    let notes = include_str!("../../../../examples/russian-diplomats-day.statements.toml");
    let definition = programme::parse(programme).unwrap().definition;
    let (notes, statements) = read_notes(notes).unwrap();
    let mut facts = from_programme(&definition, &notes);
    facts.statements = (1..)
        .zip(statements)
        .map(|(id, said)| said.with(StatementId(id), Clearance::Cleared))
        .collect();
    facts
}

pub(crate) fn release_of(facts: &Facts) -> Release {
    draft(facts, &HouseStyle::council(), Day::of(NEXT_DAY, KARACHI)).unwrap()
}

pub(crate) fn edition(release: &Release) -> Edition<'_> {
    Edition {
        release,
        status: Status::Issued(NEXT_DAY),
        versioned: NEXT_DAY,
        correction: None,
        event_url: EVENT,
        record_url: Some(RECORD),
        release_url: RELEASE,
    }
}

pub(crate) fn problems(release: &Release, facts: &Facts) -> Vec<publication::Problem> {
    check(release, facts, &BTreeSet::new())
}

/// The text of a DOCX file, as XML; its other parts must be there too.
pub(crate) fn document_xml(bytes: &[u8]) -> String {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    for part in ["[Content_Types].xml", "_rels/.rels", "word/styles.xml", "docProps/core.xml"] {
        assert!(zip.by_name(part).unwrap().size() > 0);
    }
    std::io::read_to_string(zip.by_name("word/document.xml").unwrap()).unwrap()
}

/// Every format of a version, by its name.
pub(crate) fn formats(edition: &Edition<'_>, language: &Language) -> Vec<(&'static str, String)> {
    let mail = mail::mail(edition, language);
    let feed = atom::Feed {
        url: "https://plenary.kcfr.example/releases.atom",
        title: "Press releases",
        author: "KCFR",
        language,
    };
    vec![
        ("DOCX", document_xml(&docx::docx(edition, language))),
        ("plain text", plain::text(edition, language)),
        ("Markdown", markdown::markdown(edition, language)),
        ("HTML article", html::article(edition, language, &[])),
        ("HTML page", html::page(edition, language, &[])),
        ("mail, text", mail.text),
        ("mail, HTML", mail.html),
        ("Atom", atom::feed(&feed, std::slice::from_ref(edition), NEXT_DAY)),
        ("ninjs", ninjs::item(edition, language).to_string()),
        ("JSON-LD", json_ld::graph(edition, language).to_string()),
    ]
}

/// Text as a reader sees it, for comparing: entities and escapes resolved, tags and white space
/// gone.
pub(crate) fn seen(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..2 {
        for (entity, c) in
            [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        {
            text = text.replace(entity, c);
        }
    }
    let mut out = String::new();
    let mut tag = false;
    for c in text.replace("\\n", " ").replace('\\', "").chars() {
        match c {
            '<' => tag = true,
            '>' => tag = false,
            c if tag || c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// [`seen`], without the statements' numbers that stand between sentences.
pub(crate) fn holds(text: &str, fact: &str) -> bool {
    seen(text).contains(&seen(fact))
}

/// What everybody reads of a record with these lines: the page, the transcript as text and as
/// captions, and the captions and chapters of its one file, which has all of it.
pub(crate) fn record_outputs(
    facts: &Facts,
    lines: &[Line],
    tag: &Language,
) -> Vec<(&'static str, String)> {
    let span = Span { start: Millis(0), end: Millis::from_minutes(120) };
    let spans = vec![MediaSpan { at: Millis(0), span }];
    let media = Media { file: "programme-001.webm".to_owned(), picture: true, spans };
    outputs_with(facts, lines, &[media], tag)
}

/// The same with these files of the recording.
pub(crate) fn outputs_with(
    facts: &Facts,
    lines: &[Line],
    media: &[Media],
    tag: &Language,
) -> Vec<(&'static str, String)> {
    let stretches: Vec<Stretch> = facts
        .segments
        .iter()
        .filter_map(|segment| {
            let (start, end) = segment.held?;
            let status = match (segment.under_rule, segment.on_the_record) {
                (true, _) => RecordStatus::ChathamHouseRule,
                (false, true) => RecordStatus::OnTheRecord,
                (false, false) => RecordStatus::OffTheRecord,
            };
            Some(Stretch { segment: segment.id.clone(), status, span: Span { start, end } })
        })
        .collect();
    let addresses = Addresses {
        origin: "https://plenary.kcfr.example".to_owned(),
        event: "/e/russian-diplomats-day".to_owned(),
        script: None,
        styles: Vec::new(),
    };
    let record = Record {
        facts,
        stretches: &stretches,
        lines,
        media,
        closed: facts.event.opened.plus(Millis::from_minutes(90)),
        published: NEXT_DAY,
        release: &[],
        addresses: &addresses,
    };
    vec![
        ("page", record::page(&record, tag)),
        ("text", record.text(tag)),
        ("captions", record.captions(tag)),
        ("captions of the file", record.captions_of(0, tag).unwrap_or_default()),
        ("chapters of the file", record.chapters_of(0, tag).unwrap_or_default()),
    ]
}
