//! The conformance story, and what survives closing and opening again.

use std::sync::Arc;

use base::{EventId, PersonId};
use proceedings::testing::{START, parsed};
use proceedings::{Actor, Event, Life, Line};
use storage::testing::{first_line, lines_after, story};
use storage::{Storage, StorageError, TokenHash, load};
use storage_sqlite::{Options, SqliteStorage};

pub(crate) async fn open(path: &std::path::Path) -> SqliteStorage {
    SqliteStorage::open(path, Options::default()).await.expect("a database")
}

#[tokio::test]
async fn sqlite_passes_the_story() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = open(&folder.path().join("plenary.db")).await;
    story(&storage).await;
    storage.close().await;
    let after = storage.list_events().await;
    assert!(matches!(after, Err(StorageError::Unavailable(_))), "{after:?}");
    let first = first_line(&parsed("new"), START);
    let created = storage.create_event(&first).await;
    assert_eq!(created, Err(StorageError::Unavailable("the database is closed".to_owned())));
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plenary.db");
    let (event, person): (EventId, PersonId) = (parsed("early"), parsed("anwar"));
    let first = first_line(&event, START);
    let lines = lines_after(first.tip(), 5);
    let token = TokenHash([9; 32]);
    let before = open(&path).await;
    before.create_event(&first).await.expect("created");
    before.append(&event, &lines).await.expect("appended");
    assert_eq!(before.revoke_links(&event, &person).await, Ok(1));
    before.put_link(&event, &person, 1, token).await.expect("a link");
    let listed = before.list_events().await;
    // Not closed: as after a crash, what is in the write-ahead log counts.
    drop(before);

    let after = open(&path).await;
    let all: Vec<_> = std::iter::once(first).chain(lines).collect();
    assert_eq!(load(&after, &event).await, Ok(Some(all)));
    assert_eq!(after.find_link(token).await, Ok(Some((event, person))));
    assert_eq!(after.list_events().await, listed);
    assert_eq!(after.check().await, Ok(()));
    after.close().await;
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["plenary.db"], "closing merges the write-ahead log");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let storage = open(&folder.path().join("plenary.db")).await;
    storage.create_event(&first_line(&parsed("early"), START)).await.expect("created");
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{entry:?}");
        files += 1;
    }
    assert_eq!(files, 3, "database, write-ahead log and its index");
}

#[tokio::test]
async fn many_who_append_at_once_all_get_their_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = Arc::new(open(&folder.path().join("plenary.db")).await);
    let shared: EventId = parsed("shared");
    let first = first_line(&shared, START);
    storage.create_event(&first).await.expect("created");
    let mut tasks = Vec::new();
    for task in 0..40 {
        let (storage, shared, tip) = (Arc::clone(&storage), shared.clone(), first.tip());
        tasks.push(tokio::spawn(async move {
            let event: EventId = parsed(&format!("event-{task}"));
            let first = first_line(&event, START);
            storage.create_event(&first).await.expect("created");
            let mut all = vec![first];
            for count in 1..8 {
                let lines = lines_after(all.last().expect("a line").tip(), count);
                storage.append(&event, &lines).await.expect("appended");
                all.extend(lines);
            }
            assert_eq!(load(&*storage, &event).await, Ok(Some(all)));
            // All want to write the same next line of the shared event; one may.
            storage.append(&shared, &lines_after(tip, 1)).await
        }));
    }
    let mut won = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error, StorageError::Conflict),
        }
    }
    assert_eq!(won, 1);
}

/// The server need not wait for one batch before it hands in the next.
#[tokio::test]
async fn appends_may_follow_each_other_unanswered() {
    let folder = tempfile::tempdir().expect("a folder");
    let storage = open(&folder.path().join("plenary.db")).await;
    let event: EventId = parsed("early");
    let first = first_line(&event, START);
    storage.create_event(&first).await.expect("created");
    let opened = [Event::GreenRoomOpened, Event::EventOpened].map(|event| vec![event]);
    let [green_room, open] = opened;
    let a = Line::all_after(first.tip(), START, &Actor::Operator, green_room);
    let b = Line::all_after(a[0].tip(), START, &Actor::Operator, open);
    let c = lines_after(b[0].tip(), 3);
    let skipped = lines_after(c[0].tip(), 1);
    let answers = tokio::join!(
        storage.append(&event, &a),
        storage.append(&event, &b),
        storage.append(&event, &skipped),
        storage.append(&event, &c),
    );
    assert_eq!(answers, (Ok(()), Ok(()), Err(StorageError::Conflict), Ok(())));
    let all: Vec<_> = std::iter::once(first).chain(a).chain(b).chain(c).collect();
    let listed = storage.list_events().await.expect("a list");
    assert_eq!(listed[0].life, Life::Live);
    assert_eq!(listed[0].sequence, all.last().expect("a line").sequence);
    assert_eq!(load(&storage, &event).await, Ok(Some(all)));
}
