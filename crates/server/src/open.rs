//! The events that this process runs, each opened when somebody first asks for it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use base::{Clock, EventId};
use recording::Recorder;
use sfu::SfuEvent;
use storage::{Storage, StorageError};
use tokio::sync::oneshot;

use crate::event_actor::{self, Ask, EventHandle};
use crate::media::MediaEngine;

/// The open events.
pub(crate) struct Open {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    engine: Arc<dyn MediaEngine>,
    recorder: Option<Arc<Recorder>>,
    events: RwLock<BTreeMap<EventId, Arc<EventHandle>>>,
    /// Held while an event is opened, so that it never gets two tasks.
    opening: tokio::sync::Mutex<()>,
}

impl Open {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        engine: Arc<dyn MediaEngine>,
        recorder: Option<Arc<Recorder>>,
    ) -> Self {
        Self {
            storage,
            clock,
            engine,
            recorder,
            events: RwLock::default(),
            opening: Default::default(),
        }
    }

    /// The media engine.
    pub(crate) fn engine(&self) -> &dyn MediaEngine {
        &*self.engine
    }

    /// How many events are open.
    pub(crate) fn count(&self) -> usize {
        self.events.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The event if it is open already.
    pub(crate) fn opened(&self, id: &EventId) -> Option<Arc<EventHandle>> {
        self.events.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The event, opened if need be; `None` when there is none of that name. Events that another
    /// program creates in the same storage are found too.
    pub(crate) async fn find(
        &self,
        id: &EventId,
    ) -> Result<Option<Arc<EventHandle>>, StorageError> {
        if let Some(handle) = self.opened(id) {
            return Ok(Some(handle));
        }
        let _guard = self.opening.lock().await;
        if let Some(handle) = self.opened(id) {
            return Ok(Some(handle));
        }
        let Some(lines) = storage::load(&*self.storage, id).await? else { return Ok(None) };
        let (storage, clock) = (Arc::clone(&self.storage), Arc::clone(&self.clock));
        let engine = Arc::clone(&self.engine);
        let handle =
            event_actor::start(storage, clock, engine, self.recorder.clone(), lines).await?;
        let handle = Arc::new(handle);
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        events.insert(id.clone(), Arc::clone(&handle));
        Ok(Some(handle))
    }

    /// Tells every socket of every event that the server stops.
    pub(crate) async fn stop(&self) {
        for event in self.all() {
            // An event whose task is gone has no sockets either.
            let _ = event.ask(Ask::Stop).await;
        }
    }

    /// Waits until what every event was asked so far is stored: who left last is written down
    /// before the storage closes.
    pub(crate) async fn finish(&self) {
        for event in self.all() {
            let (reply, finished) = oneshot::channel();
            if event.ask(Ask::Finish { reply }).await.is_ok() {
                // A task that ended has nothing to store.
                let _ = finished.await;
            }
        }
    }

    fn all(&self) -> Vec<Arc<EventHandle>> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        events.values().cloned().collect()
    }

    /// Hands news of the media engine to the event that it concerns.
    pub(crate) async fn tell(&self, news: SfuEvent) {
        let id = match &news {
            SfuEvent::Connected { event, .. }
            | SfuEvent::Gone { event, .. }
            | SfuEvent::Tracks { event, .. }
            | SfuEvent::Slots { event, .. }
            | SfuEvent::Speaking { event, .. }
            | SfuEvent::Quality { event, .. } => event,
        };
        if let Some(handle) = self.opened(id) {
            // As above.
            let _ = handle.ask(Ask::Media(news)).await;
        }
    }
}
