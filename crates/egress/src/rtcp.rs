//! The RTCP that a receive-only peer sends us, and the sender reports that we send it (RFC 3550,
//! RFC 4585, RFC 5104, draft-holmer-rmcat-transport-wide-cc-extensions-01).

/// Most lost packets taken from one NACK: a compound packet of 1,200 bytes could name 5,000, no
/// network loses so many between two reports and is worth repairing.
pub(crate) const NACKED_MAX: usize = 256;

/// One thing that a receiver reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A receiver report block: the share of packets lost since the last one, in 256ths.
    Loss {
        /// Which stream.
        ssrc: u32,
        /// Lost packets in 256ths.
        fraction: u8,
        /// Middle 32 bits of the NTP time of the last sender report received; zero if none.
        last_sender_report: u32,
        /// Delay since that report arrived, in 1/65,536 s.
        delay: u32,
    },
    /// These packets did not arrive.
    Nack {
        /// Which stream.
        ssrc: u32,
        /// Lower 16 bits of their sequence numbers.
        lost: Vec<u16>,
    },
    /// The decoder needs a key frame (PLI or FIR).
    KeyFrame {
        /// Which stream.
        ssrc: u32,
    },
    /// When packets arrived, by transport-wide sequence number.
    Arrivals(Arrivals),
    /// The receiver says goodbye.
    Bye,
}

/// A transport-wide feedback message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrivals {
    /// Lower 16 bits of the number of the first packet.
    pub base: u16,
    /// For each packet from `base` on: arrival in units of 250 µs since an origin of the
    /// receiver's, or `None` if it has not arrived.
    pub packets: Vec<Option<i64>>,
}

/// Most packets that one feedback message may speak of; browsers send one at least every 250 ms.
pub(crate) const ARRIVALS_MAX: usize = 4_096;

/// Reads a compound packet. What is not understood is skipped; what is malformed ends the reading.
pub fn parse(mut packet: &[u8], mut handle: impl FnMut(Report)) {
    while packet.len() >= 4 {
        let words = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
        let length = 4 * (words + 1);
        if packet[0] >> 6 != 2 || packet.len() < length {
            return;
        }
        let (this, rest) = packet.split_at(length);
        packet = rest;
        let count = this[0] & 0x1f;
        match (this[1], count) {
            (200, _) => report_blocks(&this[4..], 24, count, &mut handle),
            (201, _) => report_blocks(&this[4..], 4, count, &mut handle),
            (203, _) => handle(Report::Bye),
            (205, 1) => nack(this, &mut handle),
            (205, 15) => {
                if let Some(arrivals) = arrivals(this) {
                    handle(Report::Arrivals(arrivals));
                }
            }
            (206, 1) => {
                if let Some(ssrc) = word(this, 8) {
                    handle(Report::KeyFrame { ssrc });
                }
            }
            (206, 4) => {
                for entry in this.get(12..).unwrap_or_default().chunks_exact(8) {
                    if let Some(ssrc) = word(entry, 0) {
                        handle(Report::KeyFrame { ssrc });
                    }
                }
            }
            _ => {}
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn report_blocks(body: &[u8], skip: usize, count: u8, handle: &mut impl FnMut(Report)) {
    let blocks = body.get(skip..).unwrap_or_default().chunks_exact(24);
    for block in blocks.take(usize::from(count)) {
        let (Some(ssrc), Some(loss), Some(last_sender_report), Some(delay)) =
            (word(block, 0), word(block, 4), word(block, 16), word(block, 20))
        else {
            return;
        };
        let fraction = loss.to_be_bytes()[0];
        handle(Report::Loss { ssrc, fraction, last_sender_report, delay });
    }
}

fn nack(packet: &[u8], handle: &mut impl FnMut(Report)) {
    let Some(ssrc) = word(packet, 8) else { return };
    let mut lost = Vec::new();
    for entry in packet.get(12..).unwrap_or_default().chunks_exact(4) {
        let first = u16::from_be_bytes([entry[0], entry[1]]);
        let mask = u16::from_be_bytes([entry[2], entry[3]]);
        lost.push(first);
        lost.extend(
            (0..16).filter(|bit| mask & (1 << bit) != 0).map(|bit| first.wrapping_add(bit + 1)),
        );
        if lost.len() > NACKED_MAX {
            lost.truncate(NACKED_MAX);
            break;
        }
    }
    if !lost.is_empty() {
        handle(Report::Nack { ssrc, lost });
    }
}

/// Reads packet statuses (section 3.1 of the draft).
fn arrivals(packet: &[u8]) -> Option<Arrivals> {
    let base = u16::from_be_bytes(packet.get(12..14)?.try_into().ok()?);
    let count = usize::from(u16::from_be_bytes(packet.get(14..16)?.try_into().ok()?));
    if count > ARRIVALS_MAX {
        return None;
    }
    // A reference time of 24 bits signed in units of 64 ms.
    let reference = packet.get(16..19)?;
    let reference =
        i64::from(i32::from_be_bytes([reference[0], reference[1], reference[2], 0]) >> 8);
    let mut statuses = Vec::with_capacity(count);
    let mut at = 20;
    while statuses.len() < count {
        let chunk = u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?);
        at += 2;
        if chunk & 0x8000 == 0 {
            let run = usize::from(chunk & 0x1fff).min(count - statuses.len());
            statuses.extend(std::iter::repeat_n(chunk >> 13 & 3, run));
            if run == 0 {
                return None;
            }
        } else if chunk & 0x4000 == 0 {
            statuses.extend((0..14).rev().map(|bit| chunk >> bit & 1));
        } else {
            statuses.extend((0..7).rev().map(|pair| chunk >> (2 * pair) & 3));
        }
    }
    statuses.truncate(count);
    let mut time = reference * 256;
    let mut packets = Vec::with_capacity(count);
    for status in statuses {
        let delta = match status {
            1 => {
                let delta = *packet.get(at)?;
                at += 1;
                i64::from(delta)
            }
            2 => {
                let delta = i16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?);
                at += 2;
                i64::from(delta)
            }
            _ => {
                packets.push(None);
                continue;
            }
        };
        time += delta;
        packets.push(Some(time));
    }
    Some(Arrivals { base, packets })
}

/// What a sender report says about one stream (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy)]
pub struct SenderReport {
    /// The stream.
    pub ssrc: u32,
    /// NTP time: seconds since 1900 in the upper 32 bits.
    pub ntp: u64,
    /// RTP timestamp of the same moment.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub bytes: u32,
}

impl SenderReport {
    /// Appends the report and the name of the peer's clock (SDES CNAME), by which a browser knows
    /// which streams belong together.
    pub fn write(&self, cname: &str, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&[0x80, 200, 0, 6]);
        buffer.extend_from_slice(&self.ssrc.to_be_bytes());
        buffer.extend_from_slice(&self.ntp.to_be_bytes());
        for value in [self.timestamp, self.packets, self.bytes] {
            buffer.extend_from_slice(&value.to_be_bytes());
        }
        let name = &cname.as_bytes()[..cname.len().min(255)];
        // Item type, length, name and at least one terminating zero, to a multiple of four.
        let item_bytes = (2 + name.len() + 1).next_multiple_of(4);
        let words = u16::try_from(1 + item_bytes / 4).unwrap_or_default();
        buffer.extend_from_slice(&[0x81, 202]);
        buffer.extend_from_slice(&words.to_be_bytes());
        buffer.extend_from_slice(&self.ssrc.to_be_bytes());
        buffer.extend_from_slice(&[1, u8::try_from(name.len()).unwrap_or_default()]);
        buffer.extend_from_slice(name);
        buffer.extend(std::iter::repeat_n(0, item_bytes - 2 - name.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reports(packet: &[u8]) -> Vec<Report> {
        let mut out = Vec::new();
        parse(packet, |report| out.push(report));
        out
    }

    #[test]
    fn a_compound_packet_is_read_part_by_part() {
        let mut packet = vec![0x81, 201, 0, 7, 0, 0, 0, 9];
        packet.extend([0, 0, 0, 5, 64, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 8]);
        packet.extend([0x81, 205, 0, 3, 0, 0, 0, 9, 0, 0, 0, 5, 0xff, 0xff, 0, 0b101]);
        packet.extend([0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 5]);
        packet.extend([0x84, 206, 0, 4, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 6, 1, 0, 0, 0]);
        assert_eq!(
            reports(&packet),
            [
                Report::Loss { ssrc: 5, fraction: 64, last_sender_report: 7, delay: 8 },
                Report::Nack { ssrc: 5, lost: vec![0xffff, 0, 2] },
                Report::KeyFrame { ssrc: 5 },
                Report::KeyFrame { ssrc: 6 },
            ]
        );
        packet.truncate(packet.len() - 1);
        assert_eq!(reports(&packet).len(), 3, "a cut packet ends the reading");
    }

    #[test]
    fn arrival_times_add_up() {
        // Three packets: arrived, lost, arrived late; a run of two and a vector chunk.
        let packet = [
            0x8f, 205, 0, 6, 0, 0, 0, 9, 0, 0, 0, 5, 0xff, 0xff, 0, 3, 0, 0, 2, 0, 0x20, 0x01,
            0xc8, 0x00, 8, 0xff, 0xfc, 0,
        ];
        assert_eq!(
            reports(&packet),
            [Report::Arrivals(Arrivals {
                base: 0xffff,
                packets: vec![Some(2 * 256 + 8), None, Some(2 * 256 + 4)]
            })]
        );
    }

    #[test]
    fn a_sender_report_is_whole_words() {
        let mut buffer = Vec::new();
        let report = SenderReport { ssrc: 1, ntp: 2, timestamp: 3, packets: 4, bytes: 5 };
        report.write("plenary", &mut buffer);
        assert_eq!(buffer.len() % 4, 0);
        let sdes = usize::from(u16::from_be_bytes([buffer[30], buffer[31]]));
        assert_eq!(buffer.len(), 28 + 4 * (sdes + 1));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(packet in proptest::collection::vec(any::<u8>(), 0..300)) {
            reports(&packet);
            let mut headed = vec![0x8f, 205, 0, u8::try_from(packet.len() / 4 + 2).unwrap_or(0)];
            headed.extend([0; 8]);
            headed.extend(&packet);
            reports(&headed);
        }
    }
}
