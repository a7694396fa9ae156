//! `GET /api/events/{event}/recordings` and the files themselves, with ranges, as players ask for
//! them.
//!
//! What is off the record is in no file. The desk reads all that was recorded; a speaker, and who
//! answers in the speaker's place, the takes of that speaker. A browser's player sends no header
//! with a token, so the list gives each file an address with a ticket: for one file and one person,
//! good for some hours.

use std::io;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;

use api_types::{ProgrammeFile, RecordingsView, SpanView, StoreState, TakeFile};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base::{EventId, Millis, PersonId, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use proceedings::{EventState, RecordStatus};
use recording::{Archive, Index, Programme, Status, TakeEntry};
use sha2::Sha256;
use tower::ServiceExt;
use tower_http::services::ServeFile;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Address;
use crate::record_views::allowed;
use crate::recording_store;

/// How long a ticket is good for: an afternoon at the desk. The list gives new ones.
const TICKET_LIFE: Millis = Millis::from_minutes(4 * 60);

/// Makes tickets and knows them again. They are good while this process lives.
pub(crate) struct Tickets([u8; 32]);

impl Tickets {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    fn mac(&self, event: &EventId, person: &PersonId, until: Timestamp, file: &str) -> Mac256 {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
        let mut mac = Mac256::new_from_slice(&self.0).expect("a key");
        // No identifier has a space.
        mac.update(format!("{event} {person} {} {file}", until.0).as_bytes());
        mac
    }

    fn issue(&self, event: &EventId, person: &PersonId, now: Timestamp, file: &str) -> String {
        let until = now.plus(TICKET_LIFE);
        let mac = self.mac(event, person, until, file).finalize().into_bytes();
        let digits: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}.{person}.{digits}", until.0)
    }

    /// Whose ticket it is, if it is one for this file and still good.
    fn person(
        &self,
        event: &EventId,
        file: &str,
        now: Timestamp,
        ticket: &str,
    ) -> Option<PersonId> {
        let mut parts = ticket.splitn(3, '.');
        let until = Timestamp(parts.next()?.parse().ok()?);
        let person: PersonId = parts.next()?.parse().ok()?;
        let mac: proceedings::Hash = parts.next()?.parse().ok()?;
        let good = self.mac(event, &person, until, file).verify_slice(&mac.0).is_ok();
        (good && now <= until).then_some(person)
    }
}

type Mac256 = Hmac<Sha256>;

/// What was recorded, as far as the reader may have it, each file with its place in time.
#[utoipa::path(
    get,
    path = "/api/events/{event}/recordings",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    responses(
        (status = 200, body = RecordingsView),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Json<RecordingsView>, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    caller.event.read(|state| allowed(state, &caller.person, |_| true))?;
    let Index { programme, takes, .. } = index(&app, &caller.id).await?;
    let now = app.clock.now();
    let url = |file: &str| {
        let ticket = app.tickets.issue(&caller.id, &caller.person, now, file);
        format!("/api/events/{}/recordings/{file}?ticket={ticket}", caller.id)
    };
    let take = |take: TakeEntry| TakeFile {
        url: url(&take.file),
        person: take.person,
        kind: take.kind,
        codec: take.codec,
        status: status(take.status),
        began_at: take.began_at,
        duration: take.duration,
    };
    let programme_file = |file: Programme| ProgrammeFile {
        url: url(&file.file),
        status: status(file.status),
        duration: file.duration,
        spans: file
            .spans
            .iter()
            .map(|span| SpanView { at: span.at, began_at: span.began_at })
            .collect(),
    };
    caller.event.read(|state| {
        let of_reader = |take: &TakeEntry| may_have(state, &caller.person, Some(take));
        let all = may_have(state, &caller.person, None);
        Ok(Json(RecordingsView {
            programme: programme.into_iter().filter(|_| all).map(programme_file).collect(),
            takes: takes.into_iter().filter(of_reader).map(take).collect(),
            store: app.archive.as_ref().filter(|_| all).map(|archive| store(archive, &caller.id)),
        }))
    })
}

/// What lets a player in.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ticket {
    ticket: Option<String>,
}

/// A file, or a range of it (RFC 9110, section 14).
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path((event, file)): Path<(String, String)>,
    Address(address): Address,
    ticket: Result<Query<Ticket>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let Query(ticket) = ticket.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let (id, event, person) = match ticket.ticket {
        Some(ticket) => {
            let (id, event) = app.event(&event).await?;
            let person = app.tickets.person(&id, &file, app.clock.now(), &ticket);
            (id, event, person.ok_or(ApiError::NoSuchRecording)?)
        }
        None => {
            let caller = app.caller(&event, request.headers(), address).await?;
            (caller.id, caller.event, caller.person)
        }
    };
    event.read(|state| allowed(state, &person, |_| true))?;
    let Index { programme, takes, .. } = index(&app, &id).await?;
    let take = takes.iter().find(|take| take.file == file);
    let known = take.is_some() || programme.iter().any(|other| other.file == file);
    if !known || !event.read(|state| may_have(state, &person, take)) {
        return Err(ApiError::NoSuchRecording);
    }
    let sound = take.is_some_and(|take| take.codec == "opus");
    serve(request, &app, &id, &file, sound).await
}

/// True when the person may have the take, or any programme file if there is none: the desk has
/// all, a speaker's own takes are also for the speaker and who answers in the speaker's place.
fn may_have(state: &EventState, person: &PersonId, take: Option<&TakeEntry>) -> bool {
    let desk = state.people.get(person).is_some_and(|own| own.person.works_at_desk());
    let speaker = take.and_then(|take| take.person.as_ref());
    desk || speaker.is_some_and(|speaker| state.record.speaks_for(person, speaker))
}

/// Answers with a file of the index, or a range of it, from here or from the store.
pub(crate) async fn serve(
    request: Request,
    app: &App,
    event: &EventId,
    file: &str,
    sound: bool,
) -> Result<Response, ApiError> {
    let path = path(app, event, file).ok_or(ApiError::NoSuchRecording)?;
    let is_here = tokio::fs::try_exists(&path).await.unwrap_or(false);
    let mut response = match app.archive.as_ref().filter(|_| !is_here) {
        Some(archive) => {
            let (head, _) = request.into_parts();
            recording_store::serve(&head.method, &head.headers, archive, event, file).await?
        }
        None => serve_local(request, &path).await?,
    };
    if sound && response.headers().contains_key(header::CONTENT_TYPE) {
        let sound = HeaderValue::from_static("audio/webm");
        response.headers_mut().insert(header::CONTENT_TYPE, sound);
    }
    let private = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, private);
    Ok(response)
}

async fn serve_local(request: Request, path: &FilePath) -> Result<Response, ApiError> {
    // A request that carries nothing but what says which bytes are wanted.
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = request.method().clone();
    for name in [header::RANGE, header::IF_RANGE, header::IF_MODIFIED_SINCE] {
        if let Some(value) = request.headers().get(&name) {
            asked.headers_mut().insert(name, value.clone());
        }
    }
    let served = ServeFile::new(path).oneshot(asked).await;
    let response = served.map_err(|error| ApiError::Internal(error.to_string()))?.map(Body::new);
    if response.status().is_client_error() && response.status() != 416 {
        return Err(ApiError::NoSuchRecording);
    }
    if response.status().is_server_error() {
        return Err(ApiError::Unavailable);
    }
    Ok(response)
}

/// What the files of an event hold. Nothing, where nothing is recorded.
pub(crate) async fn index(app: &App, event: &EventId) -> Result<Index, ApiError> {
    let Some(folder) = &app.recordings else { return Ok(Index::default()) };
    let folder = folder.join(event.as_str());
    let read = tokio::task::spawn_blocking(move || recording::read_index(&folder)).await;
    let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| {
        tracing::error!(%event, %error, "the index of a recording cannot be read");
        ApiError::Unavailable
    })
}

/// Where a file of the index lies. The index is ours, but it is a file too: a name that leads out
/// of the event's folder leads nowhere.
pub(crate) fn path(app: &App, event: &EventId, file: &str) -> Option<PathBuf> {
    let inner = FilePath::new(file);
    let plain = inner.components().all(|part| matches!(part, Component::Normal(_)));
    Some(app.recordings.as_ref()?.join(event.as_str()).join(inner)).filter(|_| plain)
}

/// How it stands with the store of recordings for an event.
fn store(archive: &Archive, event: &EventId) -> StoreState {
    let health = archive.health();
    let health = health.borrow();
    match (health.waiting.contains(event), health.failing) {
        (true, true) => StoreState::Failing,
        (true, false) => StoreState::Waiting,
        (false, _) => StoreState::Nothing,
    }
}

fn status(status: Status) -> RecordStatus {
    match status {
        Status::OnTheRecord => RecordStatus::OnTheRecord,
        Status::ChathamHouseRule => RecordStatus::ChathamHouseRule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_for_one_person_file_event_and_time() {
        let tickets = Tickets::new([7; 32]);
        let (event, other): (EventId, EventId) =
            ("a".parse().expect("an id"), "b".parse().expect("an id"));
        let person: PersonId = "press".parse().expect("an id");
        let (now, late) = (Timestamp(1_000), Timestamp(1_001).plus(TICKET_LIFE));
        let ticket = tickets.issue(&event, &person, now, "x.webm");
        let who = |event, file, now, ticket: &str| tickets.person(event, file, now, ticket);
        assert_eq!(who(&event, "x.webm", now, &ticket), Some(person));
        assert_eq!(who(&event, "y.webm", now, &ticket), None);
        assert_eq!(who(&other, "x.webm", now, &ticket), None);
        assert_eq!(who(&event, "x.webm", late, &ticket), None);
        let longer = ticket.replacen(|digit: char| digit.is_ascii_digit(), "9", 1);
        assert_eq!(who(&event, "x.webm", now, &longer), None);
        assert_eq!(who(&event, "x.webm", now, &ticket.replace("press", "desk")), None);
        for nonsense in ["", ".", "1.press", "1.press.zz", "x.y.z"] {
            assert_eq!(who(&event, "x.webm", now, nonsense), None, "{nonsense}");
        }
        assert_eq!(Tickets::new([8; 32]).person(&event, "x.webm", now, &ticket), None);
    }
}
