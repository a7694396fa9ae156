//! How many appends a second are acknowledged as durable, from many tasks at once.
//!
//! `cargo run --release -p storage-sqlite --example append_rate -- [TASKS] [SECONDS] [FOLDER]`
//!
//! Each task is an event of its own and appends one line after another, each once the one before
//! is durable. The floor beside it is what the disk allows without group commit: one flush for
//! each line. FOLDER should be on the disk that will hold the database; the default is the present
//! folder, because `/tmp` may be memory. Then all people of one large event arrive at once.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{ConnectionId, EventId};
use proceedings::testing::{START, parsed, person, reference_event};
use proceedings::{Actor, Command, Event, EventState, Line, LobbyPolicy, Role, Tip, decide};
use storage::Storage;
use storage::testing::{first_line, lines_after};
use storage_sqlite::{Options, SqliteStorage};

/// People of one event who all arrive, and arrivals that the server judges and writes at once.
const PEOPLE: usize = 10_000;
const BATCH: usize = 256;

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
                tip = lines.last().map_or(tip, Line::tip);
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
    let rate = arrivals_a_second(&*storage).await?;
    println!("{rate:8.0} arrivals a second at one event of {PEOPLE} people, {BATCH} a batch");
    storage.close().await;
    Ok(())
}

/// Everybody arrives at one event: judged, applied, chained and stored in batches, as the server
/// does it.
async fn arrivals_a_second(storage: &dyn Storage) -> anyhow::Result<f64> {
    let event: EventId = "arrivals".parse()?;
    let mut definition = reference_event();
    definition.id = event.clone();
    definition.policy.lobby = LobbyPolicy::Nobody;
    definition.policy.participants_max = PEOPLE as u32;
    let created = Event::EventCreated { definition: Box::new(definition.clone()) };
    let first = Line::after(Tip::default(), START, Actor::Operator, created);
    storage.create_event(&first).await?;
    let (mut state, mut tip) = (EventState::new(definition), first.tip());
    let ids = (0..PEOPLE).map(|number| format!("p-{number}"));
    let registrations: Vec<_> = ids
        .clone()
        .map(|id| Command::Register { person: person(&id, "Participant", Role::Participant) })
        .collect();
    let arrivals: Vec<_> = ids
        .map(|id| Command::Arrive { person: parsed(&id), connection: ConnectionId(1) })
        .collect();
    let mut elapsed = Duration::ZERO;
    for commands in [registrations, arrivals] {
        let started = Instant::now();
        for batch in commands.chunks(BATCH) {
            let mut lines = Vec::new();
            for command in batch {
                let events = decide(&state, START, &Actor::Server, command)?;
                events.iter().for_each(|event| state.apply(START, event));
                let last = lines.last().map_or(tip, Line::tip);
                lines.extend(Line::all_after(last, START, &Actor::Server, events));
            }
            storage.append(&event, &lines).await?;
            tip = lines.last().map_or(tip, Line::tip);
        }
        elapsed = started.elapsed();
    }
    Ok(PEOPLE as f64 / elapsed.as_secs_f64())
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
    std::fs::remove_file(path)?;
    Ok(f64::from(flushes) / started.elapsed().as_secs_f64())
}
