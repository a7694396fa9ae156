//! Any text that comes over the live socket, for the tests of hostile input (crate `hostile`,
//! folder `fuzz/`). Not compiled into the product.

use proceedings::testing::{START, check_invariants, reference_event};
use proceedings::{Actor, Command, EventState, decide};

use crate::ClientMessage;

/// What is understood is written and read back the same; a command, whoever sends it and whatever
/// the state, is refused or leads to a state that holds what every state holds.
pub fn live(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for line in text.lines() {
        let Ok(message) = serde_json::from_str::<ClientMessage>(line) else { continue };
        let written = serde_json::to_string(&message).expect("it was read");
        assert_eq!(serde_json::from_str::<ClientMessage>(&written).ok().as_ref(), Some(&message));
        let ClientMessage::Command { command, .. } = message else { continue };
        for state in [EventState::new(reference_event()), on_stage()] {
            for person in state.people.keys() {
                judge(state.clone(), &Actor::Person(person.clone()), &command);
            }
        }
    }
}

fn judge(mut state: EventState, actor: &Actor, command: &Command) {
    let Ok(events) = decide(&state, START, actor, command) else { return };
    let server_only = matches!(
        command,
        Command::Register { .. }
            | Command::Arrive { .. }
            | Command::Depart { .. }
            | Command::Restart
    );
    assert!(!server_only, "{actor:?} may not {command:?}");
    for event in &events {
        state.apply(START, event);
    }
    assert_eq!(check_invariants(&state), Ok(()), "after {command:?} of {actor:?}");
}

/// The event while it is live, with three on stage.
fn on_stage() -> EventState {
    let mut state = EventState::new(reference_event());
    for (number, name) in (1_u64..).zip(["kazi", "ganich", "sehgal"]) {
        let person: base::PersonId = name.parse().expect("an id");
        let connection = base::ConnectionId(number);
        let arrival = Command::Arrive { person: person.clone(), connection };
        carry_out(&mut state, &Actor::Server, &arrival);
        carry_out(&mut state, &Actor::Person(person), &Command::EnterStage);
    }
    let moderator = Actor::Person("kazi".parse().expect("an id"));
    carry_out(&mut state, &moderator, &Command::OpenEvent);
    state
}

fn carry_out(state: &mut EventState, actor: &Actor, command: &Command) {
    for event in decide(state, START, actor, command).expect("allowed") {
        state.apply(START, &event);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn hostile_messages() {
        hostile::replay("live", 500, super::live);
    }
}
