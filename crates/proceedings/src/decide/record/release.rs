//! The release: versions, approvals, embargo, issue, recall.

use std::collections::BTreeSet;

use base::limits::{RELEASE_VERSIONS_MAX, STATEMENTS_MAX, UNBOUND_RUNS_MAX};
use base::{Language, Millis, PartyId, PersonId, ReleaseVersion, Timestamp};

use super::{Verdict, language, reason};
use crate::{
    Attendance, BoundStatement, DraftVersion, Event, EventState, Hash, RecordEvent, Refusal,
    ReleaseDefect,
};

/// Longest embargo: beyond a year it is no news.
const EMBARGO_MAX: Millis = Millis::from_minutes(366 * 24 * 60);

pub(super) fn save(
    state: &EventState,
    by: &PersonId,
    document: Hash,
    languages: &BTreeSet<Language>,
    statements: &[BoundStatement],
    unbound: &BTreeSet<Hash>,
    defects: &BTreeSet<ReleaseDefect>,
) -> Verdict {
    let release = &state.record.release;
    if languages.is_empty() {
        return Err(Refusal::BadText);
    }
    languages.iter().try_for_each(|tag| language(state, tag))?;
    let unknown = |bound: &BoundStatement| state.record.statement(bound.statement).is_none();
    if statements.iter().any(unknown) {
        return Err(Refusal::NoSuchStatement);
    }
    let full = release.versions.len() >= RELEASE_VERSIONS_MAX;
    if full || unbound.len() > UNBOUND_RUNS_MAX || statements.len() > STATEMENTS_MAX {
        return Err(Refusal::RecordFull);
    }
    let statements: Vec<_> =
        statements.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let last = release.versions.last();
    let same = |last: &DraftVersion| {
        last.document == document
            && last.languages == *languages
            && last.statements == statements
            && last.unbound == *unbound
            && last.defects == *defects
    };
    if last.is_some_and(same) {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::Record(RecordEvent::ReleaseSaved {
        version: last.map_or(ReleaseVersion(0), |last| last.version).next(),
        by: by.clone(),
        document,
        languages: languages.clone(),
        statements,
        unbound: unbound.clone(),
        defects: defects.clone(),
    })])
}

pub(super) fn save_notes(state: &EventState, by: &PersonId, document: Hash) -> Verdict {
    if state.record.release.notes == Some(document) {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::Record(RecordEvent::ReleaseNotesSaved { by: by.clone(), document })])
}

pub(super) fn accept_unbound(state: &EventState, text: Hash, why: &str) -> Verdict {
    let release = &state.record.release;
    let last = release.versions.last().ok_or(Refusal::NoSuchVersion)?;
    if !last.unbound.contains(&text) || release.accepted.contains_key(&text) {
        return Err(Refusal::NothingToDo);
    }
    let reason = reason(why)?;
    Ok(vec![Event::Record(RecordEvent::UnboundTextAccepted { text, reason })])
}

pub(super) fn approve(
    state: &EventState,
    own: &Attendance,
    version: ReleaseVersion,
    document: Hash,
) -> Verdict {
    let party = party(state, own)?;
    last(state, version, document)?;
    let release = &state.record.release;
    if release.approvals.contains(&party) {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::Record(RecordEvent::ReleaseApproved { version, document, party })])
}

pub(super) fn withdraw_approval(
    state: &EventState,
    own: &Attendance,
    version: ReleaseVersion,
) -> Verdict {
    let party = party(state, own)?;
    let release = &state.record.release;
    let present = release.versions.last().ok_or(Refusal::NoSuchVersion)?;
    if present.version != version {
        return Err(Refusal::StaleVersion);
    }
    if release.issues.iter().any(|issue| issue.version == version) {
        return Err(Refusal::AlreadyIssued);
    }
    if !release.approvals.contains(&party) {
        return Err(Refusal::NothingToDo);
    }
    Ok(vec![Event::Record(RecordEvent::ApprovalWithdrawn { version, party })])
}

pub(super) fn set_embargo(state: &EventState, now: Timestamp, until: Option<Timestamp>) -> Verdict {
    let release = &state.record.release;
    if release.embargo == until {
        return Err(Refusal::NothingToDo);
    }
    if until.is_some_and(|until| until <= now || until.since(now) > EMBARGO_MAX) {
        return Err(Refusal::BadEmbargo);
    }
    Ok(vec![Event::Record(RecordEvent::EmbargoSet { until })])
}

/// What the parties approved is issued, and nothing else: every statement in it cleared as it
/// stands there, every other text either a fact or answered for.
pub(super) fn issue(
    state: &EventState,
    now: Timestamp,
    version: ReleaseVersion,
    document: Hash,
    correction: Option<&str>,
) -> Verdict {
    let draft = last(state, version, document)?;
    let release = &state.record.release;
    let issued = release.issues.iter().any(|issue| issue.version == version);
    if issued && release.killed.is_none() {
        return Err(Refusal::AlreadyIssued);
    }
    if !draft.defects.is_empty() {
        return Err(Refusal::ReleaseDefective);
    }
    if !release.unaccepted().is_empty() {
        return Err(Refusal::UnboundText);
    }
    if !draft.statements.iter().all(|bound| state.record.is_cleared(bound)) {
        return Err(Refusal::NotCleared);
    }
    if !state.definition.parties.iter().all(|party| release.approvals.contains(&party.id)) {
        return Err(Refusal::NotApproved);
    }
    let correction = correction.map(reason).transpose()?;
    if correction.is_some() == release.issues.is_empty() {
        return Err(Refusal::CorrectionMissing);
    }
    let embargo = release.embargo.filter(|until| *until > now);
    Ok(vec![Event::Record(RecordEvent::ReleaseIssued { version, document, correction, embargo })])
}

pub(super) fn lift_embargo(state: &EventState, now: Timestamp) -> Verdict {
    match state.record.embargo_due() {
        Some(due) if due <= now => Ok(vec![Event::Record(RecordEvent::EmbargoLifted)]),
        Some(_) => Err(Refusal::EmbargoHolds),
        None => Err(Refusal::NothingToDo),
    }
}

pub(super) fn kill(state: &EventState, why: &str) -> Verdict {
    let release = &state.record.release;
    if release.issues.is_empty() {
        return Err(Refusal::NotIssued);
    }
    if release.killed.is_some() {
        return Err(Refusal::NothingToDo);
    }
    let reason = reason(why)?;
    Ok(vec![Event::Record(RecordEvent::ReleaseKilled { reason })])
}

/// The last version, if it is the one that was seen.
fn last(
    state: &EventState,
    version: ReleaseVersion,
    document: Hash,
) -> Result<&DraftVersion, Refusal> {
    let last = state.record.release.versions.last().ok_or(Refusal::NoSuchVersion)?;
    if (last.version, last.document) == (version, document) {
        Ok(last)
    } else {
        Err(Refusal::StaleVersion)
    }
}

/// For which party a person speaks: the one named with them, else the organiser's for an
/// organiser.
fn party(state: &EventState, own: &Attendance) -> Result<PartyId, Refusal> {
    if !own.person.organises() {
        return Err(Refusal::NotAllowed);
    }
    let parties = &state.definition.parties;
    let organiser = || {
        let organises = own.person.roles.contains(&crate::Role::Organiser);
        parties.first().filter(|_| organises).map(|party| &party.id)
    };
    let party = own.person.party.as_ref().or_else(organiser).ok_or(Refusal::NoParty)?;
    if parties.iter().any(|other| other.id == *party) {
        Ok(party.clone())
    } else {
        Err(Refusal::NoParty)
    }
}
