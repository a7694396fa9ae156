//! The way from the media workers to the thread that listens.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forwarding::sink::{Message, Opened, SinkId, SinkPacket, Subscriber};
use forwarding::{Codec, TrackKind};

/// Packets that may wait: five seconds of twenty voices. What does not fit is not heard.
const PACKETS_MAX: usize = 5_000;

/// Voices at once: twelve people in twenty events, several times over. Further ones are not heard.
const VOICES_MAX: usize = 1_000;

/// What the thread is given.
#[derive(Debug)]
pub(crate) enum Job {
    Opened(Box<Opened>),
    Packet(SinkPacket),
    Closed(SinkId),
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
    /// The sinks that are voices. Each is opened and closed once, so that what else waits than
    /// packets is bounded by them.
    voices: BTreeSet<SinkId>,
    /// The thread waits to be woken.
    sleeps: bool,
    /// It is not done yet with what it took.
    works: bool,
}

impl Queue {
    /// Puts in what concerns voices.
    fn push(&self, message: Message) {
        let mut waiting = self.lock();
        let job = match message {
            Message::Opened(opened)
                if opened.kind == TrackKind::Microphone
                    && opened.codec == Codec::Opus
                    && waiting.voices.len() < VOICES_MAX =>
            {
                waiting.voices.insert(opened.sink);
                Job::Opened(opened)
            }
            Message::Packet(packet) if waiting.voices.contains(&packet.sink) => {
                if waiting.packets >= PACKETS_MAX {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                waiting.packets += 1;
                Job::Packet(packet)
            }
            Message::Closed { sink } if waiting.voices.remove(&sink) => Job::Closed(sink),
            _ => return,
        };
        self.put(waiting, job);
    }

    /// Tells the thread to end.
    pub(crate) fn stop(&self) {
        self.put(self.lock(), Job::Stop);
    }

    fn put(&self, mut waiting: MutexGuard<'_, Waiting>, job: Job) {
        waiting.jobs.push_back(job);
        let wake = std::mem::take(&mut waiting.sleeps);
        drop(waiting);
        if wake {
            self.filled.notify_one();
        }
    }

    /// Takes everything out, waiting for something until `patience` is over.
    pub(crate) fn take(&self, patience: Duration) -> VecDeque<Job> {
        let mut waiting = self.lock();
        waiting.works = false;
        if waiting.jobs.is_empty() {
            waiting.sleeps = true;
            let waited = self.filled.wait_timeout(waiting, patience);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
            waiting.sleeps = false;
        }
        waiting.packets = 0;
        waiting.works = !waiting.jobs.is_empty();
        std::mem::take(&mut waiting.jobs)
    }

    /// True when the thread is done with all that came.
    pub(crate) fn is_idle(&self) -> bool {
        let waiting = self.lock();
        waiting.jobs.is_empty() && !waiting.works
    }

    /// Packets that found no room, so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
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
        self.0.push(message);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Instant;

    use forwarding::sink::Place;

    use super::*;

    pub(crate) fn opened(sink: u64, kind: TrackKind, person: Option<&str>) -> Message {
        let codec = if kind == TrackKind::Camera { Codec::Vp8 } else { Codec::Opus };
        Message::Opened(Box::new(Opened {
            sink: SinkId(sink),
            event: "e".parse().expect("an id"),
            person: person.map(|person| person.parse().expect("an id")),
            kind,
            codec,
            place: Place::Aside,
            clock: 1,
        }))
    }

    pub(crate) fn packet(sink: u64, number: u64, arrived: Instant, payload: &[u8]) -> Message {
        Message::Packet(SinkPacket {
            sink: SinkId(sink),
            layer: 0,
            ssrc: 1,
            sequence: number,
            timestamp: (number * 960) as u32,
            marker: false,
            key_frame_start: false,
            arrived,
            report: None,
            payload: Arc::from(payload),
        })
    }

    #[test]
    fn only_voices_come_in_and_packets_are_bounded() {
        let queue = Queue::default();
        let now = Instant::now();
        queue.push(opened(1, TrackKind::Microphone, Some("kazi")));
        queue.push(opened(2, TrackKind::Camera, Some("kazi")));
        queue.push(opened(3, TrackKind::ScreenSound, Some("kazi")));
        for number in 0..PACKETS_MAX as u64 + 7 {
            for sink in 1..4 {
                queue.push(packet(sink, number, now, &[]));
            }
        }
        queue.push(Message::Closed { sink: SinkId(2) });
        queue.push(Message::Closed { sink: SinkId(1) });
        queue.push(packet(1, 9_999, now, &[]));
        assert_eq!(queue.dropped(), 7);
        let jobs = queue.take(Duration::ZERO);
        assert_eq!(jobs.len(), PACKETS_MAX + 2);
        assert!(matches!(jobs.back(), Some(Job::Closed(SinkId(1)))), "an order is not lost");
        queue.stop();
        assert!(matches!(queue.take(Duration::ZERO).pop_front(), Some(Job::Stop)));
    }
}
