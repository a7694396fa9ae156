//! Between the recogniser and the proceedings. What it hears is decided at the media engine (see
//! `media.rs`); here what it understood becomes lines of the transcript, and those who moderate are
//! told when it does not keep up.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::limits::TRANSCRIPT_LINE_CHARS_MAX;
use base::{Clock, EventId, Language, Millis, Timestamp};
use proceedings::{Actor, Command, EventState, RecordCommand};
use recognition::{ModelError, News, Recognition, Spoken, Whisper};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::event_actor::{Ask, NotDone};
use crate::open::Open;

/// News that may wait for the events' tasks: minutes of speech. What does not fit is lost, as the
/// proceedings cannot be stored then either.
const NEWS_MAX: usize = 1_000;

/// How often a line that cannot be stored is tried again, and how long after.
const TRIES_MAX: usize = 10;
const RETRY: Duration = Duration::from_secs(1);

/// How long those who moderate go on being told that something was left out.
const BEHIND_TOLD: Duration = Duration::from_secs(30);

/// The media engine hears a decision a moment after it was taken. A line that reaches so little
/// beyond the change of status is cut there.
const MEDIA_LATENESS: Millis = Millis(1_000);

/// What a server does about speech.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognising {
    /// The weights: a ggml file of a Whisper model.
    pub model: PathBuf,
    /// Languages that are to be recognised; empty means those of each event.
    pub languages: Vec<Language>,
    /// Threads that work on one utterance, at least 1.
    pub threads: usize,
    /// Hundredths of the time that they work at the most, 1 to 100.
    pub share_percent: u8,
}

/// Why speech cannot be recognised.
#[derive(Debug, thiserror::Error)]
pub enum RecognitionError {
    /// The file of the weights.
    #[error("the speech model {}: {error}", path.display())]
    Model {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: ModelError,
    },
    /// The threads.
    #[error(transparent)]
    Start(#[from] recognition::StartError),
}

/// Reads the weights and has ten seconds of noise recognised; says how many times as fast as it is
/// spoken speech is recognised, when nothing else is done.
///
/// # Errors
/// [`RecognitionError`] when the weights cannot be used.
pub fn try_recognition(config: &Recognising) -> Result<f64, RecognitionError> {
    let whisper = Whisper::open(&config.model, config.threads);
    let mut whisper =
        whisper.map_err(|error| RecognitionError::Model { path: config.model.clone(), error })?;
    Ok(recognition::speed(&mut whisper))
}

/// The recogniser, and what it has to tell.
pub(crate) struct Ears {
    pub(crate) recognition: Arc<Recognition>,
    events: Arc<OnceLock<Arc<Open>>>,
    news: mpsc::Receiver<News>,
}

impl Ears {
    /// Reads the weights and starts the recogniser.
    pub(crate) fn open(
        config: Recognising,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RecognitionError> {
        let Recognising { model: path, languages, threads, share_percent } = config;
        let whisper = Whisper::open(&path, threads)
            .map_err(|error| RecognitionError::Model { path, error })?;
        let events: Arc<OnceLock<Arc<Open>>> = Arc::default();
        let known = Arc::clone(&events);
        let spoken = move |event: &EventId| {
            let handle = known.get().and_then(|events| events.opened(event));
            handle.map_or_else(Vec::new, |handle| handle.read(|state| asked(state, &languages)))
        };
        let (tell, news) = mpsc::channel(NEWS_MAX);
        let recognition = Recognition::start(
            recognition::Config { share_percent },
            Box::new(whisper),
            Box::new(spoken),
            clock,
            move |news| {
                if tell.try_send(news).is_err() {
                    tracing::error!("what was recognised cannot be handed on, and is lost");
                }
            },
        )?;
        Ok(Self { recognition: Arc::new(recognition), events, news })
    }

    /// Writes down what is said in `events`, until the recogniser ends.
    pub(crate) async fn carry(self, events: Arc<Open>) {
        let Self { recognition, events: known, mut news } = self;
        // Its threads hold the only senders.
        drop(recognition);
        // It is set once, here.
        let _ = known.set(Arc::clone(&events));
        let mut behind: BTreeMap<EventId, Instant> = BTreeMap::new();
        loop {
            let next = behind.values().min().copied();
            let over = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = news.recv() => match news {
                    None => return,
                    Some(News::Spoken(spoken)) => write_down(&events, spoken).await,
                    Some(News::Partial { event, person, language, text }) => {
                        ask(&events, &event, Ask::PartialCaption { language, person, text }).await;
                    }
                    Some(News::Dropped(event)) => {
                        if behind.insert(event.clone(), Instant::now() + BEHIND_TOLD).is_none() {
                            ask(&events, &event, Ask::RecogniserBehind(true)).await;
                        }
                    }
                },
                () = over => {
                    let now = Instant::now();
                    let over = behind.iter().filter(|(_, until)| **until <= now);
                    let over: Vec<EventId> = over.map(|(event, _)| event.clone()).collect();
                    for event in over {
                        behind.remove(&event);
                        ask(&events, &event, Ask::RecogniserBehind(false)).await;
                    }
                }
            }
        }
    }
}

async fn ask(events: &Open, event: &EventId, ask: Ask) {
    if let Some(handle) = events.opened(event) {
        // An event whose task is gone has nobody to tell.
        let _ = handle.ask(ask).await;
    }
}

/// Which of the event's languages are to be recognised, that of the floor first.
fn asked(state: &EventState, wanted: &[Language]) -> Vec<Language> {
    let all = state.definition.languages.iter();
    all.filter(|language| wanted.is_empty() || wanted.contains(language)).cloned().collect()
}

/// Puts a line into the transcript.
async fn write_down(events: &Open, spoken: Spoken) {
    let Some(handle) = events.opened(&spoken.event) else { return };
    let Some(command) = handle.read(|state| line(state, &spoken)) else {
        tracing::debug!(event = %spoken.event, "what was recognised is in no part of the record");
        return;
    };
    for _ in 0..TRIES_MAX {
        let command = Command::Record(command.clone());
        match handle.command_of(Actor::Server, command).await {
            Ok(_) => return,
            Err(NotDone::Refused(refusal)) => {
                tracing::debug!(event = %spoken.event, %refusal, "a recognised line is refused");
                return;
            }
            Err(NotDone::Unavailable) => tokio::time::sleep(RETRY).await,
        }
    }
    tracing::error!(event = %spoken.event, "a recognised line could not be stored, and is lost");
}

/// The command for a line; `None` when it lies outside of what is on the record.
fn line(state: &EventState, spoken: &Spoken) -> Option<RecordCommand> {
    let time = &state.record.time;
    let run = time.run_at(spoken.start)?;
    let mut end = spoken.end;
    if let Some(until) = run.until.filter(|until| *until < end) {
        let over = end.since(until);
        let next = time.run_at(until).map(|next| next.status);
        if next != Some(run.status) && over <= MEDIA_LATENESS {
            end = until;
        }
    }
    Some(RecordCommand::CommitTranscriptLine {
        person: spoken.person.clone(),
        start: spoken.start,
        end: end.max(Timestamp(spoken.start.0.saturating_add(1))),
        language: spoken.language.clone(),
        interpreted_from: None,
        text: spoken.text.chars().take(TRANSCRIPT_LINE_CHARS_MAX).collect(),
    })
}
