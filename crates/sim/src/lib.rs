//! Whole events, simulated from a seed: random programmes and people, some of them hostile, lines
//! that drop, a storage that fails, a server that is killed and folds its proceedings again, a
//! clock that jumps. After each step the invariants of ARCHITECTURE.md are checked, against an
//! [`Oracle`] that knows only the stored text of the proceedings.
//!
//! A seed always gives the same event, so a failure is found again by its seed.

mod definition;
mod desk;
mod node;
mod oracle;
mod people;
mod unreliable;

use std::collections::BTreeMap;

use base::{Random, SplitMix};
use proceedings::testing::{START, check_invariants};
use proceedings::{Actor, Command, Life, Line, Tip, verify_after};
use storage::testing::MemoryStorage;
use storage::{LINES_PER_APPEND_MAX, Storage, load};

use crate::node::Node;
pub use crate::oracle::Oracle;
use crate::people::Crowd;
use crate::unreliable::Unreliable;

/// Steps of one event. In each, some people ask for something and the server writes it down.
const STEPS: u32 = 300;

/// Most commands of one step; the server writes them in one batch.
const COMMANDS_PER_STEP_MAX: u64 = 6;

/// What happened in a simulated event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events by their names in the proceedings.
    pub events: BTreeMap<String, u64>,
    /// Refusals by name.
    pub refusals: BTreeMap<String, u64>,
    /// How often the server was killed.
    pub kills: u64,
    /// How often the storage failed.
    pub failures: u64,
    /// Where the proceedings end.
    pub tip: Tip,
}

/// What did not hold, and where.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}, step {step}: {what}")]
pub struct Failure {
    /// The seed that leads here again.
    pub seed: u64,
    /// In which step.
    pub step: u32,
    /// What is wrong.
    pub what: String,
}

/// Simulates one event from its announcement to its end.
///
/// # Errors
/// The first invariant that does not hold.
pub async fn run(seed: u64) -> Result<Report, Failure> {
    let mut random = SplitMix(seed);
    let mut simulation =
        Simulation::begin(&mut random).await.map_err(|what| Failure { seed, step: 0, what })?;
    for step in 1..=STEPS {
        simulation.step(step, &mut random).await.map_err(|what| Failure { seed, step, what })?;
    }
    simulation.end(&mut random).await.map_err(|what| Failure { seed, step: STEPS, what })
}

struct Simulation {
    storage: Unreliable<MemoryStorage>,
    node: Node,
    crowd: Crowd,
    oracle: Oracle,
    /// Where the stored lines that were checked end.
    stored: Tip,
    /// Ends of proceedings that were acknowledged to somebody.
    acknowledged: Vec<Tip>,
    report: Report,
}

impl Simulation {
    async fn begin(random: &mut SplitMix) -> Result<Self, String> {
        let definition = definition::any(random);
        let storage = Unreliable::new(MemoryStorage::default());
        let crowd = Crowd::new(&definition, random);
        let node = Node::create(&storage, definition, START).await?;
        let mut simulation = Self {
            storage,
            node,
            crowd,
            oracle: Oracle::default(),
            stored: Tip::default(),
            acknowledged: Vec::new(),
            report: Report::default(),
        };
        simulation.check().await?;
        Ok(simulation)
    }

    async fn step(&mut self, step: u32, random: &mut SplitMix) -> Result<(), String> {
        self.node.now.0 += match random.below(50) {
            // Somebody sets the machine's clock.
            0 => -30_000,
            1 => 3_600_000,
            _ => i64::try_from(random.below(8_000)).unwrap_or_default(),
        };
        if random.below(60) == 0 {
            self.kill(random).await?;
        }
        self.storage.fail_next(random.below(40), random);
        let ending = step + 20 > STEPS;
        let mut commands = Vec::new();
        for _ in 0..=random.below(COMMANDS_PER_STEP_MAX) {
            commands.push(self.crowd.wish(&self.node.state, self.node.now, ending, random));
        }
        self.send(commands).await?;
        self.check().await
    }

    /// Hands commands to the server and tells the crowd what became of them.
    async fn send(&mut self, commands: Vec<(Actor, Command)>) -> Result<(), String> {
        let outcome = self.node.write(&self.storage, &commands).await?;
        for (refusal, count) in outcome.refusals {
            *self.report.refusals.entry(refusal).or_default() += count;
        }
        match outcome.acknowledged {
            Some(tip) => self.acknowledged.push(tip),
            None => self.report.failures += 1,
        }
        self.crowd.learn(&self.node.state);
        Ok(())
    }

    /// Ends the process without a word; the next one reads the proceedings again.
    async fn kill(&mut self, random: &mut SplitMix) -> Result<(), String> {
        let before = self.node.state.clone();
        self.storage.fail_next(u64::MAX, random);
        self.node = Node::load(&self.storage, &before.definition.id, self.node.now).await?;
        if self.node.state != before {
            return Err("the state after a restart equals the state before".to_owned());
        }
        self.check_acknowledged().await?;
        self.report.kills += 1;
        self.send(vec![(Actor::Server, Command::Restart)]).await?;
        if self.node.state.people.values().any(proceedings::Attendance::is_present) {
            return Err("after a restart nobody is here until they come back".to_owned());
        }
        Ok(())
    }

    /// Checks the state, and the lines written since the last check.
    async fn check(&mut self) -> Result<(), String> {
        check_invariants(&self.node.state)?;
        let event = &self.node.state.definition.id;
        let after = base::Sequence(self.oracle.read());
        let lines = self
            .storage
            .lines(event, after, LINES_PER_APPEND_MAX)
            .await
            .map_err(|error| error.to_string())?
            .ok_or("the event is stored")?;
        self.stored = verify_after(self.stored, &lines).map_err(|broken| broken.to_string())?;
        if self.stored != self.node.tip || self.node.state.sequence != self.node.tip.sequence {
            return Err("the server knows exactly what is stored".to_owned());
        }
        for line in &lines {
            let text = serde_json::to_string(line).map_err(|error| error.to_string())?;
            let name = self.oracle.hear(&text)?;
            *self.report.events.entry(name).or_default() += 1;
        }
        self.oracle.compare(&self.node.state)
    }

    /// Checks that everything acknowledged is stored, as it was.
    async fn check_acknowledged(&self) -> Result<(), String> {
        let lines = load(&self.storage, &self.node.state.definition.id)
            .await
            .map_err(|error| error.to_string())?
            .ok_or("the event is stored")?;
        for tip in &self.acknowledged {
            let at = usize::try_from(tip.sequence.0).unwrap_or_default();
            if lines.get(at - 1).map(Line::tip) != Some(*tip) {
                return Err(format!("acknowledged line {at} is stored"));
            }
        }
        Ok(())
    }

    /// Everybody goes; nothing may be left of them.
    async fn end(mut self, random: &mut SplitMix) -> Result<Report, String> {
        self.storage.fail_next(u64::MAX, random);
        if self.node.state.life != Life::Closed {
            let close = match self.node.state.life {
                Life::Scheduled => vec![Command::OpenGreenRoom, Command::CloseEvent],
                _ => vec![Command::CloseEvent],
            };
            self.send(close.into_iter().map(|command| (Actor::Operator, command)).collect())
                .await?;
            self.check().await?;
        }
        let departures = self.node.state.people.iter().flat_map(|(person, attendance)| {
            let depart = |connection: &_| Command::Depart {
                person: person.clone(),
                connection: *connection,
            };
            attendance.connections.iter().map(depart)
        });
        let departures = departures.map(|command| (Actor::Server, command)).collect();
        self.send(departures).await?;
        self.check().await?;
        let state = &self.node.state;
        let empty = state.life == Life::Closed
            && state.floor.is_none()
            && state.answering.is_empty()
            && state.hands.is_empty()
            && state.stage.is_empty()
            && state.participants_present == 0
            && !state.people.values().any(|other| {
                other.is_present() || other.is_on_stage() || other.screen || other.camera
            });
        if !empty {
            return Err("a closed and empty event has nobody anywhere".to_owned());
        }
        // Whoever comes now is told that it is over, and nothing is written.
        let sequence = state.sequence;
        let now = self.node.now;
        let late: Vec<_> = (0..20).map(|_| self.crowd.anything(state, now, random)).collect();
        // But about the record, on which the desk works on.
        let idle = |(actor, command): &(Actor, Command)| {
            matches!(actor, Actor::Person(_)) && !matches!(command, Command::Record(_))
        };
        self.send(late.into_iter().filter(idle).collect()).await?;
        if self.node.state.sequence != sequence {
            return Err("nothing happens in a closed event".to_owned());
        }
        self.check_acknowledged().await?;
        self.report.tip = self.node.tip;
        Ok(self.report)
    }
}
