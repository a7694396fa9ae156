//! Frames cut into packets, some lost: what comes out is whole, in order, and decodable.

use proptest::prelude::*;

use super::{Depacketiser, Frame, Packet};
use crate::{Codec, PictureSize};

#[derive(Debug, Clone)]
struct Sent {
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
}

/// A VP8 key frame of 640×360 begins so.
const VP8_KEY: [u8; 10] = [0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01];

fn frame(codec: Codec, key: bool, number: u8, length: usize) -> Vec<u8> {
    let mut data = match (codec, key) {
        (Codec::Vp8, true) => VP8_KEY.to_vec(),
        (Codec::Vp8, false) => vec![0x11],
        _ => vec![0],
    };
    data.extend(std::iter::repeat_n(number, length));
    data
}

fn cut(codec: Codec, key: bool, timestamp: u32, data: &[u8], piece: usize) -> Vec<Sent> {
    let pieces: Vec<&[u8]> = data.chunks(piece).collect();
    let last = pieces.len() - 1;
    let packet = |(number, piece): (usize, &&[u8])| {
        let mut payload = match codec {
            Codec::Vp8 => vec![if number == 0 { 0x10 } else { 0 }],
            Codec::Vp9 => {
                let begins = if number == 0 { 0x08 } else { 0 };
                let ends = if number == last { 0x04 } else { 0 };
                vec![begins | ends | if key { 0 } else { 0x40 }]
            }
            _ => Vec::new(),
        };
        payload.extend_from_slice(piece);
        Sent { timestamp, marker: number == last, payload }
    };
    pieces.iter().enumerate().map(packet).collect()
}

fn join(codec: Codec, packets: &[Sent], lost: impl Fn(usize) -> bool) -> Vec<Frame> {
    let mut depacketiser = Depacketiser::new(codec);
    let packets = packets.iter().enumerate().filter(|(number, _)| !lost(*number));
    packets
        .filter_map(|(sequence, sent)| {
            depacketiser.push(&Packet {
                sequence: sequence as u64,
                timestamp: sent.timestamp,
                marker: sent.marker,
                payload: &sent.payload,
            })
        })
        .collect()
}

#[test]
fn h264_units_fragments_and_aggregates() {
    let sps = [0x67, 0x42, 0xC0, 0x1F, 0xDA, 0x02, 0x80, 0xBF, 0xE5, 0x80];
    let aggregate = [&[0x78, 0, 10][..], &sps, &[0, 2, 0x68, 0xCE]].concat();
    let sent = |marker, payload: &[u8]| Sent { timestamp: 9, marker, payload: payload.to_vec() };
    let packets = [
        sent(false, &aggregate),
        sent(false, &[0x7C, 0x85, 0xB8, 1]),
        sent(false, &[0x7C, 0x05, 2]),
        sent(true, &[0x7C, 0x45, 3]),
    ];
    let frames = join(Codec::H264, &packets, |_| false);
    assert_eq!(frames.len(), 1);
    let frame = &frames[0];
    assert!(frame.key);
    assert_eq!(frame.size, Some(PictureSize { width: 640, height: 360 }));
    let expected =
        [&[0, 0, 0, 10][..], &sps, &[0, 0, 0, 2, 0x68, 0xCE, 0, 0, 0, 5, 0x65, 0xB8, 1, 2, 3]];
    assert_eq!(frame.data, expected.concat());
    assert_eq!(
        frame.private.as_ref().map(|private| private[..4].to_vec()),
        Some(vec![1, 0x42, 0xC0, 0x1F])
    );
    for lost in 0..packets.len() {
        assert!(join(Codec::H264, &packets, |number| number == lost).is_empty(), "{lost}");
    }
}

#[test]
fn h264_key_frame_without_its_first_slice_is_not_taken() {
    let sent =
        |timestamp, marker, payload: &[u8]| Sent { timestamp, marker, payload: payload.to_vec() };
    let packets = [
        sent(1, true, &[0x67, 0x42, 0xC0]),
        sent(2, false, &[0x65, 0x80]),
        sent(2, true, &[0x65, 0x40]),
    ];
    assert!(join(Codec::H264, &packets, |number| number == 1).is_empty());
}

#[test]
fn av1_units_over_packets() {
    // A sequence header of 320×240 as libaom writes it, and a key frame in two packets.
    let sequence = [0x0A, 0x0A, 0, 0, 0, 0x02, 0xAF, 0xFF, 0x87, 0x7E, 0xE0, 0x10];
    let bare = [&[0x08][..], &sequence[2..]].concat();
    let length = u8::try_from(bare.len()).expect("short");
    let first = [&[0x68, length][..], &bare, &[0x30, 0x10, 1]].concat();
    let sent = |marker, payload: &[u8]| Sent { timestamp: 9, marker, payload: payload.to_vec() };
    let packets = [sent(false, &first), sent(true, &[0x90, 2, 3])];
    let frames = join(Codec::Av1, &packets, |_| false);
    assert_eq!(frames.len(), 1);
    assert!(frames[0].key);
    assert_eq!(frames[0].data, [&sequence[..], &[0x32, 4, 0x10, 1, 2, 3]].concat());
    let private = frames[0].private.as_ref().expect("a configuration");
    assert_eq!((private[0], &private[4..]), (0x81, &sequence[..]));
    for lost in 0..2 {
        assert!(join(Codec::Av1, &packets, |number| number == lost).is_empty(), "{lost}");
    }
}

#[test]
fn vp9_layers_become_a_superframe() {
    let sent = |marker, payload: &[u8]| Sent { timestamp: 9, marker, payload: payload.to_vec() };
    let packets =
        [sent(false, &[0x2C, 0x00, 0, 0xAA, 1]), sent(true, &[0x2C, 0x02, 0, 0xBB, 2, 3])];
    let frames = join(Codec::Vp9, &packets, |_| false);
    assert_eq!(frames[0].data, [0xAA, 1, 0xBB, 2, 3, 0xC1, 2, 3, 0xC1]);
    assert!(join(Codec::Vp9, &packets, |number| number == 0).is_empty());
}

#[test]
fn padding_is_no_loss() {
    let mut packets = cut(Codec::Vp8, true, 0, &frame(Codec::Vp8, true, 1, 100), 50);
    packets.push(Sent { timestamp: 0, marker: false, payload: Vec::new() });
    packets.extend(cut(Codec::Vp8, false, 3_000, &frame(Codec::Vp8, false, 2, 100), 50));
    assert_eq!(join(Codec::Vp8, &packets, |_| false).len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn only_whole_frames_after_a_whole_key_frame_come_out(
        frames in prop::collection::vec((any::<bool>(), 1_usize..60), 1..30),
        piece in 11_usize..30,
        losses in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        vp9: bool,
    ) {
        let codec = if vp9 { Codec::Vp9 } else { Codec::Vp8 };
        let mut packets = Vec::new();
        let mut sent = Vec::new();
        for (number, (key, length)) in frames.iter().enumerate() {
            let key = *key || number == 0;
            let data = frame(codec, key, u8::try_from(number).expect("few"), *length);
            let timestamp = u32::try_from(number).expect("few") * 3_000;
            let first = packets.len();
            packets.extend(cut(codec, key, timestamp, &data, piece));
            sent.push((key, timestamp, data, first..packets.len()));
        }
        let lost: Vec<usize> = losses.iter().map(|index| index.index(packets.len())).collect();
        let joined = join(codec, &packets, |number| lost.contains(&number));

        // The model: a frame comes out when it is whole, and nothing was lost since a key frame
        // that came out.
        let mut expected = Vec::new();
        let mut good = false;
        for (key, timestamp, data, range) in &sent {
            let whole = !range.clone().any(|number| lost.contains(&number));
            good = whole && (good || *key);
            if good {
                expected.push((*timestamp, *key, data.clone()));
            }
        }
        let joined: Vec<_> = joined.into_iter().map(|f| (f.timestamp, f.key, f.data)).collect();
        prop_assert_eq!(joined, expected);
    }

    #[test]
    fn any_packets_are_taken(
        packets in prop::collection::vec(
            (0_u64..40, 0_u32..4, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..60,
        ),
    ) {
        for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
            let mut depacketiser = Depacketiser::new(codec);
            let mut had_key = codec.is_audio();
            for (sequence, timestamp, marker, payload) in &packets {
                let packet = Packet {
                    sequence: *sequence, timestamp: *timestamp, marker: *marker, payload,
                };
                if let Some(frame) = depacketiser.push(&packet) {
                    had_key |= frame.key;
                    prop_assert!(had_key && !frame.data.is_empty());
                }
            }
        }
    }
}
