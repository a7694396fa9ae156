//! The one error of all HTTP paths, and the one place where its status is decided.

use api_types::ErrorBody;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use proceedings::Refusal;
use sfu::{OfferError, PatchError};
use storage::StorageError;

use crate::event_actor::NotDone;

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("There is nothing at this address.")]
    NoSuchPath,
    #[error("This address does not know this method.")]
    BadMethod,
    #[error("There is no event of this name.")]
    NoSuchEvent,
    #[error("There is no media session of this name, or it has ended.")]
    NoSuchSession,
    #[error("This personal link is not valid, or it was replaced by a newer one.")]
    BadToken,
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    BadOffer(String),
    #[error("{0}")]
    UnusableOffer(String),
    #[error("The body is too long; at most {bytes_max} bytes are accepted.")]
    TooLarge { bytes_max: usize },
    #[error("The body must be of type {0}.")]
    WrongType(&'static str),
    #[error("You may not publish in this event now.")]
    MayNotPublish,
    #[error("You may not receive this event now.")]
    MayNotReceive,
    #[error("Only those who moderate the event may read this.")]
    NotModerator,
    #[error("This page does not belong to this server.")]
    ForeignOrigin,
    #[error("The media session was restarted meanwhile.")]
    StaleSession,
    #[error("{}", sentence(&.0.to_string()))]
    Refused(Refusal),
    #[error("Too many requests from your address. Wait a moment and try again.")]
    TooMany,
    #[error("The request took too long to arrive.")]
    TooSlow,
    #[error("The server could not answer in time. Try again.")]
    Overdue,
    #[error("The server cannot store or serve this at the moment. Try again in a moment.")]
    Unavailable,
    /// Unexpected; its text is logged and not shown.
    #[error("Something went wrong in the server; its operator finds the reason in the log.")]
    Internal(String),
}

impl ApiError {
    /// What another crate found wrong with the request.
    pub(crate) fn bad_request(why: impl std::fmt::Display) -> Self {
        Self::BadRequest(sentence(&why.to_string()))
    }

    /// The status and the stable word.
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad-request"),
            Self::BadOffer(_) => (StatusCode::BAD_REQUEST, "bad-offer"),
            Self::BadToken => (StatusCode::UNAUTHORIZED, "bad-token"),
            Self::MayNotPublish => (StatusCode::FORBIDDEN, "may-not-publish"),
            Self::MayNotReceive => (StatusCode::FORBIDDEN, "may-not-receive"),
            Self::NotModerator => (StatusCode::FORBIDDEN, "not-moderator"),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign-origin"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "no-such-path"),
            Self::NoSuchEvent => (StatusCode::NOT_FOUND, "no-such-event"),
            Self::NoSuchSession => (StatusCode::NOT_FOUND, "no-such-session"),
            Self::BadMethod => (StatusCode::METHOD_NOT_ALLOWED, "bad-method"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too-slow"),
            Self::Refused(refusal) => refused(*refusal),
            Self::StaleSession => (StatusCode::PRECONDITION_FAILED, "stale-session"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Self::WrongType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong-type"),
            Self::UnusableOffer(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unusable-offer"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Overdue => (StatusCode::SERVICE_UNAVAILABLE, "overdue"),
        }
    }
}

/// Registration is the only command that comes by HTTP.
fn refused(refusal: Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::RegistrationClosed => (StatusCode::FORBIDDEN, "registration-closed"),
        Refusal::Closed => (StatusCode::FORBIDDEN, "closed"),
        Refusal::EventFull => (StatusCode::FORBIDDEN, "event-full"),
        Refusal::BadText => (StatusCode::BAD_REQUEST, "bad-text"),
        _ => (StatusCode::CONFLICT, "refused"),
    }
}

/// A message of another crate as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Internal(why) = &self {
            tracing::error!(%why, "a request failed");
        }
        let (status, error) = self.status();
        let body = ErrorBody { error: error.to_owned(), message: self.to_string() };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::BadToken => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooMany => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
            }
            Self::Unavailable | Self::Overdue => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            }
            _ => {}
        }
        response
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NoSuchEvent => Self::NoSuchEvent,
            StorageError::Busy(_) | StorageError::Full(_) | StorageError::Unavailable(_) => {
                tracing::error!(%error, "the storage failed");
                Self::Unavailable
            }
            StorageError::Conflict | StorageError::BadLines | StorageError::Corrupt(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}

impl From<NotDone> for ApiError {
    fn from(error: NotDone) -> Self {
        match error {
            NotDone::Refused(refusal) => Self::Refused(refusal),
            NotDone::Unavailable => Self::Unavailable,
        }
    }
}

impl From<OfferError> for ApiError {
    fn from(error: OfferError) -> Self {
        let text = sentence(&error.to_string());
        match error {
            OfferError::TooLarge { .. } => {
                Self::TooLarge { bytes_max: base::limits::SDP_BYTES_MAX }
            }
            OfferError::Malformed(_) => Self::BadOffer(text),
            OfferError::Unusable(_) | OfferError::NoCodec { .. } => Self::UnusableOffer(text),
            OfferError::Full | OfferError::Stopped => Self::Unavailable,
        }
    }
}

impl From<PatchError> for ApiError {
    fn from(error: PatchError) -> Self {
        let text = sentence(&error.to_string());
        match error {
            PatchError::Malformed(_) => Self::BadOffer(text),
            PatchError::NoSession => Self::NoSuchSession,
            PatchError::Stopped => Self::Unavailable,
        }
    }
}
