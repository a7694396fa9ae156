//! A peer against an independent WebRTC engine in virtual time: connection, media in every cipher
//! the engine offers, repair of lost packets, key-frame requests, arrival reports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egress::{Entry, Event, Outgoing, Peer, PeerConfig, SlotConfig};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::config::{DtlsCert, DtlsVersion};
use str0m::crypto::from_feature_flags;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpPacket};
use str0m::{Candidate, IceCreds, Input, Output, Rtc};

const SERVER: &str = "127.0.0.1:5000";
const CLIENT: &str = "127.0.0.1:6000";

struct Pair {
    now: Instant,
    client: Rtc,
    peer: Peer,
    mid: Mid,
    payload_type: u8,
    repair_payload_type: u8,
    received: Vec<RtpPacket>,
    events: Vec<Event>,
    /// Drops the n-th media datagram for which it says so.
    sent: usize,
    lose: fn(usize) -> bool,
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn fingerprint(sdp: &str) -> [u8; 32] {
    let line = sdp.lines().find_map(|l| l.strip_prefix("a=fingerprint:sha-256 ")).expect("a line");
    let bytes: Vec<u8> =
        line.trim().split(':').map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect();
    bytes.try_into().expect("32 bytes")
}

fn ufrag(sdp: &str) -> String {
    sdp.lines().find_map(|l| l.strip_prefix("a=ice-ufrag:")).expect("a line").trim().to_owned()
}

impl Pair {
    fn connected() -> Self {
        let mut pair = Self::new();
        for _ in 0..200 {
            if pair.peer.is_connected() && pair.client.is_connected() {
                return pair;
            }
            pair.step(Duration::from_millis(20));
        }
        panic!("not connected after four seconds");
    }

    fn new() -> Self {
        Self::speaking(DtlsVersion::Dtls12)
    }

    fn speaking(version: DtlsVersion) -> Self {
        let now = Instant::now();
        let crypto = Arc::new(from_feature_flags());
        let mut client = Rtc::builder()
            .set_crypto_provider(Arc::clone(&crypto))
            .set_dtls_version(version)
            .set_rtp_mode(true)
            .build(now);
        let host = Candidate::host(address(CLIENT), Protocol::Udp).expect("a candidate");
        client.add_local_candidate(host);
        let mut change = client.sdp_api();
        let mid = change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        let (offer, pending) = change.apply().expect("an offer");
        let offer = offer.to_sdp_string();

        // The engine answers, our peer takes its place.
        let certificate = crypto.dtls_provider.generate_certificate().expect("a certificate");
        let DtlsCert { certificate: public, private_key } = certificate.clone();
        let credentials = IceCreds { ufrag: "server".into(), pass: "p".repeat(24) };
        let mut answering = Rtc::builder()
            .set_crypto_provider(crypto)
            .set_dtls_cert(certificate)
            .set_local_ice_credentials(credentials.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .build(now);
        let host = Candidate::host(address(SERVER), Protocol::Udp).expect("a candidate");
        answering.add_local_candidate(host);
        let parsed = SdpOffer::from_sdp_string(&offer).expect("an offer");
        let answer = answering.sdp_api().accept_offer(parsed).expect("an answer");
        let media = answering.media(mid).expect("the section");
        let extension = media
            .remote_extmap()
            .id_of(Extension::TransportSequenceNumber)
            .expect("arrival reports");
        let payload_type = media.remote_pts()[0];
        let params = *answering
            .codec_config()
            .params()
            .iter()
            .find(|params| params.pt() == payload_type)
            .expect("a codec");
        let mut direct = answering.direct_api();
        let stream = direct.stream_tx_by_mid(mid, None).expect("a stream");
        let mut slots = [None; egress::SLOTS_MAX];
        slots[4] = Some(SlotConfig {
            ssrc: *stream.ssrc(),
            repair_ssrc: stream.rtx().map(|ssrc| *ssrc),
            clock_hz: 90_000,
            transport_extension: Some(extension),
            history_packets: 256,
        });
        let answer = SdpAnswer::from_sdp_string(&answer.to_sdp_string()).expect("its own answer");
        client.sdp_api().accept_answer(pending, answer).expect("accepted");

        let peer = Peer::new(
            PeerConfig {
                local: (credentials.ufrag, credentials.pass),
                remote_ufrag: ufrag(&offer),
                remote_fingerprint: fingerprint(&offer),
                certificate: dimpl::DtlsCertificate { certificate: public, private_key },
                dtls: Arc::new(
                    dimpl::Config::builder().use_server_cookie(false).build().expect("settings"),
                ),
                slots,
                cname: "plenary".into(),
                ntp_epoch: (now, 3_900_000_000 << 32),
            },
            now,
        );
        Self {
            now,
            client,
            peer,
            mid,
            payload_type: *payload_type,
            repair_payload_type: *params.resend().expect("repair was offered"),
            received: Vec::new(),
            events: Vec::new(),
            sent: 0,
            lose: |_| false,
        }
    }

    /// Lets `length` pass and everything arrive.
    fn step(&mut self, length: Duration) {
        self.now += length;
        self.peer.handle_timeout(self.now);
        self.exchange();
    }

    /// Lets the client act on the time and everything arrive, before any timer of the peer.
    fn exchange(&mut self) {
        let timeout = Input::Timeout(self.now);
        self.client.handle_input(timeout).expect("time passes");
        for _ in 0..20 {
            let mut quiet = true;
            while let Output::Transmit(datagram) = self.poll_client() {
                quiet = false;
                let mut bytes = datagram.contents.to_vec();
                self.peer.handle_datagram(self.now, address(CLIENT), &mut bytes);
            }
            while let Some((to, bytes)) = self.peer.poll_transmit() {
                quiet = false;
                assert_eq!(to, address(CLIENT));
                self.deliver(&bytes);
            }
            while let Some(event) = self.peer.poll_event() {
                self.events.push(event);
            }
            if quiet {
                break;
            }
        }
    }

    fn poll_client(&mut self) -> Output {
        loop {
            match self.client.poll_output().expect("the client goes on") {
                Output::Event(str0m::Event::RtpPacket(packet)) => self.received.push(packet),
                Output::Event(_) => {}
                other => return other,
            }
        }
    }

    fn deliver(&mut self, bytes: &[u8]) {
        let receive =
            Receive::new(Protocol::Udp, address(CLIENT), address(SERVER), bytes).map(|mut r| {
                r.source = address(SERVER);
                r.destination = address(CLIENT);
                r
            });
        let input = Input::Receive(self.now, receive.expect("a datagram"));
        self.client.handle_input(input).expect("received");
        // The engine holds one packet until it is drained.
        while let Output::Transmit(datagram) = self.poll_client() {
            let mut bytes = datagram.contents.to_vec();
            self.peer.handle_datagram(self.now, address(CLIENT), &mut bytes);
        }
    }

    fn entry(&self, sequence: u64) -> Entry {
        Entry {
            sequence,
            timestamp: 90_000,
            token: u32::try_from(sequence).expect("small"),
            picture_id: None,
            base_layer: None,
            payload_type: self.payload_type,
            marker: true,
        }
    }

    fn send(&mut self, sequence: u64, padding_bytes: u8) {
        let mut buffer = vec![7; 3];
        let payload = payload(sequence);
        let packet = Outgoing {
            entry: self.entry(sequence),
            payload: &payload,
            patches: [None; 3],
            padding_bytes,
        };
        let length = self.peer.write(self.now, 4, &packet, &mut buffer);
        assert!(length > payload.len() && buffer.len() == 3 + length);
        self.sent += 1;
        if !(self.lose)(self.sent) {
            self.deliver(&buffer[3..]);
        }
    }
}

fn payload(sequence: u64) -> Vec<u8> {
    // A VP8 descriptor and a key frame's first bytes, then something of its own.
    let mut payload = vec![0x10, 0x00, 0x9d, 0x01, 0x2a];
    payload.extend_from_slice(&sequence.to_be_bytes());
    payload.resize(600, 1);
    payload
}

#[test]
fn media_arrives_across_the_rollover_with_and_without_padding() {
    let mut pair = Pair::connected();
    for sequence in 65_500..65_600 {
        pair.send(sequence, if sequence % 3 == 0 { 9 } else { 0 });
        pair.step(Duration::from_millis(5));
    }
    let payloads: Vec<_> = pair.received.iter().map(|packet| packet.payload.to_vec()).collect();
    let expected: Vec<_> = (65_500..65_600).map(payload).collect();
    assert!(payloads == expected, "{} of 100 arrived as sent", payloads.len());
}

#[test]
fn lost_packets_are_asked_for_and_repaired() {
    let mut pair = Pair::connected();
    pair.lose = |n| n % 10 == 5;
    for sequence in 1_000..1_100 {
        pair.send(sequence, 0);
        pair.step(Duration::from_millis(20));
        for event in std::mem::take(&mut pair.events) {
            let Event::Repair { slot: 4, entry } = event else { continue };
            let mut buffer = Vec::new();
            let payload = payload(entry.sequence);
            let packet =
                Outgoing { entry, payload: &payload, patches: [None; 3], padding_bytes: 0 };
            let (now, kind) = (pair.now, pair.repair_payload_type);
            assert!(pair.peer.write_repair(now, 4, &packet, kind, &mut buffer) > 0);
            pair.deliver(&buffer);
        }
    }
    let mut sequences: Vec<_> = pair.received.iter().map(|p| *p.seq_no & 0xffff).collect();
    sequences.sort_unstable();
    sequences.dedup();
    assert!(sequences.len() >= 99, "{} of 100 arrived in the end", sequences.len());
}

#[test]
fn key_frame_requests_and_arrivals_are_heard() {
    let mut pair = Pair::connected();
    for sequence in 1..60 {
        pair.send(sequence, 0);
        pair.step(Duration::from_millis(20));
    }
    assert!(pair.events.contains(&Event::Estimate), "arrivals are reported");
    let mid = pair.mid;
    let mut direct = pair.client.direct_api();
    let stream = direct.stream_rx_by_mid(mid, None).expect("the stream");
    stream.request_keyframe(KeyframeRequestKind::Pli);
    pair.step(Duration::from_millis(20));
    assert!(pair.events.contains(&Event::KeyFrame { slot: 4 }));
}

#[test]
fn noise_changes_nothing() {
    let mut pair = Pair::connected();
    let mut noise = base_noise();
    for datagram in &mut noise {
        assert!(!pair.peer.handle_datagram(pair.now, address(CLIENT), datagram), "{datagram:?}");
        assert!(!pair.peer.handle_datagram(pair.now, address("127.0.0.1:7"), datagram));
    }
    assert_eq!(pair.peer.address(), Some(address(CLIENT)));
    pair.send(1, 0);
    pair.step(Duration::from_millis(20));
    assert_eq!(pair.received.len(), 1);
}

/// Datagrams of every first byte with some bytes of nonsense behind. DTLS records are left out:
/// the engine takes them in and discards what does not belong.
fn base_noise() -> Vec<Vec<u8>> {
    (0..=255_u8)
        .filter(|first| !(20..=63).contains(first))
        .flat_map(|first| [1, 8, 40, 400].map(|length| [vec![first], vec![0xc9; length]].concat()))
        .collect()
}

/// The handshake's engine panicked when a browser's hello came before its first timer.
#[test]
fn a_hello_that_comes_at_once_is_answered() {
    for version in [DtlsVersion::Dtls12, DtlsVersion::Dtls13, DtlsVersion::Auto] {
        let mut pair = Pair::speaking(version);
        for _ in 0..50 {
            pair.now += Duration::from_millis(20);
            pair.exchange();
        }
        assert!(pair.peer.is_connected(), "{version:?}");
    }
}

#[test]
fn a_stranger_with_another_certificate_is_not_served() {
    let mut pair = Pair::new();
    let mut other = Pair::new();
    std::mem::swap(&mut pair.peer, &mut other.peer);
    for _ in 0..100 {
        pair.step(Duration::from_millis(20));
    }
    assert!(!pair.peer.is_connected());
}
