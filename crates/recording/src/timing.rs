//! From RTP timestamps to our own time.
//!
//! Times are microseconds since an origin that the recorder keeps, on a clock that never jumps.

use forwarding::sink::SenderReport;

/// The distance of two clocks is believed to drift by no more than this: cheap quartz keeps 100
/// microseconds a second.
const DRIFT_US_PER_S: i64 = 100;

/// The distance in use follows the measured one only when they are so far apart. Below that nobody
/// sees or hears it, and times stay even.
const STEP_US: i64 = 10_000;

/// No packet of a call is so late: the other clock was set back.
const JUMP_US: i64 = 5_000_000;

/// The smallest distance between a clock of somebody else's and ours, as seen by when things
/// arrive: whatever takes longer was delayed on its way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Offset {
    measured: Option<(i64, i64)>,
    in_use: i64,
}

impl Offset {
    /// Takes the arrival, by our clock, of what was sent at `theirs` by the other clock.
    pub(crate) fn observe(&mut self, theirs_us: i64, arrived_us: i64) {
        let candidate = arrived_us.saturating_sub(theirs_us);
        let Some((least, since)) = self.measured else {
            self.measured = Some((candidate, arrived_us));
            self.in_use = candidate;
            return;
        };
        let passed_us = arrived_us.saturating_sub(since).max(0);
        let drift = passed_us / 1_000 * DRIFT_US_PER_S / 1_000;
        if candidate.saturating_sub(least) > JUMP_US {
            self.measured = Some((candidate, arrived_us));
            self.in_use = candidate;
        } else if candidate <= least.saturating_add(drift) {
            self.measured = Some((candidate, arrived_us));
            if candidate.saturating_sub(self.in_use).abs() >= STEP_US {
                self.in_use = candidate;
            }
        }
    }

    /// Our time for a moment of the other clock.
    pub(crate) fn ours(&self, theirs_us: i64) -> i64 {
        theirs_us.saturating_add(self.in_use)
    }
}

/// The timestamps of one RTP stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamClock {
    hz: i64,
    /// The last timestamp, and the same without wrapping around.
    last: Option<(u32, i64)>,
    /// A timestamp without wrapping, and its moment by the sender's clock.
    report: Option<(i64, i64)>,
    /// Used until the sender has reported.
    arrivals: Offset,
}

impl StreamClock {
    pub(crate) fn new(hz: u32) -> Self {
        Self { hz: i64::from(hz.max(1)), last: None, report: None, arrivals: Offset::default() }
    }

    /// Takes a packet.
    pub(crate) fn observe(
        &mut self,
        sender: &mut Offset,
        timestamp: u32,
        report: Option<SenderReport>,
        arrived_us: i64,
    ) {
        let ticks = self.unwrap(timestamp);
        if self.last.is_none_or(|(_, last)| ticks > last) {
            self.last = Some((timestamp, ticks));
        }
        if let Some(SenderReport { clock_us, timestamp }) = report {
            self.report = Some((self.unwrap(timestamp), clock_us));
        }
        match self.by_sender(ticks) {
            Some(theirs_us) => sender.observe(theirs_us, arrived_us),
            None => self.arrivals.observe(self.us(ticks), arrived_us),
        }
    }

    /// Our time for a timestamp near the last one.
    pub(crate) fn ours(&self, sender: &Offset, timestamp: u32) -> i64 {
        let ticks = self.unwrap(timestamp);
        match self.by_sender(ticks) {
            Some(theirs_us) => sender.ours(theirs_us),
            None => self.arrivals.ours(self.us(ticks)),
        }
    }

    fn by_sender(&self, ticks: i64) -> Option<i64> {
        let (reported, clock_us) = self.report?;
        Some(clock_us.saturating_add(self.us(ticks - reported)))
    }

    fn us(&self, ticks: i64) -> i64 {
        ticks.saturating_mul(1_000_000) / self.hz
    }

    fn unwrap(&self, timestamp: u32) -> i64 {
        match self.last {
            None => i64::from(timestamp),
            Some((last, ticks)) => ticks + i64::from(timestamp.wrapping_sub(last).cast_signed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sender whose clock is an hour ahead sends a voice and a picture whose timestamps have
    /// nothing to do with each other; the network delays each packet differently.
    #[test]
    fn sound_and_picture_of_one_moment_have_one_time() {
        let mut sender = Offset::default();
        let (mut voice, mut picture) = (StreamClock::new(48_000), StreamClock::new(90_000));
        let hour_us = 3_600_000_000_i64;
        let delays = [40_000, 25_000, 90_000, 20_000, 31_000];
        let moment = |n: i64| n * 20_000;
        let voice_stamp = |n: i64| (4_294_960_000_i64 + n * 960) as u32;
        let picture_stamp = |n: i64| (77_i64 + n * 1_800) as u32;
        for n in 0..500_i64 {
            let arrived = moment(n) + delays[usize::try_from(n % 5).expect("small")];
            let report = |stamp: u32| {
                (n % 50 == 10)
                    .then_some(SenderReport { clock_us: moment(n) + hour_us, timestamp: stamp })
            };
            voice.observe(&mut sender, voice_stamp(n), report(voice_stamp(n)), arrived);
            picture.observe(&mut sender, picture_stamp(n), report(picture_stamp(n)), arrived);
            if n > 30 {
                let heard = voice.ours(&sender, voice_stamp(n));
                let seen = picture.ours(&sender, picture_stamp(n));
                assert!((heard - seen).abs() <= 20, "{n}: {heard} {seen}");
                let late = heard - moment(n);
                assert!((20_000..=30_000).contains(&late), "the least delay counts: {late}");
            }
        }
    }

    #[test]
    fn without_reports_arrivals_count() {
        let mut sender = Offset::default();
        let mut voice = StreamClock::new(48_000);
        for (n, delay) in [(0_u32, 50_000), (1, 10_000), (2, 80_000)] {
            voice.observe(&mut sender, n * 960, None, i64::from(n) * 20_000 + delay);
        }
        assert_eq!(voice.ours(&sender, 1_920), 50_000);
    }

    /// The wrong day in a sender's report moves nothing in our files.
    #[test]
    fn a_sender_whose_clock_jumps_is_followed() {
        let mut sender = Offset::default();
        let mut voice = StreamClock::new(48_000);
        let day_us = 86_400_000_000_i64;
        for n in 0..100_u32 {
            let (at, stamp) = (i64::from(n) * 20_000, n * 960);
            let jump = if n >= 50 { -day_us } else { 0 };
            let report = n
                .is_multiple_of(50)
                .then_some(SenderReport { clock_us: at + jump, timestamp: stamp });
            voice.observe(&mut sender, stamp, report, at + 5_000);
            let ours = voice.ours(&sender, stamp);
            if n != 50 {
                assert!((ours - at - 5_000).abs() < 20_000, "{n}: {ours}");
            }
        }
    }
}
