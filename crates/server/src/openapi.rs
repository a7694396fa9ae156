//! The description of the REST interface, committed as docs/openapi.json and served as
//! `GET /api/openapi.json`. Media and the live socket have no words in OpenAPI; docs/PROTOCOL.md
//! describes them.

use axum::Json;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Plenary",
        description = "Events, registration and proceedings. See docs/PROTOCOL.md for media and \
            the live socket.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        crate::health::show,
        crate::events::list,
        crate::events::show,
        crate::join::show,
        crate::proceedings::list,
        crate::registrations::create,
        crate::commands::carry_out,
        crate::record_views::transcript,
        crate::caption_files::captions,
        crate::caption_files::chapters,
        crate::record_views::statements,
        crate::record_views::clearance,
        crate::record_views::release,
        crate::release::draft,
        crate::release::check,
        crate::release::save,
        crate::release::put_notes,
        crate::release::document,
        crate::press::show,
        crate::press::put,
        crate::press::again,
        crate::recording_files::list,
    ),
    modifiers(&LinkToken)
)]
struct Interface;

/// The token of a personal link.
struct LinkToken;

impl Modify for LinkToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("link", scheme);
    }
}

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Interface::openapi()
}

pub(crate) async fn show() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
