//! Which worker has which session. A session waits here from its answer until its first check
//! arrives, and then lives on the worker whose socket got the check: the system spreads the
//! addresses over the sockets and keeps doing so, so its packets need not change threads.
//!
//! The table is asked for sessions that come, go or move, never for a packet.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use base::limits::CONNECTIONS_PER_PERSON_MAX;
use base::{EventId, PersonId};

use crate::errors::OfferError;
use crate::peer::Newcomer;
use crate::types::{Kind, ReceiverClass, SessionId};

/// Sessions in all: several times what the cores of one machine can serve with media.
const SESSIONS_MAX: usize = 20_000;

/// Workers at most, for the set of them that want an event's packets is a word of 64 bits.
pub(crate) const WORKERS_MAX: usize = 64;

/// What was found for a check or a command.
pub(crate) enum Found {
    /// It waited here, and is now the asking worker's.
    Newcomer(Box<Newcomer>),
    /// It lives on this worker.
    On(usize),
    Nobody,
}

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Answered, and not heard of since.
    Waiting,
    /// On this worker.
    On(usize),
}

/// The workers that want the packets of one event.
#[derive(Debug)]
pub(crate) struct Interest {
    /// The worker that decides who sits in which voice slot; it hears everything.
    pub(crate) home: usize,
    workers: AtomicU64,
}

impl Interest {
    /// Notes whether a worker has receivers of the event.
    pub(crate) fn set(&self, worker: usize, wanted: bool) {
        if wanted {
            self.workers.fetch_or(1 << worker, Ordering::Relaxed);
        } else if worker != self.home {
            self.workers.fetch_and(!(1 << worker), Ordering::Relaxed);
        }
    }

    /// The workers as a bit mask.
    pub(crate) fn workers(&self) -> u64 {
        self.workers.load(Ordering::Relaxed)
    }
}

/// The table.
#[derive(Debug)]
pub(crate) struct Directory {
    workers: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    sessions: BTreeMap<SessionId, Entry>,
    by_ufrag: HashMap<String, SessionId>,
    interests: HashMap<EventId, Arc<Interest>>,
}

#[derive(Debug)]
struct Entry {
    event: EventId,
    person: PersonId,
    kind: Kind,
    since: Instant,
    ufrag: String,
    seat: Seat,
}

enum Seat {
    Waiting(Box<Newcomer>),
    On(usize),
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Waiting(_) => f.write_str("Waiting"),
            Self::On(worker) => write!(f, "On({worker})"),
        }
    }
}

impl Directory {
    pub(crate) fn new(workers: usize) -> Self {
        Self { workers, table: Mutex::default() }
    }

    /// Takes in a newcomer. Returns the sessions that have to end for it: of one kind a person has
    /// two publishers at most (the old one works until the new one does) and as many receivers as
    /// connections; the oldest go.
    pub(crate) fn welcome(
        &self,
        newcomer: Box<Newcomer>,
        now: Instant,
    ) -> Result<Vec<SessionId>, OfferError> {
        let mut table = self.table();
        if table.sessions.len() >= SESSIONS_MAX {
            return Err(OfferError::Full);
        }
        let mut same: Vec<(Instant, SessionId)> = table
            .sessions
            .iter()
            .filter(|(_, entry)| {
                entry.event == newcomer.event
                    && entry.person == newcomer.person
                    && is_same_use(entry.kind, newcomer.kind)
            })
            .map(|(session, entry)| (entry.since, *session))
            .collect();
        same.sort_unstable();
        let most = match newcomer.kind {
            Kind::Publishing(_) => 2,
            Kind::Receiving(_) => CONNECTIONS_PER_PERSON_MAX,
        };
        let surplus = (same.len() + 1).saturating_sub(most);
        let (session, ufrag) = (newcomer.session, newcomer.negotiated.local.ufrag.clone());
        table.by_ufrag.insert(ufrag.clone(), session);
        let entry = Entry {
            event: newcomer.event.clone(),
            person: newcomer.person.clone(),
            kind: newcomer.kind,
            since: now,
            ufrag,
            seat: Seat::Waiting(newcomer),
        };
        table.sessions.insert(session, entry);
        Ok(same.into_iter().take(surplus).map(|(_, session)| session).collect())
    }

    /// A check with this user fragment arrived at `worker`, which does not know it.
    pub(crate) fn claim(&self, ufrag: &str, worker: usize) -> Found {
        let mut table = self.table();
        let Some(session) = table.by_ufrag.get(ufrag).copied() else { return Found::Nobody };
        table.claim(session, worker)
    }

    /// `worker` is to do something with this session, which may still wait here.
    pub(crate) fn claim_session(&self, session: SessionId, worker: usize) -> Found {
        self.table().claim(session, worker)
    }

    pub(crate) fn place(&self, session: SessionId) -> Option<Place> {
        self.table().sessions.get(&session).map(|entry| match entry.seat {
            Seat::Waiting(_) => Place::Waiting,
            Seat::On(worker) => Place::On(worker),
        })
    }

    /// The user fragment changes with an ICE restart.
    pub(crate) fn rename(&self, session: SessionId, ufrag: String) {
        let mut table = self.table();
        let Some(entry) = table.sessions.get_mut(&session) else { return };
        let old = std::mem::replace(&mut entry.ufrag, ufrag.clone());
        table.by_ufrag.remove(&old);
        table.by_ufrag.insert(ufrag, session);
    }

    /// The session is over. Returns whether it was there.
    pub(crate) fn remove(&self, session: SessionId) -> bool {
        self.table().remove(session)
    }

    /// A person is moved to another class, as far as they wait here.
    pub(crate) fn set_class(&self, event: &EventId, person: &PersonId, class: ReceiverClass) {
        for entry in self.table().sessions.values_mut() {
            if let Seat::Waiting(newcomer) = &mut entry.seat
                && entry.event == *event
                && entry.person == *person
                && let Kind::Receiving(known) = &mut newcomer.kind
            {
                *known = class;
                entry.kind = newcomer.kind;
            }
        }
    }

    /// Ends what waits here and is of this event, and of this person if one is named.
    pub(crate) fn end_waiting(&self, event: &EventId, person: Option<&PersonId>) {
        self.table().end_waiting(|entry| {
            entry.event == *event && person.is_none_or(|person| entry.person == *person)
        });
    }

    /// Ends what has waited here since before `moment`.
    pub(crate) fn expire(&self, moment: Instant) {
        self.table().end_waiting(|entry| entry.since < moment);
    }

    /// Sessions for the same use by the same person that are older than this one.
    pub(crate) fn elders(&self, session: SessionId) -> Vec<(SessionId, Place)> {
        let table = self.table();
        let Some(young) = table.sessions.get(&session) else { return Vec::new() };
        let older = table.sessions.iter().filter(|(_, entry)| {
            entry.event == young.event
                && entry.person == young.person
                && entry.kind == young.kind
                && entry.since < young.since
        });
        older
            .map(|(session, entry)| {
                let place = match entry.seat {
                    Seat::Waiting(_) => Place::Waiting,
                    Seat::On(worker) => Place::On(worker),
                };
                (*session, place)
            })
            .collect()
    }

    /// Publishing and receiving sessions now.
    pub(crate) fn count(&self) -> (u64, u64) {
        let table = self.table();
        let receivers =
            table.sessions.values().filter(|e| matches!(e.kind, Kind::Receiving(_))).count();
        ((table.sessions.len() - receivers) as u64, receivers as u64)
    }

    /// Who wants the packets of an event.
    pub(crate) fn interest(&self, event: &EventId) -> Arc<Interest> {
        let workers = self.workers;
        let mut table = self.table();
        let interest = table.interests.entry(event.clone()).or_insert_with(|| {
            let home = home(event, workers);
            Arc::new(Interest { home, workers: AtomicU64::new(1 << home) })
        });
        Arc::clone(interest)
    }

    /// A worker has no use for the event any more; the last one takes the entry with it.
    pub(crate) fn lose_interest(&self, event: &EventId, interest: Arc<Interest>) {
        let mut table = self.table();
        drop(interest);
        if table.interests.get(event).is_some_and(|known| Arc::strong_count(known) == 1) {
            table.interests.remove(event);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic of somebody who holds it leaves at worst a session that is found nowhere and
        // expires.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn claim(&mut self, session: SessionId, worker: usize) -> Found {
        let Some(entry) = self.sessions.get_mut(&session) else { return Found::Nobody };
        match std::mem::replace(&mut entry.seat, Seat::On(worker)) {
            Seat::Waiting(newcomer) => Found::Newcomer(newcomer),
            Seat::On(other) => {
                entry.seat = Seat::On(other);
                Found::On(other)
            }
        }
    }

    fn remove(&mut self, session: SessionId) -> bool {
        let Some(entry) = self.sessions.remove(&session) else { return false };
        self.by_ufrag.remove(&entry.ufrag);
        true
    }

    fn end_waiting(&mut self, over: impl Fn(&Entry) -> bool) {
        let ended: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, entry)| matches!(entry.seat, Seat::Waiting(_)) && over(entry))
            .map(|(session, _)| *session)
            .collect();
        for session in ended {
            self.remove(session);
        }
    }
}

/// Spreads the events over the workers (FNV-1a).
fn home(event: &EventId, workers: usize) -> usize {
    let hash = event.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::try_from(hash % workers.max(1) as u64).unwrap_or_default()
}

/// Whether a person needs only one session of the two.
fn is_same_use(one: Kind, other: Kind) -> bool {
    match (one, other) {
        (Kind::Publishing(one), Kind::Publishing(other)) => one == other,
        (Kind::Receiving(_), Kind::Receiving(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_worker_takes_the_interest_with_it() {
        let directory = Directory::new(3);
        let event = EventId::new("e").expect("an id");
        let interests: Vec<_> = (0..2).map(|_| directory.interest(&event)).collect();
        let (home, other) = (interests[0].home, (interests[0].home + 1) % 3);
        assert_eq!(interests[0].workers(), 1 << home, "home hears everything");
        interests[0].set(other, true);
        interests[0].set(home, false);
        assert_eq!(interests[1].workers(), 1 << home | 1 << other);
        interests[1].set(other, false);
        assert_eq!(interests[1].workers(), 1 << home);
        for (left, interest) in interests.into_iter().enumerate() {
            assert_eq!(directory.table().interests.len(), 1, "{left} have left");
            directory.lose_interest(&event, interest);
        }
        assert!(directory.table().interests.is_empty());
    }

    #[test]
    fn events_are_spread_over_the_workers() {
        let mut counts = [0; 4];
        for number in 0..400 {
            counts[home(&EventId::new(&format!("event-{number}")).expect("an id"), 4)] += 1;
        }
        assert!(counts.iter().all(|count| (60..140).contains(count)), "{counts:?}");
    }
}
