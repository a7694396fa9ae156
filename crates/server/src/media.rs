//! Between the proceedings and the media engine: who publishes and receives by which session, and
//! whether they still may.
//!
//! The engine knows no roles. After every batch of the proceedings [`Desk::follow`] hands it the
//! plan that follows from the state, moves receivers between the stage and the audience, and ends
//! the sessions of those who lost the right to theirs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api_types::SlotsView;
use async_trait::async_trait;
use base::limits::CONNECTIONS_PER_PERSON_MAX;
use base::{EventId, PersonId};
use proceedings::{Event, EventState, Life};
use sfu::{
    Answer, Kind, Listening, OfferError, Overview, PatchError, ReceiverClass, SessionId, Sfu,
    Slots, Source, StagePlan,
};

/// The media engine as the server uses it; crate `sfu` in earnest, a recording stand-in in tests
/// of what the server asks of it.
#[async_trait]
pub trait MediaEngine: Send + Sync + 'static {
    /// See [`Sfu::publish`].
    async fn publish(
        &self,
        event: &EventId,
        person: &PersonId,
        source: Source,
        offer: &str,
    ) -> Result<Answer, OfferError>;

    /// See [`Sfu::subscribe`].
    async fn subscribe(
        &self,
        event: &EventId,
        person: &PersonId,
        class: ReceiverClass,
        offer: &str,
    ) -> Result<Answer, OfferError>;

    /// See [`Sfu::listen`].
    async fn listen(&self, event: &EventId, class: ReceiverClass) -> Option<Listening>;

    /// See [`Sfu::patch`].
    async fn patch(
        &self,
        session: &SessionId,
        fragment: &str,
    ) -> Result<Option<String>, PatchError>;

    /// See [`Sfu::end`].
    async fn end(&self, session: &SessionId) -> bool;

    /// See [`Sfu::set_class`].
    fn set_class(&self, event: &EventId, person: &PersonId, class: ReceiverClass);

    /// See [`Sfu::end_person`].
    fn end_person(&self, event: &EventId, person: &PersonId);

    /// See [`Sfu::set_plan`].
    fn set_plan(&self, event: &EventId, plan: StagePlan);

    /// See [`Sfu::end_event`].
    fn end_event(&self, event: &EventId);

    /// See [`Sfu::overview`].
    async fn overview(&self) -> Overview;
}

#[async_trait]
impl MediaEngine for Sfu {
    async fn publish(
        &self,
        event: &EventId,
        person: &PersonId,
        source: Source,
        offer: &str,
    ) -> Result<Answer, OfferError> {
        Self::publish(self, event, person, source, offer).await
    }

    async fn subscribe(
        &self,
        event: &EventId,
        person: &PersonId,
        class: ReceiverClass,
        offer: &str,
    ) -> Result<Answer, OfferError> {
        Self::subscribe(self, event, person, class, offer).await
    }

    async fn listen(&self, event: &EventId, class: ReceiverClass) -> Option<Listening> {
        Self::listen(self, event, class).await
    }

    async fn patch(
        &self,
        session: &SessionId,
        fragment: &str,
    ) -> Result<Option<String>, PatchError> {
        Self::patch(self, session, fragment).await
    }

    async fn end(&self, session: &SessionId) -> bool {
        Self::end(self, session).await
    }

    fn set_class(&self, event: &EventId, person: &PersonId, class: ReceiverClass) {
        Self::set_class(self, event, person, class);
    }

    fn end_person(&self, event: &EventId, person: &PersonId) {
        Self::end_person(self, event, person);
    }

    fn set_plan(&self, event: &EventId, plan: StagePlan) {
        Self::set_plan(self, event, plan);
    }

    fn end_event(&self, event: &EventId) {
        Self::end_event(self, event);
    }

    async fn overview(&self) -> Overview {
        Self::overview(self).await
    }
}

/// A media session of a person.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) person: PersonId,
    pub(crate) kind: Kind,
    /// Counts ICE restarts; the `ETag` of RFC 9725.
    pub(crate) generation: u32,
    /// Order of beginning.
    number: u64,
}

/// The media sessions of one event.
pub(crate) struct Desk {
    event: EventId,
    engine: Arc<dyn MediaEngine>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    sessions: BTreeMap<SessionId, Session>,
    begun: u64,
    plan: StagePlan,
}

impl Desk {
    pub(crate) fn new(event: EventId, engine: Arc<dyn MediaEngine>) -> Self {
        Self { event, engine, book: Mutex::default() }
    }

    pub(crate) fn engine(&self) -> &dyn MediaEngine {
        &*self.engine
    }

    /// The session of that name.
    pub(crate) fn session(&self, id: &SessionId) -> Option<Session> {
        self.book().sessions.get(id).cloned()
    }

    /// Enters a new session. A person has one microphone and camera, one screen, and as many
    /// receivers as connections: what is too many now, the oldest first, is returned to be ended.
    pub(crate) fn enter(&self, id: SessionId, person: &PersonId, kind: Kind) -> Vec<SessionId> {
        let mut book = self.book();
        book.begun += 1;
        let number = book.begun;
        let receives = matches!(kind, Kind::Receiving(_));
        let limit = if receives { CONNECTIONS_PER_PERSON_MAX } else { 1 };
        let alike = |other: &Session| {
            other.person == *person
                && (other.kind == kind || receives && matches!(other.kind, Kind::Receiving(_)))
        };
        let mut before: Vec<_> = book
            .sessions
            .iter()
            .filter(|(_, other)| alike(other))
            .map(|(id, other)| (other.number, *id))
            .collect();
        before.sort_unstable();
        let surplus = (before.len() + 1).saturating_sub(limit);
        let ended: Vec<_> = before.into_iter().take(surplus).map(|(_, id)| id).collect();
        for id in &ended {
            book.sessions.remove(id);
        }
        let session = Session { person: person.clone(), kind, generation: 0, number };
        book.sessions.insert(id, session);
        ended
    }

    /// Counts an ICE restart and returns the new generation.
    pub(crate) fn restarted(&self, id: &SessionId) -> u32 {
        let mut book = self.book();
        let Some(session) = book.sessions.get_mut(id) else { return 0 };
        session.generation = session.generation.wrapping_add(1);
        session.generation
    }

    /// Strikes out a session. `false` when it was not there.
    pub(crate) fn strike(&self, id: &SessionId) -> bool {
        self.book().sessions.remove(id).is_some()
    }

    /// Ends every session of a person.
    pub(crate) fn end_person(&self, person: &PersonId) {
        self.book().sessions.retain(|_, session| session.person != *person);
        self.engine.end_person(&self.event, person);
    }

    /// Makes the media engine do what `state` says.
    pub(crate) fn follow(&self, state: &EventState) {
        let plan = StagePlan {
            audience: hearing(state.audience_hearing()),
            stage: hearing(state.stage_hearing()),
            record: record(state.recording()),
        };
        let mut book = self.book();
        if book.plan != plan {
            book.plan = plan.clone();
            self.engine.set_plan(&self.event, plan);
        }
        if state.life == Life::Closed {
            if !book.sessions.is_empty() {
                book.sessions.clear();
                self.engine.end_event(&self.event);
            }
            return;
        }
        let mut over: Vec<(SessionId, PersonId)> = Vec::new();
        for (id, session) in &mut book.sessions {
            if !may_keep(state, session) {
                over.push((*id, session.person.clone()));
            } else {
                self.reclass(state, session);
            }
        }
        for (id, _) in &over {
            book.sessions.remove(id);
        }
        let mut singly = Vec::new();
        for (id, person) in over {
            if book.sessions.values().any(|other| other.person == person) {
                singly.push(id);
            } else {
                self.engine.end_person(&self.event, &person);
            }
        }
        drop(book);
        self.end_later(singly);
    }

    /// Moves one session to the class that its person is in by now.
    pub(crate) fn correct_class(&self, state: &EventState, id: &SessionId) {
        if let Some(session) = self.book().sessions.get_mut(id) {
            self.reclass(state, session);
        }
    }

    fn reclass(&self, state: &EventState, session: &mut Session) {
        let class = class_of(state, &session.person);
        let receives = matches!(session.kind, Kind::Receiving(_));
        if receives && session.kind != Kind::Receiving(class) {
            session.kind = Kind::Receiving(class);
            self.engine.set_class(&self.event, &session.person, class);
        }
    }

    /// Ends sessions without waiting for it.
    pub(crate) fn end_later(&self, sessions: Vec<SessionId>) {
        if sessions.is_empty() {
            return;
        }
        let engine = Arc::clone(&self.engine);
        tokio::spawn(async move {
            for session in sessions {
                engine.end(&session).await;
            }
        });
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True when media may have to change after `event`. Coming and going, hands and admissions do
/// not: nobody is heard, or loses a right, by them.
pub(crate) fn concerns(event: &Event) -> bool {
    !matches!(
        event,
        Event::EventCreated { .. }
            | Event::PersonRegistered { .. }
            | Event::PersonArrived { .. }
            | Event::PersonDeparted { .. }
            | Event::PersonWaiting { .. }
            | Event::PersonAdmitted { .. }
            | Event::HandRaised { .. }
            | Event::HandLowered { .. }
    )
}

/// The class in which a person receives.
pub(crate) fn class_of(state: &EventState, person: &PersonId) -> ReceiverClass {
    let on_stage = state.people.get(person).is_some_and(proceedings::Attendance::is_on_stage);
    if on_stage { ReceiverClass::Stage } else { ReceiverClass::Audience }
}

/// True when `person` may begin or keep a session of this kind.
pub(crate) fn may(state: &EventState, person: &PersonId, kind: Kind) -> bool {
    match kind {
        Kind::Publishing(Source::Camera) => state.may_publish(person, proceedings::Source::Camera),
        Kind::Publishing(Source::Screen) => state.may_publish(person, proceedings::Source::Screen),
        Kind::Receiving(_) => state.may_receive(person),
    }
}

fn may_keep(state: &EventState, session: &Session) -> bool {
    may(state, &session.person, session.kind)
}

fn record(recording: proceedings::Recording) -> sfu::Record {
    match recording {
        proceedings::Recording::Off => sfu::Record::Off,
        proceedings::Recording::Attributed => sfu::Record::Attributed,
        proceedings::Recording::Unattributed => sfu::Record::Unattributed,
    }
}

fn hearing(hearing: proceedings::Hearing) -> sfu::Hearing {
    sfu::Hearing {
        voices: hearing.voices,
        main: hearing.main,
        screen: hearing.screen,
        thumbnails: hearing.thumbnails,
    }
}

/// The slots as the live socket tells them.
pub(crate) fn slots_view(slots: Slots) -> SlotsView {
    SlotsView {
        voices: slots.voices.into(),
        main: slots.main,
        screen: slots.screen,
        thumbnails: slots.thumbnails.into(),
    }
}
