//! The programme of an event: the picture that the audience saw, and the floor's voices in one
//! track. Its time stands while nothing is recorded.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use base::{EventId, Millis, Timestamp};
use container::rtp::Frame;
use container::{Chapter, Codec, Header, Track};
use forwarding::sink::SinkId;

use crate::disk::Disk;
use crate::file::{MediaFile, extension};
use crate::index::{ChapterAt, Entry, Programme as Listed, Span, Status};
use crate::mixer::{FRAME, Mixer};
use crate::stream::Timed;

/// So far behind the present the programme is written: packets that were lost come again by then,
/// and what belongs together has arrived.
const DELAY_US: i64 = 450_000;

/// So long the file waits for a first picture; after that it begins with sound alone.
const PICTURE_PATIENCE_US: i64 = 900_000;

/// Frames that wait for their sound: the delay at 120 frames a second and some.
const HELD_MAX: usize = 120;

/// A programme file and what is needed to write it.
pub(crate) struct Programme {
    event: EventId,
    status: Status,
    part: Option<Part>,
    /// The stretch that runs; none while nothing is recorded.
    running: Option<Running>,
    mixer: Mixer,
    /// Whose picture is shown.
    shown: Option<SinkId>,
    held: VecDeque<Held>,
}

struct Part {
    file: MediaFile,
    picture: Option<Codec>,
    listed: Listed,
    last_picture: Millis,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    /// Our time, and the place in the file, in samples, at which it began.
    since_us: i64,
    at: i64,
    began_at: Timestamp,
    /// It stands in the index.
    listed: bool,
}

struct Held {
    at_us: i64,
    codec: Codec,
    frame: Frame,
}

/// What writing needs of the event.
pub(crate) struct Desk<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) folder: &'a Path,
    /// The next number of a programme file.
    pub(crate) number: &'a mut u32,
    /// Lines for the index.
    pub(crate) entries: &'a mut Vec<Entry>,
}

impl Programme {
    pub(crate) fn new(event: EventId, status: Status) -> Result<Self, opus::Error> {
        Ok(Self {
            event,
            status,
            part: None,
            running: None,
            mixer: Mixer::new()?,
            shown: None,
            held: VecDeque::new(),
        })
    }

    /// Recording goes on from this moment.
    pub(crate) fn run(&mut self, now_us: i64, now: Timestamp) {
        if self.running.is_none() {
            let at = self.mixer.next();
            self.running = Some(Running { since_us: now_us, at, began_at: now, listed: false });
        }
    }

    /// Recording stops at this moment.
    pub(crate) fn pause(&mut self, now_us: i64, desk: &mut Desk<'_>) -> io::Result<()> {
        let written = self.advance(now_us, true, desk);
        self.running = None;
        self.shown = None;
        self.held.clear();
        written
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whose picture is shown.
    pub(crate) fn shown(&self) -> Option<SinkId> {
        self.shown
    }

    /// Takes a packet of a voice.
    pub(crate) fn sound(&mut self, sink: SinkId, timed: &Timed) {
        if let Some(running) = self.running {
            let at = running.sample(timed.at_us);
            self.mixer.add(sink, at, timed.frame.timestamp, &timed.frame.data);
        }
    }

    /// Takes a frame of a picture. `wanted` is whose picture the audience is to see; the one that
    /// is shown runs on until a key frame of that one comes.
    pub(crate) fn picture(
        &mut self,
        sink: SinkId,
        wanted: Option<SinkId>,
        codec: Codec,
        timed: &Timed,
    ) {
        if self.running.is_none() {
            return;
        }
        if self.shown != Some(sink) {
            let known = codec != Codec::H264 || timed.frame.private.is_some();
            if wanted != Some(sink) || !timed.frame.key || !known {
                return;
            }
            self.shown = Some(sink);
        }
        let at_us = self.held.back().map_or(timed.at_us, |last| last.at_us.max(timed.at_us));
        self.held.push_back(Held { at_us, codec, frame: timed.frame.clone() });
    }

    /// A sink is closed.
    pub(crate) fn forget(&mut self, sink: SinkId) {
        self.mixer.forget(sink);
        if self.shown == Some(sink) {
            self.shown = None;
        }
    }

    /// Writes what is due by now.
    pub(crate) fn tick(&mut self, now_us: i64, desk: &mut Desk<'_>) -> io::Result<()> {
        self.advance(now_us, false, desk)
    }

    fn advance(&mut self, now_us: i64, last: bool, desk: &mut Desk<'_>) -> io::Result<()> {
        let Some(running) = self.running else { return Ok(()) };
        let until_us = if last { now_us } else { now_us - DELAY_US };
        if self.part.is_none() {
            let waited = now_us - running.since_us >= PICTURE_PATIENCE_US;
            match self.held.front() {
                Some(held) => {
                    let (codec, frame) = (held.codec, held.frame.clone());
                    self.begin(Some((codec, &frame)), desk)?;
                }
                None if waited || last => self.begin(None, desk)?,
                None => return Ok(()),
            }
        }
        self.list_span(desk);
        loop {
            let full = self.held.len() > HELD_MAX;
            let due = |held: &Held| full || last || held.at_us <= until_us;
            let Some(held) = self.held.front().filter(|held| due(held)) else { break };
            let at_us = held.at_us;
            self.write_sound(running.sample(at_us.min(until_us)));
            let Some(held) = self.held.pop_front() else { break };
            let fits = self.part.as_ref().is_some_and(|part| part.picture == Some(held.codec));
            if !fits {
                if !held.frame.key {
                    continue;
                }
                self.end_part(&[])?;
                self.begin(Some((held.codec, &held.frame)), desk)?;
                self.list_span(desk);
            }
            let place = self.running.unwrap_or(running).sample(at_us);
            if let Some(part) = &mut self.part {
                let at = Millis(place.max(0).unsigned_abs() / 48).max(part.last_picture);
                part.last_picture = at;
                part.file.frame(0, at, Millis(0), held.frame.key, &held.frame.data);
            }
        }
        self.write_sound(self.running.unwrap_or(running).sample(until_us));
        self.flush()
    }

    fn write_sound(&mut self, until: i64) {
        let Some(part) = &mut self.part else { return };
        let track = usize::from(part.picture.is_some());
        while let Some((at, coded)) = self.mixer.next_frame(until) {
            let at = Millis(at.max(0).unsigned_abs() / 48);
            part.file.frame(track, at, Millis(FRAME as u64 / 48), true, &coded);
        }
    }

    /// Begins a file whose picture, if it has one, begins with this frame.
    fn begin(&mut self, picture: Option<(Codec, &Frame)>, desk: &mut Desk<'_>) -> io::Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        // A file's time begins with the first sample that goes into it.
        let skipped = self.mixer.restart();
        let elapsed_us = (skipped - running.at) * 1_000 / 48;
        let began_at = running.began_at.plus(Millis((elapsed_us / 1_000).max(0).unsigned_abs()));
        *running =
            Running { since_us: running.since_us + elapsed_us, at: 0, began_at, listed: false };
        let mut tracks = Vec::new();
        if let Some((codec, frame)) = picture {
            let private = frame.private.clone().unwrap_or_default();
            tracks.push(Track { codec, private, size: frame.size });
        }
        tracks.push(Track { codec: Codec::Opus, private: Vec::new(), size: None });
        let codec = picture.map(|(codec, _)| codec);
        let ending = extension(codec.unwrap_or(Codec::Opus));
        let number = *desk.number;
        let of = match self.status {
            Status::OnTheRecord => "programme",
            Status::ChathamHouseRule => "programme-chatham-house-rule",
        };
        let name = format!("{of}-{number:03}.{ending}");
        let tags = vec![("KIND".to_owned(), "programme".to_owned())];
        let title = self.event.as_str().to_owned();
        let header = Header { began_at, title, tags, tracks };
        let file = MediaFile::create(desk.disk, &desk.folder.join(&name), &header)?;
        *desk.number += 1;
        desk.entries.push(Entry::Programme { file: name.clone(), status: self.status });
        let (duration, spans) = (None, Vec::new());
        let listed = Listed { file: name, status: self.status, duration, spans };
        self.part = Some(Part { file, picture: codec, listed, last_picture: Millis(0) });
        Ok(())
    }

    fn list_span(&mut self, desk: &mut Desk<'_>) {
        let (Some(running), Some(part)) = (&mut self.running, &mut self.part) else { return };
        if !std::mem::replace(&mut running.listed, true) {
            let at = Millis(running.at.max(0).unsigned_abs() / 48);
            let span = Span { at, began_at: running.began_at };
            part.listed.spans.push(span);
            desk.entries.push(Entry::Span { file: part.listed.file.clone(), span });
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(part) = &mut self.part else { return Ok(()) };
        let written = part.file.flush();
        if written.is_err() {
            // It goes on in a new file as soon as that can be.
            self.part = None;
            self.shown = None;
        }
        written
    }

    /// Finishes the file, with the chapters that lie in it.
    pub(crate) fn end_part(&mut self, chapters: &[ChapterAt]) -> io::Result<()> {
        let Some(mut part) = self.part.take() else { return Ok(()) };
        part.listed.duration = Some(part.file.duration());
        let chapters: Vec<Chapter> =
            chapters.iter().filter_map(|chapter| chapter_in(&part.listed, chapter)).collect();
        part.file.finish(&chapters)
    }

    pub(crate) fn file(&self) -> Option<&MediaFile> {
        self.part.as_ref().map(|part| &part.file)
    }
}

impl Running {
    fn sample(&self, at_us: i64) -> i64 {
        self.at + at_us.saturating_sub(self.since_us).saturating_mul(48) / 1_000
    }
}

/// Where a part of the event lies in a programme file, if it does.
fn chapter_in(listed: &Listed, chapter: &ChapterAt) -> Option<Chapter> {
    let duration = listed.duration?;
    let first = listed.spans.first()?;
    if chapter.ended_at < first.began_at {
        return None;
    }
    let start = if chapter.began_at < first.began_at {
        Millis(0)
    } else {
        listed.place(chapter.began_at)?
    };
    let end = listed.place(chapter.ended_at).unwrap_or(duration);
    (start < end).then(|| Chapter { start, end, title: chapter.title.clone() })
}
