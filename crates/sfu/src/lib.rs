//! The media engine: one UDP port, a few worker threads that own the WebRTC peers, and on each
//! worker a forwarding core per event (crate `forwarding`).
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
mod directory;
mod errors;
mod exchange;
mod formats;
mod fragment;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod listening;
mod load;
mod mailbox;
mod negotiate;
mod outlet;
mod peer;
mod publisher;
mod quality;
mod redundancy;
mod ring;
mod rooms;
mod socket;
mod statistics;
mod taps;
mod tunnels;
mod types;
mod viewer;
mod worker;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use base::limits::SDP_BYTES_MAX;
use base::{EventId, PersonId};
use forwarding::sink::SinkId;
use tokio::sync::{mpsc, oneshot};

pub use errors::{OfferError, PatchError, StartError};
pub use listening::{Audible, Listening, Voice};
pub use statistics::{
    BANDWIDTH_BOUNDS_BPS, LAYERS_COUNTED, LOSS_BOUNDS, Overview, ROUND_TRIP_BOUNDS_S, Samples,
    Statistics, WorkerLoad,
};
pub use tunnels::{
    Entrance, Exit, Opener, Outbound, RelayDatagram, RelayPort, TUNNELS_MAX, Tunnels, is_tunnel,
};
pub use types::{
    Answer, Ended, Hearing, Kind, Quality, ReceiverClass, Record, SessionId, Several, SfuEvent,
    Slots, Source, StagePlan, Subscriber,
};

use directory::{Directory, Place, WORKERS_MAX};
use exchange::Exchange;
use mailbox::Mailbox;
use negotiate::Negotiator;
use peer::Newcomer;
use socket::Socket;
use worker::{Command, Inputs, Shared, Worker};

/// Commands that may wait for the worker. It takes them up within a turn of a few milliseconds;
/// callers beyond this wait, which slows down whoever sends a thousand offers at once.
const COMMANDS_MAX: usize = 256;

/// Events that may wait for the server before they are merged, see `outlet`.
const EVENTS_MAX: usize = 1_024;

/// How to start.
#[derive(Debug)]
pub struct SfuConfig {
    /// One socket for each worker, bound to one address; see [`bind`].
    pub udp: Vec<UdpSocket>,
    /// The addresses told to peers as ICE host candidates: where the sockets are reached from
    /// outside. None of them may be a wildcard.
    pub announce: Vec<SocketAddr>,
    /// Who keeps what the plans say is to be kept.
    pub subscriber: Option<Arc<dyn Subscriber>>,
}

/// Binds the sockets of so many workers to one address. With several, the system spreads the
/// peers over them by address, and keeps each where it was first (`SO_REUSEPORT`).
///
/// # Errors
/// What the system says, for instance that the port is taken.
pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<UdpSocket>> {
    let mut address = address;
    if workers > 1 {
        // A port that another program shares in the same way would not show itself as taken.
        address = socket(address, false)?.local_addr()?;
    }
    (0..workers.clamp(1, WORKERS_MAX)).map(|_| socket(address, workers > 1)).collect()
}

/// A socket; one for every IPv6 address of the machine takes IPv4 too.
fn socket(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The handle of the media engine. Clones are cheap; when the last one is dropped, every session
/// ends and the workers stop.
#[derive(Clone, Debug)]
pub struct Sfu {
    shared: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The ways to the workers.
    commands: Vec<mpsc::Sender<Command>>,
    shared: Shared,
    negotiator: Negotiator,
}

impl Sfu {
    /// Starts a worker for each socket and hands out the stream of their events.
    ///
    /// # Errors
    /// [`StartError`] when there is no usable address, no certificate can be made, or a socket
    /// or a thread cannot be set up.
    pub fn start(config: SfuConfig) -> Result<(Self, mpsc::Receiver<SfuEvent>), StartError> {
        let SfuConfig { udp, announce, subscriber } = config;
        let workers = udp.len();
        if !(1..=WORKERS_MAX).contains(&workers) {
            return Err(StartError::Workers(workers));
        }
        let (events, outlet) = mpsc::channel(EVENTS_MAX);
        let (tunnels, arrivals) = Tunnels::new(workers);
        let negotiator = Negotiator::new(announce.clone(), tunnels.clone())?;
        let shared = Shared {
            announce,
            mailboxes: (0..workers).map(|_| Mailbox::default()).collect(),
            directory: Arc::new(Directory::new(workers)),
            tunnels,
            subscriber,
        };
        let mut commands = Vec::new();
        let ways = Exchange::connect(workers).into_iter().zip(arrivals);
        for (udp, ((exchange, inbox), arrivals)) in udp.into_iter().zip(ways) {
            let (sender, orders) = mpsc::channel(COMMANDS_MAX);
            commands.push(sender);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .build()
                .map_err(StartError::Thread)?;
            let socket = {
                let _context = runtime.enter();
                Socket::new(udp, shared.tunnels.clone()).map_err(StartError::Socket)?
            };
            let (shared, events) = (shared.clone(), events.clone());
            let inputs = Inputs { commands: orders, inbox, arrivals };
            std::thread::Builder::new()
                .name(format!("media-{}", exchange.own))
                .spawn(move || {
                    let worker = Worker::new(socket, shared, exchange, events);
                    runtime.block_on(worker.run(inputs));
                })
                .map_err(StartError::Thread)?;
        }
        Ok((Self { shared: Arc::new(Inner { commands, shared, negotiator }) }, outlet))
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
        if self.shared.commands.iter().any(mpsc::Sender::is_closed) {
            return Err(OfferError::Stopped);
        }
        for surplus in self.directory().welcome(newcomer, Instant::now())? {
            self.end(&surplus).await;
        }
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
        let worker = match self.directory().place(*session) {
            Some(Place::On(worker)) => worker,
            // It has not been heard of; the first worker takes it over to do this.
            Some(Place::Waiting) => 0,
            None => return Err(PatchError::NoSession),
        };
        let (reply, answer) = oneshot::channel();
        let command = Command::Patch { session: *session, credentials: fragment, reply };
        self.command(worker, command).await.ok_or(PatchError::Stopped)?;
        answer.await.map_err(|_| PatchError::Stopped)?
    }

    /// Ends a session. `false` when there is none of that name.
    pub async fn end(&self, session: &SessionId) -> bool {
        match self.directory().place(*session) {
            None => false,
            Some(Place::Waiting) => self.directory().remove(*session),
            Some(Place::On(worker)) => {
                let (reply, ended) = oneshot::channel();
                let command = Command::End { session: *session, reply };
                self.command(worker, command).await.is_some() && ended.await.unwrap_or(false)
            }
        }
    }

    async fn command(&self, worker: usize, command: Command) -> Option<()> {
        self.shared.commands.get(worker)?.send(command).await.ok()
    }

    fn directory(&self) -> &Directory {
        &self.shared.shared.directory
    }

    fn mailboxes(&self) -> &[Mailbox] {
        &self.shared.shared.mailboxes
    }

    /// The voices that a class hears, packet by packet, without a peer. The caller has checked that
    /// whoever hears them may, and goes on checking. `None` when the media engine has stopped.
    pub async fn listen(&self, event: &EventId, class: ReceiverClass) -> Option<Listening> {
        let home = self.directory().interest(event).home;
        let (reply, listening) = oneshot::channel();
        self.command(home, Command::Listen { event: event.clone(), class, reply }).await?;
        listening.await.ok().flatten()
    }

    /// A person's receiving sessions change class: brought on stage, or back to the audience.
    pub fn set_class(&self, event: &EventId, person: &PersonId, class: ReceiverClass) {
        // Who waits first, for from there they only go to the workers.
        self.directory().set_class(event, person, class);
        for mailbox in self.mailboxes() {
            mailbox.set_class(event, person, class);
        }
    }

    /// Ends every session of a person at once.
    pub fn end_person(&self, event: &EventId, person: &PersonId) {
        self.directory().end_waiting(event, Some(person));
        for mailbox in self.mailboxes() {
            mailbox.end_person(event, person);
        }
    }

    /// What may be heard and seen from now on. Calling it again with the same plan changes
    /// nothing; of several calls in a row the last one counts.
    pub fn set_plan(&self, event: &EventId, plan: StagePlan) {
        for mailbox in self.mailboxes() {
            mailbox.set_plan(event, plan.clone());
        }
    }

    /// Asks the sender of a sink's track for key frames of all its layers. Requests are merged, and
    /// passed on at most once a second for each track.
    pub fn request_key_frame(&self, sink: SinkId) {
        // Only the worker that has the sink knows it.
        for mailbox in self.mailboxes() {
            mailbox.request_key_frame(sink);
        }
    }

    /// Ends every session of an event and forgets its plan.
    pub fn end_event(&self, event: &EventId) {
        self.directory().end_waiting(event, None);
        for mailbox in self.mailboxes() {
            mailbox.end_event(event);
        }
    }

    /// The ways into the workers besides the UDP port.
    pub fn tunnels(&self) -> &Tunnels {
        &self.shared.shared.tunnels
    }

    /// Counters since the start; all zero when the workers have stopped.
    pub async fn statistics(&self) -> Statistics {
        self.overview().await.total
    }

    /// Counters since the start, and what each worker has done; all zero when they have stopped.
    pub async fn overview(&self) -> Overview {
        let (publishers, receivers) = self.directory().count();
        let mut total = Statistics::default();
        let mut workers = Vec::new();
        for worker in 0..self.shared.commands.len() {
            let (reply, statistics) = oneshot::channel();
            if self.command(worker, Command::Statistics { reply }).await.is_none() {
                return Overview::default();
            }
            let (statistics, load) = statistics.await.unwrap_or_default();
            total += statistics;
            workers.push(load);
        }
        let tunnels = self.tunnels().len() as u64;
        let tunnel_datagrams_lost = self.tunnels().dropped();
        let total = Statistics { publishers, receivers, tunnels, tunnel_datagrams_lost, ..total };
        Overview { total, workers }
    }
}
