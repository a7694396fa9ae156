//! Captions while they are written: none of it is part of the proceedings, and none of it is kept.

use base::{ConnectionId, Language, PersonId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::view::PersonView;

/// What a captioner does at the desk of a language. A connection sits at one desk at a time. Not
/// answered; what changed is told by `captioners` and by the section `partials`. From those who may
/// not write captions, and while nothing may be written, it is passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "act")]
pub enum CaptionAct {
    /// Sits down at the desk of a language. Who is there first writes.
    Sit {
        /// Which language.
        language: Language,
    },
    /// Gets up.
    Leave {},
    /// Writes from now on, in the place of whoever did.
    TakeOver {},
    /// Writes from now on, beside whoever does.
    WriteAlong {},
    /// Lets the next at the desk write.
    HandOver {},
    /// What is typed so far of the next line, whole; empty when there is nothing any more.
    Type {
        /// Who says it.
        person: Option<PersonId>,
        /// The words.
        text: String,
    },
}

/// Who sits at the captions of which language, in the order in which they sat down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CaptionSeat {
    /// The language.
    pub language: Language,
    /// Who.
    pub person: PersonView,
    /// By which connection: a person may sit there with two browsers.
    pub connection: ConnectionId,
    /// It is this one's turn to write.
    pub writes: bool,
}

/// What is being put down at this moment, by language and source. Empty off the record and while
/// the event is not live; never kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct PartialsSection {
    /// In the order in which they were begun.
    pub partials: Vec<PartialCaption>,
}

/// A line that is not committed yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PartialCaption {
    /// In which language the text is.
    pub language: Language,
    /// Who says it; nobody under the Chatham House Rule.
    pub person: Option<PersonId>,
    /// Who puts it down.
    pub source: CaptionSource,
    /// The words so far; of a long line the last ones.
    pub text: String,
}

/// Who puts captions down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum CaptionSource {
    /// A person types.
    Captioner,
    /// The server's speech recognition.
    Recogniser,
}
