//! The floor's voice for whom no media path reaches: the packets of the voice slots as they are,
//! without a peer. One receiver of the forwarding core hears for all who listen so, under the same
//! plan as every other receiver of its class.

use std::sync::Arc;

use tokio::sync::broadcast;

/// Packets kept for a listener that is behind: 0.8 s of three voices. The oldest are dropped.
const PACKETS_MAX: usize = 128;

/// A packet of a voice slot: one Opus packet.
#[derive(Debug, Clone)]
pub struct Voice {
    /// Which slot, from 0.
    pub slot: u8,
    /// Sequence number in the slot.
    pub sequence: u16,
    /// RTP timestamp in the slot, 48,000 a second.
    pub timestamp: u32,
    /// The Opus packet.
    pub payload: Arc<[u8]>,
}

/// A listener.
#[derive(Debug)]
pub struct Listening {
    voices: broadcast::Receiver<Voice>,
}

impl Listening {
    /// The next packet; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<Voice> {
        loop {
            match self.voices.recv().await {
                Ok(voice) => return Some(voice),
                // What was lost is heard as a gap, and the newest goes on.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The next packet, if one waits.
    pub fn try_next(&mut self) -> Option<Voice> {
        loop {
            match self.voices.try_recv() {
                Ok(voice) => return Some(voice),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return None,
            }
        }
    }
}

/// Where voices go in for all who listen.
#[derive(Debug, Clone)]
pub struct Audible(broadcast::Sender<Voice>);

impl Default for Audible {
    fn default() -> Self {
        Self(broadcast::channel(PACKETS_MAX).0)
    }
}

impl Audible {
    /// One more who listens.
    pub fn listen(&self) -> Listening {
        Listening { voices: self.0.subscribe() }
    }

    /// Tells everybody who listens.
    pub fn tell(&self, voice: Voice) {
        // Without anybody who listens there is nobody to be told.
        let _ = self.0.send(voice);
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.0.receiver_count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_hears_the_newest() {
        let audible = Audible::default();
        assert!(!audible.is_heard());
        let mut listening = audible.listen();
        assert!(audible.is_heard());
        for sequence in 0..200 {
            let payload = Arc::from([0_u8].as_slice());
            audible.tell(Voice { slot: 0, sequence, timestamp: 0, payload });
        }
        let heard: Vec<u16> =
            std::iter::from_fn(|| listening.try_next()).map(|voice| voice.sequence).collect();
        assert_eq!(heard, (72..200).collect::<Vec<_>>());
        drop(listening);
        assert!(!audible.is_heard());
    }
}
