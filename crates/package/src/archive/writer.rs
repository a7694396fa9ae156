//! Writes entries one after another; sizes and checksums are filled in when they are known.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::{
    CENTRAL, END, END_64, END_64_BYTES, EXTRA_64, FLAG_UTF8, LOCAL, LOCAL_BYTES, LOCATOR_64,
};

/// ZIP 4.5 knows sizes of 64 bits.
const VERSION: u16 = 45;

/// Made on a system whose files have a mode.
const MADE_BY: u16 = 3 << 8 | VERSION;

/// An ordinary file that everybody may read and its owner may change.
const MODE: u32 = 0o100_644 << 16;

/// 1 January 1980, the first day of the format: the same content gives the same package, and the
/// moment of its making stands in the manifest.
const DATE: u16 = 1 << 5 | 1;

/// In the place of a size that stands in the extra field.
const SEE_EXTRA: u32 = u32::MAX;

/// Bytes that are copied at once.
const COPY_BYTES: usize = 64 << 10;

struct Entry {
    name: String,
    offset: u64,
    bytes: u64,
    crc: u32,
}

/// A ZIP file in the making.
pub(crate) struct Writer<W> {
    output: W,
    at: u64,
    entries: Vec<Entry>,
    /// What others have written: the number of their entries, and their part of the directory.
    before: (u64, Vec<u8>),
}

impl<W: Write + Seek> Writer<W> {
    /// `output` must be empty.
    pub(crate) fn new(output: W) -> Self {
        Self { output, at: 0, entries: Vec::new(), before: (0, Vec::new()) }
    }

    /// Goes on behind `count` entries that end at `at`, in the place of their directory, which is
    /// taken over as it is.
    pub(crate) fn behind(
        mut output: W,
        at: u64,
        count: u64,
        directory: Vec<u8>,
    ) -> io::Result<Self> {
        output.seek(SeekFrom::Start(at))?;
        Ok(Self { output, at, entries: Vec::new(), before: (count, directory) })
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Writes an entry; each piece of the content is shown to `see` as well.
    pub(crate) fn add(
        &mut self,
        name: &str,
        content: &mut dyn Read,
        see: &mut dyn FnMut(&[u8]),
    ) -> io::Result<u64> {
        let offset = self.at;
        let mut entry = Entry { name: name.to_owned(), offset, bytes: 0, crc: 0 };
        self.output.write_all(&local(&entry))?;
        let mut crc = crc32fast::Hasher::new();
        let mut piece = vec![0; COPY_BYTES];
        loop {
            let length = match content.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let piece = &piece[..length];
            self.output.write_all(piece)?;
            crc.update(piece);
            see(piece);
            entry.bytes += length as u64;
        }
        entry.crc = crc.finalize();
        let header = local(&entry);
        self.at = offset + header.len() as u64 + entry.bytes;
        self.output.seek(SeekFrom::Start(offset))?;
        self.output.write_all(&header)?;
        self.output.seek(SeekFrom::Start(self.at))?;
        let bytes = entry.bytes;
        self.entries.push(entry);
        Ok(bytes)
    }

    /// Writes the directory and gives the output back, flushed.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let (before, mut directory) = self.before;
        self.entries.iter().for_each(|entry| central(&mut directory, entry));
        let count = before + self.entries.len() as u64;
        let length = directory.len() as u64;
        let end_64 = self.at + length;

        put_u32(&mut directory, END_64);
        put_u64(&mut directory, END_64_BYTES as u64 - 12);
        put_u16(&mut directory, MADE_BY);
        put_u16(&mut directory, VERSION);
        put_u32(&mut directory, 0);
        put_u32(&mut directory, 0);
        for number in [count, count, length, self.at] {
            put_u64(&mut directory, number);
        }

        put_u32(&mut directory, LOCATOR_64);
        put_u32(&mut directory, 0);
        put_u64(&mut directory, end_64);
        put_u32(&mut directory, 1);

        put_u32(&mut directory, END);
        for number in [0, 0, u16::MAX, u16::MAX] {
            put_u16(&mut directory, number);
        }
        put_u32(&mut directory, SEE_EXTRA);
        put_u32(&mut directory, SEE_EXTRA);
        put_u16(&mut directory, 0);

        self.output.write_all(&directory)?;
        self.output.flush()?;
        Ok(self.output)
    }
}

/// What stands before an entry's content. Its length does not depend on the sizes.
fn local(entry: &Entry) -> Vec<u8> {
    let mut header = Vec::with_capacity(LOCAL_BYTES + entry.name.len() + 20);
    put_u32(&mut header, LOCAL);
    common(&mut header, entry);
    put_u16(&mut header, 20);
    header.extend_from_slice(entry.name.as_bytes());
    put_u16(&mut header, EXTRA_64);
    put_u16(&mut header, 16);
    put_u64(&mut header, entry.bytes);
    put_u64(&mut header, entry.bytes);
    header
}

fn central(out: &mut Vec<u8>, entry: &Entry) {
    put_u32(out, CENTRAL);
    put_u16(out, MADE_BY);
    common(out, entry);
    put_u16(out, 28);
    for number in [0, 0, 0] {
        put_u16(out, number);
    }
    put_u32(out, MODE);
    put_u32(out, SEE_EXTRA);
    out.extend_from_slice(entry.name.as_bytes());
    put_u16(out, EXTRA_64);
    put_u16(out, 24);
    for number in [entry.bytes, entry.bytes, entry.offset] {
        put_u64(out, number);
    }
}

/// The fields that both have, up to the length of the name.
fn common(out: &mut Vec<u8>, entry: &Entry) {
    let stored = 0;
    for number in [VERSION, FLAG_UTF8, stored, 0, DATE] {
        put_u16(out, number);
    }
    for number in [entry.crc, SEE_EXTRA, SEE_EXTRA] {
        put_u32(out, number);
    }
    // Names are bounded by NAME_BYTES_MAX.
    put_u16(out, u16::try_from(entry.name.len()).unwrap_or(u16::MAX));
}

fn put_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}
