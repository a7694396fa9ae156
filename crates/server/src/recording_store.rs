//! A recording that has left for its store, answered as if it were still here: ranges and all.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use base::EventId;
use recording::{Archive, ArchiveError, Stored};

use crate::error::ApiError;

/// What a request wants of a file.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    /// From a byte to before another; neither empty nor beyond the end.
    Part(u64, u64),
    /// A range that lies outside.
    Nothing,
}

/// Answers with a file that the store has, or the range of it that is asked for.
///
/// # Errors
/// `NoSuchRecording` when the store was never given the file, `Unavailable` when it is away.
pub(crate) async fn serve(
    method: &Method,
    asked: &HeaderMap,
    archive: &Archive,
    event: &EventId,
    file: &str,
) -> Result<Response, ApiError> {
    let away = |error: ArchiveError| {
        tracing::error!(%event, %error, "a recording cannot be read from its store");
        ApiError::Unavailable
    };
    let stored = archive.stored(event).await.map_err(|error| away(error.into()))?.remove(file);
    let stored = stored.ok_or(ApiError::NoSuchRecording)?;
    let bytes = stored.bytes;
    let tag = tag(&stored);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    let media_type = if file.ends_with(".webm") { "video/webm" } else { "video/x-matroska" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let (from, to) = match wanted(asked, &tag, bytes) {
        Wanted::Whole => (0, bytes),
        Wanted::Part(from, to) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            content_range(&mut response, &format!("bytes {from}-{}/{bytes}", to - 1));
            (from, to)
        }
        Wanted::Nothing => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            content_range(&mut response, &format!("bytes */{bytes}"));
            return Ok(response);
        }
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(to - from));
    if *method != Method::HEAD {
        let pieces = archive.read(event, file, from..to).await.map_err(away)?;
        *response.body_mut() = Body::from_stream(pieces);
    }
    Ok(response)
}

fn content_range(response: &mut Response, range: &str) {
    if let Ok(range) = HeaderValue::from_str(range) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
}

/// A strong entity tag: the bytes of a file in the store never change.
fn tag(stored: &Stored) -> String {
    format!("\"{}\"", stored.sha256)
}

/// Which bytes a request wants (RFC 9110, section 14). Of several ranges, of units that are not
/// bytes, and of what is no range, the whole is given, as section 14.2 lets a server.
fn wanted(headers: &HeaderMap, tag: &str, bytes: u64) -> Wanted {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(header::IF_RANGE).is_some_and(|condition| condition != tag) {
        return Wanted::Whole;
    }
    let range = text(header::RANGE).and_then(|range| range.trim().strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok());
    let (from, to) = match (number(first.trim()).flatten(), number(last.trim()).flatten()) {
        (Some(from), None) if last.trim().is_empty() => (from, bytes),
        (Some(from), Some(last)) if from <= last => {
            (from, u64::min(last, bytes.saturating_sub(1)) + 1)
        }
        (None, Some(count)) if first.trim().is_empty() => (bytes.saturating_sub(count), bytes),
        _ => return Wanted::Whole,
    };
    if from < to && from < bytes { Wanted::Part(from, to) } else { Wanted::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let of = |range: &'static str, condition: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static(range));
            if let Some(condition) = condition {
                headers.insert(header::IF_RANGE, HeaderValue::from_static(condition));
            }
            wanted(&headers, "\"a\"", 20)
        };
        for (range, expected) in [
            ("bytes=0-4", Wanted::Part(0, 5)),
            ("bytes=10-", Wanted::Part(10, 20)),
            ("bytes=-3", Wanted::Part(17, 20)),
            ("bytes=-30", Wanted::Part(0, 20)),
            ("bytes=19-18446744073709551615", Wanted::Part(19, 20)),
            ("bytes=20-", Wanted::Nothing),
            ("bytes=25-30", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=0-1,4-5", Wanted::Whole),
            ("bytes=+1-4", Wanted::Whole),
            ("bytes=99999999999999999999-", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(of(range, None), expected, "{range}");
        }
        assert_eq!(of("bytes=0-4", Some("\"a\"")), Wanted::Part(0, 5));
        assert_eq!(of("bytes=0-4", Some("\"b\"")), Wanted::Whole);
        assert_eq!(wanted(&HeaderMap::new(), "\"a\"", 20), Wanted::Whole);
    }

    #[test]
    fn nothing_of_an_empty_file_can_be_had_in_part() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-4"));
        assert_eq!(wanted(&headers, "\"a\"", 0), Wanted::Nothing);
    }
}
