//! Green room, opening, suspension, end.

use super::*;

#[test]
fn a_moderator_who_takes_their_place_opens_the_green_room() {
    let mut play = Play::at(Life::Scheduled);
    assert_eq!(play.refused(by("ganich"), Command::EnterStage), Refusal::NotOpenYet);
    check(
        &mut play,
        by("kazi"),
        Command::EnterStage,
        expect![[r#"
        {"event":"green-room-opened"}
        {"event":"stage-entered","person":"kazi","guest":false}
    "#]],
    );
    check(
        &mut play,
        by("ganich"),
        Command::EnterStage,
        expect![[r#"
        {"event":"stage-entered","person":"ganich","guest":false}
    "#]],
    );
}

#[test]
fn opening_begins_the_first_segment_and_gives_its_speaker_the_floor() {
    let mut play = Play::at(Life::GreenRoom);
    check(
        &mut play,
        by("kazi"),
        Command::OpenEvent,
        expect![[r#"
        {"event":"event-opened"}
        {"event":"segment-began","segment":"introductory-remarks"}
        {"event":"floor-given","person":"kazi","limit":null}
    "#]],
    );
    assert_eq!(play.state.people[&id("kazi")].microphone, Microphone::On);
    let mut empty_stage = Play::at(Life::Scheduled);
    check(
        &mut empty_stage,
        by("kazi"),
        Command::OpenEvent,
        expect![[r#"
        {"event":"event-opened"}
        {"event":"segment-began","segment":"introductory-remarks"}
    "#]],
    );
    check(
        &mut empty_stage,
        by("kazi"),
        Command::EnterStage,
        expect![[r#"
        {"event":"stage-entered","person":"kazi","guest":false}
        {"event":"floor-given","person":"kazi","limit":null}
    "#]],
    );
}

#[test]
fn closing_ends_segment_floor_hands_and_stage() {
    let mut play = questions();
    play.ok(by("anwar"), Command::RaiseHand);
    play.ok(by("kazi"), give("anwar"));
    play.ok(by("ganich"), Command::RaiseHand);
    check(
        &mut play,
        by("kazi"),
        Command::CloseEvent,
        expect![[r#"
        {"event":"floor-taken","person":"anwar"}
        {"event":"stage-left","person":"anwar"}
        {"event":"answering-changed","person":"ganich","allowed":false}
        {"event":"segment-ended","segment":"questions"}
        {"event":"event-closed"}
    "#]],
    );
    assert!(play.state.hands.is_empty() && play.state.stage.is_empty());
    let kazi = play.state.people[&id("kazi")].connections.first().copied().expect("here");
    play.depart("kazi", kazi);
    assert_eq!(
        play.refused(Actor::Server, Command::Arrive { person: id("kazi"), connection: kazi }),
        Refusal::Closed
    );
}

#[test]
fn a_suspended_event_keeps_floor_and_clock() {
    let mut play = Play::at(Life::Live);
    play.wait(Millis::from_minutes(3));
    check(
        &mut play,
        by("kazi"),
        suspend(),
        expect![[r#"
        {"event":"event-suspended","reason":"A short pause."}
    "#]],
    );
    assert_eq!(play.state.record_status(), RecordStatus::OffTheRecord);
    let (before, _) = play.state.segment_time(play.now).expect("a segment");
    play.wait(Millis::from_minutes(60));
    assert_eq!(play.state.segment_time(play.now).map(|time| time.0), Some(before));
    check(
        &mut play,
        by("kazi"),
        Command::ResumeEvent,
        expect![[r#"
        {"event":"event-resumed"}
    "#]],
    );
    assert!(play.state.has_floor(&id("kazi")));
    play.wait(Millis(500));
    let (after, _) = play.state.segment_time(play.now).expect("a segment");
    assert_eq!(after, Millis(before.0 + 500));
}

#[test]
fn a_notice_has_words_and_not_too_many() {
    let mut play = Play::at(Life::Live);
    for (reason, good) in [("  ", false), ("x".repeat(2_001).as_str(), false), (" Wait. ", true)] {
        let sent = play.send(by("kazi"), Command::SuspendEvent { reason: Some(reason.to_owned()) });
        match sent {
            Err(refusal) => assert!(!good && refusal == Refusal::BadText),
            Ok(events) => {
                let trimmed = Event::EventSuspended { reason: Some("Wait.".to_owned()) };
                assert!(good && events == [trimmed]);
            }
        }
    }
}
