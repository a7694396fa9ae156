//! A client that passes ICE and DTLS like a browser and then sends what it likes, bytes and all.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use egress::fuzzing::check;
use egress::srtp::Sessions;

const UFRAG: &str = "STRANGER";
const PATIENCE: Duration = Duration::from_secs(10);

/// Datagrams that leave at once, and the pause behind them: a flood that fills no buffer of the
/// system, so that whatever the others lose was lost in the engine.
const BURST: usize = 25;
const PAUSE: Duration = Duration::from_millis(5);

/// Its own certificate and offer; the rest comes with the answer.
pub(crate) struct Newcomer {
    pub(crate) offer: String,
    certificate: DtlsCertificate,
}

impl Newcomer {
    /// Offers what a browser offered, with a transport of its own.
    pub(crate) fn offering(browser: &str) -> Self {
        let certificate = generate_self_signed_certificate().expect("a certificate");
        let fingerprint = certificate.fingerprint_str();
        let lines = browser.lines().map(|line| match line.split_once(':').map(|(key, _)| key) {
            Some("a=ice-ufrag") => format!("a=ice-ufrag:{UFRAG}\r\n"),
            Some("a=ice-pwd") => format!("a=ice-pwd:{}\r\n", "p".repeat(24)),
            Some("a=fingerprint") => format!("a=fingerprint:sha-256 {fingerprint}\r\n"),
            _ => format!("{}\r\n", line.trim_end()),
        });
        Self { offer: lines.collect(), certificate }
    }
}

/// The client, with an address that the engine knows.
pub(crate) struct Stranger {
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
    name: String,
    password: String,
    dtls: Dtls,
    keys: Option<Sessions>,
    /// Packets received, by their source; of those that repair, only such as have a content.
    pub(crate) heard: BTreeMap<u32, u64>,
    /// Sources of repairs.
    pub(crate) repairing: BTreeSet<u32>,
    repair_payload_types: Vec<u8>,
    /// The newest sequence number by source.
    pub(crate) newest: BTreeMap<u32, u16>,
}

impl Stranger {
    /// Passes ICE.
    pub(crate) fn checked(newcomer: Newcomer, answer: &str, server: SocketAddr) -> Self {
        let value = |key: &str| {
            let line = answer.lines().find_map(|line| line.strip_prefix(key));
            line.expect("it stands in the answer").trim_end().to_owned()
        };
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PAUSE)).expect("a timeout");
        let config = Config::builder().build().expect("settings");
        let mut dtls = Dtls::new_auto(Arc::new(config), newcomer.certificate, Instant::now());
        dtls.set_active(true);
        let stranger = Self {
            socket,
            server,
            name: format!("{}:{UFRAG}", value("a=ice-ufrag:")),
            password: value("a=ice-pwd:"),
            dtls,
            keys: None,
            heard: BTreeMap::new(),
            repairing: BTreeSet::new(),
            repair_payload_types: answer
                .lines()
                .filter_map(|line| line.strip_prefix("a=rtpmap:")?.trim_end().split_once(" rtx/"))
                .map(|(number, _)| number.parse().expect("a number"))
                .collect(),
            newest: BTreeMap::new(),
        };
        let end = Instant::now() + PATIENCE;
        let mut buffer = [0; 2_000];
        while Instant::now() < end {
            let check = stranger.check();
            stranger.send(&check);
            if stranger.socket.recv(&mut buffer).is_ok() && buffer[..2] == [1, 1] {
                return stranger;
            }
        }
        panic!("no check was answered");
    }

    /// Passes DTLS too.
    pub(crate) fn connected(newcomer: Newcomer, answer: &str, server: SocketAddr) -> Self {
        let mut stranger = Self::checked(newcomer, answer, server);
        let end = Instant::now() + PATIENCE;
        let mut buffer = [0; 2_000];
        while stranger.keys.is_none() {
            assert!(Instant::now() < end, "the handshake does not end");
            stranger.dtls.handle_timeout(Instant::now()).expect("it goes on");
            stranger.drive();
            if let Ok(length) = stranger.socket.recv(&mut buffer)
                && (20..64).contains(&buffer[0])
            {
                stranger.dtls.handle_packet(&buffer[..length]).expect("it goes on");
                stranger.drive();
            }
        }
        stranger
    }

    fn drive(&mut self) {
        let mut buffer = [0; 2_000];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(record) => {
                    let _ = self.socket.send_to(record, self.server);
                }
                Output::Timeout(_) => return,
                Output::KeyingMaterial(material, profile) => {
                    self.keys = Some(keys_of_client(profile, &material));
                }
                _ => {}
            }
        }
    }

    /// An honest check of its own, which names its address as the one to send to.
    pub(crate) fn check(&self) -> Vec<u8> {
        check(&self.name, &self.password)
    }

    /// A check that does not know the password.
    pub(crate) fn wrong_check(&self) -> Vec<u8> {
        check(&self.name, "a password that is wrong")
    }

    /// Sends one datagram as it is.
    pub(crate) fn send(&self, datagram: &[u8]) {
        match self.socket.send_to(datagram, self.server) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            _ => {}
        }
    }

    /// Sends a compound packet, sealed.
    pub(crate) fn report(&mut self, packet: &[u8]) {
        let mut packet = packet.to_vec();
        let keys = self.keys.as_mut().expect("connected");
        keys.rtcp.protect(&mut packet, 0).expect("long enough");
        self.send(&packet);
    }

    /// Sends an RTP packet with a header of `header_bytes`, sealed under this source and number.
    pub(crate) fn media(&self, packet: &[u8], header_bytes: usize, ssrc: u32, sequence: u64) {
        let mut packet = packet.to_vec();
        let keys = self.keys.as_ref().expect("connected");
        keys.rtp.protect(&mut packet, 0, header_bytes, ssrc, sequence).expect("long enough");
        self.send(&packet);
    }

    /// Does something `times` times, in bursts, and reads what comes meanwhile.
    pub(crate) fn flood(&mut self, times: usize, mut act: impl FnMut(&mut Self, usize)) {
        for number in 0..times {
            act(self, number);
            if number % BURST == BURST - 1 {
                self.listen(PAUSE);
            }
        }
    }

    /// Reads for so long.
    pub(crate) fn listen(&mut self, length: Duration) {
        let end = Instant::now() + length;
        let mut buffer = [0; 2_000];
        while Instant::now() < end {
            let Ok(length) = self.socket.recv(&mut buffer) else { continue };
            let is_media = (128..192).contains(&buffer[0]) && !(192..224).contains(&buffer[1]);
            if let (true, Some(header)) = (is_media, buffer[..length].first_chunk::<12>()) {
                let [.., s0, s1, _, _, _, _, a, b, c, d] = *header;
                let ssrc = u32::from_be_bytes([a, b, c, d]);
                let filled = buffer[0] & 0x20 != 0;
                if self.repair_payload_types.contains(&(buffer[1] & 0x7f)) {
                    self.repairing.insert(ssrc);
                    if filled {
                        continue;
                    }
                }
                *self.heard.entry(ssrc).or_default() += 1;
                self.newest.insert(ssrc, u16::from_be_bytes([s0, s1]));
            }
        }
    }
}

/// The exported keys with the two directions exchanged: `egress` holds the server's side of them.
fn keys_of_client(profile: SrtpProfile, material: &[u8]) -> Sessions {
    let salt_bytes = if profile == SrtpProfile::AES128_CM_SHA1_80 { 14 } else { 12 };
    let key_bytes = material.len() / 2 - salt_bytes;
    let (keys, salts) = material.split_at(2 * key_bytes);
    let exchanged =
        [&keys[key_bytes..], &keys[..key_bytes], &salts[salt_bytes..], &salts[..salt_bytes]];
    Sessions::of_server(profile, &exchanged.concat()).expect("a known profile")
}
