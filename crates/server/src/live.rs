//! `GET /api/live`: the live socket. docs/PROTOCOL.md says how it is used.
//!
//! One task per socket. It never decides anything: commands go to the event's task, and what that
//! task puts into the socket's queue is written out. Whoever reads too slowly is told and dropped.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use api_types::{ClientMessage, CommandFailure, EndReason, ServerMessage};
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::http::HeaderMap;
use axum::response::Response;
use base::limits::CLIENT_MESSAGE_BYTES_MAX;
use base::{ConnectionId, EventId, PersonId};
use futures_util::{FutureExt, SinkExt, StreamExt};
use proceedings::Refusal;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::app::App;
use crate::error::ApiError;
use crate::event_actor::{Ask, EventHandle, NotDone};
use crate::extract::Address;
use crate::outbox::{self, Inbox};
use crate::rate::{Bucket, Rate};

/// Time for `hello` after the socket is open.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that pings every ten seconds and is silent for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Time for the reader to take what is written. Beyond it the line is as good as dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for the last messages of a socket that is ended.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is checked that the socket's link was not revoked meanwhile.
const LINK_CHECK: Duration = Duration::from_secs(60);

/// Commands of one connection: more than a quick moderator with keys, less than a program.
const COMMANDS: Rate = Rate { burst: 30, per_second: 10.0 };

/// Acts of one captioner: keystrokes told three times a second. What is more is passed over; each
/// tells the whole line.
const CAPTION_ACTS: Rate = Rate { burst: 20, per_second: 8.0 };

/// What may wait unsent in one socket: two of the largest messages, which a moderator gets in a
/// full event.
const WRITE_BUFFER_BYTES_MAX: usize = 2 << 20;

/// What an upgrade of the router gives.
pub(crate) type Upgrade =
    Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>;

/// What every socket passes before it is opened: it comes from our own pages, not too often from
/// one address, and there is a place for it. The place is given back when it is dropped.
pub(crate) fn accept(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
    upgrade: Upgrade,
) -> Result<(WebSocketUpgrade, OwnedSemaphorePermit), ApiError> {
    let upgrade = upgrade.map_err(|error| ApiError::bad_request(error.body_text()))?;
    if !app.is_own_origin(headers) {
        return Err(ApiError::ForeignOrigin);
    }
    if !app.hellos.take(address) {
        return Err(ApiError::TooMany);
    }
    let sockets = Arc::clone(&app.sockets);
    let place = sockets.try_acquire_owned().map_err(|_| ApiError::Unavailable)?;
    let upgrade =
        upgrade.max_message_size(CLIENT_MESSAGE_BYTES_MAX).max_frame_size(CLIENT_MESSAGE_BYTES_MAX);
    Ok((upgrade, place))
}

pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Address(address): Address,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let (upgrade, place) = accept(&app, address, &headers, upgrade)?;
    let upgrade = upgrade.max_write_buffer_size(WRITE_BUFFER_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        serve(socket, app, address).await;
        drop(place);
    }))
}

async fn serve(mut socket: WebSocket, app: Arc<App>, address: IpAddr) {
    let line = match tokio::time::timeout(HELLO_TIMEOUT, greet(&mut socket, &app, address)).await {
        Ok(Ok(line)) => line,
        Ok(Err(Some(reason))) => return refuse(socket, &app, reason).await,
        Err(_) => return refuse(socket, &app, EndReason::BadMessage).await,
        // The client went away before it said anything.
        Ok(Err(None)) => return,
    };
    let Line { event, id, person, token, connection, mut inbox } = line;
    let mut client = Client {
        socket,
        app,
        address,
        event: Arc::clone(&event),
        id,
        person: person.clone(),
        token,
        connection,
        commands: Bucket::full(COMMANDS, Instant::now()),
        caption_acts: Bucket::full(CAPTION_ACTS, Instant::now()),
        broken: false,
    };
    let reason = client.talk(&mut inbox).await;
    client.app.tallies.socket_ended(reason.filter(|_| !client.broken));
    // The departure is written down before the last words, which may take seconds.
    let departed = event.ask(Ask::Disconnect { person, connection }).await;
    if departed.is_err() {
        tracing::debug!("the event's task is gone");
    }
    if let Some(reason) = reason {
        client.finish(inbox, reason).await;
    }
}

/// Ends a socket that was not let in.
async fn refuse(socket: WebSocket, app: &App, reason: EndReason) {
    app.tallies.socket_ended(Some(reason));
    end(socket, reason).await;
}

/// A greeted connection.
struct Line {
    event: Arc<EventHandle>,
    id: EventId,
    person: PersonId,
    token: String,
    connection: ConnectionId,
    inbox: Inbox,
}

/// Takes `hello` and enters the connection into the event.
async fn greet(
    socket: &mut WebSocket,
    app: &App,
    address: IpAddr,
) -> Result<Line, Option<EndReason>> {
    let message = socket.recv().await.ok_or(None)?.map_err(|_| Some(EndReason::BadMessage))?;
    let hello = match &message {
        Message::Text(text) => serde_json::from_str(text).ok(),
        _ => None,
    };
    let Some(ClientMessage::Hello { event: id, token, resume }) = hello else {
        return Err(Some(EndReason::BadMessage));
    };
    let event = match app.events.find(&id).await {
        Ok(found) => found.ok_or(EndReason::NoSuchEvent)?,
        Err(error) => {
            tracing::error!(event = %id, %error, "the event cannot be opened");
            return Err(Some(EndReason::Unavailable));
        }
    };
    let person = app.person(&id, &event, &token, address).await.map_err(|error| match error {
        ApiError::BadToken => EndReason::BadToken,
        _ => EndReason::Unavailable,
    })?;
    let (outbox, inbox) = outbox::channel();
    let connection = event.connect(person.clone(), resume, outbox).await.map_err(why_not)?;
    Ok(Line { event, id, person, token, connection, inbox })
}

fn why_not(error: NotDone) -> EndReason {
    match error {
        NotDone::Refused(Refusal::Removed) => EndReason::Removed,
        NotDone::Refused(Refusal::Suspended) => EndReason::Suspended,
        NotDone::Refused(Refusal::Closed) => EndReason::Closed,
        NotDone::Refused(Refusal::TooManyConnections) => EndReason::TooManyConnections,
        NotDone::Refused(Refusal::EventFull) => EndReason::EventFull,
        NotDone::Refused(Refusal::NoSuchPerson) => EndReason::BadToken,
        NotDone::Refused(_) | NotDone::Unavailable => EndReason::Unavailable,
    }
}

struct Client {
    socket: WebSocket,
    app: Arc<App>,
    address: IpAddr,
    event: Arc<EventHandle>,
    id: EventId,
    person: PersonId,
    token: String,
    connection: ConnectionId,
    commands: Bucket,
    caption_acts: Bucket,
    /// The line broke off.
    broken: bool,
}

/// The reader is gone, or reads so slowly that it might as well be.
struct Broken;

impl Client {
    /// Serves the socket until it is over; `Some` when the client is still there to be told why.
    async fn talk(&mut self, inbox: &mut Inbox) -> Option<EndReason> {
        let mut heard_at = Instant::now();
        // One timer for the whole conversation: with thousands of sockets, one for each message is
        // a good part of what the message costs.
        let mut silence = pin!(tokio::time::sleep_until(heard_at + SILENCE_MAX));
        let mut link_check = tokio::time::interval_at(Instant::now() + LINK_CHECK, LINK_CHECK);
        loop {
            tokio::select! {
                biased;
                reason = &mut inbox.end => return Some(ended(reason)),
                frame = inbox.frames.recv() => {
                    // The queue closes only together with the end.
                    let frame = frame?;
                    match self.write(inbox, frame).await {
                        Ok(None) => {}
                        Ok(Some(reason)) => return Some(reason),
                        Err(Broken) => return None,
                    }
                }
                message = self.socket.recv() => {
                    heard_at = Instant::now();
                    match message {
                        None | Some(Ok(Message::Close(_))) => return None,
                        Some(Ok(Message::Text(text))) => {
                            if let Err(reason) = self.hear(&text).await {
                                return reason;
                            }
                        }
                        // The WebSocket's own ping is answered by the library.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => return Some(EndReason::BadMessage),
                        // A line that broke off, as a rule; whoever did send nonsense is told.
                        Some(Err(_)) => {
                            self.broken = true;
                            return Some(EndReason::BadMessage);
                        }
                    }
                }
                () = &mut silence => {
                    if heard_at.elapsed() >= SILENCE_MAX {
                        return None;
                    }
                    silence.as_mut().reset(heard_at + SILENCE_MAX);
                }
                _ = link_check.tick() => {
                    let (id, token) = (&self.id, &self.token);
                    let known = self.app.person(id, &self.event, token, self.address).await;
                    // A storage that fails now is no reason to put anybody out.
                    if matches!(known, Err(ApiError::BadToken)) {
                        // What was begun with the link ends with it.
                        self.event.desk.end_person(&self.person);
                        if let Some(turn) = &self.app.turn {
                            turn.end_person(&self.id, &self.person);
                        }
                        return Some(EndReason::BadToken);
                    }
                }
            }
        }
    }

    /// Takes a message of the client. An error ends the socket, with a reason if it can be told.
    async fn hear(&mut self, text: &str) -> Result<(), Option<EndReason>> {
        let Ok(message) = serde_json::from_str(text) else {
            return Err(Some(EndReason::BadMessage));
        };
        let answer = match message {
            ClientMessage::Hello { .. } => return Err(Some(EndReason::BadMessage)),
            ClientMessage::Caption { act } => {
                if !self.caption_acts.take(CAPTION_ACTS, Instant::now()) {
                    return Ok(());
                }
                let (person, connection) = (self.person.clone(), self.connection);
                let asked = self.event.ask(Ask::Caption { person, connection, act }).await;
                return asked.map_err(|_| Some(EndReason::Unavailable));
            }
            ClientMessage::Ping {} => ServerMessage::Pong { now: self.app.clock.now() },
            ClientMessage::Command { id, command } => {
                if self.commands.take(COMMANDS, Instant::now()) {
                    let (person, connection) = (self.person.clone(), self.connection);
                    let ask = Ask::FromSocket { person, connection, id, command };
                    let asked = self.event.ask(ask).await;
                    return asked.map_err(|_| Some(EndReason::Unavailable));
                }
                ServerMessage::Failed { id, failure: CommandFailure::TooFast }
            }
        };
        let answer = text_of(&answer);
        match tokio::time::timeout(WRITE_TIMEOUT, self.socket.send(Message::Text(answer))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    /// Writes a message and what else is queued. Gives up when the line takes nothing for too
    /// long, and stops when the event ends the socket meanwhile.
    async fn write(
        &mut self,
        inbox: &mut Inbox,
        frame: Utf8Bytes,
    ) -> Result<Option<EndReason>, Broken> {
        let Inbox { frames, end } = inbox;
        let mut write = pin!(async {
            self.socket.feed(Message::Text(frame)).await.map_err(|_| Broken)?;
            while let Ok(frame) = frames.try_recv() {
                self.socket.feed(Message::Text(frame)).await.map_err(|_| Broken)?;
            }
            self.socket.flush().await.map_err(|_| Broken)
        });
        // A line that has room takes it at once, and no timer is needed.
        if let Some(written) = write.as_mut().now_or_never() {
            return written.map(|()| None);
        }
        tokio::select! {
            biased;
            written = tokio::time::timeout(WRITE_TIMEOUT, write) => {
                written.map_err(|_| Broken)?.map(|()| None)
            }
            reason = end => Ok(Some(ended(reason))),
        }
    }

    /// The last words: what is queued, unless the reader was too slow for it, and the reason.
    async fn finish(mut self, mut inbox: Inbox, reason: EndReason) {
        let last_words = async {
            if reason != EndReason::TooSlow {
                while let Ok(frame) = inbox.frames.try_recv() {
                    self.socket.feed(Message::Text(frame)).await?;
                }
            }
            Ok::<(), axum::Error>(())
        };
        if let Ok(Ok(())) = tokio::time::timeout(END_TIMEOUT, last_words).await {
            end(self.socket, reason).await;
        }
    }
}

fn ended(reason: Result<EndReason, oneshot::error::RecvError>) -> EndReason {
    // An event whose task is gone can store nothing.
    reason.unwrap_or(EndReason::Unavailable)
}

/// Tells the reason and closes. Whoever does not take it in time is left.
async fn end(mut socket: WebSocket, reason: EndReason) {
    let code = match reason {
        EndReason::ServerStops => close_code::RESTART,
        EndReason::TooSlow | EndReason::Unavailable => close_code::AGAIN,
        _ => close_code::POLICY,
    };
    let farewell = async {
        socket.send(Message::Text(text_of(&ServerMessage::End { reason }))).await?;
        let close = CloseFrame { code, reason: Utf8Bytes::default() };
        socket.send(Message::Close(Some(close))).await?;
        // The client's own close, so that it reads the reason before the line is cut.
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<(), axum::Error>(())
    };
    // Nobody is left to be told of a failure.
    let _ = tokio::time::timeout(END_TIMEOUT, farewell).await;
}

fn text_of(message: &ServerMessage) -> Utf8Bytes {
    // See `hub::frame`: these messages can always be written.
    serde_json::to_string(message).unwrap_or_default().into()
}
