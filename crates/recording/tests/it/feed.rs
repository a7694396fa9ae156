//! Synthetic people: a tone in Opus and a test picture in VP8, as packets of the media engine.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base::{Clock, EventId, PersonId, Timestamp};
use forwarding::TrackKind;
use forwarding::sink::{
    Message, Opened, Place, Record, SenderReport, SinkId, SinkPacket, Subscriber,
};
use opus::{Application, Channels, Encoder};

/// Packets of a picture are at most so long.
const PAYLOAD_BYTES: usize = 1_100;

/// The system's clock.
#[derive(Debug)]
pub(crate) struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        Timestamp(i64::try_from(now.as_millis()).expect("for a while"))
    }
}

pub(crate) fn event() -> EventId {
    EventId::new("russian-diplomats-day").expect("an id")
}

/// Makes a picture of six seconds with ffmpeg; a key frame twice a second.
pub(crate) fn make_picture(path: &Path, size: &str) {
    let source = format!("testsrc=size={size}:rate=25:duration=6");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", &source])
        .args(["-c:v", "libvpx", "-g", "12", "-deadline", "realtime", "-cpu-used", "8"])
        .args(["-auto-alt-ref", "0", "-b:v", "300k", "-f", "ivf"])
        .arg(path)
        .status()
        .expect("ffmpeg is there (scripts/prepare.sh)");
    assert!(status.success());
}

/// The frames of an IVF file.
pub(crate) fn frames(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).expect("an IVF file");
    let mut frames = Vec::new();
    let mut rest = &bytes[32..];
    while let Some((head, body)) = rest.split_first_chunk::<12>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        frames.push(body[..length].to_vec());
        rest = &body[length..];
    }
    frames
}

/// A person who speaks and is seen.
pub(crate) struct Speaker {
    pub(crate) name: &'static str,
    recorder: Arc<dyn Subscriber>,
    number: u64,
    voice: Option<SinkId>,
    camera: Option<SinkId>,
    encoder: Encoder,
    hz: f32,
    picture: Vec<Vec<u8>>,
    began: Instant,
    /// 20 ms steps so far.
    steps: u64,
    video_sequence: u64,
    /// The sender's clock is wrong by this.
    clock_off_us: i64,
}

impl Speaker {
    pub(crate) fn new(
        name: &'static str,
        number: u64,
        hz: f32,
        picture: &Path,
        recorder: Arc<dyn Subscriber>,
    ) -> Self {
        Self {
            name,
            recorder,
            number,
            voice: None,
            camera: None,
            encoder: Encoder::new(48_000, Channels::Mono, Application::Audio).expect("opus"),
            hz,
            picture: frames(picture),
            began: Instant::now(),
            steps: 0,
            video_sequence: 1_000,
            clock_off_us: 3_600_000_000 * i64::try_from(number).expect("small"),
        }
    }

    /// The media engine opens this person's sinks.
    pub(crate) fn open(&mut self, place: Place, record: Record) {
        let person =
            (record == Record::Attributed).then(|| PersonId::new(self.name).expect("an id"));
        let opened = |sink, kind, codec, place| {
            Message::Opened(Box::new(Opened {
                sink,
                event: event(),
                person: person.clone(),
                kind,
                codec,
                place,
                clock: self.number,
            }))
        };
        let base = self.number * 1_000 + self.steps * 10_000 + 1;
        let (voice, camera) = (SinkId(base), SinkId(base + 1));
        self.recorder.take(opened(
            voice,
            TrackKind::Microphone,
            forwarding::Codec::Opus,
            Place::Aside,
        ));
        self.recorder.take(opened(camera, TrackKind::Camera, forwarding::Codec::Vp8, place));
        (self.voice, self.camera) = (Some(voice), Some(camera));
    }

    pub(crate) fn place(&self, place: Place) {
        if let Some(sink) = self.camera {
            self.recorder.take(Message::Placed { sink, place });
        }
    }

    pub(crate) fn close(&mut self) {
        for sink in [self.voice.take(), self.camera.take()].into_iter().flatten() {
            self.recorder.take(Message::Closed { sink });
        }
    }

    /// Milliseconds of media sent so far.
    pub(crate) fn sent_ms(&self) -> u64 {
        self.steps * 20
    }

    /// Sends the next 20 ms, not before their time.
    pub(crate) fn step(&mut self) {
        let due = self.began + Duration::from_millis(self.steps * 20);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let step = self.steps;
        self.steps += 1;
        let sample = |n: u64| {
            let t = (step * 960 + n) as f32 / 48_000.0;
            (t * self.hz * std::f32::consts::TAU).sin() * 0.3
        };
        let samples: Vec<f32> = (0..960).map(sample).collect();
        let coded = self.encoder.encode_vec_float(&samples, 400).expect("coded");
        let report = (step % 50 == 25).then_some(step * 20_000);
        if let Some(sink) = self.voice {
            let timestamp = u32::try_from(step * 960 + 77).expect("a short time");
            self.packet(sink, 1, step, timestamp, true, false, report, &coded);
        }
        if step.is_multiple_of(2)
            && let Some(sink) = self.camera
        {
            let number = usize::try_from(step / 2).expect("small") % self.picture.len();
            let frame = self.picture[number].clone();
            let key = frame[0] & 1 == 0;
            let timestamp = u32::try_from(step * 1_800 + 4_000_000).expect("a short time");
            let pieces: Vec<&[u8]> = frame.chunks(PAYLOAD_BYTES).collect();
            for (at, piece) in pieces.iter().enumerate() {
                let payload = [&[if at == 0 { 0x10 } else { 0 }][..], piece].concat();
                self.video_sequence += 1;
                let (sequence, marker) = (self.video_sequence, at + 1 == pieces.len());
                let report = report.filter(|_| at == 0);
                self.packet(sink, 2, sequence, timestamp, marker, key && at == 0, report, &payload);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a packet")]
    fn packet(
        &self,
        sink: SinkId,
        ssrc: u32,
        sequence: u64,
        timestamp: u32,
        marker: bool,
        key_frame_start: bool,
        reported_us: Option<u64>,
        payload: &[u8],
    ) {
        let report = reported_us.map(|us| SenderReport {
            clock_us: i64::try_from(us).expect("small") + self.clock_off_us,
            timestamp,
        });
        self.recorder.take(Message::Packet(SinkPacket {
            sink,
            layer: 0,
            ssrc,
            sequence,
            timestamp,
            marker,
            key_frame_start,
            arrived: Instant::now(),
            report,
            payload: Arc::from(payload),
        }));
    }
}

pub(crate) fn record(recorder: &dyn Subscriber, before: Record, record: Record) {
    recorder.take(Message::Record { event: event(), before, record });
}

/// Sends so many milliseconds of several people, side by side.
pub(crate) fn speak(people: &mut [&mut Speaker], length_ms: u64) {
    for _ in 0..length_ms / 20 {
        for person in people.iter_mut() {
            person.step();
        }
    }
}

/// What ffprobe says about a file: frames decoded of a stream, and complaints.
pub(crate) fn decoded(path: &Path, stream: &str) -> (u64, String) {
    let output = Command::new("ffprobe")
        .args(["-v", "warning", "-count_frames", "-select_streams", stream])
        .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let count = text.trim().trim_end_matches(',').parse().unwrap_or(0);
    (count, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// How long a file lasts by ffprobe, in seconds.
pub(crate) fn duration(path: &Path) -> f64 {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0.0)
}

/// The sound of a file, decoded to one channel at 48 kHz.
pub(crate) fn sound(path: &Path) -> Vec<f32> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "f32le", "pipe:1"])
        .output()
        .expect("ffmpeg is installed");
    let bytes = output.stdout.as_chunks::<4>().0;
    bytes.iter().map(|sample| f32::from_le_bytes(*sample)).collect()
}

/// How strongly a pitch sounds in samples.
pub(crate) fn strength(samples: &[f32], hz: f32) -> f32 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = n as f32 / 48_000.0 * hz * std::f32::consts::TAU;
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
    }
    2.0 * (real * real + imaginary * imaginary).sqrt() / samples.len().max(1) as f32
}
