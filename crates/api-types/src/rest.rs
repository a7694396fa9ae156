//! Bodies of the REST interface. Errors of every endpoint are an [`ErrorBody`].

use base::{EventId, Localized, PersonId, Timestamp};
use proceedings::Life;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::schema;
use crate::view::{EventView, You};

/// An error as every endpoint answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct ErrorBody {
    /// Stable word for programs, as `bad-token`.
    pub error: String,
    /// A sentence that says what is wrong and what to do.
    pub message: String,
}

/// A line of the public list of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct EventSummary {
    /// Identifier.
    #[schema(value_type = String)]
    pub id: EventId,
    /// Title.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub title: Localized,
    /// Planned opening.
    #[schema(value_type = i64)]
    pub start: Timestamp,
    /// Where it stands.
    #[schema(value_type = schema::Life)]
    pub life: Life,
}

/// Registration on the public page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Name as the person writes it.
    pub name: String,
    /// Body the person belongs to, if any.
    pub affiliation: Option<String>,
    /// ISO 3166-1 alpha-2 code, if given.
    pub country: Option<String>,
    /// Language of the name and of the person's screens.
    pub language: String,
}

/// Answer to a registration: the personal link, shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct LinkIssued {
    /// The new person.
    #[schema(value_type = String)]
    pub person: PersonId,
    /// The personal link.
    pub link: String,
}

/// Answer to `GET /api/events/{event}/join`: whose link this is, before connecting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct JoinView {
    /// The event.
    pub event: EventView,
    /// You.
    pub you: You,
}
