//! Reads the directory, then single entries.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};

use super::{
    ArchiveError, CENTRAL, CENTRAL_BYTES, DIRECTORY_BYTES_MAX, END, END_64, END_64_BYTES,
    END_BYTES, ENTRIES_MAX, EXTRA_64, FLAG_DESCRIPTOR, FLAG_ENCRYPTED, LOCAL, LOCAL_BYTES,
    LOCATOR_64, LOCATOR_64_BYTES, is_safe,
};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// An entry as the directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    crc: u32,
    /// Version needed, flags, method, time and date, as both headers have them.
    common: [u8; 10],
    offset: u64,
    /// Where the next entry, or the directory, begins.
    end: u64,
}

#[cfg(test)]
impl Entry {
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }
}

/// What a reading of an entry found beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soundness {
    /// Checksum and header are right.
    Sound,
    /// What stands before the content does not agree with the directory.
    Header,
    /// The checksum is another.
    Checksum,
}

/// A ZIP file whose directory has been read.
pub(crate) struct Archive<R> {
    input: R,
    /// As it stands in the file.
    directory: Vec<u8>,
    /// Where it begins.
    directory_at: u64,
    /// In the order in which they lie.
    pub(crate) entries: Vec<Entry>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory.
    pub(crate) fn open(mut input: R) -> Result<Self, ArchiveError> {
        let length = input.seek(SeekFrom::End(0))?;
        let end_at = length.checked_sub(END_BYTES as u64).ok_or(ArchiveError::NoEnd)?;
        let end = bytes_at::<END_BYTES>(&mut input, end_at)?;
        // A comment would make it longer; packages have none.
        if u32_at(&end, 0) != END || u16_at(&end, 20) != 0 {
            return Err(ArchiveError::NoEnd);
        }
        let one_disk = u16_at(&end, 4) == 0 && u16_at(&end, 6) == 0;
        let counts_agree = u16_at(&end, 8) == u16_at(&end, 10);
        let short = Directory {
            entries: u16_at(&end, 10).into(),
            bytes: u32_at(&end, 12).into(),
            offset: u32_at(&end, 16).into(),
            end: end_at,
        };
        let directory = directory_64(&mut input, end_at)?.unwrap_or(short);
        if directory.entries > ENTRIES_MAX as u64 {
            return Err(ArchiveError::TooMany(directory.entries));
        }
        let fits = directory.offset.checked_add(directory.bytes) == Some(directory.end);
        if !one_disk || !counts_agree || !fits || directory.bytes > DIRECTORY_BYTES_MAX {
            return Err(ArchiveError::Directory);
        }
        input.seek(SeekFrom::Start(directory.offset))?;
        let mut bytes = Vec::new();
        (&mut input).take(directory.bytes).read_to_end(&mut bytes)?;
        let entries = entries(&bytes, &directory)?;
        Ok(Self { input, directory: bytes, directory_at: directory.offset, entries })
    }

    /// The file, where its directory begins, and that directory: what a writer goes on with.
    pub(crate) fn into_parts(self) -> (R, u64, Vec<u8>) {
        (self.input, self.directory_at, self.directory)
    }

    /// Shows the content of an entry to `see`, piece by piece.
    pub(crate) fn read(
        &mut self,
        entry: &Entry,
        see: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Soundness> {
        let start = entry.end - entry.bytes;
        self.input.seek(SeekFrom::Start(entry.offset))?;
        let mut header = Vec::new();
        (&mut self.input).take(start - entry.offset).read_to_end(&mut header)?;
        let mut crc = crc32fast::Hasher::new();
        let mut piece = vec![0; READ_BYTES];
        let mut left = entry.bytes;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
            self.input.read_exact(&mut piece[..wanted])?;
            crc.update(&piece[..wanted]);
            see(&piece[..wanted]);
            left -= wanted as u64;
        }
        Ok(if !agrees(&header, entry) {
            Soundness::Header
        } else if crc.finalize() != entry.crc {
            Soundness::Checksum
        } else {
            Soundness::Sound
        })
    }
}

struct Directory {
    entries: u64,
    bytes: u64,
    offset: u64,
    /// What follows it.
    end: u64,
}

/// The directory as the end of 64 bits tells it, if there is one.
fn directory_64<R: Read + Seek>(
    input: &mut R,
    end_at: u64,
) -> Result<Option<Directory>, ArchiveError> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR_64_BYTES as u64) else { return Ok(None) };
    let locator = bytes_at::<LOCATOR_64_BYTES>(input, locator_at)?;
    if u32_at(&locator, 0) != LOCATOR_64 {
        return Ok(None);
    }
    let at = u64_at(&locator, 8);
    if at.checked_add(END_64_BYTES as u64) != Some(locator_at) {
        return Err(ArchiveError::Directory);
    }
    let end = bytes_at::<END_64_BYTES>(input, at)?;
    if u32_at(&end, 0) != END_64
        || u64_at(&end, 4) != END_64_BYTES as u64 - 12
        || u64_at(&end, 24) != u64_at(&end, 32)
    {
        return Err(ArchiveError::Directory);
    }
    Ok(Some(Directory {
        entries: u64_at(&end, 32),
        bytes: u64_at(&end, 40),
        offset: u64_at(&end, 48),
        end: at,
    }))
}

/// The entries in the order in which they lie, each reaching to the next.
fn entries(mut bytes: &[u8], directory: &Directory) -> Result<Vec<Entry>, ArchiveError> {
    let (mut entries, mut names) = (Vec::new(), BTreeSet::new());
    while !bytes.is_empty() {
        let (entry, rest) = central(bytes)?;
        if !names.insert(entry.name.clone()) {
            return Err(ArchiveError::Twice(entry.name));
        }
        entries.push(entry);
        bytes = rest;
    }
    if entries.len() as u64 != directory.entries {
        return Err(ArchiveError::Directory);
    }
    entries.sort_by_key(|entry: &Entry| entry.offset);
    let mut end = directory.offset;
    for entry in entries.iter_mut().rev() {
        entry.end = end;
        let header = (LOCAL_BYTES + entry.name.len()) as u64;
        let room = entry.end.checked_sub(entry.offset).and_then(|room| room.checked_sub(header));
        // An extra field has at most 64 KiB, so a larger gap is none.
        let gap = room.and_then(|room| room.checked_sub(entry.bytes));
        if gap.is_none_or(|gap| gap > u16::MAX.into()) {
            return Err(ArchiveError::Place(entry.name.clone()));
        }
        end = entry.offset;
    }
    match entries.first() {
        Some(first) if first.offset != 0 => Err(ArchiveError::Place(first.name.clone())),
        None if directory.offset != 0 => Err(ArchiveError::Directory),
        _ => Ok(entries),
    }
}

/// Reads one entry of the directory and what follows it.
fn central(bytes: &[u8]) -> Result<(Entry, &[u8]), ArchiveError> {
    let (fixed, rest) =
        bytes.split_first_chunk::<CENTRAL_BYTES>().ok_or(ArchiveError::Directory)?;
    if u32_at(fixed, 0) != CENTRAL {
        return Err(ArchiveError::Directory);
    }
    let lengths = [28, 30, 32].map(|at| usize::from(u16_at(fixed, at)));
    let (name, rest) = rest.split_at_checked(lengths[0]).ok_or(ArchiveError::Directory)?;
    let (extra, rest) = rest.split_at_checked(lengths[1]).ok_or(ArchiveError::Directory)?;
    let rest = rest.get(lengths[2]..).ok_or(ArchiveError::Directory)?;
    let name = match std::str::from_utf8(name) {
        Ok(name) if is_safe(name) => name.to_owned(),
        _ => return Err(ArchiveError::Name(String::from_utf8_lossy(name).into_owned())),
    };
    let short = [20, 24, 42].map(|at| u32_at(fixed, at));
    let [compressed, bytes, offset] =
        sizes([short[0], short[1], short[2]], extra).ok_or(ArchiveError::Directory)?;
    let (flags, method) = (u16_at(fixed, 8), u16_at(fixed, 10));
    if method != 0 || flags & (FLAG_ENCRYPTED | FLAG_DESCRIPTOR) != 0 || compressed != bytes {
        return Err(ArchiveError::NotStored(name));
    }
    let mut common = [0; 10];
    common.copy_from_slice(&fixed[6..16]);
    Ok((Entry { name, bytes, crc: u32_at(fixed, 16), common, offset, end: 0 }, rest))
}

/// True when what stands before the content says what the directory says, and nothing besides.
fn agrees(header: &[u8], entry: &Entry) -> bool {
    let Some((fixed, rest)) = header.split_first_chunk::<LOCAL_BYTES>() else { return false };
    let lengths = [26, 28].map(|at| usize::from(u16_at(fixed, at)));
    let Some((name, extra)) = rest.split_at_checked(lengths[0]) else { return false };
    let short = [u32_at(fixed, 18), u32_at(fixed, 22), 0];
    u32_at(fixed, 0) == LOCAL
        && fixed[4..14] == entry.common
        && u32_at(fixed, 14) == entry.crc
        && name == entry.name.as_bytes()
        && extra.len() == lengths[1]
        && sizes(short, extra) == Some([entry.bytes, entry.bytes, 0])
}

/// Sizes that are too large for 32 bits stand in the extra field, in their order. The directory
/// gives the compressed size before the other, the extra field after it; here both are the same.
///
/// Info-ZIP leaves the extra field as it was where it takes an entry over, though its sizes fit
/// above: then both must say the same.
fn sizes(short: [u32; 3], mut extra: &[u8]) -> Option<[u64; 3]> {
    let mut long: &[u8] = &[];
    while !extra.is_empty() {
        let (head, rest) = extra.split_first_chunk::<4>()?;
        let (data, rest) = rest.split_at_checked(usize::from(u16_at(head, 2)))?;
        if u16_at(head, 0) == EXTRA_64 {
            long = data;
        }
        extra = rest;
    }
    let all = long;
    let mut sizes = [0; 3];
    for (size, short) in sizes.iter_mut().zip(short) {
        *size = if short == u32::MAX {
            let (number, rest) = long.split_first_chunk::<8>()?;
            long = rest;
            u64::from_le_bytes(*number)
        } else {
            short.into()
        };
    }
    let repeated: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
    let repeats = all.len().is_multiple_of(8) && repeated.starts_with(all);
    (long.is_empty() || repeats).then_some(sizes)
}

fn bytes_at<const N: usize>(input: &mut (impl Read + Seek), at: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.seek(SeekFrom::Start(at))?;
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}
