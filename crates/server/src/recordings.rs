//! Between the proceedings and the recorder. What is recorded is decided at the media engine (see
//! `media.rs`); here an event that is closed gets its recording finished, and those who moderate
//! are told how it stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_types::{RecordingProblem, RecordingSection};
use base::{EventId, SegmentId, Timestamp};
use proceedings::{Event, Line, SegmentKind};
use recording::{Archive, ArchiveHealth, ChapterAt, Health, Problem, Recorder};
use storage::Storage;
use tokio::sync::watch;

use crate::event_actor::Ask;
use crate::open::Open;

/// Runs of segments that become chapters: each segment a dozen times.
const CHAPTERS_MAX: usize = 1_000;

/// Finishes the recording of a closed event without waiting for it.
pub(crate) fn close(recorder: &Arc<Recorder>, storage: &Arc<dyn Storage>, event: &EventId) {
    let (recorder, storage, event) = (Arc::clone(recorder), Arc::clone(storage), event.clone());
    tokio::spawn(async move {
        let chapters = match storage::load(&*storage, &event).await {
            Ok(lines) => chapters(&lines.unwrap_or_default()),
            Err(error) => {
                tracing::error!(%event, %error, "a recording is finished without its chapters");
                Vec::new()
            }
        };
        if recorder.finish(&event, chapters).await.is_some() {
            tracing::info!(%event, "the recording is finished");
        }
    });
}

/// Tells the events how their recordings stand, until the recorder ends.
pub(crate) async fn carry(
    recorder: Arc<Recorder>,
    archive: Option<Arc<Archive>>,
    events: Arc<Open>,
) {
    let mut health = recorder.health();
    drop(recorder);
    let mut store = archive.map(|archive| archive.health());
    let mut told: BTreeMap<EventId, RecordingSection> = BTreeMap::new();
    loop {
        let of_recorder = health.borrow_and_update().clone();
        let of_store = store.as_mut().map(|store| store.borrow_and_update().clone());
        let all = sections(&of_recorder, of_store.as_ref());
        for event in told.keys().filter(|event| !all.contains_key(*event)) {
            tell(&events, event, RecordingSection::default()).await;
        }
        for (event, section) in &all {
            if told.get(event) != Some(section) {
                tell(&events, event, *section).await;
            }
        }
        told = all;
        let changed = tokio::select! {
            changed = health.changed() => changed,
            changed = changed(&mut store) => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Resolves when it stands otherwise with the store; never where there is none.
async fn changed(
    store: &mut Option<watch::Receiver<ArchiveHealth>>,
) -> Result<(), watch::error::RecvError> {
    match store {
        Some(store) => store.changed().await,
        None => std::future::pending().await,
    }
}

/// What each event is told. That the store fails is told to every event that records and to those
/// whose files wait, unless something worse is to be told.
fn sections(
    recorder: &BTreeMap<EventId, Health>,
    store: Option<&ArchiveHealth>,
) -> BTreeMap<EventId, RecordingSection> {
    let mut all: BTreeMap<EventId, RecordingSection> =
        recorder.iter().map(|(event, health)| (event.clone(), view(*health))).collect();
    let Some(store) = store.filter(|store| store.failing) else { return all };
    for event in &store.waiting {
        all.entry(event.clone()).or_default();
    }
    for section in all.values_mut() {
        section.problem = section.problem.or(Some(RecordingProblem::StoreFails));
    }
    all
}

async fn tell(events: &Open, event: &EventId, section: RecordingSection) {
    if let Some(handle) = events.opened(event) {
        // An event whose task is gone has nobody to tell.
        let _ = handle.ask(Ask::Recording(section)).await;
    }
}

fn view(health: Health) -> RecordingSection {
    RecordingSection {
        recording: health.recording,
        problem: health.problem.map(|problem| match problem {
            Problem::DiskNearlyFull => RecordingProblem::DiskNearlyFull,
            Problem::DiskFull => RecordingProblem::DiskFull,
            Problem::WriteFailed => RecordingProblem::WriteFailed,
            Problem::Overloaded => RecordingProblem::Overloaded,
        }),
        recogniser_behind: false,
    }
}

/// When each segment ran, by the proceedings. A segment that was taken up again has a chapter for
/// each time.
fn chapters(lines: &[Line]) -> Vec<ChapterAt> {
    let Some(Event::EventCreated { definition }) = lines.first().map(|line| &line.event) else {
        return Vec::new();
    };
    let title = |id: &SegmentId| {
        let segment = definition.segments.iter().find(|segment| segment.id == *id)?;
        let own = segment.title.as_ref().zip(definition.languages.first());
        let own = own.and_then(|(title, first)| title.best(first, &definition.languages));
        Some(own.unwrap_or_else(|| kind_name(segment.kind)).to_owned())
    };
    let mut chapters: Vec<ChapterAt> = Vec::new();
    let mut running: Option<(SegmentId, Timestamp)> = None;
    let mut end = |running: &mut Option<(SegmentId, Timestamp)>, at: Timestamp| {
        let Some((segment, began_at)) = running.take() else { return };
        if let Some(title) = title(&segment).filter(|_| chapters.len() < CHAPTERS_MAX) {
            chapters.push(ChapterAt { segment, title, began_at, ended_at: at });
        }
    };
    for line in lines {
        match &line.event {
            Event::SegmentBegan { segment } => {
                end(&mut running, line.at);
                running = Some((segment.clone(), line.at));
            }
            Event::SegmentEnded { .. } | Event::EventClosed => end(&mut running, line.at),
            _ => {}
        }
    }
    chapters
}

/// Names of segments that have none of their own, as players show them.
fn kind_name(kind: SegmentKind) -> &'static str {
    match kind {
        SegmentKind::IntroductoryRemarks => "Introductory remarks",
        SegmentKind::PlenaryAddress => "Plenary address",
        SegmentKind::Discussion => "Discussion",
        SegmentKind::Questions => "Questions",
        SegmentKind::ConcludingNote => "Concluding note",
        SegmentKind::Other => "Segment",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proceedings::{Actor, Tip};

    #[test]
    fn that_the_store_fails_is_told_unless_something_is_worse() {
        let id = |text: &str| text.parse::<EventId>().expect("an id");
        let well = Health { recording: true, problem: None };
        let full = Health { recording: false, problem: Some(Problem::DiskFull) };
        let recorder = BTreeMap::from([(id("now"), well), (id("full"), full)]);
        let waiting = std::collections::BTreeSet::from([id("before")]);
        let mut store = ArchiveHealth { waiting, failing: true };
        let told = |store: &ArchiveHealth, event: &str| {
            sections(&recorder, Some(store)).get(&id(event)).map(|section| section.problem)
        };
        assert_eq!(told(&store, "now"), Some(Some(RecordingProblem::StoreFails)));
        assert_eq!(told(&store, "before"), Some(Some(RecordingProblem::StoreFails)));
        assert_eq!(told(&store, "full"), Some(Some(RecordingProblem::DiskFull)));
        store.failing = false;
        assert_eq!(told(&store, "now"), Some(None));
        assert_eq!(told(&store, "before"), None);
    }

    #[test]
    fn a_segment_taken_up_again_has_two_chapters() {
        let definition = Box::new(proceedings::testing::reference_event());
        let began =
            |index: usize| Event::SegmentBegan { segment: definition.segments[index].id.clone() };
        let ended =
            |index: usize| Event::SegmentEnded { segment: definition.segments[index].id.clone() };
        let created = Event::EventCreated { definition: definition.clone() };
        let events = [
            (0, created),
            (10, began(0)),
            (20, ended(0)),
            (20, began(1)),
            (30, ended(1)),
            (30, began(0)),
            (45, Event::EventClosed),
        ];
        let (mut lines, mut tip) = (Vec::new(), Tip::default());
        for (at, event) in events {
            lines.extend(Line::all_after(tip, Timestamp(at), &Actor::Server, vec![event]));
            tip = lines.last().map_or(tip, Line::tip);
        }
        let found: Vec<_> = chapters(&lines)
            .into_iter()
            .map(|chapter| (chapter.title, chapter.began_at.0, chapter.ended_at.0))
            .collect();
        let title = |kind| kind_name(kind).to_owned();
        let expected = [
            (title(SegmentKind::IntroductoryRemarks), 10, 20),
            (title(SegmentKind::PlenaryAddress), 20, 30),
            (title(SegmentKind::IntroductoryRemarks), 30, 45),
        ];
        assert_eq!(found, expected);
    }
}
