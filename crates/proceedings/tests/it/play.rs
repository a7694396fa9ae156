//! An event under test: commands go in, lines come out.

use base::{ConnectionId, Millis, PersonId, Timestamp};
use proceedings::testing::{START, check_invariants, parsed, reference_event};
use proceedings::{
    Actor, Command, Event, EventDefinition, EventState, Life, Line, Refusal, Tip, decide,
};

pub(crate) struct Play {
    pub(crate) state: EventState,
    pub(crate) lines: Vec<Line>,
    pub(crate) now: Timestamp,
    connections: u64,
}

pub(crate) fn id(text: &str) -> PersonId {
    parsed(text)
}

pub(crate) fn by(text: &str) -> Actor {
    Actor::Person(id(text))
}

impl Play {
    pub(crate) fn new(definition: EventDefinition) -> Self {
        let created = Event::EventCreated { definition: Box::new(definition.clone()) };
        let line = Line::after(Tip::default(), START, Actor::Operator, created);
        Self { state: EventState::new(definition), lines: vec![line], now: START, connections: 0 }
    }

    /// The reference event with everybody here but `bilal`, brought to `life`.
    pub(crate) fn at(life: Life) -> Self {
        Self::of(reference_event(), life)
    }

    /// The same of an event like the reference event.
    pub(crate) fn of(definition: EventDefinition, life: Life) -> Self {
        let mut play = Self::new(definition);
        for person in ["kazi", "ganich", "sehgal", "desk", "booth-ru", "anwar"] {
            play.arrive(person);
        }
        if life == Life::Scheduled {
            return play;
        }
        for person in ["kazi", "ganich", "sehgal"] {
            play.ok(by(person), Command::EnterStage);
        }
        if life == Life::GreenRoom {
            return play;
        }
        play.ok(by("kazi"), Command::OpenEvent);
        match life {
            Life::Suspended => drop(play.ok(by("kazi"), suspend())),
            Life::Closed => drop(play.ok(by("kazi"), Command::CloseEvent)),
            _ => {}
        }
        play
    }

    pub(crate) fn send(&mut self, actor: Actor, command: Command) -> Result<Vec<Event>, Refusal> {
        self.now = self.now.plus(Millis(1));
        let events = decide(&self.state, self.now, &actor, &command)?;
        assert!(!events.is_empty(), "{command:?} is accepted and does nothing");
        let tip = self.lines.last().expect("a first line").tip();
        for event in &events {
            self.state.apply(self.now, event);
        }
        self.lines.extend(Line::all_after(tip, self.now, &actor, events.clone()));
        check_invariants(&self.state).unwrap_or_else(|what| {
            panic!("after {command:?} of {actor:?} it does not hold that {what}")
        });
        Ok(events)
    }

    pub(crate) fn ok(&mut self, actor: Actor, command: Command) -> Vec<Event> {
        self.send(actor.clone(), command.clone())
            .unwrap_or_else(|refusal| panic!("{command:?} of {actor:?} is refused: {refusal}"))
    }

    pub(crate) fn refused(&mut self, actor: Actor, command: Command) -> Refusal {
        match self.send(actor.clone(), command.clone()) {
            Ok(events) => panic!("{command:?} of {actor:?} gives {events:?}"),
            Err(refusal) => refusal,
        }
    }

    /// What followed, one event a line, as it is stored.
    pub(crate) fn told(&mut self, actor: Actor, command: Command) -> String {
        let events = self.ok(actor, command);
        events.iter().map(|event| serde_json::to_string(event).expect("JSON") + "\n").collect()
    }

    pub(crate) fn arrive(&mut self, person: &str) -> ConnectionId {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.ok(Actor::Server, Command::Arrive { person: id(person), connection });
        connection
    }

    pub(crate) fn depart(&mut self, person: &str, connection: ConnectionId) {
        self.ok(Actor::Server, Command::Depart { person: id(person), connection });
    }

    pub(crate) fn wait(&mut self, length: Millis) {
        self.now = self.now.plus(length);
    }
}

pub(crate) fn suspend() -> Command {
    Command::SuspendEvent { reason: Some("A short pause.".to_owned()) }
}
