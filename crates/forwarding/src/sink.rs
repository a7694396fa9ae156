//! The interface between the media engine and those who take media without being a peer: the
//! recorder. It is a subscriber that hears what the audience may hear, and sees what it may see,
//! while the proceedings say that this is kept, and never a byte more.
//!
//! Each track that is kept has a sink of its own, from [`Message::Opened`] to
//! [`Message::Closed`]. Whenever the track stops, its codec changes, its person may no longer be
//! heard or seen, or the record status changes, the sink is closed; what comes afterwards comes in
//! a new one. So nothing of one sink ever needs to be split.

use std::sync::Arc;
use std::time::Instant;

use base::{EventId, PersonId};

use crate::codec::Codec;
use crate::track::TrackKind;

/// Whether what the audience hears and sees is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Record {
    /// Nothing is: off the record, not live, or no recording by the event's policy.
    #[default]
    Off,
    /// On the record: kept, with names.
    Attributed,
    /// Chatham House Rule, kept by the event's policy: nobody is told who spoke.
    Unattributed,
}

/// The number of a sink, never used again while the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SinkId(pub u64);

/// Where the audience sees the picture of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Among the small pictures, or it is no picture.
    Aside,
    /// The main picture.
    Main,
    /// The shared screen.
    Screen,
}

/// A new sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its number.
    pub sink: SinkId,
    /// Of which event.
    pub event: EventId,
    /// Whose track; `None` under [`Record::Unattributed`].
    pub person: Option<PersonId>,
    /// What of theirs.
    pub kind: TrackKind,
    /// In which codec.
    pub codec: Codec,
    /// Where the audience sees it.
    pub place: Place,
    /// Tracks with the same number are timed by the same clock, that of their sender.
    pub clock: u64,
}

/// A moment by the clock of the sender (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// Microseconds since 1970 by the sender's clock, which may be wrong by any amount.
    pub clock_us: i64,
    /// The RTP timestamp of the same moment.
    pub timestamp: u32,
}

/// A packet of a track, as it arrived.
#[derive(Debug, Clone)]
pub struct SinkPacket {
    /// Of which sink.
    pub sink: SinkId,
    /// Layer of a simulcast track; each has sequence numbers and timestamps of its own. Numbers
    /// say nothing about sizes.
    pub layer: u8,
    /// Which stream of that layer: a sender that begins anew takes another number.
    pub ssrc: u32,
    /// Sequence number, extended so that it never wraps around.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit: the last packet of a picture.
    pub marker: bool,
    /// A key frame begins here.
    pub key_frame_start: bool,
    /// When it arrived.
    pub arrived: Instant,
    /// The sender's latest report on this stream, with the first packet after it only.
    pub report: Option<SenderReport>,
    /// The payload, still in the codec's RTP payload format.
    pub payload: Arc<[u8]>,
}

/// What a subscriber is told.
#[derive(Debug, Clone)]
pub enum Message {
    /// Whether an event's media are kept from now on: before the sinks that this opens, and after
    /// those that it closes. Each worker that has the event tells its own change, beginning from
    /// [`Record::Off`].
    Record {
        /// Which event.
        event: EventId,
        /// What held on this worker before.
        before: Record,
        /// What holds now.
        record: Record,
    },
    /// A sink opens.
    Opened(Box<Opened>),
    /// A packet, in order of arrival.
    Packet(SinkPacket),
    /// The audience sees a track elsewhere than before.
    Placed {
        /// Which track's sink.
        sink: SinkId,
        /// Where.
        place: Place,
    },
    /// A sink is closed; nothing more comes of it.
    Closed {
        /// Which.
        sink: SinkId,
    },
}

/// Who takes the media of sinks. It is called on the way of the packets to the viewers, from
/// several threads: it must return at once, whatever state it is in.
pub trait Subscriber: Send + Sync + std::fmt::Debug {
    /// Takes a message.
    fn take(&self, message: Message);
}

/// Subscribers that each take everything; the payloads of packets are shared.
#[derive(Debug)]
pub struct Several(pub Vec<Arc<dyn Subscriber>>);

impl Subscriber for Several {
    fn take(&self, message: Message) {
        for subscriber in &self.0 {
            subscriber.take(message.clone());
        }
    }
}
