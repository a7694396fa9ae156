//! The whole way with real weights: speech of espeak-ng, in packets of Opus, through the interface
//! of the media engine, to lines with times. `scripts/speech-model.sh` makes the weights; without
//! them, or without espeak-ng, each test says so and is skipped.

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]
#![expect(clippy::print_stderr, reason = "who runs the tests is told what was skipped")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base::{Clock, Timestamp};
use forwarding::sink::{Message, Opened, Place, SinkId, SinkPacket};
use forwarding::{Codec, TrackKind};
use opus::{Application, Channels, Encoder};
use recognition::{Config, News, Recognition, Spoken, Whisper};

/// What is said in the reference event, as it might have been put.
const STATEMENTS: [&str; 8] = [
    "A multilateral order makes it easier for our two countries to work together.",
    "Relations between Russia and Pakistan have entered a new era.",
    "The corridor is part of a new engine of growth, which joins Asia, Europe and Africa.",
    "We have common interests, among them the stability of the region and peace in Afghanistan.",
    "We hope for new avenues, which the corridor will open. Development is a way to independence.",
    "I thank the organisers for the invitation.",
    "Pakistan is a pivot between north and south. It should use its position, and stay neutral.",
    "We thank the ambassador, and hope for further engagement.",
];

/// Words of a hundred that may be wrong: espeak-ng speaks like a machine, and this is the smallest
/// of all models.
const WORD_ERRORS_MAX_PERCENT: f64 = 15.0;

const NOON: i64 = 1_612_857_600_000;

/// The pause between two statements, in milliseconds.
const PAUSE_MS: usize = 1_500;

fn model() -> Option<PathBuf> {
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/speech/ggml-tiny.en.bin");
    let path = std::env::var_os("PLENARY_SPEECH_MODEL").map_or_else(|| made.into(), PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: there are no weights at {} (scripts/speech-model.sh)", path.display());
    None
}

/// Samples in a second of what microphones send.
const SENT_HZ: usize = 48_000;

/// The text as espeak-ng speaks it, at [`SENT_HZ`].
fn spoken(text: &str, pitch: usize) -> Option<Vec<f32>> {
    let run = Command::new("espeak-ng")
        .args(["-v", "en", "-s", "150", "--stdout", "-p", &pitch.to_string(), "--", text])
        .output();
    let Ok(run) = run else {
        eprintln!("skipped: espeak-ng is not installed");
        return None;
    };
    // A head of 44 bytes, then 16-bit samples at 22,050 Hz.
    let samples: Vec<f32> = run.stdout[44..]
        .chunks_exact(2)
        .map(|two| f32::from(i16::from_le_bytes([two[0], two[1]])) / 32_768.0)
        .collect();
    let count = samples.len() * SENT_HZ / 22_050;
    let sample = |at: usize| {
        let place = at as f32 * 22_050.0 / SENT_HZ as f32;
        let (whole, part) = (place as usize, place.fract());
        let of = |at: usize| samples.get(at).copied().unwrap_or_default();
        of(whole) * (1.0 - part) + of(whole + 1) * part
    };
    Some((0..count).map(sample).collect())
}

fn silence(ms: usize) -> Vec<f32> {
    // A room is never quite silent.
    noise(ms).into_iter().map(|sample| sample * 0.0005).collect()
}

fn noise(ms: usize) -> Vec<f32> {
    let mut state = 0x1234_5678_u32;
    (0..ms * SENT_HZ / 1_000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 * 2.0 - 1.0
        })
        .collect()
}

/// Noon when it was made, and as late as it is since.
struct SinceNoon(Instant);

impl Clock for SinceNoon {
    fn now(&self) -> Timestamp {
        Timestamp(NOON + self.0.elapsed().as_millis() as i64)
    }
}

/// A recogniser that runs, and one voice that it hears.
struct Hall {
    recognition: Recognition,
    news: Receiver<News>,
    began: Instant,
}

impl Hall {
    fn open(model: PathBuf) -> Self {
        let whisper = Whisper::open(&model, 1).expect("a model");
        let (tell, news) = channel();
        let began = Instant::now();
        let recognition = Recognition::start(
            Config { share_percent: 100 },
            Box::new(whisper),
            Box::new(|_| vec!["en".parse().expect("en"), "ru".parse().expect("ru")]),
            Arc::new(SinceNoon(began)),
            move |news| drop(tell.send(news)),
        );
        Self { recognition: recognition.expect("threads"), news, began }
    }

    /// Speaks everything, as it would come from the network, and waits for what is heard.
    fn hear(&self, sound: &[f32]) -> Vec<Spoken> {
        let to = self.recognition.subscriber();
        let mut encoder =
            Encoder::new(SENT_HZ as u32, Channels::Mono, Application::Voip).expect("opus");
        let sink = SinkId(1);
        to.take(Message::Opened(Box::new(Opened {
            sink,
            event: "rdd".parse().expect("an id"),
            person: Some("kazi".parse().expect("an id")),
            kind: TrackKind::Microphone,
            codec: Codec::Opus,
            place: Place::Aside,
            clock: 1,
        })));
        let mut lines = Vec::new();
        for (number, frame) in sound.chunks_exact(SENT_HZ / 50).enumerate() {
            let payload = encoder.encode_vec_float(frame, 400).expect("coded");
            to.take(Message::Packet(SinkPacket {
                sink,
                layer: 0,
                ssrc: 1,
                sequence: number as u64,
                timestamp: (number * 960) as u32,
                marker: false,
                key_frame_start: false,
                arrived: self.began + Duration::from_millis(20 * number as u64 + 60),
                report: None,
                payload: Arc::from(payload),
            }));
            // Faster than it is spoken, and no faster than it is recognised.
            while number % 50 == 0 && self.recognition.tallies().waiting_ms > 30_000 {
                std::thread::sleep(Duration::from_millis(20));
            }
            lines.extend(self.news.try_iter());
        }
        to.take(Message::Closed { sink });
        self.rest(&mut lines);
        lines
            .into_iter()
            .filter_map(|news| match news {
                News::Spoken(spoken) => Some(spoken),
                News::Partial { .. } => None,
                News::Dropped(_) => panic!("something was dropped"),
            })
            .collect()
    }

    /// Waits until all is recognised that was said.
    fn rest(&self, lines: &mut Vec<News>) {
        while !self.recognition.is_idle() {
            std::thread::sleep(Duration::from_millis(20));
        }
        lines.extend(self.news.try_iter());
    }
}

/// Words of a text as they are compared.
fn words(text: &str) -> Vec<String> {
    let plain = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    text.chars().map(plain).collect::<String>().split_whitespace().map(str::to_owned).collect()
}

/// Words that were left out, put in or changed, by the shortest way from one text to the other.
fn word_errors(said: &[String], heard: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (number, word) in said.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (place, other) in heard.iter().enumerate() {
            let changed = diagonal + usize::from(word != other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[heard.len()]
}

#[test]
fn speech_becomes_lines_at_their_time() {
    let Some(model) = model() else { return };
    let (mut sound, mut spans) = (silence(PAUSE_MS), Vec::new());
    for (number, statement) in STATEMENTS.iter().enumerate() {
        let Some(speech) = spoken(statement, 40 + number * 2) else { return };
        let begins = sound.len() * 1_000 / SENT_HZ;
        sound.extend(&speech);
        spans.push((begins, sound.len() * 1_000 / SENT_HZ));
        sound.extend(silence(PAUSE_MS));
    }
    let hall = Hall::open(model);
    let lines = hall.hear(&sound);
    let said: Vec<String> = STATEMENTS.iter().flat_map(|text| words(text)).collect();
    let heard: Vec<String> = lines.iter().flat_map(|line| words(&line.text)).collect();
    let errors = word_errors(&said, &heard);
    let percent = errors as f64 * 100.0 / said.len() as f64;
    let tallies = hall.recognition.tallies();
    println!(
        "word error rate {percent:.1} % ({errors} of {}), {:.1} s of utterances in {:.1} s of \
         processor time: {:.1} times as fast as they are spoken",
        said.len(),
        tallies.sound_ms as f64 / 1_000.0,
        tallies.worked_us as f64 / 1e6,
        tallies.sound_ms as f64 * 1_000.0 / tallies.worked_us as f64,
    );
    for line in &lines {
        println!("{:>6} {:>6} {}", line.start.0 - NOON, line.end.0 - NOON, line.text);
    }
    assert!(percent <= WORD_ERRORS_MAX_PERCENT);
    let near = |moment: i64, expected: usize| (moment - NOON - expected as i64).abs() <= 1_000;
    for (statement, (begins, ends)) in STATEMENTS.iter().zip(spans) {
        let begun = lines.iter().any(|line| near(line.start.0, begins));
        let ended = lines.iter().any(|line| near(line.end.0, ends));
        assert!(begun && ended, "nothing from {begins} to {ends} ms: {statement}");
    }
}

#[test]
fn silence_noise_and_music_say_nothing() {
    let Some(model) = model() else { return };
    let hall = Hall::open(model);
    let seconds = |at: usize| at as f32 / SENT_HZ as f32;
    let tone = |at: usize, hz: f32| (seconds(at) * hz * std::f32::consts::TAU).sin();
    let minute = 60 * SENT_HZ;
    // Chords that change every second and die away, with a beat.
    let chords = [[220.0, 277.2, 329.6], [196.0, 246.9, 293.7], [174.6, 220.0, 261.6]];
    let beat = noise(60_000);
    let music = |at: usize| {
        let chord = chords[at / SENT_HZ % 3];
        let fades = (-3.0 * seconds(at).fract()).exp();
        let strings: f32 = chord
            .iter()
            .map(|hz| tone(at, *hz) + 0.5 * tone(at, 2.0 * hz) + 0.3 * tone(at, 3.0 * hz))
            .sum();
        0.08 * fades * strings + 0.1 * beat[at] * (-30.0 * (2.0 * seconds(at)).fract()).exp()
    };
    // A melody alone: what comes nearest to a voice.
    let notes = [440.0, 493.9, 523.3, 392.0, 349.2, 392.0, 329.6, 293.7];
    let melody = |at: usize| {
        let note = notes[at / (SENT_HZ / 3) % notes.len()];
        let fades = (-2.0 * (3.0 * seconds(at)).fract()).exp();
        0.2 * fades * (tone(at, note) + 0.6 * tone(at, 2.0 * note) + 0.4 * tone(at, 3.0 * note))
    };
    let claps = noise(60_000);
    let applause = |at: usize| {
        0.3 * claps[at] * (0.6 + 0.4 * tone(at, 5.0)) * f32::from(u8::from(at / SENT_HZ % 8 < 4))
    };
    let sounds: [(&str, Vec<f32>); 6] = [
        ("silence", silence(60_000)),
        ("noise", noise(60_000).into_iter().map(|sample| sample * 0.2).collect()),
        ("hum", (0..minute).map(|at| 0.3 * tone(at, 50.0) + 0.1 * tone(at, 150.0)).collect()),
        ("applause", (0..minute).map(applause).collect()),
        ("music", (0..minute).map(music).collect()),
        ("melody", (0..minute).map(melody).collect()),
    ];
    for (name, sound) in sounds {
        let before = hall.recognition.tallies();
        let lines = hall.hear(&sound);
        let after = hall.recognition.tallies();
        println!(
            "{name}: {} ms came to the recogniser; not believed: {:?}",
            after.sound_ms - before.sound_ms,
            std::iter::zip(before.doubted, after.doubted).map(|(b, a)| a - b).collect::<Vec<_>>(),
        );
        assert!(lines.is_empty(), "{name}: {lines:?}");
    }
}
