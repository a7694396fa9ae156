//! What captioners, the desk, speakers and parties ask for: mostly what comes next, now and then
//! anything.

use base::{
    Millis, PersonId, Random, ReleaseVersion, Revision, SplitMix, StatementId, Timestamp,
    TranscriptLineId,
};
use proceedings::testing::parsed;
use proceedings::{
    Actor, BoundStatement, Clearance, EventState, Hash, Life, RecordCommand as C, ReleaseDefect,
    ReportingVerb, Statement, StatementEdit, StatementLife, Wording,
};

use crate::definition::one;

const TEXTS: [&str; 4] = ["peace", "peace and trade", "trade and peace", " "];

/// The next step of somebody at the desk.
pub(crate) fn step(state: &EventState, now: Timestamp, random: &mut SplitMix) -> (Actor, C) {
    let (typist, press) = (by("typist"), by("press"));
    if state.life == Life::Closed && random.below(6) == 0 {
        let public = state.record.standing.is_public();
        return (by("moderator"), if public { C::WithdrawRecord } else { C::PublishRecord });
    }
    match random.below(10) {
        0..=2 => {
            let (person, start, end) = span(state, random);
            let text = (*one(random, &TEXTS)).to_owned();
            let (language, interpreted_from) = (parsed("en"), None);
            let line =
                C::CommitTranscriptLine { person, start, end, language, interpreted_from, text };
            (if random.below(4) == 0 { Actor::Server } else { typist }, line)
        }
        3 => {
            let line = TranscriptLineId(number(random, state.record.transcript.len()));
            let person = span(state, random).0;
            let text = (*one(random, &TEXTS)).to_owned();
            match random.below(3) {
                0 => (press, C::StrikeTranscriptLine { line }),
                _ => (typist, C::CorrectTranscriptLine { line, person, text }),
            }
        }
        4 | 5 => {
            let (speaker, start, end) = span(state, random);
            (press, C::MarkStatement { speaker, start, end, language: parsed("en") })
        }
        6 | 7 => {
            let id = StatementId(number(random, state.record.statements.len()));
            match state.record.statement(id) {
                Some(statement) => bring_on(state, now, statement, random),
                None => (press, C::WithdrawStatement { statement: id, reason: "None.".to_owned() }),
            }
        }
        _ => release(state, now, random),
    }
}

/// Any command of this kind.
pub(crate) fn anything(state: &EventState, now: Timestamp, random: &mut SplitMix) -> C {
    let (statement, revision) = (StatementId(number(random, 4)), Revision(number(random, 4)));
    let version = ReleaseVersion(number(random, 3));
    let document = document(random);
    match random.below(16) {
        0 => C::AnswerClearance { statement, revision, clearance: Clearance::Cleared },
        1 => C::TakeCorrection { statement, revision },
        2 => C::CheckStatement { statement, revision },
        3 => C::SendForClearance { statement, revision, deadline: now },
        4 => C::ApproveRelease { version, document },
        5 => C::IssueRelease { version, document, correction: None },
        6 => C::WithdrawApproval { version },
        7 => C::LiftEmbargo,
        8 => C::SaveReleaseNotes { by: parsed("press"), document },
        9 => C::SetEmbargo { until: Some(now.plus(Millis(random.below(5_000)))) },
        10 => C::KillRelease { reason: "x".repeat(3_000) },
        11 => C::PublishRecord,
        12 => C::WithdrawRecord,
        _ => step(state, now, random).1,
    }
}

fn bring_on(
    state: &EventState,
    now: Timestamp,
    statement: &Statement,
    random: &mut SplitMix,
) -> (Actor, C) {
    let (id, revision) = (statement.id, statement.revision);
    let edit = |edit| C::EditStatement { statement: id, revision, edit };
    let answer = |clearance| C::AnswerClearance { statement: id, revision, clearance };
    let own = statement.speaker.as_ref().map_or(by("moderator"), |who| Actor::Person(who.clone()));
    let deadline = now.plus(Millis::from_minutes(1 + random.below(60)));
    let press = by("press");
    let word = |random: &mut SplitMix| {
        let text = (*one(random, &TEXTS)).to_owned();
        let wording = match random.below(3) {
            0 => Some(Wording::Verbatim { text, corrected_by_ear: random.below(2) == 0 }),
            _ => Some(Wording::Indirect { text }),
        };
        StatementEdit::Wording { language: parsed("en"), wording }
    };
    let verb = StatementEdit::Verb { verb: *one(random, &ReportingVerb::ALL) };
    match &statement.life {
        StatementLife::Drafted if statement.verb.is_none() => (press, edit(verb)),
        StatementLife::Drafted if statement.wordings.is_empty() => (press, edit(word(random))),
        StatementLife::Drafted if random.below(6) == 0 => {
            let (speaker, start, end) = span(state, random);
            let language = parsed("en");
            (press, edit(StatementEdit::Span { speaker, start, end, language }))
        }
        StatementLife::Drafted => (press, C::CheckStatement { statement: id, revision }),
        StatementLife::Checked => {
            (press, C::SendForClearance { statement: id, revision, deadline })
        }
        StatementLife::Sent { .. } => match random.below(5) {
            0 => (own, answer(Clearance::Withheld { reason: None })),
            1 => {
                let wordings = [(parsed("en"), "peace for all".to_owned())].into();
                (own, answer(Clearance::Corrected { wordings, reason: None }))
            }
            _ => (own, answer(Clearance::Cleared)),
        },
        StatementLife::Corrected { .. } => (press, C::TakeCorrection { statement: id, revision }),
        StatementLife::Withheld { .. } => {
            (press, C::WithdrawStatement { statement: id, reason: "Withheld.".to_owned() })
        }
        StatementLife::Cleared | StatementLife::Withdrawn { .. } => match random.below(8) {
            0 => (press, edit(verb)),
            1 => (own, answer(Clearance::Withheld { reason: None })),
            2 => {
                let (speaker, office) = (parsed("moderator"), parsed("press"));
                let appointed = random.below(2) == 0;
                (by("moderator"), C::SetOffice { speaker, office, appointed })
            }
            _ => release(state, now, random),
        },
    }
}

fn release(state: &EventState, now: Timestamp, random: &mut SplitMix) -> (Actor, C) {
    let (record, release) = (&state.record, &state.record.release);
    let (press, organiser) = (by("press"), by("organiser"));
    let save = |random: &mut SplitMix| {
        let cleared = record.statements.iter().filter(|s| s.life == StatementLife::Cleared);
        let bound = |s: &Statement| BoundStatement { statement: s.id, revision: s.revision };
        let document = document(random);
        let unbound = (random.below(3) == 0).then_some(Hash([9; 32]));
        let defect = (random.below(12) == 0).then_some(ReleaseDefect::Incomplete);
        let save = C::SaveRelease {
            by: parsed("press"),
            document,
            languages: [parsed("en")].into(),
            statements: cleared.map(bound).collect(),
            unbound: unbound.into_iter().collect(),
            defects: defect.into_iter().collect(),
        };
        (Actor::Server, save)
    };
    let Some(last) = release.versions.last() else { return save(random) };
    let (version, document) = (last.version, last.document);
    match random.below(14) {
        0 | 1 => save(random),
        2 => {
            let minutes = random.below(30);
            let until = (minutes > 3).then(|| now.plus(Millis::from_minutes(minutes)));
            (organiser, C::SetEmbargo { until })
        }
        3 => (organiser, C::WithdrawApproval { version }),
        4 if random.below(3) == 0 => (organiser, C::KillRelease { reason: "Wrong.".to_owned() }),
        5 => (Actor::Server, C::SaveReleaseNotes { by: parsed("press"), document }),
        6 => (Actor::Server, C::LiftEmbargo),
        _ => match release.unaccepted().first() {
            Some(text) => (press, C::AcceptUnboundText { text: *text, reason: "Ours.".to_owned() }),
            None if release.approvals.is_empty() => {
                (organiser, C::ApproveRelease { version, document })
            }
            None => {
                let correction = (!release.issues.is_empty()).then(|| "A word.".to_owned());
                (organiser, C::IssueRelease { version, document, correction })
            }
        },
    }
}

/// Somebody, and a stretch of time, mostly on the record and mostly somebody who may have spoken.
fn span(state: &EventState, random: &mut SplitMix) -> (Option<PersonId>, Timestamp, Timestamp) {
    let runs = state.record.time.runs();
    let from = match runs.len() as u64 {
        0 => Timestamp(0),
        length => {
            let place = usize::try_from(random.below(length)).unwrap_or_default();
            runs.get(place).map_or(Timestamp(0), |run| run.from)
        }
    };
    let start = from.plus(Millis(random.below(20_000)));
    let end = start.plus(Millis(random.below(8_000)));
    let holder = state.floor.as_ref().map(|grant| grant.person.clone());
    let person = match random.below(6) {
        0 => None,
        1 | 2 => Some(parsed("moderator")),
        _ => holder.or_else(|| state.stage.first().cloned()),
    };
    (person, start, end)
}

fn by(person: &str) -> Actor {
    Actor::Person(parsed(person))
}

fn document(random: &mut SplitMix) -> Hash {
    Hash([u8::try_from(random.below(5)).unwrap_or_default(); 32])
}

/// A number from 1 to a little beyond `most`.
fn number(random: &mut SplitMix, most: usize) -> u32 {
    u32::try_from(1 + random.below(most as u64 + 1)).unwrap_or_default()
}
