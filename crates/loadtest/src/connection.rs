//! A running client: its session at the server and its task here.

use std::time::{Duration, Instant};

use str0m::change::SdpAnswer;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::http::{HttpError, Server};
use crate::peer::{Link, Peer, PeerError, Role};
use crate::session::{JoinError, Session};

/// Time for a media path to come up after the answer.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(10);

/// The state of a link with the moment of its last change.
#[derive(Debug, Clone, Copy)]
pub struct LinkState {
    /// How the connection stands.
    pub link: Link,
    /// Since when.
    pub since: Instant,
}

/// A client that has its answer. Dropping it ends the client without telling the server.
pub struct Connection {
    session: Session,
    asked_at: Instant,
    link: watch::Receiver<LinkState>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The end of a [`Connection`] that the task holds.
pub struct LinkSender(watch::Sender<LinkState>);

impl LinkSender {
    /// Notes the state of the link.
    pub fn set(&self, now: Instant, link: Link) {
        self.0.send_replace(LinkState { link, since: now });
    }
}

impl Connection {
    /// Posts the offer that `prepare` makes, applies the answer, and starts the client with the
    /// role that `start` makes of it.
    ///
    /// # Errors
    /// [`JoinError`] when the server refuses or its answer cannot be used.
    pub async fn open<P, R: Role>(
        server: &Server,
        path: &str,
        token: &str,
        rtc: Box<str0m::Rtc>,
        prepare: impl FnOnce(&mut str0m::change::SdpApi<'_>) -> P,
        start: impl FnOnce(&mut str0m::Rtc, P, LinkSender) -> Result<R, JoinError>,
    ) -> Result<Self, JoinError> {
        let mut peer = Peer::open(server, rtc).await?;
        let mut changes = peer.rtc.sdp_api();
        let prepared = prepare(&mut changes);
        let (offer, pending) = changes
            .apply()
            .ok_or_else(|| JoinError::Answer("there is nothing to offer".to_owned()))?;
        let asked_at = Instant::now();
        let (session, answer) = Session::post(server, path, token, offer.to_sdp_string()).await?;
        let applied = SdpAnswer::from_sdp_string(&answer)
            .map_err(|error| JoinError::Answer(error.to_string()))
            .and_then(|answer| {
                peer.rtc
                    .sdp_api()
                    .accept_answer(pending, answer)
                    .map_err(|e| PeerError::from(e).into())
            });
        let link = watch::Sender::new(LinkState { link: Link::Connecting, since: asked_at });
        let watcher = link.subscribe();
        let role = match applied.and_then(|()| start(&mut peer.rtc, prepared, LinkSender(link))) {
            Ok(role) => role,
            Err(error) => {
                // The server holds a session that nobody will use.
                if let Err(error) = session.delete().await {
                    tracing::debug!(%error, "an unusable session could not be ended");
                }
                return Err(error);
            }
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(peer.run(role, stopped));
        Ok(Self { session, asked_at, link: watcher, stop, task })
    }

    /// Waits until media can flow and returns the time since the offer was posted.
    ///
    /// # Errors
    /// [`JoinError::NoMedia`] when no path comes up in time.
    pub async fn connected(&mut self) -> Result<Duration, JoinError> {
        let up = self.link.wait_for(|state| state.link != Link::Connecting);
        match tokio::time::timeout(MEDIA_TIMEOUT, up).await {
            Ok(Ok(state)) if state.link != Link::Ended => Ok(state.since - self.asked_at),
            _ => Err(JoinError::NoMedia(MEDIA_TIMEOUT.as_secs())),
        }
    }

    /// When the offer was posted.
    pub fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// How the connection stands.
    pub fn link(&self) -> LinkState {
        *self.link.borrow()
    }

    /// Waits until the connection is over, at most for `timeout`; true when it is.
    pub async fn ended(&mut self, timeout: Duration) -> bool {
        let over = self.link.wait_for(|state| state.link == Link::Ended);
        matches!(tokio::time::timeout(timeout, over).await, Ok(Ok(_)))
    }

    /// Ends the session at the server and the client here.
    ///
    /// # Errors
    /// [`HttpError`] when the server does not confirm the end; the client has ended all the same.
    pub async fn leave(self) -> Result<(), HttpError> {
        let deleted = self.session.delete().await;
        self.vanish().await;
        deleted
    }

    /// Ends the client here without telling the server's HTTP side, as a closed browser does.
    pub async fn vanish(self) {
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a synthetic client panicked");
        }
    }
}
