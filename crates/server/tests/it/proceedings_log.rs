//! `GET /api/events/{event}/proceedings`.

use proceedings::{Command, Line, verify};

use crate::support::{EVENT, TestApp, token};

#[tokio::test]
async fn those_who_moderate_read_the_proceedings() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::OpenGreenRoom).await;
    let path = format!("/api/events/{EVENT}/proceedings");
    let answer = app.get_as(&token("kazi"), &path).await;
    assert_eq!(answer.header("content-type"), "application/jsonl");
    let lines: Vec<Line> =
        answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    verify(&lines).unwrap();
    assert_eq!(lines, app.lines().await);
    assert!(!answer.body.contains(&token("kazi")));

    let rest = app.get_as(&token("desk"), &format!("{path}?after=2")).await;
    assert_eq!(rest.body.lines().count(), lines.len() - 2);
    let none = app.get_as(&token("desk"), &format!("{path}?after=9999")).await;
    assert_eq!((none.status.as_u16(), none.body.as_str()), (200, ""));
}

#[tokio::test]
async fn nobody_else_does() {
    let app = TestApp::new().await;
    let path = format!("/api/events/{EVENT}/proceedings");
    app.get(&path).await.is_error(401, "bad-token");
    app.get_as(&token("ganich"), &path).await.is_error(403, "not-moderator");
    app.get_as(&token("anwar"), &path).await.is_error(403, "not-moderator");
    app.get_as(&token("kazi"), &format!("{path}?after=x")).await.is_error(400, "bad-request");
}

#[tokio::test]
async fn long_proceedings_are_streamed_whole() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::OpenGreenRoom).await;
    let before = app.lines().await;
    let tip = before.last().unwrap().tip();
    let more = storage::testing::lines_after(tip, 2_500);
    storage::Storage::append(&*app.storage, &"russian-diplomats-day".parse().unwrap(), &more)
        .await
        .unwrap();
    let path = format!("/api/events/{EVENT}/proceedings");
    let answer = app.get_as(&token("kazi"), &path).await;
    assert_eq!(answer.body.lines().count(), before.len() + 2_500);
}
