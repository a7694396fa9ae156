//! What all handlers share.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, Uri, header};
use base::{Clock, EventId, PersonId, Random, Timestamp};
use recognition::Recognition;
use recording::Archive;
use storage::{LinkKey, LinkToken, Storage};
use tokio::sync::Semaphore;

use crate::check::Checks;
use crate::error::ApiError;
use crate::event_actor::EventHandle;
use crate::metrics::{MetricsAccess, Tallies};
use crate::open::Open;
use crate::press::{MailConfig, Mailer};
use crate::published::Renderings;
use crate::rate::{PerAddress, Rate};
use crate::record_page::PublicMedia;
use crate::recording_files::Tickets;
use crate::turn::Turn;
use crate::voice::Listeners;

/// Live sockets at once: four times the audience that one machine is measured to serve.
pub(crate) const SOCKETS_MAX: usize = 20_000;

/// How often one address may do what costs the server something. A lecture hall comes from one
/// address; the limits hold back programs, not people.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Registrations on the public page.
    pub registrations: Rate,
    /// Requests with a token that is not valid.
    pub bad_tokens: Rate,
    /// New live sockets.
    pub hellos: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            registrations: Rate { burst: 60, per_second: 0.5 },
            bad_tokens: Rate { burst: 100, per_second: 1.0 },
            hellos: Rate { burst: 2_000, per_second: 200.0 },
        }
    }
}

/// What all handlers share.
pub(crate) struct App {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Arc<Open>,
    /// Where people reach this server, without a slash at the end.
    pub(crate) public_url: String,
    pub(crate) links: LinkKey,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) registrations: PerAddress,
    pub(crate) bad_tokens: PerAddress,
    pub(crate) hellos: PerAddress,
    /// Commands that come by HTTP.
    pub(crate) commands: PerAddress,
    /// Where the recordings are, if any are made.
    pub(crate) recordings: Option<PathBuf>,
    /// The store that finished recordings go to, if the operator named one.
    pub(crate) archive: Option<Arc<Archive>>,
    /// What recognises speech, if that is wanted.
    pub(crate) recognition: Option<Arc<Recognition>>,
    /// The operator's mail server, if there is one, and what sends mails by it.
    pub(crate) mail: Option<MailConfig>,
    pub(crate) mailer: Mailer,
    /// What lets a browser's player read one of them.
    pub(crate) tickets: Tickets,
    /// What was made of issued releases.
    pub(crate) renderings: Renderings,
    /// Files of the recordings that everybody may have.
    pub(crate) public_media: PublicMedia,
    /// A place for each live socket.
    pub(crate) sockets: Arc<Semaphore>,
    pub(crate) random: Mutex<Box<dyn Random>>,
    /// Who tries their connection.
    pub(crate) checks: Checks,
    /// Who hears the floor over a WebSocket.
    pub(crate) listeners: Listeners,
    /// What is counted for the metrics, and who may read them.
    pub(crate) tallies: Arc<Tallies>,
    pub(crate) metrics: MetricsAccess,
    /// When the server started.
    pub(crate) started: Timestamp,
    /// The relay, where this process listens itself.
    pub(crate) turn: Option<Arc<Turn>>,
}

/// A person who showed a valid token of this event.
pub(crate) struct Caller {
    pub(crate) event: Arc<EventHandle>,
    pub(crate) id: EventId,
    pub(crate) person: PersonId,
}

impl App {
    /// The event named in an address.
    pub(crate) async fn event(&self, name: &str) -> Result<(EventId, Arc<EventHandle>), ApiError> {
        let id = EventId::new(name).map_err(|_| ApiError::NoSuchEvent)?;
        let event = self.events.find(&id).await?.ok_or(ApiError::NoSuchEvent)?;
        Ok((id, event))
    }

    /// The person whose token stands in `Authorization`, if it belongs to the event.
    pub(crate) async fn caller(
        &self,
        event: &str,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Caller, ApiError> {
        let (id, event) = self.event(event).await?;
        let token = bearer(headers);
        let person = self.person(&id, &event, token.unwrap_or_default(), address).await?;
        Ok(Caller { event, id, person })
    }

    /// Whose token this is. What is no token at all is looked up like one that is, so that both
    /// take the same way.
    pub(crate) async fn person(
        &self,
        id: &EventId,
        event: &EventHandle,
        token: &str,
        address: IpAddr,
    ) -> Result<PersonId, ApiError> {
        if !self.bad_tokens.has_one(address) {
            return Err(ApiError::TooMany);
        }
        let hash = LinkToken::parse(token).map(|token| token.hash());
        let hash = hash.unwrap_or(storage::TokenHash([0; 32]));
        let known = |(of, person): &(EventId, PersonId)| {
            of == id && event.read(|state| state.people.contains_key(person))
        };
        match self.storage.find_link(hash).await?.filter(known) {
            Some((_, person)) => Ok(person),
            None => {
                self.bad_tokens.take(address);
                Err(ApiError::BadToken)
            }
        }
    }

    /// The personal link with this token.
    pub(crate) fn link(&self, event: &EventId, token: &LinkToken) -> String {
        format!("{}/e/{event}/join#{}", self.public_url, token.expose())
    }

    /// 64 bits that cannot be guessed.
    pub(crate) fn random(&self) -> u64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// True when a browser says that the request comes from a page of this server, or when it is
    /// no browser. Other sites could otherwise open a socket in a person's name; they have no
    /// token, but they could try.
    pub(crate) fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let authority = |url: &str| url.parse::<Uri>().ok()?.authority().map(ToString::to_string);
        let Some(origin_host) = authority(origin) else { return false };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        authority(&self.public_url).is_some_and(|own| own.eq_ignore_ascii_case(&origin_host))
            || host.is_some_and(|host| host.eq_ignore_ascii_case(&origin_host))
    }
}

/// What stands in `Authorization` as bearer token.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
