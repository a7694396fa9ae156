//! The media engine: one UDP socket, a worker thread that owns the WebRTC peers of all events
//! (str0m without its own I/O), and one forwarding core per event (crate `forwarding`).
//!
//! [`Sfu`] is the handle. The server has checked the token and the role before it calls
//! [`Sfu::publish`] or [`Sfu::subscribe`]; whether a person is heard or seen is decided by the
//! [`StagePlan`] alone, which the server derives from the proceedings. Until a plan names a
//! person, nothing of theirs is forwarded to anybody.
//!
//! # Fixed slots
//! A receiver negotiates once. Its media sections are its slots, by their order within their
//! kind: sound 0, 1, 2 are voices of the floor, sound 3 is the language channel (silent for now);
//! picture 0 is the main picture, 1 the screen, 2 to 5 are thumbnails. Fewer sections are fine.
//! Who is in which slot is told by [`SfuEvent::Slots`].
//!
//! # What disturbs nobody
//! Datagrams that belong to no peer are dropped after one look. A peer whose engine fails or
//! panics is ended alone. Every queue is bounded, and a plan can never be lost in one.

mod candidates;
mod demux;
mod errors;
mod formats;
mod fragment;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod mailbox;
mod negotiate;
mod outlet;
mod peer;
mod publisher;
mod ring;
mod rooms;
mod socket;
mod statistics;
mod taps;
mod tunnels;
mod types;
mod viewer;
mod worker;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use base::limits::SDP_BYTES_MAX;
use base::{EventId, PersonId};
use forwarding::sink::{SinkId, Subscriber};
use tokio::sync::{mpsc, oneshot};

pub use errors::{OfferError, PatchError, StartError};
pub use statistics::Statistics;
pub use tunnels::{
    Entrance, Exit, Opener, Outbound, RelayDatagram, RelayPort, TUNNELS_MAX, Tunnels, is_tunnel,
};
pub use types::{
    Answer, Hearing, Kind, ReceiverClass, Record, SessionId, SfuEvent, Slots, Source, StagePlan,
};

use mailbox::Mailbox;
use negotiate::Negotiator;
use peer::Newcomer;
use socket::Socket;
use worker::{Command, Worker};

/// Commands that may wait for the worker. It takes them up within a turn of a few milliseconds;
/// callers beyond this wait, which slows down whoever sends a thousand offers at once.
const COMMANDS_MAX: usize = 256;

/// Events that may wait for the server before they are merged, see `outlet`.
const EVENTS_MAX: usize = 1_024;

/// How to start.
#[derive(Debug)]
pub struct SfuConfig {
    /// The socket, already bound.
    pub udp: UdpSocket,
    /// The addresses told to peers as ICE host candidates: where the socket is reached from
    /// outside. None of them may be a wildcard.
    pub announce: Vec<SocketAddr>,
    /// Media workers. This version runs one, whatever larger number is asked for.
    pub workers: usize,
    /// Who keeps what the plans say is to be kept.
    pub subscriber: Option<Arc<dyn Subscriber>>,
}

/// The handle of the media engine. Clones are cheap; when the last one is dropped, every session
/// ends and the worker stops.
#[derive(Clone, Debug)]
pub struct Sfu {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    commands: mpsc::Sender<Command>,
    mailbox: Arc<Mailbox>,
    negotiator: Negotiator,
    tunnels: Tunnels,
}

impl Sfu {
    /// Starts the worker and hands out the stream of its events.
    ///
    /// # Errors
    /// [`StartError`] when there is no usable address, no certificate can be made, or the socket
    /// or the thread cannot be set up.
    pub fn start(config: SfuConfig) -> Result<(Self, mpsc::Receiver<SfuEvent>), StartError> {
        let SfuConfig { udp, announce, workers, subscriber } = config;
        if workers == 0 {
            return Err(StartError::NoWorker);
        }
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (events, outlet) = mpsc::channel(EVENTS_MAX);
        let mailbox = Arc::new(Mailbox::default());
        let (tunnels, mut arrivals) = Tunnels::new(1);
        let arrivals = arrivals.pop().ok_or(StartError::NoWorker)?;
        let negotiator = Negotiator::new(announce.clone(), tunnels.clone())?;
        let worker_mailbox = Arc::clone(&mailbox);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(StartError::Thread)?;
        let socket = {
            let _context = runtime.enter();
            Socket::new(udp, tunnels.clone()).map_err(StartError::Socket)?
        };
        let worker_tunnels = tunnels.clone();
        std::thread::Builder::new()
            .name("media-0".to_owned())
            .spawn(move || {
                let worker = Worker::new(
                    socket,
                    announce,
                    worker_mailbox,
                    events,
                    subscriber,
                    worker_tunnels,
                );
                runtime.block_on(worker.run(inbox, arrivals));
            })
            .map_err(StartError::Thread)?;
        Ok((Self { shared: Arc::new(Shared { commands, mailbox, negotiator, tunnels }) }, outlet))
    }

    /// A person begins to publish (WHIP, RFC 9725). The caller has checked that they may.
    ///
    /// # Errors
    /// [`OfferError`] says what is wrong with the offer, or that there is no room.
    pub async fn publish(
        &self,
        event: &EventId,
        person: &PersonId,
        source: Source,
        offer: &str,
    ) -> Result<Answer, OfferError> {
        let negotiated = self.shared.negotiator.publishing(offer)?;
        self.admit(event, person, Kind::Publishing(source), negotiated).await
    }

    /// A person begins to receive (WHEP). The caller has checked that they may.
    ///
    /// # Errors
    /// [`OfferError`] says what is wrong with the offer, or that there is no room.
    pub async fn subscribe(
        &self,
        event: &EventId,
        person: &PersonId,
        class: ReceiverClass,
        offer: &str,
    ) -> Result<Answer, OfferError> {
        let negotiated = self.shared.negotiator.receiving(offer)?;
        self.admit(event, person, Kind::Receiving(class), negotiated).await
    }

    async fn admit(
        &self,
        event: &EventId,
        person: &PersonId,
        kind: Kind,
        negotiated: negotiate::Negotiated,
    ) -> Result<Answer, OfferError> {
        let session = SessionId::random();
        let answer = Answer { session, sdp: negotiated.sdp.clone(), owner: person.clone() };
        let newcomer = Box::new(Newcomer {
            event: event.clone(),
            person: person.clone(),
            kind,
            session,
            negotiated,
        });
        let (reply, admitted) = oneshot::channel();
        let command = Command::Admit { newcomer, reply };
        self.shared.commands.send(command).await.map_err(|_| OfferError::Stopped)?;
        admitted.await.map_err(|_| OfferError::Stopped)??;
        Ok(answer)
    }

    /// Takes a `trickle-ice-sdpfrag` (RFC 8840). Candidates need no answer, for the peer's address
    /// is learnt from its checks; new credentials restart ICE, and the answer to them is returned.
    ///
    /// # Errors
    /// [`PatchError`] when the fragment makes no sense or the session is not there.
    pub async fn patch(
        &self,
        session: &SessionId,
        fragment: &str,
    ) -> Result<Option<String>, PatchError> {
        if fragment.len() > SDP_BYTES_MAX {
            return Err(PatchError::Malformed("it is too long"));
        }
        let fragment = fragment::parse(fragment)?;
        let (reply, answer) = oneshot::channel();
        let command = Command::Patch { session: *session, credentials: fragment, reply };
        self.shared.commands.send(command).await.map_err(|_| PatchError::Stopped)?;
        answer.await.map_err(|_| PatchError::Stopped)?
    }

    /// Ends a session. `false` when there is none of that name.
    pub async fn end(&self, session: &SessionId) -> bool {
        let (reply, ended) = oneshot::channel();
        let command = Command::End { session: *session, reply };
        if self.shared.commands.send(command).await.is_err() {
            return false;
        }
        ended.await.unwrap_or(false)
    }

    /// A person's receiving sessions change class: brought on stage, or back to the audience.
    pub fn set_class(&self, event: &EventId, person: &PersonId, class: ReceiverClass) {
        self.shared.mailbox.set_class(event, person, class);
    }

    /// Ends every session of a person at once.
    pub fn end_person(&self, event: &EventId, person: &PersonId) {
        self.shared.mailbox.end_person(event, person);
    }

    /// What may be heard and seen from now on. Calling it again with the same plan changes
    /// nothing; of several calls in a row the last one counts.
    pub fn set_plan(&self, event: &EventId, plan: StagePlan) {
        self.shared.mailbox.set_plan(event, plan);
    }

    /// Asks the sender of a sink's track for key frames of all its layers. Requests are merged, and
    /// passed on at most once a second for each track.
    pub fn request_key_frame(&self, sink: SinkId) {
        self.shared.mailbox.request_key_frame(sink);
    }

    /// Ends every session of an event and forgets its plan.
    pub fn end_event(&self, event: &EventId) {
        self.shared.mailbox.end_event(event);
    }

    /// The ways into the workers besides the UDP port.
    pub fn tunnels(&self) -> &Tunnels {
        &self.shared.tunnels
    }

    /// Counters since the start; all zero when the worker has stopped.
    pub async fn statistics(&self) -> Statistics {
        let (reply, statistics) = oneshot::channel();
        if self.shared.commands.send(Command::Statistics { reply }).await.is_err() {
            return Statistics::default();
        }
        statistics.await.unwrap_or_default()
    }
}
