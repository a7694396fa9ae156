//! The story on the in-memory back end, and what the wrapper that fails does.

use base::{EventId, Sequence};
use proceedings::testing::{START, parsed};
use storage::testing::{Failing, MemoryStorage, first_line, lines_after, story};
use storage::{Answer, EventSummary, Storage, StorageError, TokenHash, load};

#[tokio::test]
async fn the_memory_passes_the_story() {
    story(&MemoryStorage::default()).await;
}

#[tokio::test]
async fn the_n_th_call_fails_and_changes_nothing() {
    let event: EventId = parsed("early");
    let first = first_line(&event, START);
    let full = StorageError::Full("the disk".to_owned());
    let storage = Failing::new(MemoryStorage::default(), 2, full.clone());
    storage.create_event(&first).await.expect("the first call");
    let lines = lines_after(first.tip(), 2);
    assert_eq!(storage.append(&event, &lines).await, Err(full));
    assert_eq!(load(storage.inner(), &event).await, Ok(Some(vec![first])));
    storage.append(&event, &lines).await.expect("the third call");
    assert_eq!(storage.calls(), 3);
}

/// Hands out lines that were changed after they were stored.
struct Tampering(MemoryStorage);

#[tokio::test]
async fn loading_finds_what_was_changed() {
    let event: EventId = parsed("early");
    let first = first_line(&event, START);
    let storage = Tampering(MemoryStorage::default());
    storage.create_event(&first).await.expect("created");
    storage.append(&event, &lines_after(first.tip(), 3)).await.expect("appended");
    let error = load(&storage, &event).await.expect_err("damaged");
    let message = "what is stored is damaged: the proceedings are broken at line 3: its content \
                   does not match its hash";
    assert_eq!(error.to_string(), message);
}

impl Storage for Tampering {
    fn create_event<'a>(&'a self, first: &'a proceedings::Line) -> Answer<'a, ()> {
        self.0.create_event(first)
    }

    fn list_events(&self) -> Answer<'_, Vec<EventSummary>> {
        self.0.list_events()
    }

    fn lines<'a>(
        &'a self,
        event: &'a EventId,
        after: Sequence,
        limit: usize,
    ) -> Answer<'a, Option<Vec<proceedings::Line>>> {
        Box::pin(async move {
            let mut lines = self.0.lines(event, after, limit).await?;
            if let Some(line) = lines.iter_mut().flatten().find(|line| line.sequence.0 == 3) {
                line.at.0 += 1;
            }
            Ok(lines)
        })
    }

    fn append<'a>(&'a self, event: &'a EventId, lines: &'a [proceedings::Line]) -> Answer<'a, ()> {
        self.0.append(event, lines)
    }

    fn put_link<'a>(
        &'a self,
        event: &'a EventId,
        person: &'a base::PersonId,
        generation: u32,
        token: TokenHash,
    ) -> Answer<'a, ()> {
        self.0.put_link(event, person, generation, token)
    }

    fn find_link(&self, token: TokenHash) -> Answer<'_, Option<(EventId, base::PersonId)>> {
        self.0.find_link(token)
    }

    fn revoke_links<'a>(
        &'a self,
        event: &'a EventId,
        person: &'a base::PersonId,
    ) -> Answer<'a, u32> {
        self.0.revoke_links(event, person)
    }

    fn generation<'a>(&'a self, event: &'a EventId, person: &'a base::PersonId) -> Answer<'a, u32> {
        self.0.generation(event, person)
    }

    fn put_document<'a>(
        &'a self,
        event: &'a EventId,
        document: proceedings::Hash,
        bytes: &'a [u8],
    ) -> Answer<'a, ()> {
        self.0.put_document(event, document, bytes)
    }

    fn document<'a>(
        &'a self,
        event: &'a EventId,
        document: proceedings::Hash,
    ) -> Answer<'a, Option<Vec<u8>>> {
        self.0.document(event, document)
    }

    fn put_papers<'a>(
        &'a self,
        event: &'a EventId,
        papers: &'a [storage::Paper],
    ) -> Answer<'a, ()> {
        self.0.put_papers(event, papers)
    }

    fn papers<'a>(
        &'a self,
        event: &'a EventId,
        prefix: &'a str,
    ) -> Answer<'a, Vec<storage::Paper>> {
        self.0.papers(event, prefix)
    }
}
