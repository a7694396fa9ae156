//! The floor's voice over a WebSocket.

use std::net::SocketAddr;
use std::time::Duration;

use api_types::{ClientMessage, EndReason, ServerMessage};
use futures_util::{SinkExt, StreamExt};
use proceedings::Command;
use proceedings::testing::parsed;
use sfu::Voice;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{EVENT, TestApp, token};

struct Ear(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Ear {
    async fn dial(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/api/listen");
        Self(tokio_tungstenite::connect_async(url).await.unwrap().0)
    }

    async fn hello(&mut self, event: &str, token: &str) {
        let (event, token) = (parsed(event), token.to_owned());
        self.say(&ClientMessage::Hello { event, token, resume: None }).await;
    }

    async fn say(&mut self, message: &ClientMessage) {
        let text = serde_json::to_string(message).unwrap();
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(Duration::from_secs(5), self.0.next());
        next.await.expect("in time").expect("open").expect("a message")
    }

    async fn end(&mut self) -> EndReason {
        loop {
            if let Message::Text(text) = self.next().await {
                match serde_json::from_str(&text).unwrap() {
                    ServerMessage::End { reason } => return reason,
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

fn voice(slot: u8, sequence: u16) -> Voice {
    Voice { slot, sequence, timestamp: 0x0102_0304, payload: [9, 8, 7].as_slice().into() }
}

/// Waits until somebody listens.
async fn heard(app: &TestApp) {
    while !app.engine.audible.is_heard() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn packets_come_as_the_protocol_says_while_the_person_may_receive() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    let mut anwar = app.join("anwar").await;
    kazi.must(Command::OpenEvent).await;
    let mut ear = Ear::dial(app.address().await).await;
    ear.hello(EVENT, &token("anwar")).await;
    heard(&app).await;
    app.engine.audible.tell(voice(2, 0x1122));
    let expected = [2, 0, 0x11, 0x22, 1, 2, 3, 4, 9, 8, 7];
    assert_eq!(ear.next().await.into_data().as_ref(), expected);
    ear.say(&ClientMessage::Ping {}).await;
    app.engine.audible.tell(voice(0, 1));
    assert_eq!(ear.next().await.into_data().len(), 11);

    // Put out, and not one packet more.
    kazi.must(Command::RemovePerson { person: parsed("anwar") }).await;
    app.engine.audible.tell(voice(0, 2));
    assert_eq!(ear.end().await, EndReason::Removed);
    assert_eq!(anwar.end().await, EndReason::Removed);
}

#[tokio::test]
async fn only_who_may_receive_listens_and_not_too_often() {
    let mut app = TestApp::new().await;
    let address = app.address().await;
    let mut ear = Ear::dial(address).await;
    ear.hello(EVENT, &token("anwar")).await;
    assert_eq!(ear.end().await, EndReason::Unavailable, "the event is not open");
    let mut kazi = app.join("kazi").await;
    let _anwar = app.join("anwar").await;
    kazi.must(Command::OpenEvent).await;

    for (event, token, reason) in [
        (EVENT, "nonsense".to_owned(), EndReason::BadToken),
        ("no-such-event", token("anwar"), EndReason::NoSuchEvent),
    ] {
        let mut ear = Ear::dial(address).await;
        ear.hello(event, &token).await;
        assert_eq!(ear.end().await, reason);
    }
    let mut ear = Ear::dial(address).await;
    ear.say(&ClientMessage::Ping {}).await;
    assert_eq!(ear.end().await, EndReason::BadMessage, "first who, then what");

    let mut ears = Vec::new();
    for _ in 0..base::limits::CONNECTIONS_PER_PERSON_MAX {
        let mut ear = Ear::dial(address).await;
        ear.hello(EVENT, &token("anwar")).await;
        heard(&app).await;
        app.engine.audible.tell(voice(0, 1));
        ears.push(ear);
    }
    for ear in &mut ears {
        // Each is seated by the time that it hears something.
        loop {
            app.engine.audible.tell(voice(0, 1));
            let next = tokio::time::timeout(Duration::from_millis(50), ear.0.next()).await;
            if next.is_ok() {
                break;
            }
        }
    }
    let mut one_more = Ear::dial(address).await;
    one_more.hello(EVENT, &token("anwar")).await;
    assert_eq!(one_more.end().await, EndReason::TooManyConnections);
    let mut other = Ear::dial(address).await;
    other.hello(EVENT, &token("kazi")).await;
    loop {
        app.engine.audible.tell(voice(0, 1));
        if tokio::time::timeout(Duration::from_millis(50), other.0.next()).await.is_ok() {
            break;
        }
    }
}
