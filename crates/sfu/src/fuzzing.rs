//! What strangers may send to the media engine, for the tests of hostile input (crate `hostile`,
//! folder `fuzz/`). Not compiled into the product.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base::{EventId, PersonId};
use forwarding::Owner;
use str0m::change::SdpAnswer;

use crate::demux::{Sort, sort};
use crate::errors::OfferError;
use crate::fragment::parse;
use crate::negotiate::{Engine, Negotiated, Negotiator};
use crate::peer::{Failure, Newcomer, Peer};
use crate::tunnels::Tunnels;
use crate::types::{Kind, ReceiverClass, SessionId, Source};

const BROWSER: &str = "192.0.2.7:4321";
const SERVER: &str = "127.0.0.1:443";

/// What passes between two datagrams.
const STEP: Duration = Duration::from_millis(50);

/// A first look at a datagram: a check is one that says whose it is.
pub fn datagram(input: &[u8]) {
    match sort(input) {
        Sort::Check { ufrag } => {
            assert!(input.len() >= 20 + 4 + ufrag.len() && !ufrag.contains(':'));
        }
        Sort::Media => assert!(matches!(input[0], 20..=63 | 128..=191)),
        Sort::Relay | Sort::Noise => {}
    }
}

/// An ICE fragment gives credentials that can be used, or a sentence.
pub fn fragment(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match parse(text) {
        Ok(Some(credentials)) => {
            assert!(credentials.ufrag.len() >= 4 && credentials.pass.len() >= 22);
        }
        Ok(None) => assert!(text.contains("candidate")),
        Err(error) => assert!(error.to_string().lines().count() == 1),
    }
}

/// An offer is answered with something that is itself well-formed and begins a session, or
/// refused in a sentence. Either way within the bounds of a session.
pub fn offer(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let kinds = [Kind::Publishing(Source::Camera), Kind::Receiving(ReceiverClass::Audience)];
    for kind in kinds {
        let negotiated = match kind {
            Kind::Publishing(_) => negotiator().publishing(text),
            Kind::Receiving(_) => negotiator().receiving(text),
        };
        match negotiated {
            Ok(negotiated) => {
                let answer = SdpAnswer::from_sdp_string(&negotiated.sdp);
                assert!(answer.is_ok(), "{answer:?}: {}", negotiated.sdp);
                assert!(!negotiated.sdp.contains("a=setup:act"), "browsers begin DTLS");
                if let Engine::Viewing { config, side } = &negotiated.engine {
                    let slots = config.slots.iter().flatten().count();
                    assert_eq!(slots, side.slots.iter().filter(|slot| **slot).count());
                    let mut sources: Vec<u32> =
                        config.slots.iter().flatten().map(|slot| slot.ssrc).collect();
                    sources.sort_unstable();
                    sources.dedup();
                    assert_eq!(sources.len(), slots, "each slot has a source of its own");
                }
                turn(&mut peer(negotiated, kind), start());
            }
            Err(error) => {
                assert!(!matches!(error, OfferError::Full | OfferError::Stopped));
                let sentence = error.to_string();
                assert!(sentence.len() < 1_000 && sentence.lines().count() == 1, "{sentence}");
            }
        }
    }
}

/// Datagram by datagram, what an address sends that passed ICE, to a publisher's engine. The engine
/// may give the peer up, with an error and not with a panic.
pub fn publisher(input: &[u8]) {
    let offer = include_str!("../tests/it/chromium-whip.sdp");
    let mut now = start();
    let negotiated = negotiator().publishing(offer).expect("a browser's offer is answered");
    let name = format!("{}:{}", negotiated.local.ufrag, negotiated.remote_ufrag);
    let password = negotiated.local.pass.clone();
    let mut peer = peer(negotiated, Kind::Publishing(Source::Camera));
    let addresses = (SERVER.parse().expect("an address"), None);
    let browser: SocketAddr = BROWSER.parse().expect("an address");
    let mut check = egress::fuzzing::check(&name, &password);
    let accepted = peer.receive(now, browser, addresses, &mut check);
    assert!(matches!(accepted, Ok(true)), "an honest check is accepted");
    for piece in egress::fuzzing::pieces(input) {
        match peer.receive(now, browser, addresses, &mut piece.to_vec()) {
            Ok(_) => {}
            Err(Failure::Panic) => panic!("the engine panicked"),
            Err(_) => return,
        }
        now += STEP;
        if !turn(&mut peer, now) {
            return;
        }
        assert!(!peer.connected, "its certificate is not the offered one");
    }
}

/// Lets a peer act; says whether it goes on.
fn turn(peer: &mut Peer, now: Instant) -> bool {
    let (mut outbox, mut events) = (Vec::new(), Vec::new());
    let done = peer.advance(now).and_then(|()| peer.drain(now, &mut outbox, &mut events));
    assert!(!matches!(done, Err(Failure::Panic)), "the engine panicked");
    assert!(outbox.iter().all(|parcel| parcel.bytes.len() <= 1_500));
    done.is_ok()
}

fn peer(negotiated: Negotiated, kind: Kind) -> Peer {
    let newcomer = Newcomer {
        event: EventId::new("event").expect("an id"),
        person: PersonId::new("stranger").expect("an id"),
        kind,
        session: SessionId::random(),
        negotiated,
    };
    Peer::new(newcomer, start(), 0, Owner(0))
}

fn negotiator() -> &'static Negotiator {
    static NEGOTIATOR: OnceLock<Negotiator> = OnceLock::new();
    NEGOTIATOR.get_or_init(|| {
        let announce = vec![SERVER.parse().expect("an address")];
        Negotiator::new(announce, Tunnels::new(1).0).expect("a certificate")
    })
}

/// One moment for all inputs, so that nothing depends on when it is tried.
fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_first_looks() {
        hostile::replay("datagram", 5_000, datagram);
    }

    #[test]
    fn hostile_fragments() {
        hostile::replay("fragment", 2_000, fragment);
    }

    #[test]
    fn hostile_offers() {
        hostile::replay("offer", 150, offer);
    }

    #[test]
    fn hostile_flights() {
        hostile::replay("publisher", 200, publisher);
    }
}
