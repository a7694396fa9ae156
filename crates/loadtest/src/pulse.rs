//! Notices when this machine stands still, so that a rehearsal does not blame the server for it.
//!
//! A beat every few milliseconds on the same runtime as the synthetic people; where two beats lie
//! far apart, nobody here could send or receive in time.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Time between two beats.
const BEAT: Duration = Duration::from_millis(5);

/// A longer time between two beats is a stall.
const STALL_MIN: Duration = Duration::from_millis(25);

/// Stalls that are kept. A machine with more is no place to rehearse, and the total tells.
const STALLS_MAX: usize = 100_000;

/// The times in which this machine stood still, in order.
#[derive(Debug, Clone, Default)]
pub struct Stalls(Vec<(Instant, Instant)>);

impl Stalls {
    /// How long the machine stood still between two moments.
    pub fn between(&self, from: Instant, to: Instant) -> Duration {
        let first = self.0.partition_point(|(_, end)| *end <= from);
        self.0[first..]
            .iter()
            .take_while(|(start, _)| *start < to)
            .map(|(start, end)| (*end).min(to).saturating_duration_since((*start).max(from)))
            .sum()
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.0.iter().map(|(start, end)| *end - *start).max().unwrap_or_default()
    }

    /// All together.
    pub fn total(&self) -> Duration {
        self.0.iter().map(|(start, end)| *end - *start).sum()
    }

    /// For tests of those who use it.
    #[cfg(test)]
    pub(crate) fn of(stalls: Vec<(Instant, Instant)>) -> Self {
        Self(stalls)
    }
}

/// A running pulse.
pub struct Pulse {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Stalls>,
}

impl Pulse {
    /// Starts it on the present runtime.
    pub fn start() -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut stalls = Stalls::default();
            let mut last = Instant::now();
            loop {
                tokio::select! {
                    _ = &mut stopped => return stalls,
                    () = tokio::time::sleep(BEAT) => {}
                }
                let now = Instant::now();
                if now - last >= STALL_MIN && stalls.0.len() < STALLS_MAX {
                    stalls.0.push((last, now));
                }
                last = now;
            }
        });
        Self { stop, task }
    }

    /// Stops it and tells what it noticed.
    pub async fn stop(self) -> Stalls {
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn stalls_count_as_far_as_they_overlap() {
        let start = Instant::now();
        let at = |ms: u32| start + MS * ms;
        let stalls = Stalls::of(vec![(at(100), at(200)), (at(300), at(350))]);
        for (from, to, expected) in [
            (0, 100, 0),
            (0, 150, 50),
            (120, 320, 100),
            (110, 120, 10),
            (200, 300, 0),
            (0, 900, 150),
        ] {
            assert_eq!(stalls.between(at(from), at(to)), MS * expected, "{from} to {to}");
        }
        assert_eq!((stalls.longest(), stalls.total()), (MS * 100, MS * 150));
    }

    #[tokio::test]
    async fn a_blocked_runtime_is_noticed() {
        let pulse = Pulse::start();
        tokio::time::sleep(MS * 20).await;
        let from = Instant::now();
        std::thread::sleep(MS * 120);
        let to = Instant::now();
        tokio::time::sleep(MS * 20).await;
        assert!(pulse.stop().await.between(from, to) >= MS * 100);
    }
}
