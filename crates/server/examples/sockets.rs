//! How many arrivals a second the server takes, and how long a message takes to all sockets.
//!
//! `cargo run --release -p server --example sockets -- [SOCKETS]` (5,000 unless told otherwise).
//! Everything is real: WebSockets over loopback, SQLite with durable appends. Server and clients
//! share the machine; the CPU time of the server's own thread is printed besides.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use base::{Clock, PersonId, Random, SplitMix, Timestamp};
use futures_util::{SinkExt, StreamExt};
use proceedings::testing::{START, reference_event};
use proceedings::{Actor, Event, Line, LobbyPolicy, Role, Tip};
use server::{Config, Limits, Parts, Rate, Server};
use storage::{LinkKey, Storage};
use storage_sqlite::{Options, SqliteStorage};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Handshakes under way at once.
const DIALLING_MAX: usize = 256;

/// Messages whose delay is measured.
const ROUNDS: usize = 20;

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or_default())
    }
}

#[expect(clippy::print_stdout, reason = "a measurement is printed")]
fn main() -> Result<()> {
    let sockets: usize = std::env::args().nth(1).map_or(Ok(5_000), |text| text.parse())?;
    let files = u64::try_from(2 * sockets + 100)?;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < files) {
        bail!("{files} open files are needed; the system allows {:?}", limit.maximum);
    }
    let raised = rustix::process::Rlimit { current: Some(files), maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)?;

    let folder = tempfile::tempdir()?;
    let key = LinkKey::new([7; 32]);
    let mut definition = reference_event();
    definition.policy.lobby = LobbyPolicy::Nobody;
    definition.policy.participants_max = 20_000;
    let event = definition.id.clone();
    let people: Vec<PersonId> =
        (0..sockets).map(|number| format!("p-{number}").parse()).collect::<Result<_, _>>()?;

    let serving = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("server")
        .enable_all()
        .build()?;
    let path = folder.path().join("plenary.db");
    let (address, server) = serving.block_on(async {
        let storage = SqliteStorage::open(&path, Options::default()).await?;
        let created = Event::EventCreated { definition: Box::new(definition) };
        let first = Line::after(Tip::default(), START, Actor::Operator, created);
        storage.create_event(&first).await?;
        let registered = people.iter().map(|id| Event::PersonRegistered {
            person: Box::new(proceedings::testing::person(id.as_str(), "X", Role::Participant)),
        });
        let lines = Line::all_after(first.tip(), START, &Actor::Server, registered.collect());
        storage.append(&event, &lines).await?;
        for person in people.iter().chain([&"kazi".parse()?]) {
            storage.put_link(&event, person, 0, key.token(&event, person, 0).hash()).await?;
        }
        let wide = Rate { burst: 1_000_000, per_second: 1e6 };
        let parts = Parts {
            storage: Arc::new(storage),
            clock: Arc::new(SystemClock),
            random: Box::new(SplitMix(1)) as Box<dyn Random>,
            links: key.clone(),
        };
        let config = Config {
            limits: Limits { registrations: wide, bad_tokens: wide, hellos: wide },
            ..Config::on(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
        };
        let server = Server::bind(config, parts)?;
        anyhow::Ok((server.address(), server))
    })?;
    serving.spawn(server.run(std::future::pending()));

    let clients =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    clients.block_on(async {
        let hello = |person: &PersonId| {
            let token = key.token(&event, person, 0);
            format!(
                r#"{{"type":"hello","event":"{event}","token":"{}","resume":null}}"#,
                token.expose()
            )
        };
        // Greeting is what is measured; the connections are there before, as in a reconnect storm
        // that the system has accepted.
        let mut opened: Vec<Socket> = Vec::with_capacity(sockets);
        let mut dialling = tokio::task::JoinSet::new();
        for _ in 0..sockets {
            if dialling.len() >= DIALLING_MAX
                && let Some(socket) = dialling.join_next().await
            {
                opened.push(socket??);
            }
            dialling.spawn(async move { dial(address).await });
        }
        while let Some(socket) = dialling.join_next().await {
            opened.push(socket??);
        }
        let (begin, before) = (Instant::now(), cpu_of_server()?);
        let mut greeting = tokio::task::JoinSet::new();
        for (mut socket, person) in opened.into_iter().zip(&people) {
            let hello = hello(person);
            greeting.spawn(async move {
                socket.send(Message::text(hello)).await?;
                expect(&mut socket, "welcome").await?;
                anyhow::Ok(socket)
            });
        }
        let mut welcomed = Vec::with_capacity(sockets);
        while let Some(socket) = greeting.join_next().await {
            welcomed.push(socket??);
        }
        let took = begin.elapsed();
        let cpu = cpu_of_server()?.saturating_sub(before);
        println!(
            "arrivals: {sockets} sockets welcomed in {took:.2?}, {:.0} a second; the server's \
             thread used {cpu:.2?}, enough for {:.0} a second",
            sockets as f64 / took.as_secs_f64(),
            sockets as f64 / cpu.as_secs_f64().max(0.01),
        );

        // Each reader notes when the change of a round reached it.
        let mut moderator = dial(address).await?;
        moderator.send(Message::text(hello(&"kazi".parse()?))).await?;
        expect(&mut moderator, "welcome").await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let epoch = Instant::now();
        let sent_at: Arc<Vec<AtomicU64>> =
            Arc::new((0..ROUNDS).map(|_| AtomicU64::new(0)).collect());
        let mut readers = tokio::task::JoinSet::new();
        for mut socket in welcomed {
            let sent_at = Arc::clone(&sent_at);
            readers.spawn(async move {
                let mut delays = Vec::with_capacity(ROUNDS);
                while delays.len() < ROUNDS {
                    let text = expect(&mut socket, "changed").await?;
                    if text.contains(r#""locked""#) {
                        let now = u64::try_from(epoch.elapsed().as_micros())?;
                        delays.push(now - sent_at[delays.len()].load(Ordering::SeqCst));
                    }
                }
                anyhow::Ok((socket, delays))
            });
        }
        let before = cpu_of_server()?;
        for round in 0..ROUNDS {
            let act = if round % 2 == 0 { "lock" } else { "unlock" };
            let command =
                format!(r#"{{"type":"command","id":{round},"command":{{"do":"{act}"}}}}"#);
            sent_at[round].store(u64::try_from(epoch.elapsed().as_micros())?, Ordering::SeqCst);
            moderator.send(Message::text(command)).await?;
            expect(&mut moderator, "accepted").await?;
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        let mut delays = Vec::with_capacity(sockets * ROUNDS);
        while let Some(reader) = readers.join_next().await {
            delays.extend(reader??.1);
        }
        let cpu = cpu_of_server()?.saturating_sub(before);
        delays.sort_unstable();
        let at = |share: f64| {
            let index = (delays.len() as f64 * share) as usize;
            delays.get(index.min(delays.len() - 1)).copied().unwrap_or_default() as f64 / 1_000.0
        };
        println!(
            "broadcast: {ROUNDS} changes to {sockets} sockets, from the moderator's command over \
             the disk to each reader: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms; server CPU \
             {:.1} ms a change",
            at(0.5),
            at(0.99),
            at(1.0),
            cpu.as_secs_f64() * 1_000.0 / ROUNDS as f64
        );
        anyhow::Ok(())
    })?;
    serving.shutdown_background();
    Ok(())
}

async fn dial(address: SocketAddr) -> Result<Socket> {
    let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/api/live")).await?;
    Ok(socket)
}

/// Reads until a message of this type.
async fn expect(socket: &mut Socket, kind: &str) -> Result<String> {
    let begin = format!(r#"{{"type":"{kind}""#);
    loop {
        let message = tokio::time::timeout(Duration::from_secs(60), socket.next());
        match message.await?.context("the server closed")?? {
            Message::Text(text) if text.starts_with(&begin) => return Ok(text.to_string()),
            Message::Text(text) if text.contains(r#""type":"end""#) => bail!("{text}"),
            _ => {}
        }
    }
}

/// CPU time of the server's worker threads (`/proc/self/task/*/stat`, proc(5)).
fn cpu_of_server() -> Result<Duration> {
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let stat = std::fs::read_to_string(task?.path().join("stat"))?;
        let Some((name, rest)) = stat.rsplit_once(')') else { continue };
        if name.ends_with("(server") {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            for field in [11, 12] {
                ticks += fields.get(field).context("a field")?.parse::<u64>()?;
            }
        }
    }
    Ok(Duration::from_millis(ticks * 1_000 / ticks_per_second))
}
