//! How busy a worker is, and how long it therefore gathers packets before it sends them.
//!
//! Sending is most of the work, and costs the less a packet the more of them leave in one call.
//! While there is room every packet leaves at once; as the load rises, packets of a frame that
//! come apart are gathered, so that the cost falls when it matters.

use std::time::{Duration, Instant};

/// Over this time the load is averaged: a few frames, so that a key frame alone changes little.
const AVERAGED: Duration = Duration::from_millis(500);

/// Below this share of its time in work a worker gathers nothing, above the other as long as it
/// may; between them in proportion.
const LIGHT: f32 = 0.3;
const HEAVY: f32 = 0.5;

/// The longest that a packet waits for others, below the 13 ms over which thin uplinks spread a
/// frame, and small beside the 20 ms of sound that lie in one packet.
const GATHER_MAX: Duration = Duration::from_millis(8);

/// The load of one worker.
#[derive(Debug)]
pub(crate) struct Load {
    average: f32,
    rested: Instant,
}

impl Load {
    pub(crate) fn new(now: Instant) -> Self {
        Self { average: 0.0, rested: now }
    }

    /// A turn went from `began` to `ended`.
    pub(crate) fn note(&mut self, began: Instant, ended: Instant) {
        let idle = began.saturating_duration_since(self.rested);
        let busy = ended.saturating_duration_since(began);
        self.rested = ended;
        for (length, share) in [(idle, 0.0), (busy, 1.0)] {
            let kept = (-length.as_secs_f32() / AVERAGED.as_secs_f32()).exp();
            self.average = share + (self.average - share) * kept;
        }
    }

    /// How long packets are to wait for others of their frame.
    pub(crate) fn gather(&self) -> Duration {
        let heavy = ((self.average - LIGHT) / (HEAVY - LIGHT)).clamp(0.0, 1.0);
        GATHER_MAX.mul_f32(heavy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of `busy` in every 10 ms, for three seconds.
    fn after(busy_ms: u64) -> Load {
        let start = Instant::now();
        let mut load = Load::new(start);
        for turn in 0..300 {
            let began = start + Duration::from_millis(10 * turn);
            load.note(began, began + Duration::from_millis(busy_ms));
        }
        load
    }

    #[test]
    fn packets_wait_only_under_load() {
        for (busy_ms, gather_ms) in [(0, 0..=0), (1, 0..=0), (2, 0..=0), (4, 3..=5), (6, 8..=8)] {
            let load = after(busy_ms);
            let share = busy_ms as f32 / 10.0;
            assert!((load.average - share).abs() < 0.02, "{busy_ms}: {}", load.average);
            let gather = load.gather().as_millis();
            assert!(gather_ms.contains(&gather), "{busy_ms}: {gather}");
        }
    }

    #[test]
    fn the_load_is_forgotten_when_it_is_over() {
        let mut load = after(9);
        let now = load.rested + Duration::from_secs(2);
        load.note(now, now);
        assert_eq!(load.gather(), Duration::ZERO);
    }
}
