//! Every address of the server.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post, put};
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::error::ApiError;
use crate::{
    calendar, caption_files, check, commands, events, headers, health, join, live, media_sessions,
    metrics, openapi, pages, press, proceedings, published, record_page, record_views,
    recording_files, registrations, release, voice, whep, whip,
};

/// Time for an answer, the body's way here included. Media offers take some ten milliseconds; what
/// takes longer waits for a disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers are compressed for who asks for it: a viewer's answer to a WHEP offer has 25 KB, which
/// a thin line must carry before the voice. Pages are compressed when they are built.
pub(crate) fn router(app: Arc<App>) -> Router {
    let api = Router::new()
        .route("/health", get(health::show))
        .route("/openapi.json", get(openapi::show))
        .route("/events", get(events::list))
        .route("/events/{event}", get(events::show))
        .route("/events/{event}/calendar.ics", get(calendar::show))
        .route("/events/{event}/join", get(join::show))
        .route("/events/{event}/proceedings", get(proceedings::list))
        .route("/events/{event}/registrations", post(registrations::create))
        .route("/events/{event}/commands", post(commands::carry_out))
        .route("/events/{event}/transcript", get(record_views::transcript))
        .route("/events/{event}/captions/{file}", get(caption_files::captions))
        .route("/events/{event}/chapters/{file}", get(caption_files::chapters))
        .route("/events/{event}/statements", get(record_views::statements))
        .route("/events/{event}/clearance", get(record_views::clearance))
        .route("/events/{event}/release", get(record_views::release))
        .route("/events/{event}/release/draft", get(release::draft))
        .route("/events/{event}/release/check", post(release::check))
        .route("/events/{event}/release/versions", post(release::save))
        .route("/events/{event}/release/notes", put(release::put_notes))
        .route("/events/{event}/release/documents/{hash}", get(release::document))
        .route("/events/{event}/press-list", get(press::show).put(press::put))
        .route("/events/{event}/press-list/again", post(press::again))
        .route("/events/{event}/recordings", get(recording_files::list))
        .layer(CompressionLayer::new())
        .route("/events/{event}/recordings/{*file}", get(recording_files::show))
        .route("/live", get(live::open))
        .route("/listen", get(voice::open))
        .fallback(no_such_path)
        .method_not_allowed_fallback(bad_method);
    let session = || {
        axum::routing::patch(media_sessions::patch)
            .delete(media_sessions::end)
            .options(media_sessions::session_options)
    };
    let whip = Router::new()
        .route("/{event}", post(whip::publish).options(media_sessions::options))
        .route("/{event}/{session}", session());
    let whep = Router::new()
        .route("/{event}", post(whep::subscribe).options(media_sessions::options))
        .route("/{event}/{session}", session());
    let check = Router::new()
        .route("/{event}/receive", post(check::receive))
        .route("/{event}/send", post(check::send))
        .route("/{event}/{session}", axum::routing::delete(check::end))
        .fallback(no_such_path)
        .method_not_allowed_fallback(bad_method)
        .layer(CompressionLayer::new());
    let media = |routes: Router<Arc<App>>| {
        routes
            .fallback(no_such_path)
            .method_not_allowed_fallback(bad_method)
            .layer(CompressionLayer::new())
            .layer(middleware::from_fn(media_sessions::allow_other_sites))
    };
    Router::new()
        .nest("/api", api)
        .nest("/check", check)
        .route("/metrics", get(metrics::show))
        .nest("/whip", media(whip))
        .nest("/whep", media(whep))
        .merge(published::routes())
        .route("/verify", get(pages::verify).layer(CompressionLayer::new()))
        .route("/verify.html", get(pages::verify).layer(CompressionLayer::new()))
        .merge(record_page::routes())
        .fallback_service(get(pages::show).with_state(Arc::clone(&app)))
        .layer(middleware::from_fn(log))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(headers::secure))
        .with_state(app)
}

async fn no_such_path() -> ApiError {
    ApiError::NoSuchPath
}

async fn bad_method() -> ApiError {
    ApiError::BadMethod
}

async fn in_time(request: Request, next: Next) -> Result<Response, ApiError> {
    let answered = tokio::time::timeout(ANSWER_TIMEOUT, next.run(request)).await;
    answered.map_err(|_| ApiError::Overdue)
}

/// Names the route and not the address, for addresses hold names of people's sessions.
async fn log(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<axum::extract::MatchedPath>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("page", |route| route.as_str());
    tracing::debug!(%method, route, status = response.status().as_u16(), "answered");
    response
}
