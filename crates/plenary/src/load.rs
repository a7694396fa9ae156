//! `plenary load`: publishers and viewers for a server, and what each packet costs it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use futures_util::{StreamExt, TryStreamExt, stream};
use loadtest::load::front::{self, PlenaryEvent};
use loadtest::load::publisher::Manner;
use loadtest::load::{LoadPlan, LoadReport, Progress, Target, load};

use crate::cli::Load;
use crate::event;
use crate::output::{Exit, Failure, Terminal};
use crate::serve::{raise_open_files, runtime};
use crate::settings::PublicUrl;
use crate::store::{Store, broken, sentence};
use crate::system::SystemClock;

/// Share of packets beyond which the test has failed.
const LOSS_MAX: f64 = 0.01;

/// Links that are stored at the same moment; the storage writes them together.
const LINKS_AT_ONCE: usize = 64;

/// Carries out the test and prints what was found.
pub(crate) fn run(terminal: Terminal, wanted: &Load) -> Result<Option<Exit>, Failure> {
    raise_open_files();
    let report = runtime()?.block_on(async {
        let plan = LoadPlan {
            target: target(wanted).await?,
            publishers: usize::from(wanted.publishers),
            viewers: usize::from(wanted.viewers),
            ramp_per_second: wanted.ramp,
            length: Duration::from_secs(u64::from(wanted.seconds)),
            manner: Manner { simulcast: wanted.simulcast, paced: wanted.paced },
            sample: wanted.sample.map(usize::from),
            server_pid: wanted.server_pid,
            progress: Arc::new(move |progress| terminal.progress(&in_words(&progress))),
        };
        tokio::select! {
            report = load(&plan) => {
                report.map_err(|error| Failure::failed(sentence(&error.to_string())))
            }
            _ = tokio::signal::ctrl_c() => {
                Err(Failure::failed("The test was interrupted; there is no report."))
            }
        }
    });
    terminal.progress_ends();
    let report = report?;
    if let Some(path) = &wanted.report {
        write(path, &report)?;
    }
    if terminal.json {
        terminal.print_json(&report)?;
    } else {
        terminal.print(&report.table())?;
    }
    let failed = report.joined < report.viewers || report.loss > LOSS_MAX;
    Ok(failed.then_some(Exit::Failed))
}

async fn target(wanted: &Load) -> Result<Target, Failure> {
    if let (Some(whip), Some(whep)) = (&wanted.whip, &wanted.whep) {
        let token = wanted.token.clone();
        return Ok(Target::Plain { whip: whip.clone(), whep: whep.clone(), token });
    }
    if let Some(url) = &wanted.janus {
        return Ok(Target::Janus { url: url.clone() });
    }
    let (Some(url), Some(data)) = (&wanted.url, &wanted.data) else {
        return Err(Failure::new(Exit::Usage, "Say which server: --url with --data, or --whip."));
    };
    let url =
        PublicUrl::parse(url).map_err(|why| Failure::new(Exit::Usage, format!("--url: {why}.")))?;
    let event = Box::new(event_of_test(wanted, data).await?);
    Ok(Target::Plenary { url: url.to_string(), event })
}

/// Makes an event that nobody else comes to, with a link for everybody in it.
async fn event_of_test(wanted: &Load, data: &Path) -> Result<PlenaryEvent, Failure> {
    let failed = |error: loadtest::load::LoadError| Failure::failed(sentence(&error.to_string()));
    let now = SystemClock.now();
    let id = format!("load-{}-{}", now.0, std::process::id());
    let (publishers, viewers) = (usize::from(wanted.publishers), usize::from(wanted.viewers));
    let definition = front::event(&id, now, publishers, viewers).map_err(failed)?;
    let store = Store::open(data).await?;
    event::store(&store, data, &definition).await?;
    let links: BTreeMap<_, _> = stream::iter(&definition.people)
        .map(|person| async {
            let token = store.link(&definition.id, &person.id).await;
            let token = token.map_err(|error| broken(data, &error))?;
            Ok::<_, Failure>((person.id.clone(), token.expose().to_owned()))
        })
        .buffer_unordered(LINKS_AT_ONCE)
        .try_collect()
        .await?;
    store.storage.close().await;
    Ok(PlenaryEvent { definition, links })
}

fn write(path: &Path, report: &LoadReport) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::failed(format!("The report is not JSON: {error}.")))?;
    std::fs::write(path, text + "\n")
        .map_err(|error| Failure::failed(format!("{} cannot be written: {error}.", path.display())))
}

fn in_words(progress: &Progress) -> String {
    match progress {
        Progress::Assembling => "People come into the event".to_owned(),
        Progress::Publishing => "Publishers begin".to_owned(),
        Progress::Joining { joined, of } => format!("{joined} of {of} viewers have a picture"),
        Progress::Measuring { length } => format!("Measuring for {} s", length.as_secs()),
        Progress::Leaving => "Everybody leaves".to_owned(),
    }
}
