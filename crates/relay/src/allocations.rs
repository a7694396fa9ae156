//! Who has which allocation, and what a datagram of a client or of a peer leads to.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::credentials::{Holder, REALM, Secret};
use crate::stun::{Class, HEADER_BYTES, Message, Method, Writer, attribute};

/// Allocations in all. Each is a person whose network lets nothing else through.
const ALLOCATIONS_MAX: usize = 4_096;

/// Allocations of one holder: receiving, camera and screen, each by UDP, TCP and TLS in two address
/// families, once more during a restart.
const ALLOCATIONS_PER_HOLDER_MAX: usize = 36;

/// Life of an allocation without a refresh (RFC 8656 section 3.2 proposes ten minutes), and the
/// longest that a client gets.
const LIFETIME: Duration = Duration::from_secs(600);

/// RFC 8656 sections 9 and 12.
const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);
const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);

/// A nonce is good for so many minutes (RFC 8656 section 5 asks for an hour at the most).
const NONCE_MINUTES: u32 = 30;

/// Channel numbers that a client may choose (RFC 8656 section 12).
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// The first port of relayed addresses. Nothing listens there; it tells allocations apart.
const PORT_FIRST: u16 = 49_152;

const UDP: u8 = 17;

const BAD_REQUEST: (u16, &str) = (400, "Bad Request");
const UNAUTHORIZED: (u16, &str) = (401, "Unauthorized");
const FORBIDDEN: (u16, &str) = (403, "Forbidden");
const UNKNOWN_ATTRIBUTE: (u16, &str) = (420, "Unknown Attribute");
const ALLOCATION_MISMATCH: (u16, &str) = (437, "Allocation Mismatch");
const STALE_NONCE: (u16, &str) = (438, "Stale Nonce");
const FAMILY_NOT_SUPPORTED: (u16, &str) = (440, "Address Family not Supported");
const WRONG_CREDENTIALS: (u16, &str) = (441, "Wrong Credentials");
const TRANSPORT_NOT_SUPPORTED: (u16, &str) = (442, "Unsupported Transport Protocol");
const FAMILY_MISMATCH: (u16, &str) = (443, "Peer Address Family Mismatch");
const QUOTA_REACHED: (u16, &str) = (486, "Allocation Quota Reached");
const NO_ROOM: (u16, &str) = (508, "Insufficient Capacity");

/// Attributes that are understood in requests.
const UNDERSTOOD: [u16; 11] = [
    attribute::USERNAME,
    attribute::REALM,
    attribute::NONCE,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::XOR_PEER_ADDRESS,
    attribute::DATA,
    attribute::REQUESTED_ADDRESS_FAMILY,
    attribute::REQUESTED_TRANSPORT,
    attribute::DONT_FRAGMENT,
    attribute::MESSAGE_INTEGRITY,
];

/// How a client reaches the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A connection, with or without TLS. Packets in channels are filled up to whole words.
    Tcp,
}

/// One client, by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Client {
    /// How it comes.
    pub transport: Transport,
    /// Where from.
    pub address: SocketAddr,
}

impl Client {
    fn name(&self) -> String {
        format!("{:?} {}", self.transport, self.address)
    }
}

/// An allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationId(u64);

/// What has to be done besides answering.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// A new allocation wants a tunnel.
    Opened(AllocationId),
    /// An allocation is over.
    Closed(AllocationId),
    /// A datagram from the client for this one of our media addresses.
    ToPeer {
        /// Of which allocation.
        allocation: AllocationId,
        /// For which address.
        peer: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
}

/// What a message of a client leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// To be sent back.
    pub reply: Option<Vec<u8>>,
    /// To be done.
    pub effect: Option<Effect>,
}

#[derive(Debug)]
struct Allocation {
    client: Client,
    holder: Holder,
    username: String,
    relayed: SocketAddr,
    /// The request that made it, which may be sent again.
    transaction: [u8; 12],
    expires: Instant,
    /// By place in the list of peers.
    permissions: BTreeMap<usize, Instant>,
    /// Number, peer by its place, and until when. Not more than there are peers.
    channels: Vec<(u16, usize, Instant)>,
}

/// The relay.
#[derive(Debug)]
pub struct Relay {
    secret: Secret,
    /// Our own media addresses: the only ones that anything is relayed to.
    peers: Vec<SocketAddr>,
    by_client: HashMap<Client, AllocationId>,
    allocations: BTreeMap<AllocationId, Allocation>,
    next: u64,
}

type Refused = (u16, &'static str);

impl Relay {
    /// A relay to these addresses of ours.
    pub fn new(secret: Secret, peers: Vec<SocketAddr>) -> Self {
        Self { secret, peers, by_client: HashMap::new(), allocations: BTreeMap::new(), next: 0 }
    }

    /// For the making of credentials.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Allocations at the moment.
    pub fn len(&self) -> usize {
        self.allocations.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.allocations.is_empty()
    }

    /// A message came from a client. `unix_s` is the time in seconds since 1970, by which
    /// credentials expire.
    pub fn handle(&mut self, now: Instant, unix_s: u64, client: Client, bytes: &[u8]) -> Outcome {
        if bytes.first().is_some_and(|first| (64..80).contains(first)) {
            let effect = self.through_channel(now, client, bytes);
            return Outcome { reply: None, effect };
        }
        let Some(message) = Message::parse(bytes) else { return Outcome::default() };
        match (message.class, message.method) {
            (Class::Request, Method::Binding) => {
                let reply = Writer::new(Method::Binding, Class::Success, message.transaction)
                    .with_address(attribute::XOR_MAPPED_ADDRESS, client.address);
                Outcome { reply: Some(reply.finish()), effect: None }
            }
            (Class::Request, Method::Send | Method::Data) => Outcome::default(),
            (Class::Request, _) => self.request(now, unix_s, client, &message),
            (Class::Indication, Method::Send) => {
                Outcome { reply: None, effect: self.send(now, client, &message) }
            }
            _ => Outcome::default(),
        }
    }

    /// What a datagram of one of our media addresses becomes on its way to the client; `None` when
    /// the client may not get it.
    pub fn from_peer(
        &self,
        now: Instant,
        allocation: AllocationId,
        peer: SocketAddr,
        bytes: &[u8],
    ) -> Option<(Client, Vec<u8>)> {
        let known = self.allocations.get(&allocation)?;
        let at = self.peers.iter().position(|own| *own == peer)?;
        if known.expires <= now || known.permissions.get(&at).is_none_or(|until| *until <= now) {
            return None;
        }
        let bound = known.channels.iter().find(|(_, to, until)| *to == at && *until > now);
        let framed = match bound {
            Some((number, ..)) => {
                let length = u16::try_from(bytes.len()).ok()?;
                let mut framed = Vec::with_capacity(bytes.len() + 8);
                framed.extend_from_slice(&number.to_be_bytes());
                framed.extend_from_slice(&length.to_be_bytes());
                framed.extend_from_slice(bytes);
                if known.client.transport == Transport::Tcp {
                    framed.resize(framed.len().next_multiple_of(4), 0);
                }
                framed
            }
            None => {
                // An indication needs a name and nobody looks at it.
                let mut transaction = [0; 12];
                transaction[..8].copy_from_slice(&allocation.0.to_be_bytes());
                Writer::new(Method::Data, Class::Indication, transaction)
                    .with_address(attribute::XOR_PEER_ADDRESS, peer)
                    .with(attribute::DATA, bytes)
                    .finish()
            }
        };
        Some((known.client, framed))
    }

    /// Ends an allocation.
    pub fn close(&mut self, allocation: AllocationId) {
        if let Some(known) = self.allocations.remove(&allocation) {
            self.by_client.remove(&known.client);
        }
    }

    /// A client's connection is gone, and with it its allocation.
    pub fn disconnect(&mut self, client: Client) -> Option<AllocationId> {
        let allocation = *self.by_client.get(&client)?;
        self.close(allocation);
        Some(allocation)
    }

    /// Ends the allocations of a holder, and returns them.
    pub fn end_holder(&mut self, holder: Holder) -> Vec<AllocationId> {
        self.end_where(|allocation| allocation.holder == holder)
    }

    /// Ends the allocations whose time is over, and returns them.
    pub fn expire(&mut self, now: Instant) -> Vec<AllocationId> {
        self.end_where(|allocation| allocation.expires <= now)
    }

    fn end_where(&mut self, over: impl Fn(&Allocation) -> bool) -> Vec<AllocationId> {
        let ended: Vec<_> =
            self.allocations.iter().filter(|(_, a)| over(a)).map(|(id, _)| *id).collect();
        for id in &ended {
            self.close(*id);
        }
        ended
    }

    fn request(
        &mut self,
        now: Instant,
        unix_s: u64,
        client: Client,
        message: &Message<'_>,
    ) -> Outcome {
        let minute = u32::try_from(unix_s / 60).unwrap_or(u32::MAX);
        let refuse = |(code, reason): Refused| {
            Writer::new(message.method, Class::Error, message.transaction).with_error(code, reason)
        };
        let username = match self.authenticate(minute, unix_s, client, message) {
            Ok(username) => username,
            Err(refused) => {
                let mut reply = refuse(refused);
                if refused != BAD_REQUEST {
                    let nonce = self.secret.nonce(minute, &client.name());
                    reply = reply
                        .with(attribute::REALM, REALM.as_bytes())
                        .with(attribute::NONCE, nonce.as_bytes());
                }
                return Outcome { reply: Some(reply.finish()), effect: None };
            }
        };
        let key = self.secret.key(username);
        if let Some(unknown) = message.not_understood(&UNDERSTOOD) {
            let reply = refuse(UNKNOWN_ATTRIBUTE)
                .with(attribute::UNKNOWN_ATTRIBUTES, &unknown.to_be_bytes());
            return Outcome { reply: Some(reply.sign(&key)), effect: None };
        }
        let success = Writer::new(message.method, Class::Success, message.transaction);
        let done = match message.method {
            Method::Allocate => self.allocate(now, client, username, message, success),
            Method::Refresh => self.refresh(now, client, username, message, success),
            Method::CreatePermission => {
                self.permit(now, client, username, message).map(|()| (success, None))
            }
            Method::ChannelBind => {
                self.bind(now, client, username, message).map(|()| (success, None))
            }
            Method::Binding | Method::Send | Method::Data => Err(BAD_REQUEST),
        };
        let (reply, effect) = done.unwrap_or_else(|refused| (refuse(refused), None));
        Outcome { reply: Some(reply.sign(&key)), effect }
    }

    /// RFC 8489 section 9.2.4. Credentials are asked for anew only where something begins: what a
    /// client has may live on as long as its session does.
    fn authenticate<'a>(
        &self,
        minute: u32,
        unix_s: u64,
        client: Client,
        message: &Message<'a>,
    ) -> Result<&'a str, Refused> {
        if !message.is_signed() {
            return Err(UNAUTHORIZED);
        }
        let text = |kind| message.text(kind).ok_or(BAD_REQUEST);
        let (username, realm) = (text(attribute::USERNAME)?, text(attribute::REALM)?);
        let nonce = text(attribute::NONCE)?;
        let given = self.secret.minute_of(nonce, &client.name()).ok_or(STALE_NONCE)?;
        if given > minute || minute - given > NONCE_MINUTES {
            return Err(STALE_NONCE);
        }
        let (_, expires_s) = Secret::read(username).ok_or(UNAUTHORIZED)?;
        let begins = message.method == Method::Allocate;
        let late = begins && expires_s <= unix_s;
        if late || realm != REALM || !message.is_authentic(&self.secret.key(username)) {
            return Err(UNAUTHORIZED);
        }
        Ok(username)
    }

    fn allocate(
        &mut self,
        now: Instant,
        client: Client,
        username: &str,
        message: &Message<'_>,
        success: Writer,
    ) -> Result<(Writer, Option<Effect>), Refused> {
        let known = self.by_client.get(&client).and_then(|id| self.allocations.get(id));
        // One that has run out is in the way until it is swept up, some seconds at the most.
        if let Some(known) = known {
            // The answer may have been lost on the way.
            if known.transaction == message.transaction && known.username == username {
                return Ok((granted(success, known, client, now), None));
            }
            return Err(ALLOCATION_MISMATCH);
        }
        match message.find(attribute::REQUESTED_TRANSPORT) {
            Some([UDP, ..]) => {}
            Some([_, _, _, _]) => return Err(TRANSPORT_NOT_SUPPORTED),
            _ => return Err(BAD_REQUEST),
        }
        let wants_ipv6 = match message.find(attribute::REQUESTED_ADDRESS_FAMILY) {
            None | Some([1, ..]) => false,
            Some([2, ..]) => true,
            Some(_) => return Err(FAMILY_NOT_SUPPORTED),
        };
        let own = self.peers.iter().find(|peer| peer.is_ipv6() == wants_ipv6);
        let own = *own.ok_or(FAMILY_NOT_SUPPORTED)?;
        let (holder, _) = Secret::read(username).ok_or(UNAUTHORIZED)?;
        if self.allocations.len() >= ALLOCATIONS_MAX {
            return Err(NO_ROOM);
        }
        let held = self.allocations.values().filter(|known| known.holder == holder).count();
        if held >= ALLOCATIONS_PER_HOLDER_MAX {
            return Err(QUOTA_REACHED);
        }
        self.next += 1;
        let id = AllocationId(self.next);
        let span = u64::from(u16::MAX - PORT_FIRST);
        let port = PORT_FIRST + u16::try_from(self.next % span).unwrap_or_default();
        let allocation = Allocation {
            client,
            holder,
            username: username.to_owned(),
            relayed: SocketAddr::new(own.ip(), port),
            transaction: message.transaction,
            expires: now + lifetime(message).max(PERMISSION_LIFETIME),
            permissions: BTreeMap::new(),
            channels: Vec::new(),
        };
        let reply = granted(success, &allocation, client, now);
        self.allocations.insert(id, allocation);
        self.by_client.insert(client, id);
        Ok((reply, Some(Effect::Opened(id))))
    }

    fn refresh(
        &mut self,
        now: Instant,
        client: Client,
        username: &str,
        message: &Message<'_>,
        success: Writer,
    ) -> Result<(Writer, Option<Effect>), Refused> {
        let id = self.own(now, client, username)?;
        let lifetime = lifetime(message);
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or_default();
        let reply = success.with(attribute::LIFETIME, &seconds.to_be_bytes());
        if lifetime.is_zero() {
            self.close(id);
            return Ok((reply, Some(Effect::Closed(id))));
        }
        if let Some(allocation) = self.allocations.get_mut(&id) {
            allocation.expires = now + lifetime;
        }
        Ok((reply, None))
    }

    fn permit(
        &mut self,
        now: Instant,
        client: Client,
        username: &str,
        message: &Message<'_>,
    ) -> Result<(), Refused> {
        let id = self.own(now, client, username)?;
        // All or nothing: one that is forbidden refuses the whole request.
        let mut wanted = Vec::new();
        for value in message.all(attribute::XOR_PEER_ADDRESS) {
            let peer = message.address(value).ok_or(BAD_REQUEST)?;
            wanted.extend(self.allowed(id, peer, false)?);
        }
        if wanted.is_empty() {
            return Err(BAD_REQUEST);
        }
        if let Some(allocation) = self.allocations.get_mut(&id) {
            let until = now + PERMISSION_LIFETIME;
            allocation.permissions.extend(wanted.into_iter().map(|at| (at, until)));
        }
        Ok(())
    }

    fn bind(
        &mut self,
        now: Instant,
        client: Client,
        username: &str,
        message: &Message<'_>,
    ) -> Result<(), Refused> {
        let id = self.own(now, client, username)?;
        let number = match message.find(attribute::CHANNEL_NUMBER) {
            Some([high, low, ..]) => u16::from_be_bytes([*high, *low]),
            _ => return Err(BAD_REQUEST),
        };
        let value = message.find(attribute::XOR_PEER_ADDRESS).ok_or(BAD_REQUEST)?;
        let peer = message.address(value).ok_or(BAD_REQUEST)?;
        let at = *self.allowed(id, peer, true)?.first().ok_or(FORBIDDEN)?;
        let allocation = self.allocations.get_mut(&id).ok_or(ALLOCATION_MISMATCH)?;
        allocation.channels.retain(|(.., until)| *until > now);
        let taken =
            allocation.channels.iter().any(|(known, to, _)| (*known == number) != (*to == at));
        if !CHANNELS.contains(&number) || taken {
            return Err(BAD_REQUEST);
        }
        allocation.channels.retain(|(known, ..)| *known != number);
        allocation.channels.push((number, at, now + CHANNEL_LIFETIME));
        allocation.permissions.insert(at, now + PERMISSION_LIFETIME);
        Ok(())
    }

    fn send(&self, now: Instant, client: Client, message: &Message<'_>) -> Option<Effect> {
        let id = *self.by_client.get(&client)?;
        let allocation = self.allocations.get(&id).filter(|known| known.expires > now)?;
        let peer = message.address(message.find(attribute::XOR_PEER_ADDRESS)?)?;
        let at = self.peers.iter().position(|own| *own == peer)?;
        allocation.permissions.get(&at).filter(|until| **until > now)?;
        let bytes = message.find(attribute::DATA)?.to_vec();
        Some(Effect::ToPeer { allocation: id, peer, bytes })
    }

    fn through_channel(&self, now: Instant, client: Client, bytes: &[u8]) -> Option<Effect> {
        let [n0, n1, l0, l1, rest @ ..] = bytes else { return None };
        let number = u16::from_be_bytes([*n0, *n1]);
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let bytes = rest.get(..length)?.to_vec();
        let id = *self.by_client.get(&client)?;
        let allocation = self.allocations.get(&id).filter(|known| known.expires > now)?;
        let (_, at, _) = allocation
            .channels
            .iter()
            .find(|(known, _, until)| *known == number && *until > now)?;
        let peer = *self.peers.get(*at)?;
        Some(Effect::ToPeer { allocation: id, peer, bytes })
    }

    /// The allocation of a client, for the one who made it.
    fn own(&self, now: Instant, client: Client, username: &str) -> Result<AllocationId, Refused> {
        let id = *self.by_client.get(&client).ok_or(ALLOCATION_MISMATCH)?;
        let known = self.allocations.get(&id).filter(|known| known.expires > now);
        let known = known.ok_or(ALLOCATION_MISMATCH)?;
        if known.username == username { Ok(id) } else { Err(WRONG_CREDENTIALS) }
    }

    /// The places of our own media addresses that a peer's address means. A permission is for an
    /// address whatever its port (RFC 8656 section 9), a channel for an address with its port.
    fn allowed(
        &self,
        id: AllocationId,
        peer: SocketAddr,
        with_port: bool,
    ) -> Result<Vec<usize>, Refused> {
        let relayed = self.allocations.get(&id).ok_or(ALLOCATION_MISMATCH)?.relayed;
        if relayed.is_ipv6() != peer.is_ipv6() {
            return Err(FAMILY_MISMATCH);
        }
        let means = |own: &SocketAddr| {
            own.ip() == peer.ip() && (own.port() == peer.port() || !with_port && peer.port() == 0)
        };
        let places: Vec<_> =
            self.peers.iter().enumerate().filter(|(_, own)| means(own)).map(|(at, _)| at).collect();
        if places.is_empty() { Err(FORBIDDEN) } else { Ok(places) }
    }
}

fn lifetime(message: &Message<'_>) -> Duration {
    match message.find(attribute::LIFETIME) {
        Some(&[a, b, c, d]) => {
            Duration::from_secs(u64::from(u32::from_be_bytes([a, b, c, d]))).min(LIFETIME)
        }
        _ => LIFETIME,
    }
}

fn granted(success: Writer, allocation: &Allocation, client: Client, now: Instant) -> Writer {
    let left = allocation.expires.saturating_duration_since(now).as_secs();
    let left = u32::try_from(left).unwrap_or_default();
    success
        .with_address(attribute::XOR_RELAYED_ADDRESS, allocation.relayed)
        .with_address(attribute::XOR_MAPPED_ADDRESS, client.address)
        .with(attribute::LIFETIME, &left.to_be_bytes())
}

/// Bytes of the frame that a stream goes on with, filling included; `None` while that cannot be
/// told, an error when it is no frame (RFC 8656 section 3.1).
///
/// # Errors
/// When the stream speaks something else.
pub fn frame_bytes(stream: &[u8]) -> Result<Option<usize>, NotAFrame> {
    match stream {
        [0..=63, _, high, low, ..] => {
            Ok(Some(HEADER_BYTES + usize::from(u16::from_be_bytes([*high, *low]))))
        }
        [64..=79, _, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            Ok(Some(4 + length.next_multiple_of(4)))
        }
        [0..=79, ..] | [] => Ok(None),
        _ => Err(NotAFrame),
    }
}

/// A stream speaks something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAFrame;

#[cfg(test)]
mod tests;
