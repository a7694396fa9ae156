//! How much a viewer's line carries: an estimate from the delay and the loss that the browser
//! reports for the packets we sent (transport-wide feedback).
//!
//! The method is that of Google Congestion Control (draft-ietf-rmcat-gcc-02) in its sender-side
//! form: a line fitted through the accumulated one-way delay of packet groups tells whether a
//! queue builds up; then the rate is cut to a share of what arrived. While the queue is level, it
//! grows. Loss beyond a tenth cuts it as well. As long as less is sent than the estimate allows,
//! the estimate may not run away from what has been proven, so that growth beyond the present
//! layer needs probes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rtcp::Arrivals;

/// What is assumed before anything is known: the voices and the middle layer pass.
pub const START_BPS: f64 = 800_000.0;

/// Below this not even the voice passes, so there is nothing left to adapt.
const MIN_BPS: f64 = 40_000.0;

/// Above this nothing is gained: all layers of all slots together take less.
const MAX_BPS: f64 = 20_000_000.0;

/// Packets whose fate is remembered: four seconds at 1.5 Mbit/s, ten times a usual round trip and
/// feedback interval.
const SENT_MAX: usize = 1_024;

/// Packets sent within this time are one group, as a frame leaves in a burst (GCC section 5.1).
const GROUP: Duration = Duration::from_millis(5);

/// Groups through which the line is fitted.
const WINDOW: usize = 20;

/// Smoothing of the accumulated delay.
const SMOOTHING: f64 = 0.9;

/// Weight of the slope against the threshold.
const GAIN: f64 = 4.0;

/// How long the slope must be above the threshold before a queue is believed in.
const OVERUSE: Duration = Duration::from_millis(10);

/// The share of the arriving rate that remains after a queue was seen.
const BACK_OFF: f64 = 0.85;

/// How much the estimate may be above what has been seen to arrive.
const PROVEN_FACTOR: f64 = 1.5;

/// Loss above this share cuts the rate, below [`LOSS_LOW`] it may grow (GCC section 6).
const LOSS_HIGH: f64 = 0.10;
const LOSS_LOW: f64 = 0.02;

/// A probe of fewer packets says nothing.
const PROBE_PACKETS_MIN: u64 = 5;

/// The share of a probe's rate that is believed: the line must carry it for longer than a burst.
const PROBE_SHARE: f64 = 0.85;

/// How much one probe may raise the estimate: its few packets fit into the queue of a line that
/// carries less.
const PROBE_GAIN_MAX: f64 = 3.0;

/// How long arrivals are counted for the arriving rate.
const RATE_WINDOW: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Instant,
    bytes: u32,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: Instant,
    last_sent: Instant,
    /// Arrival of its last packet, in 250 µs.
    arrival: i64,
}

/// The estimator of one peer.
#[derive(Debug)]
pub struct Bandwidth {
    /// Sent packets, oldest first; the newest has the number `next - 1`.
    sent: VecDeque<Sent>,
    next: u64,
    group: Option<Group>,
    previous: Option<Group>,
    first_arrival: Option<i64>,
    accumulated_ms: f64,
    smoothed_ms: f64,
    window: VecDeque<(f64, f64)>,
    threshold: f64,
    overuse_since: Option<Instant>,
    last_slope: f64,
    last_threshold_at: Option<Instant>,
    estimate_bps: f64,
    loss: f64,
    last_increase: Option<Instant>,
    last_decrease: Option<Instant>,
    last_queue: Option<Instant>,
    arrived: VecDeque<(Instant, u32)>,
    arrived_bytes: u64,
    reported_to: u64,
    probe: Option<Probe>,
}

/// A burst sent on purpose to find out what the line carries.
#[derive(Debug, Clone, Copy)]
struct Probe {
    first: u64,
    /// One past the last; `None` while it is being sent.
    end: Option<u64>,
    received_bytes: u64,
    received: u64,
    first_arrival: i64,
    last_arrival: i64,
}

/// What the slope of the delay says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Level,
    Growing,
    Shrinking,
}

impl Default for Bandwidth {
    fn default() -> Self {
        Self {
            sent: VecDeque::new(),
            next: 0,
            group: None,
            previous: None,
            first_arrival: None,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            window: VecDeque::with_capacity(WINDOW),
            threshold: 12.5,
            overuse_since: None,
            last_slope: 0.0,
            last_threshold_at: None,
            estimate_bps: START_BPS,
            loss: 0.0,
            last_increase: None,
            last_decrease: None,
            last_queue: None,
            arrived: VecDeque::new(),
            arrived_bytes: 0,
            reported_to: 0,
            probe: None,
        }
    }
}

impl Bandwidth {
    /// The number that the next packet carries, counted on for this one.
    pub fn sent(&mut self, now: Instant, bytes: usize) -> u16 {
        let number = self.next;
        self.next += 1;
        if self.sent.len() == SENT_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent { at: now, bytes: u32::try_from(bytes).unwrap_or(u32::MAX) });
        u16::try_from(number & 0xffff).unwrap_or_default()
    }

    /// The present estimate in bits a second.
    pub fn estimate_bps(&self) -> u64 {
        // The value lies between MIN_BPS and MAX_BPS.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
        let bps = self.estimate_bps as u64;
        bps
    }

    /// When the estimate was last cut.
    pub fn last_cut(&self) -> Option<Instant> {
        self.last_decrease
    }

    /// What is sent until [`Self::end_probe`] is a burst that asks the line for more.
    pub fn begin_probe(&mut self) {
        self.probe = Some(Probe {
            first: self.next,
            end: None,
            received_bytes: 0,
            received: 0,
            first_arrival: i64::MAX,
            last_arrival: i64::MIN,
        });
    }

    /// See [`Self::begin_probe`].
    pub fn end_probe(&mut self) {
        let next = self.next;
        if let Some(probe) = &mut self.probe {
            probe.end = Some(next);
        }
    }

    /// The share of packets lost lately, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// When a queue was last seen to grow: more was sent than the line carries.
    pub fn last_queue(&self) -> Option<Instant> {
        self.last_queue
    }

    /// Takes up what the browser reported.
    pub fn handle_arrivals(&mut self, now: Instant, arrivals: &Arrivals) {
        let Some(first) = self.extend(arrivals.base) else { return };
        let oldest = self.next - self.sent.len() as u64;
        let (mut received, mut lost) = (0_u32, 0_u32);
        let mut queue = Queue::Level;
        for (number, arrival) in (first..).zip(&arrivals.packets) {
            if number < oldest || number >= self.next {
                continue;
            }
            let fresh = number >= self.reported_to;
            let place = usize::try_from(number - oldest).unwrap_or(usize::MAX);
            let Some(sent) = self.sent.get(place).copied() else { continue };
            match arrival {
                Some(arrival) => {
                    if fresh {
                        received += 1;
                    }
                    self.note_arrival(now, sent.bytes);
                    if let Some(probe) = &mut self.probe {
                        probe.note(number, sent.bytes, *arrival);
                    }
                    let said = self.note_group(now, sent.at, *arrival);
                    if queue == Queue::Level || said == Queue::Growing {
                        queue = said;
                    }
                }
                None if fresh => lost += 1,
                None => {}
            }
        }
        self.reported_to =
            self.reported_to.max((first + arrivals.packets.len() as u64).min(self.next));
        if received + lost > 0 {
            let share = f64::from(lost) / f64::from(received + lost);
            self.loss += (share - self.loss) * 0.3;
        }
        self.adapt(now, queue);
        self.conclude_probe();
    }

    /// When all of a probe is reported, the rate at which it arrived is what the line carries.
    fn conclude_probe(&mut self) {
        let Some(probe) = self.probe else { return };
        let Some(end) = probe.end.filter(|end| *end <= self.reported_to) else { return };
        self.probe = None;
        let whole = probe.received * 10 >= (end - probe.first) * 8;
        // On a fast line the whole burst arrives within one unit of the report.
        let units = (probe.last_arrival - probe.first_arrival).max(1);
        if !whole || probe.received < PROBE_PACKETS_MIN {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a burst of some packets")]
        let bps = probe.received_bytes as f64 * 8.0 / (units as f64 * 250e-6);
        // Raised only: a burst that was slowed by its own length says little.
        let believed = (bps * PROBE_SHARE).min(self.estimate_bps * PROBE_GAIN_MAX);
        self.estimate_bps = self.estimate_bps.max(believed).clamp(MIN_BPS, MAX_BPS);
    }

    fn arriving_bps(&self, now: Instant) -> f64 {
        let span = self
            .arrived
            .front()
            .map_or(RATE_WINDOW, |(at, _)| now.saturating_duration_since(*at))
            .max(RATE_WINDOW / 2);
        #[expect(clippy::cast_precision_loss, reason = "bytes of half a second")]
        let bits = self.arrived_bytes as f64 * 8.0;
        bits / span.as_secs_f64()
    }

    /// The full number that belongs to the lower 16 bits of one of the packets sent lately.
    fn extend(&self, lower: u16) -> Option<u64> {
        let last = self.next.checked_sub(1)?;
        let behind = u16::try_from(last & 0xffff).unwrap_or_default().wrapping_sub(lower);
        last.checked_sub(u64::from(behind))
    }

    fn note_arrival(&mut self, now: Instant, bytes: u32) {
        self.arrived.push_back((now, bytes));
        self.arrived_bytes += u64::from(bytes);
        while let Some((at, bytes)) = self.arrived.front().copied() {
            let old = now.saturating_duration_since(at) > RATE_WINDOW;
            if !old && self.arrived.len() <= SENT_MAX {
                break;
            }
            self.arrived.pop_front();
            self.arrived_bytes -= u64::from(bytes);
        }
    }

    /// Adds a packet to its group; when a group is complete, says what the queue does.
    fn note_group(&mut self, now: Instant, sent: Instant, arrival: i64) -> Queue {
        let Some(group) = &mut self.group else {
            self.group = Some(Group { first_sent: sent, last_sent: sent, arrival });
            return Queue::Level;
        };
        if sent < group.first_sent {
            return Queue::Level;
        }
        if sent.saturating_duration_since(group.first_sent) <= GROUP {
            group.last_sent = group.last_sent.max(sent);
            group.arrival = group.arrival.max(arrival);
            return Queue::Level;
        }
        let complete = *group;
        self.group = Some(Group { first_sent: sent, last_sent: sent, arrival });
        let previous = self.previous.replace(complete);
        let Some(previous) = previous else { return Queue::Level };
        let sent_ms =
            complete.last_sent.saturating_duration_since(previous.last_sent).as_secs_f64() * 1e3;
        #[expect(clippy::cast_precision_loss, reason = "differences of arrival are small")]
        let arrived_ms = (complete.arrival - previous.arrival) as f64 * 0.25;
        // A pause of a second is no queue; begin a new line after it.
        if sent_ms > 1_000.0 || arrived_ms.abs() > 2_000.0 {
            self.window.clear();
            self.accumulated_ms = 0.0;
            self.smoothed_ms = 0.0;
            return Queue::Level;
        }
        self.note_delay(now, arrived_ms - sent_ms, complete.arrival)
    }

    fn note_delay(&mut self, now: Instant, delta_ms: f64, arrival: i64) -> Queue {
        let origin = *self.first_arrival.get_or_insert(arrival);
        self.accumulated_ms += delta_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one event")]
        let at_ms = (arrival - origin) as f64 * 0.25;
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back((at_ms, self.smoothed_ms));
        if self.window.len() < WINDOW {
            return Queue::Level;
        }
        #[expect(clippy::cast_precision_loss, reason = "twenty")]
        let slope = slope(&self.window) * GAIN * WINDOW.min(60) as f64;
        let since = self.last_threshold_at.replace(now).map_or(0.0, |at| {
            now.saturating_duration_since(at).min(Duration::from_millis(100)).as_secs_f64() * 1e3
        });
        // The threshold follows the slope slowly, so that a competing stream cannot starve us
        // (GCC section 5.4).
        if (slope.abs() - self.threshold) < 15.0 {
            let gain = if slope.abs() < self.threshold { 0.039 } else { 0.0087 };
            self.threshold += since * gain * (slope.abs() - self.threshold);
            self.threshold = self.threshold.clamp(6.0, 600.0);
        }
        let queue = if slope > self.threshold {
            let since = *self.overuse_since.get_or_insert(now);
            let long = now.saturating_duration_since(since) >= OVERUSE;
            if long && slope >= self.last_slope { Queue::Growing } else { Queue::Level }
        } else {
            self.overuse_since = None;
            if slope < -self.threshold { Queue::Shrinking } else { Queue::Level }
        };
        self.last_slope = slope;
        queue
    }

    fn adapt(&mut self, now: Instant, queue: Queue) {
        let arriving = self.arriving_bps(now);
        if queue == Queue::Growing {
            self.last_queue = Some(now);
        }
        let recently = |at: Option<Instant>, length: Duration| {
            at.is_some_and(|at| now.saturating_duration_since(at) < length)
        };
        if queue == Queue::Growing && !recently(self.last_decrease, Duration::from_millis(200)) {
            self.estimate_bps = self.estimate_bps.min(BACK_OFF * arriving);
            self.last_decrease = Some(now);
            self.overuse_since = None;
        } else if self.loss > LOSS_HIGH {
            if !recently(self.last_decrease, Duration::from_millis(300)) {
                self.estimate_bps *= 1.0 - 0.5 * self.loss;
                self.last_decrease = Some(now);
            }
        } else if queue == Queue::Level && self.loss < LOSS_LOW.max(LOSS_HIGH / 2.0) {
            let passed = self.last_increase.map_or(Duration::ZERO, |at| {
                now.saturating_duration_since(at).min(Duration::from_secs(1))
            });
            let grown = self.estimate_bps * 1.08_f64.powf(passed.as_secs_f64() * 2.0);
            let proven = (PROVEN_FACTOR * arriving + 10_000.0).max(self.estimate_bps);
            self.estimate_bps = grown.min(proven);
        }
        self.last_increase = Some(now);
        self.estimate_bps = self.estimate_bps.clamp(MIN_BPS, MAX_BPS);
    }
}

impl Probe {
    fn note(&mut self, number: u64, bytes: u32, arrival: i64) {
        if number < self.first || self.end.is_some_and(|end| number >= end) {
            return;
        }
        self.received += 1;
        // The first packet's arrival begins the measured span, so its bytes do not count.
        if self.first_arrival != i64::MAX {
            self.received_bytes += u64::from(bytes);
        }
        self.first_arrival = self.first_arrival.min(arrival);
        self.last_arrival = self.last_arrival.max(arrival);
    }
}

/// Slope of the least-squares line through the points.
fn slope(points: &VecDeque<(f64, f64)>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "twenty points")]
    let count = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0, y + p.1));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), (x, y)| {
        (above + (x - mean_x) * (y - mean_y), below + (x - mean_x) * (x - mean_x))
    });
    if below == 0.0 { 0.0 } else { above / below }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of `rate_bps` with a queue of at most half a second, 40 ms long. Sends frames of
    /// 1,200-byte packets at `send` of the estimate, 25 a second, and returns the estimates.
    fn run(
        bandwidth: &mut Bandwidth,
        start: Instant,
        seconds: u64,
        rate_bps: f64,
        loss_every: u64,
        send: impl Fn(f64) -> f64,
    ) -> f64 {
        let mut link_free = 0.0_f64;
        let mut pending: Vec<(u64, Option<i64>)> = Vec::new();
        let mut debt = 0.0;
        for frame in 0..seconds * 25 {
            let at = start + Duration::from_millis(frame * 40);
            #[expect(clippy::cast_precision_loss, reason = "a test of minutes")]
            let t = (frame * 40) as f64 / 1e3;
            debt += send(bandwidth.estimate_bps) / 25.0;
            while debt > 0.0 {
                debt -= 1_200.0 * 8.0;
                let number = bandwidth.next;
                bandwidth.sent(at, 1_200);
                let begins = link_free.max(t);
                let dropped =
                    begins - t > 0.5 || (loss_every > 0 && number.is_multiple_of(loss_every));
                if dropped {
                    pending.push((number, None));
                    continue;
                }
                link_free = begins + 1_200.0 * 8.0 / rate_bps;
                #[expect(clippy::cast_possible_truncation, reason = "a test of minutes")]
                let arrival = ((link_free + 0.04) * 4_000.0) as i64;
                pending.push((number, Some(arrival)));
            }
            if frame % 3 == 2 && !pending.is_empty() {
                let base = u16::try_from(pending[0].0 & 0xffff).expect("16 bits");
                let packets = pending.drain(..).map(|(_, arrival)| arrival).collect();
                let report_at = at + Duration::from_millis(80);
                bandwidth.handle_arrivals(report_at, &Arrivals { base, packets });
            }
        }
        bandwidth.estimate_bps
    }

    #[test]
    fn a_thin_line_is_found_and_a_wide_one_too() {
        for rate in [150_000.0, 500_000.0, 2_000_000.0] {
            let mut bandwidth = Bandwidth::default();
            let found = run(&mut bandwidth, Instant::now(), 60, rate, 0, |estimate| estimate);
            assert!((0.5 * rate..1.25 * rate).contains(&found), "{rate}: {found}");
        }
    }

    #[test]
    fn a_line_that_becomes_thin_and_wide_again_is_followed() {
        let mut bandwidth = Bandwidth::default();
        let start = Instant::now();
        run(&mut bandwidth, start, 30, 2_000_000.0, 0, |estimate| estimate);
        let thin = run(&mut bandwidth, start + Duration::from_secs(31), 30, 150_000.0, 0, |e| e);
        assert!(thin < 220_000.0, "{thin}");
        let wide = run(&mut bandwidth, start + Duration::from_secs(62), 40, 2_000_000.0, 0, |e| e);
        assert!(wide > 1_000_000.0, "{wide}");
    }

    #[test]
    fn loss_without_a_queue_does_not_starve() {
        let mut bandwidth = Bandwidth::default();
        let found =
            run(&mut bandwidth, Instant::now(), 60, 5_000_000.0, 25, |e| e.min(1_500_000.0));
        assert!(found > 1_000_000.0, "4 % of loss: {found}");
    }

    #[test]
    fn a_probe_raises_the_estimate_to_what_arrived() {
        // 1,200 bytes in 1 ms are 9.6 Mbit/s, of which a probe is believed at most three times what
        // was known; the third line brings the burst within one unit, the last is slow.
        for (gap_units, least, most) in [
            (20, 1_500_000, 1_700_000),
            (4, 2_300_000, 2_450_000),
            (0, 2_300_000, 2_450_000),
            (40, 0, 900_000),
        ] {
            let mut bandwidth = Bandwidth::default();
            let now = Instant::now();
            bandwidth.begin_probe();
            for _ in 0..15 {
                bandwidth.sent(now, 1_200);
            }
            bandwidth.end_probe();
            let packets = (0..15).map(|n| Some(1_000 + n * gap_units)).collect();
            let report_at = now + Duration::from_millis(80);
            bandwidth.handle_arrivals(report_at, &Arrivals { base: 0, packets });
            let found = bandwidth.estimate_bps();
            assert!((least..=most).contains(&found), "{found}");
        }
    }

    #[test]
    fn an_estimate_does_not_run_away_from_what_was_sent() {
        let mut bandwidth = Bandwidth::default();
        let found = run(&mut bandwidth, Instant::now(), 120, 9_000_000.0, 0, |_| 200_000.0);
        assert!(found <= START_BPS, "{found}");
    }
}
