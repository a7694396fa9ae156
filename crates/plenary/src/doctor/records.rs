//! What is kept: is the database whole, do the proceedings hold together, and does the clock agree
//! with them?

use base::{Clock, Timestamp};
use storage::Storage;

use super::Finding;
use crate::serve::runtime;
use crate::settings::Settings;
use crate::store::{DATABASE, Store};
use crate::system::SystemClock;

const TOPIC: &str = "records";

/// Lines may be this much younger than the clock shows: it is corrected by as much in daily use.
const CLOCK_BEHIND_MS: i64 = 2_000;

/// Nothing is found where there is no database yet.
pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let data = &settings.data.value;
    if !data.join(DATABASE).exists() {
        return Vec::new();
    }
    let examined = runtime().and_then(|runtime| {
        runtime.block_on(async {
            let store = Store::open(data).await?;
            let findings = all_events(&store).await;
            store.storage.close().await;
            Ok(findings)
        })
    });
    match examined {
        Ok(findings) => findings,
        Err(failure) => vec![Finding::wrong(
            TOPIC,
            failure.message,
            "give the data folder to the user of the server, or restore it from a backup",
        )],
    }
}

async fn all_events(store: &Store) -> Vec<Finding> {
    let damaged = |what: String| {
        Finding::wrong(TOPIC, what, "keep a copy of the data folder as it is, and restore a backup")
    };
    if let Err(error) = store.storage.check().await {
        return vec![damaged(error.to_string())];
    }
    let events = match store.storage.list_events().await {
        Ok(events) => events,
        Err(error) => return vec![damaged(error.to_string())],
    };
    let (mut findings, mut lines_count, mut last) = (Vec::new(), 0, Timestamp::default());
    for event in &events {
        match storage::load(&*store.storage, &event.id).await {
            Ok(lines) => {
                let lines = lines.unwrap_or_default();
                lines_count += lines.len();
                last = lines.iter().map(|line| line.at).fold(last, Timestamp::max);
            }
            Err(error) => findings.push(damaged(format!("{}: {error}", event.id))),
        }
    }
    if findings.is_empty() {
        let what = format!("{} events, {lines_count} lines of proceedings, unbroken", events.len());
        findings.push(Finding::ok(TOPIC, what));
    }
    findings.extend(clock(last, SystemClock.now()));
    findings
}

/// A clock that shows an earlier time than the proceedings has been set back.
fn clock(last: Timestamp, now: Timestamp) -> Option<Finding> {
    (last.0 > now.0.saturating_add(CLOCK_BEHIND_MS)).then(|| {
        Finding::wrong(
            "clock",
            "shows an earlier time than the last line of the proceedings",
            "set it right: timedatectl status",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_behind_the_proceedings_is_wrong() {
        let now = Timestamp(1_000_000);
        assert!(clock(Timestamp(1_001_000), now).is_none());
        assert!(clock(Timestamp(1_060_000), now).is_some());
    }
}
