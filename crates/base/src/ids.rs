//! Identifiers. They are readable slugs, because they stand in the proceedings, which people read
//! decades later without this program.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::ID_BYTES_MAX;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an identifier cannot be empty")]
    Empty,
    /// The text is longer than [`ID_BYTES_MAX`].
    #[error("an identifier has at most {ID_BYTES_MAX} characters")]
    TooLong,
    /// The text holds something other than `a-z`, `0-9` and inner hyphens.
    #[error(
        "an identifier is made of a-z, 0-9 and hyphens, and begins and ends with a letter or digit"
    )]
    Character,
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > ID_BYTES_MAX {
        return Err(IdError::TooLong);
    }
    let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !inner || text.starts_with('-') || text.ends_with('-') {
        return Err(IdError::Character);
    }
    Ok(())
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Checks `text` and makes it an identifier.
            ///
            /// # Errors
            /// Says what is wrong with the text: empty, too long, or a forbidden character.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

slug_id!(
    /// One event, for example `russian-diplomats-day`. Stands in its URL.
    EventId
);
slug_id!(
    /// One person within an event: a key of the programme file (`ganich`) or, for those who
    /// registered, a generated one (`p-7k3m9x2q`).
    PersonId
);
slug_id!(
    /// One segment of a programme, for example `plenary-address`.
    SegmentId
);
slug_id!(
    /// One party of an event, for example `kcfr`.
    PartyId
);

/// One live connection of a person (a browser tab), numbered by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "number"))]
pub struct ConnectionId(pub u64);

/// The number of a line in an event's proceedings; the first line is 1, and 0 means "before the
/// first line".
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "number"))]
pub struct Sequence(pub u64);

impl Sequence {
    /// The number of the line after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize,
            Deserialize,
        )]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "number"))]
        pub struct $name(pub u32);

        impl $name {
            /// The number after this one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// One line of an event's transcript, numbered from 1 in the order of committing.
    TranscriptLineId
);
number_id!(
    /// One statement of an event, numbered from 1 in the order of marking.
    StatementId
);
number_id!(
    /// How often a statement was changed; 1 as it was marked. Whoever checks or clears a statement
    /// names the revision that they saw.
    Revision
);
number_id!(
    /// One version of an event's release, numbered from 1.
    ReleaseVersion
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_slugs() {
        for good in ["kcfr", "russian-diplomats-day", "2021", "a"] {
            assert_eq!(EventId::new(good).map(|id| id.to_string()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", IdError::Empty),
            ("-a", IdError::Character),
            ("a-", IdError::Character),
            ("Kazi", IdError::Character),
            ("a/b", IdError::Character),
            ("ё", IdError::Character),
        ] {
            assert_eq!(PersonId::new(bad), Err(why), "{bad}");
        }
        assert_eq!(PersonId::new(&"a".repeat(65)), Err(IdError::TooLong));
    }

    #[test]
    fn a_bad_identifier_is_refused_when_read_from_json() {
        assert!(serde_json::from_str::<EventId>("\"../etc\"").is_err());
    }
}
