//! The programme: forward, back, more time, record status.

use base::{Millis, SegmentId};

use super::draft::Draft;
use super::{Verdict, begun, live};
use crate::{Event, EventState, RecordStatus, Refusal, Segment};

/// Shortest and longest extension: less is not worth an announcement, more is another event.
const EXTENSION_MIN: Millis = Millis::from_minutes(1);
const EXTENSION_MAX: Millis = Millis::from_minutes(4 * 60);

pub(super) fn next(state: &EventState) -> Verdict {
    live(state)?;
    let next = state.programme.current.map_or(0, |index| index + 1);
    let segment = state.definition.segments.get(next).ok_or(Refusal::LastSegment)?;
    Ok(change_segment(state, segment))
}

pub(super) fn previous(state: &EventState) -> Verdict {
    live(state)?;
    let previous = state.programme.current.and_then(|index| index.checked_sub(1));
    let segment = previous.and_then(|index| state.definition.segments.get(index));
    Ok(change_segment(state, segment.ok_or(Refusal::FirstSegment)?))
}

pub(super) fn extend(state: &EventState, by: Millis) -> Verdict {
    begun(state)?;
    if !(EXTENSION_MIN..=EXTENSION_MAX).contains(&by) {
        return Err(Refusal::BadExtension);
    }
    let present = state.programme.current.and_then(|index| state.definition.segments.get(index));
    let segment = present.ok_or(Refusal::NoSuchSegment)?.id.clone();
    Ok(vec![Event::SegmentExtended { segment, by }])
}

pub(super) fn set_record_status(
    state: &EventState,
    segment: &SegmentId,
    status: RecordStatus,
) -> Verdict {
    let index = state.definition.segments.iter().position(|other| other.id == *segment);
    let index = index.ok_or(Refusal::NoSuchSegment)?;
    if state.programme.current.is_some_and(|current| index < current) {
        return Err(Refusal::SegmentOver);
    }
    let present = state.programme.segments.get(index).ok_or(Refusal::NoSuchSegment)?;
    if present.record_status == status {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::RecordStatusChanged { segment: segment.clone(), status }])
}

fn change_segment(state: &EventState, to: &Segment) -> Vec<Event> {
    let mut draft = Draft::new(state);
    draft.end_segment();
    draft.begin_segment(to);
    draft.finish()
}
