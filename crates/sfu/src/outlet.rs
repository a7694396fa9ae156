//! The way of events to the server. The worker never waits for it: while the server is behind,
//! events about a state (tracks, slots, speakers) are merged with later ones about the same.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::types::SfuEvent;

/// Events kept while the server is behind. Each peer causes two that cannot be merged, so a
/// full turnover of the audience fits; beyond that the oldest are dropped, and it is logged.
const BACKLOG_MAX: usize = 16_384;

/// Events on their way.
pub(crate) struct Outlet {
    channel: mpsc::Sender<SfuEvent>,
    backlog: VecDeque<SfuEvent>,
    lost: u64,
}

impl Outlet {
    pub(crate) fn new(channel: mpsc::Sender<SfuEvent>) -> Self {
        Self { channel, backlog: VecDeque::new(), lost: 0 }
    }

    /// Sends an event, now or as soon as there is room.
    pub(crate) fn push(&mut self, event: SfuEvent) {
        self.flush();
        if self.backlog.is_empty() {
            match self.channel.try_send(event) {
                Ok(()) | Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(event)) => self.backlog.push_back(event),
            }
            return;
        }
        self.backlog.retain(|older| !is_overtaken(older, &event));
        if self.backlog.len() >= BACKLOG_MAX {
            self.backlog.pop_front();
            self.lost += 1;
            tracing::warn!("media events dropped: the server does not take them up");
        }
        self.backlog.push_back(event);
    }

    /// Sends what waits, as far as there is room.
    pub(crate) fn flush(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.channel.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Closed(_)) => self.backlog.clear(),
                Err(TrySendError::Full(event)) => {
                    self.backlog.push_front(event);
                    return;
                }
            }
        }
    }

    /// Events dropped so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether events wait for room.
    pub(crate) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }
}

/// Whether `newer` says everything that `older` said.
fn is_overtaken(older: &SfuEvent, newer: &SfuEvent) -> bool {
    use SfuEvent::{Quality, Slots, Speaking, Tracks};
    match (older, newer) {
        (Tracks { event: a, person: p, .. }, Tracks { event: b, person: q, .. }) => {
            (a, p) == (b, q)
        }
        (Slots { event: a, class: c, .. }, Slots { event: b, class: d, .. }) => (a, c) == (b, d),
        (Speaking { event: a, .. }, Speaking { event: b, .. }) => a == b,
        (Quality { session: a, .. }, Quality { session: b, .. }) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{EventId, PersonId};

    #[test]
    fn a_slow_server_gets_the_latest_state() {
        let event = EventId::new("e").expect("an id");
        let speaking = |names: &[&str]| SfuEvent::Speaking {
            event: event.clone(),
            persons: names.iter().map(|name| PersonId::new(name).expect("an id")).collect(),
        };
        let (channel, mut server) = mpsc::channel(1);
        let mut outlet = Outlet::new(channel);
        for names in [&["a"][..], &["b"], &["c"], &[]] {
            outlet.push(speaking(names));
        }
        assert!(outlet.is_behind());
        assert_eq!(server.try_recv(), Ok(speaking(&["a"])));
        outlet.flush();
        assert_eq!(server.try_recv(), Ok(speaking(&[])));
        assert!(!outlet.is_behind() && server.try_recv().is_err());
    }
}
