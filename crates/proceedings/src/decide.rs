//! The judge: which events follow from a command, or why none.
//!
//! This file says who may ask for what; the modules below say what follows. A command that would
//! change nothing is refused, so that a repeated one leaves no trace in the proceedings.

mod draft;
mod life;
mod people;
mod programme;
mod record;
mod stage;

use base::{PersonId, Timestamp};

use crate::{Actor, Admission, Attendance, Command, Event, EventState, Life, Refusal};

type Verdict = Result<Vec<Event>, Refusal>;

/// Judges `command` of `actor` at the moment `now`.
///
/// # Errors
/// The reason why the command is refused; nothing is to change then.
pub fn decide(state: &EventState, now: Timestamp, actor: &Actor, command: &Command) -> Verdict {
    match command {
        Command::Register { .. }
        | Command::Arrive { .. }
        | Command::Depart { .. }
        | Command::Restart => {
            if let Actor::Person(_) = actor {
                return Err(Refusal::NotAllowed);
            }
            observe(state, command)
        }

        Command::EnterStage
        | Command::LeaveStage
        | Command::YieldFloor
        | Command::RaiseHand
        | Command::LowerHand
        | Command::SetMicrophone { .. }
        | Command::SetCamera { .. }
        | Command::SetScreen { .. } => {
            let Actor::Person(person) = actor else { return Err(Refusal::NotAllowed) };
            let own = admitted(state, person)?;
            if state.life == Life::Closed {
                return Err(Refusal::Closed);
            }
            act_oneself(state, own, command)
        }

        Command::Record(command) => record::judge(state, now, actor, command),

        _ => {
            match actor {
                Actor::Operator => {}
                Actor::Server => return Err(Refusal::NotAllowed),
                Actor::Person(person) => {
                    if !admitted(state, person)?.person.moderates() {
                        return Err(Refusal::NotAllowed);
                    }
                }
            }
            if state.life == Life::Closed {
                return Err(Refusal::Closed);
            }
            moderate(state, actor, command)
        }
    }
}

/// What the server observes.
fn observe(state: &EventState, command: &Command) -> Verdict {
    match command {
        Command::Register { person } => people::register(state, person),
        Command::Arrive { person, connection } => people::arrive(state, person, *connection),
        Command::Depart { person, connection } => people::depart(state, person, *connection),
        Command::Restart => people::restart(state),
        _ => Err(Refusal::NotAllowed),
    }
}

/// What every admitted person may do with their own hand, place and devices.
fn act_oneself(state: &EventState, own: &Attendance, command: &Command) -> Verdict {
    match command {
        Command::EnterStage => stage::enter(state, own),
        Command::LeaveStage => stage::leave(state, own),
        Command::YieldFloor => stage::yield_floor(state, own),
        Command::RaiseHand => stage::raise_hand(state, own),
        Command::LowerHand => stage::lower_hand(state, own),
        Command::SetMicrophone { on } => stage::set_microphone(own, *on),
        Command::SetCamera { on } => stage::set_camera(own, *on),
        Command::SetScreen { on } => stage::set_screen(state, own, *on),
        _ => Err(Refusal::NotAllowed),
    }
}

/// What those who run the event may do.
fn moderate(state: &EventState, actor: &Actor, command: &Command) -> Verdict {
    match command {
        Command::OpenGreenRoom => life::open_green_room(state),
        Command::OpenEvent => life::open_event(state),
        Command::SuspendEvent { reason } => life::suspend_event(state, reason.as_deref()),
        Command::ResumeEvent => life::resume_event(state),
        Command::CloseEvent => life::close_event(state),
        Command::Lock => life::lock(state, true),
        Command::Unlock => life::lock(state, false),

        Command::Admit { person } => people::admit(state, person),
        Command::AdmitAll => people::admit_all(state),
        Command::SuspendPerson { person } => people::suspend(state, actor, person),
        Command::RemovePerson { person } => people::remove(state, actor, person),
        Command::Readmit { person } => people::readmit(state, person),

        Command::BringOnStage { person } => stage::bring(state, person),
        Command::SendFromStage { person } => stage::leave(state, known(state, person)?),
        Command::GiveFloor { person, limit } => stage::give_floor(state, person, *limit),
        Command::TakeFloor => stage::take_floor(state),
        Command::SetAnswering { person, allowed } => stage::set_answering(state, person, *allowed),
        Command::DismissHand { person } => stage::lower_hand(state, known(state, person)?),
        Command::Mute { person } => stage::mute(state, person),
        Command::AllowMicrophone { person } => stage::allow_microphone(state, person),

        Command::NextSegment => programme::next(state),
        Command::PreviousSegment => programme::previous(state),
        Command::ExtendSegment { by } => programme::extend(state, *by),
        Command::SetRecordStatus { segment, status } => {
            programme::set_record_status(state, segment, *status)
        }
        _ => Err(Refusal::NotAllowed),
    }
}

fn known<'a>(state: &'a EventState, person: &PersonId) -> Result<&'a Attendance, Refusal> {
    state.people.get(person).ok_or(Refusal::NoSuchPerson)
}

/// The person, if they may watch and hear.
fn admitted<'a>(state: &'a EventState, person: &PersonId) -> Result<&'a Attendance, Refusal> {
    let attendance = known(state, person)?;
    match attendance.admission {
        Admission::Admitted => Ok(attendance),
        Admission::Invited | Admission::Waiting => Err(Refusal::NotAdmitted),
        Admission::Suspended => Err(Refusal::Suspended),
        Admission::Removed => Err(Refusal::Removed),
    }
}

/// The person, if they are admitted and here.
fn here<'a>(state: &'a EventState, person: &PersonId) -> Result<&'a Attendance, Refusal> {
    let attendance = admitted(state, person)?;
    if attendance.is_present() { Ok(attendance) } else { Err(Refusal::NotHere) }
}

/// The programme runs, or stands where it was suspended.
fn begun(state: &EventState) -> Result<(), Refusal> {
    if matches!(state.life, Life::Live | Life::Suspended) { Ok(()) } else { Err(Refusal::NotLive) }
}

fn live(state: &EventState) -> Result<(), Refusal> {
    if state.life == Life::Live { Ok(()) } else { Err(Refusal::NotLive) }
}
