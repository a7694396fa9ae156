//! The bounded queue between an event's task and one socket.
//!
//! The event's task never waits for a socket: a queue that is full ends the socket. The end and its
//! reason travel beside the queue, so that a full queue cannot hold them back.

use api_types::EndReason;
use axum::extract::ws::Utf8Bytes;
use tokio::sync::{mpsc, oneshot};

/// Messages that may wait for one socket. A talkative minute of an event has about thirty, and one
/// with captions one or two a second more; a reader that is 64 behind will not catch up.
const FRAMES_MAX: usize = 64;

/// The event's side.
#[derive(Debug)]
pub(crate) struct Outbox {
    frames: mpsc::Sender<Utf8Bytes>,
    end: oneshot::Sender<EndReason>,
}

/// The socket's side.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) frames: mpsc::Receiver<Utf8Bytes>,
    /// Resolves when the event ends this socket; an error means that the event itself is gone.
    pub(crate) end: oneshot::Receiver<EndReason>,
}

/// The socket cannot take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It reads too slowly.
    TooSlow,
    /// It is closed.
    Gone,
}

pub(crate) fn channel() -> (Outbox, Inbox) {
    let (frames, queue) = mpsc::channel(FRAMES_MAX);
    let (end, ended) = oneshot::channel();
    (Outbox { frames, end }, Inbox { frames: queue, end: ended })
}

impl Outbox {
    /// Queues a message.
    pub(crate) fn send(&self, frame: Utf8Bytes) -> Result<(), Lost> {
        self.frames.try_send(frame).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Lost::TooSlow,
            mpsc::error::TrySendError::Closed(_) => Lost::Gone,
        })
    }

    /// Ends the socket. It writes what is queued first, unless it was too slow.
    pub(crate) fn end(self, reason: EndReason) {
        // A socket that is gone already needs no reason.
        let _ = self.end.send(reason);
    }
}
