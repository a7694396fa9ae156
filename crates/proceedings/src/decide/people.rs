//! Registration, presence, lobby, and putting people out.

use base::limits::{CONNECTIONS_PER_PERSON_MAX, LANGUAGES_MAX, PEOPLE_MAX, TEXT_CHARS_MAX};
use base::{ConnectionId, Localized, PersonId};

use super::draft::Draft;
use super::{Verdict, known};
use crate::{
    Actor, Admission, Attendance, Event, EventState, Life, LobbyPolicy, Person, Refusal, Role,
};

/// Registration makes participants only; a part in the event comes from the programme file.
pub(super) fn register(state: &EventState, person: &Person) -> Verdict {
    if state.life == Life::Closed {
        return Err(Refusal::Closed);
    }
    if !state.definition.policy.registration_open {
        return Err(Refusal::RegistrationClosed);
    }
    if person.roles != [Role::Participant] || person.party.is_some() {
        return Err(Refusal::NotAllowed);
    }
    let optional = [&person.honorific, &person.office, &person.affiliation];
    let country = person.country.as_deref().is_none_or(|code| {
        code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase())
    });
    if !(is_name(&person.name) && optional.into_iter().flatten().all(is_name) && country) {
        return Err(Refusal::BadText);
    }
    if state.people.contains_key(&person.id) {
        return Err(Refusal::AlreadyRegistered);
    }
    if state.people.len() >= PEOPLE_MAX {
        return Err(Refusal::EventFull);
    }
    Ok(vec![Event::PersonRegistered { person: Box::new(person.clone()) }])
}

pub(super) fn arrive(state: &EventState, id: &PersonId, connection: ConnectionId) -> Verdict {
    let attendance = known(state, id)?;
    match attendance.admission {
        Admission::Removed => return Err(Refusal::Removed),
        Admission::Suspended => return Err(Refusal::Suspended),
        Admission::Invited | Admission::Waiting | Admission::Admitted => {}
    }
    if state.life == Life::Closed {
        return Err(Refusal::Closed);
    }
    if attendance.connections.contains(&connection) {
        return Err(Refusal::NothingToDo);
    }
    if attendance.connections.len() >= CONNECTIONS_PER_PERSON_MAX {
        return Err(Refusal::TooManyConnections);
    }
    let mut events = vec![Event::PersonArrived { person: id.clone(), connection }];
    match (attendance.admission, must_wait(state, attendance)) {
        (Admission::Admitted, _) | (Admission::Waiting, true) => {}
        (_, true) => events.push(Event::PersonWaiting { person: id.clone() }),
        (_, false) if room_for(state, attendance) == 0 => return Err(Refusal::EventFull),
        (_, false) => events.push(Event::PersonAdmitted { person: id.clone() }),
    }
    Ok(events)
}

/// A lost line takes nothing from a person: they keep their place on stage, floor and hand.
pub(super) fn depart(state: &EventState, id: &PersonId, connection: ConnectionId) -> Verdict {
    if known(state, id)?.connections.contains(&connection) {
        Ok(vec![Event::PersonDeparted { person: id.clone(), connection }])
    } else {
        Err(Refusal::NoSuchConnection)
    }
}

pub(super) fn restart(state: &EventState) -> Verdict {
    if state.people.values().any(Attendance::is_present) {
        Ok(vec![Event::ServerRestarted])
    } else {
        Err(Refusal::NothingToDo)
    }
}

pub(super) fn admit(state: &EventState, id: &PersonId) -> Verdict {
    let attendance = known(state, id)?;
    if attendance.admission != Admission::Waiting {
        return Err(Refusal::NotWaiting);
    }
    if room_for(state, attendance) == 0 {
        return Err(Refusal::EventFull);
    }
    Ok(vec![Event::PersonAdmitted { person: id.clone() }])
}

/// Admits in the order in which people came, as many as there is room for.
pub(super) fn admit_all(state: &EventState) -> Verdict {
    let waiting = |attendance: &&Attendance| attendance.admission == Admission::Waiting;
    let mut lobby: Vec<_> = state.people.values().filter(waiting).collect();
    if lobby.is_empty() {
        return Err(Refusal::NothingToDo);
    }
    lobby.sort_by_key(|attendance| attendance.waiting_since);
    let mut participants = 0;
    let mut events = Vec::with_capacity(lobby.len());
    for attendance in lobby {
        if room_for(state, attendance) > participants {
            participants += usize::from(attendance.person.is_participant());
            events.push(Event::PersonAdmitted { person: attendance.person.id.clone() });
        }
    }
    if events.is_empty() { Err(Refusal::EventFull) } else { Ok(events) }
}

pub(super) fn suspend(state: &EventState, actor: &Actor, id: &PersonId) -> Verdict {
    match known(state, id)?.admission {
        Admission::Suspended => Err(Refusal::NothingToDo),
        Admission::Removed => Err(Refusal::Removed),
        _ => put_out(state, actor, id, Event::PersonSuspended { person: id.clone() }),
    }
}

pub(super) fn remove(state: &EventState, actor: &Actor, id: &PersonId) -> Verdict {
    match known(state, id)?.admission {
        Admission::Removed => Err(Refusal::NothingToDo),
        _ => put_out(state, actor, id, Event::PersonRemoved { person: id.clone() }),
    }
}

/// Whoever was put out and is let in again needs no lobby: the moderator named them.
pub(super) fn readmit(state: &EventState, id: &PersonId) -> Verdict {
    if is_out(known(state, id)?) {
        Ok(vec![Event::PersonReadmitted { person: id.clone() }])
    } else {
        Err(Refusal::NotPutOut)
    }
}

fn put_out(state: &EventState, actor: &Actor, id: &PersonId, last: Event) -> Verdict {
    let remains =
        |other: &Attendance| other.person.id != *id && other.person.moderates() && !is_out(other);
    let attendance = known(state, id)?;
    let oneself = matches!(actor, Actor::Person(person) if person == id);
    let needed = attendance.person.moderates() && !state.people.values().any(remains);
    if oneself || needed {
        return Err(Refusal::LastModerator);
    }
    let mut draft = Draft::new(state);
    draft.lower_hand(id);
    draft.leave(id);
    let mut events = draft.finish();
    events.push(last);
    Ok(events)
}

fn is_out(attendance: &Attendance) -> bool {
    matches!(attendance.admission, Admission::Suspended | Admission::Removed)
}

/// The lock holds everybody back but those who could lift it; the policy holds participants.
fn must_wait(state: &EventState, attendance: &Attendance) -> bool {
    let held_by_lock = state.locked && !attendance.person.moderates();
    let held_by_policy = attendance.person.is_participant()
        && match state.definition.policy.lobby {
            LobbyPolicy::Nobody => false,
            LobbyPolicy::Registered => attendance.registered,
            LobbyPolicy::Everybody => true,
        };
    held_by_lock || held_by_policy
}

/// How many more people of this person's kind may be admitted: participants are counted, people
/// with a task always find room.
fn room_for(state: &EventState, attendance: &Attendance) -> usize {
    if attendance.person.is_participant() {
        let max = usize::try_from(state.definition.policy.participants_max).unwrap_or(usize::MAX);
        max.saturating_sub(state.participants_present)
    } else {
        usize::MAX
    }
}

/// In each language something is written, and it fits a name plate.
fn is_name(text: &Localized) -> bool {
    (1..=LANGUAGES_MAX).contains(&text.0.len())
        && text.0.values().all(|text| {
            !text.trim().is_empty()
                && text.chars().count() <= TEXT_CHARS_MAX
                && !text.chars().any(char::is_control)
        })
}
