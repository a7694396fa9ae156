//! The one port: TCP for HTTP and the live socket, UDP for media, all on the same number.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the system may hold for us until they are accepted. Browsers of a whole hall
/// come at once when the page says that the event is live.
const BACKLOG: i32 = 1_024;

/// Attempts to find a free number for both, when the system may choose.
const ATTEMPTS: usize = 16;

/// What a new connection begins with tells what it is: TLS by its record type, HTTP by the letter
/// of a method, the relay by a STUN message, media by a STUN message behind a length (RFC 4571).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Tls,
    Http,
    /// A request to the relay (RFC 8656 over TCP).
    Relay,
    /// An ICE check (RFC 6544).
    Media,
    Other,
}

/// So many bytes always tell.
pub(crate) const OPENING_BYTES: usize = 10;

const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// The type of a binding request, and bytes of the shortest STUN message (RFC 8489).
const BINDING_REQUEST: [u8; 2] = [0, 1];
const STUN_BYTES_MIN: u16 = 20;

/// What begins with `head`; `None` while that cannot be told.
pub(crate) fn opening(head: &[u8]) -> Option<Opening> {
    match head {
        [] => None,
        [0x16, ..] => Some(Opening::Tls),
        [b'A'..=b'Z', ..] => Some(Opening::Http),
        // The two upper bits of a STUN message are zero, and no check has a kilobyte.
        [0..=3, ..] => stun(head),
        _ => Some(Opening::Other),
    }
}

fn stun(head: &[u8]) -> Option<Opening> {
    let [first, second, third, fourth, rest @ ..] = head else { return None };
    let starts = |at: usize| {
        let from = rest.get(at..).unwrap_or_default();
        let known = from.len().min(STUN_COOKIE.len());
        from[..known] == STUN_COOKIE[..known]
    };
    let length = u16::from_be_bytes([*first, *second]);
    let framed = length >= STUN_BYTES_MIN && [*third, *fourth] == BINDING_REQUEST && starts(2);
    let bare = u16::from_be_bytes([*third, *fourth]) % 4 == 0 && starts(0);
    match (framed, bare) {
        (true, _) if head.len() >= OPENING_BYTES => Some(Opening::Media),
        (false, true) if head.len() >= OPENING_BYTES - 2 => Some(Opening::Relay),
        (false, false) => Some(Opening::Other),
        _ => None,
    }
}

/// The TCP socket and a UDP socket for each media worker.
type Sockets = (TcpListener, Vec<UdpSocket>);

/// Binds the TCP socket and the UDP sockets of so many media workers to the same port. `[::]` takes IPv4 too, or alone where IPv6 is switched off.
pub(crate) fn bind(listen: SocketAddr, workers: usize) -> io::Result<Sockets> {
    let every = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), listen.port());
    match bind_exactly(listen, workers) {
        Err(error) if listen == every && error.kind() != io::ErrorKind::AddrInUse => {
            tracing::warn!(%error, "IPv6 is not available; listening on IPv4 only");
            bind_exactly(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), listen.port()), workers)
        }
        result => result,
    }
}

fn bind_exactly(listen: SocketAddr, workers: usize) -> io::Result<Sockets> {
    let attempts = if listen.port() == 0 { ATTEMPTS } else { 1 };
    let mut result = bind_once(listen, workers);
    for _ in 1..attempts {
        match &result {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                result = bind_once(listen, workers)
            }
            _ => break,
        }
    }
    result
}

fn bind_once(listen: SocketAddr, workers: usize) -> io::Result<Sockets> {
    let tcp = Socket::new(Domain::for_address(listen), Type::STREAM, Some(Protocol::TCP))?;
    if listen.is_ipv6() {
        tcp.set_only_v6(!listen.ip().is_unspecified())?;
    }
    tcp.set_nonblocking(true)?;
    // A restarted server takes its port back though old connections linger (RFC 9293, TIME-WAIT).
    tcp.set_reuse_address(true)?;
    tcp.bind(&listen.into())?;
    tcp.listen(BACKLOG)?;
    let tcp = TcpListener::from(tcp);
    let address = tcp.local_addr()?;
    Ok((tcp, sfu::bind(address, workers)?))
}

/// Where peers reach a socket that is bound to `bound`: its own address, or, for one that takes
/// every address, those by which this machine reaches the world and itself.
pub fn reachable(bound: SocketAddr) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    // Choosing a route sends nothing. The targets are addresses reserved for documentation
    // (RFC 5737, RFC 3849), so that no real host is named here.
    let route = |own: IpAddr, target: IpAddr| {
        let socket = UdpSocket::bind((own, 0)).ok()?;
        socket.connect((target, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let v4 = route(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let v6 =
        route(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
    let mut addresses: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into()];
    addresses.extend(v4);
    if bound.is_ipv6() {
        addresses.extend(v6);
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sockets_have_the_same_port() {
        for listen in ["127.0.0.1:0", "[::]:0"] {
            let (tcp, udp) = bind(listen.parse().expect("an address"), 2).expect("sockets");
            let address = tcp.local_addr().expect("an address");
            assert_eq!(udp.len(), 2);
            for udp in &udp {
                assert_eq!(udp.local_addr().expect("an address").port(), address.port());
            }
            assert_ne!(address.port(), 0);
            drop(tcp);
            for workers in [1, 2] {
                let again = bind(address, workers);
                assert_eq!(again.map_err(|e| e.kind()).err(), Some(io::ErrorKind::AddrInUse));
            }
        }
    }

    #[test]
    fn what_a_connection_begins_with() {
        let check = [0, 108, 0, 1, 0, 88, 0x21, 0x12, 0xa4, 0x42, 7];
        let allocate = [0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42, 7];
        for (head, expected) in [
            (&[][..], None),
            (&[0x16], Some(Opening::Tls)),
            (b"G", Some(Opening::Http)),
            (&[0], None),
            (&check[..9], None),
            (&check, Some(Opening::Media)),
            (&allocate[..7], None),
            (&allocate, Some(Opening::Relay)),
            // Too short for a check, not whole words for the relay.
            (&[0, 0, 0, 1], Some(Opening::Other)),
            (&[0, 108, 0, 1, 0, 88, 0x21, 0x13], Some(Opening::Other)),
            (&[0, 3, 0, 8, 0x21, 0x12, 0], Some(Opening::Other)),
            (&[0x80, 0x60], Some(Opening::Other)),
        ] {
            assert_eq!(opening(head), expected, "{head:?}");
        }
    }

    #[test]
    fn no_wildcard_is_announced() {
        let announced = reachable("0.0.0.0:8080".parse().expect("an address"));
        assert!(announced.contains(&"127.0.0.1:8080".parse().expect("an address")));
        assert!(announced.iter().all(|address| !address.ip().is_unspecified()));
    }
}
