//! A file that is being recorded: the container's writer and the disk.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base::Millis;
use container::{Change, Chapter, Codec, Header, Writer};

use crate::disk::{Disk, DiskFile};

/// A file that is being recorded.
pub(crate) struct MediaFile {
    disk_file: Box<dyn DiskFile>,
    writer: Writer,
    /// Bytes on the disk: all that was appended so far.
    length: u64,
}

impl MediaFile {
    /// Begins a file.
    pub(crate) fn create(disk: &dyn Disk, path: &Path, header: &Header) -> io::Result<Self> {
        let disk_file = disk.create(path)?;
        let mut file = Self { disk_file, writer: Writer::new(header), length: 0 };
        file.flush()?;
        Ok(file)
    }

    /// Adds a frame. What cannot be added (it comes an age too late, or is absurdly long) is left
    /// out.
    pub(crate) fn frame(
        &mut self,
        track: usize,
        at: Millis,
        length: Millis,
        key: bool,
        data: &[u8],
    ) {
        if let Err(error) = self.writer.frame(track, at, length, key, data) {
            tracing::debug!(%error, "a frame was left out of a recording");
        }
    }

    pub(crate) fn duration(&self) -> Millis {
        self.writer.duration()
    }

    /// Writes what has been added. When that fails the file is cut back to what it was, and is not
    /// to be used any more.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let before = self.length;
        let written = self.write();
        if written.is_err() {
            // What fails now is found and mended when the files are recovered.
            let _ = self.disk_file.truncate(before);
        }
        written
    }

    fn write(&mut self) -> io::Result<()> {
        for change in self.writer.take_changes() {
            match change {
                Change::Append(bytes) => {
                    self.disk_file.write_at(self.length, &bytes)?;
                    self.length += bytes.len() as u64;
                }
                Change::Patch { at, bytes } => self.disk_file.write_at(at, &bytes)?,
            }
        }
        Ok(())
    }

    /// Finishes the file.
    pub(crate) fn finish(mut self, chapters: &[Chapter]) -> io::Result<()> {
        self.flush()?;
        self.writer.finish(chapters);
        self.flush()
    }

    pub(crate) fn to_sync(&self) -> Option<Arc<File>> {
        self.disk_file.to_sync()
    }
}

/// The ending of a file of this codec.
pub(crate) const fn extension(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "mkv",
        Codec::Opus | Codec::Vp8 | Codec::Vp9 | Codec::Av1 => "webm",
    }
}

/// The container's name of a codec of the media engine.
pub(crate) const fn codec(codec: forwarding::Codec) -> Codec {
    match codec {
        forwarding::Codec::Opus => Codec::Opus,
        forwarding::Codec::Vp8 => Codec::Vp8,
        forwarding::Codec::Vp9 => Codec::Vp9,
        forwarding::Codec::H264 => Codec::H264,
        forwarding::Codec::Av1 => Codec::Av1,
    }
}
