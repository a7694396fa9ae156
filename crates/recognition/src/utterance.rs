//! Cuts a track into utterances: from where somebody begins to speak to a pause.

use std::collections::VecDeque;

use crate::SAMPLE_HZ;
use crate::activity::{Activity, Detector, FRAME, FRAME_MS};

/// What is kept before the first sound and after the last: consonants begin softly.
const MARGIN_FRAMES: usize = 10;

/// Active frames among the last ones that begin an utterance: a click does not.
const ONSET: usize = 3;
const ONSET_OF: usize = 5;

/// The pause that ends an utterance, by how long that is already: at first that between sentences,
/// later that between clauses, so that captions do not wait.
const PAUSES: [(u64, u64); 3] = [(0, 600), (6_000, 300), (10_000, 160)];

/// Longest utterance. One without any pause is cut where it is softest in its last seconds.
const LENGTH_MS_MAX: u64 = 14_000;
const SOFTEST_WITHIN_MS: u64 = 4_000;

/// A gap in a track up to this is silence in it; a longer one ends the utterance.
const GAP_MAX: u64 = SAMPLE_HZ as u64;

/// What is being said can be looked at each time that so much is new.
const PEEK_MS: u64 = 2_000;

/// What must be in an utterance for anybody to have spoken: a short "no" has it.
const ACTIVE_MS_MIN: u64 = 160;
const VOICED_MS_MIN: u64 = 80;

/// What somebody said without a pause.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// Its first sample, counted from the beginning of the track.
    pub at: u64,
    /// Its sound.
    pub samples: Vec<f32>,
    /// For each frame of [`FRAME_MS`] whether it is louder than the room.
    pub active: Vec<bool>,
}

impl Utterance {
    /// How long it is, in milliseconds.
    pub fn length_ms(&self) -> u64 {
        self.samples.len() as u64 * 1_000 / SAMPLE_HZ as u64
    }

    /// When it begins, in milliseconds from the beginning of the track.
    pub fn start_ms(&self) -> u64 {
        self.at * 1_000 / SAMPLE_HZ as u64
    }
}

/// Cuts one track.
#[derive(Debug, Default)]
pub struct Cutter {
    detector: Detector,
    /// Samples short of a frame.
    rest: Vec<f32>,
    /// The first sample that is in no frame yet.
    next: u64,
    /// Frames before an utterance.
    before: VecDeque<(Vec<f32>, Activity)>,
    current: Option<Current>,
}

#[derive(Debug, Default)]
struct Current {
    at: u64,
    samples: Vec<f32>,
    frames: Vec<Activity>,
    /// How long it was when it was last looked at.
    peeked_ms: u64,
}

impl Cutter {
    /// Takes the samples that begin at `at`, counted from the beginning of the track; gives the
    /// utterances that end in them. Samples of before what was taken already are left out.
    pub fn push(&mut self, at: u64, samples: &[f32]) -> Vec<Utterance> {
        let mut ended = Vec::new();
        let expected = self.next + self.rest.len() as u64;
        let gap = at.saturating_sub(expected);
        if gap > GAP_MAX {
            ended.extend(self.finish());
            self.rest.clear();
            self.before.clear();
            self.next = at;
        } else {
            self.rest.extend(std::iter::repeat_n(0.0, usize::try_from(gap).unwrap_or_default()));
        }
        let known = usize::try_from(expected.saturating_sub(at)).unwrap_or(usize::MAX);
        self.rest.extend(samples.iter().skip(known));
        let all = std::mem::take(&mut self.rest);
        let frames = all.chunks_exact(FRAME);
        self.rest = frames.remainder().to_vec();
        for frame in frames {
            ended.extend(self.frame(frame));
        }
        ended
    }

    /// The utterance under way, if there is one; the track ends here.
    pub fn finish(&mut self) -> Option<Utterance> {
        self.current.take()?.utterance()
    }

    /// The utterance under way as far as it goes, if so much of it is new since this was last asked.
    pub fn peek(&mut self) -> Option<Utterance> {
        let current = self.current.as_mut()?;
        if current.length_ms() < current.peeked_ms + PEEK_MS {
            return None;
        }
        current.peeked_ms = current.length_ms();
        current.utterance()
    }

    /// How long the utterance under way is, in milliseconds.
    pub fn under_way_ms(&self) -> u64 {
        self.current.as_ref().map_or(0, Current::length_ms)
    }

    fn frame(&mut self, frame: &[f32]) -> Option<Utterance> {
        let activity = self.detector.push(frame);
        self.next += FRAME as u64;
        let Some(current) = &mut self.current else {
            self.before.push_back((frame.to_vec(), activity));
            if self.before.len() > MARGIN_FRAMES + ONSET_OF {
                self.before.pop_front();
            }
            let recent = self.before.iter().rev().take(ONSET_OF);
            if recent.filter(|(_, activity)| activity.active).count() >= ONSET {
                self.begin();
            }
            return None;
        };
        current.samples.extend_from_slice(frame);
        current.frames.push(activity);
        let length_ms = current.length_ms();
        let pause_ms = PAUSES.iter().rev().find(|(from, _)| length_ms >= *from).map_or(0, |p| p.1);
        let quiet = current.frames.iter().rev().take_while(|activity| !activity.active).count();
        if quiet as u64 * FRAME_MS >= pause_ms {
            return self.current.take()?.utterance();
        }
        if length_ms >= LENGTH_MS_MAX {
            return current.cut_at_softest().utterance();
        }
        None
    }

    fn begin(&mut self) {
        let mut current =
            Current { at: self.next - (self.before.len() * FRAME) as u64, ..Current::default() };
        for (samples, activity) in self.before.drain(..) {
            current.samples.extend(samples);
            current.frames.push(activity);
        }
        self.current = Some(current);
    }
}

impl Current {
    fn length_ms(&self) -> u64 {
        self.frames.len() as u64 * FRAME_MS
    }

    /// Takes off what lies before the softest moment of the last seconds.
    fn cut_at_softest(&mut self) -> Self {
        let within = (SOFTEST_WITHIN_MS / FRAME_MS) as usize;
        let from = self.frames.len().saturating_sub(within);
        let level = |at: &usize| {
            let near = &self.frames[at.saturating_sub(2)..(at + 3).min(self.frames.len())];
            near.iter().map(|activity| activity.level_db).sum::<f32>() / near.len() as f32
        };
        let softest = (from..self.frames.len()).min_by(|a, b| level(a).total_cmp(&level(b)));
        let cut = softest.unwrap_or(self.frames.len());
        let rest = Self {
            at: self.at + (cut * FRAME) as u64,
            samples: self.samples.split_off(cut * FRAME),
            frames: self.frames.split_off(cut),
            peeked_ms: 0,
        };
        std::mem::replace(self, rest)
    }

    /// `None` when nobody spoke in it.
    fn utterance(&self) -> Option<Utterance> {
        let count = |is: fn(&Activity) -> bool| {
            self.frames.iter().filter(|activity| is(activity)).count() as u64 * FRAME_MS
        };
        if count(|a| a.active) < ACTIVE_MS_MIN || count(|a| a.voiced) < VOICED_MS_MIN {
            return None;
        }
        let first = self.frames.iter().position(|activity| activity.active).unwrap_or_default();
        let last = self.frames.iter().rposition(|activity| activity.active).unwrap_or_default();
        let (from, until) = (
            first.saturating_sub(MARGIN_FRAMES),
            (last + 1 + MARGIN_FRAMES).min(self.frames.len()),
        );
        let samples = self.samples[from * FRAME..until * FRAME].to_vec();
        let active = self.frames[from..until].iter().map(|activity| activity.active).collect();
        Some(Utterance { at: self.at + (from * FRAME) as u64, samples, active })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::activity::tests::{noise, voice};

    const SECOND: usize = SAMPLE_HZ;

    fn cut(sound: &[f32]) -> Vec<Utterance> {
        let mut cutter = Cutter::default();
        let mut found = Vec::new();
        for (number, packet) in sound.chunks(333).enumerate() {
            found.extend(cutter.push(number as u64 * 333, packet));
        }
        found.extend(cutter.finish());
        found
    }

    fn spans(found: &[Utterance]) -> Vec<(u64, u64)> {
        found.iter().map(|u| (u.start_ms(), u.start_ms() + u.length_ms())).collect()
    }

    fn is_near(found: u64, expected: u64) -> bool {
        found.abs_diff(expected) <= 260
    }

    #[test]
    fn pauses_end_utterances_and_their_times_are_right() {
        let mut sound = vec![0.0; 2 * SECOND];
        sound.extend(voice(3.0, 120.0));
        sound.extend(vec![0.0; SECOND]);
        sound.extend(voice(2.0, 180.0));
        sound.extend(vec![0.0; 3 * SECOND]);
        let found = spans(&cut(&sound));
        assert_eq!(found.len(), 2, "{found:?}");
        for ((start, end), (from, until)) in found.iter().zip([(2_000, 5_000), (6_000, 8_000)]) {
            assert!(is_near(*start, from) && is_near(*end, until), "{found:?}");
        }
    }

    #[test]
    fn silence_noise_and_clicks_are_no_utterances() {
        assert!(cut(&vec![0.0; 60 * SECOND]).is_empty());
        assert!(cut(&noise(60, 0.2)).is_empty());
        let mut clicks = noise(20, 0.002);
        for at in (SECOND..19 * SECOND).step_by(SECOND / 2) {
            clicks[at..at + 80].fill(0.9);
        }
        assert!(cut(&clicks).is_empty());
        // Applause: bursts of noise, with no voice in it.
        let mut applause = noise(20, 0.002);
        for (burst, loud) in
            applause.chunks_mut(SECOND).zip(noise(20, 0.5).chunks(SECOND)).step_by(2)
        {
            burst.copy_from_slice(loud);
        }
        assert!(cut(&applause).is_empty());
    }

    #[test]
    fn somebody_who_never_pauses_is_cut_and_nothing_is_lost() {
        let sound = voice(60.0, 150.0);
        let found = cut(&sound);
        assert!(found.len() >= 4);
        assert!(found.iter().all(|u| u.length_ms() <= LENGTH_MS_MAX), "{:?}", spans(&found));
        let whole: u64 = found.iter().map(Utterance::length_ms).sum();
        assert!(whole >= 59_000, "{whole}");
    }

    #[test]
    fn what_is_being_said_can_be_looked_at_now_and_then() {
        let mut cutter = Cutter::default();
        let mut looks = Vec::new();
        for (number, packet) in voice(7.0, 150.0).chunks(320).enumerate() {
            cutter.push(number as u64 * 320, packet);
            looks.extend(cutter.peek().map(|utterance| utterance.length_ms()));
        }
        assert_eq!(looks.len(), 3, "{looks:?}");
        for (look, expected) in looks.iter().zip([2_000, 4_000, 6_000]) {
            assert!(is_near(*look, expected), "{looks:?}");
        }
        assert!(cutter.finish().is_some_and(|whole| is_near(whole.length_ms(), 7_000)));
    }

    #[test]
    fn a_gap_in_the_track_is_silence() {
        let mut cutter = Cutter::default();
        let speech = voice(1.0, 150.0);
        assert!(cutter.push(0, &speech).is_empty());
        // Discontinuous transmission: nothing comes while nobody speaks.
        let found = cutter.push(5 * SECOND as u64, &speech);
        assert_eq!(found.len(), 1);
        assert!(found[0].start_ms() < 200 && is_near(found[0].length_ms(), 1_000));
        let last = cutter.finish().expect("the second one");
        assert!(is_near(last.start_ms(), 5_000), "{}", last.start_ms());
    }

    proptest! {
        /// Whatever comes, in whatever order: what is kept is bounded, and utterances do not overlap.
        #[test]
        fn utterances_are_bounded_and_in_order(
            packets in prop::collection::vec((0_u64..40_000, 1_usize..3_000, 0.0_f32..0.9), 0..120)
        ) {
            let mut cutter = Cutter::default();
            let (mut at, mut reached) = (0_u64, 0_u64);
            let mut found = Vec::new();
            for (skip, length, size) in packets {
                // One packet in three leaps, some of them back.
                at = if skip % 3 == 0 { (at + skip).saturating_sub(9_000) } else { at };
                let samples: Vec<f32> = voice(length as f32 / 16_000.0, 140.0)
                    .into_iter().map(|sample| sample * size * 5.0).collect();
                found.extend(cutter.push(at, &samples));
                at += samples.len() as u64;
                prop_assert!(cutter.under_way_ms() <= LENGTH_MS_MAX);
                prop_assert!(cutter.rest.len() < FRAME && cutter.before.len() <= MARGIN_FRAMES + ONSET_OF);
            }
            found.extend(cutter.finish());
            for utterance in found {
                prop_assert!(utterance.at >= reached);
                prop_assert_eq!(utterance.active.len() * FRAME, utterance.samples.len());
                reached = utterance.at + utterance.samples.len() as u64;
            }
        }
    }
}
