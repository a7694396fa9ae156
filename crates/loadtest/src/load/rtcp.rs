//! RTCP as a receiver writes it, and the little that it reads: reports (RFC 3550), requests for
//! lost packets and key frames (RFC 4585), arrival times (draft-holmer-rmcat-transport-wide-cc-01).

/// What a receiver tells about one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Block {
    /// The stream.
    pub ssrc: u32,
    /// Share lost since the last report, in 256ths.
    pub fraction: u8,
    /// Lost since the beginning.
    pub lost: u32,
    /// Highest sequence number, extended.
    pub highest: u32,
    /// Jitter in units of the stream's clock.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time; 0 before the first.
    pub last_report: u32,
    /// Time since that, in 1/65536 s.
    pub delay: u32,
}

/// Appends a receiver report with at most 31 blocks.
pub fn receiver_report(own: u32, blocks: &[Block], out: &mut Vec<u8>) {
    let blocks = &blocks[..blocks.len().min(31)];
    let count = u8::try_from(blocks.len()).unwrap_or(31);
    header(out, count, 201, 1 + 6 * blocks.len());
    out.extend_from_slice(&own.to_be_bytes());
    for block in blocks {
        out.extend_from_slice(&block.ssrc.to_be_bytes());
        let lost = block.lost.min(0x7f_ffff) | u32::from(block.fraction) << 24;
        for word in [lost, block.highest, block.jitter, block.last_report, block.delay] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// Appends a request for a key frame (picture loss indication).
pub fn picture_loss(own: u32, ssrc: u32, out: &mut Vec<u8>) {
    header(out, 1, 206, 2);
    out.extend_from_slice(&own.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
}

/// Appends a request for lost packets (generic NACK); `lost` in order.
pub fn nack(own: u32, ssrc: u32, lost: &[u16], out: &mut Vec<u8>) {
    let mut items: Vec<(u16, u16)> = Vec::new();
    for &sequence in lost {
        match items.last_mut() {
            Some((first, mask)) if (1..=16).contains(&sequence.wrapping_sub(*first)) => {
                *mask |= 1 << (sequence.wrapping_sub(*first) - 1);
            }
            _ => items.push((sequence, 0)),
        }
    }
    header(out, 1, 205, 2 + items.len());
    out.extend_from_slice(&own.to_be_bytes());
    out.extend_from_slice(&ssrc.to_be_bytes());
    for (first, mask) in items {
        out.extend_from_slice(&first.to_be_bytes());
        out.extend_from_slice(&mask.to_be_bytes());
    }
}

/// One arrival time unit of the feedback, in nanoseconds.
const TICK_NS: u64 = 250_000;

/// One unit of the feedback's reference time, in ticks: 64 ms.
const REFERENCE_TICKS: u64 = 256;

/// The transport-wide numbers that arrived since the last feedback, and when.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Extended numbers with their time in nanoseconds, in the order of arrival.
    seen: Vec<(u64, u64)>,
    /// Number after the last that was told.
    next: Option<u64>,
    count: u8,
}

/// Numbers in one feedback. A tenth of a second at 10 Mbit/s has a hundred.
const ARRIVALS_MAX: usize = 1_000;

impl Arrivals {
    /// Notes that a packet arrived.
    pub fn note(&mut self, number: u16, at_ns: u64) {
        let near = self.seen.last().map(|(number, _)| *number).or(self.next).unwrap_or(1 << 32);
        if self.seen.len() < ARRIVALS_MAX {
            self.seen.push((extend(near, number), at_ns));
        }
    }

    /// Appends the feedback about everything since the last; nothing when nothing arrived.
    pub fn write(&mut self, own: u32, ssrc: u32, out: &mut Vec<u8>) {
        self.seen.sort_unstable();
        self.seen.dedup_by_key(|(number, _)| *number);
        let begin = self.next.unwrap_or(0);
        // What was told to be lost is not told again when it comes late.
        self.seen.retain(|(number, _)| *number >= begin);
        let (Some(&(first, first_ns)), Some(&(last, _))) = (self.seen.first(), self.seen.last())
        else {
            return;
        };
        let base = if self.next.is_some() { begin } else { first };
        // A gap longer than a feedback can hold is a new beginning.
        let base = if last - base >= ARRIVALS_MAX as u64 { first } else { base };
        if last - base >= ARRIVALS_MAX as u64 {
            self.seen.clear();
            return;
        }
        let reference = first_ns / TICK_NS / REFERENCE_TICKS;
        let mut before = reference * REFERENCE_TICKS;
        let mut symbols = Vec::new();
        let mut deltas = Vec::new();
        let mut seen = self.seen.iter().peekable();
        for number in base..=last {
            let Some((_, at_ns)) = seen.next_if(|(other, _)| *other == number) else {
                symbols.push(0);
                continue;
            };
            let at = at_ns / TICK_NS;
            match u8::try_from(at.wrapping_sub(before)) {
                Ok(delta) => {
                    symbols.push(1);
                    deltas.push(delta);
                }
                Err(_) => {
                    let delta = i64::try_from(at).unwrap_or(0) - i64::try_from(before).unwrap_or(0);
                    let limits = (i64::from(i16::MIN), i64::from(i16::MAX));
                    let delta = i16::try_from(delta.clamp(limits.0, limits.1)).unwrap_or(0);
                    symbols.push(2);
                    deltas.extend_from_slice(&delta.to_be_bytes());
                }
            }
            before = at;
        }
        let chunks = chunks(&symbols);
        let bytes = 2 * chunks.len() + deltas.len();
        let filling = (4 - bytes % 4) % 4;
        header(out, 15, 205, 4 + (bytes + filling) / 4);
        out.extend_from_slice(&own.to_be_bytes());
        out.extend_from_slice(&ssrc.to_be_bytes());
        let lower = |number: u64| u16::try_from(number & 0xffff).unwrap_or_default();
        out.extend_from_slice(&lower(base).to_be_bytes());
        let count = u16::try_from(symbols.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        let reference = u32::try_from(reference & 0xff_ffff).unwrap_or_default();
        out.extend_from_slice(&(reference << 8 | u32::from(self.count)).to_be_bytes());
        for chunk in chunks {
            out.extend_from_slice(&chunk.to_be_bytes());
        }
        out.extend_from_slice(&deltas);
        out.extend(std::iter::repeat_n(0, filling));
        self.count = self.count.wrapping_add(1);
        self.next = Some(last + 1);
        self.seen.clear();
    }
}

/// Packet status chunks: long runs of one symbol by their length, everything else seven by seven.
fn chunks(symbols: &[u16]) -> Vec<u16> {
    let mut chunks = Vec::new();
    let mut rest = symbols;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take_while(|symbol| **symbol == first).count();
        if run > 7 || run == rest.len() {
            let length = u16::try_from(run.min(0x1fff)).unwrap_or(0x1fff);
            chunks.push(first << 13 | length);
            rest = &rest[usize::from(length)..];
        } else {
            let (seven, after) = rest.split_at(rest.len().min(7));
            let vector = (0..7).fold(0, |bits, at| bits << 2 | seven.get(at).copied().unwrap_or(0));
            chunks.push(0xc000 | vector);
            rest = after;
        }
    }
    chunks
}

/// The sender reports in a compound packet: source and the middle of the NTP time.
pub fn sender_reports(mut packet: &[u8], mut report: impl FnMut(u32, u32)) {
    while let Some((&[_, kind, high, low], rest)) = packet.split_first_chunk() {
        let bytes = 4 * usize::from(u16::from_be_bytes([high, low]));
        let Some((body, after)) = rest.split_at_checked(bytes) else { return };
        if let (200, Some(ssrc), Some(ntp)) = (kind, word(body, 0), word(body, 6)) {
            report(ssrc, ntp);
        }
        packet = after;
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn header(out: &mut Vec<u8>, count: u8, kind: u8, words_after: usize) {
    out.extend_from_slice(&[0x80 | count, kind]);
    out.extend_from_slice(&u16::try_from(words_after).unwrap_or(u16::MAX).to_be_bytes());
}

/// The number nearest to `near` whose lower 16 bits are `lower`.
pub fn extend(near: u64, lower: u16) -> u64 {
    let moved = lower.wrapping_sub(u16::try_from(near & 0xffff).unwrap_or_default());
    near.wrapping_add_signed(i64::from(i16::from_ne_bytes(moved.to_ne_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_laid_out_as_the_rfcs_say() {
        let mut out = Vec::new();
        nack(9, 5, &[0xffff, 0, 2, 40], &mut out);
        assert_eq!(
            out,
            [0x81, 205, 0, 4, 0, 0, 0, 9, 0, 0, 0, 5, 0xff, 0xff, 0, 0b101, 0, 40, 0, 0]
        );
        out.clear();
        picture_loss(9, 5, &mut out);
        assert_eq!(out, [0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 5]);
        out.clear();
        let block =
            Block { ssrc: 5, fraction: 64, lost: 1, last_report: 7, delay: 8, ..Block::default() };
        receiver_report(9, &[block], &mut out);
        assert_eq!(out[..12], [0x81, 201, 0, 7, 0, 0, 0, 9, 0, 0, 0, 5]);
        assert_eq!((out.len(), &out[12..16]), (32, &[64, 0, 0, 1][..]));
    }

    #[test]
    fn arrivals_are_told_with_their_gaps_and_times() {
        let mut arrivals = Arrivals::default();
        // Three numbers across the wrap, one missing, the last after 70 ms.
        let start = 128_000_000;
        for (number, ms) in [(0xffff, 0), (1, 1), (2, 71)] {
            arrivals.note(number, start + ms * 1_000_000);
        }
        let mut out = Vec::new();
        arrivals.write(9, 5, &mut out);
        assert_eq!(out[..12], [0x8f, 205, 0, 6, 0, 0, 0, 9, 0, 0, 0, 5]);
        assert_eq!(out[12..20], [0xff, 0xff, 0, 4, 0, 0, 2, 0], "base, count, 2 × 64 ms");
        // A vector: small, lost, small, large; then the deltas of 0, 4 and 280 quarters.
        assert_eq!(out[20..], [0xd1, 0x80, 0, 4, 1, 24, 0, 0]);
        out.clear();
        arrivals.note(1, start + 80_000_000);
        arrivals.write(9, 5, &mut out);
        assert!(out.is_empty(), "what was told is not told again");
        for number in 3..103 {
            arrivals.note(number, start + 90_000_000);
        }
        arrivals.write(9, 5, &mut out);
        assert_eq!(out[12..16], [0, 3, 0, 100]);
        assert_eq!((out[19], out[20..22].to_vec()), (1, vec![0x20, 100]), "one run");
    }

    #[test]
    fn sender_reports_are_found_among_others() {
        let mut packet = vec![0x80, 200, 0, 6, 0, 0, 0, 5];
        packet.extend([0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([0x81, 202, 0, 1, 0, 0, 0, 5]);
        let mut found = Vec::new();
        sender_reports(&packet, |ssrc, ntp| found.push((ssrc, ntp)));
        assert_eq!(found, [(5, 0x0203_0405)]);
        for cut in 0..packet.len() {
            sender_reports(&packet[..cut], |_, _| {});
        }
    }

    #[test]
    fn numbers_go_on_across_the_wrap_in_both_directions() {
        for (near, lower, expected) in
            [(65_535, 0, 65_536), (65_536, 65_535, 65_535), (70_000, 4_465, 70_001), (5, 5, 5)]
        {
            assert_eq!(extend(near, lower), expected);
        }
    }
}
