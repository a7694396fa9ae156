//! What a receiver knows of one stream: what came, what is missing, and whether frames are whole.

use super::media::Stamp;
use super::rtcp::{Block, extend};
use super::sdp::Format;

/// Missing packets that are kept in mind. More at once is no loss but a break.
const MISSING_MAX: usize = 512;

/// Time before a gap is asked for: packets of one burst may overtake each other.
const ASK_AFTER_NS: u64 = 10_000_000;

/// Time to the next request for the same packet, about a round trip on a long line.
const ASK_EVERY_NS: u64 = 100_000_000;

/// Time after which a missing packet is of no more use; browsers give up about then.
const GIVE_UP_NS: u64 = 1_000_000_000;

/// Frames of which some parts are awaited.
const OPEN_FRAMES_MAX: usize = 32;

struct Missing {
    number: u64,
    since_ns: u64,
    asked_ns: Option<u64>,
}

/// What a packet was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Not seen before.
    New,
    /// Seen already, or given up.
    Old,
}

/// One stream.
pub struct Stream {
    /// Its source.
    pub ssrc: u32,
    /// What it carries.
    pub format: Format,
    clock_hz: u64,
    highest: u64,
    first: u64,
    received: u64,
    missing: Vec<Missing>,
    /// Where the window of measurement began, and what came since that belongs to it.
    window_base: u64,
    window_received: u64,
    /// The state at the last report.
    reported: (u64, u64),
    jitter: f64,
    transit: Option<f64>,
    sender_report: Option<(u32, u64)>,
}

impl Stream {
    /// A stream whose first packet has this number.
    pub fn new(ssrc: u32, format: Format, sequence: u16) -> Self {
        let before = u64::from(sequence).wrapping_sub(1);
        Self {
            ssrc,
            format,
            clock_hz: if format == Format::Voice { 48_000 } else { 90_000 },
            highest: before,
            first: u64::from(sequence),
            received: 0,
            missing: Vec::new(),
            window_base: before,
            window_received: 0,
            reported: (before, 0),
            jitter: 0.0,
            transit: None,
            sender_report: None,
        }
    }

    /// The extended number of a packet.
    pub fn extended(&self, sequence: u16) -> u64 {
        if self.received == 0 { self.first } else { extend(self.highest, sequence) }
    }

    /// Takes a packet with this extended number.
    pub fn take(&mut self, number: u64, at_ns: u64) -> Arrival {
        if number.wrapping_sub(self.highest) < 1 << 32 && number != self.highest {
            let gap = self.highest.wrapping_add(1)..number;
            if number - gap.start <= MISSING_MAX as u64 {
                let missing = gap.map(|number| Missing { number, since_ns: at_ns, asked_ns: None });
                self.missing.extend(missing);
                let surplus = self.missing.len().saturating_sub(MISSING_MAX);
                self.missing.drain(..surplus);
            }
            self.highest = number;
        } else {
            let Some(at) = self.missing.iter().position(|missing| missing.number == number) else {
                return Arrival::Old;
            };
            self.missing.remove(at);
        }
        self.received += 1;
        if number.wrapping_sub(self.window_base).wrapping_sub(1) < 1 << 32 {
            self.window_received += 1;
        }
        Arrival::New
    }

    /// Takes a packet that was sent again, by its original number.
    pub fn take_repair(&mut self, original: u16, at_ns: u64) -> Arrival {
        let number = extend(self.highest, original);
        // A repair of what was never sent before, as probes are not, tells nothing new.
        if number > self.highest { Arrival::Old } else { self.take(number, at_ns) }
    }

    /// Notes when a packet of this RTP time came, for the jitter (RFC 3550 section 6.4.1).
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn note_time(&mut self, timestamp: u32, at_ns: u64) {
        let arrival = at_ns as f64 * self.clock_hz as f64 / 1e9;
        let transit = arrival - f64::from(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = (transit - before).abs();
            // A jump of the timestamp is no jitter.
            if change < self.clock_hz as f64 {
                self.jitter += (change - self.jitter) / 16.0;
            }
        }
    }

    /// Notes a sender report.
    pub fn note_report(&mut self, ntp_middle: u32, at_ns: u64) {
        self.sender_report = Some((ntp_middle, at_ns));
    }

    /// The numbers to ask for now, and whether some were given up.
    pub fn ask(&mut self, now_ns: u64) -> (Vec<u16>, bool) {
        let before = self.missing.len();
        self.missing.retain(|missing| now_ns.saturating_sub(missing.since_ns) < GIVE_UP_NS);
        let given_up = self.missing.len() < before;
        let mut wanted = Vec::new();
        for missing in &mut self.missing {
            let due = match missing.asked_ns {
                None => missing.since_ns + ASK_AFTER_NS,
                Some(asked) => asked + ASK_EVERY_NS,
            };
            if due <= now_ns {
                missing.asked_ns = Some(now_ns);
                wanted.push(u16::try_from(missing.number & 0xffff).unwrap_or_default());
            }
        }
        (wanted, given_up)
    }

    /// The block of the next report.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
    pub fn report(&mut self, now_ns: u64) -> Block {
        let expected = self.highest.wrapping_sub(self.first).wrapping_add(1);
        let (highest_before, received_before) = self.reported;
        let sent = self.highest.wrapping_sub(highest_before);
        let lost = sent.saturating_sub(self.received - received_before);
        self.reported = (self.highest, self.received);
        let (last_report, delay) = self.sender_report.map_or((0, 0), |(ntp, at_ns)| {
            (ntp, (now_ns.saturating_sub(at_ns) * 65_536 / 1_000_000_000).min(0xffff_ffff))
        });
        Block {
            ssrc: self.ssrc,
            fraction: (lost * 256).checked_div(sent).unwrap_or(0).min(255) as u8,
            lost: expected.saturating_sub(self.received).min(0x7f_ffff) as u32,
            highest: (self.highest & 0xffff_ffff) as u32,
            jitter: self.jitter.min(f64::from(u32::MAX)) as u32,
            last_report,
            delay: delay as u32,
        }
    }

    /// The window of measurement begins.
    pub fn begin_window(&mut self) {
        self.window_base = self.highest;
        self.window_received = 0;
    }

    /// Packets expected and received since the window began.
    pub fn window(&self) -> (u64, u64) {
        (self.highest.wrapping_sub(self.window_base), self.window_received)
    }
}

struct OpenFrame {
    number: u32,
    layer: u8,
    parts: u8,
    came: u64,
    key: bool,
}

/// The frames of one publisher's picture, by their stamps.
#[derive(Default)]
pub struct Frames {
    open: Vec<OpenFrame>,
    highest: Option<u32>,
    window_first: Option<u32>,
    complete: u64,
}

impl Frames {
    /// Takes a part; true when it completes a key frame.
    pub fn take(&mut self, stamp: Stamp, key: bool) -> bool {
        let number = stamp.frame;
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        self.window_first.get_or_insert(number);
        let same = |frame: &OpenFrame| frame.number == number && frame.layer == stamp.layer;
        let at = self.open.iter().position(same).unwrap_or_else(|| {
            if self.open.len() >= OPEN_FRAMES_MAX {
                self.open.remove(0);
            }
            self.open.push(OpenFrame {
                number,
                layer: stamp.layer,
                parts: stamp.parts,
                came: 0,
                key: false,
            });
            self.open.len() - 1
        });
        let frame = &mut self.open[at];
        frame.key |= key;
        frame.came |= 1_u64.checked_shl(u32::from(stamp.part)).unwrap_or(0);
        if frame.came.count_ones() < u32::from(frame.parts) {
            return false;
        }
        let key = frame.key;
        // It stays in mind, as whole, so that a part that comes twice does not begin it anew.
        frame.parts = u8::MAX;
        if self.window_first.is_some_and(|first| number >= first) {
            self.complete += 1;
        }
        key
    }

    /// The window of measurement begins with the next frame.
    pub fn begin_window(&mut self) {
        self.window_first = self.highest.map(|highest| highest.wrapping_add(1));
        self.complete = 0;
    }

    /// Frames that the publisher sent since the window began, as far as anything of a later one
    /// came, and those that came whole.
    pub fn window(&self) -> (u64, u64) {
        let expected = match (self.highest, self.window_first) {
            (Some(highest), Some(first)) if highest >= first => u64::from(highest - first) + 1,
            _ => 0,
        };
        (expected, self.complete.min(expected))
    }
}

/// The voice packets of one publisher, by their stamps.
#[derive(Default)]
pub struct Voice {
    highest: Option<u32>,
    window_first: Option<u32>,
    received: u64,
    gap_max: u32,
}

impl Voice {
    /// Takes a packet that was not seen before.
    pub fn take(&mut self, stamp: Stamp) {
        let number = stamp.frame;
        self.window_first.get_or_insert(number);
        if let Some(highest) = self.highest
            && number > highest
        {
            self.gap_max = self.gap_max.max(number - highest - 1);
        }
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        if self.window_first.is_some_and(|first| number >= first) {
            self.received += 1;
        }
    }

    /// The window of measurement begins with the next packet.
    pub fn begin_window(&mut self) {
        self.window_first = self.highest.map(|highest| highest.wrapping_add(1));
        self.received = 0;
        self.gap_max = 0;
    }

    /// Packets expected and received since the window began, and the most missing in a row.
    pub fn window(&self) -> (u64, u64, u32) {
        let expected = match (self.highest, self.window_first) {
            (Some(highest), Some(first)) if highest >= first => u64::from(highest - first) + 1,
            _ => 0,
        };
        (expected, self.received.min(expected), self.gap_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn gaps_are_asked_for_and_what_comes_late_counts_once() {
        let mut stream = Stream::new(1, Format::Picture, 0xfffe);
        stream.begin_window();
        for sequence in [0xfffe, 0xffff, 2, 3] {
            let number = stream.extended(sequence);
            assert_eq!(stream.take(number, 0), Arrival::New, "{sequence}");
        }
        assert_eq!(stream.window(), (6, 4));
        assert_eq!(stream.ask(5 * MS), (vec![], false), "they may be on their way");
        assert_eq!(stream.ask(10 * MS), (vec![0, 1], false));
        assert_eq!(stream.ask(20 * MS), (vec![], false), "asked a moment ago");
        assert_eq!(stream.take_repair(1, 30 * MS), Arrival::New);
        assert_eq!(stream.take_repair(1, 31 * MS), Arrival::Old);
        assert_eq!(stream.take_repair(9, 31 * MS), Arrival::Old, "never sent before");
        assert_eq!(stream.ask(110 * MS), (vec![0], false));
        assert_eq!(stream.ask(1_001 * MS), (vec![], true), "given up");
        assert_eq!(stream.window(), (6, 5));
    }

    #[test]
    fn a_window_counts_only_what_belongs_to_it() {
        let mut stream = Stream::new(1, Format::Voice, 10);
        for number in [10, 11, 13] {
            stream.take(number, 0);
        }
        stream.begin_window();
        assert_eq!(stream.take(12, 0), Arrival::New, "late, of the time before");
        stream.take(14, 0);
        stream.take(16, 0);
        assert_eq!(stream.window(), (3, 2));
    }

    #[test]
    fn a_report_tells_the_loss_since_the_last() {
        let mut stream = Stream::new(7, Format::Picture, 0);
        for number in (0..100).filter(|number| number % 4 != 1) {
            stream.take(number, number * MS);
        }
        let first = stream.report(200 * MS);
        assert_eq!((first.ssrc, first.fraction, first.lost, first.highest), (7, 64, 25, 99));
        stream.note_report(0xabcd, 100 * MS);
        for number in 100..200 {
            stream.take(number, number * MS);
        }
        let second = stream.report(600 * MS);
        assert_eq!((second.fraction, second.lost), (0, 25));
        assert_eq!((second.last_report, second.delay), (0xabcd, 32_768));
    }

    fn part(frame: u32, part: u8, parts: u8) -> Stamp {
        Stamp { publisher: 0, layer: 2, part, parts, frame, sent_ns: 0 }
    }

    #[test]
    fn frames_are_whole_when_every_part_has_come() {
        let mut frames = Frames::default();
        assert!(!frames.take(part(5, 0, 2), true));
        assert!(!frames.take(part(5, 0, 2), true), "the same again");
        assert!(frames.take(part(5, 1, 2), false), "a whole key frame");
        frames.begin_window();
        for number in 6..10 {
            assert!(!frames.take(part(number, 0, 2), false));
            if number != 7 {
                assert!(!frames.take(part(number, 1, 2), false));
            }
        }
        assert_eq!(frames.window(), (4, 3));
        frames.take(part(7, 1, 2), false);
        assert_eq!(frames.window(), (4, 4), "repaired");
        frames.take(part(7, 1, 2), false);
        assert_eq!(frames.window(), (4, 4));
    }

    #[test]
    fn a_silence_is_as_long_as_what_is_missing_in_a_row() {
        let mut voice = Voice::default();
        for number in [0, 1, 2, 6, 7, 9] {
            voice.take(part(number, 0, 1));
        }
        assert_eq!(voice.window(), (10, 6, 3));
        voice.begin_window();
        assert_eq!(voice.window(), (0, 0, 0));
        voice.take(part(10, 0, 1));
        assert_eq!(voice.window(), (1, 1, 0));
    }
}
