//! Extractors whose failures are an [`ApiError`] like all others.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::ApiError;

/// Longest JSON body: the longest registration in a script of four bytes a letter, twice.
const JSON_BYTES_MAX: usize = 8 << 10;

/// Time for a body to arrive. 64 KiB take ten seconds on a 64 kbit/s line.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// The address that a request comes from, as the nearest trusted proxy tells it.
pub(crate) struct Address(pub(crate) IpAddr);

impl FromRequestParts<Arc<App>> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        // Requests that tests make without a connection have no address.
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        Ok(Self(client_address(peer, &parts.headers, &app.trusted_proxies)))
    }
}

/// Each proxy adds at the end the address that it saw, so the last one that is not a trusted proxy
/// itself is the client; what stands before it could be the client's invention.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(&peer) {
        return peer;
    }
    let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<_> = hops.flat_map(|value| value.split(',')).collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !trusted.contains(&client) {
            break;
        }
    }
    client
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, ApiError> {
        expect_type(request.headers(), "application/json")?;
        let body = read(request.into_body(), JSON_BYTES_MAX).await?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| ApiError::bad_request(format!("the body cannot be read: {error}")))
    }
}

/// Fails unless the body is of the media type `wanted`, whatever its parameters.
pub(crate) fn expect_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.split(';').next()).map(str::trim);
    if given.is_some_and(|given| given.eq_ignore_ascii_case(wanted)) {
        Ok(())
    } else {
        Err(ApiError::WrongType(wanted))
    }
}

/// Reads a body of at most `bytes_max` that must be text in UTF-8.
pub(crate) async fn read_text(body: Body, bytes_max: usize) -> Result<String, ApiError> {
    let bytes = read(body, bytes_max).await?;
    String::from_utf8(bytes.into())
        .map_err(|_| ApiError::BadRequest("The body is not text in UTF-8.".to_owned()))
}

/// Reads a JSON body of at most `bytes_max`; `what` names it where it cannot be read.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    what: &str,
) -> Result<T, ApiError> {
    expect_type(headers, "application/json")?;
    let text = read_text(body, bytes_max).await?;
    serde_json::from_str(&text)
        .map_err(|error| ApiError::bad_request(format!("the {what} cannot be read: {error}")))
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    let collected = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge { bytes_max }),
        Ok(Err(_)) => Err(ApiError::BadRequest("The body broke off.".to_owned())),
        Err(_) => Err(ApiError::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_are_believed_only_from_trusted_proxies() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let trusted = [ip("127.0.0.1"), ip("10.0.0.1")];
        let check = |peer: &str, forwarded: &[&str], expected: &str| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", value.parse().expect("a header"));
            }
            assert_eq!(client_address(ip(peer), &headers, &trusted), ip(expected), "{forwarded:?}");
        };
        check("192.0.2.7", &["198.51.100.1"], "192.0.2.7");
        check("127.0.0.1", &[], "127.0.0.1");
        check("::ffff:127.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["203.0.113.5, 198.51.100.1, 10.0.0.1"], "198.51.100.1");
        check("127.0.0.1", &["203.0.113.5", "198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["nonsense"], "127.0.0.1");
    }
}
