//! What Plenary keeps, as one trait that every back end implements: the proceedings of events, the
//! personal links of people, and the documents that proceedings name.
//!
//! How to write a back end: implement [`Storage`], and let a test pass `testing::story` on it.
//! "Not found" is `None`; [`StorageError`] is for what went wrong. Whatever returned `Ok` survives
//! the end of the process and of the machine's power.

#[cfg(feature = "testing")]
pub mod testing;
mod token;

use std::future::Future;
use std::pin::Pin;

use base::limits::RELEASE_DOCUMENT_BYTES_MAX;
use base::{EventId, Localized, PersonId, Sequence, Timestamp};
use proceedings::{Hash, Life, Line, Tip, verify_after};
use sha2::{Digest as _, Sha256};

pub use token::{LinkKey, LinkKeyError, LinkToken, LinkTokenError, TokenHash};

/// Lines that [`load`] reads at once: about half a megabyte.
pub const LINES_PER_PAGE: usize = 1_000;

/// Most lines of one append: as many as admitting everybody from a full lobby needs, twice.
pub const LINES_PER_APPEND_MAX: usize = 2 * base::limits::PEOPLE_MAX;

/// Most events that [`Storage::list_events`] names. A council holds some fifty a year.
pub const EVENTS_LISTED_MAX: usize = 1_000;

/// Longest name of a paper, in bytes.
pub const PAPER_NAME_BYTES_MAX: usize = 200;

/// What an operation will answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// Why an operation failed. Nothing was changed then, unless a variant says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// There is no such event.
    #[error("there is no such event")]
    NoSuchEvent,
    /// Somebody else was first: the event exists, its proceedings went on otherwise, or the link
    /// has been revoked meanwhile.
    #[error("the stored state is not the one that this change builds on")]
    Conflict,
    /// The lines do not follow from one another or are too many; a defect of the caller.
    #[error("the lines to be appended do not follow from one another")]
    BadLines,
    /// The document is too long, or not the one whose hash was given; a defect of the caller.
    #[error("the document is too long, or has another hash")]
    BadDocument,
    /// Another program holds the database; trying again may help.
    #[error("another program holds the database: {0}")]
    Busy(String),
    /// No room is left to write; what is stored is safe and can be read.
    #[error("there is no room left to write: {0}")]
    Full(String),
    /// What is stored is damaged or was changed.
    #[error("what is stored is damaged: {0}")]
    Corrupt(String),
    /// The storage cannot be reached. Whether a change was made is unknown: read again before
    /// going on.
    #[error("the storage cannot be reached: {0}")]
    Unavailable(String),
}

/// An event in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSummary {
    /// Which.
    pub id: EventId,
    /// Its title.
    pub title: Localized,
    /// Planned opening.
    pub start: Timestamp,
    /// Where it stands.
    pub life: Life,
    /// Number of its last line.
    pub sequence: Sequence,
}

/// Something of an event that is written anew as it changes, and is no part of its record: whom a
/// release is mailed to, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// Its name within the event, with `/` between parts.
    pub name: String,
    /// What stands in it.
    pub bytes: Vec<u8>,
}

/// The keeper of proceedings and links.
///
/// A change whose future is dropped before it answers may have been made or not.
pub trait Storage: Send + Sync {
    /// Creates an event from the first line of its proceedings.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the event exists, [`StorageError::BadLines`] when the line
    /// is no first line.
    fn create_event<'a>(&'a self, first: &'a Line) -> Answer<'a, ()>;

    /// The events, latest planned opening first, at most [`EVENTS_LISTED_MAX`].
    fn list_events(&self) -> Answer<'_, Vec<EventSummary>>;

    /// At most `limit` lines after line `after`, in order; `None` when there is no such event.
    fn lines<'a>(
        &'a self,
        event: &'a EventId,
        after: Sequence,
        limit: usize,
    ) -> Answer<'a, Option<Vec<Line>>>;

    /// Appends lines to an event's proceedings: all or none. They are durable on return.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the first does not follow the stored last line,
    /// [`StorageError::BadLines`] when the lines do not follow from one another.
    fn append<'a>(&'a self, event: &'a EventId, lines: &'a [Line]) -> Answer<'a, ()>;

    /// Stores the link of a person under the hash of its token. Storing the same again changes
    /// nothing.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when `generation` is not the person's present one.
    fn put_link<'a>(
        &'a self,
        event: &'a EventId,
        person: &'a PersonId,
        generation: u32,
        token: TokenHash,
    ) -> Answer<'a, ()>;

    /// Whose link this is, unless it was revoked or never given.
    fn find_link(&self, token: TokenHash) -> Answer<'_, Option<(EventId, PersonId)>>;

    /// Revokes all links of a person and returns the generation that the next link will have.
    fn revoke_links<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32>;

    /// The present generation of a person's links; 0 until the first revocation.
    fn generation<'a>(&'a self, event: &'a EventId, person: &'a PersonId) -> Answer<'a, u32>;

    /// Keeps a document of an event under its SHA-256, so that the proceedings can name it. It is
    /// durable on return. Keeping the same again changes nothing; nothing takes it away.
    ///
    /// # Errors
    /// [`StorageError::BadDocument`] when the hash is another or it is too long.
    fn put_document<'a>(
        &'a self,
        event: &'a EventId,
        document: Hash,
        bytes: &'a [u8],
    ) -> Answer<'a, ()>;

    /// A document that was kept, checked against its hash; `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when it is not as it was kept.
    fn document<'a>(&'a self, event: &'a EventId, document: Hash) -> Answer<'a, Option<Vec<u8>>>;

    /// Writes papers of an event, all or none; one of the same name is written over. They are
    /// durable on return.
    ///
    /// # Errors
    /// [`StorageError::BadDocument`] when one is too long.
    fn put_papers<'a>(&'a self, event: &'a EventId, papers: &'a [Paper]) -> Answer<'a, ()>;

    /// The papers whose names begin so, by name; none when there is no such event.
    fn papers<'a>(&'a self, event: &'a EventId, prefix: &'a str) -> Answer<'a, Vec<Paper>>;
}

/// All lines of an event, checked against their hashes; `None` when there is no such event.
///
/// # Errors
/// [`StorageError::Corrupt`] names the first line that is not as it was written.
pub async fn load(
    storage: &dyn Storage,
    event: &EventId,
) -> Result<Option<Vec<Line>>, StorageError> {
    let mut tip = Tip::default();
    let mut lines = Vec::new();
    loop {
        let Some(page) = storage.lines(event, tip.sequence, LINES_PER_PAGE).await? else {
            return Ok(None);
        };
        tip = verify_after(tip, &page).map_err(|why| StorageError::Corrupt(why.to_string()))?;
        let last = page.len() < LINES_PER_PAGE;
        lines.extend(page);
        if last {
            return Ok(Some(lines));
        }
    }
}

/// Checks, for back ends, that a document may be kept under this hash.
///
/// # Errors
/// [`StorageError::BadDocument`] when it is too long or has another hash.
pub fn check_document(document: Hash, bytes: &[u8]) -> Result<(), StorageError> {
    if bytes.len() <= RELEASE_DOCUMENT_BYTES_MAX && Hash(Sha256::digest(bytes).into()) == document {
        Ok(())
    } else {
        Err(StorageError::BadDocument)
    }
}

/// Checks, for back ends, that papers may be written.
///
/// # Errors
/// [`StorageError::BadDocument`] when one is too long.
pub fn check_papers(papers: &[Paper]) -> Result<(), StorageError> {
    let is_good = |paper: &Paper| {
        paper.bytes.len() <= RELEASE_DOCUMENT_BYTES_MAX && paper.name.len() <= PAPER_NAME_BYTES_MAX
    };
    if papers.iter().all(is_good) { Ok(()) } else { Err(StorageError::BadDocument) }
}

/// Checks that `lines` can follow each other, for back ends; returns where the first attaches and
/// where the last ends.
///
/// # Errors
/// [`StorageError::BadLines`] when there are none or too many, or they do not follow.
pub fn check_append(lines: &[Line]) -> Result<(Tip, Tip), StorageError> {
    let first = lines.first().ok_or(StorageError::BadLines)?;
    let before = first.sequence.0.checked_sub(1).ok_or(StorageError::BadLines)?;
    let before = Tip { sequence: Sequence(before), hash: first.previous };
    if lines.len() > LINES_PER_APPEND_MAX {
        return Err(StorageError::BadLines);
    }
    let after = verify_after(before, lines).map_err(|_| StorageError::BadLines)?;
    Ok((before, after))
}
