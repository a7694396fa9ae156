//! A process that appends is killed at random moments; whatever it acknowledged is there.

#![expect(clippy::print_stdout, reason = "the child tells its parent what was acknowledged")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base::{EventId, Random, Sequence, SplitMix};
use proceedings::testing::{START, parsed};
use storage::testing::{first_line, lines_after};
use storage::{Storage, load};

use crate::story::open;

/// Names the database to the child; without it the child's part does nothing.
const CHILD_DATABASE: &str = "PLENARY_CRASH_CHILD_DATABASE";

/// Number of kills; the promise of the project is checked with at least a hundred.
const KILLS: &str = "PLENARY_CRASH_KILLS";

const EVENTS: usize = 4;

fn event(number: usize) -> EventId {
    parsed(&format!("event-{number}"))
}

/// The child's part: appends to several events at once until it is killed, and prints the number of
/// each event's last line once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_appends_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_DATABASE) else { return };
    let storage = Arc::new(open(Path::new(&path)).await);
    let mut tasks = Vec::new();
    for number in 0..EVENTS {
        let storage = Arc::clone(&storage);
        tasks.push(tokio::spawn(async move {
            let event = event(number);
            let lines = load(&*storage, &event).await.expect("whole").expect("the event");
            let mut tip = lines.last().expect("a line").tip();
            for count in (1..40).cycle() {
                let lines = lines_after(tip, count);
                storage.append(&event, &lines).await.expect("appended");
                tip = lines.last().expect("a line").tip();
                println!("acknowledged {number} {}", tip.sequence.0);
            }
        }));
    }
    for task in tasks {
        task.await.expect("endless");
    }
}

#[tokio::test]
async fn no_acknowledged_line_is_lost_by_a_kill() {
    let kills: u32 = std::env::var(KILLS).map_or(20, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plenary.db");
    let storage = open(&path).await;
    for number in 0..EVENTS {
        storage.create_event(&first_line(&event(number), START)).await.expect("created");
    }
    storage.close().await;

    // Any seed will do: what is killed when is up to the machine all the same.
    let mut random = SplitMix(u64::from(std::process::id()));
    let mut survived = BTreeMap::new();
    for kill in 0..kills {
        let acknowledged = run_and_kill(&path, Duration::from_millis(random.below(60)));
        assert!(!acknowledged.is_empty(), "the child came to work before kill {kill}");
        let storage = open(&path).await;
        assert_eq!(storage.check().await, Ok(()));
        for number in 0..EVENTS {
            let event = event(number);
            let lines = load(&storage, &event).await.expect("whole").expect("the event");
            let last = lines.last().expect("a line").sequence;
            let promised = acknowledged.get(&number).copied().unwrap_or_default();
            assert!(last >= promised, "kill {kill}: {last:?} of {event} < {promised:?}");
            assert!(last >= survived.get(&number).copied().unwrap_or_default());
            survived.insert(number, last);
        }
        storage.close().await;
    }
    let lines: u64 = survived.values().map(|sequence: &Sequence| sequence.0).sum();
    println!("{kills} kills survived, {lines} lines");
}

/// Runs the child, kills it a while after its first acknowledgement, and returns what it
/// acknowledged last for each event.
fn run_and_kill(path: &Path, delay: Duration) -> BTreeMap<usize, Sequence> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "crash::child_appends_until_it_is_killed", "--nocapture"])
        .env(CHILD_DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let output = child.stdout.take().expect("its output");
    let (begun, wait) = std::sync::mpsc::channel();
    let killer = std::thread::spawn(move || {
        // A child that never begins is killed as well, and the test then fails.
        let _ = wait.recv_timeout(Duration::from_secs(30));
        std::thread::sleep(delay);
        child.kill().expect("killed");
        child.wait().expect("dead");
    });
    let mut last = BTreeMap::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8(line.expect("output")).expect("text");
        // The last line may have been cut in the middle; it then promises less.
        if let ["acknowledged", number, sequence] = line.split(' ').collect::<Vec<_>>()[..]
            && let (Ok(number), Ok(sequence)) = (number.parse(), sequence.parse())
        {
            last.insert(number, Sequence(sequence));
            let _ = begun.send(());
        }
    }
    killer.join().expect("killed");
    last
}
