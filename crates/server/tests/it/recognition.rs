//! Speech recognition through the listening server: a person speaks over WHIP, and lines stand in
//! the proceedings. With real weights and espeak-ng where they are (scripts/speech-model.sh), else
//! it says that it is skipped.

#![expect(clippy::print_stderr, reason = "who runs the tests is told what was skipped")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Clock, Millis, SplitMix, Timestamp};
use loadtest::http::Server as Client;
use loadtest::ledger::Ledger;
use loadtest::speech::{Speaker, speak};
use loadtest::whip::{Media, Publisher, camera_path};
use proceedings::testing::{START, parsed, recorded_event};
use proceedings::{Command, Event, Line, RecordEvent, RecordStatus};
use server::{Config, Parts, Recognising, ServeError, Server};
use tokio::sync::oneshot;

use crate::serve::{loopback, parts};
use crate::support::storage_crate;
use crate::support::{EVENT, FaultyStorage, Socket, create, key, token};

/// Time for a sentence to be spoken and recognised on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// A clock that goes on from [`START`].
struct Running(Instant);

impl Clock for Running {
    fn now(&self) -> Timestamp {
        START.plus(Millis(u64::try_from(self.0.elapsed().as_millis()).unwrap()))
    }
}

fn model() -> Option<PathBuf> {
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools/speech/ggml-tiny.en.bin");
    let path = std::env::var_os("PLENARY_SPEECH_MODEL").map_or_else(|| made.into(), PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: there are no weights at {} (scripts/speech-model.sh)", path.display());
    None
}

fn recognising(model: PathBuf) -> Recognising {
    Recognising { model, languages: Vec::new(), threads: 1, share_percent: 100 }
}

/// Somebody who speaks one sentence after another, each with a publication of its own.
struct Speech {
    client: Client,
    clock: Arc<Running>,
}

impl Speech {
    /// Speaks it once; says from when until when. `None` where espeak-ng is not installed.
    async fn speak(&self, text: &str) -> Option<(Timestamp, Timestamp)> {
        let speaker = Speaker { language: parsed("en"), number: 2 };
        let sound = match speak(text, &speaker).await {
            Ok(sound) => Arc::new(sound),
            Err(error) => {
                eprintln!("skipped: {error}");
                return None;
            }
        };
        let packets = u64::try_from(sound.packets.len()).unwrap();
        let media = Media { sound: Some(sound), picture: None };
        let ledger = Arc::new(Ledger::new(Instant::now()));
        let path = camera_path(&parsed(EVENT));
        let mut publisher =
            Publisher::join(&self.client, &path, &token("kazi"), media, ledger).await.unwrap();
        publisher.connection.connected().await.unwrap();
        let sent = async |count: u64| {
            while publisher.sent().sound_packets < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            self.clock.now()
        };
        let from = sent(1).await;
        let until = sent(packets).await;
        publisher.leave().await.unwrap();
        Some((from, until))
    }
}

#[derive(Debug)]
struct Said {
    person: Option<String>,
    start: Timestamp,
    end: Timestamp,
    text: String,
}

async fn lines(storage: &FaultyStorage) -> Vec<Said> {
    let all = storage_crate::load(storage, &parsed(EVENT)).await.unwrap().unwrap();
    let said = |line: Line| match line.event {
        Event::Record(RecordEvent::TranscriptLineCommitted {
            person, start, end, text, ..
        }) => Some(Said { person: person.map(|person| person.to_string()), start, end, text }),
        _ => None,
    };
    all.into_iter().filter_map(said).collect()
}

/// The lines from this number on, as soon as one of them has the word.
async fn until_said(storage: &FaultyStorage, from: usize, word: &str) -> Vec<Said> {
    let began = Instant::now();
    loop {
        let mut said = lines(storage).await;
        if said.iter().skip(from).any(|said| said.text.to_lowercase().contains(word)) {
            return said.split_off(from);
        }
        assert!(began.elapsed() < PATIENCE, "{word} is not there: {said:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "speaks in real time with real weights: cargo test -p server --test it recognition -- --ignored"]
async fn what_is_spoken_on_the_record_and_nothing_else_becomes_lines() {
    let Some(model) = model() else { return };
    let storage = Arc::new(FaultyStorage::default());
    let mut definition = recorded_event();
    definition.policy.recording = true;
    create(&*storage, definition).await;
    let clock = Arc::new(Running(Instant::now()));
    let parts = Parts {
        storage: Arc::clone(&storage) as _,
        clock: Arc::clone(&clock) as _,
        random: Box::new(SplitMix(1)),
        links: key(),
    };
    let config = Config { recognition: Some(recognising(model)), ..loopback() };
    let server = Server::bind(config, parts).unwrap();
    let address = server.address();
    let client = Client::new(&format!("http://{address}")).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));
    let mut kazi = Socket::dial(address).await;
    kazi.hello(EVENT, &token("kazi"), None).await;
    kazi.welcome().await;
    kazi.must(Command::EnterStage).await;
    kazi.must(Command::OpenEvent).await;
    let status =
        |status| Command::SetRecordStatus { segment: parsed("introductory-remarks"), status };
    let speech = Speech { client, clock };

    let first = "Good morning. The new corridor joins Asia and Europe.";
    let Some((from, until)) = speech.speak(first).await else { return };
    let said = until_said(&storage, 0, "europe").await;
    assert!(said.iter().all(|said| said.person.as_deref() == Some("kazi")), "{said:?}");
    let near = |a: Timestamp, b: Timestamp| a.0.abs_diff(b.0) <= 1_000;
    let (first, last) = (&said[0], &said[said.len() - 1]);
    assert!(near(first.start, from) && near(last.end, until), "{from:?} {until:?} {said:?}");

    kazi.must(status(RecordStatus::OffTheRecord)).await;
    speech.speak("Nobody may ever know about the secret elephant.").await;
    kazi.must(status(RecordStatus::OnTheRecord)).await;
    let before = lines(&storage).await.len();
    speech.speak("Good morning. The new corridor joins Asia and Europe.").await;
    until_said(&storage, before, "europe").await;
    let all = lines(&storage).await;
    assert!(all.iter().all(|said| !said.text.contains("elephant")), "{all:?}");
    stop.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn weights_that_are_none_are_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("song.bin");
    for (content, why) in [(None, "cannot be read"), (Some("RIFF"), "not a ggml file")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let config = Config { recognition: Some(recognising(path.clone())), ..loopback() };
        let failed = Server::bind(config, parts().await).map(drop).unwrap_err();
        assert!(matches!(failed, ServeError::Recognition(_)));
        let text = failed.to_string();
        assert!(text.contains("song.bin") && text.contains(why), "{text}");
    }
}
