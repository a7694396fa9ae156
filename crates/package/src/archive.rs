//! ZIP files whose entries are stored as they are (PKWARE APPNOTE 6.3.10, with ZIP64). Recordings
//! do not shrink any more, and what is not compressed cannot be a bomb: all entries together are
//! never longer than the file.
//!
//! The reader is stricter than the format. Entries must follow one another from the first byte to
//! the directory without gap or overlap, and what stands before an entry must agree with the
//! directory in every field; so there is no byte in a package that could differ unnoticed and mean
//! something to another reader.

mod reader;
mod writer;

pub(crate) use reader::{Archive, Entry, Soundness};
pub(crate) use writer::Writer;

/// Most entries of a package: a recorder's index holds fewer files.
pub(crate) const ENTRIES_MAX: usize = 60_000;

/// Longest name of an entry, in bytes; the longest that a release's document has is 90.
pub(crate) const NAME_BYTES_MAX: usize = 240;

/// Longest directory: all entries with the longest names.
const DIRECTORY_BYTES_MAX: u64 = ENTRIES_MAX as u64 * (NAME_BYTES_MAX as u64 + 128);

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;

const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
const END_64_BYTES: usize = 56;
const LOCATOR_64_BYTES: usize = 20;

/// The number of the extra field that holds sizes of 64 bits.
const EXTRA_64: u16 = 1;

/// Names are UTF-8.
const FLAG_UTF8: u16 = 1 << 11;

/// Sizes follow the content.
const FLAG_DESCRIPTOR: u16 = 1 << 3;

/// The content is encrypted.
const FLAG_ENCRYPTED: u16 = 1;

/// Why a file is not read as a package at all.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The system's.
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// There is no directory at the end.
    #[error("it is no ZIP file, or its end is missing")]
    NoEnd,
    /// The directory is not where the end says, or is damaged.
    #[error("its directory is damaged")]
    Directory,
    /// More than [`ENTRIES_MAX`].
    #[error("it claims {0} entries; a package has at most {ENTRIES_MAX}")]
    TooMany(u64),
    /// A name that a package never has: empty, too long, absolute, or leading out of a folder.
    #[error("it has an entry with the forbidden name {0:?}")]
    Name(String),
    /// Two entries have the same name.
    #[error("it has two entries named {0}")]
    Twice(String),
    /// An entry is compressed or encrypted, which a package's never are.
    #[error("its entry {0} is compressed or encrypted; a package stores files as they are")]
    NotStored(String),
    /// Entries overlap, or reach beyond the file.
    #[error("its entry {0} does not lie where the directory says")]
    Place(String),
}

/// True for names that stay within a folder, on every system.
pub(crate) fn is_safe(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.chars().all(|letter| !letter.is_control() && !"\\:*?\"<>|".contains(letter))
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_a_folder_are_not_safe() {
        for name in ["a", "media/takes/a-1.webm", "release/en.html", "ру.txt"] {
            assert!(is_safe(name), "{name}");
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for name in
            ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "C:/a", "a\\b", "a\nb", &long]
        {
            assert!(!is_safe(name), "{name}");
        }
    }
}
