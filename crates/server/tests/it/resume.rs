//! Coming back to the live socket after a drop, and after a restart of the server.

use std::sync::Arc;

use api_types::{EndReason, Section};
use base::Sequence;
use proceedings::testing::parsed;
use proceedings::{Command, Event, verify};

use crate::support::{EVENT, TestApp, token, wide_limits};

fn kinds(sections: &[Section]) -> (bool, bool, bool) {
    let has = |wanted: fn(&Section) -> bool| sections.iter().any(wanted);
    (
        has(|s| matches!(s, Section::Life(_))),
        has(|s| matches!(s, Section::Programme(_))),
        has(|s| matches!(s, Section::Floor(_))),
    )
}

#[tokio::test]
async fn only_what_changed_since_is_sent() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::EnterStage).await;
    let anwar = app.join("anwar").await;
    let seen = anwar.sequence;
    drop(anwar);

    let mut back = app.dial().await;
    back.hello(EVENT, &token("anwar"), Some(seen)).await;
    assert_eq!(kinds(&back.welcome().await), (false, false, false), "nothing changed");
    let seen = back.sequence;
    drop(back);

    kazi.must(Command::Lock).await;
    let mut back = app.dial().await;
    back.hello(EVENT, &token("anwar"), Some(seen)).await;
    assert_eq!(kinds(&back.welcome().await), (true, false, false), "the lock stands in life");
}

#[tokio::test]
async fn whoever_reads_more_than_before_is_sent_everything() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    let answer = app
        .post_json(
            &format!("/api/events/{EVENT}/registrations"),
            r#"{"name": "Nadia", "language": "en"}"#,
        )
        .await;
    let issued: api_types::LinkIssued = answer.json();
    let link = issued.link.split_once('#').unwrap().1.to_owned();
    let mut nadia = app.dial().await;
    nadia.hello(EVENT, &link, None).await;
    nadia.welcome().await;
    kazi.must(Command::Admit { person: issued.person }).await;
    // Nothing in what she may read now changed since the sequence that she claims.
    let claimed = kazi.sequence;
    drop(nadia);
    let mut back = app.dial().await;
    back.hello(EVENT, &link, Some(Sequence(claimed.0 - 1))).await;
    assert_eq!(kinds(&back.welcome().await), (true, true, true));
}

#[tokio::test]
async fn a_sequence_from_the_future_is_not_believed() {
    let mut app = TestApp::new().await;
    let mut anwar = app.dial().await;
    anwar.hello(EVENT, &token("anwar"), Some(Sequence(1_000))).await;
    assert_eq!(kinds(&anwar.welcome().await), (true, true, true));
}

#[tokio::test]
async fn the_state_after_a_restart_is_that_of_before() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    let mut ganich = app.join("ganich").await;
    kazi.must(Command::EnterStage).await;
    ganich.must(Command::EnterStage).await;
    kazi.must(Command::OpenEvent).await;
    let sequence = kazi.must(Command::NextSegment).await;

    // The process dies: nobody is told, nothing is written.
    let mut app = TestApp::on(Arc::clone(&app.storage), wide_limits());
    let mut anwar = app.dial().await;
    anwar.hello(EVENT, &token("anwar"), Some(sequence)).await;
    assert_eq!(kinds(&anwar.welcome().await), (true, true, true));
    let (holder, present) = (
        anwar.sections.iter().find_map(|section| match section {
            Section::Floor(floor) => floor.holder.clone(),
            _ => None,
        }),
        anwar.sections.iter().find_map(|section| match section {
            Section::Stage(stage) => Some(stage.people.iter().any(|person| person.present)),
            _ => None,
        }),
    );
    assert_eq!(holder.map(|grant| grant.person), Some(parsed("ganich")));
    assert_eq!(present, Some(false), "connections of before are gone");

    let lines = app.lines().await;
    verify(&lines).unwrap();
    let restarts = lines.iter().filter(|line| line.event == Event::ServerRestarted).count();
    assert_eq!(restarts, 1);
    let connections: Vec<_> = lines
        .iter()
        .filter_map(|line| match line.event {
            Event::PersonArrived { connection, .. } => Some(connection),
            _ => None,
        })
        .collect();
    assert!(connections.is_sorted_by(|a, b| a < b), "numbers are not given twice");
}

#[tokio::test]
async fn a_revoked_link_is_not_valid() {
    use storage::Storage;
    let mut app = TestApp::new().await;
    app.storage.revoke_links(&parsed(EVENT), &parsed("anwar")).await.unwrap();
    let mut anwar = app.dial().await;
    anwar.hello(EVENT, &token("anwar"), None).await;
    assert_eq!(anwar.end().await, EndReason::BadToken);
    let answer = app.get_as(&token("anwar"), &format!("/api/events/{EVENT}/join")).await;
    answer.is_error(401, "bad-token");
}
