//! One viewer, without socket, thread or clock: it connects, takes what comes, and reports as a
//! browser does.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dimpl::SrtpProfile;

use super::dtls::{Handshake, Identity, Progress};
use super::histogram::Histogram;
use super::ice::Ice;
use super::media;
use super::rtcp::{self, Arrivals};
use super::sdp::{Credentials, Description, Format};
use super::srtp::Keys;
use super::stream::{Arrival, Frames, Stream, Voice};

/// Time between two reports of arrivals, as in browsers on a good line.
const FEEDBACK_EVERY: Duration = Duration::from_millis(100);

/// Feedbacks to a receiver report.
const REPORT_EVERY: u32 = 10;

/// Shortest time between two requests for a key frame, as browsers keep it.
const KEY_FRAME_REQUEST_EVERY: Duration = Duration::from_millis(500);

/// Streams of one viewer: ten slots with their repairs, and room to grow.
const STREAMS_MAX: usize = 32;

/// Publishers whose packets one viewer tells apart; a stage has twelve.
const PUBLISHERS_MAX: usize = 16;

/// What a viewer begins with once offer and answer are exchanged.
pub struct Setup {
    /// What we told the server.
    pub own: Credentials,
    /// What it told us.
    pub remote: Description,
    /// We check and nominate; otherwise the server does.
    pub controlling: bool,
    /// When it was asked for, by [`media::now_ns`].
    pub asked_ns: u64,
    /// Every packet is decrypted; otherwise only up to the first whole key frame.
    pub thorough: bool,
}

/// Where the delays of all viewers are counted.
#[derive(Debug, Clone, Default)]
pub struct Delays {
    /// Of voice packets.
    pub voice: Histogram,
    /// Of picture packets.
    pub picture: Histogram,
}

/// What one viewer has had since the window of measurement began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// RTP packets, repairs included.
    pub packets: u64,
    /// Bytes of these as UDP payload.
    pub bytes: u64,
    /// By the sequence numbers, in voice and picture.
    pub expected: u64,
    /// Of these.
    pub received: u64,
    /// Of these, in the repair stream.
    pub repaired: u64,
    /// Packets in repair streams, repairs or not.
    pub repair_packets: u64,
    /// Packets that could not be decrypted.
    pub forged: u64,
    /// Frames by their stamps.
    pub frames: u64,
    /// Of these.
    pub frames_complete: u64,
    /// Voice packets by their stamps.
    pub voice: u64,
    /// Of these.
    pub voice_received: u64,
    /// Most voice packets missing in a row.
    pub voice_gap_max: u32,
    /// Key frames asked for.
    pub key_frames_asked: u64,
    /// 1 when every packet was decrypted, so that stamps were read.
    pub thorough: u64,
}

/// What a viewer reports to those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The first key frame is whole; nanoseconds since the viewer was asked for.
    Joined(u64),
    /// It is over before the test was.
    Ended(&'static str),
}

/// A viewer.
pub struct Viewer {
    ice: Ice,
    handshake: Handshake,
    begun: bool,
    keys: Option<Box<Keys>>,
    profile: Option<SrtpProfile>,
    remote: Description,
    asked_ns: u64,
    joined: bool,
    thorough: bool,
    own_ssrc: u32,
    streams: Vec<Stream>,
    arrivals: Arrivals,
    frames: Vec<Frames>,
    voices: Vec<Voice>,
    next_feedback: Option<Instant>,
    feedbacks: u32,
    key_frame_wanted: bool,
    key_frame_asked: Option<Instant>,
    ended: bool,
    tally: Tally,
}

/// An RTP header, as far as it matters.
struct Header {
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    padded: bool,
    bytes: usize,
    transport_number: Option<u16>,
}

impl Viewer {
    /// A viewer that connects from now on.
    pub fn new(setup: Setup, identity: &Identity, now: Instant) -> Self {
        let Setup { own, remote, controlling, asked_ns, thorough } = setup;
        Self {
            ice: Ice::new(own, remote.credentials.clone(), controlling, now),
            handshake: Handshake::new(identity, remote.fingerprint, now),
            begun: false,
            keys: None,
            profile: None,
            remote,
            asked_ns,
            joined: false,
            thorough,
            own_ssrc: u32::try_from(crate::random() & 0xffff_ffff).unwrap_or(1),
            streams: Vec::new(),
            arrivals: Arrivals::default(),
            frames: Vec::new(),
            voices: Vec::new(),
            next_feedback: None,
            feedbacks: 0,
            key_frame_wanted: false,
            key_frame_asked: None,
            ended: false,
            tally: Tally::default(),
        }
    }

    /// The cipher, once it is agreed.
    pub fn profile(&self) -> Option<SrtpProfile> {
        self.profile
    }

    /// Whether the first key frame has come.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// Takes a datagram that arrived at `at_ns`, which may be decrypted in place.
    pub fn handle(
        &mut self,
        datagram: &mut [u8],
        (from, at_ns): (SocketAddr, u64),
        delays: &mut Delays,
        mut send: impl FnMut(&[u8]),
    ) -> Option<News> {
        match (datagram.first()?, datagram.get(1)?) {
            (0..=3, _) => {
                if let Some(answer) = self.ice.handle(datagram, from) {
                    send(&answer);
                }
                None
            }
            (20..=63, _) => {
                let progress = self.handshake.handle(datagram, send);
                self.advance(progress)
            }
            (128..=191, 192..=223) => {
                self.take_control(datagram, at_ns);
                None
            }
            (128..=191, _) => self.take_media(datagram, at_ns, delays),
            _ => None,
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant, now_ns: u64, mut send: impl FnMut(&[u8])) -> Option<News> {
        if self.ended {
            return None;
        }
        if let Some(check) = self.ice.check(now) {
            send(&check);
        }
        if self.ice.is_up() && (self.keys.is_none() || !self.begun) {
            self.begun = true;
            let progress = self.handshake.tick(now, &mut send);
            return self.advance(progress);
        }
        self.keys.as_ref()?;
        let mut packet = Vec::new();
        if self.next_feedback.is_none_or(|at| at <= now) {
            self.next_feedback = Some(now + FEEDBACK_EVERY);
            self.feedback(now_ns, &mut packet);
            self.protect(&mut packet, &mut send);
        }
        self.ask(now, now_ns, &mut packet);
        self.protect(&mut packet, &mut send);
        None
    }

    /// The window of measurement begins.
    pub fn begin_window(&mut self) {
        self.tally = Tally::default();
        self.streams.iter_mut().for_each(Stream::begin_window);
        self.frames.iter_mut().for_each(Frames::begin_window);
        self.voices.iter_mut().for_each(Voice::begin_window);
    }

    /// What came since the window of measurement began.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally;
        for stream in self.streams.iter().filter(|stream| stream.format != Format::Repair) {
            let (expected, received) = stream.window();
            tally.expected += expected;
            tally.received += received;
        }
        if self.thorough {
            tally.thorough = 1;
            for frames in &self.frames {
                let (expected, complete) = frames.window();
                tally.frames += expected;
                tally.frames_complete += complete;
            }
            for voice in &self.voices {
                let (expected, received, gap_max) = voice.window();
                tally.voice += expected;
                tally.voice_received += received;
                tally.voice_gap_max = tally.voice_gap_max.max(gap_max);
            }
        }
        tally
    }

    fn advance(&mut self, progress: Progress) -> Option<News> {
        match progress {
            Progress::Going => None,
            Progress::Done(keys, profile) => {
                self.keys = Some(keys);
                self.profile = Some(profile);
                None
            }
            Progress::Failed(why) => {
                let news = (!self.ended).then_some(News::Ended(why));
                self.ended = true;
                news
            }
        }
    }

    fn take_control(&mut self, datagram: &mut [u8], at_ns: u64) {
        let Some(keys) = &self.keys else { return };
        let Ok(packet) = keys.open_rtcp(datagram) else {
            self.tally.forged += 1;
            return;
        };
        let streams = &mut self.streams;
        rtcp::sender_reports(packet, |ssrc, ntp| {
            if let Some(stream) = streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
                stream.note_report(ntp, at_ns);
            }
        });
    }

    fn take_media(&mut self, datagram: &mut [u8], at_ns: u64, delays: &mut Delays) -> Option<News> {
        let header = header(datagram, self.remote.transport_extension)?;
        let format = self.remote.format(header.payload_type)?;
        self.tally.packets += 1;
        self.tally.bytes += datagram.len() as u64;
        if let Some(number) = header.transport_number {
            self.arrivals.note(number, at_ns);
        }
        let at = self.stream(&header, format)?;
        let stream = &mut self.streams[at];
        let index = stream.extended(header.sequence);
        let arrival = stream.take(index, at_ns);
        stream.note_time(header.timestamp, at_ns);
        if arrival == Arrival::Old || !(self.thorough || !self.joined || format == Format::Repair) {
            return None;
        }
        let keys = self.keys.as_ref()?;
        let Ok(payload) = keys.open_rtp(datagram, header.bytes, header.ssrc, index) else {
            self.tally.forged += 1;
            return None;
        };
        let filling = if header.padded { usize::from(*payload.last()?) } else { 0 };
        let payload = payload.get(..payload.len().checked_sub(filling)?)?;
        if format != Format::Repair {
            return self.take_payload(format, payload, at_ns, delays);
        }
        self.tally.repair_packets += 1;
        let (original, payload) = payload.split_first_chunk()?;
        let primary = self.primary_of(header.ssrc)?;
        if primary.take_repair(u16::from_be_bytes(*original), at_ns) == Arrival::Old {
            return None;
        }
        self.tally.repaired += 1;
        self.take_payload(Format::Picture, payload, at_ns, delays)
    }

    /// The stream of a packet, a new one if need be.
    fn stream(&mut self, header: &Header, format: Format) -> Option<usize> {
        if let Some(at) = self.streams.iter().position(|stream| stream.ssrc == header.ssrc) {
            return Some(at);
        }
        if self.streams.len() >= STREAMS_MAX {
            return None;
        }
        self.streams.push(Stream::new(header.ssrc, format, header.sequence));
        Some(self.streams.len() - 1)
    }

    /// The stream that a repair stream repairs.
    fn primary_of(&mut self, repair_ssrc: u32) -> Option<&mut Stream> {
        let named = self.remote.repairs.iter().find(|(_, repair)| *repair == repair_ssrc);
        let named = named.map(|(primary, _)| *primary);
        self.streams.iter_mut().find(|stream| match named {
            Some(ssrc) => stream.ssrc == ssrc,
            // Without a word in the description there is one picture.
            None => stream.format == Format::Picture,
        })
    }

    fn take_payload(
        &mut self,
        format: Format,
        payload: &[u8],
        at_ns: u64,
        delays: &mut Delays,
    ) -> Option<News> {
        if format == Format::Voice {
            let stamp = media::read_voice(payload)?;
            delays.voice.add(at_ns.saturating_sub(stamp.sent_ns));
            of_publisher(&mut self.voices, stamp.publisher)?.take(stamp);
            return None;
        }
        let (stamp, key) = media::read_picture(payload)?;
        delays.picture.add(at_ns.saturating_sub(stamp.sent_ns));
        let whole_key_frame = of_publisher(&mut self.frames, stamp.publisher)?.take(stamp, key);
        if whole_key_frame {
            self.key_frame_wanted = false;
            if !self.joined {
                self.joined = true;
                return Some(News::Joined(at_ns.saturating_sub(self.asked_ns)));
            }
        } else if !self.joined {
            self.key_frame_wanted = true;
        }
        None
    }

    fn feedback(&mut self, now_ns: u64, packet: &mut Vec<u8>) {
        self.feedbacks += 1;
        if self.feedbacks % REPORT_EVERY == 1 {
            let streams = self.streams.iter_mut().filter(|stream| stream.format != Format::Repair);
            let blocks: Vec<_> = streams.map(|stream| stream.report(now_ns)).collect();
            rtcp::receiver_report(self.own_ssrc, &blocks, packet);
        }
        if self.remote.transport_extension.is_some() {
            let ssrc = self.streams.first().map_or(0, |stream| stream.ssrc);
            self.arrivals.write(self.own_ssrc, ssrc, packet);
        }
    }

    /// Asks for what is missing: packets, or a key frame where there is nothing to build on.
    fn ask(&mut self, now: Instant, now_ns: u64, packet: &mut Vec<u8>) {
        let own = self.own_ssrc;
        for stream in self.streams.iter_mut().filter(|stream| stream.format == Format::Picture) {
            let (lost, given_up) = stream.ask(now_ns);
            if !lost.is_empty() {
                rtcp::nack(own, stream.ssrc, &lost, packet);
            }
            self.key_frame_wanted |= given_up;
        }
        let may = self.key_frame_asked.is_none_or(|at| at + KEY_FRAME_REQUEST_EVERY <= now);
        let picture = self.streams.iter().find(|stream| stream.format == Format::Picture);
        if self.key_frame_wanted
            && may
            && let Some(picture) = picture
        {
            self.key_frame_asked = Some(now);
            // Who only counts cannot see the key frame that ends the wish.
            self.key_frame_wanted = self.thorough || !self.joined;
            self.tally.key_frames_asked += 1;
            rtcp::picture_loss(own, picture.ssrc, packet);
        }
    }

    fn protect(&mut self, packet: &mut Vec<u8>, send: &mut impl FnMut(&[u8])) {
        let Some(keys) = &mut self.keys else { return };
        if !packet.is_empty() && keys.protect_rtcp(packet).is_ok() {
            send(packet);
        }
        packet.clear();
    }
}

fn of_publisher<T: Default>(list: &mut Vec<T>, publisher: u8) -> Option<&mut T> {
    let at = usize::from(publisher);
    if at >= PUBLISHERS_MAX {
        return None;
    }
    if list.len() <= at {
        list.resize_with(at + 1, T::default);
    }
    list.get_mut(at)
}

/// Reads an RTP header (RFC 3550 section 5.1) and finds the transport-wide number in its extension
/// of one-byte elements (RFC 8285 section 4.2).
fn header(packet: &[u8], transport_extension: Option<u8>) -> Option<Header> {
    let fixed: &[u8; 12] = packet.first_chunk()?;
    let mut bytes = 12 + 4 * usize::from(fixed[0] & 0x0f);
    let mut transport_number = None;
    if fixed[0] & 0x10 != 0 {
        let head: &[u8; 4] = packet.get(bytes..)?.first_chunk()?;
        let length = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        let mut elements = packet.get(bytes + 4..bytes + 4 + length)?;
        bytes += 4 + length;
        while head[..2] == [0xbe, 0xde]
            && let Some((&first, rest)) = elements.split_first()
        {
            if first == 0 {
                elements = rest;
                continue;
            }
            let (value, after) = rest.split_at_checked(usize::from(first & 0x0f) + 1)?;
            if let (true, [high, low]) = (Some(first >> 4) == transport_extension, value) {
                transport_number = Some(u16::from_be_bytes([*high, *low]));
            }
            elements = after;
        }
    }
    packet.get(bytes..)?;
    let word =
        |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    Some(Header {
        payload_type: fixed[1] & 0x7f,
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        timestamp: word(4),
        ssrc: word(8),
        padded: fixed[0] & 0x20 != 0,
        bytes,
        transport_number,
    })
}
