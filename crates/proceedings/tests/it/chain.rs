//! The stored form of a line and the chain of hashes.

use std::collections::BTreeMap;

use base::{
    ConnectionId, Millis, ReleaseVersion, Revision, Sequence, StatementId, TranscriptLineId,
};
use expect_test::{expect, expect_file};
use proceedings::testing::{self, START, parsed, reference_event};
use proceedings::{
    Actor, BoundStatement, Broken, BrokenAt, Clearance, Event, EventState, Hash, Life, Line,
    RecordEvent, RecordStatus, ReleaseDefect, ReportingVerb, Role, Tip, Wording, chain, verify,
    verify_after,
};

use crate::play::{Play, by, id};

/// This hash stands in proceedings that are stored already. If it changes, they no longer verify.
#[test]
fn the_hash_of_a_line_never_changes() {
    let event = Event::PersonArrived { person: id("ganich"), connection: ConnectionId(7) };
    let previous = Hash([0xab; 32]);
    let hash = chain(&previous, Sequence(42), START, &by("ganich"), &event);
    let line =
        Line { sequence: Sequence(42), at: START, actor: by("ganich"), event, previous, hash };
    // printf ab%.0s {1..32} | xxd -r -p, then the JSON up to `previous` and a brace, gives it too.
    expect![[r#"{"sequence":42,"at":1612864800000,"actor":{"by":"person","person":"ganich"},"event":"person-arrived","person":"ganich","connection":7,"previous":"abababababababababababababababababababababababababababababababab","hash":"0f6fe37292f1eb9bda753f827f82a3010af45e9f1a6692fb1a25c18d9c040fb4"}"#]].assert_eq(&serde_json::to_string(&line).expect("JSON"));
}

#[test]
fn the_created_event_is_hashed_as_it_was() {
    let play = Play::at(Life::Scheduled);
    expect!["25024c038b78fc5d3f055f202aa8acc5bd30dbb45297853fd8d3e4a9d0d798d3"]
        .assert_eq(&play.lines[0].hash.to_string());
}

/// Every kind of event as it is stored for good. Lines may be added to the file, none changed.
#[test]
fn every_event_is_stored_as_it_ever_was() {
    let person = || id("ganich");
    let segment = || parsed("questions");
    let connection = ConnectionId(7);
    let registered = testing::person("p-7k3m9x2q", "New", Role::Participant);
    let events = [
        Event::EventCreated { definition: Box::new(reference_event()) },
        Event::GreenRoomOpened,
        Event::EventOpened,
        Event::EventSuspended { reason: None },
        Event::EventSuspended { reason: Some("A short pause.".to_owned()) },
        Event::EventResumed,
        Event::EventClosed,
        Event::PersonRegistered { person: Box::new(registered) },
        Event::PersonArrived { person: person(), connection },
        Event::PersonDeparted { person: person(), connection },
        Event::ServerRestarted,
        Event::PersonWaiting { person: person() },
        Event::PersonAdmitted { person: person() },
        Event::PersonSuspended { person: person() },
        Event::PersonRemoved { person: person() },
        Event::PersonReadmitted { person: person() },
        Event::EventLocked,
        Event::EventUnlocked,
        Event::StageEntered { person: person(), guest: false },
        Event::StageLeft { person: person() },
        Event::SegmentBegan { segment: segment() },
        Event::SegmentEnded { segment: segment() },
        Event::SegmentExtended { segment: segment(), by: Millis::from_minutes(5) },
        Event::RecordStatusChanged { segment: segment(), status: RecordStatus::OnTheRecord },
        Event::RecordStatusChanged { segment: segment(), status: RecordStatus::ChathamHouseRule },
        Event::RecordStatusChanged { segment: segment(), status: RecordStatus::OffTheRecord },
        Event::FloorGiven { person: person(), limit: None },
        Event::FloorGiven { person: person(), limit: Some(Millis::from_minutes(2)) },
        Event::FloorTaken { person: person() },
        Event::AnsweringChanged { person: person(), allowed: true },
        Event::HandRaised { person: person() },
        Event::HandLowered { person: person() },
        Event::MicrophoneChanged { person: person(), on: true },
        Event::CameraChanged { person: person(), on: true },
        Event::ScreenChanged { person: person(), on: true },
        Event::PersonMuted { person: person() },
        Event::MicrophoneAllowed { person: person() },
    ];
    let events = events.into_iter().chain(record_events()).collect();
    let lines = Line::all_after(Tip::default(), START, &Actor::Server, events);
    let text: String =
        lines.iter().map(|line| serde_json::to_string(line).expect("JSON") + "\n").collect();
    expect_file!["events.jsonl"].assert_eq(&text);
    for (line, text) in lines.iter().zip(text.lines()) {
        assert_eq!(serde_json::from_str::<Line>(text).expect(text), *line);
    }
}

fn record_events() -> impl Iterator<Item = Event> {
    let (person, segment, language) = (id("ganich"), parsed("questions"), || parsed("en"));
    let (line, statement, version) = (TranscriptLineId(7), StatementId(3), ReleaseVersion(2));
    let (revision, text, hash) = (Revision(4), "words".to_owned(), Hash([0xab; 32]));
    let span = || (START, START.plus(Millis(5_000)));
    let (start, end) = span();
    let worded =
        |wording| RecordEvent::StatementWorded { statement, language: language(), wording };
    let answered = |clearance| RecordEvent::StatementAnswered { statement, revision, clearance };
    let committed = |person, interpreted_from| RecordEvent::TranscriptLineCommitted {
        line,
        segment: parsed("questions"),
        person,
        start,
        end,
        language: language(),
        interpreted_from,
        text: "words".to_owned(),
    };
    let verbatim = Wording::Verbatim { text: text.clone(), corrected_by_ear: true };
    let wordings = BTreeMap::from([(language(), text.clone())]);
    let (reason, until) = (Some("why".to_owned()), Some(end));
    let events = [
        committed(Some(person.clone()), Some(parsed("ru"))),
        committed(None, None),
        RecordEvent::TranscriptLineCorrected {
            line,
            person: Some(person.clone()),
            text: text.clone(),
        },
        RecordEvent::TranscriptLineStruck { line },
        RecordEvent::StatementMarked {
            statement,
            segment,
            speaker: Some(person.clone()),
            start,
            end,
            language: language(),
        },
        RecordEvent::StatementMoved {
            statement,
            segment: parsed("questions"),
            speaker: None,
            start,
            end,
            language: language(),
        },
        RecordEvent::StatementVerbChosen { statement, verb: ReportingVerb::VoicedConcern },
        worded(Some(Wording::Indirect { text: text.clone() })),
        worded(Some(verbatim)),
        worded(None),
        RecordEvent::StatementChecked { statement, revision },
        RecordEvent::StatementSent { statement, revision, deadline: end },
        answered(Clearance::Cleared),
        answered(Clearance::Corrected { wordings, reason: reason.clone() }),
        answered(Clearance::Withheld { reason: None }),
        RecordEvent::StatementCorrectionTaken { statement },
        RecordEvent::StatementWithdrawn { statement, reason: text.clone() },
        RecordEvent::OfficeChanged { speaker: person, office: id("anwar"), appointed: true },
        RecordEvent::ReleaseSaved {
            version,
            by: id("press"),
            document: hash,
            languages: [language()].into(),
            statements: vec![BoundStatement { statement, revision }],
            unbound: [hash].into(),
            defects: [ReleaseDefect::LanguagesDiffer].into(),
        },
        RecordEvent::UnboundTextAccepted { text: hash, reason: text.clone() },
        RecordEvent::ReleaseApproved { version, document: hash, party: parsed("kcfr") },
        RecordEvent::ApprovalWithdrawn { version, party: parsed("kcfr") },
        RecordEvent::EmbargoSet { until },
        RecordEvent::ReleaseIssued { version, document: hash, correction: reason, embargo: None },
        RecordEvent::EmbargoLifted,
        RecordEvent::ReleaseKilled { reason: text },
        RecordEvent::ReleaseNotesSaved { by: id("press"), document: hash },
        RecordEvent::RecordPublished,
        RecordEvent::RecordWithdrawn,
    ];
    events.into_iter().map(Event::Record)
}

#[test]
fn lines_survive_json() {
    let play = Play::at(Life::Closed);
    for line in &play.lines {
        let json = serde_json::to_string(line).expect("JSON");
        assert_eq!(serde_json::from_str::<Line>(&json).expect(&json), *line, "{json}");
    }
}

#[test]
fn whole_proceedings_verify_and_fold() {
    let play = Play::at(Life::Suspended);
    assert_eq!(verify(&play.lines), Ok(()));
    assert_eq!(EventState::fold(&play.lines), Some(play.state));
    let (first, second) = play.lines.split_at(4);
    let tip = verify_after(Tip::default(), first).expect("the first part");
    assert_eq!(verify_after(tip, second), Ok(play.lines.last().expect("lines").tip()));
}

#[test]
fn every_tampering_is_found_at_its_line() {
    let good = Play::at(Life::Live).lines;
    let broken = |change: fn(&mut Vec<Line>)| {
        let mut lines = good.clone();
        change(&mut lines);
        verify(&lines)
    };
    let at = |sequence, why| Err(BrokenAt { sequence: Sequence(sequence), why });
    assert_eq!(broken(|lines| drop(lines.remove(3))), at(4, Broken::Gap));
    assert_eq!(broken(|lines| lines.swap(3, 4)), at(4, Broken::Gap));
    assert_eq!(broken(|lines| lines[5].at.0 += 1), at(6, Broken::Content));
    assert_eq!(broken(|lines| lines[5].actor = Actor::Operator), at(6, Broken::Content));
    assert_eq!(broken(|lines| lines[5].event = Event::EventLocked), at(6, Broken::Content));
    assert_eq!(broken(|lines| lines[2].hash.0[31] ^= 1), at(3, Broken::Content));
    assert_eq!(broken(|lines| lines[2].previous.0[0] ^= 1), at(3, Broken::Previous));
    // Even a line that was hashed again does not fit the one that follows it.
    let rehashed = |lines: &mut Vec<Line>| {
        let line = &lines[2];
        let tip = lines[1].tip();
        lines[2] = Line::after(tip, line.at, line.actor.clone(), Event::EventLocked);
    };
    assert_eq!(broken(rehashed), at(4, Broken::Previous));
    let first = |lines: &mut Vec<Line>| {
        let line = Line::after(Tip::default(), START, Actor::Operator, Event::EventLocked);
        *lines = vec![line];
    };
    assert_eq!(broken(first), at(1, Broken::Creation));
    assert_eq!(EventState::fold(&good[1..]), None, "proceedings begin with their first line");
}

#[test]
fn a_hash_is_64_hexadecimal_digits() {
    let text = "00ff".repeat(16);
    assert_eq!(text.parse::<Hash>().map(|hash| hash.to_string()), Ok(text.clone()));
    for bad in ["", "00", &"zz".repeat(32), &"+f".repeat(32), &"é".repeat(32), &"0".repeat(65)] {
        assert!(bad.parse::<Hash>().is_err(), "{bad}");
    }
}
