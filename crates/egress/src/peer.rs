//! One viewer: ICE-lite, DTLS and the slots, without sockets, threads or a clock.

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::{digest, hmac};
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use is::stun::StunMessage;

use crate::bandwidth::Bandwidth;
use crate::history::{Entry, History};
use crate::rtcp::{Report, SenderReport, parse};
use crate::srtp::{Sessions, TRAILER_BYTES_MAX};

/// Slots of a peer: as many as fit a bundle of ten media sections, with room to grow.
pub const SLOTS_MAX: usize = 12;

/// Control datagrams that wait to leave: a DTLS flight has three, checks and reports come singly.
const CONTROL_MAX: usize = 32;

/// Events that wait for the driver. A NACK may ask for many packets at once; what does not fit is
/// asked for again by the browser.
const EVENTS_MAX: usize = 512;

/// The engine that made the connection is kept so long, in case its last flight was lost and the
/// browser repeats its own; then its buffers are given back.
const HANDSHAKE_KEPT: Duration = Duration::from_secs(20);

/// How often a browser is told which RTP time belongs to which moment, so that sound and picture
/// stay together.
const SENDER_REPORT_EVERY: Duration = Duration::from_secs(2);

/// The largest DTLS record that leaves in one datagram.
const RECORD_BYTES_MAX: usize = 1_500;

/// Most outputs taken from the DTLS engine after one input; a handshake flight has five.
const DTLS_OUTPUTS_MAX: usize = 64;

/// The header of an RTP packet of ours: twelve bytes, and eight of extension for the
/// transport-wide number where it was negotiated.
const HEADER_BYTES: usize = 12;
const EXTENSION_BYTES: usize = 8;

/// What was negotiated, as far as the transport needs it.
#[derive(Debug)]
pub struct PeerConfig {
    /// Our ICE user fragment and password.
    pub local: (String, String),
    /// The browser's ICE user fragment.
    pub remote_ufrag: String,
    /// SHA-256 fingerprint of the browser's certificate.
    pub remote_fingerprint: [u8; 32],
    /// Our certificate.
    pub certificate: DtlsCertificate,
    /// Settings of DTLS, shared by all peers.
    pub dtls: Arc<Config>,
    /// The streams, by slot.
    pub slots: [Option<SlotConfig>; SLOTS_MAX],
    /// Name of our clock.
    pub cname: String,
    /// Origin of NTP time: the NTP timestamp of the moment `epoch`.
    pub ntp_epoch: (Instant, u64),
}

/// One stream.
#[derive(Debug, Clone, Copy)]
pub struct SlotConfig {
    /// Its synchronisation source.
    pub ssrc: u32,
    /// That of its repair stream.
    pub repair_ssrc: Option<u32>,
    /// RTP clock in Hz.
    pub clock_hz: u32,
    /// Number of the header extension for transport-wide sequence numbers, where it was negotiated.
    pub transport_extension: Option<u8>,
    /// How many packets can be sent again.
    pub history_packets: usize,
}

/// A packet to be written.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Header fields and where the payload is found for a repair.
    pub entry: Entry,
    /// Payload as it came from the publisher.
    pub payload: &'a [u8],
    /// Bytes of it to write anew, as places and values: the entry's picture numbers.
    pub patches: [Option<(u8, u8)>; 3],
    /// Padding bytes to append, so that a batch has packets of one size (RFC 3550 section 5.1).
    pub padding_bytes: u8,
}

/// What the driver has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Media can be sent.
    Connected,
    /// Send this packet again, with [`Peer::write_repair`].
    Repair {
        /// In which slot.
        slot: usize,
        /// Which packet, by the payload type under which it was sent.
        entry: Entry,
    },
    /// The decoder of this slot needs a key frame.
    KeyFrame {
        /// Which.
        slot: usize,
    },
    /// The estimate of the bandwidth may have changed.
    Estimate,
    /// The browser closed the connection, or it cannot go on.
    Closed(&'static str),
}

/// What a browser's reports say of its line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The estimate of its bandwidth in bits a second.
    pub estimate_bps: u64,
    /// The share of packets lost lately, 0 to 1.
    pub loss: f64,
    /// The time to the browser and back.
    pub round_trip: Option<Duration>,
}

/// Weight of the newest report.
const SMOOTHING: f64 = 0.3;

/// Longer ways than ten seconds there and back are not believed.
const ROUND_TRIP_UNITS_MAX: u32 = 10 << 16;

/// The stream in which a packet is written: its own, or that of repairs.
#[derive(Debug, Clone, Copy)]
struct AsStream {
    ssrc: u32,
    sequence: u64,
    transport_extension: Option<u8>,
    /// The sequence number that is repaired.
    original: Option<u16>,
}

fn header_bytes(transport_extension: Option<u8>) -> usize {
    HEADER_BYTES + if transport_extension.is_some() { EXTENSION_BYTES } else { 0 }
}

#[derive(Debug)]
struct Slot {
    config: SlotConfig,
    history: Option<History>,
    repair_sequence: u64,
    newest: Option<(u64, u32, Instant)>,
    packets: u32,
    bytes: u32,
}

/// One receive-only peer.
pub struct Peer {
    local: (String, hmac::Key),
    remote_ufrag: String,
    remote_fingerprint: [u8; 32],
    dtls: Option<Box<Dtls>>,
    dtls_timeout: Option<Instant>,
    sessions: Option<Box<Sessions>>,
    fingerprint_ok: bool,
    connected_at: Option<Instant>,
    address: Option<SocketAddr>,
    slots: [Option<Slot>; SLOTS_MAX],
    cname: String,
    ntp_epoch: (Instant, u64),
    next_sender_report: Option<Instant>,
    bandwidth: Bandwidth,
    reported_loss: f64,
    round_trip: Option<Duration>,
    last_heard: Instant,
    control: VecDeque<(SocketAddr, Vec<u8>)>,
    events: VecDeque<Event>,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("address", &self.address.is_some()).finish_non_exhaustive()
    }
}

impl Peer {
    /// A peer that waits for the browser's first check.
    pub fn new(config: PeerConfig, now: Instant) -> Self {
        let slot = |config: SlotConfig| Slot {
            config,
            history: config.repair_ssrc.map(|_| History::new(config.history_packets)),
            repair_sequence: u64::from(config.ssrc & 0x7fff),
            newest: None,
            packets: 0,
            bytes: 0,
        };
        let mut dtls = Box::new(Dtls::new_auto(config.dtls, config.certificate, now));
        dtls.set_active(false);
        // The engine draws its random numbers in its first timeout; a hello that came before would
        // make it panic.
        let begun = dtls.handle_timeout(now);
        let mut peer = Self {
            local: (
                config.local.0,
                hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, config.local.1.as_bytes()),
            ),
            remote_ufrag: config.remote_ufrag,
            remote_fingerprint: config.remote_fingerprint,
            dtls: Some(dtls),
            dtls_timeout: None,
            sessions: None,
            fingerprint_ok: false,
            connected_at: None,
            address: None,
            slots: config.slots.map(|config| config.map(slot)),
            cname: config.cname,
            ntp_epoch: config.ntp_epoch,
            next_sender_report: None,
            bandwidth: Bandwidth::default(),
            reported_loss: 0.0,
            round_trip: None,
            last_heard: now,
            control: VecDeque::new(),
            events: VecDeque::new(),
        };
        if begun.is_err() {
            peer.push_event(Event::Closed("the handshake cannot begin"));
        }
        peer.drive_dtls(now);
        peer
    }

    /// Whether media can be sent.
    pub fn is_connected(&self) -> bool {
        self.connected_at.is_some()
    }

    /// Where the browser is, once a check of it was accepted.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// When something authentic last came from the browser.
    pub fn last_heard(&self) -> Instant {
        self.last_heard
    }

    /// What the line is believed to carry in bits a second, and the share of packets lost lately.
    pub fn line(&self) -> (u64, f64) {
        (self.bandwidth.believed_bps(), self.bandwidth.loss())
    }

    /// What may be sent over the line now, in bits a second: less than it is believed to carry
    /// while it is tried whose a loss is.
    pub fn allowed_bps(&self) -> u64 {
        self.bandwidth.estimate_bps()
    }

    /// The share of packets lost beyond what the line loses whatever is sent: what sending less
    /// would save.
    pub fn excess_loss(&self) -> f64 {
        self.bandwidth.excess_loss()
    }

    /// Whether the estimate is more than a first guess.
    pub fn line_is_known(&self) -> bool {
        self.bandwidth.is_known()
    }

    /// What the reports say of the line. The loss is that of arrivals, or that of receiver reports
    /// where the browser does not report arrivals.
    pub fn reported_line(&self, reports_arrival: bool) -> Line {
        let (estimate_bps, loss) = self.line();
        let loss = if reports_arrival { loss } else { self.reported_loss };
        Line { estimate_bps, loss, round_trip: self.round_trip }
    }

    /// When the estimate was last cut, because a queue grew or packets were lost.
    pub fn last_cut(&self) -> Option<Instant> {
        self.bandwidth.last_cut()
    }

    /// New ICE credentials on both sides; the connection itself goes on (RFC 8445 section 9).
    pub fn restart_ice(&mut self, local: (String, String), remote_ufrag: String) {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, local.1.as_bytes());
        self.local = (local.0, key);
        self.remote_ufrag = remote_ufrag;
    }

    /// Says goodbye: to the streams (RTCP BYE), and to the connection while its engine is kept.
    pub fn close(&mut self) {
        if let Some(dtls) = &mut self.dtls
            && dtls.close().is_ok()
        {
            self.drive_dtls(self.last_heard);
        }
        let (Some(address), Some(sessions)) = (self.address, &mut self.sessions) else { return };
        let mut packet = Vec::new();
        for slot in self.slots.iter().flatten() {
            packet.extend_from_slice(&[0x81, 203, 0, 1]);
            packet.extend_from_slice(&slot.config.ssrc.to_be_bytes());
        }
        if sessions.rtcp.protect(&mut packet, 0).is_ok() {
            self.push_control(address, packet);
        }
    }

    /// A datagram came from `from`. Returns whether it was authentic, so that the address may be
    /// remembered as this peer's. The datagram may be decrypted in place.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) -> bool {
        let authentic = match datagram.first() {
            Some(0..=3) => self.handle_check(from, datagram),
            Some(20..=63) if self.address == Some(from) => self.handle_dtls(now, datagram),
            // RTCP by its packet type (RFC 5761); a receive-only peer sends no RTP.
            Some(128..=191)
                if self.address == Some(from)
                    && datagram.get(1).is_some_and(|kind| (192..=223).contains(kind)) =>
            {
                self.handle_rtcp(now, datagram)
            }
            _ => false,
        };
        if authentic {
            self.last_heard = now;
        }
        authentic
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let kept = self.dtls.as_ref().and(self.connected_at).map(|at| at + HANDSHAKE_KEPT);
        let dtls = self.dtls.as_ref().and(self.dtls_timeout);
        [dtls, kept, self.next_sender_report].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.dtls_timeout.is_some_and(|at| at <= now)
            && let Some(dtls) = &mut self.dtls
        {
            self.dtls_timeout = None;
            if dtls.handle_timeout(now).is_err() && self.connected_at.is_none() {
                self.push_event(Event::Closed("the handshake did not finish"));
            }
            self.drive_dtls(now);
        }
        if self.connected_at.is_some_and(|at| at + HANDSHAKE_KEPT <= now) {
            self.dtls = None;
            self.dtls_timeout = None;
        }
        if self.next_sender_report.is_some_and(|at| at <= now) {
            self.next_sender_report = Some(now + SENDER_REPORT_EVERY);
            self.write_sender_reports(now);
        }
    }

    /// A control datagram to send, if one waits.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.control.pop_front()
    }

    /// The next thing for the driver to do.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Bytes of a packet of `slot` whose payload and padding have `body_bytes`.
    pub fn packet_bytes(&self, slot: usize, body_bytes: usize) -> usize {
        let Some(stream) = self.slots.get(slot).and_then(Option::as_ref) else { return 0 };
        let trailer = self.sessions.as_ref().map_or(0, |sessions| sessions.rtp.trailer_bytes());
        header_bytes(stream.config.transport_extension) + body_bytes + trailer
    }

    /// Appends a protected packet of `slot` to `buffer` and returns its length; 0, with the buffer
    /// as before, when nothing can be sent there now.
    pub fn write(
        &mut self,
        now: Instant,
        slot: usize,
        packet: &Outgoing<'_>,
        buffer: &mut Vec<u8>,
    ) -> usize {
        let Some(stream) = self.slots.get(slot).and_then(Option::as_ref) else { return 0 };
        let SlotConfig { ssrc, transport_extension, .. } = stream.config;
        let as_stream =
            AsStream { ssrc, sequence: packet.entry.sequence, transport_extension, original: None };
        let length = self.write_packet(now, packet, as_stream, buffer);
        let Some(stream) = self.slots[slot].as_mut().filter(|_| length > 0) else { return 0 };
        stream.packets = stream.packets.wrapping_add(1);
        let payload_bytes = u32::try_from(packet.payload.len()).unwrap_or_default();
        stream.bytes = stream.bytes.wrapping_add(payload_bytes);
        if stream.newest.is_none_or(|(sequence, ..)| sequence < packet.entry.sequence) {
            stream.newest = Some((packet.entry.sequence, packet.entry.timestamp, now));
        }
        if let Some(history) = &mut stream.history {
            history.note(packet.entry);
        }
        length
    }

    /// Appends a packet of `slot` once more, in its repair stream (RFC 4588). `packet` holds the
    /// payload as it was first sent and `repair_payload_type` the type that repairs it.
    pub fn write_repair(
        &mut self,
        now: Instant,
        slot: usize,
        packet: &Outgoing<'_>,
        repair_payload_type: u8,
        buffer: &mut Vec<u8>,
    ) -> usize {
        let Some(stream) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return 0 };
        let Some(ssrc) = stream.config.repair_ssrc else { return 0 };
        stream.repair_sequence += 1;
        let as_stream = AsStream {
            ssrc,
            sequence: stream.repair_sequence,
            transport_extension: stream.config.transport_extension,
            original: u16::try_from(packet.entry.sequence & 0xffff).ok(),
        };
        let mut repaired = *packet;
        repaired.entry.payload_type = repair_payload_type;
        self.write_packet(now, &repaired, as_stream, buffer)
    }

    /// Forgets what was sent in `slot`, so that it is never sent again: its source may no longer be
    /// heard or seen.
    pub fn forget(&mut self, slot: usize) {
        if let Some(Slot { history: Some(history), .. }) =
            self.slots.get_mut(slot).and_then(Option::as_mut)
        {
            history.clear();
        }
    }

    /// Appends a packet without content to `buffer`, in the repair stream of `slot`, and returns its
    /// length; 0 when nothing can be sent there now. It fills the line, which is how a probe asks
    /// for more.
    pub fn write_filling(
        &mut self,
        now: Instant,
        slot: usize,
        repair_payload_type: u8,
        buffer: &mut Vec<u8>,
    ) -> usize {
        let Some(stream) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return 0 };
        let Some(ssrc) = stream.config.repair_ssrc else { return 0 };
        stream.repair_sequence += 1;
        let (sequence, timestamp) =
            (stream.repair_sequence, stream.newest.map_or(0, |(_, timestamp, _)| timestamp));
        let as_stream = AsStream {
            ssrc,
            sequence,
            transport_extension: stream.config.transport_extension,
            original: None,
        };
        let packet = Outgoing {
            entry: Entry {
                sequence,
                timestamp,
                token: 0,
                picture_id: None,
                base_layer: None,
                payload_type: repair_payload_type,
                marker: false,
            },
            payload: &[],
            patches: [None; 3],
            padding_bytes: u8::MAX,
        };
        self.write_packet(now, &packet, as_stream, buffer)
    }

    /// What is sent until [`Self::end_probe`] counts as one probe of the line.
    pub fn begin_probe(&mut self) {
        self.bandwidth.begin_probe();
    }

    /// See [`Self::begin_probe`].
    pub fn end_probe(&mut self) {
        self.bandwidth.end_probe();
    }

    fn write_packet(
        &mut self,
        now: Instant,
        packet: &Outgoing<'_>,
        as_stream: AsStream,
        buffer: &mut Vec<u8>,
    ) -> usize {
        let Some(sessions) = &self.sessions else { return 0 };
        let start = buffer.len();
        let Outgoing { entry, payload, patches, padding_bytes } = *packet;
        let padded = padding_bytes > 0;
        let AsStream { ssrc, sequence, transport_extension, original } = as_stream;
        let extended = transport_extension.is_some();
        buffer.push(0x80 | if padded { 0x20 } else { 0 } | if extended { 0x10 } else { 0 });
        buffer.push(entry.payload_type | if entry.marker { 0x80 } else { 0 });
        let lower = u16::try_from(sequence & 0xffff).unwrap_or_default();
        buffer.extend_from_slice(&lower.to_be_bytes());
        buffer.extend_from_slice(&entry.timestamp.to_be_bytes());
        buffer.extend_from_slice(&ssrc.to_be_bytes());
        let header_bytes = header_bytes(transport_extension);
        if let Some(id) = transport_extension {
            let body = payload.len() + usize::from(padding_bytes) + TRAILER_BYTES_MAX;
            let [high, low] = self.bandwidth.sent(now, header_bytes + body).to_be_bytes();
            // One-byte header, one element of two bytes, one byte of filling (RFC 8285).
            buffer.extend_from_slice(&[0xbe, 0xde, 0, 1, id << 4 | 1, high, low, 0]);
        }
        if let Some(original) = original {
            buffer.extend_from_slice(&original.to_be_bytes());
        }
        let payload_start = buffer.len();
        buffer.extend_from_slice(payload);
        for (at, value) in patches.into_iter().flatten() {
            if let Some(byte) = buffer[payload_start..].get_mut(usize::from(at)) {
                *byte = value;
            }
        }
        if padded {
            buffer.extend(std::iter::repeat_n(0, usize::from(padding_bytes) - 1));
            buffer.push(padding_bytes);
        }
        if sessions.rtp.protect(buffer, start, header_bytes, ssrc, sequence).is_err() {
            buffer.truncate(start);
            return 0;
        }
        buffer.len() - start
    }

    /// An ICE check (RFC 8445 section 7.3, as the controlled, lite side).
    fn handle_check(&mut self, from: SocketAddr, datagram: &[u8]) -> bool {
        let Ok(message) = StunMessage::parse(datagram) else { return false };
        let named =
            message.split_username() == Some((self.local.0.as_str(), self.remote_ufrag.as_str()));
        let sign = |key: &hmac::Key, parts: &[&[u8]]| {
            let mut context = hmac::Context::with_key(key);
            for part in parts {
                context.update(part);
            }
            let mut tag = [0; 20];
            tag.copy_from_slice(context.sign().as_ref());
            tag
        };
        let key = &self.local.1;
        if !message.is_binding_request()
            || !named
            || !message.verify(&[], |_, parts| sign(key, parts))
        {
            return false;
        }
        let reply = StunMessage::binding_reply(message.trans_id(), from);
        let mut buffer = [0; 128];
        if let Ok(length) = reply.to_bytes(Some(&[]), &mut buffer, |_, parts| sign(key, parts)) {
            self.push_control(from, buffer[..length].to_vec());
        }
        if message.use_candidate() || self.address.is_none() {
            self.address = Some(from);
        }
        true
    }

    fn handle_dtls(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Some(dtls) = &mut self.dtls else { return false };
        if dtls.handle_packet(datagram).is_err() {
            self.push_event(Event::Closed("the handshake failed"));
            return false;
        }
        self.drive_dtls(now);
        true
    }

    fn drive_dtls(&mut self, now: Instant) {
        let Some(mut dtls) = self.dtls.take() else { return };
        let mut buffer = [0; RECORD_BYTES_MAX];
        for _ in 0..DTLS_OUTPUTS_MAX {
            match dtls.poll_output(&mut buffer) {
                Output::Packet(record) => {
                    if let Some(address) = self.address {
                        let record = record.to_vec();
                        self.push_control(address, record);
                    }
                }
                Output::Timeout(at) => {
                    self.dtls_timeout = Some(at);
                    break;
                }
                Output::PeerCert(certificate) => {
                    let found = digest::digest(&digest::SHA256, certificate);
                    self.fingerprint_ok = found.as_ref() == self.remote_fingerprint;
                    if !self.fingerprint_ok {
                        self.push_event(Event::Closed("the certificate is not the offered one"));
                    }
                }
                Output::KeyingMaterial(material, profile) => {
                    match Sessions::of_server(profile, &material) {
                        Ok(sessions) if self.fingerprint_ok => {
                            self.sessions = Some(Box::new(sessions));
                            self.connected_at = Some(now);
                            self.next_sender_report = Some(now + SENDER_REPORT_EVERY / 4);
                            self.push_event(Event::Connected);
                        }
                        _ => self.push_event(Event::Closed("the keys cannot be used")),
                    }
                }
                Output::CloseNotify => self.push_event(Event::Closed("closed by the browser")),
                Output::BufferTooSmall { .. } => {
                    self.push_event(Event::Closed("a record is too large"));
                    break;
                }
                _ => {}
            }
        }
        self.dtls = Some(dtls);
    }

    fn handle_rtcp(&mut self, now: Instant, datagram: &mut [u8]) -> bool {
        let Some(sessions) = &mut self.sessions else { return false };
        let Ok(length) = sessions.received_rtcp.open(datagram) else { return false };
        let mut reports = Vec::new();
        parse(&datagram[..length], |report| reports.push(report));
        for report in reports {
            self.handle_report(now, report);
        }
        true
    }

    fn handle_report(&mut self, now: Instant, report: Report) {
        match report {
            Report::Nack { ssrc, lost } => {
                let Some(slot) = self.slot_of(ssrc) else { return };
                for lower in lost {
                    let stream = self.slots[slot].as_mut();
                    let history = stream.and_then(|stream| stream.history.as_mut());
                    let entry = history.and_then(|history| history.take_for_repair(now, lower));
                    if let Some(entry) = entry {
                        self.push_event(Event::Repair { slot, entry });
                    }
                }
            }
            Report::KeyFrame { ssrc } => {
                if let Some(slot) = self.slot_of(ssrc) {
                    self.push_event(Event::KeyFrame { slot });
                }
            }
            Report::Arrivals(arrivals) => {
                self.bandwidth.handle_arrivals(now, &arrivals);
                self.push_event(Event::Estimate);
            }
            Report::Loss { fraction, last_sender_report, delay, .. } => {
                self.reported_loss +=
                    (f64::from(fraction) / 256.0 - self.reported_loss) * SMOOTHING;
                self.note_round_trip(now, last_sender_report, delay);
            }
            // A browser says goodbye to single streams too; the session ends by DELETE or silence.
            Report::Bye => {}
        }
    }

    /// The time between our sender report and the report that answers it, without the time that it
    /// lay with the browser (RFC 3550 section 6.4.1). All in units of 1/65,536 s.
    fn note_round_trip(&mut self, now: Instant, last_sender_report: u32, delay: u32) {
        if last_sender_report == 0 {
            return;
        }
        let middle = u32::try_from(self.ntp(now) >> 16 & u64::from(u32::MAX)).unwrap_or_default();
        let units = middle.wrapping_sub(last_sender_report).wrapping_sub(delay);
        // A delay that was rounded up makes it slightly negative, an invented one anything.
        if units > ROUND_TRIP_UNITS_MAX {
            return;
        }
        let measured = Duration::from_secs_f64(f64::from(units) / 65_536.0);
        self.round_trip = Some(match self.round_trip {
            None => measured,
            Some(known) => known.mul_f64(1.0 - SMOOTHING) + measured.mul_f64(SMOOTHING),
        });
    }

    fn slot_of(&self, ssrc: u32) -> Option<usize> {
        self.slots.iter().position(|slot| {
            slot.as_ref().is_some_and(|slot| {
                slot.config.ssrc == ssrc || slot.config.repair_ssrc == Some(ssrc)
            })
        })
    }

    fn ntp(&self, now: Instant) -> u64 {
        let (origin, ntp) = self.ntp_epoch;
        let passed = now.saturating_duration_since(origin);
        let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
        ntp.wrapping_add((passed.as_secs() << 32) + fraction)
    }

    /// Tells for each stream that was used lately which RTP time belongs to now.
    fn write_sender_reports(&mut self, now: Instant) {
        let (Some(address), ntp) = (self.address, self.ntp(now)) else { return };
        let Some(sessions) = &mut self.sessions else { return };
        let mut packet = Vec::new();
        for slot in self.slots.iter().flatten() {
            let Some((_, timestamp, at)) = slot.newest else { continue };
            let passed = now.saturating_duration_since(at);
            if passed > 2 * SENDER_REPORT_EVERY {
                continue;
            }
            let ticks = passed.as_micros() * u128::from(slot.config.clock_hz) / 1_000_000;
            let report = SenderReport {
                ssrc: slot.config.ssrc,
                ntp,
                timestamp: timestamp.wrapping_add(u32::try_from(ticks).unwrap_or_default()),
                packets: slot.packets,
                bytes: slot.bytes,
            };
            report.write(&self.cname, &mut packet);
        }
        if !packet.is_empty() && sessions.rtcp.protect(&mut packet, 0).is_ok() {
            self.push_control(address, packet);
        }
    }

    fn push_control(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        if self.control.len() < CONTROL_MAX {
            self.control.push_back((to, datagram));
        }
    }

    fn push_event(&mut self, event: Event) {
        if event == Event::Estimate && self.events.back() == Some(&Event::Estimate) {
            return;
        }
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
        }
    }
}
