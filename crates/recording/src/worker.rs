//! The recorder's thread: takes what the media engine sends, in order, and keeps the files.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Known;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use base::{Clock, EventId, Timestamp};
use forwarding::sink::{Message, Opened, Place, Record, SinkId, SinkPacket};
use tokio::sync::{oneshot, watch};

use crate::archive;
use crate::disk::Disk;
use crate::health::{Health, Problem};
use crate::index::{self, ChapterAt, Entry, Index, JOURNAL, Status};
use crate::programme::{Desk, Programme};
use crate::queue::{Job, Queue};
use crate::recorder::KeyFrames;
use crate::recovery;
use crate::stream::Timed;
use crate::take::Take;
use crate::timing::Offset;

/// How long the thread waits for something before it looks after its files.
const WAIT: Duration = Duration::from_millis(50);

/// How often what was recorded is given to the system, and how often to the disk. A kill costs the
/// first, a power cut the second.
const FLUSH_US: i64 = 150_000;
const SYNC_US: i64 = 800_000;

/// How often the disk is looked at, and how long after a failure it is tried again.
const DISK_US: i64 = 2_000_000;
const RETRY_US: i64 = 3_000_000;

/// Below this the moderator is told, an hour of a large event before it is full.
const NEARLY_FULL_BYTES: u64 = 4 << 30;

/// What recording leaves to the proceedings, which must go on; a little more is wanted before it
/// begins again.
const RESERVED_BYTES: u64 = 128 << 20;
const RESUMED_BYTES: u64 = RESERVED_BYTES + (64 << 20);

/// How often a sender is asked for a key frame.
const ASK_US: i64 = 1_000_000;

/// How long the moderator goes on being told that something was dropped.
const OVERLOAD_TOLD_US: i64 = 10_000_000;

/// How long the end of an event waits for the last sinks to close.
const FINISH_US: i64 = 2_000_000;

/// Sinks of all events at once: twelve people with four tracks each, in twenty events.
const TAKES_MAX: usize = 1_000;

/// Clocks of senders remembered for an event.
const SENDERS_MAX: usize = 1_000;

/// Everything the thread owns.
pub(crate) struct Worker {
    pub(crate) folder: PathBuf,
    pub(crate) queue: Arc<Queue>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) wall: Arc<dyn Clock>,
    pub(crate) key_frames: KeyFrames,
    pub(crate) health: watch::Sender<BTreeMap<EventId, Health>>,
    pub(crate) syncer: SyncSender<Vec<Arc<File>>>,
    pub(crate) instant: fn() -> Instant,
    pub(crate) origin: Instant,
    pub(crate) state: State,
}

#[derive(Default)]
pub(crate) struct State {
    now_us: i64,
    takes: BTreeMap<SinkId, Take>,
    events: BTreeMap<EventId, EventFiles>,
    finishing: Vec<Finishing>,
    flushed_us: i64,
    synced_us: i64,
    looked_us: Option<i64>,
    free: Free,
    dropped_us: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Free {
    #[default]
    Enough,
    Little,
    None,
}

struct Finishing {
    event: EventId,
    chapters: Vec<ChapterAt>,
    reply: oneshot::Sender<Index>,
    since_us: i64,
}

/// The files of one event.
struct EventFiles {
    folder: PathBuf,
    /// How many media workers say that it is kept, by status.
    kept: BTreeMap<Status, u32>,
    /// A moment by our time and by the wall clock.
    anchor: (i64, Timestamp),
    senders: BTreeMap<u64, Offset>,
    programmes: BTreeMap<Status, Programme>,
    next_take: u32,
    next_programme: u32,
    journal: Option<File>,
    /// Lines that could not be written yet.
    entries: Vec<Entry>,
    failed: Option<(Problem, i64)>,
}

impl Worker {
    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        loop {
            let jobs = self.queue.take(WAIT);
            self.state.now_us = self.us((self.instant)());
            for job in jobs {
                match job {
                    Job::Media(message) => self.media(message),
                    Job::Finish { event, chapters, reply } => {
                        let since_us = self.state.now_us;
                        self.state.finishing.push(Finishing { event, chapters, reply, since_us });
                    }
                    Job::Stop => {
                        self.stop();
                        return;
                    }
                }
            }
            self.look_after();
        }
    }

    fn us(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.origin);
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    // What the media engine says.

    fn media(&mut self, message: Message) {
        match message {
            Message::Record { event, before, record } => self.record(&event, before, record),
            Message::Opened(opened) => self.open(*opened),
            Message::Packet(packet) => self.packet(packet),
            Message::Placed { sink, place } => {
                if let Some(take) = self.state.takes.get_mut(&sink) {
                    take.place = place;
                }
            }
            Message::Closed { sink } => self.close(sink),
        }
    }

    fn record(&mut self, event: &EventId, before: Record, record: Record) {
        let (now_us, now) = (self.state.now_us, self.wall.now());
        let files = self.files(event);
        if let Some(kept) = status(before).and_then(|status| files.kept.get_mut(&status)) {
            *kept = kept.saturating_sub(1);
        }
        if let Some(status) = status(record) {
            if files.kept.values().all(|kept| *kept == 0) {
                // Within a stretch the system's clock may be set to whatever it likes.
                files.anchor = (now_us, now);
            }
            *files.kept.entry(status).or_default() += 1;
        }
        self.run_programmes(event);
    }

    /// Begins and pauses programmes as it is said what is kept.
    fn run_programmes(&mut self, event: &EventId) {
        let now_us = self.state.now_us;
        let full = self.state.free == Free::None;
        let disk = Arc::clone(&self.disk);
        let Some(files) = self.state.events.get_mut(event) else { return };
        for status in [Status::OnTheRecord, Status::ChathamHouseRule] {
            let kept = files.kept.get(&status).is_some_and(|kept| *kept > 0);
            let may_write =
                !full && files.failed.is_none_or(|(_, since)| now_us - since >= RETRY_US);
            if kept && may_write {
                let began_at = files.moment(now_us);
                let programme = match files.programmes.entry(status) {
                    Known::Occupied(known) => known.into_mut(),
                    Known::Vacant(place) => match Programme::new(event.clone(), status) {
                        Ok(programme) => place.insert(programme),
                        Err(error) => {
                            tracing::error!(%error, "the programme's sound cannot be mixed");
                            continue;
                        }
                    },
                };
                programme.run(now_us, began_at);
            } else if !kept {
                let Some(mut programme) = files.programmes.remove(&status) else { continue };
                let paused = !programme.is_running()
                    || files.write(&*disk, now_us, |desk| programme.pause(now_us, desk));
                if paused {
                    files.programmes.insert(status, programme);
                }
            }
        }
    }

    fn open(&mut self, opened: Opened) {
        if self.state.takes.len() >= TAKES_MAX {
            tracing::error!("too many tracks at once: one is not recorded");
            return;
        }
        // The status is the one under which the sink was opened: a name or none.
        let status = match &opened.person {
            Some(_) => Status::OnTheRecord,
            None => Status::ChathamHouseRule,
        };
        self.files(&opened.event);
        self.state.takes.insert(opened.sink, Take::new(opened, status));
    }

    fn packet(&mut self, packet: SinkPacket) {
        let arrived_us = self.us(packet.arrived);
        let State { takes, events, .. } = &mut self.state;
        let Some(take) = takes.get_mut(&packet.sink) else { return };
        let Some(files) = events.get_mut(&take.event) else { return };
        if files.senders.len() >= SENDERS_MAX && !files.senders.contains_key(&take.clock) {
            files.senders.pop_first();
        }
        let sender = files.senders.entry(take.clock).or_default();
        let sink = packet.sink;
        take.stream.push(sender, packet, arrived_us);
        self.frames(sink, false);
    }

    /// Keeps the frames of a sink that are whole.
    fn frames(&mut self, sink: SinkId, last: bool) {
        let now_us = self.state.now_us;
        let full = self.state.free == Free::None;
        let State { takes, events, .. } = &mut self.state;
        let Some(take) = takes.get_mut(&sink) else { return };
        let Some(files) = events.get_mut(&take.event) else { return };
        let sender = files.senders.get(&take.clock).copied().unwrap_or_default();
        let ready = take.stream.pop(&sender, now_us, last);
        if ready.is_empty() {
            return;
        }
        let wanted = if take.is_picture() { wanted(takes, &sink) } else { None };
        let Some(take) = takes.get_mut(&sink) else { return };
        for timed in ready {
            if full || !files.may_try(now_us) {
                continue;
            }
            if take.begins_with(&timed) {
                files.begin(&*self.disk, take, &timed, now_us);
            }
            take.frame(&timed);
            let Some(programme) = files.programmes.get_mut(&take.status) else { continue };
            if take.is_picture() {
                programme.picture(sink, wanted, take.codec, &timed);
            } else {
                programme.sound(sink, &timed);
            }
        }
    }

    fn close(&mut self, sink: SinkId) {
        self.frames(sink, true);
        let Some(mut take) = self.state.takes.remove(&sink) else { return };
        let now_us = self.state.now_us;
        let Some(files) = self.state.events.get_mut(&take.event) else { return };
        if let Err(error) = take.finish() {
            files.fail(&error, now_us);
        }
        if let Some(programme) = files.programmes.get_mut(&take.status) {
            programme.forget(sink);
        }
    }

    fn files(&mut self, event: &EventId) -> &mut EventFiles {
        let (now_us, wall) = (self.state.now_us, &self.wall);
        let folder = self.folder.join(event.as_str());
        self.state
            .events
            .entry(event.clone())
            .or_insert_with(|| EventFiles::new(folder, (now_us, wall.now())))
    }

    // What is to be done from time to time.

    fn look_after(&mut self) {
        let now_us = self.state.now_us;
        self.look_at_disk();
        if self.queue.take_dropped() > 0 {
            if self.state.dropped_us.is_none() {
                tracing::warn!("the recorder is behind: something was not recorded");
            }
            self.state.dropped_us = Some(now_us);
        }
        let told = |since: &i64| now_us - since < OVERLOAD_TOLD_US;
        self.state.dropped_us = self.state.dropped_us.filter(told);
        let sinks: Vec<SinkId> = self.state.takes.keys().copied().collect();
        for sink in sinks {
            self.frames(sink, false);
        }
        self.ask_for_key_frames();
        let events: Vec<EventId> = self.state.events.keys().cloned().collect();
        for event in &events {
            self.run_programmes(event);
        }
        if now_us - self.state.flushed_us >= FLUSH_US {
            self.state.flushed_us = now_us;
            self.flush();
        }
        if now_us - self.state.synced_us >= SYNC_US {
            self.state.synced_us = now_us;
            self.sync();
        }
        self.finish_events();
        self.tell();
    }

    fn look_at_disk(&mut self) {
        let now_us = self.state.now_us;
        if self.state.looked_us.is_some_and(|looked| now_us - looked < DISK_US) {
            return;
        }
        self.state.looked_us = Some(now_us);
        let before = self.state.free;
        self.state.free = match self.disk.free_bytes(&self.folder) {
            Err(_) => before,
            Ok(free) if free < RESERVED_BYTES => Free::None,
            Ok(free) if free < RESUMED_BYTES && before == Free::None => Free::None,
            Ok(free) if free < NEARLY_FULL_BYTES => Free::Little,
            Ok(_) => Free::Enough,
        };
        if self.state.free == before {
            return;
        }
        match self.state.free {
            Free::Enough => tracing::info!("there is room for recordings again"),
            Free::Little => tracing::warn!("there is little room left for recordings"),
            Free::None => {
                tracing::error!("the disk is full: nothing is recorded until there is room");
                self.put_away();
            }
        }
    }

    /// Finishes what is being recorded while there is room for its index, and begins no more.
    fn put_away(&mut self) {
        let now_us = self.state.now_us;
        let State { takes, events, .. } = &mut self.state;
        for take in takes.values_mut() {
            if let (Err(error), Some(files)) = (take.finish(), events.get_mut(&take.event)) {
                files.fail(&error, now_us);
            }
        }
        for files in events.values_mut() {
            for (_, mut programme) in std::mem::take(&mut files.programmes) {
                files.write(&*self.disk, now_us, |desk| {
                    programme.pause(now_us, desk)?;
                    programme.end_part(&[])
                });
            }
        }
    }

    fn ask_for_key_frames(&mut self) {
        let now_us = self.state.now_us;
        let Some(ask) = self.key_frames.get() else { return };
        let State { takes, events, .. } = &mut self.state;
        let mut due = Vec::new();
        for take in takes.values() {
            let spaced = take.asked_us.is_none_or(|asked| now_us - asked >= ASK_US);
            if !take.is_picture() || !spaced {
                continue;
            }
            let shown = events
                .get(&take.event)
                .and_then(|files| files.programmes.get(&take.status))
                .filter(|programme| programme.is_running())
                .map(Programme::shown);
            let is_wanted = wanted(takes, &take.sink) == Some(take.sink);
            let has_to_enter = is_wanted && shown.is_some_and(|shown| shown != Some(take.sink));
            let has_to_begin = take.file().is_none();
            if has_to_begin || has_to_enter || take.stream.needs_key_frame(now_us) {
                due.push(take.sink);
            }
        }
        for sink in due {
            if let Some(take) = takes.get_mut(&sink) {
                take.asked_us = Some(now_us);
            }
            ask(sink);
        }
    }

    fn flush(&mut self) {
        let now_us = self.state.now_us;
        let State { takes, events, .. } = &mut self.state;
        for take in takes.values_mut() {
            if let (Err(error), Some(files)) = (take.flush(), events.get_mut(&take.event)) {
                files.fail(&error, now_us);
            }
        }
        for files in events.values_mut() {
            for (status, mut programme) in std::mem::take(&mut files.programmes) {
                if files.write(&*self.disk, now_us, |desk| programme.tick(now_us, desk)) {
                    files.programmes.insert(status, programme);
                }
            }
            files.write_entries(now_us);
        }
    }

    /// Lets the syncing thread carry everything to the disk; it is left out while that is busy.
    fn sync(&mut self) {
        let takes = self.state.takes.values().filter_map(Take::file);
        let programmes = self.state.events.values().flat_map(|files| files.programmes.values());
        let all = takes.chain(programmes.filter_map(Programme::file));
        let files: Vec<_> = all.filter_map(crate::file::MediaFile::to_sync).collect();
        if !files.is_empty() {
            // A syncing thread that is busy has the files of before; they are taken next time.
            let _ = self.syncer.try_send(files);
        }
    }

    fn finish_events(&mut self) {
        let now_us = self.state.now_us;
        for finishing in std::mem::take(&mut self.state.finishing) {
            let open = self.state.takes.values().any(|take| take.event == finishing.event)
                || self.state.events.get(&finishing.event).is_some_and(EventFiles::is_kept);
            if open && now_us - finishing.since_us < FINISH_US {
                self.state.finishing.push(finishing);
                continue;
            }
            let Finishing { event, chapters, reply, .. } = finishing;
            let index = self.finish(&event, &chapters);
            // Whoever asked may have gone; the index stands in the folder.
            let _ = reply.send(index);
        }
    }

    /// Finishes all files of an event and writes its index.
    fn finish(&mut self, event: &EventId, chapters: &[ChapterAt]) -> Index {
        let sinks: Vec<SinkId> =
            self.state.takes.values().filter(|take| take.event == *event).map(|t| t.sink).collect();
        for sink in sinks {
            self.close(sink);
        }
        let now_us = self.state.now_us;
        let folder = self.folder.join(event.as_str());
        if let Some(mut files) = self.state.events.remove(event) {
            for (_, mut programme) in std::mem::take(&mut files.programmes) {
                files.write(&*self.disk, now_us, |desk| {
                    programme.pause(now_us, desk)?;
                    programme.end_part(chapters)
                });
            }
            files.write_entries(now_us);
        }
        match close_folder(&folder, event, chapters) {
            Ok(index) => index,
            Err(error) => {
                tracing::error!(%error, "the index of a recording cannot be written");
                Index::default()
            }
        }
    }

    fn stop(&mut self) {
        for sink in self.state.takes.keys().copied().collect::<Vec<_>>() {
            self.close(sink);
        }
        self.put_away();
        let now_us = self.state.now_us;
        for files in self.state.events.values_mut() {
            files.write_entries(now_us);
        }
        for Finishing { event, chapters, reply, .. } in std::mem::take(&mut self.state.finishing) {
            let index = self.finish(&event, &chapters);
            let _ = reply.send(index);
        }
    }

    fn tell(&mut self) {
        let free = match self.state.free {
            Free::Enough => None,
            Free::Little => Some(Problem::DiskNearlyFull),
            Free::None => Some(Problem::DiskFull),
        };
        let dropped = self.state.dropped_us.map(|_| Problem::Overloaded);
        let mut all = BTreeMap::new();
        for (event, files) in &self.state.events {
            let failed = files.failed.map(|(problem, _)| problem);
            let problem = [free, dropped, failed].into_iter().flatten().max();
            let stopped = free == Some(Problem::DiskFull) || failed.is_some();
            all.insert(event.clone(), Health { recording: files.is_kept() && !stopped, problem });
        }
        self.health.send_if_modified(|known| {
            let changed = *known != all;
            *known = all;
            changed
        });
    }
}

impl EventFiles {
    fn new(folder: PathBuf, anchor: (i64, Timestamp)) -> Self {
        let (next_take, next_programme) =
            (next_number(&folder.join("takes")), next_number(&folder));
        Self {
            folder,
            kept: BTreeMap::new(),
            anchor,
            senders: BTreeMap::new(),
            programmes: BTreeMap::new(),
            next_take,
            next_programme,
            journal: None,
            entries: Vec::new(),
            failed: None,
        }
    }

    fn is_kept(&self) -> bool {
        self.kept.values().any(|kept| *kept > 0)
    }

    /// The wall clock's time of a moment of ours.
    fn moment(&self, us: i64) -> Timestamp {
        let (anchor_us, at) = self.anchor;
        Timestamp(at.0.saturating_add(us.saturating_sub(anchor_us).div_euclid(1_000)))
    }

    fn may_try(&self, now_us: i64) -> bool {
        self.failed.is_none_or(|(_, since)| now_us - since >= RETRY_US)
    }

    fn begin(&mut self, disk: &dyn Disk, take: &mut Take, timed: &Timed, now_us: i64) {
        let began_at = self.moment(timed.at_us);
        match take.begin(disk, &self.folder, self.next_take, began_at, timed) {
            Ok(entry) => {
                self.next_take += 1;
                self.failed = None;
                self.entries.push(Entry::Take(entry));
            }
            Err(error) => self.fail(&error, now_us),
        }
    }

    /// Lets a programme write; `false`, and it is to be given up, when that fails.
    fn write(
        &mut self,
        disk: &dyn Disk,
        now_us: i64,
        write: impl FnOnce(&mut Desk<'_>) -> io::Result<()>,
    ) -> bool {
        let mut desk = Desk {
            disk,
            folder: &self.folder,
            number: &mut self.next_programme,
            entries: &mut self.entries,
        };
        match write(&mut desk) {
            Ok(()) => true,
            Err(error) => {
                self.fail(&error, now_us);
                false
            }
        }
    }

    fn fail(&mut self, error: &io::Error, now_us: i64) {
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        );
        let problem = if full { Problem::DiskFull } else { Problem::WriteFailed };
        if self.failed.is_none_or(|(known, _)| known != problem) {
            tracing::error!(%error, "a recording cannot be written");
        }
        self.failed = Some((problem, now_us));
    }

    /// Writes the lines of the index. They are kept for later when that fails.
    fn write_entries(&mut self, now_us: i64) {
        if self.entries.is_empty() {
            return;
        }
        match self.append_entries() {
            Ok(()) => self.entries.clear(),
            Err(error) => {
                self.journal = None;
                self.fail(&error, now_us);
            }
        }
    }

    fn append_entries(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in &self.entries {
            serde_json::to_writer(&mut text, entry).map_err(io::Error::other)?;
            text.push(b'\n');
        }
        let journal = match &mut self.journal {
            Some(journal) => journal,
            none => {
                std::fs::create_dir_all(&self.folder)?;
                let path = self.folder.join(JOURNAL);
                let mut file = OpenOptions::new().append(true).create(true).open(path)?;
                // Ends a line that a crash may have cut off.
                file.write_all(b"\n")?;
                none.insert(file)
            }
        };
        journal.write_all(&text)?;
        journal.sync_data()
    }
}

/// Whose picture the audience is to see, among the sinks of the same event and status: the shared
/// screen, else the main picture.
fn wanted(takes: &BTreeMap<SinkId, Take>, like: &SinkId) -> Option<SinkId> {
    let like = takes.get(like)?;
    let alike = |take: &&Take| take.event == like.event && take.status == like.status;
    let pictures = takes.values().filter(alike).filter(|take| take.is_picture());
    pictures.filter(|take| take.place > Place::Aside).max_by_key(|take| take.place).map(|t| t.sink)
}

const fn status(record: Record) -> Option<Status> {
    match record {
        Record::Off => None,
        Record::Attributed => Some(Status::OnTheRecord),
        Record::Unattributed => Some(Status::ChathamHouseRule),
    }
}

/// Finishes what a failure left behind in an event's folder, and writes its index for good.
pub(crate) fn close_folder(
    folder: &Path,
    event: &EventId,
    chapters: &[ChapterAt],
) -> io::Result<Index> {
    if !folder.is_dir() {
        return Ok(Index { event: Some(event.clone()), ..Index::default() });
    }
    if archive::is_begun(folder) {
        // It was closed before, and files may have left the folder since.
        return index::read_index(folder);
    }
    recovery::recover_folder(folder);
    let mut index = index::read_journal(folder)?;
    index.event = Some(event.clone());
    index.chapters = chapters.to_vec();
    index::write_final(folder, &index)?;
    Ok(index)
}

/// The number after the last file in a folder; files are numbered by the first number in their
/// names.
fn next_number(folder: &Path) -> u32 {
    let number = |name: &str| {
        let digits: String = name
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<u32>().ok()
    };
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let last = names.filter_map(|entry| number(entry.file_name().to_str()?)).max();
    last.map_or(1, |last| last.saturating_add(1))
}
