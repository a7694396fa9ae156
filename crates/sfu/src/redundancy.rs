//! Redundant voice (RED, RFC 2198): a packet of a voice slot carries the Opus payloads before it
//! once more, so that the browser of a lossy line finds in the next packet what the line has
//! swallowed. Pure: the time and the state of the line are arguments.

use std::time::{Duration, Instant};

use forwarding::TrackId;

/// Earlier payloads in a packet at most. Each costs as much as the voice itself.
const DEPTH_MAX: u64 = 2;

/// Packets of a slot that are remembered: those that a packet can carry again, and as many for
/// packets that arrived late.
const SPOKEN_KEPT: usize = 4;

/// An earlier payload has a header of four bytes, in which its age has 14 bits and its length ten.
const HEADER_BYTES: usize = 4;
const AGE_TICKS_MAX: u32 = (1 << 14) - 1;
const BLOCK_BYTES_MAX: usize = (1 << 10) - 1;

/// The payload stays below what passes every line in one piece, with room for headers and tunnels.
const PAYLOAD_BYTES_MAX: usize = 1_100;

/// The share of packets lost is smoothed over so long: a single lost packet says nothing.
const LOSS_SMOOTHING: Duration = Duration::from_secs(2);

/// Loss above which a packet carries one earlier payload, and two.
const LOSS_RAISES: [f64; DEPTH_MAX as usize] = [0.02, 0.10];

/// Loss below which it is one less again, once it has stayed there for [`CALM_MIN`].
const LOSS_LOWERS: [f64; DEPTH_MAX as usize] = [0.01, 0.05];
const CALM_MIN: Duration = Duration::from_secs(10);

/// What an earlier payload needs of the line, in percent of its bits: an estimate grows half beyond
/// what has come through, which is no proof of room.
const ROOM_PERCENT: u64 = 150;

/// How long the voices are counted to know what they need.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Where a voice packet stands in the stream of its publisher. Two packets may stand in one RED packet only if one follows the
/// other here: across a change of speaker, a pause in which somebody was not to be heard, or a new
/// beginning of the publisher, they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPlace {
    pub(crate) track: TrackId,
    pub(crate) ssrc: u32,
    /// Extended sequence number.
    pub(crate) sequence: u64,
}

/// A voice packet as it was sent in a slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spoken {
    pub(crate) place: StreamPlace,
    /// RTP timestamp in the slot.
    pub(crate) timestamp: u32,
    /// By which the payload is found.
    pub(crate) token: u32,
}

/// What was sent lately in one slot to one viewer.
#[derive(Debug, Default)]
pub(crate) struct History {
    kept: [Option<Spoken>; SPOKEN_KEPT],
    next: usize,
}

impl History {
    /// Remembers a packet that was sent.
    pub(crate) fn note(&mut self, spoken: Spoken) {
        self.kept[self.next] = Some(spoken);
        self.next = (self.next + 1) % SPOKEN_KEPT;
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The packet that stands `back` before this one in its stream, if it was sent here, and its age
    /// in ticks.
    fn before(&self, spoken: &Spoken, back: u64) -> Option<(Spoken, u16)> {
        let sequence = spoken.place.sequence.checked_sub(back)?;
        let place = StreamPlace { sequence, ..spoken.place };
        let found = self.kept.iter().flatten().find(|kept| kept.place == place)?;
        let age = spoken.timestamp.wrapping_sub(found.timestamp);
        let age =
            u16::try_from(age).ok().filter(|age| (1..=AGE_TICKS_MAX).contains(&(*age).into()));
        age.map(|age| (*found, age))
    }

    /// Writes the payload of a RED packet into `buffer`: up to `depth` payloads sent before
    /// `spoken`, the oldest first, then its own `primary`. False, with the buffer as it was, if
    /// there is none before it.
    pub(crate) fn write<'a>(
        &self,
        spoken: &Spoken,
        depth: u64,
        payload_type: u8,
        primary: &[u8],
        find: impl Fn(u32) -> Option<&'a [u8]>,
        buffer: &mut Vec<u8>,
    ) -> bool {
        let mut blocks: [Option<(u16, &[u8])>; DEPTH_MAX as usize] = [None; DEPTH_MAX as usize];
        let mut bytes = 1 + primary.len();
        for (back, block) in (1..=depth).zip(&mut blocks) {
            let Some((earlier, age)) = self.before(spoken, back) else { break };
            let Some(payload) = find(earlier.token) else { break };
            bytes += HEADER_BYTES + payload.len();
            // Where one is left out, what is older stands too far back to be of use.
            if payload.len() > BLOCK_BYTES_MAX || bytes > PAYLOAD_BYTES_MAX {
                break;
            }
            *block = Some((age, payload));
        }
        if blocks[0].is_none() {
            return false;
        }
        let oldest_first = || blocks.iter().rev().flatten();
        for (age, payload) in oldest_first() {
            let length = u32::try_from(payload.len()).unwrap_or_default();
            let rest = u32::from(*age) << 10 | length;
            let header = u32::from(0x80 | payload_type) << 24 | rest;
            buffer.extend_from_slice(&header.to_be_bytes());
        }
        buffer.push(payload_type & 0x7f);
        for (_, payload) in oldest_first() {
            buffer.extend_from_slice(payload);
        }
        buffer.extend_from_slice(primary);
        true
    }
}

/// What is known of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// The share of packets lost lately, 0 to 1.
    pub(crate) loss: f64,
    /// What it is believed to carry.
    pub(crate) estimate_bps: u64,
}

/// How much redundancy a line needs and carries.
#[derive(Debug, Default)]
pub(crate) struct Need {
    /// Earlier payloads in each packet that the loss calls for.
    wanted: u64,
    /// Those of them for which there is room.
    depth: u64,
    /// The share of packets lost, smoothed.
    loss: f64,
    noted: Option<Instant>,
    /// Since when the loss is low enough for one less.
    calm_since: Option<Instant>,
    /// What the voices took in the window that runs: payloads, and whole packets.
    payload_bytes: u64,
    packet_bytes: u64,
    window_began: Option<Instant>,
    /// The same in bits a second.
    payload_bps: u64,
    packet_bps: u64,
}

impl Need {
    /// How many earlier payloads a packet carries now.
    pub(crate) const fn depth(&self) -> u64 {
        self.depth
    }

    /// What of the line the redundancy takes, in bits a second.
    pub(crate) const fn taken_bps(&self) -> u64 {
        self.depth * self.payload_bps
    }

    /// Counts a voice packet, as it is without redundancy.
    pub(crate) const fn count(&mut self, payload_bytes: usize, packet_bytes: usize) {
        self.payload_bytes += payload_bytes as u64;
        self.packet_bytes += packet_bytes as u64;
    }

    /// Takes up what is known of the line.
    pub(crate) fn note(&mut self, now: Instant, line: Line) {
        let Line { loss, estimate_bps } = line;
        let passed = self.noted.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.noted = Some(now);
        let weight = 1.0 - (-passed.as_secs_f64() / LOSS_SMOOTHING.as_secs_f64()).exp();
        self.loss += (loss - self.loss) * weight;
        self.measure(now);
        for (depth, raises) in (1..).zip(LOSS_RAISES) {
            if self.loss > raises && self.wanted < depth {
                self.wanted = depth;
                self.calm_since = None;
            }
        }
        let lowers = self.wanted.checked_sub(1).and_then(|at| LOSS_LOWERS.get(at as usize));
        if lowers.is_none_or(|lowers| self.loss >= *lowers) {
            self.calm_since = None;
        } else if *self.calm_since.get_or_insert(now) + CALM_MIN <= now {
            self.wanted -= 1;
            self.calm_since = None;
        }
        let room_bps = estimate_bps.saturating_sub(self.packet_bps);
        let each_bps = self.payload_bps * ROOM_PERCENT / 100;
        let room = room_bps.checked_div(each_bps).unwrap_or(DEPTH_MAX);
        self.depth = self.wanted.min(room);
    }

    /// What the voices need is learnt when somebody speaks, and kept over pauses.
    fn measure(&mut self, now: Instant) {
        let began = *self.window_began.get_or_insert(now);
        let passed_ms = now.saturating_duration_since(began).as_millis();
        if passed_ms < RATE_WINDOW.as_millis() {
            return;
        }
        let per_second = |bytes: u64| bytes * 8_000 / u64::try_from(passed_ms).unwrap_or(u64::MAX);
        // Half of what was needed before: Opus takes less in pauses between words.
        self.payload_bps = per_second(self.payload_bytes).max(self.payload_bps / 2);
        self.packet_bps = per_second(self.packet_bytes).max(self.packet_bps / 2);
        (self.payload_bytes, self.packet_bytes) = (0, 0);
        self.window_began = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use forwarding::{Codec, Format, Micros, Owner, Room, TrackKind};

    use super::*;

    const OPUS: u8 = 111;

    fn track(number: u32) -> TrackId {
        let mut room = Room::new();
        let mut add = |owner| {
            let (owner, kind) = (Owner(owner), TrackKind::Microphone);
            room.add_track(Micros(0), owner, kind, Codec::Opus, Format(0), 1).expect("room")
        };
        (0..=number).map(&mut add).last().expect("one")
    }

    fn spoken(track: TrackId, ssrc: u32, sequence: u64) -> Spoken {
        let number = u32::try_from(sequence).expect("small");
        let timestamp = number.wrapping_mul(960).wrapping_sub(2_000);
        Spoken { place: StreamPlace { track, ssrc, sequence }, timestamp, token: number }
    }

    /// Payload `n` is three bytes of `n`.
    fn payload(token: u32) -> Option<&'static [u8]> {
        const ALL: [[u8; 3]; 9] =
            [[0; 3], [1; 3], [2; 3], [3; 3], [4; 3], [5; 3], [6; 3], [7; 3], [8; 3]];
        ALL.get(token as usize).map(<[u8; 3]>::as_slice)
    }

    fn written(history: &History, spoken: &Spoken, depth: u64) -> Option<Vec<u8>> {
        let mut buffer = Vec::new();
        let primary = payload(spoken.token).expect("a payload");
        let wrote = history.write(spoken, depth, OPUS, primary, payload, &mut buffer);
        assert_eq!(wrote, !buffer.is_empty());
        wrote.then_some(buffer)
    }

    #[test]
    fn a_packet_carries_those_before_it_the_oldest_first() {
        let voice = track(0);
        let mut history = History::default();
        for sequence in 1..=3 {
            history.note(spoken(voice, 1, sequence));
        }
        let next = spoken(voice, 1, 4);
        assert_eq!(written(&history, &next, 0), None);
        let one = [0xef, 0x0f, 0x00, 3, 111, 3, 3, 3, 4, 4, 4];
        assert_eq!(written(&history, &next, 1).as_deref(), Some(&one[..]));
        let two =
            [0xef, 0x1e, 0x00, 3, 0xef, 0x0f, 0x00, 3, 111, 2, 2, 2, 3, 3, 3, 4, 4, 4].as_slice();
        assert_eq!(written(&history, &next, 2).as_deref(), Some(two));
        // The first of them is written where the time comes round.
        assert!(spoken(voice, 1, 2).timestamp > spoken(voice, 1, 3).timestamp);
    }

    #[test]
    fn nothing_of_another_stream_is_carried() {
        let (voice, other) = (track(0), track(1));
        let mut history = History::default();
        history.note(spoken(voice, 1, 3));
        for (next, why) in [
            (spoken(other, 1, 4), "another speaker who has chosen the same numbers"),
            (spoken(voice, 2, 4), "the same, begun anew"),
            (spoken(voice, 1, 5), "the same after a pause in which it was not to be heard"),
            (spoken(voice, 1, 3), "itself"),
            (spoken(voice, 1, 2), "what comes later"),
        ] {
            assert_eq!(written(&history, &next, 2), None, "{why}");
        }
        assert!(written(&history, &spoken(voice, 1, 4), 2).is_some());
        history.clear();
        assert_eq!(written(&history, &spoken(voice, 1, 4), 2), None, "forgotten");
    }

    #[test]
    fn what_does_not_fit_into_the_header_is_left_out() {
        let voice = track(0);
        let large = vec![7; BLOCK_BYTES_MAX + 1];
        for (ticks, bytes, fits) in [
            (AGE_TICKS_MAX, 100, true),
            (AGE_TICKS_MAX + 1, 100, false),
            (0, 100, false),
            (0_u32.wrapping_sub(960), 100, false),
            (960, BLOCK_BYTES_MAX, true),
            (960, BLOCK_BYTES_MAX + 1, false),
        ] {
            let mut history = History::default();
            history.note(spoken(voice, 1, 1));
            let mut next = spoken(voice, 1, 2);
            next.timestamp = spoken(voice, 1, 1).timestamp.wrapping_add(ticks);
            let mut buffer = Vec::new();
            let find = |_| Some(&large[..bytes]);
            let wrote = history.write(&next, 2, OPUS, &[1; 20], find, &mut buffer);
            assert_eq!(wrote, fits, "{ticks} ticks, {bytes} bytes");
            assert!(buffer.len() <= PAYLOAD_BYTES_MAX);
        }
    }

    fn wide(loss: f64) -> Line {
        Line { loss, estimate_bps: 800_000 }
    }

    /// Notes loss and estimate every 100 ms for so many seconds; the voice takes 32 kbit/s.
    fn pass(need: &mut Need, now: &mut Instant, seconds: u32, line: Line) -> u64 {
        for _ in 0..seconds * 10 {
            for _ in 0..5 {
                need.count(80, 116);
            }
            *now += Duration::from_millis(100);
            need.note(*now, line);
        }
        need.depth()
    }

    #[test]
    fn redundancy_follows_the_loss() {
        let (mut need, mut now) = (Need::default(), Instant::now());
        let mut step = |seconds, loss| pass(&mut need, &mut now, seconds, wide(loss));
        assert_eq!(step(5, 0.0), 0);
        assert_eq!(step(30, 0.015), 0, "Opus repairs that by itself");
        assert_eq!(step(4, 0.05), 1);
        assert_eq!(step(2, 0.2), 2);
        assert_eq!(step(8, 0.03), 2, "not yet");
        assert_eq!(step(10, 0.03), 1);
        assert_eq!(step(60, 0.015), 1, "less, but not gone");
        assert_eq!(step(10, 0.0), 1, "not yet");
        assert_eq!(step(5, 0.0), 0);
    }

    #[test]
    fn redundancy_takes_only_what_the_line_has() {
        let (mut need, mut now) = (Need::default(), Instant::now());
        for (estimate_bps, depth) in [(800_000, 2), (100_000, 1), (85_000, 0), (143_000, 2)] {
            let line = Line { loss: 0.2, estimate_bps };
            assert_eq!(pass(&mut need, &mut now, 5, line), depth, "{estimate_bps}");
            assert_eq!(need.taken_bps(), depth * 32_000);
        }
    }

    #[test]
    fn a_single_lost_packet_says_nothing() {
        let (mut need, mut now) = (Need::default(), Instant::now());
        pass(&mut need, &mut now, 5, wide(0.0));
        // One of five in a report, smoothed by the estimator: 6 %, 4 %, 3 % and so on.
        for report in 0..20 {
            now += Duration::from_millis(100);
            need.note(now, wide(0.06 * 0.7_f64.powi(report)));
            assert_eq!(need.depth(), 0);
        }
    }
}
