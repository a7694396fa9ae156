//! `GET /api/listen`: the floor's voice over a WebSocket, for networks in which nothing but HTTPS
//! goes through. docs/PROTOCOL.md says how it is used.
//!
//! It hears what a receiver of the person's class hears, from the same core under the same plan, and
//! every packet is let through only while the person may receive.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api_types::{ClientMessage, EndReason, ServerMessage};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use axum::http::HeaderMap;
use axum::response::Response;
use base::limits::CONNECTIONS_PER_PERSON_MAX;
use base::{EventId, PersonId};
use futures_util::SinkExt;
use sfu::{Listening, ReceiverClass, Voice};

use crate::app::App;
use crate::error::ApiError;
use crate::event_actor::EventHandle;
use crate::extract::Address;
use crate::live::{self, Upgrade};
use crate::media;

/// Time for `hello`, for the last words, and for the reader to take what is written.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
const END_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the person's right and class are looked at while nobody speaks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is checked that the link was not revoked meanwhile.
const LINK_CHECK: Duration = Duration::from_secs(60);

/// A client that pings every ten seconds and is silent for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What may wait unsent in one socket: two seconds of a voice. A line that takes less is given up,
/// for what waits there is old when it arrives.
const WRITE_BUFFER_BYTES_MAX: usize = 16 << 10;

/// Bytes before the Opus packet: slot, a zero, sequence number, timestamp.
const HEADER_BYTES: usize = 8;

/// Who listens so, for the limit of connections.
#[derive(Debug, Default)]
pub(crate) struct Listeners(Mutex<BTreeMap<(EventId, PersonId), usize>>);

/// A place among the listeners.
struct Place<'a> {
    listeners: &'a Listeners,
    key: (EventId, PersonId),
}

impl Listeners {
    fn take(&self, event: &EventId, person: &PersonId) -> Option<Place<'_>> {
        let key = (event.clone(), person.clone());
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(key.clone()).or_default();
        if *taken >= CONNECTIONS_PER_PERSON_MAX {
            return None;
        }
        *taken += 1;
        drop(places);
        Some(Place { listeners: self, key })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut places = self.listeners.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = places.get_mut(&self.key) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.key);
            }
        }
    }
}

pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Address(address): Address,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let (upgrade, place) = live::accept(&app, address, &headers, upgrade)?;
    let upgrade = upgrade.write_buffer_size(0).max_write_buffer_size(WRITE_BUFFER_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        let reason = serve(&mut socket, &app, address).await;
        app.tallies.socket_ended(reason);
        if let Some(reason) = reason {
            end(socket, reason).await;
        }
        drop(place);
    }))
}

/// Serves a socket; `Some` when the client is still there to be told why it ends.
async fn serve(socket: &mut WebSocket, app: &App, address: IpAddr) -> Option<EndReason> {
    let greeted = tokio::time::timeout(HELLO_TIMEOUT, greet(socket, app, address)).await;
    let (event, id, person, token) = match greeted {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(reason)) => return reason,
        Err(_) => return Some(EndReason::BadMessage),
    };
    let Some(place) = app.listeners.take(&id, &person) else {
        return Some(EndReason::TooManyConnections);
    };
    let listener = Listener { app, address, event, id, person, token };
    let reason = listener.talk(socket).await;
    drop(place);
    reason
}

type Greeted = (Arc<EventHandle>, EventId, PersonId, String);

/// Takes `hello`, as the live socket does.
async fn greet(
    socket: &mut WebSocket,
    app: &App,
    address: IpAddr,
) -> Result<Greeted, Option<EndReason>> {
    let message = socket.recv().await.ok_or(None)?.map_err(|_| None)?;
    let hello = match &message {
        Message::Text(text) => serde_json::from_str(text).ok(),
        _ => None,
    };
    let Some(ClientMessage::Hello { event: id, token, .. }) = hello else {
        return Err(Some(EndReason::BadMessage));
    };
    let found = app.events.find(&id).await.map_err(|error| {
        tracing::error!(event = %id, %error, "the event cannot be opened");
        Some(EndReason::Unavailable)
    })?;
    let event = found.ok_or(Some(EndReason::NoSuchEvent))?;
    let person = app.person(&id, &event, &token, address).await.map_err(|error| match error {
        ApiError::BadToken => Some(EndReason::BadToken),
        _ => Some(EndReason::Unavailable),
    })?;
    Ok((event, id, person, token))
}

struct Listener<'a> {
    app: &'a App,
    address: IpAddr,
    event: Arc<EventHandle>,
    id: EventId,
    person: PersonId,
    token: String,
}

impl Listener<'_> {
    async fn talk(&self, socket: &mut WebSocket) -> Option<EndReason> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let now = tokio::time::Instant::now();
        let mut link_check = tokio::time::interval_at(now + LINK_CHECK, LINK_CHECK);
        let mut heard_at = now;
        let mut listening: Option<(ReceiverClass, Listening)> = None;
        loop {
            tokio::select! {
                _ = look.tick() => match self.class() {
                    Err(reason) => return Some(reason),
                    Ok(class) if listening.as_ref().is_some_and(|(known, _)| *known == class) => {}
                    Ok(class) => {
                        let engine = self.event.desk.engine();
                        let Some(voices) = engine.listen(&self.id, class).await else {
                            return Some(EndReason::Unavailable);
                        };
                        listening = Some((class, voices));
                    }
                },
                voice = next(&mut listening) => {
                    // An engine that is gone has stopped with the server, or the event has ended.
                    let Some(voice) = voice else { listening = None; continue };
                    let class = listening.as_ref().map(|(class, _)| *class);
                    // Rights are judged for each packet: a class that has changed hears nothing
                    // more until it listens anew.
                    if self.class().ok() != class {
                        listening = None;
                        continue;
                    }
                    let waiting = listening.as_mut().map(|(_, voices)| voices);
                    write(socket, voice, waiting).await?;
                }
                message = socket.recv() => {
                    heard_at = tokio::time::Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            let ping = serde_json::from_str(&text);
                            if !matches!(ping, Ok(ClientMessage::Ping {})) {
                                return Some(EndReason::BadMessage);
                            }
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => return Some(EndReason::BadMessage),
                        None | Some(Ok(Message::Close(_)) | Err(_)) => return None,
                    }
                }
                () = tokio::time::sleep_until(heard_at + SILENCE_MAX) => return None,
                _ = link_check.tick() => {
                    let (id, token) = (&self.id, &self.token);
                    let known = self.app.person(id, &self.event, token, self.address).await;
                    // A storage that fails now is no reason to put anybody out.
                    if matches!(known, Err(ApiError::BadToken)) {
                        return Some(EndReason::BadToken);
                    }
                }
            }
        }
    }

    /// In which class the person may receive now.
    fn class(&self) -> Result<ReceiverClass, EndReason> {
        self.event.read(|state| {
            if state.may_receive(&self.person) {
                return Ok(media::class_of(state, &self.person));
            }
            Err(match state.people.get(&self.person).map(|attendance| attendance.admission) {
                Some(proceedings::Admission::Removed) => EndReason::Removed,
                Some(proceedings::Admission::Suspended) => EndReason::Suspended,
                _ if state.life == proceedings::Life::Closed => EndReason::Closed,
                _ => EndReason::Unavailable,
            })
        })
    }
}

async fn next(listening: &mut Option<(ReceiverClass, Listening)>) -> Option<Voice> {
    match listening {
        Some((_, voices)) => voices.next().await,
        None => std::future::pending().await,
    }
}

/// Writes a packet and what else waits. `None` when the reader does not take it.
async fn write(
    socket: &mut WebSocket,
    first: Voice,
    mut waiting: Option<&mut Listening>,
) -> Option<()> {
    let write = async {
        let mut next = Some(first);
        while let Some(voice) = next {
            socket.feed(Message::Binary(packed(&voice))).await?;
            next = waiting.as_mut().and_then(|voices| voices.try_next());
        }
        socket.flush().await
    };
    tokio::time::timeout(WRITE_TIMEOUT, write).await.ok()?.ok()
}

fn packed(voice: &Voice) -> Bytes {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + voice.payload.len());
    bytes.extend_from_slice(&[voice.slot, 0]);
    bytes.extend_from_slice(&voice.sequence.to_be_bytes());
    bytes.extend_from_slice(&voice.timestamp.to_be_bytes());
    bytes.extend_from_slice(&voice.payload);
    bytes.into()
}

/// Tells the reason and closes. Whoever does not take it in time is left.
async fn end(mut socket: WebSocket, reason: EndReason) {
    let farewell = async {
        let text = serde_json::to_string(&ServerMessage::End { reason }).unwrap_or_default();
        socket.send(Message::Text(text.into())).await?;
        let code = match reason {
            EndReason::Unavailable => close_code::AGAIN,
            _ => close_code::POLICY,
        };
        socket.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::default() }))).await
    };
    // Nobody is left to be told of a failure.
    let _ = tokio::time::timeout(END_TIMEOUT, farewell).await;
}
