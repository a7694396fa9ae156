//! A small WebRTC client made of str0m, enough to publish made-up media and to judge strictly what
//! is received. Every payload ends with a stamp, so that its source is known without decoding.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::{Random, SplitMix};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, ExtensionValues, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RawPacket, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// What a client does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Marks the payloads of a publisher.
    pub(crate) tag: u8,
    pub(crate) microphone: bool,
    pub(crate) camera: Option<Codec>,
    /// Simulcast layers with their packets a frame, from the smallest.
    pub(crate) layers: Vec<(&'static str, u8)>,
    /// Sections of a receiver.
    pub(crate) receive: (usize, usize),
    /// The only picture codec of a receiver, if it does not know all.
    pub(crate) only: Option<Codec>,
    /// It takes redundant voice.
    pub(crate) redundant: bool,
    /// Datagrams in a hundred that never arrive here.
    pub(crate) loss_percent: u64,
}

/// A packet that arrived, with what its stamp says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) tag: u8,
    pub(crate) layer: u8,
    pub(crate) frame: u32,
    pub(crate) key: bool,
    pub(crate) picture: Option<u16>,
}

/// A packet with redundant voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redundant {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    /// What it carries of before: timestamp, tag and number, the oldest first.
    pub(crate) earlier: Vec<(u32, u8, u32)>,
    pub(crate) frame: u32,
}

/// What has happened to a client so far.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    /// Packets by section, in the order of their arrival.
    pub(crate) heard: BTreeMap<usize, Vec<Heard>>,
    pub(crate) key_frame_requests: u64,
    /// Packets with redundant voice by section.
    pub(crate) redundant: BTreeMap<usize, Vec<Redundant>>,
    /// When media of a publisher, by tag, last came over the wire in any form, repairs and filling
    /// included.
    pub(crate) last_bytes: BTreeMap<u8, Instant>,
}

enum Order {
    Answer(String),
    Restart { remote: IceCreds, local: IceCreds },
    AskKeyFrame(usize),
    Silence,
    Stop,
}

/// A running client.
pub(crate) struct Client {
    pub(crate) offer: String,
    pub(crate) log: Arc<Mutex<Log>>,
    orders: mpsc::UnboundedSender<Order>,
}

impl Client {
    /// Makes the offer and waits for the answer.
    pub(crate) async fn new(plan: Plan) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let address = socket.local_addr().expect("bound");
        let mut config = Rtc::builder()
            .set_rtp_mode(true)
            .enable_raw_packets(true)
            .clear_codecs()
            .enable_opus(true, plan.redundant);
        let wanted = |codec: Codec| plan.camera.or(plan.only).is_none_or(|only| only == codec);
        config = config
            .enable_vp8(wanted(Codec::Vp8))
            .enable_vp9(wanted(Codec::Vp9))
            .enable_h264(wanted(Codec::H264))
            .enable_av1(wanted(Codec::Av1));
        let mut rtc = config.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("an address"));
        let mut api = rtc.sdp_api();
        let mut mids = Vec::new();
        if plan.microphone {
            mids.push(api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None));
        }
        if plan.camera.is_some() {
            let simulcast = (!plan.layers.is_empty()).then(|| Simulcast {
                send: plan.layers.iter().map(|(rid, _)| SimulcastLayer::new(rid)).collect(),
                recv: Vec::new(),
            });
            mids.push(api.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast));
        }
        for (count, kind) in
            [(plan.receive.0, MediaKind::Audio), (plan.receive.1, MediaKind::Video)]
        {
            for _ in 0..count {
                mids.push(api.add_media(kind, Direction::RecvOnly, None, None, None));
            }
        }
        let (offer, pending) = api.apply().expect("something to offer");
        let (orders, inbox) = mpsc::unbounded_channel();
        let log = Arc::new(Mutex::new(Log::default()));
        let run = Run {
            rtc,
            socket,
            address,
            mids,
            plan,
            log: Arc::clone(&log),
            pending: Some(pending),
            random: SplitMix(7),
            frame: 0,
            sound: 0,
            sequences: HashMap::new(),
            key_wanted: [true; 4],
            silent: false,
        };
        tokio::spawn(run.run(inbox));
        Self { offer: offer.to_sdp_string(), log, orders }
    }

    pub(crate) fn answer(&self, sdp: &str) {
        let _ = self.orders.send(Order::Answer(sdp.to_owned()));
    }

    /// Moves to another port and restarts ICE there.
    pub(crate) fn restart(&self, local: IceCreds, remote: IceCreds) {
        let _ = self.orders.send(Order::Restart { remote, local });
    }

    /// Asks for a key frame in a section.
    pub(crate) fn ask_key_frame(&self, section: usize) {
        let _ = self.orders.send(Order::AskKeyFrame(section));
    }

    /// Stops everything without a word, as a machine that loses power.
    pub(crate) fn vanish(&self) {
        let _ = self.orders.send(Order::Stop);
    }

    /// Stops sending media, but not ICE.
    pub(crate) fn fall_silent(&self) {
        let _ = self.orders.send(Order::Silence);
    }

    pub(crate) fn heard(&self, section: usize) -> Vec<Heard> {
        self.log.lock().expect("log").heard.get(&section).cloned().unwrap_or_default()
    }

    /// Waits until `found` is true of what was heard in a section.
    pub(crate) async fn wait_heard(
        &self,
        section: usize,
        what: &str,
        found: impl Fn(&[Heard]) -> bool,
    ) {
        let end = Instant::now() + Duration::from_secs(10);
        while !found(&self.heard(section)) {
            let heard = self.heard(section);
            assert!(
                Instant::now() < end,
                "waiting in vain for {what} in section {section}; heard {} packets, last {:?}",
                heard.len(),
                heard.last()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Run {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    mids: Vec<Mid>,
    plan: Plan,
    log: Arc<Mutex<Log>>,
    pending: Option<SdpPendingOffer>,
    random: SplitMix,
    frame: u32,
    sound: u32,
    sequences: HashMap<(Mid, Option<Rid>), u64>,
    key_wanted: [bool; 4],
    silent: bool,
}

impl Run {
    async fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut buffer = vec![0; 2_000];
        let mut next_sound = Instant::now();
        let mut next_frame = Instant::now();
        loop {
            let Some(deadline) = self.drain().await else { return };
            let wake = deadline.min(next_sound).min(next_frame);
            tokio::select! {
                read = self.socket.recv_from(&mut buffer) => {
                    let Ok((length, source)) = read else { return };
                    if self.random.below(100) >= self.plan.loss_percent {
                        let destination = self.address;
                        let bytes = &buffer[..length];
                        if let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) {
                            let _ = self.rtc.handle_input(Input::Receive(Instant::now(), receive));
                        }
                    }
                }
                order = orders.recv() => match order {
                    Some(order) => if !self.obey(order).await { return },
                    None => return,
                },
                () = tokio::time::sleep_until(wake.into()) => {
                    let _ = self.rtc.handle_input(Input::Timeout(Instant::now()));
                }
            }
            let now = Instant::now();
            if self.rtc.is_connected() && !self.silent {
                if now >= next_sound {
                    next_sound = now + Duration::from_millis(20);
                    self.send_sound(now);
                }
                if now >= next_frame {
                    next_frame = now + Duration::from_millis(33);
                    self.send_frame(now);
                }
            } else {
                next_sound = now + Duration::from_millis(20);
                next_frame = next_sound;
            }
        }
    }

    async fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Answer(sdp) => {
                let answer = SdpAnswer::from_sdp_string(&sdp).expect("an answer");
                let pending = self.pending.take().expect("an offer");
                self.rtc.sdp_api().accept_answer(pending, answer).expect("an acceptable answer");
            }
            Order::Restart { remote, local } => {
                self.socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
                let old = Candidate::host(self.address, "udp").expect("an address");
                self.address = self.socket.local_addr().expect("bound");
                let new = Candidate::host(self.address, "udp").expect("an address");
                let mut direct = self.rtc.direct_api();
                direct.set_local_ice_credentials(local);
                direct.set_remote_ice_credentials(remote);
                direct.invalidate_candidate(&old);
                self.rtc.add_local_candidate(new);
            }
            Order::AskKeyFrame(section) => {
                let mid = self.mids[section];
                if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
                    stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
                }
            }
            Order::Silence => self.silent = true,
            Order::Stop => return false,
        }
        let _ = self.rtc.handle_input(Input::Timeout(Instant::now()));
        true
    }

    async fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(at) => {
                    if !self.rtc.is_alive() {
                        self.log.lock().expect("log").closed = true;
                        return None;
                    }
                    return Some(at);
                }
                Output::Transmit(transmit) => {
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination).await;
                }
                Output::Event(Event::Connected) => self.log.lock().expect("log").connected = true,
                Output::Event(Event::RtpPacket(packet)) => self.hear(&packet),
                Output::Event(Event::KeyframeRequest(request)) => {
                    self.log.lock().expect("log").key_frame_requests += 1;
                    let layer = request.rid.map_or(0, |rid| {
                        let place =
                            self.plan.layers.iter().position(|(name, _)| Rid::from(*name) == rid);
                        place.expect("a known layer")
                    });
                    self.key_wanted[layer] = true;
                }
                Output::Event(Event::RawPacket(packet)) => {
                    if let RawPacket::RtpRx(_, payload) = *packet
                        && let Some((_, stamp)) = payload.split_last_chunk::<STAMP>()
                    {
                        self.log.lock().expect("log").last_bytes.insert(stamp[0], Instant::now());
                    }
                }
                Output::Event(_) => {}
            }
        }
    }

    fn hear(&mut self, packet: &RtpPacket) {
        let Some(mid) =
            self.rtc.direct_api().stream_rx(&packet.header.ssrc).map(|stream| stream.mid())
        else {
            return;
        };
        let section = self.mids.iter().position(|known| *known == mid).expect("a known section");
        self.hear_redundant(section, packet);
        let Some((rest, stamp)) = packet.payload.split_last_chunk::<STAMP>() else { return };
        let [tag, layer, key, a, b, c, d] = *stamp;
        let vp8_picture = match *rest {
            [first, 0xe0, high, low, ..] if first & 0x80 != 0 => {
                Some(u16::from_be_bytes([high & 0x7f, low]))
            }
            _ => None,
        };
        let vp9_picture = match *rest {
            [first, high, low, ..] if first & 0xb0 == 0xa0 => {
                Some(u16::from_be_bytes([high & 0x7f, low]))
            }
            _ => None,
        };
        self.log.lock().expect("log").heard.entry(section).or_default().push(Heard {
            at: Instant::now(),
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            tag,
            layer,
            frame: u32::from_be_bytes([a, b, c, d]),
            key: key == 1,
            picture: vp8_picture.or(vp9_picture),
        });
    }

    fn hear_redundant(&self, section: usize, packet: &RtpPacket) {
        let opus = self.rtc.codec_config().find(|params| params.spec().codec == Codec::Opus);
        let Some(opus) = opus.filter(|o| o.red() == Some(packet.header.payload_type)) else {
            return;
        };
        let timestamp = packet.header.timestamp;
        let blocks = redundant_blocks(*opus.pt(), &packet.payload).expect("well-formed");
        let numbered = blocks.iter().map(|(age, block)| {
            let (_, stamp) = block.split_last_chunk::<STAMP>().expect("a stamp");
            let [tag, _, _, a, b, c, d] = *stamp;
            (timestamp.wrapping_sub(*age), tag, u32::from_be_bytes([a, b, c, d]))
        });
        let mut earlier: Vec<_> = numbered.collect();
        let (_, _, frame) = earlier.pop().expect("a primary");
        let heard = Redundant { sequence: *packet.seq_no, timestamp, earlier, frame };
        self.log.lock().expect("log").redundant.entry(section).or_default().push(heard);
    }

    fn send_sound(&mut self, now: Instant) {
        if !self.plan.microphone {
            return;
        }
        self.sound += 1;
        let mut payload = vec![0x78; 40];
        payload.extend(self.stamp(0, false, self.sound));
        let levels = ExtensionValues {
            audio_level: Some(-20),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        };
        let timestamp = self.sound.wrapping_mul(960);
        self.write(self.mids[0], None, Codec::Opus, timestamp, true, levels, payload, now);
    }

    fn send_frame(&mut self, now: Instant) {
        let Some(codec) = self.plan.camera else { return };
        self.frame += 1;
        let mid = *self.mids.last().expect("a section");
        let layers = if self.plan.layers.is_empty() {
            vec![(None, 3)]
        } else {
            self.plan
                .layers
                .iter()
                .map(|(rid, packets)| (Some(Rid::from(*rid)), *packets))
                .collect()
        };
        for (number, (rid, packets)) in (0u8..).zip(layers) {
            let key = std::mem::take(&mut self.key_wanted[usize::from(number)]);
            for index in 0..packets {
                let mut payload = descriptor(codec, key, index == 0, self.frame);
                payload.resize(900, 0x33);
                payload.extend(self.stamp(number, key && index == 0, self.frame));
                let timestamp =
                    self.frame.wrapping_mul(2_970).wrapping_add(u32::from(number) << 24);
                let last = index + 1 == packets;
                let none = ExtensionValues::default();
                self.write(mid, rid, codec, timestamp, last, none, payload, now);
            }
        }
        let _ = self.rtc.handle_input(Input::Timeout(now));
    }

    #[expect(clippy::too_many_arguments, reason = "one call with all fields of a packet")]
    fn write(
        &mut self,
        mid: Mid,
        rid: Option<Rid>,
        codec: Codec,
        timestamp: u32,
        marker: bool,
        extensions: ExtensionValues,
        payload: Vec<u8>,
        now: Instant,
    ) {
        let sequence = self.sequences.entry((mid, rid)).or_insert(u64::from(self.plan.tag) * 100);
        *sequence += 1;
        let sequence = *sequence;
        let params = self.rtc.codec_config().find(|params| params.spec().codec == codec);
        let payload_type = params.expect("negotiated").pt();
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(mid, rid).expect("a stream");
        let write = RtpWrite::new(payload_type, sequence.into(), timestamp, now, payload)
            .marker(marker)
            .nackable(codec != Codec::Opus)
            .ext_vals(extensions);
        stream.write_rtp(write);
    }

    fn stamp(&self, layer: u8, key: bool, frame: u32) -> [u8; STAMP] {
        let [a, b, c, d] = frame.to_be_bytes();
        [self.plan.tag, layer, u8::from(key), a, b, c, d]
    }
}

const STAMP: usize = 7;

/// The first bytes of a payload, as the codec's payload format has them.
fn descriptor(codec: Codec, key: bool, first: bool, frame: u32) -> Vec<u8> {
    let [.., high, low] = frame.to_be_bytes();
    let inter = u8::from(!key);
    match codec {
        Codec::Vp8 => {
            let start = if first { 0x10 } else { 0 };
            vec![0x80 | start, 0xe0, 0x80 | high, low, low, 0x00, inter]
        }
        Codec::Vp9 => {
            let start = if first { 0x08 } else { 0 };
            vec![0xa0 | start | inter << 6, 0x80 | high, low, 0x00, low]
        }
        Codec::H264 if key => {
            if first {
                vec![0x67, 0x42, 0xe0, 0x1f]
            } else {
                vec![0x7c, 0x05, 0x11]
            }
        }
        Codec::H264 => vec![0x7c, if first { 0x81 } else { 0x01 }, 0x9a],
        Codec::Av1 => vec![if key && first { 0x18 } else { 0x90 }, 0x30],
        _ => Vec::new(),
    }
}

/// The payloads in one of RFC 2198 with their ages in ticks, the primary last; `None` if it is
/// malformed or made of anything but `opus`.
pub(crate) fn redundant_blocks(opus: u8, payload: &[u8]) -> Option<Vec<(u32, &[u8])>> {
    let (mut headers, mut rest) = (Vec::new(), payload);
    while let [first, second, third, fourth, more @ ..] = rest
        && first & 0x80 != 0
    {
        if first & 0x7f != opus {
            return None;
        }
        let word = u32::from_be_bytes([0, *second, *third, *fourth]);
        headers.push((word >> 10, word & 0x3ff));
        rest = more;
    }
    let (first, mut rest) = rest.split_first()?;
    if *first != opus {
        return None;
    }
    let mut blocks = Vec::new();
    for (age, bytes) in headers {
        let (block, more) = rest.split_at_checked(bytes as usize)?;
        blocks.push((age, block));
        rest = more;
    }
    blocks.push((0, rest));
    (!rest.is_empty()).then_some(blocks)
}

/// Whose payload this is.
pub(crate) fn tag(payload: &[u8]) -> Option<u8> {
    payload.split_last_chunk::<STAMP>().map(|(_, stamp)| stamp[0])
}
