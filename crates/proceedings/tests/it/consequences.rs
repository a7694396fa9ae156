//! What follows from each command, and the refusals that depend on more than rights.

mod hearing;
mod life;
mod people;
mod programme;
mod stage;

use base::limits::{CONNECTIONS_PER_PERSON_MAX, HANDS_MAX, PEOPLE_MAX, STAGE_MAX};
use base::{ConnectionId, Millis};
use expect_test::{Expect, expect};
use proceedings::testing::{parsed, person, reference_event, text};
use proceedings::{
    Actor, Admission, Command, Event, EventDefinition, Life, LobbyPolicy, Microphone, RecordStatus,
    Refusal, Role, SegmentKind, Source, StagePlace,
};

use crate::play::{Play, by, id, suspend};

fn check(play: &mut Play, actor: Actor, command: Command, expected: Expect) {
    expected.assert_eq(&play.told(actor, command));
}

fn give(person: &str) -> Command {
    Command::GiveFloor { person: id(person), limit: None }
}

/// The reference event, changed; nobody is here yet.
fn event_with(change: impl FnOnce(&mut EventDefinition)) -> Play {
    let mut definition = reference_event();
    change(&mut definition);
    Play::new(definition)
}

/// Live, in the questions; `ganich` may answer, nobody has the floor.
fn questions() -> Play {
    let mut play = Play::at(Life::Live);
    play.ok(by("kazi"), Command::NextSegment);
    play.ok(by("kazi"), Command::NextSegment);
    play
}
