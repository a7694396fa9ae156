//! `POST /check/{event}/…`: a person tries their connection before the event, or during it.
//!
//! Each person has a room of their own in the media engine, in which nothing of the event is: what
//! they send there is what they receive. So the whole way is measured, both directions, with the
//! browser's own packets. A room is over a minute after its last session began.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::limits::SDP_BYTES_MAX;
use base::{EventId, PersonId};
use proceedings::Admission;
use sfu::{Hearing, Kind, ReceiverClass, SessionId, Source, StagePlan};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::app::{App, Caller};
use crate::error::ApiError;
use crate::extract::{Address, expect_type, read_text};
use crate::media_sessions::{OFFER, name_relays};

/// People who try their connection at once. Each loads the server like one speaker.
const ROOMS_MAX: usize = 64;

/// Life of a room from the beginning of its last session: the measurement takes ten seconds of it.
const ROOM_LIFE: Duration = Duration::from_secs(60);

/// Sessions of one room over its life: each way once and the measurement, some times over.
const SESSIONS_MAX: usize = 32;

/// The rooms.
#[derive(Debug)]
pub(crate) struct Checks {
    /// Makes names of rooms that no event has and nobody guesses.
    secret: [u8; 32],
    rooms: Mutex<BTreeMap<EventId, Room>>,
}

#[derive(Debug)]
struct Room {
    sessions: BTreeSet<SessionId>,
    until: Instant,
}

impl Checks {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret, rooms: Mutex::default() }
    }

    /// The room of a person of an event.
    fn room(&self, event: &EventId, person: &PersonId) -> Result<EventId, ApiError> {
        let mut digest = Sha256::new();
        digest.update(self.secret);
        // Neither has a space.
        digest.update(format!("{event} {person}"));
        let name: String =
            digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        EventId::new(&format!("check-{name}")).map_err(|error| {
            ApiError::Internal(format!("the room of a check cannot be named: {error}"))
        })
    }

    /// Opens the room if it is not open; `true` when it was not.
    fn open(&self, room: &EventId) -> Result<bool, ApiError> {
        let mut rooms = self.rooms();
        let (until, full) = (Instant::now() + ROOM_LIFE, rooms.len() >= ROOMS_MAX);
        match rooms.get_mut(room) {
            Some(known) if known.sessions.len() >= SESSIONS_MAX => Err(ApiError::TooMany),
            Some(known) => {
                known.until = until;
                Ok(false)
            }
            None if full => Err(ApiError::Unavailable),
            None => {
                rooms.insert(room.clone(), Room { sessions: BTreeSet::new(), until });
                Ok(true)
            }
        }
    }

    /// Resolves when the room is over, and forgets it.
    async fn over(&self, room: &EventId) {
        loop {
            let until = self.rooms().get(room).map(|known| known.until);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => break,
            }
        }
        self.rooms().remove(room);
    }

    fn rooms(&self) -> MutexGuard<'_, BTreeMap<EventId, Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to receive in the person's own room.
pub(crate) async fn receive(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    begin(&app, caller, Kind::Receiving(ReceiverClass::Audience), &headers, body).await
}

/// Begins to send in the person's own room.
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    begin(&app, caller, Kind::Publishing(Source::Camera), &headers, body).await
}

async fn begin(
    app: &Arc<App>,
    caller: Caller,
    kind: Kind,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    expect_type(headers, OFFER)?;
    let removed = caller.event.read(|state| {
        let attendance = state.people.get(&caller.person);
        attendance.is_none_or(|attendance| attendance.admission == Admission::Removed)
    });
    if removed {
        return Err(ApiError::MayNotReceive);
    }
    let offer = read_text(body, SDP_BYTES_MAX).await?;
    let engine = caller.event.desk.engine();
    let room = app.checks.room(&caller.id, &caller.person)?;
    // Nobody hears their own voice, so they are two here.
    let (sender, receiver) = (named("sender")?, named("receiver")?);
    if app.checks.open(&room)? {
        let own = Hearing {
            voices: vec![sender.clone()],
            main: Some(sender.clone()),
            ..Hearing::default()
        };
        engine.set_plan(&room, StagePlan { audience: own, ..StagePlan::default() });
        let (app, event, room) = (Arc::clone(app), Arc::clone(&caller.event), room.clone());
        tokio::spawn(async move {
            app.checks.over(&room).await;
            event.desk.engine().end_event(&room);
        });
    }
    let answer = match kind {
        Kind::Publishing(source) => engine.publish(&room, &sender, source, &offer).await?,
        Kind::Receiving(class) => engine.subscribe(&room, &receiver, class, &offer).await?,
    };
    let kept = app.checks.rooms().get_mut(&room).map(|known| known.sessions.insert(answer.session));
    if kept.is_none() {
        // The room was over meanwhile.
        engine.end(&answer.session).await;
        return Err(ApiError::Unavailable);
    }
    let location = format!("/check/{}/{}", caller.id, answer.session);
    let headers = [(header::CONTENT_TYPE, OFFER.to_owned()), (header::LOCATION, location)];
    let mut response = (StatusCode::CREATED, headers, answer.sdp).into_response();
    name_relays(app, &caller, response.headers_mut());
    Ok(response)
}

/// Ends a session of the person's own room.
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Path((event, session)): Path<(String, String)>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    let session: SessionId = session.parse().map_err(|_| ApiError::NoSuchSession)?;
    let room = app.checks.room(&caller.id, &caller.person)?;
    let known =
        app.checks.rooms().get(&room).is_some_and(|known| known.sessions.contains(&session));
    if !known {
        return Err(ApiError::NoSuchSession);
    }
    caller.event.desk.engine().end(&session).await;
    Ok(StatusCode::OK)
}

fn named(name: &str) -> Result<PersonId, ApiError> {
    PersonId::new(name).map_err(|error| ApiError::Internal(error.to_string()))
}
