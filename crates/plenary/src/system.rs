//! The clock and the randomness of the machine. Everything else is handed them.

use std::time::{SystemTime, UNIX_EPOCH};

use base::{Clock, Random, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let milliseconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            // A clock that stands before 1970: `doctor` names it.
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Timestamp(milliseconds)
    }
}

/// The operating system's generator, fit for secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// When the operating system gives no randomness: nothing secret could be made, so that
    /// ending is right.
    fn next_u64(&mut self) -> u64 {
        match getrandom::u64() {
            Ok(bits) => bits,
            Err(error) => panic!("the operating system gives no randomness: {error}"),
        }
    }
}
