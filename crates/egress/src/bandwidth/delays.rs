//! How long packets are under way: whether they stand in a queue, or have taken another way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long packets were under way, compared with each other only: the two clocks differ by
/// something unknown, and drift.
#[derive(Debug)]
pub(super) struct Delays {
    origin: Option<Instant>,
    /// The packets of the last moments, in 250 µs.
    lately: VecDeque<(Instant, i64)>,
    /// The least delay of the present and the last spans.
    least: [i64; 3],
    span_since: Option<Instant>,
    step: Option<Step>,
    /// When a jump last turned out to be nothing of the kind.
    mistaken: Option<Instant>,
}

/// How the way of the packets seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// As before, perhaps with a queue.
    Usual,
    /// Something has happened of which it will soon be clear what it is.
    Unclear,
    /// The packets take another way since a moment ago.
    Another,
}

/// The delay has jumped from one packet to the next.
#[derive(Debug, Clone, Copy)]
struct Step {
    since: Instant,
    /// The delay before and after, in 250 µs.
    from: i64,
    to: i64,
    /// The least delay in the first and the second half of the time after it, and the packets of
    /// each.
    halves: [(i64, u32); 2],
}

impl Delays {
    /// Over how long the least delay tells the queue.
    const LATELY: Duration = Duration::from_millis(250);
    const LATELY_MAX: usize = 64;

    /// A span of which the least delay is remembered. What stands for three of them is no longer
    /// taken for a queue, so that somebody else's does not starve us, and clocks may drift.
    const SPAN: Duration = Duration::from_secs(10);

    /// Over how long it is looked whether a delay that has jumped stays where it is. A queue goes on
    /// growing as long as its cause is there, and shrinks then.
    const STEP_LENGTH: Duration = Duration::from_millis(400);

    /// Where delays jump about all the time, no jump is looked at for so long after one.
    const STEP_REST: Duration = Duration::from_millis(2_000);

    /// A smaller jump, in 250 µs, is treated like a queue: little is lost by it.
    const STEP_MIN: i64 = 4 * 100;

    /// A jump so many times as long as the line is believed to need for the packet does not come
    /// from our packets.
    const STEP_FACTOR: f64 = 4.0;

    /// Packets of each half without which nothing is said.
    const STEP_PACKETS_MIN: u32 = 3;

    /// Notes a packet for which the line is believed to need so many seconds.
    pub(super) fn note(&mut self, sent: Instant, arrival: i64, packet_s: f64) -> Course {
        let delay = self.delay(sent, arrival);
        let before = self.lately.back().copied();
        let course = self.course(sent, delay, before, packet_s);
        if course == Course::Another {
            self.lately.clear();
            self.least = [delay; 3];
            self.span_since = Some(sent);
        }
        self.keep(sent, delay);
        course
    }

    fn course(
        &mut self,
        sent: Instant,
        delay: i64,
        before: Option<(Instant, i64)>,
        packet_s: f64,
    ) -> Course {
        let Some(mut step) = self.step else {
            let Some((_, from)) = before else { return Course::Usual };
            let jump = delay.saturating_sub(from);
            #[expect(clippy::cast_precision_loss, reason = "a jump of some hundred milliseconds")]
            let ours = (jump as f64) * 250e-6 < packet_s * Self::STEP_FACTOR;
            let restless = self
                .mistaken
                .is_some_and(|at| sent.saturating_duration_since(at) < Self::STEP_REST);
            if jump < Self::STEP_MIN || ours || restless {
                return Course::Usual;
            }
            let halves = [(delay, 1), (i64::MAX, 0)];
            self.step = Some(Step { since: sent, from, to: delay, halves });
            return Course::Unclear;
        };
        let jump = step.to - step.from;
        let passed = sent.saturating_duration_since(step.since);
        let near = (delay - step.to).abs() <= jump / 2;
        if !near {
            self.step = None;
            self.mistaken = Some(sent);
            return Course::Usual;
        }
        if passed < Self::STEP_LENGTH {
            let half = &mut step.halves[usize::from(passed >= Self::STEP_LENGTH / 2)];
            *half = (half.0.min(delay), half.1 + 1);
            self.step = Some(step);
            return Course::Unclear;
        }
        self.step = None;
        let [(first, _), (second, _)] = step.halves;
        let seen = step.halves.iter().all(|(_, packets)| *packets >= Self::STEP_PACKETS_MIN);
        if seen && (second - first).abs() <= jump / 4 { Course::Another } else { Course::Usual }
    }

    fn delay(&mut self, sent: Instant, arrival: i64) -> i64 {
        let origin = *self.origin.get_or_insert(sent);
        let units = sent.saturating_duration_since(origin).as_micros() / 250;
        arrival.saturating_sub(i64::try_from(units).unwrap_or(i64::MAX))
    }

    fn keep(&mut self, sent: Instant, delay: i64) {
        let since = *self.span_since.get_or_insert(sent);
        if sent.saturating_duration_since(since) >= Self::SPAN {
            self.span_since = Some(sent);
            self.least = [delay, self.least[0], self.least[1]];
        }
        self.least[0] = self.least[0].min(delay);
        self.lately.push_back((sent, delay));
        while self.lately.len() > Self::LATELY_MAX
            || self
                .lately
                .front()
                .is_some_and(|(at, _)| sent.saturating_duration_since(*at) > Self::LATELY)
        {
            self.lately.pop_front();
        }
    }

    fn now_least(&self) -> Option<i64> {
        self.lately.iter().map(|(_, delay)| *delay).min()
    }

    /// By how much even the fastest packet of the last moments was slower than could be; nothing as
    /// long as that is unclear.
    pub(super) fn queue_ms(&self) -> f64 {
        if self.step.is_some() {
            return 0.0;
        }
        let (Some(now), Some(least)) = (self.now_least(), self.least.iter().min()) else {
            return 0.0;
        };
        #[expect(clippy::cast_precision_loss, reason = "delays of one line")]
        let units = now.saturating_sub(*least) as f64;
        units * 0.25
    }

    /// The delay of now is what the line takes at the least.
    pub(super) fn take_for_own(&mut self) {
        if let Some(now) = self.now_least() {
            self.least = [now; 3];
        }
    }
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            origin: None,
            lately: VecDeque::new(),
            least: [i64::MAX; 3],
            span_since: None,
            step: None,
            mistaken: None,
        }
    }
}
