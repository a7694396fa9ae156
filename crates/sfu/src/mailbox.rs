//! Orders that must never be lost or wait in a queue: plans, classes, removals. Each is a state
//! and not a message, so of several for one person or event only the last is kept, and the mailbox
//! cannot hold more than there are people and events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::limits::{FLOOR_VOICES_MAX, THUMBNAILS_MAX};
use base::{EventId, PersonId};
use forwarding::sink::SinkId;
use tokio::sync::Notify;

use crate::types::{ReceiverClass, StagePlan};

/// What has been ordered and not yet carried out. To be carried out in the order of the fields.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) ended_events: BTreeSet<EventId>,
    pub(crate) ended_people: BTreeSet<(EventId, PersonId)>,
    pub(crate) classes: BTreeMap<(EventId, PersonId), ReceiverClass>,
    pub(crate) plans: BTreeMap<EventId, StagePlan>,
    pub(crate) key_frames: BTreeSet<SinkId>,
    /// Who keeps which seat, told by the worker that decides it for the event.
    pub(crate) seats: BTreeMap<(EventId, ReceiverClass), KeptSeats>,
}

/// Who sits in the slots of a class in which people keep their seats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeptSeats {
    pub(crate) voices: [Option<PersonId>; FLOOR_VOICES_MAX],
    pub(crate) thumbnails: [Option<PersonId>; THUMBNAILS_MAX],
}

/// The mailbox between the handles and the worker.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    orders: Mutex<Orders>,
    filled: Notify,
}

impl Mailbox {
    pub(crate) fn set_plan(&self, event: &EventId, plan: StagePlan) {
        self.orders().plans.insert(event.clone(), plan);
        self.filled.notify_one();
    }

    pub(crate) fn set_class(&self, event: &EventId, person: &PersonId, class: ReceiverClass) {
        self.orders().classes.insert((event.clone(), person.clone()), class);
        self.filled.notify_one();
    }

    pub(crate) fn request_key_frame(&self, sink: SinkId) {
        self.orders().key_frames.insert(sink);
        self.filled.notify_one();
    }

    pub(crate) fn set_seats(&self, event: &EventId, class: ReceiverClass, seats: KeptSeats) {
        self.orders().seats.insert((event.clone(), class), seats);
        self.filled.notify_one();
    }

    pub(crate) fn end_person(&self, event: &EventId, person: &PersonId) {
        let key = (event.clone(), person.clone());
        let mut orders = self.orders();
        orders.classes.remove(&key);
        orders.ended_people.insert(key);
        drop(orders);
        self.filled.notify_one();
    }

    pub(crate) fn end_event(&self, event: &EventId) {
        let mut orders = self.orders();
        orders.plans.remove(event);
        orders.seats.retain(|(of, _), _| of != event);
        orders.ended_events.insert(event.clone());
        drop(orders);
        self.filled.notify_one();
    }

    /// Waits until there may be orders.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> Orders {
        std::mem::take(&mut *self.orders())
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        // Every change is a single insertion, so a panic elsewhere leaves nothing half done.
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_order_counts() {
        let mailbox = Mailbox::default();
        let event = EventId::new("e").expect("an id");
        let person = PersonId::new("p").expect("an id");
        let plan = |main: Option<&PersonId>| {
            let mut plan = StagePlan::default();
            plan.audience.main = main.cloned();
            plan
        };
        mailbox.set_plan(&event, plan(Some(&person)));
        mailbox.set_plan(&event, plan(None));
        mailbox.set_class(&event, &person, ReceiverClass::Stage);
        mailbox.end_person(&event, &person);
        let orders = mailbox.take();
        assert_eq!(orders.plans.get(&event), Some(&plan(None)));
        assert!(orders.classes.is_empty() && orders.ended_people.len() == 1);
        mailbox.set_plan(&event, plan(None));
        mailbox.end_event(&event);
        mailbox.set_plan(&event, plan(Some(&person)));
        let orders = mailbox.take();
        assert_eq!(orders.ended_events.len(), 1, "ended first,");
        assert_eq!(orders.plans.get(&event), Some(&plan(Some(&person))), "then planned anew");
    }
}
