//! The utterances that wait to be recognised, and the thread that does it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{EventId, PersonId};
use rustix::time::{ClockId, clock_gettime};

use crate::engine::{Counters, Languages, News, Output, Spoken};
use crate::judgement::{Doubt, judge};
use crate::lines::lines;
use crate::recogniser::{Care, Recogniser};
use crate::track::Timed;

/// Sound that may wait, in milliseconds. What is a minute late is no caption any more, and a
/// machine that is a minute behind does not catch up.
pub(crate) const WAITING_MS_MAX: u64 = 60_000;

/// An utterance that waits.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) event: EventId,
    pub(crate) person: Option<PersonId>,
    pub(crate) timed: Timed,
    /// It is still being said: what is understood is shown, and not kept.
    pub(crate) partial: bool,
}

/// What waits.
#[derive(Debug, Default)]
pub(crate) struct Work {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    pending: VecDeque<Pending>,
    length_ms: u64,
    /// One is being recognised.
    works: bool,
    stopped: bool,
}

impl Work {
    /// Puts an utterance in; gives those that have to go for it, the oldest.
    pub(crate) fn push(&self, pending: Pending) -> Vec<Pending> {
        let mut waiting = self.lock();
        let mut dropped = Vec::new();
        waiting.length_ms += pending.timed.utterance.length_ms();
        waiting.pending.push_back(pending);
        while waiting.length_ms > WAITING_MS_MAX {
            let Some(oldest) = waiting.pending.pop_front() else { break };
            waiting.length_ms -= oldest.timed.utterance.length_ms();
            if !oldest.partial {
                dropped.push(oldest);
            }
        }
        drop(waiting);
        self.changed.notify_one();
        dropped
    }

    /// Waits for an utterance; `None` when there will be none.
    fn pop(&self) -> Option<Pending> {
        let mut waiting = self.lock();
        waiting.works = false;
        loop {
            if waiting.stopped {
                return None;
            }
            if let Some(pending) = waiting.pending.pop_front() {
                waiting.length_ms -= pending.timed.utterance.length_ms();
                waiting.works = true;
                return Some(pending);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for `rest`, or until there is nothing more to wait for.
    fn rest(&self, rest: Duration) {
        let waiting = self.lock();
        let goes_on = |waiting: &mut Waiting| !waiting.stopped;
        // Whether the time is over or the work is, the next step finds out.
        drop(self.changed.wait_timeout_while(waiting, rest, goes_on));
    }

    /// Ends the work; what waits is given up.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// True when nothing waits and nothing is being recognised.
    pub(crate) fn is_idle(&self) -> bool {
        let waiting = self.lock();
        waiting.pending.is_empty() && !waiting.works
    }

    /// How much sound waits, in milliseconds.
    pub(crate) fn length_ms(&self) -> u64 {
        self.lock().length_ms
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing is left half done by a panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that recognises.
pub(crate) struct Worker {
    pub(crate) work: Arc<Work>,
    pub(crate) recogniser: Box<dyn Recogniser>,
    pub(crate) languages: Languages,
    pub(crate) output: Output,
    pub(crate) counters: Arc<Counters>,
    /// Of each second it works so many hundredths at most.
    pub(crate) share_percent: u8,
}

impl Worker {
    pub(crate) fn run(mut self) {
        lower_priority();
        while let Some(pending) = self.work.pop() {
            let before = cpu_time();
            self.recognise(pending);
            let worked = cpu_time().saturating_sub(before);
            let worked_us = u64::try_from(worked.as_micros()).unwrap_or(u64::MAX);
            self.counters.worked_us.fetch_add(worked_us, Ordering::Relaxed);
            let share = u32::from(self.share_percent.clamp(1, 100));
            self.work.rest(worked * (100 - share) / share);
        }
    }

    fn recognise(&mut self, pending: Pending) {
        let Pending { event, person, timed: Timed { start_ms, utterance }, partial } = pending;
        let languages = (self.languages)(&event);
        let sound_ms = utterance.length_ms();
        let heard = catch_unwind(AssertUnwindSafe(|| {
            let care = if partial { Care::Quick } else { Care::Thorough };
            self.recogniser.recognise(&utterance.samples, &languages, care)
        }));
        self.counters.sound_ms.fetch_add(sound_ms, Ordering::Relaxed);
        let Ok(heard) = heard else {
            // The panic's own message is on the standard error already.
            tracing::error!(%event, "an utterance could not be recognised");
            self.counters.failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        // Nothing in a language that is known: the event is another recogniser's.
        let Some(heard) = heard else { return };
        let language = heard.language.clone();
        let words = match judge(&utterance, heard) {
            Ok(words) => words,
            Err(_) if partial => return,
            Err(doubt) => {
                tracing::debug!(%event, ?doubt, "an utterance is not believed");
                let place = Doubt::ALL.iter().position(|known| *known == doubt);
                if let Some(count) = place.and_then(|place| self.counters.doubted.get(place)) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                return;
            }
        };
        if partial {
            // Under the Chatham House Rule nobody could be told whose words they are.
            let Some(person) = person else { return };
            let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
            self.output.tell(News::Partial { event, person, language, text });
            return;
        }
        self.counters.recognised.fetch_add(1, Ordering::Relaxed);
        for piece in lines(&words) {
            let at = |ms: u64| start_ms.saturating_add_unsigned(ms.min(sound_ms));
            self.output.tell(News::Spoken(Spoken {
                event: event.clone(),
                person: person.clone(),
                start: self.output.moment(at(piece.start_ms)),
                end: self.output.moment(at(piece.end_ms)),
                language: language.clone(),
                text: piece.text,
            }));
        }
    }
}

/// The processor time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let secs = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(secs, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Everything else that the machine has to do goes before. On Linux threads have priorities of
/// their own, and hand them on to those that they start.
fn lower_priority() {
    const NICEST: i32 = 19;
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), NICEST) {
        tracing::warn!(%error, "speech is recognised at the priority of everything else");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::utterance::Utterance;

    fn pending(seconds: usize) -> Pending {
        let samples = vec![0.0; seconds * crate::SAMPLE_HZ];
        let utterance = Utterance { at: 0, active: vec![true; seconds * 50], samples };
        let timed = Timed { start_ms: seconds as i64, utterance };
        Pending { event: "e".parse().expect("an id"), person: None, timed, partial: false }
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_goes() {
        let work = Work::default();
        let mut dropped = Vec::new();
        for seconds in 1..=14 {
            dropped.extend(work.push(pending(seconds)).into_iter().map(|p| p.timed.start_ms));
            assert!(work.length_ms() <= WAITING_MS_MAX);
        }
        assert_eq!(dropped, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(work.pop().map(|p| p.timed.start_ms), Some(10));
        assert_eq!(work.length_ms(), 50_000);
        work.stop();
        assert!(work.pop().is_none(), "what waits is given up");
        work.rest(Duration::from_secs(3_600));
    }
}
