//! `plenary rehearse`: an event with synthetic people, on a server of its own or a given one.

use std::collections::BTreeMap;
use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base::limits::PROGRAMME_FILE_BYTES_MAX;
use base::{Millis, PersonId};
use loadtest::rehearsal::{Progress, RehearsalPlan, RehearsalReport, Script, Sentence, rehearse};
use proceedings::{EventDefinition, Wording};
use publication::RehearsedStatement;
use server::{Config, Limits, Parts, Rate, Server};

use crate::cli::Rehearse;
use crate::event;
use crate::output::{Exit, Failure, Ink, Terminal};
use crate::proof::{self, Place};
use crate::settings::{PublicUrl, Settings};
use crate::store::{Store, broken, sentence};
use crate::system::{SystemClock, SystemRandom};

/// Where in the report's folder the recording is kept.
const RECORDING: &str = "recording";

/// The record of the rehearsed event, packed and signed.
const PACKAGE: &str = "record.zip";

/// Carries out the rehearsal and says what was found. `settings` are those of the server at
/// `--url`.
pub(crate) fn run(
    terminal: Terminal,
    wanted: &Rehearse,
    settings: &Settings,
) -> Result<Option<Exit>, Failure> {
    let definition = event::read(terminal, &wanted.file)?.definition;
    let script = script(wanted)?;
    let report = crate::serve::runtime()?.block_on(async {
        match &wanted.url {
            Some(url) => there(terminal, wanted, settings, url, definition, script).await,
            None => here(terminal, wanted, definition, script).await,
        }
    });
    terminal.progress_ends();
    let report = report?;
    if terminal.json {
        terminal.print_json(&report)?;
    } else {
        terminal.print(&summary(terminal, wanted, &report))?;
    }
    Ok((!report.passed).then_some(Exit::Failed))
}

/// On the server that runs at `url`, with the links of its data folder.
async fn there(
    terminal: Terminal,
    wanted: &Rehearse,
    settings: &Settings,
    url: &str,
    definition: EventDefinition,
    script: Option<Script>,
) -> Result<RehearsalReport, Failure> {
    let url =
        PublicUrl::parse(url).map_err(|why| Failure::new(Exit::Usage, format!("--url: {why}.")))?;
    let data = &settings.data.value;
    let store = Store::open(data).await?;
    let state = event::state(&store, data, definition.id.as_str()).await?;
    let links = links(&store, data, &state.definition).await?;
    store.storage.close().await;
    rehearsal(terminal, wanted, url.to_string(), state.definition, links, script).await
}

/// What is said, from the file that was named, or from the one beside the programme.
fn script(wanted: &Rehearse) -> Result<Option<Script>, Failure> {
    let path = match &wanted.statements {
        Some(path) => path.clone(),
        None => {
            let beside = wanted.file.with_extension("statements.toml");
            if !beside.is_file() {
                return Ok(None);
            }
            beside
        }
    };
    let wrong = |why: String| {
        let message = format!("The file of statements {} cannot be used: {why}.", path.display());
        Failure::new(Exit::BadFile, message)
    };
    let limit = u64::try_from(PROGRAMME_FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| file.take(limit + 1).read_to_string(&mut text))
        .map_err(|error| wrong(error.to_string()))?;
    let (notes, statements) =
        publication::read_notes(&text).map_err(|error| wrong(error.to_string()))?;
    let notes = serde_json::to_string(&notes).map_err(|error| wrong(error.to_string()))?;
    let sentences = statements.into_iter().map(said).collect();
    Ok(Some(Script { notes, sentences }))
}

fn said(statement: RehearsedStatement) -> Sentence {
    let reported = || statement.words.get(&statement.original).map(Wording::text);
    Sentence {
        said: statement.said.clone().unwrap_or_else(|| reported().unwrap_or_default().to_owned()),
        speaker: statement.speaker,
        segment: statement.segment,
        language: statement.original,
        start: Millis(statement.start_ms),
        end: Millis(statement.end_ms),
        verb: statement.verb,
        words: statement.words,
    }
}

/// On a server in this process, with a data folder that is thrown away.
async fn here(
    terminal: Terminal,
    wanted: &Rehearse,
    mut definition: EventDefinition,
    script: Option<Script>,
) -> Result<RehearsalReport, Failure> {
    let folder =
        tempfile::Builder::new().prefix("plenary-rehearsal-").tempdir().map_err(|error| {
            Failure::failed(format!("A data folder for the rehearsal cannot be made: {error}."))
        })?;
    let store = Store::open(folder.path()).await?;
    // Synthetic participants beyond those of the file register themselves. It is a copy of the
    // event that nobody else can reach.
    definition.policy.registration_open = true;
    event::store(&store, folder.path(), &definition).await?;
    let links = links(&store, folder.path(), &definition).await?;

    let Store { storage, links: key } = store;
    let parts = Parts {
        storage: Arc::clone(&storage) as Arc<dyn storage::Storage>,
        clock: Arc::new(SystemClock),
        random: Box::new(SystemRandom),
        links: key,
    };
    let mut config = Config::on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    config.limits = no_limits();
    let recordings = folder.path().join("recordings");
    config.recordings = Some(recordings.clone());
    let id = definition.id.clone();
    let server = Server::bind(config, parts)
        .map_err(|error| Failure::failed(sentence(&error.to_string())))?;
    let url = server.public_url().replace("localhost", "127.0.0.1");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async {
        // A dropped sender means the same.
        let _ = stopped.await;
    }));
    let report = rehearsal(terminal, wanted, url.clone(), definition, links, script).await;
    // The receiver is gone only when the server has ended, which the report shows.
    let _ = stop.send(());
    let _ = serving.await;
    storage.close().await;
    if report.as_ref().is_ok_and(|report| report.passed) {
        let package = wanted.out.join(PACKAGE);
        forget(&package)?;
        let place =
            Place { data: folder.path(), recordings: &recordings, archive: None, public_url: &url };
        proof::pack(terminal, &place, id.as_str(), &package).await?;
    }
    keep_recording(&recordings.join(id.as_str()), &wanted.out.join(RECORDING))?;
    report
}

/// Moves what was recorded into the report's folder, in the place of what an earlier rehearsal put
/// there.
fn keep_recording(from: &Path, to: &Path) -> Result<(), Failure> {
    if !from.is_dir() {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        Failure::failed(format!("The recording cannot be kept in {}: {error}.", to.display()))
    };
    if to.join("index.jsonl").is_file() {
        std::fs::remove_dir_all(to).map_err(failed)?;
    }
    for folder in ["", "takes"] {
        std::fs::create_dir_all(to.join(folder)).map_err(failed)?;
        let files = match std::fs::read_dir(from.join(folder)) {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        for file in files {
            let path = file.map_err(failed)?.path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                std::fs::copy(&path, to.join(folder).join(name)).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// Takes away what an earlier rehearsal packed.
fn forget(package: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(package) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::failed(format!("{} cannot be replaced: {error}.", package.display())))
        }
        _ => Ok(()),
    }
}

/// All synthetic people come from one address, which is not what the limits are for.
fn no_limits() -> Limits {
    let rate = Rate { burst: 100_000, per_second: 100_000.0 };
    Limits { registrations: rate, bad_tokens: rate, hellos: rate }
}

async fn links(
    store: &Store,
    data: &std::path::Path,
    definition: &EventDefinition,
) -> Result<BTreeMap<PersonId, String>, Failure> {
    let mut links = BTreeMap::new();
    for person in &definition.people {
        let token = store.link(&definition.id, &person.id).await;
        let token = token.map_err(|error| broken(data, &error))?;
        links.insert(person.id.clone(), token.expose().to_owned());
    }
    Ok(links)
}

/// Rehearses, unless Ctrl-C ends it.
async fn rehearsal(
    terminal: Terminal,
    wanted: &Rehearse,
    base_url: String,
    event: EventDefinition,
    links: BTreeMap<PersonId, String>,
    script: Option<Script>,
) -> Result<RehearsalReport, Failure> {
    let named = event.people.iter().filter(|person| person.is_participant()).count();
    let plan = RehearsalPlan {
        base_url,
        event,
        links,
        pace: wanted.pace,
        participants: named + usize::try_from(wanted.participants).unwrap_or(usize::MAX - named),
        script,
        out_dir: wanted.out.clone(),
        progress: Arc::new(move |progress| terminal.progress(&in_words(&progress))),
    };
    let interrupted = async { tokio::signal::ctrl_c().await };
    first_of(rehearse(plan), interrupted).await
}

async fn first_of<E: std::fmt::Display>(
    rehearsal: impl Future<Output = Result<RehearsalReport, E>>,
    interrupted: impl Future<Output = std::io::Result<()>>,
) -> Result<RehearsalReport, Failure> {
    tokio::select! {
        report = rehearsal => report.map_err(|error| Failure::failed(sentence(&error.to_string()))),
        _ = interrupted => Err(Failure::failed("The rehearsal was interrupted; no report was written.")),
    }
}

fn in_words(progress: &Progress) -> String {
    match progress {
        Progress::Preparing => "Preparing speech and pictures".to_owned(),
        Progress::Joining { people } => format!("{people} people come in"),
        Progress::GreenRoom => "Speakers meet in the green room".to_owned(),
        Progress::Segment { name, number, of, length } => {
            format!("Segment {number} of {of}: {name}, {} s", length.as_secs())
        }
        Progress::Act { what } => what.clone(),
        Progress::Record { what } => format!("The record: {what}"),
        Progress::Judging => "What everybody received is judged".to_owned(),
    }
}

fn summary(terminal: Terminal, wanted: &Rehearse, report: &RehearsalReport) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let word = if check.passed {
            terminal.ink(Ink::Green, "ok   ")
        } else {
            terminal.ink(Ink::Red, "wrong")
        };
        text += &format!("{word}  {} ({} observed)\n", check.title, check.observations);
        for fault in &check.faults {
            text += &format!("         {fault}\n");
        }
        let unnamed = check.faults_count.saturating_sub(check.faults.len());
        if unnamed > 0 {
            text += &format!("         and {unnamed} more\n");
        }
    }
    text.push('\n');
    for figure in &report.figures {
        let (decimals, unit) = if figure.id.ends_with("_ms") { (1, " ms") } else { (0, "   ") };
        text += &format!("{:>12.decimals$}{unit}  {}\n", figure.value, figure.title);
    }
    let verdict = if report.passed { "Everything went as planned." } else { "Something is wrong." };
    text += &format!(
        "\n{} The report is {}.\n",
        terminal.ink(Ink::Bold, verdict),
        wanted.out.join("report.md").display()
    );
    if wanted.url.is_none() {
        let folder = wanted.out.join(RECORDING);
        text += &format!("The recording is {}.\n", folder.display());
        if report.passed {
            let package = wanted.out.join(PACKAGE);
            text += &format!("The record is packed in {}.\n", package.display());
        }
    }
    text
}
