//! A voice: its packets in order, decoded, cut into utterances, with our time.
//!
//! Times are milliseconds since an origin that the engine keeps, on a clock that never jumps.

use base::{EventId, Millis, PersonId};
use container::rtp::Sequencer;
use forwarding::sink::{Opened, SinkPacket};
use opus::{Channels, Decoder};

use crate::SAMPLE_HZ;
use crate::utterance::{Cutter, Utterance};

/// How long a lost packet may take to come.
const PATIENCE: Millis = Millis(200);

/// Ticks of the timestamps of Opus (RFC 7587) in a sample of ours.
const TICKS: u64 = 48_000 / SAMPLE_HZ as u64;

/// Longest packet of Opus, 120 ms, in samples.
const PACKET_SAMPLES_MAX: usize = SAMPLE_HZ / 1_000 * 120;

/// Missing samples up to this, 60 ms, are guessed by the decoder; more is a pause.
const CONCEALED_MAX: u64 = SAMPLE_HZ as u64 / 1_000 * 60;

/// A longer pause than an hour is no pause: the sender began to count anew.
const PAUSE_MAX: u64 = SAMPLE_HZ as u64 * 3_600;

/// Put between what was counted before and after, so that no utterance goes over it.
const ANEW: u64 = 2 * SAMPLE_HZ as u64;

/// The distance of the sender's clock to ours drifts by no more: 100 microseconds a second.
const DRIFT_MS_PER_S: f64 = 0.1;

/// No packet of a call is so late: the sender's clock was set.
const JUMP_MS: f64 = 5_000.0;

/// A voice.
pub(crate) struct Track {
    pub(crate) event: EventId,
    pub(crate) person: Option<PersonId>,
    opened_ms: i64,
    ssrc: Option<u32>,
    sequencer: Sequencer<(i64, SinkPacket)>,
    decoder: Decoder,
    /// The timestamp that the next packet has if none is missing.
    expected: Option<u32>,
    /// The sample at which it begins.
    position: u64,
    /// What is to be added to the time of a sample for ours: the least that any packet showed, and
    /// when that was.
    offset: Option<(f64, i64)>,
    cutter: Cutter,
}

/// An utterance with its time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timed {
    pub(crate) start_ms: i64,
    pub(crate) utterance: Utterance,
}

impl Track {
    pub(crate) fn new(opened: Opened, now_ms: i64) -> Result<Self, opus::Error> {
        Ok(Self {
            event: opened.event,
            person: opened.person,
            opened_ms: now_ms,
            ssrc: None,
            sequencer: Sequencer::new(PATIENCE),
            decoder: decoder()?,
            expected: None,
            position: 0,
            offset: None,
            cutter: Cutter::default(),
        })
    }

    /// Takes a packet.
    pub(crate) fn push(&mut self, packet: SinkPacket, arrived_ms: i64) -> Vec<Timed> {
        let mut ended = Vec::new();
        if self.ssrc.is_some_and(|ssrc| ssrc != packet.ssrc) {
            ended.extend(self.drain());
            self.begin_anew(&mut ended);
            self.sequencer = Sequencer::new(PATIENCE);
            if let Ok(decoder) = decoder() {
                self.decoder = decoder;
            }
        }
        self.ssrc = Some(packet.ssrc);
        self.sequencer.push(millis(arrived_ms), packet.sequence, (arrived_ms, packet));
        ended.extend(self.pop(arrived_ms));
        ended
    }

    /// The utterances that have ended by now.
    pub(crate) fn pop(&mut self, now_ms: i64) -> Vec<Timed> {
        let mut ended = Vec::new();
        while let Some((arrived_ms, packet)) = self.sequencer.pop(millis(now_ms)) {
            self.take(&packet, arrived_ms, &mut ended);
        }
        ended
    }

    /// What is being said, if enough of it is new since this was last asked; only of a voice whose
    /// person is known.
    pub(crate) fn peek(&mut self) -> Option<Timed> {
        self.person.as_ref()?;
        let utterance = self.cutter.peek()?;
        Some(self.timed(utterance))
    }

    /// The voice ends; gives what was under way.
    pub(crate) fn finish(&mut self) -> Vec<Timed> {
        let mut ended = self.drain();
        ended.extend(self.cutter.finish().map(|utterance| self.timed(utterance)));
        ended
    }

    fn drain(&mut self) -> Vec<Timed> {
        let mut ended = Vec::new();
        let left: Vec<_> = self.sequencer.drain().collect();
        for (arrived_ms, packet) in left {
            self.take(&packet, arrived_ms, &mut ended);
        }
        ended
    }

    fn take(&mut self, packet: &SinkPacket, arrived_ms: i64, ended: &mut Vec<Timed>) {
        if let Some(expected) = self.expected {
            let ticks = packet.timestamp.wrapping_sub(expected);
            let missing = u64::from(ticks) / TICKS;
            if ticks.cast_signed() < 0 || missing > PAUSE_MAX {
                self.begin_anew(ended);
            } else if (1..=CONCEALED_MAX).contains(&missing) {
                self.decode(&[], missing as usize, ended);
            } else {
                self.position += missing;
            }
        }
        let at_ms = self.position as f64 * 1_000.0 / SAMPLE_HZ as f64;
        self.observe(arrived_ms as f64 - at_ms, arrived_ms);
        let decoded = self.decode(&packet.payload, PACKET_SAMPLES_MAX, ended);
        let ticks = u32::try_from(decoded as u64 * TICKS).unwrap_or_default();
        self.expected = Some(packet.timestamp.wrapping_add(ticks));
    }

    /// Decodes a packet, or guesses what was in one that is missing; says how many samples it has.
    fn decode(&mut self, payload: &[u8], samples_max: usize, ended: &mut Vec<Timed>) -> usize {
        let mut samples = [0.0_f32; PACKET_SAMPLES_MAX];
        let decoded = self.decoder.decode_float(payload, &mut samples[..samples_max], false);
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(error) => {
                tracing::debug!(%error, "a packet of a voice cannot be decoded");
                return 0;
            }
        };
        let found = self.cutter.push(self.position, &samples[..decoded]);
        ended.extend(found.into_iter().map(|utterance| self.timed(utterance)));
        self.position += decoded as u64;
        decoded
    }

    /// The sender counts anew: what is under way ends.
    fn begin_anew(&mut self, ended: &mut Vec<Timed>) {
        ended.extend(self.cutter.finish().map(|utterance| self.timed(utterance)));
        self.position += ANEW;
        self.expected = None;
        self.offset = None;
    }

    fn observe(&mut self, candidate: f64, arrived_ms: i64) {
        let measured = (candidate, arrived_ms);
        self.offset = match self.offset {
            Some((least, since)) => {
                let drift = (arrived_ms - since).max(0) as f64 / 1_000.0 * DRIFT_MS_PER_S;
                let later = candidate - least;
                Some(if later > JUMP_MS || later <= drift { measured } else { (least, since) })
            }
            None => Some(measured),
        };
    }

    /// Nothing was heard before the sink was opened, whatever the network's delay says.
    fn timed(&self, utterance: Utterance) -> Timed {
        let offset = self.offset.map_or(0.0, |(least, _)| least);
        let start_ms = (utterance.start_ms() as f64 + offset) as i64;
        Timed { start_ms: start_ms.max(self.opened_ms), utterance }
    }
}

fn decoder() -> Result<Decoder, opus::Error> {
    Decoder::new(SAMPLE_HZ as u32, Channels::Mono)
}

fn millis(ms: i64) -> Millis {
    Millis(ms.max(0).unsigned_abs())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Instant;

    use forwarding::TrackKind;
    use forwarding::sink::Message;
    use opus::{Application, Encoder};

    use super::*;
    use crate::activity::tests::voice;
    use crate::queue::tests::{opened, packet};

    /// Packets of 20 ms of a sound at [`SAMPLE_HZ`].
    pub(crate) fn coded(samples: &[f32]) -> Vec<Vec<u8>> {
        let mut encoder =
            Encoder::new(SAMPLE_HZ as u32, Channels::Mono, Application::Voip).expect("opus");
        let frames = samples.chunks_exact(SAMPLE_HZ / 50);
        frames.map(|frame| encoder.encode_vec_float(frame, 400).expect("coded")).collect()
    }

    fn track(now_ms: i64) -> Track {
        let Message::Opened(opened) = opened(1, TrackKind::Microphone, Some("kazi")) else {
            unreachable!()
        };
        Track::new(*opened, now_ms).expect("a decoder")
    }

    fn sink_packet(number: u64, payload: &[u8]) -> SinkPacket {
        match packet(1, number, Instant::now(), payload) {
            Message::Packet(packet) => packet,
            _ => unreachable!(),
        }
    }

    /// Two seconds of silence, two of speech, two of silence.
    fn sound() -> Vec<Vec<u8>> {
        let mut sound = vec![0.0; 2 * SAMPLE_HZ];
        sound.extend(voice(2.0, 140.0));
        sound.extend(vec![0.0; 2 * SAMPLE_HZ]);
        coded(&sound)
    }

    #[test]
    fn times_are_those_of_the_least_delayed_packet() {
        let mut track = track(10_000);
        let mut ended = Vec::new();
        for (number, payload) in sound().iter().enumerate() {
            // Delays of 30 to 129 ms.
            let arrived_ms = 10_030 + number as i64 * 20 + (number as i64 * 37) % 100;
            ended.extend(track.push(sink_packet(number as u64, payload), arrived_ms));
        }
        ended.extend(track.finish());
        assert_eq!(ended.len(), 1);
        let start = ended[0].start_ms;
        assert!((11_780..12_150).contains(&start), "{start}");
        assert!((1_900..2_500).contains(&ended[0].utterance.length_ms()));
    }

    #[test]
    fn losses_disorder_and_rubbish_are_survived() {
        let mut track = track(0);
        let mut ended = Vec::new();
        let packets = sound();
        let mut order: Vec<usize> = (0..packets.len()).collect();
        for at in (10..packets.len() - 1).step_by(7) {
            order.swap(at, at + 1);
        }
        for (place, number) in order.into_iter().enumerate() {
            let arrived_ms = place as i64 * 20;
            let payload = match number % 25 {
                3 => continue,
                4 => &[0xFF, 0xFF, 0xFF][..],
                _ => &packets[number],
            };
            ended.extend(track.push(sink_packet(number as u64, payload), arrived_ms));
        }
        ended.extend(track.finish());
        assert_eq!(ended.len(), 1, "{ended:?}");
    }

    #[test]
    fn a_sender_that_begins_anew_is_followed() {
        let mut track = track(0);
        let mut ended = Vec::new();
        for round in 0..3_u32 {
            for (number, payload) in sound().iter().enumerate() {
                let mut packet = sink_packet(number as u64, payload);
                packet.ssrc = 7 + round;
                packet.timestamp = packet.timestamp.wrapping_sub(round * 1_000_000);
                let arrived_ms = i64::from(round) * 6_000 + number as i64 * 20;
                ended.extend(track.push(packet, arrived_ms));
            }
        }
        let starts: Vec<i64> = ended.iter().map(|timed| timed.start_ms).collect();
        assert_eq!(starts.len(), 3, "{starts:?}");
        for (start, expected) in starts.iter().zip([2_000, 8_000, 14_000]) {
            assert!((start - expected).abs() < 300, "{starts:?}");
        }
    }
}
