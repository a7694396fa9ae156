//! The relay (crate `relay`) on the one port: over UDP beside media, over TCP and inside TLS beside
//! HTTP. Each allocation is a tunnel of the media engine and ends with the media session that uses
//! it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base::{Clock, EventId, PersonId};
use relay::{AllocationId, Client, Effect, Outcome, Relay, Secret, Transport, frame_bytes};
use sfu::{Entrance, Exit, Opener, Outbound, RelayDatagram, RelayPort, Tunnels};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::rate::{PerAddress, Rate};

/// How long credentials are good for a new allocation: longer than an event, for a browser keeps
/// for the life of its connection what it was given at the beginning, and needs it again when the
/// network changes.
const CREDENTIALS_LIFE: Duration = Duration::from_secs(6 * 60 * 60);

/// An allocation through which no authentic check of a media session came by then is ended. A
/// browser gathers its ways before it makes its offer, and the offer may be tried again.
const PROOF_TIMEOUT: Duration = Duration::from_secs(60);

/// How often what has run out is swept up.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Requests of one address over UDP: a lecture hall behind one address, of which each browser sends
/// some ten at the beginning.
const REQUESTS: Rate = Rate { burst: 2_000, per_second: 200.0 };

/// Time in which a connection must have an allocation.
const ALLOCATE_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest frame on a connection: the largest datagram with room for its wrapping.
const FRAME_BYTES_MAX: usize = 4_096;

/// Read and written at once.
const CHUNK_BYTES: usize = 16 << 10;

/// Time for the system to take what is written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A way to the relay, with what a client needs to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IceServer {
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) credential: String,
}

/// The relay of this server.
pub(crate) struct Turn {
    state: Mutex<State>,
    tunnels: Tunnels,
    port: RelayPort,
    peers: Vec<SocketAddr>,
    urls: Vec<String>,
    clock: Arc<dyn Clock>,
    requests: PerAddress,
}

struct State {
    relay: Relay,
    entrances: HashMap<AllocationId, (Entrance, Instant)>,
}

/// What a message of a client led to.
#[derive(Default)]
struct Done {
    reply: Option<Vec<u8>>,
    opened: Option<(AllocationId, Exit)>,
}

impl Turn {
    /// A relay to `peers`, our own media addresses, which clients reach at `urls`.
    pub(crate) fn new(
        secret: [u8; 32],
        peers: Vec<SocketAddr>,
        urls: Vec<String>,
        tunnels: Tunnels,
        port: RelayPort,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let relay = Relay::new(Secret::new(secret), peers.clone());
        let state = Mutex::new(State { relay, entrances: HashMap::new() });
        Self { state, tunnels, port, peers, urls, clock, requests: PerAddress::new(REQUESTS) }
    }

    /// The ways to the relay for a person, with credentials of their own.
    pub(crate) fn ice_servers(&self, event: &EventId, person: &PersonId) -> Vec<IceServer> {
        let expires_s = self.unix_s() + CREDENTIALS_LIFE.as_secs();
        let state = self.state();
        let secret = state.relay.secret();
        let given = secret.credentials(secret.holder(event.as_str(), person.as_str()), expires_s);
        drop(state);
        let server = |url: &String| IceServer {
            url: url.clone(),
            username: given.username.clone(),
            credential: given.password.clone(),
        };
        self.urls.iter().map(server).collect()
    }

    /// Ends what a person has here.
    pub(crate) fn end_person(&self, event: &EventId, person: &PersonId) {
        let mut state = self.state();
        let holder = state.relay.secret().holder(event.as_str(), person.as_str());
        for allocation in state.relay.end_holder(holder) {
            state.entrances.remove(&allocation);
        }
    }

    /// Serves what comes over UDP, and sweeps up, until the media engine is gone.
    pub(crate) async fn run(self: Arc<Self>, mut inbox: mpsc::Receiver<RelayDatagram>) {
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                datagram = inbox.recv() => {
                    let Some(datagram) = datagram else { return };
                    self.datagram(datagram);
                }
                _ = sweep.tick() => self.sweep(Instant::now()),
            }
        }
    }

    /// Serves a connection until it, or the media session that uses it, is over. `waiting` is its
    /// place among those that have no allocation yet.
    pub(crate) async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin,
        address: SocketAddr,
        waiting: OwnedSemaphorePermit,
    ) {
        let client = Client { transport: Transport::Tcp, address };
        let mut line = Line { stream, inbox: Vec::new(), outbox: Vec::new() };
        let mut exit = None;
        // What goes wrong on a connection ends it; the browser tries another way by itself.
        let allocated = self.until_allocated(client, &mut line, &mut exit);
        if let Ok(Some(())) = tokio::time::timeout(ALLOCATE_TIMEOUT, allocated).await {
            drop(waiting);
            if let Some((allocation, exit)) = exit {
                self.relay(client, &mut line, allocation, exit).await;
            }
        }
        let mut state = self.state();
        if let Some(allocation) = state.relay.disconnect(client) {
            state.entrances.remove(&allocation);
        }
    }

    async fn until_allocated<S: AsyncRead + AsyncWrite + Send + Unpin>(
        &self,
        client: Client,
        line: &mut Line<S>,
        exit: &mut Option<(AllocationId, Exit)>,
    ) -> Option<()> {
        while exit.is_none() {
            line.read().await?;
            while let Some(frame) = line.frame()? {
                let done = self.handle(client, &frame);
                line.outbox.extend(done.reply.into_iter().flatten());
                if done.opened.is_some() {
                    *exit = done.opened;
                }
            }
            line.write().await?;
        }
        Some(())
    }

    async fn relay<S: AsyncRead + AsyncWrite + Send + Unpin>(
        &self,
        client: Client,
        line: &mut Line<S>,
        allocation: AllocationId,
        mut exit: Exit,
    ) -> Option<()> {
        loop {
            tokio::select! {
                read = line.read() => {
                    read?;
                    while let Some(frame) = line.frame()? {
                        line.outbox.extend(self.handle(client, &frame).reply.into_iter().flatten());
                    }
                }
                first = exit.next() => {
                    let mut next = Some(first?);
                    while let Some(outbound) = next {
                        let sent = self.outward(allocation, &outbound);
                        line.outbox.extend(sent.into_iter().flat_map(|(_, bytes)| bytes));
                        next = if line.outbox.len() < CHUNK_BYTES { exit.try_next() } else { None };
                    }
                }
            }
            line.write().await?;
        }
    }

    fn datagram(self: &Arc<Self>, datagram: RelayDatagram) {
        let RelayDatagram { source, local, bytes } = datagram;
        let is_request = bytes.first().is_some_and(|first| *first < 4);
        if is_request && !self.requests.take(source.ip()) {
            return;
        }
        let done = self.handle(Client { transport: Transport::Udp, address: source }, &bytes);
        if let Some(reply) = done.reply {
            self.port.send(source, local, &reply);
        }
        let Some((allocation, mut exit)) = done.opened else { return };
        let turn = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(outbound) = exit.next().await {
                if let Some((client, bytes)) = turn.outward(allocation, &outbound) {
                    turn.port.send(client.address, local, &bytes);
                }
            }
            turn.end(allocation);
        });
    }

    fn handle(&self, client: Client, bytes: &[u8]) -> Done {
        let unix_s = self.unix_s();
        let mut state = self.state();
        let Outcome { reply, effect } = state.relay.handle(Instant::now(), unix_s, client, bytes);
        match effect {
            None => Done { reply, opened: None },
            Some(Effect::Opened(allocation)) => {
                let Some((entrance, exit)) = self.tunnels.open(Opener::Known) else {
                    state.relay.close(allocation);
                    return Done::default();
                };
                state.entrances.insert(allocation, (entrance, Instant::now()));
                Done { reply, opened: Some((allocation, exit)) }
            }
            Some(Effect::Closed(allocation)) => {
                state.entrances.remove(&allocation);
                Done { reply, opened: None }
            }
            Some(Effect::ToPeer { allocation, peer, bytes }) => {
                if let Some((entrance, _)) = state.entrances.get(&allocation) {
                    entrance.deliver(Some(peer.ip()), bytes);
                }
                Done { reply, opened: None }
            }
        }
    }

    /// What the media engine sends through an allocation, as the client gets it.
    fn outward(&self, allocation: AllocationId, sent: &Outbound) -> Option<(Client, Vec<u8>)> {
        let peer = self.peers.iter().find(|own| Some(own.ip()) == sent.local)?;
        self.state().relay.from_peer(Instant::now(), allocation, *peer, &sent.bytes)
    }

    fn end(&self, allocation: AllocationId) {
        let mut state = self.state();
        state.relay.close(allocation);
        state.entrances.remove(&allocation);
    }

    fn sweep(&self, now: Instant) {
        let mut state = self.state();
        for allocation in state.relay.expire(now) {
            state.entrances.remove(&allocation);
        }
        let idle: Vec<_> = state
            .entrances
            .iter()
            .filter(|(_, (entrance, opened))| {
                !entrance.is_proven() && now.saturating_duration_since(*opened) > PROOF_TIMEOUT
            })
            .map(|(allocation, _)| *allocation)
            .collect();
        for allocation in idle {
            state.relay.close(allocation);
            state.entrances.remove(&allocation);
        }
    }

    fn unix_s(&self) -> u64 {
        u64::try_from(self.clock.now().0 / 1_000).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of a holder leaves at worst an allocation that runs out.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection with what was read of it and what is to be written.
struct Line<S> {
    stream: S,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// Reads some more; `None` at the end. May be given up without loss.
    async fn read(&mut self) -> Option<()> {
        let mut chunk = [0; CHUNK_BYTES];
        let read = self.stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        self.inbox.extend_from_slice(&chunk[..read]);
        Some(())
    }

    /// Takes the next whole frame out of what was read; `None` when this is not the relay's
    /// protocol.
    fn frame(&mut self) -> Option<Option<Vec<u8>>> {
        match frame_bytes(&self.inbox).ok()? {
            Some(length) if length > FRAME_BYTES_MAX => None,
            Some(length) if length <= self.inbox.len() => {
                Some(Some(self.inbox.drain(..length).collect()))
            }
            _ => Some(None),
        }
    }

    async fn write(&mut self) -> Option<()> {
        if self.outbox.is_empty() {
            return Some(());
        }
        let write = async {
            self.stream.write_all(&self.outbox).await?;
            self.stream.flush().await
        };
        tokio::time::timeout(WRITE_TIMEOUT, write).await.ok()?.ok()?;
        self.outbox.clear();
        Some(())
    }
}

/// Where clients reach the relay: on the port of media by UDP, on that of HTTP by TCP, and inside
/// TLS at the public address.
pub(crate) fn urls(public_url: &str, port: u16, tls: bool) -> Vec<String> {
    let Ok(url) = public_url.parse::<axum::http::Uri>() else { return Vec::new() };
    let Some(host) = url.host() else { return Vec::new() };
    let mut urls = vec![
        format!("turn:{host}:{port}?transport=udp"),
        format!("turn:{host}:{port}?transport=tcp"),
    ];
    if tls {
        let port = url.port_u16().unwrap_or(443);
        urls.push(format!("turns:{host}:{port}?transport=tcp"));
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_the_relay() {
        assert_eq!(
            urls("https://events.example.org", 8443, true),
            [
                "turn:events.example.org:8443?transport=udp",
                "turn:events.example.org:8443?transport=tcp",
                "turns:events.example.org:443?transport=tcp",
            ]
        );
        assert_eq!(urls("http://[::1]:8080", 8080, false)[0], "turn:[::1]:8080?transport=udp");
        assert_eq!(urls("http://localhost:8080", 8080, false).len(), 2);
    }
}
