//! Who hears an event without a peer (see `listening`): one receiver of the core for each class,
//! on the worker where the event is at home, for that one hears everything.

use base::EventId;
use forwarding::{Formats, Forward, Owner, ReceiverSpec, SLOTS, SlotKind};

use super::Worker;
use crate::formats::OPUS_FORMAT;
use crate::listening::{Listening, Voice};
use crate::rooms::{EventRoom, Listeners, class_in_core};
use crate::types::ReceiverClass;

/// Who listens is nobody in particular: no track is their own.
const NOBODY: Owner = Owner(u32::MAX);

/// No peer's place.
const NO_PEER: usize = usize::MAX;

impl Worker {
    /// One more who listens.
    pub(super) fn listen(&mut self, event: &EventId, class: ReceiverClass) -> Option<Listening> {
        let now = self.micros();
        let at = self.room(event);
        let class = class_in_core(class);
        let room = self.rooms[at].as_mut()?;
        if let Some(known) = room.listeners.iter().find(|known| known.class == class) {
            return Some(known.audible.listen());
        }
        let mut slots = [false; SLOTS];
        for slot in SlotKind::ALL {
            slots[slot.index()] = matches!(slot, SlotKind::Voice(_));
        }
        let spec = ReceiverSpec {
            owner: NOBODY,
            class,
            slots,
            formats: Formats::default().with(OPUS_FORMAT),
            first_sequence: 0,
            first_timestamp: 0,
        };
        let receiver = room.core.add_receiver(now, &spec).ok()?;
        // The number may have been that of a peer who is gone.
        room.set_receiver(receiver, NO_PEER);
        let listeners = Listeners { receiver, class, audible: Default::default() };
        let listening = listeners.audible.listen();
        room.listeners.push(listeners);
        self.drain_room(at, None);
        Some(listening)
    }

    /// Takes out the receivers that nobody listens to any more.
    pub(super) fn end_unheard(&mut self, at: usize) {
        let now = self.micros();
        let Some(room) = self.rooms[at].as_mut() else { return };
        let (heard, unheard): (Vec<_>, Vec<_>) =
            std::mem::take(&mut room.listeners).into_iter().partition(|l| l.audible.is_heard());
        room.listeners = heard;
        if unheard.is_empty() {
            return;
        }
        for listeners in unheard {
            room.core.remove_receiver(now, listeners.receiver);
        }
        self.drain_room(at, None);
    }
}

impl EventRoom {
    /// Tells those who listen, if the packet is for them.
    pub(crate) fn tell_listeners(&self, forward: &Forward, token: u32) -> bool {
        let Some(listeners) = self.listeners.iter().find(|l| l.receiver == forward.receiver) else {
            return false;
        };
        if let (SlotKind::Voice(slot), Some(stored)) = (forward.slot, self.ring.find(token)) {
            listeners.audible.tell(Voice {
                slot,
                sequence: u16::try_from(forward.sequence & 0xffff).unwrap_or_default(),
                timestamp: forward.timestamp,
                payload: stored.payload.clone(),
            });
        }
        true
    }
}
