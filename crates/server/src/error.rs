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
    #[error("Your part in this event does not include reading this.")]
    MayNotRead,
    #[error("{}", sentence(.0))]
    Undraftable(String),
    #[error("There is no such document in this event.")]
    NoSuchDocument,
    #[error("There is no release of this event that the public may read.")]
    NoSuchRelease,
    #[error("There is no such recording in this event, or you may not have it.")]
    NoSuchRecording,
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
            Self::MayNotRead => (StatusCode::FORBIDDEN, "may-not-read"),
            Self::Undraftable(_) => (StatusCode::CONFLICT, "undraftable"),
            Self::NoSuchDocument => (StatusCode::NOT_FOUND, "no-such-document"),
            Self::NoSuchRelease => (StatusCode::NOT_FOUND, "no-such-release"),
            Self::NoSuchRecording => (StatusCode::NOT_FOUND, "no-such-recording"),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign-origin"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "no-such-path"),
            Self::NoSuchEvent => (StatusCode::NOT_FOUND, "no-such-event"),
            Self::NoSuchSession => (StatusCode::NOT_FOUND, "no-such-session"),
            Self::BadMethod => (StatusCode::METHOD_NOT_ALLOWED, "bad-method"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too-slow"),
            Self::Refused(refusal) => (refused(*refusal), "refused"),
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

/// Of registrations and of commands about the record; the word is the refusal's own.
fn refused(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::NotAllowed
        | Refusal::Removed
        | Refusal::Suspended
        | Refusal::NoParty
        | Refusal::RegistrationClosed
        | Refusal::Closed
        | Refusal::EventFull => StatusCode::FORBIDDEN,
        Refusal::NoSuchPerson
        | Refusal::NoSuchLine
        | Refusal::NoSuchStatement
        | Refusal::NoSuchVersion => StatusCode::NOT_FOUND,
        Refusal::BadText
        | Refusal::BadSpan
        | Refusal::BadDeadline
        | Refusal::BadEmbargo
        | Refusal::NoSuchLanguage
        | Refusal::SpeakerMissing => StatusCode::BAD_REQUEST,
        _ => StatusCode::CONFLICT,
    }
}

/// The stable word of a refusal, the one that it has on the live socket.
fn word(refusal: Refusal) -> String {
    serde_json::to_value(refusal)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_else(|| "refused".to_owned())
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
        let error = match &self {
            Self::Refused(refusal) => word(*refusal),
            _ => error.to_owned(),
        };
        let body = ErrorBody { error, message: self.to_string() };
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
            StorageError::Conflict
            | StorageError::BadLines
            | StorageError::BadDocument
            | StorageError::Corrupt(_) => Self::Internal(error.to_string()),
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
