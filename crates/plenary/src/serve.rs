//! `plenary serve`.

use std::error::Error;
use std::sync::Arc;

use base::limits::PEOPLE_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::{Config, MetricsAccess, Parts, StoreConfig, TlsFiles};
use tracing::subscriber::set_global_default;
use tracing_log::LogTracer;
use tracing_subscriber::EnvFilter;

use crate::output::{Failure, Terminal};
use crate::settings::{LogFormat, Settings};
use crate::store::{Store, sentence};
use crate::system::{SystemClock, SystemRandom};

/// Open files that the largest event needs: a socket for each person, and as many again for
/// pages, files and what is just closing.
const FILES_WANTED: u64 = 2 * PEOPLE_MAX as u64;

/// Runs the server until it is asked to end.
pub(crate) fn run(terminal: Terminal, settings: &Settings) -> Result<(), Failure> {
    start_log(terminal, settings)?;
    raise_open_files();
    let data = &settings.data.value;
    runtime()?.block_on(async {
        let Store { storage, links } = Store::open(data).await?;
        let parts = Parts {
            storage: Arc::clone(&storage) as Arc<dyn storage::Storage>,
            clock: Arc::new(SystemClock),
            random: Box::new(SystemRandom),
            links,
        };
        let served = server::serve(config(settings), parts).await;
        storage.close().await;
        served.map_err(|error| Failure::failed(sentence(&error.to_string())))
    })
}

fn config(settings: &Settings) -> Config {
    let mut config = Config::on(settings.listen.value);
    config.public_url = settings.public_url.as_ref().map(|url| url.value.to_string());
    config.announce = settings.announce.value.clone();
    config.trusted_proxies = settings.trusted_proxies.clone();
    config.recordings = Some(settings.recordings.clone());
    config.mail = settings.mail.clone();
    config.store = settings
        .store
        .as_ref()
        .map(|store| StoreConfig { s3: store.s3.clone(), keep_local: store.keep_local });
    config.recognition = settings.recognition.clone();
    if let Some(workers) = settings.media_workers {
        config.media_workers = workers;
    }
    config.metrics = MetricsAccess {
        allow: settings.metrics_allow.clone(),
        token: settings.metrics_token.as_ref().map(|token| token.0.clone()),
    };
    config.tls = settings
        .tls
        .as_ref()
        .map(|tls| TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() });
    config
}

/// The runtime on which everything asynchronous of a command runs.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("The program cannot start: {error}.")))
}

/// A library that writes whole messages at its lowest level, with words and tokens in them. No
/// setting brings them into the log.
const TALKATIVE: &str = "tungstenite";

/// The log goes to the standard error, so that the standard output stays free for results.
fn start_log(terminal: Terminal, settings: &Settings) -> Result<(), Failure> {
    let failed = |error: &dyn Error| Failure::failed(format!("The log cannot start: {error}."));
    let filter = EnvFilter::try_new(&settings.log_level).map_err(|error| failed(&error))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal.colour_of_errors);
    let set = if terminal.json || settings.log_format == LogFormat::Json {
        set_global_default(log.json().flatten_event(true).finish())
    } else {
        set_global_default(log.compact().finish())
    };
    set.map_err(|error| failed(&error))?;
    let others = LogTracer::builder().ignore_crate(TALKATIVE);
    others.init().map_err(|error| failed(&error))
}

/// Raises the limit of open files as far as the system lets us; `doctor` tells when that is not
/// far enough.
pub(crate) fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(FILES_WANTED, |maximum| maximum.min(FILES_WANTED));
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}
