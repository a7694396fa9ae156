//! What every back end must do, told as one story. It panics where a back end does otherwise.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test tells by panicking")]

use base::limits::RELEASE_DOCUMENT_BYTES_MAX;
use base::{ConnectionId, EventId, Millis, PersonId, Sequence, Timestamp};
use proceedings::testing::{START, parsed, reference_event};
use proceedings::{Actor, Event, Hash, Life, Line, Tip};
use sha2::{Digest as _, Sha256};

use crate::{LINES_PER_PAGE, LinkKey, Storage, StorageError, TokenHash, load};

/// The first line of an event like the reference event, with the given id and planned opening.
pub fn first_line(id: &EventId, start: Timestamp) -> Line {
    let mut definition = reference_event();
    definition.id = id.clone();
    definition.start = start;
    let created = Event::EventCreated { definition: Box::new(definition) };
    Line::after(Tip::default(), START, Actor::Operator, created)
}

/// `count` lines after `tip`: somebody comes and goes.
pub fn lines_after(tip: Tip, count: usize) -> Vec<Line> {
    let person: PersonId = parsed("anwar");
    let connection = ConnectionId(1);
    let events = (0..count).map(|number| {
        let person = person.clone();
        if number % 2 == 0 {
            Event::PersonArrived { person, connection }
        } else {
            Event::PersonDeparted { person, connection }
        }
    });
    Line::all_after(tip, START, &Actor::Server, events.collect())
}

/// The whole story, on a storage that is empty.
pub async fn story(storage: &dyn Storage) {
    assert_eq!(storage.list_events().await, Ok(vec![]), "a new storage is empty");
    events_are_created_once_and_listed(storage).await;
    lines_are_appended_in_order_or_not_at_all(storage).await;
    long_proceedings_are_read_in_parts(storage).await;
    links_are_found_until_revoked(storage).await;
    documents_are_kept_by_their_hash(storage).await;
    papers_are_written_over(storage).await;
}

async fn events_are_created_once_and_listed(storage: &dyn Storage) {
    let (early, late): (EventId, EventId) = (parsed("early"), parsed("late"));
    let first = first_line(&early, START);
    assert_eq!(storage.create_event(&first).await, Ok(()));
    assert_eq!(storage.create_event(&first).await, Err(StorageError::Conflict));
    let later = START.plus(Millis::from_minutes(60));
    assert_eq!(storage.create_event(&first_line(&late, later)).await, Ok(()));

    let no_first = Line::after(Tip::default(), START, Actor::Operator, Event::EventLocked);
    assert_eq!(storage.create_event(&no_first).await, Err(StorageError::BadLines));
    let mut changed = first_line(&parsed("changed"), START);
    changed.at.0 += 1;
    assert_eq!(storage.create_event(&changed).await, Err(StorageError::BadLines));

    let list = storage.list_events().await.unwrap();
    let ids: Vec<_> = list.iter().map(|event| event.id.clone()).collect();
    assert_eq!(ids, [late, early.clone()], "the latest opening first");
    assert_eq!(list[1].title, reference_event().title);
    assert_eq!(
        (list[1].start, list[1].life, list[1].sequence),
        (START, Life::Scheduled, Sequence(1))
    );
    assert_eq!(load(storage, &early).await, Ok(Some(vec![first])));
    assert_eq!(load(storage, &parsed("never")).await, Ok(None));
}

async fn lines_are_appended_in_order_or_not_at_all(storage: &dyn Storage) {
    let event: EventId = parsed("in-order");
    let first = first_line(&event, START);
    storage.create_event(&first).await.unwrap();
    let mut all = vec![first.clone()];
    for count in [1, 2, 7] {
        let next = lines_after(all.last().unwrap().tip(), count);
        assert_eq!(storage.append(&event, &next).await, Ok(()));
        all.extend(next);
    }
    let tip = all.last().unwrap().tip();
    let good = lines_after(tip, 3);

    let refused = async |lines: &[Line], error| {
        assert_eq!(storage.append(&event, lines).await, Err(error));
        assert_eq!(load(storage, &event).await, Ok(Some(all.clone())), "nothing is kept of it");
    };
    refused(&[], StorageError::BadLines).await;
    refused(&good[1..], StorageError::Conflict).await;
    refused(&all[3..5], StorageError::Conflict).await;
    refused(&[good[0].clone(), good[2].clone()], StorageError::BadLines).await;
    refused(&[good[0].clone(), good[0].clone()], StorageError::BadLines).await;
    let mut changed = good.clone();
    changed[1].actor = Actor::Operator;
    refused(&changed, StorageError::BadLines).await;
    let elsewhere = Tip { sequence: tip.sequence, hash: first.hash };
    refused(&lines_after(elsewhere, 1), StorageError::Conflict).await;
    refused(std::slice::from_ref(&first), StorageError::Conflict).await;
    let nowhere = storage.append(&parsed("never"), &good).await;
    assert_eq!(nowhere, Err(StorageError::NoSuchEvent));

    let life = [Event::GreenRoomOpened, Event::EventOpened, Event::EventLocked];
    let opened = Line::all_after(tip, START, &Actor::Operator, life.to_vec());
    assert_eq!(storage.append(&event, &opened).await, Ok(()));
    let list = storage.list_events().await.unwrap();
    let listed = list.iter().find(|other| other.id == event).unwrap();
    assert_eq!((listed.life, listed.sequence), (Life::Live, opened[2].sequence));
}

async fn long_proceedings_are_read_in_parts(storage: &dyn Storage) {
    let event: EventId = parsed("long");
    let first = first_line(&event, START);
    storage.create_event(&first).await.unwrap();
    // Exactly two pages, so that the last page is empty.
    let lines = lines_after(first.tip(), 2 * LINES_PER_PAGE - 1);
    storage.append(&event, &lines).await.unwrap();
    let all = load(storage, &event).await.unwrap().unwrap();
    assert_eq!(all.len(), 2 * LINES_PER_PAGE);
    assert_eq!(all[1..], lines);

    let part = storage.lines(&event, Sequence(100), 3).await.unwrap().unwrap();
    assert_eq!(part, lines[99..102]);
    let end = Sequence(2_000);
    assert_eq!(storage.lines(&event, end, 3).await, Ok(Some(vec![])));
    assert_eq!(storage.lines(&event, Sequence(u64::MAX), 3).await, Ok(Some(vec![])));
    assert_eq!(storage.lines(&event, Sequence(0), 0).await, Ok(Some(vec![])));
    assert_eq!(storage.lines(&parsed("never"), Sequence(0), 3).await, Ok(None));
}

async fn papers_are_written_over(storage: &dyn Storage) {
    let (early, late): (EventId, EventId) = (parsed("early"), parsed("late"));
    let paper = |name: &str, text: &str| crate::Paper { name: name.to_owned(), bytes: text.into() };
    assert_eq!(storage.papers(&early, "").await, Ok(Vec::new()));
    let both = [paper("press/list", "one"), paper("press/mail/ü", "two"), paper("q", "three")];
    assert_eq!(storage.put_papers(&early, &both).await, Ok(()));
    assert_eq!(storage.papers(&early, "press/").await, Ok(both[..2].to_vec()));
    assert_eq!(storage.put_papers(&early, &[paper("press/list", "anew")]).await, Ok(()));
    assert_eq!(storage.papers(&early, "press/list").await, Ok(vec![paper("press/list", "anew")]));
    assert_eq!(storage.papers(&late, "").await, Ok(Vec::new()), "of another event");
    let nowhere = storage.put_papers(&parsed("never"), &both).await;
    assert_eq!(nowhere, Err(StorageError::NoSuchEvent));
    let long = [paper("r", "kept?"), paper("s", &"x".repeat(RELEASE_DOCUMENT_BYTES_MAX + 1))];
    assert_eq!(storage.put_papers(&early, &long).await, Err(StorageError::BadDocument));
    assert_eq!(storage.papers(&early, "r").await, Ok(Vec::new()), "all or none");
}

async fn documents_are_kept_by_their_hash(storage: &dyn Storage) {
    let (early, late): (EventId, EventId) = (parsed("early"), parsed("late"));
    let hash = |bytes: &[u8]| Hash(Sha256::digest(bytes).into());
    let (text, binary) = ("Мир".as_bytes(), &[0, 255, 10, 0][..]);
    for bytes in [text, binary] {
        assert_eq!(storage.document(&early, hash(bytes)).await, Ok(None));
        for _again in 0..2 {
            assert_eq!(storage.put_document(&early, hash(bytes), bytes).await, Ok(()));
        }
        assert_eq!(storage.document(&early, hash(bytes)).await, Ok(Some(bytes.to_vec())));
    }
    assert_eq!(storage.document(&late, hash(text)).await, Ok(None), "of another event");
    let nowhere = storage.put_document(&parsed("never"), hash(text), text).await;
    assert_eq!(nowhere, Err(StorageError::NoSuchEvent));
    let other = storage.put_document(&early, hash(text), binary).await;
    assert_eq!(other, Err(StorageError::BadDocument), "under the hash of another");
    let longest = vec![7; RELEASE_DOCUMENT_BYTES_MAX];
    assert_eq!(storage.put_document(&early, hash(&longest), &longest).await, Ok(()));
    let longer = vec![7; RELEASE_DOCUMENT_BYTES_MAX + 1];
    let refused = storage.put_document(&early, hash(&longer), &longer).await;
    assert_eq!(refused, Err(StorageError::BadDocument));
    assert_eq!(storage.document(&early, hash(&longest)).await, Ok(Some(longest)));
}

async fn links_are_found_until_revoked(storage: &dyn Storage) {
    let (event, other): (EventId, EventId) = (parsed("early"), parsed("late"));
    let (anwar, bilal): (PersonId, PersonId) = (parsed("anwar"), parsed("bilal"));
    let key = LinkKey::new([1; 32]);
    let hash = |event: &EventId, person: &PersonId, generation| {
        key.token(event, person, generation).hash()
    };
    assert_eq!(storage.generation(&event, &anwar).await, Ok(0));
    for (event, person) in [(&event, &anwar), (&event, &bilal), (&other, &anwar)] {
        let token = hash(event, person, 0);
        assert_eq!(storage.find_link(token).await, Ok(None));
        for _again in 0..2 {
            assert_eq!(storage.put_link(event, person, 0, token).await, Ok(()));
        }
        assert_eq!(storage.find_link(token).await, Ok(Some((event.clone(), person.clone()))));
    }
    let taken = storage.put_link(&event, &bilal, 0, hash(&event, &anwar, 0)).await;
    assert_eq!(taken, Err(StorageError::Conflict), "a token has one owner");

    assert_eq!(storage.revoke_links(&event, &anwar).await, Ok(1));
    assert_eq!(storage.generation(&event, &anwar).await, Ok(1));
    assert_eq!(storage.find_link(hash(&event, &anwar, 0)).await, Ok(None));
    assert!(storage.find_link(hash(&event, &bilal, 0)).await.unwrap().is_some());
    assert!(storage.find_link(hash(&other, &anwar, 0)).await.unwrap().is_some());
    let stale = storage.put_link(&event, &anwar, 0, hash(&event, &anwar, 0)).await;
    assert_eq!(stale, Err(StorageError::Conflict), "a revoked link stays so");
    let renewed = storage.put_link(&event, &anwar, 1, hash(&event, &anwar, 1)).await;
    assert_eq!(renewed, Ok(()));
    assert_eq!(storage.revoke_links(&event, &anwar).await, Ok(2));

    let never = parsed("never");
    let nobody = TokenHash([0; 32]);
    assert_eq!(storage.find_link(nobody).await, Ok(None));
    let put = storage.put_link(&never, &anwar, 0, nobody).await;
    assert_eq!(put, Err(StorageError::NoSuchEvent));
    assert_eq!(storage.revoke_links(&never, &anwar).await, Err(StorageError::NoSuchEvent));
    assert_eq!(storage.generation(&never, &anwar).await, Err(StorageError::NoSuchEvent));
}
