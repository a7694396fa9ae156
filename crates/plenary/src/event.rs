//! `plenary event`: programme files, events and personal links.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base::limits::PROGRAMME_FILE_BYTES_MAX;
use base::{Clock, EventId, Localized, PersonId, Timestamp};
use proceedings::{Actor, EventDefinition, EventState, Line, Person, Role, Tip};
use programme::{Checked, Gravity, Problems, nearest};
use serde::Serialize;
use serde_json::json;
use storage::{Storage, StorageError};

use crate::output::{Exit, Failure, Ink, Terminal};
use crate::serve::runtime;
use crate::settings::{PublicUrl, Settings};
use crate::store::{Store, broken};
use crate::system::SystemClock;

/// `event check`.
pub(crate) fn check(terminal: Terminal, path: &Path) -> Result<Option<Exit>, Failure> {
    let checked = read(terminal, path)?;
    let event = &checked.definition;
    if terminal.json {
        terminal.print_json(&json!({
            "file": path.display().to_string(),
            "event": event.id,
            "errors": [],
            "warnings": checked.warnings,
        }))?;
        return Ok(None);
    }
    let minutes: u64 = event.segments.iter().map(|segment| segment.planned.0 / 60_000).sum();
    terminal.print(&format!(
        "{} {}: {} segments in {minutes} minutes, {} people, in {}\n",
        terminal.ink(Ink::Green, "right"),
        event.id,
        event.segments.len(),
        event.people.len(),
        event.languages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    ))?;
    Ok(None)
}

/// Reads a programme file; warnings are shown on the way.
pub(crate) fn read(terminal: Terminal, path: &Path) -> Result<Checked, Failure> {
    let bytes = bytes(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let name = path.display().to_string();
    let show = |problems: &[programme::Problem], gravity| -> String {
        let colour = terminal.colour_of_errors;
        let rendered: Vec<_> =
            problems.iter().map(|problem| problem.render(&name, &text, gravity, colour)).collect();
        rendered.join("\n")
    };
    match programme::parse_bytes(&bytes) {
        Ok(checked) => {
            if !terminal.json && !checked.warnings.is_empty() {
                terminal.note(&show(&checked.warnings, Gravity::Warning));
            }
            Ok(checked)
        }
        Err(problems) => {
            let Problems { errors, errors_not_shown, warnings } = &problems;
            let mut report = show(errors, Gravity::Error) + "\n";
            if !warnings.is_empty() {
                report += &(show(warnings, Gravity::Warning) + "\n");
            }
            let count = errors.len() + errors_not_shown;
            let word = if count == 1 { "error" } else { "errors" };
            let mut message = format!("{name}: {count} {word}");
            if *errors_not_shown > 0 {
                message += &format!(", {errors_not_shown} of them not shown");
            }
            let mut failure = Failure::new(Exit::BadFile, message);
            failure.report = report;
            failure.details.insert("file".to_owned(), json!(name));
            failure.details.insert("errors".to_owned(), json!(errors));
            failure.details.insert("errors_not_shown".to_owned(), json!(errors_not_shown));
            failure.details.insert("warnings".to_owned(), json!(warnings));
            Err(failure)
        }
    }
}

/// The bytes of the file; one more than a programme may have tells that there are too many.
fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(PROGRAMME_FILE_BYTES_MAX).unwrap_or(u64::MAX);
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| {
        let message = format!("The programme file {} cannot be read: {error}.", path.display());
        Failure::new(Exit::BadFile, message)
    })
}

/// A personal link as it is printed.
#[derive(Debug, Serialize)]
struct PersonalLink {
    person: PersonId,
    name: String,
    roles: Vec<Role>,
    link: String,
}

/// `event create`.
pub(crate) fn create(
    terminal: Terminal,
    file: &Path,
    settings: &Settings,
) -> Result<Option<Exit>, Failure> {
    let definition = read(terminal, file)?.definition;
    let data = &settings.data.value;
    runtime()?.block_on(async {
        let opened = Store::open(data).await?;
        store(&opened, data, &definition).await?;
        let people: Vec<_> = definition.people.iter().collect();
        let links = links(&opened, settings, &definition, &people).await?;
        opened.storage.close().await;
        print_links(terminal, settings, &definition, &links)
    })?;
    Ok(None)
}

/// `event list`.
pub(crate) fn list(terminal: Terminal, settings: &Settings) -> Result<Option<Exit>, Failure> {
    let data = &settings.data.value;
    let events = runtime()?.block_on(async {
        let store = Store::open(data).await?;
        let events = store.storage.list_events().await.map_err(|error| broken(data, &error))?;
        store.storage.close().await;
        Ok::<_, Failure>(events)
    })?;
    let url = public_url(settings);
    if terminal.json {
        let events: Vec<_> = events
            .iter()
            .map(|event| {
                json!({
                    "event": event.id,
                    "title": event.title,
                    "start": utc(event.start, "%Y-%m-%dT%H:%M:%SZ"),
                    "life": event.life,
                    "lines": event.sequence,
                    "url": format!("{url}/e/{}", event.id),
                })
            })
            .collect();
        terminal.print_json(&json!({ "events": events }))?;
        return Ok(None);
    }
    if events.is_empty() {
        terminal.note("There is no event yet. Create one: plenary event create FILE");
    }
    for event in &events {
        let title = event.title.0.values().next().map_or("", String::as_str);
        let life = serde_json::to_value(event.life).ok();
        let life = life.as_ref().and_then(|life| life.as_str()).unwrap_or_default();
        terminal.print(&format!(
            "{}  {life}  {}  {title}\n",
            utc(event.start, "%Y-%m-%d %H:%M UTC"),
            terminal.ink(Ink::Bold, event.id.as_str()),
        ))?;
    }
    Ok(None)
}

/// `event links`.
pub(crate) fn print_all_links(
    terminal: Terminal,
    event: &str,
    person: Option<&str>,
    settings: &Settings,
) -> Result<Option<Exit>, Failure> {
    let data = &settings.data.value;
    runtime()?.block_on(async {
        let store = Store::open(data).await?;
        let state = state(&store, data, event).await?;
        let people = in_order(&state);
        let people = match person {
            Some(key) => vec![named(&people, key)?],
            None => people,
        };
        let links = links(&store, settings, &state.definition, &people).await?;
        store.storage.close().await;
        print_links(terminal, settings, &state.definition, &links)
    })?;
    Ok(None)
}

/// `event revoke`.
pub(crate) fn revoke(
    terminal: Terminal,
    event: &str,
    person: &str,
    settings: &Settings,
) -> Result<Option<Exit>, Failure> {
    let data = &settings.data.value;
    runtime()?.block_on(async {
        let store = Store::open(data).await?;
        let state = state(&store, data, event).await?;
        let person = named(&in_order(&state), person)?;
        let revoked = store.storage.revoke_links(&state.definition.id, &person.id).await;
        revoked.map_err(|error| broken(data, &error))?;
        let links = links(&store, settings, &state.definition, &[person]).await?;
        store.storage.close().await;
        if !terminal.json {
            terminal.note("The old link is invalid from now on. The new one:");
        }
        print_links(terminal, settings, &state.definition, &links)
    })?;
    Ok(None)
}

/// Writes the first line of an event's proceedings.
pub(crate) async fn store(
    store: &Store,
    data: &Path,
    definition: &EventDefinition,
) -> Result<(), Failure> {
    let created = proceedings::Event::EventCreated { definition: Box::new(definition.clone()) };
    let first = Line::after(Tip::default(), SystemClock.now(), Actor::Operator, created);
    store.storage.create_event(&first).await.map_err(|error| match error {
        StorageError::Conflict => {
            let message =
                format!("The event {} exists already; nothing was changed.", definition.id);
            Failure::new(Exit::Exists, message)
        }
        error => broken(data, &error),
    })
}

/// The event as it stands.
pub(crate) async fn state(store: &Store, data: &Path, event: &str) -> Result<EventState, Failure> {
    let unknown = |near: Option<&str>| {
        let hint = near.map_or_else(
            || "See `plenary event list`.".to_owned(),
            |near| format!("Did you mean {near}?"),
        );
        Failure::new(Exit::NotFound, format!("There is no event \"{event}\". {hint}"))
    };
    let lines = match EventId::new(event) {
        Ok(id) => {
            storage::load(&*store.storage, &id).await.map_err(|error| broken(data, &error))?
        }
        Err(_) => None,
    };
    if let Some(state) = lines.as_deref().and_then(EventState::fold) {
        return Ok(state);
    }
    let known = store.storage.list_events().await.map_err(|error| broken(data, &error))?;
    Err(unknown(nearest(event, known.iter().map(|event| event.id.as_str()))))
}

/// Everybody whom the event knows: those of the programme file in its order, then those who
/// registered.
fn in_order(state: &EventState) -> Vec<&Person> {
    let planned = state.definition.people.iter();
    let registered = state.people.values().filter(|attendance| attendance.registered);
    planned.chain(registered.map(|attendance| &attendance.person)).collect()
}

fn named<'a>(people: &[&'a Person], key: &str) -> Result<&'a Person, Failure> {
    if let Some(person) = people.iter().find(|person| person.id.as_str() == key) {
        return Ok(person);
    }
    let hint = match nearest(key, people.iter().map(|person| person.id.as_str())) {
        Some(near) => format!("Did you mean {near}?"),
        None => "`plenary event links` prints them all.".to_owned(),
    };
    Err(Failure::new(Exit::NotFound, format!("There is no person \"{key}\" in the event. {hint}")))
}

async fn links(
    store: &Store,
    settings: &Settings,
    definition: &EventDefinition,
    people: &[&Person],
) -> Result<Vec<PersonalLink>, Failure> {
    let url = public_url(settings);
    let mut links = Vec::with_capacity(people.len());
    for person in people {
        let token = store.link(&definition.id, &person.id).await;
        let token = token.map_err(|error| broken(&settings.data.value, &error))?;
        links.push(PersonalLink {
            person: person.id.clone(),
            name: full_name(definition, person),
            roles: person.roles.clone(),
            link: format!("{url}/e/{}/join#{}", definition.id, token.expose()),
        });
    }
    Ok(links)
}

fn print_links(
    terminal: Terminal,
    settings: &Settings,
    definition: &EventDefinition,
    links: &[PersonalLink],
) -> Result<(), Failure> {
    let page = format!("{}/e/{}", public_url(settings), definition.id);
    if terminal.json {
        return terminal
            .print_json(&json!({ "event": definition.id, "url": page, "links": links }));
    }
    let title = text(definition, &definition.title);
    let mut out = format!("{}\n  public page  {page}\n", terminal.ink(Ink::Bold, title));
    for link in links {
        let roles: Vec<_> = link.roles.iter().map(|role| role_in_words(*role)).collect();
        out += &format!("\n{}, {}\n  {}\n", link.name, roles.join(", "), link.link);
    }
    terminal.print(&out)
}

fn public_url(settings: &Settings) -> PublicUrl {
    settings.public_url(settings.listen.value.port())
}

/// The text in the event's first language, as far as there is one.
fn text<'a>(definition: &EventDefinition, text: &'a Localized) -> &'a str {
    definition
        .languages
        .first()
        .and_then(|first| text.best(first, &definition.languages))
        .unwrap_or_default()
}

fn full_name(definition: &EventDefinition, person: &Person) -> String {
    let honorific = person.honorific.as_ref().map(|honorific| text(definition, honorific));
    let name = text(definition, &person.name);
    honorific.map_or_else(|| name.to_owned(), |honorific| format!("{honorific} {name}"))
}

/// "plenary speaker": the word of the programme file without its hyphen.
fn role_in_words(role: Role) -> String {
    let word = serde_json::to_value(role).ok();
    let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or_default();
    if word == "co-organiser" { word.to_owned() } else { word.replace('-', " ") }
}

fn utc(moment: Timestamp, format: &str) -> String {
    jiff::Timestamp::from_millisecond(moment.0)
        .map(|moment| moment.strftime(format).to_string())
        .unwrap_or_default()
}
