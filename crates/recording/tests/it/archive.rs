//! Finished recordings in an S3 server, which goes away and comes back.

use std::fs;
use std::io::{Read, Seek};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{EventId, Timestamp};
use futures_util::TryStreamExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use recording::{Archive, ArchiveError, Index, Programme, S3, Status, TakeEntry};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const BUCKET: &str = "recordings";
const SECRET: &str = "a-secret-of-the-test";

/// Longer than one part, so that it is carried in several.
const LONG_BYTES: usize = (17 << 20) + 12_345;

/// An S3 server on loopback, over a folder.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(root: &Path, address: Option<SocketAddr>) -> Self {
        fs::create_dir_all(root.join(BUCKET)).expect("a bucket");
        let mut builder =
            S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).expect("a file system"));
        builder.set_auth(SimpleAuth::from_single("plenary", SECRET));
        let service = builder.build();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = TcpListener::bind(address.unwrap_or(any)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    // A client that hangs up is no failure.
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, task }
    }

    /// Ends it with all its connections.
    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    fn settings(&self) -> S3 {
        S3 {
            bucket: BUCKET.to_owned(),
            prefix: "council/2021".to_owned(),
            endpoint: Some(format!("http://{}", self.address)),
            region: "us-east-1".to_owned(),
            access_key: "plenary".to_owned(),
            secret_key: SECRET.to_owned(),
        }
    }
}

fn event() -> EventId {
    "rpr".parse().expect("an id")
}

fn long() -> Vec<u8> {
    (0..LONG_BYTES).map(|at| (at * 31 % 251) as u8).collect()
}

/// The folder of an event that was recorded and closed.
fn recorded(folder: &Path) -> PathBuf {
    let own = folder.join(event().as_str());
    fs::create_dir_all(own.join("takes")).expect("a folder");
    let take = |file: &str| TakeEntry {
        file: file.to_owned(),
        person: None,
        kind: "microphone".to_owned(),
        codec: "opus".to_owned(),
        status: Status::OnTheRecord,
        began_at: Timestamp(0),
        duration: None,
    };
    let index = Index {
        event: Some(event()),
        programme: vec![Programme {
            file: "programme-001.webm".to_owned(),
            status: Status::OnTheRecord,
            duration: None,
            spans: Vec::new(),
        }],
        takes: vec![take("takes/0001-kazi-microphone.webm"), take("../outside.webm")],
        chapters: Vec::new(),
    };
    fs::write(own.join("programme-001.webm"), long()).expect("a file");
    fs::write(own.join("takes/0001-kazi-microphone.webm"), b"kazi").expect("a file");
    fs::write(folder.join("outside.webm"), b"outside").expect("a file");
    fs::write(own.join("index.json"), serde_json::to_vec(&index).expect("JSON")).expect("a file");
    own
}

async fn read(archive: &Archive, file: &str, range: std::ops::Range<u64>) -> Vec<u8> {
    let pieces = archive.read(&event(), file, range).await.expect("it is there");
    pieces.try_collect::<Vec<_>>().await.expect("it comes").concat()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_event_is_carried_checked_and_read_from_the_store() {
    let (local, remote) =
        (tempfile::tempdir().expect("it works"), tempfile::tempdir().expect("it works"));
    let own = recorded(local.path());
    let server = Server::start(remote.path(), None).await;
    let archive =
        Archive::s3(local.path().to_owned(), &server.settings(), false).expect("it works");
    archive.check().await.expect("the store takes, gives and removes");
    archive.carry(&event()).await.expect("it is carried");

    assert!(!own.join("programme-001.webm").exists());
    assert!(!own.join("takes/0001-kazi-microphone.webm").exists());
    assert!(own.join("index.json").exists(), "what was recorded is still known here");
    assert!(local.path().join("outside.webm").exists(), "a name that leads out leads nowhere");
    let there = remote.path().join(BUCKET).join("council/2021/rpr");
    assert_eq!(fs::read(there.join("programme-001.webm")).expect("it works"), long());
    assert!(there.join("index.json").exists());

    let stored = archive.stored(&event()).await.expect("it works");
    assert_eq!(stored.len(), 2);
    assert_eq!(stored["programme-001.webm"].bytes, LONG_BYTES as u64);
    let part = read(&archive, "programme-001.webm", 9_000_000..9_000_100).await;
    assert_eq!(part, long()[9_000_000..9_000_100]);
    assert_eq!(read(&archive, "takes/0001-kazi-microphone.webm", 0..4).await, b"kazi");
    let mut back = tempfile::tempfile().expect("it works");
    archive.fetch(&event(), "programme-001.webm", &mut back).await.expect("it comes back");
    let mut bytes = Vec::new();
    back.rewind().expect("it works");
    back.read_to_end(&mut bytes).expect("it works");
    assert!(bytes == long());
    let unknown = archive.fetch(&event(), "takes/0002.webm", &mut back).await;
    assert!(matches!(unknown, Err(ArchiveError::NotStored { .. })), "{unknown:?}");

    // A byte that changes in the store is noticed.
    let altered = there.join("takes/0001-kazi-microphone.webm");
    fs::write(&altered, b"KAZI").expect("it works");
    let noticed = archive.fetch(&event(), "takes/0001-kazi-microphone.webm", &mut back).await;
    assert!(matches!(noticed, Err(ArchiveError::Altered { .. })), "{noticed:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_delays_and_loses_nothing() {
    let (local, remote) =
        (tempfile::tempdir().expect("it works"), tempfile::tempdir().expect("it works"));
    let own = recorded(local.path());
    let server = Server::start(remote.path(), None).await;
    let (address, settings) = (server.address, server.settings());
    server.stop().await;

    let archive = Archive::s3(local.path().to_owned(), &settings, false).expect("it works");
    let archive = Arc::new(archive);
    let health = archive.health();
    let running = tokio::spawn({
        let archive = Arc::clone(&archive);
        async move { archive.run().await }
    });
    until("it is told that the store is away", || health.borrow().failing).await;
    assert!(health.borrow().waiting.contains(&event()));
    assert!(own.join("programme-001.webm").exists());

    // The process ends and starts again, and so does the store.
    running.abort();
    let _ = running.await;
    let server = Server::start(remote.path(), Some(address)).await;
    let archive =
        Arc::new(Archive::s3(local.path().to_owned(), &settings, false).expect("it works"));
    let health = archive.health();
    let running = tokio::spawn({
        let archive = Arc::clone(&archive);
        async move { archive.run().await }
    });
    until("everything is carried", || !own.join("programme-001.webm").exists()).await;
    until("nothing waits", || health.borrow().waiting.is_empty()).await;
    assert!(!health.borrow().failing);
    assert_eq!(read(&archive, "programme-001.webm", 0..10).await, long()[..10]);
    running.abort();
    server.stop().await;
}

/// The store goes away in the middle of a file: what was stored before is not carried again, and
/// nothing here is removed.
#[tokio::test(flavor = "multi_thread")]
async fn the_store_goes_away_in_the_middle_and_returns() {
    let (local, remote) =
        (tempfile::tempdir().expect("it works"), tempfile::tempdir().expect("it works"));
    let own = recorded(local.path());
    let server = Server::start(remote.path(), None).await;
    let (address, settings) = (server.address, server.settings());
    let archive = Archive::s3(local.path().to_owned(), &settings, false).expect("it works");
    // The files go by name; of the second the local copy is not to be read any more.
    let take = own.join("takes/0001-kazi-microphone.webm");
    let aside = local.path().join("aside");
    fs::rename(&take, &aside).expect("it works");
    assert!(matches!(archive.carry(&event()).await, Err(ArchiveError::Folder(_))));
    assert_eq!(archive.stored(&event()).await.expect("it works").len(), 1);
    fs::rename(&aside, &take).expect("it works");
    server.stop().await;
    assert!(matches!(archive.carry(&event()).await, Err(ArchiveError::Store(_))));
    assert!(own.join("programme-001.webm").exists() && take.exists());

    // The first is in the store; its copy there, were it sent again, would be whole again.
    let there = remote.path().join(BUCKET).join("council/2021/rpr/programme-001.webm");
    fs::write(&there, b"as it was stored").expect("it works");
    let server = Server::start(remote.path(), Some(address)).await;
    archive.carry(&event()).await.expect("the rest is carried");
    assert_eq!(fs::read(&there).expect("it works"), b"as it was stored");
    assert!(!take.exists());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn local_files_stay_where_that_is_wanted() {
    let (local, remote) =
        (tempfile::tempdir().expect("it works"), tempfile::tempdir().expect("it works"));
    let own = recorded(local.path());
    let server = Server::start(remote.path(), None).await;
    let archive = Archive::s3(local.path().to_owned(), &server.settings(), true).expect("it works");
    archive.carry(&event()).await.expect("it is carried");
    assert!(own.join("programme-001.webm").exists());
    assert_eq!(archive.stored(&event()).await.expect("it works").len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_told_and_never_shown() {
    let (local, remote) =
        (tempfile::tempdir().expect("it works"), tempfile::tempdir().expect("it works"));
    let own = recorded(local.path());
    let server = Server::start(remote.path(), None).await;
    let wrong = S3 { secret_key: "another-secret".to_owned(), ..server.settings() };
    let archive = Archive::s3(local.path().to_owned(), &wrong, false).expect("it works");
    let refused = archive.carry(&event()).await.expect_err("the store refuses");
    let told = format!("{refused} {refused:?} {archive:?} {wrong:?}");
    assert!(!told.contains("another-secret"), "{told}");
    assert!(own.join("programme-001.webm").exists());
    server.stop().await;
}
