//! What holds whatever anybody does, in any order, with any arguments.

use base::{ConnectionId, Millis};
use proceedings::testing::{check_invariants, parsed, person, reference_event};
use proceedings::{
    Actor, Command, Event, EventState, Line, LobbyPolicy, RecordStatus, Role, Source, decide,
    verify,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::play::{Play, id};

const PEOPLE: [&str; 9] =
    ["kazi", "ganich", "sehgal", "desk", "booth-ru", "anwar", "bilal", "p-1", "nobody"];
const SEGMENTS: [&str; 5] =
    ["introductory-remarks", "plenary-address", "questions", "concluding-note", "dinner"];

fn any_person() -> impl Strategy<Value = base::PersonId> {
    select(&PEOPLE[..]).prop_map(id)
}

fn any_actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        4 => any_person().prop_map(Actor::Person),
        3 => Just(Actor::Person(id("kazi"))),
        2 => Just(Actor::Server),
        1 => Just(Actor::Operator),
    ]
}

fn any_length() -> impl Strategy<Value = Millis> {
    prop_oneof![
        Just(Millis(0)),
        Just(Millis::from_secs(30)),
        Just(Millis::from_minutes(5)),
        Just(Millis(u64::MAX)),
    ]
}

fn any_command() -> impl Strategy<Value = Command> {
    use Command as C;
    let connection = || (0u64..3).prop_map(ConnectionId);
    let life = prop_oneof![
        Just(C::OpenGreenRoom),
        Just(C::OpenEvent),
        Just(C::SuspendEvent { reason: None }),
        Just(C::ResumeEvent),
        Just(C::ResumeEvent),
        Just(C::Lock),
        Just(C::Unlock),
        Just(C::Restart),
    ];
    let presence = prop_oneof![
        4 => (any_person(), connection())
            .prop_map(|(person, connection)| C::Arrive { person, connection }),
        1 => (any_person(), connection())
            .prop_map(|(person, connection)| C::Depart { person, connection }),
        1 => select(&PEOPLE[..]).prop_map(|name| {
            C::Register { person: person(name, "New", Role::Participant) }
        }),
    ];
    let admission = prop_oneof![
        any_person().prop_map(|person| C::Admit { person }),
        Just(C::AdmitAll),
        any_person().prop_map(|person| C::SuspendPerson { person }),
        any_person().prop_map(|person| C::RemovePerson { person }),
        any_person().prop_map(|person| C::Readmit { person }),
        any_person().prop_map(|person| C::Readmit { person }),
    ];
    let stage = prop_oneof![
        3 => Just(C::EnterStage),
        1 => Just(C::LeaveStage),
        2 => any_person().prop_map(|person| C::BringOnStage { person }),
        1 => any_person().prop_map(|person| C::SendFromStage { person }),
    ];
    let programme = prop_oneof![
        Just(C::NextSegment),
        Just(C::PreviousSegment),
        any_length().prop_map(|by| C::ExtendSegment { by }),
        (select(&SEGMENTS[..]), 0..3).prop_map(|(segment, status)| C::SetRecordStatus {
            segment: parsed(segment),
            status: [
                RecordStatus::OnTheRecord,
                RecordStatus::ChathamHouseRule,
                RecordStatus::OffTheRecord,
            ][usize::try_from(status).unwrap_or_default()],
        }),
    ];
    let floor = prop_oneof![
        3 => (any_person(), proptest::option::of(any_length()))
            .prop_map(|(person, limit)| C::GiveFloor { person, limit }),
        1 => Just(C::TakeFloor),
        1 => Just(C::YieldFloor),
        2 => (any_person(), any::<bool>())
            .prop_map(|(person, allowed)| C::SetAnswering { person, allowed }),
        2 => Just(C::RaiseHand),
        1 => Just(C::LowerHand),
        1 => any_person().prop_map(|person| C::DismissHand { person }),
    ];
    let devices = prop_oneof![
        any::<bool>().prop_map(|on| C::SetMicrophone { on }),
        any::<bool>().prop_map(|on| C::SetCamera { on }),
        any::<bool>().prop_map(|on| C::SetScreen { on }),
        any_person().prop_map(|person| C::Mute { person }),
        any_person().prop_map(|person| C::AllowMicrophone { person }),
    ];
    prop_oneof![
        40 => life, 60 => presence, 25 => admission, 50 => stage, 25 => programme, 60 => floor,
        40 => devices, 1 => Just(C::CloseEvent),
    ]
}

fn any_policy() -> impl Strategy<Value = (LobbyPolicy, u32)> {
    let lobby = [LobbyPolicy::Nobody, LobbyPolicy::Registered, LobbyPolicy::Everybody];
    (select(lobby.to_vec()), 0..3u32)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn nothing_breaks_an_event(
        (lobby, participants_max) in any_policy(),
        steps in prop::collection::vec((any_actor(), any_command(), -5_000i64..60_000), 1..250),
    ) {
        let mut definition = reference_event();
        definition.policy.lobby = lobby;
        definition.policy.participants_max = participants_max;
        let mut play = Play::new(definition);
        for (actor, command, pause_ms) in steps {
            // The machine's clock may be set back.
            play.now.0 += pause_ms;
            let before = play.state.clone();
            match decide(&play.state, play.now, &actor, &command) {
                Err(_) => prop_assert_eq!(&before, &play.state),
                Ok(events) => {
                    prop_assert!(!events.is_empty(), "{command:?} is accepted and does nothing");
                    let tip = play.lines.last().expect("a first line").tip();
                    for event in &events {
                        play.state.apply(play.now, event);
                    }
                    play.lines.extend(Line::all_after(tip, play.now, &actor, events));
                }
            }
            if let Err(what) = check_invariants(&play.state) {
                prop_assert!(false, "after {command:?} of {actor:?} it does not hold that {what}");
            }
            for (id, attendance) in &play.state.people {
                let out = attendance.admission != proceedings::Admission::Admitted;
                prop_assert!(!(out && play.state.may_receive(id)));
                prop_assert!(!(out && play.state.may_publish(id, Source::Camera)));
                prop_assert!(!(out && play.state.may_publish(id, Source::Screen)));
            }
        }
        prop_assert_eq!(verify(&play.lines), Ok(()));
        let json = serde_json::to_string(&play.lines).expect("JSON");
        let read: Vec<Line> = serde_json::from_str(&json).expect("the same JSON");
        prop_assert_eq!(EventState::fold(&read), Some(play.state));
    }

    #[test]
    fn a_repeated_command_is_refused_or_steps_on(
        steps in prop::collection::vec((any_actor(), any_command()), 1..120),
    ) {
        let mut play = Play::new(reference_event());
        for (actor, command) in steps {
            let Ok(_) = play.send(actor.clone(), command.clone()) else { continue };
            let again = decide(&play.state, play.now, &actor, &command);
            // Only these may be done twice with an effect each time; and giving a moved floor.
            let steps_on = matches!(
                command,
                Command::NextSegment | Command::PreviousSegment | Command::ExtendSegment { .. }
            );
            prop_assert!(again.is_err() || steps_on, "{command:?} twice gives {again:?}");
        }
    }

    #[test]
    fn facts_of_any_kind_never_panic(
        steps in prop::collection::vec((any_actor(), any_command()), 1..60),
    ) {
        // Events judged against one state are applied to another, as a damaged log would.
        let mut judge = Play::new(reference_event());
        let mut stranger = EventState::new(reference_event());
        stranger.definition.segments.clear();
        for (actor, command) in steps {
            if let Ok(events) = judge.send(actor, command) {
                events.iter().rev().for_each(|event| stranger.apply(judge.now, event));
            }
        }
        stranger.apply(judge.now, &Event::SegmentBegan { segment: parsed("dinner") });
        let _ = (stranger.stage_hearing(), stranger.audience_hearing(), stranger.record_status());
        let _ = stranger.segment_time(judge.now);
    }
}
