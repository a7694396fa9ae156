//! One session and what the worker knows about it, whichever way its media goes. Every call into
//! an engine is guarded, for it is fed by strangers: a panic is an error of this peer alone.

use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use base::{EventId, PersonId};
use forwarding::Owner;
use str0m::media::Mid;
use str0m::{Candidate, IceCreds};

use crate::negotiate::{Engine, Negotiated, credentials};
use crate::publisher::{Line, Publisher};
use crate::quality::Mark;
use crate::rooms::class_in_core;
use crate::types::{Kind, SessionId, Source};
use crate::viewer::Viewer;

/// A peer without timers of its own is looked at after this time.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(5);

/// A peer on its way from the negotiation to the worker.
pub(crate) struct Newcomer {
    pub(crate) event: EventId,
    pub(crate) person: PersonId,
    pub(crate) kind: Kind,
    pub(crate) session: SessionId,
    pub(crate) negotiated: Negotiated,
}

/// A datagram on its way out.
pub(crate) struct Parcel {
    pub(crate) to: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) bytes: Vec<u8>,
}

/// Why a peer cannot go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine gave an error.
    Engine(String),
    /// The engine panicked.
    Panic,
    /// The other side closed, or ours is closed and drained.
    Closed,
}

/// What an engine wants the worker to do.
pub(crate) enum PeerEvent {
    Publisher(Box<str0m::Event>),
    Viewer(egress::Event),
}

/// One peer of a worker.
pub(crate) struct Peer {
    /// The place of its event in the worker's table.
    pub(crate) room: usize,
    pub(crate) person: PersonId,
    pub(crate) owner: Owner,
    pub(crate) session: SessionId,
    pub(crate) kind: Kind,
    pub(crate) side: Side,
    pub(crate) local: IceCreds,
    remote_ufrag: String,
    first_mid: Mid,
    pub(crate) connected: bool,
    pub(crate) since: Instant,
    /// When it last sent something that was its own.
    pub(crate) last_heard: Instant,
    /// What was last said of its line, and when the line is looked at next.
    pub(crate) mark: Mark,
    pub(crate) next_look: Instant,
    /// When the engine wants to be called again.
    pub(crate) deadline: Instant,
    /// The time for which the worker's list of timers holds an entry.
    pub(crate) scheduled: Option<Instant>,
    /// Our address that it sends to.
    pub(crate) local_ip: Option<IpAddr>,
    /// Something was written since the engine was last drained.
    pub(crate) dirty: bool,
}

/// What a session is for, with what belongs to that.
pub(crate) enum Side {
    Publisher(Box<Publisher>),
    Viewer(Box<Viewer>),
}

impl Peer {
    /// Takes over a newcomer.
    pub(crate) fn new(newcomer: Newcomer, now: Instant, room: usize, owner: Owner) -> Self {
        let Newcomer { person, kind, session, negotiated, .. } = newcomer;
        let Negotiated { engine, local, remote_ufrag, first_mid, .. } = negotiated;
        let side = match engine {
            Engine::Viewing { config, side } => {
                let class = match kind {
                    Kind::Receiving(class) => class_in_core(class),
                    Kind::Publishing(_) => forwarding::Class::Audience,
                };
                let peer = egress::Peer::new(*config, now);
                Side::Viewer(Box::new(Viewer::new(peer, class, side)))
            }
            Engine::Publishing { rtc, sections, payload_types, layers } => {
                let screen = kind == Kind::Publishing(Source::Screen);
                Side::Publisher(Box::new(Publisher {
                    rtc: *rtc,
                    source: if screen { Source::Screen } else { Source::Camera },
                    sections,
                    payload_types,
                    streams: Vec::new(),
                    layers,
                    dependencies: Vec::new(),
                    tracks: [None, None],
                    line: Line::default(),
                }))
            }
        };
        Self {
            room,
            person,
            owner,
            session,
            kind,
            side,
            local,
            remote_ufrag,
            first_mid,
            connected: false,
            since: now,
            last_heard: now,
            mark: Mark::default(),
            next_look: now,
            deadline: now,
            scheduled: None,
            local_ip: None,
            dirty: false,
        }
    }

    /// Hands a datagram to the engine. `Ok(false)` when it was not authentic or made no sense.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        (destination, local): (SocketAddr, Option<IpAddr>),
        datagram: &mut [u8],
    ) -> Result<bool, Failure> {
        let taken = match &mut self.side {
            Side::Publisher(publisher) => publisher.receive(now, source, destination, datagram),
            Side::Viewer(viewer) => viewer.receive(now, source, datagram),
        }?;
        if taken {
            self.last_heard = now;
            self.local_ip = local;
        }
        Ok(taken)
    }

    /// Moves the engine's time to `now`.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<(), Failure> {
        match &mut self.side {
            Side::Publisher(publisher) => publisher.advance(now),
            Side::Viewer(viewer) => viewer.advance(now),
        }
    }

    /// Takes everything out of the engine: datagrams into `outbox`, events into `events`.
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        outbox: &mut Vec<Parcel>,
        events: &mut Vec<PeerEvent>,
    ) -> Result<(), Failure> {
        self.dirty = false;
        let local = self.local_ip;
        self.deadline = match &mut self.side {
            Side::Publisher(publisher) => {
                let mut own = Vec::new();
                let deadline = publisher.drain(outbox, local, &mut own);
                events.extend(own.into_iter().map(|event| PeerEvent::Publisher(Box::new(event))));
                deadline?
            }
            Side::Viewer(viewer) => {
                let mut own = Vec::new();
                let deadline = viewer.drain(outbox, local, &mut own);
                events.extend(own.into_iter().map(PeerEvent::Viewer));
                deadline?.unwrap_or(now + DEADLINE_DEFAULT)
            }
        };
        Ok(())
    }

    /// Says goodbye, so that the other side need not find out by itself.
    pub(crate) fn close(&mut self, outbox: &mut Vec<Parcel>) {
        let local = self.local_ip;
        match &mut self.side {
            Side::Publisher(publisher) => publisher.close(outbox, local),
            Side::Viewer(viewer) => viewer.close(outbox, local),
        }
    }

    /// Drops the engine where a panic in it is caught.
    pub(crate) fn discard(self) {
        let _ = catch_unwind(AssertUnwindSafe(move || drop(self)));
    }

    /// Restarts ICE towards the given credentials and returns the answer, or `None` when these are
    /// the credentials it has.
    pub(crate) fn restart_ice(
        &mut self,
        remote: IceCreds,
        candidates: &[Candidate],
    ) -> Result<Option<String>, Failure> {
        if remote.ufrag == self.remote_ufrag {
            return Ok(None);
        }
        let fresh = credentials();
        self.remote_ufrag.clone_from(&remote.ufrag);
        let answered = match &mut self.side {
            Side::Publisher(publisher) => {
                publisher.restart_ice(fresh.clone(), remote, candidates)?
            }
            Side::Viewer(viewer) => {
                let IceCreds { ufrag, pass } = fresh.clone();
                viewer.restart_ice((ufrag, pass), remote.ufrag);
                candidates.to_vec()
            }
        };
        self.local = fresh;
        self.dirty = true;
        Ok(Some(crate::fragment::answer(&self.local, &answered, &self.first_mid.to_string())))
    }
}
