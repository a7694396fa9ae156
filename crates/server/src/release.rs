//! The release between the proceedings and crate `publication`: drafting, saving versions, and the
//! documents themselves.
//!
//! A document is kept before the event that names it is written, so that whatever the proceedings
//! name can be read. What a version is bound to is read out of it here; nobody is believed about
//! that.

use std::sync::Arc;

use api_types::VersionSaved;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::EventId;
use base::limits::{PROGRAMME_FILE_BYTES_MAX, RELEASE_DOCUMENT_BYTES_MAX};
use proceedings::{Command, Hash, RecordCommand};
use publication::{Day, Facts, HouseStyle, Problem, Release, ReleaseNotes};
use sha2::{Digest, Sha256};

use crate::app::{App, Caller};
use crate::error::ApiError;
use crate::event_actor::EventHandle;
use crate::extract::{Address, expect_type, read_text};
use crate::record_views::{allowed, desk};

/// How a release is drafted.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    /// The house's form: `council` (the default) or `agency`.
    #[serde(default)]
    style: Style,
}

#[derive(Debug, Default, Clone, Copy, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Style {
    #[default]
    Council,
    Agency,
}

/// A fresh draft from the programme, the notes and the statements. Nothing is saved.
#[utoipa::path(
    get,
    path = "/api/events/{event}/release/draft",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event"), Draft),
    security(("link" = [])),
    responses(
        (status = 200, description = "A release document", body = Object),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
        (status = 409, description = "The event has no language in which releases are written",
            body = api_types::ErrorBody),
    )
)]
pub(crate) async fn draft(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    asked: Result<Query<Draft>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(asked) = asked.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let caller = at_desk(&app, &event, &headers, address).await?;
    let facts = facts_of(&app, &caller.id, &caller.event).await?;
    let style = match asked.style {
        Style::Council => HouseStyle::council(),
        Style::Agency => HouseStyle::agency(),
    };
    let dated = Day::of(app.clock.now(), &facts.event.time_zone);
    let drafted = blocking(move || publication::draft(&facts, &style, dated)).await?;
    let release = drafted.map_err(|error| ApiError::Undraftable(error.to_string()))?;
    document_answer(release.to_json().map_err(|error| ApiError::Internal(error.to_string()))?)
}

/// What forbids issuing a document as it is, whether anybody accepted something or not. Nothing is
/// saved.
#[utoipa::path(
    post,
    path = "/api/events/{event}/release/check",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    request_body(content = Object, description = "A release document"),
    responses(
        (status = 200, description = "Problems; none, if it may be issued", body = Vec<Object>),
        (status = 400, body = api_types::ErrorBody),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Problem>>, ApiError> {
    let caller = at_desk(&app, &event, &headers, address).await?;
    let (_, release) = read_release(&headers, body).await?;
    let facts = facts_of(&app, &caller.id, &caller.event).await?;
    let accepted = caller.event.read(|state| {
        let accepted = &state.record.release.accepted;
        accepted.keys().copied().collect()
    });
    Ok(Json(blocking(move || publication::check(&release, &facts, &accepted)).await?))
}

/// Saves a version. The document is canonical: as the draft came, or as `check` accepts it.
#[utoipa::path(
    post,
    path = "/api/events/{event}/release/versions",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    request_body(content = Object, description = "A release document"),
    responses(
        (status = 201, body = VersionSaved),
        (status = 400, body = api_types::ErrorBody),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
        (status = 409, body = api_types::ErrorBody),
        (status = 503, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<VersionSaved>), ApiError> {
    let caller = at_desk(&app, &event, &headers, address).await?;
    let (bytes, release) = read_release(&headers, body).await?;
    let facts = facts_of(&app, &caller.id, &caller.event).await?;
    if release.event != caller.id {
        return Err(ApiError::BadRequest("The release is another event's.".to_owned()));
    }
    let languages = release.versions.keys().cloned().collect();
    let read = blocking(move || publication::verdict(&release, &facts)).await?;
    let document = hash(&bytes);
    app.storage.put_document(&caller.id, document, &bytes).await?;
    let command = RecordCommand::SaveRelease {
        by: caller.person.clone(),
        document,
        languages,
        statements: read.statements,
        unbound: read.unbound,
        defects: read.defects,
    };
    caller.event.command(Command::Record(command)).await?;
    let version = caller.event.read(|state| {
        let versions = state.record.release.versions.iter().rev();
        versions.filter(|version| version.document == document).map(|found| found.version).next()
    });
    let version = version.ok_or_else(|| ApiError::Internal("a version is gone".to_owned()))?;
    Ok((StatusCode::CREATED, Json(VersionSaved { version, document })))
}

/// Takes the notes for the release: what the programme does not say.
#[utoipa::path(
    put,
    path = "/api/events/{event}/release/notes",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    request_body(content = Object, description = "Notes, as docs/RECORD.md describes them"),
    responses(
        (status = 204, description = "Taken"),
        (status = 400, body = api_types::ErrorBody),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
        (status = 409, body = api_types::ErrorBody),
        (status = 503, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn put_notes(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let caller = at_desk(&app, &event, &headers, address).await?;
    expect_type(&headers, "application/json")?;
    let text = read_text(body, PROGRAMME_FILE_BYTES_MAX).await?;
    let _: ReleaseNotes = serde_json::from_str(&text)
        .map_err(|error| ApiError::bad_request(format!("the notes cannot be read: {error}")))?;
    let document = hash(text.as_bytes());
    app.storage.put_document(&caller.id, document, text.as_bytes()).await?;
    let command = RecordCommand::SaveReleaseNotes { by: caller.person.clone(), document };
    caller.event.command(Command::Record(command)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A document that the proceedings name: a version of the release, or its notes.
#[utoipa::path(
    get,
    path = "/api/events/{event}/release/documents/{hash}",
    tag = "record",
    params(
        ("event" = String, Path, description = "Identifier of the event"),
        ("hash" = String, Path, description = "SHA-256 in hexadecimal digits"),
    ),
    security(("link" = [])),
    responses(
        (status = 200, description = "The document", body = Object),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn document(
    State(app): State<Arc<App>>,
    Path((event, hash)): Path<(String, String)>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = at_desk(&app, &event, &headers, address).await?;
    let hash: Hash = hash.parse().map_err(|_| ApiError::NoSuchDocument)?;
    let bytes = app.storage.document(&caller.id, hash).await?;
    document_answer(bytes.ok_or(ApiError::NoSuchDocument)?)
}

async fn at_desk(
    app: &App,
    event: &str,
    headers: &HeaderMap,
    address: std::net::IpAddr,
) -> Result<Caller, ApiError> {
    let caller = app.caller(event, headers, address).await?;
    caller.event.read(|state| allowed(state, &caller.person, desk))?;
    Ok(caller)
}

fn document_answer(bytes: Vec<u8>) -> Result<Response, ApiError> {
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}

async fn read_release(headers: &HeaderMap, body: Body) -> Result<(Vec<u8>, Release), ApiError> {
    expect_type(headers, "application/json")?;
    let bytes = read_text(body, RELEASE_DOCUMENT_BYTES_MAX).await?.into_bytes();
    let release = Release::from_json(&bytes).map_err(ApiError::bad_request)?;
    Ok((bytes, release))
}

/// Reading a long document takes some milliseconds, which no other task should wait for.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ApiError::Internal(error.to_string()))
}

fn hash(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

/// What a release of the event may say, as of now.
pub(crate) async fn facts_of(
    app: &App,
    id: &EventId,
    event: &EventHandle,
) -> Result<Facts, ApiError> {
    let notes = match event.read(|state| state.record.release.notes) {
        None => ReleaseNotes::default(),
        Some(hash) => {
            let bytes = app.storage.document(id, hash).await?;
            let bytes = bytes.ok_or_else(|| ApiError::Internal("the notes are gone".to_owned()))?;
            serde_json::from_slice(&bytes).map_err(|error| ApiError::Internal(error.to_string()))?
        }
    };
    Ok(event.read(|state| publication::from_state(state, &notes)))
}
