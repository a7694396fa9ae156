//! The words between the media engine and the server.

use std::fmt;
use std::str::FromStr;

use base::limits::{FLOOR_VOICES_MAX, THUMBNAILS_MAX};
use base::{EventId, PersonId};
pub use forwarding::sink::{Record, Several, Subscriber};

/// What a publishing session carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Microphone and camera of a person.
    Camera,
    /// A shared screen, with its sound if it has any.
    Screen,
}

/// Which hearing of a plan applies to a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReceiverClass {
    /// Those who watch and listen.
    Audience,
    /// Those on stage or in the green room.
    Stage,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It sends media to the server.
    Publishing(Source),
    /// It receives media from the server, beginning in this class.
    Receiving(ReceiverClass),
}

/// The name of a session: 128 random bits, written as 32 hexadecimal digits. Whoever knows it may
/// end the session, so it stands in URLs but not in logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u128);

impl SessionId {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// A number for the clock of the session's sender, from which the session cannot be told.
    pub(crate) fn clock(self) -> u64 {
        let bytes = self.0.to_be_bytes();
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hasher::write(&mut hasher, &bytes);
        std::hash::Hasher::finish(&hasher)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// The text is not the name of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session is named by 32 hexadecimal digits")]
pub struct SessionIdError;

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, SessionIdError> {
        let digits =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits {
            return Err(SessionIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| SessionIdError)
    }
}

/// How good a person's line is; the worse the greater. `quality.rs` says what the steps mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Nothing to notice.
    Good,
    /// It can be noticed, and followed.
    Fair,
    /// Hard to follow.
    Poor,
    /// Nothing comes any more.
    Lost,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its person or the server asked for it.
    Asked,
    /// The other side closed the connection.
    Closed,
    /// Nothing came from it any more.
    Silent,
    /// It never got through.
    NeverConnected,
    /// An error in it.
    Failed,
    /// Its engine panicked.
    Panicked,
}

impl Ended {
    /// All causes, in the order of [`crate::Statistics::ended`].
    pub const ALL: [Self; 6] = [
        Self::Asked,
        Self::Closed,
        Self::Silent,
        Self::NeverConnected,
        Self::Failed,
        Self::Panicked,
    ];
}

/// The answer to an offer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The new session.
    pub session: SessionId,
    /// The SDP answer.
    pub sdp: String,
    /// Whose session it is; only they may change or end it.
    pub owner: PersonId,
}

/// What everybody may hear and see, derived from the proceedings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StagePlan {
    /// For those who watch and listen.
    pub audience: Hearing,
    /// For those on stage.
    pub stage: Hearing,
    /// Whether what the audience gets is kept too.
    pub record: Record,
}

/// What one class of receivers gets. Anything not named here is not forwarded to that class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hearing {
    /// Microphones that may be heard. Up to [`FLOOR_VOICES_MAX`] are heard at once; when there are
    /// more, the loudest are.
    pub voices: Vec<PersonId>,
    /// Whose camera is the main picture.
    pub main: Option<PersonId>,
    /// Whose screen is shown; its sound takes a voice slot that is free.
    pub screen: Option<PersonId>,
    /// Other cameras, at most [`THUMBNAILS_MAX`].
    pub thumbnails: Vec<PersonId>,
}

/// Who is in which slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    /// The voices.
    pub voices: [Option<PersonId>; FLOOR_VOICES_MAX],
    /// The main picture.
    pub main: Option<PersonId>,
    /// The shared screen.
    pub screen: Option<PersonId>,
    /// The small pictures.
    pub thumbnails: [Option<PersonId>; THUMBNAILS_MAX],
}

/// What happened in the media path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SfuEvent {
    /// A session's media path is up: ICE and DTLS are through.
    Connected {
        /// In which event.
        event: EventId,
        /// Whose.
        person: PersonId,
        /// Which.
        session: SessionId,
        /// What for.
        kind: Kind,
    },
    /// A session that was connected is over: it was ended, closed, or stopped answering.
    Gone {
        /// In which event.
        event: EventId,
        /// Whose.
        person: PersonId,
        /// Which.
        session: SessionId,
        /// What for.
        kind: Kind,
    },
    /// What a publisher is sending right now. Told when it changes.
    Tracks {
        /// In which event.
        event: EventId,
        /// Whose.
        person: PersonId,
        /// Sound of a microphone arrives.
        microphone: bool,
        /// A camera's picture arrives.
        camera: bool,
        /// A shared screen arrives.
        screen: bool,
    },
    /// The slots of a class carry other persons than before.
    Slots {
        /// In which event.
        event: EventId,
        /// Of which class.
        class: ReceiverClass,
        /// Who is in them now.
        slots: Slots,
    },
    /// Other persons are audibly speaking than before, the loudest first. At most four times a
    /// second.
    Speaking {
        /// In which event.
        event: EventId,
        /// Who.
        persons: Vec<PersonId>,
    },
    /// The line of a connected session is better or worse than before. At most every two seconds
    /// for each.
    Quality {
        /// In which event.
        event: EventId,
        /// Whose.
        person: PersonId,
        /// Of which session.
        session: SessionId,
        /// How good it is now.
        quality: Quality,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_are_read_back() {
        let session = SessionId::random();
        assert_eq!(session.to_string().parse(), Ok(session));
        for bad in
            ["", "12", "+0000000000000000000000000000001", "G0000000000000000000000000000000"]
        {
            assert_eq!(bad.parse::<SessionId>(), Err(SessionIdError), "{bad}");
        }
        assert_eq!(format!("{session:?}"), "SessionId(…)", "it must not reach a log");
    }
}
