//! Registration, lobby, lock, presence, putting people out.

use super::*;

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
fn the_first_arrival_is_remembered() {
    let mut play = Play::new(reference_event());
    let connection = play.arrive("anwar");
    let first = play.now;
    play.depart("anwar", connection);
    play.wait(Millis::from_minutes(5));
    play.arrive("anwar");
    assert_eq!(play.state.people[&id("anwar")].arrived_at, Some(first));
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
