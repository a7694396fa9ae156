//! How publishers and viewers come in: the part that differs from server to server.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use base::limits::{FLOOR_VOICES_MAX, THUMBNAILS_MAX};
use base::{EventId, Language, Localized, Millis, PersonId, SegmentId, Timestamp};
use futures_util::{StreamExt, stream};
use proceedings::{
    Command, EventDefinition, LobbyPolicy, Person, Policy, RecordStatus, Refusal, Role, Segment,
    SegmentKind,
};

use super::LoadError;
use super::dtls::Identity;
use super::janus::{self, Janus};
use super::media::now_ns;
use super::publisher::{Manner, Offering, Publisher};
use super::sdp::{Credentials, Description, offer};
use super::viewer::Setup;
use crate::http::Server;
use crate::live::{Live, LiveError, View};
use crate::session::{JoinError, Session};

/// People who come into the event at the same moment. More would only wait for each other.
const ARRIVING_AT_ONCE: usize = 20;

/// Time for a message of the live socket.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Media sections of a viewer in Plenary, as its web client has them.
const SLOTS: (usize, usize) = (FLOOR_VOICES_MAX + 1, 2 + THUMBNAILS_MAX);

/// An event of Plenary for a load test, and how to come into it.
#[derive(Debug, Clone)]
pub struct PlenaryEvent {
    /// The event, as [`event`] makes it; the server must know it.
    pub definition: EventDefinition,
    /// Tokens of the personal links of everybody in it.
    pub links: BTreeMap<PersonId, String>,
}

/// The event of a load test: one who moderates, so many who speak, so many who watch.
///
/// # Errors
/// [`LoadError::Plan`] when `id` is no identifier.
pub fn event(
    id: &str,
    start: Timestamp,
    publishers: usize,
    viewers: usize,
) -> Result<EventDefinition, LoadError> {
    let plan = |error: &dyn std::fmt::Display| LoadError::Plan(error.to_string());
    let english = Language::new("en").map_err(|error| plan(&error))?;
    let text = |text: &str| Localized::single(english.clone(), text);
    let person = |id: String, role: Role| {
        Ok::<_, LoadError>(Person {
            name: text(&id),
            id: PersonId::new(&id).map_err(|error| plan(&error))?,
            honorific: None,
            office: None,
            affiliation: None,
            country: None,
            party: None,
            roles: vec![role],
        })
    };
    let mut people = vec![person(MODERATOR.to_owned(), Role::Moderator)?];
    for number in 0..publishers {
        people.push(person(speaker(number), Role::PlenarySpeaker)?);
    }
    for number in 0..viewers {
        people.push(person(participant(number), Role::Participant)?);
    }
    let floor = people.iter().skip(1).take(1).map(|person| person.id.clone()).collect();
    Ok(EventDefinition {
        id: EventId::new(id).map_err(|error| plan(&error))?,
        title: text("Load test"),
        topic: text("Synthetic voices and pictures"),
        occasion: None,
        notice: Some(text("This event measures the server. Nobody speaks in it.")),
        languages: vec![english.clone()],
        start,
        time_zone: "UTC".to_owned(),
        city: text("Nowhere"),
        parties: Vec::new(),
        people,
        segments: vec![Segment {
            id: SegmentId::new("plenary-address").map_err(|error| plan(&error))?,
            kind: SegmentKind::PlenaryAddress,
            title: None,
            planned: Millis::from_minutes(60),
            floor,
            record_status: RecordStatus::OffTheRecord,
        }],
        policy: Policy {
            lobby: LobbyPolicy::Nobody,
            registration_open: false,
            hands_allowed: false,
            recording: false,
            chatham_house_recorded: false,
            attendance_published: true,
            participants_max: u32::try_from(viewers.max(1)).unwrap_or(u32::MAX),
        },
    })
}

const MODERATOR: &str = "moderator";

fn speaker(number: usize) -> String {
    format!("speaker-{}", number + 1)
}

fn participant(number: usize) -> String {
    format!("participant-{}", number + 1)
}

/// Where one comes in.
#[derive(Clone)]
pub(super) enum Entrance {
    /// By WHIP or WHEP, with so many sections of sound and pictures.
    Http(Door, (usize, usize)),
    /// Into the room of a Janus.
    Janus(Arc<Janus>),
}

/// Somebody who came in.
pub(super) enum Visit {
    /// By WHIP or WHEP.
    Http(Session),
    /// Into the room of a Janus.
    Janus(Arc<Janus>, janus::Handle),
}

impl Entrance {
    /// Comes in as the publisher of this number.
    pub(super) async fn publish(
        self,
        number: u8,
        manner: Manner,
    ) -> Result<(Publisher, Visit), JoinError> {
        match self {
            Self::Http(door, _) => {
                let (publisher, session) = door.publish(number, manner).await?;
                Ok((publisher, Visit::Http(session)))
            }
            Self::Janus(janus) => {
                let (publisher, handle) = janus.publish(number, manner).await?;
                Ok((publisher, Visit::Janus(janus, handle)))
            }
        }
    }

    /// Comes in as a viewer.
    pub(super) async fn watch(
        self,
        identity: &Identity,
        thorough: bool,
    ) -> Result<(UdpSocket, Setup, Visit), JoinError> {
        match self {
            Self::Http(door, sections) => {
                let (socket, setup, session) = door.watch(identity, sections, thorough).await?;
                Ok((socket, setup, Visit::Http(session)))
            }
            Self::Janus(janus) => {
                let (socket, setup, handle) = janus.watch(identity, thorough).await?;
                Ok((socket, setup, Visit::Janus(janus, handle)))
            }
        }
    }
}

impl Visit {
    /// Leaves.
    pub(super) async fn end(self) {
        let ended = match self {
            Self::Http(session) => session.delete().await.map_err(JoinError::from),
            Self::Janus(janus, handle) => janus.detach(handle).await,
        };
        // The server may have ended it already, with the event or for silence.
        if let Err(error) = ended {
            tracing::debug!(%error, "a visit could not be ended");
        }
    }
}

/// One place to come in by WHIP or WHEP.
#[derive(Clone)]
pub(super) struct Door {
    server: Server,
    path: String,
    token: String,
}

impl Door {
    /// The door at a whole address.
    pub(super) fn at(url: &str, token: Option<&str>) -> Result<Self, LoadError> {
        let wrong = || LoadError::Plan(format!("{url} is not an http:// or https:// address"));
        let after_scheme = url.find("://").ok_or_else(wrong)? + 3;
        let path_at = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
        let (origin, path) = url.split_at(path_at);
        let path = if path.is_empty() { "/" } else { path };
        let token = token.unwrap_or_default().to_owned();
        Ok(Self { server: Server::new(origin)?, path: path.to_owned(), token })
    }

    /// Comes in as the publisher of this number.
    pub(super) async fn publish(
        &self,
        number: u8,
        manner: Manner,
    ) -> Result<(Publisher, Session), JoinError> {
        let offering = Offering::new(self.server.local_ip().await?, manner).await?;
        let offer = offering.offer.clone();
        let (session, answer) = Session::post(&self.server, &self.path, &self.token, offer).await?;
        let mut publisher = offering.start(&answer, number, manner)?;
        publisher.connected().await?;
        Ok((publisher, session))
    }

    /// Comes in as a viewer with so many sections of sound and pictures.
    pub(super) async fn watch(
        &self,
        identity: &Identity,
        sections: (usize, usize),
        thorough: bool,
    ) -> Result<(UdpSocket, Setup, Session), JoinError> {
        let peer = |error| JoinError::Peer(crate::peer::PeerError::Socket(error));
        let ip = self.server.local_ip().await?;
        let socket = UdpSocket::bind((ip, 0)).map_err(peer)?;
        let local = socket.local_addr().map_err(peer)?;
        let own = Credentials::random();
        let offer = offer(&own, &identity.fingerprint, local, sections);
        let asked_ns = now_ns();
        let (session, answer) = Session::post(&self.server, &self.path, &self.token, offer).await?;
        let remote = Description::parse(&answer).map_err(|e| JoinError::Answer(e.to_string()))?;
        let to = candidate(&remote.candidates, local)
            .ok_or_else(|| JoinError::Answer("it has no candidate that fits".to_owned()))?;
        socket.connect(to).map_err(peer)?;
        let setup = Setup { own, remote, controlling: true, asked_ns, thorough };
        Ok((socket, setup, session))
    }
}

/// Of the candidates the one that is nearest: the own address, else one of the same family.
pub(super) fn candidate(candidates: &[SocketAddr], local: SocketAddr) -> Option<SocketAddr> {
    let own = candidates.iter().find(|candidate| candidate.ip() == local.ip());
    own.or_else(|| candidates.iter().find(|other| other.is_ipv4() == local.is_ipv4())).copied()
}

/// An open event of Plenary with its speakers on stage.
pub(super) struct PlenaryStage {
    server: Server,
    event: PlenaryEvent,
    moderator: Live,
    speakers: Vec<Live>,
}

impl PlenaryStage {
    /// Everybody comes into the event: the moderator, the speakers to the green room, and the
    /// audience, whose browsers would stay on the live socket; here they leave it again, for the
    /// media is measured.
    pub(super) async fn assemble(url: &str, event: PlenaryEvent) -> Result<Self, LoadError> {
        let server = Server::new(url)?;
        let moderator = Self::enter(&server, &event, MODERATOR).await?;
        match moderator.command(Command::OpenGreenRoom).await {
            Ok(_) | Err(LiveError::Refused(Refusal::NothingToDo)) => {}
            Err(error) => return Err(error.into()),
        }
        let people = event.definition.people.iter();
        let of_role = |role| people.clone().filter(move |person| person.roles.contains(&role));
        let mut speakers = Vec::new();
        for person in of_role(Role::PlenarySpeaker) {
            let live = Self::enter(&server, &event, person.id.as_str()).await?;
            for command in [
                Command::EnterStage,
                Command::SetCamera { on: true },
                Command::SetMicrophone { on: true },
            ] {
                live.command(command).await?;
            }
            speakers.push(live);
        }
        let mut arriving = stream::iter(of_role(Role::Participant))
            .map(|person| Self::enter(&server, &event, person.id.as_str()))
            .buffer_unordered(ARRIVING_AT_ONCE);
        while let Some(live) = arriving.next().await {
            live?.leave().await;
        }
        drop(arriving);
        Ok(Self { server, event, moderator, speakers })
    }

    /// The event opens; the first speaker has the floor and the next may answer.
    pub(super) async fn open(&self) -> Result<(), LoadError> {
        self.moderator.command(Command::OpenEvent).await?;
        for number in 1..self.speakers.len().min(FLOOR_VOICES_MAX) {
            let person = PersonId::new(&speaker(number))
                .map_err(|error| LoadError::Plan(error.to_string()))?;
            self.moderator.command(Command::SetAnswering { person, allowed: true }).await?;
        }
        Ok(())
    }

    async fn enter(server: &Server, event: &PlenaryEvent, id: &str) -> Result<Live, LoadError> {
        let token = token(event, id)?;
        let mut live = Live::join(server, &event.definition.id, &token).await?;
        if !live.wait_for(MESSAGE_TIMEOUT, View::is_in).await {
            return Err(LoadError::Plan(format!("{id} was not let into the event")));
        }
        Ok(live)
    }

    pub(super) fn publishing(&self, number: usize) -> Result<Entrance, LoadError> {
        Ok(Entrance::Http(self.door("whip", &speaker(number))?, SLOTS))
    }

    pub(super) fn watching(&self, number: usize) -> Result<Entrance, LoadError> {
        Ok(Entrance::Http(self.door("whep", &participant(number))?, SLOTS))
    }

    fn door(&self, kind: &str, id: &str) -> Result<Door, LoadError> {
        Ok(Door {
            server: self.server.clone(),
            path: format!("/{kind}/{}", self.event.definition.id),
            token: token(&self.event, id)?,
        })
    }

    /// The event is over for good.
    pub(super) async fn close(self) {
        if let Err(error) = self.moderator.command(Command::CloseEvent).await {
            tracing::warn!(%error, "the event of the load test could not be closed");
        }
        for live in self.speakers {
            live.leave().await;
        }
        self.moderator.leave().await;
    }
}

fn token(event: &PlenaryEvent, id: &str) -> Result<String, LoadError> {
    event
        .links
        .iter()
        .find(|(person, _)| person.as_str() == id)
        .map(|(_, token)| token.clone())
        .ok_or_else(|| LoadError::Plan(format!("{id} has no personal link")))
}
