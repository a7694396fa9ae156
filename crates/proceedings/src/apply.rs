//! The fold: how each event changes the state.
//!
//! Events are facts, so nothing is refused here. An event about somebody unknown changes nothing
//! but is counted. What follows from a fact without a choice (a microphone that opens with the
//! floor, a waiting person who goes away) is not written down as an event of its own.

use std::collections::BTreeSet;

use base::{Millis, PersonId, SegmentId, Timestamp};

use crate::{
    Admission, Attendance, Event, EventDefinition, EventState, Grant, Hand, Life, Line, Microphone,
    Person, ProgrammeState, Record, RecordStatus, SegmentProgress, StagePlace, Suspension,
};

impl EventState {
    /// The state after `EventCreated`, the first line.
    pub fn new(definition: EventDefinition) -> Self {
        let people = definition
            .people
            .iter()
            .map(|person| (person.id.clone(), Attendance::new(person.clone(), false)))
            .collect();
        let segments = definition
            .segments
            .iter()
            .map(|segment| SegmentProgress::new(segment.record_status))
            .collect();
        Self {
            definition,
            sequence: base::Sequence(1),
            life: Life::Scheduled,
            opened_at: None,
            closed_at: None,
            suspension: None,
            locked: false,
            people,
            programme: ProgrammeState { current: None, segments, heard: BTreeSet::new() },
            floor: None,
            answering: Vec::new(),
            hands: Vec::new(),
            stage: Vec::new(),
            participants_present: 0,
            record: Record::default(),
        }
    }

    /// The state after all of `lines`; `None` unless the first is `EventCreated`.
    pub fn fold<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Option<Self> {
        let mut lines = lines.into_iter();
        let Event::EventCreated { definition } = &lines.next()?.event else { return None };
        let mut state = Self::new((**definition).clone());
        lines.for_each(|line| state.apply(line.at, &line.event));
        Some(state)
    }

    /// Applies one event that happened at `at` and counts the line.
    pub fn apply(&mut self, at: Timestamp, event: &Event) {
        self.sequence = self.sequence.next();
        if let Some(life) = event.leads_to() {
            self.life = life;
        }
        match event {
            // The first is only ever the first line, which `new` and `fold` read.
            Event::EventCreated { .. } | Event::GreenRoomOpened => {}
            Event::EventOpened => self.opened_at = Some(at),
            Event::EventSuspended { reason } => {
                self.suspension = Some(Suspension { since: at, reason: reason.clone() });
                if let Some(progress) = self.present_progress() {
                    progress.stop(at);
                }
            }
            Event::EventResumed => {
                self.suspension = None;
                if let Some(progress) = self.present_progress() {
                    progress.running_since = Some(at);
                }
            }
            Event::EventClosed => self.close(at),

            Event::PersonRegistered { person } => {
                let attendance = Attendance::new((**person).clone(), true);
                self.people.entry(person.id.clone()).or_insert(attendance);
            }
            Event::PersonArrived { person, connection } => self.person(person, |attendance| {
                attendance.connections.insert(*connection);
                attendance.arrived_at.get_or_insert(at);
            }),
            Event::PersonDeparted { person, connection } => self.person(person, |attendance| {
                attendance.connections.remove(connection);
                attendance.leave_lobby_if_gone();
            }),
            Event::ServerRestarted => {
                for attendance in self.people.values_mut() {
                    attendance.connections.clear();
                    attendance.leave_lobby_if_gone();
                }
                self.participants_present = 0;
            }
            Event::PersonWaiting { person } => self.person(person, |attendance| {
                attendance.admission = Admission::Waiting;
                attendance.waiting_since = Some(at);
            }),
            Event::PersonAdmitted { person } | Event::PersonReadmitted { person } => {
                self.set_admission(person, Admission::Admitted);
            }
            Event::PersonSuspended { person } => self.set_admission(person, Admission::Suspended),
            Event::PersonRemoved { person } => self.set_admission(person, Admission::Removed),
            Event::EventLocked => self.locked = true,
            Event::EventUnlocked => self.locked = false,

            Event::StageEntered { person, guest } => {
                if !self.people.contains_key(person) {
                    return;
                }
                if !self.stage.contains(person) {
                    self.stage.push(person.clone());
                }
                let place = if *guest { StagePlace::Guest } else { StagePlace::Member };
                self.person(person, |attendance| attendance.stage = place);
            }
            Event::StageLeft { person } => {
                self.stage.retain(|other| other != person);
                self.person(person, Attendance::leave_stage);
            }

            Event::SegmentBegan { segment } => self.begin_segment(at, segment),
            Event::SegmentEnded { segment } => self.segment(segment, |progress| {
                progress.stop(at);
                progress.ended_at = Some(at);
            }),
            Event::SegmentExtended { segment, by } => self.segment(segment, |progress| {
                progress.extended_by = Millis(progress.extended_by.0.saturating_add(by.0));
            }),
            Event::RecordStatusChanged { segment, status } => {
                self.segment(segment, |progress| progress.record_status = *status);
            }

            Event::FloorGiven { person, limit } => {
                self.floor = Some(Grant { person: person.clone(), since: at, limit: *limit });
                self.programme.heard.insert(person.clone());
                self.person(person, |attendance| attendance.microphone = Microphone::On);
            }
            Event::FloorTaken { person } => {
                self.floor = None;
                self.person(person, |attendance| {
                    if !attendance.person.moderates() {
                        attendance.turn_microphone_off();
                    }
                });
            }
            Event::AnsweringChanged { person, allowed } => {
                self.answering.retain(|other| other != person);
                if *allowed {
                    self.answering.push(person.clone());
                    self.programme.heard.insert(person.clone());
                }
            }
            Event::HandRaised { person } => {
                self.hands.push(Hand { person: person.clone(), since: at });
            }
            Event::HandLowered { person } => self.hands.retain(|hand| hand.person != *person),

            Event::MicrophoneChanged { person, on } => self.person(person, |attendance| {
                attendance.microphone = if *on { Microphone::On } else { Microphone::Off };
            }),
            Event::CameraChanged { person, on } => {
                self.person(person, |attendance| attendance.camera = *on);
            }
            Event::ScreenChanged { person, on } => {
                self.person(person, |attendance| attendance.screen = *on);
            }
            Event::PersonMuted { person } => {
                self.person(person, |attendance| attendance.microphone = Microphone::Muted);
            }
            Event::MicrophoneAllowed { person } => {
                self.person(person, |attendance| attendance.microphone = Microphone::Off);
            }

            Event::Record(event) => self.record.apply(self.sequence, at, event),
        }
        if bears_on_hearing(event) {
            self.note_record_time(at);
        }
    }

    /// Writes down what holds from now on: the record status, and whom the audience hears.
    fn note_record_time(&mut self, at: Timestamp) {
        let status = self.record_status();
        let segment = self.programme.current.and_then(|at| self.definition.segments.get(at));
        let present = segment.filter(|_| status != RecordStatus::OffTheRecord);
        let heard = self.audience_hearing().voices;
        self.record.time.note(at, present.map(|segment| (&segment.id, status)), &heard);
    }

    /// The record status that holds now: that of the present segment while live, off the record
    /// at any other time.
    pub fn record_status(&self) -> RecordStatus {
        let present = self.programme.current.and_then(|index| self.programme.segments.get(index));
        match (self.life, present) {
            (Life::Live, Some(progress)) => progress.record_status,
            _ => RecordStatus::OffTheRecord,
        }
    }

    /// Time spent in the present segment so far (earlier runs included, suspensions not), and its
    /// length with extensions.
    pub fn segment_time(&self, now: Timestamp) -> Option<(Millis, Millis)> {
        let index = self.programme.current?;
        let progress = self.programme.segments.get(index)?;
        let planned = self.definition.segments.get(index)?.planned;
        let length = Millis(planned.0.saturating_add(progress.extended_by.0));
        Some((progress.spent(now), length))
    }

    /// True when at least one connection of the person is up.
    pub fn is_present(&self, person: &PersonId) -> bool {
        self.people.get(person).is_some_and(Attendance::is_present)
    }

    fn close(&mut self, at: Timestamp) {
        self.closed_at = Some(at);
        self.suspension = None;
        self.floor = None;
        self.answering.clear();
        self.hands.clear();
        for person in std::mem::take(&mut self.stage) {
            self.person(&person, Attendance::leave_stage);
        }
    }

    fn begin_segment(&mut self, at: Timestamp, segment: &SegmentId) {
        let index = self.definition.segments.iter().position(|other| other.id == *segment);
        self.programme.current = index;
        self.programme.heard.clear();
        self.segment(segment, |progress| {
            progress.began_at = Some(at);
            progress.ended_at = None;
            progress.running_since = Some(at);
        });
    }

    fn set_admission(&mut self, person: &PersonId, admission: Admission) {
        self.person(person, |attendance| {
            attendance.admission = admission;
            attendance.waiting_since = None;
        });
    }

    /// Changes one person and keeps the count of participants.
    fn person(&mut self, id: &PersonId, change: impl FnOnce(&mut Attendance)) {
        let Some(attendance) = self.people.get_mut(id) else { return };
        let before = attendance.is_counted();
        change(attendance);
        match (before, attendance.is_counted()) {
            (false, true) => self.participants_present += 1,
            (true, false) => self.participants_present -= 1,
            _ => {}
        }
    }

    fn segment(&mut self, id: &SegmentId, change: impl FnOnce(&mut SegmentProgress)) {
        let index = self.definition.segments.iter().position(|segment| segment.id == *id);
        if let Some(progress) = index.and_then(|index| self.programme.segments.get_mut(index)) {
            change(progress);
        }
    }

    fn present_progress(&mut self) -> Option<&mut SegmentProgress> {
        self.programme.segments.get_mut(self.programme.current?)
    }
}

/// False for those events that change neither the record status nor who is heard.
fn bears_on_hearing(event: &Event) -> bool {
    !matches!(
        event,
        Event::EventCreated { .. }
            | Event::PersonRegistered { .. }
            | Event::PersonArrived { .. }
            | Event::PersonDeparted { .. }
            | Event::PersonWaiting { .. }
            | Event::HandRaised { .. }
            | Event::HandLowered { .. }
            | Event::CameraChanged { .. }
            | Event::ScreenChanged { .. }
            | Event::Record(_)
    )
}

impl Attendance {
    fn new(person: Person, registered: bool) -> Self {
        Self {
            person,
            registered,
            admission: Admission::Invited,
            connections: BTreeSet::new(),
            arrived_at: None,
            waiting_since: None,
            stage: StagePlace::None,
            microphone: Microphone::Off,
            camera: false,
            screen: false,
        }
    }

    /// True when at least one connection is up.
    pub fn is_present(&self) -> bool {
        !self.connections.is_empty()
    }

    /// True when the person has a place on the stage.
    pub fn is_on_stage(&self) -> bool {
        self.stage != StagePlace::None
    }

    fn is_counted(&self) -> bool {
        self.admission == Admission::Admitted && self.is_present() && self.person.is_participant()
    }

    fn leave_lobby_if_gone(&mut self) {
        if self.admission == Admission::Waiting && !self.is_present() {
            self.admission = Admission::Invited;
            self.waiting_since = None;
        }
    }

    fn leave_stage(&mut self) {
        self.stage = StagePlace::None;
        self.camera = false;
        self.screen = false;
        self.turn_microphone_off();
    }

    /// A muted microphone stays muted, or leaving the stage would undo the moderator's act.
    fn turn_microphone_off(&mut self) {
        if self.microphone == Microphone::On {
            self.microphone = Microphone::Off;
        }
    }
}

impl SegmentProgress {
    fn new(record_status: RecordStatus) -> Self {
        Self {
            began_at: None,
            ended_at: None,
            spent_before: Millis(0),
            running_since: None,
            extended_by: Millis(0),
            record_status,
        }
    }

    /// Time spent in the segment so far, over all its runs; suspensions of the event do not count.
    pub fn spent(&self, now: Timestamp) -> Millis {
        let run = self.running_since.map_or(Millis(0), |since| now.since(since));
        Millis(self.spent_before.0.saturating_add(run.0))
    }

    fn stop(&mut self, at: Timestamp) {
        self.spent_before = self.spent(at);
        self.running_since = None;
    }
}
