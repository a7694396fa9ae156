//! The record of the reference event as everybody reads it.

use base::Millis;
use proceedings::RecordStatus;
use publication::output::record::{Media, MediaSpan};
use publication::{Clearance, Line, Span};

use crate::support::{language, languages, outputs_with, record_outputs, reference_facts};

fn line(speaker: &str, tag: &str, from: u64, to: u64, text: &str) -> Line {
    Line {
        speaker: Some(speaker.parse().unwrap()),
        record: RecordStatus::OnTheRecord,
        start: Millis(from),
        end: Millis(to),
        language: language(tag),
        text: text.to_owned(),
    }
}

fn page(lines: &[Line], tag: &str) -> String {
    record_outputs(&reference_facts(), lines, &language(tag)).remove(0).1
}

#[test]
fn the_page_has_people_titles_statements_and_times_in_three_languages() {
    let said = [
        ("en", "His Excellency Danila Ganich", "Plenary address"),
        ("ru", "Ганич", "Пленарное выступление"),
        ("ur", "مرکزی مقرر", "مرکزی خطاب"),
    ];
    for (tag, known, part) in said {
        let page = page(&[], tag);
        for shown in [known, part, "15:00", "UTC+5", "id=\"t="] {
            assert!(page.contains(shown), "{tag}: {shown}: {page}");
        }
        let statements = page.matches("data-statement=").count();
        assert_eq!(statements, reference_facts().statements.len(), "{tag}");
        assert_eq!(page.matches("<h1>").count(), 1);
    }
    assert!(page(&[], "ur").contains("dir=\"rtl\""));
}

#[test]
fn only_what_is_cleared_stands_in_the_record() {
    let mut facts = reference_facts();
    for (statement, clearance) in
        facts.statements.iter_mut().zip([Clearance::Pending, Clearance::Withheld])
    {
        statement.clearance = clearance;
    }
    let page = record_outputs(&facts, &[], &language("en")).remove(0).1;
    assert_eq!(page.matches("data-statement=").count(), facts.statements.len() - 2);
}

/// What nobody interpreted is told in the language in which it was said, once, and an interruption
/// in another language is not lost.
#[test]
fn the_transcript_falls_back_to_what_was_said() {
    let lines = [
        line("kazi", "en", 1_000, 4_000, "Good afternoon."),
        line("kazi", "ru", 1_200, 4_300, "Добрый день."),
        line("ganich", "ru", 5_000, 8_000, "Я благодарю."),
        line("kazi", "en", 7_500, 9_000, "Please go on."),
    ];
    let told = |tag: &str| {
        let page = page(&lines, tag);
        lines.each_ref().map(|line| page.matches(&line.text).count())
    };
    assert_eq!(told("en"), [1, 0, 1, 1]);
    assert_eq!(told("ru"), [0, 1, 1, 1]);
    assert_eq!(told("ur"), [1, 0, 1, 1], "the event's first language where there is no Urdu");
    let page = page(&lines, "en");
    assert!(page.contains("lang=\"ru\" dir=\"ltr\""), "{page}");
}

#[test]
fn captions_have_the_time_of_the_file_and_the_voice() {
    let lines = [line("ganich", "en", 61_000, 63_000, "Relations are good.")];
    for tag in languages() {
        for (form, text) in record_outputs(&reference_facts(), &lines, &tag).into_iter().skip(2) {
            assert!(text.starts_with("WEBVTT"), "{form}");
        }
    }
    let captions = record_outputs(&reference_facts(), &lines, &language("en")).remove(3).1;
    assert!(captions.contains("00:01:01.000 --> 00:01:03.000\n<v Danila Ganich>"), "{captions}");
}

/// Sound alone has no black picture over it, and where nothing may be heard the page says so and
/// leads nowhere.
#[test]
fn sound_alone_and_no_recording_at_all() {
    let facts = reference_facts();
    let span = |start, end| Span { start: Millis::from_secs(start), end: Millis::from_secs(end) };
    let file = |number: u64, picture, span| Media {
        file: format!("programme-{number:03}.webm"),
        picture,
        spans: vec![MediaSpan { at: Millis(0), span }],
    };
    let media = [file(1, false, span(0, 600)), file(2, true, span(700, 7_000))];
    let page = outputs_with(&facts, &[], &media, &language("en")).remove(0).1;
    let count = |text: &str| page.matches(text).count();
    assert_eq!((count("<audio "), count("<video "), count("preload=\"metadata\"")), (1, 1, 1));
    assert!(page.contains("Recording, part 2"), "{page}");
    // Statements lead into the file in which they are, at its own time.
    assert!(page.contains("media/programme-001.webm#t=252,275"), "{page}");
    assert!(page.contains("media/programme-002.webm#t=40,52"), "{page}");
    assert!(page.contains("AudioObject") && page.contains("VideoObject"));

    let page = outputs_with(&facts, &[], &[], &language("en")).remove(0).1;
    assert!(page.contains("There is no recording that may be published."), "{page}");
    assert!(!page.contains("/record/media/") && !page.contains("id=\"tools\""), "{page}");
    assert!(page.contains("<span class=\"at\" dir=\"ltr\">15:04:12</span>"), "{page}");
}
