//! A server under test, its storage and engine, and the clients.

mod engine;
mod socket;
mod storage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use base::{ManualClock, PersonId, SplitMix};
use proceedings::testing::{START, parsed, reference_event};
use proceedings::{Actor, Event, EventDefinition, Line, Tip};
use server::{Beside, Limits, Parts, Rate};
use sfu::SfuEvent;
use storage_crate::{LinkKey, Storage};
use tokio::sync::mpsc;
use tower::ServiceExt;

pub(crate) use ::storage as storage_crate;
pub(crate) use engine::{Asked, RecordingEngine};
pub(crate) use socket::Socket;
pub(crate) use storage::{Fault, FaultyStorage};

pub(crate) const EVENT: &str = "russian-diplomats-day";

/// The server with the reference event in small, at its planned opening.
pub(crate) struct TestApp {
    pub(crate) router: Router,
    pub(crate) storage: Arc<FaultyStorage>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Arc<RecordingEngine>,
    pub(crate) news: mpsc::Sender<SfuEvent>,
    address: Option<SocketAddr>,
}

pub(crate) fn key() -> LinkKey {
    LinkKey::new([7; 32])
}

/// The token of a person of the event.
pub(crate) fn token(person: &str) -> String {
    key().token(&parsed(EVENT), &parsed(person), 0).expose().to_owned()
}

/// No limit that a test meets by chance.
pub(crate) fn wide_limits() -> Limits {
    let wide = Rate { burst: 1_000_000, per_second: 1e6 };
    Limits { registrations: wide, bad_tokens: wide, hellos: wide }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(reference_event(), wide_limits()).await
    }

    pub(crate) async fn with(definition: EventDefinition, limits: Limits) -> Self {
        let storage = Arc::new(FaultyStorage::default());
        create(&*storage, definition).await;
        Self::on(storage, limits)
    }

    /// A server on what is stored already, as after a restart.
    pub(crate) fn on(storage: Arc<FaultyStorage>, limits: Limits) -> Self {
        Self::recorded(storage, limits, None)
    }

    /// The same with recordings in a folder.
    pub(crate) fn recorded(
        storage: Arc<FaultyStorage>,
        limits: Limits,
        folder: Option<PathBuf>,
    ) -> Self {
        Self::with_store(storage, limits, folder, None)
    }

    /// A server whose finished recordings have left their folder for a store.
    pub(crate) fn with_store(
        storage: Arc<FaultyStorage>,
        limits: Limits,
        folder: Option<PathBuf>,
        archive: Option<Arc<recording::Archive>>,
    ) -> Self {
        Self::beside(storage, limits, Beside { recordings: folder, archive, mail: None })
    }

    /// A server that mails releases.
    pub(crate) fn mailing(
        storage: Arc<FaultyStorage>,
        limits: Limits,
        mail: server::MailConfig,
    ) -> Self {
        Self::beside(storage, limits, Beside { mail: Some(mail), ..Beside::default() })
    }

    fn beside(storage: Arc<FaultyStorage>, limits: Limits, beside: Beside) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let engine = Arc::new(RecordingEngine::default());
        let (news, events) = mpsc::channel(16);
        let parts = Parts {
            storage: Arc::clone(&storage) as Arc<dyn Storage>,
            clock: Arc::clone(&clock) as Arc<dyn base::Clock>,
            random: Box::new(SplitMix(1)),
            links: key(),
        };
        let engine_too = Arc::clone(&engine) as _;
        let router = server::app_beside(parts, engine_too, events, limits, beside);
        Self { router, storage, clock, engine, news, address: None }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, None, Body::empty())).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.send(request(Method::GET, path, Some(token), Body::empty())).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &str) -> Answer {
        let mut request = request(Method::POST, path, None, Body::from(body.to_owned()));
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        self.send(request).await
    }

    pub(crate) async fn json_as(
        &self,
        method: Method,
        token: &str,
        path: &str,
        body: impl Into<String>,
    ) -> Answer {
        let mut request = request(method, path, Some(token), Body::from(body.into()));
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        self.send(request).await
    }

    pub(crate) async fn post_sdp(&self, token: &str, path: &str, offer: &str) -> Answer {
        let mut request = request(Method::POST, path, Some(token), Body::from(offer.to_owned()));
        request.headers_mut().insert("content-type", "application/sdp".parse().unwrap());
        self.send(request).await
    }

    /// Where the server listens; starts listening at the first call.
    pub(crate) async fn address(&mut self) -> SocketAddr {
        if let Some(address) = self.address {
            return address;
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = self.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        self.address = Some(address);
        address
    }

    /// A live socket on which nothing was said yet.
    pub(crate) async fn dial(&mut self) -> Socket {
        Socket::dial(self.address().await).await
    }

    /// A live socket of a person, welcomed.
    pub(crate) async fn join(&mut self, person: &str) -> Socket {
        let mut socket = self.dial().await;
        socket.hello(EVENT, &token(person), None).await;
        socket.welcome().await;
        socket
    }

    pub(crate) fn clock_now(&self) -> base::Timestamp {
        base::Clock::now(&*self.clock)
    }

    /// The proceedings as they are stored.
    pub(crate) async fn lines(&self) -> Vec<Line> {
        let storage: &dyn Storage = &*self.storage;
        storage_crate::load(storage, &parsed(EVENT)).await.unwrap().unwrap()
    }
}

/// Stores an event and the links of its people.
pub(crate) async fn create(storage: &dyn Storage, definition: EventDefinition) {
    let id = definition.id.clone();
    let people: Vec<PersonId> = definition.people.iter().map(|p| p.id.clone()).collect();
    let created = Event::EventCreated { definition: Box::new(definition) };
    let first = Line::after(Tip::default(), START, Actor::Operator, created);
    storage.create_event(&first).await.unwrap();
    for person in people {
        let hash = key().token(&id, &person, 0).hash();
        storage.put_link(&id, &person, 0, hash).await.unwrap();
    }
}

pub(crate) fn request(
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Body,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(body).unwrap()
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless it is this error, as every error is written.
    pub(crate) fn is_error(&self, status: u16, word: &str) {
        let body: api_types::ErrorBody = self.json();
        assert_eq!((self.status.as_u16(), body.error.as_str()), (status, word), "{}", self.body);
        assert!(body.message.ends_with('.'), "{} is a sentence", body.message);
        assert_eq!(self.header("content-type"), "application/json");
    }
}
