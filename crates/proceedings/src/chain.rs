//! The lines of the proceedings and the hash chain that binds each to the one before.

use base::{Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::command::Actor;
use crate::event::Event;

/// A SHA-256 digest, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
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

impl Line {
    /// The line that follows `tip`.
    pub fn after(tip: Tip, at: Timestamp, actor: Actor, event: Event) -> Self {
        let sequence = tip.sequence.next();
        let hash = chain(&tip.hash, sequence, at, &actor, &event);
        Self { sequence, at, actor, event, previous: tip.hash, hash }
    }

    /// The lines of several events that follow `tip`, in order.
    pub fn all_after(tip: Tip, at: Timestamp, actor: &Actor, events: Vec<Event>) -> Vec<Self> {
        let mut tip = tip;
        let mut lines = Vec::with_capacity(events.len());
        for event in events {
            let line = Self::after(tip, at, actor.clone(), event);
            tip = line.tip();
            lines.push(line);
        }
        lines
    }

    /// Where the proceedings stand after this line.
    pub fn tip(&self) -> Tip {
        Tip { sequence: self.sequence, hash: self.hash }
    }
}

/// The end of a chain of lines; the default is the end of the empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tip {
    /// Number of the last line.
    pub sequence: Sequence,
    /// Hash of the last line.
    pub hash: Hash,
}

/// Where proceedings are broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proceedings are broken at line {}: {why}", sequence.0)]
pub struct BrokenAt {
    /// Number of the first line that is not as it was written.
    pub sequence: Sequence,
    /// What is wrong with it.
    pub why: Broken,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The line is missing, or one stands in its place that does not belong there.
    #[error("a line is missing or out of its order")]
    Gap,
    /// The line does not name the hash of the one before.
    #[error("it does not continue the line before")]
    Previous,
    /// The line's own hash is not that of its content.
    #[error("its content does not match its hash")]
    Content,
    /// The first line does not create the event, or a later one does.
    #[error("the first line, and no other, creates the event")]
    Creation,
}

/// Checks whole proceedings, from their first line.
///
/// # Errors
/// Names the first line that is missing, moved or changed.
pub fn verify(lines: &[Line]) -> Result<(), BrokenAt> {
    verify_after(Tip::default(), lines).map(|_| ())
}

/// Checks the lines that follow `tip` and returns the new end, so that long proceedings can be
/// read and checked in parts.
///
/// # Errors
/// Names the first line that is missing, moved or changed.
pub fn verify_after(tip: Tip, lines: &[Line]) -> Result<Tip, BrokenAt> {
    let mut tip = tip;
    for line in lines {
        let sequence = tip.sequence.next();
        let creates = matches!(line.event, Event::EventCreated { .. });
        let hash = chain(&line.previous, line.sequence, line.at, &line.actor, &line.event);
        let why = if line.sequence != sequence {
            Some(Broken::Gap)
        } else if line.previous != tip.hash {
            Some(Broken::Previous)
        } else if line.hash != hash {
            Some(Broken::Content)
        } else if creates != (sequence == Sequence(1)) {
            Some(Broken::Creation)
        } else {
            None
        };
        if let Some(why) = why {
            return Err(BrokenAt { sequence, why });
        }
        tip = line.tip();
    }
    Ok(tip)
}

/// The hash of a line: SHA-256 over the 32 bytes of the previous hash and the canonical JSON of
/// the line's sequence, time, actor and event.
///
/// Canonical is the line's own JSON without `previous` and `hash`: no white space, fields in the
/// order in which the types declare them. A field that is added to an event later must therefore
/// be left out of the JSON where it is absent, or the lines of before would no longer verify.
pub fn chain(
    previous: &Hash,
    sequence: Sequence,
    at: Timestamp,
    actor: &Actor,
    event: &Event,
) -> Hash {
    #[derive(Serialize)]
    struct Content<'a> {
        sequence: Sequence,
        at: Timestamp,
        actor: &'a Actor,
        #[serde(flatten)]
        event: &'a Event,
    }
    let content = Content { sequence, at, actor, event };
    let mut digest = Digest(Sha256::new_with_prefix(previous.0));
    #[expect(
        clippy::expect_used,
        reason = "writing to a digest cannot fail, and every map key of these types is a string"
    )]
    serde_json::to_writer(&mut digest, &content).expect("an event is always JSON");
    Hash(digest.0.finalize().into())
}

/// Feeds what is written to it into SHA-256.
struct Digest(Sha256);

impl std::io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(HashError);
        }
        for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| HashError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| HashError)?;
        }
        Ok(Self(out))
    }
}
