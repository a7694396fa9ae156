//! How each event changes the record. As everywhere in the fold, nothing is refused.

use std::collections::{BTreeMap, BTreeSet};

use base::{Revision, Sequence, StatementId, Timestamp, TranscriptLineId};

use super::command::Clearance;
use super::event::RecordEvent;
use super::release::{Acceptance, DraftVersion, Issue, Kill};
use super::standing::RecordStanding;
use super::statement::{Statement, StatementLife, Wording};
use super::transcript::TranscriptLine;
use super::{Record, quotation::is_quoted};

impl Record {
    /// Applies an event of the line `sequence`, which was written at `at`.
    pub(crate) fn apply(&mut self, sequence: Sequence, at: Timestamp, event: &RecordEvent) {
        self.changed = sequence;
        match event {
            RecordEvent::TranscriptLineCommitted {
                line,
                segment,
                person,
                start,
                end,
                language,
                interpreted_from,
                text,
            } => self.transcript.push(TranscriptLine {
                id: *line,
                segment: segment.clone(),
                person: person.clone(),
                start: *start,
                end: *end,
                language: language.clone(),
                interpreted_from: interpreted_from.clone(),
                text: text.clone(),
                struck: false,
                changed: sequence,
            }),
            RecordEvent::TranscriptLineCorrected { line, person, text } => {
                self.line(sequence, *line, |line| {
                    (line.person, line.text) = (person.clone(), text.clone());
                    line.struck = false;
                });
            }
            RecordEvent::TranscriptLineStruck { line } => {
                self.line(sequence, *line, |line| line.struck = true);
            }

            RecordEvent::StatementMarked { statement, segment, speaker, start, end, language } => {
                self.statements.push(Statement {
                    id: *statement,
                    segment: segment.clone(),
                    speaker: speaker.clone(),
                    start: *start,
                    end: *end,
                    language: language.clone(),
                    verb: None,
                    wordings: BTreeMap::new(),
                    revision: Revision(1),
                    life: StatementLife::Drafted,
                    changed: sequence,
                });
            }
            RecordEvent::StatementMoved { statement, segment, speaker, start, end, language } => {
                self.edit(sequence, *statement, |statement| {
                    (statement.segment, statement.speaker) = (segment.clone(), speaker.clone());
                    (statement.start, statement.end) = (*start, *end);
                    statement.language = language.clone();
                });
            }
            RecordEvent::StatementVerbChosen { statement, verb } => {
                self.edit(sequence, *statement, |statement| statement.verb = Some(*verb));
            }
            RecordEvent::StatementWorded { statement, language, wording } => {
                self.edit(sequence, *statement, |statement| {
                    match wording {
                        Some(wording) => {
                            statement.wordings.insert(language.clone(), wording.clone())
                        }
                        None => statement.wordings.remove(language),
                    };
                });
            }
            RecordEvent::StatementChecked { statement, .. } => {
                self.live(sequence, *statement, StatementLife::Checked);
            }
            RecordEvent::StatementSent { statement, deadline, .. } => {
                self.live(sequence, *statement, StatementLife::Sent { deadline: *deadline });
            }
            RecordEvent::StatementAnswered { statement, clearance, .. } => {
                let life = match clearance {
                    Clearance::Cleared => StatementLife::Cleared,
                    Clearance::Corrected { wordings, reason } => StatementLife::Corrected {
                        wordings: wordings.clone(),
                        reason: reason.clone(),
                    },
                    Clearance::Withheld { reason } => {
                        StatementLife::Withheld { reason: reason.clone() }
                    }
                };
                self.live(sequence, *statement, life);
            }
            RecordEvent::StatementCorrectionTaken { statement } => {
                self.take_correction(sequence, *statement);
            }
            RecordEvent::StatementWithdrawn { statement, reason } => {
                let life = StatementLife::Withdrawn { reason: reason.clone() };
                self.live(sequence, *statement, life);
            }
            RecordEvent::OfficeChanged { speaker, office, appointed } => {
                let offices = self.offices.entry(speaker.clone()).or_default();
                if *appointed {
                    offices.insert(office.clone());
                } else {
                    offices.remove(office);
                }
                if offices.is_empty() {
                    self.offices.remove(speaker);
                }
            }

            RecordEvent::ReleaseNotesSaved { document, .. } => {
                self.release.notes = Some(*document);
            }
            RecordEvent::ReleaseSaved {
                version,
                by,
                document,
                languages,
                statements,
                unbound,
                defects,
            } => {
                let approvals = std::mem::take(&mut self.release.approvals);
                if let Some(before) = self.release.versions.last_mut() {
                    before.lost = approvals;
                }
                self.release.versions.push(DraftVersion {
                    version: *version,
                    at,
                    by: by.clone(),
                    document: *document,
                    languages: languages.clone(),
                    statements: statements.clone(),
                    unbound: unbound.clone(),
                    defects: defects.clone(),
                    lost: BTreeSet::new(),
                });
            }
            RecordEvent::UnboundTextAccepted { text, reason } => {
                let acceptance = Acceptance { at, reason: reason.clone() };
                self.release.accepted.insert(*text, acceptance);
            }
            RecordEvent::ReleaseApproved { party, .. } => {
                self.release.approvals.insert(party.clone());
            }
            RecordEvent::ApprovalWithdrawn { party, .. } => {
                self.release.approvals.remove(party);
            }
            RecordEvent::EmbargoSet { until } => {
                self.release.embargo = *until;
                let last = self.release.issues.last_mut();
                if let Some(issue) = last.filter(|issue| issue.is_under_embargo()) {
                    match until {
                        Some(until) => issue.embargo = Some(*until),
                        None => issue.lifted_at = Some(at),
                    }
                }
            }
            RecordEvent::ReleaseIssued { version, document, correction, embargo } => {
                self.release.killed = None;
                self.release.issues.push(Issue {
                    version: *version,
                    document: *document,
                    at,
                    correction: correction.clone(),
                    embargo: *embargo,
                    lifted_at: None,
                    killed_at: None,
                });
            }
            RecordEvent::EmbargoLifted => {
                self.release.embargo = None;
                if let Some(issue) = self.release.issues.last_mut() {
                    issue.lifted_at = Some(at);
                }
            }
            RecordEvent::ReleaseKilled { reason } => {
                self.release.killed = Some(Kill { at, reason: reason.clone() });
                for issue in &mut self.release.issues {
                    issue.killed_at.get_or_insert(at);
                }
            }

            RecordEvent::RecordPublished => self.standing = RecordStanding::Public { since: at },
            RecordEvent::RecordWithdrawn => self.standing = RecordStanding::Withdrawn { at },
        }
    }

    /// True when the words stand in the transcript at the statement's place, in its language and
    /// by its speaker.
    pub(crate) fn is_quotation(
        &self,
        statement: &Statement,
        language: &base::Language,
        text: &str,
    ) -> bool {
        let there = |line: &&TranscriptLine| {
            !line.struck
                && line.language == *language
                && line.person == statement.speaker
                && line.start < statement.end
                && statement.start < line.end
        };
        let mut lines: Vec<_> = self.transcript.iter().filter(there).collect();
        lines.sort_by_key(|line| (line.start, line.id));
        is_quoted(text, lines.into_iter().map(|line| line.text.as_str()))
    }

    fn take_correction(&mut self, sequence: Sequence, id: StatementId) {
        let Some(statement) = self.statement(id).cloned() else { return };
        let StatementLife::Corrected { wordings, .. } = &statement.life else { return };
        let mut taken = statement.wordings.clone();
        for (language, text) in wordings {
            let Some(wording) = taken.get_mut(language) else { continue };
            *wording = match wording {
                Wording::Indirect { .. } => Wording::Indirect { text: text.clone() },
                Wording::Verbatim { .. } => Wording::Verbatim {
                    text: text.clone(),
                    corrected_by_ear: !self.is_quotation(&statement, language, text),
                },
            };
        }
        self.edit(sequence, id, |statement| statement.wordings = taken);
        self.live(sequence, id, StatementLife::Cleared);
    }

    fn line(
        &mut self,
        sequence: Sequence,
        id: TranscriptLineId,
        change: impl FnOnce(&mut TranscriptLine),
    ) {
        let place = usize::try_from(id.0).unwrap_or_default().checked_sub(1);
        if let Some(line) = place.and_then(|place| self.transcript.get_mut(place)) {
            change(line);
            line.changed = sequence;
        }
    }

    /// Any change of what a statement says makes it a draft again.
    fn edit(&mut self, sequence: Sequence, id: StatementId, change: impl FnOnce(&mut Statement)) {
        if let Some(statement) = self.statement_mut(id) {
            change(statement);
            statement.revision = statement.revision.next();
            statement.life = StatementLife::Drafted;
            statement.changed = sequence;
        }
    }

    fn live(&mut self, sequence: Sequence, id: StatementId, life: StatementLife) {
        if let Some(statement) = self.statement_mut(id) {
            statement.life = life;
            statement.changed = sequence;
        }
    }

    fn statement_mut(&mut self, id: StatementId) -> Option<&mut Statement> {
        let place = usize::try_from(id.0).ok()?.checked_sub(1)?;
        self.statements.get_mut(place)
    }
}

impl Issue {
    /// True while the issue waits for a moment that nobody has lifted.
    pub(crate) fn is_under_embargo(&self) -> bool {
        self.embargo.is_some() && self.lifted_at.is_none()
    }
}
