//! One slot as one continuous stream.
//!
//! While a source runs, its numbers are shifted by constants, so lost, late and repeated packets
//! keep their places and the receiver's own repair works as if it heard the source directly. When
//! the source changes, the constants are chosen anew so that the first packet follows the newest
//! one that was sent.

use crate::codec::PictureFields;
use crate::units::Micros;

/// The least distance between the timestamps of two sources, so that a frame of the new one is
/// never taken for a part of the old one's last.
const SWITCH_GAP_MIN: Micros = Micros::from_millis(1);

/// The most that a timestamp moves on over a pause. Longer pauses (a slot that was empty for an
/// hour) would come close to the half of the 32 bit range, where "later" turns into "earlier".
const SWITCH_GAP_MAX: Micros = Micros::from_millis(60_000);

/// Where a packet stands in its source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Extended sequence number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) pictures: PictureFields,
}

/// Where the packet stands in the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewPlace {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// The new picture number, if the packet has one and it differs.
    pub(crate) picture_id: Option<u16>,
    pub(crate) base_layer: Option<u8>,
}

/// The newest packet sent in the slot.
#[derive(Debug, Clone, Copy)]
struct Newest {
    sequence: u64,
    timestamp: u32,
    at: Micros,
}

/// The state of one slot's stream.
#[derive(Debug, Clone)]
pub(crate) struct Rewriter {
    first: (u16, u32),
    newest: Option<Newest>,
    /// The newest picture numbers sent; kept over sources that have none.
    newest_picture: Option<u16>,
    newest_base_layer: Option<u8>,
    /// The source's sequence number with which it entered the slot. What is older was sent, or
    /// lost, before the switch.
    entered_at: u64,
    sequence_shift: u64,
    timestamp_shift: u32,
    picture_shift: u16,
    base_layer_shift: u8,
}

impl Rewriter {
    /// A stream that will begin with the given sequence number and timestamp.
    pub(crate) const fn new(first_sequence: u16, first_timestamp: u32) -> Self {
        Self {
            first: (first_sequence, first_timestamp),
            newest: None,
            newest_picture: None,
            newest_base_layer: None,
            entered_at: 0,
            sequence_shift: 0,
            timestamp_shift: 0,
            picture_shift: 0,
            base_layer_shift: 0,
        }
    }

    /// A new source enters the slot with the packet at `place`.
    pub(crate) fn enter(&mut self, now: Micros, clock_hz: u32, place: &Place) {
        self.entered_at = place.sequence;
        let (sequence, timestamp) = match self.newest {
            None => (u64::from(self.first.0), self.first.1),
            Some(newest) => {
                let gap = now.since(newest.at).clamp(SWITCH_GAP_MIN, SWITCH_GAP_MAX);
                let ticks = gap.0 * u64::from(clock_hz) / 1_000_000;
                let ticks = u32::try_from(ticks).unwrap_or_default();
                (newest.sequence + 1, newest.timestamp.wrapping_add(ticks))
            }
        };
        self.sequence_shift = sequence.wrapping_sub(place.sequence);
        self.timestamp_shift = timestamp.wrapping_sub(place.timestamp);
        if let Some(id) = place.pictures.id {
            self.picture_shift = match self.newest_picture {
                Some(newest) => newest.wrapping_add(1).wrapping_sub(id.value),
                None => 0,
            };
        }
        if let Some((index, _)) = place.pictures.base_layer {
            self.base_layer_shift = match self.newest_base_layer {
                Some(newest) => newest.wrapping_add(1).wrapping_sub(index),
                None => 0,
            };
        }
    }

    /// The place of a packet of the running source, or `None` if it is from before the switch.
    pub(crate) fn place(&mut self, now: Micros, place: &Place) -> Option<NewPlace> {
        if place.sequence < self.entered_at {
            return None;
        }
        let sequence = place.sequence.wrapping_add(self.sequence_shift);
        let timestamp = place.timestamp.wrapping_add(self.timestamp_shift);
        let picture_id = place.pictures.id.map(|id| {
            let mask = if id.wide { 0x7fff } else { 0x7f };
            id.value.wrapping_add(self.picture_shift) & mask
        });
        let base_layer =
            place.pictures.base_layer.map(|(value, _)| value.wrapping_add(self.base_layer_shift));
        if self.newest.is_none_or(|newest| newest.sequence < sequence) {
            self.newest = Some(Newest { sequence, timestamp, at: now });
            self.newest_picture = picture_id.or(self.newest_picture);
            self.newest_base_layer = base_layer.or(self.newest_base_layer);
        }
        Some(NewPlace {
            sequence,
            timestamp,
            picture_id: picture_id.filter(|_| self.picture_shift != 0),
            base_layer: base_layer.filter(|_| self.base_layer_shift != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::PictureId;

    fn at(sequence: u64, timestamp: u32, picture: u16) -> Place {
        Place {
            sequence,
            timestamp,
            pictures: PictureFields {
                id: Some(PictureId { value: picture, at: 2, wide: true }),
                base_layer: Some((picture.to_be_bytes()[1], 4)),
            },
        }
    }

    #[test]
    fn a_switch_goes_on_where_the_old_source_stopped() {
        let mut slot = Rewriter::new(100, 5_000);
        slot.enter(Micros(0), 90_000, &at(70_000, 1, 10));
        let placed = slot.place(Micros(0), &at(70_000, 1, 10));
        assert_eq!(
            placed,
            Some(NewPlace { sequence: 100, timestamp: 5_000, picture_id: None, base_layer: None })
        );
        let second = slot.place(Micros(33_000), &at(70_002, 2_971, 11));
        assert_eq!(second.map(|p| (p.sequence, p.timestamp)), Some((102, 7_970)));
        let late = slot.place(Micros(34_000), &at(70_001, 1, 10));
        assert_eq!(late.map(|p| p.sequence), Some(101), "a late packet keeps its place");

        let key = at(9, 4_000_000_000, 0x7ffe);
        slot.enter(Micros(66_000), 90_000, &key);
        assert_eq!(
            slot.place(Micros(66_000), &key),
            Some(NewPlace {
                sequence: 103,
                timestamp: 7_970 + 2_970,
                picture_id: Some(12),
                base_layer: Some(12),
            })
        );
        assert_eq!(slot.place(Micros(66_000), &at(8, 0, 0)), None, "from before the switch");
        let wrapped = slot.place(Micros(99_000), &at(10, 4_000_002_970, 0x7fff));
        assert_eq!(wrapped.and_then(|p| p.picture_id), Some(13));
    }

    #[test]
    fn picture_numbers_go_on_over_a_source_without_them() {
        let mut slot = Rewriter::new(0, 0);
        let bare = Place { sequence: 5, timestamp: 5, pictures: PictureFields::default() };
        for (now, place) in [(0, at(1, 1, 20)), (1, bare), (2, at(700, 1, 90))] {
            slot.enter(Micros(now), 90_000, &place);
            let placed = slot.place(Micros(now), &place);
            if now == 2 {
                assert_eq!(placed.and_then(|p| p.picture_id), Some(21));
            }
        }
    }
}
