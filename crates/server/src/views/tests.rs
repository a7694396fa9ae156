//! Following [`touched`] comes to the same as computing everything anew.

use std::collections::BTreeMap;

use base::{ConnectionId, Millis, Timestamp, TranscriptLineId};
use proceedings::testing::{parsed, person, reference_event};
use proceedings::{Actor, Command, RecordCommand, RecordStatus, Role, decide};
use proptest::prelude::*;

use super::*;

const PEOPLE: [&str; 9] =
    ["kazi", "ganich", "sehgal", "desk", "booth-ru", "anwar", "bilal", "p-one", "p-two"];

const SEGMENTS: [&str; 4] =
    ["introductory-remarks", "plenary-address", "questions", "concluding-note"];

fn id() -> impl Strategy<Value = PersonId> {
    prop::sample::select(&PEOPLE[..]).prop_map(parsed)
}

fn command() -> impl Strategy<Value = Command> {
    let segment = prop::sample::select(&SEGMENTS[..]).prop_map(parsed);
    let connection = (1..4_u64).prop_map(ConnectionId);
    prop_oneof![
        4 => (id(), connection.clone())
            .prop_map(|(person, connection)| Command::Arrive { person, connection }),
        2 => (id(), connection)
            .prop_map(|(person, connection)| Command::Depart { person, connection }),
        1 => prop::sample::select(&["p-one", "p-two"][..]).prop_map(|id| Command::Register {
            person: person(id, "Registered", Role::Participant)
        }),
        2 => id().prop_map(|person| Command::GiveFloor { person, limit: Some(Millis(60_000)) }),
        1 => id().prop_map(|person| Command::BringOnStage { person }),
        1 => id().prop_map(|person| Command::SendFromStage { person }),
        1 => id().prop_map(|person| Command::Admit { person }),
        1 => id().prop_map(|person| Command::SuspendPerson { person }),
        1 => id().prop_map(|person| Command::RemovePerson { person }),
        1 => id().prop_map(|person| Command::Readmit { person }),
        1 => id().prop_map(|person| Command::Mute { person }),
        1 => id().prop_map(|person| Command::AllowMicrophone { person }),
        1 => id().prop_map(|person| Command::DismissHand { person }),
        1 => (id(), any::<bool>())
            .prop_map(|(person, allowed)| Command::SetAnswering { person, allowed }),
        1 => segment.prop_map(|segment| Command::SetRecordStatus {
            segment,
            status: RecordStatus::OffTheRecord
        }),
        3 => (id(), 0..60u64, 1..20u64).prop_map(|(person, from, length)| {
            let start = Timestamp(0).plus(Millis::from_secs(from));
            Command::Record(RecordCommand::CommitTranscriptLine {
                person: Some(person),
                start,
                end: start.plus(Millis(500 * length)),
                language: parsed("en"),
                interpreted_from: None,
                text: format!("from {from}"),
            })
        }),
        1 => (1..5u32).prop_map(|line| {
            let line = TranscriptLineId(line);
            Command::Record(RecordCommand::StrikeTranscriptLine { line })
        }),
        1 => any::<bool>().prop_map(|on| Command::SetMicrophone { on }),
        1 => any::<bool>().prop_map(|on| Command::SetCamera { on }),
        1 => any::<bool>().prop_map(|on| Command::SetScreen { on }),
        8 => prop::sample::select(vec![
            Command::EnterStage,
            Command::EnterStage,
            Command::LeaveStage,
            Command::OpenGreenRoom,
            Command::OpenEvent,
            Command::SuspendEvent { reason: Some("a pause".to_owned()) },
            Command::ResumeEvent,
            Command::CloseEvent,
            Command::Restart,
            Command::AdmitAll,
            Command::Lock,
            Command::Unlock,
            Command::NextSegment,
            Command::PreviousSegment,
            Command::ExtendSegment { by: Millis::from_minutes(5) },
            Command::TakeFloor,
            Command::YieldFloor,
            Command::RaiseHand,
            Command::RaiseHand,
            Command::LowerHand,
        ]),
    ]
}

/// What a server that follows `touched` has sent.
struct Sent {
    sections: Vec<Section>,
    you: BTreeMap<PersonId, Option<You>>,
}

impl Sent {
    fn all(state: &EventState) -> Self {
        let slots = Observed::default();
        Self {
            sections: Kind::ALL.map(|kind| section(kind, state, &slots)).to_vec(),
            you: PEOPLE.map(|id| (parsed(id), you(state, &parsed(id)))).into(),
        }
    }

    fn follow(&mut self, state: &EventState, events: &[Event]) {
        let mut concerned: Vec<PersonId> = Vec::new();
        for event in events {
            let (kinds, who) = touched(event, state);
            for kind in kinds.iter() {
                self.sections[kind as usize] = section(kind, state, &Observed::default());
            }
            match who {
                Who::Nobody => {}
                Who::One(person) => concerned.push(person),
                Who::Hands(person) => {
                    concerned.push(person);
                    concerned.extend(state.hands.iter().map(|hand| hand.person.clone()));
                }
                Who::Everybody => concerned.extend(PEOPLE.map(parsed)),
            }
            // Nobody is connected, and so sent anything, before they have registered.
            if let Event::PersonRegistered { person } = event {
                concerned.push(person.id.clone());
            }
        }
        for person in concerned {
            self.you.insert(person.clone(), you(state, &person));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_sent_is_what_is_so(
        batches in prop::collection::vec(prop::collection::vec((id(), command()), 1..6), 1..60)
    ) {
        let mut state = EventState::new(reference_event());
        let mut sent = Sent::all(&state);
        let mut now = Timestamp(0);
        for batch in batches {
            now = now.plus(Millis(1_000));
            let mut events = Vec::new();
            for (actor, command) in batch {
                let server = matches!(
                    command,
                    Command::Arrive { .. }
                        | Command::Depart { .. }
                        | Command::Restart
                        | Command::Register { .. }
                        | Command::Record(RecordCommand::CommitTranscriptLine { .. })
                );
                // Half of what people ask comes from the moderator, or little would happen.
                let moderates = actor.as_str().len() % 2 == 0;
                let actor = match (server, moderates) {
                    (true, _) => Actor::Server,
                    (false, true) => Actor::Person(parsed("kazi")),
                    (false, false) => Actor::Person(actor),
                };
                for event in decide(&state, now, &actor, &command).unwrap_or_default() {
                    state.apply(now, &event);
                    events.push(event);
                }
            }
            sent.follow(&state, &events);
            let so = Sent::all(&state);
            for (sent, so) in sent.sections.iter().zip(&so.sections) {
                prop_assert_eq!(sent, so);
            }
            prop_assert_eq!(&sent.you, &so.you);
        }
    }
}

#[test]
fn long_lists_are_cut() {
    let mut state = EventState::new(reference_event());
    for number in 0..600 {
        let registered = person(&format!("p-{number}"), "Registered", Role::Participant);
        let id = registered.id.clone();
        for event in [
            Event::PersonRegistered { person: Box::new(registered) },
            Event::PersonArrived { person: id.clone(), connection: ConnectionId(number) },
            Event::PersonWaiting { person: id },
        ] {
            state.apply(Timestamp(0), &event);
        }
    }
    let (lobby, roster) = (lobby(&state), roster(&state));
    assert_eq!((lobby.count, lobby.waiting.len()), (600, LOBBY_ROWS_MAX));
    assert_eq!((roster.count, roster.people.len()), (607, ROSTER_ROWS_MAX));
    let first: Vec<_> = roster.people.iter().take(5).map(|row| row.person.id.as_str()).collect();
    assert_eq!(first, ["kazi", "ganich", "sehgal", "desk", "booth-ru"], "staff come first");
}

#[test]
fn lines_that_are_not_good_come_first() {
    use sfu::{Kind as Session, Quality, ReceiverClass, SessionId};

    let mut state = EventState::new(reference_event());
    let mut known = Lines::default();
    let mut people: Vec<(PersonId, Quality)> =
        ["kazi", "ganich", "sehgal"].map(|id| (parsed(id), Quality::Good)).into();
    for number in 0..300 {
        let registered = person(&format!("p-{number:03}"), "Registered", Role::Participant);
        let quality = match number {
            7 => Quality::Lost,
            8 => Quality::Poor,
            9..19 => Quality::Good,
            _ => Quality::Fair,
        };
        people.push((registered.id.clone(), quality));
        state.apply(Timestamp(0), &Event::PersonRegistered { person: Box::new(registered) });
    }
    for (number, (person, quality)) in (1_u64..).zip(&people) {
        let session: SessionId = parsed(&format!("{number:032x}"));
        known.judged(person, session, Session::Receiving(ReceiverClass::Audience), *quality);
        let connection = ConnectionId(number);
        for event in [
            Event::PersonArrived { person: person.clone(), connection },
            Event::PersonAdmitted { person: person.clone() },
        ] {
            state.apply(Timestamp(0), &event);
        }
    }
    // Judged, and not there any more.
    for (number, (person, _)) in (1_u64..).zip(&people).skip(293) {
        let (person, connection) = (person.clone(), ConnectionId(number));
        state.apply(Timestamp(0), &Event::PersonDeparted { person, connection });
    }
    let ganich: PersonId = parsed("ganich");
    state.apply(Timestamp(0), &Event::StageEntered { person: ganich, guest: false });

    let section = lines(&state, &known);
    let first: Vec<_> =
        section.people.iter().take(4).map(|row| (row.person.as_str(), row.quality)).collect();
    assert_eq!(
        first,
        [
            ("ganich", LineQuality::Good),
            ("p-007", LineQuality::Lost),
            ("p-008", LineQuality::Poor),
            ("p-000", LineQuality::Fair),
        ]
    );
    assert_eq!(section.people.len(), LINE_ROWS_MAX);
    // Two of the staff are not on stage, and watch.
    assert_eq!(section.audience, LineCounts { good: 12, fair: 278, poor: 1, lost: 1 });
}

#[test]
fn readers_of_each_class() {
    let reads = |class: Class| Kind::ALL.into_iter().filter(|kind| class.reads(*kind)).count();
    assert_eq!(reads(Class::Lobby), 2);
    assert_eq!(reads(Class::Audience), 8);
    assert_eq!(reads(Class::Stage), 8);
    assert_eq!(reads(Class::Moderator), 13);
    assert_eq!(reads(Class::ModeratorOnStage), 13);
    assert!(!Class::Stage.reads(Kind::Recording), "disks are the moderators' business");
    assert!(!Class::Stage.reads(Kind::Lines), "so are the lines of others");
}
