//! A storage that fails when the simulation says so: before an append was made, or after, when
//! the answer got lost and nobody can know.

use std::sync::atomic::{AtomicU8, Ordering};

use base::{EventId, PersonId, Random, Sequence, SplitMix};
use proceedings::{Hash, Line};
use storage::{Answer, EventSummary, Storage, StorageError, TokenHash};

const RELIABLE: u8 = 0;
const FAILS_BEFORE: u8 = 1;
const FAILS_AFTER: u8 = 2;

#[derive(Debug)]
pub(crate) struct Unreliable<S> {
    inner: S,
    next: AtomicU8,
}

impl<S: Storage> Unreliable<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, next: AtomicU8::new(RELIABLE) }
    }

    /// The next append fails if `chance` is 0, in one way or the other.
    pub(crate) fn fail_next(&self, chance: u64, random: &mut SplitMix) {
        let next = match chance {
            0 if random.below(2) == 0 => FAILS_BEFORE,
            0 => FAILS_AFTER,
            _ => RELIABLE,
        };
        self.next.store(next, Ordering::SeqCst);
    }
}

impl<S: Storage> Storage for Unreliable<S> {
    fn append<'a>(&'a self, event: &'a EventId, lines: &'a [Line]) -> Answer<'a, ()> {
        match self.next.swap(RELIABLE, Ordering::SeqCst) {
            FAILS_BEFORE => {
                let full = StorageError::Full("simulated".to_owned());
                Box::pin(std::future::ready(Err(full)))
            }
            FAILS_AFTER => Box::pin(async move {
                self.inner.append(event, lines).await?;
                Err(StorageError::Unavailable("simulated".to_owned()))
            }),
            _ => self.inner.append(event, lines),
        }
    }

    fn create_event<'a>(&'a self, first: &'a Line) -> Answer<'a, ()> {
        self.inner.create_event(first)
    }

    fn list_events(&self) -> Answer<'_, Vec<EventSummary>> {
        self.inner.list_events()
    }

    fn lines<'a>(
        &'a self,
        event: &'a EventId,
        after: Sequence,
        limit: usize,
    ) -> Answer<'a, Option<Vec<Line>>> {
        self.inner.lines(event, after, limit)
    }

    fn put_link<'a>(
        &'a self,
        event: &'a EventId,
        person: &'a PersonId,
        generation: u32,
        token: TokenHash,
    ) -> Answer<'a, ()> {
        self.inner.put_link(event, person, generation, token)
    }

    fn find_link(&self, token: TokenHash) -> Answer<'_, Option<(EventId, PersonId)>> {
        self.inner.find_link(token)
    }

    fn revoke_links<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        self.inner.revoke_links(event, person)
    }

    fn generation<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        self.inner.generation(event, person)
    }

    fn put_document<'a>(
        &'a self,
        event: &'a EventId,
        document: Hash,
        bytes: &'a [u8],
    ) -> Answer<'a, ()> {
        self.inner.put_document(event, document, bytes)
    }

    fn document<'a>(&'a self, event: &'a EventId, document: Hash) -> Answer<'a, Option<Vec<u8>>> {
        self.inner.document(event, document)
    }

    fn put_papers<'a>(
        &'a self,
        event: &'a EventId,
        papers: &'a [storage::Paper],
    ) -> Answer<'a, ()> {
        self.inner.put_papers(event, papers)
    }

    fn papers<'a>(
        &'a self,
        event: &'a EventId,
        prefix: &'a str,
    ) -> Answer<'a, Vec<storage::Paper>> {
        self.inner.papers(event, prefix)
    }
}
