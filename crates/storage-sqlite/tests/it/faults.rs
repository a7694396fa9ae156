//! Disks and files that fail: a clear error, nothing half-done, and going on where it is possible.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use base::{EventId, Sequence};
use proceedings::testing::{START, parsed};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use storage::testing::{first_line, lines_after};
use storage::{Storage, StorageError, load};
use storage_sqlite::{Options, SqliteStorage};

use crate::story::open;

/// A program beside ours that works on the same file.
async fn other(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path);
    SqliteConnection::connect_with(&options).await.expect("a connection")
}

async fn run(connection: &mut SqliteConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect(sql);
}

#[tokio::test]
async fn a_locked_database_is_busy_and_then_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plenary.db");
    let options = Options { busy_timeout: Duration::from_millis(50), ..Options::default() };
    let storage = SqliteStorage::open(&path, options).await.expect("a database");
    let event: EventId = parsed("early");
    let first = first_line(&event, START);
    storage.create_event(&first).await.expect("created");

    let mut other = other(&path).await;
    run(&mut other, "BEGIN IMMEDIATE").await;
    let lines = lines_after(first.tip(), 1);
    let refused = storage.append(&event, &lines).await;
    assert!(matches!(refused, Err(StorageError::Busy(_))), "{refused:?}");
    assert_eq!(load(&storage, &event).await, Ok(Some(vec![first])), "reading goes on");
    run(&mut other, "COMMIT").await;
    assert_eq!(storage.append(&event, &lines).await, Ok(()));
}

#[tokio::test]
async fn a_full_disk_refuses_new_lines_and_keeps_the_old() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plenary.db");
    let options = Options { pages_max: 40, ..Options::default() };
    let storage = SqliteStorage::open(&path, options).await.expect("a database");
    let event: EventId = parsed("early");
    let first = first_line(&event, START);
    storage.create_event(&first).await.expect("created");
    let mut all = vec![first];
    let error = loop {
        assert!(all.len() < 10_000, "the bound holds");
        let lines = lines_after(all.last().expect("a line").tip(), 10);
        match storage.append(&event, &lines).await {
            Ok(()) => all.extend(lines),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StorageError::Full(_)), "{error:?}");
    assert!(error.to_string().contains("no room left to write"), "{error}");
    assert_eq!(load(&storage, &event).await, Ok(Some(all.clone())));
    drop(storage);

    // More room, and it goes on where it stood.
    let storage = open(&path).await;
    let lines = lines_after(all.last().expect("a line").tip(), 1);
    assert_eq!(storage.append(&event, &lines).await, Ok(()));
    all.extend(lines);
    assert_eq!(load(&storage, &event).await, Ok(Some(all)));
}

#[tokio::test]
async fn a_damaged_page_is_named_and_other_events_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plenary.db");
    let storage = open(&path).await;
    let event: EventId = parsed("early");
    let first = first_line(&event, START);
    storage.create_event(&first).await.expect("created");
    storage.append(&event, &lines_after(first.tip(), 500)).await.expect("appended");
    storage.close().await;
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).expect("the file");
    let bytes = file.metadata().expect("metadata").len();
    assert!(bytes > 40 * 4_096, "{bytes} bytes");
    file.seek(SeekFrom::Start(20 * 4_096)).expect("a place");
    file.write_all(&[0xa5; 10 * 4_096]).expect("damage");
    drop(file);

    let storage = open(&path).await;
    let read = load(&storage, &event).await;
    assert!(matches!(read, Err(StorageError::Corrupt(_))), "{read:?}");
    let checked = storage.check().await;
    assert!(matches!(checked, Err(StorageError::Corrupt(_))), "{checked:?}");
    assert_eq!(storage.list_events().await.map(|list| list.len()), Ok(1));
}

#[tokio::test]
async fn a_changed_line_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plenary.db");
    let storage = open(&path).await;
    let event: EventId = parsed("early");
    let first = first_line(&event, START);
    storage.create_event(&first).await.expect("created");
    storage.append(&event, &lines_after(first.tip(), 5)).await.expect("appended");
    let mut other = other(&path).await;
    for (change, why) in [
        (
            "UPDATE line SET json = replace(json, 'anwar', 'bilal') WHERE sequence = 4",
            "broken at line 4: its content does not match its hash",
        ),
        ("DELETE FROM line WHERE sequence = 3", "broken at line 3: a line is missing"),
        ("UPDATE line SET json = '{' WHERE sequence = 2", "line 2 of event early: EOF"),
    ] {
        run(&mut other, change).await;
        let error = load(&storage, &event).await.expect_err("damaged");
        assert!(matches!(error, StorageError::Corrupt(_)), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
    }
    let page = storage.lines(&event, Sequence(4), 2).await.expect("what is whole is read");
    assert_eq!(page.map(|lines| lines.len()), Some(2));
}

#[tokio::test]
async fn what_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plenary.db");
    let text = "Minutes of the meeting, by hand.\n".repeat(200);
    std::fs::write(&path, &text).expect("a file");
    let opened = SqliteStorage::open(&path, Options::default()).await;
    assert!(matches!(opened, Err(StorageError::Corrupt(_))), "{opened:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), text);

    let nowhere = folder.path().join("missing").join("plenary.db");
    let error = SqliteStorage::open(&nowhere, Options::default()).await.expect_err("no folder");
    assert!(error.to_string().contains("missing/plenary.db cannot be made"), "{error}");
}

#[tokio::test]
async fn a_newer_schema_is_worked_on_only_if_it_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plenary.db");
    open(&path).await.close().await;
    let mut other = other(&path).await;
    run(&mut other, "UPDATE schema SET version = 7; ALTER TABLE event ADD COLUMN later TEXT").await;
    let expanded = open(&path).await;
    expanded.create_event(&first_line(&parsed("early"), START)).await.expect("still works");
    expanded.close().await;
    run(&mut other, "UPDATE schema SET readable_from = 7").await;
    let error = SqliteStorage::open(&path, Options::default()).await.expect_err("too new");
    assert!(error.to_string().contains("made by a newer Plenary"), "{error}");
}
