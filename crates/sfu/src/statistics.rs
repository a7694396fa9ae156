//! Counters.

/// What the media engine has done since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Publishing sessions now.
    pub publishers: u64,
    /// Receiving sessions now.
    pub receivers: u64,
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Datagrams that belonged to no session, or made no sense to the one they named.
    pub datagrams_ignored: u64,
    /// Datagrams that the system would not take at that moment.
    pub datagrams_unsent: u64,
    /// Packets and requests lost between workers, because one fell behind.
    pub passings_lost: u64,
    /// RTP packets received from publishers.
    pub packets_in: u64,
    /// RTP packets handed to receivers.
    pub packets_forwarded: u64,
    /// Key frames asked of publishers.
    pub key_frame_requests: u64,
    /// Times a slot stayed empty because its receiver cannot decode what the publisher sends.
    pub codec_mismatches: u64,
    /// Sessions that ended because of an error or panic inside them.
    pub peers_failed: u64,
    /// Of these, panics.
    pub panics_caught: u64,
}

impl std::ops::Add for Statistics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            publishers: self.publishers + other.publishers,
            receivers: self.receivers + other.receivers,
            datagrams_in: self.datagrams_in + other.datagrams_in,
            datagrams_out: self.datagrams_out + other.datagrams_out,
            datagrams_ignored: self.datagrams_ignored + other.datagrams_ignored,
            datagrams_unsent: self.datagrams_unsent + other.datagrams_unsent,
            passings_lost: self.passings_lost + other.passings_lost,
            packets_in: self.packets_in + other.packets_in,
            packets_forwarded: self.packets_forwarded + other.packets_forwarded,
            key_frame_requests: self.key_frame_requests + other.key_frame_requests,
            codec_mismatches: self.codec_mismatches + other.codec_mismatches,
            peers_failed: self.peers_failed + other.peers_failed,
            panics_caught: self.panics_caught + other.panics_caught,
        }
    }
}
