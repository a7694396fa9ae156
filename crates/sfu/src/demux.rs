//! Which session a datagram belongs to: by the ICE user name in its check (RFC 8445), or by the
//! address from which a check of that session came before. Everything else is noise and costs one
//! look.

use std::collections::HashMap;
use std::net::SocketAddr;

/// The kinds of datagrams on the one port, told apart by the first byte (RFC 7983).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort<'a> {
    /// An ICE check that names a session by our user fragment.
    Check {
        /// Our part of the user name.
        ufrag: &'a str,
    },
    /// DTLS, SRTP or SRTCP: goes by its address.
    Media,
    /// A request to the relay, or a packet through one of its channels (RFC 8656).
    Relay,
    /// Nothing that we speak.
    Noise,
}

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const USERNAME: u16 = 0x0006;

/// Attributes of a STUN message looked at. Browsers send eight.
const ATTRIBUTES_MAX: usize = 32;

/// Tells what a datagram is.
pub(crate) fn sort(datagram: &[u8]) -> Sort<'_> {
    match datagram.first() {
        Some(0..=3) => match check(datagram) {
            Some(ufrag) => Sort::Check { ufrag },
            None if is_relay_message(datagram) => Sort::Relay,
            None => Sort::Noise,
        },
        Some(64..=79) => Sort::Relay,
        Some(20..=63 | 128..=191) => Sort::Media,
        _ => Sort::Noise,
    }
}

/// The user fragment before the colon in the user name of a binding request (RFC 8489).
fn check(datagram: &[u8]) -> Option<&str> {
    let (header, mut attributes) = datagram.split_at_checked(20)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE || length != attributes.len()
    {
        return None;
    }
    for _ in 0..ATTRIBUTES_MAX {
        let [t0, t1, l0, l1, rest @ ..] = attributes else { return None };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        if u16::from_be_bytes([*t0, *t1]) == USERNAME {
            let name = std::str::from_utf8(rest.get(..length)?).ok()?;
            return name.split_once(':').map(|(ours, _)| ours);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// Whether this is a STUN message that only the relay answers: a request or an indication that is
/// no check of a session (RFC 8489 section 5, RFC 8656 section 18).
fn is_relay_message(datagram: &[u8]) -> bool {
    let Some((header, body)) = datagram.split_at_checked(20) else { return false };
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    // The bits of the class, of which requests and indications have not the upper one.
    let is_response = header[0] & 0x01 != 0;
    header[4..8] == MAGIC_COOKIE && length == body.len() && !is_response
}

/// Addresses that one session is known by. A phone that wanders between networks uses three or
/// four; the oldest is forgotten.
const ADDRESSES_PER_SESSION_MAX: usize = 8;

/// Addresses remembered whose sessions live on other workers. There are few; when strangers make
/// them many, all are forgotten, and the next check of each brings it back.
const ELSEWHERE_MAX: usize = 4_096;

/// The routes to the sessions of a worker, each named by its place in the worker's table.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    by_ufrag: HashMap<String, usize>,
    by_address: HashMap<SocketAddr, usize>,
    addresses: HashMap<usize, Vec<SocketAddr>>,
    elsewhere: HashMap<SocketAddr, usize>,
}

impl Routes {
    pub(crate) fn add(&mut self, ufrag: String, session: usize) {
        self.by_ufrag.insert(ufrag, session);
    }

    /// The user fragment changes with an ICE restart.
    pub(crate) fn rename(&mut self, old: &str, new: String, session: usize) {
        self.by_ufrag.remove(old);
        self.add(new, session);
    }

    pub(crate) fn remove(&mut self, ufrag: &str, session: usize) {
        self.by_ufrag.remove(ufrag);
        for address in self.addresses.remove(&session).unwrap_or_default() {
            if self.by_address.get(&address) == Some(&session) {
                self.by_address.remove(&address);
            }
        }
    }

    /// The addresses that a session is known by.
    pub(crate) fn addresses(&self, session: usize) -> &[SocketAddr] {
        self.addresses.get(&session).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.by_ufrag.get(ufrag).copied()
    }

    pub(crate) fn by_address(&self, address: &SocketAddr) -> Option<usize> {
        self.by_address.get(address).copied()
    }

    /// A check of a session that lives on another worker came from `address`.
    pub(crate) fn learn_elsewhere(&mut self, address: SocketAddr, worker: usize) {
        if self.elsewhere.len() >= ELSEWHERE_MAX {
            self.elsewhere.clear();
        }
        self.elsewhere.insert(address, worker);
    }

    /// The worker to which the packets of an address go.
    pub(crate) fn elsewhere(&self, address: &SocketAddr) -> Option<usize> {
        self.elsewhere.get(address).copied()
    }

    /// An authenticated check of the session came from `address`.
    pub(crate) fn learn(&mut self, address: SocketAddr, session: usize) {
        if self.by_address.insert(address, session) == Some(session) {
            return;
        }
        let known = self.addresses.entry(session).or_default();
        if known.len() >= ADDRESSES_PER_SESSION_MAX {
            let oldest = known.remove(0);
            if self.by_address.get(&oldest) == Some(&session) {
                self.by_address.remove(&oldest);
            }
        }
        known.push(address);
    }

    /// Whether no session is known.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_ufrag.is_empty() && self.by_address.is_empty() && self.addresses.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Random, SplitMix};

    fn check_for(name: &str) -> Vec<u8> {
        let mut attributes = vec![0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
        attributes.extend([0, 6]);
        attributes.extend(u16::try_from(name.len()).expect("short").to_be_bytes());
        attributes.extend(name.as_bytes());
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        let mut datagram = vec![0, 1];
        datagram.extend(u16::try_from(attributes.len()).expect("short").to_be_bytes());
        datagram.extend(MAGIC_COOKIE);
        datagram.extend([7; 12]);
        datagram.extend(attributes);
        datagram
    }

    #[test]
    fn datagrams_are_told_apart() {
        assert_eq!(sort(&check_for("ours:theirs")), Sort::Check { ufrag: "ours" });
        assert_eq!(sort(&check_for("nocolon")), Sort::Relay, "a request without a session");
        let full = check_for("ours:theirs");
        for cut in 0..full.len() {
            assert_eq!(sort(&full[..cut]), Sort::Noise, "cut at {cut}");
        }
        for (first, sorted) in
            [(20, Sort::Media), (63, Sort::Media), (128, Sort::Media), (191, Sort::Media)]
        {
            assert_eq!(sort(&[first, 0, 0]), sorted);
        }
        assert_eq!(sort(&[64, 0, 0, 0]), Sort::Relay);
        for noise in [4, 19, 80, 127, 192, 255] {
            assert_eq!(sort(&[noise, 0, 0]), Sort::Noise);
        }
        assert_eq!(sort(&[]), Sort::Noise);
    }

    #[test]
    fn noise_never_panics() {
        let mut random = SplitMix(1);
        for _ in 0..20_000 {
            let mut datagram = check_for("ours:theirs");
            for _ in 0..random.below(6) {
                let at = usize::try_from(random.below(datagram.len() as u64)).expect("small");
                datagram[at] = random.next_u64().to_le_bytes()[0];
            }
            let _ = sort(&datagram);
        }
    }

    #[test]
    fn routes_leave_nothing_behind() {
        let mut routes = Routes::default();
        routes.add("a".to_owned(), 1);
        routes.add("b".to_owned(), 2);
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        for port in 0..20 {
            routes.learn(address(port), 1);
        }
        assert_eq!(routes.by_address(&address(0)), None, "forgotten");
        routes.learn(address(19), 2);
        routes.rename("a", "c".to_owned(), 1);
        assert_eq!((routes.by_ufrag("a"), routes.by_ufrag("c")), (None, Some(1)));
        routes.remove("c", 1);
        assert_eq!(routes.by_address(&address(19)), Some(2), "taken over by the other");
        routes.remove("b", 2);
        assert!(routes.is_empty());
    }
}
