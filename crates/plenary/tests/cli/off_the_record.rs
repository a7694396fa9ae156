//! What was said off the record is nowhere: not in a file of the data folder, not in a table, not
//! in the log, not in the package. It is searched for byte by byte, and by ear.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{EventId, PersonId, SegmentId, Timestamp};
use http::Method;
use loadtest::clip::{OPUS_PACKET_SAMPLES, Sound};
use loadtest::http::{Ask, Server};
use loadtest::ledger::Ledger;
use loadtest::live::Live;
use loadtest::whep::{self, Receiver, Wants};
use loadtest::whip::{self, Media, Publisher};
use proceedings::{Command, RecordCommand, RecordStatus};

use super::{Data, EVENT, Serving, code, json, stderr};

/// Pitches of what the moderator says on and off the record, in Hz.
const ON_HZ: f32 = 500.0;
const OFF_HZ: f32 = 1_400.0;

/// What a captioner types on and off the record. SQLite and the log write text as it is.
const ON_WORDS: &str = "the corridor at Khorgos";
const OFF_WORDS: &str = "quicksilver for the xylophone";

/// So much is said each time.
const SPOKEN: Duration = Duration::from_millis(1_500);

/// A debug build beside other tests is done within this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of a voice's packet that are looked for: from behind what all packets have in common, and
/// long enough that no other bytes are the same by chance.
const LOOKED_FOR: std::ops::Range<usize> = 8..32;

/// Twenty seconds of a tone, in packets of which no two are alike.
fn tone(hz: f32, room: u64) -> Sound {
    let samples = 50 * 20 * OPUS_PACKET_SAMPLES;
    let sample = |n: usize| {
        let t = n as f32 / 48_000.0;
        ((t * hz * std::f32::consts::TAU).sin() * 8_000.0) as i16
    };
    Sound::encode(&(0..samples).map(sample).collect::<Vec<_>>(), room).expect("Opus")
}

struct House {
    server: Server,
    event: EventId,
    links: serde_json::Value,
    ledger: Arc<Ledger>,
}

impl House {
    fn token(&self, person: &str) -> String {
        let links = self.links["links"].as_array().expect("links");
        let link = links.iter().find(|link| link["person"] == person).expect("their link");
        let link = link["link"].as_str().expect("an address");
        link.split_once('#').expect("a token").1.to_owned()
    }

    async fn join(&self, person: &str) -> Live {
        Live::join(&self.server, &self.event, &self.token(person)).await.expect("welcome")
    }

    /// The moderator says something, and the participant hears it.
    async fn say(&self, sound: &Arc<Sound>) {
        let media = Media { sound: Some(Arc::clone(sound)), picture: None };
        let (token, path) = (self.token("kazi"), whip::camera_path(&self.event));
        let ledger = Arc::clone(&self.ledger);
        let joined = Publisher::join(&self.server, &path, &token, media, ledger).await;
        let mut publisher = joined.expect("may speak");
        publisher.connection.connected().await.expect("connected");
        let (token, path) = (self.token("mirza"), whep::path(&self.event));
        let (wants, ledger) = (Wants::Everything, Arc::clone(&self.ledger));
        let joined = Receiver::join(&self.server, &path, &token, wants, ledger).await;
        let mut listener = joined.expect("may listen");
        listener.connection.connected().await.expect("connected");
        let heard = || listener.reception(|reception| reception.voice_delay.count());
        let late = Instant::now() + PATIENCE;
        while heard() < 25 {
            assert!(Instant::now() < late, "the participant hears nothing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(SPOKEN).await;
        publisher.leave().await.expect("confirmed");
        listener.leave().await.1.expect("confirmed");
    }

    async fn record(&self, person: &str, command: &RecordCommand) -> u16 {
        let body = serde_json::to_string(command).expect("JSON");
        let (path, token) = (format!("/api/events/{EVENT}/commands"), self.token(person));
        let ask = Ask {
            method: Method::POST,
            path: &path,
            token: Some(&token),
            body: Some(("application/json", body)),
        };
        self.server.ask(ask).await.expect("an answer").status.as_u16()
    }
}

fn line(person: &PersonId, start: Timestamp, end: Timestamp, text: &str) -> RecordCommand {
    RecordCommand::CommitTranscriptLine {
        person: Some(person.clone()),
        start,
        end,
        language: "en".parse().expect("a language"),
        interpreted_from: None,
        text: text.to_owned(),
    }
}

fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(i64::try_from(now.expect("after 1970").as_millis()).expect("for a while"))
}

/// All files of a folder and the folders in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// How many of the packets stand somewhere in the bytes.
fn found(packets: &Sound, bytes: &[u8]) -> usize {
    let looked_for: std::collections::HashSet<&[u8]> =
        packets.packets.iter().filter_map(|packet| packet.payload.get(LOOKED_FOR)).collect();
    bytes.windows(LOOKED_FOR.len()).filter(|seen| looked_for.contains(seen)).count()
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|seen| seen == words.as_bytes())
}

/// How strongly a pitch sounds in a file.
fn strength(file: &Path, hz: f32) -> f32 {
    let output = Process::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(file)
        .args(["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "f32le", "pipe:1"])
        .output()
        .expect("ffmpeg is installed (scripts/prepare.sh)");
    let samples = output.stdout.as_chunks::<4>().0;
    // The strongest tenth of a second: what is said in one is not thinned by the others.
    let of = |part: &[[u8; 4]]| {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in part.iter().enumerate() {
            let angle = n as f32 / 48_000.0 * hz * std::f32::consts::TAU;
            real += f32::from_le_bytes(*sample) * angle.cos();
            imaginary += f32::from_le_bytes(*sample) * angle.sin();
        }
        2.0 * f32::sqrt(real * real + imaginary * imaginary) / part.len() as f32
    };
    samples.chunks(4_800).map(of).fold(0.0, f32::max)
}

#[test]
fn what_was_said_off_the_record_is_nowhere() {
    let data = Data::with_event();
    let serving = Serving::start_with(&data, "trace");
    let links = json(&data.run(&["event", "links", EVENT, "--json"]));
    let (on, off) = (Arc::new(tone(ON_HZ, 1)), Arc::new(tone(OFF_HZ, 2)));
    let kazi: PersonId = "kazi".parse().expect("an id");
    let mut ledger = Ledger::new(Instant::now());
    ledger.enter_sound(&kazi, &on).expect("no two alike");
    ledger.enter_sound(&kazi, &off).expect("no two alike");
    let house = House {
        server: Server::new(&format!("http://127.0.0.1:{}", serving.port)).expect("an address"),
        event: EVENT.parse().expect("an id"),
        links,
        ledger: Arc::new(ledger),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let refused = runtime.expect("a runtime").block_on(talk(&house, &kazi, &on, &off));
    assert_eq!(refused, [409, 409], "a line and a statement off the record");

    let folder = data.path().join("recordings").join(EVENT);
    let late = Instant::now() + PATIENCE;
    while !folder.join("index.json").exists() {
        assert!(Instant::now() < late, "the recording is not finished");
        std::thread::sleep(Duration::from_millis(50));
    }
    let package = data.path().join("record.zip");
    let packed =
        data.run(&["event", "package", EVENT, "--output", package.to_str().expect("text")]);
    assert_eq!(code(&packed), 0, "{}", stderr(&packed));
    let (ended, log) = serving.stop();
    assert_eq!(ended, Some(0), "{log}");
    assert!(log.contains("TRACE"), "nothing is hidden from the log");

    let (mut packets_found, mut words_found) = (0, 0);
    for file in files(&data.path()) {
        let bytes = fs::read(&file).expect("read");
        packets_found += found(&on, &bytes);
        words_found += usize::from(holds(&bytes, ON_WORDS));
        assert_eq!(found(&off, &bytes), 0, "sound in {}", file.display());
        assert!(!holds(&bytes, OFF_WORDS), "words in {}", file.display());
        if file.extension().is_some_and(|end| end == "webm") {
            let (on, off) = (strength(&file, ON_HZ), strength(&file, OFF_HZ));
            assert!(on > 0.05 && off < 0.01, "{}: {on} and {off}", file.display());
        }
    }
    // The search finds what it looks for: the take and the package hold what was on the record.
    assert!(packets_found > 100, "{packets_found} packets of the record");
    assert!(words_found >= 2, "the database and the package hold the words of the record");
    let people = ["kazi", "abbasi", "mirza", "durrani"];
    let mut secrets: Vec<String> = people.iter().map(|person| house.token(person)).collect();
    secrets.extend([OFF_WORDS, ON_WORDS, "Mustafa Kamal", "Hamid Abbasi"].map(str::to_owned));
    let told = log.lines().find(|line| secrets.iter().any(|secret| line.contains(secret)));
    assert_eq!(told, None, "the log holds no words, no names and no tokens at all");
}

/// The moderator speaks on, off and again on the record. Returns how the server answered attempts
/// to put down what was said off it.
async fn talk(house: &House, kazi: &PersonId, on: &Arc<Sound>, off: &Arc<Sound>) -> [u16; 2] {
    let moderator = house.join("kazi").await;
    let typist = house.join("abbasi").await;
    let participant = house.join("mirza").await;
    let act = async |command| {
        moderator.command(command).await.expect("done");
    };
    act(Command::EnterStage).await;
    act(Command::SetMicrophone { on: true }).await;
    act(Command::OpenEvent).await;
    let segment: SegmentId = "introductory-remarks".parse().expect("an id");

    let began = now();
    house.say(on).await;
    let taken = house.record("abbasi", &line(kazi, began, now(), ON_WORDS)).await;
    assert_eq!(taken, 200, "a line on the record");

    let status = RecordStatus::OffTheRecord;
    act(Command::SetRecordStatus { segment: segment.clone(), status }).await;
    let began = now();
    house.say(off).await;
    let ended = now();
    let refused = [
        house.record("abbasi", &line(kazi, began, ended, OFF_WORDS)).await,
        house
            .record(
                "durrani",
                &RecordCommand::MarkStatement {
                    speaker: Some(kazi.clone()),
                    start: began,
                    end: ended,
                    language: "en".parse().expect("a language"),
                },
            )
            .await,
    ];

    let status = RecordStatus::OnTheRecord;
    act(Command::SetRecordStatus { segment, status }).await;
    house.say(on).await;
    act(Command::CloseEvent).await;
    for live in [moderator, typist, participant] {
        live.leave().await;
    }
    refused
}
