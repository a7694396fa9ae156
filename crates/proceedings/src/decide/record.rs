//! The record: who may ask for what. What follows is in the modules below.
//!
//! The desk (rapporteurs and those who moderate) works on the record during the event and after
//! it, whether or not they ever came in: their link says who they are. Only who was put out may
//! not. A speaker answers for what the speaker said, and sees and does nothing else here.

mod publicity;
mod release;
mod statements;
mod transcript;

use base::limits::LONG_TEXT_CHARS_MAX;
use base::{Language, PersonId, Timestamp};

use super::{Verdict, known};
use crate::{Actor, Admission, Attendance, EventState, RecordCommand, Refusal};

/// Judges a command about the record.
pub(super) fn judge(
    state: &EventState,
    now: Timestamp,
    actor: &Actor,
    command: &RecordCommand,
) -> Verdict {
    use RecordCommand as C;
    match command {
        C::CommitTranscriptLine { .. } => {
            // The server speaks for the recogniser, which hears each person's own track.
            if *actor != Actor::Server && !part(state, actor)?.person.captions() {
                return Err(Refusal::NotAllowed);
            }
            transcript::commit(state, now, command)
        }
        C::CorrectTranscriptLine { .. } | C::StrikeTranscriptLine { .. } => {
            let any_line = works_at_desk(state, actor)?;
            if !any_line && !part(state, actor)?.person.captions() {
                return Err(Refusal::NotAllowed);
            }
            transcript::correct(state, any_line, command)
        }

        C::AnswerClearance { statement, revision, clearance } => {
            statements::answer(state, actor, *statement, *revision, clearance)
        }
        C::SetOffice { speaker, office, appointed } => {
            let oneself = matches!(actor, Actor::Person(person) if person == speaker);
            if *actor != Actor::Operator {
                let own = part(state, actor)?;
                if !(own.person.moderates() || oneself) {
                    return Err(Refusal::NotAllowed);
                }
            }
            statements::set_office(state, speaker, office, *appointed)
        }

        C::SaveRelease { by, document, languages, statements, unbound, defects } => {
            if *actor != Actor::Server || !works_at_desk(state, &Actor::Person(by.clone()))? {
                return Err(Refusal::NotAllowed);
            }
            release::save(state, by, *document, languages, statements, unbound, defects)
        }
        C::SaveReleaseNotes { by, document } => {
            if *actor != Actor::Server || !works_at_desk(state, &Actor::Person(by.clone()))? {
                return Err(Refusal::NotAllowed);
            }
            release::save_notes(state, by, *document)
        }
        C::LiftEmbargo => match actor {
            Actor::Server => release::lift_embargo(state, now),
            _ => Err(Refusal::NotAllowed),
        },
        C::ApproveRelease { version, document } => {
            release::approve(state, part(state, actor)?, *version, *document)
        }
        C::WithdrawApproval { version } => {
            release::withdraw_approval(state, part(state, actor)?, *version)
        }
        C::SetEmbargo { .. } | C::IssueRelease { .. } | C::KillRelease { .. } => {
            if !part(state, actor)?.person.organises() {
                return Err(Refusal::NotAllowed);
            }
            match command {
                C::SetEmbargo { until } => release::set_embargo(state, now, *until),
                C::IssueRelease { version, document, correction } => {
                    release::issue(state, now, *version, *document, correction.as_deref())
                }
                C::KillRelease { reason } => release::kill(state, reason),
                _ => Err(Refusal::NotAllowed),
            }
        }

        C::PublishRecord | C::WithdrawRecord => {
            if !part(state, actor)?.person.moderates() {
                return Err(Refusal::NotAllowed);
            }
            match command {
                C::PublishRecord => publicity::publish(state, now),
                _ => publicity::withdraw(state),
            }
        }

        _ if !works_at_desk(state, actor)? => Err(Refusal::NotAllowed),
        C::MarkStatement { speaker, start, end, language } => {
            let span = statements::Span { speaker: speaker.as_ref(), start: *start, end: *end };
            statements::mark(state, now, &span, language)
        }
        C::EditStatement { statement, revision, edit } => {
            statements::edit(state, now, *statement, *revision, edit)
        }
        C::CheckStatement { statement, revision } => {
            statements::check(state, *statement, *revision)
        }
        C::SendForClearance { statement, revision, deadline } => {
            statements::send(state, now, *statement, *revision, *deadline)
        }
        C::TakeCorrection { statement, revision } => {
            statements::take_correction(state, *statement, *revision)
        }
        C::WithdrawStatement { statement, reason } => {
            statements::withdraw(state, *statement, reason)
        }
        C::AcceptUnboundText { text, reason } => release::accept_unbound(state, *text, reason),
    }
}

/// The person who acts, unless put out.
fn part<'a>(state: &'a EventState, actor: &Actor) -> Result<&'a Attendance, Refusal> {
    let Actor::Person(person) = actor else { return Err(Refusal::NotAllowed) };
    let attendance = known(state, person)?;
    match attendance.admission {
        Admission::Suspended => Err(Refusal::Suspended),
        Admission::Removed => Err(Refusal::Removed),
        Admission::Invited | Admission::Waiting | Admission::Admitted => Ok(attendance),
    }
}

/// True for those who make the record.
fn works_at_desk(state: &EventState, actor: &Actor) -> Result<bool, Refusal> {
    match actor {
        Actor::Operator => Ok(true),
        Actor::Server => Ok(false),
        Actor::Person(_) => Ok(part(state, actor)?.person.works_at_desk()),
    }
}

/// The text without space around it, if there is one and it is not too long.
fn text(text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = text.trim();
    let control = |letter: char| letter.is_control() && letter != '\n';
    if text.is_empty() || text.chars().count() > chars_max || text.chars().any(control) {
        return Err(Refusal::BadText);
    }
    Ok(text.to_owned())
}

fn reason(given: &str) -> Result<String, Refusal> {
    text(given, LONG_TEXT_CHARS_MAX)
}

fn language(state: &EventState, language: &Language) -> Result<(), Refusal> {
    if state.definition.languages.contains(language) {
        Ok(())
    } else {
        Err(Refusal::NoSuchLanguage)
    }
}

/// Whom the audience heard in the span: the person named, who must have been heard on the record.
/// Under the Chatham House Rule nobody is named, whatever was asked.
fn speaker(
    state: &EventState,
    run: &crate::Run,
    named: Option<&PersonId>,
    (start, end): (Timestamp, Timestamp),
) -> Result<Option<PersonId>, Refusal> {
    if run.status != crate::RecordStatus::OnTheRecord {
        return Ok(None);
    }
    let person = named.ok_or(Refusal::SpeakerMissing)?;
    known(state, person)?;
    if !state.record.time.was_heard(person, start, end) {
        return Err(Refusal::NotHeard);
    }
    Ok(Some(person.clone()))
}
