//! Statements: marking, wording, checking, clearance.

use std::collections::BTreeMap;

use base::limits::{OFFICES_PER_SPEAKER_MAX, STATEMENT_CHARS_MAX, STATEMENTS_MAX};
use base::{Language, Millis, PersonId, Revision, StatementId, Timestamp};

use super::transcript::over_by;
use super::{Verdict, known, language, part, reason, speaker, text};
use crate::{
    Actor, Clearance, Event, EventState, RecordEvent, Refusal, Run, Statement, StatementEdit,
    StatementLife, Wording,
};

/// Longest passage of one statement. Whoever follows a sentence of the release to its sound should
/// not have to search there.
const STATEMENT_SPAN_MAX: Millis = Millis::from_minutes(10);

/// Latest deadline of a clearance: the record of a meeting is closed in a month.
const DEADLINE_MAX: Millis = Millis::from_minutes(31 * 24 * 60);

/// A passage as it is asked for.
pub(super) struct Span<'a> {
    pub(super) speaker: Option<&'a PersonId>,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

pub(super) fn mark(state: &EventState, now: Timestamp, span: &Span<'_>, tag: &Language) -> Verdict {
    language(state, tag)?;
    let span = &Span { end: over_by(now, span.end)?, ..*span };
    let (run, speaker) = place(state, span)?;
    let statements = &state.record.statements;
    let same = |other: &Statement| {
        (other.start, other.end) == (span.start, span.end)
            && other.speaker == speaker
            && !matches!(other.life, StatementLife::Withdrawn { .. })
    };
    if statements.iter().any(same) {
        return Err(Refusal::NothingToDo);
    }
    if statements.len() >= STATEMENTS_MAX {
        return Err(Refusal::RecordFull);
    }
    let last = statements.last().map_or(StatementId(0), |statement| statement.id);
    Ok(vec![Event::Record(RecordEvent::StatementMarked {
        statement: last.next(),
        segment: run.segment.clone(),
        speaker,
        start: span.start,
        end: span.end,
        language: tag.clone(),
    })])
}

pub(super) fn edit(
    state: &EventState,
    now: Timestamp,
    id: StatementId,
    revision: Revision,
    edit: &StatementEdit,
) -> Verdict {
    let statement = as_seen(state, id, revision)?;
    let event = match edit {
        StatementEdit::Span { speaker, start, end, language: tag } => {
            language(state, tag)?;
            let end = over_by(now, *end)?;
            let span = Span { speaker: speaker.as_ref(), start: *start, end };
            let (run, speaker) = place(state, &span)?;
            let moved = Statement {
                segment: run.segment.clone(),
                speaker,
                start: span.start,
                end: span.end,
                language: tag.clone(),
                ..statement.clone()
            };
            if moved == *statement {
                return Err(Refusal::NothingToDo);
            }
            RecordEvent::StatementMoved {
                statement: id,
                segment: moved.segment,
                speaker: moved.speaker,
                start: moved.start,
                end: moved.end,
                language: moved.language,
            }
        }
        StatementEdit::Verb { verb } => {
            if statement.verb == Some(*verb) {
                return Err(Refusal::NothingToDo);
            }
            RecordEvent::StatementVerbChosen { statement: id, verb: *verb }
        }
        StatementEdit::Wording { language: tag, wording } => {
            language(state, tag)?;
            let wording = wording.as_ref().map(|wording| written(state, statement, tag, wording));
            let wording = wording.transpose()?;
            if statement.wordings.get(tag) == wording.as_ref() {
                return Err(Refusal::NothingToDo);
            }
            RecordEvent::StatementWorded { statement: id, language: tag.clone(), wording }
        }
    };
    Ok(vec![Event::Record(event)])
}

/// Vouching needs something to vouch for: a verb, and the words in at least one language. That
/// quotations are still what the transcript says is looked at once more, for the statement may
/// have been moved and the transcript corrected.
pub(super) fn check(state: &EventState, id: StatementId, revision: Revision) -> Verdict {
    let statement = as_seen(state, id, revision)?;
    match statement.life {
        StatementLife::Drafted => {}
        _ => return Err(Refusal::NothingToDo),
    }
    if statement.verb.is_none() || statement.wordings.is_empty() {
        return Err(Refusal::NotWorded);
    }
    for (tag, wording) in &statement.wordings {
        written(state, statement, tag, wording)?;
    }
    Ok(vec![Event::Record(RecordEvent::StatementChecked { statement: id, revision })])
}

pub(super) fn send(
    state: &EventState,
    now: Timestamp,
    id: StatementId,
    revision: Revision,
    deadline: Timestamp,
) -> Verdict {
    let statement = as_seen(state, id, revision)?;
    match statement.life {
        StatementLife::Drafted => return Err(Refusal::NotChecked),
        StatementLife::Sent { deadline: present } if present == deadline => {
            return Err(Refusal::NothingToDo);
        }
        StatementLife::Cleared => return Err(Refusal::NothingToDo),
        _ => {}
    }
    if deadline <= now || deadline.since(now) > DEADLINE_MAX {
        return Err(Refusal::BadDeadline);
    }
    Ok(vec![Event::Record(RecordEvent::StatementSent { statement: id, revision, deadline })])
}

/// The speaker answers, or an office appointed. Of a statement that names nobody, those who
/// moderate answer: nobody else can be asked without telling who spoke.
pub(super) fn answer(
    state: &EventState,
    actor: &Actor,
    id: StatementId,
    revision: Revision,
    clearance: &Clearance,
) -> Verdict {
    let own = part(state, actor)?;
    let statement = state.record.statement(id).filter(|statement| match &statement.speaker {
        Some(speaker) => state.record.speaks_for(&own.person.id, speaker),
        None => own.person.moderates(),
    });
    // Whoever may not answer learns nothing of the statement, not even that there is one.
    let statement = statement.ok_or(Refusal::NotAllowed)?;
    if matches!(statement.life, StatementLife::Withdrawn { .. }) {
        return Err(Refusal::StatementWithdrawn);
    }
    if statement.revision != revision {
        return Err(Refusal::StaleRevision);
    }
    if !statement.life.is_with_speaker() {
        return Err(Refusal::NotSent);
    }
    let given = |given: &Option<String>| given.as_deref().map(reason).transpose();
    let (clearance, life) = match clearance {
        Clearance::Cleared => (Clearance::Cleared, StatementLife::Cleared),
        Clearance::Corrected { wordings, reason } => {
            let (wordings, reason) = (corrected(statement, wordings)?, given(reason)?);
            let life =
                StatementLife::Corrected { wordings: wordings.clone(), reason: reason.clone() };
            (Clearance::Corrected { wordings, reason }, life)
        }
        Clearance::Withheld { reason } => {
            let reason = given(reason)?;
            let life = StatementLife::Withheld { reason: reason.clone() };
            (Clearance::Withheld { reason }, life)
        }
    };
    if statement.life == life {
        return Err(Refusal::NothingToDo);
    }
    let answered = RecordEvent::StatementAnswered { statement: id, revision, clearance };
    Ok(vec![Event::Record(answered)])
}

pub(super) fn take_correction(state: &EventState, id: StatementId, revision: Revision) -> Verdict {
    let statement = as_seen(state, id, revision)?;
    if !matches!(statement.life, StatementLife::Corrected { .. }) {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::Record(RecordEvent::StatementCorrectionTaken { statement: id })])
}

pub(super) fn withdraw(state: &EventState, id: StatementId, why: &str) -> Verdict {
    let statement = state.record.statement(id).ok_or(Refusal::NoSuchStatement)?;
    if matches!(statement.life, StatementLife::Withdrawn { .. }) {
        return Err(Refusal::NothingToDo);
    }
    let reason = reason(why)?;
    Ok(vec![Event::Record(RecordEvent::StatementWithdrawn { statement: id, reason })])
}

pub(super) fn set_office(
    state: &EventState,
    speaker: &PersonId,
    office: &PersonId,
    appointed: bool,
) -> Verdict {
    known(state, speaker)?;
    known(state, office)?;
    let present = state.record.offices.get(speaker);
    let is_office = present.is_some_and(|offices| offices.contains(office));
    if speaker == office || is_office == appointed {
        return Err(Refusal::NothingToDo);
    }
    if appointed && present.is_some_and(|offices| offices.len() >= OFFICES_PER_SPEAKER_MAX) {
        return Err(Refusal::RecordFull);
    }
    Ok(vec![Event::Record(RecordEvent::OfficeChanged {
        speaker: speaker.clone(),
        office: office.clone(),
        appointed,
    })])
}

/// The statement, as the one who acts saw it.
fn as_seen(state: &EventState, id: StatementId, revision: Revision) -> Result<&Statement, Refusal> {
    let statement = state.record.statement(id).ok_or(Refusal::NoSuchStatement)?;
    if matches!(statement.life, StatementLife::Withdrawn { .. }) {
        return Err(Refusal::StatementWithdrawn);
    }
    if statement.revision != revision {
        return Err(Refusal::StaleRevision);
    }
    Ok(statement)
}

/// Where a passage lies: whole in one segment under one status, and whose it is.
fn place<'a>(
    state: &'a EventState,
    span: &Span<'_>,
) -> Result<(&'a Run, Option<PersonId>), Refusal> {
    let &Span { speaker: named, start, end } = span;
    if end <= start || end.since(start) > STATEMENT_SPAN_MAX {
        return Err(Refusal::BadSpan);
    }
    let run = state.record.time.run_at(start).ok_or(Refusal::NotOnTheRecord)?;
    if run.until.is_some_and(|until| until < end) {
        return Err(Refusal::NotOnTheRecord);
    }
    Ok((run, speaker(state, run, named, (start, end))?))
}

/// A wording that may stand. A quotation is what the transcript says, or somebody says that the
/// sound is otherwise.
fn written(
    state: &EventState,
    statement: &Statement,
    language: &Language,
    wording: &Wording,
) -> Result<Wording, Refusal> {
    let text = text(wording.text(), STATEMENT_CHARS_MAX)?;
    match wording {
        Wording::Indirect { .. } => Ok(Wording::Indirect { text }),
        Wording::Verbatim { corrected_by_ear, .. } => {
            if !corrected_by_ear && !state.record.is_quotation(statement, language, &text) {
                return Err(Refusal::QuotationDiffers);
            }
            Ok(Wording::Verbatim { text, corrected_by_ear: *corrected_by_ear })
        }
    }
}

/// The words that a speaker wants: in languages that the statement has, and others than it has.
fn corrected(
    statement: &Statement,
    wanted: &BTreeMap<Language, String>,
) -> Result<BTreeMap<Language, String>, Refusal> {
    let mut wordings = BTreeMap::new();
    for (language, words) in wanted {
        let present = statement.wordings.get(language).ok_or(Refusal::NoSuchLanguage)?;
        let words = text(words, STATEMENT_CHARS_MAX)?;
        if present.text() != words {
            wordings.insert(language.clone(), words);
        }
    }
    if wordings.is_empty() { Err(Refusal::BadText) } else { Ok(wordings) }
}
