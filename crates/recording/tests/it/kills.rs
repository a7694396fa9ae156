//! A recorder that is killed again and again: every file plays, and at most its last second is
//! missing.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Random, SplitMix};
use forwarding::sink::{Place, Record};
use recording::{Config, LocalDisk, Recorder, read_index, recover};

use super::feed::{Speaker, Wall, decoded, event, make_picture, record};

/// Set for the process that is to be killed: the folder of its recordings.
const FOLDER: &str = "PLENARY_TEST_RECORDINGS";

const KILLS: usize = 100;

/// Processes at once.
const SIDE_BY_SIDE: usize = 5;

/// The process that is killed: not a test, but what the one below starts.
#[test]
#[ignore = "started by the test below, and killed"]
fn process_that_records_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = PathBuf::from(folder);
    let config = Config { folder: folder.clone(), instant: Instant::now };
    let recorder = Recorder::start(config, Arc::new(LocalDisk), Arc::new(Wall)).expect("it starts");
    let to = recorder.subscriber();
    let picture = folder.with_file_name("picture.ivf");
    let mut kazi = Speaker::new("kazi", 1, 300.0, &picture, Arc::clone(&to));
    record(&*to, Record::Off, Record::Attributed);
    kazi.open(Place::Main, Record::Attributed);
    let mut out = std::io::stderr();
    loop {
        kazi.step();
        writeln!(out, "sent {}", kazi.sent_ms()).expect("somebody listens");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the figure is what docs/PERFORMANCE.md quotes")]
fn a_hundred_kills_cost_at_most_the_last_second() {
    let folder = tempfile::tempdir().expect("a folder");
    make_picture(&folder.path().join("picture.ivf"), "320x240");
    let mut random = SplitMix(20_210_209);
    let mut worst_ms = 0;
    for round in 0..KILLS / SIDE_BY_SIDE {
        let handles: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|lane| {
                let path = folder.path().join(format!("{round}-{lane}"));
                let wait = Duration::from_micros(200_000 + random.next_u64() % 1_400_000);
                std::thread::spawn(move || kill_one(&path, wait))
            })
            .collect();
        for handle in handles {
            worst_ms = handle.join().expect("no assertion failed").max(worst_ms);
        }
    }
    println!("figure: {KILLS} kills, at most {worst_ms} ms of a recording lost");
}

/// Starts a recorder, kills it after a while, takes up what it left; returns what is missing.
fn kill_one(folder: &Path, wait: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "kills::process_that_records_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let reader = std::thread::spawn(move || {
        let sent = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("sent ").and_then(|ms| ms.parse::<u64>().ok()));
        sent.last().unwrap_or(0)
    });
    std::thread::sleep(wait);
    child.kill().expect("SIGKILL");
    child.wait().expect("it has ended");
    let sent_ms = reader.join().expect("read");

    let recovery = recover(folder);
    assert_eq!(recovery.failed, 0, "{recovery:?}");
    assert_eq!(recover(folder).finished, 0, "a second time there is nothing to do");
    let event_folder = folder.join(event().as_str());
    let index = read_index(&event_folder).expect("an index");
    if sent_ms > 1_100 {
        assert_eq!((index.takes.len(), index.programme.len()), (2, 1), "after {sent_ms} ms");
    }
    let files = index.takes.iter().map(|take| (&take.file, take.duration, take.kind == "camera"));
    let files = files.chain(index.programme.iter().map(|p| (&p.file, p.duration, true)));
    let mut missing_ms = 0;
    for (file, duration, has_picture) in files {
        let path = event_folder.join(file);
        let lasts = duration.expect("finished").0;
        let missing = sent_ms.saturating_sub(lasts);
        assert!(missing <= 1_000, "{file}: {missing} ms of {sent_ms} are missing");
        missing_ms = missing.max(missing_ms);
        let (frames, complaints) = decoded(&path, if has_picture { "v:0" } else { "a:0" });
        assert_eq!(complaints, "", "{file} after {sent_ms} ms");
        assert!(frames > 0 || lasts == 0, "{file}");
    }
    missing_ms
}
