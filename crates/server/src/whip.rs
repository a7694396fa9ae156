//! `POST /whip/{event}`: a person begins to publish (RFC 9725).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use sfu::{Kind, Source};

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Address;
use crate::media_sessions;

/// What is published.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct What {
    #[serde(default)]
    source: SourceName,
}

#[derive(Debug, Default, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SourceName {
    #[default]
    Camera,
    Screen,
}

pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    what: Result<Query<What>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Query(what) = what.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let source = match what.source {
        SourceName::Camera => Source::Camera,
        SourceName::Screen => Source::Screen,
    };
    let caller = app.caller(&event, &headers, address).await?;
    media_sessions::begin(&app, caller, Kind::Publishing(source), &headers, body).await
}
