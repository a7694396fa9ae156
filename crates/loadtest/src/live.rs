//! A client of the live socket: says hello, keeps the sections it is sent, sends commands and
//! notes when it saw what.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use api_types::{ClientMessage, EndReason, Section, ServerMessage, SlotsView, You};
use base::{EventId, PersonId, SegmentId, Sequence, Timestamp};
use futures_util::{SinkExt, StreamExt};
use proceedings::{Admission, Command, Life, Refusal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::http::{HttpError, Server, Stream};

/// Time between two pings (docs/PROTOCOL.md).
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Time for the handshake up to the server's welcome.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(15);

/// Time for the answer to a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Commands of one client under way. People press one button at a time.
const COMMANDS_MAX: usize = 16;

/// Moments kept for each list of [`Seen`]; an event has a few hundred changes.
const SEEN_MAX: usize = 10_000;

/// Why a client has no live socket, or its command no effect.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No connection.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The WebSocket failed.
    #[error("the live socket failed: {0}")]
    Socket(String),
    /// The server closed the socket and said why.
    #[error("the server closed the live socket: {0:?}")]
    Ended(EndReason),
    /// The server did not answer in time.
    #[error("the live socket gave no answer in time")]
    Timeout,
    /// The command was refused.
    #[error("refused: {0}")]
    Refused(Refusal),
}

/// What a client saw, and when.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Messages in all.
    pub messages: u64,
    /// Stages of the event's life.
    pub life: Vec<(Instant, Life)>,
    /// Present segments.
    pub segment: Vec<(Instant, Option<SegmentId>)>,
    /// Holders of the floor.
    pub floor: Vec<(Instant, Option<PersonId>)>,
}

/// What a client knows now.
#[derive(Debug, Clone)]
pub struct View {
    /// About oneself.
    pub you: You,
    /// A moment here, and what the server's clock said then.
    pub clock: (Instant, Timestamp),
    /// Where the proceedings stood with the last message.
    pub sequence: Sequence,
    /// Which person each fixed slot carries.
    pub slots: Option<SlotsView>,
    /// People in the lobby, for those who moderate.
    pub waiting: u32,
    /// Raised hands, for those who moderate.
    pub hands: Vec<PersonId>,
    /// Everything seen so far.
    pub seen: Seen,
    /// The socket is closed; the reason if the server gave one.
    pub ended: Option<Option<EndReason>>,
}

/// A live socket of one person.
pub struct Live {
    view: watch::Receiver<View>,
    commands: mpsc::Sender<Wish>,
    task: JoinHandle<()>,
}

struct Wish {
    command: Command,
    answer: oneshot::Sender<Result<Sequence, Refusal>>,
}

impl Live {
    /// Connects and waits for the welcome.
    ///
    /// # Errors
    /// [`LiveError`] when there is no welcome.
    pub async fn join(server: &Server, event: &EventId, token: &str) -> Result<Self, LiveError> {
        tokio::time::timeout(WELCOME_TIMEOUT, Self::join_unbounded(server, event, token))
            .await
            .unwrap_or(Err(LiveError::Timeout))
    }

    async fn join_unbounded(
        server: &Server,
        event: &EventId,
        token: &str,
    ) -> Result<Self, LiveError> {
        let scheme = if server.secure() { "wss" } else { "ws" };
        let url = format!("{scheme}://{}{}", server.authority(), server.path("/api/live"));
        let request = url.into_client_request().map_err(socket)?;
        let (mut stream, _) = tokio_tungstenite::client_async(request, server.connect().await?)
            .await
            .map_err(socket)?;
        let hello =
            ClientMessage::Hello { event: event.clone(), token: token.to_owned(), resume: None };
        stream.send(encode(&hello)?).await.map_err(socket)?;
        let view = loop {
            match receive(&mut stream).await? {
                Some(ServerMessage::Welcome { sequence, now, you, sections, .. }) => {
                    let mut view = View {
                        you: *you,
                        clock: (Instant::now(), now),
                        sequence,
                        slots: None,
                        waiting: 0,
                        hands: Vec::new(),
                        seen: Seen { messages: 1, ..Seen::default() },
                        ended: None,
                    };
                    view.replace(Instant::now(), sections);
                    break view;
                }
                Some(ServerMessage::End { reason }) => return Err(LiveError::Ended(reason)),
                Some(_) => {}
                None => return Err(socket("closed before the welcome")),
            }
        };
        let sender = watch::Sender::new(view);
        let view = sender.subscribe();
        let (commands, wishes) = mpsc::channel(COMMANDS_MAX);
        let task = tokio::spawn(keep(stream, sender, wishes));
        Ok(Self { view, commands, task })
    }

    /// What the client knows now.
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Looks at what the client knows now.
    pub fn look<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.borrow())
    }

    /// Waits until the client knows what `condition` asks for; false when it does not in time.
    pub async fn wait_for(
        &mut self,
        timeout: Duration,
        mut condition: impl FnMut(&View) -> bool,
    ) -> bool {
        let wait = self.view.wait_for(|view| condition(view));
        matches!(tokio::time::timeout(timeout, wait).await, Ok(Ok(_)))
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// [`LiveError`] when it is refused or not answered.
    pub async fn command(&self, command: Command) -> Result<Sequence, LiveError> {
        let (answer, answered) = oneshot::channel();
        let exchange = async {
            self.commands.send(Wish { command, answer }).await.map_err(|_| self.closed())?;
            answered.await.map_err(|_| self.closed())?.map_err(LiveError::Refused)
        };
        tokio::time::timeout(COMMAND_TIMEOUT, exchange).await.unwrap_or(Err(LiveError::Timeout))
    }

    fn closed(&self) -> LiveError {
        match self.view.borrow().ended {
            Some(Some(reason)) => LiveError::Ended(reason),
            _ => socket("it is closed"),
        }
    }

    /// Closes the socket and returns what was seen.
    pub async fn leave(self) -> View {
        let Self { view, commands, task } = self;
        drop(commands);
        if let Err(error) = task.await {
            tracing::error!(%error, "a live socket's task panicked");
        }
        view.borrow().clone()
    }
}

impl View {
    /// True while the person waits in the lobby.
    pub fn waits(&self) -> bool {
        self.you.admission == Admission::Waiting
    }

    /// True when the person may watch and hear.
    pub fn is_in(&self) -> bool {
        self.you.admission == Admission::Admitted
    }

    fn take(&mut self, now: Instant, message: ServerMessage) {
        self.seen.messages += 1;
        match message {
            ServerMessage::Changed { sequence, sections } => {
                self.sequence = sequence;
                self.replace(now, sections);
            }
            ServerMessage::You { you } => self.you = *you,
            ServerMessage::End { reason } => self.ended = Some(Some(reason)),
            _ => {}
        }
    }

    fn replace(&mut self, now: Instant, sections: Vec<Section>) {
        for section in sections {
            match section {
                Section::Life(life) => note(&mut self.seen.life, now, life.life),
                Section::Programme(programme) => {
                    note(&mut self.seen.segment, now, programme.current);
                }
                Section::Floor(floor) => {
                    note(&mut self.seen.floor, now, floor.holder.map(|grant| grant.person));
                }
                Section::Slots(slots) => self.slots = Some(slots),
                Section::Lobby(lobby) => self.waiting = lobby.count,
                Section::Hands(hands) => {
                    self.hands = hands.hands.into_iter().map(|hand| hand.person.id).collect();
                }
                Section::Stage(_)
                | Section::Audience(_)
                | Section::Roster(_)
                | Section::Recording(_)
                | Section::Lines(_)
                | Section::Captions(_)
                | Section::Partials(_) => {}
            }
        }
    }
}

/// Notes a value unless it is the one noted last.
fn note<T: PartialEq>(list: &mut Vec<(Instant, T)>, now: Instant, value: T) {
    let same = list.last().is_some_and(|(_, last)| *last == value);
    if !same && list.len() < SEEN_MAX {
        list.push((now, value));
    }
}

/// Keeps a socket until the client lets go of it or the server closes it.
async fn keep(
    mut stream: WebSocketStream<Box<dyn Stream>>,
    view: watch::Sender<View>,
    mut wishes: mpsc::Receiver<Wish>,
) {
    let mut waiting: HashMap<u64, oneshot::Sender<Result<Sequence, Refusal>>> = HashMap::new();
    let mut next_id = 1;
    let mut ping =
        tokio::time::interval_at(tokio::time::Instant::now() + PING_INTERVAL, PING_INTERVAL);
    loop {
        let say = tokio::select! {
            received = receive(&mut stream) => match received {
                Ok(Some(message)) => {
                    let now = Instant::now();
                    match message {
                        ServerMessage::Accepted { id, sequence } => {
                            waiting.remove(&id).map(|answer| answer.send(Ok(sequence)));
                        }
                        ServerMessage::Refused { id, refusal } => {
                            waiting.remove(&id).map(|answer| answer.send(Err(refusal)));
                        }
                        message => view.send_modify(|view| view.take(now, message)),
                    }
                    continue;
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "a live socket broke");
                    break;
                }
            },
            wish = wishes.recv() => match wish {
                Some(Wish { command, answer }) => {
                    // Answers that nobody waits for any more must not pile up.
                    waiting.retain(|_, answer| !answer.is_closed());
                    let id = next_id;
                    next_id += 1;
                    waiting.insert(id, answer);
                    ClientMessage::Command { id, command }
                }
                None => {
                    let _ = tokio::time::timeout(Duration::from_secs(1), stream.close(None)).await;
                    break;
                }
            },
            _ = ping.tick() => ClientMessage::Ping {},
        };
        let sent = match encode(&say) {
            Ok(message) => stream.send(message).await.is_ok(),
            Err(_) => false,
        };
        if !sent {
            break;
        }
    }
    view.send_modify(|view| {
        view.ended.get_or_insert(None);
    });
}

fn encode(message: &ClientMessage) -> Result<Message, LiveError> {
    Ok(Message::text(serde_json::to_string(message).map_err(socket)?))
}

/// The next message of the server; `None` when it has closed the socket.
async fn receive(
    stream: &mut WebSocketStream<Box<dyn Stream>>,
) -> Result<Option<ServerMessage>, LiveError> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).map(Some).map_err(socket);
            }
            Some(Ok(Message::Close(_))) | None => return Ok(None),
            // Pings are answered by the library.
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(socket(error)),
        }
    }
}

fn socket(reason: impl std::fmt::Display) -> LiveError {
    LiveError::Socket(reason.to_string())
}
