//! `GET /api/health`.

use crate::support::{Fault, TestApp};

#[tokio::test]
async fn healthy_when_the_storage_answers() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/api/health").await.status, 200);
    app.storage.set(Fault::Full);
    app.get("/api/health").await.is_error(503, "unavailable");
}
