//! `POST /whep/{event}`: a person begins to receive (draft-ietf-wish-whep).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use sfu::Kind;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Address;
use crate::{media, media_sessions};

pub(crate) async fn subscribe(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    let class = caller.event.read(|state| media::class_of(state, &caller.person));
    media_sessions::begin(&app, caller, Kind::Receiving(class), &headers, body).await
}
