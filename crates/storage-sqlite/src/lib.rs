//! The storage of one machine: everything in one SQLite file.
//!
//! Write-ahead log with `synchronous = FULL`: what was acknowledged survives the loss of power.
//! One connection writes and gathers whatever waits into one transaction; a few others read.

mod error;
mod migrations;
mod writer;

use std::path::Path;
use std::time::Duration;

use base::{EventId, PersonId, Sequence, Timestamp};
use proceedings::{Event, Hash, Life, Line, Tip};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};
use storage::{
    Answer, EVENTS_LISTED_MAX, EventSummary, Paper, Storage, StorageError, TokenHash, check_append,
    check_document, check_papers,
};
use tokio::sync::{mpsc, oneshot};

use crate::error::storage_error;
use crate::writer::{Append, Change, Message, number};

/// Connections that read. Reads are short, and the machine that this is for has few cores.
const READERS_MAX: u32 = 4;

/// The write-ahead log is cut to this size when it has been merged into the database.
const LOG_BYTES_KEPT: i64 = 16 << 20;

/// How the database is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long an operation waits for another program that holds the database.
    pub busy_timeout: Duration,
    /// Most pages of 4 KiB that the file may have. The default, 16 GiB, is some fifty million
    /// lines: a runaway program shall not fill the disk that the recordings need.
    pub pages_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), pages_max: 4 << 20 }
    }
}

/// Events and links in an SQLite file. Open a file once in a process; clones are not needed, it is
/// used through a shared reference.
#[derive(Debug)]
pub struct SqliteStorage {
    readers: SqlitePool,
    writer: mpsc::Sender<Message>,
}

impl SqliteStorage {
    /// Opens the database at `path`, makes it where there is none (readable by the owner only) and
    /// brings it to the newest schema. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Says what is wrong with the file, its folder or its schema.
    pub async fn open(path: &Path, options: Options) -> Result<Self, StorageError> {
        create_private(path).map_err(|error| {
            let path = path.display();
            StorageError::Unavailable(format!("{path} cannot be made: {error}"))
        })?;
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(options.busy_timeout)
            .foreign_keys(true);
        let writing = connect
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string())
            .pragma("max_page_count", options.pages_max.to_string());
        let mut connection =
            SqliteConnection::connect_with(&writing).await.map_err(storage_error)?;
        migrations::migrate(&mut connection).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(connect.read_only(true))
            .await
            .map_err(storage_error)?;
        let (writer, messages) = mpsc::channel(writer::WAITING_MAX);
        tokio::spawn(writer::write_all(connection, messages));
        Ok(Self { readers, writer })
    }

    /// Writes what waits, merges the write-ahead log into the database and closes it. Not needed
    /// for durability; whatever is asked afterwards fails.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        self.readers.close().await;
        if self.writer.send(Message::Close(reply)).await.is_ok() {
            // An error means that the writer has ended already.
            let _ = closed.await;
        }
    }

    /// Reads the whole file and checks its structure, for `doctor`: seconds for a gigabyte.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] names what was found first.
    pub async fn check(&self) -> Result<(), StorageError> {
        let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&self.readers)
            .await
            .map_err(storage_error)?;
        if found == "ok" { Ok(()) } else { Err(StorageError::Corrupt(found)) }
    }

    async fn write(&self, change: Change) -> Result<u32, StorageError> {
        let ended = || StorageError::Unavailable("the database is closed".to_owned());
        let (reply, answer) = oneshot::channel();
        self.writer.send(Message::Write(change, reply)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

impl Storage for SqliteStorage {
    fn create_event<'a>(&'a self, first: &'a Line) -> Answer<'a, ()> {
        Box::pin(async move {
            let (before, after) = check_append(std::slice::from_ref(first))?;
            let Event::EventCreated { definition } = &first.event else {
                return Err(StorageError::BadLines);
            };
            if before != Tip::default() {
                return Err(StorageError::BadLines);
            }
            let change = Change::Create {
                event: definition.id.clone(),
                title: json(&definition.title)?,
                start_ms: definition.start.0,
                after,
                line: json(first)?,
            };
            self.write(change).await.map(drop)
        })
    }

    fn list_events(&self) -> Answer<'_, Vec<EventSummary>> {
        Box::pin(async move {
            let rows: Vec<(String, String, i64, String, i64)> = sqlx::query_as(
                "SELECT id, title, start_ms, life, sequence FROM event \
                 ORDER BY start_ms DESC, id LIMIT ?",
            )
            .bind(number(EVENTS_LISTED_MAX as u64))
            .fetch_all(&self.readers)
            .await
            .map_err(storage_error)?;
            let summary =
                |(id, title, start_ms, life, sequence): (String, String, _, String, _)| {
                    let damaged = || StorageError::Corrupt(format!("the entry of event {id}"));
                    Ok(EventSummary {
                        id: id.parse().map_err(|_| damaged())?,
                        title: serde_json::from_str(&title).map_err(|_| damaged())?,
                        start: Timestamp(start_ms),
                        life: life_named(&life).ok_or_else(damaged)?,
                        sequence: Sequence(u64::try_from(sequence).map_err(|_| damaged())?),
                    })
                };
            rows.into_iter().map(summary).collect()
        })
    }

    fn lines<'a>(
        &'a self,
        event: &'a EventId,
        after: Sequence,
        limit: usize,
    ) -> Answer<'a, Option<Vec<Line>>> {
        Box::pin(async move {
            let rows: Vec<(i64, String)> = sqlx::query_as(
                "SELECT sequence, json FROM line WHERE event = ? AND sequence > ? \
                 ORDER BY sequence LIMIT ?",
            )
            .bind(event.as_str())
            .bind(number(after.0))
            .bind(number(limit as u64))
            .fetch_all(&self.readers)
            .await
            .map_err(storage_error)?;
            if rows.is_empty() {
                let mut reader = self.readers.acquire().await.map_err(storage_error)?;
                let known = writer::generation(&mut reader, event, None).await;
                return Ok(known.map_err(storage_error)?.map(|_| Vec::new()));
            }
            let line = |(sequence, text): (i64, String)| {
                serde_json::from_str(&text).map_err(|error| {
                    StorageError::Corrupt(format!("line {sequence} of event {event}: {error}"))
                })
            };
            rows.into_iter().map(line).collect::<Result<_, _>>().map(Some)
        })
    }

    fn append<'a>(&'a self, event: &'a EventId, lines: &'a [Line]) -> Answer<'a, ()> {
        Box::pin(async move {
            let (before, after) = check_append(lines)?;
            let append = Append {
                event: event.clone(),
                before,
                after,
                life: lines.iter().rev().find_map(|line| line.event.leads_to()),
                lines: lines.iter().map(json).collect::<Result<_, _>>()?,
            };
            self.write(Change::Append(append)).await.map(drop)
        })
    }

    fn put_link<'a>(
        &'a self,
        event: &'a EventId,
        person: &'a PersonId,
        generation: u32,
        token: TokenHash,
    ) -> Answer<'a, ()> {
        let (event, person) = (event.clone(), person.clone());
        Box::pin(async move {
            self.write(Change::PutLink { event, person, generation, token }).await.map(drop)
        })
    }

    fn find_link(&self, token: TokenHash) -> Answer<'_, Option<(EventId, PersonId)>> {
        Box::pin(async move {
            let row: Option<(String, String)> =
                sqlx::query_as("SELECT event, person FROM link WHERE token = ?")
                    .bind(&token.0[..])
                    .fetch_optional(&self.readers)
                    .await
                    .map_err(storage_error)?;
            let Some((event, person)) = row else { return Ok(None) };
            let owner = event.parse().ok().zip(person.parse().ok());
            owner.map(Some).ok_or_else(|| StorageError::Corrupt("the owner of a link".to_owned()))
        })
    }

    fn revoke_links<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        let (event, person) = (event.clone(), person.clone());
        Box::pin(async move { self.write(Change::RevokeLinks { event, person }).await })
    }

    fn generation<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        Box::pin(async move {
            let mut reader = self.readers.acquire().await.map_err(storage_error)?;
            let generation = writer::generation(&mut reader, event, Some(person)).await;
            generation.map_err(storage_error)?.ok_or(StorageError::NoSuchEvent)
        })
    }

    fn put_document<'a>(
        &'a self,
        event: &'a EventId,
        document: Hash,
        bytes: &'a [u8],
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            check_document(document, bytes)?;
            let (event, bytes) = (event.clone(), bytes.to_vec());
            self.write(Change::PutDocument { event, document, bytes }).await.map(drop)
        })
    }

    fn document<'a>(&'a self, event: &'a EventId, document: Hash) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let bytes: Option<Vec<u8>> =
                sqlx::query_scalar("SELECT bytes FROM document WHERE event = ? AND hash = ?")
                    .bind(event.as_str())
                    .bind(&document.0[..])
                    .fetch_optional(&self.readers)
                    .await
                    .map_err(storage_error)?;
            let Some(bytes) = bytes else { return Ok(None) };
            match check_document(document, &bytes) {
                Ok(()) => Ok(Some(bytes)),
                Err(_) => Err(StorageError::Corrupt(format!("document {document} of {event}"))),
            }
        })
    }

    fn put_papers<'a>(&'a self, event: &'a EventId, papers: &'a [Paper]) -> Answer<'a, ()> {
        Box::pin(async move {
            check_papers(papers)?;
            let (event, papers) = (event.clone(), papers.to_vec());
            self.write(Change::PutPapers { event, papers }).await.map(drop)
        })
    }

    fn papers<'a>(&'a self, event: &'a EventId, prefix: &'a str) -> Answer<'a, Vec<Paper>> {
        Box::pin(async move {
            // Names are compared by their bytes; none has this letter.
            let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
                "SELECT name, bytes FROM paper WHERE event = ? AND name >= ? AND name < ? \
                 ORDER BY name",
            )
            .bind(event.as_str())
            .bind(prefix)
            .bind(format!("{prefix}\u{10FFFF}"))
            .fetch_all(&self.readers)
            .await
            .map_err(storage_error)?;
            Ok(rows.into_iter().map(|(name, bytes)| Paper { name, bytes }).collect())
        })
    }
}

/// The name under which a life is stored, the one that it has in JSON.
pub(crate) fn life_name(life: Life) -> &'static str {
    match life {
        Life::Scheduled => "scheduled",
        Life::GreenRoom => "green-room",
        Life::Live => "live",
        Life::Suspended => "suspended",
        Life::Closed => "closed",
    }
}

fn life_named(name: &str) -> Option<Life> {
    let lives = [Life::Scheduled, Life::GreenRoom, Life::Live, Life::Suspended, Life::Closed];
    lives.into_iter().find(|life| life_name(*life) == name)
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|_| StorageError::BadLines)
}

/// The proceedings hold personal data. SQLite gives its other files the rights of this one.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
