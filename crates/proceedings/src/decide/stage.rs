//! The stage, the floor, hands, and what people on stage send.

use base::limits::HANDS_MAX;
use base::{Millis, PersonId};

use super::draft::Draft;
use super::{Verdict, begun, here, known, live};
use crate::{Attendance, Event, EventState, Life, Microphone, Refusal, StagePlace};

/// Shortest and longest limit of the floor: nobody says anything in less than ten seconds, and
/// longer than four hours is no limit.
const LIMIT_MIN: Millis = Millis::from_secs(10);
const LIMIT_MAX: Millis = Millis::from_minutes(4 * 60);

/// A moderator who takes their place before anybody opened the green room opens it so.
pub(super) fn enter(state: &EventState, own: &Attendance) -> Verdict {
    let id = &own.person.id;
    if !own.person.may_enter_stage() {
        return Err(Refusal::NotAllowed);
    }
    if own.stage == StagePlace::Member {
        return Err(Refusal::AlreadyOnStage);
    }
    let mut draft = Draft::new(state);
    if state.life == Life::Scheduled {
        if !own.person.moderates() {
            return Err(Refusal::NotOpenYet);
        }
        draft.push(Event::GreenRoomOpened);
    }
    draft.enter(id, false)?;
    // A muted microphone would open with the floor; the mute must not end by its owner's act.
    if own.microphone != Microphone::Muted {
        draft.welcome(id);
    }
    Ok(draft.finish())
}

/// By one's own will, or sent by the moderator.
pub(super) fn leave(state: &EventState, attendance: &Attendance) -> Verdict {
    on_stage(attendance)?;
    let mut draft = Draft::new(state);
    draft.leave(&attendance.person.id);
    Ok(draft.finish())
}

pub(super) fn bring(state: &EventState, id: &PersonId) -> Verdict {
    let attendance = here(state, id)?;
    if state.life == Life::Scheduled {
        return Err(Refusal::NotOpenYet);
    }
    if attendance.stage == StagePlace::Member {
        return Err(Refusal::AlreadyOnStage);
    }
    let mut draft = Draft::new(state);
    draft.enter(id, false)?;
    draft.welcome(id);
    Ok(draft.finish())
}

pub(super) fn give_floor(state: &EventState, id: &PersonId, limit: Option<Millis>) -> Verdict {
    let attendance = here(state, id)?;
    live(state)?;
    if limit.is_some_and(|limit| !(LIMIT_MIN..=LIMIT_MAX).contains(&limit)) {
        return Err(Refusal::BadLimit);
    }
    let mut draft = Draft::new(state);
    if draft.has_floor(id) {
        return Err(Refusal::AlreadyHasFloor);
    }
    draft.take_floor();
    if !draft.is_on_stage(id) {
        draft.enter(id, !attendance.person.may_enter_stage())?;
    }
    draft.give_floor(id, limit);
    draft.welcome(id);
    Ok(draft.finish())
}

pub(super) fn take_floor(state: &EventState) -> Verdict {
    begun(state)?;
    if state.floor.is_none() {
        return Err(Refusal::DoesNotHaveFloor);
    }
    let mut draft = Draft::new(state);
    draft.take_floor();
    Ok(draft.finish())
}

pub(super) fn yield_floor(state: &EventState, own: &Attendance) -> Verdict {
    if state.has_floor(&own.person.id) { take_floor(state) } else { Err(Refusal::DoesNotHaveFloor) }
}

pub(super) fn set_answering(state: &EventState, id: &PersonId, allowed: bool) -> Verdict {
    let attendance = known(state, id)?;
    begun(state)?;
    on_stage(attendance)?;
    if state.answering.contains(id) == allowed {
        return Err(Refusal::NothingToDo);
    }
    let mut draft = Draft::new(state);
    draft.answer(id, allowed);
    Ok(draft.finish())
}

/// Hands ask for the floor, which there is only while the event is live. People with a place on
/// the stage may always ask.
pub(super) fn raise_hand(state: &EventState, own: &Attendance) -> Verdict {
    let id = &own.person.id;
    live(state)?;
    if !state.definition.policy.hands_allowed && !own.person.may_enter_stage() && !own.is_on_stage()
    {
        return Err(Refusal::HandsNotAllowed);
    }
    if state.has_floor(id) {
        return Err(Refusal::AlreadyHasFloor);
    }
    if state.hands.iter().any(|hand| hand.person == *id) {
        return Err(Refusal::HandAlreadyRaised);
    }
    if state.hands.len() >= HANDS_MAX {
        return Err(Refusal::HandsFull);
    }
    Ok(vec![Event::HandRaised { person: id.clone() }])
}

/// Withdrawn by its owner, or dismissed by the moderator.
pub(super) fn lower_hand(state: &EventState, attendance: &Attendance) -> Verdict {
    let mut draft = Draft::new(state);
    draft.lower_hand(&attendance.person.id);
    let events = draft.finish();
    if events.is_empty() { Err(Refusal::NoHandRaised) } else { Ok(events) }
}

pub(super) fn set_microphone(own: &Attendance, on: bool) -> Verdict {
    on_stage(own)?;
    match (own.microphone, on) {
        (Microphone::Muted, true) => Err(Refusal::MutedByModerator),
        (Microphone::Off, true) | (Microphone::On, false) => {
            Ok(vec![Event::MicrophoneChanged { person: own.person.id.clone(), on }])
        }
        (Microphone::Off | Microphone::Muted, false) | (Microphone::On, true) => {
            Err(Refusal::NothingToDo)
        }
    }
}

pub(super) fn set_camera(own: &Attendance, on: bool) -> Verdict {
    on_stage(own)?;
    if own.camera == on {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::CameraChanged { person: own.person.id.clone(), on }])
}

/// One screen at a time, by the holder of the floor, who may answer, or a moderator.
pub(super) fn set_screen(state: &EventState, own: &Attendance, on: bool) -> Verdict {
    let id = &own.person.id;
    on_stage(own)?;
    if own.screen == on {
        return Err(Refusal::NothingToDo);
    }
    if on && !state.may_share_screen(id) {
        return Err(Refusal::DoesNotHaveFloor);
    }
    let taken = |other: &PersonId| state.people.get(other).is_some_and(|other| other.screen);
    if on && state.stage.iter().any(taken) {
        return Err(Refusal::ScreenTaken);
    }
    Ok(vec![Event::ScreenChanged { person: id.clone(), on }])
}

pub(super) fn mute(state: &EventState, id: &PersonId) -> Verdict {
    let attendance = known(state, id)?;
    on_stage(attendance)?;
    if attendance.microphone == Microphone::Muted {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::PersonMuted { person: id.clone() }])
}

pub(super) fn allow_microphone(state: &EventState, id: &PersonId) -> Verdict {
    if known(state, id)?.microphone == Microphone::Muted {
        Ok(vec![Event::MicrophoneAllowed { person: id.clone() }])
    } else {
        Err(Refusal::NotMuted)
    }
}

fn on_stage(attendance: &Attendance) -> Result<(), Refusal> {
    if attendance.is_on_stage() { Ok(()) } else { Err(Refusal::NotOnStage) }
}
