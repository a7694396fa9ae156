//! The way from the media workers to the recorder's thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::EventId;
use forwarding::sink::{Message, Subscriber};

use crate::index::{ChapterAt, Index};

/// Packets that may wait: two seconds of twelve people with three layers each. A disk that stands
/// still for longer costs what does not fit.
const PACKETS_MAX: usize = 20_000;

/// What else may wait. Sinks open and close as people press buttons; this is far beyond it.
const OTHERS_MAX: usize = 10_000;

/// What the recorder's thread is given to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// From the media engine.
    Media(Message),
    /// An event is closed: its files are to be finished.
    Finish { event: EventId, chapters: Vec<ChapterAt>, reply: tokio::sync::oneshot::Sender<Index> },
    /// The program ends: everything is to be finished.
    Stop,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    packets: usize,
    /// The recorder waits to be woken.
    sleeps: bool,
}

impl Queue {
    /// Puts something in; `false` when there was no room.
    pub(crate) fn push(&self, job: Job) -> bool {
        let mut waiting = self.lock();
        let is_packet = matches!(job, Job::Media(Message::Packet(_)));
        let others = waiting.jobs.len() - waiting.packets;
        let full = if is_packet { waiting.packets >= PACKETS_MAX } else { others >= OTHERS_MAX };
        if full {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        waiting.packets += usize::from(is_packet);
        waiting.jobs.push_back(job);
        let wake = std::mem::take(&mut waiting.sleeps);
        drop(waiting);
        if wake {
            self.filled.notify_one();
        }
        true
    }

    /// Takes everything out, waiting for something until `patience` is over.
    pub(crate) fn take(&self, patience: Duration) -> VecDeque<Job> {
        let mut waiting = self.lock();
        if waiting.jobs.is_empty() {
            waiting.sleeps = true;
            let waited = self.filled.wait_timeout(waiting, patience);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
            waiting.sleeps = false;
        }
        waiting.packets = 0;
        std::mem::take(&mut waiting.jobs)
    }

    /// What was dropped since this was last asked.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing is left half done by a panic: each change is a push or a swap.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue's end in the media engine.
#[derive(Debug)]
pub(crate) struct Entrance(pub(crate) Arc<Queue>);

impl Subscriber for Entrance {
    fn take(&self, message: Message) {
        self.0.push(Job::Media(message));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use forwarding::sink::{SinkId, SinkPacket};

    use super::*;

    #[test]
    fn a_full_queue_drops_packets_and_still_takes_orders() {
        let queue = Queue::default();
        let packet = SinkPacket {
            sink: SinkId(1),
            layer: 0,
            ssrc: 1,
            sequence: 1,
            timestamp: 0,
            marker: false,
            key_frame_start: false,
            arrived: Instant::now(),
            report: None,
            payload: Arc::from([]),
        };
        for _ in 0..PACKETS_MAX + 7 {
            queue.push(Job::Media(Message::Packet(packet.clone())));
        }
        assert!(queue.push(Job::Stop), "an order is not lost to packets");
        assert_eq!((queue.take_dropped(), queue.take_dropped()), (7, 0));
        assert_eq!(queue.take(Duration::ZERO).len(), PACKETS_MAX + 1);
        assert!(queue.take(Duration::ZERO).is_empty());
    }
}
