//! From the floor to the release: transcript lines, statements, the release's versions, and how
//! far each has come. docs/RECORD.md tells it as a story.
//!
//! All of it outlives the event: what is done at the rapporteur's desk is written down in the same
//! proceedings after the event is closed.

mod command;
mod event;
mod fold;
mod quotation;
mod release;
mod standing;
mod statement;
mod time;
mod transcript;
mod verb;

use std::collections::{BTreeMap, BTreeSet};

use base::{PersonId, Sequence, StatementId, Timestamp};

pub use command::{Clearance, RecordCommand, StatementEdit};
pub use event::RecordEvent;
pub use release::{
    Acceptance, BoundStatement, DraftVersion, Issue, Kill, Published, ReleaseDefect, ReleaseState,
};
pub use standing::RecordStanding;
pub use statement::{Statement, StatementLife, Wording};
pub use time::{RecordTime, Run};
pub use transcript::TranscriptLine;
pub use verb::{ReportingVerb, Tone};

/// The record of an event in the making.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Number of the last line of the proceedings that changed anything here but the time.
    pub changed: Sequence,
    /// When what was said was on the record, and whom the audience heard then.
    pub time: RecordTime,
    /// The transcript, in the order of committing; a line's id is its place, from 1.
    pub transcript: Vec<TranscriptLine>,
    /// The statements in the order of marking; an id is a place, from 1.
    pub statements: Vec<Statement>,
    /// Who may clear statements in a speaker's place.
    pub offices: BTreeMap<PersonId, BTreeSet<PersonId>>,
    /// The release.
    pub release: ReleaseState,
    /// Whether the public may read all this, as far as its page shows it.
    pub standing: RecordStanding,
}

impl Record {
    /// The statement of this number.
    pub fn statement(&self, id: StatementId) -> Option<&Statement> {
        let place = usize::try_from(id.0).ok()?.checked_sub(1)?;
        self.statements.get(place)
    }

    /// True when `person` may answer for the clearance of what `speaker` said: the speaker and the
    /// offices appointed.
    pub fn speaks_for(&self, person: &PersonId, speaker: &PersonId) -> bool {
        person == speaker
            || self.offices.get(speaker).is_some_and(|offices| offices.contains(person))
    }

    /// Statements that stand in what was last issued and are not cleared any more as they stand
    /// there: they want a corrigendum or a kill notice.
    pub fn overtaken(&self) -> Vec<StatementId> {
        let Some(issue) = self.release.issues.last() else { return Vec::new() };
        if self.release.killed.is_some() {
            return Vec::new();
        }
        let Some(version) = self.release.version(issue.version) else { return Vec::new() };
        let overtaken = |bound: &&BoundStatement| !self.is_cleared(bound);
        version.statements.iter().filter(overtaken).map(|bound| bound.statement).collect()
    }

    /// True when the statement is cleared exactly as it is bound.
    pub fn is_cleared(&self, bound: &BoundStatement) -> bool {
        self.statement(bound.statement).is_some_and(|statement| {
            statement.revision == bound.revision && statement.life == StatementLife::Cleared
        })
    }

    /// When the embargo of what was issued ends by itself, if it still holds.
    pub fn embargo_due(&self) -> Option<Timestamp> {
        let issue = self.release.issues.last()?;
        if self.release.killed.is_some() || issue.lifted_at.is_some() {
            None
        } else {
            issue.embargo
        }
    }
}
