//! What was sent lately in one slot, so that a lost packet can be sent again. Only the headers are
//! kept here, some 40 bytes each; the payload lies once for all viewers in the ring of its track.

use std::time::{Duration, Instant};

/// A lost packet is sent again at most once in this time, about the round trip of a phone: the
/// first repair may still be on its way.
const REPEAT_MIN: Duration = Duration::from_millis(60);

/// One packet as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Extended sequence number in the slot.
    pub sequence: u64,
    /// RTP timestamp in the slot.
    pub timestamp: u32,
    /// By which the driver finds the payload.
    pub token: u32,
    /// Picture number written into the payload's descriptor, if it was changed.
    pub picture_id: Option<u16>,
    /// TL0PICIDX written into the payload's descriptor, if it was changed.
    pub base_layer: Option<u8>,
    /// Payload type.
    pub payload_type: u8,
    /// RTP marker.
    pub marker: bool,
}

/// The entries of one slot. Most slots of most viewers stay empty, and cost nothing until their
/// first packet.
#[derive(Debug)]
pub struct History {
    packets: usize,
    entries: Vec<Option<(Entry, Option<Instant>)>>,
}

impl History {
    /// Remembers the last `packets`, a power of two.
    pub fn new(packets: usize) -> Self {
        Self { packets: packets.next_power_of_two(), entries: Vec::new() }
    }

    fn place(&self, sequence: u64) -> usize {
        usize::try_from(sequence & (self.packets as u64 - 1)).unwrap_or_default()
    }

    /// Notes a packet that was sent.
    pub fn note(&mut self, entry: Entry) {
        if self.entries.is_empty() {
            self.entries = vec![None; self.packets];
        }
        let place = self.place(entry.sequence);
        self.entries[place] = Some((entry, None));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries = Vec::new();
    }

    /// The packet with these lower 16 bits of the sequence number, if it is worth sending again
    /// now.
    pub fn take_for_repair(&mut self, now: Instant, lower: u16) -> Option<Entry> {
        let place = self.place(u64::from(lower));
        let (entry, repaired) = self.entries.get_mut(place)?.as_mut()?;
        let early = repaired.is_some_and(|at| now.saturating_duration_since(at) < REPEAT_MIN);
        if entry.sequence & 0xffff != u64::from(lower) || early {
            return None;
        }
        *repaired = Some(now);
        Some(*entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_found_until_it_is_overwritten() {
        let mut history = History::new(64);
        let now = Instant::now();
        let entry = |sequence| Entry {
            sequence,
            timestamp: 0,
            token: 0,
            picture_id: None,
            base_layer: None,
            payload_type: 96,
            marker: false,
        };
        assert_eq!(history.take_for_repair(now, 0), None);
        for sequence in 65_500..65_600 {
            history.note(entry(sequence));
        }
        assert_eq!(history.take_for_repair(now, 65_535), None, "overwritten by 65,599");
        assert_eq!(history.take_for_repair(now, 0), Some(entry(65_536)));
        assert_eq!(history.take_for_repair(now, 0), None, "just sent");
        assert_eq!(history.take_for_repair(now + REPEAT_MIN, 0), Some(entry(65_536)));
        history.clear();
        assert_eq!(history.take_for_repair(now, 63), None);
    }
}
