//! Who may do what when: each command by each kind of actor in each life of the event.

use base::{ConnectionId, Millis};
use expect_test::expect_file;
use proceedings::testing::{parsed, person};
use proceedings::{Actor, Command, Life, RecordStatus, Role, decide};

use crate::play::{Play, by, id, suspend};

const LIVES: [Life; 5] =
    [Life::Scheduled, Life::GreenRoom, Life::Live, Life::Suspended, Life::Closed];

fn commands() -> Vec<Command> {
    let person_id = || id("sehgal");
    vec![
        Command::OpenGreenRoom,
        Command::OpenEvent,
        suspend(),
        Command::ResumeEvent,
        Command::CloseEvent,
        Command::Register { person: person("p-new", "New", Role::Participant) },
        Command::Arrive { person: id("bilal"), connection: ConnectionId(99) },
        Command::Depart { person: id("kazi"), connection: ConnectionId(1) },
        Command::Restart,
        Command::Admit { person: id("waits") },
        Command::AdmitAll,
        Command::SuspendPerson { person: person_id() },
        Command::RemovePerson { person: person_id() },
        Command::Readmit { person: id("removed") },
        Command::Lock,
        Command::Unlock,
        Command::EnterStage,
        Command::LeaveStage,
        Command::BringOnStage { person: id("anwar") },
        Command::SendFromStage { person: person_id() },
        Command::NextSegment,
        Command::PreviousSegment,
        Command::ExtendSegment { by: Millis::from_minutes(5) },
        Command::SetRecordStatus {
            segment: parsed("questions"),
            status: RecordStatus::ChathamHouseRule,
        },
        Command::GiveFloor { person: id("anwar"), limit: None },
        Command::TakeFloor,
        Command::YieldFloor,
        Command::SetAnswering { person: person_id(), allowed: true },
        Command::RaiseHand,
        Command::LowerHand,
        Command::DismissHand { person: id("anwar") },
        Command::SetMicrophone { on: true },
        Command::SetCamera { on: true },
        Command::SetScreen { on: true },
        Command::Mute { person: person_id() },
        Command::AllowMicrophone { person: person_id() },
    ]
}

/// A play at `life` with somebody in every admission and a raised hand where there can be one.
fn play_at(life: Life) -> Play {
    let early = if life == Life::Closed { Life::Live } else { life };
    let mut play = Play::at(early);
    for new in ["waits", "suspended", "removed", "invited"] {
        let person = person(new, new, Role::Participant);
        play.ok(Actor::Server, Command::Register { person });
    }
    play.arrive("waits");
    play.ok(Actor::Operator, Command::SuspendPerson { person: id("suspended") });
    play.ok(Actor::Operator, Command::RemovePerson { person: id("removed") });
    if early == Life::Live {
        play.ok(by("anwar"), Command::RaiseHand);
    }
    if life == Life::Closed {
        play.ok(by("kazi"), Command::CloseEvent);
    }
    play
}

#[test]
fn rights_by_actor_and_life() {
    let actors = [
        ("server", Actor::Server),
        ("operator", Actor::Operator),
        ("moderator with floor", by("kazi")),
        ("organiser off stage", by("desk")),
        ("speaker on stage", by("ganich")),
        ("interpreter", by("booth-ru")),
        ("participant", by("anwar")),
        ("invited", by("invited")),
        ("waiting", by("waits")),
        ("suspended", by("suspended")),
        ("removed", by("removed")),
        ("unknown", by("nobody")),
    ];
    let plays = LIVES.map(play_at);
    let mut table = String::new();
    for command in commands() {
        let named = serde_json::to_string(&command).expect("JSON");
        table += &format!("\n{named}\n");
        table += &format!("  {:22}", "");
        table += &LIVES.map(|life| format!("{:22}", format!("{life:?}"))).concat();
        table = table.trim_end().to_owned() + "\n";
        for (name, actor) in &actors {
            let cells =
                plays.each_ref().map(|play| match decide(&play.state, play.now, actor, &command) {
                    Ok(_) => "yes".to_owned(),
                    Err(refusal) => format!("{refusal:?}"),
                });
            table += &format!("  {name:22}");
            table += &cells.map(|cell| format!("{cell:22}")).concat();
            table = table.trim_end().to_owned() + "\n";
        }
    }
    expect_file!["rights.txt"].assert_eq(&table);
}
