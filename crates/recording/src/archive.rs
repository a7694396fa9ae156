//! The store of finished recordings: a bucket of an S3-compatible server, named by the operator.
//!
//! What is recorded is written to the local folder, which a kill cannot spoil; an object of a store
//! cannot be added to. When an event is closed and its index is written for good, its files are
//! carried to the store, one at a time: while people speak the line belongs to them. A file counts
//! as stored when the store says that it has all of it; before local files are removed each is read
//! back whole and compared. `stored.json` in the event's folder says what the store has, the index
//! goes last, and the event's folder keeps both. A store that is away delays this and loses
//! nothing: it is tried again, at longer intervals, also after a restart.

mod http;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::EventId;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::path::Path as Key;
use object_store::{
    GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};

use crate::index::{self, Index};

/// What the store has of an event, in the event's folder.
pub(crate) const LEDGER: &str = "stored.json";

/// Bytes of a ledger that are read: a hundred for each of 50,000 files, and more.
const LEDGER_BYTES_MAX: u64 = 16 << 20;

/// Bytes that are carried at once. S3 wants at least 5 MiB of each part but the last.
const PART_BYTES: u64 = 8 << 20;

/// Parts of a file at most; S3 takes 10,000. Longer files have longer parts.
const PARTS_MAX: u64 = 9_000;

/// How long after a failure the store is tried again; twice as long after each further one.
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(600);

/// How often the folder is looked through when nobody says that something was finished.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Events that are looked at: far more than a server holds in years.
const EVENTS_MAX: usize = 100_000;

/// Where an S3-compatible store is, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// What the names of all objects begin with; may be empty.
    pub prefix: String,
    /// The server, as `https://s3.example.org:9000`. `None` is the one of AWS in the region.
    pub endpoint: Option<String>,
    /// The region, which is part of each signature. Servers that have none take `us-east-1`.
    pub region: String,
    /// The name of the key.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Why something could not be carried to the store, or read from it.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store refuses, or is not to be reached.
    #[error("the store of recordings: {0}")]
    Store(#[from] object_store::Error),
    /// The local folder fails.
    #[error("the folder of recordings: {0}")]
    Folder(#[from] io::Error),
    /// The store has something else than was given to it.
    #[error("the store of recordings holds {file} altered or cut off")]
    Altered {
        /// The name of the file.
        file: String,
    },
    /// The store was never given this file.
    #[error("{file} is not in the store of recordings")]
    NotStored {
        /// The name of the file.
        file: String,
    },
}

/// A file that the store has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// What the store has of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Ledger {
    /// The files by their names within the event's folder.
    files: BTreeMap<String, Stored>,
    /// The index is there too, so nothing is missing.
    complete: bool,
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveHealth {
    /// Events whose files are not in the store yet.
    pub waiting: BTreeSet<EventId>,
    /// The last try failed; another follows.
    pub failing: bool,
}

/// The store of finished recordings.
#[derive(Debug)]
pub struct Archive {
    folder: PathBuf,
    store: Arc<dyn ObjectStore>,
    prefix: String,
    keep_local: bool,
    finished: Notify,
    health: watch::Sender<ArchiveHealth>,
}

impl Archive {
    /// The store for the recordings in a folder. Contacts nobody yet.
    ///
    /// # Errors
    /// [`ArchiveError::Store`] when the settings make no sense together.
    pub fn s3(folder: PathBuf, settings: &S3, keep_local: bool) -> Result<Self, ArchiveError> {
        let S3 { bucket, prefix, endpoint, region, access_key, secret_key } = settings;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_access_key_id(access_key)
            .with_secret_access_key(secret_key)
            .with_checksum_algorithm(Checksum::SHA256)
            .with_http_connector(http::Connector)
            // The archive itself tries again, and tells of it.
            .with_retry(RetryConfig {
                max_retries: 2,
                retry_timeout: Duration::from_secs(20),
                ..RetryConfig::default()
            });
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(true);
        }
        Ok(Self::over(folder, Arc::new(builder.build()?), prefix, keep_local))
    }

    /// As [`Archive::s3`], over any store.
    pub fn over(
        folder: PathBuf,
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        keep_local: bool,
    ) -> Self {
        Self {
            folder,
            store,
            prefix: prefix.to_owned(),
            keep_local,
            finished: Notify::new(),
            health: watch::Sender::default(),
        }
    }

    /// Says that an event's recording was finished.
    pub fn wake(&self) {
        self.finished.notify_one();
    }

    /// How the store stands, and a way to learn of changes.
    pub fn health(&self) -> watch::Receiver<ArchiveHealth> {
        self.health.subscribe()
    }

    /// Carries finished recordings to the store, for as long as it is polled.
    pub async fn run(&self) {
        let mut pause = RETRY_FIRST;
        loop {
            let carried = self.carry_all().await;
            let failing = carried.is_err();
            if let Err(error) = carried {
                // Each try would say the same.
                if !self.health.borrow().failing {
                    tracing::error!(%error, "recordings wait for their store");
                }
            } else if self.health.borrow().failing {
                tracing::info!("the store of recordings takes them again");
            }
            self.tell(|health| health.failing = failing);
            if failing {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_MAX);
            } else {
                pause = RETRY_FIRST;
                // Whether somebody spoke or the time is over, the folder is looked through.
                let _ = tokio::time::timeout(LOOK_EVERY, self.finished.notified()).await;
            }
        }
    }

    /// Carries everything that is finished and not in the store.
    ///
    /// # Errors
    /// The first failure of the store. What fails for one event alone does not keep others back.
    async fn carry_all(&self) -> Result<(), ArchiveError> {
        let folder = self.folder.clone();
        let keep_local = self.keep_local;
        let waiting = blocking(move || waiting(&folder, keep_local)).await?;
        self.tell(|health| health.waiting = waiting.iter().cloned().collect());
        let mut failed = None;
        for event in waiting {
            match self.carry(&event).await {
                Ok(()) => {
                    tracing::info!(%event, "a recording is in its store");
                    self.tell(|health| _ = health.waiting.remove(&event));
                }
                Err(error @ ArchiveError::Store(_)) => return Err(error),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn tell(&self, change: impl FnOnce(&mut ArchiveHealth)) {
        self.health.send_if_modified(|health| {
            let before = health.clone();
            change(health);
            *health != before
        });
    }

    /// Carries the files of a finished event to the store, and then removes them here unless they
    /// are to stay.
    ///
    /// # Errors
    /// What stops it. What was stored before stays stored.
    pub async fn carry(&self, event: &EventId) -> Result<(), ArchiveError> {
        let folder = self.folder.join(event.as_str());
        let own = folder.clone();
        let (files, mut ledger) = blocking(move || Ok((files(&own)?, Ledger::read(&own)?))).await?;
        if !ledger.complete {
            for file in &files {
                if ledger.files.contains_key(file) {
                    continue;
                }
                let stored = self.put(event, file).await?;
                ledger.files.insert(file.clone(), stored);
                ledger = ledger.write(&folder).await?;
            }
            self.put(event, index::FINAL).await?;
            ledger.complete = true;
            ledger = ledger.write(&folder).await?;
        }
        if !self.keep_local {
            blocking(move || remove(&folder, ledger.files.keys())).await?;
        }
        Ok(())
    }

    /// What the store has of an event: files by their names within the event's folder.
    ///
    /// # Errors
    /// The system's.
    pub async fn stored(&self, event: &EventId) -> io::Result<BTreeMap<String, Stored>> {
        let folder = self.folder.join(event.as_str());
        blocking(move || stored(&folder)).await
    }

    /// Reads a range of a file that the store has.
    ///
    /// # Errors
    /// [`ArchiveError::Store`] when the store is away or has lost the file.
    pub async fn read(
        &self,
        event: &EventId,
        file: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, ArchiveError> {
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..Default::default() };
        let found = self.store.get_opts(&self.key(event, file), options).await?;
        Ok(found.into_stream().map_err(io::Error::other).boxed())
    }

    /// Writes a whole file that the store has into another, and compares it with what was given to
    /// the store.
    ///
    /// # Errors
    /// [`ArchiveError`]; the other file may have been written in part.
    pub async fn fetch(
        &self,
        event: &EventId,
        file: &str,
        into: &mut File,
    ) -> Result<(), ArchiveError> {
        let stored = self.stored(event).await?.remove(file);
        let not_stored = || ArchiveError::NotStored { file: file.to_owned() };
        let stored = stored.ok_or_else(not_stored)?;
        self.compare(event, file, &stored, Some(into)).await
    }

    /// Writes an object, reads it and removes it again.
    ///
    /// # Errors
    /// [`ArchiveError::Store`] with what the store or the way to it says.
    pub async fn check(&self) -> Result<(), ArchiveError> {
        let key = self.name("plenary-check");
        let text = Bytes::from_static(b"Plenary checks that it can write here.\n");
        self.store.put(&key, PutPayload::from(text.clone())).await?;
        let read = self.store.get(&key).await?.bytes().await?;
        self.store.delete(&key).await?;
        match read == text {
            true => Ok(()),
            false => Err(ArchiveError::Altered { file: "plenary-check".to_owned() }),
        }
    }

    fn name(&self, rest: &str) -> Key {
        Key::from_iter(
            self.prefix.split('/').chain(rest.split('/')).filter(|part| !part.is_empty()),
        )
    }

    fn key(&self, event: &EventId, file: &str) -> Key {
        self.name(&format!("{event}/{file}"))
    }

    /// Puts a local file into the store and makes sure that the store has it.
    async fn put(&self, event: &EventId, file: &str) -> Result<Stored, ArchiveError> {
        let path = self.folder.join(event.as_str()).join(file);
        let key = self.key(event, file);
        let (mut local, bytes) = blocking(move || Local::open(&path)).await?;
        let part_bytes = PART_BYTES.max(bytes.div_ceil(PARTS_MAX));
        if bytes <= part_bytes {
            let (read, part) = local.next(bytes).await?;
            self.store.put(&key, PutPayload::from(part)).await?;
            local = read;
        } else {
            let mut upload = self.store.put_multipart(&key).await?;
            match send_parts(&mut *upload, local, bytes, part_bytes).await {
                Ok(read) => local = read,
                Err(error) => {
                    // Parts that stay behind cost room at the store; it cleans up by its own rules
                    // if it cannot be told now.
                    let _ = upload.abort().await;
                    return Err(error);
                }
            }
        }
        let stored = Stored { bytes, sha256: hexadecimal(local.hash) };
        if self.keep_local {
            let found = self.store.head(&key).await?.size;
            if found != bytes {
                return Err(ArchiveError::Altered { file: file.to_owned() });
            }
        } else {
            self.compare(event, file, &stored, None).await?;
        }
        Ok(stored)
    }

    /// Reads a file of the store whole, and compares its length and SHA-256.
    async fn compare(
        &self,
        event: &EventId,
        file: &str,
        stored: &Stored,
        mut into: Option<&mut File>,
    ) -> Result<(), ArchiveError> {
        let found = self.store.get(&self.key(event, file)).await?;
        let mut pieces = found.into_stream();
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
            bytes += piece.len() as u64;
            if let Some(into) = into.as_deref_mut() {
                io::Write::write_all(into, &piece)?;
            }
        }
        match (bytes, hexadecimal(hash)) == (stored.bytes, stored.sha256.clone()) {
            true => Ok(()),
            false => Err(ArchiveError::Altered { file: file.to_owned() }),
        }
    }
}

impl Ledger {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut text = Vec::new();
        match File::open(folder.join(LEDGER)) {
            Ok(file) => drop(file.take(LEDGER_BYTES_MAX).read_to_end(&mut text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        }
        serde_json::from_slice(&text).map_err(io::Error::other)
    }

    /// Writes it so that it is there as a whole or not at all.
    async fn write(self, folder: &Path) -> io::Result<Self> {
        let folder = folder.to_owned();
        blocking(move || {
            index::write_whole(&folder, LEDGER, &self)?;
            Ok(self)
        })
        .await
    }
}

/// What the store has of an event whose folder this is: files by their names within it.
///
/// # Errors
/// The system's.
pub fn stored(folder: &Path) -> io::Result<BTreeMap<String, Stored>> {
    Ok(Ledger::read(folder)?.files)
}

/// Whether the store has files of this folder, so that its index must not be made anew from the
/// files that are here.
pub(crate) fn is_begun(folder: &Path) -> bool {
    folder.join(LEDGER).exists()
}

/// Finished events that are not whole in the store, or still here although they should not be.
fn waiting(folder: &Path, keep_local: bool) -> io::Result<Vec<EventId>> {
    let mut waiting = Vec::new();
    for entry in fs::read_dir(folder)?.take(EVENTS_MAX) {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Ok(event) = EventId::new(name) else { continue };
        if !path.join(index::FINAL).is_file() {
            continue;
        }
        // One that cannot be read is found again when the event is carried, and told then.
        let ledger = Ledger::read(&path).unwrap_or_default();
        let is_here = || ledger.files.keys().any(|file| path.join(file).exists());
        if !ledger.complete || !keep_local && is_here() {
            waiting.push(event);
        }
    }
    waiting.sort();
    Ok(waiting)
}

/// The media files of a finished event.
fn files(folder: &Path) -> io::Result<BTreeSet<String>> {
    let Index { programme, takes, .. } = index::read_index(folder)?;
    let all = programme.into_iter().map(|file| file.file).chain(takes.into_iter().map(|t| t.file));
    Ok(all.filter(|file| is_plain(file)).collect())
}

/// Whether a name of the index leads into the event's folder. The index is ours, but it is a file.
fn is_plain(file: &str) -> bool {
    !file.is_empty() && Path::new(file).components().all(|p| matches!(p, Component::Normal(_)))
}

/// Removes files that the store has. One that is gone already is as well.
fn remove<'a>(folder: &Path, files: impl Iterator<Item = &'a String>) -> io::Result<()> {
    for file in files.filter(|file| is_plain(file)) {
        match fs::remove_file(folder.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A local file that is being carried.
struct Local {
    file: File,
    hash: Sha256,
}

impl Local {
    /// Opens a file, and says how long it is.
    fn open(path: &Path) -> io::Result<(Self, u64)> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok((Self { file, hash: Sha256::new() }, bytes))
    }

    /// Reads the next bytes, and counts them in.
    async fn next(mut self, bytes: u64) -> io::Result<(Self, Bytes)> {
        blocking(move || {
            let mut part = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
            self.file.read_exact(&mut part)?;
            self.hash.update(&part);
            Ok((self, Bytes::from(part)))
        })
        .await
    }
}

async fn send_parts(
    upload: &mut dyn MultipartUpload,
    mut local: Local,
    bytes: u64,
    part_bytes: u64,
) -> Result<Local, ArchiveError> {
    let mut left = bytes;
    while left > 0 {
        let (read, part) = local.next(left.min(part_bytes)).await?;
        local = read;
        left -= part.len() as u64;
        upload.put_part(PutPayload::from(part)).await?;
    }
    upload.complete().await?;
    Ok(local)
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
