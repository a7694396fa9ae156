//! What forbids issuing a release. Nothing in the document is trusted: it may have been edited,
//! drafted before the facts changed, or written by hand.

use std::collections::{BTreeMap, BTreeSet};

use base::{Language, PersonId, StatementId};
use proceedings::{BoundStatement, Hash, RecordStatus, ReleaseDefect};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::draft::{Frame, about, cited, is_reportable};
use crate::edit::At;
use crate::facts::{Clearance, Facts};
use crate::names::Names;
use crate::release::{Cited, Part, Release, Run, Source};
use crate::text::{clean, folded};
use crate::words::grammar;

/// Longest end mark, in characters: "###", "-30-", "* * *".
const END_MARK_CHARS_MAX: usize = 8;

/// Why a release may not be issued as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Problem {
    /// It belongs to another event.
    OtherEvent,
    /// What it says of the event around the text is not what the facts say.
    AboutChanged,
    /// A language of the event has no version.
    MissingVersion {
        /// Which language.
        language: Language,
    },
    /// A statement that other versions report is not in this one.
    MissingStatement {
        /// In which language.
        language: Language,
        /// Which statement.
        statement: StatementId,
    },
    /// A version has no headline or no lede.
    MissingPart {
        /// In which language.
        language: Language,
        /// Which part.
        part: Part,
    },
    /// A statement that the facts do not have, that was withheld, or that was made off the record.
    NotReportable {
        /// Which statement.
        statement: StatementId,
    },
    /// Its speaker has not cleared it.
    NotCleared {
        /// Which statement.
        statement: StatementId,
    },
    /// What the document says of a statement (speaker, segment, time) is not what the facts say.
    StatementChanged {
        /// Which statement.
        statement: StatementId,
    },
    /// Text that goes back to nothing and was not accepted.
    Unbound {
        /// Where and what.
        text: Unbound,
    },
    /// Text that says it goes back to a statement and is not what its speaker cleared.
    Reworded {
        /// Which statement.
        statement: StatementId,
        /// Where and what.
        text: Unbound,
    },
    /// Text that says it goes back to a fact and is not what the facts say.
    NotTheFact {
        /// Where and what.
        text: Unbound,
    },
    /// "He stressed" stands where it would be somebody else's.
    Misplaced {
        /// In which language.
        language: Language,
        /// Where.
        at: At,
        /// Which statement.
        statement: StatementId,
    },
    /// A person may not be named here. Nothing says who it is, so that the message tells no more
    /// than the text.
    Named {
        /// In which language.
        language: Language,
        /// Which paragraph, from 0.
        block: usize,
    },
    /// A text has characters that no document may hold, or none at all.
    NotClean {
        /// In which language.
        language: Language,
        /// Where.
        at: At,
    },
}

/// A text that does not go back to what it should.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unbound {
    /// In which language.
    pub language: Language,
    /// Where.
    pub at: At,
    /// The text.
    pub text: String,
    /// SHA-256 of language, binding and text. Who accepts the text accepts this, so that another word
    /// in it undoes the acceptance.
    pub digest: Hash,
}

/// All texts of a release that go back to nothing, or are not what they go back to, whether they
/// were accepted or not. They are what a preview marks.
pub fn unbound(release: &Release, facts: &Facts) -> Vec<Unbound> {
    findings(release, facts)
        .into_iter()
        .filter_map(|problem| match problem {
            Problem::Unbound { text }
            | Problem::Reworded { text, .. }
            | Problem::NotTheFact { text } => Some(text),
            _ => None,
        })
        .collect()
}

/// What forbids issuing `release`, in the order of the document; empty when it may be issued.
/// `accepted` are the unbound or reworded texts that somebody decided to issue. Nothing makes a
/// name acceptable that the Chatham House Rule hides, nor a statement that was not cleared.
pub fn check(release: &Release, facts: &Facts, accepted: &BTreeSet<Hash>) -> Vec<Problem> {
    findings(release, facts)
        .into_iter()
        .filter(|problem| match problem {
            Problem::Unbound { text }
            | Problem::Reworded { text, .. }
            | Problem::NotTheFact { text } => !accepted.contains(&text.digest),
            _ => true,
        })
        .collect()
}

/// True when a text that is to stand beside a release, in no paragraph of it, names somebody whom
/// the Chatham House Rule hides.
pub fn names_the_hidden(text: &str, facts: &Facts) -> bool {
    let names = Names::new(facts);
    names.leaks(text, names.mentions_rule(text))
}

/// What the proceedings are told of a version that is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The statements that it is bound to, as they are now.
    pub statements: Vec<BoundStatement>,
    /// Texts that somebody has to answer for.
    pub unbound: BTreeSet<Hash>,
    /// What nobody can answer for.
    pub defects: BTreeSet<ReleaseDefect>,
}

/// Reads a release for `RecordCommand::SaveRelease`. Whether its statements are cleared is not
/// part of it: that may still come, and the proceedings know.
pub fn verdict(release: &Release, facts: &Facts) -> Verdict {
    let mut verdict =
        Verdict { statements: Vec::new(), unbound: BTreeSet::new(), defects: BTreeSet::new() };
    for problem in findings(release, facts) {
        match problem {
            Problem::Unbound { text }
            | Problem::Reworded { text, .. }
            | Problem::NotTheFact { text } => {
                verdict.unbound.insert(text.digest);
            }
            problem => verdict.defects.extend(problem.defect()),
        }
    }
    let bound = |cited: &Cited| {
        let known = facts.statements.iter().find(|known| known.id == cited.id)?;
        Some(BoundStatement { statement: known.id, revision: known.revision })
    };
    verdict.statements = release.statements.iter().filter_map(bound).collect();
    verdict
}

impl Problem {
    /// The defect that it is in the proceedings; `None` for what can be cleared or accepted.
    pub fn defect(&self) -> Option<ReleaseDefect> {
        match self {
            Self::Unbound { .. }
            | Self::Reworded { .. }
            | Self::NotTheFact { .. }
            | Self::NotCleared { .. } => None,
            Self::MissingVersion { .. } | Self::MissingStatement { .. } => {
                Some(ReleaseDefect::LanguagesDiffer)
            }
            Self::Named { .. } => Some(ReleaseDefect::NameUnderChathamHouseRule),
            Self::NotReportable { .. } | Self::StatementChanged { .. } | Self::Misplaced { .. } => {
                Some(ReleaseDefect::StatementMisquoted)
            }
            Self::OtherEvent
            | Self::AboutChanged
            | Self::MissingPart { .. }
            | Self::NotClean { .. } => Some(ReleaseDefect::Incomplete),
        }
    }
}

fn findings(release: &Release, facts: &Facts) -> Vec<Problem> {
    let mut problems = Vec::new();
    if release.event != facts.event.id {
        problems.push(Problem::OtherEvent);
    }
    if release.about != about(facts) {
        problems.push(Problem::AboutChanged);
    }
    let languages: BTreeSet<&Language> =
        facts.event.languages.iter().filter(|language| grammar(language).is_some()).collect();
    for language in &languages {
        if !release.versions.contains_key(*language) {
            problems.push(Problem::MissingVersion { language: (*language).clone() });
        }
    }
    check_statements(release, facts, &mut problems);
    let names = Names::new(facts);
    for language in release.versions.keys() {
        check_version(release, facts, &names, language, &mut problems);
    }
    problems
}

fn check_statements(release: &Release, facts: &Facts, problems: &mut Vec<Problem>) {
    let mut used: BTreeMap<&Language, BTreeSet<StatementId>> = BTreeMap::new();
    for (language, version) in &release.versions {
        let runs = version.blocks.iter().flat_map(|block| &block.runs);
        let statements = runs.filter_map(|run| match &run.source {
            Source::Statement(id) => Some(*id),
            Source::Fact(_) | Source::Unbound => None,
        });
        used.insert(language, statements.collect());
    }
    let cited_ids: BTreeSet<StatementId> = release.statements.iter().map(|c| c.id).collect();
    let all: BTreeSet<StatementId> = used.values().flatten().chain(&cited_ids).copied().collect();
    for statement in all {
        let Some(known) = facts.statements.iter().find(|known| known.id == statement) else {
            problems.push(Problem::NotReportable { statement });
            continue;
        };
        if !is_reportable(facts, known) {
            problems.push(Problem::NotReportable { statement });
            continue;
        }
        if known.clearance != Clearance::Cleared {
            problems.push(Problem::NotCleared { statement });
        }
        if release.cited(statement) != Some(&cited(known)) {
            problems.push(Problem::StatementChanged { statement });
        }
        for (language, used) in &used {
            if !used.contains(&statement) {
                let language = (*language).clone();
                problems.push(Problem::MissingStatement { language, statement });
            }
        }
    }
}

fn check_version(
    release: &Release,
    facts: &Facts,
    names: &Names,
    language: &Language,
    problems: &mut Vec<Problem>,
) {
    let Some(version) = release.versions.get(language) else { return };
    for part in [Part::Headline, Part::Lede] {
        if !version.blocks.iter().any(|block| block.part == part) {
            problems.push(Problem::MissingPart { language: language.clone(), part });
        }
    }
    let frame = Frame::new(facts, language, &release.original, release.dated);
    for (index, block) in version.blocks.iter().enumerate() {
        let mut speaker: Option<PersonId> = None;
        let segment = block.segment.as_ref().and_then(|id| facts.segment(id));
        let mut under_rule = segment.is_some_and(|segment| {
            segment.status() == RecordStatus::ChathamHouseRule && !segment.on_the_record
        });
        for (position, run) in block.runs.iter().enumerate() {
            let at = At { block: index, run: position };
            if run.text.is_empty() || clean(&run.text) != run.text {
                problems.push(Problem::NotClean { language: language.clone(), at });
            }
            match &run.source {
                Source::Unbound => {
                    problems.push(Problem::Unbound { text: describe(language, at, run) });
                }
                Source::Fact(_) => {
                    if !frame.as_ref().is_some_and(|frame| is_fact(frame, block.part, run)) {
                        problems.push(Problem::NotTheFact { text: describe(language, at, run) });
                    }
                }
                Source::Statement(id) => {
                    let Some(statement) = facts.statements.iter().find(|known| known.id == *id)
                    else {
                        continue;
                    };
                    let rule = statement.is_under_rule();
                    under_rule |= rule;
                    let same = |text: Option<String>| {
                        text.is_some_and(|text| folded(&text) == folded(&run.text))
                    };
                    let opening = same(frame.as_ref().and_then(|f| f.opening(statement)));
                    let following = same(frame.as_ref().and_then(|f| f.following(statement)));
                    if !opening && !following {
                        problems.push(Problem::Reworded {
                            statement: *id,
                            text: describe(language, at, run),
                        });
                    }
                    if following && !opening && !rule && speaker != statement.speaker {
                        problems.push(Problem::Misplaced {
                            language: language.clone(),
                            at,
                            statement: *id,
                        });
                    }
                    speaker = statement.speaker.clone().filter(|_| !rule);
                }
            }
        }
        let text = block.text();
        if names.leaks(&text, under_rule || names.mentions_rule(&text)) {
            problems.push(Problem::Named { language: language.clone(), block: index });
        }
    }
}

fn is_fact(frame: &Frame<'_>, part: Part, run: &Run) -> bool {
    if part == Part::EndMark {
        let mark = |c: char| "#-*—– 0123456789".contains(c);
        return run.text.chars().count() <= END_MARK_CHARS_MAX && run.text.chars().all(mark);
    }
    let same = |known: &Run| known.source == run.source && folded(&known.text) == folded(&run.text);
    frame.facts_of(part).iter().any(same)
}

fn describe(language: &Language, at: At, run: &Run) -> Unbound {
    let binding = match &run.source {
        Source::Statement(id) => format!("statement {id}"),
        Source::Fact(_) => "fact".to_owned(),
        Source::Unbound => "unbound".to_owned(),
    };
    let hash = Sha256::digest(format!("{language}\n{binding}\n{}", run.text));
    Unbound { language: language.clone(), at, text: run.text.clone(), digest: Hash(hash.into()) }
}
