use super::*;
use crate::credentials::{Credentials, long_term_key};

const UNIX_S: u64 = 1_800_000_000;
const OWN: &str = "192.0.2.1:443";
const OTHER_OWN: &str = "127.0.0.1:443";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A relay and a client that knows how to ask.
struct Table {
    relay: Relay,
    now: Instant,
    unix_s: u64,
    client: Client,
    given: Credentials,
    nonce: String,
    asked: u8,
}

impl Table {
    fn new() -> Self {
        let secret = Secret::new([3; 32]);
        let given = secret.credentials(secret.holder("day", "mirza"), UNIX_S + 60);
        Self {
            relay: Relay::new(secret, vec![at(OWN), at(OTHER_OWN)]),
            now: Instant::now(),
            unix_s: UNIX_S,
            client: Client { transport: Transport::Tcp, address: at("203.0.113.9:5000") },
            given,
            nonce: String::new(),
            asked: 0,
        }
    }

    fn ask_raw(&mut self, bytes: &[u8]) -> Outcome {
        self.relay.handle(self.now, self.unix_s, self.client, bytes)
    }

    fn signed(&mut self, method: Method, fill: impl FnOnce(Writer) -> Writer) -> Vec<u8> {
        self.asked += 1;
        let Credentials { username, password } = self.given.clone();
        fill(Writer::new(method, Class::Request, [self.asked; 12]))
            .with(attribute::USERNAME, username.as_bytes())
            .with(attribute::REALM, REALM.as_bytes())
            .with(attribute::NONCE, self.nonce.as_bytes())
            .sign(&long_term_key(&username, &password))
    }

    /// Asks, and says by which code it was refused, or what came of it.
    fn ask(
        &mut self,
        method: Method,
        fill: impl FnOnce(Writer) -> Writer,
    ) -> Result<Option<Effect>, u16> {
        let bytes = self.signed(method, fill);
        let outcome = self.ask_raw(&bytes);
        let reply = outcome.reply.expect("an answer");
        self.note_nonce(&reply);
        match code(&reply) {
            Some(code) => Err(code),
            None => Ok(outcome.effect),
        }
    }

    fn note_nonce(&mut self, reply: &[u8]) {
        let message = Message::parse(reply).expect("a message");
        if let Some(nonce) = message.text(attribute::NONCE) {
            self.nonce = nonce.to_owned();
        }
    }

    /// Learns the nonce as a client does, with a request that carries no integrity.
    fn greet(&mut self) {
        let bytes = Writer::new(Method::Allocate, Class::Request, [9; 12])
            .with(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0])
            .finish();
        let reply = self.ask_raw(&bytes).reply.expect("an answer");
        assert_eq!(code(&reply), Some(401));
        self.note_nonce(&reply);
    }

    fn allocate(&mut self) -> Result<AllocationId, u16> {
        match self.ask(Method::Allocate, udp)? {
            Some(Effect::Opened(id)) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    fn permit(&mut self, peer: &str) -> Result<Option<Effect>, u16> {
        let peer = at(peer);
        self.ask(Method::CreatePermission, |w| w.with_address(attribute::XOR_PEER_ADDRESS, peer))
    }

    fn bind(&mut self, number: u16, peer: &str) -> Result<Option<Effect>, u16> {
        let peer = at(peer);
        self.ask(Method::ChannelBind, |w| {
            let [high, low] = number.to_be_bytes();
            w.with(attribute::CHANNEL_NUMBER, &[high, low, 0, 0])
                .with_address(attribute::XOR_PEER_ADDRESS, peer)
        })
    }

    fn send(&mut self, peer: &str) -> Option<Effect> {
        let bytes = Writer::new(Method::Send, Class::Indication, [1; 12])
            .with_address(attribute::XOR_PEER_ADDRESS, at(peer))
            .with(attribute::DATA, b"hello")
            .finish();
        self.ask_raw(&bytes).effect
    }
}

fn udp(writer: Writer) -> Writer {
    writer.with(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0])
}

fn code(reply: &[u8]) -> Option<u16> {
    let message = Message::parse(reply).expect("a message");
    match message.find(attribute::ERROR_CODE) {
        Some([_, _, class, number, ..]) => Some(u16::from(*class) * 100 + u16::from(*number)),
        _ => None,
    }
}

#[test]
fn data_goes_both_ways_to_our_own_address() {
    let mut table = Table::new();
    table.greet();
    let id = table.allocate().expect("allocated");
    assert_eq!(table.send(OWN), None, "no permission yet");
    table.permit(OWN).expect("permitted");
    let to_peer = |bytes: &[u8]| {
        Some(Effect::ToPeer { allocation: id, peer: at(OWN), bytes: bytes.to_vec() })
    };
    assert_eq!(table.send(OWN), to_peer(b"hello"));
    let (client, framed) =
        table.relay.from_peer(table.now, id, at(OWN), b"back").expect("permitted");
    assert_eq!(client, table.client);
    let message = Message::parse(&framed).expect("an indication");
    assert_eq!((message.method, message.class), (Method::Data, Class::Indication));
    assert_eq!(message.find(attribute::DATA), Some(&b"back"[..]));

    table.bind(0x4001, OWN).expect("bound");
    let effect = table.ask_raw(&[0x40, 1, 0, 3, 7, 8, 9, 0]).effect;
    assert_eq!(effect, to_peer(&[7, 8, 9]), "without what fills it up");
    let (_, framed) = table.relay.from_peer(table.now, id, at(OWN), &[5]).expect("bound");
    assert_eq!(framed, [0x40, 1, 0, 1, 5, 0, 0, 0], "filled up for a stream");
    assert_eq!(table.relay.from_peer(table.now, id, at(OTHER_OWN), &[5]), None);
    assert_eq!(table.ask_raw(&[0x40, 2, 0, 1, 5]).effect, None, "no such channel");

    table.now += PERMISSION_LIFETIME;
    assert_eq!(table.relay.from_peer(table.now, id, at(OWN), &[5]), None, "it has run out");
}

#[test]
fn nothing_but_our_own_media_addresses_is_relayed_to() {
    let mut table = Table::new();
    table.greet();
    table.allocate().expect("allocated");
    for (peer, refused) in [
        ("127.0.0.1:22", 403),
        ("127.0.0.1:80", 403),
        ("192.0.2.1:444", 403),
        ("192.0.2.2:443", 403),
        ("10.0.0.1:443", 403),
        ("169.254.169.254:80", 403),
        ("0.0.0.0:443", 403),
        ("203.0.113.9:5000", 403),
        ("192.0.2.1:49153", 403),
        ("[::1]:443", 443),
        ("[::ffff:127.0.0.1]:443", 443),
    ] {
        assert_eq!(table.permit(peer), Err(refused), "{peer}");
        assert_eq!(table.bind(0x4000, peer), Err(refused), "{peer}");
        assert_eq!(table.send(peer), None, "{peer}");
    }
    // One good address does not carry a bad one in.
    let both = table.ask(Method::CreatePermission, |w| {
        w.with_address(attribute::XOR_PEER_ADDRESS, at(OWN))
            .with_address(attribute::XOR_PEER_ADDRESS, at("10.0.0.1:443"))
    });
    assert_eq!(both, Err(403));
    assert_eq!(table.send(OWN), None);
}

#[test]
fn what_is_no_plain_udp_allocation_is_refused() {
    let mut table = Table::new();
    table.greet();
    for (refused, fill) in [
        (442, vec![(attribute::REQUESTED_TRANSPORT, [6, 0, 0, 0])]),
        (400, vec![]),
        (
            440,
            vec![
                (attribute::REQUESTED_TRANSPORT, [UDP, 0, 0, 0]),
                (attribute::REQUESTED_ADDRESS_FAMILY, [2, 0, 0, 0]),
            ],
        ),
        // EVEN-PORT asks for a second address.
        (420, vec![(attribute::REQUESTED_TRANSPORT, [UDP, 0, 0, 0]), (0x0018, [0x80, 0, 0, 0])]),
    ] {
        let asked = table.ask(Method::Allocate, |writer| {
            fill.iter().fold(writer, |writer, (kind, value)| writer.with(*kind, value))
        });
        assert_eq!(asked, Err(refused));
    }
    assert!(table.relay.is_empty());
}

#[test]
fn only_valid_credentials_allocate() {
    let check = |change: &dyn Fn(&mut Table), expected: u16| {
        let mut table = Table::new();
        table.greet();
        change(&mut table);
        assert_eq!(table.allocate(), Err(expected));
        assert!(table.relay.is_empty());
    };
    check(&|table| table.unix_s += 61, 401);
    check(&|table| table.given.password.push('0'), 401);
    check(&|table| table.given.username = "1900000000:0123456789abcdef".to_owned(), 401);
    check(&|table| table.given.username.clear(), 401);
    check(&|table| table.nonce = "0123456789abcdef".to_owned(), 438);
    check(&|table| table.client.address = at("203.0.113.9:5001"), 438);
    check(&|table| table.unix_s += 60 * u64::from(NONCE_MINUTES + 1), 438);
}

#[test]
fn an_allocation_outlives_its_credentials_and_is_its_owners() {
    let mut table = Table::new();
    table.greet();
    let id = table.allocate().expect("allocated");
    assert_eq!(table.allocate(), Err(437), "a second one for the same connection");
    table.unix_s += 120;
    table.now += Duration::from_secs(120);
    assert_eq!(table.ask(Method::Refresh, |w| w), Ok(None), "its session may last longer");

    let own = table.given.clone();
    let other = table.relay.secret.holder("day", "hashmi");
    table.given = table.relay.secret.credentials(other, UNIX_S + 600);
    assert_eq!(table.ask(Method::Refresh, |w| w), Err(441));
    table.given = own;
    let over = table.ask(Method::Refresh, |w| w.with(attribute::LIFETIME, &[0; 4]));
    assert_eq!(over, Ok(Some(Effect::Closed(id))));
    assert_eq!(table.ask(Method::Refresh, |w| w), Err(437));
    assert!(table.relay.is_empty() && table.relay.by_client.is_empty());
}

#[test]
fn a_request_that_is_repeated_gets_the_same_answer() {
    let mut table = Table::new();
    table.greet();
    let bytes = table.signed(Method::Allocate, udp);
    let first = table.ask_raw(&bytes);
    let again = table.ask_raw(&bytes);
    assert_eq!(first.reply, again.reply);
    assert_eq!(again.effect, None);
    assert_eq!(table.relay.len(), 1);
}

#[test]
fn allocations_are_bounded_and_end_with_their_holder_or_their_time() {
    let mut table = Table::new();
    let mut made = Vec::new();
    for number in 0..=ALLOCATIONS_PER_HOLDER_MAX {
        let port = 5_000 + u16::try_from(number).expect("few");
        table.client.address.set_port(port);
        table.greet();
        match table.allocate() {
            Ok(id) => made.push(id),
            Err(code) => assert_eq!((number, code), (ALLOCATIONS_PER_HOLDER_MAX, 486)),
        }
    }
    let holder = table.relay.secret.holder("day", "mirza");
    assert_eq!(made.len(), ALLOCATIONS_PER_HOLDER_MAX);
    let gone = table.relay.disconnect(Client { address: at("203.0.113.9:5000"), ..table.client });
    assert_eq!(gone, Some(made[0]));
    assert_eq!(table.relay.expire(table.now + LIFETIME).len(), made.len() - 1);
    table.allocate().expect("there is room again");
    assert_eq!(table.relay.end_holder(holder).len(), 1);
    assert!(table.relay.is_empty() && table.relay.by_client.is_empty());
}

#[test]
fn noise_never_panics_and_opens_nothing() {
    let mut table = Table::new();
    table.greet();
    let good = table.signed(Method::Allocate, udp);
    // A small generator is enough; what it draws is the same in every run.
    let mut state = 7_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap_or_default() % below
    };
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..=draw(4) {
            let place = draw(bytes.len());
            bytes[place] = u8::try_from(draw(256)).unwrap_or_default();
        }
        bytes.truncate(draw(bytes.len() + 40).max(1));
        if bytes == good {
            continue;
        }
        table.ask_raw(&bytes);
        let _ = frame_bytes(&bytes);
    }
    // Bytes behind the integrity may change without harm; everything else is covered by it.
    assert!(table.relay.len() <= 1);
}

#[test]
fn frames_of_a_stream() {
    for (stream, expected) in [
        (&[][..], Ok(None)),
        (&[0, 3], Ok(None)),
        (&[0, 3, 0, 8], Ok(Some(28))),
        (&[0x40, 0, 0, 5], Ok(Some(12))),
        (&[0x80, 0, 0, 0], Err(NotAFrame)),
        (b"P", Err(NotAFrame)),
    ] {
        assert_eq!(frame_bytes(stream), expected, "{stream:?}");
    }
}
