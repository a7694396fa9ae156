//! The web client's files.

use axum::body::Body;
use axum::http::Method;

use crate::support::{EVENT, TestApp, request};

#[tokio::test]
async fn pages_are_served_with_a_strict_policy() {
    let app = TestApp::new().await;
    for path in ["/", &format!("/e/{EVENT}"), &format!("/e/{EVENT}/join")] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-cache");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(policy.contains("connect-src 'self' ws://localhost;"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let missing = app.get("/assets/missing-1234.js").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let app = TestApp::new().await;
    let etag = app.get("/").await.header("etag").to_owned();
    let mut request = request(Method::GET, "/", None, Body::empty());
    request.headers_mut().insert("if-none-match", etag.parse().unwrap());
    let answer = app.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (304, ""));
}

/// The one page whose script stands in it: its policy names that script and nothing else.
#[tokio::test]
async fn the_verification_page_may_fetch_nothing() {
    let app = TestApp::new().await;
    for path in ["/verify", "/verify?lang=ur", "/verify.html"] {
        let answer = app.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-cache"));
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'sha256-", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        for part in ["unsafe", "'self'", "connect-src", "http"] {
            assert!(!policy.contains(part), "{path}: {policy}");
        }
        assert!(answer.body.contains("<script type=\"module\">"), "the script stands in it");
        assert!(!answer.body.contains(" src=\"/"), "nothing is fetched");
    }
}
