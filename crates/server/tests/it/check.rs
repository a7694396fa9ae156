//! Trying a connection.

use proceedings::Command;
use proceedings::testing::parsed;
use sfu::{ReceiverClass, Source};

use crate::media::delete;
use crate::support::{Asked, EVENT, TestApp, token};

const OFFER: &str = "v=0\r\n";

#[tokio::test]
async fn a_check_has_a_room_of_its_own_at_any_time() {
    let app = TestApp::new().await;
    let path = |doing: &str| format!("/check/{EVENT}/{doing}");
    // The event is not open: nobody may receive it, and everybody may check.
    let refused = app.post_sdp(&token("anwar"), &format!("/whep/{EVENT}"), OFFER).await;
    assert_eq!(refused.status, 403);
    let received = app.post_sdp(&token("anwar"), &path("receive"), OFFER).await;
    assert_eq!(received.status, 201);
    let sent = app.post_sdp(&token("anwar"), &path("send"), OFFER).await;
    assert_eq!(sent.status, 201);
    let asked = app.engine.take();
    let plans: Vec<_> = asked
        .iter()
        .filter(|asked| matches!(asked, Asked::SetPlan(plan) if plan.audience.main.is_some()))
        .collect();
    assert_eq!(plans.len(), 1, "one room for both: {asked:?}");
    assert!(asked.contains(&Asked::Subscribe(parsed("receiver"), ReceiverClass::Audience)));
    assert!(asked.contains(&Asked::Publish(parsed("sender"), Source::Camera)));

    let location = received.header("location").to_owned();
    assert_eq!(delete(&app, &token("bilal"), &location).await.status, 404, "not theirs");
    assert_eq!(delete(&app, &token("anwar"), &location).await.status, 200);
    assert_eq!(app.post_sdp("nonsense", &path("receive"), OFFER).await.status, 401);
    let whep = location.replace("/check/", "/whep/");
    assert_eq!(delete(&app, &token("anwar"), &whep).await.status, 404, "no session of the event");
}

#[tokio::test]
async fn who_was_removed_checks_nothing_and_nobody_checks_without_end() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    let _anwar = app.join("anwar").await;
    let path = format!("/check/{EVENT}/receive");
    for _ in 0..32 {
        assert_eq!(app.post_sdp(&token("bilal"), &path, OFFER).await.status, 201);
    }
    assert_eq!(app.post_sdp(&token("bilal"), &path, OFFER).await.status, 429);
    kazi.must(Command::RemovePerson { person: parsed("anwar") }).await;
    assert_eq!(app.post_sdp(&token("anwar"), &path, OFFER).await.status, 403);
}
