//! Who may be heard and seen by whom: the rule from which the media engine's routing follows.
//!
//! - Scheduled, closed: nobody, by nobody.
//! - Green room, suspended: people on stage hear and see each other; the audience gets nothing.
//! - Live: everybody (audience and stage alike) hears the holder of the floor, those who may
//!   answer, and moderators on stage, each while their microphone is on; sees the holder in the
//!   main picture and the others on stage as thumbnails, while their camera is on.

use base::PersonId;

use crate::state::EventState;

/// What a person publishes in one media session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Microphone and camera.
    Camera,
    /// A shared screen with its sound.
    Screen,
}

/// What one class of receivers is to get; who is not named is not forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hearing {
    /// Microphones that may be heard: the holder first, then those who may answer, then moderators.
    pub voices: Vec<PersonId>,
    /// Camera in the main picture.
    pub main: Option<PersonId>,
    /// Shared screen.
    pub screen: Option<PersonId>,
    /// Other cameras on stage, in the programme file's order of precedence.
    pub thumbnails: Vec<PersonId>,
}

impl EventState {
    /// What the audience is to hear and see.
    pub fn audience_hearing(&self) -> Hearing {
        todo!()
    }

    /// What people on stage are to hear and see.
    pub fn stage_hearing(&self) -> Hearing {
        todo!()
    }

    /// True when the server may accept a media session of this person: they are on stage, have
    /// been neither suspended nor removed, and the event is in its green room, live or suspended.
    pub fn may_publish(&self, person: &PersonId, source: Source) -> bool {
        let _ = (person, source);
        todo!()
    }

    /// True when the person may receive media at all: admitted, and the event is neither scheduled
    /// (except that people on stage may in the green room) nor closed.
    pub fn may_receive(&self, person: &PersonId) -> bool {
        let _ = person;
        todo!()
    }
}
