//! The one writer. Changes that arrive while a transaction is being written wait, and are then
//! written together in the next: one flush to the disk serves all who wait (group commit).

use base::{EventId, PersonId};
use proceedings::{Life, Tip};
use sqlx::{Connection, SqliteConnection};
use storage::{StorageError, TokenHash};
use tokio::sync::{mpsc, oneshot};

use crate::error::storage_error;
use crate::life_name;

/// Changes that may wait for the writer; whoever comes later waits to hand theirs in. Two seconds'
/// worth of arrivals at the rate we promise.
pub(crate) const WAITING_MAX: usize = 4_096;

/// Most changes of one transaction, so that the first who waits is not kept by those behind.
const BATCH_CHANGES_MAX: usize = 1_024;

/// The batch takes no more changes once it has so many lines.
const BATCH_LINES_MAX: usize = 16_384;

pub(crate) enum Message {
    Write(Change, oneshot::Sender<Result<u32, StorageError>>),
    Close(oneshot::Sender<()>),
}

/// What is to be written. Each is made whole or not at all.
pub(crate) enum Change {
    Create { event: EventId, title: String, start_ms: i64, after: Tip, line: String },
    Append { event: EventId, before: Tip, after: Tip, life: Option<Life>, lines: Vec<String> },
    PutLink { event: EventId, person: PersonId, generation: u32, token: TokenHash },
    RevokeLinks { event: EventId, person: PersonId },
}

impl Change {
    fn lines(&self) -> usize {
        match self {
            Self::Append { lines, .. } => lines.len(),
            Self::Create { .. } | Self::PutLink { .. } | Self::RevokeLinks { .. } => 1,
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
/// was made.
async fn write(
    connection: &mut SqliteConnection,
    changes: &[Change],
) -> Result<Vec<Result<u32, StorageError>>, sqlx::Error> {
    let mut answers = Vec::with_capacity(changes.len());
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for change in changes {
        answers.push(make(&mut transaction, change).await?);
    }
    transaction.commit().await?;
    Ok(answers)
}

/// Makes one change; what refuses it is found before anything of it is written.
async fn make(
    connection: &mut SqliteConnection,
    change: &Change,
) -> Result<Result<u32, StorageError>, sqlx::Error> {
    match change {
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
            insert_lines(connection, event, 1, std::slice::from_ref(line)).await?;
        }
        Change::Append { event, before, after, life, lines } => {
            let moved = sqlx::query(
                "UPDATE event SET sequence = ?, hash = ?, life = coalesce(?, life) \
                 WHERE id = ? AND sequence = ? AND hash = ?",
            )
            .bind(number(after.sequence.0))
            .bind(&after.hash.0[..])
            .bind(life.map(life_name))
            .bind(event.as_str())
            .bind(number(before.sequence.0))
            .bind(&before.hash.0[..])
            .execute(&mut *connection)
            .await?;
            if moved.rows_affected() == 0 {
                let known = generation(connection, event, None).await?.is_some();
                let why = if known { StorageError::Conflict } else { StorageError::NoSuchEvent };
                return Ok(Err(why));
            }
            insert_lines(connection, event, number(before.sequence.0) + 1, lines).await?;
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

async fn insert_lines(
    connection: &mut SqliteConnection,
    event: &EventId,
    first: i64,
    lines: &[String],
) -> Result<(), sqlx::Error> {
    for (sequence, line) in (first..).zip(lines) {
        sqlx::query("INSERT INTO line (event, sequence, json) VALUES (?, ?, ?)")
            .bind(event.as_str())
            .bind(sequence)
            .bind(line.as_str())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
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
