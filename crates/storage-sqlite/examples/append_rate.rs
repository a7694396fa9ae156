//! How many appends a second are acknowledged as durable, from many tasks at once.
//!
//! `cargo run --release -p storage-sqlite --example append_rate -- [TASKS] [SECONDS] [FOLDER]`
//!
//! Each task is an event of its own and appends one line after another, each once the one before
//! is durable. The floor beside it is what the disk allows without group commit: one flush for
//! each line. FOLDER should be on the disk that will hold the database; the default is the present
//! folder, because `/tmp` may be memory.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::EventId;
use proceedings::testing::START;
use storage::Storage;
use storage::testing::{first_line, lines_after};
use storage_sqlite::{Options, SqliteStorage};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse::<u64>());
    let (tasks, seconds) = (number(0, 64)?, number(1, 5)?);
    let folder = tempfile::tempdir_in(arguments.get(2).map_or(".", String::as_str))?;

    let floor = flushes_a_second(&folder.path().join("flushes"))?;
    println!("{floor:8.0} flushes of one line a second (write and fdatasync, one after another)");

    let path = folder.path().join("plenary.db");
    let storage = Arc::new(SqliteStorage::open(&path, Options::default()).await?);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut running = Vec::new();
    for task in 0..tasks {
        let event: EventId = format!("event-{task}").parse()?;
        let first = first_line(&event, START);
        storage.create_event(&first).await?;
        let storage = Arc::clone(&storage);
        running.push(tokio::spawn(async move {
            let mut tip = first.tip();
            let mut waited = Vec::new();
            while Instant::now() < end {
                let lines = lines_after(tip, 1);
                let asked = Instant::now();
                storage.append(&event, &lines).await?;
                waited.push(asked.elapsed());
                tip = lines.last().map_or(tip, proceedings::Line::tip);
            }
            anyhow::Ok(waited)
        }));
    }
    let started = end - Duration::from_secs(seconds);
    let mut waited = Vec::new();
    for task in running {
        waited.extend(task.await??);
    }
    let elapsed = started.elapsed().as_secs_f64();
    waited.sort();
    let at = |part: usize| {
        waited.get(waited.len().saturating_sub(1) * part / 100).copied().unwrap_or_default()
    };
    let rate = waited.len() as f64 / elapsed;
    println!("{rate:8.0} durable appends a second from {tasks} tasks: {:.1} a flush", rate / floor);
    println!("         waited p50 {:.1?}, p99 {:.1?}, max {:.1?}", at(50), at(99), at(100));
    storage.close().await;
    Ok(())
}

fn flushes_a_second(path: &std::path::Path) -> anyhow::Result<f64> {
    let mut file = File::create(path)?;
    let started = Instant::now();
    let mut flushes = 0;
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&[b'x'; 400])?;
        file.sync_data()?;
        flushes += 1;
    }
    Ok(f64::from(flushes) / started.elapsed().as_secs_f64())
}
