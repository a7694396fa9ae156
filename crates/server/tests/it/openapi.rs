//! docs/openapi.json is current. `UPDATE_GENERATED=1 cargo test -p server` writes it anew.

use crate::support::TestApp;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[tokio::test]
async fn the_committed_description_is_current() {
    let text = format!("{}\n", server::openapi().to_pretty_json().unwrap());
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(committed == text, "stale; run UPDATE_GENERATED=1 cargo test -p server");
    let served = TestApp::new().await.get("/api/openapi.json").await;
    let served: serde_json::Value = served.json();
    assert_eq!(served, serde_json::from_str::<serde_json::Value>(&committed).unwrap());
}
