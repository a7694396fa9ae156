//! One file of one track, from the opening of its sink to its closing.

use std::io;
use std::path::Path;

use base::{EventId, Millis, PersonId, Timestamp};
use container::{Codec, Header, Track, opus};
use forwarding::TrackKind;
use forwarding::sink::{Opened, Place, SinkId};

use crate::disk::Disk;
use crate::file::{MediaFile, codec, extension};
use crate::index::{Status, TakeEntry, codec_name, kind_name};
use crate::stream::{Stream, Timed};

/// A sink that is being recorded.
pub(crate) struct Take {
    pub(crate) sink: SinkId,
    pub(crate) event: EventId,
    pub(crate) status: Status,
    pub(crate) place: Place,
    pub(crate) clock: u64,
    pub(crate) codec: Codec,
    pub(crate) stream: Stream,
    /// When a key frame was last asked for.
    pub(crate) asked_us: Option<i64>,
    person: Option<PersonId>,
    kind: TrackKind,
    open: Option<Open>,
}

struct Open {
    file: MediaFile,
    began_us: i64,
    last: Millis,
}

impl Take {
    pub(crate) fn new(opened: Opened, status: Status) -> Self {
        let codec = codec(opened.codec);
        Self {
            sink: opened.sink,
            event: opened.event,
            status,
            place: opened.place,
            clock: opened.clock,
            codec,
            stream: Stream::new(codec),
            asked_us: None,
            person: opened.person,
            kind: opened.kind,
            open: None,
        }
    }

    pub(crate) fn is_picture(&self) -> bool {
        !self.kind.is_audio()
    }

    /// Whether the next frame begins a file.
    pub(crate) fn begins_with(&self, timed: &Timed) -> bool {
        // H.264 cannot be written before its parameter sets are known.
        let known = self.codec != Codec::H264 || timed.frame.private.is_some();
        self.open.is_none() && timed.frame.key && known
    }

    /// Begins a file in the event's folder; `began_at` is the moment of `timed`.
    pub(crate) fn begin(
        &mut self,
        disk: &dyn Disk,
        folder: &Path,
        number: u32,
        began_at: Timestamp,
        timed: &Timed,
    ) -> io::Result<TakeEntry> {
        let who = self.person.as_ref().map_or("voice", |person| person.as_str());
        let (kind, ending) = (kind_name(self.kind), extension(self.codec));
        let name = match (&self.person, self.kind) {
            (None, TrackKind::Microphone) => format!("takes/{number:04}-voice.{ending}"),
            (None, _) => format!("takes/{number:04}-{kind}.{ending}"),
            (Some(_), _) => format!("takes/{number:04}-{who}-{kind}.{ending}"),
        };
        let mut tags = vec![("KIND".to_owned(), kind.to_owned())];
        tags.extend(self.person.iter().map(|p| ("PERSON".to_owned(), p.as_str().to_owned())));
        let track = Track {
            codec: self.codec,
            private: timed.frame.private.clone().unwrap_or_default(),
            size: timed.frame.size,
        };
        let title = self.event.as_str().to_owned();
        let header = Header { began_at, title, tags, tracks: vec![track] };
        let file = MediaFile::create(disk, &folder.join(&name), &header)?;
        self.open = Some(Open { file, began_us: timed.at_us, last: Millis(0) });
        Ok(TakeEntry {
            file: name,
            person: self.person.clone(),
            kind: kind.to_owned(),
            codec: codec_name(self.codec).to_owned(),
            status: self.status,
            began_at,
            duration: None,
        })
    }

    /// Adds a frame, if a file is open.
    pub(crate) fn frame(&mut self, timed: &Timed) {
        let Some(open) = &mut self.open else { return };
        let since_us = timed.at_us.saturating_sub(open.began_us).max(0).unsigned_abs();
        // Measuring a sender's clock anew must not put frames out of order.
        let at = Millis(since_us / 1_000).max(open.last);
        open.last = at;
        let length =
            if self.codec.is_audio() { sound_length(&timed.frame.data) } else { Millis(0) };
        open.file.frame(0, at, length, timed.frame.key, &timed.frame.data);
    }

    pub(crate) fn file(&self) -> Option<&MediaFile> {
        self.open.as_ref().map(|open| &open.file)
    }

    /// Writes what has been added. When that fails the file is given up; the track goes on in a new
    /// one with its next key frame.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let written = open.file.flush();
        if written.is_err() {
            self.open = None;
        }
        written
    }

    /// Finishes the file, if there is one.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.open.take().map_or(Ok(()), |open| open.file.finish(&[]))
    }
}

/// How long a packet of Opus lasts.
pub(crate) fn sound_length(packet: &[u8]) -> Millis {
    Millis(u64::from(opus::samples(packet).unwrap_or(0)) / 48)
}
