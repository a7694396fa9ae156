//! Makes a package.

use std::io::{self, Read, Seek, Write};

use aws_lc_rs::digest::{Context, SHA256};
use base::{EventId, Timestamp};
use proceedings::{Hash, Tip};

use crate::archive::{ENTRIES_MAX, NAME_BYTES_MAX, Writer, is_safe};
use crate::manifest::{FORMAT, Manifest, ManifestFile, VERSION};
use crate::minisign::SecretKey;
use crate::{MANIFEST, SERVER_KEY, SIGNATURE, SIGNATURES};

/// What a package says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Whose record it is.
    pub event: EventId,
    /// Now.
    pub made_at: Timestamp,
    /// The version of this program.
    pub product: String,
    /// Where the proceedings end.
    pub proceedings: Tip,
}

/// Why a package cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The system's; where from and where to read and write is not known here.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A name that no package may have, or that the package gives away itself.
    #[error("a package cannot hold a file named {0:?} (at most {NAME_BYTES_MAX} bytes)")]
    Name(String),
    /// A file of this name is in it already.
    #[error("two files of the package would be named {0}")]
    Twice(String),
    /// More than [`ENTRIES_MAX`].
    #[error("a package holds at most {ENTRIES_MAX} files")]
    TooMany,
}

/// A package in the making.
pub struct Packer<W> {
    archive: Writer<W>,
    files: Vec<ManifestFile>,
}

impl<W: Write + Seek> Packer<W> {
    /// Begins a package; `output` must be empty.
    pub fn new(output: W) -> Self {
        Self { archive: Writer::new(output), files: Vec::new() }
    }

    /// Adds a file and returns its length in bytes. The content is read once and never held as a
    /// whole. After an error the package is worth nothing.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn add(
        &mut self,
        path: &str,
        media_type: &str,
        content: &mut dyn Read,
    ) -> Result<u64, PackError> {
        let reserved = path == MANIFEST || path == SIGNATURE || path.starts_with(SIGNATURES);
        if !is_safe(path) || reserved {
            return Err(PackError::Name(path.to_owned()));
        }
        if self.files.iter().any(|file| file.path == path) {
            return Err(PackError::Twice(path.to_owned()));
        }
        // The manifest and its signature are still to come.
        if self.archive.len() + 2 >= ENTRIES_MAX {
            return Err(PackError::TooMany);
        }
        let mut digest = Context::new(&SHA256);
        let bytes = self.archive.add(path, content, &mut |piece| digest.update(piece))?;
        self.files.push(ManifestFile {
            path: path.to_owned(),
            bytes,
            sha256: finished(digest),
            media_type: media_type.to_owned(),
        });
        Ok(bytes)
    }

    /// Adds the key, the manifest and its signature, and returns the output, flushed, with the
    /// manifest.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn seal(mut self, about: About, key: &SecretKey) -> Result<(W, Manifest), PackError> {
        let public = key.public().to_file();
        self.add(SERVER_KEY, "text/plain; charset=utf-8", &mut public.as_bytes())?;
        let Self { mut archive, mut files } = self;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            version: VERSION,
            event: about.event,
            made_at: about.made_at,
            product: about.product,
            proceedings: about.proceedings.into(),
            files,
        };
        let bytes = manifest.to_bytes().map_err(io::Error::other)?;
        let comment = format!(
            "record of the event {}, {} lines of proceedings, {} files, made at {}",
            manifest.event,
            manifest.proceedings.lines.0,
            manifest.files.len(),
            manifest.made_at.0,
        );
        let signature = key.sign(&bytes, &comment);
        archive.add(MANIFEST, &mut bytes.as_slice(), &mut |_| {})?;
        archive.add(SIGNATURE, &mut signature.as_bytes(), &mut |_| {})?;
        Ok((archive.finish()?, manifest))
    }
}

/// The digest that was computed, as the proceedings' type.
pub(crate) fn finished(digest: Context) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.finish().as_ref());
    Hash(hash)
}
