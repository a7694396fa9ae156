//! A server as small as can be, to meet the clients: WHIP and WHEP with str0m on both sides, and
//! one plan of who is forwarded to whom, with faults on demand, so that the tests see every check
//! fail too. The bearer token is the person's name.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base::PersonId;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use loadtest::http::Server;
use loadtest::peer::{Link, Peer, Role};
use proceedings::Hearing;
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Event, Rtc};
use tokio::sync::oneshot;

use crate::stage::Stage;

/// Packets waiting for one receiver.
const QUEUE_MAX: usize = 5_000;

/// Who is forwarded to whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) audience: Hearing,
    pub(crate) stage: Hearing,
}

/// What the answerer does wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// These microphones go to the last voice slot, whatever the plan says.
    pub(crate) leak: Vec<PersonId>,
    /// Every n-th packet of sound is lost.
    pub(crate) lose_every: Option<u64>,
    /// Plans take effect this late.
    pub(crate) late_by: Duration,
    /// Pictures are switched without waiting for a key frame.
    pub(crate) no_key_frames: bool,
    /// Anybody may publish and receive at any time.
    pub(crate) open_doors: bool,
    /// Changes of the floor are not told to the audience.
    pub(crate) silent_socket: bool,
}

#[derive(Clone)]
struct Forwarded {
    person: PersonId,
    kind: Kind,
    time: u32,
    marker: bool,
    level_dbov: Option<i8>,
    payload: Arc<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Voice,
    Camera,
    Screen,
}

type Queue = Arc<Mutex<VecDeque<Forwarded>>>;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) faults: Faults,
    /// Each with the moment from which it holds.
    plans: Vec<(Instant, Plan)>,
    receivers: Vec<Queue>,
    sessions: BTreeMap<String, Session>,
    numbers: u64,
    key_frames_wanted: Vec<(PersonId, Kind)>,
    levels: Vec<i8>,
    pub(crate) stage: Option<Stage>,
}

struct Session {
    person: PersonId,
    publishes: bool,
    _stop: oneshot::Sender<()>,
}

impl State {
    pub(crate) fn set_plan(&mut self, plan: Plan) {
        self.plans.push((Instant::now() + self.faults.late_by, plan));
    }

    fn plan(&self, now: Instant, on_stage: bool) -> Hearing {
        let plan = self.plans.iter().rev().find(|(from, _)| *from <= now);
        let plan = plan.map(|(_, plan)| if on_stage { &plan.stage } else { &plan.audience });
        plan.cloned().unwrap_or_default()
    }

    /// Ends the sessions of those who may no longer publish.
    pub(crate) fn end_publishing(&mut self, may: impl Fn(&PersonId) -> bool) {
        self.sessions.retain(|_, session| !session.publishes || may(&session.person));
    }
}

/// A running answerer.
pub(crate) struct Answerer {
    pub(crate) server: Server,
    pub(crate) url: String,
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
                    .serve_connection(TokioIo::new(stream), answer)
                    .with_upgrades();
                tokio::spawn(connection);
            }
        });
        Self { server, url, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// The same plan for everybody, at once.
    pub(crate) fn plan(&self, hearing: Hearing) {
        self.state().set_plan(Plan { audience: hearing.clone(), stage: hearing });
    }

    /// Sessions that were not ended.
    pub(crate) fn sessions(&self) -> usize {
        self.state().sessions.len()
    }

    /// Audio levels that arrived in the header extension.
    pub(crate) fn levels(&self) -> Vec<i8> {
        self.state().levels.clone()
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
    if path.starts_with("/api/") {
        return Ok(crate::stage::answer(state, request).await);
    }
    let token = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default();
    let Ok(person) = PersonId::new(token) else {
        return Ok(reply(StatusCode::UNAUTHORIZED, "who are you?".to_owned()));
    };
    if *request.method() == Method::DELETE {
        let session = state.lock().expect("no panic").sessions.remove(&path);
        let status = if session.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        return Ok(reply(status, String::new()));
    }
    let publishes = path.starts_with("/whip/");
    let screen = request.uri().query() == Some("source=screen");
    let on_stage = {
        let state = state.lock().expect("no panic");
        let stage = state.stage.as_ref();
        let may = match stage {
            Some(stage) if publishes => stage.may_publish(&person, screen),
            Some(stage) => stage.may_receive(&person),
            None => !(publishes && token.starts_with("participant")),
        };
        if !may && !state.faults.open_doors {
            return Ok(reply(StatusCode::FORBIDDEN, "not you, not now".to_owned()));
        }
        stage.is_some_and(|stage| stage.is_on_stage(&person))
    };
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let offer = SdpOffer::from_sdp_string(std::str::from_utf8(&body).expect("text"));
    let rtc = Rtc::builder().set_rtp_mode(true).set_ice_lite(true).build(Instant::now());
    let mut peer = Peer::open(&server, Box::new(rtc)).await.expect("a socket");
    let answer = peer.rtc.sdp_api().accept_offer(offer.expect("an offer")).expect("an answer");
    let answer = answer.to_sdp_string();
    let (stop, stopped) = oneshot::channel();
    let location = {
        let mut state = state.lock().expect("no panic");
        state.numbers += 1;
        let location = format!("/session/{}", state.numbers);
        let session = Session { person: person.clone(), publishes, _stop: stop };
        state.sessions.insert(location.clone(), session);
        location
    };
    if publishes {
        tokio::spawn(peer.run(FromPublisher { person, screen, state, pictures: vec![] }, stopped));
    } else {
        let queue = Queue::default();
        state.lock().expect("no panic").receivers.push(Arc::clone(&queue));
        let slots = slots(&peer.rtc, &answer);
        tokio::spawn(
            peer.run(ToReceiver { person, on_stage, queue, state, slots, sent: 0 }, stopped),
        );
    }
    let mut response = reply(StatusCode::CREATED, answer);
    response.headers_mut().insert("location", location.parse().expect("a header"));
    Ok(response)
}

/// A little before now, for what is due at once.
fn due(now: bool) -> Option<Instant> {
    let ms = Duration::from_millis;
    Some(if now { Instant::now() - ms(1) } else { Instant::now() + ms(2) })
}

struct FromPublisher {
    person: PersonId,
    screen: bool,
    state: Arc<Mutex<State>>,
    /// Streams of pictures.
    pictures: Vec<u32>,
}

impl FromPublisher {
    fn picture(&self) -> Kind {
        if self.screen { Kind::Screen } else { Kind::Camera }
    }
}

impl Role for FromPublisher {
    fn event(&mut self, _now: Instant, event: Event, rtc: &mut Rtc) {
        let Event::RtpPacket(packet) = event else { return };
        let ssrc = packet.header.ssrc;
        let Some(mid) = rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid()) else {
            return;
        };
        let sound = rtc.media(mid).is_some_and(|media| media.kind() == MediaKind::Audio);
        if !sound && !self.pictures.contains(&ssrc) {
            self.pictures.push(*ssrc);
        }
        let forwarded = Forwarded {
            person: self.person.clone(),
            kind: if sound { Kind::Voice } else { self.picture() },
            time: packet.header.timestamp,
            marker: packet.header.marker,
            level_dbov: packet.header.ext_vals.audio_level,
            payload: Arc::clone(&packet.payload),
        };
        let mut state = self.state.lock().expect("no panic");
        state.levels.extend(forwarded.level_dbov);
        for queue in &state.receivers {
            let mut queue = queue.lock().expect("no panic");
            if queue.len() < QUEUE_MAX {
                queue.push_back(forwarded.clone());
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        let mine = (self.person.clone(), self.picture());
        due(self.state.lock().expect("no panic").key_frames_wanted.contains(&mine))
    }

    fn act(&mut self, _now: Instant, rtc: &mut Rtc) {
        let mine = (self.person.clone(), self.picture());
        self.state.lock().expect("no panic").key_frames_wanted.retain(|other| *other != mine);
        for ssrc in &self.pictures {
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
    kind: Kind,
    source: Option<(PersonId, u32)>,
}

struct ToReceiver {
    person: PersonId,
    on_stage: bool,
    queue: Queue,
    state: Arc<Mutex<State>>,
    /// In the order of the offer: four of sound, main, screen, four thumbnails.
    slots: Vec<OutSlot>,
    sent: u64,
}

impl ToReceiver {
    /// Index of the fixed slot that the plan gives to a packet.
    fn slot(&mut self, now: Instant, packet: &Forwarded) -> Option<usize> {
        let person = &packet.person;
        if *person == self.person {
            return None;
        }
        let mut state = self.state.lock().expect("no panic");
        let plan = state.plan(now, self.on_stage);
        let place = |people: &[PersonId], most: usize| {
            people.iter().take(most).position(|other| other == person)
        };
        let at = match packet.kind {
            Kind::Voice => {
                let leak = state.faults.leak.contains(person).then_some(2);
                place(&plan.voices, 3).or(leak)?
            }
            Kind::Screen => (plan.screen.as_ref() == Some(person)).then_some(5)?,
            Kind::Camera if plan.main.as_ref() == Some(person) => 4,
            Kind::Camera => 6 + place(&plan.thumbnails, 4)?,
        };
        let slot = self.slots.get_mut(at)?;
        if packet.kind == Kind::Voice {
            self.sent += 1;
            if state.faults.lose_every.is_some_and(|every| self.sent.is_multiple_of(every)) {
                slot.sequence += 1;
                return None;
            }
        } else if slot.source.as_ref().is_none_or(|(from, _)| from != person) {
            // As a real server does: nothing of a new source before its key frame.
            let starts = packet.payload[0] & 0x10 != 0;
            let key = starts && packet.payload.get(4).is_some_and(|tag| tag & 1 == 0);
            if !key && !state.faults.no_key_frames {
                state.key_frames_wanted.push((person.clone(), packet.kind));
                return None;
            }
        }
        Some(at)
    }
}

impl Role for ToReceiver {
    fn event(&mut self, now: Instant, event: Event, _rtc: &mut Rtc) {
        if let Event::KeyframeRequest(_) = event {
            let mut state = self.state.lock().expect("no panic");
            if !state.faults.no_key_frames {
                let main = state.plan(now, self.on_stage).main;
                state.key_frames_wanted.extend(main.map(|person| (person, Kind::Camera)));
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        due(!self.queue.lock().expect("no panic").is_empty())
    }

    fn act(&mut self, now: Instant, rtc: &mut Rtc) {
        let Some(packet) = self.queue.lock().expect("no panic").pop_front() else { return };
        let Some(at) = self.slot(now, &packet) else {
            // Whoever comes back begins with a key frame again.
            for slot in &mut self.slots {
                let theirs = slot.source.as_ref().is_some_and(|(from, _)| *from == packet.person);
                if theirs && packet.kind != Kind::Voice && slot.kind == packet.kind {
                    slot.source = None;
                }
            }
            return;
        };
        let slot = &mut self.slots[at];
        match &mut slot.source {
            Some((from, last)) if *from == packet.person => {
                slot.time = slot.time.wrapping_add(packet.time.wrapping_sub(*last));
                *last = packet.time;
            }
            source => {
                *source = Some((packet.person.clone(), packet.time));
                slot.time = slot.time.wrapping_add(7_500);
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
    let slot = |(at, mid): (usize, &str)| {
        let kind = match at {
            0..=3 => Kind::Voice,
            5 => Kind::Screen,
            _ => Kind::Camera,
        };
        let mid = Mid::from(mid);
        let media = rtc.media(mid).expect("a media section");
        let sound = media.kind() == MediaKind::Audio;
        let codec = if sound { Codec::Opus } else { Codec::Vp8 };
        let params = rtc.codec_config().params().iter();
        let pts = media.remote_pts();
        let mut known = params.filter(|p| p.spec().codec == codec).map(|p| p.pt());
        let pt = known.find(|pt| pts.contains(pt)).expect("a codec");
        OutSlot { mid, pt, sequence: 100, time: 1_000, kind, source: None }
    };
    mids.enumerate().map(slot).collect()
}
