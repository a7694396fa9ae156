//! Lines of the transcript.

use base::limits::{TRANSCRIPT_LINE_CHARS_MAX, TRANSCRIPT_LINES_MAX};
use base::{Millis, Timestamp, TranscriptLineId};

use super::{Verdict, language, speaker, text};
use crate::{Event, EventState, RecordCommand, RecordEvent, RecordStatus, Refusal};

/// Longest span of one line; a longer one could not be followed in the sound.
const LINE_SPAN_MAX: Millis = Millis::from_secs(60);

/// How far the clock of a captioner's browser may be ahead of ours.
const CLOCK_TOLERANCE: Millis = Millis::from_secs(2);

/// The last lines of a language, which captioners may correct: what a screen shows of them.
const CORRECTABLE_LINES: usize = 20;

pub(super) fn commit(state: &EventState, now: Timestamp, command: &RecordCommand) -> Verdict {
    let RecordCommand::CommitTranscriptLine {
        person,
        start,
        end,
        language: tag,
        interpreted_from,
        text: words,
    } = command
    else {
        return Err(Refusal::NotAllowed);
    };
    language(state, tag)?;
    if let Some(original) = interpreted_from {
        language(state, original)?;
    }
    let words = text(words, TRANSCRIPT_LINE_CHARS_MAX)?;
    let end = &over_by(now, *end)?;
    if end <= start || end.since(*start) > LINE_SPAN_MAX {
        return Err(Refusal::BadSpan);
    }
    // Whoever types a sentence is done with it when the next segment runs already. It belongs to
    // the one in which it began, unless its end may be what was said under another status.
    let time = &state.record.time;
    let run = time.run_at(*start).ok_or(Refusal::NotOnTheRecord)?;
    if !time.keeps_status(run, *end) {
        return Err(Refusal::NotOnTheRecord);
    }
    let end = run.until.map_or(*end, |until| until.min(*end));
    let person = speaker(state, run, person.as_ref(), (*start, end))?;
    let transcript = &state.record.transcript;
    let same = transcript.iter().rev().take(CORRECTABLE_LINES).any(|line| {
        (line.start, line.end, &line.language, &line.text) == (*start, end, tag, &words)
            && line.person == person
    });
    if same {
        return Err(Refusal::NothingToDo);
    }
    if transcript.len() >= TRANSCRIPT_LINES_MAX {
        return Err(Refusal::RecordFull);
    }
    let last = transcript.last().map_or(TranscriptLineId(0), |line| line.id);
    Ok(vec![Event::Record(RecordEvent::TranscriptLineCommitted {
        line: last.next(),
        segment: run.segment.clone(),
        person,
        start: *start,
        end,
        language: tag.clone(),
        interpreted_from: interpreted_from.clone().filter(|original| original != tag),
        text: words,
    })])
}

/// The end of a span, which may be ahead by a little. It is cut at the present: nobody knows under
/// which status the next moment will be.
pub(super) fn over_by(now: Timestamp, end: Timestamp) -> Result<Timestamp, Refusal> {
    if end > now.plus(CLOCK_TOLERANCE) { Err(Refusal::BadSpan) } else { Ok(end.min(now)) }
}

pub(super) fn correct(state: &EventState, any_line: bool, command: &RecordCommand) -> Verdict {
    let (RecordCommand::CorrectTranscriptLine { line: id, .. }
    | RecordCommand::StrikeTranscriptLine { line: id }) = command
    else {
        return Err(Refusal::NotAllowed);
    };
    let transcript = &state.record.transcript;
    let place = usize::try_from(id.0).unwrap_or_default().checked_sub(1);
    let line = place.and_then(|place| transcript.get(place)).ok_or(Refusal::NoSuchLine)?;
    let after = transcript.iter().skip(place.unwrap_or_default() + 1);
    let later = after.filter(|other| other.language == line.language).count();
    if !any_line && later >= CORRECTABLE_LINES {
        return Err(Refusal::LineTooOld);
    }
    match command {
        RecordCommand::CorrectTranscriptLine { person, text: words, .. } => {
            let words = text(words, TRANSCRIPT_LINE_CHARS_MAX)?;
            // What was put down without a name stays so.
            let person = match &line.person {
                None => None,
                Some(_) => {
                    let run = state.record.time.run_at(line.start);
                    let run = run.filter(|run| run.status == RecordStatus::OnTheRecord);
                    let run = run.ok_or(Refusal::NotOnTheRecord)?;
                    speaker(state, run, person.as_ref(), (line.start, line.end))?
                }
            };
            if line.text == words && line.person == person && !line.struck {
                return Err(Refusal::NothingToDo);
            }
            let corrected =
                RecordEvent::TranscriptLineCorrected { line: line.id, person, text: words };
            Ok(vec![Event::Record(corrected)])
        }
        _ if line.struck => Err(Refusal::NothingToDo),
        _ => Ok(vec![Event::Record(RecordEvent::TranscriptLineStruck { line: line.id })]),
    }
}
