//! Storage in memory that fails when told to.

use std::sync::Mutex;

use base::{EventId, PersonId, Sequence};
use proceedings::{Hash, Line};
use storage::testing::MemoryStorage;
use storage::{Answer, EventSummary, Storage, StorageError, TokenHash};

/// What an append does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fault {
    /// What it should.
    #[default]
    None,
    /// Fails, nothing is stored.
    Full,
    /// Everything is stored, but the caller is told that it is not known.
    Unknown,
}

#[derive(Default)]
pub(crate) struct FaultyStorage {
    inner: MemoryStorage,
    fault: Mutex<Fault>,
}

impl FaultyStorage {
    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

impl Storage for FaultyStorage {
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
        if *self.fault.lock().unwrap() == Fault::Full && after == Sequence(0) {
            return Box::pin(std::future::ready(Err(StorageError::Unavailable("gone".into()))));
        }
        self.inner.lines(event, after, limit)
    }

    fn append<'a>(&'a self, event: &'a EventId, lines: &'a [Line]) -> Answer<'a, ()> {
        let fault = *self.fault.lock().unwrap();
        Box::pin(async move {
            match fault {
                Fault::None => self.inner.append(event, lines).await,
                Fault::Full => Err(StorageError::Full("no space left on device".into())),
                Fault::Unknown => {
                    self.inner.append(event, lines).await?;
                    Err(StorageError::Unavailable("the line broke".into()))
                }
            }
        })
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
        papers: &'a [crate::support::storage_crate::Paper],
    ) -> Answer<'a, ()> {
        self.inner.put_papers(event, papers)
    }

    fn papers<'a>(
        &'a self,
        event: &'a EventId,
        prefix: &'a str,
    ) -> Answer<'a, Vec<crate::support::storage_crate::Paper>> {
        self.inner.papers(event, prefix)
    }
}
