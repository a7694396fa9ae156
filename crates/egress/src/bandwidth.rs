//! How much a viewer's line carries: an estimate from the delay and the loss that the browser
//! reports for the packets we sent (transport-wide feedback).
//!
//! The method is that of Google Congestion Control (draft-ietf-rmcat-gcc-02) in its sender-side
//! form: a line fitted through the accumulated one-way delay of packet groups tells whether a
//! queue builds up; then the rate is cut to a share of what arrived. While the queue is level, it
//! grows. As long as less is sent than the estimate allows, the estimate may not run away from what
//! has been proven, so that growth beyond the present layer needs probes.
//!
//! Three things are told apart by trying. Delay that jumps about is no queue: a queue delays every
//! packet, so the least delayed one of the last moments tells ([`Delays`]). A queue that stands, or
//! loss, may be ours or the line's own: the rate is cut, and if that changes nothing, what is seen
//! belongs to the line and the cut is taken back.

mod delays;
mod losses;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::delays::{Course, Delays};
use self::losses::{LOSS_BACK_OFF, Losses, OWN_LOSS_MAX};

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

/// Loss above this share, beyond the line's own, cuts the rate, below [`LOSS_LOW`] it may grow (GCC
/// section 6).
const LOSS_HIGH: f64 = 0.10;
const LOSS_LOW: f64 = 0.05;

/// The share of what arrives that remains when a full queue drops packets: the voice is among them.
const OVERFLOW_BACK_OFF: f64 = 0.5;

/// A queue of less than this is none: browsers, drivers and radio gather packets for so long.
const QUEUE_MS_MIN: f64 = 12.0;

/// A queue longer than this is drained, whether it grows or not: people talk over this line.
const QUEUE_MS_MAX: f64 = 120.0;

/// The share of what arrives to which the estimate is cut so that a queue drains, and how long that
/// may take. If by then it is no shorter by a quarter, it is not ours, or no queue.
const DRAIN: f64 = 0.7;
const DRAIN_LENGTH: Duration = Duration::from_millis(2_000);
const DRAINED_MIN: f64 = 0.25;

/// A probe of fewer packets says nothing.
pub const PROBE_PACKETS_MIN: u64 = 3;

/// A probe that arrives no slower than it was sent, but for so much, met no limit.
const PROBE_SPREAD_MIN: Duration = Duration::from_millis(5);

/// A first probe that shows less than this over so long is believed before all of it has arrived.
const THIN_BPS: f64 = 250_000.0;
const THIN_LENGTH: Duration = Duration::from_millis(200);

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
    fate: Fate,
}

/// What is known of a packet. Reports are lost too, and say nothing then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unknown,
    Missing,
    Arrived,
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
    delays: Delays,
    draining: Option<Drain>,
    losses: Losses,
    last_increase: Option<Instant>,
    last_decrease: Option<Instant>,
    arrived: VecDeque<(Instant, u32)>,
    arrived_bytes: u64,
    reported_to: u64,
    /// Up to which packet it was judged whether it was lost: one report behind, because packets
    /// that overtake each other are reported late.
    judged_to: u64,
    probe: Option<Probe>,
    /// A probe has shown what the line carries.
    known: bool,
}

/// A burst sent on purpose to find out what the line carries.
#[derive(Debug, Clone, Copy)]
struct Probe {
    first: u64,
    first_sent: Option<Instant>,
    last_sent: Option<Instant>,
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
            delays: Delays::default(),
            draining: None,
            losses: Losses::default(),
            last_increase: None,
            last_decrease: None,
            arrived: VecDeque::new(),
            arrived_bytes: 0,
            reported_to: 0,
            judged_to: 0,
            probe: None,
            known: false,
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
        self.sent.push_back(Sent {
            at: now,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            fate: Fate::Unknown,
        });
        if let Some(probe) = self.probe.as_mut().filter(|probe| probe.end.is_none()) {
            probe.first_sent.get_or_insert(now);
            probe.last_sent = Some(now);
        }
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
            first_sent: None,
            last_sent: None,
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
        self.losses.raw
    }

    /// The share of packets lost lately, 0 to 1, beyond what the line loses whatever is sent.
    pub fn excess_loss(&self) -> f64 {
        self.losses.excess()
    }

    /// What the line is believed to carry, in bits a second: the estimate, but for a cut that only
    /// tries whose a loss is.
    pub fn believed_bps(&self) -> u64 {
        let tried = self.losses.trial.map_or(0.0, |trial| trial.before_bps);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
        let bps = self.estimate_bps.max(tried) as u64;
        bps
    }

    /// Whether the estimate is more than a first guess.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Takes up what the browser reported.
    pub fn handle_arrivals(&mut self, now: Instant, arrivals: &Arrivals) {
        let Some(first) = self.extend(arrivals.base) else { return };
        let oldest = self.next - self.sent.len() as u64;
        let mut queue = Queue::Level;
        for (number, arrival) in (first..).zip(&arrivals.packets) {
            let Some(place) = number.checked_sub(oldest).and_then(|at| usize::try_from(at).ok())
            else {
                continue;
            };
            let fresh = |sent: &&mut Sent| sent.fate != Fate::Arrived;
            let Some(sent) = self.sent.get_mut(place).filter(fresh) else { continue };
            let Some(arrival) = *arrival else {
                sent.fate = Fate::Missing;
                continue;
            };
            sent.fate = Fate::Arrived;
            let sent = *sent;
            self.note_arrival(now, sent.bytes);
            if let Some(probe) = &mut self.probe {
                probe.note(number, sent.bytes, arrival);
            }
            let packet_s = f64::from(sent.bytes) * 8.0 / self.estimate_bps;
            match self.delays.note(sent.at, arrival, packet_s) {
                Course::Usual => {}
                Course::Unclear => continue,
                // Nothing from before is to be compared with what comes now.
                Course::Another => {
                    self.forget_delays();
                    continue;
                }
            }
            let said = self.note_group(now, sent.at, arrival);
            if queue == Queue::Level || said == Queue::Growing {
                queue = said;
            }
        }
        self.judge_losses(now, oldest);
        self.reported_to =
            self.reported_to.max((first + arrivals.packets.len() as u64).min(self.next));
        self.adapt(now, queue);
        self.conclude_probe();
    }

    /// Counts the packets that the report before this one spoke of.
    fn judge_losses(&mut self, now: Instant, oldest: u64) {
        let judged = self.judged_to.max(oldest)..self.reported_to;
        let (mut known, mut lost) = (0_u32, 0_u32);
        for number in judged.clone() {
            let place = usize::try_from(number - oldest).unwrap_or(usize::MAX);
            if let Some(sent) = self.sent.get(place).filter(|sent| sent.fate != Fate::Unknown) {
                known += 1;
                lost += u32::from(sent.fate == Fate::Missing);
                self.losses.note(sent.at, sent.fate == Fate::Arrived);
            }
        }
        self.losses.note_report(known, lost);
        self.judged_to = self.judged_to.max(judged.end);
        self.losses.look(now);
    }

    /// When all of a probe is reported, the rate at which it arrived is what the line carries. The
    /// first probe is believed in both directions, and as soon as it shows a thin line.
    fn conclude_probe(&mut self) {
        let Some(probe) = self.probe else { return };
        let whole = probe.end.filter(|end| *end <= self.reported_to);
        if whole.is_some() {
            self.probe = None;
        }
        let enough = whole.is_none_or(|end| {
            #[expect(clippy::cast_precision_loss, reason = "a burst of some packets")]
            let (received, sent) = (probe.received as f64, (end - probe.first) as f64);
            received >= sent * (1.0 - self.losses.own) * 0.6
        });
        if probe.received < PROBE_PACKETS_MIN || !enough {
            return;
        }
        // On a fast line the whole burst arrives within one unit of the report.
        let units = (probe.last_arrival - probe.first_arrival).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a burst of some packets")]
        let (bits, arrived_s) = (probe.received_bytes as f64 * 8.0, units as f64 * 250e-6);
        let believed = bits / arrived_s * PROBE_SHARE / (1.0 - self.losses.own);
        let sent_s = probe
            .first_sent
            .zip(probe.last_sent)
            .map_or(0.0, |(first, last)| last.saturating_duration_since(first).as_secs_f64());
        let slowed = arrived_s > sent_s * 1.25 + PROBE_SPREAD_MIN.as_secs_f64();
        let thin = believed < THIN_BPS && arrived_s > THIN_LENGTH.as_secs_f64();
        if self.known {
            // Raised only: a burst that was slowed by its own length says little.
            if whole.is_some() {
                let believed = believed.min(self.estimate_bps * PROBE_GAIN_MAX);
                self.estimate_bps = self.estimate_bps.max(believed);
            }
        } else if slowed && believed < self.estimate_bps && (whole.is_some() || thin) {
            self.estimate_bps = believed;
            self.known = true;
            self.probe = None;
        } else if whole.is_some() {
            let believed = believed.min(self.estimate_bps * PROBE_GAIN_MAX);
            self.estimate_bps = self.estimate_bps.max(believed);
            self.known = true;
        }
        self.estimate_bps = self.estimate_bps.clamp(MIN_BPS, MAX_BPS);
    }

    /// What the line carried lately, counted as sent: what it loses on its own is no limit.
    fn carried_bps(&self, now: Instant) -> f64 {
        self.arriving_bps(now) / (1.0 - self.losses.own)
    }

    fn arriving_bps(&self, now: Instant) -> f64 {
        let Some((first, _)) = self.arrived.front().copied() else { return 0.0 };
        let span = now.saturating_duration_since(first);
        // The first report tells what came before the span that it begins.
        let before: u64 = if span < RATE_WINDOW / 2 {
            0
        } else {
            let of_first = self.arrived.iter().take_while(|(at, _)| *at == first);
            of_first.map(|(_, bytes)| u64::from(*bytes)).sum()
        };
        #[expect(clippy::cast_precision_loss, reason = "bytes of half a second")]
        let bits = (self.arrived_bytes - before) as f64 * 8.0;
        bits / span.max(RATE_WINDOW / 2).as_secs_f64()
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
            self.forget_delays();
            return Queue::Level;
        }
        self.note_delay(now, arrived_ms - sent_ms, complete.arrival)
    }

    /// A new line through the delays begins.
    fn forget_delays(&mut self) {
        self.group = None;
        self.previous = None;
        self.window.clear();
        self.accumulated_ms = 0.0;
        self.smoothed_ms = 0.0;
        self.overuse_since = None;
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
        let carried = self.carried_bps(now);
        let recently = |at: Option<Instant>, length: Duration| {
            at.is_some_and(|at| now.saturating_duration_since(at) < length)
        };
        let queue_ms = self.delays.queue_ms();
        let excess = self.losses.excess();
        let growing = queue == Queue::Growing && queue_ms >= QUEUE_MS_MIN;
        if growing && !recently(self.last_decrease, Duration::from_millis(200)) {
            self.cut(now, BACK_OFF * carried);
            self.overuse_since = None;
        } else if queue_ms > QUEUE_MS_MAX && excess > LOSS_HIGH {
            if !recently(self.last_decrease, RATE_WINDOW) {
                self.cut(now, OVERFLOW_BACK_OFF * self.arriving_bps(now));
            }
            self.draining = None;
        } else if queue_ms > QUEUE_MS_MAX {
            self.drain(now, queue_ms);
        } else if excess > LOSS_HIGH && self.losses.trial.is_none() {
            self.losses.begin_trial(now, self.estimate_bps);
            let sent_bps = self.arriving_bps(now) / (1.0 - self.losses.lately.min(OWN_LOSS_MAX));
            self.cut(now, LOSS_BACK_OFF * sent_bps);
        } else if queue == Queue::Level && excess < LOSS_LOW && queue_ms < QUEUE_MS_MAX / 2.0 {
            let passed = self.last_increase.map_or(Duration::ZERO, |at| {
                now.saturating_duration_since(at).min(Duration::from_secs(1))
            });
            let grown = self.estimate_bps * 1.08_f64.powf(passed.as_secs_f64() * 2.0);
            let proven = (PROVEN_FACTOR * carried + 10_000.0).max(self.estimate_bps);
            self.estimate_bps = grown.min(proven);
        }
        if queue_ms < QUEUE_MS_MAX / 2.0 {
            self.draining = None;
            if let Some(before_bps) = self.losses.conclude_trial(now) {
                self.estimate_bps = self.estimate_bps.max(before_bps);
            }
        } else {
            // A queue that stands loses packets, and tells nothing about the line.
            self.losses.trial = None;
        }
        self.last_increase = Some(now);
        self.estimate_bps = self.estimate_bps.clamp(MIN_BPS, MAX_BPS);
    }

    fn cut(&mut self, now: Instant, to_bps: f64) {
        self.estimate_bps = self.estimate_bps.min(to_bps);
        self.last_decrease = Some(now);
    }

    /// Cuts the rate so that a long queue drains; if that was tried and did not help, the delay is
    /// the line's own from now on.
    fn drain(&mut self, now: Instant, queue_ms: f64) {
        let Some(drain) = self.draining else {
            self.draining = Some(Drain { since: now, from_ms: queue_ms });
            self.cut(now, DRAIN * self.arriving_bps(now));
            return;
        };
        if now.saturating_duration_since(drain.since) < DRAIN_LENGTH {
            return;
        }
        if queue_ms > drain.from_ms * (1.0 - DRAINED_MIN) {
            self.delays.take_for_own();
        }
        self.draining = None;
    }
}

/// A queue that is being drained.
#[derive(Debug, Clone, Copy)]
struct Drain {
    since: Instant,
    from_ms: f64,
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
