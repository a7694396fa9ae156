//! The proceedings of the reference event, line by line, as people will read them.

use base::{ConnectionId, Millis};
use expect_test::expect_file;
use proceedings::testing::reference_event;
use proceedings::{Actor, Command, verify};

use crate::play::{Play, by, id, suspend};

#[test]
fn the_proceedings_of_the_reference_event() {
    let mut play = Play::new(reference_event());
    play.wait(Millis::from_minutes(0));
    for person in ["kazi", "ganich", "sehgal"] {
        play.arrive(person);
        play.ok(by(person), Command::EnterStage);
        play.ok(by(person), Command::SetCamera { on: true });
        play.ok(by(person), Command::SetMicrophone { on: true });
    }
    for person in ["anwar", "bilal", "booth-ru"] {
        play.arrive(person);
    }
    play.wait(Millis::from_minutes(5));
    play.ok(by("kazi"), Command::OpenEvent);
    play.wait(Millis::from_minutes(9));
    play.ok(by("kazi"), Command::NextSegment);
    play.wait(Millis::from_minutes(12));
    play.depart("ganich", ConnectionId(2));
    play.arrive("ganich");
    play.wait(Millis::from_minutes(10));
    play.ok(by("kazi"), Command::NextSegment);
    play.ok(by("anwar"), Command::RaiseHand);
    play.ok(by("bilal"), Command::RaiseHand);
    play.ok(
        by("kazi"),
        Command::GiveFloor { person: id("anwar"), limit: Some(Millis::from_minutes(2)) },
    );
    play.wait(Millis::from_minutes(2));
    play.ok(by("kazi"), Command::TakeFloor);
    play.ok(by("kazi"), Command::DismissHand { person: id("bilal") });
    play.ok(by("kazi"), Command::ExtendSegment { by: Millis::from_minutes(5) });
    play.ok(by("kazi"), suspend());
    play.ok(Actor::Server, Command::Restart);
    for person in ["kazi", "ganich", "sehgal", "anwar"] {
        play.arrive(person);
    }
    play.ok(by("kazi"), Command::ResumeEvent);
    play.wait(Millis::from_minutes(15));
    play.ok(by("kazi"), Command::NextSegment);
    play.wait(Millis::from_minutes(8));
    play.ok(by("kazi"), Command::CloseEvent);

    assert_eq!(verify(&play.lines), Ok(()));
    let text: String =
        play.lines.iter().map(|line| serde_json::to_string(line).expect("JSON") + "\n").collect();
    expect_file!["reference.jsonl"].assert_eq(&text);
}
