//! The document: parallel language versions made of runs, each bound to what it goes back to.

use std::collections::BTreeMap;

use base::limits::{RELEASE_DOCUMENT_BYTES_MAX, SEGMENTS_MAX};
use base::{EventId, Language, Localized, Millis, PersonId, SegmentId, StatementId, Timestamp};
use proceedings::{Hash, RecordStatus, SegmentKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::dates::Day;

/// Version of the document's form; a reader refuses a form that it does not know.
const FORM: u32 = 1;

/// Paragraphs of one version. Ten for each of the most segments a programme may have.
pub(crate) const BLOCKS_MAX: usize = 10 * SEGMENTS_MAX;

/// Runs of one paragraph: sentences, of which a paragraph that anybody reads has twenty.
pub(crate) const RUNS_MAX: usize = 200;

/// A press release in all its languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Form of the document.
    pub form: u32,
    /// Which event.
    pub event: EventId,
    /// The day in its dateline.
    pub dated: Day,
    /// The language whose text prevails.
    pub original: Language,
    /// What is known of the event around the text.
    pub about: About,
    /// Statements in the order of their numbers: the first is number 1 in every language.
    pub statements: Vec<Cited>,
    /// The text in each language.
    pub versions: BTreeMap<Language, Version>,
}

/// The event, as far as everybody may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Subject.
    pub title: Localized,
    /// When it was opened.
    pub opened: Timestamp,
    /// IANA name of its zone.
    pub time_zone: String,
    /// Its city.
    pub city: Localized,
    /// Names of who held it.
    pub organisers: Vec<Localized>,
    /// Who may be named, in order of precedence.
    pub people: Vec<Named>,
    /// The programme.
    pub programme: Vec<ProgrammePart>,
}

/// A person who may be named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Who.
    pub id: PersonId,
    /// Name without titles.
    pub name: Localized,
    /// Full title.
    pub title: Option<Localized>,
}

/// A part of the programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgrammePart {
    /// Identifier.
    pub id: SegmentId,
    /// Kind.
    pub kind: SegmentKind,
    /// Title of its own.
    pub title: Option<Localized>,
    /// On the record or not.
    pub record: RecordStatus,
}

/// A statement that the text goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cited {
    /// Which.
    pub id: StatementId,
    /// In which part it was made.
    pub segment: SegmentId,
    /// Who made it; `None` under the Chatham House Rule.
    pub speaker: Option<PersonId>,
    /// Where it is in the recording; `None` under the Chatham House Rule.
    pub span: Option<Span>,
}

/// A stretch of the event, counted from its opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Where it begins.
    pub start: Millis,
    /// Where it ends.
    pub end: Millis,
}

/// The text in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Paragraphs in order.
    pub blocks: Vec<Block>,
}

/// A paragraph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// What it is in the release.
    pub part: Part,
    /// The segment that an intervention belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<SegmentId>,
    /// Its text; runs are separated by a space.
    pub runs: Vec<Run>,
}

/// What a paragraph is in a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Who issues.
    Letterhead,
    /// The headline.
    Headline,
    /// The line under it.
    Deck,
    /// Dateline and the five Ws.
    Lede,
    /// What somebody said.
    Intervention,
    /// A paragraph that somebody added.
    Paragraph,
    /// Thanks.
    Thanks,
    /// What comes next.
    Outlook,
    /// The mark at the end.
    EndMark,
    /// Who the organisers are.
    Boilerplate,
    /// Whom to ask.
    Contact,
    /// A notice that every public document of the event carries.
    Notice,
    /// Which language prevails.
    Prevailing,
}

/// A stretch of text that goes back to one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The text, one line, clean.
    pub text: String,
    /// What it goes back to.
    pub source: Source,
}

/// What a text goes back to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A statement.
    Statement(StatementId),
    /// What the organiser wrote down, in the house's frame.
    Fact(Fact),
    /// Nothing: somebody wrote it.
    Unbound,
}

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// Who holds the event.
    Organiser,
    /// Its subject, or the headline that was given.
    Subject,
    /// Its occasion.
    Occasion,
    /// City and day of the release.
    Dateline,
    /// That it was held: subject, day, organiser, occasion.
    Event,
    /// A person's part in it.
    Person(PersonId),
    /// The people of the discussion.
    Panel,
    /// How many came.
    Attendance,
    /// The organisers' thanks.
    Thanks,
    /// What comes next.
    Outlook,
    /// Who the organisers are.
    Boilerplate,
    /// Whom to ask.
    Contact,
    /// The event's notice.
    Notice,
    /// The house's own marks: the end, the prevailing language.
    House,
}

/// Why bytes are not a release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Longer than any release.
    #[error("a release has at most {RELEASE_DOCUMENT_BYTES_MAX} bytes, this has {0}")]
    TooLong(usize),
    /// Not JSON of this form.
    #[error("not a release: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by a later program.
    #[error("form {0} of releases is not known here")]
    Form(u32),
    /// Not written as [`Release::to_json`] writes it, so that its hash would not be the hash of
    /// these bytes.
    #[error("not in canonical form")]
    NotCanonical,
    /// The documents are not language versions of one release.
    #[error("these are not the language versions of one release")]
    Mixed,
    /// More paragraphs or runs than a release may have.
    #[error("a version has at most {BLOCKS_MAX} paragraphs of at most {RUNS_MAX} runs")]
    TooMany,
}

impl Release {
    /// The current form.
    pub(crate) const FORM: u32 = FORM;

    /// The canonical bytes: JSON without white space, fields in the order of their declaration,
    /// languages by their tags. The same release gives the same bytes.
    ///
    /// # Errors
    /// Never for a release that this crate made; serialisation is fallible by its type.
    pub fn to_json(&self) -> Result<Vec<u8>, ReleaseError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`ReleaseError`] when they are too long, not a release, or not canonical.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() > RELEASE_DOCUMENT_BYTES_MAX {
            return Err(ReleaseError::TooLong(bytes.len()));
        }
        let release: Self = serde_json::from_slice(bytes)?;
        if release.form != FORM {
            return Err(ReleaseError::Form(release.form));
        }
        let fits = |version: &Version| {
            version.blocks.len() <= BLOCKS_MAX
                && version.blocks.iter().all(|block| block.runs.len() <= RUNS_MAX)
        };
        if !release.versions.values().all(fits) {
            return Err(ReleaseError::TooMany);
        }
        if release.to_json()? != bytes {
            return Err(ReleaseError::NotCanonical);
        }
        Ok(release)
    }

    /// The hash that approvals name.
    ///
    /// # Errors
    /// As [`Release::to_json`].
    pub fn hash(&self) -> Result<Hash, ReleaseError> {
        Ok(Hash(Sha256::digest(self.to_json()?).into()))
    }

    /// The document of each language version, in its canonical form: the release with that version
    /// alone. What is approved and signed is the set of their hashes.
    ///
    /// # Errors
    /// As [`Release::to_json`].
    pub fn documents(&self) -> Result<BTreeMap<Language, Vec<u8>>, ReleaseError> {
        let one = |(language, version): (&Language, &Version)| {
            let versions = BTreeMap::from([(language.clone(), version.clone())]);
            let document = Self { versions, ..self.clone() };
            Ok((language.clone(), document.to_json()?))
        };
        self.versions.iter().map(one).collect()
    }

    /// The release whose [`Release::documents`] these are.
    ///
    /// # Errors
    /// As [`Release::from_json`] for each; [`ReleaseError::Mixed`] when they belong to different
    /// releases, or none is given.
    pub fn from_documents<'a>(
        documents: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, ReleaseError> {
        let mut whole: Option<Self> = None;
        for bytes in documents {
            let mut document = Self::from_json(bytes)?;
            let versions = std::mem::take(&mut document.versions);
            let whole = whole.get_or_insert_with(|| document.clone());
            let so_far = std::mem::take(&mut whole.versions);
            let same = *whole == document;
            whole.versions = so_far;
            let known = versions.keys().any(|language| whole.versions.contains_key(language));
            if !same || known {
                return Err(ReleaseError::Mixed);
            }
            whole.versions.extend(versions);
        }
        whole.ok_or(ReleaseError::Mixed)
    }

    /// The number that stands beside a statement, from 1.
    pub fn number(&self, statement: StatementId) -> Option<usize> {
        self.statements.iter().position(|cited| cited.id == statement).map(|index| index + 1)
    }

    /// What a statement goes back to.
    pub fn cited(&self, statement: StatementId) -> Option<&Cited> {
        self.statements.iter().find(|cited| cited.id == statement)
    }

    /// The text of a part in a language, its paragraphs joined by a space; empty when it has none.
    pub fn text_of(&self, language: &Language, part: Part) -> String {
        let blocks = self.versions.get(language).map(|version| version.blocks.as_slice());
        let texts: Vec<String> = blocks
            .unwrap_or_default()
            .iter()
            .filter(|block| block.part == part)
            .map(Block::text)
            .collect();
        texts.join(" ")
    }
}

impl Block {
    /// Its whole text.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.runs.iter().map(|run| run.text.as_str()).collect();
        texts.join(" ")
    }
}
