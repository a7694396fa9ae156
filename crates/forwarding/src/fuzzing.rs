//! What publishers may send, for the tests of hostile input (crate `hostile`, folder `fuzz/`). Not
//! compiled into the product.

use std::collections::BTreeSet;

use crate::{
    Class, Codec, Format, Formats, Hearing, Micros, Output, Owner, Packet, ReceiverSpec, Room,
    SLOTS, SlotKind, TrackKind, describe,
};

const CODECS: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

/// Steps of one input that are carried out.
const STEPS_MAX: usize = 400;

/// Outputs of one step: a packet for each slot of two receivers, and what goes with it.
const OUTPUTS_MAX: usize = 200;

/// The first byte chooses a codec, the rest is a payload of it: what is found lies inside it, and
/// what is written in its place is read back.
pub fn payload(input: &[u8]) {
    let Some((&codec, payload)) = input.split_first() else { return };
    let codec = CODECS[usize::from(codec) % CODECS.len()];
    let described = describe(codec, payload);
    let patches = described.pictures.patches(Some(0x7f), Some(0xff));
    let mut patched = payload.to_vec();
    for (at, value) in patches.into_iter().flatten() {
        let byte = patched.get_mut(usize::from(at)).expect("the place lies in the payload");
        *byte = value;
    }
    let again = describe(codec, &patched);
    assert_eq!(described.key_frame_start, again.key_frame_start);
    if described.pictures.id.is_some() {
        assert_eq!(again.pictures.id.map(|id| id.value), Some(0x7f));
    }
    if described.pictures.base_layer.is_some() {
        assert_eq!(again.pictures.base_layer.map(|(value, _)| value), Some(0xff));
    }
}

/// Eight bytes are a step: a packet with any header of one of three tracks, a request, an
/// estimate, time that passes, a changed plan. Nobody gets what the plan does not name, no
/// sequence number is used twice, and every step ends.
pub fn room(input: &[u8]) {
    let mut now = Micros::from_millis(1_000);
    let mut room = Room::new();
    let tracks = [
        (Owner(1), TrackKind::Microphone, Codec::Opus, 0),
        (Owner(1), TrackKind::Camera, Codec::Vp8, 1),
        (Owner(2), TrackKind::Camera, Codec::Vp9, 2),
    ]
    .map(|(owner, kind, codec, format)| {
        (room.add_track(now, owner, kind, codec, Format(format), 3).expect("room"), codec)
    });
    let receivers = [Class::Audience, Class::Stage].map(|class| {
        let spec = ReceiverSpec {
            owner: Owner(9),
            class,
            slots: [true; SLOTS],
            formats: Formats(0b111),
            first_sequence: 100,
            first_timestamp: u32::MAX,
        };
        room.add_receiver(now, &spec).expect("room")
    });
    let mut used = BTreeSet::new();
    let mut planned = false;
    for step in input.chunks_exact(8).take(STEPS_MAX) {
        let &[action, which, a, b, c, d, e, f] = step else { return };
        now = now.plus(Micros(u64::from(which) * 1_000));
        let (track, codec) = tracks[usize::from(which) % tracks.len()];
        let receiver = receivers[usize::from(which) % receivers.len()];
        match action % 8 {
            0..=3 => {
                let payload = match codec {
                    Codec::Vp8 => [0x90, 0xe0, 0x80 | e, f, a, 0x20, b & 1].to_vec(),
                    Codec::Vp9 => vec![0xa8 ^ e & 0x48, 0x80 | a, b, c, d],
                    _ => vec![a, b, c],
                };
                let packet = Packet {
                    ssrc: u32::from(a % 4),
                    sequence: u64::from(u32::from_be_bytes([0, b, c, d])),
                    timestamp: u32::from_be_bytes([c, d, e, f]),
                    marker: f & 1 == 1,
                    level_db: Some(e),
                    mark: None,
                    payload: &payload,
                    token: 0,
                };
                room.handle_packet(now, track, action % 4, &packet);
            }
            4 => room.handle_timeout(now),
            5 => {
                let slot = SlotKind::ALL[usize::from(a) % SLOTS];
                room.handle_key_frame_request(now, receiver, slot);
            }
            6 => room.set_estimate(now, receiver, u64::from_be_bytes([0, 0, 0, 0, a, b, c, d])),
            _ => {
                planned = a & 1 == 1;
                let hearing = Hearing {
                    voices: vec![Owner(1); usize::from(planned)],
                    main: planned.then_some(Owner(1 + u32::from(b & 1))),
                    screen: None,
                    thumbnails: vec![Owner(2); usize::from(planned)],
                };
                room.set_plan(now, hearing.clone(), hearing);
            }
        }
        let mut ended = false;
        for _ in 0..OUTPUTS_MAX {
            match room.poll_output() {
                Output::Forward(forward) | Output::Replay { forward, .. } => {
                    assert!(planned, "forwarded to {:?} without a plan", forward.receiver);
                    let first = used.insert((forward.receiver, forward.slot, forward.sequence));
                    assert!(first, "{forward:?} uses a number again");
                }
                Output::Timeout(_) => {
                    ended = true;
                    break;
                }
                _ => {}
            }
        }
        assert!(ended, "a step has no end");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_payloads() {
        hostile::replay("payload", 5_000, payload);
    }

    #[test]
    fn hostile_rooms() {
        hostile::replay("room", 1_000, room);
    }
}
