//! Viewers on poor lines, in virtual time: the whole way from the speaker's packets through the core
//! and the viewer to a bottleneck with a queue, loss, delay and jitter, and the browser's reports
//! back. Everything but the encryption's cost is the real thing; nothing here has a socket or a
//! clock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Random, SplitMix};
use egress::rtcp::{Arrivals, Report};
use egress::{Event, SLOTS_MAX, SlotConfig, fuzzing};
use forwarding::{
    Class, Codec, Format, Formats, Hearing, Micros, Output, Owner, Packet, ReceiverSpec, Room,
    SLOTS, SlotKind, TrackId, TrackKind, describe,
};

use super::Viewer;
use crate::formats::FORMATS;
use crate::negotiate::ReceivingSide;
use crate::redundancy::StreamPlace;
use crate::ring::{Ring, Stored};

const SOUND: Format = Format(0);
const PICTURE: Format = Format(1);

/// Kinds of time in the simulated world, in milliseconds.
const VOICE_EVERY_MS: u64 = 20;
const FRAME_EVERY_MS: u64 = 40;
const REPORT_EVERY_MS: u64 = 100;
const HOUSEKEEPING_MS: u64 = 250;

/// A voice of 24 kbit/s.
const VOICE_BYTES: usize = 60;

/// Bits a second and height of the three layers.
const LAYERS: [(u64, u16); 3] = [(150_000, 180), (500_000, 360), (1_500_000, 720)];

/// IP and UDP, which the line carries too.
const LOWER_BYTES: usize = 28;

/// How a line is.
#[derive(Debug, Clone, Copy)]
struct Line {
    rate_bps: u64,
    /// The queue's length at its rate.
    queue_ms: u64,
    loss_percent: u64,
    delay_ms: u64,
    jitter_ms: u64,
}

const GOOD: Line =
    Line { rate_bps: 20_000_000, queue_ms: 200, loss_percent: 0, delay_ms: 20, jitter_ms: 0 };

/// A datagram that has left.
#[derive(Debug, Clone, Copy)]
struct Flight {
    number: u16,
    arrives_us: Option<u64>,
}

struct Layer {
    ssrc: u32,
    sequence: u64,
    debt_bits: u64,
    key_wanted: Option<u64>,
}

struct Camera {
    track: TrackId,
    layers: Vec<Layer>,
}

/// What happened to a datagram of the voice.
#[derive(Debug, Clone, Copy)]
struct Voice {
    at_ms: u64,
    /// Delay beyond the line's own; `None` when the queue dropped it.
    queued_ms: Option<f64>,
}

struct World {
    origin: Instant,
    now_ms: u64,
    random: SplitMix,
    line: Line,
    room: Room,
    ring: Ring,
    viewer: Viewer,
    microphone: TrackId,
    voice_sequence: u64,
    cameras: Vec<Camera>,
    timeout: Option<Micros>,
    /// When the bottleneck has sent all that it holds.
    free_us: u64,
    last_arrival_us: u64,
    flights: VecDeque<Flight>,
    /// Reports on their way back.
    reports: VecDeque<(u64, Report)>,
    voices: Vec<Voice>,
    /// Payload bytes that arrived, by second and slot (a repair counts for its slot).
    arrived: BTreeMap<u64, [u64; SLOTS]>,
    estimates: Vec<u64>,
    buffer: Vec<u8>,
}

fn stored(codec: Codec, format: Format, payload: &[u8], voice: Option<StreamPlace>) -> Stored {
    let pictures = describe(codec, payload).pictures;
    Stored { payload: Arc::from(payload), format, pictures, voice }
}

fn ssrc(slot: usize) -> u32 {
    100 + 2 * u32::try_from(slot).expect("few")
}

impl World {
    /// A viewer of a stage with `thumbnails` small pictures beside the speaker joins over `line`.
    fn new(seed: u64, line: Line, thumbnails: u32) -> Self {
        Self::with(seed, line, true, thumbnails)
    }

    fn with(seed: u64, line: Line, main: bool, thumbnails: u32) -> Self {
        let origin = Instant::now();
        let mut slots = [None; SLOTS_MAX];
        for kind in SlotKind::ALL {
            slots[kind.index()] = Some(SlotConfig {
                ssrc: ssrc(kind.index()),
                repair_ssrc: (!kind.is_audio()).then_some(ssrc(kind.index()) + 1),
                clock_hz: if kind.is_audio() { 48_000 } else { 90_000 },
                transport_extension: Some(3),
                history_packets: 400,
            });
        }
        let formats = Formats::default().with(SOUND).with(PICTURE);
        let mut payload_types = [None; FORMATS];
        payload_types[usize::from(SOUND.0)] = Some((111, None));
        payload_types[usize::from(PICTURE.0)] = Some((96, Some(97)));
        let side = ReceivingSide {
            slots: [true; SLOTS],
            formats,
            payload_types,
            redundant: Some(63),
            reports_arrival: true,
        };
        let peer = fuzzing::connected(slots, origin);
        let mut viewer = Viewer::new(peer, Class::Audience, side);
        let mut room = Room::new();
        let start = Micros::from_millis(1_000);
        let speaker = Owner(0);
        let microphone = room
            .add_track(start, speaker, TrackKind::Microphone, Codec::Opus, SOUND, 1)
            .expect("there is room");
        let cameras = (u32::from(!main)..=thumbnails)
            .map(|person| Camera {
                track: room
                    .add_track(start, Owner(person), TrackKind::Camera, Codec::Vp8, PICTURE, 3)
                    .expect("there is room"),
                layers: (0..3)
                    .map(|layer| Layer {
                        ssrc: 10 * person + layer,
                        sequence: 1_000,
                        debt_bits: 0,
                        key_wanted: None,
                    })
                    .collect(),
            })
            .collect();
        let hearing = Hearing {
            voices: vec![speaker],
            main: main.then_some(speaker),
            screen: None,
            thumbnails: (1..=thumbnails).map(Owner).collect(),
        };
        room.set_plan(start, hearing, Hearing::default());
        viewer.class = Class::Audience;
        let mut world = Self {
            origin,
            now_ms: 1_000,
            random: SplitMix(seed),
            line,
            room,
            ring: Ring::default(),
            viewer,
            microphone,
            voice_sequence: 1,
            cameras,
            timeout: None,
            free_us: 0,
            last_arrival_us: 0,
            flights: VecDeque::new(),
            reports: VecDeque::new(),
            voices: Vec::new(),
            arrived: BTreeMap::new(),
            estimates: Vec::new(),
            buffer: Vec::new(),
        };
        world.drain(None);
        // The stage has been sending for a while when the viewer joins.
        for _ in 0..5_000 {
            world.step();
        }
        let id = world.room.add_receiver(
            world.micros(),
            &ReceiverSpec {
                owner: Owner(1_000),
                class: Class::Audience,
                slots: [true; SLOTS],
                formats,
                first_sequence: 1,
                first_timestamp: 1,
            },
        );
        world.viewer.id = Some(id.expect("there is room"));
        world.drain(None);
        world
    }

    fn micros(&self) -> Micros {
        Micros::from_millis(self.now_ms)
    }

    fn now(&self) -> Instant {
        self.origin + Duration::from_millis(self.now_ms)
    }

    /// Seconds since the viewer joined.
    fn second(&self) -> u64 {
        (self.now_ms - 6_000) / 1_000
    }

    fn run(&mut self, seconds: u64) {
        for _ in 0..seconds * 1_000 {
            self.step();
            if self.now_ms.is_multiple_of(1_000) {
                self.estimates.push(self.viewer.estimate_bps.unwrap_or(0));
            }
        }
    }

    fn step(&mut self) {
        self.now_ms += 1;
        if self.timeout.is_some_and(|at| at <= self.micros()) {
            self.room.handle_timeout(self.micros());
            self.drain(None);
        }
        if self.now_ms.is_multiple_of(VOICE_EVERY_MS) {
            self.speak();
        }
        for camera in 0..self.cameras.len() {
            // Cameras are not in step.
            if (self.now_ms + 7 * camera as u64).is_multiple_of(FRAME_EVERY_MS) {
                for layer in 0..LAYERS.len() {
                    self.film(camera, layer);
                }
            }
        }
        self.send();
        if self.now_ms.is_multiple_of(REPORT_EVERY_MS) {
            self.report();
        }
        while self.reports.front().is_some_and(|(at, _)| *at <= self.now_ms) {
            let Some((_, report)) = self.reports.pop_front() else { break };
            self.take(report);
        }
        if self.now_ms.is_multiple_of(HOUSEKEEPING_MS)
            && let Some(id) = self.viewer.id
        {
            self.estimate();
            let (now, demand) = (self.now(), self.room.demand(id));
            let mut sent = Vec::new();
            self.viewer
                .ask_for_more(now, demand, &mut self.buffer, |run| {
                    sent.extend(run.bytes.chunks(run.segment_bytes).map(<[u8]>::to_vec));
                })
                .expect("no panic");
            self.travel(sent);
        }
    }

    fn speak(&mut self) {
        self.voice_sequence += 1;
        let packet = Packet {
            ssrc: 7,
            sequence: self.voice_sequence,
            timestamp: u32::try_from(self.voice_sequence * 960).expect("minutes"),
            marker: false,
            level_db: Some(20),
            mark: None,
            payload: &[1; VOICE_BYTES],
            token: self.ring.next_token(),
        };
        self.room.handle_packet(self.micros(), self.microphone, 0, &packet);
        let voice = StreamPlace { track: self.microphone, ssrc: 7, sequence: packet.sequence };
        let stored = stored(Codec::Opus, SOUND, packet.payload, Some(voice));
        self.drain(Some((&stored, false)));
    }

    /// One frame of one layer; a key frame has six times the bytes, which the next frames save.
    fn film(&mut self, camera: usize, layer: usize) {
        let (rate_bps, height) = LAYERS[layer];
        let frame_bits = rate_bps * FRAME_EVERY_MS / 1_000;
        let now_ms = self.now_ms;
        let Camera { track, layers } = &mut self.cameras[camera];
        let (track, state) = (*track, &mut layers[layer]);
        let key = state.key_wanted.take_if(|at| *at <= now_ms).is_some() || state.sequence == 1_000;
        let bits = if key {
            state.debt_bits += 5 * frame_bits;
            6 * frame_bits
        } else {
            let saved = state.debt_bits.min(frame_bits / 4);
            state.debt_bits -= saved;
            frame_bits - saved
        };
        let bytes = usize::try_from(bits / 8).expect("small");
        let packets = bytes.div_ceil(1_150);
        for at in 0..packets {
            let state = &mut self.cameras[camera].layers[layer];
            state.sequence += 1;
            let (ssrc, sequence) = (state.ssrc, state.sequence);
            let mut payload = vec![if at == 0 { 0x10 } else { 0 }, u8::from(!key)];
            if key && at == 0 {
                let width = (height * 16 / 9).to_le_bytes();
                payload.extend_from_slice(&[0, 0, 0x9d, 0x01, 0x2a, width[0], width[1]]);
                payload.extend_from_slice(&height.to_le_bytes());
            }
            payload.resize((bytes / packets).max(payload.len()), 3);
            let packet = Packet {
                ssrc,
                sequence,
                timestamp: u32::try_from(now_ms * 90).expect("minutes"),
                marker: at + 1 == packets,
                level_db: None,
                mark: None,
                payload: &payload,
                token: self.ring.next_token(),
            };
            let layer = u8::try_from(layer).expect("three");
            let keep = self.room.handle_packet(self.micros(), track, layer, &packet);
            let stored = stored(Codec::Vp8, PICTURE, &payload, None);
            if keep {
                self.ring.push(stored.clone());
            }
            self.drain(Some((&stored, keep)));
        }
    }

    /// Does what the core wants.
    fn drain(&mut self, arriving: Option<(&Stored, bool)>) {
        let kept = arriving.is_some_and(|(_, kept)| kept);
        let mut token = kept.then(|| self.ring.next_token().wrapping_sub(1));
        loop {
            match self.room.poll_output() {
                Output::Forward(forward) => {
                    let Some((stored, _)) = arriving else { continue };
                    let token = *token.get_or_insert_with(|| self.ring.push(stored.clone()));
                    let format = usize::from(stored.format.0);
                    self.viewer.push(self.now(), &forward, token, format);
                }
                Output::Replay { forward, token } => {
                    let format = self.ring.find(token).map(|stored| stored.format);
                    let format = usize::from(format.expect("it was kept").0);
                    self.viewer.push(self.now(), &forward, token, format);
                }
                Output::RequestKeyFrame { track, layer } => {
                    // It takes the way to the publisher and back.
                    let due = self.now_ms + 60;
                    let camera = self.cameras.iter_mut().find(|camera| camera.track == track);
                    if let Some(camera) = camera {
                        camera.layers[usize::from(layer)].key_wanted.get_or_insert(due);
                    }
                }
                Output::Stopped { slot, .. } => self.viewer.forget(slot).expect("no panic"),
                Output::Timeout(at) => {
                    self.timeout = at;
                    return;
                }
                _ => {}
            }
        }
    }

    fn send(&mut self) {
        let mut sent = Vec::new();
        let now = self.now();
        self.viewer
            .send_queue(now, &self.ring, &mut self.buffer, |run| {
                sent.extend(run.bytes.chunks(run.segment_bytes).map(<[u8]>::to_vec));
            })
            .expect("no panic");
        self.travel(sent);
    }

    /// Over the bottleneck to the browser.
    fn travel(&mut self, datagrams: Vec<Vec<u8>>) {
        for datagram in datagrams {
            let now_us = self.now_ms * 1_000;
            let source = u32::from_be_bytes(datagram[8..12].try_into().expect("four bytes"));
            let slot = usize::try_from((source - 100) / 2).expect("small");
            let number = u16::from_be_bytes([datagram[17], datagram[18]]);
            let begins = self.free_us.max(now_us);
            let full = begins - now_us > self.line.queue_ms * 1_000;
            let lost = self.random.below(100) < self.line.loss_percent;
            let voice = SlotKind::ALL[slot].is_audio();
            let mut arrives_us = None;
            if !full {
                let bits = 8 * (datagram.len() + LOWER_BYTES) as u64;
                self.free_us = begins + bits * 1_000_000 / self.line.rate_bps;
                let jitter = self.random.below(self.line.jitter_ms * 1_000 + 1);
                let at = self.free_us + self.line.delay_ms * 1_000 + jitter;
                // Packets do not overtake each other.
                self.last_arrival_us = self.last_arrival_us.max(at);
                arrives_us = Some(self.last_arrival_us).filter(|_| !lost);
            }
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of a queue")]
            if voice && (full || !lost) {
                let queued_ms = (!full).then(|| (self.free_us - now_us) as f64 / 1e3);
                self.voices.push(Voice { at_ms: self.now_ms - 6_000, queued_ms });
            }
            if let Some(at) = arrives_us {
                let second = (at / 1_000).saturating_sub(6_000) / 1_000;
                self.arrived.entry(second).or_insert([0; SLOTS])[slot] += datagram.len() as u64;
            }
            self.flights.push_back(Flight { number, arrives_us });
        }
    }

    /// The browser tells what has arrived since its last report; the report may be lost too.
    fn report(&mut self) {
        let now_us = self.now_ms * 1_000;
        let arrived = |flight: &Flight| flight.arrives_us.is_some_and(|at| at <= now_us);
        let Some(last) = self.flights.iter().rposition(arrived) else { return };
        let told: Vec<Flight> = self.flights.drain(..=last).collect();
        let packets = told
            .iter()
            .map(|flight| flight.arrives_us.map(|at| i64::try_from(at / 250).expect("minutes")))
            .collect();
        let report = Report::Arrivals(Arrivals { base: told[0].number, packets });
        if self.random.below(100) >= self.line.loss_percent {
            self.reports.push_back((self.now_ms + self.line.delay_ms, report));
        }
    }

    fn take(&mut self, report: Report) {
        let now = self.now();
        fuzzing::reported(&mut self.viewer.peer, now, report);
        while let Some(event) = self.viewer.peer.poll_event() {
            if event == Event::Estimate {
                self.viewer.note_estimate(now);
                self.estimate();
            }
        }
    }

    fn estimate(&mut self) {
        if let (Some(id), Some(bps)) =
            (self.viewer.id, self.viewer.trusted_estimate_bps(self.now()))
        {
            self.room.set_estimate(self.micros(), id, bps);
            self.drain(None);
        }
    }

    // What is judged.

    /// Bits a second of a slot that arrived in these seconds.
    fn rate_bps(&self, seconds: std::ops::Range<u64>, which: impl Fn(SlotKind) -> bool) -> u64 {
        let count = seconds.end - seconds.start;
        let bytes: u64 = self
            .arrived
            .range(seconds)
            .flat_map(|(_, slots)| SlotKind::ALL.into_iter().zip(slots))
            .filter(|(kind, _)| which(*kind))
            .map(|(_, bytes)| *bytes)
            .sum();
        bytes * 8 / count
    }

    fn pictures_bps(&self, seconds: std::ops::Range<u64>) -> u64 {
        self.rate_bps(seconds, |kind| !kind.is_audio())
    }

    /// The share of the voice that the queue dropped, and the 95th percentile of its delay there.
    fn voice(&self, seconds: std::ops::Range<u64>) -> (f64, f64) {
        let within = |voice: &&Voice| seconds.contains(&(voice.at_ms / 1_000));
        let all: Vec<_> = self.voices.iter().filter(within).collect();
        let mut delays: Vec<f64> = all.iter().filter_map(|voice| voice.queued_ms).collect();
        delays.sort_unstable_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "some thousand packets")]
        let dropped = 1.0 - delays.len() as f64 / all.len().max(1) as f64;
        (dropped, delays.get(delays.len() * 95 / 100).copied().unwrap_or(f64::INFINITY))
    }

    #[expect(clippy::print_stdout, reason = "it is shown when a test fails")]
    fn tell(&self, name: &str) {
        let seconds = 0..self.second();
        let each: Vec<String> = seconds
            .clone()
            .zip(&self.estimates)
            .map(|(second, estimate)| {
                let pictures = self.pictures_bps(second..second + 1) / 1_000;
                let (dropped, delay) = self.voice(second..second + 1);
                format!("{second}: {}k {pictures}k {dropped:.2} {delay:.0}ms", estimate / 1_000)
            })
            .collect();
        println!("{name}\n  {}", each.join("\n  "));
    }
}

#[test]
fn a_good_line_has_everything_within_two_seconds() {
    for seed in 0..3 {
        let mut world = World::new(seed, GOOD, 4);
        world.run(12);
        world.tell("good");
        for slot in [SlotKind::Main, SlotKind::Thumbnail(0), SlotKind::Thumbnail(3)] {
            assert!(world.rate_bps(2..3, |kind| kind == slot) > 100_000, "{slot:?}");
        }
        assert!(world.rate_bps(8..12, |kind| kind == SlotKind::Main) > 1_200_000);
    }
}

#[test]
fn a_line_for_the_voice_alone_carries_the_voice() {
    for seed in 0..3 {
        let line = Line {
            rate_bps: 64_000,
            queue_ms: 1_000,
            loss_percent: 5,
            delay_ms: 200,
            jitter_ms: 0,
        };
        let mut world = World::new(seed, line, 4);
        world.run(60);
        world.tell("64 kbit/s, 200 ms, 5 %");
        assert_eq!(world.pictures_bps(5..60) / 8_000, 0, "no picture, only some probes");
        // While it joins, the first picture is in the way of the voice for a moment.
        let (dropped, delay_ms) = world.voice(2..60);
        assert!(dropped <= 0.005, "{dropped} lost in the queue");
        assert!(world.voice(0..60).0 <= 0.025, "with the first moments");
        let (_, later_ms) = world.voice(6..60);
        assert!(later_ms < 100.0, "{later_ms} ms in the queue, {delay_ms} ms with the beginning");
    }
}

#[test]
fn loss_that_does_not_come_from_us_takes_no_picture_away() {
    for seed in 0..3 {
        let line = Line { rate_bps: 2_500_000, loss_percent: 20, delay_ms: 40, ..GOOD };
        let mut world = World::new(seed, line, 0);
        world.run(60);
        world.tell("20 %");
        let lowest = world.estimates[10..].iter().min().copied().unwrap_or_default();
        assert!(lowest >= 300_000, "the estimate fell to {lowest}");
        let pictures = world.pictures_bps(10..60);
        assert!(pictures >= 1_000_000, "{pictures}");
    }
}

#[test]
fn a_loss_that_begins_on_the_way_is_taken_for_the_lines_own() {
    for seed in 0..3 {
        let mut world = World::new(seed, Line { rate_bps: 2_500_000, ..GOOD }, 0);
        world.run(20);
        world.line.loss_percent = 20;
        world.run(40);
        world.tell("20 % later");
        let pictures = world.pictures_bps(30..60);
        assert!(pictures >= 1_000_000, "{pictures}");
    }
}

#[test]
fn delay_alone_is_no_hindrance() {
    for (delay_ms, jitter_ms) in [(300, 0), (20, 30), (150, 30)] {
        for seed in 0..3 {
            let line = Line { rate_bps: 4_000_000, delay_ms, jitter_ms, ..GOOD };
            let mut world = World::new(seed, line, 0);
            world.run(40);
            world.tell(&format!("{delay_ms} ms ± {jitter_ms}"));
            let pictures = world.pictures_bps(12..40);
            assert!(pictures >= 1_200_000, "{delay_ms} ± {jitter_ms}: {pictures}");
        }
    }
}

/// The same delay was taken for a queue for some ten seconds.
#[test]
fn a_delay_that_jumps_is_another_way_and_no_queue() {
    for seed in 0..3 {
        for jitter_ms in [0, 20] {
            let mut world = World::new(seed, Line { rate_bps: 2_500_000, jitter_ms, ..GOOD }, 0);
            world.run(20);
            world.line.delay_ms = 320;
            world.run(20);
            world.line.delay_ms = 20;
            world.run(10);
            world.tell(&format!("delay jumps, ± {jitter_ms} ms"));
            for second in 21..50 {
                let pictures = world.pictures_bps(second..second + 1);
                assert!(pictures > 1_000_000, "{pictures} in second {second}");
            }
        }
    }
}

/// A line that stands still for a moment and then brings everything at once has another delay only
/// for that moment.
#[test]
fn a_line_that_stands_still_for_a_moment_is_not_another_way() {
    for seed in 0..3 {
        let mut world = World::new(seed, Line { rate_bps: 2_500_000, queue_ms: 1_000, ..GOOD }, 0);
        for _ in 0..6 {
            world.run(5);
            world.free_us = world.free_us.max(world.now_ms * 1_000) + 300_000;
        }
        world.run(5);
        world.tell("stands still every five seconds");
        assert!(world.pictures_bps(10..35) > 400_000, "the picture goes on");
        let (_, delay_ms) = world.voice(31..35);
        assert!(delay_ms < 100.0, "{delay_ms} ms: the queue is drained");
    }
}

/// Where either end is a busy machine, packets stand still for a moment again and again.
#[test]
fn a_restless_line_keeps_its_picture() {
    for seed in 0..4 {
        let mut world = World::new(seed, Line { rate_bps: 20_000_000, queue_ms: 400, ..GOOD }, 0);
        let mut random = SplitMix(seed + 100);
        for _ in 0..45_000 {
            if random.below(250) == 0 {
                let until_us = (world.now_ms + random.below(150)) * 1_000;
                world.free_us = world.free_us.max(until_us);
            }
            if world.second() == 20 {
                world.line.delay_ms = 320;
            }
            world.step();
            if world.now_ms.is_multiple_of(1_000) {
                world.estimates.push(world.viewer.estimate_bps.unwrap_or(0));
            }
        }
        world.tell("restless");
        for second in 3..45 {
            let pictures = world.pictures_bps(second..second + 1);
            assert!(pictures > 100_000, "{pictures} in second {second}");
        }
    }
}

#[test]
fn a_viewer_without_a_main_picture_waits_for_none() {
    for seed in 0..3 {
        let mut world = World::with(seed, GOOD, false, 4);
        world.run(4);
        world.tell("thumbnails alone");
        assert!(world.rate_bps(0..1, |kind| kind == SlotKind::Thumbnail(0)) > 50_000);
        assert!(world.rate_bps(2..4, |kind| kind == SlotKind::Thumbnail(3)) > 100_000);
    }
}

/// At a fifth lost the estimate fell to its floor, and left no room for the voice to be sent twice.
#[test]
fn a_lossy_line_carries_the_voice_redundantly_while_it_is_tried() {
    for main in [true, false] {
        let mut world = World::with(1, Line { rate_bps: 2_500_000, ..GOOD }, main, 0);
        world.run(10);
        assert_eq!(world.viewer.redundancy_bps(), 0);
        world.line.loss_percent = 20;
        world.run(4);
        for second in 14..40 {
            let taken = world.viewer.redundancy_bps();
            assert!(taken > 40_000, "{taken} in second {second}");
            world.run(1);
        }
        world.tell("redundancy");
    }
}

#[test]
fn a_picture_pauses_on_a_line_that_falls_and_comes_back() {
    for seed in 0..3 {
        let wide = Line { rate_bps: 2_000_000, queue_ms: 400, ..GOOD };
        let mut world = World::new(seed, wide, 0);
        world.run(20);
        world.line.rate_bps = 150_000;
        world.run(20);
        world.line.rate_bps = 2_000_000;
        world.run(25);
        world.tell("falls and comes back");
        let (dropped, delay_ms) = world.voice(20..65);
        assert!(dropped < 0.03 && delay_ms < 200.0, "the voice: {dropped} dropped, {delay_ms} ms");
        assert!(world.voice(22..65).0 < 0.005, "the voice loses nothing once the picture is gone");
        assert!(world.pictures_bps(22..38) < 10_000, "the picture gives way");
        assert!(world.pictures_bps(52..57) > 100_000, "it is back");
        assert!(world.pictures_bps(60..65) > 400_000, "and grows");
    }
}

#[test]
fn a_deep_queue_stays_short() {
    for (rate_bps, least_bps) in [(1_000_000, 450_000), (2_500_000, 1_300_000)] {
        for seed in 0..3 {
            let line = Line { rate_bps, queue_ms: 2_000, ..GOOD };
            let mut world = World::new(seed, line, 0);
            world.run(40);
            world.tell(&format!("deep {rate_bps}"));
            let (dropped, delay_ms) = world.voice(0..40);
            assert!(delay_ms < 300.0 && dropped < 0.001, "{delay_ms} ms, {dropped}");
            let pictures = world.pictures_bps(10..40);
            assert!(pictures > least_bps, "{pictures} of {rate_bps}");
        }
    }
}
