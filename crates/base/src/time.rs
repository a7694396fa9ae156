//! Time as a value. Whoever needs the present moment is given it.

use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00 UTC, without leap seconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "number"))]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds, never negative.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "number"))]
pub struct Millis(pub u64);

impl Millis {
    /// A length given in seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000)
    }

    /// A length given in minutes.
    pub const fn from_minutes(minutes: u64) -> Self {
        Self(minutes * 60_000)
    }
}

impl Timestamp {
    /// The time that passed since `earlier`; zero when the clock went backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// The moment `length` after this one.
    #[must_use]
    pub fn plus(self, length: Millis) -> Self {
        Self(self.0.saturating_add_unsigned(length.0))
    }
}

/// Where the present moment comes from. The binary hands in the system's clock, tests hand in a
/// [`ManualClock`].
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward by `length`.
    pub fn advance(&self, length: Millis) {
        self.0.fetch_add(i64::try_from(length.0).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock, backwards too, as a wrongly set machine would.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_runs_below_zero_nor_over_the_end() {
        let (early, late) = (Timestamp(-5_000), Timestamp(7_000));
        assert_eq!(late.since(early), Millis::from_secs(12));
        assert_eq!(early.since(late), Millis(0));
        assert_eq!(Timestamp(i64::MAX).since(Timestamp(i64::MIN)), Millis(i64::MAX.unsigned_abs()));
        assert_eq!(early.plus(Millis::from_minutes(1)), Timestamp(55_000));
        assert_eq!(late.plus(Millis(u64::MAX)), Timestamp(i64::MAX));
    }

    #[test]
    fn a_manual_clock_moves_only_when_told_to() {
        let clock = ManualClock::new(Timestamp(10));
        clock.advance(Millis(5));
        assert_eq!(clock.now(), Timestamp(15));
        clock.set(Timestamp(-1));
        assert_eq!(clock.now(), Timestamp(-1));
    }
}
