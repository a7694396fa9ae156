//! STUN messages (RFC 8489) as far as the relay needs them: read in place, written with or without
//! integrity.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use aws_lc_rs::hmac;

/// The fixed value in every message.
pub const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Bytes of a message without attributes.
pub const HEADER_BYTES: usize = 20;

/// Attributes looked at in a message; clients send ten.
const ATTRIBUTES_MAX: usize = 32;

/// Bytes of HMAC-SHA1.
const INTEGRITY_BYTES: usize = 20;

/// Attribute types (RFC 8489 section 18.3, RFC 8656 section 18).
pub mod attribute {
    #![expect(missing_docs, reason = "the names are those of the standards")]
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub const CHANNEL_NUMBER: u16 = 0x000c;
    pub const LIFETIME: u16 = 0x000d;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub const DONT_FRAGMENT: u16 = 0x001a;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Where do I come from?
    Binding,
    /// A relayed address is wanted.
    Allocate,
    /// The allocation is to live on, or to end.
    Refresh,
    /// Data for a peer.
    Send,
    /// Data from a peer.
    Data,
    /// A peer may send.
    CreatePermission,
    /// A number stands for a peer.
    ChannelBind,
}

impl Method {
    const ALL: [(Self, u16); 7] = [
        (Self::Binding, 0x001),
        (Self::Allocate, 0x003),
        (Self::Refresh, 0x004),
        (Self::Send, 0x006),
        (Self::Data, 0x007),
        (Self::CreatePermission, 0x008),
        (Self::ChannelBind, 0x009),
    ];

    fn bits(self) -> u16 {
        Self::ALL.iter().find(|(method, _)| *method == self).map_or(0, |(_, bits)| *bits)
    }
}

/// Which part a message plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// Says yes.
    Success,
    /// Says no.
    Error,
}

impl Class {
    const ALL: [(Self, u16); 4] = [
        (Self::Request, 0x000),
        (Self::Indication, 0x010),
        (Self::Success, 0x100),
        (Self::Error, 0x110),
    ];

    fn bits(self) -> u16 {
        Self::ALL.iter().find(|(class, _)| *class == self).map_or(0, |(_, bits)| *bits)
    }
}

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What it is about.
    pub method: Method,
    /// Which part it plays.
    pub class: Class,
    /// Its name, which the answer repeats.
    pub transaction: [u8; 12],
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message whose attributes are all whole, and which ends where it says. Methods that
    /// nobody here knows are none.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[4..8] != COOKIE || length != body.len() {
            return None;
        }
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let (method, class) = Method::ALL
            .into_iter()
            .flat_map(|(method, _)| Class::ALL.map(|(class, _)| (method, class)))
            .find(|(method, class)| method.bits() | class.bits() == kind)?;
        let transaction = header[8..20].try_into().ok()?;
        let message = Self { method, class, transaction, bytes };
        let end = message
            .attributes()
            .last()
            .map_or(HEADER_BYTES, |(at, _, value)| at + 4 + value.len().next_multiple_of(4));
        (end == bytes.len()).then_some(message)
    }

    /// The value of the first attribute of a type. What stands behind the integrity is not covered
    /// by it and therefore is not there (RFC 8489 section 14.5).
    pub fn find(&self, wanted: u16) -> Option<&'a [u8]> {
        self.covered().find(|(_, kind, _)| *kind == wanted).map(|(_, _, value)| value)
    }

    /// The values of all attributes of a type.
    pub fn all(&self, wanted: u16) -> impl Iterator<Item = &'a [u8]> {
        self.covered().filter(move |(_, kind, _)| *kind == wanted).map(|(_, _, value)| value)
    }

    /// Text of an attribute.
    pub fn text(&self, wanted: u16) -> Option<&'a str> {
        std::str::from_utf8(self.find(wanted)?).ok()
    }

    /// An address of an attribute that hides it (RFC 8489 section 14.2).
    pub fn address(&self, value: &[u8]) -> Option<SocketAddr> {
        let [0, family, p0, p1, ip @ ..] = value else { return None };
        let port = u16::from_be_bytes([p0 ^ COOKIE[0], p1 ^ COOKIE[1]]);
        let mask = mask(&self.transaction);
        let plain = |length: usize| -> Option<Vec<u8>> {
            (ip.len() == length).then(|| ip.iter().zip(mask).map(|(a, b)| a ^ b).collect())
        };
        let ip: IpAddr = match family {
            1 => <[u8; 4]>::try_from(plain(4)?).ok()?.into(),
            2 => <[u8; 16]>::try_from(plain(16)?).ok()?.into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// The first attribute that must be understood and is not among `known`.
    pub fn not_understood(&self, known: &[u16]) -> Option<u16> {
        self.covered().map(|(_, kind, _)| kind).find(|kind| *kind < 0x8000 && !known.contains(kind))
    }

    /// Whether the message carries an integrity.
    pub fn is_signed(&self) -> bool {
        self.attributes().any(|(_, kind, _)| kind == attribute::MESSAGE_INTEGRITY)
    }

    /// Whether its integrity is that of the key (RFC 8489 section 14.5).
    pub fn is_authentic(&self, key: &[u8]) -> bool {
        let Some((at, _, value)) =
            self.attributes().find(|(_, kind, _)| *kind == attribute::MESSAGE_INTEGRITY)
        else {
            return false;
        };
        let Ok(length) = u16::try_from(at + 4 + INTEGRITY_BYTES - HEADER_BYTES) else {
            return false;
        };
        let mut covered = self.bytes[..at].to_vec();
        covered[2..4].copy_from_slice(&length.to_be_bytes());
        hmac::verify(&signing_key(key), &covered, value).is_ok()
    }

    /// Place, type and value of the attributes up to the integrity.
    fn covered(&self) -> impl Iterator<Item = (usize, u16, &'a [u8])> {
        self.attributes().take_while(|(_, kind, _)| *kind != attribute::MESSAGE_INTEGRITY)
    }

    fn attributes(&self) -> impl Iterator<Item = (usize, u16, &'a [u8])> {
        let bytes = self.bytes;
        let mut at = HEADER_BYTES;
        std::iter::from_fn(move || {
            let [t0, t1, l0, l1, rest @ ..] = bytes.get(at..)? else { return None };
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            let value = rest.get(..length)?;
            let found = (at, u16::from_be_bytes([*t0, *t1]), value);
            at += 4 + length.next_multiple_of(4);
            Some(found)
        })
        .take(ATTRIBUTES_MAX)
    }
}

/// A message being written.
#[derive(Debug)]
pub struct Writer {
    transaction: [u8; 12],
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins a message.
    pub fn new(method: Method, class: Class, transaction: [u8; 12]) -> Self {
        let mut bytes = (method.bits() | class.bits()).to_be_bytes().to_vec();
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&COOKIE);
        bytes.extend_from_slice(&transaction);
        Self { transaction, bytes }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// Adds an attribute that hides an address.
    #[must_use]
    pub fn with_address(self, kind: u16, address: SocketAddr) -> Self {
        let [p0, p1] = address.port().to_be_bytes();
        let mut value = vec![0, 0, p0 ^ COOKIE[0], p1 ^ COOKIE[1]];
        let mask = mask(&self.transaction);
        let mut push = |family: u8, octets: &[u8]| {
            value[1] = family;
            value.extend(octets.iter().zip(mask).map(|(a, b)| a ^ b));
        };
        match address.ip() {
            IpAddr::V4(ip) => push(1, &Ipv4Addr::octets(&ip)),
            IpAddr::V6(ip) => push(2, &Ipv6Addr::octets(&ip)),
        }
        self.with(kind, &value)
    }

    /// Adds an error and its reason (RFC 8489 section 14.8).
    #[must_use]
    pub fn with_error(self, code: u16, reason: &str) -> Self {
        let part = |number: u16| u8::try_from(number).unwrap_or_default();
        let mut value = vec![0, 0, part(code / 100), part(code % 100)];
        value.extend_from_slice(reason.as_bytes());
        self.with(attribute::ERROR_CODE, &value)
    }

    /// The whole message.
    pub fn finish(mut self) -> Vec<u8> {
        self.note_length(0);
        self.bytes
    }

    /// The whole message with the integrity of this key.
    pub fn sign(mut self, key: &[u8]) -> Vec<u8> {
        self.note_length(4 + INTEGRITY_BYTES);
        let tag = hmac::sign(&signing_key(key), &self.bytes);
        self.with(attribute::MESSAGE_INTEGRITY, tag.as_ref()).finish()
    }

    fn note_length(&mut self, more: usize) {
        let length = u16::try_from(self.bytes.len() + more - HEADER_BYTES).unwrap_or(u16::MAX);
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

fn signing_key(key: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key)
}

fn mask(transaction: &[u8; 12]) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE);
    mask[4..].copy_from_slice(transaction);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_the_standard_is_authentic() {
        // RFC 5769 section 2.1, password "VOkJxbRl1RmTxUk/WvJxBt".
        let hex = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
                   002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
                   000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
        let digits: String = hex.split_whitespace().collect();
        let bytes: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal"))
            .collect();
        let message = Message::parse(&bytes).expect("a message");
        assert_eq!((message.method, message.class), (Method::Binding, Class::Request));
        assert_eq!(message.text(attribute::USERNAME), Some("evtj:h6vY"));
        assert!(message.is_authentic(b"VOkJxbRl1RmTxUk/WvJxBt"));
        assert!(!message.is_authentic(b"VOkJxbRl1RmTxUk/WvJxBu"));
        for cut in 0..bytes.len() {
            assert!(Message::parse(&bytes[..cut]).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for address in ["192.0.2.1:443", "[2001:db8::7]:9"].map(|a| a.parse().expect("an address"))
        {
            let bytes = Writer::new(Method::Allocate, Class::Success, [7; 12])
                .with_address(attribute::XOR_RELAYED_ADDRESS, address)
                .with(attribute::NONCE, b"abc")
                .sign(b"key");
            let message = Message::parse(&bytes).expect("a message");
            let value = message.find(attribute::XOR_RELAYED_ADDRESS).expect("an address");
            assert_eq!(message.address(value), Some(address));
            assert_eq!(message.text(attribute::NONCE), Some("abc"));
            assert!(message.is_authentic(b"key") && message.is_signed());
        }
    }

    #[test]
    fn what_stands_behind_the_integrity_is_not_there() {
        let mut bytes = Writer::new(Method::Refresh, Class::Request, [1; 12]).sign(b"key");
        bytes.extend_from_slice(&[0, 0x0d, 0, 4, 0, 0, 0, 0]);
        bytes[3] += 8;
        let message = Message::parse(&bytes).expect("a message");
        assert!(message.is_authentic(b"key"));
        assert_eq!(message.find(attribute::LIFETIME), None);
    }
}
