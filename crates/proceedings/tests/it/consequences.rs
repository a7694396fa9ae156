//! What follows from each command, and the refusals that depend on more than rights.

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

/// The reference event, changed, with one more person on the programme.
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

// Life.

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

// People.

#[test]
fn participants_wait_as_the_policy_says() {
    for (policy, named, registered) in [
        (LobbyPolicy::Nobody, Admission::Admitted, Admission::Admitted),
        (LobbyPolicy::Registered, Admission::Admitted, Admission::Waiting),
        (LobbyPolicy::Everybody, Admission::Waiting, Admission::Waiting),
    ] {
        let mut play = event_with(|definition| definition.policy.lobby = policy);
        let new = person("p-new", "New", Role::Participant);
        play.ok(Actor::Server, Command::Register { person: new });
        for (who, expected) in [
            ("anwar", named),
            ("p-new", registered),
            ("kazi", Admission::Admitted),
            ("desk", Admission::Admitted),
            ("ganich", Admission::Admitted),
            ("booth-ru", Admission::Admitted),
        ] {
            play.arrive(who);
            assert_eq!(play.state.people[&id(who)].admission, expected, "{who} under {policy:?}");
        }
    }
}

#[test]
fn the_lobby_is_left_by_admission_or_by_going_away() {
    let mut play = event_with(|definition| definition.policy.lobby = LobbyPolicy::Everybody);
    play.arrive("kazi");
    let first = play.arrive("anwar");
    let second = play.arrive("anwar");
    play.depart("anwar", first);
    assert_eq!(play.state.people[&id("anwar")].admission, Admission::Waiting);
    play.depart("anwar", second);
    assert_eq!(play.state.people[&id("anwar")].admission, Admission::Invited);
    assert_eq!(
        play.refused(by("kazi"), Command::Admit { person: id("anwar") }),
        Refusal::NotWaiting
    );
    play.arrive("bilal");
    play.arrive("anwar");
    check(
        &mut play,
        by("kazi"),
        Command::AdmitAll,
        expect![[r#"
        {"event":"person-admitted","person":"bilal"}
        {"event":"person-admitted","person":"anwar"}
    "#]],
    );
    assert_eq!(play.refused(by("kazi"), Command::AdmitAll), Refusal::NothingToDo);
}

#[test]
fn a_locked_event_holds_back_who_was_never_in() {
    let mut play = Play::at(Life::Live);
    let anwar = play.arrive("anwar");
    play.ok(by("kazi"), Command::Lock);
    play.depart("anwar", anwar);
    play.arrive("anwar");
    assert_eq!(play.state.people[&id("anwar")].admission, Admission::Admitted);
    play.arrive("bilal");
    assert_eq!(play.state.people[&id("bilal")].admission, Admission::Waiting);
    check(
        &mut play,
        by("kazi"),
        Command::Admit { person: id("bilal") },
        expect![[r#"
        {"event":"person-admitted","person":"bilal"}
    "#]],
    );
    assert_eq!(play.refused(by("kazi"), Command::Lock), Refusal::NothingToDo);

    let mut locked = Play::new(reference_event());
    locked.ok(Actor::Operator, Command::Lock);
    locked.arrive("ganich");
    locked.arrive("kazi");
    assert_eq!(locked.state.people[&id("ganich")].admission, Admission::Waiting);
    assert_eq!(locked.state.people[&id("kazi")].admission, Admission::Admitted);
    locked.ok(by("kazi"), Command::Unlock);
    locked.arrive("ganich");
    assert_eq!(locked.state.people[&id("ganich")].admission, Admission::Admitted);
}

#[test]
fn a_full_event_takes_no_more_participants_but_those_who_were_in() {
    let mut play = event_with(|definition| definition.policy.participants_max = 1);
    let anwar = play.arrive("anwar");
    let arrive = |connection| Command::Arrive { person: id("bilal"), connection };
    assert_eq!(play.refused(Actor::Server, arrive(ConnectionId(50))), Refusal::EventFull);
    play.arrive("kazi");
    play.arrive("booth-ru");
    play.depart("anwar", anwar);
    play.arrive("bilal");
    play.arrive("anwar");
    assert_eq!(play.state.participants_present, 2);
}

#[test]
fn a_full_event_admits_nobody_from_the_lobby() {
    let mut play = event_with(|definition| {
        definition.policy.participants_max = 1;
        definition.policy.lobby = LobbyPolicy::Everybody;
    });
    for who in ["kazi", "bilal", "anwar"] {
        play.arrive(who);
    }
    check(
        &mut play,
        by("kazi"),
        Command::AdmitAll,
        expect![[r#"
        {"event":"person-admitted","person":"bilal"}
    "#]],
    );
    assert_eq!(play.refused(by("kazi"), Command::AdmitAll), Refusal::EventFull);
    let admit = Command::Admit { person: id("anwar") };
    assert_eq!(play.refused(by("kazi"), admit), Refusal::EventFull);
}

#[test]
fn a_person_has_so_many_connections_and_no_more() {
    let mut play = Play::new(reference_event());
    let first = play.arrive("anwar");
    let again = Command::Arrive { person: id("anwar"), connection: first };
    assert_eq!(play.refused(Actor::Server, again), Refusal::NothingToDo);
    for _ in 1..CONNECTIONS_PER_PERSON_MAX {
        play.arrive("anwar");
    }
    let more = Command::Arrive { person: id("anwar"), connection: ConnectionId(99) };
    assert_eq!(play.refused(Actor::Server, more), Refusal::TooManyConnections);
    let other = Command::Depart { person: id("anwar"), connection: ConnectionId(99) };
    assert_eq!(play.refused(Actor::Server, other), Refusal::NoSuchConnection);
}

#[test]
fn registration_takes_participants_with_a_name() {
    let register = |change: fn(&mut proceedings::Person)| {
        let mut new = person("p-new", "New", Role::Participant);
        change(&mut new);
        Play::new(reference_event()).send(Actor::Server, Command::Register { person: new })
    };
    assert!(register(|_| {}).is_ok());
    for (change, refusal) in [
        ((|new| new.id = id("kazi")) as fn(&mut proceedings::Person), Refusal::AlreadyRegistered),
        (|new| new.roles = vec![Role::Moderator], Refusal::NotAllowed),
        (|new| new.roles.push(Role::Panellist), Refusal::NotAllowed),
        (|new| new.roles.clear(), Refusal::NotAllowed),
        (|new| new.party = Some(parsed("kcfr")), Refusal::NotAllowed),
        (|new| new.name = text(" "), Refusal::BadText),
        (|new| new.name.0.clear(), Refusal::BadText),
        (|new| new.name = text(&"n".repeat(281)), Refusal::BadText),
        (|new| new.name = text("a\nb"), Refusal::BadText),
        (|new| new.office = Some(text("")), Refusal::BadText),
        (|new| new.country = Some("pk".to_owned()), Refusal::BadText),
    ] {
        assert_eq!(register(change), Err(refusal));
    }
    let mut closed = event_with(|definition| definition.policy.registration_open = false);
    let new = Command::Register { person: person("p-new", "New", Role::Participant) };
    assert_eq!(closed.refused(Actor::Server, new), Refusal::RegistrationClosed);
}

#[test]
fn an_event_knows_so_many_people_and_no_more() {
    let mut state = Play::new(reference_event()).state;
    for number in state.people.len()..PEOPLE_MAX {
        let person = Box::new(person(&format!("p-{number}"), "New", Role::Participant));
        state.apply(proceedings::testing::START, &Event::PersonRegistered { person });
    }
    let new = Command::Register { person: person("p-new", "New", Role::Participant) };
    assert_eq!(
        proceedings::decide(&state, proceedings::testing::START, &Actor::Server, &new),
        Err(Refusal::EventFull)
    );
}

#[test]
fn who_is_put_out_loses_everything_and_stays_out() {
    let mut play = questions();
    play.ok(by("ganich"), Command::SetCamera { on: true });
    play.ok(by("ganich"), Command::SetScreen { on: true });
    play.ok(by("kazi"), give("ganich"));
    play.ok(by("anwar"), Command::RaiseHand);
    check(
        &mut play,
        by("kazi"),
        Command::RemovePerson { person: id("ganich") },
        expect![[r#"
            {"event":"floor-taken","person":"ganich"}
            {"event":"answering-changed","person":"ganich","allowed":false}
            {"event":"screen-changed","person":"ganich","on":false}
            {"event":"stage-left","person":"ganich"}
            {"event":"person-removed","person":"ganich"}
        "#]],
    );
    assert!(!play.state.may_publish(&id("ganich"), Source::Camera));
    assert!(!play.state.may_receive(&id("ganich")));
    let arrive = Command::Arrive { person: id("ganich"), connection: ConnectionId(99) };
    assert_eq!(play.refused(Actor::Server, arrive.clone()), Refusal::Removed);
    assert_eq!(play.refused(by("ganich"), Command::EnterStage), Refusal::Removed);
    assert_eq!(play.refused(by("kazi"), give("ganich")), Refusal::Removed);
    let suspended = Command::SuspendPerson { person: id("ganich") };
    assert_eq!(play.refused(by("kazi"), suspended), Refusal::Removed);

    let anwar = id("anwar");
    check(
        &mut play,
        by("desk"),
        Command::SuspendPerson { person: anwar.clone() },
        expect![[r#"
            {"event":"hand-lowered","person":"anwar"}
            {"event":"person-suspended","person":"anwar"}
        "#]],
    );
    assert_eq!(play.refused(by("anwar"), Command::RaiseHand), Refusal::Suspended);
    play.ok(by("kazi"), Command::Readmit { person: anwar.clone() });
    assert_eq!(play.state.people[&anwar].admission, Admission::Admitted);
    assert_eq!(play.refused(by("kazi"), Command::Readmit { person: anwar }), Refusal::NotPutOut);
    play.ok(by("kazi"), Command::Readmit { person: id("ganich") });
    play.ok(Actor::Server, arrive);
}

#[test]
fn somebody_is_always_left_to_moderate() {
    let mut play = Play::at(Life::Live);
    let remove = |who| Command::RemovePerson { person: id(who) };
    assert_eq!(play.refused(by("kazi"), remove("kazi")), Refusal::LastModerator);
    play.ok(by("kazi"), remove("desk"));
    assert_eq!(play.refused(Actor::Operator, remove("kazi")), Refusal::LastModerator);
    play.ok(by("kazi"), Command::Readmit { person: id("desk") });
    play.ok(by("desk"), Command::SuspendPerson { person: id("kazi") });
    play.ok(by("desk"), remove("kazi"));
}

#[test]
fn a_lost_line_and_a_restart_leave_place_floor_and_hand() {
    let mut play = questions();
    play.ok(by("anwar"), Command::RaiseHand);
    play.ok(by("kazi"), give("ganich"));
    play.ok(by("ganich"), Command::SetCamera { on: true });
    let hearing = play.state.audience_hearing();
    check(
        &mut play,
        Actor::Server,
        Command::Restart,
        expect![[r#"
        {"event":"server-restarted"}
    "#]],
    );
    assert_eq!(play.state.audience_hearing(), hearing);
    assert!(play.state.has_floor(&id("ganich")));
    assert_eq!(play.state.hands.len(), 1);
    assert_eq!(play.refused(Actor::Server, Command::Restart), Refusal::NothingToDo);
    assert_eq!(play.refused(by("kazi"), give("anwar")), Refusal::NotHere);
    play.arrive("anwar");
    play.ok(by("kazi"), give("anwar"));
}

// Stage and floor.

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

// Programme.

#[test]
fn a_discussion_lets_its_people_answer_each_other() {
    let mut play = event_with(|definition| {
        let discussion = &mut definition.segments[1];
        discussion.kind = SegmentKind::Discussion;
        discussion.floor = vec![id("ganich"), id("sehgal"), id("ganich")];
    });
    for who in ["kazi", "ganich", "sehgal"] {
        play.arrive(who);
    }
    play.ok(by("kazi"), Command::EnterStage);
    play.ok(by("ganich"), Command::EnterStage);
    play.ok(by("kazi"), Command::OpenEvent);
    check(
        &mut play,
        by("kazi"),
        Command::NextSegment,
        expect![[r#"
        {"event":"floor-taken","person":"kazi"}
        {"event":"segment-ended","segment":"introductory-remarks"}
        {"event":"segment-began","segment":"plenary-address"}
        {"event":"answering-changed","person":"ganich","allowed":true}
    "#]],
    );
    check(
        &mut play,
        by("sehgal"),
        Command::EnterStage,
        expect![[r#"
        {"event":"stage-entered","person":"sehgal","guest":false}
        {"event":"answering-changed","person":"sehgal","allowed":true}
    "#]],
    );
    check(
        &mut play,
        by("kazi"),
        give("sehgal"),
        expect![[r#"
        {"event":"floor-given","person":"sehgal","limit":null}
    "#]],
    );
    // The moderator's microphone has been on since the introductory remarks.
    assert_eq!(play.state.audience_hearing().voices, [id("sehgal"), id("kazi")]);
    check(
        &mut play,
        by("kazi"),
        Command::NextSegment,
        expect![[r#"
        {"event":"floor-taken","person":"sehgal"}
        {"event":"answering-changed","person":"ganich","allowed":false}
        {"event":"answering-changed","person":"sehgal","allowed":false}
        {"event":"segment-ended","segment":"plenary-address"}
        {"event":"segment-began","segment":"questions"}
        {"event":"answering-changed","person":"ganich","allowed":true}
    "#]],
    );
}

#[test]
fn going_back_keeps_the_time_spent() {
    let mut play = Play::at(Life::Live);
    assert_eq!(play.refused(by("kazi"), Command::PreviousSegment), Refusal::FirstSegment);
    play.wait(Millis::from_minutes(7));
    play.ok(by("kazi"), Command::NextSegment);
    play.wait(Millis::from_minutes(1));
    check(
        &mut play,
        by("kazi"),
        Command::PreviousSegment,
        expect![[r#"
        {"event":"floor-taken","person":"ganich"}
        {"event":"segment-ended","segment":"plenary-address"}
        {"event":"segment-began","segment":"introductory-remarks"}
        {"event":"floor-given","person":"kazi","limit":null}
    "#]],
    );
    play.wait(Millis::from_minutes(2));
    let (spent, length) = play.state.segment_time(play.now).expect("a segment");
    assert_eq!((spent.0 / 60_000, length), (9, Millis::from_minutes(10)));
    play.ok(by("kazi"), Command::NextSegment);
    let (spent, _) = play.state.segment_time(play.now).expect("a segment");
    assert_eq!(spent.0 / 60_000, 1);
    play.ok(by("kazi"), Command::NextSegment);
    play.ok(by("kazi"), Command::NextSegment);
    assert_eq!(play.refused(by("kazi"), Command::NextSegment), Refusal::LastSegment);
}

#[test]
fn an_extension_is_a_minute_to_four_hours() {
    let mut play = Play::at(Life::Live);
    for (minutes, good) in [(0, false), (1, true), (240, true), (241, false)] {
        let by_length = Command::ExtendSegment { by: Millis::from_minutes(minutes) };
        let sent = play.send(by("kazi"), by_length);
        assert_eq!(sent.is_ok(), good, "{minutes}");
        assert!(good || sent == Err(Refusal::BadExtension));
    }
    let (_, length) = play.state.segment_time(play.now).expect("a segment");
    assert_eq!(length, Millis::from_minutes(10 + 1 + 240));
}

#[test]
fn the_record_status_of_present_and_coming_segments_changes() {
    let mut play = questions();
    let set = |segment: &str, status| Command::SetRecordStatus { segment: parsed(segment), status };
    let off = RecordStatus::OffTheRecord;
    assert_eq!(play.refused(by("kazi"), set("plenary-address", off)), Refusal::SegmentOver);
    assert_eq!(play.refused(by("kazi"), set("dinner", off)), Refusal::NoSuchSegment);
    assert_eq!(play.state.record_status(), RecordStatus::OnTheRecord);
    check(
        &mut play,
        by("kazi"),
        set("questions", off),
        expect![[r#"
        {"event":"record-status-changed","segment":"questions","status":"off-the-record"}
    "#]],
    );
    assert_eq!(play.state.record_status(), off);
    assert_eq!(play.refused(by("kazi"), set("questions", off)), Refusal::NothingToDo);
    play.ok(by("kazi"), set("concluding-note", RecordStatus::ChathamHouseRule));
    play.ok(by("kazi"), Command::NextSegment);
    assert_eq!(play.state.record_status(), RecordStatus::ChathamHouseRule);
}

// Hearing.

#[test]
fn the_green_room_is_out_of_the_audiences_hearing() {
    let mut play = Play::at(Life::GreenRoom);
    for who in ["ganich", "sehgal", "kazi"] {
        play.ok(by(who), Command::SetMicrophone { on: true });
        play.ok(by(who), Command::SetCamera { on: true });
    }
    expect![[r#"
        Hearing {
            voices: [
                kazi,
                ganich,
                sehgal,
            ],
            main: None,
            screen: None,
            thumbnails: [
                kazi,
                ganich,
                sehgal,
            ],
        }
    "#]]
    .assert_debug_eq(&play.state.stage_hearing());
    assert_eq!(play.state.audience_hearing(), proceedings::Hearing::default());
    assert!(play.state.may_receive(&id("ganich")) && !play.state.may_receive(&id("anwar")));
    play.ok(by("kazi"), Command::OpenEvent);
    expect![[r#"
        Hearing {
            voices: [
                kazi,
            ],
            main: Some(
                kazi,
            ),
            screen: None,
            thumbnails: [
                ganich,
                sehgal,
            ],
        }
    "#]]
    .assert_debug_eq(&play.state.audience_hearing());
    play.ok(by("kazi"), suspend());
    assert_eq!(play.state.audience_hearing(), proceedings::Hearing::default());
    expect![[r#"
        Hearing {
            voices: [
                kazi,
                ganich,
                sehgal,
            ],
            main: Some(
                kazi,
            ),
            screen: None,
            thumbnails: [
                ganich,
                sehgal,
            ],
        }
    "#]]
    .assert_debug_eq(&play.state.stage_hearing());
}

#[test]
fn who_may_publish() {
    let play = questions();
    for (who, camera, screen) in [
        ("kazi", true, true),
        ("ganich", true, true),
        ("sehgal", true, false),
        ("desk", false, false),
        ("anwar", false, false),
        ("nobody", false, false),
    ] {
        assert_eq!(play.state.may_publish(&id(who), Source::Camera), camera, "{who}");
        assert_eq!(play.state.may_publish(&id(who), Source::Screen), screen, "{who}");
    }
}
