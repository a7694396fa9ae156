//! The door of Janus: its videoroom plugin over its WebSocket API, so that the same publishers and
//! viewers measure it. A subscriber is offered to and answers; we answer as an ICE-lite side.
//!
//! <https://janus.conf.meetecho.com/docs/rest.html>, <https://janus.conf.meetecho.com/docs/videoroom.html>

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::LoadError;
use super::dtls::Identity;
use super::front::candidate;
use super::media::now_ns;
use super::publisher::{Manner, Offering, Publisher};
use super::sdp::{Credentials, Description, answer};
use super::viewer::Setup;
use crate::http::{Server, Stream};
use crate::peer::PeerError;
use crate::session::JoinError;

/// The room of a test.
const ROOM: u64 = 2021;

/// Janus forgets a session that is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// Time for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Requests that may wait to be written. Viewers come in at a given pace.
const REQUESTS_MAX: usize = 1_024;

struct Request {
    text: String,
    transaction: String,
    /// An acknowledgement is all there will be.
    acknowledged: bool,
    answer: oneshot::Sender<Value>,
}

/// A session at a Janus with a room in it.
pub(super) struct Janus {
    session: u64,
    requests: mpsc::Sender<Request>,
    number: AtomicU64,
    /// The feed that viewers watch.
    feed: Mutex<Option<u64>>,
}

/// A handle, to be given back at the end.
pub(super) struct Handle(u64);

impl Janus {
    /// Connects to `ws://host:port` and makes a room.
    pub(super) async fn connect(url: &str) -> Result<Arc<Self>, LoadError> {
        let failed = |error: &dyn std::fmt::Display| LoadError::Plan(format!("Janus: {error}"));
        let server = Server::new(&url.replacen("ws", "http", 1))?;
        let mut request = url.into_client_request().map_err(|error| failed(&error))?;
        let protocol = HeaderValue::from_static("janus-protocol");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let stream = server.connect().await?;
        let (socket, _) = tokio_tungstenite::client_async(request, stream)
            .await
            .map_err(|error| failed(&error))?;
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        let mut this = Self { session: 0, requests, number: 1.into(), feed: Mutex::default() };
        tokio::spawn(keep(socket, inbox));
        let made = async {
            let created = this.ask(json!({ "janus": "create" })).await?;
            this.session = id(&created)?;
            let handle = this.attach().await?;
            let room = json!({
                "request": "create", "room": ROOM, "publishers": 12, "bitrate": 0,
                "audiocodec": "opus", "videocodec": "vp8", "transport_wide_cc_ext": true,
            });
            this.say(&handle, room, None).await
        };
        made.await.map_err(|error| failed(&error))?;
        let this = Arc::new(this);
        tokio::spawn(keep_alive(Arc::downgrade(&this)));
        Ok(this)
    }

    /// Comes in as the publisher of this number.
    pub(super) async fn publish(
        &self,
        number: u8,
        manner: Manner,
    ) -> Result<(Publisher, Handle), JoinError> {
        let handle = self.attach().await?;
        let join = json!({ "request": "join", "ptype": "publisher", "room": ROOM });
        let joined = self.say(&handle, join, None).await?;
        let feed = joined["plugindata"]["data"]["id"].as_u64();
        let offering = Offering::new(own_ip(), manner).await?;
        let jsep = json!({ "type": "offer", "sdp": offering.offer, "trickle": false });
        let answer = self.say(&handle, json!({ "request": "publish" }), Some(jsep)).await?;
        let mut publisher = offering.start(sdp(&answer)?, number, manner)?;
        publisher.connected().await?;
        self.feed.lock().await.get_or_insert(feed.ok_or_else(|| missing("feed"))?);
        Ok((publisher, handle))
    }

    /// Comes in as a viewer of the first publisher.
    pub(super) async fn watch(
        &self,
        identity: &Identity,
        thorough: bool,
    ) -> Result<(UdpSocket, Setup, Handle), JoinError> {
        let peer = |error| JoinError::Peer(PeerError::Socket(error));
        let feed = self.feed.lock().await.ok_or_else(|| missing("feed"))?;
        let socket = UdpSocket::bind((own_ip(), 0)).map_err(peer)?;
        let local = socket.local_addr().map_err(peer)?;
        let asked_ns = now_ns();
        let handle = self.attach().await?;
        let join = json!({
            "request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{ "feed": feed }],
        });
        let offered = self.say(&handle, join, None).await?;
        let offer = sdp(&offered)?;
        let remote = Description::parse(offer).map_err(|e| JoinError::Answer(e.to_string()))?;
        let to = candidate(&remote.candidates, local).ok_or_else(|| missing("candidate"))?;
        socket.connect(to).map_err(peer)?;
        let own = Credentials::random();
        let answer = answer(offer, &remote, &own, &identity.fingerprint, local);
        let jsep = json!({ "type": "answer", "sdp": answer, "trickle": false });
        self.say(&handle, json!({ "request": "start" }), Some(jsep)).await?;
        let setup = Setup { own, remote, controlling: false, asked_ns, thorough };
        Ok((socket, setup, handle))
    }

    /// Gives a handle back.
    pub(super) async fn detach(&self, handle: Handle) -> Result<(), JoinError> {
        let detach =
            json!({ "janus": "detach", "session_id": self.session, "handle_id": handle.0 });
        self.ask(detach).await.map(drop)
    }

    async fn attach(&self) -> Result<Handle, JoinError> {
        let plugin = "janus.plugin.videoroom";
        let attach = json!({ "janus": "attach", "session_id": self.session, "plugin": plugin });
        Ok(Handle(id(&self.ask(attach).await?)?))
    }

    /// Sends a message to the plugin and waits for what it says to it.
    async fn say(
        &self,
        handle: &Handle,
        body: Value,
        jsep: Option<Value>,
    ) -> Result<Value, JoinError> {
        let mut message = json!({
            "janus": "message", "session_id": self.session, "handle_id": handle.0, "body": body,
        });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        let answer = self.ask(message).await?;
        match answer["plugindata"]["data"]["error"].as_str() {
            Some(error) => Err(JoinError::Answer(error.to_owned())),
            None => Ok(answer),
        }
    }

    async fn ask(&self, mut message: Value) -> Result<Value, JoinError> {
        let transaction = self.number.fetch_add(1, Ordering::Relaxed).to_string();
        message["transaction"] = transaction.as_str().into();
        let (answer, answered) = oneshot::channel();
        let acknowledged = message["janus"] == "keepalive";
        let request = Request { text: message.to_string(), transaction, acknowledged, answer };
        let gone = || JoinError::Answer("Janus has closed the connection".to_owned());
        let exchange = async {
            self.requests.send(request).await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())
        };
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, exchange)
            .await
            .map_err(|_| JoinError::Answer("Janus gave no answer in time".to_owned()))??;
        match answer["error"]["reason"].as_str() {
            Some(reason) => Err(JoinError::Answer(reason.to_owned())),
            None => Ok(answer),
        }
    }
}

/// Keeps the session alive for as long as somebody has it.
async fn keep_alive(janus: std::sync::Weak<Janus>) {
    loop {
        tokio::time::sleep(KEEP_ALIVE).await;
        let Some(janus) = janus.upgrade() else { return };
        let message = json!({ "janus": "keepalive", "session_id": janus.session });
        if let Err(error) = janus.ask(message).await {
            tracing::debug!(%error, "the session at Janus cannot be kept alive");
            return;
        }
    }
}

/// Writes requests and hands answers to those who wait, until nobody can ask any more.
async fn keep(mut socket: WebSocketStream<Box<dyn Stream>>, mut requests: mpsc::Receiver<Request>) {
    let mut waiting: HashMap<String, (bool, oneshot::Sender<Value>)> = HashMap::new();
    loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(Request { text, transaction, acknowledged, answer }) = request else { break };
                // Answers that nobody waits for any more must not pile up.
                waiting.retain(|_, (_, answer)| !answer.is_closed());
                waiting.insert(transaction, (acknowledged, answer));
                if socket.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
            message = socket.next() => {
                let Some(Ok(message)) = message else { break };
                let Message::Text(text) = message else { continue };
                let Ok(value) = serde_json::from_str::<Value>(&text) else { continue };
                let transaction = value["transaction"].as_str().unwrap_or_default();
                // A plugin's request is acknowledged first and answered later.
                if value["janus"] == "ack"
                    && waiting.get(transaction).is_none_or(|(acknowledged, _)| !acknowledged)
                {
                    continue;
                }
                if let Some((_, answer)) = waiting.remove(transaction) {
                    let _ = answer.send(value);
                }
            }
        }
    }
    let _ = socket.close(None).await;
}

/// The address of this machine that leads outside, for Janus offers none of loopback. Connecting a
/// UDP socket sends nothing; the address is one of those that no machine has (RFC 5737).
fn own_ip() -> IpAddr {
    let probe = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9))?;
        socket.local_addr()
    };
    probe().map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

fn id(answer: &Value) -> Result<u64, JoinError> {
    answer["data"]["id"].as_u64().ok_or_else(|| missing("id"))
}

fn sdp(answer: &Value) -> Result<&str, JoinError> {
    answer["jsep"]["sdp"].as_str().ok_or_else(|| missing("session description"))
}

fn missing(what: &str) -> JoinError {
    JoinError::Answer(format!("it has no {what}"))
}
