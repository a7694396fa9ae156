//! `GET /api/events/{event}/join`: whose link this is, before connecting.

use std::sync::Arc;

use api_types::JoinView;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Address;
use crate::views;

/// The event and the person to whom the link belongs.
#[utoipa::path(
    get,
    path = "/api/events/{event}/join",
    tag = "events",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    responses(
        (status = 200, body = JoinView),
        (status = 401, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
        (status = 429, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<Json<JoinView>, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    caller.event.read(|state| {
        let you = views::you(state, &caller.person).ok_or(ApiError::BadToken)?;
        Ok(Json(JoinView { event: views::event(state), you }))
    })
}
