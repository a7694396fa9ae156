//! Limits of bodies and rates.

use axum::body::Body;
use axum::http::Method;
use proceedings::testing::reference_event;
use server::{Limits, Rate};

use crate::support::{EVENT, TestApp, request, token, wide_limits};

#[tokio::test]
async fn bodies_are_bounded() {
    let app = TestApp::new().await;
    let path = format!("/api/events/{EVENT}/registrations");
    let body = format!(r#"{{"name": "{}", "language": "en"}}"#, "x".repeat(10_000));
    app.post_json(&path, &body).await.is_error(413, "too-large");
    let plain = request(Method::POST, &path, None, Body::from("{}"));
    app.send(plain).await.is_error(415, "wrong-type");
    assert_eq!(app.lines().await.len(), 1);
}

#[tokio::test]
async fn registrations_are_limited_by_address() {
    let registrations = Rate { burst: 3, per_second: 0.0 };
    let app = TestApp::with(reference_event(), Limits { registrations, ..wide_limits() }).await;
    let path = format!("/api/events/{EVENT}/registrations");
    let body = r#"{"name": "A", "language": "en"}"#;
    for _ in 0..3 {
        assert_eq!(app.post_json(&path, body).await.status, 201);
    }
    let answer = app.post_json(&path, body).await;
    answer.is_error(429, "too-many-requests");
    assert_eq!(answer.header("retry-after"), "10");
    assert_eq!(app.lines().await.len(), 4);
}

#[tokio::test]
async fn bad_tokens_are_limited_by_address() {
    let bad_tokens = Rate { burst: 3, per_second: 0.0 };
    let app = TestApp::with(reference_event(), Limits { bad_tokens, ..wide_limits() }).await;
    let path = format!("/api/events/{EVENT}/join");
    for _ in 0..5 {
        assert_eq!(app.get_as(&token("anwar"), &path).await.status, 200, "good ones cost nothing");
    }
    for _ in 0..3 {
        app.get_as("nonsense", &path).await.is_error(401, "bad-token");
    }
    app.get_as("nonsense", &path).await.is_error(429, "too-many-requests");
}
