//! The answerer's event: `proceedings` as the judge, the live socket, and the plan that follows.

use std::sync::{Arc, Mutex};

use api_types::{
    ClientMessage, FloorGrant, FloorSection, HandView, HandsSection, LifeSection, LobbySection,
    ProgrammeSection, Section, ServerMessage, You,
};
use base::{ConnectionId, PersonId, Sequence, Timestamp};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use proceedings::{Actor, Command, EventDefinition, EventState, Hash, Life, Line, Refusal, Source};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::answerer::{Plan, State};

/// One event.
pub(crate) struct Stage {
    state: EventState,
    lines: Vec<Line>,
    sockets: Vec<(PersonId, mpsc::UnboundedSender<ServerMessage>)>,
    connections: u64,
}

impl Stage {
    pub(crate) fn new(definition: EventDefinition) -> Self {
        let mut stage = Self {
            state: EventState::new(definition.clone()),
            lines: Vec::new(),
            sockets: Vec::new(),
            connections: 0,
        };
        let created = proceedings::Event::EventCreated { definition: Box::new(definition) };
        stage.write(now(), Actor::Operator, created);
        stage
    }

    pub(crate) fn may_publish(&self, person: &PersonId, screen: bool) -> bool {
        self.state.may_publish(person, if screen { Source::Screen } else { Source::Camera })
    }

    pub(crate) fn may_receive(&self, person: &PersonId) -> bool {
        self.state.may_receive(person)
    }

    pub(crate) fn is_on_stage(&self, person: &PersonId) -> bool {
        self.state.stage.contains(person)
    }

    fn write(&mut self, at: Timestamp, actor: Actor, event: proceedings::Event) {
        let previous = self.lines.last().map(|line| line.hash).unwrap_or_default();
        let sequence = Sequence(self.lines.len() as u64 + 1);
        let hash: Hash = proceedings::chain(&previous, sequence, at, &actor, &event);
        self.lines.push(Line { sequence, at, actor, event, previous, hash });
    }

    pub(crate) fn command(
        &mut self,
        actor: &Actor,
        command: &Command,
    ) -> Result<Sequence, Refusal> {
        let at = now();
        for event in proceedings::decide(&self.state, at, actor, command)? {
            self.state.apply(at, &event);
            self.write(at, actor.clone(), event);
        }
        Ok(self.state.sequence)
    }

    pub(crate) fn life(&self) -> Life {
        self.state.life
    }

    fn plan(&self) -> Plan {
        Plan { audience: self.state.audience_hearing(), stage: self.state.stage_hearing() }
    }

    fn sections(&self) -> Vec<Section> {
        let state = &self.state;
        let current = state.programme.current.map(|at| state.definition.segments[at].id.clone());
        let holder = state.floor.as_ref().map(|grant| FloorGrant {
            person: grant.person.clone(),
            since: grant.since,
            limit: grant.limit,
        });
        let hands = state.hands.iter().map(|hand| HandView {
            person: person_view(state, &hand.person),
            since: hand.since,
            present: true,
        });
        vec![
            Section::Life(LifeSection {
                life: state.life,
                opened_at: state.opened_at,
                closed_at: state.closed_at,
                suspended_since: None,
                suspension_reason: None,
                locked: state.locked,
            }),
            Section::Programme(ProgrammeSection {
                current,
                segments: Vec::new(),
                record_status: state.record_status(),
            }),
            Section::Floor(FloorSection { holder, answering: state.answering.clone() }),
            Section::Hands(HandsSection { hands: hands.collect() }),
            Section::Lobby(LobbySection { count: 0, waiting: Vec::new() }),
        ]
    }

    fn you(&self, person: &PersonId) -> Box<You> {
        let state = &self.state;
        let own = &state.people[person];
        Box::new(You {
            person: person_view(state, person),
            moderates: own.person.moderates(),
            speaks: own.person.speaks(),
            admission: own.admission,
            place: own.stage,
            microphone: own.microphone,
            camera: own.camera,
            screen: own.screen,
            has_floor: state.has_floor(person),
            may_answer: state.answering.contains(person),
            hand: None,
            may_publish: state.may_publish(person, Source::Camera),
            may_receive: state.may_receive(person),
        })
    }

    fn tell(&mut self, silent: bool) {
        let sequence = self.state.sequence;
        for (person, socket) in &self.sockets {
            let mut sections = self.sections();
            if silent && !self.state.people[person].person.moderates() {
                sections.retain(|section| !matches!(section, Section::Floor(_)));
            }
            let _ = socket.send(ServerMessage::Changed { sequence, sections });
            let _ = socket.send(ServerMessage::You { you: self.you(person) });
        }
    }
}

fn person_view(state: &EventState, id: &PersonId) -> api_types::PersonView {
    let person = &state.people[id].person;
    api_types::PersonView {
        id: person.id.clone(),
        name: person.name.clone(),
        honorific: None,
        office: None,
        affiliation: None,
        country: None,
        party: None,
        roles: person.roles.clone(),
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(i64::try_from(since.expect("after 1970").as_millis()).expect("in range"))
}

/// The REST interface and the live socket.
pub(crate) async fn answer(
    state: Arc<Mutex<State>>,
    mut request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    if request.uri().path().ends_with("/proceedings") {
        let state = state.lock().expect("no panic");
        let stage = state.stage.as_ref().expect("an event");
        let text: String = stage
            .lines
            .iter()
            .map(|line| serde_json::to_string(line).expect("JSON") + "\n")
            .collect();
        return Response::new(Full::from(text));
    }
    let key = request.headers().get("sec-websocket-key").expect("a key").as_bytes();
    let accept = derive_accept_key(key);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.expect("upgraded"));
        serve(state, WebSocketStream::from_raw_socket(io, Role::Server, None).await).await;
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", accept)
        .body(Full::default())
        .expect("a response")
}

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

async fn serve(state: Arc<Mutex<State>>, mut socket: Socket) {
    let hello = socket.next().await.expect("hello").expect("hello");
    let Ok(ClientMessage::Hello { token, .. }) =
        serde_json::from_str(hello.to_text().expect("text"))
    else {
        panic!("no hello");
    };
    let person = PersonId::new(&token).expect("the token is the name");
    let (tell, mut told) = mpsc::unbounded_channel();
    let connection = {
        let mut state = state.lock().expect("no panic");
        let stage = state.stage.as_mut().expect("an event");
        stage.connections += 1;
        let connection = ConnectionId(stage.connections);
        let arrive = Command::Arrive { person: person.clone(), connection };
        stage.command(&Actor::Server, &arrive).expect("may come in");
        stage.sockets.push((person.clone(), tell.clone()));
        let event = event_view(stage);
        let _ = tell.send(ServerMessage::Welcome {
            connection,
            sequence: stage.state.sequence,
            now: now(),
            event,
            you: stage.you(&person),
            line: None,
            sections: stage.sections(),
        });
        stage.tell(false);
        connection
    };
    loop {
        tokio::select! {
            Some(message) = told.recv() => {
                let text = serde_json::to_string(&message).expect("JSON");
                if socket.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
            message = socket.next() => {
                let Some(Ok(Message::Text(text))) = message else { break };
                match serde_json::from_str(&text).expect("a message") {
                    ClientMessage::Command { id, command } => {
                        let mut state = state.lock().expect("no panic");
                        let answer = carry_out(&mut state, &person, id, &command);
                        let _ = tell.send(answer);
                    }
                    ClientMessage::Caption { .. } => panic!("nobody here writes captions"),
                    ClientMessage::Ping {} => {
                        let _ = tell.send(ServerMessage::Pong { now: now() });
                    }
                    ClientMessage::Hello { .. } => panic!("hello again"),
                }
            }
        }
    }
    let mut state = state.lock().expect("no panic");
    let stage = state.stage.as_mut().expect("an event");
    stage.sockets.retain(|(_, other)| !other.same_channel(&tell));
    let _ = stage.command(&Actor::Server, &Command::Depart { person, connection });
}

fn carry_out(state: &mut State, person: &PersonId, id: u64, command: &Command) -> ServerMessage {
    let silent = state.faults.silent_socket;
    let open_doors = state.faults.open_doors;
    let stage = state.stage.as_mut().expect("an event");
    match stage.command(&Actor::Person(person.clone()), command) {
        Ok(sequence) => {
            stage.tell(silent);
            let plan = stage.plan();
            let publishing: Vec<PersonId> = stage.state.stage.clone();
            state.set_plan(plan);
            if !open_doors {
                state.end_publishing(|person| publishing.contains(person));
            }
            ServerMessage::Accepted { id, sequence }
        }
        Err(refusal) => ServerMessage::Refused { id, refusal },
    }
}

fn event_view(stage: &Stage) -> Box<api_types::EventView> {
    let definition = &stage.state.definition;
    Box::new(api_types::EventView {
        id: definition.id.clone(),
        title: definition.title.clone(),
        topic: definition.topic.clone(),
        occasion: None,
        notice: None,
        languages: definition.languages.clone(),
        start: definition.start,
        planned_end: definition.start,
        time_zone: definition.time_zone.clone(),
        city: definition.city.clone(),
        parties: Vec::new(),
        people: Vec::new(),
        segments: Vec::new(),
        life: stage.state.life,
        registration_open: false,
        hands_allowed: true,
        recording: false,
        chatham_house_recorded: false,
    })
}
