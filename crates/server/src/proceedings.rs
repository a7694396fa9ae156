//! `GET /api/events/{event}/proceedings`: the log itself, for those who moderate.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base::{EventId, Sequence};
use futures_util::{StreamExt, stream};
use storage::{LINES_PER_PAGE, Storage, StorageError};

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Address;

/// From where to read.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// Only lines after this one; 0 reads all.
    #[serde(default)]
    after: u64,
}

/// The proceedings as lines of JSON, each with its number, time, actor, event and hashes.
#[utoipa::path(
    get,
    path = "/api/events/{event}/proceedings",
    tag = "events",
    params(("event" = String, Path, description = "Identifier of the event"), From),
    security(("link" = [])),
    responses(
        (status = 200, description = "Lines of JSON", body = String,
            content_type = "application/jsonl"),
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
    from: Result<Query<From>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(from) = from.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let caller = app.caller(&event, &headers, address).await?;
    let moderates = caller.event.read(|state| {
        state.people.get(&caller.person).is_some_and(|attendance| {
            attendance.person.moderates()
                && !matches!(
                    attendance.admission,
                    proceedings::Admission::Suspended | proceedings::Admission::Removed
                )
        })
    });
    if !moderates {
        return Err(ApiError::NotModerator);
    }
    let storage = Arc::clone(&app.storage);
    // The first page is read before the status is sent, so that a failing storage is a 503.
    let first = page(&*storage, &caller.id, Sequence(from.after)).await?;
    let pages = stream::unfold(Some(first), move |read| {
        let (storage, id) = (Arc::clone(&storage), caller.id.clone());
        async move {
            let (text, next) = read?;
            let Some(next) = next else { return Some((Ok(text), None)) };
            match page(&*storage, &id, next).await {
                Ok(read) => Some((Ok(text), Some(read))),
                // The status is gone out already; breaking off tells the reader.
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/jsonl")];
    // Compression asks once more after the end.
    Ok((headers, Body::from_stream(pages.fuse())).into_response())
}

/// One page as text, and after which line the next begins, if there may be one.
async fn page(
    storage: &dyn Storage,
    id: &EventId,
    after: Sequence,
) -> Result<(Bytes, Option<Sequence>), StorageError> {
    let lines = storage.lines(id, after, LINES_PER_PAGE).await?.unwrap_or_default();
    let mut text = String::new();
    for line in &lines {
        let json = serde_json::to_string(line)
            .map_err(|error| StorageError::Corrupt(error.to_string()))?;
        text.push_str(&json);
        text.push('\n');
    }
    let full = lines.len() == LINES_PER_PAGE;
    let next = lines.last().filter(|_| full).map(|line| line.sequence);
    Ok((text.into(), next))
}
