//! Any request to the real routes and the real media engine, for the tests of hostile input (crate
//! `hostile`, folder `fuzz/`). Not compiled into the product.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use api_types::ErrorBody;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use base::{ConnectionId, ManualClock, SplitMix};
use proceedings::testing::{START, parsed, reference_event};
use proceedings::{Actor, Command, Event, EventState, Line, Tip, decide};
use sfu::{Sfu, SfuConfig};
use storage::testing::MemoryStorage;
use storage::{LinkKey, Storage};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::{Limits, Parts, Rate};

const EVENT: &str = "russian-diplomats-day";

/// Stands in an input for the token of the person named behind it.
const TOKEN: &str = "Bearer @";

/// Headers of one request that are used.
const HEADERS_MAX: usize = 20;

/// Far more than any answer takes, far less than what looks like an endless loop.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The input is a request as it is written (method and address, headers, a blank line, the body).
/// It is answered in time and never with an error of the server; what is refused is refused in a
/// sentence.
pub fn http(input: &[u8]) {
    let Some(request) = request(input) else { return };
    let house = house().lock().unwrap_or_else(PoisonError::into_inner);
    let answer = house.runtime.block_on(async {
        let answer = tokio::time::timeout(ANSWER_MAX, house.router.clone().oneshot(request)).await;
        let (parts, body) = answer.expect("answered in time").expect("answered").into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole answer");
        (parts, body)
    });
    let (parts, body) = answer;
    assert!(!parts.status.is_server_error(), "{}: {body:?}", parts.status);
    let is_json = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if parts.status.is_client_error() && is_json && !parts.headers.contains_key("content-encoding")
    {
        let error: ErrorBody = serde_json::from_slice(&body).expect("an error's body");
        assert!(error.message.ends_with(['.', '!']) && error.message.len() < 2_000, "{error:?}");
    }
}

/// Reads the input; `None` where it could not even be sent.
fn request(input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|pair| pair == b"\n\n")?;
    let head = std::str::from_utf8(&input[..end]).ok()?;
    let body = input[end + 2..].to_vec();
    let mut lines = head.lines();
    let (method, address) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).ok()?)
        .uri(address.parse::<Uri>().ok()?);
    for (name, value) in lines.take(HEADERS_MAX).filter_map(|line| line.split_once(": ")) {
        let value = match value.strip_prefix(TOKEN).map(str::parse) {
            Some(Ok(person)) => {
                let token = key().token(&parsed(EVENT), &person, 0);
                format!("Bearer {}", token.expose())
            }
            _ => value.to_owned(),
        };
        let name = name.parse::<HeaderName>().ok()?;
        request = request.header(name, HeaderValue::from_str(&value).ok()?);
    }
    request.body(Body::from(body)).ok()
}

/// A running server without sockets for HTTP.
struct House {
    runtime: Runtime,
    router: Router,
}

fn house() -> &'static Mutex<House> {
    static HOUSE: OnceLock<Mutex<House>> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let router = runtime.block_on(open());
        Mutex::new(House { runtime, router })
    })
}

/// The reference event, live, with its speaker on stage.
async fn open() -> Router {
    let storage = Arc::new(MemoryStorage::default());
    let lines = proceedings();
    storage.create_event(&lines[0]).await.expect("stored");
    storage.append(&parsed(EVENT), &lines[1..]).await.expect("stored");
    for person in reference_event().people {
        let hash = key().token(&parsed(EVENT), &person.id, 0).hash();
        storage.put_link(&parsed(EVENT), &person.id, 0, hash).await.expect("stored");
    }
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let announce: Vec<SocketAddr> = vec![udp.local_addr().expect("bound")];
    let config = SfuConfig { udp: vec![udp], announce, subscriber: None };
    let (engine, events) = Sfu::start(config).expect("the engine starts");
    let parts = Parts {
        storage,
        clock: Arc::new(ManualClock::new(START)),
        random: Box::new(SplitMix(1)),
        links: key(),
    };
    let wide = Rate { burst: 1_000_000_000, per_second: 1e9 };
    let limits = Limits { registrations: wide, bad_tokens: wide, hellos: wide };
    crate::app(parts, Arc::new(engine), events, limits)
}

fn proceedings() -> Vec<Line> {
    let definition = reference_event();
    let mut state = EventState::new(definition.clone());
    let created = Event::EventCreated { definition: Box::new(definition) };
    let mut lines = vec![Line::after(Tip::default(), START, Actor::Operator, created)];
    let mut carry_out = |actor: Actor, command: Command| {
        let events = decide(&state, START, &actor, &command).expect("allowed");
        for event in &events {
            state.apply(START, event);
        }
        let tip = lines.last().map(Line::tip).unwrap_or_default();
        lines.extend(Line::all_after(tip, START, &actor, events));
    };
    for (number, name) in (1..).zip(["kazi", "ganich", "anwar"]) {
        let (person, connection) = (parsed(name), ConnectionId(number));
        carry_out(Actor::Server, Command::Arrive { person, connection });
    }
    for name in ["kazi", "ganich"] {
        carry_out(Actor::Person(parsed(name)), Command::EnterStage);
    }
    carry_out(Actor::Person(parsed("kazi")), Command::OpenEvent);
    lines
}

fn key() -> LinkKey {
    LinkKey::new([7; 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_requests() {
        hostile::replay("http", 1_500, http);
    }

    /// Otherwise all other inputs would end at the door.
    #[test]
    fn an_honest_request_gets_through() {
        for (method, person) in [("whip", "ganich"), ("whep", "anwar")] {
            let offer = include_str!("../../sfu/tests/it/chromium-whip.sdp");
            let offer = if method == "whip" {
                offer.to_owned()
            } else {
                offer.replace("sendonly", "recvonly")
            };
            let text = format!(
                "POST /{method}/{EVENT}\nauthorization: Bearer @{person}\ncontent-type: application/sdp\n\n{offer}"
            );
            let request = request(text.as_bytes()).expect("a request");
            let house = house().lock().unwrap_or_else(PoisonError::into_inner);
            let answer = house.runtime.block_on(house.router.clone().oneshot(request));
            assert_eq!(answer.expect("answered").status(), 201, "{method}");
        }
    }
}
