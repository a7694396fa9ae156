//! What the layers of a stream cost.

use crate::codec::{LEVELS_MAX, Level};

/// Measurements kept: four seconds at four a second.
const WINDOW: usize = 16;

/// Measurements of a second, over which the peak is taken.
const PEAK_WINDOW: usize = 4;

/// The share of the peak second that a layer is taken to cost at the least, in percent: a picture
/// that rests now will move again, a key frame alone is no movement.
const PEAK_SHARE_PERCENT: u64 = 75;

/// The peak fades by this share in each measurement, in percent: halved in six seconds.
const PEAK_FADE_PERCENT: u64 = 3;

/// Bytes by spatial and temporal layer.
type Bytes = [[u64; LEVELS_MAX]; LEVELS_MAX];

/// The measurements of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    counting: Bytes,
    /// The last measurements in bits a second, as a ring.
    measured: [Bytes; WINDOW],
    next: usize,
    count: usize,
    peak: Bytes,
    /// How many measurements ago each layer was last seen.
    unseen: [[u8; LEVELS_MAX]; LEVELS_MAX],
}

impl Meter {
    pub(crate) const fn new() -> Self {
        const NOTHING: Bytes = [[0; LEVELS_MAX]; LEVELS_MAX];
        Self {
            counting: NOTHING,
            measured: [NOTHING; WINDOW],
            next: 0,
            count: 0,
            peak: NOTHING,
            unseen: [[u8::MAX; LEVELS_MAX]; LEVELS_MAX],
        }
    }

    /// A packet of `level` came.
    pub(crate) fn note(&mut self, level: Level, bytes: usize) {
        let (spatial, temporal) = (usize::from(level.spatial), usize::from(level.temporal));
        self.counting[spatial][temporal] += bytes as u64;
        self.unseen[spatial][temporal] = 0;
    }

    /// Takes stock after `length_micros`.
    pub(crate) fn measure(&mut self, length_micros: u64) {
        if length_micros == 0 {
            return;
        }
        self.measured[self.next] =
            self.counting.map(|row| row.map(|bytes| bytes * 8 * 1_000_000 / length_micros));
        self.next = (self.next + 1) % WINDOW;
        self.count = (self.count + 1).min(WINDOW);
        self.counting = Bytes::default();
        for spatial in 0..LEVELS_MAX {
            for temporal in 0..LEVELS_MAX {
                let second = self.mean(PEAK_WINDOW, spatial, temporal);
                let peak = &mut self.peak[spatial][temporal];
                *peak = (*peak - *peak * PEAK_FADE_PERCENT / 100).max(second);
                let unseen = &mut self.unseen[spatial][temporal];
                *unseen = unseen.saturating_add(1);
            }
        }
    }

    /// The mean of one layer over the last measurements.
    fn mean(&self, measurements: usize, spatial: usize, temporal: usize) -> u64 {
        let count = measurements.min(self.count);
        let sum: u64 = (1..=count)
            .map(|back| self.measured[(self.next + WINDOW - back) % WINDOW][spatial][temporal])
            .sum();
        sum / (count.max(1) as u64)
    }

    /// Bits a second to set aside for all layers up to `ceiling`: what they took over the last
    /// seconds, with regard to their peak.
    pub(crate) fn rate_bps(&self, ceiling: Level) -> u64 {
        let mut rate_bps = 0;
        for spatial in 0..=usize::from(ceiling.spatial) {
            for temporal in 0..=usize::from(ceiling.temporal) {
                let peak = self.peak[spatial][temporal] * PEAK_SHARE_PERCENT / 100;
                rate_bps += self.mean(WINDOW, spatial, temporal).max(peak);
            }
        }
        rate_bps
    }

    /// The highest spatial and the highest temporal layer that were seen lately.
    pub(crate) fn top(&self) -> Level {
        let mut top = Level::default();
        for (spatial, row) in (0..).zip(&self.unseen) {
            for (temporal, unseen) in (0..).zip(row) {
                if usize::from(*unseen) <= WINDOW {
                    top = Level {
                        spatial: top.spatial.max(spatial),
                        temporal: top.temporal.max(temporal),
                    };
                }
            }
        }
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(meter: &mut Meter, seconds: u64, rate_bps: usize, level: Level) {
        for _ in 0..seconds * 4 {
            meter.note(level, rate_bps / 8 / 4);
            meter.measure(250_000);
        }
    }

    #[test]
    fn a_rate_is_measured_at_once_and_smoothed_later() {
        let mut meter = Meter::new();
        assert_eq!((meter.rate_bps(Level::TOP), meter.top()), (0, Level::default()));
        seconds(&mut meter, 1, 1_000_000, Level::default());
        assert_eq!(meter.rate_bps(Level::TOP), 1_000_000);
        seconds(&mut meter, 1, 0, Level::default());
        let rests = meter.rate_bps(Level::TOP);
        assert!((500_000..750_000).contains(&rests), "the peak is remembered: {rests}");
        seconds(&mut meter, 40, 20_000, Level::default());
        let still = meter.rate_bps(Level::TOP);
        assert!((20_000..25_000).contains(&still), "and fades: {still}");
    }

    #[test]
    fn layers_add_up() {
        let mut meter = Meter::new();
        for _ in 0..16 {
            for (level, bytes) in
                [((0, 0), 3_125), ((0, 1), 3_125), ((1, 0), 6_250), ((1, 1), 6_250)]
            {
                meter.note(Level::new(level.0, level.1), bytes);
            }
            meter.measure(250_000);
        }
        let rate = |spatial, temporal| meter.rate_bps(Level::new(spatial, temporal));
        assert_eq!(
            [rate(0, 0), rate(0, 3), rate(1, 0), rate(3, 3)].map(|bps| bps / 1_000),
            [100, 200, 300, 600]
        );
        assert_eq!(meter.top(), Level::new(1, 1));
    }
}
