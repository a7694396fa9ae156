//! Who may be heard and seen by whom: the rule from which the media engine's routing follows.
//!
//! - Scheduled, closed: nobody, by nobody.
//! - Green room, suspended: people on stage hear and see each other; the audience gets nothing.
//! - Live: everybody (audience and stage alike) hears the holder of the floor, those who may
//!   answer, and moderators on stage, each while their microphone is on; sees the holder in the
//!   main picture and the others on stage as thumbnails, while their camera is on.

use base::PersonId;

use crate::definition::RecordStatus;
use crate::state::{Admission, Attendance, EventState, Life, Microphone};

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

/// Whether what the audience hears and sees is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recording {
    /// Nothing is kept.
    #[default]
    Off,
    /// It is kept, and who spoke.
    Attributed,
    /// It is kept, but not who spoke.
    Unattributed,
}

impl EventState {
    /// Whether the recorder gets what the audience gets: while the event is live, on the record
    /// where the policy has recording, under the Chatham House Rule where it has that as well, off
    /// the record never.
    pub fn recording(&self) -> Recording {
        let policy = &self.definition.policy;
        match self.record_status() {
            _ if !policy.recording => Recording::Off,
            RecordStatus::OnTheRecord => Recording::Attributed,
            RecordStatus::ChathamHouseRule if policy.chatham_house_recorded => {
                Recording::Unattributed
            }
            RecordStatus::ChathamHouseRule | RecordStatus::OffTheRecord => Recording::Off,
        }
    }

    /// What the audience is to hear and see.
    pub fn audience_hearing(&self) -> Hearing {
        if self.life != Life::Live {
            return Hearing::default();
        }
        self.hearing(self.floor_voices())
    }

    /// What people on stage are to hear and see.
    pub fn stage_hearing(&self) -> Hearing {
        match self.life {
            Life::Scheduled | Life::Closed => Hearing::default(),
            Life::Live => self.audience_hearing(),
            Life::GreenRoom | Life::Suspended => {
                let mut voices = self.floor_voices();
                voices.extend(self.stage_by_precedence());
                self.hearing(voices)
            }
        }
    }

    /// True when the server may accept a media session of this person: they are on stage, have
    /// been neither suspended nor removed, and the event is in its green room, live or suspended;
    /// for a screen they also have the right to share one.
    pub fn may_publish(&self, person: &PersonId, source: Source) -> bool {
        let open = matches!(self.life, Life::GreenRoom | Life::Live | Life::Suspended);
        let on_stage = self.people.get(person).is_some_and(|attendance| {
            attendance.is_on_stage() && attendance.admission == Admission::Admitted
        });
        open && on_stage
            && match source {
                Source::Camera => true,
                Source::Screen => self.may_share_screen(person),
            }
    }

    /// True when the person may share a screen: they are on stage and have the floor, may answer,
    /// or moderate.
    pub fn may_share_screen(&self, person: &PersonId) -> bool {
        self.people.get(person).is_some_and(|attendance| {
            attendance.is_on_stage()
                && (attendance.person.moderates()
                    || self.has_floor(person)
                    || self.answering.contains(person))
        })
    }

    /// True when the person has the floor.
    pub fn has_floor(&self, person: &PersonId) -> bool {
        self.floor.as_ref().is_some_and(|grant| grant.person == *person)
    }

    /// True when the person may receive media at all: admitted, and the event is live or
    /// suspended; in the green room only people on stage may.
    pub fn may_receive(&self, person: &PersonId) -> bool {
        self.people.get(person).is_some_and(|attendance| {
            attendance.admission == Admission::Admitted
                && match self.life {
                    Life::Scheduled | Life::Closed => false,
                    Life::GreenRoom => attendance.is_on_stage(),
                    Life::Live | Life::Suspended => true,
                }
        })
    }

    /// People on stage in the programme file's order; those not in the file follow in the order
    /// in which they came.
    fn stage_by_precedence(&self) -> Vec<PersonId> {
        let mut stage = self.stage.clone();
        let place = |id: &PersonId| {
            let people = &self.definition.people;
            people.iter().position(|person| person.id == *id).unwrap_or(people.len())
        };
        stage.sort_by_cached_key(place);
        stage
    }

    /// The holder of the floor, those who may answer, moderators on stage.
    fn floor_voices(&self) -> Vec<PersonId> {
        let holder = self.floor.iter().map(|grant| grant.person.clone());
        let moderators = self.stage_by_precedence().into_iter().filter(|person| {
            self.people.get(person).is_some_and(|attendance| attendance.person.moderates())
        });
        holder.chain(self.answering.iter().cloned()).chain(moderators).collect()
    }

    /// A hearing of those among `voices` (each taken once) whose microphone is on, and of all
    /// cameras and the screen on stage.
    fn hearing(&self, voices: Vec<PersonId>) -> Hearing {
        let on_stage = |person: &PersonId, test: fn(&Attendance) -> bool| {
            self.people
                .get(person)
                .is_some_and(|attendance| attendance.is_on_stage() && test(attendance))
        };
        let mut hearing = Hearing::default();
        for person in voices {
            let audible = on_stage(&person, |attendance| attendance.microphone == Microphone::On);
            if audible && !hearing.voices.contains(&person) {
                hearing.voices.push(person);
            }
        }
        for person in self.stage_by_precedence() {
            if on_stage(&person, |attendance| attendance.screen) {
                hearing.screen = Some(person.clone());
            }
            if on_stage(&person, |attendance| attendance.camera) {
                if self.has_floor(&person) {
                    hearing.main = Some(person);
                } else {
                    hearing.thumbnails.push(person);
                }
            }
        }
        hearing
    }
}
