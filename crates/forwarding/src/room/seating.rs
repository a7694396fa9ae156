//! Who sits in which slot, and which layer of it each receiver gets.

use super::{ClassState, Held, Link, Room, SHORTAGE_MIN};
use crate::allocation::{Allocation, Keeping, Ladder, Pick, allocate};
use crate::plan::{Class, Hearing, SLOTS, Seating, SlotKind, VOICES, seat, seat_voices};
use crate::track::TrackKind;
use crate::units::Owner;

impl Room {
    fn find_track(&self, owner: Owner, kind: TrackKind) -> Option<u16> {
        let newest = self
            .tracks
            .iter()
            .enumerate()
            .filter_map(|(index, track)| Some((index, track.as_ref()?)))
            .filter(|(_, track)| track.owner == owner && track.kind == kind)
            .max_by_key(|(_, track)| track.number)?;
        u16::try_from(newest.0).ok()
    }

    pub(super) fn reseat_all(&mut self) {
        for class in Class::ALL {
            self.reseat(class);
        }
    }

    /// Decides anew which track sits in which slot of a class, and gives every receiver of the
    /// class its share.
    pub(super) fn reseat(&mut self, class: Class) {
        let seating = if self.follows { self.permitted(class) } else { self.seating(class) };
        let hearing = &self.classes[class.index()].hearing;
        let find =
            |owner: Option<Owner>, kind| owner.and_then(|owner| self.find_track(owner, kind));
        let mut seats = [None; SLOTS];
        for (slot, owner) in seating.voices.into_iter().enumerate() {
            seats[slot] = find(owner, TrackKind::Microphone);
        }
        // From the end, where the next voice will come last.
        if let Some(free) = seats[..VOICES].iter_mut().rev().find(|seat| seat.is_none()) {
            *free = find(hearing.screen, TrackKind::ScreenSound);
        }
        seats[SlotKind::Main.index()] = find(hearing.main, TrackKind::Camera);
        seats[SlotKind::Screen.index()] = find(hearing.screen, TrackKind::Screen);
        let first = SlotKind::Thumbnail(0).index();
        for (slot, owner) in seating.thumbnails.into_iter().enumerate() {
            seats[first + slot] = find(owner, TrackKind::Camera);
        }

        let state = &mut self.classes[class.index()];
        if !self.follows {
            state.seating = seating;
        }
        state.seats = seats;
        for receiver in 0..self.receivers.len() {
            if self.receivers[receiver].as_ref().is_some_and(|r| r.class == class) {
                self.assign(receiver);
            }
        }
        self.update_shown(class);
    }

    /// Seats the voices and small pictures of a class, who sits stays seated.
    fn seating(&self, class: Class) -> Seating {
        let state = &self.classes[class.index()];
        let Hearing { voices, thumbnails, .. } = &state.hearing;
        let sending = |owners: &[Owner], kind| -> Vec<Owner> {
            owners.iter().copied().filter(|o| self.find_track(*o, kind).is_some()).collect()
        };
        let mut seating = state.seating;
        let candidates = sending(voices, TrackKind::Microphone);
        seat_voices(&mut seating.voices, &candidates, |owner| {
            let track = self.find_track(owner, TrackKind::Microphone);
            let track = track.and_then(|at| self.tracks[usize::from(at)].as_ref());
            track.map_or((false, 0), |t| (t.voice.is_speaking(self.now), t.voice.loudness()))
        });
        seat(&mut seating.thumbnails, &sending(thumbnails, TrackKind::Camera));
        seating
    }

    /// The seating that was told, without those whom the plan does not name.
    fn permitted(&self, class: Class) -> Seating {
        let ClassState { hearing, seating, .. } = &self.classes[class.index()];
        Seating {
            voices: seating.voices.map(|seat| seat.filter(|o| hearing.voices.contains(o))),
            thumbnails: seating
                .thumbnails
                .map(|seat| seat.filter(|o| hearing.thumbnails.contains(o))),
        }
    }

    /// A track has a new layer: those who watch it choose again.
    pub(super) fn assign_watchers_of(&mut self, track: u16) {
        for receiver in 0..self.receivers.len() {
            let watches = self.receivers[receiver].as_ref().is_some_and(|receiver| {
                self.classes[receiver.class.index()].seats.contains(&Some(track))
            });
            if watches {
                self.assign(receiver);
            }
        }
    }

    /// The track seated in this slot, if the receiver has the slot, can decode the track, and is
    /// not its owner.
    fn seated(&self, receiver: usize, slot: usize) -> Option<u16> {
        let who = self.receivers[receiver].as_ref()?;
        let seat = self.classes[who.class.index()].seats[slot]?;
        let track = self.tracks[usize::from(seat)].as_ref()?;
        let present = self.slots[receiver * SLOTS + slot].present;
        (present && track.owner != who.owner && who.formats.contains(track.format)).then_some(seat)
    }

    /// What could be sent in each slot of a receiver, and what of it is.
    fn ladders(&self, receiver: usize) -> [Ladder; SLOTS] {
        let mut ladders = [Ladder::default(); SLOTS];
        for kind in SlotKind::ALL.into_iter().filter(|kind| !kind.is_audio()) {
            let Some(seat) = self.seated(receiver, kind.index()) else { continue };
            let Some(track) = self.tracks[usize::from(seat)].as_ref() else { continue };
            let ladder = &mut ladders[kind.index()];
            *ladder = track.ladder;
            let slot = &self.slots[receiver * SLOTS + kind.index()];
            ladder.held = slot.steadiness.holds(self.now, seat);
            let of_track = |held: &Held| held.link.track == seat;
            ladder.runs = slot.running.as_ref().is_some_and(of_track);
            let waiting = slot.waiting.filter(of_track).map(|held| (held, slot.waiting_aim));
            let running = slot.running.filter(of_track).map(|held| (held, slot.aim));
            if let Some((held, ceiling)) = waiting.or(running) {
                ladder.set_current(held.link.layer, ceiling);
            }
        }
        ladders
    }

    pub(super) fn allocation(
        &self,
        receiver: usize,
        estimate: Option<u64>,
        keeping: Keeping,
    ) -> Allocation {
        let voices = (0..VOICES).filter(|slot| self.seated(receiver, *slot).is_some()).count();
        allocate(&self.ladders(receiver), voices.max(1), estimate, keeping)
    }

    /// The layers for a receiver's pictures; one that runs is given up only when the shortage
    /// lasts, or is beyond doubt.
    fn choose_layers(&mut self, receiver: usize) -> [Option<Pick>; SLOTS] {
        let Some(who) = self.receivers[receiver].as_ref() else { return [None; SLOTS] };
        let (estimate, since) = (who.estimate_bps, who.short_since);
        let mut allocation = self.allocation(receiver, estimate, Keeping::Strictly);
        let since = allocation.given_up.then(|| since.unwrap_or(self.now));
        if since.is_some_and(|since| self.now.since(since) < SHORTAGE_MIN) {
            allocation = self.allocation(receiver, estimate, Keeping::Patiently);
        }
        if let Some(who) = &mut self.receivers[receiver] {
            who.short_since = since;
        }
        for (kind, pick) in SlotKind::ALL.into_iter().zip(&allocation.picks) {
            if let (Some(seat), Some(change)) =
                (self.seated(receiver, kind.index()), pick.and_then(|pick| pick.change))
            {
                let slot = &mut self.slots[receiver * SLOTS + kind.index()];
                slot.steadiness.note(self.now, seat, change);
            }
        }
        allocation.picks
    }

    /// Links every slot of the receiver to what it should carry.
    pub(super) fn assign(&mut self, receiver: usize) {
        let Some(who) = self.receivers[receiver].as_ref() else { return };
        let (class, formats, owner) = (who.class, who.formats, who.owner);
        let picks = self.choose_layers(receiver);
        for kind in SlotKind::ALL {
            let slot = receiver * SLOTS + kind.index();
            let seat = self.seated(receiver, kind.index());
            let mismatched = self.slots[slot].present
                && self.classes[class.index()].seats[kind.index()]
                    .and_then(|seat| self.tracks[usize::from(seat)].as_ref())
                    .is_some_and(|t| t.owner != owner && !formats.contains(t.format));
            self.mismatches += u64::from(mismatched && !self.slots[slot].mismatched);
            self.slots[slot].mismatched = mismatched;
            if kind.is_audio() {
                self.link_voice(slot, seat.map(|track| Link { track, layer: 0 }));
            } else {
                let wanted = seat.zip(picks[kind.index()]);
                let wanted =
                    wanted.map(|(track, pick)| (Link { track, layer: pick.layer }, pick.ceiling));
                self.link_picture(slot, class, wanted);
            }
        }
    }

    /// Works out what the slots of a class carry: a name changes together with the picture, that
    /// is, when the first receiver has switched, and not before.
    pub(super) fn update_shown(&mut self, class: Class) {
        let state = &self.classes[class.index()];
        let mut shown = state.shown;
        for kind in SlotKind::ALL {
            let at = kind.index();
            let seat = state.seats[at];
            let owner =
                seat.and_then(|s| self.tracks[usize::from(s)].as_ref()).map(|track| track.owner);
            if kind.is_audio() || owner.is_none() || shown[at] == owner {
                shown[at] = owner;
                continue;
            }
            let (mut old, mut new, mut waiting) = (None, false, false);
            for (receiver, who) in self.receivers.iter().enumerate() {
                if who.as_ref().is_some_and(|who| who.class == class) {
                    let slot = &self.slots[receiver * SLOTS + at];
                    let running = slot.running.map(|held| held.link.track);
                    new |= running.is_some() && running == seat;
                    old = old.or(running.filter(|track| Some(*track) != seat));
                    waiting |= slot.waiting.is_some();
                }
            }
            shown[at] = if new || old.is_none() && !waiting {
                owner
            } else {
                old.and_then(|track| self.tracks[usize::from(track)].as_ref()).map(|t| t.owner)
            };
        }
        self.classes[class.index()].shown = shown;
    }
}
