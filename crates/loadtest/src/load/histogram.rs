//! Times in a fixed room: each power of two is cut into sixteen, so that a percentile is right to
//! six per cent whatever its size.

const STEPS_BITS: u32 = 4;
const STEPS: usize = 1 << STEPS_BITS;

/// Powers of two above the first: up to 17 minutes in nanoseconds.
const POWERS: usize = 36;

/// Counts of times in nanoseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; STEPS * (POWERS + 1)], total: 0, max_ns: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, ns: u64) {
        let last = self.counts.len() - 1;
        self.counts[index(ns).min(last)] += 1;
        self.total += 1;
        self.max_ns = self.max_ns.max(ns);
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (own, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *own += theirs;
        }
        self.total += other.total;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest.
    pub fn max_ns(&self) -> u64 {
        self.max_ns
    }

    /// The time that `thousandths` of all do not exceed; 0 when there are none.
    pub fn at(&self, thousandths: u64) -> u64 {
        let wanted = (self.total * thousandths).div_ceil(1_000).max(1);
        let mut passed = 0;
        for (at, count) in self.counts.iter().enumerate() {
            passed += count;
            if passed >= wanted {
                return upper(at).min(self.max_ns);
            }
        }
        self.max_ns
    }
}

fn index(ns: u64) -> usize {
    let bits = u64::BITS - ns.leading_zeros();
    let shift = bits.saturating_sub(STEPS_BITS + 1);
    let step = usize::try_from(ns >> shift).unwrap_or(0);
    shift as usize * STEPS + step
}

/// The largest time with this index.
fn upper(index: usize) -> u64 {
    let shift = (index / STEPS).saturating_sub(1);
    let step = index - shift * STEPS;
    ((step as u64 + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_to_a_sixteenth() {
        let mut histogram = Histogram::default();
        for ns in 1..=100_000 {
            histogram.add(ns * 1_000);
        }
        for (thousandths, expected) in [(500, 50_000_000), (950, 95_000_000), (990, 99_000_000)] {
            let found = histogram.at(thousandths);
            assert!(found >= expected && found - expected <= expected / 16, "{found}");
        }
        assert_eq!((histogram.at(1_000), histogram.max_ns()), (100_000_000, 100_000_000));
        assert_eq!(Histogram::default().at(500), 0);
    }

    #[test]
    fn every_time_has_a_place_of_its_own() {
        for ns in (0..70_000).chain([u64::from(u32::MAX), 1 << 39]) {
            let at = index(ns);
            assert!(upper(at) >= ns && (at == 0 || upper(at - 1) < ns), "{ns} at {at}");
        }
    }
}
