//! Headers of every answer.

use crate::support::{EVENT, TestApp};

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
