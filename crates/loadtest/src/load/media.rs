//! The media of a load test: a picture and a voice as regular as a clock, whose packets carry who
//! sent them, which frame they belong to and when they left, so that any receiver finds delay, loss
//! and whole frames by itself.
//!
//! A picture packet is a valid VP8 payload (RFC 7741) whose frame header says what it must; behind
//! it stand the stamp and filler that is always the same. No decoder could show it, and no
//! forwarding server looks that far.

use std::sync::{Arc, LazyLock};

use nix::time::{ClockId, clock_gettime};

use crate::vp8;

/// Frames of the picture each second.
pub const FRAMES_PER_SECOND: u32 = 25;

/// RTP payload of a picture packet in bytes: with a header of 20 bytes and a tag of 16 the
/// datagram has the 1,200 bytes that browsers fill.
pub const PICTURE_PAYLOAD_BYTES: usize = 1_164;

/// RTP payload of a voice packet in bytes: 32 kbit/s at 20 ms.
pub const VOICE_PAYLOAD_BYTES: usize = 80;

/// A key frame has so many times the packets of another, as of a talking head in 720p.
const KEY_FRAME_TIMES: usize = 3;

/// What the first bytes of a frame take in the data behind the descriptor: the frame tag of three
/// bytes and, in key frames, start code and size (RFC 6386 section 9.1). The stamp follows.
const FRAME_HEADER_BYTES: usize = 10;

/// One byte of table of contents: SILK and CELT in fullband, 20 ms, mono (RFC 6716 section 3.1).
const OPUS_CONTENTS: u8 = 15 << 3;

/// Nanoseconds of the monotonic clock of this machine; comparable between its processes.
pub fn now_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000
            + u64::try_from(time.tv_nsec()).unwrap_or(0)
    })
}

/// What a packet says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the publisher, from 0.
    pub publisher: u8,
    /// Simulcast layer, from 0, the smallest.
    pub layer: u8,
    /// Part of the frame, from 0.
    pub part: u8,
    /// Parts of the frame.
    pub parts: u8,
    /// Number of the frame, or of the voice packet, from 0. The layers of one moment share it.
    pub frame: u32,
    /// When it left, by [`now_ns`].
    pub sent_ns: u64,
}

impl Stamp {
    const MAGIC: [u8; 4] = *b"load";
    const BYTES: usize = 20;

    fn write(self, room: &mut [u8]) {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&Self::MAGIC);
        bytes[4..8].copy_from_slice(&[self.publisher, self.layer, self.part, self.parts]);
        bytes[8..12].copy_from_slice(&self.frame.to_be_bytes());
        bytes[12..].copy_from_slice(&self.sent_ns.to_be_bytes());
        room[..Self::BYTES].copy_from_slice(&bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.get(..Self::BYTES)?.try_into().ok()?;
        let rest = bytes.strip_prefix(&Self::MAGIC)?;
        let (&[publisher, layer, part, parts], rest) = rest.split_first_chunk()?;
        let (frame, rest) = rest.split_first_chunk()?;
        let (sent, _) = rest.split_first_chunk()?;
        let (frame, sent_ns) = (u32::from_be_bytes(*frame), u64::from_be_bytes(*sent));
        Some(Self { publisher, layer, part, parts, frame, sent_ns })
    }
}

/// A simulcast layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Its name in the offer.
    pub rid: &'static str,
    /// Packets of four frames in a row, so that the mean need not be whole.
    packets: [usize; 4],
    /// RTP payload of each.
    payload_bytes: usize,
    /// Width and height.
    size: (u16, u16),
}

/// The layers of a picture, the smallest first: 150, 500 and 1,500 kbit/s.
pub const LAYERS: [Layer; 3] = [
    Layer { rid: "q", packets: [1; 4], payload_bytes: 714, size: (320, 180) },
    Layer {
        rid: "h",
        packets: [2, 2, 2, 3],
        payload_bytes: PICTURE_PAYLOAD_BYTES,
        size: (640, 360),
    },
    Layer {
        rid: "f",
        packets: [6, 6, 6, 7],
        payload_bytes: PICTURE_PAYLOAD_BYTES,
        size: (1280, 720),
    },
];

impl Layer {
    /// Parts of a frame.
    pub fn parts(&self, frame: u32, key: bool) -> usize {
        let parts = self.packets[frame as usize % self.packets.len()];
        if key { parts * KEY_FRAME_TIMES } else { parts }
    }
}

/// The RTP payload of one part of a frame.
pub fn picture(layer: &Layer, key: bool, picture_id: u16, stamp: Stamp) -> Arc<[u8]> {
    let first = stamp.part == 0;
    let mut payload = filler(layer.payload_bytes);
    payload[..vp8::DESCRIPTOR_BYTES].copy_from_slice(&vp8::write(first, picture_id));
    let data = &mut payload[vp8::DESCRIPTOR_BYTES..];
    if first {
        // Shown, version 0, first partition as long as the field allows (RFC 6386 section 9.1).
        let tag = u32::from(!key) | 1 << 4 | 0x7ffff << 5;
        data[..3].copy_from_slice(&tag.to_le_bytes()[..3]);
        if key {
            data[3..6].copy_from_slice(&[0x9d, 0x01, 0x2a]);
            data[6..8].copy_from_slice(&layer.size.0.to_le_bytes());
            data[8..10].copy_from_slice(&layer.size.1.to_le_bytes());
        }
    }
    stamp.write(&mut data[FRAME_HEADER_BYTES..]);
    payload.into()
}

/// The RTP payload of a voice packet.
pub fn voice(stamp: Stamp) -> Arc<[u8]> {
    let mut payload = filler(VOICE_PAYLOAD_BYTES);
    payload[0] = OPUS_CONTENTS;
    stamp.write(&mut payload[1..]);
    payload.into()
}

/// What a receiver finds in a picture payload: the stamp, and whether a key frame begins.
pub fn read_picture(payload: &[u8]) -> Option<(Stamp, bool)> {
    let read = vp8::read(payload)?;
    Some((Stamp::read(read.data.get(FRAME_HEADER_BYTES..)?)?, read.starts_key_frame))
}

/// What a receiver finds in a voice payload.
pub fn read_voice(payload: &[u8]) -> Option<Stamp> {
    Stamp::read(payload.get(1..)?)
}

/// Bytes that are always the same and that no compression would like.
fn filler(bytes: usize) -> Vec<u8> {
    static FILLER: LazyLock<[u8; PICTURE_PAYLOAD_BYTES]> = LazyLock::new(|| {
        let mut state = 0x9e37_79b9_u32;
        std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
    });
    FILLER[..bytes].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp =
        Stamp { publisher: 3, layer: 2, part: 0, parts: 6, frame: 70_000, sent_ns: 1 << 40 };

    #[test]
    fn a_receiver_reads_what_was_stamped() {
        for key in [true, false] {
            for part in [0, 4] {
                let stamp = Stamp { part, ..STAMP };
                let payload = picture(&LAYERS[2], key, 77, stamp);
                assert_eq!(payload.len(), PICTURE_PAYLOAD_BYTES);
                assert_eq!(read_picture(&payload), Some((stamp, key && part == 0)));
            }
        }
        assert_eq!(read_voice(&voice(STAMP)), Some(STAMP));
        assert_eq!(read_voice(&[0; 80]), None);
        assert_eq!(read_picture(&voice(STAMP)), None);
    }

    #[test]
    fn the_layers_have_the_rates_that_are_promised() {
        for (layer, expected) in LAYERS.iter().zip([150_000, 500_000, 1_500_000]) {
            let packets: usize = (0..4).map(|frame| layer.parts(frame, false)).sum();
            let datagram_bits = (layer.payload_bytes + 36) * 8;
            let bps = packets * datagram_bits * FRAMES_PER_SECOND as usize / 4;
            assert!(bps.abs_diff(expected) < expected / 10, "{}: {bps}", layer.rid);
        }
        assert_eq!(LAYERS[2].parts(0, true), 18);
    }
}
