//! The writer of a file.

use base::Millis;

use crate::ebml::{self, put, put_group, put_uint};
use crate::header::{self, Chapter, Header, Layout};
use crate::ids;

/// Shortest and longest time of a cluster. A player reads from the beginning of one; a crash costs
/// nothing either way, for frames are written as they come.
const CLUSTER_MIN: Millis = Millis(1_000);
const CLUSTER_MAX: Millis = Millis(5_000);

/// Clusters do not grow beyond this; players read them whole.
const CLUSTER_BYTES_MAX: u64 = 4 << 20;

/// Entries of the index. One for each cluster of twelve hours is a third of it.
const CUES_MAX: usize = 100_000;

/// Chapters of a file: what a programme can have of segments, each taken up a few times.
const CHAPTERS_MAX: usize = 1_000;

/// Longest frame: a key frame of a large screen is a tenth of it.
pub(crate) const FRAME_BYTES_MAX: usize = 16 << 20;

/// Something to be done with the file, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Bytes for its end.
    Append(Vec<u8>),
    /// Bytes to be written over those at a place before its end.
    Patch {
        /// Where, from the beginning of the file.
        at: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// Why a frame was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The file has no such track.
    #[error("the file has no such track")]
    NoSuchTrack,
    /// It lies further before the frames already written than a block can say.
    #[error("the frame comes too late for its time")]
    TooLate,
    /// It is longer than any frame may be.
    #[error("the frame is too long")]
    TooLong,
    /// The file is finished.
    #[error("the file is finished")]
    Finished,
}

/// A place that can be looked up by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cue {
    pub(crate) at: Millis,
    pub(crate) track: u64,
    /// The cluster, counted from the segment's body.
    pub(crate) cluster: u64,
    /// The block, counted from the cluster's body.
    pub(crate) within: u64,
}

/// The cluster that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenCluster {
    pub(crate) at: u64,
    pub(crate) began: Millis,
}

/// Bytes of a cluster's head: id and size.
pub(crate) const CLUSTER_HEAD_BYTES: u64 = 12;

/// Writes a file; see the crate's description.
#[derive(Debug)]
pub struct Writer {
    layout: Layout,
    /// Which tracks hold pictures.
    pictures: Vec<bool>,
    /// Length of the file so far.
    length: u64,
    cluster: Option<OpenCluster>,
    cues: Vec<Cue>,
    /// Where the last frame begins, and where it ends as far as that is known.
    last: Millis,
    end: Millis,
    finished: bool,
    changes: Vec<Change>,
}

impl Writer {
    /// Begins a file.
    pub fn new(header: &Header) -> Self {
        let (bytes, layout) = header::write(header);
        let pictures = header.tracks.iter().map(|track| !track.codec.is_audio()).collect();
        let mut writer = Self::at(layout, pictures, 0);
        writer.append(bytes);
        writer
    }

    fn at(layout: Layout, pictures: Vec<bool>, length: u64) -> Self {
        Self {
            layout,
            pictures,
            length,
            cluster: None,
            cues: Vec::new(),
            last: Millis(0),
            end: Millis(0),
            finished: false,
            changes: Vec::new(),
        }
    }

    /// Takes up a file that was read up to `length`.
    pub(crate) fn resume(
        layout: Layout,
        pictures: Vec<bool>,
        length: u64,
        cluster: Option<OpenCluster>,
        cues: Vec<Cue>,
        end: Millis,
    ) -> Self {
        Self { cluster, cues, last: end, end, ..Self::at(layout, pictures, length) }
    }

    /// Writes a frame of the track with this index, from zero. Times count from the file's
    /// beginning; frames of one track come in order, those of several nearly so.
    ///
    /// # Errors
    /// [`FrameError`]; the file is as it was.
    pub fn frame(
        &mut self,
        track: usize,
        at: Millis,
        length: Millis,
        key: bool,
        data: &[u8],
    ) -> Result<(), FrameError> {
        if self.finished {
            return Err(FrameError::Finished);
        }
        let is_picture = *self.pictures.get(track).ok_or(FrameError::NoSuchTrack)?;
        if data.len() > FRAME_BYTES_MAX {
            return Err(FrameError::TooLong);
        }
        // Players seek to key frames of the picture, so clusters begin with them where they can.
        let has_pictures = self.pictures.contains(&true);
        let good_start = key && (is_picture || !has_pictures);
        let fits = self.cluster.is_some_and(|cluster| {
            let age = at.0.saturating_sub(cluster.began.0);
            let longest = if has_pictures { CLUSTER_MAX } else { CLUSTER_MIN };
            let due = age >= longest.0 || good_start && age >= CLUSTER_MIN.0;
            !due && self.length - cluster.at < CLUSTER_BYTES_MAX
        });
        let began = self.cluster.filter(|_| fits).map_or(at.max(self.last), |open| open.began);
        let relative =
            i64::try_from(at.0).unwrap_or(i64::MAX) - i64::try_from(began.0).unwrap_or(i64::MAX);
        let relative = i16::try_from(relative).map_err(|_| FrameError::TooLate)?;
        if !fits {
            self.close_cluster();
            self.begin_cluster(began);
        }
        let number = track as u64 + 1;
        let Some(cluster) = self.cluster else { return Err(FrameError::Finished) };
        if key && self.is_worth_a_cue(is_picture, cluster) {
            self.cues.push(Cue {
                at,
                track: number,
                cluster: cluster.at - self.layout.segment_body_at,
                within: self.length - cluster.at - CLUSTER_HEAD_BYTES,
            });
        }
        let mut bytes = Vec::with_capacity(data.len() + 16);
        ebml::put_id(&mut bytes, ids::SIMPLE_BLOCK);
        ebml::put_size(&mut bytes, data.len() as u64 + 4);
        // Track numbers up to 126 take one byte with its marker bit.
        bytes.push(0x80 | u8::try_from(number).unwrap_or(0x7E));
        bytes.extend_from_slice(&relative.to_be_bytes());
        bytes.push(if key { 0x80 } else { 0 });
        bytes.extend_from_slice(data);
        self.append(bytes);
        self.last = self.last.max(at);
        self.end = self.end.max(Millis(at.0.saturating_add(length.0)));
        Ok(())
    }

    /// What is to be done with the file now.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// How long the file lasts so far.
    pub fn duration(&self) -> Millis {
        self.end
    }

    /// How long the file is so far, in bytes.
    pub fn bytes(&self) -> u64 {
        self.length
    }

    /// Adds index, chapters and all lengths. Nothing can be written afterwards.
    pub fn finish(&mut self, chapters: &[Chapter]) {
        if self.finished {
            return;
        }
        self.finished = true;
        self.close_cluster();
        let mut more = Vec::new();
        if !self.cues.is_empty() {
            more.push((ids::CUES, self.length));
            let cues = self.cue_bytes();
            self.append(cues);
        }
        if !chapters.is_empty() {
            more.push((ids::CHAPTERS, self.length));
            self.append(chapter_bytes(chapters));
        }
        let seek_head = header::seek_head(&self.layout, &more);
        self.patch(self.layout.seek_head_at, &seek_head);
        let size = self.length - self.layout.segment_body_at;
        self.patch(self.layout.segment_size_at, &ebml::size_in_eight(size));
    }

    fn is_worth_a_cue(&self, is_picture: bool, cluster: OpenCluster) -> bool {
        if self.cues.len() >= CUES_MAX {
            return false;
        }
        if is_picture {
            return true;
        }
        // Sound can be begun anywhere: the head of each cluster will do.
        let at_head = cluster.at + CLUSTER_HEAD_BYTES + 10 >= self.length;
        !self.pictures.contains(&true) && at_head
    }

    fn begin_cluster(&mut self, began: Millis) {
        self.cluster = Some(OpenCluster { at: self.length, began });
        let mut bytes = Vec::new();
        ebml::put_id(&mut bytes, ids::CLUSTER);
        bytes.extend_from_slice(&ebml::SIZE_UNKNOWN);
        put_uint(&mut bytes, ids::CLUSTER_TIMESTAMP, began.0);
        self.append(bytes);
    }

    fn close_cluster(&mut self) {
        let Some(cluster) = self.cluster.take() else { return };
        let size = self.length - cluster.at - CLUSTER_HEAD_BYTES;
        self.patch(cluster.at + 4, &ebml::size_in_eight(size));
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries are exact")]
        let duration = self.end.0 as f64;
        self.patch(self.layout.duration_at, &duration.to_be_bytes());
    }

    fn cue_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_group(&mut out, ids::CUES, |cues| {
            for cue in &self.cues {
                put_group(cues, ids::CUE_POINT, |point| {
                    put_uint(point, ids::CUE_TIME, cue.at.0);
                    put_group(point, ids::CUE_TRACK_POSITIONS, |positions| {
                        put_uint(positions, ids::CUE_TRACK, cue.track);
                        put_uint(positions, ids::CUE_CLUSTER_POSITION, cue.cluster);
                        put_uint(positions, ids::CUE_RELATIVE_POSITION, cue.within);
                    });
                });
            }
        });
        out
    }

    fn append(&mut self, bytes: Vec<u8>) {
        self.length += bytes.len() as u64;
        match self.changes.last_mut() {
            Some(Change::Append(before)) => before.extend_from_slice(&bytes),
            _ => self.changes.push(Change::Append(bytes)),
        }
    }

    fn patch(&mut self, at: u64, bytes: &[u8]) {
        self.changes.push(Change::Patch { at, bytes: bytes.to_vec() });
    }
}

fn chapter_bytes(chapters: &[Chapter]) -> Vec<u8> {
    let mut out = Vec::new();
    put_group(&mut out, ids::CHAPTERS, |body| {
        put_group(body, ids::EDITION_ENTRY, |edition| {
            for (number, chapter) in (1..).zip(chapters.iter().take(CHAPTERS_MAX)) {
                put_group(edition, ids::CHAPTER_ATOM, |atom| {
                    put_uint(atom, ids::CHAPTER_UID, number);
                    put_uint(atom, ids::CHAPTER_TIME_START, chapter.start.0 * 1_000_000);
                    put_uint(atom, ids::CHAPTER_TIME_END, chapter.end.0 * 1_000_000);
                    put_group(atom, ids::CHAPTER_DISPLAY, |display| {
                        put(display, ids::CHAP_STRING, chapter.title.as_bytes());
                        put(display, ids::CHAP_LANGUAGE, b"und");
                    });
                });
            }
        });
    });
    out
}
