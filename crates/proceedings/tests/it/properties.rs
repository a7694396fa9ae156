//! What holds whatever anybody does, in any order, with any arguments.

use base::{ConnectionId, Millis, ReleaseVersion, Revision, StatementId, TranscriptLineId};
use proceedings::testing::{
    START, check_invariants, parsed, person, recorded_event, reference_event,
};
use proceedings::{
    Actor, BoundStatement, Clearance, Command, Event, EventState, Hash, Line, LobbyPolicy,
    RecordCommand, RecordStatus, ReleaseDefect, ReportingVerb, Role, Source, StatementEdit,
    Wording, decide, verify,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::play::{Play, id};

const PEOPLE: [&str; 12] = [
    "kazi",
    "ganich",
    "sehgal",
    "desk",
    "booth-ru",
    "anwar",
    "bilal",
    "p-1",
    "nobody",
    "press",
    "typist",
    "embassy-desk",
];
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
        40 => devices, 60 => any_record_command().prop_map(C::Record), 1 => Just(C::CloseEvent),
    ]
}

fn any_record_command() -> impl Strategy<Value = RecordCommand> {
    use RecordCommand as C;
    let speaker = || proptest::option::of(select(&["kazi", "ganich"][..]).prop_map(id));
    let span = || {
        (0u64..900, 1u64..40).prop_map(|(from, length)| {
            let start = START.plus(Millis::from_secs(from));
            (start, start.plus(Millis::from_secs(length)))
        })
    };
    let english = || parsed("en");
    let words = || select(&["", "peace", "peace and trade"][..]).prop_map(str::to_owned);
    let line = || (0u32..4).prop_map(TranscriptLineId);
    let statement = || (0u32..4).prop_map(StatementId);
    let revision = || (0u32..5).prop_map(Revision);
    let version = || (0u32..3).prop_map(ReleaseVersion);
    let later = || {
        proptest::option::of(0u64..60)
            .prop_map(|minutes| minutes.map(|minutes| START.plus(Millis::from_minutes(minutes))))
    };
    let transcript = prop_oneof![
        4 => (speaker(), span(), words()).prop_map(move |(person, (start, end), text)| {
            C::CommitTranscriptLine {
                person, start, end, language: english(), interpreted_from: None, text,
            }
        }),
        1 => (line(), speaker(), words())
            .prop_map(|(line, person, text)| C::CorrectTranscriptLine { line, person, text }),
        1 => line().prop_map(|line| C::StrikeTranscriptLine { line }),
    ];
    let edit = prop_oneof![
        (speaker(), span()).prop_map(move |(speaker, (start, end))| StatementEdit::Span {
            speaker,
            start,
            end,
            language: english(),
        }),
        Just(StatementEdit::Verb { verb: ReportingVerb::Said }),
        (words(), any::<bool>(), any::<bool>()).prop_map(move |(text, quoted, heard)| {
            let wording = match quoted {
                true => Wording::Verbatim { text, corrected_by_ear: heard },
                false => Wording::Indirect { text },
            };
            StatementEdit::Wording { language: english(), wording: Some(wording) }
        }),
        Just(StatementEdit::Wording { language: english(), wording: None }),
    ];
    let clearance = prop_oneof![
        3 => Just(Clearance::Cleared),
        1 => Just(Clearance::Withheld { reason: None }),
        1 => words().prop_map(move |text| Clearance::Corrected {
            wordings: [(english(), text)].into(), reason: None,
        }),
    ];
    let statements = prop_oneof![
        3 => (speaker(), span()).prop_map(move |(speaker, (start, end))| C::MarkStatement {
            speaker, start, end, language: english(),
        }),
        5 => (statement(), revision(), edit)
            .prop_map(|(statement, revision, edit)| C::EditStatement { statement, revision, edit }),
        2 => (statement(), revision())
            .prop_map(|(statement, revision)| C::CheckStatement { statement, revision }),
        2 => (statement(), revision(), later()).prop_map(|(statement, revision, deadline)| {
            C::SendForClearance { statement, revision, deadline: deadline.unwrap_or(START) }
        }),
        2 => (statement(), revision(), clearance).prop_map(|(statement, revision, clearance)| {
            C::AnswerClearance { statement, revision, clearance }
        }),
        1 => (statement(), revision())
            .prop_map(|(statement, revision)| C::TakeCorrection { statement, revision }),
        1 => (statement(), words())
            .prop_map(|(statement, reason)| C::WithdrawStatement { statement, reason }),
        1 => (any_person(), any_person(), any::<bool>())
            .prop_map(|(speaker, office, appointed)| C::SetOffice { speaker, office, appointed }),
    ];
    let bound = (statement(), revision())
        .prop_map(|(statement, revision)| BoundStatement { statement, revision });
    let release = prop_oneof![
        3 => (any_person(), 0u8..3, proptest::option::of(bound), any::<bool>(), 0..9u8).prop_map(
            move |(by, byte, bound, unbound, defect)| C::SaveRelease {
                by,
                document: Hash([byte; 32]),
                languages: [english()].into(),
                statements: bound.into_iter().collect(),
                unbound: unbound.then_some(Hash([9; 32])).into_iter().collect(),
                defects: (defect == 0).then_some(ReleaseDefect::Incomplete).into_iter().collect(),
            }
        ),
        1 => words().prop_map(|reason| C::AcceptUnboundText { text: Hash([9; 32]), reason }),
        3 => (version(), 0u8..3).prop_map(move |(version, byte)| C::ApproveRelease {
            version, document: Hash([byte; 32]),
        }),
        1 => version().prop_map(|version| C::WithdrawApproval { version }),
        1 => later().prop_map(|until| C::SetEmbargo { until }),
        2 => (version(), 0u8..3, proptest::option::of(words())).prop_map(
            move |(version, byte, correction)| C::IssueRelease {
                version, document: Hash([byte; 32]), correction,
            }
        ),
        1 => Just(C::LiftEmbargo),
        1 => words().prop_map(|reason| C::KillRelease { reason }),
        1 => select(vec![C::PublishRecord, C::WithdrawRecord]),
    ];
    prop_oneof![3 => transcript, 5 => statements, 4 => release]
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
        let mut definition = recorded_event();
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
        let mut play = Play::new(recorded_event());
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
        let mut judge = Play::new(recorded_event());
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
