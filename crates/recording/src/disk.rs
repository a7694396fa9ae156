//! The disk, as the recorder needs it; tests hand in one that fails.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Where files are made.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Makes a file that is not there yet, with the folders around it.
    ///
    /// # Errors
    /// The system's.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Bytes that can still be written below this folder.
    ///
    /// # Errors
    /// The system's.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;
}

/// A file that is being written.
pub trait DiskFile: Send {
    /// Writes at a place; at the end this makes the file longer.
    ///
    /// # Errors
    /// The system's. Part of the bytes may have been written.
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off.
    ///
    /// # Errors
    /// The system's.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// The file, for somebody else to carry its bytes to the disk.
    fn to_sync(&self) -> Option<Arc<File>>;
}

/// The folders of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(LocalFile(Arc::new(file))))
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        // The folder may not have been made yet.
        let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(folder);
        let system = rustix::fs::statvfs(existing)?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }
}

struct LocalFile(Arc<File>);

impl DiskFile for LocalFile {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn to_sync(&self) -> Option<Arc<File>> {
        Some(Arc::clone(&self.0))
    }
}
