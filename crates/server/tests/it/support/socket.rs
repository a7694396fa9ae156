//! A client of the live socket.

use std::net::SocketAddr;
use std::time::Duration;

use api_types::{ClientMessage, CommandFailure, EndReason, Section, ServerMessage, You};
use base::Sequence;
use futures_util::{SinkExt, StreamExt};
use proceedings::testing::parsed;
use proceedings::{Command, Refusal};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Socket {
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What the client knows, as docs/PROTOCOL.md tells it to keep it.
    pub(crate) sections: Vec<Section>,
    pub(crate) you: Option<You>,
    pub(crate) sequence: Sequence,
    commands: u64,
}

impl Socket {
    pub(crate) async fn dial(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/api/live");
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let (sections, you, sequence) = (Vec::new(), None, Sequence(0));
        Self { stream, sections, you, sequence, commands: 0 }
    }

    pub(crate) async fn say(&mut self, message: &ClientMessage) {
        self.say_text(&serde_json::to_string(message).unwrap()).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn hello(&mut self, event: &str, token: &str, resume: Option<Sequence>) {
        let (event, token) = (parsed(event), token.to_owned());
        self.say(&ClientMessage::Hello { event, token, resume }).await;
    }

    /// The next message; `None` when the server closed.
    pub(crate) async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next());
            match next.await.expect("a message in time")? {
                Ok(Message::Text(text)) => {
                    let message: ServerMessage = serde_json::from_str(&text).unwrap();
                    self.keep(&message);
                    return Some(message);
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    fn keep(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Welcome { sections, you, sequence, .. } => {
                self.you = Some((**you).clone());
                self.replace(*sequence, sections);
            }
            ServerMessage::Changed { sections, sequence } => self.replace(*sequence, sections),
            ServerMessage::You { you } => self.you = Some((**you).clone()),
            _ => {}
        }
    }

    fn replace(&mut self, sequence: Sequence, sections: &[Section]) {
        assert!(sequence >= self.sequence, "the proceedings never go back");
        self.sequence = sequence;
        for section in sections {
            let kind = std::mem::discriminant(section);
            self.sections.retain(|other| std::mem::discriminant(other) != kind);
            self.sections.push(section.clone());
        }
    }

    /// Reads until a message fits.
    pub(crate) async fn until<T>(&mut self, fits: impl Fn(&ServerMessage) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the socket is open");
            if let Some(found) = fits(&message) {
                return found;
            }
        }
    }

    pub(crate) async fn welcome(&mut self) -> Vec<Section> {
        match self.next().await {
            Some(ServerMessage::Welcome { sections, .. }) => sections,
            other => panic!("not welcomed: {other:?}"),
        }
    }

    /// Reads until the section that `pick` wants is as it wants it.
    pub(crate) async fn section<T>(&mut self, pick: impl Fn(&Section) -> Option<T>) -> T {
        loop {
            if let Some(found) = self.sections.iter().find_map(&pick) {
                return found;
            }
            self.next().await.expect("the socket is open");
        }
    }

    /// Sends a command and waits for its outcome.
    pub(crate) async fn command(&mut self, command: Command) -> Outcome {
        self.commands += 1;
        let id = self.commands;
        self.say(&ClientMessage::Command { id, command }).await;
        self.until(|message| match message {
            ServerMessage::Accepted { id: of, sequence } if *of == id => Some(Ok(*sequence)),
            ServerMessage::Refused { id: of, refusal } if *of == id => Some(Err(Ok(*refusal))),
            ServerMessage::Failed { id: of, failure } if *of == id => Some(Err(Err(*failure))),
            _ => None,
        })
        .await
    }

    /// Sends a command that must be carried out.
    pub(crate) async fn must(&mut self, command: Command) -> Sequence {
        self.command(command.clone()).await.unwrap_or_else(|e| panic!("{command:?}: {e:?}"))
    }

    /// Reads until the server ends the socket, and until it has closed it.
    pub(crate) async fn end(&mut self) -> EndReason {
        let reason = self
            .until(|message| match message {
                ServerMessage::End { reason } => Some(*reason),
                _ => None,
            })
            .await;
        assert!(self.next().await.is_none(), "nothing follows the end");
        reason
    }
}

/// What became of a command.
pub(crate) type Outcome = Result<Sequence, Result<Refusal, CommandFailure>>;
