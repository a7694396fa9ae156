//! `POST /api/events/{event}/registrations`.

use api_types::{JoinView, LinkIssued};
use proceedings::testing::reference_event;
use proceedings::{Command, Event, Role};

use crate::support::{EVENT, TestApp, wide_limits};

fn path() -> String {
    format!("/api/events/{EVENT}/registrations")
}

#[tokio::test]
async fn whoever_registers_gets_a_link_that_works() {
    let app = TestApp::new().await;
    let body = r#"{"name": " Нина Петрова ", "affiliation": "МГИМО", "country": "ru",
        "language": "ru"}"#;
    let answer = app.post_json(&path(), body).await;
    assert_eq!(answer.status, 201);
    let issued: LinkIssued = answer.json();
    let (address, token) = issued.link.split_once('#').unwrap();
    assert_eq!(address, format!("http://localhost/e/{EVENT}/join"));

    let join: JoinView = app.get_as(token, &format!("/api/events/{EVENT}/join")).await.json();
    assert_eq!(join.you.person.id, issued.person);
    assert_eq!(join.you.person.roles, [Role::Participant]);
    assert_eq!(join.you.person.country.as_deref(), Some("RU"));
    assert_eq!(serde_json::to_value(&join.you.person.name).unwrap()["ru"], "Нина Петрова");
    assert!(matches!(app.lines().await[1].event, Event::PersonRegistered { .. }));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_kept() {
    let app = TestApp::new().await;
    for (body, word) in [
        ("", "bad-request"),
        ("{", "bad-request"),
        (r#"{"name": "A"}"#, "bad-request"),
        (r#"{"name": "A", "language": "english"}"#, "bad-request"),
        (r#"{"name": "A", "language": "en", "role": "moderator"}"#, "bad-request"),
        (r#"{"name": "  ", "language": "en"}"#, "bad-text"),
        (r#"{"name": "A", "language": "en", "country": "Russia"}"#, "bad-text"),
    ] {
        app.post_json(&path(), body).await.is_error(400, word);
    }
    let long = format!(r#"{{"name": "{}", "language": "en"}}"#, "x".repeat(300));
    app.post_json(&path(), &long).await.is_error(400, "bad-text");
    assert_eq!(app.lines().await.len(), 1);
}

#[tokio::test]
async fn closed_registration_is_refused() {
    let mut definition = reference_event();
    definition.policy.registration_open = false;
    let app = TestApp::with(definition, wide_limits()).await;
    let body = r#"{"name": "A", "language": "en"}"#;
    app.post_json(&path(), body).await.is_error(403, "registration-closed");

    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::OpenEvent).await;
    kazi.must(Command::CloseEvent).await;
    app.post_json(&path(), body).await.is_error(403, "closed");
}
