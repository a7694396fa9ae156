//! The payloads sent lately in one event, once for all viewers: what is to be repaired is found
//! here by its number.

use std::sync::Arc;

use forwarding::{Format, PictureFields};

use crate::redundancy::StreamPlace;

/// Packets kept. A stage with all its layers sends some 800 a second, and what is older than two
/// seconds is not worth repairing.
const PACKETS: u32 = 2_048;

/// One packet of a publisher.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) payload: Arc<[u8]>,
    pub(crate) format: Format,
    pub(crate) pictures: PictureFields,
    /// Where it stands in the stream of its publisher, if it is of a voice.
    pub(crate) voice: Option<StreamPlace>,
}

/// The ring.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    packets: Vec<Stored>,
    next: u32,
}

impl Ring {
    /// The number that the next packet will have.
    pub(crate) const fn next_token(&self) -> u32 {
        self.next
    }

    /// Keeps a packet and returns its number.
    pub(crate) fn push(&mut self, packet: Stored) -> u32 {
        let token = self.next;
        self.next = self.next.wrapping_add(1);
        let place = place(token);
        if place < self.packets.len() {
            self.packets[place] = packet;
        } else {
            self.packets.push(packet);
        }
        token
    }

    /// The packet with this number, while it is kept.
    pub(crate) fn find(&self, token: u32) -> Option<&Stored> {
        let age = self.next.wrapping_sub(token);
        if age == 0 || age > PACKETS { None } else { self.packets.get(place(token)) }
    }
}

fn place(token: u32) -> usize {
    usize::try_from(token % PACKETS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_found_until_the_ring_comes_round() {
        let mut ring = Ring::default();
        let stored = |n: u32| Stored {
            payload: n.to_be_bytes().as_slice().into(),
            format: Format(0),
            pictures: PictureFields::default(),
            voice: None,
        };
        assert!(ring.find(0).is_none());
        for n in 0..PACKETS + 10 {
            assert_eq!(ring.next_token(), n);
            assert_eq!(ring.push(stored(n)), n);
        }
        assert!(ring.find(9).is_none());
        assert_eq!(ring.find(10).map(|p| p.payload.to_vec()), Some(10_u32.to_be_bytes().to_vec()));
        assert!(ring.find(PACKETS + 9).is_some());
        assert!(ring.find(PACKETS + 10).is_none());
    }
}
