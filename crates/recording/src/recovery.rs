//! Finishes what a crash left behind.

use std::fs::{self, OpenOptions};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use container::{Change, ReadError};

/// Events and files that are looked at: far more than a server holds in years.
const ENTRIES_MAX: usize = 100_000;

/// What was found and done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Files that were not finished and are now.
    pub finished: usize,
    /// Files in which there was nothing to play; they were removed.
    pub empty: usize,
    /// Files that could not be read or written.
    pub failed: usize,
}

/// Finishes the unfinished files in the folders of all events. To be called before the recorder is
/// started.
pub fn recover(folder: &Path) -> Recovery {
    let mut all = Recovery::default();
    for event in entries(folder).into_iter().filter(|path| path.is_dir()) {
        let one = recover_folder(&event);
        all.finished += one.finished;
        all.empty += one.empty;
        all.failed += one.failed;
    }
    all
}

/// Finishes the unfinished files of one event.
pub(crate) fn recover_folder(folder: &Path) -> Recovery {
    let mut recovery = Recovery::default();
    let takes = entries(&folder.join("takes"));
    for path in entries(folder).into_iter().chain(takes) {
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !matches!(ending, Some("webm" | "mkv")) {
            continue;
        }
        match recover_file(&path) {
            Ok(false) => {}
            Ok(true) => recovery.finished += 1,
            Err(ReadError::NotMatroska | ReadError::NoFrames) => match fs::remove_file(&path) {
                Ok(()) => recovery.empty += 1,
                Err(_) => recovery.failed += 1,
            },
            Err(ReadError::Io(error)) => {
                tracing::warn!(%error, "an unfinished recording cannot be finished");
                recovery.failed += 1;
            }
        }
    }
    recovery
}

/// Finishes a file; `false` when it was finished.
fn recover_file(path: &Path) -> Result<bool, ReadError> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let Some(mut recovered) = container::recover(BufReader::new(&file))? else {
        return Ok(false);
    };
    file.set_len(recovered.length)?;
    recovered.writer.finish(&[]);
    let mut length = recovered.length;
    for change in recovered.writer.take_changes() {
        match change {
            Change::Append(bytes) => {
                file.write_all_at(&bytes, length)?;
                length += bytes.len() as u64;
            }
            Change::Patch { at, bytes } => file.write_all_at(&bytes, at)?,
        }
    }
    (&file).flush()?;
    file.sync_all()?;
    Ok(true)
}

/// What a folder holds; nothing when it is not there.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = |entry: io::Result<fs::DirEntry>| entry.ok().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().take(ENTRIES_MAX).filter_map(read).collect();
    paths.sort();
    paths
}
