//! A publisher over WHIP (RFC 9725): a microphone that speaks and a camera that moves, at the pace
//! of real time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::EventId;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Event, Rtc};

use crate::clip::{OPUS_CLOCK_HZ, OPUS_PACKET_SAMPLES, Picture, Sound, VIDEO_CLOCK_HZ};
use crate::connection::{Connection, LinkSender};
use crate::http::{HttpError, Server};
use crate::ledger::Ledger;
use crate::peer::{Link, Role};
use crate::session::JoinError;
use crate::vp8;

/// Length of one Opus packet.
const OPUS_PACKET: Duration = Duration::from_millis(20);

/// A publisher that is later than this does not catch up but goes on from now: a burst of old
/// packets would measure this machine, not the server.
const LATENESS_MAX: Duration = Duration::from_millis(500);

/// Loudness from which a packet is flagged as voice, in dBov.
const VOICE_LEVEL_DBOV: i8 = -50;

/// What a person publishes in one session; at least one of the two.
#[derive(Clone, Default)]
pub struct Media {
    /// Microphone, or the sound of a shared screen.
    pub sound: Option<Arc<Sound>>,
    /// Camera or screen.
    pub picture: Option<Arc<Picture>>,
}

/// What a publisher has sent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets of sound.
    pub sound_packets: u64,
    /// Packets of the picture.
    pub picture_packets: u64,
    /// Frames of the picture.
    pub frames: u64,
    /// Key frames among them.
    pub key_frames: u64,
    /// Key frames that the server asked for.
    pub key_frames_asked: u64,
    /// Times the publisher was too late to catch up.
    pub late: u64,
}

/// A running publisher.
pub struct Publisher {
    /// Its connection.
    pub connection: Connection,
    sent: Arc<Mutex<Sent>>,
}

impl Publisher {
    /// Joins `event` with the token of a personal link and begins to send once connected.
    ///
    /// # Errors
    /// [`JoinError`] when the server refuses or its answer cannot be used.
    pub async fn join(
        server: &Server,
        path: &str,
        token: &str,
        media: Media,
        ledger: Arc<Ledger>,
    ) -> Result<Self, JoinError> {
        let rtc = crate::peer::engine();
        let sent = Arc::new(Mutex::new(Sent::default()));
        let figures = Arc::clone(&sent);
        let (sounds, pictures) = (media.sound.is_some(), media.picture.is_some());
        let connection = Connection::open(
            server,
            path,
            token,
            rtc,
            |changes| {
                let mut add = |kind| changes.add_media(kind, Direction::SendOnly, None, None, None);
                let sound = sounds.then(|| add(MediaKind::Audio));
                (sound, pictures.then(|| add(MediaKind::Video)))
            },
            |rtc, (sound, picture), link| {
                let microphone = match sound.zip(media.sound) {
                    Some((mid, clip)) => {
                        let track = RtpTrack::new(rtc, mid, Codec::Opus)?;
                        Some(Microphone { track, clip, position: 0 })
                    }
                    None => None,
                };
                let camera = match picture.zip(media.picture) {
                    Some((mid, clip)) => {
                        let track = RtpTrack::new(rtc, mid, Codec::Vp8)?;
                        Some(Camera {
                            track,
                            clip,
                            frame: 0,
                            part: 0,
                            picture_id: 0,
                            key_frame_wanted: false,
                        })
                    }
                    None => None,
                };
                Ok(Sender { microphone, camera, ledger, link, sent: figures })
            },
        )
        .await?;
        Ok(Self { connection, sent })
    }

    /// What was sent so far.
    pub fn sent(&self) -> Sent {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops sending and ends the session.
    ///
    /// # Errors
    /// [`HttpError`] when the server does not confirm the end.
    pub async fn leave(self) -> Result<(), HttpError> {
        self.connection.leave().await
    }
}

/// The path of the WHIP endpoint for microphone and camera.
pub fn camera_path(event: &EventId) -> String {
    format!("/whip/{event}")
}

/// One outgoing RTP stream.
struct RtpTrack {
    mid: Mid,
    pt: Pt,
    sequence: u64,
    time: u32,
    next_at: Option<Instant>,
}

impl RtpTrack {
    fn new(rtc: &Rtc, mid: Mid, codec: Codec) -> Result<Self, JoinError> {
        let refused = || JoinError::Answer(format!("it does not take {codec}"));
        let media =
            rtc.media(mid).filter(|media| media.direction().is_sending()).ok_or_else(refused)?;
        let pt = rtc
            .codec_config()
            .params()
            .iter()
            .find(|p| p.spec().codec == codec && media.remote_pts().contains(&p.pt()))
            .map(|params| params.pt())
            .ok_or_else(refused)?;
        // Streams begin anywhere, as those of browsers do.
        let start = u32::try_from(crate::random() & 0x7fff_ffff).unwrap_or_default();
        Ok(Self { mid, pt, sequence: u64::from(start & 0x7fff), time: start, next_at: None })
    }

    /// Sends a payload; false when the engine no longer knows the stream.
    fn send(
        &mut self,
        rtc: &mut Rtc,
        now: Instant,
        payload: Arc<[u8]>,
        marker: bool,
        extensions: ExtensionValues,
    ) -> bool {
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(self.mid, None) else { return false };
        let write = RtpWrite::new(self.pt, self.sequence.into(), self.time, now, payload);
        stream.write_rtp(write.marker(marker).ext_vals(extensions).nackable(true));
        self.sequence += 1;
        true
    }

    /// Moves on to the next moment of the track's own clock; true when it was too late for that.
    fn advance(&mut self, now: Instant, length: Duration, ticks: u32) -> bool {
        self.time = self.time.wrapping_add(ticks);
        let next = self.next_at.unwrap_or(now) + length;
        let late = now > next + LATENESS_MAX;
        self.next_at = Some(if late { now } else { next });
        late
    }
}

struct Microphone {
    track: RtpTrack,
    clip: Arc<Sound>,
    position: usize,
}

struct Camera {
    track: RtpTrack,
    clip: Arc<Picture>,
    frame: usize,
    part: usize,
    picture_id: u16,
    key_frame_wanted: bool,
}

/// The role of a publisher's client.
struct Sender {
    microphone: Option<Microphone>,
    camera: Option<Camera>,
    ledger: Arc<Ledger>,
    link: LinkSender,
    sent: Arc<Mutex<Sent>>,
}

impl Sender {
    fn count(&self, count: impl FnOnce(&mut Sent)) {
        count(&mut self.sent.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn send_sound(&mut self, now: Instant, rtc: &mut Rtc) {
        let Some(microphone) = &mut self.microphone else { return };
        let packet = &microphone.clip.packets[microphone.position];
        let extensions = ExtensionValues {
            audio_level: Some(packet.level_dbov),
            voice_activity: Some(packet.level_dbov > VOICE_LEVEL_DBOV),
            ..ExtensionValues::default()
        };
        self.ledger.sent(&packet.payload, now);
        microphone.track.send(rtc, now, Arc::clone(&packet.payload), false, extensions);
        microphone.position = (microphone.position + 1) % microphone.clip.packets.len();
        let late = microphone.track.advance(now, OPUS_PACKET, OPUS_PACKET_SAMPLES as u32);
        self.count(|sent| {
            sent.sound_packets += 1;
            sent.late += u64::from(late);
        });
    }

    fn send_picture_part(&mut self, now: Instant, rtc: &mut Rtc) {
        let Some(camera) = &mut self.camera else { return };
        if camera.part == 0 && camera.key_frame_wanted {
            camera.frame = camera.clip.next_key(camera.frame);
            camera.key_frame_wanted = false;
        }
        let frame = &camera.clip.frames[camera.frame];
        let (key, data) = (frame.key, &frame.parts[camera.part]);
        let last = camera.part + 1 == frame.parts.len();
        let mut payload = Vec::with_capacity(vp8::DESCRIPTOR_BYTES + data.len());
        payload.extend_from_slice(&vp8::write(camera.part == 0, camera.picture_id));
        payload.extend_from_slice(data);
        self.ledger.sent(data, now);
        camera.track.send(rtc, now, payload.into(), last, ExtensionValues::default());
        let mut late = false;
        if last {
            camera.part = 0;
            camera.frame = (camera.frame + 1) % camera.clip.frames.len();
            camera.picture_id = camera.picture_id.wrapping_add(1) & 0x7fff;
            let rate = camera.clip.frames_per_second;
            late = camera.track.advance(now, Duration::from_secs(1) / rate, VIDEO_CLOCK_HZ / rate);
        } else {
            camera.part += 1;
        }
        self.count(|sent| {
            sent.picture_packets += 1;
            sent.frames += u64::from(last);
            sent.key_frames += u64::from(last && key);
            sent.late += u64::from(late);
        });
    }

    fn sound_due(&self) -> Option<Instant> {
        self.microphone.as_ref().and_then(|microphone| microphone.track.next_at)
    }

    fn picture_due(&self) -> Option<Instant> {
        self.camera.as_ref().and_then(|camera| camera.track.next_at)
    }
}

impl Role for Sender {
    fn event(&mut self, _now: Instant, event: Event, _rtc: &mut Rtc) {
        if let Event::KeyframeRequest(_) = event
            && let Some(camera) = &mut self.camera
        {
            camera.key_frame_wanted = true;
            self.count(|sent| sent.key_frames_asked += 1);
        }
    }

    fn due(&self) -> Option<Instant> {
        self.sound_due().into_iter().chain(self.picture_due()).min()
    }

    fn act(&mut self, now: Instant, rtc: &mut Rtc) {
        // Sound before pictures, as everywhere.
        if self.sound_due().is_some_and(|due| due <= now) {
            self.send_sound(now, rtc);
        } else {
            self.send_picture_part(now, rtc);
        }
    }

    fn link(&mut self, now: Instant, link: Link) {
        if link == Link::Connected {
            let sound = self.microphone.as_mut().map(|microphone| &mut microphone.track);
            let picture = self.camera.as_mut().map(|camera| &mut camera.track);
            for track in sound.into_iter().chain(picture) {
                track.next_at.get_or_insert(now);
            }
        }
        self.link.set(now, link);
    }
}

const _: () = assert!(OPUS_CLOCK_HZ as usize == OPUS_PACKET_SAMPLES * 50);
