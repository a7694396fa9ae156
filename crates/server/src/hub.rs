//! Who is connected to one event, and what they have been sent.
//!
//! Sections are serialised once per change and their bytes shared by all sockets of a class of
//! readers. Nothing here waits: a socket that cannot take a message is ended.

use std::collections::BTreeMap;

use api_types::{
    CaptionAct, CommandFailure, EndReason, LineQuality, RecordingSection, Section, ServerMessage,
    SlotsView,
};
use axum::extract::ws::Utf8Bytes;
use base::{ConnectionId, Language, PersonId, Sequence, Timestamp};
use proceedings::{Actor, Admission, Event, EventState, Life, Line, Refusal};
use serde::Serialize;
use serde_json::value::RawValue;
use sfu::{Kind as SessionKind, Quality, SessionId};
use tokio::time::Instant;

use crate::captions::{Touched, Writer};
use crate::outbox::{Lost, Outbox};
use crate::views::{self, Class, Kind, Kinds, Observed, Who};

/// A connection whose departure the event's task has to write down.
pub(crate) type Departed = (PersonId, ConnectionId);

pub(crate) struct Hub {
    cache: Vec<Cached>,
    observed: Observed,
    people: BTreeMap<PersonId, Seat>,
    /// As what each person reads, and since when, kept for those who dropped out: a resume from
    /// before needs everything.
    classes: BTreeMap<PersonId, (Class, Sequence)>,
    /// Throttled sections that changed since they were last sent.
    late: Kinds,
    /// Whose own view may have changed by what was published last.
    concerned: Vec<PersonId>,
    /// Sockets that turned out to be dead while they were written to.
    lost: Vec<Departed>,
}

/// A section as it was last sent.
struct Cached {
    json: Box<RawValue>,
    changed_at: Sequence,
    /// When it was last sent, or found to be as it was.
    sent_at: Instant,
}

/// A connected person.
struct Seat {
    sockets: Vec<(ConnectionId, Outbox)>,
    class: Class,
    you: Utf8Bytes,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "changed")]
struct Changed<'a> {
    sequence: Sequence,
    sections: Vec<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "welcome")]
struct Welcome<'a> {
    connection: ConnectionId,
    sequence: Sequence,
    now: Timestamp,
    event: api_types::EventView,
    you: api_types::You,
    line: Option<LineQuality>,
    sections: Vec<&'a RawValue>,
}

impl Hub {
    pub(crate) fn new(state: &EventState) -> Self {
        let observed = Observed::default();
        let now = Instant::now();
        let cache = Kind::ALL
            .into_iter()
            .map(|kind| Cached {
                json: raw(&views::section(kind, state, &observed)),
                changed_at: state.sequence,
                sent_at: now,
            })
            .collect();
        Self {
            cache,
            observed,
            people: BTreeMap::new(),
            classes: BTreeMap::new(),
            late: Kinds::default(),
            concerned: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// When the throttled sections are due, or a partial line is too old.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        let late = self.late.iter().map(|kind| self.due(kind));
        late.chain(self.observed.captions.due_at()).min()
    }

    fn due(&self, kind: Kind) -> Instant {
        self.cache[kind as usize].sent_at + kind.pace().unwrap_or_default()
    }

    /// Connections that died; each is reported once.
    pub(crate) fn take_lost(&mut self) -> Vec<Departed> {
        std::mem::take(&mut self.lost)
    }

    /// Seats a new connection and welcomes it. `resume` is the last sequence it has seen.
    pub(crate) fn connect(
        &mut self,
        state: &EventState,
        now: Timestamp,
        person: &PersonId,
        connection: ConnectionId,
        outbox: Outbox,
        resume: Option<Sequence>,
    ) {
        let class = state.people.get(person).and_then(Class::of);
        let (Some(class), Some(you)) = (class, views::you(state, person)) else {
            // Put out by a command of the same batch.
            outbox.end(put_out(state, person).unwrap_or(EndReason::BadToken));
            self.lost.push((person.clone(), connection));
            return;
        };
        self.send_late(state);
        let since = self.classes.get(person).filter(|(before, _)| *before == class);
        let since = since.map_or(state.sequence, |(_, since)| *since);
        self.classes.insert(person.clone(), (class, since));
        let seat = self.people.entry(person.clone()).or_insert_with(|| Seat {
            sockets: Vec::new(),
            class,
            you: frame(&ServerMessage::You { you: Box::new(you.clone()) }),
        });
        let seen = resume.filter(|seen| *seen <= state.sequence && *seen >= since);
        let welcome = Welcome {
            connection,
            sequence: state.sequence,
            now,
            event: views::event(state),
            you,
            line: self.observed.lines.mark(person),
            sections: readable(&self.cache, class, Kinds::ALL, seen),
        };
        match outbox.send(frame(&welcome)) {
            Ok(()) => seat.sockets.push((connection, outbox)),
            Err(_) => self.lost.push((person.clone(), connection)),
        }
    }

    /// Forgets a connection.
    pub(crate) fn disconnect(&mut self, person: &PersonId, connection: ConnectionId) {
        if let Some(seat) = self.people.get_mut(person) {
            seat.sockets.retain(|(id, _)| *id != connection);
            if seat.sockets.is_empty() {
                self.people.remove(person);
            }
        }
        let touched = self.observed.captions.leave(connection);
        self.captions_touched(touched);
    }

    /// Sends what `lines` changed. `state` is the state after them.
    pub(crate) fn publish(&mut self, state: &EventState, lines: &[Line]) {
        let mut kinds = Kinds::default();
        let mut everybody = false;
        let mut concerned = Vec::new();
        for line in lines {
            let (touched, who) = views::touched(&line.event, state);
            kinds = kinds.union(touched);
            match who {
                Who::Nobody => {}
                Who::One(person) => concerned.push(person),
                Who::Hands(person) => {
                    concerned.push(person);
                    concerned.extend(state.hands.iter().map(|hand| hand.person.clone()));
                }
                Who::Everybody => everybody = true,
            }
        }
        if everybody {
            concerned = self.people.keys().cloned().collect();
        } else {
            concerned.sort_unstable();
            concerned.dedup();
        }

        let mut changed = Kinds::default();
        for kind in kinds.iter() {
            if kind.pace().is_some() {
                self.late = self.late.with(kind);
            } else if !kind.is_observed() && self.refresh(state, kind) {
                changed = changed.with(kind);
            }
        }
        // What is no partial line any more goes together with the line that it became, and at once
        // when it may not be shown any more.
        if self.observed.captions.follow(state) || changed.contains(Kind::Captions) {
            self.late = self.late.without(Kind::Partials);
            self.cache[Kind::Partials as usize].sent_at = Instant::now();
            if self.refresh(state, Kind::Partials) {
                changed = changed.with(Kind::Partials);
            }
        }
        let moved = self.tell_concerned(state, &concerned);
        self.broadcast(state.sequence, changed, &moved);
        self.send_late(state);
        self.concerned = concerned;
    }

    /// Ends the sockets of those whom what was published last put out, or of all if it closed the
    /// event. By then the command that did so has been answered.
    pub(crate) fn end_put_out(&mut self, state: &EventState) {
        for person in std::mem::take(&mut self.concerned) {
            let Some(reason) = put_out(state, &person) else { continue };
            let Some(seat) = self.people.remove(&person) else { continue };
            for (connection, outbox) in seat.sockets {
                outbox.end(reason);
                self.lost.push((person.clone(), connection));
            }
        }
        if state.life == Life::Closed {
            self.end_all(EndReason::Closed);
        }
    }

    /// The media engine changed which person each slot carries.
    pub(crate) fn set_slots(&mut self, state: &EventState, kind: Kind, slots: SlotsView) {
        if kind == Kind::SlotsOfStage {
            self.observed.stage = slots;
        } else {
            self.observed.audience = slots;
        }
        if self.refresh(state, kind) {
            self.broadcast(state.sequence, Kinds::of(&[kind]), &[]);
        }
    }

    /// The recorder said how the recording stands.
    pub(crate) fn set_recording(&mut self, state: &EventState, recording: RecordingSection) {
        let recogniser_behind = self.observed.recording.recogniser_behind;
        self.observed.recording = RecordingSection { recogniser_behind, ..recording };
        if self.refresh(state, Kind::Recording) {
            self.broadcast(state.sequence, Kinds::of(&[Kind::Recording]), &[]);
        }
    }

    /// The recogniser keeps up with what is said, or does not.
    pub(crate) fn set_recogniser_behind(&mut self, state: &EventState, behind: bool) {
        self.observed.recording.recogniser_behind = behind;
        if self.refresh(state, Kind::Recording) {
            self.broadcast(state.sequence, Kinds::of(&[Kind::Recording]), &[]);
        }
    }

    /// The media engine judged the line of a session.
    pub(crate) fn line_judged(
        &mut self,
        person: &PersonId,
        session: SessionId,
        kind: SessionKind,
        quality: Quality,
    ) {
        if self.observed.lines.judged(person, session, kind, quality) {
            self.tell_line(person);
        }
    }

    /// A session is over, and with it what was known of its line.
    pub(crate) fn session_over(&mut self, person: &PersonId, session: &SessionId) {
        if self.observed.lines.over(person, session) {
            self.tell_line(person);
        }
    }

    /// Tells a person how good their line is now, and nobody else; those who moderate read it in
    /// the section of all lines.
    fn tell_line(&mut self, person: &PersonId) {
        self.late = self.late.with(Kind::Lines);
        let Some(seat) = self.people.get_mut(person) else { return };
        let message = frame(&ServerMessage::Line { quality: self.observed.lines.mark(person) });
        send_to(seat, person, &mut self.lost, |_| Some(message.clone()));
    }

    /// Tells everybody admitted who is speaking.
    pub(crate) fn speaking(&mut self, people: Vec<PersonId>) {
        let message = frame(&ServerMessage::Speaking { people });
        self.send_each(|class| class.reads(Kind::Floor).then(|| message.clone()), &[]);
    }

    /// A captioner does something that is no part of the proceedings.
    pub(crate) fn caption(
        &mut self,
        state: &EventState,
        now: Timestamp,
        (person, connection): (&PersonId, ConnectionId),
        act: CaptionAct,
    ) {
        let now = (now, Instant::now());
        let touched = self.observed.captions.act(state, now, (person, connection), act);
        self.captions_touched(touched);
    }

    /// What the recogniser has understood so far of a person's next line; an empty text takes it
    /// back.
    pub(crate) fn recognised(
        &mut self,
        state: &EventState,
        now: Timestamp,
        language: Language,
        person: PersonId,
        text: &str,
    ) {
        let now = (now, Instant::now());
        let writer = Writer::Recogniser(person.clone());
        let captions = &mut self.observed.captions;
        let touched = captions.put(state, now, writer, language, Some(person), text);
        self.captions_touched(touched);
    }

    /// Something was decided that will be stored: a partial line that became a line is none any
    /// more, so that what its writer puts down next is not taken for it.
    pub(crate) fn decided(&mut self, actor: &Actor, event: &Event) {
        if self.observed.captions.committed(actor, event) {
            self.late = self.late.with(Kind::Partials);
        }
    }

    fn captions_touched(&mut self, touched: Touched) {
        if touched.partials {
            self.late = self.late.with(Kind::Partials);
        }
        if !touched.seats {
            return;
        }
        let seats = self.observed.captions.seats().to_vec();
        let message = frame(&ServerMessage::Captioners { seats: seats.clone() });
        for seat in seats {
            let Some(own) = self.people.get_mut(&seat.person.id) else { continue };
            let (id, lost) = (&seat.person.id, &mut self.lost);
            send_to(own, id, lost, |of| (of == seat.connection).then(|| message.clone()));
        }
    }

    /// Sends the throttled sections that are due.
    pub(crate) fn send_late(&mut self, state: &EventState) {
        if self.observed.captions.expire(Instant::now()) {
            self.late = self.late.with(Kind::Partials);
        }
        if self.late.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut changed = Kinds::default();
        for kind in self.late.iter() {
            if self.due(kind) > now {
                continue;
            }
            self.late = self.late.without(kind);
            self.cache[kind as usize].sent_at = now;
            if self.refresh(state, kind) {
                changed = changed.with(kind);
            }
        }
        self.broadcast(state.sequence, changed, &[]);
    }

    /// Answers a command of a connection.
    pub(crate) fn answer(
        &mut self,
        person: &PersonId,
        connection: ConnectionId,
        answer: &ServerMessage,
    ) {
        let Some(seat) = self.people.get_mut(person) else { return };
        let message = frame(answer);
        send_to(seat, person, &mut self.lost, |id| (id == connection).then(|| message.clone()));
    }

    /// Ends all sockets.
    pub(crate) fn end_all(&mut self, reason: EndReason) {
        for (person, seat) in std::mem::take(&mut self.people) {
            for (connection, outbox) in seat.sockets {
                outbox.end(reason);
                self.lost.push((person.clone(), connection));
            }
        }
    }

    /// Computes a section anew; true when it changed.
    fn refresh(&mut self, state: &EventState, kind: Kind) -> bool {
        let json = raw(&views::section(kind, state, &self.observed));
        let cached = &mut self.cache[kind as usize];
        if cached.json.get() == json.get() {
            return false;
        }
        cached.json = json;
        cached.changed_at = state.sequence;
        true
    }

    /// Sends `You` to those of `concerned` whose own view changed, and all that they may read to
    /// those who became another class of reader. Returns the latter.
    fn tell_concerned(&mut self, state: &EventState, concerned: &[PersonId]) -> Vec<PersonId> {
        let mut moved = Vec::new();
        for person in concerned {
            let Some(seat) = self.people.get_mut(person) else { continue };
            let Some(you) = views::you(state, person) else { continue };
            let message = frame(&ServerMessage::You { you: Box::new(you) });
            if seat.you != message {
                seat.you = message.clone();
                send_to(seat, person, &mut self.lost, |_| Some(message.clone()));
            }
            let class = state.people.get(person).and_then(Class::of);
            let Some(class) = class.filter(|class| *class != seat.class) else { continue };
            seat.class = class;
            self.classes.insert(person.clone(), (class, state.sequence));
            let sections = readable(&self.cache, class, Kinds::ALL, None);
            let message = frame(&Changed { sequence: state.sequence, sections });
            send_to(seat, person, &mut self.lost, |_| Some(message.clone()));
            moved.push(person.clone());
        }
        moved
    }

    /// Sends the changed sections to everybody who reads them, except to those in `moved` (sorted),
    /// who were sent everything.
    fn broadcast(&mut self, sequence: Sequence, changed: Kinds, moved: &[PersonId]) {
        if changed.is_empty() {
            return;
        }
        let cache = &self.cache;
        let mut frames: [Option<Option<Utf8Bytes>>; Class::COUNT] = Default::default();
        let frame_of = |class: Class| {
            frames[class as usize]
                .get_or_insert_with(|| {
                    let sections = readable(cache, class, changed, None);
                    (!sections.is_empty()).then(|| frame(&Changed { sequence, sections }))
                })
                .clone()
        };
        let lost = send_each(&mut self.people, frame_of, moved);
        self.lost.extend(lost);
    }

    fn send_each(&mut self, frame_of: impl FnMut(Class) -> Option<Utf8Bytes>, except: &[PersonId]) {
        let lost = send_each(&mut self.people, frame_of, except);
        self.lost.extend(lost);
    }
}

/// Why the sockets of a person must end, if they were put out.
fn put_out(state: &EventState, person: &PersonId) -> Option<EndReason> {
    match state.people.get(person)?.admission {
        Admission::Removed => Some(EndReason::Removed),
        Admission::Suspended => Some(EndReason::Suspended),
        Admission::Invited | Admission::Waiting | Admission::Admitted => None,
    }
}

/// The answer to a command that was carried out, refused, or not kept.
pub(crate) fn outcome(
    id: u64,
    outcome: Result<Sequence, Result<Refusal, CommandFailure>>,
) -> ServerMessage {
    match outcome {
        Ok(sequence) => ServerMessage::Accepted { id, sequence },
        Err(Ok(refusal)) => ServerMessage::Refused { id, refusal },
        Err(Err(failure)) => ServerMessage::Failed { id, failure },
    }
}

/// The sections among `kinds` that `class` reads and that changed after `seen`. Throttled sections
/// and what is observed are always among them: what was sent of them does not follow from a sequence.
fn readable(
    cache: &[Cached],
    class: Class,
    kinds: Kinds,
    seen: Option<Sequence>,
) -> Vec<&RawValue> {
    let news = |kind: Kind| {
        kind.pace().is_some()
            || kind.is_observed()
            || seen.is_none_or(|seen| cache[kind as usize].changed_at > seen)
    };
    kinds
        .iter()
        .filter(|kind| class.reads(*kind) && news(*kind))
        .map(|kind| &*cache[kind as usize].json)
        .collect()
}

fn send_each(
    people: &mut BTreeMap<PersonId, Seat>,
    mut frame_of: impl FnMut(Class) -> Option<Utf8Bytes>,
    except: &[PersonId],
) -> Vec<Departed> {
    let mut lost = Vec::new();
    for (person, seat) in people.iter_mut() {
        if except.binary_search(person).is_ok() {
            continue;
        }
        if let Some(message) = frame_of(seat.class) {
            send_to(seat, person, &mut lost, |_| Some(message.clone()));
        }
    }
    lost
}

/// Sends to the sockets of one seat and ends those that cannot take it.
fn send_to(
    seat: &mut Seat,
    person: &PersonId,
    lost: &mut Vec<Departed>,
    message_for: impl Fn(ConnectionId) -> Option<Utf8Bytes>,
) {
    let fails = |connection: ConnectionId, outbox: &Outbox| {
        message_for(connection).and_then(|message| outbox.send(message).err())
    };
    for index in (0..seat.sockets.len()).rev() {
        let (connection, outbox) = &seat.sockets[index];
        let Some(why) = fails(*connection, outbox) else { continue };
        let (connection, outbox) = seat.sockets.swap_remove(index);
        if why == Lost::TooSlow {
            outbox.end(EndReason::TooSlow);
        }
        lost.push((person.clone(), connection));
    }
}

/// Serialising the messages of this crate cannot fail: they hold no maps with other keys than text
/// and no types that refuse.
fn frame(message: &impl Serialize) -> Utf8Bytes {
    serde_json::to_string(message).unwrap_or_default().into()
}

fn raw(section: &Section) -> Box<RawValue> {
    serde_json::value::to_raw_value(section).unwrap_or_default()
}
