//! Listening and serving: sockets, TLS, connections, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode, header};
use base::{Clock, Random};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use recognition::Recognition;
use recording::{Archive, ArchiveError, LocalDisk, Recorder, S3};
use sfu::{
    RelayDatagram, RelayPort, Several, Sfu, SfuConfig, SfuEvent, StartError, Subscriber, Tunnels,
};
use storage::{LinkKey, Storage};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower::ServiceExt;

use crate::app::{App, Limits, SOCKETS_MAX};
use crate::check::Checks;
use crate::commands::COMMANDS;
use crate::ice_tcp;
use crate::listen::{self, OPENING_BYTES, Opening};
use crate::media::MediaEngine;
use crate::metrics::{MetricsAccess, Tallies, Timed};
use crate::open::Open;
use crate::press::{self, MailConfig};
use crate::rate::{PerAddress, Rate};
use crate::recognition::{Ears, Recognising, RecognitionError};
use crate::recording_files::Tickets;
use crate::recordings;
use crate::rewound::Rewound;
use crate::router::router;
use crate::turn::{self, Turn};

/// Connections served at once: the sockets of the largest audience, and as many requests again.
/// Further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 2 * SOCKETS_MAX;

/// Media workers at most, unless the operator says otherwise: what eight cores send fills ten
/// gigabits a second.
const MEDIA_WORKERS_DEFAULT_MAX: usize = 8;

/// Time for the first byte, for the TLS handshake, and for the head of each request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Media connections that have not shown an authentic check yet. A browser does so with its first
/// packet.
const WAITING_MAX: usize = 512;

/// New media connections of one address: a lecture hall behind one address in which everybody's
/// browser tries TCP at once.
const MEDIA_CONNECTIONS: Rate = Rate { burst: 1_000, per_second: 50.0 };

/// What the system may hold of a media connection before it takes no more, in bytes: what waits
/// there is old when it arrives.
const MEDIA_BUFFER_BYTES: usize = 64 << 10;

/// Longest head of a request. A token and the headers of a browser fit ten times.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Time for everybody to be told that the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is looked whether the recogniser has finished.
const RECOGNITION_CHECK: Duration = Duration::from_millis(50);

/// Pause after a failed accept, which fails again at once while no file handle is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port, TCP and UDP. Port 0 lets the system choose; `[::]` takes IPv4 too.
    pub listen: SocketAddr,
    /// Where people reach this server, as `https://events.example.org`. `None` is
    /// `http://localhost:{port}`, or `https` with TLS.
    pub public_url: Option<String>,
    /// Addresses told to browsers for media, with or without NAT in between. Empty means those of
    /// this machine.
    pub announce: Vec<IpAddr>,
    /// Certificate and key, where no reverse proxy does TLS.
    pub tls: Option<TlsFiles>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Media worker threads. By default one for each core, up to eight.
    pub media_workers: usize,
    /// How often one address may do what.
    pub limits: Limits,
    /// Where recordings are kept; `None` records nothing.
    pub recordings: Option<PathBuf>,
    /// The store that finished recordings go to; `None` leaves them in the folder.
    pub store: Option<StoreConfig>,
    /// Whether speech is recognised, and how; `None` is not at all.
    pub recognition: Option<Recognising>,
    /// The mail server by which releases go to the press; `None` mails nothing.
    pub mail: Option<MailConfig>,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
}

impl Config {
    /// The defaults, on this address.
    pub fn on(listen: SocketAddr) -> Self {
        Self {
            listen,
            public_url: None,
            announce: Vec::new(),
            tls: None,
            trusted_proxies: vec![
                std::net::Ipv4Addr::LOCALHOST.into(),
                std::net::Ipv6Addr::LOCALHOST.into(),
            ],
            media_workers: std::thread::available_parallelism()
                .map_or(1, NonZero::get)
                .min(MEDIA_WORKERS_DEFAULT_MAX),
            limits: Limits::default(),
            recordings: None,
            store: None,
            recognition: None,
            mail: None,
            metrics: MetricsAccess::default(),
        }
    }
}

/// Where finished recordings go.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The store.
    pub s3: S3,
    /// Their files stay in the folder as well.
    pub keep_local: bool,
}

/// PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What the binary hands in.
pub struct Parts {
    /// Where proceedings and links are kept.
    pub storage: Arc<dyn Storage>,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// The system's generator.
    pub random: Box<dyn Random>,
    /// The secret from which personal links are derived.
    pub links: LinkKey,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken, or the address is not this machine's.
    #[error("cannot listen on {listen} (TCP and UDP): {error}")]
    Listen {
        /// What was asked for.
        listen: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A file of [`TlsFiles`] cannot be used.
    #[error("{}: {why}", path.display())]
    Tls {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The public address is not one.
    #[error("the public address {0:?} is not like https://events.example.org")]
    PublicUrl(String),
    /// The media engine did not start.
    #[error(transparent)]
    Media(#[from] StartError),
    /// The recorder did not start.
    #[error(transparent)]
    Recorder(#[from] recording::StartError),
    /// The settings of the store of recordings make no sense.
    #[error(transparent)]
    Store(#[from] ArchiveError),
    /// Speech cannot be recognised.
    #[error(transparent)]
    Recognition(#[from] RecognitionError),
}

/// A server that listens and does not serve yet.
pub struct Server {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    app: Arc<App>,
    tunnels: Tunnels,
    relay: Option<(Arc<Turn>, mpsc::Receiver<RelayDatagram>)>,
    media_events: mpsc::Receiver<SfuEvent>,
    recorder: Option<Arc<Recorder>>,
    ears: Option<Ears>,
}

impl Server {
    /// Binds the sockets and starts the media engine. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ServeError`] names what is wrong and where.
    pub fn bind(config: Config, parts: Parts) -> Result<Self, ServeError> {
        let listen = config.listen;
        let failed = |error| ServeError::Listen { listen, error };
        let tls = config.tls.as_ref().map(acceptor).transpose()?;
        let (tcp, udp) = listen::bind(listen, config.media_workers).map_err(failed)?;
        let tcp = TcpListener::from_std(tcp).map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        let public_url = public_url(config.public_url, address.port(), tls.is_some())?;
        let announce = if config.announce.is_empty() {
            listen::reachable(address)
        } else {
            config.announce.iter().map(|ip| SocketAddr::new(*ip, address.port())).collect()
        };
        let own_addresses = announce.clone();
        let port = RelayPort::new(&udp[0]).map_err(failed)?;
        let recordings = config.recordings.clone();
        let archive = recordings.as_ref().zip(config.store).map(|(folder, store)| {
            Archive::s3(folder.clone(), &store.s3, store.keep_local).map(Arc::new)
        });
        let archive = archive.transpose()?;
        let recorder = config.recordings.map(|folder| recorder(folder, &parts)).transpose()?;
        if let (Some(recorder), Some(archive)) = (&recorder, &archive) {
            let archive = Arc::clone(archive);
            recorder.when_finished(move || archive.wake());
        }
        let ears = config.recognition.map(|how| Ears::open(how, Arc::clone(&parts.clock)));
        let ears = ears.transpose()?;
        let recognition = ears.as_ref().map(|ears| Arc::clone(&ears.recognition));
        let subscribers: Vec<Arc<dyn Subscriber>> = [
            recorder.as_ref().map(|recorder| recorder.subscriber()),
            recognition.as_ref().map(|recognition| recognition.subscriber()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let subscriber: Option<Arc<dyn Subscriber>> =
            (!subscribers.is_empty()).then(|| Arc::new(Several(subscribers)) as _);
        let (sfu, media_events) = Sfu::start(SfuConfig { udp, announce, subscriber })?;
        if let Some(recorder) = &recorder {
            let sfu = sfu.clone();
            recorder.ask_for_key_frames_by(move |sink| sfu.request_key_frame(sink));
        }
        let tunnels = sfu.tunnels().clone();
        tunnels.announce_tcp(&own_addresses);
        let mut parts = parts;
        let secret = secret(&mut *parts.random);
        let urls = turn::urls(&public_url, address.port(), tls.is_some());
        let clock = Arc::clone(&parts.clock);
        let turn = Turn::new(secret, own_addresses, urls, tunnels.clone(), port, clock);
        let turn = Arc::new(turn);
        let relay = tunnels.relay_inbox().map(|inbox| (Arc::clone(&turn), inbox));
        let engine = Arc::new(sfu);
        let rules = Rules {
            trusted_proxies: config.trusted_proxies,
            limits: config.limits,
            metrics: config.metrics,
        };
        let mail = config.mail;
        let recorder_too = recorder.clone();
        let kept = Kept { folder: recordings, recorder: recorder_too, archive, recognition, mail };
        let app = shared(parts, engine, public_url, rules, Some(turn), kept);
        Ok(Self { tcp, address, tls, app, tunnels, relay, media_events, recorder, ears })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people reach it.
    pub fn public_url(&self) -> &str {
        &self.app.public_url
    }

    /// Serves until `stop` resolves; then everybody is told, and what is under way gets some
    /// seconds to end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { tcp, tls, app, tunnels, relay, media_events, recorder, ears, .. } = self;
        let archive = app.archive.clone();
        let recording = recorder.clone().map(|recorder| {
            let (archive, events) = (archive.clone(), Arc::clone(&app.events));
            tokio::spawn(recordings::carry(recorder, archive, events))
        });
        let archiving = archive.map(|archive| tokio::spawn(async move { archive.run().await }));
        let recognising = ears.map(|ears| tokio::spawn(ears.carry(Arc::clone(&app.events))));
        let (stop_mailing, mailing_stops) = watch::channel(false);
        let mailing = tokio::spawn(press::run(Arc::clone(&app), mailing_stops));
        let relaying = relay.map(|(turn, inbox)| tokio::spawn(turn.run(inbox)));
        let media = tokio::spawn(carry(media_events, Arc::clone(&app.events)));
        let (stopping, stopped) = watch::channel(false);
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let connection = Connection {
            app: Arc::clone(&app),
            router: router(Arc::clone(&app)),
            tls,
            tunnels,
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            arrivals: Arc::new(PerAddress::new(MEDIA_CONNECTIONS)),
        };
        let accepting = accept(tcp, connection, Arc::clone(&connections), stopped);
        tokio::select! {
            () = accepting => {}
            () = stop => {}
        }
        tracing::info!("stopping");
        app.events.stop().await;
        // Without a receiver nobody is left to be told.
        let _ = stopping.send(true);
        let all = |semaphore: Arc<Semaphore>, max: usize| async move {
            let max = u32::try_from(max).unwrap_or(u32::MAX);
            // The semaphores are never closed.
            let _ = semaphore.acquire_many(max).await;
        };
        let over = async {
            all(Arc::clone(&app.sockets), SOCKETS_MAX).await;
            all(connections, CONNECTIONS_MAX).await;
        };
        if tokio::time::timeout(STOP_TIMEOUT, over).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
        }
        // A mail that is being handed over is let through, so that it is known to have been.
        let _ = stop_mailing.send(true);
        if tokio::time::timeout(STOP_TIMEOUT, mailing).await.is_err() {
            tracing::warn!("a mail was being handed over and may have been sent");
        }
        media.abort();
        if let Some((recognition, recognising)) = app.recognition.clone().zip(recognising) {
            finish(recognition, recognising).await;
        }
        if tokio::time::timeout(STOP_TIMEOUT, app.events.finish()).await.is_err() {
            tracing::warn!("some events did not end in time");
        }
        if let Some(recorder) = recorder {
            // Files are finished within a moment; the last bytes of a slow disk take longer.
            let stopped = tokio::task::spawn_blocking(move || recorder.stop());
            if stopped.await.is_err() {
                tracing::error!(
                    "the recorder did not stop; its files are finished at the next start"
                );
            }
        }
        if let Some(recording) = recording {
            recording.abort();
        }
        if let Some(archiving) = archiving {
            // What is on its way is carried again at the next start.
            archiving.abort();
        }
        if let Some(relaying) = relaying {
            relaying.abort();
        }
    }
}

/// Has what was said last recognised and written down, if that can be done in time.
async fn finish(recognition: Arc<Recognition>, mut carrying: JoinHandle<()>) {
    let over = async {
        while !recognition.is_idle() {
            tokio::time::sleep(RECOGNITION_CHECK).await;
        }
        let stopped = tokio::task::spawn_blocking(move || recognition.stop());
        if stopped.await.is_err() {
            tracing::error!("the recogniser did not stop");
        }
        // It ends with the recogniser, when all is written down.
        (&mut carrying).await
    };
    if tokio::time::timeout(STOP_TIMEOUT, over).await.is_err() {
        tracing::warn!("what was said last is not recognised any more");
        carrying.abort();
    }
}

/// Serves until the process is asked to end (SIGTERM, Ctrl-C).
///
/// # Errors
/// See [`Server::bind`].
pub async fn serve(config: Config, parts: Parts) -> Result<(), ServeError> {
    let server = Server::bind(config, parts)?;
    tracing::info!(address = %server.address(), url = server.public_url(), "serving");
    server.run(asked_to_end()).await;
    Ok(())
}

/// The HTTP service alone, with any media engine: what tests of the server run. Must be called
/// within a tokio runtime.
pub fn app(
    parts: Parts,
    engine: Arc<dyn MediaEngine>,
    media_events: mpsc::Receiver<SfuEvent>,
    limits: Limits,
) -> Router {
    app_beside(parts, engine, media_events, limits, Beside::default())
}

/// What stands beside the HTTP service in tests.
#[derive(Debug, Default)]
pub struct Beside {
    /// The folder of the recordings, which nobody writes.
    pub recordings: Option<PathBuf>,
    /// The store that they have left for.
    pub archive: Option<Arc<Archive>>,
    /// The mail server.
    pub mail: Option<MailConfig>,
}

/// As [`app`], with what stands beside it. Mails are sent for as long as the runtime is there.
pub fn app_beside(
    parts: Parts,
    engine: Arc<dyn MediaEngine>,
    media_events: mpsc::Receiver<SfuEvent>,
    limits: Limits,
    beside: Beside,
) -> Router {
    let metrics = MetricsAccess::default();
    let rules = Rules { trusted_proxies: Vec::new(), limits, metrics };
    let kept = Kept {
        folder: beside.recordings,
        recorder: None,
        archive: beside.archive,
        recognition: None,
        mail: beside.mail,
    };
    let app = shared(parts, engine, "http://localhost".to_owned(), rules, None, kept);
    tokio::spawn(carry(media_events, Arc::clone(&app.events)));
    let mailed = Arc::clone(&app);
    tokio::spawn(async move {
        let (_never, stop) = watch::channel(false);
        press::run(mailed, stop).await;
    });
    router(app)
}

/// Hands news of the media engine to the events until the engine ends.
async fn carry(mut news: mpsc::Receiver<SfuEvent>, events: Arc<Open>) {
    while let Some(news) = news.recv().await {
        events.tell(news).await;
    }
}

/// Whom the server believes, and what it lets people do.
struct Rules {
    trusted_proxies: Vec<IpAddr>,
    limits: Limits,
    metrics: MetricsAccess,
}

/// What is recorded, and where, and whether speech is recognised.
struct Kept {
    folder: Option<PathBuf>,
    recorder: Option<Arc<Recorder>>,
    archive: Option<Arc<Archive>>,
    recognition: Option<Arc<Recognition>>,
    mail: Option<MailConfig>,
}

fn shared(
    parts: Parts,
    engine: Arc<dyn MediaEngine>,
    public_url: String,
    rules: Rules,
    turn: Option<Arc<Turn>>,
    kept: Kept,
) -> Arc<App> {
    let Rules { trusted_proxies, limits, metrics } = rules;
    let Parts { storage, clock, mut random, links } = parts;
    let checks = Checks::new(secret(&mut *random));
    let tickets = Tickets::new(secret(&mut *random));
    let Kept { folder: recordings, recorder, archive, recognition, mail } = kept;
    let tallies = Arc::new(Tallies::default());
    let storage: Arc<dyn Storage> = Arc::new(Timed::new(storage, Arc::clone(&tallies)));
    let started = clock.now();
    let events = Open::new(Arc::clone(&storage), Arc::clone(&clock), engine, recorder);
    Arc::new(App {
        storage,
        clock,
        events: Arc::new(events),
        public_url,
        links,
        trusted_proxies,
        registrations: PerAddress::new(limits.registrations),
        bad_tokens: PerAddress::new(limits.bad_tokens),
        hellos: PerAddress::new(limits.hellos),
        commands: PerAddress::new(COMMANDS),
        recordings,
        archive,
        recognition,
        mail,
        mailer: Default::default(),
        tickets,
        renderings: Default::default(),
        public_media: Default::default(),
        sockets: Arc::new(Semaphore::new(SOCKETS_MAX)),
        random: Mutex::new(random),
        checks,
        listeners: Default::default(),
        tallies,
        metrics,
        started,
        turn,
    })
}

/// Finishes what was recorded before, and starts the recorder.
fn recorder(folder: PathBuf, parts: &Parts) -> Result<Arc<Recorder>, recording::StartError> {
    let found = recording::recover(&folder);
    if found != recording::Recovery::default() {
        let recording::Recovery { finished, empty, failed } = found;
        tracing::info!(finished, empty, failed, "unfinished recordings of before were looked at");
    }
    let clock = Arc::clone(&parts.clock);
    let config = recording::Config { folder, instant: Instant::now };
    Recorder::start(config, Arc::new(LocalDisk), clock).map(Arc::new)
}

/// A secret of this process.
fn secret(random: &mut dyn Random) -> [u8; 32] {
    let mut secret = [0; 32];
    for part in secret.chunks_exact_mut(8) {
        part.copy_from_slice(&random.next_u64().to_be_bytes());
    }
    secret
}

fn public_url(given: Option<String>, port: u16, tls: bool) -> Result<String, ServeError> {
    let Some(given) = given else {
        let scheme = if tls { "https" } else { "http" };
        return Ok(format!("{scheme}://localhost:{port}"));
    };
    let url = given.trim_end_matches('/').to_owned();
    let parsed = url.parse::<axum::http::Uri>().ok();
    let good = parsed.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some()
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none()
    });
    if good { Ok(url) } else { Err(ServeError::PublicUrl(given)) }
}

async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be caught");
            // Without Ctrl-C either, the process ends by other means.
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let wrong = |path: &Path, why: String| ServeError::Tls { path: path.to_owned(), why };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&files.certificate, error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong(&files.certificate, "there is no certificate in this file".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| wrong(&files.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| wrong(&files.certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(
    tcp: TcpListener,
    connection: Connection,
    connections: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
) {
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&connections).acquire_owned().await else { return };
        match tcp.accept().await {
            Ok((stream, peer)) => {
                let (connection, stopped) = (connection.clone(), stopped.clone());
                tokio::spawn(async move {
                    connection.serve(stream, peer, stopped).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// How each connection is served.
#[derive(Clone)]
struct Connection {
    app: Arc<App>,
    router: Router,
    tls: Option<TlsAcceptor>,
    tunnels: Tunnels,
    /// A place for each media connection that has not shown an authentic check.
    waiting: Arc<Semaphore>,
    /// How often one address may open media connections.
    arrivals: Arc<PerAddress>,
}

impl Connection {
    async fn serve(self, mut stream: TcpStream, peer: SocketAddr, stopped: watch::Receiver<bool>) {
        let local = stream.local_addr().ok().map(|address| address.ip().to_canonical());
        // Failing to switch off Nagle's algorithm costs some milliseconds and nothing else.
        let _ = stream.set_nodelay(true);
        let Some((opening, head)) = begin(&mut stream).await else { return };
        if matches!(opening, Opening::Media | Opening::Relay) {
            // A system that keeps its own size holds more, and what it holds is older.
            let _ = socket2::SockRef::from(&stream).set_send_buffer_size(MEDIA_BUFFER_BYTES);
        }
        let stream = Rewound::new(head, stream);
        match (opening, self.tls.clone()) {
            (Opening::Tls, Some(acceptor)) => {
                let shaken = tokio::time::timeout(HEAD_TIMEOUT, acceptor.accept(stream)).await;
                if let Ok(Ok(stream)) = shaken {
                    self.within_tls(stream, peer, stopped).await;
                }
            }
            (Opening::Http, Some(_)) => self.http(stream, peer, stopped, true).await,
            (Opening::Http, None) => self.http(stream, peer, stopped, false).await,
            (Opening::Media, _) => self.media(stream, peer, local, stopped).await,
            (Opening::Relay, _) => self.relay(stream, peer, stopped).await,
            (Opening::Tls, None) | (Opening::Other, _) => {}
        }
    }

    /// Inside TLS there is HTTP, or the relay for networks that let only TLS out.
    async fn within_tls(
        self,
        mut stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        stopped: watch::Receiver<bool>,
    ) {
        let Some((opening, head)) = begin(&mut stream).await else { return };
        let stream = Rewound::new(head, stream);
        match opening {
            Opening::Http => self.http(stream, peer, stopped, false).await,
            Opening::Relay => self.relay(stream, peer, stopped).await,
            Opening::Tls | Opening::Media | Opening::Other => {}
        }
    }

    /// Serves a client of the relay.
    async fn relay(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin,
        peer: SocketAddr,
        mut stopped: watch::Receiver<bool>,
    ) {
        if !self.arrivals.take(peer.ip()) {
            return;
        }
        let Ok(waiting) = self.waiting.try_acquire_owned() else { return };
        let Some(turn) = &self.app.turn else { return };
        tokio::select! {
            () = turn.serve(stream, peer, waiting) => {}
            () = told_to_stop(&mut stopped) => {}
        }
    }

    /// Serves media over TCP.
    async fn media(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin,
        peer: SocketAddr,
        local: Option<IpAddr>,
        mut stopped: watch::Receiver<bool>,
    ) {
        if !self.arrivals.take(peer.ip()) {
            return;
        }
        let Ok(waiting) = self.waiting.try_acquire_owned() else { return };
        tokio::select! {
            () = ice_tcp::serve(stream, local, &self.tunnels, waiting) => {}
            () = told_to_stop(&mut stopped) => {}
        }
    }

    /// Serves HTTP/1.1; with `elsewhere` only by sending the client to the public address.
    async fn http(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        mut stopped: watch::Receiver<bool>,
        elsewhere: bool,
    ) {
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (router, app) = (self.router.clone(), Arc::clone(&self.app));
            async move {
                if elsewhere {
                    return Ok::<_, Infallible>(moved(&app.public_url, &request));
                }
                request.extensions_mut().insert(ConnectInfo(peer));
                router.oneshot(request.map(Body::new)).await
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        // What a client does wrong on its connection is its own concern and no error of ours.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = told_to_stop(&mut stopped) => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

/// Reads until it is clear what a connection is; what was read is returned with it.
async fn begin(stream: &mut (impl AsyncRead + Unpin)) -> Option<(Opening, Vec<u8>)> {
    let mut head = Vec::with_capacity(OPENING_BYTES);
    let told = async {
        loop {
            if let Some(opening) = listen::opening(&head) {
                return Some(opening);
            }
            let mut bytes = [0; OPENING_BYTES];
            let room = OPENING_BYTES - head.len();
            match stream.read(&mut bytes[..room]).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => head.extend_from_slice(&bytes[..read]),
            }
        }
    };
    let opening = tokio::time::timeout(HEAD_TIMEOUT, told).await.ok()??;
    Some((opening, head))
}

/// Resolves when the server stops.
async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // A server that is gone has stopped, too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn moved(public_url: &str, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(location) = format!("{public_url}{path}").parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
