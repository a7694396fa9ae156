//! One task per event: the only writer of its proceedings.
//!
//! The task takes what waits in its queue as one batch, judges each command on a working copy of
//! the state, and writes all resulting lines in one append. Only when they are durable does it
//! apply them to the published copy, tell the media engine and the sockets, and answer. If the
//! append fails the working copy is thrown away, so that nothing of the batch has happened.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use api_types::{CaptionAct, CommandFailure, EndReason, RecordingSection};
use base::{Clock, ConnectionId, EventId, Language, PersonId, Sequence, Timestamp};
use proceedings::{
    Actor, Command, Event, EventState, Life, Line, RecordCommand, Refusal, Tip, decide,
    verify_after,
};
use publication::ReleaseNotes;
use recording::Recorder;
use sfu::{ReceiverClass, SfuEvent};
use storage::{Storage, StorageError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::hub::{Hub, outcome};
use crate::media::{self, Desk, MediaEngine, slots_view};
use crate::outbox::Outbox;
use crate::recordings;
use crate::views::Kind;

/// Asks that may wait for an event's task. Whoever finds the queue full waits, which slows down a
/// flood at its source.
const ASKS_MAX: usize = 1_024;

/// Asks of one batch: so many that one write to disk serves a flood, so few that a batch is judged
/// in a few milliseconds.
const BATCH_MAX: usize = 256;

/// Pause before departures that could not be stored are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How often at the most it is looked whether an embargo is over, also while it cannot be stored.
const EMBARGO_CHECK_MIN: Duration = Duration::from_millis(500);

/// How often at the least: the machine's clock may be set meanwhile.
const EMBARGO_CHECK_MAX: Duration = Duration::from_secs(30);

/// What the task is asked.
pub(crate) enum Ask {
    /// A command of a connection, answered on its socket.
    FromSocket { person: PersonId, connection: ConnectionId, id: u64, command: Command },
    /// A command that came by another way than a socket, answered to the caller.
    FromServer { actor: Actor, command: Command, reply: oneshot::Sender<Result<Sequence, NotDone>> },
    /// A new connection. `resume` is the last sequence it has seen.
    Connect {
        person: PersonId,
        resume: Option<Sequence>,
        outbox: Outbox,
        reply: oneshot::Sender<Result<ConnectionId, NotDone>>,
    },
    /// A captioner of a connection does something that is no part of the proceedings.
    Caption { person: PersonId, connection: ConnectionId, act: CaptionAct },
    /// What the recogniser has understood so far of a person's next line; it is committed by a
    /// command. An empty text takes it back.
    PartialCaption { language: Language, person: PersonId, text: String },
    /// A connection is over.
    Disconnect { person: PersonId, connection: ConnectionId },
    /// News from the media engine.
    Media(SfuEvent),
    /// How the recording stands.
    Recording(RecordingSection),
    /// Whether speech comes faster than it is recognised.
    RecogniserBehind(bool),
    /// The server stops: every socket is told.
    Stop,
    /// Everything asked before this is stored, or cannot be.
    Finish { reply: oneshot::Sender<()> },
}

/// Why something asked for was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotDone {
    /// The event does not allow it.
    #[error("{0}")]
    Refused(Refusal),
    /// It could not be stored, or the server stops.
    #[error("the proceedings cannot be stored at the moment")]
    Unavailable,
}

/// How the rest of the server reaches an event.
pub(crate) struct EventHandle {
    asks: mpsc::Sender<Ask>,
    state: Arc<RwLock<EventState>>,
    /// The event's media sessions.
    pub(crate) desk: Arc<Desk>,
}

impl EventHandle {
    /// Reads the state as of the last durable line.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&EventState) -> R) -> R {
        read(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Carries out a command of the server.
    pub(crate) async fn command(&self, command: Command) -> Result<Sequence, NotDone> {
        self.command_of(Actor::Server, command).await
    }

    /// Carries out a command of somebody who needs no socket for it.
    pub(crate) async fn command_of(
        &self,
        actor: Actor,
        command: Command,
    ) -> Result<Sequence, NotDone> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::FromServer { actor, command, reply }).await?;
        answer.await.map_err(|_| NotDone::Unavailable)?
    }

    /// Enters a new connection.
    pub(crate) async fn connect(
        &self,
        person: PersonId,
        resume: Option<Sequence>,
        outbox: Outbox,
    ) -> Result<ConnectionId, NotDone> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Connect { person, resume, outbox, reply }).await?;
        answer.await.map_err(|_| NotDone::Unavailable)?
    }

    /// Hands something to the event's task, waiting for a place in its queue.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<(), NotDone> {
        self.asks.send(ask).await.map_err(|_| NotDone::Unavailable)
    }
}

/// Starts the task of an event whose proceedings are `lines`, which have been verified.
pub(crate) async fn start(
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    engine: Arc<dyn MediaEngine>,
    recorder: Option<Arc<Recorder>>,
    lines: Vec<Line>,
) -> Result<EventHandle, StorageError> {
    let Some(state) = EventState::fold(&lines) else {
        return Err(StorageError::Corrupt("the proceedings do not begin with an event".into()));
    };
    let last = lines.last().map_or(Timestamp::default(), |line| line.at);
    let tip = lines.last().map_or_else(Tip::default, Line::tip);
    let connections = lines.iter().filter_map(|line| match line.event {
        Event::PersonArrived { connection, .. } => Some(connection.0),
        _ => None,
    });
    let desk = Arc::new(Desk::new(state.definition.id.clone(), engine));
    let published = Arc::new(RwLock::new(state.clone()));
    let (asks, queue) = mpsc::channel(ASKS_MAX);
    let mut task = EventTask {
        id: state.definition.id.clone(),
        hub: Hub::new(&state),
        working: state,
        published: Arc::clone(&published),
        desk: Arc::clone(&desk),
        tip,
        last,
        connections: connections.max().unwrap_or_default(),
        uncertain: false,
        owed: VecDeque::new(),
        retry_at: None,
        embargo_at: None,
        storage,
        clock,
        recorder,
    };
    task.restart().await?;
    tokio::spawn(task.run(queue));
    Ok(EventHandle { asks, state: published, desk })
}

struct EventTask {
    id: EventId,
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    /// The state with the batch at hand applied; equal to `published` between batches.
    working: EventState,
    published: Arc<RwLock<EventState>>,
    /// Where the next line attaches.
    tip: Tip,
    /// Time of the last line; a clock that jumps back does not put lines out of order.
    last: Timestamp,
    /// The last number given to a connection.
    connections: u64,
    /// An append failed in a way that leaves open whether its lines were stored.
    uncertain: bool,
    /// Departures that are not on disk yet. Bounded by the number of connections.
    owed: VecDeque<(PersonId, ConnectionId)>,
    retry_at: Option<Instant>,
    /// When to look whether the release's embargo is over.
    embargo_at: Option<Instant>,
    hub: Hub,
    desk: Arc<Desk>,
    recorder: Option<Arc<Recorder>>,
}

/// What is left to do for one ask of the batch once its lines are durable.
enum Promise {
    Answer {
        person: PersonId,
        connection: ConnectionId,
        id: u64,
        sequence: Sequence,
    },
    Reply {
        reply: oneshot::Sender<Result<Sequence, NotDone>>,
        sequence: Sequence,
    },
    Welcome {
        person: PersonId,
        connection: ConnectionId,
        resume: Option<Sequence>,
        outbox: Outbox,
        reply: oneshot::Sender<Result<ConnectionId, NotDone>>,
    },
    Finished {
        reply: oneshot::Sender<()>,
    },
}

#[derive(Default)]
struct Batch {
    lines: Vec<Line>,
    promises: Vec<Promise>,
    /// Departures written down by this batch.
    departures: Vec<(PersonId, ConnectionId)>,
}

impl EventTask {
    async fn run(mut self, mut queue: mpsc::Receiver<Ask>) {
        let mut asks = Vec::with_capacity(BATCH_MAX);
        loop {
            let wakes = [self.hub.due_at(), self.retry_at, self.embargo_at];
            let wake = wakes.into_iter().flatten().min();
            let received = tokio::select! {
                received = queue.recv_many(&mut asks, BATCH_MAX) => received,
                () = sleep_until(wake) => usize::MAX,
            };
            if received == 0 {
                return;
            }
            self.turn(&mut asks).await;
        }
    }

    /// Serves one batch.
    async fn turn(&mut self, asks: &mut Vec<Ask>) {
        if self.uncertain {
            self.read_again().await;
        }
        let mut batch = Batch::default();
        for ask in asks.drain(..) {
            self.take(ask, &mut batch);
        }
        self.write_departures(&mut batch);
        self.lift_embargo(&mut batch);
        if !batch.lines.is_empty() {
            match self.storage.append(&self.id, &batch.lines).await {
                Ok(()) => self.keep(&batch.lines),
                Err(error) => {
                    tracing::error!(event = %self.id, %error, "the proceedings cannot be stored");
                    self.throw_away(batch);
                    return;
                }
            }
        }
        self.fulfil(batch.promises);
        let published = Arc::clone(&self.published);
        let state = published.read().unwrap_or_else(PoisonError::into_inner);
        self.hub.end_put_out(&state);
        self.hub.send_late(&state);
        self.owed.extend(self.hub.take_lost());
        if !self.owed.is_empty() && self.retry_at.is_none() {
            self.retry_at = Some(Instant::now());
        }
    }

    fn take(&mut self, ask: Ask, batch: &mut Batch) {
        match ask {
            Ask::FromSocket { person, connection, id, command } => {
                match self.judge(Actor::Person(person.clone()), &command, batch) {
                    Ok(sequence) => {
                        let promise = Promise::Answer { person, connection, id, sequence };
                        batch.promises.push(promise);
                    }
                    Err(refusal) => {
                        let answer = outcome(id, Err(Ok(refusal)));
                        self.hub.answer(&person, connection, &answer);
                    }
                }
            }
            Ask::FromServer { actor, command, reply } => {
                match self.judge(actor, &command, batch) {
                    Ok(sequence) => batch.promises.push(Promise::Reply { reply, sequence }),
                    // A caller that went away needs no answer, here and below.
                    Err(refusal) => drop(reply.send(Err(NotDone::Refused(refusal)))),
                }
            }
            Ask::Connect { person, resume, outbox, reply } => {
                let connection = ConnectionId(self.connections + 1);
                let command = Command::Arrive { person: person.clone(), connection };
                match self.judge(Actor::Server, &command, batch) {
                    Ok(_) => {
                        self.connections = connection.0;
                        batch.promises.push(Promise::Welcome {
                            person,
                            connection,
                            resume,
                            outbox,
                            reply,
                        });
                    }
                    Err(refusal) => drop(reply.send(Err(NotDone::Refused(refusal)))),
                }
            }
            Ask::Disconnect { person, connection } => {
                self.hub.disconnect(&person, connection);
                self.owed.push_back((person, connection));
            }
            Ask::Caption { person, connection, act } => {
                let now = self.clock.now();
                let published = Arc::clone(&self.published);
                let state = published.read().unwrap_or_else(PoisonError::into_inner);
                self.hub.caption(&state, now, (&person, connection), act);
            }
            Ask::PartialCaption { language, person, text } => {
                let now = self.clock.now();
                let published = Arc::clone(&self.published);
                let state = published.read().unwrap_or_else(PoisonError::into_inner);
                self.hub.recognised(&state, now, language, person, &text);
            }
            Ask::Media(SfuEvent::Slots { class, slots, .. }) => {
                let kind = match class {
                    ReceiverClass::Audience => Kind::SlotsOfAudience,
                    ReceiverClass::Stage => Kind::SlotsOfStage,
                };
                let published = Arc::clone(&self.published);
                let state = published.read().unwrap_or_else(PoisonError::into_inner);
                self.hub.set_slots(&state, kind, slots_view(slots));
            }
            Ask::Recording(recording) => {
                let published = Arc::clone(&self.published);
                let state = published.read().unwrap_or_else(PoisonError::into_inner);
                self.hub.set_recording(&state, recording);
            }
            Ask::RecogniserBehind(behind) => {
                let published = Arc::clone(&self.published);
                let state = published.read().unwrap_or_else(PoisonError::into_inner);
                self.hub.set_recogniser_behind(&state, behind);
            }
            Ask::Media(SfuEvent::Speaking { persons, .. }) => self.hub.speaking(persons),
            Ask::Media(SfuEvent::Gone { person, session, .. }) => {
                self.desk.strike(&session);
                self.hub.session_over(&person, &session);
            }
            Ask::Media(SfuEvent::Quality { person, session, quality, .. }) => {
                // A session that was struck out is as good as gone.
                if let Some(kind) = self.desk.session(&session).map(|session| session.kind) {
                    self.hub.line_judged(&person, session, kind, quality);
                }
            }
            // What a publisher sends follows from the proceedings; that it connects changes
            // nothing that people are shown.
            Ask::Media(SfuEvent::Connected { .. } | SfuEvent::Tracks { .. }) => {}
            Ask::Stop => self.hub.end_all(EndReason::ServerStops),
            Ask::Finish { reply } => batch.promises.push(Promise::Finished { reply }),
        }
    }

    /// Judges a command and applies what follows to the working state.
    fn judge(
        &mut self,
        actor: Actor,
        command: &Command,
        batch: &mut Batch,
    ) -> Result<Sequence, Refusal> {
        let now = self.clock.now().max(self.last);
        if let Command::Record(RecordCommand::IssueRelease { correction: Some(words), .. }) =
            command
        {
            let facts = publication::from_state(&self.working, &ReleaseNotes::default());
            if publication::names_the_hidden(words, &facts) {
                return Err(Refusal::CorrectionNames);
            }
        }
        let events = decide(&self.working, now, &actor, command)?;
        let mut lines = Line::all_after(self.tip, now, &actor, events);
        for line in &lines {
            self.working.apply(line.at, &line.event);
            self.hub.decided(&actor, &line.event);
        }
        if let Some(line) = lines.last() {
            (self.tip, self.last) = (line.tip(), line.at);
        }
        batch.lines.append(&mut lines);
        Ok(self.tip.sequence)
    }

    /// Writes down the departures of sockets, those of earlier batches first.
    fn write_departures(&mut self, batch: &mut Batch) {
        if self.retry_at.is_some_and(|at| at > Instant::now()) && batch.lines.is_empty() {
            return;
        }
        self.retry_at = None;
        while let Some((person, connection)) = self.owed.pop_front() {
            let command = Command::Depart { person: person.clone(), connection };
            // Refused when it was written down already; nothing is owed then.
            if self.judge(Actor::Server, &command, batch).is_ok() {
                batch.departures.push((person, connection));
            }
        }
    }

    /// Ends an embargo that is over, and notes when to look again.
    fn lift_embargo(&mut self, batch: &mut Batch) {
        let lift = Command::Record(RecordCommand::LiftEmbargo);
        // Refused while it holds, and when there is none.
        let _ = self.judge(Actor::Server, &lift, batch);
        self.embargo_at = self.working.record.embargo_due().map(|due| {
            let left = Duration::from_millis(due.since(self.clock.now()).0);
            Instant::now() + left.clamp(EMBARGO_CHECK_MIN, EMBARGO_CHECK_MAX)
        });
    }

    /// The lines are durable: they have happened.
    fn keep(&mut self, lines: &[Line]) {
        let published = Arc::clone(&self.published);
        let mut state = published.write().unwrap_or_else(PoisonError::into_inner);
        for line in lines {
            state.apply(line.at, &line.event);
        }
        drop(state);
        let state = published.read().unwrap_or_else(PoisonError::into_inner);
        // Media first: a voice must stop before anybody reads that it did.
        if lines.iter().any(|line| media::concerns(&line.event)) {
            self.desk.follow(&state);
        }
        self.hub.publish(&state, lines);
        let closed = lines.iter().any(|line| line.event == Event::EventClosed);
        if let Some(recorder) = self.recorder.as_ref().filter(|_| closed) {
            recordings::close(recorder, &self.storage, &self.id);
        }
    }

    fn fulfil(&mut self, promises: Vec<Promise>) {
        let now = self.clock.now();
        let published = Arc::clone(&self.published);
        let state = published.read().unwrap_or_else(PoisonError::into_inner);
        for promise in promises {
            match promise {
                Promise::Answer { person, connection, id, sequence } => {
                    self.hub.answer(&person, connection, &outcome(id, Ok(sequence)));
                }
                Promise::Reply { reply, sequence } => drop(reply.send(Ok(sequence))),
                Promise::Finished { reply } => drop(reply.send(())),
                Promise::Welcome { person, connection, resume, outbox, reply } => {
                    if reply.send(Ok(connection)).is_ok() {
                        self.hub.connect(&state, now, &person, connection, outbox, resume);
                    } else {
                        self.owed.push_back((person, connection));
                    }
                }
            }
        }
    }

    /// The batch has not happened: the working state is that of before, and everybody is told.
    fn throw_away(&mut self, batch: Batch) {
        self.working = self.published.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(first) = batch.lines.first() {
            self.tip = Tip { sequence: self.working.sequence, hash: first.previous };
        }
        self.uncertain = true;
        self.owed.extend(batch.departures);
        self.owed.extend(self.hub.take_lost());
        self.retry_at = Some(Instant::now() + RETRY);
        self.embargo_at = self.working.record.embargo_due().map(|_| Instant::now() + RETRY);
        for promise in batch.promises {
            match promise {
                Promise::Answer { person, connection, id, .. } => {
                    let answer = outcome(id, Err(Err(CommandFailure::Unavailable)));
                    self.hub.answer(&person, connection, &answer);
                }
                Promise::Reply { reply, .. } => drop(reply.send(Err(NotDone::Unavailable))),
                Promise::Finished { reply } => drop(reply.send(())),
                Promise::Welcome { reply, .. } => drop(reply.send(Err(NotDone::Unavailable))),
            }
        }
    }

    /// After an append of unknown outcome: takes up what the storage holds beyond what we know.
    async fn read_again(&mut self) {
        let limit = storage::LINES_PER_PAGE;
        loop {
            let page = match self.storage.lines(&self.id, self.tip.sequence, limit).await {
                Ok(page) => page.unwrap_or_default(),
                Err(error) => {
                    tracing::warn!(event = %self.id, %error, "the proceedings cannot be read");
                    return;
                }
            };
            match verify_after(self.tip, &page) {
                Ok(tip) => self.tip = tip,
                Err(error) => {
                    tracing::error!(event = %self.id, %error, "the stored proceedings differ");
                    return;
                }
            }
            for line in &page {
                self.working.apply(line.at, &line.event);
                self.last = self.last.max(line.at);
            }
            self.keep(&page);
            if page.len() < limit {
                self.uncertain = false;
                return;
            }
        }
    }

    /// Writes down that all connections of before are gone, and sets the media plan.
    async fn restart(&mut self) -> Result<(), StorageError> {
        let mut batch = Batch::default();
        // Refused when nobody was connected: there is nothing to write down then.
        if self.judge(Actor::Server, &Command::Restart, &mut batch).is_ok() {
            self.storage.append(&self.id, &batch.lines).await?;
        }
        self.keep(&batch.lines);
        self.embargo_at = self.working.record.embargo_due().map(|_| Instant::now());
        self.desk.follow(&self.working);
        // The program ended after the event was closed and before its recording was finished.
        let left = |recorder: &&Arc<Recorder>| recorder.is_unfinished(&self.id);
        if self.working.life == Life::Closed
            && let Some(recorder) = self.recorder.as_ref().filter(left)
        {
            recordings::close(recorder, &self.storage, &self.id);
        }
        Ok(())
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
