//! Reads files back, element by element, in bounded memory, from beginning to end. It stops where
//! a file stops to make sense, which is where a crash cut it off, and says where that is.

use std::io::{self, Read};

use base::{Millis, Timestamp};

use crate::ebml::{children, id, size, uint};
use crate::header::{Codec, DATE_EPOCH_MS, Layout};
use crate::writer::FRAME_BYTES_MAX;
use crate::{PictureSize, Track, ids};

/// Longest of the elements that are read whole: an index of [`crate::writer`] at its largest.
const ELEMENT_BYTES_MAX: u64 = 8 << 20;

/// Tracks of a file that are looked at.
const TRACKS_MAX: usize = 64;

/// Tags of a file that are looked at.
const TAGS_MAX: usize = 64;

/// What stands at the front of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// The moment of its time zero.
    pub began_at: Option<Timestamp>,
    /// Its tracks with their numbers; those of codecs unknown here are left out.
    pub tracks: Vec<(u64, Track)>,
    /// What describes it further.
    pub tags: Vec<(String, String)>,
    /// Its length, as it is written at its front.
    pub duration: Option<Millis>,
    /// Its size in bytes, as it is written at its front when it is finished.
    pub size: Option<u64>,
    pub(crate) layout: Layout,
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its track's number.
    pub track: u64,
    /// Its time from the beginning of the file.
    pub at: Millis,
    /// A decoder can begin here.
    pub key: bool,
    /// The frame.
    pub data: Vec<u8>,
    /// Where the block begins in the file.
    pub(crate) position: u64,
}

/// What is found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A cluster begins.
    Cluster {
        /// Where in the file.
        position: u64,
        /// The time from which its blocks count.
        began: Millis,
    },
    /// A frame.
    Block(Block),
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not begin like a Matroska file.
    #[error("this is no Matroska file")]
    NotMatroska,
    /// It stops before its first frame.
    #[error("the file stops before its first frame")]
    NoFrames,
}

/// Reads a file.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    /// Read and not yet used.
    ahead: Vec<u8>,
    /// Place in the file of the first byte of `ahead`.
    position: u64,
    /// Up to here everything was whole.
    whole_until: u64,
    contents: Contents,
    timestamp_scale_ns: u64,
    cluster: Option<(u64, Option<Millis>)>,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads what stands before the first frame.
    ///
    /// # Errors
    /// [`ReadError`] when there is nothing to play.
    pub fn open(source: R) -> Result<Self, ReadError> {
        let mut reader = Self {
            source,
            ahead: Vec::new(),
            position: 0,
            whole_until: 0,
            contents: Contents::default(),
            timestamp_scale_ns: 1_000_000,
            cluster: None,
            ended: false,
        };
        match reader.element()? {
            Some((ids::EBML, Some(length))) if length <= 4_096 => {
                let body = reader.body(length)?.ok_or(ReadError::NotMatroska)?;
                let is_known = |kind: &[u8]| matches!(kind, b"webm" | b"matroska");
                if !children(&body).any(|(id, body)| id == ids::DOC_TYPE && is_known(body)) {
                    return Err(ReadError::NotMatroska);
                }
            }
            _ => return Err(ReadError::NotMatroska),
        }
        match reader.element()? {
            Some((ids::SEGMENT, size)) => {
                reader.contents.size = size.map(|size| size.saturating_add(reader.position));
                reader.contents.layout.segment_body_at = reader.position;
                reader.contents.layout.segment_size_at = reader.position.saturating_sub(8);
            }
            _ => return Err(ReadError::NotMatroska),
        }
        // The first cluster ends the front.
        while reader.cluster.is_none() && !reader.ended {
            reader.step()?;
        }
        if reader.contents.tracks.is_empty() {
            return Err(ReadError::NoFrames);
        }
        Ok(reader)
    }

    /// What stands at the front.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Up to here front and frames are whole.
    pub fn whole_until(&self) -> u64 {
        self.whole_until
    }

    /// How far it was read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next frame or cluster; `None` at the end of the file or of what makes sense in it.
    ///
    /// # Errors
    /// The system's.
    pub fn next_item(&mut self) -> Result<Option<Item>, ReadError> {
        while !self.ended {
            if let Some(item) = self.step()? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// Takes one element.
    fn step(&mut self) -> Result<Option<Item>, ReadError> {
        let started = self.position;
        let Some((id, size)) = self.element()? else {
            self.ended = true;
            return Ok(None);
        };
        // The children of clusters have other ids than those of segments, so a cluster of unknown
        // size ends by itself, and one of known size need not be counted.
        match (id, size) {
            (ids::CLUSTER, _) => {
                self.cluster = Some((started, None));
                return Ok(None);
            }
            (_, None) => self.ended = true,
            (ids::SIMPLE_BLOCK, Some(size)) if self.cluster.is_some() => {
                return self.block(started, size, false);
            }
            (ids::BLOCK_GROUP, Some(size)) if self.cluster.is_some() => {
                return self.block(started, size, true);
            }
            (ids::CLUSTER_TIMESTAMP, Some(size @ 0..=8)) => {
                let Some(body) = self.body(size)? else { return Ok(None) };
                self.whole_until = self.position;
                let began = self.millis(uint(&body).unwrap_or_default());
                if let Some((position, time)) = &mut self.cluster {
                    *time = Some(began);
                    return Ok(Some(Item::Cluster { position: *position, began }));
                }
            }
            (ids::INFO | ids::TRACKS | ids::TAGS | ids::SEEK_HEAD, Some(size))
                if size <= ELEMENT_BYTES_MAX =>
            {
                let body_at = self.position;
                let Some(body) = self.body(size)? else { return Ok(None) };
                self.whole_until = self.position;
                self.take(id, started, body_at, &body);
            }
            (
                ids::CUES
                | ids::CHAPTERS
                | ids::VOID
                | ids::CLUSTER_POSITION
                | ids::CLUSTER_PREV_SIZE,
                Some(size),
            ) => {
                self.skip(size)?;
            }
            // Elements that others may write.
            (_, Some(size)) if is_plausible(id) => {
                self.skip(size)?;
            }
            _ => self.ended = true,
        }
        Ok(None)
    }

    fn block(
        &mut self,
        position: u64,
        size: u64,
        grouped: bool,
    ) -> Result<Option<Item>, ReadError> {
        let Some((_, Some(began))) = self.cluster else {
            self.ended = true;
            return Ok(None);
        };
        if size > FRAME_BYTES_MAX as u64 + 64 {
            self.ended = true;
            return Ok(None);
        }
        let Some(body) = self.body(size)? else { return Ok(None) };
        self.whole_until = self.position;
        let inner = if grouped {
            children(&body).find(|(id, _)| *id == ids::BLOCK).map(|(_, block)| block)
        } else {
            Some(&*body)
        };
        let grouped_key = grouped && !children(&body).any(|(id, _)| id == ids::REFERENCE_BLOCK);
        let parsed = inner.and_then(|inner| {
            let (track, track_bytes) = crate::ebml::size(inner)?;
            let [high, low, flags, data @ ..] = inner.get(track_bytes..)? else { return None };
            // Lacing, several frames in one block, is never written here.
            if flags & 0x06 != 0 {
                return None;
            }
            let relative = i64::from(i16::from_be_bytes([*high, *low]));
            let at = i64::try_from(began.0).ok()?.saturating_add(relative).max(0);
            Some(Block {
                track: track?,
                at: Millis(at.unsigned_abs()),
                key: if grouped { grouped_key } else { flags & 0x80 != 0 },
                data: data.to_vec(),
                position,
            })
        });
        Ok(parsed.map(Item::Block))
    }

    fn take(&mut self, id: u32, started: u64, body_at: u64, body: &[u8]) {
        match id {
            ids::SEEK_HEAD => self.contents.layout.seek_head_at = started,
            ids::TRACKS => {
                self.contents.layout.tracks_at = started;
                self.contents.tracks = children(body)
                    .filter(|(id, _)| *id == ids::TRACK_ENTRY)
                    .take(TRACKS_MAX)
                    .filter_map(|(_, entry)| track(entry))
                    .collect();
            }
            ids::TAGS => {
                self.contents.layout.tags_at = started;
                self.contents.tags = tags(body);
            }
            _ => {
                self.contents.layout.info_at = started;
                for (id, value) in children(body) {
                    match (id, value.len()) {
                        (ids::TIMESTAMP_SCALE, 1..=8) => {
                            self.timestamp_scale_ns = uint(value).unwrap_or(1_000_000).max(1);
                        }
                        (ids::DATE_UTC, 8) => {
                            let ns = uint(value).unwrap_or_default().cast_signed();
                            let at = Timestamp(ns / 1_000_000 + DATE_EPOCH_MS);
                            self.contents.began_at = Some(at);
                        }
                        (ids::DURATION, 8) => {
                            let offset = value.as_ptr().addr() - body.as_ptr().addr();
                            self.contents.layout.duration_at = body_at + offset as u64;
                            let ticks = f64::from_bits(uint(value).unwrap_or_default());
                            self.contents.duration = Some(self.millis_of(ticks));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn millis(&self, ticks: u64) -> Millis {
        let ns = u128::from(ticks) * u128::from(self.timestamp_scale_ns);
        // Beyond the age of the universe times do not matter.
        Millis(u64::try_from(ns / 1_000_000).unwrap_or(u64::MAX).min(1 << 60))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
    #[expect(clippy::cast_precision_loss, reason = "scales are far smaller")]
    fn millis_of(&self, ticks: f64) -> Millis {
        Millis((ticks * self.timestamp_scale_ns as f64 / 1e6).clamp(0.0, 1e15) as u64)
    }

    /// Reads the head of an element: id and size. `None` at the end of the file, or
    /// where there is no such head.
    fn element(&mut self) -> Result<Option<(u32, Option<u64>)>, ReadError> {
        self.fill(12)?;
        let Some((id, id_bytes)) = id(&self.ahead) else { return Ok(None) };
        let Some((size, size_bytes)) = size(&self.ahead[id_bytes..]) else { return Ok(None) };
        self.consume(id_bytes + size_bytes);
        Ok(Some((id, size)))
    }

    /// Reads a body; `None`, and the file has ended, when it is not all there.
    fn body(&mut self, length: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let Ok(wanted) = usize::try_from(length) else {
            self.ended = true;
            return Ok(None);
        };
        let from_ahead = wanted.min(self.ahead.len());
        let mut body: Vec<u8> = self.ahead[..from_ahead].to_vec();
        self.consume(from_ahead);
        let left = (wanted - from_ahead) as u64;
        let read = (&mut self.source).take(left).read_to_end(&mut body)?;
        self.position += read as u64;
        if body.len() < wanted {
            self.ended = true;
            return Ok(None);
        }
        Ok(Some(body))
    }

    /// Passes over a body; the file has ended when it is not all there.
    fn skip(&mut self, length: u64) -> Result<(), ReadError> {
        let from_ahead = usize::try_from(length).unwrap_or(usize::MAX).min(self.ahead.len());
        self.consume(from_ahead);
        let left = length - from_ahead as u64;
        let skipped = io::copy(&mut (&mut self.source).take(left), &mut io::sink())?;
        self.position += skipped;
        self.ended |= skipped < left;
        Ok(())
    }

    fn fill(&mut self, bytes: usize) -> Result<(), ReadError> {
        if let Some(wanted) = bytes.checked_sub(self.ahead.len()) {
            (&mut self.source).take(wanted as u64).read_to_end(&mut self.ahead)?;
        }
        Ok(())
    }

    fn consume(&mut self, bytes: usize) {
        self.ahead.drain(..bytes);
        self.position += bytes as u64;
    }
}

/// Whether an id may be of an element that is not known here: a crash may leave zeros behind,
/// which are none.
fn is_plausible(id: u32) -> bool {
    !matches!(id, 0 | 0xFF | 0x7FFF | 0x3F_FFFF | 0x1FFF_FFFF)
}

fn track(entry: &[u8]) -> Option<(u64, Track)> {
    let (mut number, mut codec, mut private, mut size) = (None, None, Vec::new(), None);
    for (id, body) in children(entry) {
        match id {
            ids::TRACK_NUMBER => number = uint(body),
            ids::CODEC_ID => codec = Codec::from_id(body),
            ids::CODEC_PRIVATE => private = body.to_vec(),
            ids::VIDEO => {
                let find = |wanted| children(body).find(|(id, _)| *id == wanted);
                let pixels = |wanted| u32::try_from(uint(find(wanted)?.1)?).ok();
                size = pixels(ids::PIXEL_WIDTH)
                    .zip(pixels(ids::PIXEL_HEIGHT))
                    .map(|(width, height)| PictureSize { width, height });
            }
            _ => {}
        }
    }
    let codec = codec?;
    if codec.is_audio() {
        private.clear();
    }
    Some((number?, Track { codec, private, size }))
}

fn tags(body: &[u8]) -> Vec<(String, String)> {
    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    children(body)
        .filter(|(id, _)| *id == ids::TAG)
        .flat_map(|(_, tag)| children(tag))
        .filter(|(id, _)| *id == ids::SIMPLE_TAG)
        .filter_map(|(_, simple)| {
            let find = |wanted| children(simple).find(|(id, _)| *id == wanted);
            Some((text(find(ids::TAG_NAME)?.1), text(find(ids::TAG_STRING)?.1)))
        })
        .take(TAGS_MAX)
        .collect()
}
