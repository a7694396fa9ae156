//! Changes that a person makes to a release. What somebody wrote is unbound until it is bound again.

use base::{Language, StatementId};
use serde::{Deserialize, Serialize};

use crate::release::{BLOCKS_MAX, Block, Part, RUNS_MAX, Release, Run, Source, Version};
use crate::text::{clean, folded};
use base::limits::LONG_TEXT_CHARS_MAX;

/// Where a run stands: paragraph and run, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Which paragraph.
    pub block: usize,
    /// Which run of it.
    pub run: usize,
}

/// A change to one language version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// Another text for a run. It becomes unbound, unless it is the same text (white space aside)
    /// or `statement` binds it; whether it then says what the statement says, [`crate::check`]
    /// tells.
    ReplaceText {
        /// Which run.
        at: At,
        /// Its new text.
        text: String,
        /// The statement that it goes back to.
        #[serde(default)]
        statement: Option<StatementId>,
    },
    /// A run goes back to this statement.
    Bind {
        /// Which run.
        at: At,
        /// Which statement.
        statement: StatementId,
    },
    /// A new, unbound run before the one at this place, or at the end of the paragraph.
    InsertRun {
        /// Where.
        at: At,
        /// Its text.
        text: String,
    },
    /// A run goes; an emptied paragraph goes with it.
    RemoveRun {
        /// Which.
        at: At,
    },
    /// A new paragraph with one unbound run, before the paragraph of this number.
    InsertParagraph {
        /// Where.
        block: usize,
        /// Its text.
        text: String,
    },
    /// A paragraph goes.
    RemoveParagraph {
        /// Which.
        block: usize,
    },
    /// A paragraph moves to another place.
    MoveParagraph {
        /// Which.
        block: usize,
        /// Its new number.
        to: usize,
    },
}

/// Why a change cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The release has no version in this language.
    #[error("there is no version in this language")]
    NoVersion,
    /// There is no such paragraph or run.
    #[error("there is no such place in the text")]
    NoPlace,
    /// The text is empty.
    #[error("the text is empty")]
    Empty,
    /// The text, or the version with it, is longer than may be.
    #[error("the text is longer than {LONG_TEXT_CHARS_MAX} characters, or the release has no room")]
    TooLong,
    /// The document does not cite this statement.
    #[error("the release does not report this statement")]
    NoStatement,
}

impl Release {
    /// Makes a change to the version in `language`. Statements that no version reports any more
    /// are no longer cited.
    ///
    /// # Errors
    /// [`EditError`]; then nothing changed.
    pub fn edit(&mut self, language: &Language, edit: Edit) -> Result<(), EditError> {
        let known = |id: StatementId| match self.cited(id) {
            Some(_) => Ok(()),
            None => Err(EditError::NoStatement),
        };
        match &edit {
            Edit::Bind { statement, .. } => known(*statement)?,
            Edit::ReplaceText { statement: Some(statement), .. } => known(*statement)?,
            _ => {}
        }
        let version = self.versions.get_mut(language).ok_or(EditError::NoVersion)?;
        apply(version, edit)?;
        let used = |id: StatementId| {
            let runs = self.versions.values().flat_map(|v| &v.blocks).flat_map(|b| &b.runs);
            runs.into_iter().any(|run| run.source == Source::Statement(id))
        };
        let unused: Vec<StatementId> =
            self.statements.iter().map(|c| c.id).filter(|id| !used(*id)).collect();
        self.statements.retain(|cited| !unused.contains(&cited.id));
        Ok(())
    }
}

fn apply(version: &mut Version, edit: Edit) -> Result<(), EditError> {
    match edit {
        Edit::ReplaceText { at, text, statement } => {
            let text = checked(&text)?;
            let run = run_at(version, at)?;
            let same = folded(&run.text) == folded(&text);
            run.source = match statement {
                Some(statement) => Source::Statement(statement),
                None if same => run.source.clone(),
                None => Source::Unbound,
            };
            run.text = text;
        }
        Edit::Bind { at, statement } => {
            run_at(version, at)?.source = Source::Statement(statement);
        }
        Edit::InsertRun { at, text } => {
            let text = checked(&text)?;
            let block = version.blocks.get_mut(at.block).ok_or(EditError::NoPlace)?;
            if block.runs.len() >= RUNS_MAX {
                return Err(EditError::TooLong);
            }
            if at.run > block.runs.len() {
                return Err(EditError::NoPlace);
            }
            block.runs.insert(at.run, Run { text, source: Source::Unbound });
        }
        Edit::RemoveRun { at } => {
            run_at(version, at)?;
            version.blocks[at.block].runs.remove(at.run);
            if version.blocks[at.block].runs.is_empty() {
                version.blocks.remove(at.block);
            }
        }
        Edit::InsertParagraph { block, text } => {
            let text = checked(&text)?;
            if version.blocks.len() >= BLOCKS_MAX {
                return Err(EditError::TooLong);
            }
            if block > version.blocks.len() {
                return Err(EditError::NoPlace);
            }
            let runs = vec![Run { text, source: Source::Unbound }];
            version.blocks.insert(block, Block { part: Part::Paragraph, segment: None, runs });
        }
        Edit::RemoveParagraph { block } => {
            if block >= version.blocks.len() {
                return Err(EditError::NoPlace);
            }
            version.blocks.remove(block);
        }
        Edit::MoveParagraph { block, to } => {
            if block >= version.blocks.len() || to >= version.blocks.len() {
                return Err(EditError::NoPlace);
            }
            let moved = version.blocks.remove(block);
            version.blocks.insert(to, moved);
        }
    }
    Ok(())
}

fn checked(text: &str) -> Result<String, EditError> {
    let text = clean(text);
    if text.is_empty() {
        return Err(EditError::Empty);
    }
    if text.chars().count() > LONG_TEXT_CHARS_MAX {
        return Err(EditError::TooLong);
    }
    Ok(text)
}

fn run_at(version: &mut Version, at: At) -> Result<&mut Run, EditError> {
    let block = version.blocks.get_mut(at.block).ok_or(EditError::NoPlace)?;
    block.runs.get_mut(at.run).ok_or(EditError::NoPlace)
}
