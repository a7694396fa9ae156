//! Token buckets: how often something may be done.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Addresses told apart at once. Two addresses may share a bucket; which ones cannot be foreseen
/// from outside. A table of fixed size needs no cleaning and cannot be filled up by a flood.
const BUCKETS: usize = 4_096;

/// How often: `burst` at once, then `per_second`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Most at once.
    pub burst: u32,
    /// Regained each second.
    pub per_second: f64,
}

/// One bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: f64::from(rate.burst), at: now }
    }

    /// Takes one token; `false` when there is none.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        self.refill(rate, now);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }

    fn has_one(&mut self, rate: Rate, now: Instant) -> bool {
        self.refill(rate, now);
        self.tokens >= 1.0
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * rate.per_second).min(f64::from(rate.burst));
        self.at = now;
    }
}

/// A bucket for each address.
pub(crate) struct PerAddress {
    rate: Rate,
    seed: RandomState,
    buckets: Mutex<Vec<Bucket>>,
}

impl PerAddress {
    pub(crate) fn new(rate: Rate) -> Self {
        let buckets = vec![Bucket::full(rate, Instant::now()); BUCKETS];
        Self { rate, seed: RandomState::new(), buckets: Mutex::new(buckets) }
    }

    /// Takes one token of this address; `false` when it has none.
    pub(crate) fn take(&self, address: IpAddr) -> bool {
        self.with(address, |bucket, rate| bucket.take(rate, Instant::now()))
    }

    /// True while this address has a token left.
    pub(crate) fn has_one(&self, address: IpAddr) -> bool {
        self.with(address, |bucket, rate| bucket.has_one(rate, Instant::now()))
    }

    fn with(&self, address: IpAddr, act: impl FnOnce(&mut Bucket, Rate) -> bool) -> bool {
        let hash = self.seed.hash_one(network(address));
        let index = usize::try_from(hash % BUCKETS as u64).unwrap_or_default();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get_mut(index).is_none_or(|bucket| act(bucket, self.rate))
    }
}

/// Who has an IPv6 address has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate { burst: 2, per_second: 1.0 };

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(RATE, start);
        let at = |ms| start + Duration::from_millis(ms);
        let taken = [0, 0, 0, 500, 1_000, 1_100, 60_000, 60_000, 60_000];
        let taken = taken.map(|ms| bucket.take(RATE, at(ms)));
        assert_eq!(taken, [true, true, false, false, true, false, true, true, false]);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
