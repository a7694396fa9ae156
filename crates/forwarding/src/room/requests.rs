//! Key frames: who needs them, and when the publisher is asked.

use super::{Link, Output, Room, layer_mut};
use crate::plan::{SLOTS, SlotKind};
use crate::units::{Micros, ReceiverId, TrackId};

/// A receiver that got a key frame asks in vain for so long: its decoder may not have seen it yet.
const TAKEN_MIN: Micros = Micros::from_millis(400);

/// How often a receiver that says again and again that it needs a key frame is believed: everybody
/// pays for each with some pixels. The time is doubled with each that comes soon after the last.
const BELIEVED_EVERY_MIN: Micros = Micros::from_millis(500);
const BELIEVED_EVERY_MAX: Micros = Micros::from_millis(2_000);

/// Who has not asked for so long is taken for somebody who asks seldom.
const SELDOM: Micros = Micros::from_millis(10_000);

/// What the receiver asked for in one slot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asking {
    /// When a key frame last began in the slot.
    served: Option<Micros>,
    /// When the receiver was last believed, and for how long it is not from then on.
    believed: Option<Micros>,
    every: Micros,
    /// It has asked since, and will be believed when its time has come.
    owed: bool,
}

impl Asking {
    /// A key frame begins in the slot.
    pub(super) fn serve(&mut self, now: Micros) {
        self.served = Some(now);
        self.owed = false;
    }

    /// Whether what it asks for is to be passed on now.
    fn is_believed(&mut self, now: Micros) -> bool {
        let within = |at: Option<Micros>, length| at.is_some_and(|at| now.since(at) < length);
        if within(self.served, TAKEN_MIN) || within(self.believed, self.every) {
            self.owed = true;
            return false;
        }
        let often = within(self.believed, SELDOM);
        let twice = Micros(self.every.0.saturating_mul(2));
        self.every = if often { twice.min(BELIEVED_EVERY_MAX) } else { BELIEVED_EVERY_MIN };
        self.believed = Some(now);
        self.owed = false;
        true
    }
}

impl Room {
    /// The receiver's decoder needs a key frame in this slot (PLI or FIR). One who asks without end
    /// is not believed each time.
    pub fn handle_key_frame_request(&mut self, now: Micros, id: ReceiverId, slot: SlotKind) {
        self.begin(now);
        if self.receiver(id).is_some() {
            self.ask(id.index() * SLOTS + slot.index());
        }
    }

    /// Somebody who watches the track elsewhere needs a key frame of this layer.
    pub fn want_key_frame(&mut self, now: Micros, id: TrackId, layer: u8) {
        self.begin(now);
        if self.is_track(id)
            && let Some(layer) = layer_mut(&mut self.tracks, Link { track: id.index, layer })
        {
            layer.want_key_frame();
            self.requests_changed = true;
        }
    }

    /// Asks for those whose time had not come when they asked.
    pub(super) fn ask_for_owed(&mut self) {
        for slot in 0..self.slots.len() {
            if self.slots[slot].asking.owed {
                self.ask(slot);
            }
        }
    }

    fn ask(&mut self, slot: usize) {
        let now = self.now;
        let state = &mut self.slots[slot];
        // Where another layer is waited for, that one is asked for anyway, but may not come.
        let Some(held) = state.running else {
            state.asking.owed = false;
            return;
        };
        if state.asking.is_believed(now)
            && let Some(layer) = layer_mut(&mut self.tracks, held.link)
        {
            layer.want_key_frame();
            self.requests_changed = true;
        }
    }

    /// Sends one request that is due; otherwise notes when the next one will be.
    pub(super) fn next_due_request(&mut self) -> Option<Output> {
        self.next_request = None;
        for (index, track) in self.tracks.iter_mut().enumerate() {
            let Some(track) = track.as_mut().filter(|track| !track.kind.is_audio()) else {
                continue;
            };
            for (number, layer) in track.layers.iter_mut().enumerate() {
                let Some(due) = layer.key_frame_due() else { continue };
                if due <= self.now {
                    layer.key_frame_requested(self.now);
                    let id = TrackId {
                        index: u16::try_from(index).unwrap_or(u16::MAX),
                        generation: self.track_generations[index],
                    };
                    let layer = u8::try_from(number).unwrap_or(u8::MAX);
                    return Some(Output::RequestKeyFrame { track: id, layer });
                }
                self.next_request = Some(self.next_request.map_or(due, |next| next.min(due)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One participant could cause three key frames a second for everybody.
    #[test]
    fn who_asks_without_end_is_believed_seldom() {
        let mut asking = Asking::default();
        let believed: Vec<u64> = (0..10_000)
            .step_by(50)
            .filter(|at_ms| {
                let believed = asking.is_believed(Micros::from_millis(*at_ms));
                if believed {
                    asking.serve(Micros::from_millis(*at_ms + 40));
                }
                believed
            })
            .collect();
        assert_eq!(believed, [0, 500, 1_500, 3_500, 5_500, 7_500, 9_500]);
        assert!(asking.owed, "the last is not forgotten");
        asking.serve(Micros::from_millis(10_000));
        assert!(!asking.owed);
        assert!(!asking.is_believed(Micros::from_millis(10_300)), "it has just got one");
        assert!(asking.is_believed(Micros::from_millis(20_000)));
        assert_eq!(asking.every, BELIEVED_EVERY_MIN, "it asks seldom");
    }
}
