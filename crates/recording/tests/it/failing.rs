//! Disks that are full, or fail, and come back.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base::{EventId, Timestamp};
use forwarding::sink::{Place, Record};
use recording::{Config, Disk, DiskFile, Health, LocalDisk, Problem, Recorder};

use super::feed::{Speaker, Wall, decoded, event, make_picture, record, speak};

/// A disk that can be told to fail.
#[derive(Debug, Clone)]
struct Unreliable {
    full: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    free: Arc<AtomicU64>,
}

impl Unreliable {
    fn new() -> Self {
        Self {
            full: Arc::default(),
            broken: Arc::default(),
            free: Arc::new(AtomicU64::new(1 << 40)),
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        if self.broken.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is gone"));
        }
        Ok(())
    }
}

struct UnreliableFile(Box<dyn DiskFile>, Unreliable);

impl Disk for Unreliable {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.check()?;
        Ok(Box::new(UnreliableFile(LocalDisk.create(path)?, self.clone())))
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.free.load(Ordering::Relaxed))
    }
}

impl DiskFile for UnreliableFile {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.1.check() {
            // A disk that fills up takes part of what it is given.
            self.0.write_at(at, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.0.write_at(at, bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }

    fn to_sync(&self) -> Option<Arc<File>> {
        self.0.to_sync()
    }
}

fn health(recorder: &Recorder, event: &EventId) -> Health {
    recorder.health().borrow().get(event).copied().unwrap_or_default()
}

/// What fails, for how long; the files before and after play, and the moderator was told.
fn fail_for_a_while(fail: impl Fn(&Unreliable, bool), problem: Problem) {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("p.ivf");
    make_picture(&picture, "320x240");
    let recordings = folder.path().join("recordings");
    let disk = Unreliable::new();
    let config = Config { folder: recordings.clone(), instant: std::time::Instant::now };
    let recorder =
        Recorder::start(config, Arc::new(disk.clone()), Arc::new(Wall)).expect("it starts");
    let to = recorder.subscriber();
    let mut kazi = Speaker::new("kazi", 1, 300.0, &picture, Arc::clone(&to));
    record(&*to, Record::Off, Record::Attributed);
    kazi.open(Place::Main, Record::Attributed);
    speak(&mut [&mut kazi], 2_000);
    assert_eq!(health(&recorder, &event()), Health { recording: true, problem: None });
    fail(&disk, true);
    speak(&mut [&mut kazi], 2_600);
    assert_eq!(health(&recorder, &event()), Health { recording: false, problem: Some(problem) });
    fail(&disk, false);
    speak(&mut [&mut kazi], 6_400);
    assert_eq!(health(&recorder, &event()), Health { recording: true, problem: None });
    kazi.close();
    record(&*to, Record::Attributed, Record::Off);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let chapter = recording::ChapterAt {
        segment: base::SegmentId::new("introductory-remarks").expect("an id"),
        title: "All".to_owned(),
        began_at: Timestamp(0),
        ended_at: Timestamp(i64::MAX),
    };
    let index = runtime.block_on(recorder.finish(&event(), vec![chapter])).expect("it runs");
    assert_eq!((index.takes.len(), index.programme.len()), (4, 2), "before and after: {index:#?}");
    let folder = recordings.join(event().as_str());
    let pictures = index.takes.iter().filter(|t| t.kind == "camera").map(|t| &t.file);
    for file in pictures.chain(index.programme.iter().map(|p| &p.file)) {
        let (frames, complaints) = decoded(&folder.join(file), "v:0");
        assert!(frames >= 25 && complaints.is_empty(), "{file}: {frames} {complaints}");
    }
}

#[test]
fn a_full_disk_stops_nothing_but_the_recording() {
    fail_for_a_while(|disk, on| disk.full.store(on, Ordering::Relaxed), Problem::DiskFull);
}

#[test]
fn a_disk_that_fails_is_tried_again() {
    fail_for_a_while(|disk, on| disk.broken.store(on, Ordering::Relaxed), Problem::WriteFailed);
}

#[test]
fn room_is_left_for_the_proceedings() {
    let bytes = |on| if on { 100 << 20 } else { 1 << 40 };
    fail_for_a_while(|disk, on| disk.free.store(bytes(on), Ordering::Relaxed), Problem::DiskFull);
}
