//! The list of what a package holds.

use base::{EventId, Sequence, Timestamp};
use proceedings::{Hash, Tip};
use serde::{Deserialize, Serialize};

use crate::archive::ENTRIES_MAX;

/// Longest manifest that is read, in bytes: all entries that a package may have, with some room.
pub(crate) const MANIFEST_BYTES_MAX: usize = ENTRIES_MAX * 512;

/// What [`Manifest::format`] says.
pub(crate) const FORMAT: &str = "plenary-record-package";

/// The version of the format that this program writes and reads.
pub(crate) const VERSION: u32 = 1;

/// Everything in a package but the signatures, with its hashes. Its bytes are what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `plenary-record-package`.
    pub format: String,
    /// Always 1.
    pub version: u32,
    /// Whose record it is.
    pub event: EventId,
    /// When the package was made, in milliseconds since 1970 UTC.
    pub made_at: Timestamp,
    /// The version of the program that made it.
    pub product: String,
    /// Where the proceedings end.
    pub proceedings: ManifestTip,
    /// The files by path, in the order of the bytes of their paths.
    pub files: Vec<ManifestFile>,
}

/// The end of the proceedings' hash chain: whoever kept it aside can tell later that no line was
/// changed or cut off, whoever signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTip {
    /// Number of the last line.
    pub lines: Sequence,
    /// Its hash.
    pub hash: Hash,
}

impl From<Tip> for ManifestTip {
    fn from(tip: Tip) -> Self {
        Self { lines: tip.sequence, hash: tip.hash }
    }
}

/// A file of the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name in the package.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its content.
    pub sha256: Hash,
    /// What it is, as in HTTP's `Content-Type`.
    pub media_type: String,
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("it is not the JSON of a manifest ({0})")]
    Json(#[from] serde_json::Error),
    #[error(
        "it is of another format or version ({format} {version}); this program reads {FORMAT} {VERSION}"
    )]
    Format { format: String, version: u32 },
    #[error("its files are not in the order of their paths")]
    Order,
}

impl Manifest {
    /// The bytes that are signed.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)?;
        if manifest.format != FORMAT || manifest.version != VERSION {
            let Self { format, version, .. } = manifest;
            return Err(ManifestError::Format { format, version });
        }
        if !manifest.files.is_sorted_by(|a, b| a.path < b.path) {
            return Err(ManifestError::Order);
        }
        Ok(manifest)
    }

    /// The file of this path.
    pub(crate) fn file(&self, path: &str) -> Option<&ManifestFile> {
        let place = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.files.get(place)
    }
}
