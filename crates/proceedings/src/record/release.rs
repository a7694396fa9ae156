//! The release: its versions, who approved which, and what was issued.
//!
//! A version is the SHA-256 of a document in all its languages; the document itself is kept by the
//! storage. What a version asserts was said stands beside it, so that the rules here need not read
//! documents.

use std::collections::{BTreeMap, BTreeSet};

use base::{Language, PartyId, PersonId, ReleaseVersion, Revision, StatementId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::chain::Hash;

/// The release of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ReleaseState {
    /// SHA-256 of the notes for it: what the programme does not say.
    pub notes: Option<Hash>,
    /// All versions, in order; a number is a place, from 1.
    pub versions: Vec<DraftVersion>,
    /// Parties that approved the last version.
    pub approvals: BTreeSet<PartyId>,
    /// Texts bound to nothing that somebody answers for, by the SHA-256 of the text.
    #[cfg_attr(feature = "typescript", ts(type = "Record<string, Acceptance>"))]
    pub accepted: BTreeMap<Hash, Acceptance>,
    /// Until when the next issue is under embargo.
    pub embargo: Option<Timestamp>,
    /// What was issued: the release first, corrigenda after it.
    pub issues: Vec<Issue>,
    /// The kill notice, unless something was issued after it.
    pub killed: Option<Kill>,
}

impl ReleaseState {
    /// A version by its number.
    pub fn version(&self, version: ReleaseVersion) -> Option<&DraftVersion> {
        let place = usize::try_from(version.0).ok()?.checked_sub(1)?;
        self.versions.get(place)
    }

    /// Texts of the last version that are bound to nothing and that nobody answers for.
    pub fn unaccepted(&self) -> Vec<Hash> {
        let Some(last) = self.versions.last() else { return Vec::new() };
        last.unbound.iter().filter(|text| !self.accepted.contains_key(text)).copied().collect()
    }

    /// What the public may read at the moment `now`.
    pub fn public(&self, now: Timestamp) -> Option<&Issue> {
        match self.published(now)? {
            Published::Issued(issue) => Some(issue),
            Published::Recalled(..) => None,
        }
    }

    /// How the release stands for the public at the moment `now`; `None` while it has never read
    /// anything.
    pub fn published(&self, now: Timestamp) -> Option<Published<'_>> {
        let open = |issue: &&Issue| issue.published_at().is_some_and(|at| at <= now);
        // A corrigendum under embargo does not take away what was published before.
        let issue = self.issues.iter().rev().find(open)?;
        Some(match issue.killed_at {
            None => Published::Issued(issue),
            Some(at) => Published::Recalled(issue, at),
        })
    }
}

/// A version of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DraftVersion {
    /// Its number.
    pub version: ReleaseVersion,
    /// When it was saved.
    pub at: Timestamp,
    /// By whom.
    pub by: PersonId,
    /// SHA-256 of its document, which holds all languages.
    pub document: Hash,
    /// The languages that it is written in.
    pub languages: BTreeSet<Language>,
    /// The statements that it is bound to.
    pub statements: Vec<BoundStatement>,
    /// SHA-256 of each text that is bound to nothing.
    #[cfg_attr(feature = "typescript", ts(type = "string[]"))]
    pub unbound: BTreeSet<Hash>,
    /// What else forbids to issue it.
    pub defects: BTreeSet<ReleaseDefect>,
    /// Parties whose approval it had when the next version was saved, and which was lost with it.
    pub lost: BTreeSet<PartyId>,
}

/// A statement as a document is bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct BoundStatement {
    /// Which.
    pub statement: StatementId,
    /// As it was then.
    pub revision: Revision,
}

/// What is wrong with a version whatever anybody accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum ReleaseDefect {
    /// It was written for an event as it is no longer described.
    Outdated,
    /// A language version is missing, or lacks a statement that another has.
    LanguagesDiffer,
    /// It tells who spoke under the Chatham House Rule.
    NameUnderChathamHouseRule,
    /// It reports what a statement does not say.
    StatementMisquoted,
    /// A part is missing that the house form requires.
    Incomplete,
    /// It holds text that cannot be printed.
    Malformed,
}

/// Somebody answers for a text that is bound to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Acceptance {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// An issue of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Issue {
    /// Which version.
    pub version: ReleaseVersion,
    /// SHA-256 of its document.
    pub document: Hash,
    /// When it was issued.
    pub at: Timestamp,
    /// What was corrected, if it is a corrigendum.
    pub correction: Option<String>,
    /// Until when it is not for the public.
    pub embargo: Option<Timestamp>,
    /// When the embargo was lifted.
    pub lifted_at: Option<Timestamp>,
    /// When it was recalled. A later issue does not bring it back.
    pub killed_at: Option<Timestamp>,
}

/// How the release stands for the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published<'a> {
    /// It reads this.
    Issued(&'a Issue),
    /// It had read this, which was recalled at the moment.
    Recalled(&'a Issue, Timestamp),
}

impl Issue {
    /// From which moment on the public could read it: its issue, or the end of its embargo;
    /// `None` when it was recalled before.
    pub fn published_at(&self) -> Option<Timestamp> {
        let planned = self.embargo.map_or(self.at, |until| until.max(self.at));
        let at = self.lifted_at.map_or(planned, |lifted| lifted.min(planned));
        Some(at).filter(|at| self.killed_at.is_none_or(|killed| *at < killed))
    }
}

/// A kill notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Kill {
    /// When.
    pub at: Timestamp,
    /// What editors are told.
    pub reason: String,
}
