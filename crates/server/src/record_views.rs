//! What people read of the record: the transcript and the statements at the desk, a speaker's own
//! statements, the state of the release.

use std::sync::Arc;

use api_types::{
    ClearanceView, ReleaseView, StatementsView, TranscriptView, VerbComplement, VerbView,
    VersionRow,
};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{PersonId, Sequence};
use proceedings::{Admission, Attendance, EventState, ReportingVerb, Statement};
use publication::Complement;
use serde::Serialize;

use crate::app::{App, Caller};
use crate::error::ApiError;
use crate::extract::Address;

/// Transcript lines of one answer: half a megabyte.
const LINES_MAX: usize = 2_000;

/// From where to read a transcript.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    /// Only lines that changed after this line of the proceedings; 0 reads all.
    #[serde(default)]
    since: u64,
}

/// The transcript, for captioners and the desk.
#[utoipa::path(
    get,
    path = "/api/events/{event}/transcript",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event"), Since),
    security(("link" = [])),
    responses(
        (status = 200, body = TranscriptView),
        (status = 304, description = "Nothing changed"),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn transcript(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    since: Result<Query<Since>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(since) = since.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let caller = app.caller(&event, &headers, address).await?;
    answer(&caller, &headers, reads_transcript, |state| {
        let record = &state.record;
        let since = Sequence(since.since);
        let mut lines: Vec<_> =
            record.transcript.iter().filter(|line| line.changed > since).cloned().collect();
        let more = lines.len() > LINES_MAX;
        if more {
            // In the order of changes, so that the next part begins where this one ends.
            lines.sort_by_key(|line| line.changed);
            lines.truncate(LINES_MAX);
        }
        TranscriptView {
            changed: record.changed,
            lines,
            more,
            runs: record.time.runs().iter().cloned().collect(),
        }
    })
}

/// All statements, for the desk.
#[utoipa::path(
    get,
    path = "/api/events/{event}/statements",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    responses(
        (status = 200, body = StatementsView),
        (status = 304, description = "Nothing changed"),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn statements(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    answer(&caller, &headers, desk, |state| StatementsView {
        changed: state.record.changed,
        statements: state.record.statements.clone(),
        offices: state.record.offices.clone(),
        overtaken: state.record.overtaken(),
        verbs: ReportingVerb::ALL.map(verb).to_vec(),
        standing: state.record.standing,
    })
}

/// What was sent to the reader for clearance: one's own statements, and those of speakers in whose
/// place one answers. Those who moderate also answer for statements that name nobody.
#[utoipa::path(
    get,
    path = "/api/events/{event}/clearance",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    responses(
        (status = 200, body = ClearanceView),
        (status = 304, description = "Nothing changed"),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn clearance(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    answer(
        &caller,
        &headers,
        |_| true,
        |state| {
            let own = |statement: &&Statement| {
                statement.life.is_with_speaker() && answers_for(state, &caller.person, statement)
            };
            ClearanceView {
                changed: state.record.changed,
                statements: state.record.statements.iter().filter(own).cloned().collect(),
            }
        },
    )
}

/// How the release stands, for the desk.
#[utoipa::path(
    get,
    path = "/api/events/{event}/release",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    responses(
        (status = 200, body = ReleaseView),
        (status = 304, description = "Nothing changed"),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn release(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    answer(&caller, &headers, desk, |state| {
        let (record, release) = (&state.record, &state.record.release);
        let last = release.versions.last();
        let row = |version: &proceedings::DraftVersion| VersionRow {
            version: version.version,
            at: version.at,
            by: version.by.clone(),
            document: version.document,
            languages: version.languages.clone(),
            lost: version.lost.clone(),
        };
        let bound = last.map(|last| last.statements.as_slice()).unwrap_or_default();
        let uncleared = bound.iter().filter(|bound| !record.is_cleared(bound));
        ReleaseView {
            changed: record.changed,
            last: last.cloned(),
            versions: release.versions.iter().map(row).collect(),
            parties: state.definition.parties.iter().map(|party| party.id.clone()).collect(),
            approvals: release.approvals.clone(),
            unaccepted: release.unaccepted(),
            accepted: release.accepted.clone(),
            uncleared: uncleared.map(|bound| bound.statement).collect(),
            overtaken: record.overtaken(),
            notes: release.notes,
            embargo: release.embargo,
            issues: release.issues.clone(),
            killed: release.killed.clone(),
        }
    })
}

/// True when the person may answer for the clearance of the statement.
fn answers_for(state: &EventState, person: &PersonId, statement: &Statement) -> bool {
    match &statement.speaker {
        Some(speaker) => state.record.speaks_for(person, speaker),
        None => state.people.get(person).is_some_and(|own| own.person.moderates()),
    }
}

/// Captioners and the desk.
pub(crate) fn reads_transcript(own: &Attendance) -> bool {
    own.person.works_at_desk() || own.person.captions()
}

pub(crate) fn desk(own: &Attendance) -> bool {
    own.person.works_at_desk()
}

/// Fails unless the person is not put out and may, by their part in the event.
pub(crate) fn allowed(
    state: &EventState,
    person: &PersonId,
    may: impl FnOnce(&Attendance) -> bool,
) -> Result<(), ApiError> {
    let own = state.people.get(person).ok_or(ApiError::MayNotRead)?;
    let out = matches!(own.admission, Admission::Suspended | Admission::Removed);
    if out || !may(own) { Err(ApiError::MayNotRead) } else { Ok(()) }
}

/// The view, unless the reader has it already.
fn answer<T: Serialize>(
    caller: &Caller,
    headers: &HeaderMap,
    may: impl FnOnce(&Attendance) -> bool,
    view: impl FnOnce(&EventState) -> T,
) -> Result<Response, ApiError> {
    caller.event.read(|state| {
        allowed(state, &caller.person, may)?;
        let tag = format!("\"{}\"", state.record.changed.0);
        let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        // Behind a proxy that compresses, a tag comes back as a weak one.
        if known.is_some_and(|known| known.trim_start_matches("W/") == tag) {
            return Ok(StatusCode::NOT_MODIFIED.into_response());
        }
        let mut response = Json(view(state)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        Ok(response)
    })
}

fn verb(verb: ReportingVerb) -> VerbView {
    let complement = match publication::complement(verb) {
        Complement::Clause => VerbComplement::Clause,
        Complement::Phrase => VerbComplement::Phrase,
        Complement::Question => VerbComplement::Question,
    };
    VerbView { verb, tone: verb.tone(), complement }
}
