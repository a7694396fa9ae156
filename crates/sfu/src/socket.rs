//! The one place where datagrams enter and leave. What batching the system offers is used here
//! and nowhere else, so that it can be changed without touching the rest.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;

use crate::tunnels::{Tunnels, is_tunnel};

/// Reads per call of the system. A burst of a publisher's frame has six to eleven datagrams.
const BATCH: usize = 16;

/// Room for one read: the system may hand over several datagrams of one sender at once, up to the
/// largest datagram there is.
const READ_BYTES: usize = 64 << 10;

/// Asked of the system for each direction: a tenth of a second at 300 Mbit/s. It gives less where
/// `net.core.rmem_max` says so.
const BUFFER_BYTES: usize = 4 << 20;

/// A received datagram.
pub(crate) struct Datagram<'a> {
    pub(crate) source: SocketAddr,
    /// Our address that it was sent to, where the system says so.
    pub(crate) local: Option<IpAddr>,
    pub(crate) bytes: &'a [u8],
}

/// The socket of a worker.
pub(crate) struct Socket {
    socket: tokio::net::UdpSocket,
    state: UdpSocketState,
    /// An IPv6 socket carries IPv4 peers under mapped addresses.
    is_ipv6: bool,
    is_wildcard: bool,
    buffer: Vec<u8>,
    tunnels: Tunnels,
}

impl Socket {
    /// Takes over a bound socket. Must be called in the context of the worker's runtime.
    pub(crate) fn new(socket: UdpSocket, tunnels: Tunnels) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let state = UdpSocketState::new((&socket).into())?;
        // Smaller buffers than asked for still work.
        for result in [
            state.set_recv_buffer_size((&socket).into(), BUFFER_BYTES),
            state.set_send_buffer_size((&socket).into(), BUFFER_BYTES),
        ] {
            if let Err(error) = result {
                tracing::info!(%error, "the system keeps the UDP buffers at their size");
            }
        }
        Ok(Self {
            socket: tokio::net::UdpSocket::from_std(socket)?,
            state,
            is_ipv6: local.is_ipv6(),
            is_wildcard: local.ip().is_unspecified(),
            buffer: vec![0; BATCH * READ_BYTES],
            tunnels,
        })
    }

    /// Waits until there may be something to read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Reads one batch. `false` when there was nothing.
    pub(crate) fn receive(&mut self, mut handle: impl FnMut(Datagram<'_>)) -> io::Result<bool> {
        let mut metas = [RecvMeta::default(); BATCH];
        let mut chunks = self.buffer.chunks_exact_mut(READ_BYTES);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let reads = self.socket.try_io(Interest::READABLE, || {
            self.state.recv((&self.socket).into(), &mut slices, &mut metas)
        });
        let reads = match reads {
            Ok(reads) => reads,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        for (meta, slice) in metas.iter().zip(&slices).take(reads) {
            let source = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let local = meta.dst_ip.map(|ip| ip.to_canonical());
            // No packet of a network comes from there; somebody pretends to be a tunnel.
            if is_tunnel(&source) {
                continue;
            }
            for bytes in slice[..meta.len].chunks(meta.stride.max(1)) {
                handle(Datagram { source, local, bytes });
            }
        }
        Ok(true)
    }

    /// Sends one datagram, from `local` if the socket has several addresses. `false` when the
    /// system will not take it now; a datagram that cannot leave at once is not worth keeping.
    pub(crate) fn send(&self, to: SocketAddr, local: Option<IpAddr>, bytes: &[u8]) -> bool {
        self.send_run(to, local, bytes, bytes.len())
    }

    /// Sends a run of datagrams of `segment_bytes` each, of which the last may be shorter, with one
    /// call where the system can (UDP GSO).
    pub(crate) fn send_run(
        &self,
        to: SocketAddr,
        local: Option<IpAddr>,
        bytes: &[u8],
        segment_bytes: usize,
    ) -> bool {
        if is_tunnel(&to) {
            return self.tunnels.send_run(&to, local, bytes, segment_bytes);
        }
        let destination = match to.ip() {
            IpAddr::V4(ip) if self.is_ipv6 => {
                SocketAddr::new(ip.to_ipv6_mapped().into(), to.port())
            }
            _ => to,
        };
        let src_ip = local.filter(|_| self.is_wildcard);
        let most = self.state.max_gso_segments().max(1) * segment_bytes.max(1);
        bytes.chunks(most).all(|contents| {
            let segment_size = (contents.len() > segment_bytes).then_some(segment_bytes);
            let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip };
            self.socket
                .try_io(Interest::WRITABLE, || {
                    self.state.try_send((&self.socket).into(), &transmit)
                })
                .is_ok()
        })
    }
}
