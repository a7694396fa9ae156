//! Events in the making. One act on the stage entails others (who leaves the stage gives the
//! floor back, whose floor ends stops sharing a screen); the draft keeps the few facts about the
//! stage that these follow from, without copying a state of many thousand people.

use base::{Millis, PersonId, limits::STAGE_MAX};

use crate::{Event, EventState, Refusal, Segment, StagePlace};

pub(super) struct Draft<'a> {
    state: &'a EventState,
    events: Vec<Event>,
    segment: Option<&'a Segment>,
    /// A segment began in this draft, so nobody was heard in it yet.
    fresh: bool,
    floor: Option<PersonId>,
    answering: Vec<PersonId>,
    /// Who is on stage, and whether as a guest.
    stage: Vec<(PersonId, bool)>,
    sharing: Option<PersonId>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(state: &'a EventState) -> Self {
        let attendance = |person: &PersonId| state.people.get(person);
        let stage = state.stage.iter().map(|person| {
            let guest = attendance(person).is_some_and(|a| a.stage == StagePlace::Guest);
            (person.clone(), guest)
        });
        let sharing =
            state.stage.iter().find(|person| attendance(person).is_some_and(|a| a.screen));
        Self {
            state,
            events: Vec::new(),
            segment: state.programme.current.and_then(|at| state.definition.segments.get(at)),
            fresh: false,
            floor: state.floor.as_ref().map(|grant| grant.person.clone()),
            answering: state.answering.clone(),
            stage: stage.collect(),
            sharing: sharing.cloned(),
        }
    }

    /// The events, with the shared screen ended if its owner lost the right to share.
    pub(super) fn finish(mut self) -> Vec<Event> {
        if let Some(person) = &self.sharing {
            let moderates =
                self.state.people.get(person).is_some_and(|other| other.person.moderates());
            let may = moderates || self.has_floor(person) || self.answering.contains(person);
            if !may {
                self.end_screen(&person.clone());
            }
        }
        self.events
    }

    pub(super) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(super) fn has_floor(&self, person: &PersonId) -> bool {
        self.floor.as_ref() == Some(person)
    }

    pub(super) fn is_on_stage(&self, person: &PersonId) -> bool {
        self.stage.iter().any(|(other, _)| other == person)
    }

    /// Puts the person on the stage, or makes a guest there a member.
    pub(super) fn enter(&mut self, person: &PersonId, guest: bool) -> Result<(), Refusal> {
        if let Some(place) = self.stage.iter_mut().find(|(other, _)| other == person) {
            place.1 = guest;
        } else if self.stage.len() < STAGE_MAX {
            self.stage.push((person.clone(), guest));
        } else {
            return Err(Refusal::StageFull);
        }
        self.push(Event::StageEntered { person: person.clone(), guest });
        Ok(())
    }

    /// Takes the person from the stage with all that they may do there. Does nothing when they
    /// are not on stage.
    pub(super) fn leave(&mut self, person: &PersonId) {
        if !self.is_on_stage(person) {
            return;
        }
        if self.has_floor(person) {
            self.floor = None;
            self.push(Event::FloorTaken { person: person.clone() });
        }
        self.answer(person, false);
        self.end_screen(person);
        self.stage.retain(|(other, _)| other != person);
        self.push(Event::StageLeft { person: person.clone() });
    }

    /// Gives the floor, which must be with nobody, to a person on stage.
    pub(super) fn give_floor(&mut self, person: &PersonId, limit: Option<Millis>) {
        self.lower_hand(person);
        self.floor = Some(person.clone());
        self.push(Event::FloorGiven { person: person.clone(), limit });
    }

    /// Takes the floor from whoever has it; a guest leaves the stage with it.
    pub(super) fn take_floor(&mut self) {
        let Some(holder) = self.floor.take() else { return };
        self.push(Event::FloorTaken { person: holder.clone() });
        if self.stage.contains(&(holder.clone(), true)) {
            self.leave(&holder);
        }
    }

    /// Lets a person answer or ends that, unless it is so already.
    pub(super) fn answer(&mut self, person: &PersonId, allowed: bool) {
        if self.answering.contains(person) == allowed {
            return;
        }
        if allowed {
            self.answering.push(person.clone());
        } else {
            self.answering.retain(|other| other != person);
        }
        self.push(Event::AnsweringChanged { person: person.clone(), allowed });
    }

    pub(super) fn lower_hand(&mut self, person: &PersonId) {
        if self.state.hands.iter().any(|hand| hand.person == *person) {
            self.push(Event::HandLowered { person: person.clone() });
        }
    }

    /// Ends the present segment, if any, with the floor and all answering.
    pub(super) fn end_segment(&mut self) {
        self.take_floor();
        for person in self.answering.clone() {
            self.answer(&person, false);
        }
        if let Some(segment) = self.segment.take() {
            self.push(Event::SegmentEnded { segment: segment.id.clone() });
        }
    }

    /// Begins `segment` and gives those whom it names and who are on stage their rights.
    pub(super) fn begin_segment(&mut self, segment: &'a Segment) {
        self.push(Event::SegmentBegan { segment: segment.id.clone() });
        self.segment = Some(segment);
        self.fresh = true;
        for person in &segment.floor {
            self.welcome(person);
        }
    }

    /// Gives a person on stage what the present segment gives them: to answer where the floor is
    /// open, else the floor to the one named first. Each person gets it by themselves only once in
    /// a run of a segment.
    pub(super) fn welcome(&mut self, person: &PersonId) {
        let Some(segment) = self.segment else { return };
        let heard = !self.fresh && self.state.programme.heard.contains(person);
        if heard || !self.is_on_stage(person) {
            return;
        }
        if segment.kind.floor_is_open() {
            if segment.floor.contains(person) {
                self.answer(person, true);
            }
        } else if segment.floor.first() == Some(person) && self.floor.is_none() {
            self.give_floor(person, None);
        }
    }

    fn end_screen(&mut self, person: &PersonId) {
        if self.sharing.as_ref() == Some(person) {
            self.sharing = None;
            self.push(Event::ScreenChanged { person: person.clone(), on: false });
        }
    }
}
