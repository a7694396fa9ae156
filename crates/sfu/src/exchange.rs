//! What workers tell each other. A packet of a publisher goes, decrypted and by reference, to every
//! worker that has receivers of its event; requests for key frames come back. All of it may be
//! lost without harm when a worker falls behind: a track is made known by each of its packets, and
//! ends by itself when no more come.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::{EventId, PersonId};
use forwarding::{Codec, Format, FrameMark, Packet, TrackId, TrackKind};
use tokio::sync::mpsc;

use crate::types::SessionId;

/// Batches that may wait for a worker, each of one turn of another: a tenth of a second of turns
/// of a millisecond. What comes beyond that would come too late.
const BATCHES_MAX: usize = 128;

/// A track that arrives at another worker.
#[derive(Debug)]
pub(crate) struct RemoteTrack {
    pub(crate) worker: usize,
    /// Its number on that worker.
    pub(crate) id: TrackId,
    pub(crate) event: EventId,
    pub(crate) person: PersonId,
    pub(crate) kind: TrackKind,
    pub(crate) codec: Codec,
    pub(crate) format: Format,
    pub(crate) layers: u8,
}

/// A packet of a publisher, decrypted.
#[derive(Debug, Clone)]
pub(crate) struct TrackPacket {
    pub(crate) layer: u8,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) level_db: Option<u8>,
    /// What its dependency descriptor said.
    pub(crate) mark: Option<FrameMark>,
    pub(crate) payload: Arc<[u8]>,
}

impl TrackPacket {
    /// The packet for the core, with the number under which it will stand in the ring.
    pub(crate) fn for_core(&self, token: u32) -> Packet<'_> {
        let Self { ssrc, sequence, timestamp, marker, level_db, mark, .. } = *self;
        Packet { ssrc, sequence, timestamp, marker, level_db, mark, payload: &self.payload, token }
    }
}

/// One thing passed to another worker.
pub(crate) enum Passing {
    Packet {
        track: Arc<RemoteTrack>,
        packet: TrackPacket,
    },
    /// The track is over.
    Stopped(Arc<RemoteTrack>),
    /// Somebody who watches the track needs a key frame.
    KeyFrame {
        event: EventId,
        track: TrackId,
        layer: u8,
    },
    /// A datagram of a session that lives there.
    Datagram {
        source: SocketAddr,
        local: Option<IpAddr>,
        bytes: Vec<u8>,
    },
    /// The session is to end.
    End(SessionId),
}

/// What arrives from the others.
pub(crate) type Inbox = mpsc::Receiver<Vec<Passing>>;

/// The ways to the other workers.
pub(crate) struct Exchange {
    /// Which worker this is.
    pub(crate) own: usize,
    ways: Vec<mpsc::Sender<Vec<Passing>>>,
    /// What is to be passed at the end of the turn.
    waiting: Vec<Vec<Passing>>,
}

impl Exchange {
    /// Connects so many workers with each other.
    pub(crate) fn connect(workers: usize) -> Vec<(Self, Inbox)> {
        let (ways, inboxes): (Vec<_>, Vec<_>) =
            (0..workers).map(|_| mpsc::channel(BATCHES_MAX)).unzip();
        let exchange = |own| Self {
            own,
            ways: ways.clone(),
            waiting: (0..workers).map(|_| Vec::new()).collect(),
        };
        inboxes.into_iter().enumerate().map(|(own, inbox)| (exchange(own), inbox)).collect()
    }

    /// Passes something to another worker at the end of the turn.
    pub(crate) fn pass(&mut self, to: usize, passing: Passing) {
        if to != self.own
            && let Some(waiting) = self.waiting.get_mut(to)
        {
            waiting.push(passing);
        }
    }

    /// Passes something to each worker in the mask, except this one.
    pub(crate) fn pass_all(&mut self, workers: u64, passing: impl Fn() -> Passing) {
        let mut others = workers & !(1 << self.own);
        while others != 0 {
            self.pass(others.trailing_zeros() as usize, passing());
            others &= others - 1;
        }
    }

    /// Hands over what waits. Returns how much was lost because a worker is behind.
    pub(crate) fn flush(&mut self) -> u64 {
        let mut lost = 0;
        for (way, waiting) in self.ways.iter().zip(&mut self.waiting) {
            if waiting.is_empty() {
                continue;
            }
            if let Err(error) = way.try_send(std::mem::take(waiting)) {
                lost += error.into_inner().len() as u64;
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_falls_behind_loses_what_is_new() {
        let mut ways = Exchange::connect(3);
        let (_, mut inbox) = ways.pop().expect("three");
        let (mut exchange, _own) = ways.swap_remove(0);
        let passing = || Passing::End("0123456789abcdef0123456789abcdef".parse().expect("a name"));
        for turn in 0..BATCHES_MAX + 2 {
            exchange.pass_all(0b101, passing);
            exchange.pass(2, passing());
            let lost = exchange.flush();
            assert_eq!(lost, if turn < BATCHES_MAX { 0 } else { 2 }, "turn {turn}");
        }
        let mut batches = 0;
        while let Ok(batch) = inbox.try_recv() {
            assert_eq!(batch.len(), 2);
            batches += 1;
        }
        assert_eq!(batches, BATCHES_MAX);
    }
}
