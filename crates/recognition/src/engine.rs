//! The handle: two threads, one that listens, one that recognises.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base::{Clock, EventId, Language, PersonId, Timestamp};
use forwarding::sink::{Opened, SinkId, Subscriber};

use crate::judgement::Doubt;
use crate::queue::{Entrance, Job, Queue};
use crate::recogniser::Recogniser;
use crate::track::{Timed, Track};
use crate::work::{Pending, Work, Worker};

/// How long the listening thread waits for something before it looks after its tracks.
const WAIT: Duration = Duration::from_millis(50);

/// Tells which languages may be spoken in an event, that of the floor first; none when nothing is to
/// be recognised there.
pub type Languages = Box<dyn Fn(&EventId) -> Vec<Language> + Send>;

/// How to recognise.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Of each second the recogniser works so many hundredths at most, 1 to 100.
    pub share_percent: u8,
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Something was said.
    Spoken(Spoken),
    /// Somebody is saying something: what was understood so far, to be shown and not kept.
    Partial {
        /// In which event.
        event: EventId,
        /// Whose track it is.
        person: PersonId,
        /// In which language.
        language: Language,
        /// The words so far.
        text: String,
    },
    /// The machine does not keep up: an utterance of this event was not recognised.
    Dropped(EventId),
}

/// A line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// In which event.
    pub event: EventId,
    /// Whose track it was; `None` under the Chatham House Rule.
    pub person: Option<PersonId>,
    /// From when.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// In which language.
    pub language: Language,
    /// The words.
    pub text: String,
}

/// What has been done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tallies {
    /// Utterances that became lines.
    pub recognised: u64,
    /// Utterances that were not believed, for each [`Doubt::ALL`].
    pub doubted: [u64; Doubt::ALL.len()],
    /// Utterances for which there was no time.
    pub dropped: u64,
    /// Utterances at which the recogniser failed.
    pub failed: u64,
    /// Packets that found no room.
    pub packets_dropped: u64,
    /// Sound that was recognised, in milliseconds.
    pub sound_ms: u64,
    /// Processor time that it took, in microseconds.
    pub worked_us: u64,
    /// Sound that waits now, in milliseconds.
    pub waiting_ms: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) recognised: AtomicU64,
    pub(crate) doubted: [AtomicU64; Doubt::ALL.len()],
    pub(crate) dropped: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) sound_ms: AtomicU64,
    pub(crate) worked_us: AtomicU64,
}

/// Where news go, and what time it is.
#[derive(Clone)]
pub(crate) struct Output {
    tell: Arc<dyn Fn(News) + Send + Sync>,
    wall: Arc<dyn Clock>,
    origin: Instant,
}

impl Output {
    pub(crate) fn tell(&self, news: News) {
        (self.tell)(news);
    }

    /// Milliseconds since the origin.
    fn ms(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.origin);
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// The moment on the wall of one of ours, as the wall's clock is set now.
    pub(crate) fn moment(&self, ms: i64) -> Timestamp {
        let ago = self.ms(Instant::now()).saturating_sub(ms);
        Timestamp(self.wall.now().0.saturating_sub(ago))
    }
}

/// Why recognition did not start.
#[derive(Debug, thiserror::Error)]
#[error("the threads of speech recognition cannot be started: {0}")]
pub struct StartError(#[from] io::Error);

/// The handle.
pub struct Recognition {
    queue: Arc<Queue>,
    work: Arc<Work>,
    counters: Arc<Counters>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Recognition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recognition").field("tallies", &self.tallies()).finish_non_exhaustive()
    }
}

impl Recognition {
    /// Starts both threads. `tell` is called from them and must return at once.
    ///
    /// # Errors
    /// [`StartError`] when there is no thread.
    pub fn start(
        config: Config,
        recogniser: Box<dyn Recogniser>,
        languages: Languages,
        wall: Arc<dyn Clock>,
        tell: impl Fn(News) + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let (queue, work) = (Arc::new(Queue::default()), Arc::new(Work::default()));
        let counters = Arc::new(Counters::default());
        let output = Output { tell: Arc::new(tell), wall, origin: Instant::now() };
        let worker = Worker {
            work: Arc::clone(&work),
            recogniser,
            languages,
            output: output.clone(),
            counters: Arc::clone(&counters),
            share_percent: config.share_percent,
        };
        let listener = Listener {
            queue: Arc::clone(&queue),
            work: Arc::clone(&work),
            counters: Arc::clone(&counters),
            output,
            tracks: BTreeMap::new(),
        };
        let started = Self { queue, work, counters, threads: Mutex::default() };
        let threads = [
            std::thread::Builder::new().name("recogniser".to_owned()).spawn(|| worker.run()),
            std::thread::Builder::new().name("listener".to_owned()).spawn(|| listener.run()),
        ];
        for thread in threads {
            started.lock().push(thread?);
        }
        Ok(started)
    }

    /// Its end in the media engine.
    pub fn subscriber(&self) -> Arc<dyn Subscriber> {
        Arc::new(Entrance(Arc::clone(&self.queue)))
    }

    /// What has been done so far.
    pub fn tallies(&self) -> Tallies {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        Tallies {
            recognised: count(&counters.recognised),
            doubted: std::array::from_fn(|place| count(&counters.doubted[place])),
            dropped: count(&counters.dropped),
            failed: count(&counters.failed),
            packets_dropped: self.queue.dropped(),
            sound_ms: count(&counters.sound_ms),
            worked_us: count(&counters.worked_us),
            waiting_ms: self.work.length_ms(),
        }
    }

    /// True when all that came so far is recognised, apart from what is still being said.
    pub fn is_idle(&self) -> bool {
        // In this order: what leaves the first comes to the second before the first is idle.
        self.queue.is_idle() && self.work.is_idle()
    }

    /// Ends both threads and waits for it: for the utterance at hand, at the longest. What waits is
    /// given up.
    pub fn stop(&self) {
        self.queue.stop();
        self.work.stop();
        for thread in std::mem::take(&mut *self.lock()) {
            if thread.join().is_err() {
                tracing::error!("a thread of speech recognition panicked");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Recognition {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The thread that listens.
struct Listener {
    queue: Arc<Queue>,
    work: Arc<Work>,
    counters: Arc<Counters>,
    output: Output,
    /// As many as the queue lets in.
    tracks: BTreeMap<SinkId, Track>,
}

impl Listener {
    fn run(mut self) {
        let mut told_of_drops = 0;
        loop {
            for job in self.queue.take(WAIT) {
                match job {
                    Job::Opened(opened) => self.open(*opened),
                    Job::Packet(packet) => {
                        let arrived_ms = self.output.ms(packet.arrived);
                        let Some(track) = self.tracks.get_mut(&packet.sink) else { continue };
                        let ended = track.push(packet, arrived_ms);
                        hand_on(track, ended, &self.work, &self.counters, &self.output);
                    }
                    Job::Closed(sink) => {
                        let Some(mut track) = self.tracks.remove(&sink) else { continue };
                        let ended = track.finish();
                        hand_on(&track, ended, &self.work, &self.counters, &self.output);
                    }
                    Job::Stop => return,
                }
            }
            let now_ms = self.output.ms(Instant::now());
            for track in self.tracks.values_mut() {
                let ended = track.pop(now_ms);
                hand_on(track, ended, &self.work, &self.counters, &self.output);
            }
            self.look_ahead();
            let dropped = self.queue.dropped();
            if dropped > 0 && told_of_drops == 0 {
                tracing::warn!("voices come faster than they can be listened to");
            }
            told_of_drops = dropped;
        }
    }

    /// Has what is being said recognised as far as it goes, while there is nothing better to do.
    fn look_ahead(&mut self) {
        if !self.work.is_idle() {
            return;
        }
        let due = self.tracks.values_mut().find_map(|track| {
            let timed = track.peek()?;
            Some((track.event.clone(), track.person.clone(), timed))
        });
        if let Some((event, person, timed)) = due {
            self.work.push(Pending { event, person, timed, partial: true });
        }
    }

    fn open(&mut self, opened: Opened) {
        let sink = opened.sink;
        match Track::new(opened, self.output.ms(Instant::now())) {
            Ok(track) => drop(self.tracks.insert(sink, track)),
            Err(error) => tracing::error!(%error, "a voice cannot be decoded"),
        }
    }
}

/// Puts what was said into the queue of the recogniser.
fn hand_on(track: &Track, ended: Vec<Timed>, work: &Work, counters: &Counters, output: &Output) {
    for timed in ended {
        let (event, person) = (track.event.clone(), track.person.clone());
        for dropped in work.push(Pending { event, person, timed, partial: false }) {
            if counters.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::warn!("speech comes faster than it is recognised: some is left out");
            }
            output.tell(News::Dropped(dropped.event));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use base::ManualClock;
    use forwarding::TrackKind;
    use forwarding::sink::Message;

    use super::*;
    use crate::SAMPLE_HZ;
    use crate::activity::tests::voice;
    use crate::queue::tests::{opened, packet};
    use crate::recogniser::{Care, Heard, Word};
    use crate::track::tests::coded;

    /// Hears in each utterance how long it is.
    struct Ruler {
        takes: Duration,
    }

    impl Recogniser for Ruler {
        fn recognise(&mut self, samples: &[f32], languages: &[Language], _: Care) -> Option<Heard> {
            std::thread::sleep(self.takes);
            let length_ms = (samples.len() * 1_000 / SAMPLE_HZ) as u64;
            assert!(length_ms < 13_000, "the longest are too much for it");
            let text = format!("{} seconds", length_ms / 1_000);
            let word = Word { text, start_ms: 0, end_ms: length_ms, confidence: -0.1 };
            let language = languages.first()?.clone();
            Some(Heard {
                language,
                language_share: 1.0,
                words: vec![word],
                no_speech: 0.0,
                confidence: -0.1,
                complete: true,
            })
        }
    }

    const NOON: i64 = 1_612_857_600_000;

    fn start(takes: Duration) -> (Recognition, Receiver<News>) {
        let (tell, news) = channel();
        let languages: Languages = Box::new(|event| match event.as_str() {
            "e" => vec!["en".parse().expect("en")],
            _ => Vec::new(),
        });
        let recognition = Recognition::start(
            Config { share_percent: 100 },
            Box::new(Ruler { takes }),
            languages,
            Arc::new(ManualClock::new(Timestamp(NOON))),
            move |news| drop(tell.send(news)),
        );
        (recognition.expect("threads"), news)
    }

    fn send(to: &dyn Subscriber, sink: u64, from: u64, packets: &[Vec<u8>], now: Instant) {
        for (number, payload) in (from..).zip(packets) {
            to.take(packet(sink, number, now + Duration::from_millis(20 * number), payload));
        }
    }

    /// The next news that are no partial line.
    fn next(news: &Receiver<News>) -> News {
        loop {
            let next = news.recv_timeout(Duration::from_secs(60)).expect("news");
            if !matches!(next, News::Partial { .. }) {
                return next;
            }
        }
    }

    #[test]
    fn who_speaks_is_whose_track_it_is_and_nobody_under_the_rule() {
        let (recognition, news) = start(Duration::ZERO);
        let to = recognition.subscriber();
        let speech = coded(&[vec![0.0; SAMPLE_HZ / 2], voice(2.0, 140.0)].concat());
        let now = Instant::now();
        to.take(opened(1, TrackKind::Microphone, Some("ganich")));
        to.take(opened(2, TrackKind::Microphone, None));
        send(&*to, 1, 0, &speech, now);
        to.take(Message::Closed { sink: SinkId(1) });
        let News::Spoken(spoken) = next(&news) else { panic!("nothing was dropped") };
        assert_eq!(spoken.person.as_ref().map(PersonId::as_str), Some("ganich"));
        assert_eq!((spoken.language.as_str(), spoken.text.as_str()), ("en", "2 seconds"));
        assert!((1_900..2_500).contains(&(spoken.end.0 - spoken.start.0)), "{spoken:?}");
        // The wall's clock stands still, so the end of a sound from the future lies ahead.
        assert!((spoken.start.0 - NOON - 400).abs() < 400, "{spoken:?}");
        send(&*to, 2, 0, &speech, now);
        to.take(Message::Closed { sink: SinkId(2) });
        let News::Spoken(spoken) = next(&news) else { panic!("nothing was dropped") };
        assert_eq!(spoken.person, None);
        assert_eq!(recognition.tallies().recognised, 2);
    }

    #[test]
    fn nothing_comes_of_a_sink_that_is_closed_or_was_never_opened() {
        let (recognition, news) = start(Duration::ZERO);
        let to = recognition.subscriber();
        let speech = coded(&voice(2.0, 140.0));
        let now = Instant::now();
        send(&*to, 1, 0, &speech, now);
        to.take(opened(2, TrackKind::Microphone, Some("kazi")));
        to.take(Message::Closed { sink: SinkId(2) });
        send(&*to, 2, 0, &speech, now);
        to.take(opened(3, TrackKind::Microphone, Some("kazi")));
        send(&*to, 3, 0, &speech, now);
        to.take(Message::Closed { sink: SinkId(3) });
        let News::Spoken(_) = next(&news) else { panic!("nothing was dropped") };
        assert_eq!(recognition.tallies().recognised, 1, "that of the third alone");
    }

    #[test]
    fn who_falls_behind_drops_whole_utterances_and_says_so() {
        let (recognition, news) = start(Duration::from_millis(400));
        let to = recognition.subscriber();
        let speech = coded(&[voice(4.0, 140.0), vec![0.0; SAMPLE_HZ]].concat());
        let now = Instant::now();
        to.take(opened(1, TrackKind::Microphone, Some("kazi")));
        for round in 0..40 {
            send(&*to, 1, round * speech.len() as u64, &speech, now);
        }
        let first =
            std::iter::from_fn(|| Some(next(&news))).find(|news| matches!(news, News::Dropped(_)));
        assert_eq!(first, Some(News::Dropped("e".parse().expect("an id"))));
        assert!(recognition.tallies().waiting_ms <= 60_000);
        let stopping = Instant::now();
        recognition.stop();
        assert!(stopping.elapsed() < Duration::from_secs(20), "what waits is given up");
        let tallies = recognition.tallies();
        assert!(tallies.dropped > 0 && tallies.recognised < 30, "{tallies:?}");
    }

    #[test]
    fn a_recogniser_that_panics_loses_one_utterance() {
        let (recognition, news) = start(Duration::ZERO);
        let to = recognition.subscriber();
        let now = Instant::now();
        to.take(opened(1, TrackKind::Microphone, Some("kazi")));
        // Without a pause: cut at the longest, which is too much for this recogniser.
        let long = coded(&voice(13.5, 140.0));
        let silence = coded(&vec![0.0; SAMPLE_HZ]);
        let short = coded(&voice(2.0, 140.0));
        let all = [long, silence.clone(), short, silence].concat();
        send(&*to, 1, 0, &all, now);
        let News::Spoken(spoken) = next(&news) else { panic!("nothing was dropped") };
        assert_eq!(spoken.text, "2 seconds");
        assert_eq!(recognition.tallies().failed, 1);
    }
}
