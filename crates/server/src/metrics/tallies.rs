//! What the server itself counts: how live sockets end, and how long the storage takes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use api_types::EndReason;
use base::{EventId, PersonId, Sequence};
use proceedings::{Hash, Line};
use sfu::Samples;
use storage::{Answer, EventSummary, Storage, TokenHash};

/// Upper bounds of the times that an append takes, in seconds: a fast disk, a slow one, a sick one.
pub(crate) const APPEND_BOUNDS_S: [f64; 10] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];

/// Reasons for which the server ends a socket, as labels.
const REASONS: [(EndReason, &str); 11] = [
    (EndReason::BadToken, "bad-token"),
    (EndReason::NoSuchEvent, "no-such-event"),
    (EndReason::Removed, "removed"),
    (EndReason::Suspended, "suspended"),
    (EndReason::EventFull, "event-full"),
    (EndReason::TooManyConnections, "too-many-connections"),
    (EndReason::Closed, "closed"),
    (EndReason::TooSlow, "too-slow"),
    (EndReason::BadMessage, "bad-message"),
    (EndReason::ServerStops, "server-stops"),
    (EndReason::Unavailable, "unavailable"),
];

/// What the server counts.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    /// Sockets that the server ended, in the order of [`REASONS`].
    ended: [AtomicU64; REASONS.len()],
    /// Sockets that went away by themselves.
    left: AtomicU64,
    appends: Mutex<Samples>,
    appends_failed: AtomicU64,
}

impl Tallies {
    /// A socket is over; `None` when it went away by itself.
    pub(crate) fn socket_ended(&self, reason: Option<EndReason>) {
        let place = reason.and_then(|reason| REASONS.iter().position(|(of, _)| *of == reason));
        let tally = place.map_or(&self.left, |place| &self.ended[place]);
        tally.fetch_add(1, Ordering::Relaxed);
    }

    /// How many sockets ended for which reason.
    pub(crate) fn ends(&self) -> Vec<(&'static str, u64)> {
        let count = |tally: &AtomicU64| tally.load(Ordering::Relaxed);
        let ended = REASONS.iter().zip(&self.ended).map(|((_, name), tally)| (*name, count(tally)));
        ended.chain([("left", count(&self.left))]).collect()
    }

    /// Durations of appends in seconds, and how many failed.
    pub(crate) fn appends(&self) -> (Samples, u64) {
        let samples = *self.appends.lock().unwrap_or_else(PoisonError::into_inner);
        (samples, self.appends_failed.load(Ordering::Relaxed))
    }
}

/// A storage whose appends are timed.
pub(crate) struct Timed {
    storage: Arc<dyn Storage>,
    tallies: Arc<Tallies>,
}

impl Timed {
    pub(crate) fn new(storage: Arc<dyn Storage>, tallies: Arc<Tallies>) -> Self {
        Self { storage, tallies }
    }
}

impl Storage for Timed {
    fn create_event<'a>(&'a self, first: &'a Line) -> Answer<'a, ()> {
        self.storage.create_event(first)
    }

    fn list_events(&self) -> Answer<'_, Vec<EventSummary>> {
        self.storage.list_events()
    }

    fn lines<'a>(
        &'a self,
        event: &'a EventId,
        after: Sequence,
        limit: usize,
    ) -> Answer<'a, Option<Vec<Line>>> {
        self.storage.lines(event, after, limit)
    }

    fn append<'a>(&'a self, event: &'a EventId, lines: &'a [Line]) -> Answer<'a, ()> {
        Box::pin(async move {
            let begun = Instant::now();
            let appended = self.storage.append(event, lines).await;
            let took_s = begun.elapsed().as_secs_f64();
            let mut samples = self.tallies.appends.lock().unwrap_or_else(PoisonError::into_inner);
            samples.note(&APPEND_BOUNDS_S, took_s);
            drop(samples);
            if appended.is_err() {
                self.tallies.appends_failed.fetch_add(1, Ordering::Relaxed);
            }
            appended
        })
    }

    fn put_link<'a>(
        &'a self,
        event: &'a EventId,
        person: &'a PersonId,
        generation: u32,
        token: TokenHash,
    ) -> Answer<'a, ()> {
        self.storage.put_link(event, person, generation, token)
    }

    fn find_link(&self, token: TokenHash) -> Answer<'_, Option<(EventId, PersonId)>> {
        self.storage.find_link(token)
    }

    fn revoke_links<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        self.storage.revoke_links(event, person)
    }

    fn generation<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32> {
        self.storage.generation(event, person)
    }

    fn put_document<'a>(
        &'a self,
        event: &'a EventId,
        document: Hash,
        bytes: &'a [u8],
    ) -> Answer<'a, ()> {
        self.storage.put_document(event, document, bytes)
    }

    fn document<'a>(&'a self, event: &'a EventId, document: Hash) -> Answer<'a, Option<Vec<u8>>> {
        self.storage.document(event, document)
    }

    fn put_papers<'a>(
        &'a self,
        event: &'a EventId,
        papers: &'a [storage::Paper],
    ) -> Answer<'a, ()> {
        self.storage.put_papers(event, papers)
    }

    fn papers<'a>(
        &'a self,
        event: &'a EventId,
        prefix: &'a str,
    ) -> Answer<'a, Vec<storage::Paper>> {
        self.storage.papers(event, prefix)
    }
}
