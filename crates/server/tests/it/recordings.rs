//! `GET /api/events/{event}/recordings` and the files.

use std::path::Path;
use std::sync::Arc;

use api_types::RecordingsView;
use axum::body::Body;
use axum::http::{Method, Request};
use base::{Millis, Timestamp};
use proceedings::testing::{START, parsed, recorded_event};
use proceedings::{Command, RecordCommand};
use recording::{Index, Programme, Span, Status, TakeEntry};

use crate::support::{Answer, EVENT, FaultyStorage, TestApp, create, request, token, wide_limits};

const BYTES: &[u8] = b"0123456789abcdefghij";

fn path(rest: &str) -> String {
    format!("/api/events/{EVENT}/recordings{rest}")
}

fn take(file: &str, person: Option<&str>, status: Status) -> TakeEntry {
    TakeEntry {
        file: file.to_owned(),
        person: person.map(parsed),
        kind: "microphone".to_owned(),
        codec: "opus".to_owned(),
        status,
        began_at: START,
        duration: Some(Millis(20_000)),
    }
}

/// A server whose event has been recorded.
async fn recorded(folder: &Path) -> TestApp {
    record(folder);
    let storage = Arc::new(FaultyStorage::default());
    create(&*storage, recorded_event()).await;
    TestApp::recorded(storage, wide_limits(), Some(folder.to_owned()))
}

/// Makes the folder of an event that has been recorded.
fn record(folder: &Path) {
    let own = folder.join(EVENT);
    std::fs::create_dir_all(own.join("takes")).unwrap();
    let index = Index {
        event: Some(parsed(EVENT)),
        programme: vec![Programme {
            file: "programme-001.webm".to_owned(),
            status: Status::OnTheRecord,
            duration: Some(Millis(60_000)),
            spans: vec![Span { at: Millis(0), began_at: Timestamp(START.0 + 500) }],
        }],
        takes: vec![
            take("takes/0001-ganich-microphone.webm", Some("ganich"), Status::OnTheRecord),
            take("takes/0002-kazi-microphone.webm", Some("kazi"), Status::OnTheRecord),
            take("takes/0003-voice.webm", None, Status::ChathamHouseRule),
            take("../secret", Some("ganich"), Status::OnTheRecord),
        ],
        chapters: Vec::new(),
    };
    std::fs::write(own.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    for file in index.takes.iter().map(|take| take.file.as_str()).chain(["programme-001.webm"]) {
        std::fs::write(own.join(file), BYTES).unwrap();
    }
    std::fs::write(folder.join("other"), BYTES).unwrap();
}

async fn list(app: &TestApp, person: &str) -> RecordingsView {
    app.get_as(&token(person), &path("")).await.json()
}

fn ranged(url: &str, token: Option<&str>, range: &str) -> Request<Body> {
    let mut request = request(Method::GET, url, token, Body::empty());
    request.headers_mut().insert("range", range.parse().unwrap());
    request
}

#[tokio::test]
async fn the_desk_has_all_and_a_speaker_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let app = recorded(folder.path()).await;
    app.get(&path("")).await.is_error(401, "bad-token");
    for person in ["kazi", "desk", "press", "embassy-desk"] {
        let view = list(&app, person).await;
        assert_eq!((view.programme.len(), view.takes.len()), (1, 4), "{person}");
    }
    let own = list(&app, "ganich").await;
    assert_eq!((own.programme.len(), own.takes.len()), (0, 2));
    assert!(own.takes.iter().all(|take| take.person == Some(parsed("ganich"))));
    for person in ["sehgal", "booth-ru", "anwar", "typist"] {
        let view = list(&app, person).await;
        assert_eq!((view.programme.len(), view.takes.len()), (0, 0), "{person}");
    }
    let office = RecordCommand::SetOffice {
        speaker: parsed("ganich"),
        office: parsed("anwar"),
        appointed: true,
    };
    let body = serde_json::to_string(&office).unwrap();
    let commands = format!("/api/events/{EVENT}/commands");
    app.json_as(Method::POST, &token("ganich"), &commands, body).await;
    assert_eq!(list(&app, "anwar").await.takes.len(), 2);

    let get = async |person: &str, file: &str| app.get_as(&token(person), &path(file)).await;
    let (ganich, kazi) = ("/takes/0001-ganich-microphone.webm", "/takes/0002-kazi-microphone.webm");
    let whole: Answer = get("ganich", ganich).await;
    assert_eq!((whole.status.as_u16(), whole.body.as_bytes()), (200, BYTES));
    assert_eq!(whole.header("content-type"), "audio/webm");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("cache-control"), "private, no-cache");
    assert_eq!(get("press", "/programme-001.webm").await.header("content-type"), "video/webm");
    for (person, file) in [
        ("ganich", kazi),
        ("ganich", "/programme-001.webm"),
        ("ganich", "/takes/0003-voice.webm"),
        ("bilal", ganich),
        ("typist", "/programme-001.webm"),
        ("sehgal", "/takes/0003-voice.webm"),
    ] {
        get(person, file).await.is_error(404, "no-such-recording");
    }
    app.get(&path(ganich)).await.is_error(401, "bad-token");
}

#[tokio::test]
async fn players_read_ranges_with_a_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = recorded(folder.path()).await;
    let url = list(&app, "press").await.programme.remove(0).url;
    let part = app.send(ranged(&url, None, "bytes=10-14")).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "abcde"));
    assert_eq!(part.header("content-range"), "bytes 10-14/20");
    let rest = app.send(ranged(&url, None, "bytes=15-")).await;
    assert_eq!((rest.status.as_u16(), rest.body.as_str()), (206, "fghij"));
    let last = app.send(ranged(&url, None, "bytes=-3")).await;
    assert_eq!((last.status.as_u16(), last.body.as_str()), (206, "hij"));
    let beyond = app.send(ranged(&url, None, "bytes=20-")).await;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), "bytes */20");

    // For this file, this event and these hours, and no longer than its owner may.
    let other = url.replace("programme-001.webm", "takes/0003-voice.webm");
    app.get(&other).await.is_error(404, "no-such-recording");
    app.get(&url.replace("press", "desk")).await.is_error(404, "no-such-recording");
    app.get(&format!("{url}0")).await.is_error(404, "no-such-recording");
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::SuspendPerson { person: parsed("press") }).await;
    app.get(&url).await.is_error(403, "may-not-read");
    kazi.must(Command::Readmit { person: parsed("press") }).await;
    assert_eq!(app.get(&url).await.status, 200);
    app.clock.advance(Millis::from_minutes(5 * 60));
    app.get(&url).await.is_error(404, "no-such-recording");
}

#[tokio::test]
async fn no_path_leads_out_of_the_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let app = recorded(folder.path()).await;
    for odd in [
        "/../other",
        "/..%2Fother",
        "/%2e%2e/other",
        "/takes/../../other",
        "/takes%2F..%2F..%2Fother",
        "/%2Fetc%2Fpasswd",
        "//etc/passwd",
        "/..%2Fsecret",
        "/../secret",
        "/index.json",
        "/index.jsonl",
        "/takes",
        "/takes/",
        "/nothing.webm",
        "/%00",
    ] {
        let answer = app.get_as(&token("desk"), &path(odd)).await;
        assert_eq!(answer.status, 404, "{odd}: {}", answer.body);
    }
}

#[tokio::test]
async fn where_nothing_is_recorded_the_list_is_empty() {
    let app = TestApp::with(recorded_event(), wide_limits()).await;
    let view = list(&app, "desk").await;
    assert_eq!((view.programme.len(), view.takes.len()), (0, 0));
    app.get_as(&token("desk"), &path("/x.webm")).await.is_error(404, "no-such-recording");
}

#[tokio::test]
async fn what_has_left_for_the_store_is_read_as_before() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let objects = Arc::new(object_store::memory::InMemory::new());
    let archive =
        recording::Archive::over(folder.path().to_owned(), Arc::clone(&objects) as _, "a/b", false);
    archive.carry(&parsed(EVENT)).await.unwrap();
    assert!(!folder.path().join(EVENT).join("programme-001.webm").exists());
    let storage = Arc::new(FaultyStorage::default());
    create(&*storage, recorded_event()).await;
    let kept = Some(folder.path().to_owned());
    let app = TestApp::with_store(storage, wide_limits(), kept, Some(Arc::new(archive)));

    let view = list(&app, "press").await;
    assert_eq!((view.programme.len(), view.takes.len()), (1, 4));
    assert_eq!(view.store, Some(api_types::StoreState::Nothing));
    assert_eq!(list(&app, "ganich").await.store, None);
    let url = &view.programme[0].url;
    let whole = app.get(url).await;
    assert_eq!((whole.status.as_u16(), whole.body.as_bytes()), (200, BYTES));
    assert_eq!(whole.header("content-type"), "video/webm");
    assert_eq!(whole.header("content-length"), "20");
    assert_eq!(whole.header("cache-control"), "private, no-cache");
    let part = app.send(ranged(url, None, "bytes=10-14")).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "abcde"));
    assert_eq!(part.header("content-range"), "bytes 10-14/20");
    let mut again = ranged(url, None, "bytes=10-14");
    again.headers_mut().insert("if-range", "\"of another file\"".parse().unwrap());
    assert_eq!(app.send(again).await.status, 200);
    let mut again = ranged(url, None, "bytes=10-14");
    again.headers_mut().insert("if-range", part.header("etag").parse().unwrap());
    assert_eq!(app.send(again).await.status, 206);
    let beyond = app.send(ranged(url, None, "bytes=20-")).await;
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */20"));
    let head = app.send(request(Method::HEAD, url, None, Body::empty())).await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    let own = "/takes/0001-ganich-microphone.webm";
    let sound = app.get_as(&token("ganich"), &path(own)).await;
    assert_eq!((sound.status.as_u16(), sound.body.as_bytes()), (200, BYTES));
    assert_eq!(sound.header("content-type"), "audio/webm");
    app.get_as(&token("ganich"), &path("/programme-001.webm"))
        .await
        .is_error(404, "no-such-recording");
    app.get_as(&token("desk"), &path("/../secret")).await.is_error(404, "no-such-recording");

    // A store that has lost a file, or is away, is no recording that never was.
    let key = format!("a/b/{EVENT}/programme-001.webm").into();
    object_store::ObjectStoreExt::delete(&*objects, &key).await.unwrap();
    app.get(url).await.is_error(503, "unavailable");
}
