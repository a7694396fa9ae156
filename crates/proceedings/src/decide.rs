//! The judge: which events follow from a command, or why none.

use base::Timestamp;

use crate::{Actor, Command, Event, EventState, Refusal};

/// Judges `command` of `actor` at the moment `now`.
///
/// # Errors
/// The reason why the command is refused; nothing is to change then.
pub fn decide(
    state: &EventState,
    now: Timestamp,
    actor: &Actor,
    command: &Command,
) -> Result<Vec<Event>, Refusal> {
    let _ = (state, now, actor, command);
    todo!()
}
