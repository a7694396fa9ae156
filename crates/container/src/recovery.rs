//! Takes up what a crash left behind.

use std::io::Read;

use base::Millis;

use crate::reader::{Item, ReadError, Reader};
use crate::writer::{CLUSTER_HEAD_BYTES, Cue, OpenCluster, Writer};
use crate::{Contents, opus};

/// A file that was not finished.
#[derive(Debug)]
pub struct Recovered {
    /// Where to cut it off: behind this a frame is there in part only.
    pub length: u64,
    /// Its front.
    pub contents: Contents,
    /// Goes on where the file was cut off.
    pub writer: Writer,
}

/// Reads a file to its end. `None` when it was finished and is whole; a finished file that lacks
/// something at its end is taken for one that was not.
///
/// # Errors
/// [`ReadError`] when there is nothing in it that could be played.
pub fn recover(source: impl Read) -> Result<Option<Recovered>, ReadError> {
    let mut reader = Reader::open(source)?;
    let contents = reader.contents().clone();
    let body_at = contents.layout.segment_body_at;
    let is_picture = |track: u64| {
        contents.tracks.iter().any(|(number, t)| *number == track && !t.codec.is_audio())
    };
    let has_pictures = contents.tracks.iter().any(|(_, track)| !track.codec.is_audio());
    let (mut cues, mut cluster, mut end) = (Vec::new(), None, Millis(0));
    let mut first_in_cluster = false;
    // The end of the first cluster's head: with nothing behind it there is nothing to play.
    let mut frames_from = u64::MAX;
    while let Some(item) = reader.next_item()? {
        match item {
            Item::Cluster { position, began } => {
                cluster = Some(OpenCluster { at: position, began });
                first_in_cluster = true;
                frames_from = frames_from.min(reader.whole_until());
            }
            Item::Block(block) => {
                let Some(OpenCluster { at, .. }) = cluster else { continue };
                let length = if is_picture(block.track) {
                    0
                } else {
                    u64::from(opus::samples(&block.data).unwrap_or(0)) / 48
                };
                end = end.max(Millis(block.at.0 + length));
                if block.key && (is_picture(block.track) || !has_pictures && first_in_cluster) {
                    cues.push(Cue {
                        at: block.at,
                        track: block.track,
                        cluster: at - body_at,
                        within: (block.position - at).saturating_sub(CLUSTER_HEAD_BYTES),
                    });
                }
                first_in_cluster = false;
            }
        }
    }
    // The size is the last thing that is written.
    if contents.size.is_some_and(|size| size <= reader.position()) {
        return Ok(None);
    }
    if cluster.is_none() || reader.whole_until() <= frames_from {
        return Err(ReadError::NoFrames);
    }
    let pictures = contents.tracks.iter().map(|(_, track)| !track.codec.is_audio()).collect();
    let length = reader.whole_until();
    let writer = Writer::resume(contents.layout, pictures, length, cluster, cues, end);
    Ok(Some(Recovered { length, contents, writer }))
}
