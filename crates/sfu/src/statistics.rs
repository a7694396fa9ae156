//! Counters and samples, for metrics. Nothing in them says whose they are.

use std::ops::AddAssign;
use std::time::Duration;

use crate::types::Ended;

/// Upper bounds of the round-trip times of viewers, in seconds: one continent, two, a satellite,
/// and what no talk can be held over.
pub const ROUND_TRIP_BOUNDS_S: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0];

/// Upper bounds of the estimated bandwidths of viewers, in bits a second: the voice alone, and the
/// layers of a picture.
pub const BANDWIDTH_BOUNDS_BPS: [f64; 10] =
    [64e3, 128e3, 256e3, 512e3, 1e6, 1.5e6, 2.5e6, 5e6, 1e7, 2e7];

/// Upper bounds of the shares of packets that are lost.
pub const LOSS_BOUNDS: [f64; 10] = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5];

/// Layers of the main picture that are told apart; more share the last.
pub const LAYERS_COUNTED: usize = 3;

/// How often values fell into the ranges below some bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Samples {
    /// For each bound, values up to it and above the bound before; the last are above all.
    pub counts: [u64; 11],
    /// The sum of all values.
    pub sum: f64,
}

impl Samples {
    /// Adds a value.
    pub fn note(&mut self, bounds: &[f64; 10], value: f64) {
        self.counts[bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
    }
}

impl AddAssign for Samples {
    fn add_assign(&mut self, other: Self) {
        add_all(&mut self.counts, other.counts);
        self.sum += other.sum;
    }
}

/// Declares the counters once: their fields and their sum.
macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// What the media engine has done since it started.
        #[derive(Debug, Clone, Copy, Default, PartialEq)]
        pub struct Statistics {
            $($(#[doc = $doc])+ pub $name: u64,)+
            /// Sessions that are over, by [`Ended`].
            pub ended: [u64; Ended::ALL.len()],
            /// Viewers now that get no main picture, and those that get it, by layer from the
            /// smallest.
            pub main_picture: [u64; 1 + LAYERS_COUNTED],
            /// Round-trip times of viewers in seconds, a sample each every two seconds.
            pub round_trips: Samples,
            /// Estimated bandwidths of viewers in bits a second, sampled likewise.
            pub bandwidths: Samples,
            /// Shares of the packets to viewers that were lost, sampled likewise.
            pub losses_out: Samples,
            /// Shares of the packets from publishers that were lost, sampled likewise.
            pub losses_in: Samples,
        }

        impl AddAssign for Statistics {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)+
                add_all(&mut self.ended, other.ended);
                add_all(&mut self.main_picture, other.main_picture);
                self.round_trips += other.round_trips;
                self.bandwidths += other.bandwidths;
                self.losses_out += other.losses_out;
                self.losses_in += other.losses_in;
            }
        }
    };
}

counters! {
    /// Publishing sessions now.
    publishers,
    /// Receiving sessions now.
    receivers,
    /// Tunnels now: peers who come by TCP or through the relay, some not proven yet.
    tunnels,
    /// Datagrams received.
    datagrams_in,
    /// Their bytes.
    bytes_in,
    /// Datagrams sent.
    datagrams_out,
    /// Their bytes.
    bytes_out,
    /// Datagrams that belonged to no session, or made no sense to the one they named.
    datagrams_ignored,
    /// Datagrams that the system would not take at that moment.
    datagrams_unsent,
    /// Datagrams lost because a tunnel, or a worker behind it, was slow.
    tunnel_datagrams_lost,
    /// Packets and requests lost between workers, because one fell behind.
    passings_lost,
    /// News for the server that it did not take up in time.
    events_lost,
    /// RTP packets received from publishers.
    packets_in,
    /// Times that publishers were asked to send packets again (NACK).
    nacks_sent,
    /// RTP packets handed to receivers.
    packets_forwarded,
    /// RTP packets that receivers asked for again and that were still there.
    repairs_asked,
    /// Of these, those that were sent again.
    repairs_sent,
    /// Key frames asked of publishers.
    key_frame_requests,
    /// Times a slot stayed empty because its receiver cannot decode what the publisher sends.
    codec_mismatches,
    /// Sessions whose DTLS handshake failed.
    handshakes_failed,
    /// Sessions that ended because of an error or panic inside them.
    peers_failed,
    /// Of these, panics.
    panics_caught,
}

/// What one worker thread has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkerLoad {
    /// Time on a processor, in nanoseconds.
    pub cpu_ns: u64,
    /// Time in its turns and not waiting, in nanoseconds.
    pub busy_ns: u64,
    /// Turns.
    pub turns: u64,
    /// Sessions that live on it.
    pub peers: u64,
}

impl WorkerLoad {
    /// Counts a turn that took so long.
    pub(crate) fn note_turn(&mut self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.busy_ns = self.busy_ns.saturating_add(ns);
        self.turns += 1;
    }
}

/// The media engine as a whole and its workers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overview {
    /// The sum of all workers.
    pub total: Statistics,
    /// Each worker.
    pub workers: Vec<WorkerLoad>,
}

fn add_all<const N: usize>(sum: &mut [u64; N], other: [u64; N]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other;
    }
}

/// Processor time of the calling thread.
pub(crate) fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let part = |part: i64| u64::try_from(part).unwrap_or(0);
    part(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_below_their_bound() {
        let mut samples = Samples::default();
        for value in [0.0, 0.005, 0.006, 2.0, 7.0] {
            samples.note(&ROUND_TRIP_BOUNDS_S, value);
        }
        assert_eq!(samples.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        let mut twice = samples;
        twice += samples;
        assert_eq!((twice.counts[0], twice.sum), (4, 2.0 * samples.sum));
    }

    #[test]
    fn workers_are_added_up() {
        let one = Statistics { packets_in: 3, ended: [1; Ended::ALL.len()], ..Default::default() };
        let mut sum = one;
        sum += one;
        assert_eq!((sum.packets_in, sum.ended[0], sum.packets_forwarded), (6, 2, 0));
    }

    #[test]
    fn a_thread_that_works_spends_processor_time() {
        let before = thread_cpu_ns();
        let mut number = 1_u64;
        while thread_cpu_ns() == before {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(thread_cpu_ns() > before);
    }
}
