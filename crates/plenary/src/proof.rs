//! `plenary event package` and `plenary verify`: the record of an event as one signed file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::{Clock, EventId, Language, Random};
use package::{
    About, Finding, Manifest, PackError, Packer, PublicKey, SecretKey, SignatureState, Verdict, Why,
};
use proceedings::{EventState, Hash, Life, Line};
use publication::{ReleaseNotes, output};
use recording::Archive;
use serde::Serialize;
use serde_json::json;
use storage::Storage as _;
use tempfile::NamedTempFile;

use crate::event;
use crate::output::{Exit, Failure, Ink, Terminal};
use crate::serve::runtime;
use crate::settings::Settings;
use crate::sign;
use crate::store::{Store, broken, sentence};
use crate::system::{SystemClock, SystemRandom};

/// The server's signing key in the data folder, in the format of minisign.
const SIGNING_KEY: &str = "signing.key";

/// Longest key file that is read, in bytes: ten times what minisign writes.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// Progress is shown each time so many bytes more were written or read: a second of a slow disk.
const PROGRESS_BYTES: u64 = 64 << 20;

/// How long what is written may lie in memory alone.
const CARRY_EVERY: Duration = Duration::from_millis(100);

/// Most findings that are printed in words; with `--json` all are.
const FINDINGS_SHOWN_MAX: usize = 50;

/// `event package`.
pub(crate) fn make(
    terminal: Terminal,
    event: &str,
    output: &Path,
    settings: &Settings,
) -> Result<Option<Exit>, Failure> {
    let public_url = settings.public_url(settings.listen.value.port()).to_string();
    let archive = archive(settings)?;
    let place = Place {
        data: &settings.data.value,
        recordings: &settings.recordings,
        archive: archive.as_ref(),
        public_url: &public_url,
    };
    let made = pack(terminal, &place, event, output);
    let (manifest, key) = runtime()?.block_on(made)?;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    if terminal.json {
        terminal.print_json(&json!({
            "package": output.display().to_string(),
            "event": manifest.event,
            "files": manifest.files.len(),
            "bytes": bytes,
            "proceedings": manifest.proceedings,
            "key": key.id(),
            "public_key": key.encoded(),
        }))?;
    } else {
        terminal.print(&format!(
            "{} {}: {} files, {bytes} bytes, {} lines of proceedings\n\
             Signed with the server's key {}. Publish its public half, so that others can check:\n  \
             plenary verify {} --key {}\n",
            terminal.ink(Ink::Green, "made"),
            output.display(),
            manifest.files.len(),
            manifest.proceedings.lines.0,
            key.id(),
            output.display(),
            key.encoded(),
        ))?;
    }
    Ok(None)
}

/// Where what is packed lies.
pub(crate) struct Place<'a> {
    /// The data folder.
    pub(crate) data: &'a Path,
    /// The folder of the recordings.
    pub(crate) recordings: &'a Path,
    /// The store that finished recordings go to, if the settings name one.
    pub(crate) archive: Option<&'a Archive>,
    /// By which the issued release names its own addresses.
    pub(crate) public_url: &'a str,
}

/// Packs the record of a closed event of this data folder.
pub(crate) async fn pack(
    terminal: Terminal,
    place: &Place<'_>,
    event: &str,
    output: &Path,
) -> Result<(Manifest, PublicKey), Failure> {
    let store = Store::open(place.data).await?;
    let made = package(terminal, &store, place, event, output).await;
    store.storage.close().await;
    made
}

/// Makes the package of a closed event at `output`, where nothing may be.
async fn package(
    terminal: Terminal,
    store: &Store,
    place: &Place<'_>,
    event: &str,
    output: &Path,
) -> Result<(Manifest, PublicKey), Failure> {
    let data = place.data;
    let state = event::state(store, data, event).await?;
    let id = state.definition.id.clone();
    if state.life != Life::Closed {
        return Err(Failure::failed(format!(
            "The event {id} is not closed. Its record can be packed when it is."
        )));
    }
    let lines = storage::load(&*store.storage, &id).await.map_err(|error| broken(data, &error))?;
    let lines = lines.unwrap_or_default();
    let key = signing_key(data)?;
    let failed = |error: PackError| {
        let message = format!("The package {} cannot be made: {error}.", output.display());
        Failure::failed(message)
    };
    let io_failed = |error: std::io::Error| failed(error.into());
    if output.symlink_metadata().is_ok() {
        return Err(exists(output));
    }
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Written beside its place and moved there whole; what is dropped before is deleted.
    let draft = tempfile::Builder::new()
        .prefix(".plenary-package-")
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(io_failed)?;
    let disk = Carrying::begin(draft.as_file()).map_err(io_failed)?;
    let mut packer = Packer::new(draft);
    let documents = documents(store, data, &state).await?;
    written(&mut packer, &state, &lines, &documents).map_err(failed)?;
    let issued = server::issued_release(&state, &documents, place.public_url, SystemClock.now());
    for file in issued.map_err(|error| io_failed(std::io::Error::other(error)))? {
        let path = format!("release/issued/{}", file.name);
        packer.add(&path, file.media_type, &mut file.bytes.as_slice()).map_err(failed)?;
    }
    if let Some(page) = web_ui::verification_page() {
        let kind = "text/html; charset=utf-8";
        packer.add(package::PAGE, kind, &mut page.bytes.as_ref()).map_err(failed)?;
    }
    media(terminal, &mut packer, &place.recordings.join(id.as_str())).map_err(failed)?;
    let folder = place.recordings.join(id.as_str());
    media_of_store(terminal, &mut packer, &folder, place.archive, &id).await?;
    terminal.progress_ends();
    let about = About {
        event: id,
        made_at: SystemClock.now(),
        product: env!("CARGO_PKG_VERSION").to_owned(),
        proceedings: lines.last().map(Line::tip).unwrap_or_default(),
    };
    let (draft, manifest) = packer.seal(about, &key).map_err(failed)?;
    drop(disk);
    draft.as_file().sync_all().map_err(io_failed)?;
    draft.persist_noclobber(output).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(output),
        _ => io_failed(error.error),
    })?;
    Ok((manifest, key.public()))
}

/// Carries a file to the disk while it is written. The system begins by itself only when a tenth
/// of the memory is full, so that most of a package would wait for the end.
struct Carrying {
    ended: Arc<AtomicBool>,
}

impl Carrying {
    fn begin(file: &File) -> std::io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let (file, end) = (file.try_clone()?, Arc::clone(&ended));
        std::thread::Builder::new().name("to-disk".to_owned()).spawn(move || {
            while !end.load(Ordering::Relaxed) {
                std::thread::sleep(CARRY_EVERY);
                // A disk that fails is met again at the end, where it is told.
                let _ = file.sync_data();
            }
        })?;
        Ok(Self { ended })
    }
}

impl Drop for Carrying {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn exists(output: &Path) -> Failure {
    Failure::failed(format!(
        "There is already something at {}; nothing was changed.",
        output.display()
    ))
}

/// What was written down: proceedings, transcript, statements, the release's versions.
fn written(
    packer: &mut Packer<NamedTempFile>,
    state: &EventState,
    lines: &[Line],
    documents: &BTreeMap<Hash, Vec<u8>>,
) -> Result<(), PackError> {
    json_lines(packer, package::PROCEEDINGS, lines)?;
    let record = &state.record;
    let spoken: Vec<_> = record.transcript.iter().filter(|line| !line.struck).collect();
    json_lines(packer, "transcript/lines.jsonl", &spoken)?;
    json_lines(packer, "statements.jsonl", &record.statements)?;
    let release = serde_json::to_vec_pretty(&record.release).map_err(std::io::Error::other)?;
    packer.add("release/state.json", "application/json", &mut release.as_slice())?;
    for (hash, document) in documents {
        let path = format!("release/documents/{hash}.json");
        packer.add(&path, "application/json", &mut document.as_slice())?;
    }
    let facts = publication::from_state(state, &ReleaseNotes::default());
    let transcript = publication::transcript(state);
    for language in &state.definition.languages {
        let mut vtt = |name: String, text: String| {
            packer.add(&name, "text/vtt; charset=utf-8", &mut text.as_bytes())
        };
        let language: &Language = language;
        let captions = output::web_vtt::captions(&facts, &transcript, language);
        vtt(format!("transcript/captions.{language}.vtt"), captions)?;
        let chapters = output::web_vtt::chapters(&facts, language);
        vtt(format!("transcript/chapters.{language}.vtt"), chapters)?;
    }
    Ok(())
}

/// The documents that the proceedings name: every version of the release, and the notes for it.
async fn documents(
    store: &Store,
    data: &Path,
    state: &EventState,
) -> Result<BTreeMap<Hash, Vec<u8>>, Failure> {
    let release = &state.record.release;
    let named = release.versions.iter().map(|version| version.document).chain(release.notes);
    let mut documents = BTreeMap::new();
    for hash in named.collect::<BTreeSet<_>>() {
        let document = store.storage.document(&state.definition.id, hash).await;
        let document = document.map_err(|error| broken(data, &error))?.ok_or_else(|| {
            Failure::failed(format!(
                "The proceedings name the document {hash}, which is not in the data folder {}.",
                data.display()
            ))
        })?;
        documents.insert(hash, document);
    }
    Ok(documents)
}

fn json_lines(
    packer: &mut Packer<NamedTempFile>,
    path: &str,
    values: &[impl Serialize],
) -> Result<(), PackError> {
    let mut bytes = Vec::new();
    for value in values {
        serde_json::to_writer(&mut bytes, value).map_err(std::io::Error::other)?;
        bytes.push(b'\n');
    }
    packer.add(path, "application/jsonl", &mut bytes.as_slice())?;
    Ok(())
}

/// What was recorded: the files of the event's folder and of its folder `takes`. There may be none.
fn media(
    terminal: Terminal,
    packer: &mut Packer<NamedTempFile>,
    folder: &Path,
) -> Result<(), PackError> {
    let (mut written, mut shown) = (0, 0);
    for (within, prefix) in [("", "media/"), ("takes", "media/takes/")] {
        for path in files(&folder.join(within))? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let media_type = match path.extension().and_then(|end| end.to_str()) {
                Some("webm") => "video/webm",
                Some("json") => "application/json",
                Some("jsonl") => "application/jsonl",
                _ => continue,
            };
            let mut file = File::open(&path)?;
            written += packer.add(&format!("{prefix}{name}"), media_type, &mut file)?;
            if written - shown >= PROGRESS_BYTES {
                shown = written;
                terminal.progress(&format!("{} MB written", written >> 20));
            }
        }
    }
    Ok(())
}

/// The store of finished recordings that the settings name.
fn archive(settings: &Settings) -> Result<Option<Archive>, Failure> {
    let store = settings.store.as_ref();
    let archive = store.map(|store| {
        Archive::s3(settings.recordings.clone(), &store.s3, store.keep_local)
            .map_err(|error| Failure::failed(sentence(&error.to_string())))
    });
    archive.transpose()
}

/// Adds what was recorded and has left the event's folder for the store. Each file lies here while
/// it is packed, and is compared with what was given to the store.
async fn media_of_store(
    terminal: Terminal,
    packer: &mut Packer<NamedTempFile>,
    folder: &Path,
    archive: Option<&Archive>,
    event: &EventId,
) -> Result<(), Failure> {
    let failed = |why: String| {
        let message = format!("The recordings of {event} cannot be packed: {why}.");
        Failure::failed(message)
    };
    let gone = recording::stored(folder).map_err(|error| failed(error.to_string()))?;
    for (name, stored) in gone {
        if folder.join(&name).exists() {
            continue;
        }
        let Some(archive) = archive else {
            return Err(failed(format!(
                "{name} is in a store, and the settings name none; run this with the settings of \
                 the server (--config)"
            )));
        };
        terminal.progress(&format!("{} MB of {name} come from the store", stored.bytes >> 20));
        let mut file = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
        let fetched = archive.fetch(event, &name, &mut file).await;
        fetched.map_err(|error| failed(error.to_string()))?;
        file.rewind().map_err(|error| failed(error.to_string()))?;
        let media_type = if name.ends_with(".webm") { "video/webm" } else { "video/x-matroska" };
        let added = packer.add(&format!("media/{name}"), media_type, &mut file);
        added.map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}

/// The ordinary files of a folder by name. Links are none: they could lead anywhere.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// The server's signing key; made where there is none, for its owner only. It is never replaced.
fn signing_key(data: &Path) -> Result<SecretKey, Failure> {
    let path = data.join(SIGNING_KEY);
    let failed = |why: String| {
        Failure::failed(format!("The signing key {} cannot be used: {why}.", path.display()))
    };
    if !path.try_exists().map_err(|error| failed(error.to_string()))? {
        let key = SecretKey::from_random(SystemRandom.bytes())
            .map_err(|error| failed(error.to_string()))?;
        let kept = || -> std::io::Result<()> {
            // Temporary files are for their owner only.
            let mut draft = NamedTempFile::new_in(data)?;
            draft.write_all(key.to_file().as_bytes())?;
            draft.as_file().sync_all()?;
            match draft.persist_noclobber(&path) {
                // Another program was faster: its key counts.
                Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
                result => drop(result?),
            }
            File::open(data)?.sync_all()
        };
        kept().map_err(|error| failed(error.to_string()))?;
    }
    let file = File::open(&path).map_err(|error| failed(error.to_string()))?;
    let mode = file.metadata().map_err(|error| failed(error.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(failed(format!("others can read it; run: chmod 600 {}", path.display())));
    }
    let mut text = String::new();
    file.take(KEY_FILE_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| failed(error.to_string()))?;
    SecretKey::parse(&text).map_err(|error| failed(error.to_string()))
}

/// `verify`.
pub(crate) fn verify(
    terminal: Terminal,
    path: &Path,
    keys: &[String],
) -> Result<Option<Exit>, Failure> {
    let keys = keys.iter().map(|key| public_key(key)).collect::<Result<Vec<_>, _>>()?;
    // A path is no sentence's first word: its letters stay as they are.
    let unreadable = |why: &str| {
        let message =
            format!("This is no package that can be verified: {}: {why}.", path.display());
        Failure::new(Exit::Usage, message)
    };
    let beside = sign::beside(path).map_err(|error| unreadable(&error.to_string()))?;
    let file = File::open(path).map_err(|error| unreadable(&error.to_string()))?;
    let mut shown = 0;
    let verdict = package::verify(BufReader::new(file), &keys, &beside, &mut |done, total| {
        if done - shown >= PROGRESS_BYTES {
            shown = done;
            terminal.progress(&format!("{} of {} MB read", done >> 20, total >> 20));
        }
    });
    terminal.progress_ends();
    let verdict = verdict.map_err(|error| unreadable(&error.to_string()))?;
    if terminal.json {
        terminal.print_json(&verdict)?;
    } else {
        terminal.print(&in_words(terminal, path, &verdict, !keys.is_empty()))?;
    }
    Ok((!verdict.intact).then_some(Exit::Failed))
}

/// A key from the command line: its file, or the line itself.
fn public_key(key: &str) -> Result<PublicKey, Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, format!("--key {key}: {why}."));
    if let Ok(key) = PublicKey::parse(key) {
        return Ok(key);
    }
    let mut text = String::new();
    File::open(key)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| wrong(format!("it is neither a public key nor a file ({error})")))?;
    PublicKey::parse(&text).map_err(|error| wrong(error.to_string()))
}

fn in_words(terminal: Terminal, path: &Path, verdict: &Verdict, keys_given: bool) -> String {
    let name = path.display();
    let mut out = if verdict.intact {
        format!("{} {name}: everything is as it was signed\n", terminal.ink(Ink::Green, "intact"))
    } else {
        format!("{} {name}\n", terminal.ink(Ink::Red, "not intact"))
    };
    for finding in verdict.findings.iter().take(FINDINGS_SHOWN_MAX) {
        out += &format!("  {}\n", finding_in_words(finding));
    }
    if let Some(more) = verdict.findings.len().checked_sub(FINDINGS_SHOWN_MAX).filter(|n| *n > 0) {
        out += &format!("  and {more} more; --json names them all\n");
    }
    if let Some(event) = &verdict.event {
        out += &format!("Record of the event {event}");
        if let Some(made) = verdict.made_at.and_then(|at| utc(at.0)) {
            out += &format!(", packed on {made}");
        }
        out += "\n";
    }
    out += &format!("{} files intact, {} bytes\n", verdict.files_intact, verdict.bytes_intact);
    if let Some(chain) = verdict.proceedings {
        let (lines, hash) = (chain.lines_intact.0, chain.hash);
        out += &format!("Proceedings: lines 1 to {lines} unbroken, the last is {hash}\n");
    }
    for signature in &verdict.signatures {
        let key = signature.key.map_or_else(|| "unknown".to_owned(), |key| key.to_string());
        let state = match signature.state {
            SignatureState::Good if signature.trusted => {
                format!("good, by the key {key} that you named")
            }
            SignatureState::Good => {
                let file = signature.key_file.as_deref().unwrap_or_default();
                format!("good, by the key {key} from {file}")
            }
            SignatureState::Bad => format!("does not fit this package or the key {key}"),
            SignatureState::UnknownKey => format!("not checked: name the key {key} with --key"),
            SignatureState::Unreadable => "is no signature".to_owned(),
        };
        out += &format!("Signature {}: {state}\n", signature.file);
        if let Some(comment) = &signature.comment {
            // Whoever signed wrote it; a terminal must not obey it.
            let plain: String = comment.chars().filter(|letter| !letter.is_control()).collect();
            out += &format!("  signed with it: {plain}\n");
        }
    }
    if verdict.intact && !keys_given {
        out += "Whose keys these are a package cannot prove by itself: compare them with those that \
                the parties publish, or name them with --key.\n";
    }
    out
}

fn finding_in_words(finding: &Finding) -> String {
    match finding {
        Finding::Altered { path, why } => match why {
            Why::Content => format!("altered: {path} (its content is not what was signed)"),
            Why::Checksum => format!("altered: {path} (its checksum is wrong)"),
            Why::Header => format!("altered: {path} (its header in the package is wrong)"),
            Why::Signature => format!("altered: {path}, or the manifest (the signature is wrong)"),
        },
        Finding::Missing { path } => format!("missing: {path}"),
        Finding::Added { path } => format!("added: {path}"),
        Finding::BrokenLine { line, why } => format!("proceedings: line {line} is broken: {why}"),
        Finding::OtherProceedings => {
            "proceedings: they do not end where the manifest says, or are another event's"
                .to_owned()
        }
        Finding::BadManifest { why } => format!(
            "altered: manifest.json cannot be read, so nothing is known of the other files: {why}"
        ),
        Finding::Unsigned => "not signed by the key server.pub in the package".to_owned(),
        Finding::NotSignedBy { key } => format!("not signed by the key {key} that you named"),
    }
}

fn utc(milliseconds: i64) -> Option<String> {
    let moment = jiff::Timestamp::from_millisecond(milliseconds).ok()?;
    Some(moment.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
