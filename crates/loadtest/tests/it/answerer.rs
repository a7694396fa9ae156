//! A WHIP/WHEP server as small as can be: str0m on both sides, one plan for everybody, and faults
//! on demand, so that the tests see the checks fail too. The bearer token is the person's name.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use loadtest::http::Server;
use loadtest::peer::{Link, Peer, Role};
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Event, Rtc};
use tokio::sync::oneshot;

/// Who is forwarded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) voices: Vec<String>,
    pub(crate) main: Option<String>,
    /// A fault: these microphones go to the last voice slot, whatever the plan says.
    pub(crate) leak: Vec<String>,
    /// A fault: every n-th packet of sound is lost.
    pub(crate) lose_every: Option<u64>,
}

#[derive(Clone)]
struct Forwarded {
    person: Arc<str>,
    sound: bool,
    time: u32,
    marker: bool,
    level_dbov: Option<i8>,
    payload: Arc<[u8]>,
}

type Queue = Arc<Mutex<VecDeque<Forwarded>>>;

#[derive(Default)]
struct State {
    plan: Plan,
    receivers: Vec<Queue>,
    sessions: BTreeMap<String, oneshot::Sender<()>>,
    key_frames_wanted: Vec<String>,
    levels: Vec<i8>,
}

/// A running answerer.
pub(crate) struct Answerer {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

impl Answerer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let server = Server::new(&url).expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = (server.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let answer = service_fn(move |request| answer(shared.clone(), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(connection);
            }
        });
        Self { server, state }
    }

    /// Changes who is forwarded, at once.
    pub(crate) fn plan(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.state.lock().expect("no panic").plan);
    }

    /// Sessions that were not ended.
    pub(crate) fn sessions(&self) -> usize {
        self.state.lock().expect("no panic").sessions.len()
    }

    /// Audio levels that arrived in the header extension.
    pub(crate) fn levels(&self) -> Vec<i8> {
        self.state.lock().expect("no panic").levels.clone()
    }
}

async fn answer(
    (server, state): (Server, Arc<Mutex<State>>),
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let reply = |status: StatusCode, text: String| {
        Response::builder().status(status).body(Full::from(text)).expect("a response")
    };
    let path = request.uri().path().to_owned();
    let token = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default()
        .to_owned();
    if *request.method() == Method::DELETE {
        let session = state.lock().expect("no panic").sessions.remove(&path);
        let status = if session.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        return Ok(reply(status, String::new()));
    }
    if path.starts_with("/whip/") && token.starts_with("participant") {
        return Ok(reply(StatusCode::FORBIDDEN, "participants do not publish".to_owned()));
    }
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let offer = SdpOffer::from_sdp_string(std::str::from_utf8(&body).expect("text"));
    let offer = offer.expect("an offer");
    let rtc = Rtc::builder().set_rtp_mode(true).set_ice_lite(true).build(Instant::now());
    let mut peer = Peer::open(&server, rtc).await.expect("a socket");
    let answer = peer.rtc.sdp_api().accept_offer(offer).expect("an answer");
    let (stop, stopped) = oneshot::channel();
    let location = {
        let mut state = state.lock().expect("no panic");
        let location = format!("/session/{}", state.sessions.len() + state.receivers.len() * 1_000);
        state.sessions.insert(location.clone(), stop);
        location
    };
    if path.starts_with("/whip/") {
        let person = token.into();
        tokio::spawn(peer.run(FromPublisher { person, state, kinds: BTreeMap::new() }, stopped));
    } else {
        let queue = Queue::default();
        state.lock().expect("no panic").receivers.push(Arc::clone(&queue));
        let slots = slots(&peer.rtc, &answer.to_sdp_string());
        let role = ToReceiver { queue, state, slots, sent: 0 };
        tokio::spawn(peer.run(role, stopped));
    }
    let mut response = reply(StatusCode::CREATED, answer.to_sdp_string());
    response.headers_mut().insert("location", location.parse().expect("a header"));
    Ok(response)
}

struct FromPublisher {
    person: Arc<str>,
    state: Arc<Mutex<State>>,
    kinds: BTreeMap<u32, bool>,
}

impl Role for FromPublisher {
    fn event(&mut self, _now: Instant, event: Event, rtc: &mut Rtc) {
        let Event::RtpPacket(packet) = event else { return };
        let ssrc = packet.header.ssrc;
        let Some(mid) = rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid()) else {
            return;
        };
        let sound = rtc.media(mid).is_some_and(|media| media.kind() == MediaKind::Audio);
        self.kinds.insert(*ssrc, sound);
        let forwarded = Forwarded {
            person: Arc::clone(&self.person),
            sound,
            time: packet.header.timestamp,
            marker: packet.header.marker,
            level_dbov: packet.header.ext_vals.audio_level,
            payload: Arc::clone(&packet.payload),
        };
        let mut state = self.state.lock().expect("no panic");
        state.levels.extend(forwarded.level_dbov);
        for queue in &state.receivers {
            queue.lock().expect("no panic").push_back(forwarded.clone());
        }
    }

    fn due(&self) -> Option<Instant> {
        let state = self.state.lock().expect("no panic");
        let wanted = state.key_frames_wanted.iter().any(|name| **name == *self.person);
        let now = Instant::now();
        Some(if wanted { now - Duration::from_millis(1) } else { now + Duration::from_millis(20) })
    }

    fn act(&mut self, _now: Instant, rtc: &mut Rtc) {
        self.state.lock().expect("no panic").key_frames_wanted.retain(|n| **n != *self.person);
        for (ssrc, _) in self.kinds.iter().filter(|(_, sound)| !**sound) {
            if let Some(stream) = rtc.direct_api().stream_rx(&(*ssrc).into()) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
    }

    fn link(&mut self, _now: Instant, _link: Link) {}
}

struct OutSlot {
    mid: Mid,
    pt: Pt,
    sequence: u64,
    time: u32,
    source: Option<(Arc<str>, u32)>,
}

struct ToReceiver {
    queue: Queue,
    state: Arc<Mutex<State>>,
    /// In the order of the offer: four of sound, then the main picture.
    slots: Vec<OutSlot>,
    sent: u64,
}

impl ToReceiver {
    /// Index of the fixed slot that the plan gives to a packet.
    fn slot(&mut self, packet: &Forwarded) -> Option<usize> {
        let mut state = self.state.lock().expect("no panic");
        let person = &*packet.person;
        if !packet.sound {
            if state.plan.main.as_deref() != Some(person) {
                return None;
            }
            let new = self.slots[4].source.as_ref().is_none_or(|(from, _)| **from != *person);
            // As a real server does: nothing of a new source before its key frame.
            let key = packet.payload.get(4).is_some_and(|tag| tag & 1 == 0)
                && packet.payload[0] & 0x10 != 0;
            if new && !key {
                state.key_frames_wanted.push(person.to_owned());
                return None;
            }
            return Some(4);
        }
        self.sent += 1;
        if state.plan.lose_every.is_some_and(|every| self.sent.is_multiple_of(every)) {
            let at = state.plan.voices.iter().position(|name| name == person)?;
            self.slots[at].sequence += 1;
            return None;
        }
        let at = state.plan.voices.iter().position(|name| name == person);
        at.or_else(|| state.plan.leak.iter().any(|name| name == person).then_some(2))
    }
}

impl Role for ToReceiver {
    fn event(&mut self, _now: Instant, event: Event, _rtc: &mut Rtc) {
        if let Event::KeyframeRequest(_) = event {
            let mut state = self.state.lock().expect("no panic");
            let main = state.plan.main.clone();
            state.key_frames_wanted.extend(main);
        }
    }

    fn due(&self) -> Option<Instant> {
        let waiting = !self.queue.lock().expect("no panic").is_empty();
        let now = Instant::now();
        Some(if waiting { now - Duration::from_millis(1) } else { now + Duration::from_millis(2) })
    }

    fn act(&mut self, now: Instant, rtc: &mut Rtc) {
        let Some(packet) = self.queue.lock().expect("no panic").pop_front() else { return };
        if self.slots.len() < 5 && !packet.sound {
            return;
        }
        let Some(at) = self.slot(&packet) else { return };
        let slot = &mut self.slots[at];
        match &mut slot.source {
            Some((from, last)) if **from == *packet.person => {
                slot.time = slot.time.wrapping_add(packet.time.wrapping_sub(*last));
                *last = packet.time;
            }
            source => {
                *source = Some((Arc::clone(&packet.person), packet.time));
                slot.time = slot.time.wrapping_add(if packet.sound { 960 } else { 7_500 });
            }
        }
        let write = RtpWrite::new(slot.pt, slot.sequence.into(), slot.time, now, packet.payload);
        let extensions =
            ExtensionValues { audio_level: packet.level_dbov, ..ExtensionValues::default() };
        slot.sequence += 1;
        let mut direct = rtc.direct_api();
        let stream = direct.stream_tx_by_mid(slot.mid, None).expect("a stream");
        stream.write_rtp(write.marker(packet.marker).ext_vals(extensions).nackable(true));
    }

    fn link(&mut self, _now: Instant, _link: Link) {}
}

/// The outgoing streams in the order of the answer's media sections.
fn slots(rtc: &Rtc, answer: &str) -> Vec<OutSlot> {
    let mids = answer.lines().filter_map(|line| line.trim_end().strip_prefix("a=mid:"));
    let slot = |mid: &str| {
        let mid = Mid::from(mid);
        let media = rtc.media(mid).expect("a media section");
        let sound = media.kind() == MediaKind::Audio;
        let codec = if sound { Codec::Opus } else { Codec::Vp8 };
        let params = rtc.codec_config().params().iter();
        let pts = media.remote_pts();
        let pt = params.filter(|p| p.spec().codec == codec).map(|p| p.pt());
        let pt = pt.into_iter().find(|pt| pts.contains(pt)).expect("a codec");
        OutSlot { mid, pt, sequence: 100, time: 1_000, source: None }
    };
    mids.map(slot).collect()
}
