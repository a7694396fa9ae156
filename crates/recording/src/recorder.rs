//! The handle of the recorder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use base::{Clock, EventId};
use forwarding::sink::{SinkId, Subscriber};
use tokio::sync::{oneshot, watch};

use crate::disk::Disk;
use crate::health::Health;
use crate::index::{ChapterAt, Index};
use crate::queue::{Entrance, Job, Queue};
use crate::worker::{State, Worker};

/// Asks a sink's sender for a key frame.
pub(crate) type KeyFrames = Arc<OnceLock<Box<dyn Fn(SinkId) + Send + Sync>>>;

/// What is called when the files of an event are finished.
type Finished = OnceLock<Box<dyn Fn() + Send + Sync>>;

/// How to record.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of all recordings; each event has one in it.
    pub folder: PathBuf,
    /// The steady clock by which media arrive: `Instant::now`, but for a bench that has no hour.
    pub instant: fn() -> Instant,
}

/// Why the recorder did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder cannot be made.
    #[error("the folder of the recordings, {}, cannot be made: {error}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The thread cannot be started.
    #[error("the recorder's thread cannot be started: {0}")]
    Thread(io::Error),
}

/// The handle of the recorder.
pub struct Recorder {
    folder: PathBuf,
    queue: Arc<Queue>,
    key_frames: KeyFrames,
    finished: Finished,
    health: watch::Receiver<BTreeMap<EventId, Health>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("health", &*self.health.borrow()).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Starts the recorder's threads.
    ///
    /// # Errors
    /// [`StartError`] when there is no folder or no thread.
    pub fn start(
        config: Config,
        disk: Arc<dyn Disk>,
        wall: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let Config { folder, instant } = config;
        std::fs::create_dir_all(&folder)
            .map_err(|error| StartError::Folder { folder: folder.clone(), error })?;
        let queue = Arc::new(Queue::default());
        let key_frames = KeyFrames::default();
        let (told, health) = watch::channel(BTreeMap::new());
        let (syncer, to_sync) = std::sync::mpsc::sync_channel::<Vec<Arc<File>>>(1);
        std::thread::Builder::new()
            .name("recorder-sync".to_owned())
            .spawn(move || {
                for file in to_sync.into_iter().flatten() {
                    if let Err(error) = file.sync_data() {
                        tracing::warn!(%error, "a recording cannot be carried to the disk");
                    }
                }
            })
            .map_err(StartError::Thread)?;
        let worker = Worker {
            folder: folder.clone(),
            queue: Arc::clone(&queue),
            disk,
            wall,
            key_frames: Arc::clone(&key_frames),
            health: told,
            syncer,
            instant,
            origin: instant(),
            state: State::default(),
        };
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || worker.run())
            .map_err(StartError::Thread)?;
        Ok(Self {
            folder,
            queue,
            key_frames,
            finished: Finished::new(),
            health,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The recorder's end in the media engine.
    pub fn subscriber(&self) -> Arc<dyn Subscriber> {
        Arc::new(Entrance(Arc::clone(&self.queue)))
    }

    /// Tells by what way key frames are asked for; only the first counts.
    pub fn ask_for_key_frames_by(&self, ask: impl Fn(SinkId) + Send + Sync + 'static) {
        // A second way would be as good as the first.
        let _ = self.key_frames.set(Box::new(ask));
    }

    /// Says what is to be done when the files of an event are finished; only the first counts.
    pub fn when_finished(&self, then: impl Fn() + Send + Sync + 'static) {
        // A second one would have nothing to add.
        let _ = self.finished.set(Box::new(then));
    }

    /// How the recordings stand, and a way to learn of changes.
    pub fn health(&self) -> watch::Receiver<BTreeMap<EventId, Health>> {
        self.health.clone()
    }

    /// Finishes the files of an event that is closed. `None` when the recorder has stopped.
    pub async fn finish(&self, event: &EventId, chapters: Vec<ChapterAt>) -> Option<Index> {
        let (reply, finished) = oneshot::channel();
        self.queue.push(Job::Finish { event: event.clone(), chapters, reply });
        let index = finished.await.ok()?;
        if let Some(then) = self.finished.get() {
            then();
        }
        Some(index)
    }

    /// Whether something of an event was recorded whose files were not finished together: the
    /// program ended between the closing of the event and that.
    pub fn is_unfinished(&self, event: &EventId) -> bool {
        let folder = self.folder.join(event.as_str());
        folder.is_dir() && !folder.join(crate::index::FINAL).exists()
    }

    /// Finishes all files and waits for it.
    pub fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            self.queue.push(Job::Stop);
            if thread.join().is_err() {
                tracing::error!("the recorder panicked; its files are finished at the next start");
            }
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}
