//! For tests: a back end in memory, the story that every back end must pass, and a wrapper that
//! fails on purpose.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{EventId, PersonId, Sequence};
use proceedings::{Event, Hash, Life, Line, Tip};

use crate::{Answer, EVENTS_LISTED_MAX, EventSummary, Paper, Storage, StorageError, TokenHash};

mod story;

pub use story::{first_line, lines_after, story};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStorage(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    events: BTreeMap<EventId, Vec<Line>>,
    links: BTreeMap<TokenHash, (EventId, PersonId)>,
    generations: BTreeMap<(EventId, PersonId), u32>,
    documents: BTreeMap<(EventId, Hash), Vec<u8>>,
    papers: BTreeMap<(EventId, String), Vec<u8>>,
}

impl MemoryStorage {
    fn with<'a, T: Send + 'a>(
        &'a self,
        operation: impl FnOnce(&mut Kept) -> Result<T, StorageError>,
    ) -> Answer<'a, T> {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let result = operation(&mut kept);
        Box::pin(std::future::ready(result))
    }
}

impl Kept {
    fn generation(&self, event: &EventId, person: &PersonId) -> Result<u32, StorageError> {
        if !self.events.contains_key(event) {
            return Err(StorageError::NoSuchEvent);
        }
        Ok(self.generations.get(&(event.clone(), person.clone())).copied().unwrap_or(0))
    }
}

impl Storage for MemoryStorage {
    fn create_event<'a>(&'a self, first: &'a Line) -> Answer<'a, ()> {
        self.with(|kept| {
            let (before, _) = crate::check_append(std::slice::from_ref(first))?;
            let Event::EventCreated { definition } = &first.event else {
                return Err(StorageError::BadLines);
            };
            if before != Tip::default() {
                return Err(StorageError::BadLines);
            }
            if kept.events.contains_key(&definition.id) {
                return Err(StorageError::Conflict);
            }
            kept.events.insert(definition.id.clone(), vec![first.clone()]);
            Ok(())
        })
    }

    fn list_events(&self) -> Answer<'_, Vec<EventSummary>> {
        self.with(|kept| {
            let mut list: Vec<_> =
                kept.events.values().filter_map(|lines| summary(lines)).collect();
            list.sort_by(|a, b| b.start.cmp(&a.start).then_with(|| a.id.cmp(&b.id)));
            list.truncate(EVENTS_LISTED_MAX);
            Ok(list)
        })
    }

    fn lines<'a>(
        &'a self,
        event: &'a EventId,
        after: Sequence,
        limit: usize,
    ) -> Answer<'a, Option<Vec<Line>>> {
        self.with(|kept| {
            let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
            let page = |lines: &Vec<Line>| lines.iter().skip(skip).take(limit).cloned().collect();
            Ok(kept.events.get(event).map(page))
        })
    }

    fn append<'a>(&'a self, event: &'a EventId, lines: &'a [Line]) -> Answer<'a, ()> {
        self.with(|kept| {
            let (before, _) = crate::check_append(lines)?;
            let stored = kept.events.get_mut(event).ok_or(StorageError::NoSuchEvent)?;
            if stored.last().map(Line::tip) != Some(before) {
                return Err(StorageError::Conflict);
            }
            stored.extend_from_slice(lines);
            Ok(())
        })
    }

    fn put_link<'a>(
        &'a self,
        event: &'a EventId,
        person: &'a PersonId,
        generation: u32,
        token: TokenHash,
    ) -> Answer<'a, ()> {
        self.with(|kept| {
            if kept.generation(event, person)? != generation {
                return Err(StorageError::Conflict);
            }
            let owner = (event.clone(), person.clone());
            if kept.links.get(&token).is_some_and(|other| *other != owner) {
                return Err(StorageError::Conflict);
            }
            kept.links.insert(token, owner);
            Ok(())
        })
    }

    fn find_link(&self, token: TokenHash) -> Answer<'_, Option<(EventId, PersonId)>> {
        self.with(|kept| Ok(kept.links.get(&token).cloned()))
    }

    fn revoke_links<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        self.with(|kept| {
            let next = kept.generation(event, person)?.saturating_add(1);
            let owner = (event.clone(), person.clone());
            kept.links.retain(|_, other| *other != owner);
            kept.generations.insert(owner, next);
            Ok(next)
        })
    }

    fn generation<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        self.with(|kept| kept.generation(event, person))
    }

    fn put_document<'a>(
        &'a self,
        event: &'a EventId,
        document: Hash,
        bytes: &'a [u8],
    ) -> Answer<'a, ()> {
        self.with(|kept| {
            crate::check_document(document, bytes)?;
            if !kept.events.contains_key(event) {
                return Err(StorageError::NoSuchEvent);
            }
            kept.documents.insert((event.clone(), document), bytes.to_vec());
            Ok(())
        })
    }

    fn document<'a>(&'a self, event: &'a EventId, document: Hash) -> Answer<'a, Option<Vec<u8>>> {
        self.with(|kept| Ok(kept.documents.get(&(event.clone(), document)).cloned()))
    }

    fn put_papers<'a>(&'a self, event: &'a EventId, papers: &'a [Paper]) -> Answer<'a, ()> {
        self.with(|kept| {
            crate::check_papers(papers)?;
            if !kept.events.contains_key(event) {
                return Err(StorageError::NoSuchEvent);
            }
            for Paper { name, bytes } in papers {
                kept.papers.insert((event.clone(), name.clone()), bytes.clone());
            }
            Ok(())
        })
    }

    fn papers<'a>(&'a self, event: &'a EventId, prefix: &'a str) -> Answer<'a, Vec<Paper>> {
        self.with(|kept| {
            let all = kept
                .papers
                .iter()
                .filter(|((of, name), _)| of == event && name.starts_with(prefix));
            Ok(all
                .map(|((_, name), bytes)| Paper { name: name.clone(), bytes: bytes.clone() })
                .collect())
        })
    }
}

fn summary(lines: &[Line]) -> Option<EventSummary> {
    let Event::EventCreated { definition } = &lines.first()?.event else { return None };
    let life = lines.iter().rev().find_map(|line| line.event.leads_to());
    Some(EventSummary {
        id: definition.id.clone(),
        title: definition.title.clone(),
        start: definition.start,
        life: life.unwrap_or(Life::Scheduled),
        sequence: lines.last()?.sequence,
    })
}

/// Passes every call on, but fails one of them without making it.
#[derive(Debug)]
pub struct Failing<S> {
    inner: S,
    calls: AtomicU64,
    nth: u64,
    error: StorageError,
}

impl<S: Storage> Failing<S> {
    /// Fails call number `nth`, counted from 1, with `error`.
    pub fn new(inner: S, nth: u64, error: StorageError) -> Self {
        Self { inner, calls: AtomicU64::new(0), nth, error }
    }

    /// What is wrapped.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Calls made so far, the failed one included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn pass<'a, T: Send + 'a>(
        &'a self,
        call: impl FnOnce(&'a S) -> Answer<'a, T>,
    ) -> Answer<'a, T> {
        if self.calls.fetch_add(1, Ordering::SeqCst) + 1 == self.nth {
            return Box::pin(std::future::ready(Err(self.error.clone())));
        }
        call(&self.inner)
    }
}

impl<S: Storage> Storage for Failing<S> {
    fn create_event<'a>(&'a self, first: &'a Line) -> Answer<'a, ()> {
        self.pass(|inner| inner.create_event(first))
    }

    fn list_events(&self) -> Answer<'_, Vec<EventSummary>> {
        self.pass(Storage::list_events)
    }

    fn lines<'a>(
        &'a self,
        event: &'a EventId,
        after: Sequence,
        limit: usize,
    ) -> Answer<'a, Option<Vec<Line>>> {
        self.pass(|inner| inner.lines(event, after, limit))
    }

    fn append<'a>(&'a self, event: &'a EventId, lines: &'a [Line]) -> Answer<'a, ()> {
        self.pass(|inner| inner.append(event, lines))
    }

    fn put_link<'a>(
        &'a self,
        event: &'a EventId,
        person: &'a PersonId,
        generation: u32,
        token: TokenHash,
    ) -> Answer<'a, ()> {
        self.pass(|inner| inner.put_link(event, person, generation, token))
    }

    fn find_link(&self, token: TokenHash) -> Answer<'_, Option<(EventId, PersonId)>> {
        self.pass(|inner| inner.find_link(token))
    }

    fn revoke_links<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        self.pass(|inner| inner.revoke_links(event, person))
    }

    fn generation<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        self.pass(|inner| inner.generation(event, person))
    }

    fn put_document<'a>(
        &'a self,
        event: &'a EventId,
        document: Hash,
        bytes: &'a [u8],
    ) -> Answer<'a, ()> {
        self.pass(|inner| inner.put_document(event, document, bytes))
    }

    fn document<'a>(&'a self, event: &'a EventId, document: Hash) -> Answer<'a, Option<Vec<u8>>> {
        self.pass(|inner| inner.document(event, document))
    }

    fn put_papers<'a>(&'a self, event: &'a EventId, papers: &'a [Paper]) -> Answer<'a, ()> {
        self.pass(|inner| inner.put_papers(event, papers))
    }

    fn papers<'a>(&'a self, event: &'a EventId, prefix: &'a str) -> Answer<'a, Vec<Paper>> {
        self.pass(|inner| inner.papers(event, prefix))
    }
}
