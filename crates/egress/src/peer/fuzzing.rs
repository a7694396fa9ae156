//! What strangers may send to a peer, for the tests of hostile input (crate `hostile`, folder
//! `fuzz/`). Not compiled into the product.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use dimpl::{Config, DtlsCertificate, SrtpProfile};

use super::{
    CONTROL_MAX, EVENTS_MAX, Event, Outgoing, Peer, PeerConfig, RECORD_BYTES_MAX, SLOTS_MAX,
    SlotConfig,
};
use crate::history::Entry;
use crate::rtcp::{ARRIVALS_MAX, NACKED_MAX, Report, parse};
use crate::srtp::{NotAuthentic, Sessions};

/// Pieces of one input that are used: a longer conversation shows nothing new.
const PIECES_MAX: usize = 64;

/// What passes between two pieces.
const STEP: Duration = Duration::from_millis(50);

const UFRAGS: (&str, &str) = ("server", "browser");
const PASSWORD: &str = "a password of 24 letters";
const PICTURE: usize = 4;
const PICTURE_SSRC: u32 = 5;

/// Splits an input into datagrams, each behind its length in two bytes.
pub fn pieces(mut input: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = input.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (piece, rest) = rest.split_at(length);
        input = rest;
        Some(piece)
    })
    .take(PIECES_MAX)
}

/// A STUN message with these attributes and their signature (RFC 8489 section 14.5), as a peer
/// sends that knows the password.
pub fn signed(header: [u8; 20], attributes: &[u8], password: &str) -> Vec<u8> {
    const INTEGRITY_BYTES: usize = 24;
    let mut message = header.to_vec();
    let length = u16::try_from(attributes.len() + INTEGRITY_BYTES).unwrap_or(u16::MAX);
    message[2..4].copy_from_slice(&length.to_be_bytes());
    message.extend_from_slice(attributes);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let tag = hmac::sign(&key, &message);
    message.extend_from_slice(&[0, 8, 0, 20]);
    message.extend_from_slice(tag.as_ref());
    message
}

/// An honest check that names the pair of user fragments and nominates its address.
pub fn check(name: &str, password: &str) -> Vec<u8> {
    let mut header = [7; 20];
    header[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
    let mut attributes = vec![0, 6];
    attributes.extend(u16::try_from(name.len()).unwrap_or_default().to_be_bytes());
    attributes.extend_from_slice(name.as_bytes());
    attributes.resize(attributes.len().next_multiple_of(4), 0);
    attributes.extend_from_slice(&[0, 0x24, 0, 4, 0x6e, 0, 0x1e, 0xff]);
    attributes.extend_from_slice(&[0x80, 0x2a, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    attributes.extend_from_slice(&[0, 0x25, 0, 0]);
    signed(header, &attributes, password)
}

/// The same checks, cut into a message that the holder of the password signs.
fn signed_again(datagram: &[u8]) -> Option<Vec<u8>> {
    let (header, attributes) = datagram.split_first_chunk::<20>()?;
    // What already is signed ends before its signature.
    let end = attributes.windows(4).position(|part| part == [0, 8, 0, 20]);
    Some(signed(*header, &attributes[..end.unwrap_or(attributes.len())], PASSWORD))
}

/// One input, datagram by datagram, from the address of a browser that passed ICE but holds
/// another certificate: the peer never connects, and what it sends stays bounded.
pub fn datagrams(input: &[u8]) {
    let mut now = start();
    let mut peer = peer(now);
    let from = SocketAddr::from(([192, 0, 2, 7], 4_321));
    let mut first = check(&format!("{}:{}", UFRAGS.0, UFRAGS.1), PASSWORD);
    assert!(peer.handle_datagram(now, from, &mut first), "an honest check is accepted");
    for piece in pieces(input) {
        if let Some(mut again) = signed_again(piece).filter(|_| piece[0] < 4) {
            peer.handle_datagram(now, from, &mut again);
        }
        peer.handle_datagram(now, from, &mut piece.to_vec());
        drain(&mut peer);
        now += STEP;
        peer.handle_timeout(now);
        drain(&mut peer);
    }
    assert!(!peer.is_connected(), "its certificate is not the offered one");
    peer.close();
    drain(&mut peer);
}

/// One input, compound packet by compound packet, as an authenticated browser reports it while
/// media goes on.
pub fn reports(input: &[u8]) {
    let mut now = start();
    let mut peer = peer(now);
    let [ours, _] = sessions(SrtpProfile::AEAD_AES_128_GCM);
    peer.sessions = Some(Box::new(ours));
    peer.address = Some(SocketAddr::from(([192, 0, 2, 7], 4_321)));
    peer.connected_at = Some(now);
    let mut buffer = Vec::new();
    let mut sequence = 65_500;
    for piece in pieces(input) {
        for _ in 0..10 {
            buffer.clear();
            sequence += 1;
            let packet = Outgoing {
                entry: entry(sequence),
                payload: &[7; 900],
                patches: [None; 3],
                padding_bytes: 0,
            };
            let written = peer.write(now, PICTURE, &packet, &mut buffer);
            assert_eq!(written, peer.packet_bytes(PICTURE, packet.payload.len()));
        }
        now += STEP;
        let mut reports = Vec::new();
        parse(piece, |report| reports.push(report));
        assert!(reports.len() <= piece.len() / 4, "a report has a word at least");
        for report in reports {
            match &report {
                Report::Nack { lost, .. } => assert!(lost.len() <= NACKED_MAX),
                Report::Arrivals(arrivals) => assert!(arrivals.packets.len() <= ARRIVALS_MAX),
                _ => {}
            }
            peer.handle_report(now, report);
        }
        let (estimate_bps, loss) = peer.line();
        assert!((1_000..=100_000_000).contains(&estimate_bps), "{estimate_bps}");
        assert!((0.0..=1.0).contains(&loss), "{loss}");
        peer.handle_timeout(now);
        drain(&mut peer);
    }
}

/// One input as the content of packets in every cipher: what is sealed opens once, to the same; what
/// was changed on the way does not open.
pub fn secured(input: &[u8]) {
    for profile in [
        SrtpProfile::AES128_CM_SHA1_80,
        SrtpProfile::AEAD_AES_128_GCM,
        SrtpProfile::AEAD_AES_256_GCM,
    ] {
        let [mut ours, mut theirs] = sessions(profile);
        assert_eq!(ours.received_rtcp.open(&mut input.to_vec()), Err(NotAuthentic), "never sealed");
        let mut packet = input.to_vec();
        if theirs.rtcp.protect(&mut packet, 0).is_err() {
            assert!(input.len() < 8, "only what has no source cannot be sealed");
            continue;
        }
        let mut opened = packet.clone();
        let length = ours.received_rtcp.open(&mut opened);
        assert_eq!(length.map(|length| &opened[..length]), Ok(input));
        assert_eq!(ours.received_rtcp.open(&mut packet.clone()), Err(NotAuthentic), "a replay");
        let [mut ours, _] = sessions(profile);
        let at = input.iter().fold(0, |sum, byte| sum + usize::from(*byte)) % packet.len();
        packet[at] ^= 1;
        assert_eq!(ours.received_rtcp.open(&mut packet), Err(NotAuthentic), "changed at {at}");
    }
}

/// A connected peer with these streams, for simulations that have no handshake.
pub fn connected(slots: [Option<SlotConfig>; SLOTS_MAX], now: Instant) -> Peer {
    let mut peer = peer_with(slots, now);
    let [ours, _] = sessions(SrtpProfile::AEAD_AES_128_GCM);
    peer.sessions = Some(Box::new(ours));
    peer.address = Some(SocketAddr::from(([192, 0, 2, 7], 4_321)));
    peer.connected_at = Some(now);
    peer
}

/// The browser of a connected peer reports something.
pub fn reported(peer: &mut Peer, now: Instant, report: Report) {
    peer.handle_report(now, report);
}

fn drain(peer: &mut Peer) {
    assert!(peer.control.len() <= CONTROL_MAX && peer.events.len() <= EVENTS_MAX);
    while let Some((_, datagram)) = peer.poll_transmit() {
        assert!(datagram.len() <= RECORD_BYTES_MAX);
    }
    while let Some(event) = peer.poll_event() {
        if let Event::Repair { slot, entry } = event {
            assert!(slot == PICTURE && entry.payload_type == 96, "it was sent before");
        }
    }
}

fn entry(sequence: u64) -> Entry {
    Entry {
        sequence,
        timestamp: 90_000,
        token: 0,
        picture_id: None,
        base_layer: None,
        payload_type: 96,
        marker: true,
    }
}

/// Our keys and the browser's, which are ours with the directions exchanged.
fn sessions(profile: SrtpProfile) -> [Sessions; 2] {
    let (key_bytes, salt_bytes) = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
        SrtpProfile::AEAD_AES_128_GCM => (16, 12),
        _ => (32, 12),
    };
    [[1, 2], [2, 1]].map(|[client, server]| {
        let parts =
            [(client, key_bytes), (server, key_bytes), (client, salt_bytes), (server, salt_bytes)];
        let material: Vec<u8> =
            parts.into_iter().flat_map(|(byte, count)| std::iter::repeat_n(byte, count)).collect();
        Sessions::of_server(profile, &material).expect("the material is long enough")
    })
}

/// One moment for all inputs, so that nothing depends on when it is tried.
fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

fn peer(now: Instant) -> Peer {
    let mut slots = [None; SLOTS_MAX];
    slots[PICTURE] = Some(SlotConfig {
        ssrc: PICTURE_SSRC,
        repair_ssrc: Some(PICTURE_SSRC + 1),
        clock_hz: 90_000,
        transport_extension: Some(3),
        history_packets: 256,
    });
    peer_with(slots, now)
}

fn peer_with(slots: [Option<SlotConfig>; SLOTS_MAX], now: Instant) -> Peer {
    static SHARED: OnceLock<(DtlsCertificate, Arc<Config>)> = OnceLock::new();
    let (certificate, dtls) = SHARED.get_or_init(|| {
        let certificate = dimpl::certificate::generate_self_signed_certificate();
        let config = Config::builder().use_server_cookie(false).build();
        (certificate.expect("a certificate"), Arc::new(config.expect("settings")))
    });
    Peer::new(
        PeerConfig {
            local: (UFRAGS.0.to_owned(), PASSWORD.to_owned()),
            remote_ufrag: UFRAGS.1.to_owned(),
            remote_fingerprint: [0; 32],
            certificate: certificate.clone(),
            dtls: Arc::clone(dtls),
            slots,
            cname: "plenary".to_owned(),
            ntp_epoch: (now, 3_900_000_000 << 32),
        },
        now,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_datagrams() {
        hostile::replay("datagrams", 300, datagrams);
    }

    #[test]
    fn hostile_reports() {
        hostile::replay("reports", 500, reports);
    }

    #[test]
    fn hostile_packets() {
        hostile::replay("secured", 1_000, secured);
    }
}
