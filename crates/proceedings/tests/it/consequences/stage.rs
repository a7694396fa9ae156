//! The stage, the floor, hands, microphones, screens.

use super::*;

#[test]
fn the_floor_goes_from_the_holder_to_the_next_hand() {
    let mut play = questions();
    for who in ["anwar", "sehgal"] {
        play.ok(by(who), Command::RaiseHand);
    }
    assert_eq!(play.refused(by("anwar"), Command::RaiseHand), Refusal::HandAlreadyRaised);
    let limited = Command::GiveFloor { person: id("anwar"), limit: Some(Millis::from_minutes(2)) };
    check(
        &mut play,
        by("kazi"),
        limited,
        expect![[r#"
        {"event":"stage-entered","person":"anwar","guest":true}
        {"event":"hand-lowered","person":"anwar"}
        {"event":"floor-given","person":"anwar","limit":120000}
    "#]],
    );
    assert_eq!(play.state.people[&id("anwar")].stage, StagePlace::Guest);
    assert_eq!(play.refused(by("kazi"), give("anwar")), Refusal::AlreadyHasFloor);
    assert_eq!(play.refused(by("anwar"), Command::RaiseHand), Refusal::AlreadyHasFloor);
    play.ok(by("anwar"), Command::SetScreen { on: true });
    check(
        &mut play,
        by("kazi"),
        give("sehgal"),
        expect![[r#"
        {"event":"floor-taken","person":"anwar"}
        {"event":"screen-changed","person":"anwar","on":false}
        {"event":"stage-left","person":"anwar"}
        {"event":"hand-lowered","person":"sehgal"}
        {"event":"floor-given","person":"sehgal","limit":null}
    "#]],
    );
    check(
        &mut play,
        by("sehgal"),
        Command::YieldFloor,
        expect![[r#"
        {"event":"floor-taken","person":"sehgal"}
    "#]],
    );
    assert_eq!(play.refused(by("sehgal"), Command::YieldFloor), Refusal::DoesNotHaveFloor);
    assert_eq!(play.refused(by("kazi"), Command::TakeFloor), Refusal::DoesNotHaveFloor);
}

#[test]
fn a_limit_is_neither_too_short_nor_too_long() {
    let mut play = questions();
    for (secs, good) in [(0, false), (9, false), (10, true), (14_400, true), (14_401, false)] {
        let limit = Some(Millis::from_secs(secs));
        let sent = play.send(by("kazi"), Command::GiveFloor { person: id("anwar"), limit });
        assert_eq!(sent.is_ok(), good, "{secs}");
        if good {
            play.ok(by("kazi"), Command::TakeFloor);
        } else {
            assert_eq!(sent, Err(Refusal::BadLimit));
        }
    }
}

#[test]
fn a_guest_may_become_a_member_and_stays_then() {
    let mut play = questions();
    play.ok(by("kazi"), give("anwar"));
    check(
        &mut play,
        by("kazi"),
        Command::BringOnStage { person: id("anwar") },
        expect![[r#"
        {"event":"stage-entered","person":"anwar","guest":false}
    "#]],
    );
    check(
        &mut play,
        by("kazi"),
        Command::TakeFloor,
        expect![[r#"
        {"event":"floor-taken","person":"anwar"}
    "#]],
    );
    assert_eq!(play.state.people[&id("anwar")].stage, StagePlace::Member);
    check(
        &mut play,
        by("kazi"),
        Command::SendFromStage { person: id("anwar") },
        expect![[r#"
        {"event":"stage-left","person":"anwar"}
    "#]],
    );
}

#[test]
fn a_speaker_who_comes_late_gets_the_floor_once() {
    let mut play = Play::at(Life::Live);
    play.ok(by("ganich"), Command::LeaveStage);
    check(
        &mut play,
        by("kazi"),
        Command::NextSegment,
        expect![[r#"
        {"event":"floor-taken","person":"kazi"}
        {"event":"segment-ended","segment":"introductory-remarks"}
        {"event":"segment-began","segment":"plenary-address"}
    "#]],
    );
    check(
        &mut play,
        by("ganich"),
        Command::EnterStage,
        expect![[r#"
        {"event":"stage-entered","person":"ganich","guest":false}
        {"event":"floor-given","person":"ganich","limit":null}
    "#]],
    );
    play.ok(by("kazi"), Command::TakeFloor);
    play.ok(by("ganich"), Command::LeaveStage);
    check(
        &mut play,
        by("ganich"),
        Command::EnterStage,
        expect![[r#"
        {"event":"stage-entered","person":"ganich","guest":false}
    "#]],
    );
    play.ok(by("kazi"), Command::NextSegment);
    assert_eq!(play.state.answering, [id("ganich")]);
    let ended = Command::SetAnswering { person: id("ganich"), allowed: false };
    play.ok(by("kazi"), ended.clone());
    assert_eq!(play.refused(by("kazi"), ended), Refusal::NothingToDo);
    play.ok(by("ganich"), Command::LeaveStage);
    play.ok(by("ganich"), Command::EnterStage);
    assert!(play.state.answering.is_empty(), "nobody takes back what the moderator took");
}

#[test]
fn each_segment_gives_its_speaker_the_floor_anew() {
    let mut play = Play::at(Life::Live);
    play.ok(by("kazi"), give("ganich"));
    play.ok(by("ganich"), Command::LeaveStage);
    play.ok(by("kazi"), Command::NextSegment);
    assert_eq!(play.state.floor, None);
    play.ok(by("ganich"), Command::EnterStage);
    assert!(play.state.has_floor(&id("ganich")), "the floor of the segment before does not count");
}

#[test]
fn a_speaker_who_comes_late_takes_the_floor_from_nobody() {
    let mut play = Play::at(Life::Live);
    play.ok(by("ganich"), Command::LeaveStage);
    play.ok(by("kazi"), Command::NextSegment);
    play.ok(by("kazi"), give("sehgal"));
    check(
        &mut play,
        by("ganich"),
        Command::EnterStage,
        expect![[r#"
            {"event":"stage-entered","person":"ganich","guest":false}
        "#]],
    );
    assert!(play.state.has_floor(&id("sehgal")));
}

#[test]
fn who_has_a_place_on_the_stage_is_given_the_floor_as_a_member() {
    let mut play = Play::at(Life::Live);
    play.ok(by("sehgal"), Command::LeaveStage);
    play.ok(by("kazi"), give("sehgal"));
    play.ok(by("kazi"), Command::TakeFloor);
    assert_eq!(play.state.people[&id("sehgal")].stage, StagePlace::Member);
    play.ok(by("kazi"), give("desk"));
    play.ok(by("kazi"), Command::TakeFloor);
    assert_eq!(play.state.people[&id("desk")].stage, StagePlace::Member);
}

#[test]
fn the_microphone_opens_and_closes_with_the_floor() {
    let mut play = Play::at(Life::Live);
    let microphone = |play: &Play, who| play.state.people[&id(who)].microphone;
    play.ok(by("kazi"), give("ganich"));
    assert_eq!(microphone(&play, "kazi"), Microphone::On, "a moderator can still be heard");
    assert_eq!(microphone(&play, "ganich"), Microphone::On);
    play.ok(by("kazi"), Command::TakeFloor);
    assert_eq!(microphone(&play, "ganich"), Microphone::Off);
}

#[test]
fn a_mute_holds_until_allowed_or_given_the_floor() {
    let mut play = Play::at(Life::Live);
    play.ok(by("ganich"), Command::SetMicrophone { on: true });
    check(
        &mut play,
        by("kazi"),
        Command::Mute { person: id("ganich") },
        expect![[r#"
        {"event":"person-muted","person":"ganich"}
    "#]],
    );
    let on = Command::SetMicrophone { on: true };
    assert_eq!(play.refused(by("ganich"), on.clone()), Refusal::MutedByModerator);
    play.ok(by("ganich"), Command::LeaveStage);
    play.ok(by("ganich"), Command::EnterStage);
    assert_eq!(play.refused(by("ganich"), on.clone()), Refusal::MutedByModerator);
    play.ok(by("kazi"), Command::AllowMicrophone { person: id("ganich") });
    play.ok(by("ganich"), on);
    play.ok(by("kazi"), Command::Mute { person: id("ganich") });
    play.ok(by("kazi"), give("ganich"));
    assert_eq!(play.state.people[&id("ganich")].microphone, Microphone::On);

    // The late speaker's own entry does not undo a mute, though it would bring the floor.
    let mut late = Play::at(Life::Live);
    late.ok(by("kazi"), Command::Mute { person: id("ganich") });
    late.ok(by("ganich"), Command::LeaveStage);
    late.ok(by("kazi"), Command::NextSegment);
    late.ok(by("ganich"), Command::EnterStage);
    assert_eq!(late.state.floor, None);
}

#[test]
fn one_screen_at_a_time_and_only_with_a_right_to_be_heard() {
    let mut play = questions();
    let on = Command::SetScreen { on: true };
    assert_eq!(play.refused(by("sehgal"), on.clone()), Refusal::DoesNotHaveFloor);
    assert_eq!(play.refused(by("anwar"), on.clone()), Refusal::NotOnStage);
    play.ok(by("ganich"), on.clone());
    assert_eq!(play.refused(by("kazi"), on.clone()), Refusal::ScreenTaken);
    check(
        &mut play,
        by("kazi"),
        Command::NextSegment,
        expect![[r#"
        {"event":"answering-changed","person":"ganich","allowed":false}
        {"event":"segment-ended","segment":"questions"}
        {"event":"segment-began","segment":"concluding-note"}
        {"event":"floor-given","person":"sehgal","limit":null}
        {"event":"screen-changed","person":"ganich","on":false}
    "#]],
    );
    play.ok(by("kazi"), on);
    play.ok(by("sehgal"), Command::YieldFloor);
    assert!(play.state.people[&id("kazi")].screen, "a moderator's screen needs no floor");
}

#[test]
fn who_speaks_in_two_segments_running_keeps_sharing() {
    let mut play = Play::at(Life::Live);
    play.ok(by("kazi"), Command::NextSegment);
    play.ok(by("ganich"), Command::SetScreen { on: true });
    check(
        &mut play,
        by("kazi"),
        Command::NextSegment,
        expect![[r#"
        {"event":"floor-taken","person":"ganich"}
        {"event":"segment-ended","segment":"plenary-address"}
        {"event":"segment-began","segment":"questions"}
        {"event":"answering-changed","person":"ganich","allowed":true}
    "#]],
    );
    assert!(play.state.people[&id("ganich")].screen);
}

#[test]
fn the_stage_is_bounded() {
    let mut play = Play::at(Life::Live);
    for number in 0..STAGE_MAX {
        let name = format!("p-{number}");
        let new = person(&name, "New", Role::Participant);
        play.ok(Actor::Server, Command::Register { person: new });
        play.arrive(&name);
        play.ok(by("kazi"), Command::Admit { person: id(&name) });
    }
    let bring = |number: usize| Command::BringOnStage { person: id(&format!("p-{number}")) };
    for number in play.state.stage.len()..STAGE_MAX {
        play.ok(by("kazi"), bring(number));
    }
    assert_eq!(play.refused(by("kazi"), bring(0)), Refusal::StageFull);
    assert_eq!(play.refused(by("kazi"), give("p-0")), Refusal::StageFull);
    assert!(play.state.has_floor(&id("kazi")), "a refused command takes nothing");
}

#[test]
fn the_guest_who_leaves_makes_room_for_the_next() {
    let mut play = questions();
    play.arrive("bilal");
    play.ok(by("kazi"), give("anwar"));
    for number in play.state.stage.len()..STAGE_MAX {
        let name = format!("p-{number}");
        let new = person(&name, "New", Role::Participant);
        play.ok(Actor::Server, Command::Register { person: new });
        play.arrive(&name);
        play.ok(by("kazi"), Command::Admit { person: id(&name) });
        play.ok(by("kazi"), Command::BringOnStage { person: id(&name) });
    }
    check(
        &mut play,
        by("kazi"),
        give("bilal"),
        expect![[r#"
        {"event":"floor-taken","person":"anwar"}
        {"event":"stage-left","person":"anwar"}
        {"event":"stage-entered","person":"bilal","guest":true}
        {"event":"floor-given","person":"bilal","limit":null}
    "#]],
    );
}

#[test]
fn the_queue_of_hands_is_bounded() {
    let mut play = event_with(|definition| {
        definition.policy.lobby = LobbyPolicy::Nobody;
        definition.policy.participants_max = 1_000;
    });
    play.arrive("kazi");
    play.ok(by("kazi"), Command::OpenEvent);
    for number in 0..=HANDS_MAX {
        let name = format!("p-{number}");
        let new = person(&name, "New", Role::Participant);
        play.ok(Actor::Server, Command::Register { person: new });
        play.arrive(&name);
        let raised = play.send(by(&name), Command::RaiseHand);
        assert_eq!(raised.is_ok(), number < HANDS_MAX, "{number}");
    }
    assert_eq!(play.refused(by("kazi"), Command::RaiseHand), Refusal::HandsFull);
}

#[test]
fn hands_may_be_left_out_of_an_event() {
    let mut play = event_with(|definition| definition.policy.hands_allowed = false);
    for who in ["kazi", "ganich", "anwar"] {
        play.arrive(who);
    }
    play.ok(by("kazi"), Command::OpenEvent);
    assert_eq!(play.refused(by("anwar"), Command::RaiseHand), Refusal::HandsNotAllowed);
    check(
        &mut play,
        by("ganich"),
        Command::RaiseHand,
        expect![[r#"
        {"event":"hand-raised","person":"ganich"}
    "#]],
    );
    check(
        &mut play,
        by("kazi"),
        Command::DismissHand { person: id("ganich") },
        expect![[r#"
        {"event":"hand-lowered","person":"ganich"}
    "#]],
    );
    assert_eq!(play.refused(by("ganich"), Command::LowerHand), Refusal::NoHandRaised);
}
