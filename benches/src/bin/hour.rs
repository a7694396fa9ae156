//! An event of an hour with three people in voice and picture, made fast: what recording a track
//! costs, and how long the closing of the event takes, up to its signed package.
//!
//! `cargo run --release -p benches --bin hour -- --plenary target/release/plenary`
//!
//! The recorder runs on a clock of the bench, which goes fifty times as fast as ours. Its media
//! are real (Opus of the synthetic speakers, VP8 of 1.5 Mbit/s by ffmpeg), so that ffprobe can say
//! whether the hour is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base::{Clock, EventId, Millis, PersonId, Timestamp};
use clap::Parser;
use forwarding::sink::{
    Message, Opened, Place, Record, SenderReport, SinkId, SinkPacket, Subscriber,
};
use forwarding::{Codec, TrackKind};
use loadtest::bundle::voices;
use loadtest::clip::{Picture, Sound};
use proceedings::testing::{START, parsed, reference_event};
use proceedings::{Actor, Command as Act, Event, EventState, Line, Tip, decide};
use recording::{Config, LocalDisk, Recorder};
use storage::Storage;
use storage_sqlite::{Options, SqliteStorage};

/// The clock of the bench runs so many times as fast as ours: the recorder must keep up.
const TIMES_AS_FAST: u64 = 50;

/// A step of the bench: one packet of a voice.
const STEP: Millis = Millis(20);

/// The floor changes this often.
const FLOOR_STEPS: u64 = 60_000 / 20;

/// The sender's clock is told this often.
const REPORT_STEPS: u64 = 50;

/// Ticks of the system's processor time (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug, Parser)]
#[command(about = "What recording an hour costs, and how fast it is closed")]
struct Arguments {
    /// The program that makes the package.
    #[arg(long, default_value = "target/release/plenary")]
    plenary: PathBuf,
    /// Minutes of the event.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Where the data folder is made; the default is the present folder, for `/tmp` may be memory.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
static PASSED_MS: AtomicU64 = AtomicU64::new(0);

fn instant() -> Instant {
    *BEGAN + Duration::from_millis(PASSED_MS.load(Ordering::Relaxed))
}

/// The wall clock of the bench.
#[derive(Debug)]
struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(PASSED_MS.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        Timestamp(START.0.saturating_add(passed))
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let data = tempfile::tempdir_in(&arguments.folder)?;
    let event: EventId = reference_event().id;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(proceedings_of_a_closed_event(data.path()))?;

    let recordings = data.path().join("recordings");
    let config = Config { folder: recordings.clone(), instant };
    let recorder = Recorder::start(config, Arc::new(LocalDisk), Arc::new(Wall))?;
    let picture = picture(data.path())?;
    let people = record_an_hour(&recorder, &event, &picture, arguments.minutes)?;
    let used = thread_seconds("recorder")?;
    ensure!(
        recorder.health().borrow().values().all(|health| health.problem.is_none()),
        "the recorder did not keep up, so nothing was measured"
    );
    let tracks = people * 2;
    #[expect(clippy::cast_precision_loss, reason = "a count of minutes and tracks")]
    let part = used / (arguments.minutes * 60 * tracks) as f64 * 100.0;
    write(&format!("recording: {part:.2} % of a core for each of {tracks} tracks (≤ 2 asked)"));

    let began = Instant::now();
    let index = runtime.block_on(recorder.finish(&event, Vec::new())).context("it has stopped")?;
    let finished = began.elapsed();
    let file = recordings.join(event.as_str()).join(&index.programme[0].file);
    recorder.stop();

    let package = data.path().join("record.zip");
    let data_folder = data.path().to_string_lossy().into_owned();
    let began = Instant::now();
    plenary(
        &arguments.plenary,
        &[
            "event",
            "package",
            event.as_str(),
            "--data",
            &data_folder,
            "--output",
            &package.to_string_lossy(),
        ],
    )?;
    let packed = began.elapsed();
    let bytes = fs::metadata(&package)?.len();
    let megabytes = bytes / 1_000_000;
    write(&format!(
        "closing: recording finished in {:.2} s, {megabytes} MB packed and signed in {:.2} s, \
         {:.2} s in all (≤ 10 asked)",
        finished.as_secs_f64(),
        packed.as_secs_f64(),
        (finished + packed).as_secs_f64(),
    ));
    let began = Instant::now();
    plenary(&arguments.plenary, &["verify", &package.to_string_lossy()])?;
    write(&format!("verifying the package: {:.2} s", began.elapsed().as_secs_f64()));
    let floor = copied(&package)?;
    write(&format!(
        "the floor: {megabytes} MB copied on this disk in {:.2} s",
        floor.as_secs_f64()
    ));
    let seconds = duration(&file)?;
    write(&format!("ffprobe: {} lasts {seconds:.1} s", index.programme[0].file));
    #[expect(clippy::cast_precision_loss, reason = "a count of minutes")]
    let expected = (arguments.minutes * 60) as f64;
    ensure!((seconds - expected).abs() < 2.0, "a part of the hour is missing");
    Ok(())
}

fn write(line: &str) {
    use std::io::Write;
    // A closed pipe ends the output; there is nobody left to tell.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The reference event, opened and closed.
async fn proceedings_of_a_closed_event(data: &Path) -> Result<()> {
    let storage = SqliteStorage::open(&data.join("plenary.sqlite"), Options::default()).await?;
    let definition = reference_event();
    let created = Event::EventCreated { definition: Box::new(definition.clone()) };
    let first = Line::after(Tip::default(), START, Actor::Operator, created);
    storage.create_event(&first).await?;
    let (mut state, mut tip) = (EventState::new(definition), first.tip());
    for act in [Act::OpenGreenRoom, Act::OpenEvent, Act::CloseEvent] {
        let events = decide(&state, START, &Actor::Operator, &act)?;
        events.iter().for_each(|event| state.apply(START, event));
        let lines = Line::all_after(tip, START, &Actor::Operator, events);
        storage.append(&state.definition.id, &lines).await?;
        tip = lines.last().map_or(tip, Line::tip);
    }
    storage.close().await;
    Ok(())
}

/// Ten seconds of 1.5 Mbit/s.
fn picture(folder: &Path) -> Result<Picture> {
    let path = folder.join("picture.ivf");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi"])
        .args(["-i", "testsrc2=size=1280x720:rate=25:duration=10"])
        .args(["-c:v", "libvpx", "-g", "50", "-deadline", "realtime", "-cpu-used", "8"])
        .args(["-auto-alt-ref", "0", "-b:v", "1500k", "-minrate", "1500k", "-maxrate", "1500k"])
        .args(["-f", "ivf"])
        .arg(&path)
        .output()
        .context("ffmpeg is not installed (scripts/prepare.sh)")?;
    succeeded(&output)?;
    Ok(Picture::from_ivf(&fs::read(path)?)?)
}

/// A person who is heard and seen all the time.
struct Speaker {
    voice: SinkId,
    camera: SinkId,
    sound: Sound,
    clock_off_us: i64,
    /// Packets of the picture so far.
    sequence: u64,
}

/// Everybody sends; the floor goes round. Returns how many people they were.
fn record_an_hour(
    recorder: &Recorder,
    event: &EventId,
    picture: &Picture,
    minutes: u64,
) -> Result<u64> {
    let to = recorder.subscriber();
    to.take(Message::Record {
        event: event.clone(),
        before: Record::Off,
        record: Record::Attributed,
    });
    let mut speakers = Vec::new();
    for (number, name) in (1..).zip(["kazi", "ganich", "sehgal"]) {
        let voice = voices(&parsed("en")).into_iter().nth(number).context("a voice is missing")?;
        let (voice, sound) = (SinkId(2 * number as u64), voice.sound()?);
        let camera = SinkId(voice.0 + 1);
        let person: PersonId = parsed(name);
        let place = if number == 1 { Place::Main } else { Place::Aside };
        for (sink, kind, codec, place) in [
            (voice, TrackKind::Microphone, Codec::Opus, Place::Aside),
            (camera, TrackKind::Camera, Codec::Vp8, place),
        ] {
            let (event, person, clock) = (event.clone(), Some(person.clone()), number as u64);
            let opened = Opened { sink, event, person, kind, codec, place, clock };
            to.take(Message::Opened(Box::new(opened)));
        }
        let clock_off_us = 3_600_000_000 * i64::try_from(number)?;
        speakers.push(Speaker { voice, camera, sound, clock_off_us, sequence: 0 });
    }
    let count = speakers.len();
    let began = Instant::now();
    for step in 0..minutes * 60_000 / STEP.0 {
        let passed_ms = step * STEP.0;
        PASSED_MS.store(passed_ms, Ordering::Relaxed);
        let due = Duration::from_millis(passed_ms) / u32::try_from(TIMES_AS_FAST)?;
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        if step > 0 && step.is_multiple_of(FLOOR_STEPS) {
            let turn = usize::try_from(step / FLOOR_STEPS)?;
            let place = |turn: usize, place| {
                to.take(Message::Placed { sink: speakers[turn % count].camera, place });
            };
            place(turn + count - 1, Place::Aside);
            place(turn, Place::Main);
        }
        for speaker in &mut speakers {
            speaker.speak(&*to, step, picture)?;
        }
    }
    for speaker in &speakers {
        to.take(Message::Closed { sink: speaker.voice });
        to.take(Message::Closed { sink: speaker.camera });
    }
    to.take(Message::Record {
        event: event.clone(),
        before: Record::Attributed,
        record: Record::Off,
    });
    // What waits in the queue belongs to the hour.
    std::thread::sleep(Duration::from_millis(500));
    Ok(count as u64)
}

impl Speaker {
    /// Sends what 20 ms bring: a packet of the voice and, every other time, a frame.
    fn speak(&mut self, to: &dyn Subscriber, step: u64, picture: &Picture) -> Result<()> {
        let report = step.is_multiple_of(REPORT_STEPS).then_some(step * 20_000);
        let place = usize::try_from(step)? % self.sound.packets.len();
        let timestamp = u32::try_from(step * 960)?;
        let payload = &self.sound.packets[place].payload;
        to.take(self.packet(self.voice, 1, step, timestamp, (true, false), report, payload)?);
        if step.is_multiple_of(2) {
            let frame = &picture.frames[usize::try_from(step / 2)? % picture.frames.len()];
            let timestamp = u32::try_from(step * 1_800)?;
            for (at, part) in frame.parts.iter().enumerate() {
                let descriptor: &[u8] = &[if at == 0 { 0x10 } else { 0 }];
                let payload: Arc<[u8]> = [descriptor, part].concat().into();
                let last = at + 1 == frame.parts.len();
                let marks = (last, frame.key && at == 0);
                let report = report.filter(|_| at == 0);
                let (camera, sequence) = (self.camera, self.sequence);
                to.take(self.packet(camera, 2, sequence, timestamp, marks, report, &payload)?);
                self.sequence += 1;
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a packet")]
    fn packet(
        &self,
        sink: SinkId,
        ssrc: u32,
        sequence: u64,
        timestamp: u32,
        (marker, key_frame_start): (bool, bool),
        reported_us: Option<u64>,
        payload: &Arc<[u8]>,
    ) -> Result<Message> {
        let report = reported_us
            .map(|us| {
                let clock_us = i64::try_from(us)? + self.clock_off_us;
                anyhow::Ok(SenderReport { clock_us, timestamp })
            })
            .transpose()?;
        Ok(Message::Packet(SinkPacket {
            sink,
            layer: 0,
            ssrc,
            sequence,
            timestamp,
            marker,
            key_frame_start,
            arrived: instant(),
            report,
            payload: Arc::clone(payload),
        }))
    }
}

/// Processor time of a thread of ours, in seconds.
fn thread_seconds(name: &str) -> Result<f64> {
    for task in fs::read_dir("/proc/self/task")? {
        let folder = task?.path();
        if fs::read_to_string(folder.join("comm"))?.trim() != name {
            continue;
        }
        let stat = fs::read_to_string(folder.join("stat"))?;
        // The name in brackets may hold spaces; user and system time are the 12th and 13th after it.
        let (_, rest) = stat.rsplit_once(')').context("a line of /proc without a name")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
        let ticks = ticks(11).zip(ticks(12)).context("a line of /proc without times")?;
        return Ok((ticks.0 + ticks.1) / TICKS_PER_SECOND);
    }
    anyhow::bail!("there is no thread {name}")
}

fn plenary(program: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("{} is not built", program.display()))?;
    succeeded(&output)
}

fn succeeded(output: &Output) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}{said}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// How long the disk takes for as many bytes, flushed, whoever writes them.
fn copied(file: &Path) -> Result<Duration> {
    let began = Instant::now();
    let mut from = fs::File::open(file)?;
    let mut to = fs::File::create(file.with_extension("copy"))?;
    std::io::copy(&mut from, &mut to)?;
    to.sync_all()?;
    Ok(began.elapsed())
}

/// How long a file lasts by ffprobe, in seconds.
fn duration(file: &Path) -> Result<f64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"])
        .arg(file)
        .output()?;
    succeeded(&output)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
