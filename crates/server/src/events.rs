//! `GET /api/events` and `GET /api/events/{event}`: what everybody may read.

use std::sync::Arc;

use api_types::{EventSummary, EventView};
use axum::Json;
use axum::extract::{Path, State};

use crate::app::App;
use crate::error::ApiError;
use crate::views;

/// All events, the latest planned opening first.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "events",
    responses((status = 200, body = Vec<EventSummary>), (status = 503, body = api_types::ErrorBody))
)]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<EventSummary>>, ApiError> {
    let events = app.storage.list_events().await?;
    let summary = |event: storage::EventSummary| EventSummary {
        id: event.id,
        title: event.title,
        start: event.start,
        life: event.life,
    };
    Ok(Json(events.into_iter().map(summary).collect()))
}

/// One event: title, people, programme, where it stands.
#[utoipa::path(
    get,
    path = "/api/events/{event}",
    tag = "events",
    params(("event" = String, Path, description = "Identifier of the event")),
    responses((status = 200, body = EventView), (status = 404, body = api_types::ErrorBody))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
) -> Result<Json<EventView>, ApiError> {
    let (_, event) = app.event(&event).await?;
    Ok(Json(event.read(views::event)))
}
