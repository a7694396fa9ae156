//! Joins the packets of a stream into frames.

use super::{av1, h264, vp8, vp9};
use crate::{Codec, PictureSize};

/// Longest frame that is joined. What is longer is no frame of a meeting.
const FRAME_BYTES_MAX: usize = 8 << 20;

/// A packet, in the order of sequence numbers.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Sequence number that never wraps around; a gap means loss.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload in the codec's RTP payload format.
    pub payload: &'a [u8],
}

/// A whole frame, as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// RTP timestamp.
    pub timestamp: u32,
    /// A decoder can begin here.
    pub key: bool,
    /// The frame.
    pub data: Vec<u8>,
    /// Size of the picture, where the frame tells it.
    pub size: Option<PictureSize>,
    /// What a decoder needs before it (`avcC`, `av1C`), where the frame tells it.
    pub private: Option<Vec<u8>>,
}

/// The parts of one frame as they gather, and the way to make a frame of them.
#[derive(Debug)]
pub(super) enum Parts {
    Vp8(vp8::Parts),
    Vp9(vp9::Parts),
    H264(h264::Parts),
    Av1(av1::Parts),
}

/// Joins packets of one stream.
#[derive(Debug)]
pub struct Depacketiser {
    codec: Codec,
    parts: Option<Parts>,
    /// Bytes gathered.
    bytes: usize,
    timestamp: Option<u32>,
    last: Option<u64>,
    /// The frame at hand lost a packet.
    damaged: bool,
    /// Packets before the frame at hand are missing, and may have been its first.
    after_gap: bool,
    /// Frames that are not key frames build on something that was lost.
    waits_for_key: bool,
    frames_lost: u64,
}

impl Depacketiser {
    /// For a stream of this codec. It begins with the first key frame.
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            parts: Self::empty(codec),
            bytes: 0,
            timestamp: None,
            last: None,
            damaged: false,
            after_gap: true,
            waits_for_key: !codec.is_audio(),
            frames_lost: 0,
        }
    }

    fn empty(codec: Codec) -> Option<Parts> {
        match codec {
            Codec::Opus => None,
            Codec::Vp8 => Some(Parts::Vp8(vp8::Parts::default())),
            Codec::Vp9 => Some(Parts::Vp9(vp9::Parts::default())),
            Codec::H264 => Some(Parts::H264(h264::Parts::default())),
            Codec::Av1 => Some(Parts::Av1(av1::Parts::default())),
        }
    }

    /// Takes a packet; gives the frame that it completes.
    pub fn push(&mut self, packet: &Packet<'_>) -> Option<Frame> {
        let gap = self.last.is_some_and(|last| packet.sequence != last.wrapping_add(1));
        self.last = Some(packet.sequence);
        if packet.payload.is_empty() && !packet.marker {
            // Padding that a sender uses to measure its line.
            if gap {
                self.lose();
            }
            return None;
        }
        if self.codec.is_audio() {
            return Some(Frame {
                timestamp: packet.timestamp,
                key: true,
                data: packet.payload.to_vec(),
                ..Frame::default()
            })
            .filter(|frame| !frame.data.is_empty());
        }
        if self.timestamp != Some(packet.timestamp) {
            if self.timestamp.is_some() {
                // The frame before never got its end.
                self.lose();
            }
            self.timestamp = Some(packet.timestamp);
        }
        if gap {
            self.lose_part();
        }
        self.bytes += packet.payload.len();
        let fits = self.bytes <= FRAME_BYTES_MAX;
        let taken = fits
            && match &mut self.parts {
                None => false,
                Some(Parts::Vp8(parts)) => parts.push(packet.payload),
                Some(Parts::Vp9(parts)) => parts.push(packet.payload),
                Some(Parts::H264(parts)) => parts.push(packet.payload),
                Some(Parts::Av1(parts)) => parts.push(packet.payload),
            };
        if !taken {
            self.damaged = true;
        }
        if packet.marker { self.complete(packet.timestamp) } else { None }
    }

    /// A key frame is needed to go on.
    pub fn waits_for_key(&self) -> bool {
        self.waits_for_key
    }

    /// Frames that were begun and dropped.
    pub fn frames_lost(&self) -> u64 {
        self.frames_lost
    }

    fn complete(&mut self, timestamp: u32) -> Option<Frame> {
        let parts = std::mem::replace(&mut self.parts, Self::empty(self.codec));
        let damaged = std::mem::take(&mut self.damaged);
        self.timestamp = None;
        self.bytes = 0;
        let after_gap = std::mem::take(&mut self.after_gap);
        let starts_whole = match &parts {
            None | Some(Parts::Vp8(_)) => true,
            Some(Parts::Vp9(parts)) => parts.starts_whole(),
            Some(Parts::H264(parts)) => parts.starts_whole(),
            Some(Parts::Av1(parts)) => parts.starts_whole(),
        };
        let frame = match parts? {
            _ if damaged || after_gap && !starts_whole => None,
            Parts::Vp8(parts) => parts.finish(),
            Parts::Vp9(parts) => parts.finish(),
            Parts::H264(parts) => parts.finish(),
            Parts::Av1(parts) => parts.finish(),
        };
        let Some(frame) = frame else {
            self.frames_lost += 1;
            self.waits_for_key = true;
            return None;
        };
        if self.waits_for_key && !frame.key {
            self.frames_lost += 1;
            return None;
        }
        self.waits_for_key = false;
        Some(Frame { timestamp, ..frame })
    }

    /// Packets are missing, of the frame at hand or of some between.
    fn lose_part(&mut self) {
        self.damaged |= self.bytes > 0;
        self.after_gap = true;
        self.waits_for_key = true;
    }

    fn lose(&mut self) {
        if self.codec.is_audio() {
            return;
        }
        if self.bytes > 0 {
            self.frames_lost += 1;
        }
        self.parts = Self::empty(self.codec);
        self.bytes = 0;
        self.timestamp = None;
        self.damaged = false;
        self.waits_for_key = true;
    }
}
