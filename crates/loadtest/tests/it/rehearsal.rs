use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loadtest::rehearsal::{Progress, RehearsalPlan, RehearsalReport, rehearse};
use proceedings::{Actor, Command, EventDefinition, Life, testing};

use crate::answerer::{Answerer, Faults};
use crate::stage::Stage;

static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Rehearses an event against an answerer with these faults.
async fn rehearsal(
    event: EventDefinition,
    faults: Faults,
) -> (RehearsalReport, tempfile::TempDir, Vec<Progress>) {
    // One at a time: they would take each other's processor time, which is what they measure.
    let _turn = TURN.lock().await;
    let answerer = Answerer::start().await;
    answerer.state().faults = faults;
    answerer.state().stage = Some(Stage::new(event.clone()));
    let links: BTreeMap<_, _> =
        event.people.iter().map(|person| (person.id.clone(), person.id.to_string())).collect();
    let out = tempfile::tempdir().expect("a folder");
    let progress = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&progress);
    let plan = RehearsalPlan {
        base_url: answerer.url.clone(),
        event,
        links,
        pace: 10_000.0,
        participants: 2,
        script: None,
        out_dir: out.path().to_owned(),
        progress: Arc::new(move |progress| told.lock().expect("no panic").push(progress)),
    };
    let rehearsal = Box::pin(rehearse(plan));
    let report = tokio::time::timeout(Duration::from_secs(120), rehearsal)
        .await
        .expect("in time")
        .expect("a report");
    let told = progress.lock().expect("no panic").clone();
    (report, out, told)
}

fn failed(report: &RehearsalReport) -> BTreeSet<&'static str> {
    report.checks.iter().filter(|check| !check.passed).map(|check| check.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_event_passes_on_a_server_that_does_as_promised() {
    let (report, out, progress) = rehearsal(testing::reference_event(), Faults::default()).await;
    assert_eq!(failed(&report), BTreeSet::new(), "{}", report.markdown());
    assert!(report.passed);
    for file in
        ["report.md", "report.json", "proceedings.jsonl", "attendance.csv", "attendance.json"]
    {
        let text = std::fs::read_to_string(out.path().join(file)).expect(file);
        assert!(!text.is_empty(), "{file}");
        assert!(!text.contains("Bearer"), "{file}");
    }
    let attendance = std::fs::read_to_string(out.path().join("attendance.csv")).expect("written");
    assert!(attendance.contains("ganich,Danila Ganich,plenary-speaker,2"), "{attendance}");
    let segments = progress.iter().filter(|p| matches!(p, Progress::Segment { .. })).count();
    assert_eq!(segments, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_a_server_fails_its_check() {
    // The middle of the programme has everything that these faults show in.
    let mut event = testing::reference_event();
    event.segments = event.segments[1..3].to_vec();
    let lax = Faults {
        leak: vec![testing::parsed("sehgal")],
        open_doors: true,
        silent_socket: true,
        ..Faults::default()
    };
    let slow = Faults {
        late_by: Duration::from_millis(600),
        lose_every: Some(20),
        no_key_frames: true,
        ..Faults::default()
    };
    for (faults, expected) in [
        (
            lax,
            &["no-other-voice", "publish-refused", "receive-refused", "guest-leaves", "messages"][..],
        ),
        (slow, &["silence-in-time", "loss", "decodable"]),
    ] {
        let (report, ..) = rehearsal(event.clone(), faults).await;
        let failed = failed(&report);
        for check in expected {
            assert!(failed.contains(check), "{check} passed: {}", report.markdown());
        }
        for check in ["come-in", "commands", "proceedings"] {
            assert!(!failed.contains(check), "{check} failed: {}", report.markdown());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_has_begun_is_left_alone() {
    let answerer = Answerer::start().await;
    let event = testing::reference_event();
    let mut stage = Stage::new(event.clone());
    stage.command(&Actor::Operator, &Command::OpenEvent).expect("opens");
    answerer.state().stage = Some(stage);
    let links = BTreeMap::from([(testing::parsed("kazi"), "kazi".to_owned())]);
    let out = tempfile::tempdir().expect("a folder");
    let plan = RehearsalPlan {
        base_url: answerer.url.clone(),
        event,
        links,
        pace: 60.0,
        participants: 0,
        script: None,
        out_dir: out.path().to_owned(),
        progress: Arc::new(|_| {}),
    };
    let error = rehearse(plan).await.expect_err("refused").to_string();
    assert!(error.starts_with("the event has begun"), "{error}");
    let life = answerer.state().stage.as_ref().map(Stage::life);
    assert_eq!(life, Some(Life::Live));
}
