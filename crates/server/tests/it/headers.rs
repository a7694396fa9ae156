//! Headers of every answer.

use axum::body::Body;
use axum::http::Method;

use crate::support::{EVENT, TestApp, request, token};

#[tokio::test]
async fn every_answer_is_harmless() {
    let app = TestApp::new().await;
    let event = format!("/api/events/{EVENT}");
    for path in ["/", "/x.png", "/api/events", &event, "/api/nothing", "/whip/x/y"] {
        let answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        let permissions = answer.header("permissions-policy");
        for allowed in ["camera=(self)", "microphone=(self)", "display-capture=(self)"] {
            assert!(permissions.contains(allowed), "{path}");
        }
        assert_eq!(answer.header("set-cookie"), "", "there are no cookies");
    }
    assert_eq!(app.get("/api/events").await.header("cache-control"), "no-store");
    assert_eq!(app.get("/api/events").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn answers_are_compressed_for_who_asks() {
    let app = TestApp::new().await;
    let path = format!("/api/events/{EVENT}");
    let plain = app.get(&path).await;
    let mut asked = request(Method::GET, &path, None, Body::empty());
    asked.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let packed = app.send(asked).await;
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
    assert!(packed.body.len() < plain.body.len(), "{} bytes", packed.body.len());
}

/// The compressor asked the stream of lines for more after its end, which panicked.
#[tokio::test]
async fn compressed_proceedings_come_to_their_end() {
    let app = TestApp::new().await;
    let path = format!("/api/events/{EVENT}/proceedings");
    let token = token("kazi");
    let mut asked = request(Method::GET, &path, Some(&token), Body::empty());
    asked.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let packed = app.send(asked).await;
    assert_eq!((packed.status.as_u16(), packed.header("content-encoding")), (200, "gzip"));
}
