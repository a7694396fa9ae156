//! The press list of an event and what was mailed to it.

use base::{Language, Timestamp};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Somebody to whom the release is mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Name, as it stands beside the address; may be empty.
    pub name: String,
    /// Mail address.
    pub address: String,
    /// Language in which they read it, if the release has it.
    pub language: Language,
}

/// Body of `PUT /api/events/{event}/press-list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PressList {
    /// All of them; others are on the list no more.
    #[schema(value_type = Vec<Object>)]
    pub recipients: Vec<Recipient>,
}

/// Body of `POST /api/events/{event}/press-list/again`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailAgain {
    /// Which mailing.
    pub notice: String,
    /// To whom.
    pub address: String,
}

/// Answer to `GET /api/events/{event}/press-list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, utoipa::ToSchema)]
pub struct PressView {
    /// The operator named a mail server.
    pub can_send: bool,
    /// The mail server does not take anything at present; what it said, or why it is not reached.
    pub trouble: Option<String>,
    /// Who is on the list.
    #[schema(value_type = Vec<Object>)]
    pub recipients: Vec<Recipient>,
    /// What was mailed, the latest last.
    #[schema(value_type = Vec<Object>)]
    pub mailings: Vec<Mailing>,
}

/// One mail to everybody: a release, a corrigendum, or a kill notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Mailing {
    /// Its name: `issue-1`, `kill-1`.
    pub notice: String,
    /// When it was begun.
    pub at: Timestamp,
    /// How many the mail server took.
    pub sent: u32,
    /// How many wait.
    pub waiting: u32,
    /// Those that did not get it, or perhaps not.
    pub troubles: Vec<MailTrouble>,
}

/// A mail that the mail server did not take, or of which it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MailTrouble {
    /// To whom.
    pub address: String,
    /// How it stands.
    pub state: MailState,
    /// What the mail server said.
    pub said: Option<String>,
}

/// How a mail to one person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum MailState {
    /// It waits for its turn.
    Waiting,
    /// It is being handed to the mail server.
    Sending,
    /// The mail server took it.
    Sent,
    /// It was being handed over when the line or the program broke off: it may have arrived. It is
    /// not sent again by itself.
    Unclear,
    /// The mail server refused it for good.
    Refused,
    /// It was not sent, for the release was recalled or corrected before its turn.
    Dropped,
}
