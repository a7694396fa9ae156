//! People come and go, in good order and without a word, for as long as wanted, and in the end
//! nothing is left of them: no session, no task, no open file, no memory. `make soak` lets it run
//! for half an hour, an ordinary test run for three rounds. A program of its own, for it watches
//! its own memory.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![expect(clippy::print_stdout, reason = "the figures of half an hour are to be seen")]

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{EventId, ManualClock, PersonId, SplitMix};
use loadtest::clip::{Picture, Sound};
use loadtest::http::Server;
use loadtest::ledger::{Kind, Ledger};
use loadtest::live::Live;
use loadtest::session::Session;
use loadtest::whep::{self, Receiver, Wants};
use loadtest::whip::{self, Media, Publisher};
use proceedings::testing::{START, parsed, reference_event};
use proceedings::{Actor, Command, Event, Line, Tip};
use server::{Limits, Parts, Rate};
use sfu::{Sfu, SfuConfig, Statistics};
use storage::{LinkKey, Storage};
use storage_sqlite::SqliteStorage;

const MINUTES_VARIABLE: &str = "PLENARY_SOAK_MINUTES";
const EVENT: &str = "russian-diplomats-day";

/// Rounds of an ordinary test run.
const ROUNDS_MIN: usize = 3;

/// How long the people of a round stay.
const STAY: Duration = Duration::from_millis(1_200);

/// A viewer hears something within this time on a machine that is busy with other things.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

/// Peers that vanished are given up after this time at the latest (`CONNECT_MAX` in the worker).
const FORGOTTEN: Duration = Duration::from_secs(40);

/// Rounds from which on memory is compared: before that caches fill and the allocator spreads.
const WARM_ROUNDS: usize = 20;

/// Growth from then on: what the allocator's fragments may cost, far below what one lost session a
/// round would.
const GROWTH_MAX: u64 = 12 << 20;

struct House {
    sfu: Sfu,
    server: Server,
    udp: SocketAddr,
    ledger: Arc<Ledger>,
    clips: [(Arc<Sound>, Arc<Picture>); 2],
    offer: String,
    _folder: tempfile::TempDir,
}

fn token(person: &str) -> String {
    let key = LinkKey::new([7; 32]);
    key.token(&parsed(EVENT), &parsed(person), 0).expose().to_owned()
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("soak.sqlite");
        let storage = SqliteStorage::open(&file, Default::default()).await.unwrap();
        let storage = Arc::new(storage);
        let definition = reference_event();
        let people: Vec<PersonId> = definition.people.iter().map(|p| p.id.clone()).collect();
        let created = Event::EventCreated { definition: Box::new(definition) };
        let first = Line::after(Tip::default(), START, Actor::Operator, created);
        storage.create_event(&first).await.unwrap();
        for person in people {
            let hash = LinkKey::new([7; 32]).token(&parsed(EVENT), &person, 0).hash();
            storage.put_link(&parsed(EVENT), &person, 0, hash).await.unwrap();
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let udp = socket.local_addr().unwrap();
        let config = SfuConfig { udp: vec![socket], announce: vec![udp], subscriber: None };
        let (sfu, events) = Sfu::start(config).unwrap();
        let wide = Rate { burst: 1_000_000, per_second: 1e6 };
        let limits = Limits { registrations: wide, bad_tokens: wide, hellos: wide };
        let parts = Parts {
            storage,
            clock: Arc::new(ManualClock::new(START)),
            random: Box::new(SplitMix(1)),
            links: LinkKey::new([7; 32]),
        };
        let router = server::app(parts, Arc::new(sfu.clone()), events, limits);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });

        let mut ledger = Ledger::new(Instant::now());
        let voices = loadtest::bundle::voices(&parsed("en"));
        let clips = ["kazi", "ganich"].map(|name| {
            let number = usize::from(name == "ganich");
            let sound = voices[number].sound().unwrap();
            let picture = loadtest::bundle::picture(number).unwrap().unwrap();
            ledger.enter_sound(&parsed(name), &sound).unwrap();
            ledger.enter_picture(&parsed(name), Kind::Camera, &picture).unwrap();
            (Arc::new(sound), Arc::new(picture))
        });
        let offer = include_str!("../../sfu/tests/it/chromium-whep.sdp").to_owned();
        let server = Server::new(&url).unwrap();
        Self { sfu, server, udp, ledger: Arc::new(ledger), clips, offer, _folder: folder }
    }

    async fn join(&self, person: &str) -> Live {
        Live::join(&self.server, &event(), &token(person)).await.unwrap()
    }

    async fn publish(&self, person: &str) -> Publisher {
        let (sound, picture) = self.clips[usize::from(person == "ganich")].clone();
        let media = Media { sound: Some(sound), picture: Some(picture) };
        let (path, ledger) = (whip::camera_path(&event()), Arc::clone(&self.ledger));
        let joined = Publisher::join(&self.server, &path, &token(person), media, ledger).await;
        let mut publisher = joined.unwrap();
        publisher.connection.connected().await.unwrap();
        publisher
    }

    async fn watch(&self, person: &str) -> Receiver {
        let (path, ledger) = (whep::path(&event()), Arc::clone(&self.ledger));
        let token = token(person);
        let joined = Receiver::join(&self.server, &path, &token, Wants::Everything, ledger).await;
        let mut receiver = joined.unwrap();
        receiver.connection.connected().await.unwrap();
        receiver
    }

    /// People of every sort come, stay a moment, and go.
    async fn round(&self, number: usize, random: &mut SplitMix) {
        let mut lives = Vec::new();
        for person in ["desk", "anwar", "bilal", "booth-ru", "sehgal"] {
            lives.push(self.join(person).await);
        }
        let speaker = self.publish("ganich").await;
        let mut viewers = Vec::new();
        for person in ["anwar", "bilal", "booth-ru", "sehgal"] {
            viewers.push(self.watch(person).await);
        }
        // Who asks and never comes, who has no right, and noise.
        let path = whep::path(&event());
        let asked = Session::post(&self.server, &path, &token("desk"), self.offer.clone()).await;
        assert!(asked.is_ok());
        let strange = Session::post(&self.server, &path, "nonsense", self.offer.clone()).await;
        assert!(strange.is_err());
        let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
        let inputs = hostile::corpus("datagram");
        for _ in 0..50 {
            noise.send_to(&hostile::mutate(&inputs, random), self.udp).unwrap();
        }
        tokio::time::sleep(STAY).await;
        for (at, viewer) in viewers.into_iter().enumerate() {
            let heard = || viewer.reception(|reception| reception.voice_delay.count());
            let late = Instant::now() + HEARD_WITHIN;
            while heard() <= 10 {
                assert!(Instant::now() < late, "viewer {at} of round {number} heard {}", heard());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if (at + number).is_multiple_of(2) {
                viewer.leave().await.1.unwrap();
            } else {
                viewer.connection.vanish().await;
            }
        }
        if number.is_multiple_of(2) {
            speaker.leave().await.unwrap();
        } else {
            speaker.connection.vanish().await;
        }
        for (at, live) in lives.into_iter().enumerate() {
            if at.is_multiple_of(2) {
                live.leave().await;
            }
        }
    }

    /// Waits until the engine has no session of anybody.
    async fn empty(&self, patience: Duration) -> Statistics {
        let end = Instant::now() + patience;
        loop {
            let statistics = self.sfu.statistics().await;
            if (statistics.publishers, statistics.receivers) == (0, 0) {
                return statistics;
            }
            assert!(Instant::now() < end, "sessions are left: {statistics:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn event() -> EventId {
    parsed(EVENT)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_people_who_came_and_went() {
    let minutes: Option<f64> = std::env::var(MINUTES_VARIABLE).ok().and_then(|n| n.parse().ok());
    let end = minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(60.0 * minutes));
    let house = House::open().await;
    let (moderator, speaker) = (house.join("kazi").await, house.join("ganich").await);
    moderator.command(Command::EnterStage).await.unwrap();
    for command in
        [Command::EnterStage, Command::SetCamera { on: true }, Command::SetMicrophone { on: true }]
    {
        speaker.command(command).await.unwrap();
    }
    moderator.command(Command::OpenEvent).await.unwrap();
    moderator.command(Command::NextSegment).await.unwrap();
    let before = Footprint::now();

    let mut random = SplitMix(1);
    let mut sizes = Vec::new();
    while sizes.len() < ROUNDS_MIN || end.is_some_and(|end| Instant::now() < end) {
        house.round(sizes.len(), &mut random).await;
        sizes.push(Footprint::now().bytes);
        if minutes.is_some() && sizes.len().is_multiple_of(10) {
            println!("round {}: {} MB", sizes.len(), sizes[sizes.len() - 1] >> 20);
        }
    }

    if minutes.is_some() {
        house.empty(FORGOTTEN).await;
    }
    moderator.command(Command::CloseEvent).await.unwrap();
    let statistics = house.empty(Duration::from_secs(5)).await;
    assert_eq!((statistics.panics_caught, statistics.peers_failed), (0, 0), "{statistics:?}");
    assert_eq!(statistics.datagrams_unsent, 0, "{statistics:?}");
    moderator.leave().await;
    speaker.leave().await;
    let after = Footprint::settled(before).await;
    println!("{} rounds, {before:?} before, {after:?} after, {statistics:?}", sizes.len());
    assert!(after.files <= before.files, "files are left open: {before:?} {after:?}");
    assert!(after.tasks <= before.tasks, "tasks are left: {before:?} {after:?}");
    if sizes.len() >= 3 * WARM_ROUNDS {
        let typical = |sizes: &[u64]| {
            let mut sorted = sizes.to_vec();
            sorted.sort_unstable();
            sorted[sorted.len() / 2]
        };
        let early = typical(&sizes[WARM_ROUNDS..2 * WARM_ROUNDS]);
        let late = typical(&sizes[sizes.len() - WARM_ROUNDS..]);
        println!("memory: {} MB early, {} MB late", early >> 20, late >> 20);
        assert!(late < early + GROWTH_MAX, "memory grows: {sizes:?}");
    }
}

/// What this process holds.
#[derive(Debug, Clone, Copy)]
struct Footprint {
    bytes: u64,
    files: usize,
    tasks: usize,
}

impl Footprint {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            bytes: pages * 4_096,
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        }
    }

    /// Once connections that were just closed are gone, or after a while.
    async fn settled(before: Self) -> Self {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let now = Self::now();
            let is_settled = now.files <= before.files && now.tasks <= before.tasks;
            if is_settled || Instant::now() >= end {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
