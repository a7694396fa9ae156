//! Secrets that stand in a file of their own.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::output::{Exit, Failure};

/// Bytes of a secret's file that are read; keys and passwords have a tenth.
const SECRET_BYTES_MAX: u64 = 4_096;

/// The one line of a file, without the blanks around it.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let fail = |why: String| {
        let message = format!("The file {} cannot be used: {why}.", path.display());
        Failure::new(Exit::BadFile, message)
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(SECRET_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| fail(error.to_string()))?;
    let secret = text.trim();
    if secret.is_empty() || secret.lines().count() > 1 {
        return Err(fail("it should hold the secret on one line, and nothing else".to_owned()));
    }
    Ok(secret.to_owned())
}
