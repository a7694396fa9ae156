//! A receiver over WHEP: offers the fixed slots once and notes who is heard and seen in them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::EventId;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::{Event, Rtc};

use crate::connection::{Connection, LinkSender};
use crate::http::{HttpError, Server};
use crate::ledger::Ledger;
use crate::peer::{Link, Role};
use crate::reception::{Received, Reception, Slot, SlotReception};
use crate::session::JoinError;

/// Shortest time between two requests for a key frame in one slot, as browsers keep it.
const KEY_FRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(500);

/// What a receiver wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// Sound and pictures: all fixed slots.
    Everything,
    /// Sound only, for poor lines.
    Sound,
}

/// A running receiver.
pub struct Receiver {
    /// Its connection.
    pub connection: Connection,
    reception: Arc<Mutex<Reception>>,
}

impl Receiver {
    /// Joins with the token of a personal link.
    ///
    /// # Errors
    /// [`JoinError`] when the server refuses or its answer cannot be used.
    pub async fn join(
        server: &Server,
        path: &str,
        token: &str,
        wants: Wants,
        ledger: Arc<Ledger>,
    ) -> Result<Self, JoinError> {
        let rtc = crate::peer::engine();
        let pictures = Slot::pictures().filter(|_| wants == Wants::Everything);
        let slots: Vec<_> = Slot::sounds().chain(pictures).collect();
        let reception = Arc::new(Mutex::new(Reception {
            slots: slots.iter().map(|slot| (*slot, SlotReception::default())).collect(),
            ..Reception::default()
        }));
        let journal = Arc::clone(&reception);
        let connection = Connection::open(
            server,
            path,
            token,
            rtc,
            |changes| {
                let mut add = |slot: &Slot| {
                    let kind = if slot.is_sound() { MediaKind::Audio } else { MediaKind::Video };
                    changes.add_media(kind, Direction::RecvOnly, None, None, None)
                };
                slots.iter().map(&mut add).collect::<Vec<_>>()
            },
            |_, mids, link| {
                let key_frame_asked = vec![None; mids.len()];
                let streams = HashMap::new();
                Ok(Listener { mids, streams, key_frame_asked, ledger, link, reception: journal })
            },
        )
        .await?;
        Ok(Self { connection, reception })
    }

    /// Looks at what was received so far.
    pub fn reception<T>(&self, look: impl FnOnce(&Reception) -> T) -> T {
        look(&self.reception.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the session and returns what was received, with the server's confirmation.
    pub async fn leave(self) -> (Reception, Result<(), HttpError>) {
        let left = self.connection.leave().await;
        let mut reception = self.reception.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut *reception), left)
    }
}

/// The path of the WHEP endpoint.
pub fn path(event: &EventId) -> String {
    format!("/whep/{event}")
}

/// The role of a receiver's client.
struct Listener {
    /// Media sections in the order of the slots.
    mids: Vec<Mid>,
    /// Slot of each known stream.
    streams: HashMap<Ssrc, usize>,
    key_frame_asked: Vec<Option<Instant>>,
    ledger: Arc<Ledger>,
    link: LinkSender,
    reception: Arc<Mutex<Reception>>,
}

impl Listener {
    fn slot_of(&mut self, rtc: &mut Rtc, ssrc: Ssrc) -> Option<usize> {
        if let Some(slot) = self.streams.get(&ssrc) {
            return Some(*slot);
        }
        let mid = rtc.direct_api().stream_rx(&ssrc)?.mid();
        let slot = self.mids.iter().position(|other| *other == mid)?;
        self.streams.insert(ssrc, slot);
        Some(slot)
    }

    fn take(&mut self, packet: &RtpPacket, rtc: &mut Rtc) {
        let ssrc = packet.header.ssrc;
        let Some(at) = self.slot_of(rtc, ssrc) else { return };
        let mut reception = self.reception.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((slot, arrived)) = reception.slots.get_mut(at) else { return };
        let slot = *slot;
        let received = Received {
            ssrc: *ssrc,
            sequence: *packet.seq_no,
            time: packet.time.numer(),
            payload: &packet.payload,
        };
        let effect = arrived.take(packet.timestamp, slot, &self.ledger, received);
        if let Some(delay) = effect.delay {
            let histogram = if slot.is_sound() {
                &mut reception.voice_delay
            } else {
                &mut reception.picture_delay
            };
            histogram.add(delay);
        }
        let asked = &mut self.key_frame_asked[at];
        let may_ask = asked
            .is_none_or(|last| packet.timestamp.duration_since(last) >= KEY_FRAME_REQUEST_INTERVAL);
        if effect.needs_key_frame
            && may_ask
            && let Some(stream) = rtc.direct_api().stream_rx(&ssrc)
        {
            *asked = Some(packet.timestamp);
            reception.key_frames_asked += 1;
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }
}

impl Role for Listener {
    fn event(&mut self, _now: Instant, event: Event, rtc: &mut Rtc) {
        if let Event::RtpPacket(packet) = event {
            self.take(&packet, rtc);
        }
    }

    fn link(&mut self, now: Instant, link: Link) {
        self.link.set(now, link);
    }
}
