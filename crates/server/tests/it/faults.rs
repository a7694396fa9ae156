//! The storage fails.

use api_types::{CommandFailure, EndReason, Section};
use proceedings::{Command, Event, Life, verify};

use crate::support::{EVENT, Fault, TestApp, token};

fn locked(section: &Section) -> Option<bool> {
    match section {
        Section::Life(life) => Some(life.locked),
        _ => None,
    }
}

#[tokio::test]
async fn what_cannot_be_stored_has_not_happened() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    let before = app.lines().await;
    app.engine.take();
    app.storage.set(Fault::Full);
    for command in [Command::EnterStage, Command::Lock, Command::OpenEvent] {
        assert_eq!(kazi.command(command).await, Err(Err(CommandFailure::Unavailable)));
    }
    let mut anwar = app.dial().await;
    anwar.hello(EVENT, &token("anwar"), None).await;
    assert_eq!(anwar.end().await, EndReason::Unavailable);
    let registration = format!("/api/events/{EVENT}/registrations");
    let body = r#"{"name": "A", "language": "en"}"#;
    app.post_json(&registration, body).await.is_error(503, "unavailable");
    assert_eq!(kazi.sections.iter().find_map(locked), Some(false), "nobody was told of it");
    assert_eq!(app.engine.take(), [], "nor the media engine");

    app.storage.set(Fault::None);
    kazi.must(Command::Lock).await;
    kazi.must(Command::OpenGreenRoom).await;
    let after = app.lines().await;
    verify(&after).unwrap();
    assert_eq!(after[..before.len()], before[..]);
    let events: Vec<_> = after[before.len()..].iter().map(|line| &line.event).collect();
    assert_eq!(events, [&Event::EventLocked, &Event::GreenRoomOpened]);
}

#[tokio::test]
async fn a_departure_is_written_down_when_the_storage_is_back() {
    let mut app = TestApp::new().await;
    let anwar = app.join("anwar").await;
    app.storage.set(Fault::Full);
    drop(anwar);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    app.storage.set(Fault::None);
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if matches!(app.lines().await.last().unwrap().event, Event::PersonDeparted { .. }) {
            return;
        }
    }
    panic!("the departure was lost");
}

/// The storage stored the lines but could not say so. The server must not go on as if they were
/// not there.
#[tokio::test]
async fn lines_of_unknown_fate_are_read_again() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    app.storage.set(Fault::Unknown);
    assert_eq!(kazi.command(Command::OpenGreenRoom).await, Err(Err(CommandFailure::Unavailable)));
    app.storage.set(Fault::None);
    kazi.must(Command::Lock).await;
    let life = kazi.sections.iter().find_map(|section| match section {
        Section::Life(life) => Some(life.life),
        _ => None,
    });
    assert_eq!(life, Some(Life::GreenRoom), "what was stored has happened");
    verify(&app.lines().await).unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_unavailable_and_not_missing() {
    let app = TestApp::new().await;
    app.storage.set(Fault::Full);
    app.get(&format!("/api/events/{EVENT}")).await.is_error(503, "unavailable");
    app.storage.set(Fault::None);
    assert_eq!(app.get(&format!("/api/events/{EVENT}")).await.status, 200);
}
