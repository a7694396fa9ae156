//! Who begins to watch is sent the last key frame and what followed it, as far as that is not long
//! ago, and goes on with everybody else: the picture is there at once, and the publisher is not
//! asked for another key frame.

use super::{Forward, Held, Link, Room, layer_mut, place};
use crate::codec::Level;
use crate::plan::{Class, SLOTS, SlotKind};
use crate::track::Layer;

/// Slots that begin in this way in one call: all of a newcomer. Where a plan shows a picture to
/// everybody at once, a single key frame costs less than to send each of them an old one.
pub(super) const REPLAYS_AT_ONCE_MAX: usize = SLOTS;

/// What is sent again leaves at once, and the voices of a thin line wait behind it for so long at
/// the most, in milliseconds: browsers' buffers bridge that.
const LENGTH_MAX_MS: u64 = 150;

/// A slot that is being sent what was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replaying {
    slot: u32,
    link: Link,
    next: usize,
}

impl Room {
    /// Begins the layer in a slot in which nothing runs, if there is something to begin with.
    pub(super) fn begin_replay(&mut self, slot: usize, link: Link, aim: Level) -> bool {
        let now = self.now;
        let receiver = self.receiver(self.receiver_id(slot / SLOTS));
        // Of a newcomer's line nothing is known yet.
        let room_bits = receiver
            .and_then(|receiver| receiver.estimate_bps)
            .map_or(u64::MAX, |estimate_bps| estimate_bps.saturating_mul(LENGTH_MAX_MS) / 1_000);
        let ready = layer_mut(&mut self.tracks, link).is_some_and(|layer| {
            !layer.replay(now).is_empty() && layer.replay_bytes() as u64 * 8 <= room_bits
        });
        if !ready || self.replays_left == 0 {
            return false;
        }
        self.replays_left -= 1;
        self.stop_waiting(slot);
        self.start_running(slot, link);
        self.slots[slot].aim = aim;
        self.replays.push(Replaying { slot: place(slot), link, next: 0 });
        true
    }

    /// Pictures that have begun are named at once.
    pub(super) fn show_replayed(&mut self) {
        if !self.replays.is_empty() {
            for class in Class::ALL {
                self.update_shown(class);
            }
        }
    }

    /// The next packet that is sent again, and its token.
    pub(super) fn next_replay(&mut self) -> Option<(Forward, u32)> {
        while let Some(mut replaying) = self.replays.pop() {
            let Replaying { slot, link, next } = replaying;
            let at = slot as usize;
            let still = self.slots[at].running.is_some_and(|Held { link: runs, .. }| runs == link);
            let Some(track) = self.tracks[usize::from(link.track)].as_ref().filter(|_| still)
            else {
                continue;
            };
            let clock_hz = track.codec.clock_hz();
            let layer: Option<&Layer> = track.layers.get(usize::from(link.layer));
            let packet = layer.and_then(|layer| layer.replay(self.now).get(next).copied());
            let Some(packet) = packet else { continue };
            replaying.next += 1;
            self.replays.push(replaying);
            let to = (self.receiver_id(at / SLOTS), SlotKind::ALL[at % SLOTS]);
            let placed = self.slots[at].place(self.now, to, &packet, clock_hz, false);
            if let Some(forward) = placed {
                return Some((forward, packet.token));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::plan::Hearing;
    use crate::room::{Output, Packet, ReceiverSpec};
    use crate::track::TrackKind;
    use crate::units::{Format, Formats, Micros, Owner, ReceiverId, TrackId};

    struct Scene {
        room: Room,
        camera: TrackId,
        sequence: u32,
        /// Bytes of each frame.
        frame_bytes: usize,
        asked: usize,
        /// To whom, the sequence number in the slot, and the token.
        got: Vec<(ReceiverId, u64, u32)>,
    }

    impl Scene {
        fn new() -> Self {
            let mut room = Room::new();
            let camera = room
                .add_track(at(0), Owner(1), TrackKind::Camera, Codec::Vp8, Format(0), 1)
                .expect("room");
            let hearing = Hearing { main: Some(Owner(1)), ..Hearing::default() };
            room.set_plan(at(0), hearing, Hearing::default());
            let mut scene =
                Self { room, camera, sequence: 0, frame_bytes: 4, asked: 0, got: Vec::new() };
            scene.drain(0);
            scene
        }

        fn join(&mut self, now_ms: u64, owner: u32, class: Class) -> ReceiverId {
            let spec = ReceiverSpec {
                owner: Owner(owner),
                class,
                slots: [true; SLOTS],
                formats: Formats::default().with(Format(0)),
                first_sequence: 100,
                first_timestamp: 5,
            };
            let id = self.room.add_receiver(at(now_ms), &spec).expect("room");
            self.drain(0);
            id
        }

        fn film(&mut self, now_ms: u64, key: bool) {
            self.sequence += 1;
            let mut payload = vec![0; self.frame_bytes];
            payload[..2].copy_from_slice(&[0x10, u8::from(!key)]);
            let packet = Packet {
                ssrc: 1,
                sequence: u64::from(self.sequence),
                timestamp: u32::try_from(now_ms * 90).expect("short"),
                marker: true,
                level_db: None,
                mark: None,
                payload: &payload,
                token: self.sequence,
            };
            self.room.handle_packet(at(now_ms), self.camera, 0, &packet);
            self.drain(self.sequence);
        }

        fn drain(&mut self, current: u32) {
            loop {
                match self.room.poll_output() {
                    Output::Forward(forward) => {
                        self.got.push((forward.receiver, forward.sequence, current));
                    }
                    Output::Replay { forward, token } => {
                        self.got.push((forward.receiver, forward.sequence, token));
                    }
                    Output::RequestKeyFrame { .. } => self.asked += 1,
                    Output::Timeout(_) => return,
                    _ => {}
                }
            }
        }

        fn of(&self, id: ReceiverId) -> Vec<(u64, u32)> {
            let own = self.got.iter().filter(|(receiver, ..)| *receiver == id);
            own.map(|(_, sequence, token)| (*sequence, *token)).collect()
        }
    }

    fn at(millis: u64) -> Micros {
        Micros::from_millis(1_000 + millis)
    }

    /// A newcomer waited for the next key frame, which a publisher gives every 300 ms at the most.
    #[test]
    fn a_newcomer_does_not_wait_for_the_next_key_frame() {
        let mut scene = Scene::new();
        let first = scene.join(1_000, 10, Class::Audience);
        assert_eq!(scene.asked, 1);
        scene.film(1_050, true);
        scene.film(1_083, false);
        let second = scene.join(1_100, 11, Class::Audience);
        assert_eq!(scene.of(second), [(100, 1), (101, 2)], "at once");
        assert_eq!(scene.room.layer(second, SlotKind::Main), Some(0));
        scene.film(1_116, false);
        assert_eq!(scene.of(first), [(100, 1), (101, 2), (102, 3)]);
        assert_eq!(scene.of(second), scene.of(first), "and on with everybody");
        assert_eq!(scene.asked, 1, "the publisher was not asked again");
        let third = scene.join(1_500, 12, Class::Audience);
        assert_eq!(scene.of(third), [], "that is too long ago");
        assert_eq!(scene.asked, 2);
    }

    /// A picture that began anew on a line of 150 kbit/s came with all that had passed since its key
    /// frame, at once, and the voice stood behind it.
    #[test]
    fn a_thin_line_is_not_filled_with_what_was() {
        for (estimate_bps, replayed) in [(150_000, false), (2_000_000, true)] {
            let mut scene = Scene::new();
            let viewer = scene.join(1_000, 10, Class::Audience);
            scene.room.set_estimate(at(1_010), viewer, estimate_bps);
            scene.drain(0);
            scene.frame_bytes = 8_000;
            scene.film(1_050, true);
            let hidden = Hearing::default();
            scene.room.set_plan(at(1_060), hidden.clone(), hidden.clone());
            scene.drain(0);
            let before = scene.of(viewer).len();
            let shown = Hearing { main: Some(Owner(1)), ..Hearing::default() };
            scene.room.set_plan(at(1_070), shown, hidden);
            scene.drain(0);
            assert_eq!(scene.of(viewer).len() > before, replayed, "{estimate_bps} bit/s");
            scene.room.handle_timeout(at(1_390));
            scene.drain(0);
            let asked = scene.asked;
            scene.film(1_400, true);
            assert!(scene.of(viewer).len() > before, "the next key frame is shown");
            assert!(replayed || asked > 1, "a key frame is asked for instead");
        }
    }

    #[test]
    fn a_picture_shown_to_all_at_once_is_not_sent_again_to_each() {
        let mut scene = Scene::new();
        scene.join(1_000, 10, Class::Audience);
        scene.film(1_050, true);
        let crowd: Vec<_> = (20..60).map(|owner| scene.join(1_060, owner, Class::Stage)).collect();
        let hearing = Hearing { main: Some(Owner(1)), ..Hearing::default() };
        scene.room.set_plan(at(1_070), hearing.clone(), hearing);
        scene.drain(0);
        let served = |scene: &Scene| crowd.iter().filter(|id| !scene.of(**id).is_empty()).count();
        assert_eq!(served(&scene), REPLAYS_AT_ONCE_MAX);
        scene.film(1_400, true);
        assert_eq!(served(&scene), crowd.len());
    }
}
