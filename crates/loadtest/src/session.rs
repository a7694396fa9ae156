//! The HTTP side that WHIP (RFC 9725) and WHEP share: an offer is posted, the answer comes with a
//! Location, and deleting the Location ends the session.

use hyper::{Method, StatusCode, header};

use crate::http::{Ask, HttpError, Server};
use crate::peer::PeerError;

const SDP: &str = "application/sdp";

/// Why somebody is not connected.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The exchange of offer and answer failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The WebRTC client failed.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The server's answer is no answer to the offer.
    #[error("the server's answer cannot be used: {0}")]
    Answer(String),
    /// Offer and answer were exchanged, but no media path came up.
    #[error("no media path within {0} seconds; is the server's UDP port reachable?")]
    NoMedia(u64),
}

impl JoinError {
    /// The status with which the server refused, if it did.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Http(HttpError::Refused { status, .. }) => Some(*status),
            _ => None,
        }
    }
}

/// A session that the server has accepted.
#[derive(Clone)]
pub struct Session {
    server: Server,
    location: String,
    token: String,
}

impl Session {
    /// Posts an offer and returns the session with the answer. An empty token is not shown.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer, another status than 201, or no Location.
    pub async fn post(
        server: &Server,
        path: &str,
        token: &str,
        offer: String,
    ) -> Result<(Self, String), HttpError> {
        let path = server.path(path);
        let ask = Ask {
            method: Method::POST,
            path: &path,
            token: shown(token),
            body: Some((SDP, offer)),
        };
        let answer = server.ask_for(StatusCode::CREATED, ask).await?;
        let location = answer
            .headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .filter(|location| !location.is_empty())
            .ok_or_else(|| HttpError::Incomplete { path: path.clone(), what: "Location" })?;
        let location = resolve(&path, location);
        let session = Self { server: server.clone(), location, token: token.to_owned() };
        Ok((session, answer.text()))
    }

    /// Ends the session at the server.
    ///
    /// # Errors
    /// [`HttpError`] when the server does not answer with 200 or 204.
    pub async fn delete(&self) -> Result<(), HttpError> {
        let ask = Ask {
            method: Method::DELETE,
            path: &self.location,
            token: shown(&self.token),
            body: None,
        };
        let answer = self.server.ask(ask).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(HttpError::Refused {
            method: Method::DELETE,
            // Whoever knows a Location can end the session, so it stands in no message.
            path: "the session".to_owned(),
            status: answer.status,
            reason: answer.text(),
        })
    }
}

/// Servers without tokens are asked without one.
fn shown(token: &str) -> Option<&str> {
    (!token.is_empty()).then_some(token)
}

/// A Location as a path or whole address; one without a slash lies beside what was asked
/// (RFC 3986, section 5.2).
fn resolve(asked: &str, location: &str) -> String {
    if location.starts_with('/') || location.contains("://") {
        return location.to_owned();
    }
    let asked = asked.split('?').next().unwrap_or_default();
    let folder = asked.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{location}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_be_relative() {
        for (location, expected) in [
            ("/session/1", "/session/1"),
            ("https://example.org/session/1", "https://example.org/session/1"),
            ("session-1", "/base/whip/session-1"),
        ] {
            assert_eq!(resolve("/base/whip/event?source=screen", location), expected);
        }
    }
}
