//! `GET /api/events/{event}/join`.

use api_types::JoinView;
use proceedings::Admission;
use proceedings::testing::{parsed, reference_event};
use storage::Storage;

use crate::support::{EVENT, TestApp, create, key, token};

#[tokio::test]
async fn a_link_says_whose_it_is() {
    let app = TestApp::new().await;
    let path = format!("/api/events/{EVENT}/join");
    let join: JoinView = app.get_as(&token("ganich"), &path).await.json();
    assert_eq!(join.event.id.as_str(), EVENT);
    assert_eq!(join.you.person.id.as_str(), "ganich");
    assert!(join.you.speaks && !join.you.moderates);
    assert_eq!(join.you.admission, Admission::Invited);
}

#[tokio::test]
async fn wrong_tokens() {
    let app = TestApp::new().await;
    let path = format!("/api/events/{EVENT}/join");
    for token in ["", "x", "a b", &"a".repeat(32), &"a".repeat(8_000)] {
        let answer = app.get_as(token, &path).await;
        answer.is_error(401, "bad-token");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    app.get(&path).await.is_error(401, "bad-token");
}

#[tokio::test]
async fn a_link_of_another_event_opens_nothing_here() {
    let app = TestApp::new().await;
    let mut other = reference_event();
    other.id = parsed("other");
    create(&*app.storage, other).await;
    let theirs = key().token(&parsed("other"), &parsed("kazi"), 0);
    app.get_as(theirs.expose(), &format!("/api/events/{EVENT}/join"))
        .await
        .is_error(401, "bad-token");
    let own: JoinView = app.get_as(theirs.expose(), "/api/events/other/join").await.json();
    assert_eq!(own.you.person.id.as_str(), "kazi");
}

#[tokio::test]
async fn a_link_to_nobody_opens_nothing() {
    let app = TestApp::new().await;
    let token = key().token(&parsed(EVENT), &parsed("ghost"), 0);
    app.storage.put_link(&parsed(EVENT), &parsed("ghost"), 0, token.hash()).await.unwrap();
    let path = format!("/api/events/{EVENT}/join");
    app.get_as(token.expose(), &path).await.is_error(401, "bad-token");
}
