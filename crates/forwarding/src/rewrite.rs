//! One slot as one continuous stream.
//!
//! While a source runs, its numbers are shifted, so lost, late and repeated packets keep their
//! places and the receiver's own repair works as if it heard the source directly. When the source
//! changes, the shifts are chosen anew so that the first packet follows the newest one that was
//! sent. When packets of the source are left out, the numbers close up behind them.

use std::collections::VecDeque;

use crate::codec::{Level, PictureFields, Rise};
use crate::units::Micros;

/// The least distance between the timestamps of two sources, so that a frame of the new one is
/// never taken for a part of the old one's last.
const SWITCH_GAP_MIN: Micros = Micros::from_millis(1);

/// The most that a timestamp moves on over a pause. Longer pauses (a slot that was empty for an
/// hour) would come close to the half of the 32 bit range, where "later" turns into "earlier".
const SWITCH_GAP_MAX: Micros = Micros::from_millis(60_000);

/// Runs of packets left out that are remembered for packets that come late. One frame in two or
/// three is left out: a second of a smooth picture, longer than any retransmission is useful.
const OMISSIONS_MAX: usize = 32;

/// Changes of the ceiling that are remembered for packets that come late.
const CEILINGS_MAX: usize = 4;

/// Where a packet stands in its source.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// Extended sequence number.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) pictures: PictureFields,
    pub(crate) level: Level,
    pub(crate) rise: Rise,
    /// It is the first packet of a picture.
    pub(crate) picture_start: bool,
    /// It is the first packet of a key frame.
    pub(crate) key_frame_start: bool,
    /// Numbers of pictures close up behind pictures that were left out.
    pub(crate) dense: bool,
}

/// Where the packet stands in the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewPlace {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// The new picture number, if the packet has one and it differs.
    pub(crate) picture_id: Option<u16>,
    pub(crate) base_layer: Option<u8>,
    /// Its layer is the largest picture that the slot gets.
    pub(crate) topmost: bool,
}

/// The newest packet sent in the slot.
#[derive(Debug, Clone, Copy)]
struct Newest {
    sequence: u64,
    timestamp: u32,
    at: Micros,
}

/// Packets of the source, one after the other, that were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Omission {
    first: u64,
    /// One past the last.
    end: u64,
    /// Timestamp of its last picture.
    timestamp: u32,
    /// Packets and pictures left out since the source entered, with these.
    packets: u64,
    pictures: u16,
}

/// How much was left out before a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Omitted {
    packets: u64,
    pictures: u16,
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
    /// The newest sequence number of the source since then.
    source_newest: u64,
    sequence_shift: u64,
    timestamp_shift: u32,
    picture_shift: u16,
    base_layer_shift: u8,
    /// From which sequence number on which layers are let through, the oldest first.
    ceilings: VecDeque<(u64, Level)>,
    /// What was left out, the oldest first.
    omissions: VecDeque<Omission>,
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
            source_newest: 0,
            sequence_shift: 0,
            timestamp_shift: 0,
            picture_shift: 0,
            base_layer_shift: 0,
            ceilings: VecDeque::new(),
            omissions: VecDeque::new(),
        }
    }

    /// A new source enters the slot with the packet at `place`, in the layers up to `ceiling`.
    pub(crate) fn enter(&mut self, now: Micros, clock_hz: u32, place: &Place, ceiling: Level) {
        self.entered_at = place.sequence;
        self.source_newest = place.sequence;
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
        self.omissions.clear();
        self.ceilings.clear();
        if ceiling != Level::TOP {
            self.ceilings.push_back((place.sequence, ceiling));
        }
    }

    /// The layers that are let through now.
    pub(crate) fn ceiling(&self) -> Level {
        self.ceilings.back().map_or(Level::TOP, |(_, ceiling)| *ceiling)
    }

    /// The place of a packet of the running source; `None` if it is from before the switch, or of
    /// a layer that is left out. `aim` is the layers that the slot shall get as soon as can be.
    pub(crate) fn place(&mut self, now: Micros, place: &Place, aim: Level) -> Option<NewPlace> {
        if place.sequence < self.entered_at {
            return None;
        }
        let newest = place.sequence >= self.source_newest;
        if newest {
            self.source_newest = place.sequence;
            if place.picture_start {
                self.approach(place, aim);
            }
        }
        let ceiling = self.ceiling_at(place.sequence)?;
        if !ceiling.admits(place.level) {
            if newest {
                self.omit(place);
            }
            return None;
        }
        let omitted = self.omitted_before(place.sequence)?;
        let sequence =
            place.sequence.wrapping_add(self.sequence_shift).wrapping_sub(omitted.packets);
        let timestamp = place.timestamp.wrapping_add(self.timestamp_shift);
        let picture_shift = self.picture_shift.wrapping_sub(omitted.pictures);
        let picture_id = place.pictures.id.map(|id| {
            let mask = if id.wide { 0x7fff } else { 0x7f };
            id.value.wrapping_add(picture_shift) & mask
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
            picture_id: picture_id.filter(|_| picture_shift & 0x7fff != 0),
            base_layer: base_layer.filter(|_| self.base_layer_shift != 0),
            topmost: place.level.spatial == ceiling.spatial,
        })
    }

    /// With the picture that begins at `place` the ceiling moves towards `aim` as far as a decoder
    /// can follow: down at any picture, up in size at a key frame, and up in pictures a second
    /// where the sender has prepared for it.
    fn approach(&mut self, place: &Place, aim: Level) {
        let now = self.ceiling();
        if now == aim {
            return;
        }
        let mut next = Level {
            spatial: now.spatial.min(aim.spatial),
            temporal: now.temporal.min(aim.temporal),
        };
        if place.key_frame_start {
            next = aim;
        } else if aim.temporal > now.temporal {
            let own = place.level.temporal;
            match place.rise {
                Rise::Above if own <= now.temporal => next.temporal = aim.temporal,
                Rise::Here if own == now.temporal + 1 => next.temporal = own,
                _ => {}
            }
        }
        if next == now {
            return;
        }
        if self.ceilings.is_empty() {
            self.ceilings.push_back((self.entered_at, now));
        }
        if self.ceilings.len() >= CEILINGS_MAX {
            self.ceilings.pop_front();
        }
        self.ceilings.push_back((place.sequence, next));
    }

    /// The layers that were let through when the packet with this number was sent; `None` if that
    /// is too long ago.
    fn ceiling_at(&self, sequence: u64) -> Option<Level> {
        if self.ceilings.is_empty() {
            return Some(Level::TOP);
        }
        self.ceilings.iter().rev().find(|(from, _)| *from <= sequence).map(|(_, level)| *level)
    }

    /// The newest packet is left out.
    fn omit(&mut self, place: &Place) {
        let Omitted { packets, pictures } = self.omitted();
        if let Some(last) = self.omissions.back_mut() {
            let same_picture = last.timestamp == place.timestamp;
            if same_picture && place.sequence >= last.end {
                // What is missing between two packets of a picture is left out with it.
                last.packets += place.sequence + 1 - last.end;
                last.end = place.sequence + 1;
                return;
            }
            if place.sequence == last.end {
                last.end += 1;
                last.packets += 1;
                last.pictures = last.pictures.wrapping_add(u16::from(place.dense));
                last.timestamp = place.timestamp;
                return;
            }
            if place.sequence < last.end {
                return;
            }
        }
        if self.omissions.len() >= OMISSIONS_MAX {
            self.omissions.pop_front();
        }
        self.omissions.push_back(Omission {
            first: place.sequence,
            end: place.sequence + 1,
            timestamp: place.timestamp,
            packets: packets + 1,
            pictures: pictures.wrapping_add(u16::from(place.dense)),
        });
    }

    fn omitted(&self) -> Omitted {
        self.omissions.back().map_or_else(Omitted::default, |last| Omitted {
            packets: last.packets,
            pictures: last.pictures,
        })
    }

    /// What was left out before this packet; `None` if the packet was, or if that is too long ago.
    fn omitted_before(&self, sequence: u64) -> Option<Omitted> {
        for omission in self.omissions.iter().rev() {
            if sequence >= omission.end {
                let Omission { packets, pictures, .. } = *omission;
                return Some(Omitted { packets, pictures });
            }
            if sequence >= omission.first {
                return None;
            }
        }
        // Before the first of all nothing was left out; before the oldest that is remembered it is
        // not known how much.
        let oldest_is_first = self.omissions.len() < OMISSIONS_MAX;
        oldest_is_first.then(Omitted::default)
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
            ..bare(sequence, timestamp)
        }
    }

    fn bare(sequence: u64, timestamp: u32) -> Place {
        Place {
            sequence,
            timestamp,
            pictures: PictureFields::default(),
            level: Level::default(),
            rise: Rise::No,
            picture_start: true,
            key_frame_start: false,
            dense: true,
        }
    }

    #[test]
    fn a_switch_goes_on_where_the_old_source_stopped() {
        let mut slot = Rewriter::new(100, 5_000);
        slot.enter(Micros(0), 90_000, &at(70_000, 1, 10), Level::TOP);
        let placed = slot.place(Micros(0), &at(70_000, 1, 10), Level::TOP);
        assert_eq!(
            placed,
            Some(NewPlace {
                sequence: 100,
                timestamp: 5_000,
                picture_id: None,
                base_layer: None,
                topmost: false,
            })
        );
        let second = slot.place(Micros(33_000), &at(70_002, 2_971, 11), Level::TOP);
        assert_eq!(second.map(|p| (p.sequence, p.timestamp)), Some((102, 7_970)));
        let late = slot.place(Micros(34_000), &at(70_001, 1, 10), Level::TOP);
        assert_eq!(late.map(|p| p.sequence), Some(101), "a late packet keeps its place");

        let key = at(9, 4_000_000_000, 0x7ffe);
        slot.enter(Micros(66_000), 90_000, &key, Level::TOP);
        assert_eq!(
            slot.place(Micros(66_000), &key, Level::TOP),
            Some(NewPlace {
                sequence: 103,
                timestamp: 7_970 + 2_970,
                picture_id: Some(12),
                base_layer: Some(12),
                topmost: false,
            })
        );
        assert_eq!(
            slot.place(Micros(66_000), &at(8, 0, 0), Level::TOP),
            None,
            "from before the switch"
        );
        let wrapped = slot.place(Micros(99_000), &at(10, 4_000_002_970, 0x7fff), Level::TOP);
        assert_eq!(wrapped.and_then(|p| p.picture_id), Some(13));
    }

    #[test]
    fn picture_numbers_go_on_over_a_source_without_them() {
        let mut slot = Rewriter::new(0, 0);
        for (now, place) in [(0, at(1, 1, 20)), (1, bare(5, 5)), (2, at(700, 1, 90))] {
            slot.enter(Micros(now), 90_000, &place, Level::TOP);
            let placed = slot.place(Micros(now), &place, Level::TOP);
            if now == 2 {
                assert_eq!(placed.and_then(|p| p.picture_id), Some(21));
            }
        }
    }

    /// Picture `n` of a stream with two packets a picture and three temporal layers.
    fn layered(n: u16, second: bool) -> Place {
        let temporal = [0, 2, 1, 2][usize::from(n % 4)];
        Place {
            level: Level::new(0, temporal),
            picture_start: !second,
            rise: if temporal > 0 { Rise::Here } else { Rise::No },
            ..at(u64::from(n) * 2 + u64::from(second), u32::from(n) * 3_000, n)
        }
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut slot = Rewriter::new(0, 0);
        slot.enter(Micros(0), 90_000, &layered(0, false), Level::TOP);
        let lowest = Level::new(u8::MAX, 0);
        let mut sent = Vec::new();
        for n in 0..24 {
            // Down at once, later up, one layer after the other.
            let aim = if (2..14).contains(&n) { lowest } else { Level::TOP };
            for second in [false, true] {
                let placed = slot.place(Micros(0), &layered(n, second), aim);
                sent.extend(placed.map(|p| (p.sequence, p.picture_id.unwrap_or(n))));
            }
        }
        let numbers: Vec<u64> = sent.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(numbers, (0..sent.len() as u64).collect::<Vec<_>>());
        let pictures: Vec<u16> = sent.iter().map(|(_, picture)| *picture).collect();
        let counted: Vec<u16> = (0..24).flat_map(|n| [n, n]).take(sent.len()).collect();
        assert_eq!(pictures, counted);
        // Of the pictures from 2 to 13 only 4, 8 and 12 are base layers; 14 brings layer 1 back.
        assert_eq!(sent.len(), 2 * (2 + 3 + 10));
    }

    #[test]
    fn a_late_packet_is_judged_by_the_layers_of_its_time() {
        let mut slot = Rewriter::new(0, 0);
        let lowest = Level::new(u8::MAX, 0);
        slot.enter(Micros(0), 90_000, &layered(0, false), lowest);
        let mut place = |n, second, aim| {
            slot.place(Micros(0), &layered(n, second), aim).map(|placed| placed.sequence)
        };
        assert_eq!(place(0, false, lowest), Some(0));
        // The second packet of picture 0 is missing, 1 to 3 are left out.
        for n in 1..4 {
            assert_eq!([place(n, false, lowest), place(n, true, lowest)], [None, None]);
        }
        assert_eq!(place(4, false, Level::TOP), Some(2), "a place is kept for the missing one");
        assert_eq!(place(0, true, lowest), Some(1), "which takes it");
        assert_eq!(place(3, true, Level::TOP), None, "left out in its time");
        assert_eq!(place(6, false, Level::TOP), Some(6), "up to layer 1");
        assert_eq!(place(5, false, Level::TOP), None, "not yet up to layer 2");
    }
}
