//! The server as the simulation sees it: it judges a batch of commands, writes the lines in one
//! append, and acknowledges nothing before they are stored. When the storage fails it trusts only
//! what it reads there.

use std::collections::BTreeMap;

use base::{EventId, Timestamp};
use proceedings::{Actor, Command, Event, EventDefinition, EventState, Line, Tip, decide};
use storage::{Storage, load};

pub(crate) struct Node {
    pub(crate) state: EventState,
    pub(crate) tip: Tip,
    pub(crate) now: Timestamp,
    /// Time of the last line; as in the server, a clock that jumps back does not put lines out of
    /// order.
    last: Timestamp,
}

/// What became of a batch.
pub(crate) struct Outcome {
    /// The end of the proceedings that everybody was told; `None` when the storage failed.
    pub(crate) acknowledged: Option<Tip>,
    pub(crate) refusals: BTreeMap<String, u64>,
}

impl Node {
    pub(crate) async fn create(
        storage: &dyn Storage,
        definition: EventDefinition,
        now: Timestamp,
    ) -> Result<Self, String> {
        let event = definition.id.clone();
        let created = Event::EventCreated { definition: Box::new(definition) };
        let first = Line::after(Tip::default(), now, Actor::Operator, created);
        storage.create_event(&first).await.map_err(|error| error.to_string())?;
        Self::load(storage, &event, now).await
    }

    pub(crate) async fn load(
        storage: &dyn Storage,
        event: &EventId,
        now: Timestamp,
    ) -> Result<Self, String> {
        let lines = load(storage, event).await.map_err(|error| error.to_string())?;
        let lines = lines.ok_or("the event is stored")?;
        let state = EventState::fold(&lines).ok_or("proceedings begin with their first line")?;
        let end = lines.last().ok_or("proceedings have a line")?;
        Ok(Self { state, tip: end.tip(), now, last: end.at })
    }

    pub(crate) async fn write(
        &mut self,
        storage: &dyn Storage,
        commands: &[(Actor, Command)],
    ) -> Result<Outcome, String> {
        let mut refusals = BTreeMap::new();
        let mut lines: Vec<Line> = Vec::new();
        let now = self.now.max(self.last);
        for (actor, command) in commands {
            let before = self.state.sequence;
            match decide(&self.state, now, actor, command) {
                Ok(events) if events.is_empty() => {
                    return Err(format!("{command:?} is accepted and does nothing"));
                }
                Ok(events) => {
                    let tip = lines.last().map_or(self.tip, Line::tip);
                    events.iter().for_each(|event| self.state.apply(now, event));
                    lines.extend(Line::all_after(tip, now, actor, events));
                }
                Err(refusal) => {
                    *refusals.entry(format!("{refusal:?}")).or_default() += 1;
                    if self.state.sequence != before {
                        return Err(format!("{command:?} is refused and changes something"));
                    }
                }
            }
        }
        let Some(last) = lines.last().map(Line::tip) else {
            return Ok(Outcome { acknowledged: Some(self.tip), refusals });
        };
        let event = self.state.definition.id.clone();
        let acknowledged = match storage.append(&event, &lines).await {
            Ok(()) => {
                (self.tip, self.last) = (last, now);
                Some(last)
            }
            Err(_) => {
                *self = Self::load(storage, &event, self.now).await?;
                None
            }
        };
        Ok(Outcome { acknowledged, refusals })
    }
}
