//! The one writer. Changes that arrive while a transaction is being written wait, and are then
//! written together in the next: one flush to the disk serves all who wait (group commit).

use std::collections::{BTreeMap, BTreeSet};

use base::{EventId, PersonId};
use proceedings::{Hash, Life, Tip};
use sqlx::{Connection, SqliteConnection};
use storage::{Paper, StorageError, TokenHash};
use tokio::sync::{mpsc, oneshot};

use crate::error::storage_error;
use crate::life_name;

/// Changes that may wait for the writer; whoever comes later waits to hand theirs in. Two seconds'
/// worth of arrivals at the rate we promise.
pub(crate) const WAITING_MAX: usize = 4_096;

/// Most changes of one transaction, so that the first who waits is not kept by those behind.
const BATCH_CHANGES_MAX: usize = 1_024;

/// About what a line takes.
const LINE_BYTES: usize = 256;

/// The batch takes no more changes once it has so many lines.
const BATCH_LINES_MAX: usize = 16_384;

pub(crate) enum Message {
    Write(Change, oneshot::Sender<Result<u32, StorageError>>),
    Close(oneshot::Sender<()>),
}

/// What is to be written. Each is made whole or not at all.
pub(crate) enum Change {
    Create { event: EventId, title: String, start_ms: i64, after: Tip, line: String },
    Append(Append),
    PutLink { event: EventId, person: PersonId, generation: u32, token: TokenHash },
    RevokeLinks { event: EventId, person: PersonId },
    PutDocument { event: EventId, document: Hash, bytes: Vec<u8> },
    PutPapers { event: EventId, papers: Vec<Paper> },
}

pub(crate) struct Append {
    pub(crate) event: EventId,
    pub(crate) before: Tip,
    pub(crate) after: Tip,
    /// Where the event stands after it, if it changes that.
    pub(crate) life: Option<Life>,
    /// The lines as JSON.
    pub(crate) lines: Vec<String>,
}

impl Change {
    fn lines(&self) -> usize {
        match self {
            Self::Append(append) => append.lines.len(),
            Self::Create { .. } | Self::PutLink { .. } | Self::RevokeLinks { .. } => 1,
            // A document weighs as much as the lines that fit into it.
            Self::PutDocument { bytes, .. } => 1 + bytes.len() / LINE_BYTES,
            Self::PutPapers { papers, .. } => {
                papers.iter().map(|paper| 1 + paper.bytes.len() / LINE_BYTES).sum()
            }
        }
    }
}

/// Writes what comes through `messages` until it is closed.
pub(crate) async fn write_all(
    mut connection: SqliteConnection,
    mut messages: mpsc::Receiver<Message>,
) {
    let mut changes = Vec::new();
    let mut replies = Vec::new();
    while let Some(message) = messages.recv().await {
        let mut next = Some(message);
        let mut lines = 0;
        let mut closing = None;
        while let Some(message) = next {
            match message {
                Message::Write(change, reply) => {
                    lines += change.lines();
                    changes.push(change);
                    replies.push(reply);
                }
                Message::Close(reply) => {
                    closing = Some(reply);
                    messages.close();
                }
            }
            let full = changes.len() >= BATCH_CHANGES_MAX || lines >= BATCH_LINES_MAX;
            next = if full || closing.is_some() { None } else { messages.try_recv().ok() };
        }
        let answers = match write(&mut connection, &changes).await {
            Ok(answers) => answers,
            Err(error) => {
                let error = storage_error(error);
                changes.iter().map(|_| Err(error.clone())).collect()
            }
        };
        changes.clear();
        for (reply, answer) in replies.drain(..).zip(answers) {
            // Whoever no longer waits needs no answer.
            let _ = reply.send(answer);
        }
        if let Some(reply) = closing {
            let closed = connection.close().await;
            if let Err(error) = closed {
                tracing::warn!(%error, "the database was not closed in order");
            }
            let _ = reply.send(());
            return;
        }
    }
}

/// Writes `changes` in one transaction. Each has an answer of its own; an error means that none
/// was made. They came from callers who did not wait for each other, so their order is free.
async fn write(
    connection: &mut SqliteConnection,
    changes: &[Change],
) -> Result<Vec<Result<u32, StorageError>>, sqlx::Error> {
    let mut answers = Vec::with_capacity(changes.len());
    let mut appends = Vec::new();
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for (place, change) in changes.iter().enumerate() {
        if let Change::Append(append) = change {
            appends.push((place, append));
            answers.push(Ok(0));
        } else {
            answers.push(make(&mut transaction, change).await?);
        }
    }
    if !appends.is_empty() {
        for (place, error) in append_all(&mut transaction, &appends).await? {
            answers[place] = Err(error);
        }
    }
    transaction.commit().await?;
    Ok(answers)
}

/// Makes all appends with three statements, however many they are: each statement is handed to
/// SQLite's thread and back, which on a busy machine costs more than the statement. Returns those
/// that are refused.
async fn append_all(
    connection: &mut SqliteConnection,
    appends: &[(usize, &Append)],
) -> Result<Vec<(usize, StorageError)>, sqlx::Error> {
    let events: BTreeSet<&EventId> = appends.iter().map(|(_, append)| &append.event).collect();
    let rows: Vec<(String, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT id, sequence, hash FROM event WHERE id IN (SELECT value FROM json_each(?))",
    )
    .bind(json(&events)?)
    .fetch_all(&mut *connection)
    .await?;
    let mut tips: BTreeMap<&str, (i64, Vec<u8>)> = BTreeMap::new();
    for (id, sequence, hash) in &rows {
        tips.insert(id, (*sequence, hash.clone()));
    }

    let mut refused = Vec::new();
    let mut lines: Vec<(&str, i64, &str)> = Vec::new();
    let mut ends: BTreeMap<&str, (i64, String, Option<&str>)> = BTreeMap::new();
    for (place, append) in appends {
        let event = append.event.as_str();
        let before = number(append.before.sequence.0);
        match tips.get_mut(event) {
            None => refused.push((*place, StorageError::NoSuchEvent)),
            Some(tip) if *tip != (before, append.before.hash.0.to_vec()) => {
                refused.push((*place, StorageError::Conflict));
            }
            Some(tip) => {
                let after = number(append.after.sequence.0);
                *tip = (after, append.after.hash.0.to_vec());
                let earlier = ends.get(event).and_then(|(_, _, life)| *life);
                let life = append.life.map(life_name).or(earlier);
                ends.insert(event, (after, append.after.hash.to_string(), life));
                let numbered = (before + 1..).zip(&append.lines);
                lines.extend(numbered.map(|(sequence, line)| (event, sequence, line.as_str())));
            }
        }
    }
    if lines.is_empty() {
        return Ok(refused);
    }
    sqlx::query(
        "INSERT INTO line (event, sequence, json) \
         SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
    )
    .bind(json(&lines)?)
    .execute(&mut *connection)
    .await?;
    let ends: Vec<_> =
        ends.iter().map(|(event, (sequence, hash, life))| (event, sequence, hash, life)).collect();
    sqlx::query(
        "UPDATE event SET sequence = tip.value ->> 1, hash = unhex(tip.value ->> 2), \
         life = coalesce(tip.value ->> 3, life) \
         FROM json_each(?) AS tip WHERE event.id = tip.value ->> 0",
    )
    .bind(json(&ends)?)
    .execute(&mut *connection)
    .await?;
    Ok(refused)
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Makes one change that is no append; what refuses it is found before anything of it is written.
async fn make(
    connection: &mut SqliteConnection,
    change: &Change,
) -> Result<Result<u32, StorageError>, sqlx::Error> {
    match change {
        Change::Append(_) => {}
        Change::Create { event, title, start_ms, after, line } => {
            let created = sqlx::query(
                "INSERT INTO event (id, title, start_ms, life, sequence, hash) \
                 VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            )
            .bind(event.as_str())
            .bind(title.as_str())
            .bind(start_ms)
            .bind(life_name(Life::Scheduled))
            .bind(number(after.sequence.0))
            .bind(&after.hash.0[..])
            .execute(&mut *connection)
            .await?;
            if created.rows_affected() == 0 {
                return Ok(Err(StorageError::Conflict));
            }
            sqlx::query("INSERT INTO line (event, sequence, json) VALUES (?, 1, ?)")
                .bind(event.as_str())
                .bind(line.as_str())
                .execute(&mut *connection)
                .await?;
        }
        Change::PutLink { event, person, generation: expected, token } => {
            match generation(connection, event, Some(person)).await? {
                None => return Ok(Err(StorageError::NoSuchEvent)),
                Some(present) if present != *expected => return Ok(Err(StorageError::Conflict)),
                Some(_) => {}
            }
            // Of the same owner it stays as it is; of another it is not touched.
            let put = sqlx::query(
                "INSERT INTO link (token, event, person) VALUES (?, ?, ?) \
                 ON CONFLICT (token) DO UPDATE SET person = link.person \
                 WHERE link.event = excluded.event AND link.person = excluded.person",
            )
            .bind(&token.0[..])
            .bind(event.as_str())
            .bind(person.as_str())
            .execute(&mut *connection)
            .await?;
            if put.rows_affected() == 0 {
                return Ok(Err(StorageError::Conflict));
            }
        }
        Change::PutDocument { event, document, bytes } => {
            if generation(connection, event, None).await?.is_none() {
                return Ok(Err(StorageError::NoSuchEvent));
            }
            sqlx::query(
                "INSERT INTO document (event, hash, bytes) VALUES (?, ?, ?) \
                 ON CONFLICT (event, hash) DO NOTHING",
            )
            .bind(event.as_str())
            .bind(&document.0[..])
            .bind(bytes)
            .execute(&mut *connection)
            .await?;
        }
        Change::PutPapers { event, papers } => {
            if generation(connection, event, None).await?.is_none() {
                return Ok(Err(StorageError::NoSuchEvent));
            }
            for Paper { name, bytes } in papers {
                sqlx::query(
                    "INSERT INTO paper (event, name, bytes) VALUES (?, ?, ?) \
                     ON CONFLICT (event, name) DO UPDATE SET bytes = excluded.bytes",
                )
                .bind(event.as_str())
                .bind(name)
                .bind(bytes)
                .execute(&mut *connection)
                .await?;
            }
        }
        Change::RevokeLinks { event, person } => {
            let Some(present) = generation(connection, event, Some(person)).await? else {
                return Ok(Err(StorageError::NoSuchEvent));
            };
            let next = present.saturating_add(1);
            sqlx::query("DELETE FROM link WHERE event = ? AND person = ?")
                .bind(event.as_str())
                .bind(person.as_str())
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "INSERT INTO link_generation (event, person, generation) VALUES (?, ?, ?) \
                 ON CONFLICT (event, person) DO UPDATE SET generation = excluded.generation",
            )
            .bind(event.as_str())
            .bind(person.as_str())
            .bind(i64::from(next))
            .execute(&mut *connection)
            .await?;
            return Ok(Ok(next));
        }
    }
    Ok(Ok(0))
}

/// The present generation of a person's links; `None` when there is no such event.
pub(crate) async fn generation(
    connection: &mut SqliteConnection,
    event: &EventId,
    person: Option<&PersonId>,
) -> Result<Option<u32>, sqlx::Error> {
    let generation: Option<i64> = sqlx::query_scalar(
        "SELECT coalesce((SELECT generation FROM link_generation \
         WHERE link_generation.event = event.id AND person = ?), 0) FROM event WHERE id = ?",
    )
    .bind(person.map(PersonId::as_str))
    .bind(event.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(generation.map(|generation| u32::try_from(generation).unwrap_or(u32::MAX)))
}

/// SQLite's integers end at 2⁶³; no event has so many lines.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
