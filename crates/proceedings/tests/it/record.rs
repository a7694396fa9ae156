//! From the floor to the release: who may do what, what follows, and what is refused.

mod release;
mod rights;
mod statements;
mod transcript;

use std::collections::{BTreeMap, BTreeSet};

use base::{Language, Millis, ReleaseVersion, Revision, StatementId, Timestamp, TranscriptLineId};
use expect_test::{Expect, expect};
use proceedings::testing::{parsed, recorded_event};
use proceedings::{
    Actor, BoundStatement, Clearance, Command, EventState, Hash, Life, RecordCommand, RecordStatus,
    Refusal, ReportingVerb, StatementEdit, StatementLife, Wording,
};

use crate::play::{Play, by, id, suspend};

fn check(play: &mut Play, actor: Actor, command: RecordCommand, expected: Expect) {
    expected.assert_eq(&play.told(actor, Command::Record(command)));
}

fn ok(play: &mut Play, actor: &str, command: RecordCommand) {
    play.ok(by(actor), Command::Record(command));
}

fn refused(play: &mut Play, actor: &str, command: RecordCommand, expected: Refusal) {
    assert_eq!(play.refused(by(actor), Command::Record(command.clone())), expected, "{command:?}");
}

fn tag(text: &str) -> Language {
    parsed(text)
}

/// The event live for a minute: `kazi` has had the floor in the introductory remarks.
fn live() -> Play {
    let mut play = Play::of(recorded_event(), Life::Live);
    play.wait(Millis::from_minutes(1));
    play
}

/// A moment `secs` before the present.
fn ago(play: &Play, secs: i64) -> Timestamp {
    Timestamp(play.now.0 - 1_000 * secs)
}

/// A line that begins and ends so many seconds before the present.
fn line(play: &Play, person: &str, from: i64, to: i64, text: &str) -> RecordCommand {
    RecordCommand::CommitTranscriptLine {
        person: Some(id(person)),
        start: ago(play, from),
        end: ago(play, to),
        language: tag("en"),
        interpreted_from: None,
        text: text.to_owned(),
    }
}

fn mark(play: &Play, speaker: &str, from: i64, to: i64) -> RecordCommand {
    RecordCommand::MarkStatement {
        speaker: Some(id(speaker)),
        start: ago(play, from),
        end: ago(play, to),
        language: tag("en"),
    }
}

fn edit(statement: u32, revision: u32, edit: StatementEdit) -> RecordCommand {
    RecordCommand::EditStatement {
        statement: StatementId(statement),
        revision: Revision(revision),
        edit,
    }
}

fn says(language: &str, text: &str) -> StatementEdit {
    let wording = Some(Wording::Indirect { text: text.to_owned() });
    StatementEdit::Wording { language: tag(language), wording }
}

fn quotes(text: &str, corrected_by_ear: bool) -> StatementEdit {
    let wording = Some(Wording::Verbatim { text: text.to_owned(), corrected_by_ear });
    StatementEdit::Wording { language: tag("en"), wording }
}

fn verb(verb: ReportingVerb) -> StatementEdit {
    StatementEdit::Verb { verb }
}

fn check_it(statement: u32, revision: u32) -> RecordCommand {
    RecordCommand::CheckStatement {
        statement: StatementId(statement),
        revision: Revision(revision),
    }
}

fn send(play: &Play, statement: u32, revision: u32) -> RecordCommand {
    RecordCommand::SendForClearance {
        statement: StatementId(statement),
        revision: Revision(revision),
        deadline: play.now.plus(Millis::from_minutes(60)),
    }
}

fn answer(statement: u32, revision: u32, clearance: Clearance) -> RecordCommand {
    RecordCommand::AnswerClearance {
        statement: StatementId(statement),
        revision: Revision(revision),
        clearance,
    }
}

/// Statement 1, of `kazi`, brought so far that the speaker can answer; its revision is 3.
fn sent() -> Play {
    let mut play = live();
    let command = mark(&play, "kazi", 30, 20);
    ok(&mut play, "press", command);
    ok(&mut play, "press", edit(1, 1, verb(ReportingVerb::Stressed)));
    ok(&mut play, "press", edit(1, 2, says("en", "the SCO as a platform for cooperation")));
    ok(&mut play, "press", check_it(1, 3));
    let command = send(&play, 1, 3);
    ok(&mut play, "press", command);
    play
}

fn life(play: &Play, statement: u32) -> StatementLife {
    play.state.record.statement(StatementId(statement)).expect("a statement").life.clone()
}
