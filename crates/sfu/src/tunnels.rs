//! Ways on which a datagram comes and goes other than plain UDP: a TCP connection (RFC 6544), an
//! allocation of the relay (RFC 8656).
//!
//! To the workers a tunnel is an address. It is taken out of the IPv6 discard prefix 100::/64
//! (RFC 6666), which no packet of a network can come from, so that peers, routes and engines know
//! nothing of tunnels: the socket puts what goes to such an address into the tunnel's queue.
//! Nothing waits for a tunnel: a full queue loses the datagram, as a full line would.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use quinn_udp::{Transmit, UdpSocketState};
use tokio::sync::{mpsc, watch};

use crate::candidates::TcpCandidates;

/// Tunnels at once. Each is a TCP connection or an allocation of a person whose network lets no
/// UDP through, which is a part of the audience.
pub const TUNNELS_MAX: usize = 8_192;

/// Datagrams that may wait for one tunnel: three quarters of a second at 1.5 Mbit/s. What is older
/// is not worth hearing.
const OUTBOUND_MAX: usize = 128;

/// Datagrams from tunnels that may wait for one worker, which takes them up within a turn.
const INBOUND_MAX: usize = 1_024;

/// Datagrams of the relay's own protocol that may wait for it.
const RELAY_INBOUND_MAX: usize = 1_024;

/// 100::/64 without its last 64 bits.
const PREFIX: u64 = 0x0100 << 48;

/// The port of all tunnels; any but 0 would do, and 9 is that of "discard" (RFC 863).
const PORT: u16 = 9;

/// Our end of every tunnel: the only address of this family that an engine is told of, and that no
/// peer is told of.
pub(crate) const OWN_END: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x0100, 0, 0, 0, 0, 0, 0, 0)), PORT);

/// Whether this is the address of a tunnel.
pub fn is_tunnel(address: &SocketAddr) -> bool {
    number(address).is_some()
}

fn number(address: &SocketAddr) -> Option<u64> {
    let IpAddr::V6(ip) = address.ip() else { return None };
    let bits = ip.to_bits();
    let (prefix, number) = ((bits >> 64) as u64, bits as u64);
    (prefix == PREFIX).then_some(number)
}

fn address(number: u64) -> SocketAddr {
    let bits = u128::from(PREFIX) << 64 | u128::from(number);
    SocketAddr::new(Ipv6Addr::from_bits(bits).into(), PORT)
}

/// Who opens a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// Somebody unknown: the first datagram must be an authentic check of a session, or the tunnel
    /// is closed.
    Stranger,
    /// Somebody who has shown credentials: what makes no sense is dropped and the tunnel stays.
    Known,
}

/// A datagram to be sent through a tunnel.
#[derive(Debug)]
pub struct Outbound {
    /// Our address that it comes from, as far as the worker knows.
    pub local: Option<IpAddr>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A datagram that came out of a tunnel.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) source: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) bytes: Vec<u8>,
}

/// A datagram on the media port that speaks the relay's protocol.
#[derive(Debug)]
pub struct RelayDatagram {
    /// Who sent it.
    pub source: SocketAddr,
    /// Our address that it was sent to, where the system says so.
    pub local: Option<IpAddr>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// All tunnels. Clones are the same.
#[derive(Debug, Clone)]
pub struct Tunnels {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    open: RwLock<HashMap<u64, Entry>>,
    next: AtomicU64,
    workers: Vec<mpsc::Sender<Arrived>>,
    relay: OnceLock<mpsc::Sender<RelayDatagram>>,
    tcp: OnceLock<TcpCandidates>,
    dropped: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    outbound: mpsc::Sender<Outbound>,
    opener: Opener,
    proven: watch::Sender<bool>,
}

impl Tunnels {
    /// No tunnels yet; what comes out of them later is spread over so many workers.
    pub(crate) fn new(workers: usize) -> (Self, Vec<mpsc::Receiver<Arrived>>) {
        let (senders, receivers) = (0..workers).map(|_| mpsc::channel(INBOUND_MAX)).unzip();
        let shared = Shared {
            open: RwLock::default(),
            next: AtomicU64::new(1),
            workers: senders,
            relay: OnceLock::new(),
            tcp: OnceLock::new(),
            dropped: AtomicU64::new(0),
        };
        (Self { shared: Arc::new(shared) }, receivers)
    }

    /// Opens a tunnel; `None` when there are too many.
    pub fn open(&self, opener: Opener) -> Option<(Entrance, Exit)> {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (sender, outbound) = mpsc::channel(OUTBOUND_MAX);
        let (proven, is_proven) = watch::channel(false);
        let mut open = self.write();
        if open.len() >= TUNNELS_MAX {
            return None;
        }
        open.insert(number, Entry { outbound: sender, opener, proven });
        drop(open);
        let entrance = Entrance { number, proven: is_proven, tunnels: self.clone() };
        Some((entrance, Exit { outbound }))
    }

    /// Tunnels at the moment.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Datagrams lost because a tunnel or a worker was behind.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Names to peers where they reach the server by TCP; told once, before the first offer.
    pub fn announce_tcp(&self, addresses: &[SocketAddr]) {
        // Whoever calls twice is told the same addresses twice.
        let _ = self.shared.tcp.set(TcpCandidates::new(addresses));
    }

    /// An answer with the candidates of the TCP port.
    pub(crate) fn with_tcp(&self, answer: String) -> String {
        match self.shared.tcp.get() {
            Some(candidates) => candidates.add_to(answer),
            None => answer,
        }
    }

    /// What arrives on the media port in the relay's protocol, from now on. `None` if somebody has
    /// asked before.
    pub fn relay_inbox(&self) -> Option<mpsc::Receiver<RelayDatagram>> {
        let (sender, receiver) = mpsc::channel(RELAY_INBOUND_MAX);
        self.shared.relay.set(sender).ok().map(|()| receiver)
    }

    /// Sends a run of datagrams into the tunnel with this address. `false` when some were dropped.
    pub(crate) fn send_run(
        &self,
        to: &SocketAddr,
        local: Option<IpAddr>,
        bytes: &[u8],
        segment_bytes: usize,
    ) -> bool {
        let open = self.read();
        let Some(entry) = number(to).and_then(|number| open.get(&number)) else { return false };
        bytes.chunks(segment_bytes.max(1)).fold(true, |all, datagram| {
            let sent = entry.outbound.try_send(Outbound { local, bytes: datagram.to_vec() });
            all & self.count(sent.is_ok())
        })
    }

    /// Hands a datagram to the relay.
    pub(crate) fn to_relay(&self, source: SocketAddr, local: Option<IpAddr>, bytes: &[u8]) -> bool {
        let Some(relay) = self.shared.relay.get() else { return false };
        let datagram = RelayDatagram { source, local, bytes: bytes.to_vec() };
        self.count(relay.try_send(datagram).is_ok())
    }

    /// What a worker found: whether a datagram out of the tunnel with this address was authentic.
    pub(crate) fn judge(&self, source: &SocketAddr, authentic: bool) {
        let Some(number) = number(source) else { return };
        let open = self.read();
        let Some(entry) = open.get(&number) else { return };
        let known = *entry.proven.borrow();
        if authentic && !known {
            entry.proven.send_replace(true);
        }
        let refused = !authentic && !known && entry.opener == Opener::Stranger;
        drop(open);
        if refused {
            self.close(source);
        }
    }

    /// Closes the tunnel with this address, if it is one: its session is over.
    pub(crate) fn close(&self, address: &SocketAddr) {
        if let Some(number) = number(address) {
            self.write().remove(&number);
        }
    }

    fn count(&self, taken: bool) -> bool {
        if !taken {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    // Every change is a single insertion or removal, so a panic elsewhere leaves nothing half done.

    fn read(&self) -> RwLockReadGuard<'_, HashMap<u64, Entry>> {
        self.shared.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u64, Entry>> {
        self.shared.open.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where datagrams that came through a tunnel go in. Dropping it closes the tunnel.
#[derive(Debug)]
pub struct Entrance {
    number: u64,
    proven: watch::Receiver<bool>,
    tunnels: Tunnels,
}

impl Entrance {
    /// The tunnel's address, as the workers know it.
    pub fn address(&self) -> SocketAddr {
        address(self.number)
    }

    /// Hands a datagram that came through the tunnel to the workers; `local` is our address that it
    /// was meant for. `false` when it was dropped.
    pub fn deliver(&self, local: Option<IpAddr>, bytes: Vec<u8>) -> bool {
        let workers = &self.tunnels.shared.workers;
        let at = usize::try_from(self.number % workers.len().max(1) as u64).unwrap_or_default();
        let arrived = Arrived { source: self.address(), local, bytes };
        let taken = workers.get(at).is_some_and(|worker| worker.try_send(arrived).is_ok());
        self.tunnels.count(taken)
    }

    /// Whether an authentic check of a session came through.
    pub fn is_proven(&self) -> bool {
        *self.proven.borrow()
    }

    /// Waits for an authentic check. `false` when the tunnel is closed before.
    pub async fn proven(&self) -> bool {
        self.proven.clone().wait_for(|proven| *proven).await.is_ok()
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.tunnels.write().remove(&self.number);
    }
}

/// Where datagrams come out that are to go through a tunnel.
#[derive(Debug)]
pub struct Exit {
    outbound: mpsc::Receiver<Outbound>,
}

impl Exit {
    /// The next datagram; `None` when the tunnel is closed.
    pub async fn next(&mut self) -> Option<Outbound> {
        self.outbound.recv().await
    }

    /// The next datagram, if one waits.
    pub fn try_next(&mut self) -> Option<Outbound> {
        self.outbound.try_recv().ok()
    }
}

/// The media port as the relay sends from it. The worker reads it.
#[derive(Debug)]
pub struct RelayPort {
    socket: UdpSocket,
    state: UdpSocketState,
    is_ipv6: bool,
    is_wildcard: bool,
}

impl RelayPort {
    /// Shares a bound socket that does not block.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(socket: &UdpSocket) -> std::io::Result<Self> {
        let (socket, local) = (socket.try_clone()?, socket.local_addr()?);
        let state = UdpSocketState::new((&socket).into())?;
        let (is_ipv6, is_wildcard) = (local.is_ipv6(), local.ip().is_unspecified());
        Ok(Self { socket, state, is_ipv6, is_wildcard })
    }

    /// Sends one datagram, from `local` if the socket has several addresses. `false` when the
    /// system will not take it now.
    pub fn send(&self, to: SocketAddr, local: Option<IpAddr>, bytes: &[u8]) -> bool {
        let destination = match to.ip() {
            IpAddr::V4(ip) if self.is_ipv6 => {
                SocketAddr::new(ip.to_ipv6_mapped().into(), to.port())
            }
            _ => to,
        };
        let src_ip = local.filter(|_| self.is_wildcard);
        let transmit =
            Transmit { destination, ecn: None, contents: bytes, segment_size: None, src_ip };
        self.state.try_send((&self.socket).into(), &transmit).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_discard_prefix_is_a_tunnel() {
        for (text, expected) in [
            ("[100::1]:9", true),
            ("[100::ffff:ffff:ffff:ffff]:1", true),
            ("[100:0:0:1::1]:9", false),
            ("[::1]:9", false),
            ("[::ffff:1.0.0.0]:9", false),
            ("1.0.0.0:9", false),
        ] {
            assert_eq!(is_tunnel(&text.parse().expect("an address")), expected, "{text}");
        }
        assert!(is_tunnel(&OWN_END), "no peer can have our own end either");
    }

    #[test]
    fn a_run_is_split_and_a_full_tunnel_drops() {
        let (tunnels, _inboxes) = Tunnels::new(1);
        let (tunnel, mut exit) = tunnels.open(Opener::Known).expect("room");
        let run: Vec<u8> = (0..10).collect();
        assert!(tunnels.send_run(&tunnel.address(), None, &run, 4));
        let mut sent = Vec::new();
        while let Some(datagram) = exit.try_next() {
            sent.push(datagram.bytes);
        }
        assert_eq!(sent, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
        for _ in 0..OUTBOUND_MAX {
            assert!(tunnels.send_run(&tunnel.address(), None, &[1], 1));
        }
        assert!(!tunnels.send_run(&tunnel.address(), None, &[1], 1));
        assert_eq!(tunnels.dropped(), 1);
    }

    #[tokio::test]
    async fn a_stranger_needs_an_authentic_check_and_a_closed_tunnel_is_forgotten() {
        let (tunnels, mut inboxes) = Tunnels::new(1);
        let (stranger, mut no_exit) = tunnels.open(Opener::Stranger).expect("room");
        assert!(stranger.deliver(None, vec![1]));
        let arrived = inboxes[0].recv().await.expect("a datagram");
        assert_eq!((arrived.source, arrived.bytes), (stranger.address(), vec![1]));
        tunnels.judge(&stranger.address(), false);
        assert!(no_exit.next().await.is_none(), "closed");

        let (guest, mut exit) = tunnels.open(Opener::Stranger).expect("room");
        tunnels.judge(&guest.address(), true);
        assert!(guest.is_proven());
        tunnels.judge(&guest.address(), false);
        assert!(tunnels.send_run(&guest.address(), None, &[7], 1), "still open");
        assert_eq!(exit.next().await.map(|datagram| datagram.bytes), Some(vec![7]));

        let (known, _exit) = tunnels.open(Opener::Known).expect("room");
        tunnels.judge(&known.address(), false);
        assert_eq!(tunnels.len(), 2, "the stranger is gone");
        tunnels.close(&guest.address());
        assert!(exit.next().await.is_none());
        drop((stranger, known));
        assert!(tunnels.is_empty());
    }
}
