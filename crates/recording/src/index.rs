//! What the files of an event hold, and when.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base::{EventId, Millis, PersonId, SegmentId, Timestamp};
use container::Reader;
use forwarding::TrackKind;
use serde::{Deserialize, Serialize};

/// The name of the running index in an event's folder.
pub(crate) const JOURNAL: &str = "index.jsonl";

/// The name of the final one.
pub(crate) const FINAL: &str = "index.json";

/// Bytes of a running index that are read: 50,000 takes and more.
const JOURNAL_BYTES_MAX: u64 = 16 << 20;

/// How far what a file holds may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Recorded and attributed.
    OnTheRecord,
    /// Recorded for the parties' own use; nobody is named.
    ChathamHouseRule,
}

/// A line of the running index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Entry {
    /// A file of one track was begun.
    Take(TakeEntry),
    /// A file of the programme was begun.
    Programme { file: String, status: Status },
    /// From a place in a programme file on, its time runs with the wall clock.
    Span { file: String, span: Span },
}

/// A file of one track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeEntry {
    /// Its name within the event's folder.
    pub file: String,
    /// Whose it is; nobody's under the Chatham House Rule.
    pub person: Option<PersonId>,
    /// `microphone`, `camera`, `screen` or `screen-sound`.
    pub kind: String,
    /// `opus`, `vp8`, `vp9`, `h264` or `av1`.
    pub codec: String,
    /// How far it may be named.
    pub status: Status,
    /// The moment of its time zero.
    pub began_at: Timestamp,
    /// How long it lasts; known when it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Millis>,
}

/// A stretch of a programme file without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Where in the file it begins.
    pub at: Millis,
    /// The moment at which it begins.
    pub began_at: Timestamp,
}

/// A file of the programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    /// Its name within the event's folder.
    pub file: String,
    /// How far it may be named.
    pub status: Status,
    /// How long it lasts.
    pub duration: Option<Millis>,
    /// Its stretches in order; what lies between them was not recorded.
    pub spans: Vec<Span>,
}

impl Programme {
    /// Where in the file a moment lies: within a stretch where it is, at the seam of the file
    /// where it fell into a break. `None` before its beginning and after its end.
    pub fn place(&self, moment: Timestamp) -> Option<Millis> {
        let number = self.spans.iter().rposition(|span| span.began_at <= moment)?;
        let (span, next) = (self.spans[number], self.spans.get(number + 1));
        let at = Millis(span.at.0.saturating_add(moment.since(span.began_at).0));
        let end = next.map(|next| next.at);
        match (end, self.duration) {
            (Some(end), _) => Some(at.min(end)),
            (None, Some(duration)) if at > duration => None,
            (None, _) => Some(at),
        }
    }
}

/// A part of the programme of the event, as the proceedings tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChapterAt {
    /// Which segment.
    pub segment: SegmentId,
    /// Its title.
    pub title: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// Everything that was recorded of an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Index {
    /// The event.
    pub event: Option<EventId>,
    /// The programme files in order.
    pub programme: Vec<Programme>,
    /// The files of single tracks in order.
    pub takes: Vec<TakeEntry>,
    /// The parts of the event.
    pub chapters: Vec<ChapterAt>,
}

/// Reads the final index of an event's folder, or the running one while there is none.
///
/// # Errors
/// The system's; a missing index is an empty one.
pub fn read_index(folder: &Path) -> io::Result<Index> {
    match std::fs::read(folder.join(FINAL)) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(index) => return Ok(index),
            // A crash while it was written: the running one says the same.
            Err(error) => tracing::warn!(%error, "an index cannot be read; the running one is"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    read_journal(folder)
}

/// Reads the running index and how long the files are.
pub(crate) fn read_journal(folder: &Path) -> io::Result<Index> {
    use std::io::Read as _;
    let mut text = Vec::new();
    match std::fs::File::open(folder.join(JOURNAL)) {
        Ok(file) => drop(file.take(JOURNAL_BYTES_MAX).read_to_end(&mut text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Index::default()),
        Err(error) => return Err(error),
    }
    let mut index = Index::default();
    let mut programmes: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        // A line that a crash cut off says nothing.
        match serde_json::from_slice(line) {
            Ok(Entry::Take(take)) => index.takes.push(take),
            Ok(Entry::Programme { file, status }) => {
                programmes.insert(file.clone(), index.programme.len());
                let (duration, spans) = (None, Vec::new());
                index.programme.push(Programme { file, status, duration, spans });
            }
            Ok(Entry::Span { file, span }) => {
                if let Some(at) = programmes.get(&file) {
                    index.programme[*at].spans.push(span);
                }
            }
            Err(_) => {}
        }
    }
    let is_there = |file: &str| folder.join(file).is_file();
    index.takes.retain(|take| is_there(&take.file));
    index.programme.retain(|programme| is_there(&programme.file));
    for take in &mut index.takes {
        take.duration = duration(&folder.join(&take.file));
    }
    for programme in &mut index.programme {
        programme.duration = duration(&folder.join(&programme.file));
    }
    Ok(index)
}

/// The length that a file says it has.
fn duration(path: &Path) -> Option<Millis> {
    let file = std::io::BufReader::new(std::fs::File::open(path).ok()?);
    Reader::open(file).ok()?.contents().duration
}

/// Whether a finished file has pictures; `None` where that cannot be read.
pub fn has_picture(file: &Path) -> Option<bool> {
    let file = std::io::BufReader::new(std::fs::File::open(file).ok()?);
    let reader = Reader::open(file).ok()?;
    let picture = |(_, track): &(u64, container::Track)| track.codec != container::Codec::Opus;
    Some(reader.contents().tracks.iter().any(picture))
}

/// Writes the final index so that it is there as a whole or not at all.
pub(crate) fn write_final(folder: &Path, index: &Index) -> io::Result<()> {
    write_whole(folder, FINAL, index)
}

/// Writes a file of an event's folder so that it is there as a whole or not at all.
pub(crate) fn write_whole(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    let path: PathBuf = folder.join(name);
    let draft = folder.join(format!("{name}.new"));
    let mut bytes = serde_json::to_vec_pretty(value).map_err(io::Error::other)?;
    bytes.push(b'\n');
    {
        use std::io::Write as _;
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
    }
    std::fs::rename(draft, path)
}

pub(crate) const fn kind_name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Microphone => "microphone",
        TrackKind::Camera => "camera",
        TrackKind::Screen => "screen",
        TrackKind::ScreenSound => "screen-sound",
    }
}

pub(crate) const fn codec_name(codec: container::Codec) -> &'static str {
    match codec {
        container::Codec::Opus => "opus",
        container::Codec::Vp8 => "vp8",
        container::Codec::Vp9 => "vp9",
        container::Codec::H264 => "h264",
        container::Codec::Av1 => "av1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_found_in_a_programme_with_a_break() {
        let span = |at, began_at| Span { at: Millis(at), began_at: Timestamp(began_at) };
        let programme = Programme {
            file: "programme-001.webm".to_owned(),
            status: Status::OnTheRecord,
            duration: Some(Millis(90_000)),
            spans: vec![span(0, 1_000_000), span(60_000, 2_000_000)],
        };
        let place = |moment| programme.place(Timestamp(moment)).map(|at| at.0);
        assert_eq!(place(999_999), None);
        assert_eq!(place(1_000_000), Some(0));
        assert_eq!(place(1_030_000), Some(30_000));
        assert_eq!(place(1_500_000), Some(60_000), "in the break: its seam");
        assert_eq!(place(2_010_000), Some(70_000));
        assert_eq!(place(2_030_001), None, "after the end");
    }
}
