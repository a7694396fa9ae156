//! Who plays: people with their media, and everything entered in the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use api_types::{LinkIssued, Registration};
use base::limits::STAGE_MAX;
use base::{Language, PersonId};
use hyper::{Method, StatusCode};
use proceedings::{EventDefinition, Person, Role};

use super::script::Script;
use super::{RehearsalError, RehearsalPlan};
use crate::bundle;
use crate::clip::Picture;
use crate::http::{Ask, HttpError, Server};
use crate::ledger::{Kind, Ledger};
use crate::speech::{Speaker, speak};
use crate::whip::Media;

/// A person who can be heard and seen.
pub(super) struct Player {
    pub(super) person: PersonId,
    pub(super) media: Media,
}

/// Everybody of a rehearsal.
pub(super) struct Cast {
    pub(super) server: Server,
    pub(super) ledger: Arc<Ledger>,
    /// Who runs the event.
    pub(super) moderator: PersonId,
    /// People on stage in order of precedence, at most as many as the stage holds with one place
    /// left for a guest.
    pub(super) stage: Vec<PersonId>,
    /// The participant who will ask a question, if there is one.
    pub(super) guest: Option<PersonId>,
    /// What those on stage and the guest publish.
    pub(super) media: BTreeMap<PersonId, Media>,
    /// The picture that the plenary speaker shares.
    pub(super) screen: Option<(PersonId, Media)>,
    /// Everybody who watches without a place on stage, with the token of their link.
    pub(super) audience: Vec<(PersonId, String)>,
    /// Why fewer people registered than were wanted, if so.
    pub(super) registration_fault: Option<String>,
    /// Where the voices come from, for the report.
    pub(super) voices: String,
}

impl Cast {
    /// Chooses who plays and prepares their media.
    pub(super) async fn assemble(plan: &RehearsalPlan) -> Result<Self, RehearsalError> {
        let server = Server::new(&plan.base_url)?;
        let event = &plan.event;
        let has_link = |person: &&Person| plan.links.contains_key(&person.id);
        let moderator = moderator(event, plan)?;
        let mut stage: Vec<PersonId> = event
            .people
            .iter()
            .filter(has_link)
            .filter(|person| {
                person.may_enter_stage() && (person.speaks() || is_named(event, person))
            })
            .map(|person| person.id.clone())
            .collect();
        if !stage.contains(&moderator) {
            stage.insert(0, moderator.clone());
        }
        stage.truncate(STAGE_MAX - 1);

        let mut audience = audience(plan);
        let missing = plan.participants.saturating_sub(audience.len());
        let mut registration_fault = None;
        if missing > 0 {
            // A rehearsal with fewer people is still one; the report says how many came.
            let (registered, fault) = register(&server, plan, missing).await;
            audience.extend(registered);
            registration_fault = fault;
        }
        let guest = audience.first().map(|(person, _)| person.clone());
        let players: Vec<&PersonId> = stage.iter().chain(&guest).collect();
        let (media, voices) = prepare(event, plan.script.as_ref(), &players).await?;
        let mut ledger = Ledger::new(Instant::now());
        for player in &media {
            if let Some(sound) = &player.media.sound {
                ledger.enter_sound(&player.person, sound)?;
            }
            if let Some(picture) = &player.media.picture {
                ledger.enter_picture(&player.person, Kind::Camera, picture)?;
            }
        }
        let screen = match event.people.iter().find(|person| {
            stage.contains(&person.id) && person.roles.contains(&Role::PlenarySpeaker)
        }) {
            Some(person) => {
                let picture = bundle::screen()?;
                ledger.enter_picture(&person.id, Kind::Screen, &picture)?;
                let media = Media { sound: None, picture: Some(Arc::new(picture)) };
                Some((person.id.clone(), media))
            }
            None => None,
        };
        Ok(Self {
            server,
            ledger: Arc::new(ledger),
            moderator,
            stage,
            guest,
            media: media.into_iter().map(|player| (player.person, player.media)).collect(),
            screen,
            audience,
            registration_fault,
            voices,
        })
    }
}

fn moderator(event: &EventDefinition, plan: &RehearsalPlan) -> Result<PersonId, RehearsalError> {
    let moderating = || {
        event
            .people
            .iter()
            .filter(|person| person.moderates() && plan.links.contains_key(&person.id))
    };
    moderating()
        .find(|person| person.roles.contains(&Role::Moderator))
        .or_else(|| moderating().next())
        .map(|person| person.id.clone())
        .ok_or_else(|| RehearsalError::Plan("nobody who moderates has a personal link".to_owned()))
}

fn is_named(event: &EventDefinition, person: &Person) -> bool {
    event.segments.iter().any(|segment| segment.floor.contains(&person.id))
}

/// Participants who have links, as many as are wanted.
fn audience(plan: &RehearsalPlan) -> Vec<(PersonId, String)> {
    let with_task = |id: &PersonId| {
        plan.event.people.iter().any(|person| person.id == *id && !person.is_participant())
    };
    plan.links
        .iter()
        .filter(|(id, _)| !with_task(id))
        .take(plan.participants)
        .map(|(id, token)| (id.clone(), token.clone()))
        .collect()
}

/// Registers people on the public page, as many as wanted or until the server refuses one.
async fn register(
    server: &Server,
    plan: &RehearsalPlan,
    wanted: usize,
) -> (Vec<(PersonId, String)>, Option<String>) {
    let mut registered = Vec::new();
    let path = server.path(&format!("/api/events/{}/registrations", plan.event.id));
    for number in 1..=wanted {
        let registration = Registration {
            name: format!("Rehearsal {number}"),
            affiliation: None,
            country: None,
            language: plan.event.languages.first().map_or("en", Language::as_str).to_owned(),
        };
        match register_one(server, &path, &registration).await {
            Ok(person) => registered.push(person),
            Err(error) => {
                let fault =
                    format!("only {} of {wanted} people could register: {error}", number - 1);
                return (registered, Some(fault));
            }
        }
    }
    (registered, None)
}

async fn register_one(
    server: &Server,
    path: &str,
    registration: &Registration,
) -> Result<(PersonId, String), HttpError> {
    let incomplete = |what| HttpError::Incomplete { path: path.to_owned(), what };
    let body = serde_json::to_string(registration).map_err(|_| incomplete("body"))?;
    let body = Some(("application/json", body));
    let ask = Ask { method: Method::POST, path, token: None, body };
    let answer = server.ask_for(StatusCode::CREATED, ask).await?;
    let issued: LinkIssued =
        serde_json::from_slice(&answer.body).map_err(|_| incomplete("personal link"))?;
    // The token stands in the fragment (docs/PROTOCOL.md, "Pages").
    let token = issued.link.split_once('#').ok_or_else(|| incomplete("token in its link"))?;
    Ok((issued.person, token.1.to_owned()))
}

/// Gives each player a voice and a picture of their own.
async fn prepare(
    event: &EventDefinition,
    script: Option<&Script>,
    players: &[&PersonId],
) -> Result<(Vec<Player>, String), RehearsalError> {
    let first = event.languages.first().cloned();
    let mut free = first.as_ref().map(bundle::voices).unwrap_or_default();
    let mut prepared = Vec::new();
    let mut spoken = 0;
    for (number, &id) in players.iter().enumerate() {
        let person = event.people.iter().find(|person| person.id == *id);
        let (language, text) = match script.and_then(|script| script.speech(id)) {
            Some(speech) => speech,
            None => {
                let language = language(event, number)?;
                let text = text(event, person, &language);
                (language, text)
            }
        };
        let speaker = Speaker {
            language: language.clone(),
            number: u32::try_from(number).unwrap_or_default(),
        };
        let sound = match speak(&text, &speaker).await {
            Ok(sound) => {
                spoken += 1;
                Some(sound)
            }
            Err(error) => {
                tracing::debug!(%error, "a bundled voice speaks instead");
                let fits = |voice: &bundle::Voice| voice.speaks(&language);
                let at = free.iter().position(fits).unwrap_or_default();
                let voice = (!free.is_empty()).then(|| free.remove(at));
                voice.map(|voice| voice.sound()).transpose()?
            }
        };
        let picture: Option<Picture> = bundle::picture(number)?;
        prepared.push(Player {
            person: id.clone(),
            media: Media { sound: sound.map(Arc::new), picture: picture.map(Arc::new) },
        });
    }
    let voices = match prepared.len() - spoken {
        0 => "synthesised by espeak-ng".to_owned(),
        bundled if spoken == 0 => format!("{bundled} bundled (espeak-ng is not installed)"),
        bundled => format!("{spoken} synthesised by espeak-ng, {bundled} bundled"),
    };
    Ok((prepared, voices))
}

/// The languages take turns, as far as the event's topic is written in them.
fn language(event: &EventDefinition, number: usize) -> Result<Language, RehearsalError> {
    let written: Vec<_> =
        event.languages.iter().filter(|language| event.topic.0.contains_key(language)).collect();
    let languages = if written.is_empty() { event.languages.iter().collect() } else { written };
    languages
        .get(number % languages.len().max(1))
        .map(|&language| language.clone())
        .ok_or_else(|| RehearsalError::Plan("the event has no language".to_owned()))
}

/// A few sentences of the person's own: their name and the event's topic, so that no two say the
/// same.
fn text(event: &EventDefinition, person: Option<&Person>, language: &Language) -> String {
    let name = person.and_then(|person| person.name.best(language, &event.languages));
    let topic = event.topic.best(language, &event.languages).unwrap_or_default();
    let title = event.title.best(language, &event.languages).unwrap_or_default();
    format!("{}. {title}. {topic}", name.unwrap_or_default())
}
