//! The web client: files that were built into the program.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use web_ui::{Asset, Encoding, Found};

use crate::app::App;

/// A year: the name of a hashed file changes with its content.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// Asks again each time; the answer is 304 as long as nothing changed.
const ASK_AGAIN: &str = "no-cache";

/// What stands before the policy of the verification page, in the page.
const POLICY_BEGINS: &str = "http-equiv=\"Content-Security-Policy\" content=\"";

pub(crate) async fn show(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let accepts = |name: &str| accepted.is_some_and(|accepted| accepts(accepted, name));
    let encodings = [(Encoding::Brotli, accepts("br")), (Encoding::Gzip, accepts("gzip"))];
    let encodings = encodings.into_iter().filter(|(_, ok)| *ok).map(|(encoding, _)| encoding);
    let Found { asset, immutable } = match web_ui::find(uri.path(), encodings) {
        Some(found) => found,
        None => return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
    };
    let unchanged = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == asset.etag));
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { body(&asset) };
    let headers = response.headers_mut();
    let cache = if immutable { FOR_GOOD } else { ASK_AGAIN };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(header::ETAG, etag);
    }
    if asset.content_type.starts_with("text/html")
        && let Ok(policy) = HeaderValue::from_str(&crate::headers::policy(&app.public_url))
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The verification page, under the policy that stands in it: its one script and style are named
/// there by their hashes, and nothing may be fetched.
pub(crate) async fn verify(headers: HeaderMap) -> Response {
    let Some(asset) = web_ui::verification_page() else {
        return (StatusCode::NOT_FOUND, "The verification page was not built.\n").into_response();
    };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let unchanged = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == asset.etag));
    let mut response =
        if unchanged { StatusCode::NOT_MODIFIED.into_response() } else { body(&asset) };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
    if let Ok(etag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(header::ETAG, etag);
    }
    let page = std::str::from_utf8(&asset.bytes).unwrap_or_default();
    let policy = page.split_once(POLICY_BEGINS).and_then(|(_, rest)| rest.split_once('"'));
    if let Some((policy, _)) = policy
        && let Ok(policy) = HeaderValue::from_str(&format!("{policy}; frame-ancestors 'none'"))
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn body(asset: &Asset) -> Response {
    let mut response = asset.bytes.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if let Some(encoding) = asset.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    response
}

/// True when `Accept-Encoding` names the encoding and does not refuse it by `q=0`.
pub(crate) fn accepts(accepted: &str, name: &str) -> bool {
    accepted.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let named = parts.next().is_some_and(|given| given.eq_ignore_ascii_case(name));
        let refused = parts
            .any(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn accepted_encodings() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("br;q=0.5", "br"));
        assert!(!accepts("gzip", "br"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("brotli", "br"));
    }
}
