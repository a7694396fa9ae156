//! `POST /api/events/{event}/commands`: commands about the record, for those who have no live
//! socket: the desk after the event, a speaker who clears a statement.

use std::sync::Arc;

use api_types::CommandAccepted;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use proceedings::{Actor, Command, RecordCommand};

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Address, read_json};
use crate::rate::Rate;

/// Longest command: a corrected statement in all languages of an event, each in a script of four
/// bytes a letter.
const COMMAND_BYTES_MAX: usize = 64 << 10;

/// Commands from one address. A newsroom behind one address works at the same record.
pub(crate) const COMMANDS: Rate = Rate { burst: 300, per_second: 30.0 };

/// Carries out a command about the record. The answer comes when it is on disk.
#[utoipa::path(
    post,
    path = "/api/events/{event}/commands",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    request_body(content = Object, description = "A command, as docs/RECORD.md lists them"),
    responses(
        (status = 200, body = CommandAccepted),
        (status = 400, body = api_types::ErrorBody),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
        (status = 409, description = "Refused; the word of the error is the reason",
            body = api_types::ErrorBody),
        (status = 429, body = api_types::ErrorBody),
        (status = 503, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn carry_out(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<CommandAccepted>, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    if !app.commands.take(address) {
        return Err(ApiError::TooMany);
    }
    let command: RecordCommand = read_json(&headers, body, COMMAND_BYTES_MAX, "command").await?;
    let actor = Actor::Person(caller.person);
    let sequence = caller.event.command_of(actor, Command::Record(command)).await?;
    Ok(Json(CommandAccepted { sequence }))
}
