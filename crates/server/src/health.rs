//! `GET /api/health`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base::Sequence;

use crate::app::App;
use crate::error::ApiError;

/// The server serves.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Health {
    /// Always `ok`; an error is an error body.
    status: &'static str,
}

/// Answers when the storage answers.
#[utoipa::path(
    get,
    path = "/api/health",
    tag = "server",
    responses((status = 200, body = Health), (status = 503, body = api_types::ErrorBody))
)]
pub(crate) async fn show(State(app): State<Arc<App>>) -> Result<Json<Health>, ApiError> {
    // Reading one line of an event that need not exist touches the database and nothing else.
    let nobody = base::EventId::new("health").map_err(|e| ApiError::Internal(e.to_string()))?;
    app.storage.lines(&nobody, Sequence(0), 1).await?;
    Ok(Json(Health { status: "ok" }))
}
