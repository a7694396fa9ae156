use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use loadtest::load::front::{self, PlenaryEvent};
use loadtest::load::publisher::Manner;
use loadtest::load::{LoadError, LoadPlan, LoadReport, Target, load};

use crate::answerer::{Answerer, Faults};
use crate::stage::Stage;

const VIEWERS: usize = 4;

async fn loaded(
    faults: Faults,
    change: impl FnOnce(&mut LoadPlan),
) -> Result<LoadReport, LoadError> {
    let answerer = Answerer::start().await;
    answerer.state().faults = faults;
    let definition = front::event("load", Timestamp(0), 1, VIEWERS).expect("an event");
    answerer.state().stage = Some(Stage::new(definition.clone()));
    let links = definition.people.iter().map(|p| (p.id.clone(), p.id.to_string())).collect();
    let event = Box::new(PlenaryEvent { definition, links });
    let mut plan = LoadPlan {
        target: Target::Plenary { url: answerer.url.clone(), event },
        publishers: 1,
        viewers: VIEWERS,
        ramp_per_second: 50.0,
        length: Duration::from_secs(2),
        manner: Manner::default(),
        sample: None,
        server_pid: Some(std::process::id()),
        progress: Arc::new(|_| {}),
    };
    change(&mut plan);
    let report = tokio::time::timeout(Duration::from_secs(60), Box::pin(load(&plan))).await;
    let report = report.expect("in time")?;
    assert_eq!(answerer.sessions(), 0, "every session was ended");
    Ok(report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_who_decrypt_and_viewers_who_count_lose_nothing() {
    for manner in [Manner::default(), Manner { paced: true, ..Manner::default() }] {
        let report = loaded(Faults::default(), |plan| {
            plan.manner = manner;
            plan.sample = Some(2);
        });
        let report = report.await.expect("a report");
        assert_eq!((report.joined, report.thorough), (VIEWERS, 2), "{}", report.table());
        // Two seconds of 25 frames of 6.25 packets, and of 50 voice packets, for each.
        assert!((1_400..2_300).contains(&report.packets), "{}", report.table());
        assert_eq!(report.received, report.expected, "{}", report.table());
        assert_eq!(report.forged, 0);
        assert!(report.frames >= 90, "{}", report.table());
        assert!(report.frames - report.frames_complete <= 2, "the last may be on its way");
        assert_eq!(report.voice_received, report.voice, "{}", report.table());
        assert!(report.join.p50_ms > 1.0 && report.picture_delay.p50_ms > 0.01);
        let cost = report.cost.expect("the process was named");
        assert!(report.others_cores.is_some_and(|cores| cores >= 0.0));
        assert!(cost.us_per_packet > 1.0 && cost.cores > 0.001, "{cost:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_loses_is_told() {
    let faults = Faults { lose_every: Some(10), ..Faults::default() };
    let report = loaded(faults, |_| {}).await.expect("a report");
    let lost = report.voice - report.voice_received;
    assert!((report.voice / 12..report.voice / 8).contains(&lost), "{}", report.table());
    assert!(report.loss > 0.01, "{}", report.table());
    assert_eq!(report.voice_gap_max_ms, 20, "{}", report.table());
}

#[tokio::test]
async fn a_plan_that_cannot_be_carried_out_is_refused() {
    for (change, reason) in [
        ((|plan| plan.viewers = 0) as fn(&mut LoadPlan), "there must be 1 to 5000 viewers"),
        (|plan| plan.publishers = 12, "there must be 1 to 11 publishers"),
        (|plan| plan.ramp_per_second = 0.0, "the ramp must be more than 0 viewers a second"),
        (|plan| plan.sample = Some(0), "the sample must be 1 or more"),
        (|plan| plan.length = Duration::ZERO, "the test must last a second at least"),
        (|plan| plan.server_pid = Some(u32::MAX), "process 4294967295 cannot be watched"),
    ] {
        let error = loaded(Faults::default(), change).await.expect_err("refused").to_string();
        assert!(error.starts_with(reason), "{error}");
    }
}
