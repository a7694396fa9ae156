//! The lines of the proceedings and the hash chain that binds each to the one before.

use base::{Sequence, Timestamp};
use serde::{Deserialize, Serialize};

use crate::command::Actor;
use crate::event::Event;

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits")]
pub struct HashError;

/// One line of the proceedings as it is stored and published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Number, from 1 without gaps.
    pub sequence: Sequence,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// Hash of the line before; zero for the first.
    pub previous: Hash,
    /// Hash of this line, [`chain`] of all of the above.
    pub hash: Hash,
}

/// The hash of a line: SHA-256 over the previous hash and the canonical JSON of the line's
/// sequence, time, actor and event.
pub fn chain(
    previous: &Hash,
    sequence: Sequence,
    at: Timestamp,
    actor: &Actor,
    event: &Event,
) -> Hash {
    let _ = (previous, sequence, at, actor, event);
    todo!()
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Hash {
    type Err = HashError;
    fn from_str(text: &str) -> Result<Self, HashError> {
        let mut out = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(HashError);
        }
        for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| HashError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| HashError)?;
        }
        Ok(Self(out))
    }
}
