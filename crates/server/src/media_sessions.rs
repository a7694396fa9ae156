//! What WHIP and WHEP have in common: beginning a session, `PATCH` and `DELETE` of its address,
//! and the preflight of browsers on other sites.
//!
//! A session's address works only with the token of the person whose session it is.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::limits::SDP_BYTES_MAX;
use sfu::{Kind, SessionId};

use crate::app::{App, Caller};
use crate::error::ApiError;
use crate::extract::{Address, expect_type, read_text};
use crate::media;
use crate::turn::IceServer;

pub(crate) const OFFER: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Answers an offer with a session, if the proceedings say that the person may have it now.
pub(crate) async fn begin(
    app: &App,
    caller: Caller,
    kind: Kind,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    expect_type(headers, OFFER)?;
    let allowed = || {
        let may = caller.event.read(|state| media::may(state, &caller.person, kind));
        match kind {
            _ if may => Ok(()),
            Kind::Publishing(_) => Err(ApiError::MayNotPublish),
            Kind::Receiving(_) => Err(ApiError::MayNotReceive),
        }
    };
    allowed()?;
    let offer = read_text(body, SDP_BYTES_MAX).await?;
    let desk = &caller.event.desk;
    let engine = desk.engine();
    let answer = match kind {
        Kind::Publishing(source) => {
            engine.publish(&caller.id, &caller.person, source, &offer).await?
        }
        Kind::Receiving(class) => {
            engine.subscribe(&caller.id, &caller.person, class, &offer).await?
        }
    };
    desk.end_later(desk.enter(answer.session, &caller.person, kind));
    // The right may have been lost, or the class changed, while the offer was answered and the
    // desk did not know of the session yet.
    if let Err(error) = allowed() {
        desk.strike(&answer.session);
        engine.end(&answer.session).await;
        return Err(error);
    }
    caller.event.read(|state| desk.correct_class(state, &answer.session));
    let path = match kind {
        Kind::Publishing(_) => "whip",
        Kind::Receiving(_) => "whep",
    };
    let location = format!("/{path}/{}/{}", caller.id, answer.session);
    let headers = [
        (header::CONTENT_TYPE, OFFER.to_owned()),
        (header::LOCATION, location),
        (header::ETAG, etag(0)),
        (ACCEPT_PATCH, FRAGMENT.to_owned()),
    ];
    let mut response = (StatusCode::CREATED, headers, answer.sdp).into_response();
    name_relays(app, &caller, response.headers_mut());
    Ok(response)
}

/// Tells a client the ways to the relay, with credentials of the person's own.
pub(crate) fn name_relays(app: &App, caller: &Caller, headers: &mut HeaderMap) {
    let turn = app.turn.as_ref();
    for server in turn.into_iter().flat_map(|turn| turn.ice_servers(&caller.id, &caller.person)) {
        if let Ok(link) = HeaderValue::try_from(link(&server)) {
            headers.append(header::LINK, link);
        }
    }
}

/// RFC 9725, section 4.6.
fn link(server: &IceServer) -> String {
    let IceServer { url, username, credential } = server;
    format!(
        "<{url}>; rel=\"ice-server\"; username=\"{username}\"; credential=\"{credential}\"; \
         credential-type=\"password\""
    )
}

/// Trickle ICE or an ICE restart (RFC 9725, section 4.3).
pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    Path((event, session)): Path<(String, String)>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    let (id, generation) = own_session(&caller, &session)?;
    expect_type(&headers, FRAGMENT)?;
    if !if_match(&headers, generation) {
        return Err(ApiError::StaleSession);
    }
    let fragment = read_text(body, SDP_BYTES_MAX).await?;
    let desk = &caller.event.desk;
    match desk.engine().patch(&id, &fragment).await? {
        None => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(answer) => {
            let tag = etag(desk.restarted(&id));
            let headers = [(header::CONTENT_TYPE, FRAGMENT.to_owned()), (header::ETAG, tag)];
            Ok((headers, answer).into_response())
        }
    }
}

/// Ends a session.
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Path((event, session)): Path<(String, String)>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let caller = app.caller(&event, &headers, address).await?;
    let (id, _) = own_session(&caller, &session)?;
    let desk = &caller.event.desk;
    desk.strike(&id);
    desk.engine().end(&id).await;
    Ok(StatusCode::OK)
}

/// What is accepted at an address that takes offers.
pub(crate) async fn options() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [(ACCEPT_POST, OFFER), (header::ALLOW, "POST, OPTIONS")])
}

/// What is accepted at the address of a session.
pub(crate) async fn session_options() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [(ACCEPT_PATCH, FRAGMENT), (header::ALLOW, "PATCH, DELETE, OPTIONS")])
}

/// Lets pages of other sites publish and receive: a token is needed in any case, and no cookie
/// could lend them one (Fetch, "CORS protocol").
pub(crate) async fn allow_other_sites(
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(header::ACCESS_CONTROL_ALLOW_METHODS, "POST, PATCH, DELETE, OPTIONS");
    set(header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match");
    set(header::ACCESS_CONTROL_EXPOSE_HEADERS, "Location, ETag, Link, Accept-Patch");
    set(header::ACCESS_CONTROL_MAX_AGE, "7200");
    response
}

/// The caller's session of that name, with its generation. Others' sessions do not exist for them.
fn own_session(caller: &Caller, name: &str) -> Result<(SessionId, u32), ApiError> {
    let id: SessionId = name.parse().map_err(|_| ApiError::NoSuchSession)?;
    let session = caller.event.desk.session(&id);
    let own = session.filter(|session| session.person == caller.person);
    own.map(|session| (id, session.generation)).ok_or(ApiError::NoSuchSession)
}

/// RFC 9725 wants `If-Match` in every `PATCH`: the session's tag for trickle, `*` for a restart. A
/// client that sends none is taken at its word.
fn if_match(headers: &HeaderMap, generation: u32) -> bool {
    let own = etag(generation);
    let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
    let names_own = |value: &HeaderValue| {
        value
            .to_str()
            .is_ok_and(|tags| tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == own))
    };
    values.peek().is_none() || values.any(names_own)
}

fn etag(generation: u32) -> String {
    format!("\"{generation}\"")
}
