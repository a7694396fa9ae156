//! `/whip` and `/whep`, and what the media engine is asked after each change.

use axum::body::Body;
use axum::http::Method;
use proceedings::Command;
use proceedings::testing::parsed;
use sfu::{ReceiverClass, Source};

use crate::support::{Answer, Asked, EVENT, Socket, TestApp, request, token};

const OFFER: &str = "v=0\r\n";

fn whip() -> String {
    format!("/whip/{EVENT}")
}

fn whep() -> String {
    format!("/whep/{EVENT}")
}

fn person(id: &str) -> base::PersonId {
    parsed(id)
}

async fn live(app: &mut TestApp) -> (Socket, Socket, Socket) {
    let mut kazi = app.join("kazi").await;
    let mut ganich = app.join("ganich").await;
    let anwar = app.join("anwar").await;
    kazi.must(Command::EnterStage).await;
    ganich.must(Command::EnterStage).await;
    kazi.must(Command::OpenEvent).await;
    (kazi, ganich, anwar)
}

async fn patch(app: &TestApp, token: &str, path: &str, tag: Option<&str>, body: &str) -> Answer {
    let mut request = request(Method::PATCH, path, Some(token), Body::from(body.to_owned()));
    let headers = request.headers_mut();
    headers.insert("content-type", "application/trickle-ice-sdpfrag".parse().unwrap());
    if let Some(tag) = tag {
        headers.insert("if-match", tag.parse().unwrap());
    }
    app.send(request).await
}

pub(crate) async fn delete(app: &TestApp, token: &str, path: &str) -> Answer {
    app.send(request(Method::DELETE, path, Some(token), Body::empty())).await
}

#[tokio::test]
async fn a_participant_publishing_is_refused() {
    let mut app = TestApp::new().await;
    let _sockets = live(&mut app).await;
    app.post_sdp(&token("anwar"), &whip(), OFFER).await.is_error(403, "may-not-publish");
    let screen = format!("{}?source=screen", whip());
    app.post_sdp(&token("anwar"), &screen, OFFER).await.is_error(403, "may-not-publish");
    // A speaker without the floor may publish, but not share a screen.
    app.post_sdp(&token("ganich"), &screen, OFFER).await.is_error(403, "may-not-publish");
    assert!(!app.engine.take().iter().any(|asked| matches!(asked, Asked::Publish(..))));
}

#[tokio::test]
async fn nobody_publishes_or_receives_before_the_green_room() {
    let app = TestApp::new().await;
    app.post_sdp(&token("kazi"), &whip(), OFFER).await.is_error(403, "may-not-publish");
    app.post_sdp(&token("anwar"), &whep(), OFFER).await.is_error(403, "may-not-receive");
}

#[tokio::test]
async fn a_session_begins_restarts_and_ends() {
    let mut app = TestApp::new().await;
    let _sockets = live(&mut app).await;
    let answer = app.post_sdp(&token("ganich"), &whip(), OFFER).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/sdp");
    assert_eq!(answer.header("etag"), "\"0\"");
    assert_eq!(answer.header("accept-patch"), "application/trickle-ice-sdpfrag");
    let location = answer.header("location").to_owned();
    assert!(location.starts_with(&format!("/whip/{EVENT}/")), "{location}");

    let own = token("ganich");
    let trickle = patch(&app, &own, &location, Some("\"0\""), "a=ice-ufrag:same\r\n").await;
    assert_eq!(trickle.status, 204);
    let restart = patch(&app, &own, &location, Some("*"), "a=ice-ufrag:new\r\n").await;
    assert_eq!((restart.status.as_u16(), restart.header("etag")), (200, "\"1\""));
    assert_eq!(restart.header("content-type"), "application/trickle-ice-sdpfrag");
    let stale = patch(&app, &own, &location, Some("\"0\""), "a=ice-ufrag:same\r\n").await;
    stale.is_error(412, "stale-session");
    let untagged = patch(&app, &own, &location, None, "a=ice-ufrag:same\r\n").await;
    assert_eq!(untagged.status, 204);
    patch(&app, &own, &location, Some("*"), "nonsense").await.is_error(400, "bad-offer");

    assert_eq!(delete(&app, &own, &location).await.status, 200);
    delete(&app, &own, &location).await.is_error(404, "no-such-session");
    patch(&app, &own, &location, None, "a=ice-ufrag:same").await.is_error(404, "no-such-session");
}

#[tokio::test]
async fn a_session_belongs_to_the_token_it_began_with() {
    let mut app = TestApp::new().await;
    let _sockets = live(&mut app).await;
    let answer = app.post_sdp(&token("ganich"), &whip(), OFFER).await;
    let location = answer.header("location").to_owned();
    app.engine.take();
    for other in ["kazi", "anwar"] {
        delete(&app, &token(other), &location).await.is_error(404, "no-such-session");
        let body = "a=ice-ufrag:new";
        patch(&app, &token(other), &location, Some("*"), body)
            .await
            .is_error(404, "no-such-session");
    }
    delete(&app, "", &location).await.is_error(401, "bad-token");
    assert_eq!(app.engine.take(), []);
    assert_eq!(delete(&app, &token("ganich"), &location).await.status, 200);
}

#[tokio::test]
async fn offers_that_are_wrong() {
    let mut app = TestApp::new().await;
    let _sockets = live(&mut app).await;
    let ganich = token("ganich");
    app.post_sdp(&ganich, &whip(), "hello").await.is_error(400, "bad-offer");
    app.post_sdp(&ganich, &whip(), &"v=0\r\n".repeat(20_000)).await.is_error(413, "too-large");
    app.post_sdp("", &whip(), OFFER).await.is_error(401, "bad-token");
    app.post_sdp(&ganich, "/whip/other", OFFER).await.is_error(404, "no-such-event");
    app.post_sdp(&ganich, &format!("{}?source=film", whip()), OFFER)
        .await
        .is_error(400, "bad-request");
    let plain = request(Method::POST, &whip(), Some(&ganich), Body::from(OFFER));
    app.send(plain).await.is_error(415, "wrong-type");
    let mut binary = request(Method::POST, &whip(), Some(&ganich), Body::from(vec![0xff; 9]));
    binary.headers_mut().insert("content-type", "application/sdp".parse().unwrap());
    app.send(binary).await.is_error(400, "bad-request");
}

#[tokio::test]
async fn browsers_of_other_sites_may_ask() {
    let app = TestApp::new().await;
    for (path, accept, value) in [
        (whip(), "accept-post", "application/sdp"),
        (whep(), "accept-post", "application/sdp"),
        (format!("{}/x", whip()), "accept-patch", "application/trickle-ice-sdpfrag"),
    ] {
        let answer = app.send(request(Method::OPTIONS, &path, None, Body::empty())).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header(accept), value);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(answer.header("access-control-allow-headers").contains("Authorization"));
        assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    }
    let error = app.post_sdp("", &whip(), OFFER).await;
    assert_eq!(error.header("access-control-allow-origin"), "*", "errors can be read, too");
}

#[tokio::test]
async fn the_plan_follows_the_floor() {
    let mut app = TestApp::new().await;
    let (mut kazi, mut ganich, _anwar) = live(&mut app).await;
    ganich.must(Command::SetCamera { on: true }).await;
    app.engine.take();
    kazi.must(Command::NextSegment).await;
    let plans = |asked: Vec<Asked>| {
        asked
            .into_iter()
            .filter_map(|asked| match asked {
                Asked::SetPlan(plan) => Some(plan),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    let plan = plans(app.engine.take()).pop().unwrap();
    assert_eq!(plan.audience.main, Some(person("ganich")));
    assert!(plan.audience.voices.contains(&person("ganich")));

    kazi.must(Command::TakeFloor).await;
    let plan = plans(app.engine.take()).pop().unwrap();
    assert!(!plan.audience.voices.contains(&person("ganich")));
    kazi.must(Command::Lock).await;
    assert_eq!(plans(app.engine.take()), [], "a plan that is the same is not told again");
}

#[tokio::test]
async fn whoever_leaves_the_stage_publishes_no_longer_and_receives_as_audience() {
    let mut app = TestApp::new().await;
    let (mut kazi, _ganich, _anwar) = live(&mut app).await;
    kazi.must(Command::GiveFloor { person: person("anwar"), limit: None }).await;
    let published = app.post_sdp(&token("anwar"), &whip(), OFFER).await;
    assert_eq!(published.status, 201);
    assert_eq!(app.post_sdp(&token("anwar"), &whep(), OFFER).await.status, 201);
    let asked = app.engine.take();
    assert!(asked.contains(&Asked::Publish(person("anwar"), Source::Camera)));
    assert!(asked.contains(&Asked::Subscribe(person("anwar"), ReceiverClass::Stage)));

    kazi.must(Command::TakeFloor).await;
    let session = published.header("location").rsplit('/').next().unwrap().parse().unwrap();
    let mut asked = app.engine.take();
    for _ in 0..50 {
        if asked.contains(&Asked::End(session)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        asked.extend(app.engine.take());
    }
    assert!(asked.contains(&Asked::End(session)), "{asked:?}");
    assert!(asked.contains(&Asked::SetClass(person("anwar"), ReceiverClass::Audience)));
    delete(&app, &token("anwar"), published.header("location"))
        .await
        .is_error(404, "no-such-session");
}

#[tokio::test]
async fn whoever_is_put_out_loses_all_media_at_once() {
    let mut app = TestApp::new().await;
    let (mut kazi, _ganich, _anwar) = live(&mut app).await;
    assert_eq!(app.post_sdp(&token("ganich"), &whip(), OFFER).await.status, 201);
    assert_eq!(app.post_sdp(&token("ganich"), &whep(), OFFER).await.status, 201);
    assert_eq!(app.post_sdp(&token("anwar"), &whep(), OFFER).await.status, 201);
    app.engine.take();
    kazi.must(Command::RemovePerson { person: person("anwar") }).await;
    assert!(app.engine.take().contains(&Asked::EndPerson(person("anwar"))));
    kazi.must(Command::SuspendPerson { person: person("ganich") }).await;
    assert!(app.engine.take().contains(&Asked::EndPerson(person("ganich"))));
    app.post_sdp(&token("anwar"), &whep(), OFFER).await.is_error(403, "may-not-receive");
    kazi.must(Command::CloseEvent).await;
    app.post_sdp(&token("kazi"), &whip(), OFFER).await.is_error(403, "may-not-publish");
}

#[tokio::test]
async fn closing_the_event_ends_all_media() {
    let mut app = TestApp::new().await;
    let (mut kazi, _ganich, _anwar) = live(&mut app).await;
    assert_eq!(app.post_sdp(&token("anwar"), &whep(), OFFER).await.status, 201);
    kazi.must(Command::CloseEvent).await;
    assert!(app.engine.take().contains(&Asked::EndEvent));
}

#[tokio::test]
async fn a_second_session_replaces_the_first() {
    let mut app = TestApp::new().await;
    let _sockets = live(&mut app).await;
    let first = app.post_sdp(&token("ganich"), &whip(), OFFER).await;
    let second = app.post_sdp(&token("ganich"), &whip(), OFFER).await;
    let gone = delete(&app, &token("ganich"), first.header("location")).await;
    gone.is_error(404, "no-such-session");
    assert_eq!(delete(&app, &token("ganich"), second.header("location")).await.status, 200);

    let mut receivers = Vec::new();
    for _ in 0..5 {
        receivers.push(app.post_sdp(&token("ganich"), &whep(), OFFER).await);
    }
    let oldest = delete(&app, &token("ganich"), receivers[0].header("location")).await;
    oldest.is_error(404, "no-such-session");
    assert_eq!(delete(&app, &token("ganich"), receivers[1].header("location")).await.status, 200);
}
