//! One who publishes: a WHIP client on str0m with the media of [`super::media`].

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Event, Rtc};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::media::{self, FRAMES_PER_SECOND, LAYERS, Layer, Stamp};
use crate::clip::{OPUS_CLOCK_HZ, OPUS_PACKET_SAMPLES, VIDEO_CLOCK_HZ};
use crate::peer::{Link, Peer, PeerError, Role};
use crate::session::JoinError;

/// Time between two frames, and between two voice packets.
const FRAME: Duration = Duration::from_millis(1_000 / FRAMES_PER_SECOND as u64);
const VOICE: Duration = Duration::from_millis(20);

/// Over which a frame is spread where it does not leave at once: a thin uplink.
const PACED: Duration = Duration::from_millis(13);

/// Shortest time between two key frames, so that a thousand who ask in turn do not make a picture
/// of key frames alone. Browsers' encoders keep a like distance.
const KEY_FRAME_INTERVAL: Duration = Duration::from_millis(250);

/// One that is later than this goes on from now: a burst of old frames would measure this machine.
const LATENESS_MAX: Duration = Duration::from_millis(500);

/// Time for the media path to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Loudness of the voice in dBov.
const LEVEL_DBOV: i8 = -20;

/// How pictures are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// Three layers instead of one.
    pub simulcast: bool,
    /// Frames are spread over 13 ms instead of leaving at once.
    pub paced: bool,
}

/// What a publisher has sent so far.
#[derive(Debug, Default)]
pub struct Sent {
    /// Packets of the voice.
    pub voice: AtomicU64,
    /// Frames of the picture.
    pub frames: AtomicU64,
    /// Key frames among them.
    pub key_frames: AtomicU64,
    /// Times when it was too late to catch up.
    pub late: AtomicU64,
}

/// A publisher that has made its offer.
pub struct Offering {
    peer: Peer,
    pending: SdpPendingOffer,
    audio: Mid,
    video: Mid,
    /// The offer to be posted.
    pub offer: String,
}

/// A running publisher. Dropping it ends it.
pub struct Publisher {
    sent: Arc<Sent>,
    link: watch::Receiver<Link>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Offering {
    /// Opens a socket on this address of the machine and makes the offer.
    ///
    /// # Errors
    /// [`JoinError`] when there is no socket.
    pub async fn new(ip: IpAddr, manner: Manner) -> Result<Self, JoinError> {
        let mut peer = Peer::open_at(ip, crate::peer::engine()).await?;
        let mut changes = peer.rtc.sdp_api();
        let audio = changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let simulcast = manner.simulcast.then(|| {
            let mut simulcast = Simulcast::new();
            LAYERS
                .iter()
                .for_each(|layer| simulcast.add_send_layer(SimulcastLayer::new(layer.rid)));
            simulcast
        });
        let video = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast);
        let (offer, pending) = changes
            .apply()
            .ok_or_else(|| JoinError::Answer("there is nothing to offer".to_owned()))?;
        Ok(Self { peer, pending, audio, video, offer: offer.to_sdp_string() })
    }

    /// Takes the answer and begins, as the publisher of this number.
    ///
    /// # Errors
    /// [`JoinError`] when the answer cannot be used.
    pub fn start(self, answer: &str, number: u8, manner: Manner) -> Result<Publisher, JoinError> {
        let Self { mut peer, pending, audio, video, .. } = self;
        let answer = SdpAnswer::from_sdp_string(answer)
            .map_err(|error| JoinError::Answer(error.to_string()))?;
        peer.rtc.sdp_api().accept_answer(pending, answer).map_err(PeerError::from)?;
        let (sent, link) = (Arc::new(Sent::default()), watch::Sender::new(Link::Connecting));
        let watcher = link.subscribe();
        let sender = Sender::new(&peer.rtc, (audio, video), number, manner, &sent, link)?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(peer.run(sender, stopped));
        Ok(Publisher { sent, link: watcher, stop, task })
    }
}

impl Publisher {
    /// Waits until media can flow.
    ///
    /// # Errors
    /// [`JoinError::NoMedia`] when no path comes up in time.
    pub async fn connected(&mut self) -> Result<(), JoinError> {
        let up = self.link.wait_for(|link| *link != Link::Connecting);
        match tokio::time::timeout(CONNECT_TIMEOUT, up).await {
            Ok(Ok(link)) if *link == Link::Connected => Ok(()),
            _ => Err(JoinError::NoMedia(CONNECT_TIMEOUT.as_secs())),
        }
    }

    /// What was sent so far.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Stops.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a publisher panicked");
        }
    }
}

/// One outgoing stream.
struct Track {
    mid: Mid,
    rid: Option<Rid>,
    pt: Pt,
    sequence: u64,
    time: u32,
}

impl Track {
    fn new(rtc: &Rtc, mid: Mid, rid: Option<&str>, codec: Codec) -> Result<Self, JoinError> {
        let refused = || JoinError::Answer(format!("it does not take {codec}"));
        let media =
            rtc.media(mid).filter(|media| media.direction().is_sending()).ok_or_else(refused)?;
        let params = rtc.codec_config().params();
        let pt = params
            .iter()
            .find(|p| p.spec().codec == codec && media.remote_pts().contains(&p.pt()))
            .map(|params| params.pt())
            .ok_or_else(refused)?;
        // Streams begin anywhere, as those of browsers do.
        let start = u32::try_from(crate::random() & 0x7fff_ffff).unwrap_or_default();
        let sequence = u64::from(start & 0x7fff);
        Ok(Self { mid, rid: rid.map(Rid::from), pt, sequence, time: start })
    }

    fn send(&mut self, rtc: &mut Rtc, now: Instant, payload: Arc<[u8]>, marker: bool, voice: bool) {
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(self.mid, self.rid) else { return };
        let write = RtpWrite::new(self.pt, self.sequence.into(), self.time, now, payload);
        let extensions = ExtensionValues {
            audio_level: voice.then_some(LEVEL_DBOV),
            voice_activity: voice.then_some(true),
            ..ExtensionValues::default()
        };
        stream.write_rtp(write.marker(marker).ext_vals(extensions).nackable(!voice));
        self.sequence += 1;
    }
}

/// A packet of the present frame that has not left yet.
struct Waiting {
    due: Instant,
    layer: usize,
    part: u8,
}

struct Camera {
    tracks: Vec<(usize, Track)>,
    frame: u32,
    next_at: Option<Instant>,
    waiting: VecDeque<Waiting>,
    key: bool,
    key_frame_wanted: bool,
    key_frame_at: Option<Instant>,
}

/// The role of a publisher's client.
struct Sender {
    number: u8,
    manner: Manner,
    voice: Track,
    voice_number: u32,
    voice_at: Option<Instant>,
    camera: Camera,
    link: watch::Sender<Link>,
    sent: Arc<Sent>,
}

impl Sender {
    fn new(
        rtc: &Rtc,
        (audio, video): (Mid, Mid),
        number: u8,
        manner: Manner,
        sent: &Arc<Sent>,
        link: watch::Sender<Link>,
    ) -> Result<Self, JoinError> {
        let voice = Track::new(rtc, audio, None, Codec::Opus)?;
        let full = LAYERS.len() - 1;
        let layers = if manner.simulcast { 0..LAYERS.len() } else { full..LAYERS.len() };
        let tracks = layers
            .map(|layer| {
                let rid = manner.simulcast.then_some(LAYERS[layer].rid);
                Ok((layer, Track::new(rtc, video, rid, Codec::Vp8)?))
            })
            .collect::<Result<_, JoinError>>()?;
        let camera = Camera {
            tracks,
            frame: 0,
            next_at: None,
            waiting: VecDeque::new(),
            key: true,
            key_frame_wanted: true,
            key_frame_at: None,
        };
        Ok(Self {
            number,
            manner,
            voice,
            voice_number: 0,
            voice_at: None,
            camera,
            link,
            sent: Arc::clone(sent),
        })
    }

    /// Puts the packets of the next frame into the queue.
    fn begin_frame(&mut self, now: Instant, at: Instant) {
        let camera = &mut self.camera;
        let may = camera.key_frame_at.is_none_or(|last| now >= last + KEY_FRAME_INTERVAL);
        camera.key = camera.key_frame_wanted && may;
        if camera.key {
            camera.key_frame_wanted = false;
            camera.key_frame_at = Some(now);
            self.sent.key_frames.fetch_add(1, Ordering::Relaxed);
        }
        for (layer, _) in &camera.tracks {
            let parts = LAYERS[*layer].parts(camera.frame, camera.key);
            let spread = if self.manner.paced { PACED } else { Duration::ZERO };
            for part in 0..parts {
                let share = u32::try_from(part).unwrap_or(0) * spread
                    / u32::try_from(parts.max(2) - 1).unwrap_or(1);
                let part = u8::try_from(part).unwrap_or(u8::MAX);
                camera.waiting.push_back(Waiting { due: at + share, layer: *layer, part });
            }
        }
        if camera.tracks.len() > 1 {
            camera.waiting.make_contiguous().sort_by_key(|waiting| waiting.due);
        }
        self.sent.frames.fetch_add(1, Ordering::Relaxed);
    }

    fn send_part(&mut self, now: Instant, rtc: &mut Rtc) {
        let camera = &mut self.camera;
        let Some(Waiting { layer, part, .. }) = camera.waiting.pop_front() else { return };
        let Some((_, track)) = camera.tracks.iter_mut().find(|(other, _)| *other == layer) else {
            return;
        };
        let shape: &Layer = &LAYERS[layer];
        let parts = u8::try_from(shape.parts(camera.frame, camera.key)).unwrap_or(u8::MAX);
        let stamp = Stamp {
            publisher: self.number,
            layer: u8::try_from(layer).unwrap_or(u8::MAX),
            part,
            parts,
            frame: camera.frame,
            sent_ns: media::now_ns(),
        };
        let picture_id = u16::try_from(camera.frame & 0x7fff).unwrap_or_default();
        let payload = media::picture(shape, camera.key, picture_id, stamp);
        track.send(rtc, now, payload, part + 1 == parts, false);
        if camera.waiting.is_empty() {
            camera.frame = camera.frame.wrapping_add(1);
            for (_, track) in &mut camera.tracks {
                track.time = track.time.wrapping_add(VIDEO_CLOCK_HZ / FRAMES_PER_SECOND);
            }
        }
    }

    fn send_voice(&mut self, now: Instant, rtc: &mut Rtc) {
        let stamp = Stamp {
            publisher: self.number,
            layer: 0,
            part: 0,
            parts: 1,
            frame: self.voice_number,
            sent_ns: media::now_ns(),
        };
        self.voice.send(rtc, now, media::voice(stamp), false, true);
        self.voice_number = self.voice_number.wrapping_add(1);
        self.voice.time = self.voice.time.wrapping_add(OPUS_PACKET_SAMPLES as u32);
        self.voice_at = Some(self.next(self.voice_at, now, VOICE));
        self.sent.voice.fetch_add(1, Ordering::Relaxed);
    }

    /// The next moment of a clock that ticks every `every`.
    fn next(&self, last: Option<Instant>, now: Instant, every: Duration) -> Instant {
        let next = last.unwrap_or(now) + every;
        if now > next + LATENESS_MAX {
            self.sent.late.fetch_add(1, Ordering::Relaxed);
            return now;
        }
        next
    }
}

impl Role for Sender {
    fn event(&mut self, _now: Instant, event: Event, _rtc: &mut Rtc) {
        if matches!(event, Event::KeyframeRequest(_)) {
            self.camera.key_frame_wanted = true;
        }
    }

    fn due(&self) -> Option<Instant> {
        let part = self.camera.waiting.front().map(|waiting| waiting.due);
        self.voice_at.into_iter().chain(part.or(self.camera.next_at)).min()
    }

    fn act(&mut self, now: Instant, rtc: &mut Rtc) {
        // The voice before the picture, as everywhere.
        if self.voice_at.is_some_and(|due| due <= now) {
            return self.send_voice(now, rtc);
        }
        if self.camera.waiting.is_empty() {
            let at = self.camera.next_at.unwrap_or(now);
            self.begin_frame(now, at);
            self.camera.next_at = Some(self.next(Some(at), now, FRAME));
        }
        if self.camera.waiting.front().is_some_and(|waiting| waiting.due <= now) {
            self.send_part(now, rtc);
        }
    }

    fn link(&mut self, now: Instant, link: Link) {
        if link == Link::Connected {
            self.voice_at.get_or_insert(now);
            // Publishers of one test do not send their frames in the same moment.
            let offset = FRAME * u32::from(self.number % 8) / 8;
            self.camera.next_at.get_or_insert(now + offset);
        }
        self.link.send_replace(link);
    }
}

const _: () = assert!(OPUS_CLOCK_HZ as usize == OPUS_PACKET_SAMPLES * 50);
