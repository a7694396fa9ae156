//! The packets of one track become its frames, with our time; of several layers the largest that
//! arrives is taken.

use base::Millis;
use container::Codec;
use container::rtp::{Depacketiser, Frame, Packet, Sequencer};
use forwarding::sink::SinkPacket;

use crate::timing::{Offset, StreamClock};

/// How long a lost packet may take to be sent again.
const PATIENCE: Millis = Millis(250);

/// A layer of which no frame came for so long has stopped: its sender's line has become thin.
const LAYER_SILENCE_US: i64 = 1_500_000;

/// Layers of a track.
const LAYERS_MAX: usize = 4;

/// A frame with our time.
#[derive(Debug)]
pub(crate) struct Timed {
    pub(crate) at_us: i64,
    pub(crate) frame: Frame,
}

/// A track's packets on their way to frames.
#[derive(Debug)]
pub(crate) struct Stream {
    codec: Codec,
    layers: [Option<Layer>; LAYERS_MAX],
    chosen: Option<usize>,
}

#[derive(Debug)]
struct Layer {
    ssrc: u32,
    sequencer: Sequencer<SinkPacket>,
    depacketiser: Depacketiser,
    clock: StreamClock,
    /// Pixels of its pictures, once a key frame has told.
    pixels: u64,
    last_frame_us: Option<i64>,
}

impl Layer {
    fn new(codec: Codec, ssrc: u32) -> Self {
        Self {
            ssrc,
            sequencer: Sequencer::new(PATIENCE),
            depacketiser: Depacketiser::new(codec),
            clock: StreamClock::new(codec.clock_hz()),
            pixels: 0,
            last_frame_us: None,
        }
    }
}

impl Stream {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, layers: [None, None, None, None], chosen: None }
    }

    /// Takes a packet; `arrived_us` and `sender` are explained in [`crate::timing`].
    pub(crate) fn push(&mut self, sender: &mut Offset, packet: SinkPacket, arrived_us: i64) {
        let Some(place) = self.layers.get_mut(usize::from(packet.layer)) else { return };
        // A sender that begins anew: nothing of before fits.
        if place.as_ref().is_some_and(|layer| layer.ssrc != packet.ssrc) {
            *place = None;
        }
        let layer = place.get_or_insert_with(|| Layer::new(self.codec, packet.ssrc));
        layer.clock.observe(sender, packet.timestamp, packet.report, arrived_us);
        layer.sequencer.push(millis(arrived_us), packet.sequence, packet);
    }

    /// The frames that are whole by now, of the layer that is kept. `last` takes what still waits
    /// for something.
    pub(crate) fn pop(&mut self, sender: &Offset, now_us: i64, last: bool) -> Vec<Timed> {
        let mut out = Vec::new();
        for at in 0..LAYERS_MAX {
            let Some(layer) = &mut self.layers[at] else { continue };
            let mut ready: Vec<SinkPacket> =
                std::iter::from_fn(|| layer.sequencer.pop(millis(now_us))).collect();
            if last {
                ready.extend(layer.sequencer.drain());
            }
            let mut frames = Vec::new();
            for packet in ready {
                let frame = layer.depacketiser.push(&Packet {
                    sequence: packet.sequence,
                    timestamp: packet.timestamp,
                    marker: packet.marker,
                    payload: &packet.payload,
                });
                let Some(frame) = frame else { continue };
                if let Some(size) = frame.size {
                    layer.pixels = u64::from(size.width) * u64::from(size.height);
                }
                layer.last_frame_us = Some(now_us);
                let at_us = layer.clock.ours(sender, frame.timestamp);
                frames.push(Timed { at_us, frame });
            }
            for timed in frames {
                if timed.frame.key && self.is_better(at, now_us) {
                    self.chosen = Some(at);
                }
                if self.chosen == Some(at) {
                    out.push(timed);
                }
            }
        }
        out
    }

    /// A key frame is needed to begin, or to go on after a loss or with another layer.
    pub(crate) fn needs_key_frame(&self, now_us: i64) -> bool {
        if self.codec.is_audio() {
            return false;
        }
        let chosen = self.chosen.and_then(|at| self.layers[at].as_ref());
        chosen.is_none_or(|layer| layer.depacketiser.waits_for_key() || is_silent(layer, now_us))
    }

    /// Whether a key frame of this layer is to be switched to.
    fn is_better(&self, at: usize, now_us: i64) -> bool {
        let Some(chosen) = self.chosen.filter(|chosen| *chosen != at) else { return true };
        let (Some(now), Some(new)) = (&self.layers[chosen], &self.layers[at]) else { return true };
        new.pixels > now.pixels || is_silent(now, now_us) || now.depacketiser.waits_for_key()
    }
}

fn is_silent(layer: &Layer, now_us: i64) -> bool {
    layer.last_frame_us.is_none_or(|last| now_us.saturating_sub(last) > LAYER_SILENCE_US)
}

fn millis(us: i64) -> Millis {
    Millis((us / 1_000).max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use forwarding::sink::SinkId;

    use super::*;

    fn packet(layer: u8, sequence: u64, key: bool, width: u8) -> SinkPacket {
        let frame = if key {
            vec![0x10, 0x10, 0, 0, 0x9D, 0x01, 0x2A, width, 0, width, 0]
        } else {
            vec![0x10, 0x11, 0]
        };
        SinkPacket {
            sink: SinkId(1),
            layer,
            ssrc: u32::from(layer) + 1,
            sequence,
            timestamp: u32::try_from(sequence).expect("small") * 3_000,
            marker: true,
            key_frame_start: key,
            arrived: Instant::now(),
            report: None,
            payload: Arc::from(frame),
        }
    }

    /// What is kept, as layer numbers, while packets come at the given times.
    fn kept(rows: &[(i64, u8, bool)]) -> Vec<Option<u32>> {
        let (mut stream, mut sender) = (Stream::new(Codec::Vp8), Offset::default());
        let mut sequences = [0; LAYERS_MAX];
        let mut out = Vec::new();
        for (at_ms, layer, key) in rows {
            let sequence = &mut sequences[usize::from(*layer)];
            *sequence += 1;
            let width = 16 * (layer + 1);
            stream.push(&mut sender, packet(*layer, *sequence, *key, width), at_ms * 1_000);
            let frames = stream.pop(&sender, at_ms * 1_000, false);
            assert!(frames.len() <= 1);
            let chosen = frames.first().and(stream.chosen);
            out.push(chosen.map(|at| u32::try_from(at).expect("small")));
        }
        out
    }

    #[test]
    fn the_largest_layer_that_arrives_is_kept() {
        let rows = [
            (0, 0, true),
            (10, 1, false),
            (33, 0, false),
            (40, 1, true),
            (66, 0, false),
            (70, 1, false),
            // The large layer stops; the small one goes on with a key frame.
            (1_000, 0, false),
            (1_800, 0, false),
            (1_833, 0, true),
            (1_866, 0, false),
            // And comes back.
            (1_900, 1, true),
            (1_933, 0, true),
        ];
        let expected = [
            Some(0),
            None,
            Some(0),
            Some(1),
            None,
            Some(1),
            None,
            None,
            Some(0),
            Some(0),
            Some(1),
            None,
        ];
        assert_eq!(kept(&rows), expected);
    }

    #[test]
    fn a_lost_packet_may_still_come() {
        let (mut stream, mut sender) = (Stream::new(Codec::Vp8), Offset::default());
        let mut push = |at_ms: i64, sequence, key| {
            stream.push(&mut sender, packet(0, sequence, key, 16), at_ms * 1_000);
            stream.pop(&sender, at_ms * 1_000, false).len()
        };
        assert_eq!(push(0, 1, true), 1);
        assert_eq!(push(66, 3, false), 0);
        assert_eq!(push(150, 2, false), 2, "repaired");
        assert_eq!(push(200, 5, false), 0);
        assert_eq!(push(500, 6, false), 0, "given up");
        assert!(stream.needs_key_frame(500_000));
    }
}
