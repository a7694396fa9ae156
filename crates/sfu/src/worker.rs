//! The worker: one thread, one loop, all peers its own. A turn reads what has arrived, lets the
//! peers and the forwarding cores work on it, and sends what came out; nothing in it waits.

mod lines;
mod listening;
mod media;
mod others;
mod taps;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{EventId, PersonId};
use forwarding::sink::Subscriber;
use forwarding::{Micros, Owner, ReceiverSpec};
use str0m::{Candidate, Event, IceCreds};
use tokio::sync::{mpsc, oneshot};

use crate::demux::{Routes, Sort, sort};
use crate::directory::{Directory, Found};
use crate::errors::PatchError;
use crate::exchange::{Exchange, Inbox, Passing};
use crate::listening::Listening;
use crate::load::Load;
use crate::mailbox::Mailbox;
use crate::outlet::Outlet;
use crate::peer::{Failure, Newcomer, Parcel, Peer, PeerEvent, Side};
use crate::rooms::{EventRoom, class_in_core};
use crate::socket::{Datagram, Socket};
use crate::statistics::{Statistics, WorkerLoad};
use crate::tunnels::{Arrived, OWN_END, Tunnels, is_tunnel};
use crate::types::{Ended, Kind, ReceiverClass, SessionId, SfuEvent, StagePlan};

/// Batches read in a turn before what came of them is sent: a turn stays below a few
/// milliseconds, so that no peer waits long for another.
const BATCHES_PER_TURN: usize = 4;

/// Datagrams out of tunnels taken up in a turn: as many as of the socket.
const ARRIVALS_PER_TURN: usize = 64;

/// Commands taken up in a turn.
const COMMANDS_PER_TURN: usize = 32;

/// Rounds of passing things between peers in a turn (a key frame request that leads to one at a
/// publisher takes two). What is left waits for the next turn.
const ROUNDS_PER_TURN: usize = 4;

/// The shortest wait for a peer's timer.
const TIMER_MIN: Duration = Duration::from_millis(1);

/// How often peers are looked after that do not call for it.
const HOUSEKEEPING: Duration = Duration::from_millis(250);

/// A peer that says nothing for so long is gone. Browsers check every 2.5 s (Chromium) to 6 s
/// (Firefox).
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// A peer that has been answered must have connected by then.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// A track of which nothing came for so long is not being sent any more. Opus sends every 400 ms
/// in silence, a still screen is repeated every second.
const TRACK_SILENCE_MAX: Duration = Duration::from_millis(3_000);

/// The bandwidth of a receiver that reports nothing by which it could be estimated.
const ESTIMATE_UNREPORTED_BPS: u64 = 2_500_000;

/// An order from a handle that wants an answer.
pub(crate) enum Command {
    Patch { session: SessionId, credentials: Option<IceCreds>, reply: PatchReply },
    End { session: SessionId, reply: oneshot::Sender<bool> },
    Listen { event: EventId, class: ReceiverClass, reply: oneshot::Sender<Option<Listening>> },
    Statistics { reply: oneshot::Sender<(Statistics, WorkerLoad)> },
}

type PatchReply = oneshot::Sender<Result<Option<String>, PatchError>>;

/// What the workers and the handles share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    /// The addresses told to peers.
    pub(crate) announce: Vec<SocketAddr>,
    /// One for each worker.
    pub(crate) mailboxes: Arc<[Mailbox]>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) tunnels: Tunnels,
    pub(crate) subscriber: Option<Arc<dyn Subscriber>>,
}

/// What comes to one worker besides datagrams.
pub(crate) struct Inputs {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) inbox: Inbox,
    /// Datagrams out of tunnels.
    pub(crate) arrivals: mpsc::Receiver<Arrived>,
}

/// What a worker was woken by, already taken out of its channel.
#[derive(Default)]
struct First {
    command: Option<Command>,
    passed: Option<Vec<Passing>>,
    arrived: Option<Arrived>,
}

/// One media worker.
pub(crate) struct Worker {
    socket: Option<Socket>,
    announce: Vec<SocketAddr>,
    candidates: Vec<Candidate>,
    mailboxes: Arc<[Mailbox]>,
    directory: Arc<Directory>,
    exchange: Exchange,
    outlet: Outlet,
    subscriber: Option<Arc<dyn Subscriber>>,
    tunnels: Tunnels,
    /// The origin of the cores' time.
    origin: Instant,
    now: Instant,
    peers: Vec<Option<Box<Peer>>>,
    vacant: Vec<usize>,
    sessions: HashMap<SessionId, usize>,
    routes: Routes,
    rooms: Vec<Option<EventRoom>>,
    rooms_by_event: HashMap<EventId, usize>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    next_housekeeping: Instant,
    dirty: Vec<usize>,
    failed: Vec<(usize, Failure)>,
    outbox: Vec<Parcel>,
    events: Vec<PeerEvent>,
    /// Viewers for whom packets wait to be sent.
    busy: Vec<usize>,
    /// When they are sent, and whether a frame is whole, so that there is nothing to wait for.
    gathered_at: Option<Instant>,
    frame_whole: bool,
    load: Load,
    /// What viewers lost and are to get again at the end of this turn.
    repairs: Vec<(usize, usize, egress::Entry)>,
    /// The datagram that is being looked at, which a viewer's peer decrypts in place.
    scratch: Vec<u8>,
    /// The run that is being written.
    buffer: Vec<u8>,
    statistics: Statistics,
    work: WorkerLoad,
}

impl Worker {
    pub(crate) fn new(
        socket: Socket,
        shared: Shared,
        exchange: Exchange,
        events: mpsc::Sender<SfuEvent>,
    ) -> Self {
        let Shared { announce, mailboxes, directory, tunnels, subscriber } = shared;
        let now = Instant::now();
        Self {
            socket: Some(socket),
            candidates: announce.iter().filter_map(|a| Candidate::host(*a, "udp").ok()).collect(),
            announce,
            mailboxes,
            directory,
            exchange,
            outlet: Outlet::new(events),
            subscriber,
            tunnels,
            origin: now,
            now,
            peers: Vec::new(),
            vacant: Vec::new(),
            sessions: HashMap::new(),
            routes: Routes::default(),
            rooms: Vec::new(),
            rooms_by_event: HashMap::new(),
            timers: BinaryHeap::new(),
            next_housekeeping: now,
            dirty: Vec::new(),
            failed: Vec::new(),
            outbox: Vec::new(),
            events: Vec::new(),
            busy: Vec::new(),
            gathered_at: None,
            frame_whole: false,
            load: Load::new(now),
            repairs: Vec::new(),
            scratch: Vec::new(),
            buffer: Vec::new(),
            statistics: Statistics::default(),
            work: WorkerLoad::default(),
        }
    }

    /// Works until the last handle is gone.
    pub(crate) async fn run(mut self, mut inputs: Inputs) {
        let (mailboxes, own) = (Arc::clone(&self.mailboxes), self.exchange.own);
        let mailbox = &mailboxes[own];
        loop {
            let Some(socket) = &self.socket else { return };
            let wake = tokio::time::Instant::from_std(self.next_deadline());
            let mut first = First::default();
            tokio::select! {
                ready = socket.readable() => if let Err(error) = ready {
                    tracing::error!(%error, "the media socket failed; media has stopped");
                    return;
                },
                command = inputs.commands.recv() => match command {
                    Some(command) => first.command = Some(command),
                    None => break,
                },
                batch = inputs.inbox.recv() => first.passed = batch,
                arrival = inputs.arrivals.recv() => first.arrived = arrival,
                () = mailbox.filled() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
            self.turn(first, &mut inputs);
        }
        for at in 0..self.peers.len() {
            self.end(at);
        }
        self.send();
    }

    fn turn(&mut self, first: First, inputs: &mut Inputs) {
        self.now = Instant::now();
        self.carry_out_orders();
        let First { mut command, mut passed, mut arrived } = first;
        for _ in 0..COMMANDS_PER_TURN {
            let next = command.take().or_else(|| inputs.commands.try_recv().ok());
            let Some(command) = next else { break };
            self.obey(command);
        }
        for _ in 0..BATCHES_PER_TURN {
            let next = passed.take().or_else(|| inputs.inbox.try_recv().ok());
            let Some(batch) = next else { break };
            self.take_up(batch);
        }
        self.read();
        for _ in 0..ARRIVALS_PER_TURN {
            let next = arrived.take().or_else(|| inputs.arrivals.try_recv().ok());
            let Some(Arrived { source, local, bytes }) = next else { break };
            self.handle(&Datagram { source, local, bytes: &bytes });
        }
        self.run_timers();
        for _ in 0..ROUNDS_PER_TURN {
            self.settle_all();
        }
        // The others send while this one does.
        self.statistics.passings_lost += self.exchange.flush();
        // The end of a handshake goes before the first packets, which cannot be read without it.
        self.send();
        self.send_gathered();
        self.outlet.flush();
        let end = Instant::now();
        self.load.note(self.now, end);
        self.work.note_turn(end.saturating_duration_since(self.now));
    }

    /// Sends what was forwarded, unless it is to wait for more.
    fn send_gathered(&mut self) {
        let whole = std::mem::take(&mut self.frame_whole);
        if !self.busy.is_empty() {
            let at = *self.gathered_at.get_or_insert(self.now + self.load.gather());
            if at > self.now && !whole {
                return;
            }
        }
        self.gathered_at = None;
        self.send_media();
    }

    fn next_deadline(&self) -> Instant {
        if !self.dirty.is_empty() || !self.failed.is_empty() {
            return self.now;
        }
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let room = self.rooms.iter().flatten().filter_map(|room| room.deadline).min();
        let room = room.map(|at| self.origin + Duration::from_micros(at.0));
        [timer, room, self.gathered_at]
            .into_iter()
            .flatten()
            .fold(self.next_housekeeping, Instant::min)
    }

    fn micros(&self) -> Micros {
        let micros = self.now.saturating_duration_since(self.origin).as_micros();
        Micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    // Orders and commands.

    fn carry_out_orders(&mut self) {
        let orders = self.mailboxes[self.exchange.own].take();
        for event in orders.ended_events {
            self.end_where(&event, |_| true);
            if let Some(room) = self.rooms_by_event.remove(&event) {
                self.close_room(room);
            }
        }
        for (event, person) in orders.ended_people {
            self.end_where(&event, |peer| peer.person == person);
        }
        for ((event, person), class) in orders.classes {
            self.set_class(&event, &person, class);
        }
        for (event, plan) in orders.plans {
            self.set_plan(&event, &plan);
        }
        for sink in orders.key_frames {
            self.tap_key_frame(sink);
        }
        for ((event, class), seats) in orders.seats {
            self.follow(&event, class, seats);
        }
    }

    fn set_plan(&mut self, event: &EventId, plan: &StagePlan) {
        let now = self.micros();
        let at = self.room(event);
        if let Some(room) = &mut self.rooms[at] {
            room.set_plan(now, plan);
        }
        self.start_taps(at);
        self.drain_room(at, None);
    }

    fn set_class(&mut self, event: &EventId, person: &PersonId, class: ReceiverClass) {
        let now = self.micros();
        let Some(&at) = self.rooms_by_event.get(event) else { return };
        let class = class_in_core(class);
        for place in 0..self.peers.len() {
            let Some(peer) = self.peers[place].as_mut() else { continue };
            let Side::Viewer(viewer) = &mut peer.side else { continue };
            if peer.room != at || peer.person != *person {
                continue;
            }
            viewer.class = class;
            if let (Some(id), Some(room)) = (viewer.id, &mut self.rooms[at]) {
                room.core.set_class(now, id, class);
                self.drain_room(at, None);
            }
        }
    }

    fn end_where(&mut self, event: &EventId, matches: impl Fn(&Peer) -> bool) {
        let Some(&room) = self.rooms_by_event.get(event) else { return };
        for at in 0..self.peers.len() {
            if self.peers[at].as_ref().is_some_and(|peer| peer.room == room && matches(peer)) {
                self.end(at);
            }
        }
    }

    fn obey(&mut self, command: Command) {
        // A handle that has stopped waiting for the answer loses nothing by not getting it.
        match command {
            Command::Patch { session, credentials, reply } => {
                let _ = reply.send(self.patch(session, credentials));
            }
            Command::End { session, reply } => {
                let place = self.sessions.get(&session).copied();
                if let Some(at) = place {
                    self.end(at);
                }
                let _ = reply.send(place.is_some());
            }
            Command::Listen { event, class, reply } => {
                let _ = reply.send(self.listen(&event, class));
            }
            Command::Statistics { reply } => {
                let _ = reply.send(self.count());
            }
        }
    }

    /// Takes over a session whose first check came here.
    fn admit(&mut self, newcomer: Newcomer) -> usize {
        let room_at = self.room(&newcomer.event);
        let owner = self.rooms[room_at].as_mut().map_or(Owner(0), |r| r.owner(&newcomer.person));
        let at = self.vacant.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        let peer = Peer::new(newcomer, self.now, room_at, owner);
        self.sessions.insert(peer.session, at);
        self.routes.add(peer.local.ufrag.clone(), at);
        self.peers[at] = Some(Box::new(peer));
        self.mark_dirty(at);
        at
    }

    fn patch(
        &mut self,
        session: SessionId,
        credentials: Option<IceCreds>,
    ) -> Result<Option<String>, PatchError> {
        let known = self.sessions.get(&session).copied();
        let at = known.or_else(|| match self.directory.claim_session(session, self.exchange.own) {
            Found::Newcomer(newcomer) => Some(self.admit(*newcomer)),
            Found::On(_) | Found::Nobody => None,
        });
        let at = at.ok_or(PatchError::NoSession)?;
        let Some(peer) = self.peers[at].as_mut() else { return Err(PatchError::NoSession) };
        let Some(credentials) = credentials else { return Ok(None) };
        let old = peer.local.ufrag.clone();
        match peer.restart_ice(credentials, &self.candidates) {
            Ok(answer) => {
                let new = peer.local.ufrag.clone();
                if new != old {
                    self.directory.rename(session, new.clone());
                    self.routes.rename(&old, new, at);
                    self.mark_dirty(at);
                }
                Ok(answer.map(|answer| self.tunnels.with_tcp(answer)))
            }
            Err(failure) => {
                self.failed.push((at, failure));
                Err(PatchError::NoSession)
            }
        }
    }

    /// The place of an event's room, which is made if it is not there.
    fn room(&mut self, event: &EventId) -> usize {
        if let Some(at) = self.rooms_by_event.get(event) {
            return *at;
        }
        let vacant = self.rooms.iter().position(Option::is_none);
        let at = vacant.unwrap_or_else(|| {
            self.rooms.push(None);
            self.rooms.len() - 1
        });
        let interest = self.directory.interest(event);
        let subscriber = self.subscriber.clone();
        self.rooms[at] = Some(EventRoom::new(event.clone(), interest, subscriber));
        self.rooms_by_event.insert(event.clone(), at);
        at
    }

    /// Forgets a room, whose peers have left it.
    fn close_room(&mut self, at: usize) {
        let Some(room) = self.rooms[at].take() else { return };
        self.statistics.codec_mismatches += room.core.mismatches();
        self.rooms_by_event.remove(&room.id);
        room.interest.set(self.exchange.own, false);
        self.directory.lose_interest(&room.id, room.interest);
    }

    // Datagrams.

    fn read(&mut self) {
        let Some(mut socket) = self.socket.take() else { return };
        for _ in 0..BATCHES_PER_TURN {
            match socket.receive(|datagram| {
                self.statistics.datagrams_in += 1;
                self.statistics.bytes_in += datagram.bytes.len() as u64;
                self.handle(&datagram);
            }) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    // On Linux an ICMP "port unreachable" of some peer surfaces here.
                    tracing::debug!(%error, "reading from the media socket");
                    break;
                }
            }
        }
        self.socket = Some(socket);
    }

    fn handle(&mut self, datagram: &Datagram<'_>) {
        let Datagram { source, local, bytes } = *datagram;
        let destination = self.destination(local, &source);
        let sort = sort(bytes);
        let place = match sort {
            Sort::Noise => None,
            Sort::Relay if !is_tunnel(&source) => {
                if !self.tunnels.to_relay(source, local, bytes) {
                    self.statistics.datagrams_ignored += 1;
                }
                return;
            }
            Sort::Relay => None,
            Sort::Media => {
                self.routes.by_address(&source).or_else(|| self.pass_on(datagram, &source))
            }
            Sort::Check { ufrag } => {
                self.routes.by_ufrag(ufrag).or_else(|| self.claim(datagram, ufrag))
            }
        };
        let Some(at) = place else {
            self.statistics.datagrams_ignored += 1;
            self.tunnels.judge(&source, false);
            return;
        };
        let Some(peer) = self.peers[at].as_mut() else { return };
        self.scratch.clear();
        self.scratch.extend_from_slice(bytes);
        match peer.receive(self.now, source, (destination, local), &mut self.scratch) {
            Ok(true) => {
                // Only an authentic check may tell where a peer is.
                if matches!(sort, Sort::Check { .. }) {
                    self.routes.learn(source, at);
                    self.tunnels.judge(&source, true);
                }
                self.settle(at);
            }
            Ok(false) => {
                self.statistics.datagrams_ignored += 1;
                self.tunnels.judge(&source, false);
            }
            Err(failure) => self.failed.push((at, failure)),
        }
    }

    /// The announced address that a peer meant: the one it sent to, or, behind an address
    /// translation, the first of the same family.
    fn destination(&self, local: Option<IpAddr>, source: &SocketAddr) -> SocketAddr {
        if is_tunnel(source) {
            return OWN_END;
        }
        let exact = self.announce.iter().find(|a| Some(a.ip()) == local);
        let family = || self.announce.iter().find(|a| a.is_ipv4() == source.is_ipv4());
        exact.or_else(family).or(self.announce.first()).copied().unwrap_or(*source)
    }

    fn send(&mut self) {
        let Some(socket) = &self.socket else { return };
        for Parcel { to, local, bytes } in self.outbox.drain(..) {
            if socket.send(to, local, &bytes) {
                self.statistics.datagrams_out += 1;
                self.statistics.bytes_out += bytes.len() as u64;
            } else {
                self.statistics.datagrams_unsent += 1;
            }
        }
    }

    // Peers.

    fn mark_dirty(&mut self, at: usize) {
        if let Some(peer) = self.peers[at].as_mut()
            && !std::mem::replace(&mut peer.dirty, true)
        {
            self.dirty.push(at);
        }
    }

    /// Drains all peers to which something was written, and ends those that failed.
    fn settle_all(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for at in dirty.drain(..) {
            let Some(peer) = self.peers[at].as_mut().filter(|peer| peer.dirty) else { continue };
            match peer.advance(self.now) {
                Ok(()) => self.settle(at),
                Err(failure) => self.failed.push((at, failure)),
            }
        }
        if self.dirty.is_empty() {
            // Keeps the allocation.
            self.dirty = dirty;
        }
        for (at, failure) in std::mem::take(&mut self.failed) {
            self.fail(at, &failure);
        }
    }

    /// Drains one peer and acts on its events.
    fn settle(&mut self, at: usize) {
        let Some(peer) = self.peers[at].as_mut() else { return };
        let mut events = std::mem::take(&mut self.events);
        let drained = peer.drain(self.now, &mut self.outbox, &mut events);
        self.schedule(at);
        for event in events.drain(..) {
            self.act(at, event);
        }
        self.events = events;
        if let Err(failure) = drained {
            self.failed.push((at, failure));
        }
    }

    fn schedule(&mut self, at: usize) {
        let Some(peer) = self.peers[at].as_mut() else { return };
        // An engine that wants to be called at once, always, must not keep the worker spinning.
        peer.deadline = peer.deadline.max(self.now + TIMER_MIN);
        if peer.scheduled.is_none_or(|scheduled| peer.deadline < scheduled) {
            peer.scheduled = Some(peer.deadline);
            self.timers.push(Reverse((peer.deadline, at)));
        }
    }

    fn run_timers(&mut self) {
        while let Some(&Reverse((due, at))) = self.timers.peek() {
            if due > self.now {
                break;
            }
            self.timers.pop();
            let Some(peer) = self.peers[at].as_mut() else { continue };
            if peer.scheduled != Some(due) {
                // Of an earlier peer in this place, or overtaken by a sooner one.
                continue;
            }
            peer.scheduled = None;
            if peer.deadline > self.now {
                self.schedule(at);
            } else {
                self.mark_dirty(at);
            }
        }
        let now = self.micros();
        for at in 0..self.rooms.len() {
            let Some(room) = &mut self.rooms[at] else { continue };
            if room.deadline.is_some_and(|deadline| deadline <= now) {
                room.core.handle_timeout(now);
                self.drain_room(at, None);
            }
        }
        if self.now >= self.next_housekeeping {
            self.next_housekeeping = self.now + HOUSEKEEPING;
            self.keep_house();
        }
    }

    fn act(&mut self, at: usize, event: PeerEvent) {
        match event {
            PeerEvent::Publisher(event) => match *event {
                Event::Connected => self.connected(at),
                Event::RtpPacket(packet) => self.forward(at, &packet),
                Event::Closed => self.failed.push((at, Failure::Closed)),
                Event::MediaIngressStats(stats) => self.note_stream(at, &stats),
                _ => {}
            },
            PeerEvent::Viewer(event) => match event {
                egress::Event::Connected => self.connected(at),
                egress::Event::Repair { slot, entry } => {
                    self.statistics.repairs_asked += 1;
                    self.repairs.push((at, slot, entry));
                }
                egress::Event::KeyFrame { slot } => self.want_key_frame(at, slot),
                egress::Event::Estimate => {
                    let side = self.peers[at].as_mut().map(|peer| &mut peer.side);
                    if let Some(Side::Viewer(viewer)) = side {
                        viewer.note_estimate(self.now);
                    }
                    self.estimate(at);
                }
                egress::Event::Closed(why) => {
                    tracing::debug!(why, "a viewer's connection ended");
                    self.failed.push((at, Failure::Closed));
                }
            },
        }
    }

    fn connected(&mut self, at: usize) {
        let Some(peer) = self.peers[at].as_mut() else { return };
        peer.connected = true;
        let (room_at, kind, person, session) =
            (peer.room, peer.kind, peer.person.clone(), peer.session);
        let Some(event) = self.rooms[room_at].as_ref().map(|room| room.id.clone()) else { return };
        self.outlet.push(SfuEvent::Connected { event, person, session, kind });
        match kind {
            Kind::Receiving(_) => self.begin_receiving(at),
            Kind::Publishing(_) => self.end_elders(session),
        }
    }

    /// Lets a receiver into the core, now that it has keys: what would be written before would
    /// wait in its engine and come late.
    fn begin_receiving(&mut self, at: usize) {
        let now = self.micros();
        let Some(peer) = self.peers[at].as_mut() else { return };
        let (room_at, owner) = (peer.room, peer.owner);
        let Side::Viewer(viewer) = &mut peer.side else { return };
        let Some(room) = &mut self.rooms[room_at] else { return };
        let spec = ReceiverSpec {
            owner,
            class: viewer.class,
            slots: viewer.side.slots,
            formats: viewer.side.formats,
            // The lower half, so that the rollover counter begins at zero.
            first_sequence: rand::random::<u16>() >> 1,
            first_timestamp: rand::random(),
        };
        let Ok(id) = room.core.add_receiver(now, &spec) else {
            // More receivers in one room than peers on a worker: cannot be.
            self.failed.push((at, Failure::Closed));
            return;
        };
        viewer.id = Some(id);
        room.set_receiver(id, at);
        room.interest.set(self.exchange.own, true);
        if !viewer.side.reports_arrival {
            viewer.estimate_bps = Some(ESTIMATE_UNREPORTED_BPS);
        }
        self.drain_room(room_at, None);
        self.estimate(at);
    }

    /// Looks after what nobody calls for: peers that fell silent, tracks that stopped, bandwidth
    /// worth looking for.
    fn keep_house(&mut self) {
        for at in 0..self.peers.len() {
            let Some(peer) = &self.peers[at] else { continue };
            let silent = self.now.saturating_duration_since(peer.last_heard) > SILENCE_MAX;
            let late =
                !peer.connected && self.now.saturating_duration_since(peer.since) > CONNECT_MAX;
            if peer.connected && silent || late {
                self.remove(at, if late { Ended::NeverConnected } else { Ended::Silent });
                continue;
            }
            match &peer.side {
                Side::Publisher(_) => self.stop_silent_tracks(at),
                Side::Viewer(_) => {
                    self.estimate(at);
                    self.ask_for_more(at);
                }
            }
            self.look_at_line(at);
        }
        for at in 0..self.rooms.len() {
            self.end_unheard(at);
            let over = self.rooms[at].as_ref().is_some_and(EventRoom::is_over)
                && !self.peers.iter().flatten().any(|peer| peer.room == at);
            if over {
                self.close_room(at);
            } else {
                self.stop_silent_remote_tracks(at);
            }
        }
        self.directory.expire(self.now.checked_sub(CONNECT_MAX).unwrap_or(self.origin));
        if self.outlet.is_behind() {
            self.outlet.flush();
        }
    }

    fn fail(&mut self, at: usize, failure: &Failure) {
        if self.peers[at].is_none() {
            return;
        }
        if !self.peers[at].as_ref().is_some_and(|peer| peer.connected) {
            self.statistics.handshakes_failed += 1;
        }
        let ended = match failure {
            Failure::Closed => Ended::Closed,
            Failure::Engine(error) => {
                self.statistics.peers_failed += 1;
                tracing::info!(%error, "a media session ended because of an error in it");
                Ended::Failed
            }
            Failure::Panic => {
                self.statistics.peers_failed += 1;
                self.statistics.panics_caught += 1;
                tracing::error!("a media session ended because its engine panicked");
                Ended::Panicked
            }
        };
        self.remove(at, ended);
    }

    fn end(&mut self, at: usize) {
        self.remove(at, Ended::Asked);
    }

    /// Takes a peer out of everything. An engine that failed is not called again.
    fn remove(&mut self, at: usize, why: Ended) {
        if self.peers[at].is_none() {
            return;
        }
        self.stop_tracks(at, |_| true);
        let now = self.micros();
        let Some(mut peer) = self.peers[at].take() else { return };
        let cause = Ended::ALL.iter().position(|cause| *cause == why).unwrap_or_default();
        self.statistics.ended[cause] += 1;
        self.vacant.push(at);
        self.sessions.remove(&peer.session);
        let addresses = self.routes.addresses(at).to_vec();
        self.directory.remove(peer.session);
        self.routes.remove(&peer.local.ufrag, at);
        let room_at = peer.room;
        if let Some(room) = &mut self.rooms[room_at] {
            if let Side::Viewer(viewer) = &peer.side
                && let Some(id) = viewer.id
            {
                room.core.remove_receiver(now, id);
                room.interest.set(self.exchange.own, room.core.has_receivers());
            }
            if peer.connected {
                self.outlet.push(SfuEvent::Gone {
                    event: room.id.clone(),
                    person: peer.person.clone(),
                    session: peer.session,
                    kind: peer.kind,
                });
            }
        }
        self.drain_room(room_at, None);
        if !matches!(why, Ended::Failed | Ended::Panicked) {
            peer.close(&mut self.outbox);
            self.send();
        }
        peer.discard();
        for address in addresses {
            self.tunnels.close(&address);
        }
    }
}
