//! What people were promised about who is heard and seen, as a small model that the director
//! moves along with his commands. Pure, and on purpose not the server's own code.

use std::collections::BTreeSet;

use base::PersonId;
use proceedings::Segment;

use super::timeline::Expected;
use crate::reception::VOICE_SLOTS;

/// Stages of an event in which media differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before the opening: the stage hears itself.
    GreenRoom,
    /// Everybody hears the floor.
    Live,
    /// The audience hears nothing.
    Suspended,
    /// Nobody hears anything.
    Closed,
}

/// The stage as the director has set it.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) phase: Phase,
    /// People on stage; guests come last.
    stage: Vec<PersonId>,
    moderators: BTreeSet<PersonId>,
    guest: Option<PersonId>,
    holder: Option<PersonId>,
    answering: Vec<PersonId>,
    microphones: BTreeSet<PersonId>,
    cameras: BTreeSet<PersonId>,
    screen: Option<PersonId>,
    /// Whose media arrive at the server.
    publishing: BTreeSet<PersonId>,
}

impl Model {
    pub(super) fn new(moderators: BTreeSet<PersonId>) -> Self {
        Self {
            phase: Phase::GreenRoom,
            stage: Vec::new(),
            moderators,
            guest: None,
            holder: None,
            answering: Vec::new(),
            microphones: BTreeSet::new(),
            cameras: BTreeSet::new(),
            screen: None,
            publishing: BTreeSet::new(),
        }
    }

    pub(super) fn enter(&mut self, person: &PersonId) {
        self.stage.push(person.clone());
    }

    pub(super) fn publishes(&mut self, person: &PersonId) {
        self.publishing.insert(person.clone());
    }

    pub(super) fn set_microphone(&mut self, person: &PersonId, on: bool) {
        set(&mut self.microphones, person, on);
    }

    pub(super) fn set_camera(&mut self, person: &PersonId, on: bool) {
        set(&mut self.cameras, person, on);
    }

    pub(super) fn set_screen(&mut self, person: Option<&PersonId>) {
        self.screen = person.cloned();
    }

    pub(super) fn microphone(&self, person: &PersonId) -> bool {
        self.microphones.contains(person)
    }

    pub(super) fn moderates(&self, person: &PersonId) -> bool {
        self.moderators.contains(person)
    }

    pub(super) fn holder(&self) -> Option<&PersonId> {
        self.holder.as_ref()
    }

    pub(super) fn answering(&self) -> &[PersonId] {
        &self.answering
    }

    pub(super) fn is_on_stage(&self, person: &PersonId) -> bool {
        self.stage.contains(person)
    }

    /// Who gets the floor by themselves when `segment` begins.
    pub(super) fn first_of<'a>(&self, segment: &'a Segment) -> Option<&'a PersonId> {
        let first = segment.floor.first().filter(|_| !segment.kind.floor_is_open());
        first.filter(|person| self.is_on_stage(person))
    }

    /// The floor opens the holder's microphone; who is not on stage comes there as a guest.
    pub(super) fn give_floor(&mut self, person: &PersonId) {
        self.take_floor();
        if !self.is_on_stage(person) {
            self.stage.push(person.clone());
            self.guest = Some(person.clone());
        }
        self.holder = Some(person.clone());
        self.microphones.insert(person.clone());
    }

    /// Who loses the floor is silent until they turn their microphone on again, unless they
    /// moderate; a guest leaves the stage; a screen that may no longer be shared ends.
    pub(super) fn take_floor(&mut self) {
        let Some(holder) = self.holder.take() else { return };
        if !self.moderates(&holder) {
            self.microphones.remove(&holder);
            if self.screen.as_ref() == Some(&holder) && !self.answering.contains(&holder) {
                self.screen = None;
            }
        }
        if self.guest.as_ref() == Some(&holder) {
            self.guest = None;
            self.stage.retain(|other| *other != holder);
            self.cameras.remove(&holder);
            self.publishing.remove(&holder);
        }
    }

    pub(super) fn begin(&mut self, segment: &Segment) {
        self.answering.clear();
        self.take_floor();
        if segment.kind.floor_is_open() {
            let on_stage = |person: &&PersonId| self.stage.contains(person);
            self.answering = segment.floor.iter().filter(on_stage).cloned().collect();
        } else if let Some(first) = self.first_of(segment).cloned() {
            self.give_floor(&first);
        }
    }

    pub(super) fn close(&mut self) {
        self.phase = Phase::Closed;
        self.holder = None;
        self.answering.clear();
        self.stage.clear();
        self.screen = None;
    }

    /// What the stage and the audience may and must get now.
    pub(super) fn expected(&self) -> (Expected, Expected) {
        match self.phase {
            Phase::Live => {
                let floor = self.floor_voices();
                let audience = self.expect(&floor, &floor[..floor.len().min(VOICE_SLOTS)]);
                // On stage the loudest get the slots when there are too few.
                let stage =
                    self.expect(&floor, if floor.len() > VOICE_SLOTS { &[] } else { &floor });
                (stage, audience)
            }
            Phase::GreenRoom | Phase::Suspended => {
                let mut voices = self.floor_voices();
                let others = self.stage.iter().filter(|person| self.microphone(person)).cloned();
                for person in others {
                    if !voices.contains(&person) {
                        voices.push(person);
                    }
                }
                let required = if voices.len() > VOICE_SLOTS { &[][..] } else { &voices };
                (self.expect(&voices, required), Expected::default())
            }
            Phase::Closed => (Expected::default(), Expected::default()),
        }
    }

    /// Holder, those who may answer, moderators on stage, each with the microphone on.
    fn floor_voices(&self) -> Vec<PersonId> {
        let moderators = self.stage.iter().filter(|person| self.moderates(person));
        let mut voices = Vec::new();
        for person in self.holder.iter().chain(&self.answering).chain(moderators) {
            if self.microphone(person) && !voices.contains(person) {
                voices.push(person.clone());
            }
        }
        voices
    }

    fn expect(&self, allowed: &[PersonId], required: &[PersonId]) -> Expected {
        let sends = |person: &&PersonId| self.publishing.contains(*person);
        let seen =
            |person: &&PersonId| self.stage.contains(person) && self.cameras.contains(*person);
        let main = self.holder.as_ref().filter(seen).filter(sends);
        Expected {
            allowed: allowed.iter().cloned().collect(),
            required: required.iter().filter(sends).cloned().collect(),
            main: main.cloned(),
            screen: self.screen.clone(),
            pictures: self
                .stage
                .iter()
                .filter(seen)
                .filter(|person| Some(*person) != self.holder.as_ref())
                .cloned()
                .collect(),
        }
    }
}

fn set(people: &mut BTreeSet<PersonId>, person: &PersonId, on: bool) {
    if on {
        people.insert(person.clone());
    } else {
        people.remove(person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proceedings::{RecordStatus, SegmentKind};

    fn person(name: &str) -> PersonId {
        PersonId::new(name).expect("an id")
    }

    fn people(names: &[&str]) -> BTreeSet<PersonId> {
        names.iter().map(|name| person(name)).collect()
    }

    fn segment(kind: SegmentKind, floor: &str) -> Segment {
        Segment {
            id: base::SegmentId::new("segment").expect("an id"),
            kind,
            title: None,
            planned: base::Millis::from_minutes(1),
            floor: vec![person(floor)],
            record_status: RecordStatus::OnTheRecord,
        }
    }

    fn stage() -> Model {
        let mut model = Model::new(people(&["kazi"]));
        for name in ["kazi", "ganich", "sehgal"] {
            let person = person(name);
            model.enter(&person);
            model.set_microphone(&person, true);
            model.set_camera(&person, true);
            model.publishes(&person);
        }
        model
    }

    #[test]
    fn the_green_room_is_not_heard_outside() {
        let (stage, audience) = stage().expected();
        assert_eq!(stage.required, people(&["kazi", "ganich", "sehgal"]));
        assert_eq!(audience, Expected::default());
    }

    #[test]
    fn the_audience_hears_the_floor_and_moderators_until_it_is_taken() {
        let mut model = stage();
        model.phase = Phase::Live;
        model.begin(&segment(SegmentKind::PlenaryAddress, "ganich"));
        let (_, audience) = model.expected();
        assert_eq!(audience.required, people(&["ganich", "kazi"]));
        assert_eq!(audience.main, Some(person("ganich")));
        assert_eq!(audience.pictures, people(&["kazi", "sehgal"]));
        model.set_microphone(&person("kazi"), false);
        model.take_floor();
        let (_, audience) = model.expected();
        assert_eq!((audience.allowed.len(), audience.main), (0, None));
    }

    #[test]
    fn a_guest_comes_with_the_floor_and_goes_with_it() {
        let mut model = stage();
        model.phase = Phase::Live;
        model.begin(&segment(SegmentKind::Questions, "ganich"));
        assert_eq!(model.answering(), [person("ganich")]);
        model.give_floor(&person("mirza"));
        let (_, audience) = model.expected();
        assert!(audience.allowed.contains(&person("mirza")));
        assert!(!audience.required.contains(&person("mirza")), "does not publish yet");
        model.publishes(&person("mirza"));
        assert!(model.expected().1.required.contains(&person("mirza")));
        model.take_floor();
        assert!(!model.is_on_stage(&person("mirza")));
        assert_eq!(model.expected().1.allowed, people(&["ganich", "kazi"]));
    }
}
