//! Whether somebody speaks: how loud it is above the room, and whether a voice carries it.

use std::collections::VecDeque;

use crate::SAMPLE_HZ;

/// Milliseconds of a frame.
pub const FRAME_MS: u64 = 20;

/// Samples of a frame.
pub const FRAME: usize = SAMPLE_HZ / 1_000 * FRAME_MS as usize;

/// How far above the room a voice is, in decibels.
const ABOVE_ROOM_DB: f32 = 8.0;

/// What is softer is not heard at all, in decibels below the loudest that a sample can be.
const SOFTEST_DB: f32 = -60.0;

/// The room is the softest of the last two seconds: speech has a gap in each such span, and a
/// steady noise none.
const ROOM_FRAMES: usize = 100;

/// Share of the sound that repeats itself at the pitch of a voice, from which on it is one.
const VOICED: f32 = 0.6;

/// The pitch of voices, in samples at half of the rate: 400 down to 62 Hz.
const PITCH: std::ops::Range<usize> = 20..130;

/// Samples compared for the pitch, at half of the rate: twice the longest period.
const PITCH_WINDOW: usize = 260;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activity {
    /// It is clearly louder than the room.
    pub active: bool,
    /// A voice, or something with its pitch, is in it.
    pub voiced: bool,
    /// How loud it is, in decibels.
    pub level_db: f32,
}

/// Judges frame after frame of one track.
#[derive(Debug)]
pub struct Detector {
    last: f32,
    levels: VecDeque<f32>,
    /// The last samples at half of the rate, for the pitch.
    halved: VecDeque<f32>,
}

impl Default for Detector {
    fn default() -> Self {
        // Until two seconds are heard, the room is taken to be a quiet one.
        let levels = VecDeque::from(vec![SOFTEST_DB; ROOM_FRAMES]);
        Self { last: 0.0, levels, halved: VecDeque::new() }
    }
}

impl Detector {
    /// Judges the next frame.
    pub fn push(&mut self, frame: &[f32]) -> Activity {
        let mut power = 0.0;
        for sample in frame {
            // What hums below the voice is taken away, what hisses in it is kept.
            let sharp = sample - 0.95 * self.last;
            self.last = *sample;
            power += sharp * sharp;
        }
        let level_db = 10.0 * (power / frame.len().max(1) as f32).max(1e-12).log10();
        self.levels.pop_front();
        self.levels.push_back(level_db);
        let room_db = self.levels.iter().copied().fold(f32::INFINITY, f32::min);
        let active = level_db > SOFTEST_DB && level_db > room_db + ABOVE_ROOM_DB;
        self.halved.extend(frame.chunks_exact(2).map(|two| (two[0] + two[1]) / 2.0));
        let surplus = self.halved.len().saturating_sub(PITCH_WINDOW + PITCH.end);
        self.halved.drain(..surplus);
        let voiced = active && self.pitch() > VOICED;
        Activity { active, voiced, level_db }
    }

    /// How much of the sound repeats itself with some pitch, 0 to 1.
    fn pitch(&mut self) -> f32 {
        let samples = self.halved.make_contiguous();
        if samples.len() < PITCH_WINDOW + PITCH.end {
            return 0.0;
        }
        let newest = &samples[PITCH.end..];
        let power: f32 = newest.iter().map(|sample| sample * sample).sum();
        let likeness = |lag: usize| {
            let older = &samples[PITCH.end - lag..][..PITCH_WINDOW];
            let older_power: f32 = older.iter().map(|sample| sample * sample).sum();
            let product: f32 = newest.iter().zip(older).map(|(new, old)| new * old).sum();
            product / (power * older_power).sqrt().max(1e-9)
        };
        PITCH.map(likeness).fold(0.0, f32::max)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Noise that is the same in each run.
    pub(crate) fn noise(seconds: usize, size: f32) -> Vec<f32> {
        let mut state = 0x2545_F491_u32;
        (0..seconds * SAMPLE_HZ)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                (state as f32 / u32::MAX as f32 - 0.5) * 2.0 * size
            })
            .collect()
    }

    /// Something like a voice at a pitch: all its harmonics, syllable after syllable.
    pub(crate) fn voice(seconds: f32, hz: f32) -> Vec<f32> {
        let length = (seconds * SAMPLE_HZ as f32) as usize;
        (0..length)
            .map(|n| {
                let t = n as f32 / SAMPLE_HZ as f32;
                let syllable = (t * 4.0 * std::f32::consts::PI).sin().abs();
                let harmonic = |k: f32| (t * hz * k * std::f32::consts::TAU).sin() / k;
                0.15 * syllable * (1..20_u8).map(|k| harmonic(f32::from(k))).sum::<f32>()
            })
            .collect()
    }

    fn shares(samples: &[f32]) -> (f32, f32) {
        let mut detector = Detector::default();
        let all: Vec<_> = samples.chunks_exact(FRAME).map(|frame| detector.push(frame)).collect();
        let share = |is: fn(&Activity) -> bool| {
            all.iter().filter(|activity| is(activity)).count() as f32 / all.len() as f32
        };
        (share(|activity| activity.active), share(|activity| activity.voiced))
    }

    #[test]
    fn a_voice_is_one_and_a_room_is_none() {
        let (active, voiced) = shares(&voice(10.0, 130.0));
        assert!(active > 0.7 && voiced > 0.5, "{active} {voiced}");
        let (active, voiced) = shares(&noise(60, 0.3));
        assert!(active < 0.05 && voiced == 0.0, "{active} {voiced}");
        assert_eq!(shares(&vec![0.0; 10 * SAMPLE_HZ]), (0.0, 0.0));
        let hum: Vec<f32> = (0..20 * SAMPLE_HZ)
            .map(|n| (n as f32 / SAMPLE_HZ as f32 * 50.0 * std::f32::consts::TAU).sin() * 0.3)
            .collect();
        assert!(shares(&hum).0 < 0.12, "{:?}", shares(&hum));
    }

    #[test]
    fn a_voice_above_a_noisy_room_is_heard() {
        let mut sound = noise(12, 0.005);
        for (sample, voice) in sound[3 * SAMPLE_HZ..].iter_mut().zip(voice(9.0, 200.0)) {
            *sample += voice;
        }
        let mut detector = Detector::default();
        let all: Vec<_> = sound.chunks_exact(FRAME).map(|frame| detector.push(frame)).collect();
        let active = |from: usize, until: usize| {
            all[from..until].iter().filter(|activity| activity.active).count()
        };
        assert!(active(100, 150) < 3, "two seconds tell what the room is like");
        assert!(active(150, 600) > 220);
    }
}
