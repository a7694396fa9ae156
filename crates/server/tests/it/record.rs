//! The record over HTTP and the live socket: transcript, statements, clearance, release.

use std::time::Duration;

use api_types::{
    ClearanceView, CommandAccepted, ReleaseView, Section, StatementsView, TranscriptView,
    VersionSaved,
};
use axum::http::Method;
use base::{Millis, Revision, StatementId, Timestamp};
use proceedings::testing::{START, parsed, recorded_event};
use proceedings::{
    Clearance, Command, EventDefinition, RecordCommand, RecordEvent, RecordStatus, Refusal,
    ReportingVerb, StatementEdit, StatementLife, Wording,
};

use crate::support::{Answer, EVENT, Fault, TestApp, request, token, wide_limits};

const PEOPLE: [&str; 10] = [
    "kazi",
    "ganich",
    "sehgal",
    "desk",
    "booth-ru",
    "anwar",
    "bilal",
    "press",
    "typist",
    "embassy-desk",
];

pub(crate) fn path(rest: &str) -> String {
    format!("/api/events/{EVENT}/{rest}")
}

pub(crate) async fn send(app: &TestApp, person: &str, command: &RecordCommand) -> Answer {
    let body = serde_json::to_string(command).unwrap();
    app.json_as(Method::POST, &token(person), &path("commands"), body).await
}

pub(crate) async fn must(app: &TestApp, person: &str, command: RecordCommand) {
    let answer = send(app, person, &command).await;
    assert_eq!(answer.status, 200, "{command:?}: {}", answer.body);
    let _: CommandAccepted = answer.json();
}

pub(crate) async fn get<T: serde::de::DeserializeOwned>(
    app: &TestApp,
    person: &str,
    rest: &str,
) -> T {
    let answer = app.get_as(&token(person), &path(rest)).await;
    assert_eq!(answer.status, 200, "{rest} of {person}: {}", answer.body);
    answer.json()
}

/// A moment so many seconds after the opening.
pub(crate) fn at(secs: u64) -> Timestamp {
    START.plus(Millis::from_secs(secs))
}

fn line(person: &str, from: u64, to: u64, text: &str) -> RecordCommand {
    RecordCommand::CommitTranscriptLine {
        person: Some(parsed(person)),
        start: at(from),
        end: at(to),
        language: parsed("en"),
        interpreted_from: None,
        text: text.to_owned(),
    }
}

pub(crate) fn edit(statement: u32, revision: u32, edit: StatementEdit) -> RecordCommand {
    RecordCommand::EditStatement {
        statement: StatementId(statement),
        revision: Revision(revision),
        edit,
    }
}

/// Live for two minutes: the moderator spoke for one, the Ambassador for another.
pub(crate) async fn live() -> TestApp {
    live_on(TestApp::with(english(), wide_limits()).await).await
}

/// The event, in English alone.
pub(crate) fn english() -> EventDefinition {
    let mut definition = recorded_event();
    definition.languages = vec![parsed("en")];
    definition
}

pub(crate) async fn live_on(mut app: TestApp) -> TestApp {
    let mut kazi = app.join("kazi").await;
    let mut ganich = app.join("ganich").await;
    kazi.must(Command::EnterStage).await;
    ganich.must(Command::EnterStage).await;
    kazi.must(Command::OpenEvent).await;
    app.clock.advance(Millis::from_minutes(1));
    kazi.must(Command::NextSegment).await;
    app.clock.advance(Millis::from_minutes(1));
    app
}

/// A statement of the person in the span, with the speaker.
pub(crate) async fn statement(app: &TestApp, number: u32, person: &str, from: u64, text: &str) {
    let mark = RecordCommand::MarkStatement {
        speaker: Some(parsed(person)),
        start: at(from),
        end: at(from + 8),
        language: parsed("en"),
    };
    must(app, "press", mark).await;
    let verb = StatementEdit::Verb { verb: ReportingVerb::Stressed };
    must(app, "press", edit(number, 1, verb)).await;
    let wording = Some(Wording::Indirect { text: text.to_owned() });
    let wording = StatementEdit::Wording { language: parsed("en"), wording };
    must(app, "press", edit(number, 2, wording)).await;
    let (statement, revision) = (StatementId(number), Revision(3));
    must(app, "press", RecordCommand::CheckStatement { statement, revision }).await;
    let deadline = at(24 * 3_600);
    must(app, "press", RecordCommand::SendForClearance { statement, revision, deadline }).await;
}

pub(crate) fn clear(statement: u32) -> RecordCommand {
    RecordCommand::AnswerClearance {
        statement: StatementId(statement),
        revision: Revision(3),
        clearance: Clearance::Cleared,
    }
}

#[tokio::test]
async fn each_reads_what_belongs_to_their_part() {
    let app = live().await;
    statement(&app, 1, "ganich", 70, "Moscow is confident of good relations").await;
    let desk = ["kazi", "desk", "press", "embassy-desk"];
    for rest in ["statements", "release", "release/draft"] {
        app.get(&path(rest)).await.is_error(401, "bad-token");
        for person in PEOPLE {
            let answer = app.get_as(&token(person), &path(rest)).await;
            match desk.contains(&person) {
                true => assert_eq!(answer.status, 200, "{person} {rest} {}", answer.body),
                false => answer.is_error(403, "may-not-read"),
            }
        }
    }
    for person in PEOPLE {
        let answer = app.get_as(&token(person), &path("transcript")).await;
        match desk.contains(&person) || person == "typist" {
            true => assert_eq!(answer.status, 200),
            false => answer.is_error(403, "may-not-read"),
        }
        let clearance: ClearanceView = get(&app, person, "clearance").await;
        assert_eq!(clearance.statements.len(), usize::from(person == "ganich"), "{person}");
        let text = "{\"do\":\"withdraw-statement\",\"statement\":1,\"reason\":\"\"}";
        let answer = app.json_as(Method::POST, &token(person), &path("commands"), text).await;
        match desk.contains(&person) {
            true => answer.is_error(400, "bad-text"),
            false => answer.is_error(403, "not-allowed"),
        }
    }
    let mut app = app;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::SuspendPerson { person: parsed("press") }).await;
    for rest in ["transcript", "statements", "clearance", "release", "recordings"] {
        app.get_as(&token("press"), &path(rest)).await.is_error(403, "may-not-read");
    }
    let answer = send(&app, "press", &clear(1)).await;
    answer.is_error(403, "suspended");
}

#[tokio::test]
async fn captions_come_by_the_socket_and_the_transcript_is_read_on() {
    let mut app = live().await;
    let mut typist = app.join("typist").await;
    typist.must(Command::Record(line("kazi", 10, 14, "Relations have entered"))).await;
    typist.must(Command::Record(line("kazi", 14, 18, "a new era."))).await;
    let first: TranscriptView = get(&app, "press", "transcript").await;
    assert_eq!((first.lines.len(), first.more, first.runs.len()), (2, false, 2));
    let since = format!("transcript?since={}", first.changed.0);
    let none: TranscriptView = get(&app, "press", &since).await;
    assert_eq!(none.lines, []);
    let correct = RecordCommand::CorrectTranscriptLine {
        line: first.lines[0].id,
        person: Some(parsed("kazi")),
        text: "Our relations have entered".to_owned(),
    };
    typist.must(Command::Record(correct)).await;
    let next: TranscriptView = get(&app, "press", &since).await;
    assert_eq!(next.lines.len(), 1);
    assert_eq!(next.lines[0].text, "Our relations have entered");

    let tag = format!("\"{}\"", next.changed.0);
    let mut again =
        request(Method::GET, &path("transcript"), Some(&token("press")), Default::default());
    again.headers_mut().insert("if-none-match", tag.parse().unwrap());
    let unchanged = app.send(again).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.as_str()), (304, ""));
}

#[tokio::test]
async fn everybody_admitted_reads_the_last_captions_and_none_off_the_record() {
    let mut app = live().await;
    let mut anwar = app.join("anwar").await;
    for number in 0..5 {
        let text = format!("Sentence {number}.");
        must(&app, "typist", line("ganich", 70 + number, 71 + number, &text)).await;
    }
    let last = |texts: &'static [&'static str]| {
        move |section: &Section| match section {
            Section::Captions(captions) => captions
                .lines
                .iter()
                .map(|line| &*line.text)
                .eq(texts.iter().copied())
                .then_some(()),
            _ => None,
        }
    };
    anwar.section(last(&["Sentence 2.", "Sentence 3.", "Sentence 4."])).await;
    let mut kazi = app.join("kazi").await;
    let segment = parsed("plenary-address");
    let status = RecordStatus::OffTheRecord;
    kazi.must(Command::SetRecordStatus { segment, status }).await;
    anwar.section(last(&[])).await;
}

#[tokio::test]
async fn what_was_said_off_the_record_is_nowhere() {
    let mut app = live().await;
    let mut kazi = app.join("kazi").await;
    let segment = || parsed("plenary-address");
    let set = |status| Command::SetRecordStatus { segment: segment(), status };
    kazi.must(set(RecordStatus::OffTheRecord)).await;
    app.clock.advance(Millis::from_secs(30));
    let mut typist = app.join("typist").await;
    for (from, to) in [(125, 130), (115, 130), (149, 150)] {
        let command = line("ganich", from, to, "wormwood");
        send(&app, "typist", &command).await.is_error(409, "not-on-the-record");
        let outcome = typist.command(Command::Record(command)).await;
        assert_eq!(outcome, Err(Ok(Refusal::NotOnTheRecord)));
    }
    let mark = RecordCommand::MarkStatement {
        speaker: Some(parsed("ganich")),
        start: at(125),
        end: at(130),
        language: parsed("en"),
    };
    send(&app, "press", &mark).await.is_error(409, "not-on-the-record");
    let stored = serde_json::to_string(&app.lines().await).unwrap();
    assert!(!stored.contains("wormwood"));

    kazi.must(set(RecordStatus::ChathamHouseRule)).await;
    app.clock.advance(Millis::from_secs(30));
    must(&app, "typist", line("ganich", 155, 160, "Somebody sees it otherwise.")).await;
    let view: TranscriptView = get(&app, "press", "transcript").await;
    assert_eq!(view.lines[0].person, None);
}

#[tokio::test]
async fn statements_are_cleared_by_their_speaker_after_the_end() {
    let mut app = live().await;
    statement(&app, 1, "ganich", 70, "Moscow is confident of good relations").await;
    statement(&app, 2, "kazi", 10, "the SCO is a platform for cooperation").await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::CloseEvent).await;

    send(&app, "ganich", &clear(2)).await.is_error(403, "not-allowed");
    send(&app, "ganich", &clear(9)).await.is_error(403, "not-allowed");
    let own: ClearanceView = get(&app, "ganich", "clearance").await;
    assert_eq!(own.statements[0].id, StatementId(1));
    must(&app, "ganich", clear(1)).await;
    let view: StatementsView = get(&app, "press", "statements").await;
    let lives: Vec<_> = view.statements.iter().map(|statement| &statement.life).collect();
    assert!(matches!(lives[..], [StatementLife::Cleared, StatementLife::Sent { .. }]));
    assert_eq!(view.verbs.len(), ReportingVerb::ALL.len());
    // Nobody of the embassy ever came in; the link is enough.
    let verb = StatementEdit::Verb { verb: ReportingVerb::Noted };
    must(&app, "embassy-desk", edit(1, 3, verb)).await;
    send(&app, "ganich", &clear(1)).await.is_error(409, "stale-revision");
    let none: ClearanceView = get(&app, "ganich", "clearance").await;
    assert_eq!(none.statements, []);
}

/// Saves a document and returns its version.
pub(crate) async fn save(app: &TestApp, body: &str) -> VersionSaved {
    let versions = path("release/versions");
    let answer = app.json_as(Method::POST, &token("press"), &versions, body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

pub(crate) async fn approve(app: &TestApp, saved: &VersionSaved) {
    for party in ["desk", "embassy-desk"] {
        let (version, document) = (saved.version, saved.document);
        must(app, party, RecordCommand::ApproveRelease { version, document }).await;
    }
}

pub(crate) fn issue(saved: &VersionSaved) -> RecordCommand {
    let (version, document) = (saved.version, saved.document);
    RecordCommand::IssueRelease { version, document, correction: None }
}

#[tokio::test]
async fn a_release_goes_from_the_draft_to_the_public() {
    let app = live().await;
    statement(&app, 1, "ganich", 70, "Moscow is confident of good relations").await;
    let draft = app.get_as(&token("press"), &path("release/draft")).await;
    assert!(draft.body.contains("Moscow is confident of good relations"), "{}", draft.body);
    let saved = save(&app, &draft.body).await;
    let view: ReleaseView = get(&app, "desk", "release").await;
    let last = view.last.unwrap();
    assert_eq!(last.document, saved.document);
    assert_eq!(last.statements[0].statement, StatementId(1));
    assert_eq!((last.defects.len(), view.unaccepted.len()), (0, 0));
    assert_eq!(view.uncleared, [StatementId(1)]);
    let kept = path(&format!("release/documents/{}", saved.document));
    assert_eq!(app.get_as(&token("desk"), &kept).await.body, draft.body);
    app.get_as(&token("ganich"), &kept).await.is_error(403, "may-not-read");
    let none = path(&format!("release/documents/{}", "0".repeat(64)));
    app.get_as(&token("desk"), &none).await.is_error(404, "no-such-document");
    app.get_as(&token("desk"), &path("release/documents/x"))
        .await
        .is_error(404, "no-such-document");

    approve(&app, &saved).await;
    send(&app, "desk", &issue(&saved)).await.is_error(409, "not-cleared");
    must(&app, "ganich", clear(1)).await;
    let until = app.clock_now().plus(Millis::from_minutes(60));
    must(&app, "desk", RecordCommand::SetEmbargo { until: Some(until) }).await;
    must(&app, "desk", issue(&saved)).await;
    assert!(!lifted(&app).await);
    app.clock.advance(Millis::from_minutes(61));
    // The event's task looks by itself, after half a minute at the latest, or when it has to do.
    must(
        &app,
        "press",
        RecordCommand::WithdrawStatement {
            statement: StatementId(1),
            reason: "Recalled by the embassy.".to_owned(),
        },
    )
    .await;
    assert!(lifted(&app).await);
    let view: ReleaseView = get(&app, "desk", "release").await;
    assert_eq!(view.overtaken, [StatementId(1)]);
    assert!(view.issues[0].lifted_at.is_some());
}

async fn lifted(app: &TestApp) -> bool {
    let lifted = proceedings::Event::Record(RecordEvent::EmbargoLifted);
    app.lines().await.iter().any(|line| line.event == lifted)
}

#[tokio::test]
async fn an_embargo_ends_by_itself() {
    let app = live().await;
    statement(&app, 1, "ganich", 70, "Moscow is confident of good relations").await;
    must(&app, "ganich", clear(1)).await;
    let draft = app.get_as(&token("press"), &path("release/draft")).await;
    let saved = save(&app, &draft.body).await;
    approve(&app, &saved).await;
    let until = app.clock_now().plus(Millis(50));
    must(&app, "desk", RecordCommand::SetEmbargo { until: Some(until) }).await;
    must(&app, "desk", issue(&saved)).await;
    app.clock.advance(Millis(60));
    let waited = async {
        while !lifted(&app).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("lifted");
}

#[tokio::test]
async fn text_bound_to_nothing_is_found_by_the_server() {
    let app = live().await;
    statement(&app, 1, "ganich", 70, "Moscow is confident of good relations").await;
    must(&app, "ganich", clear(1)).await;
    let draft = app.get_as(&token("press"), &path("release/draft")).await;
    let reworded = draft.body.replace("Moscow is confident", "Moscow is sure");
    let saved = save(&app, &reworded).await;
    approve(&app, &saved).await;
    send(&app, "desk", &issue(&saved)).await.is_error(409, "unbound-text");
    let view: ReleaseView = get(&app, "press", "release").await;
    let text = view.unaccepted[0];
    let accept = RecordCommand::AcceptUnboundText { text, reason: "As agreed.".to_owned() };
    send(&app, "ganich", &accept).await.is_error(403, "not-allowed");
    must(&app, "press", accept).await;
    must(&app, "desk", issue(&saved)).await;

    let check = app.json_as(Method::POST, &token("press"), &path("release/check"), reworded).await;
    assert_eq!((check.status.as_u16(), check.body.as_str()), (200, "[]"));
    // Nobody says themselves what a version is bound to.
    let forged = RecordCommand::SaveRelease {
        by: parsed("press"),
        document: saved.document,
        languages: [parsed("en")].into(),
        statements: Vec::new(),
        unbound: [].into(),
        defects: [].into(),
    };
    send(&app, "press", &forged).await.is_error(403, "not-allowed");
}

async fn saved_any(app: &TestApp) -> bool {
    let saved = |line: &proceedings::Line| {
        matches!(line.event, proceedings::Event::Record(RecordEvent::ReleaseSaved { .. }))
    };
    app.lines().await.iter().any(saved)
}

#[tokio::test]
async fn bad_documents_are_refused_and_leave_nothing() {
    let app = live().await;
    let versions = path("release/versions");
    let post = async |person: &str, body: String| {
        app.json_as(Method::POST, &token(person), &versions, body).await
    };
    post("press", "{}".to_owned()).await.is_error(400, "bad-request");
    let draft = app.get_as(&token("press"), &path("release/draft")).await.body;
    post("press", format!(" {draft}")).await.is_error(400, "bad-request");
    post("press", draft.replace(EVENT, "another-event")).await.is_error(400, "bad-request");
    post("press", "x".repeat(2 << 20)).await.is_error(413, "too-large");
    post("anwar", draft.clone()).await.is_error(403, "may-not-read");
    post("ganich", draft.clone()).await.is_error(403, "may-not-read");
    assert!(!saved_any(&app).await);

    let notes = |body: &str| {
        let body = body.to_owned();
        let app = &app;
        async move { app.json_as(Method::PUT, &token("press"), &path("release/notes"), body).await }
    };
    notes("{\"nonsense\":1}").await.is_error(400, "bad-request");
    let headline = "{\"headline\":{\"en\":\"A new era\"}}";
    assert_eq!(notes(headline).await.status, 204);
    notes(headline).await.is_error(409, "nothing-to-do");
    let draft = app.get_as(&token("press"), &path("release/draft")).await.body;
    assert!(draft.contains("A new era"), "{draft}");

    app.storage.set(Fault::Full);
    post("press", draft.clone()).await.is_error(503, "unavailable");
    app.storage.set(Fault::None);
    assert!(!saved_any(&app).await);
    save(&app, &draft).await;
    let commands = path("commands");
    let token = token("press");
    let odd = app.json_as(Method::POST, &token, &commands, "{\"do\":\"open-event\"}").await;
    odd.is_error(400, "bad-request");
    let long = app.json_as(Method::POST, &token, &commands, "x".repeat(70 << 10)).await;
    long.is_error(413, "too-large");
}
