//! Signatures of the parties: what they sign, and how a signature comes into a package.

use std::io::{self, Read, Seek, Write};

use crate::archive::{Archive, ArchiveError, ENTRIES_MAX, Writer, is_safe};
use crate::manifest::{MANIFEST_BYTES_MAX, Manifest};
use crate::minisign::{PublicKey, Signature};
use crate::{MANIFEST, SIGNATURES};

/// Why a package is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// It is no package.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The manifest is missing or cannot be read.
    #[error("its manifest {0}")]
    Manifest(String),
    /// A name that cannot be part of a file's name.
    #[error("{0:?} cannot be the name of a signature")]
    Name(String),
    /// A signature or a key of this name is in the package already.
    #[error("it holds {0} already")]
    Twice(String),
    /// The signature is no signature of this manifest by this key.
    #[error("the signature is not one of its manifest by the key {0}")]
    Signature(crate::KeyId),
    /// No further entry has room.
    #[error("it holds as many files as a package may")]
    Full,
}

impl From<io::Error> for SignError {
    fn from(error: io::Error) -> Self {
        Self::Archive(error.into())
    }
}

/// What is signed: the bytes of the manifest, which could be read as one.
///
/// # Errors
/// [`SignError::Archive`], [`SignError::Manifest`].
pub fn manifest_of<R: Read + Seek>(package: R) -> Result<Vec<u8>, SignError> {
    manifest(&mut Archive::open(package)?)
}

/// Adds a party's signature and its key as `signatures/NAME.minisig` and `.pub`, behind all other
/// entries, which stay as they are; returns the package, flushed. A signature that does not fit is
/// not added. Where writing breaks off the package is lost: hand in a copy.
///
/// # Errors
/// [`SignError`]; before anything is written, unless it is the system's.
pub fn attach<F: Read + Write + Seek>(
    package: F,
    name: &str,
    signature: &str,
    key: &PublicKey,
) -> Result<F, SignError> {
    let mut archive = Archive::open(package)?;
    let signed = manifest(&mut archive)?;
    let files = [format!("{SIGNATURES}{name}.minisig"), format!("{SIGNATURES}{name}.pub")];
    if name.contains('/') || !files.iter().all(|file| is_safe(file)) {
        return Err(SignError::Name(name.to_owned()));
    }
    if let Some(known) = archive.entries.iter().find(|entry| files.contains(&entry.name)) {
        return Err(SignError::Twice(known.name.clone()));
    }
    if archive.entries.len() + files.len() > ENTRIES_MAX {
        return Err(SignError::Full);
    }
    if !Signature::parse(signature).is_some_and(|signature| signature.is_good(key, &signed)) {
        return Err(SignError::Signature(key.id()));
    }
    let count = archive.entries.len() as u64;
    let (package, at, directory) = archive.into_parts();
    let mut writer = Writer::behind(package, at, count, directory)?;
    let key = key.to_file();
    for (file, content) in files.iter().zip([signature, &key]) {
        writer.add(file, &mut content.as_bytes(), &mut |_| {})?;
    }
    Ok(writer.finish()?)
}

fn manifest<R: Read + Seek>(archive: &mut Archive<R>) -> Result<Vec<u8>, SignError> {
    let wrong = |why: &str| SignError::Manifest(why.to_owned());
    let entry = archive.entries.iter().find(|entry| entry.name == MANIFEST).cloned();
    let entry = entry.ok_or_else(|| wrong("is missing"))?;
    if entry.bytes > MANIFEST_BYTES_MAX as u64 {
        return Err(wrong("is too long to be one"));
    }
    let mut bytes = Vec::new();
    archive.read(&entry, &mut |piece| bytes.extend_from_slice(piece))?;
    Manifest::parse(&bytes).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    Ok(bytes)
}
