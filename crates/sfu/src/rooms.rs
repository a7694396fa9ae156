//! One event on a worker: its forwarding core, and who the numbers in the core are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use base::limits::{FLOOR_VOICES_MAX, THUMBNAILS_MAX};
use base::{EventId, PersonId};
use forwarding::sink::Subscriber;
use forwarding::{Class, Micros, Owner, ReceiverId, Room, Seats, SlotKind, TrackId, TrackKind};

use crate::directory::Interest;
use crate::listening::Audible;
use crate::ring::Ring;
use crate::taps::Taps;
use crate::types::{Hearing, ReceiverClass, Slots, StagePlan};

/// What a person is sending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) microphone: bool,
    pub(crate) camera: bool,
    pub(crate) screen: bool,
}

/// Where a track comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin {
    /// From a publisher of this worker.
    Here {
        /// The publisher's place in the worker's table.
        peer: usize,
        kind: TrackKind,
    },
    /// From a publisher of another worker.
    Elsewhere {
        worker: usize,
        /// Its number there.
        track: TrackId,
    },
}

/// A track that another worker passes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RemoteSource {
    /// Its number in the core here.
    pub(crate) id: TrackId,
    pub(crate) last_packet: Instant,
}

/// Who hears one class without a peer.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) receiver: ReceiverId,
    pub(crate) class: Class,
    pub(crate) audible: Audible,
}

/// One event.
pub(crate) struct EventRoom {
    pub(crate) id: EventId,
    pub(crate) core: Room,
    pub(crate) deadline: Option<Micros>,
    /// What was forwarded lately, for repairs.
    pub(crate) ring: Ring,
    /// Which workers want the packets of this event.
    pub(crate) interest: Arc<Interest>,
    /// Tracks that other workers pass on, by the worker and their number there. At most as many as
    /// the core takes.
    pub(crate) remote_tracks: HashMap<(usize, TrackId), RemoteSource>,
    /// At most one for each class.
    pub(crate) listeners: Vec<Listeners>,
    owners: HashMap<PersonId, Owner>,
    people: Vec<PersonId>,
    receivers: Vec<usize>,
    tracks: Vec<Option<Origin>>,
    sending: HashMap<Owner, Sending>,
    /// What is kept of this event.
    pub(crate) taps: Taps,
    /// Whether the server has told a plan that is not empty: then the room stays without peers.
    planned: bool,
}

impl EventRoom {
    pub(crate) fn new(
        id: EventId,
        interest: Arc<Interest>,
        subscriber: Option<Arc<dyn Subscriber>>,
    ) -> Self {
        Self {
            taps: Taps::new(id.clone(), subscriber),
            id,
            core: Room::new(),
            deadline: None,
            ring: Ring::default(),
            interest,
            remote_tracks: HashMap::new(),
            listeners: Vec::new(),
            owners: HashMap::new(),
            people: Vec::new(),
            receivers: Vec::new(),
            tracks: Vec::new(),
            sending: HashMap::new(),
            planned: false,
        }
    }

    /// The number of a person in the core.
    pub(crate) fn owner(&mut self, person: &PersonId) -> Owner {
        if let Some(owner) = self.owners.get(person) {
            return *owner;
        }
        let owner = Owner(u32::try_from(self.people.len()).unwrap_or(u32::MAX));
        self.owners.insert(person.clone(), owner);
        self.people.push(person.clone());
        owner
    }

    /// The person with this number.
    pub(crate) fn person(&self, owner: Owner) -> Option<PersonId> {
        self.people.get(owner.0 as usize).cloned()
    }

    pub(crate) fn set_plan(&mut self, now: Micros, plan: &StagePlan) {
        self.planned = *plan != StagePlan::default();
        let [audience, stage] = [&plan.audience, &plan.stage].map(|hearing| self.hearing(hearing));
        self.taps.set_plan(plan.record, &audience);
        self.core.set_plan(now, audience, stage);
    }

    fn hearing(&mut self, hearing: &Hearing) -> forwarding::Hearing {
        let mut owners =
            |people: &[PersonId]| people.iter().map(|person| self.owner(person)).collect();
        forwarding::Hearing {
            voices: owners(&hearing.voices),
            thumbnails: owners(&hearing.thumbnails),
            main: hearing.main.as_ref().map(|person| self.owner(person)),
            screen: hearing.screen.as_ref().map(|person| self.owner(person)),
        }
    }

    pub(crate) fn set_receiver(&mut self, id: ReceiverId, peer: usize) {
        if self.receivers.len() <= id.index() {
            self.receivers.resize(id.index() + 1, usize::MAX);
        }
        self.receivers[id.index()] = peer;
    }

    pub(crate) fn receiver(&self, id: ReceiverId) -> Option<usize> {
        self.receivers.get(id.index()).copied()
    }

    pub(crate) fn set_track(&mut self, id: TrackId, origin: Option<Origin>) {
        if self.tracks.len() <= id.index() {
            self.tracks.resize(id.index() + 1, None);
        }
        self.tracks[id.index()] = origin;
    }

    pub(crate) fn track(&self, id: TrackId) -> Option<Origin> {
        self.tracks.get(id.index()).copied().flatten()
    }

    /// Notes what a person is sending; says whether that is news.
    pub(crate) fn note_sending(&mut self, owner: Owner, sending: Sending) -> bool {
        let known = self.sending.insert(owner, sending).unwrap_or_default();
        if sending == Sending::default() {
            self.sending.remove(&owner);
        }
        known != sending
    }

    /// Whether there is nothing left to keep the room for.
    pub(crate) fn is_over(&self) -> bool {
        !self.planned && self.core.is_empty()
    }

    /// The core's seats with names.
    pub(crate) fn slots(&self, seats: &Seats) -> Slots {
        let at = |kind: SlotKind| seats[kind.index()].and_then(|owner| self.person(owner));
        let number = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
        Slots {
            voices: std::array::from_fn::<_, FLOOR_VOICES_MAX, _>(|n| {
                at(SlotKind::Voice(number(n)))
            }),
            main: at(SlotKind::Main),
            screen: at(SlotKind::Screen),
            thumbnails: std::array::from_fn::<_, THUMBNAILS_MAX, _>(|n| {
                at(SlotKind::Thumbnail(number(n)))
            }),
        }
    }
}

pub(crate) const fn class_in_core(class: ReceiverClass) -> Class {
    match class {
        ReceiverClass::Audience => Class::Audience,
        ReceiverClass::Stage => Class::Stage,
    }
}

pub(crate) const fn class_for_server(class: Class) -> ReceiverClass {
    match class {
        Class::Audience => ReceiverClass::Audience,
        Class::Stage => ReceiverClass::Stage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Directory;

    fn empty() -> EventRoom {
        let event = EventId::new("e").expect("an id");
        let interest = Directory::new(1).interest(&event);
        EventRoom::new(event, interest, None)
    }

    #[test]
    fn people_keep_their_numbers() {
        let person = |name: &str| PersonId::new(name).expect("an id");
        let mut room = empty();
        let kazi = room.owner(&person("kazi"));
        let ganich = room.owner(&person("ganich"));
        assert_eq!(room.owner(&person("kazi")), kazi);
        assert_eq!(room.person(ganich), Some(person("ganich")));
        assert_eq!(room.person(Owner(7)), None);

        let mut seats: Seats = Default::default();
        seats[SlotKind::Voice(1).index()] = Some(kazi);
        seats[SlotKind::Main.index()] = Some(ganich);
        let slots = room.slots(&seats);
        assert_eq!(slots.voices, [None, Some(person("kazi")), None]);
        assert_eq!(slots.main, Some(person("ganich")));
    }

    #[test]
    fn a_planned_room_outlives_its_peers() {
        let mut room = empty();
        assert!(room.is_over());
        let mut plan = StagePlan::default();
        plan.audience.main = PersonId::new("ganich").ok();
        room.set_plan(Micros(0), &plan);
        assert!(!room.is_over());
        room.set_plan(Micros(0), &StagePlan::default());
        assert!(room.is_over());
    }
}
