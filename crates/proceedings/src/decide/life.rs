//! The event's life: green room, opening, suspension, end, lock.

use base::limits::LONG_TEXT_CHARS_MAX;

use super::draft::Draft;
use super::{Verdict, begun, live};
use crate::{Event, EventState, Life, Refusal};

pub(super) fn open_green_room(state: &EventState) -> Verdict {
    match state.life {
        Life::Scheduled => Ok(vec![Event::GreenRoomOpened]),
        Life::GreenRoom => Err(Refusal::NothingToDo),
        Life::Live | Life::Suspended => Err(Refusal::AlreadyOpen),
        Life::Closed => Err(Refusal::Closed),
    }
}

pub(super) fn open_event(state: &EventState) -> Verdict {
    match state.life {
        Life::Scheduled | Life::GreenRoom => {}
        Life::Live | Life::Suspended => return Err(Refusal::AlreadyOpen),
        Life::Closed => return Err(Refusal::Closed),
    }
    let mut draft = Draft::new(state);
    draft.push(Event::EventOpened);
    if let Some(first) = state.definition.segments.first() {
        draft.begin_segment(first);
    }
    Ok(draft.finish())
}

pub(super) fn suspend_event(state: &EventState, reason: Option<&str>) -> Verdict {
    if state.life == Life::Suspended {
        return Err(Refusal::NothingToDo);
    }
    live(state)?;
    let reason = reason.map(str::trim);
    if reason.is_some_and(|text| text.is_empty() || text.chars().count() > LONG_TEXT_CHARS_MAX) {
        return Err(Refusal::BadText);
    }
    Ok(vec![Event::EventSuspended { reason: reason.map(str::to_owned) }])
}

pub(super) fn resume_event(state: &EventState) -> Verdict {
    if state.life == Life::Suspended {
        Ok(vec![Event::EventResumed])
    } else {
        Err(Refusal::NotSuspended)
    }
}

/// The stage, the hands and the rights to answer end with the event itself.
pub(super) fn close_event(state: &EventState) -> Verdict {
    if state.life != Life::GreenRoom {
        begun(state)?;
    }
    let mut draft = Draft::new(state);
    draft.end_segment();
    let mut events = draft.finish();
    events.push(Event::EventClosed);
    Ok(events)
}

pub(super) fn lock(state: &EventState, locked: bool) -> Verdict {
    match (state.locked, locked) {
        (false, true) => Ok(vec![Event::EventLocked]),
        (true, false) => Ok(vec![Event::EventUnlocked]),
        _ => Err(Refusal::NothingToDo),
    }
}
