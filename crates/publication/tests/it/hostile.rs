//! Hostile text in every field breaks out of no format.

use std::collections::BTreeSet;

use base::Localized;
use proceedings::Wording;
use publication::output::{atom, docx, html, json_ld, mail, markdown, ninjs, pdf, plain, web_vtt};
use publication::{Facts, Line};

use crate::support::{
    NEXT_DAY, document_xml, edition, languages, record_outputs, reference_facts, release_of,
};

const HOSTILE: &str = "</script><script>alert(1)</script>\" onload='x' --><img src=//evil.example/x>\r\nBcc: all@evil.example\n\n###\n<v Ganich>]]>&amp;{name}{}[a](http://evil.example) `c` **b** www.evil.example \u{202E}\u{0}\u{1B}[31m";

fn poison(text: &mut Localized) {
    for text in text.0.values_mut() {
        text.push_str(HOSTILE);
    }
}

/// The reference event with hostile text in every field that has text.
fn poisoned() -> Facts {
    let mut facts = reference_facts();
    let event = &mut facts.event;
    for text in [&mut event.title, &mut event.city] {
        poison(text);
    }
    for text in [
        &mut event.occasion,
        &mut event.dedication,
        &mut event.headline,
        &mut event.notice,
        &mut event.boilerplate,
        &mut event.contact,
    ] {
        poison(text.as_mut().unwrap());
    }
    for organiser in &mut event.organisers {
        poison(&mut organiser.name);
        poison(organiser.in_text.as_mut().unwrap());
    }
    for person in &mut facts.people {
        poison(&mut person.name);
        let texts = [
            &mut person.honorific,
            &mut person.surname,
            &mut person.address,
            &mut person.title,
            &mut person.office,
            &mut person.affiliation,
        ];
        texts.into_iter().flatten().for_each(poison);
    }
    for statement in &mut facts.statements {
        for words in statement.words.values_mut() {
            if let Wording::Indirect { text } = words {
                text.push_str(HOSTILE);
            }
        }
    }
    facts
}

/// Names of the elements and attributes of a page, in order: its skeleton.
fn skeleton(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let mut quoted = false;
        let end = rest
            .find(|c| {
                quoted ^= c == '"';
                c == '>' && !quoted
            })
            .unwrap();
        let tag: String = rest[..end].split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        found.push(tag);
        rest = &rest[end..];
    }
    found
}

#[test]
fn hostile_text_stays_text() {
    let (clean, hostile) = (release_of(&reference_facts()), release_of(&poisoned()));
    let (clean, hostile) = (edition(&clean), edition(&hostile));
    for language in languages() {
        let page = html::page(&hostile, &language, &[]);
        let harmless = html::page(&clean, &language, &[]);
        assert_eq!(skeleton(&page), skeleton(&harmless), "HTML has the same elements");
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"), "and shows the text");
        let mail = mail::mail(&hostile, &language);
        assert_eq!(skeleton(&mail.html), skeleton(&mail::mail(&clean, &language).html));
        assert!(!mail.subject.contains(['\r', '\n']) && mail.subject.chars().count() <= 78);

        let xml = document_xml(&docx::docx(&hostile, &language));
        let elements = |xml: &str| skeleton(xml).into_iter().collect::<BTreeSet<_>>();
        let harmless = document_xml(&docx::docx(&clean, &language));
        assert_eq!(elements(&xml), elements(&harmless), "DOCX has the same kinds of elements");
        assert_eq!(xml.matches("<w:t ").count(), xml.matches("</w:t>").count());
        pdf::pdf(&hostile, &language).unwrap();

        let text = plain::text(&hostile, &language);
        assert!(!text.contains('\r'));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(!text.contains('\u{202E}'));

        let feed = atom::Feed {
            url: "https://x.example/f",
            title: HOSTILE,
            author: HOSTILE,
            language: &language,
        };
        let xml = atom::feed(&feed, std::slice::from_ref(&hostile), NEXT_DAY);
        let harmless = atom::Feed { title: "t", author: "a", ..feed };
        let harmless = atom::feed(&harmless, std::slice::from_ref(&clean), NEXT_DAY);
        assert_eq!(skeleton(&xml), skeleton(&harmless));

        // JSON reads back, and what stands in a page ends no script.
        let item = ninjs::item(&hostile, &language);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&item.to_string()).unwrap(), item);
        let script = page.split("<script type=\"application/ld+json\">").nth(1).unwrap();
        let data = script.split("</script>").next().unwrap();
        let read: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(read, json_ld::graph(&hostile, &language));

        let markdown = markdown::markdown(&hostile, &language);
        let bare = markdown.replace("](<", "").replace("\\<", "");
        assert!(!bare.contains('<') && !markdown.contains("\n###"), "{markdown}");
        assert!(
            !markdown.contains("[a](")
                && !markdown.contains("http:")
                && !markdown.contains("www.e")
        );
        assert!(!markdown.contains("**b**"));
    }
}

#[test]
fn hostile_text_stays_text_on_the_page_of_the_record() {
    let line = |facts: &Facts, text: &str| Line {
        speaker: facts.people.first().map(|person| person.id.clone()),
        record: proceedings::RecordStatus::OnTheRecord,
        start: base::Millis(1_000),
        end: base::Millis(2_000),
        language: languages()[0].clone(),
        text: text.to_owned(),
    };
    let (clean, hostile) = (reference_facts(), poisoned());
    for language in languages() {
        let harmless = record_outputs(&clean, &[line(&clean, "words")], &language);
        let shown = record_outputs(&hostile, &[line(&hostile, HOSTILE)], &language);
        assert_eq!(skeleton(&shown[0].1), skeleton(&harmless[0].1), "the same elements");
        assert!(shown[0].1.contains("&lt;/script&gt;&lt;script&gt;alert(1)"), "and shows the text");
        for ((form, text), (_, harmless)) in shown.iter().zip(&harmless).skip(2) {
            assert_eq!(text.matches(" --> ").count(), harmless.matches(" --> ").count(), "{form}");
        }
    }
}

#[test]
fn hostile_captions_make_no_cue_and_no_voice() {
    let facts = poisoned();
    let line = |person: &str| Line {
        speaker: Some(base::PersonId::new(person).unwrap()),
        record: proceedings::RecordStatus::OnTheRecord,
        start: base::Millis(1_000),
        end: base::Millis(500),
        language: languages()[0].clone(),
        text: format!("{HOSTILE}\n\n00:00:01.000 --> 00:00:02.000\n<v Sehgal>I resign"),
    };
    let lines = [line("ganich")];
    let captions = web_vtt::captions(&facts, &lines, &languages()[0]);
    assert_eq!(captions.matches("-->").count(), 1, "{captions}");
    assert_eq!(captions.matches("<v ").count(), 1, "{captions}");
    assert_eq!(captions.matches('<').count(), 1);
    assert!(captions.contains("00:00:01.000 --> 00:00:02.000\n"));
    let chapters = web_vtt::chapters(&facts, &languages()[0]);
    assert_eq!(chapters.matches("-->").count(), facts.segments.len());
}
