//! `GET /api/events/{event}/captions/{language}.vtt` and `…/chapters/{language}.vtt`: the captions of
//! one language and the parts of the programme as WebVTT, for whoever reads the transcript. Times
//! count from the opening. Names under the Chatham House Rule are struck out, as crate `publication`
//! does it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base::Language;
use publication::output::web_vtt;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Address;
use crate::record_views::{allowed, reads_transcript};
use crate::release::{blocking, facts_of};

/// The captions of a language.
#[utoipa::path(
    get,
    path = "/api/events/{event}/captions/{file}",
    tag = "record",
    params(
        ("event" = String, Path, description = "Identifier of the event"),
        ("file" = String, Path, description = "Language tag and `.vtt`, as `ru.vtt`"),
    ),
    security(("link" = [])),
    responses(
        (status = 200, body = String, content_type = "text/vtt"),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn captions(
    state: State<Arc<App>>,
    path: Path<(String, String)>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(state, path, address, headers, Track::Captions).await
}

/// The parts of the programme, titled in a language.
#[utoipa::path(
    get,
    path = "/api/events/{event}/chapters/{file}",
    tag = "record",
    params(
        ("event" = String, Path, description = "Identifier of the event"),
        ("file" = String, Path, description = "Language tag and `.vtt`, as `ru.vtt`"),
    ),
    security(("link" = [])),
    responses(
        (status = 200, body = String, content_type = "text/vtt"),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn chapters(
    state: State<Arc<App>>,
    path: Path<(String, String)>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(state, path, address, headers, Track::Chapters).await
}

#[derive(Debug, Clone, Copy)]
enum Track {
    Captions,
    Chapters,
}

async fn answer(
    State(app): State<Arc<App>>,
    Path((event, file)): Path<(String, String)>,
    Address(address): Address,
    headers: HeaderMap,
    track: Track,
) -> Result<Response, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    caller.event.read(|state| allowed(state, &caller.person, reads_transcript))?;
    let language = file.strip_suffix(".vtt").and_then(|tag| Language::new(tag).ok());
    let spoken = |tag: &Language| {
        caller
            .event
            .read(|state| state.opened_at.is_some() && state.definition.languages.contains(tag))
    };
    let language = language.filter(spoken).ok_or(ApiError::NoSuchPath)?;
    let facts = facts_of(&app, &caller.id, &caller.event).await?;
    let lines = match track {
        Track::Captions => caller.event.read(publication::transcript),
        Track::Chapters => Vec::new(),
    };
    let text = blocking(move || match track {
        Track::Captions => web_vtt::captions(&facts, &lines, &language),
        Track::Chapters => web_vtt::chapters(&facts, &language),
    })
    .await?;
    let headers =
        [(header::CONTENT_TYPE, "text/vtt; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, text).into_response())
}
