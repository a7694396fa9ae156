//! The record of a closed event as everybody reads it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::Method;
use base::{Millis, Timestamp};
use proceedings::testing::{START, parsed, recorded_event, text};
use proceedings::{Command, EventDefinition, RecordCommand, RecordStatus};
use recording::{Index, Programme, Span, Status, TakeEntry};

use crate::record::{at, clear, issue, must, path, save, send, statement};
use crate::support::{
    Answer, EVENT, FaultyStorage, Socket, TestApp, create, request, token, wide_limits,
};

const ON_THE_RECORD: &str = "programme-001.webm";
const UNDER_THE_RULE: &str = "programme-002.webm";

/// Every address of the record without the files of the recording.
const ADDRESSES: [&str; 6] = [
    "record",
    "record/en",
    "record/en.txt",
    "record/en.vtt",
    "record/tracks/0/en.vtt",
    "record/tracks/0/chapters.en.vtt",
];

fn public(rest: &str) -> String {
    format!("/e/{EVENT}/{rest}")
}

fn line(person: Option<&str>, from: u64, to: u64, text: &str) -> RecordCommand {
    RecordCommand::CommitTranscriptLine {
        person: person.map(parsed),
        start: at(from),
        end: at(to),
        language: parsed("en"),
        interpreted_from: None,
        text: text.to_owned(),
    }
}

/// What the recorder left of two minutes on the record and one under the Rule.
fn record(folder: &Path) {
    let own = folder.join(EVENT);
    std::fs::create_dir_all(&own).unwrap();
    let programme = |file: &str, status, from: i64, length| Programme {
        file: file.to_owned(),
        status,
        duration: Some(Millis(length)),
        spans: vec![Span { at: Millis(0), began_at: Timestamp(START.0 + from) }],
    };
    let index = Index {
        event: Some(parsed(EVENT)),
        programme: vec![
            programme(ON_THE_RECORD, Status::OnTheRecord, 500, 119_500),
            programme(UNDER_THE_RULE, Status::ChathamHouseRule, 120_000, 60_000),
        ],
        takes: vec![TakeEntry {
            file: "take.webm".to_owned(),
            person: Some(parsed("ganich")),
            kind: "microphone".to_owned(),
            codec: "opus".to_owned(),
            status: Status::OnTheRecord,
            began_at: START,
            duration: Some(Millis(20_000)),
        }],
        chapters: Vec::new(),
    };
    std::fs::write(own.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    for file in [ON_THE_RECORD, UNDER_THE_RULE, "take.webm"] {
        std::fs::write(own.join(file), b"0123456789abcdefghij").unwrap();
    }
}

/// The event was live for three minutes: introductory remarks, plenary address, concluding note.
async fn held(definition: EventDefinition, folder: &Path) -> (TestApp, Socket) {
    record(folder);
    let storage = Arc::new(FaultyStorage::default());
    create(&*storage, definition).await;
    let mut app = TestApp::recorded(storage, wide_limits(), Some(folder.to_owned()));
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::EnterStage).await;
    for person in ["ganich", "sehgal", "anwar"] {
        let mut socket = app.join(person).await;
        if person != "anwar" {
            socket.must(Command::EnterStage).await;
        }
    }
    kazi.must(Command::OpenEvent).await;
    for _ in 0..2 {
        app.clock.advance(Millis::from_minutes(1));
        kazi.must(Command::NextSegment).await;
    }
    app.clock.advance(Millis::from_minutes(1));
    (app, kazi)
}

/// Without questions, and with names of the staff that stand in no other text.
fn definition() -> EventDefinition {
    let mut definition = recorded_event();
    definition.segments.remove(2);
    for (id, name) in [("desk", "Amina Rao"), ("embassy-desk", "Pavel Orlov")] {
        let found = definition.people.iter_mut().find(|person| person.id == parsed(id));
        found.unwrap().name = text(name);
    }
    definition
}

/// An event on the record from its beginning to its end, closed.
async fn closed(folder: &Path) -> TestApp {
    let mut definition = definition();
    definition.languages = vec![parsed("en")];
    let (app, mut kazi) = held(definition, folder).await;
    statement(&app, 1, "ganich", 70, "Moscow is confident of good relations").await;
    statement(&app, 2, "ganich", 90, "this must never be read").await;
    must(&app, "ganich", clear(1)).await;
    must(&app, "typist", line(Some("kazi"), 10, 14, "Relations have entered a new era.")).await;
    must(&app, "typist", line(Some("ganich"), 70, 75, "We are <b>confident</b>.")).await;
    must(&app, "typist", line(Some("ganich"), 80, 85, "Struck out.")).await;
    must(&app, "press", RecordCommand::StrikeTranscriptLine { line: parsed_line(3) }).await;
    kazi.must(Command::CloseEvent).await;
    app
}

fn parsed_line(number: u32) -> base::TranscriptLineId {
    base::TranscriptLineId(number)
}

async fn ranged(app: &TestApp, file: &str, range: &str) -> Answer {
    let mut asked = request(Method::GET, &public(file), None, Body::empty());
    asked.headers_mut().insert("range", range.parse().unwrap());
    app.send(asked).await
}

/// Nobody reads anything, whoever they are.
async fn is_nowhere(app: &TestApp, status: u16) {
    let media = format!("record/media/{ON_THE_RECORD}");
    for address in ADDRESSES.into_iter().chain([media.as_str()]) {
        for person in [None, Some("kazi"), Some("desk"), Some("ganich"), Some("anwar")] {
            let token = person.map(token);
            let asked = request(Method::GET, &public(address), token.as_deref(), Body::empty());
            let answer = app.send(asked).await;
            let page = address == "record" || address == "record/en";
            let expected = if page { status } else { 404 };
            assert_eq!(answer.status, expected, "{address} for {person:?}: {}", answer.body);
            assert_eq!(answer.header("cache-control"), "no-store", "{address}");
            for said in ["confident", "new era", "0123456789"] {
                assert!(!answer.body.contains(said), "{address}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn the_record_is_public_from_its_publishing_to_its_withdrawal() {
    let folder = tempfile::tempdir().unwrap();
    let app = closed(folder.path()).await;
    is_nowhere(&app, 404).await;
    let page = app.get(&public("record")).await;
    assert!(page.body.contains("is not public") && page.body.contains("<h1>"), "{}", page.body);
    for person in ["press", "ganich", "typist", "anwar", "bilal"] {
        let answer = send(&app, person, &RecordCommand::PublishRecord).await;
        answer.is_error(403, "not-allowed");
    }
    is_nowhere(&app, 404).await;
    must(&app, "kazi", RecordCommand::PublishRecord).await;

    let mut tags = Vec::new();
    for address in ADDRESSES {
        let answer = app.get(&public(address)).await;
        assert_eq!(answer.status, 200, "{address}: {}", answer.body);
        assert_eq!(answer.header("cache-control"), "public, no-cache", "{address}");
        assert_eq!(answer.header("content-language"), "en");
        for never in ["never be read", "Struck out", "Amina", "Orlov", "Anwar", "take.webm"] {
            assert!(!answer.body.contains(never), "{address}: {never}: {}", answer.body);
        }
        assert!(!answer.body.contains(UNDER_THE_RULE), "{address}");
        let tag = answer.header("etag").to_owned();
        let mut again = request(Method::GET, &public(address), None, Body::empty());
        again.headers_mut().insert("if-none-match", tag.parse().unwrap());
        let unchanged = app.send(again).await;
        assert_eq!((unchanged.status.as_u16(), unchanged.body.as_str()), (304, ""), "{address}");
        tags.push(tag);
    }
    let page = app.get(&public("record")).await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for shown in [
        "Moscow is confident of good relations",
        "Relations have entered a new era.",
        "We are &lt;b&gt;confident&lt;/b&gt;.",
        "id=\"t=70,78\"",
        "/record/media/programme-001.webm#t=69.500",
        "<script type=\"application/ld+json\">{",
        "People who took part: 1",
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let text = app.get(&public("record/en.txt")).await.body;
    assert!(text.contains("[15:00:10] "), "{text}");
    let captions = app.get(&public("record/tracks/0/en.vtt")).await.body;
    assert!(captions.contains("00:01:09.500 --> 00:01:14.500"), "{captions}");
    let chapters = app.get(&public("record/tracks/0/chapters.en.vtt")).await.body;
    assert_eq!(chapters.matches(" --> ").count(), 2, "{chapters}");

    let media = format!("record/media/{ON_THE_RECORD}");
    let part = ranged(&app, &media, "bytes=10-14").await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "abcde"));
    assert_eq!(part.header("content-range"), "bytes 10-14/20");
    assert_eq!(part.header("content-type"), "video/webm");
    assert_eq!(part.header("cache-control"), "public, no-cache");
    assert_eq!(ranged(&app, &media, "bytes=20-").await.status, 416);
    for never in [UNDER_THE_RULE, "take.webm", "index.json", "../other", "..%2Findex.json", "%00"] {
        let answer = app.get(&public(&format!("record/media/{never}"))).await;
        assert_eq!(answer.status, 404, "{never}");
    }
    for wrong in ["record/ru", "record/en.exe", "record/tracks/1/en.vtt", "record/tracks/x/en.vtt"]
    {
        let status = app.get(&public(wrong)).await.status.as_u16();
        assert!((400..=404).contains(&status), "{wrong}: {status}");
    }
    assert_eq!(app.get("/e/nowhere/record").await.status, 404);

    // The desk goes on working; the page follows.
    must(&app, "press", RecordCommand::StrikeTranscriptLine { line: parsed_line(1) }).await;
    let page = app.get(&public("record")).await;
    assert!(!page.body.contains("new era"), "{}", page.body);
    assert_ne!(page.header("etag"), tags[0]);

    must(&app, "desk", RecordCommand::WithdrawRecord).await;
    is_nowhere(&app, 410).await;
    let page = app.get(&public("record")).await;
    assert!(page.body.contains("was withdrawn"), "{}", page.body);
    must(&app, "embassy-desk", RecordCommand::PublishRecord).await;
    assert_eq!(app.get(&public(&media)).await.status, 200);
}

#[tokio::test]
async fn a_release_leads_to_the_record_only_while_that_is_public() {
    let folder = tempfile::tempdir().unwrap();
    let app = closed(folder.path()).await;
    must(&app, "ganich", clear(2)).await;
    let draft = app.get_as(&token("press"), &path("release/draft")).await;
    let saved = save(&app, &draft.body).await;
    crate::record::approve(&app, &saved).await;
    must(&app, "desk", issue(&saved)).await;
    let release = async |form: &str| app.get(&public(&format!("release/en{form}"))).await.body;
    for form in ["", ".txt", ".md", ".json"] {
        let shown = release(form).await;
        assert!(shown.contains("confident"), "{form}: {shown}");
        assert!(!shown.contains("/record"), "it promises nothing: {form}: {shown}");
    }
    // Who has such a link all the same is told in words, and led to the release.
    let absent = app.get(&public("record")).await;
    assert_eq!(absent.status, 404);
    assert!(absent.body.contains(&format!("href=\"/e/{EVENT}/release\"")), "{}", absent.body);
    must(&app, "kazi", RecordCommand::PublishRecord).await;
    for form in ["", ".txt", ".md", ".json"] {
        let shown = release(form).await;
        assert!(shown.contains(&format!("/e/{EVENT}/record#t=70,78")), "{form}: {shown}");
    }
    let page = app.get(&public("record")).await.body;
    assert!(page.contains(&format!("/e/{EVENT}/release/en.pdf")), "{page}");
    must(&app, "kazi", RecordCommand::WithdrawRecord).await;
    assert!(!release("").await.contains("/record"));
}

#[tokio::test]
async fn the_policy_hides_how_many_came() {
    let folder = tempfile::tempdir().unwrap();
    let mut definition = definition();
    definition.policy.attendance_published = false;
    let (app, mut kazi) = held(definition, folder.path()).await;
    kazi.must(Command::CloseEvent).await;
    must(&app, "kazi", RecordCommand::PublishRecord).await;
    let page = app.get(&public("record/en")).await.body;
    assert!(page.contains("<h1>") && !page.contains("took part"), "{page}");
}

/// The concluding note is under the Chatham House Rule and was recorded for the parties' own use:
/// nobody may learn that Sehgal gave it, nor hear it.
#[tokio::test]
async fn no_byte_of_a_record_tells_who_spoke_under_the_chatham_house_rule() {
    let folder = tempfile::tempdir().unwrap();
    let mut definition = definition();
    definition.languages = vec![parsed("en"), parsed("ru")];
    definition.segments[2].record_status = RecordStatus::ChathamHouseRule;
    definition.policy.chatham_house_recorded = true;
    let (app, mut kazi) = held(definition, folder.path()).await;
    must(&app, "typist", line(Some("ganich"), 70, 75, "As Sehgal wrote, trade is slow.")).await;
    let under = "Kazi and Sehgal agree that winter is long.";
    must(&app, "typist", line(Some("sehgal"), 130, 135, under)).await;
    kazi.must(Command::CloseEvent).await;
    must(&app, "kazi", RecordCommand::PublishRecord).await;

    let mut seen = String::new();
    for tag in ["en", "ru"] {
        let of = [
            "record/TAG",
            "record/TAG.txt",
            "record/TAG.vtt",
            "record/tracks/0/TAG.vtt",
            "record/tracks/0/chapters.TAG.vtt",
        ];
        for address in of {
            let address = public(&address.replace("TAG", tag));
            let answer = app.get(&address).await;
            assert_eq!(answer.status, 200, "{address}: {}", answer.body);
            let body = answer.body.to_lowercase();
            for hidden in ["sehgal", "сегал", "anwar", "amina", "orlov", UNDER_THE_RULE] {
                assert!(!body.contains(hidden), "{address}: {hidden}: {}", answer.body);
            }
            seen.push_str(&answer.body);
        }
    }
    // The words stand, without a name, a time or a way to the sound.
    assert!(seen.contains("agree that winter is long."), "{seen}");
    assert!(!seen.contains("15:02:10") && !seen.contains("t=130"), "{seen}");
    let words = seen.split('\n').filter(|line| line.contains("winter is long"));
    assert!(words.clone().all(|line| !line.contains("Kazi")), "{:?}", words.collect::<Vec<_>>());
    assert!(!seen.contains("People who took part"), "the Rule hides who was there");
    for file in [UNDER_THE_RULE, "programme-002.webm?x=1"] {
        app.get(&public(&format!("record/media/{file}"))).await.is_error(404, "no-such-recording");
    }
    let media = app.get(&public(&format!("record/media/{ON_THE_RECORD}"))).await;
    assert_eq!(media.status, 200);
}

/// Nothing is asserted of the time: it is printed for docs/PERFORMANCE.md.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "a figure for whoever runs it")]
async fn a_page_is_made_once_and_kept() {
    // Not more than one address may send at once.
    const LINES: u64 = 250;
    const READERS: u32 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let mut definition = definition();
    definition.languages = vec![parsed("en")];
    let (app, mut kazi) = held(definition, folder.path()).await;
    for number in 0..LINES {
        let text = format!("Sentence {number} of a talk about corridors and good neighbours.");
        let from = 60_000 + number * 90;
        let command = RecordCommand::CommitTranscriptLine {
            person: Some(parsed("ganich")),
            start: START.plus(Millis(from)),
            end: START.plus(Millis(from + 80)),
            language: parsed("en"),
            interpreted_from: None,
            text,
        };
        must(&app, "typist", command).await;
    }
    kazi.must(Command::CloseEvent).await;
    must(&app, "kazi", RecordCommand::PublishRecord).await;
    let ask = async || {
        let mut asked = request(Method::GET, &public("record/en"), None, Body::empty());
        asked.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        app.send(asked).await
    };
    let before = Instant::now();
    let first = ask().await;
    let made = before.elapsed();
    assert_eq!((first.status.as_u16(), first.header("content-encoding")), (200, "gzip"));
    let before = Instant::now();
    for _ in 0..READERS {
        assert_eq!(ask().await.header("etag"), first.header("etag"));
    }
    let each = before.elapsed() / READERS;
    println!("{LINES} lines: the first reader waits {made:?}, each later one {each:?}");
}
