//! The floor's voices in one track: decoded, added up, coded again, a few milliseconds of work for
//! each second of speech.
//!
//! Times are samples at 48 kHz since the beginning of the programme file.

use std::collections::BTreeMap;

use forwarding::sink::SinkId;
use opus::{Application, Bitrate, Channels, Decoder, Encoder};

/// Samples in a second.
const HZ: i64 = 48_000;

/// Samples of a coded frame: 20 ms.
pub(crate) const FRAME: usize = 960;

/// Samples that wait to be coded: the programme's delay several times over.
const WAITING: usize = 2 * HZ as usize;

/// Longest packet of Opus, 120 ms.
const PACKET_SAMPLES_MAX: usize = 5_760;

/// Longest coded frame (RFC 6716, section 3.4).
const CODED_BYTES_MAX: usize = 1_275;

/// A voice stays where it is put until its own time is so far away; smaller differences are the
/// jitter of measuring, and moving for them would crackle.
const RESYNC_SAMPLES: i64 = HZ / 20;

/// Clear for speech and bearable for music.
const BITRATE_BPS: i32 = 48_000;

/// Missing samples up to this are guessed by the decoder; more is a pause.
const CONCEALED_MAX: i64 = 3 * FRAME as i64;

/// Adds up voices and codes their sum.
pub(crate) struct Mixer {
    encoder: Encoder,
    voices: BTreeMap<SinkId, Voice>,
    /// The sum, from `next` on.
    sum: std::collections::VecDeque<f32>,
    /// The sample that is coded next.
    next: i64,
}

struct Voice {
    decoder: Decoder,
    /// Where its next sample belongs.
    next: i64,
    /// The timestamp that its next packet has if none is missing.
    timestamp: u32,
}

impl Mixer {
    pub(crate) fn new() -> Result<Self, opus::Error> {
        let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE_BPS))?;
        // Half of the best costs a third and cannot be told from it in speech.
        encoder.set_complexity(5)?;
        Ok(Self { encoder, voices: BTreeMap::new(), sum: [].into(), next: 0 })
    }

    /// The sample that is coded next.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// Counts from zero again; says where it stood. What waits to be coded stays.
    pub(crate) fn restart(&mut self) -> i64 {
        let stood = std::mem::take(&mut self.next);
        for voice in self.voices.values_mut() {
            voice.next -= stood;
        }
        stood
    }

    /// Adds a packet of a voice whose first sample belongs at `at`.
    pub(crate) fn add(&mut self, sink: SinkId, at: i64, timestamp: u32, packet: &[u8]) {
        let mut samples = [0.0_f32; PACKET_SAMPLES_MAX];
        let voice = match self.voices.entry(sink) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let Ok(decoder) = Decoder::new(48_000, Channels::Mono) else { return };
                new.insert(Voice { decoder, next: at, timestamp })
            }
        };
        let missing = i64::from(timestamp.wrapping_sub(voice.timestamp).cast_signed());
        let mut pieces: Vec<(i64, Vec<f32>)> = Vec::new();
        if (1..=CONCEALED_MAX).contains(&missing) {
            // A voice without a gap: what was lost is guessed.
            let length = usize::try_from(missing).unwrap_or(FRAME);
            if let Ok(guessed) = voice.decoder.decode_float(&[], &mut samples[..length], false) {
                pieces.push((voice.next, samples[..guessed].to_vec()));
            }
        }
        voice.next = voice.next.saturating_add(missing);
        if voice.next.saturating_sub(at).saturating_abs() > RESYNC_SAMPLES {
            voice.next = at;
        }
        let decoded = match voice.decoder.decode_float(packet, &mut samples, false) {
            Ok(decoded) => decoded,
            Err(error) => {
                tracing::debug!(%error, "a packet of a voice cannot be decoded");
                return;
            }
        };
        pieces.push((voice.next, samples[..decoded].to_vec()));
        voice.next = voice.next.saturating_add(i64::try_from(decoded).unwrap_or_default());
        voice.timestamp = timestamp.wrapping_add(u32::try_from(decoded).unwrap_or_default());
        for (at, piece) in pieces {
            self.add_samples(at, &piece);
        }
    }

    /// A voice has ended.
    pub(crate) fn forget(&mut self, sink: SinkId) {
        self.voices.remove(&sink);
    }

    /// The next coded frame, once the sum up to `until` is complete: its first sample and its bytes.
    pub(crate) fn next_frame(&mut self, until: i64) -> Option<(i64, Vec<u8>)> {
        if until - self.next < FRAME as i64 {
            return None;
        }
        let at = self.next;
        self.next += FRAME as i64;
        let mut frame = [0.0_f32; FRAME];
        for (sample, sum) in frame.iter_mut().zip(self.sum.drain(..FRAME.min(self.sum.len()))) {
            *sample = soft(sum);
        }
        let mut coded = [0; CODED_BYTES_MAX];
        match self.encoder.encode_float(&frame, &mut coded) {
            Ok(bytes) => Some((at, coded[..bytes].to_vec())),
            Err(error) => {
                tracing::warn!(%error, "20 ms of a programme's sound could not be coded");
                Some((at, Vec::new()))
            }
        }
    }

    fn add_samples(&mut self, at: i64, samples: &[f32]) {
        let first = at.saturating_sub(self.next);
        if first >= WAITING as i64 {
            return;
        }
        for (place, sample) in (first..).zip(samples) {
            // What comes later than the programme's delay has missed its moment; what lies too far
            // ahead belongs nowhere.
            let Ok(place) = usize::try_from(place) else { continue };
            if place >= WAITING {
                return;
            }
            if self.sum.len() <= place {
                self.sum.resize(place + 1, 0.0);
            }
            self.sum[place] += sample;
        }
    }
}

/// Two loud voices together bend instead of breaking.
fn soft(sample: f32) -> f32 {
    const KNEE: f32 = 0.8;
    let size = sample.abs();
    if size <= KNEE {
        return sample;
    }
    let over = size - KNEE;
    (KNEE + (1.0 - KNEE) * over / (over + 1.0 - KNEE)).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice that hums at this pitch, from a timestamp near the end of their range.
    fn hum(hz: f32, packets: usize) -> Vec<(u32, Vec<u8>)> {
        let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Audio).expect("opus");
        let mut out = Vec::new();
        for number in 0..packets {
            let sample = |n: usize| {
                let t = (number * FRAME + n) as f32 / HZ as f32;
                (t * hz * std::f32::consts::TAU).sin() * 0.5
            };
            let samples: Vec<f32> = (0..FRAME).map(sample).collect();
            let timestamp =
                (u32::MAX - 5_000).wrapping_add(u32::try_from(number * FRAME).expect("small"));
            out.push((timestamp, encoder.encode_vec_float(&samples, 400).expect("coded")));
        }
        out
    }

    fn strength(samples: &[f32], hz: f32) -> f32 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let angle = n as f32 / HZ as f32 * hz * std::f32::consts::TAU;
            real += sample * angle.cos();
            imaginary += sample * angle.sin();
        }
        2.0 * (real * real + imaginary * imaginary).sqrt() / samples.len() as f32
    }

    fn run(mixer: &mut Mixer, until: i64) -> Vec<f32> {
        let mut decoder = Decoder::new(48_000, Channels::Mono).expect("opus");
        let mut out = Vec::new();
        while let Some((at, coded)) = mixer.next_frame(until) {
            assert_eq!(at, out.len() as i64, "without a gap");
            let mut samples = [0.0; FRAME];
            let decoded = decoder.decode_float(&coded, &mut samples, false).expect("decoded");
            out.extend_from_slice(&samples[..decoded]);
        }
        out
    }

    #[test]
    fn two_voices_are_heard_together_each_in_its_time() {
        let mut mixer = Mixer::new().expect("opus");
        let (low, high) = (hum(300.0, 50), hum(700.0, 25));
        for (n, (timestamp, packet)) in low.iter().enumerate() {
            // Measured times jitter by a few milliseconds.
            let jitter = if n % 2 == 0 { 100 } else { -100 };
            mixer.add(SinkId(1), (n * FRAME) as i64 + jitter, *timestamp, packet);
        }
        for (n, (timestamp, packet)) in high.iter().enumerate() {
            mixer.add(SinkId(2), 24_000 + (n * FRAME) as i64, *timestamp, packet);
        }
        let sound = run(&mut mixer, HZ);
        assert_eq!(sound.len(), 48_000);
        let (first, second) = (&sound[4_800..19_200], &sound[28_800..43_200]);
        assert!(strength(first, 300.0) > 0.4 && strength(first, 700.0) < 0.05);
        assert!(strength(second, 300.0) > 0.4 && strength(second, 700.0) > 0.4);
    }

    #[test]
    fn a_lost_packet_leaves_no_hole_and_silence_is_silent() {
        let mut mixer = Mixer::new().expect("opus");
        for (n, (timestamp, packet)) in hum(300.0, 50).iter().enumerate() {
            if n != 20 {
                mixer.add(SinkId(1), (n * FRAME) as i64, *timestamp, packet);
            }
        }
        let sound = run(&mut mixer, 2 * HZ);
        let lost = &sound[20 * FRAME + 400..21 * FRAME];
        assert!(strength(lost, 300.0) > 0.2, "{}", strength(lost, 300.0));
        assert!(sound[60_000..].iter().all(|sample| sample.abs() < 0.01));
    }

    #[test]
    fn what_comes_too_late_or_out_of_nowhere_is_left_out() {
        let mut mixer = Mixer::new().expect("opus");
        run(&mut mixer, HZ);
        for (at, (timestamp, packet)) in [0, i64::MAX / 2, i64::MIN / 2].iter().zip(hum(300.0, 3)) {
            mixer.add(SinkId(1), *at, timestamp, &packet);
        }
        assert!(mixer.sum.len() <= WAITING);
        mixer.add(SinkId(2), HZ, 0, &[0xFF; 3]);
    }
}
