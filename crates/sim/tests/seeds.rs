//! Many simulated events. `PLENARY_SIM_SEEDS=5000` runs more of them, `PLENARY_SIM_SEED=17` only
//! that one.

use std::collections::BTreeMap;

use sim::{Report, run};

/// Events of an ordinary test run.
const SEEDS: u64 = 200;

/// Every event of the proceedings; that each of them comes about shows that the simulation reaches
/// every part of the rules.
const EVENTS: [&str; 57] = [
    "answering-changed",
    "approval-withdrawn",
    "camera-changed",
    "embargo-lifted",
    "embargo-set",
    "event-closed",
    "event-created",
    "event-locked",
    "event-opened",
    "event-resumed",
    "event-suspended",
    "event-unlocked",
    "floor-given",
    "floor-taken",
    "green-room-opened",
    "hand-lowered",
    "hand-raised",
    "microphone-allowed",
    "microphone-changed",
    "office-changed",
    "person-admitted",
    "person-arrived",
    "person-departed",
    "person-muted",
    "person-readmitted",
    "person-registered",
    "person-removed",
    "person-suspended",
    "person-waiting",
    "record-published",
    "record-status-changed",
    "record-withdrawn",
    "release-approved",
    "release-issued",
    "release-killed",
    "release-notes-saved",
    "release-saved",
    "screen-changed",
    "segment-began",
    "segment-ended",
    "segment-extended",
    "server-restarted",
    "stage-entered",
    "stage-left",
    "statement-answered",
    "statement-checked",
    "statement-correction-taken",
    "statement-marked",
    "statement-moved",
    "statement-sent",
    "statement-verb-chosen",
    "statement-withdrawn",
    "statement-worded",
    "transcript-line-committed",
    "transcript-line-corrected",
    "transcript-line-struck",
    "unbound-text-accepted",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[tokio::test]
async fn whole_events_keep_the_invariants() {
    let seeds = match number("PLENARY_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PLENARY_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let mut total = Report::default();
    let add = |to: &mut BTreeMap<String, u64>, from: BTreeMap<String, u64>| {
        from.into_iter().for_each(|(name, count)| *to.entry(name).or_default() += count);
    };
    let whole = seeds.end - seeds.start >= SEEDS;
    for seed in seeds {
        let report = run(seed).await.unwrap_or_else(|failure| {
            panic!("{failure}\nagain: PLENARY_SIM_SEED={seed} cargo test -p sim")
        });
        add(&mut total.events, report.events);
        add(&mut total.refusals, report.refusals);
        total.kills += report.kills;
        total.failures += report.failures;
    }
    if whole {
        for event in EVENTS {
            assert!(total.events.contains_key(event), "{event} never came about");
        }
        assert!(total.kills > 100 && total.failures > 100, "{total:?}");
        assert!(total.refusals.len() > 35, "{:?}", total.refusals);
    }
}

#[tokio::test]
async fn a_seed_gives_the_same_event_again() {
    for seed in [0, 1, u64::MAX] {
        let first = run(seed).await.expect("a good event");
        assert_eq!(run(seed).await.expect("a good event"), first);
    }
}
