//! Logs hold no secret and no personal datum.

use std::io::Write;
use std::sync::{Arc, Mutex};

use proceedings::Command;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{EVENT, Fault, TestApp, token};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything is logged here, down to the finest level of our own crates.
#[tokio::test]
async fn neither_tokens_nor_names_are_logged() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("server=trace,sfu=trace,storage=trace,proceedings=trace")
        .with_writer(captured.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let mut app = TestApp::new().await;
    let registrations = format!("/api/events/{EVENT}/registrations");
    let body = r#"{"name": "Zebunnissa", "affiliation": "Quaid Institute", "language": "en"}"#;
    let issued: api_types::LinkIssued = app.post_json(&registrations, body).await.json();
    let secret = issued.link.split_once('#').unwrap().1.to_owned();
    app.post_json(&registrations, r#"{"name": "Zebunnissa", "language": "?"}"#).await;
    let join = format!("/api/events/{EVENT}/join");
    app.get_as(&secret, &join).await;
    app.get_as("wrongsecretwrongsecretwrongsecre", &join).await;
    app.get(&format!("{join}?token={secret}")).await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::EnterStage).await;
    let whip = format!("/whip/{EVENT}");
    let published = app.post_sdp(&token("kazi"), &whip, "v=0\r\n").await;
    let session = published.header("location").rsplit('/').next().unwrap().to_owned();
    app.post_sdp(&token("kazi"), &whip, "not an offer").await;
    app.storage.set(Fault::Full);
    let _ = kazi.command(Command::Lock).await;
    app.post_json(&registrations, body).await;

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("/api/events/{event}/join"), "requests are logged: {log}");
    assert!(log.contains("no space left"), "failures are logged: {log}");
    let private = [
        secret.as_str(),
        &token("kazi"),
        "wrongsecret",
        &session,
        "Zebunnissa",
        "Quaid",
        "Mustafa",
        "Kazi",
        "kazi",
    ];
    for private in private {
        assert!(!log.contains(private), "{private} is in the log: {log}");
    }
}
