//! Assembles the event from the file's tables, and checks what no single value can tell.

use std::collections::BTreeMap;
use std::ops::Range;

use base::limits::STAGE_MAX;
use base::{Localized, Millis, PartyId, PersonId, SegmentId};
use proceedings::{
    EventDefinition, LobbyPolicy, Party, Person, Policy, RecordStatus, Role, Segment, SegmentKind,
};
use toml::de::DeTable;

use crate::countries;
use crate::keys::{EVENT, PARTICIPANTS_DEFAULT};
use crate::reader::{Entry, Field, Reader, Section};
use crate::suggest::nearest;
use crate::time;

/// What is known of each person named in the file, for the checks of those who name them. Roles
/// are `None` when they could not be read, which has been reported.
type People = BTreeMap<PersonId, Option<Vec<Role>>>;

/// The event, if nothing in it is wrong. What is wrong stands in the reader.
pub(crate) fn read(reader: &mut Reader<'_>, root: &DeTable<'_>) -> Option<EventDefinition> {
    let top = reader.section("", time::FILE, root, EVENT);
    let languages =
        reader.required(&top, "languages").and_then(|field| reader.read_languages(field));
    reader.languages = languages.clone().unwrap_or_default();

    let zone = reader.required(&top, "time_zone").and_then(|field| time::time_zone(reader, field));
    let start =
        reader.required(&top, "start").and_then(|field| time::start(reader, field, zone.as_ref()));
    let id = reader.required(&top, "id").and_then(|field| reader.id(field));
    let title = required_text(reader, &top, "title");
    let topic = required_text(reader, &top, "topic");
    let city = match (top.field("city"), zone.as_ref().and_then(time::city_of)) {
        (None, Some(city)) => {
            let remedy =
                format!("the city by which the time is named; for example `city = \"{city}\"`");
            reader.error("city", time::FILE, "`city` is missing", remedy);
            None
        }
        _ => required_text(reader, &top, "city"),
    };
    let occasion = optional_text(reader, &top, "occasion");
    let notice = optional_text(reader, &top, "notice");

    let parties = parties(reader, &top);
    let (people, known) = people(reader, &top, parties.as_deref());
    let segments = segments(reader, &top, &known);
    let policy = policy(reader, &top);
    check_parts(reader, &top, &known, segments.as_deref());

    if !reader.errors.is_empty() {
        return None;
    }
    Some(EventDefinition {
        id: id?,
        title: title?,
        topic: topic?,
        occasion,
        notice,
        languages: languages?,
        start: start?,
        time_zone: zone?.iana_name()?.to_owned(),
        city: city?,
        parties: parties?,
        people: people?,
        segments: segments?,
        policy: policy?,
    })
}

fn required_text(
    reader: &mut Reader<'_>,
    section: &Section<'_, '_>,
    name: &str,
) -> Option<Localized> {
    reader.required(section, name).and_then(|field| reader.text(field))
}

fn optional_text(
    reader: &mut Reader<'_>,
    section: &Section<'_, '_>,
    name: &str,
) -> Option<Localized> {
    section.field(name).and_then(|field| reader.text(field))
}

/// The entries under `name`; an error when there are none.
fn entries<'v, 'i>(
    reader: &mut Reader<'_>,
    top: &Section<'v, 'i>,
    name: &str,
) -> Option<Vec<Entry<'v, 'i>>> {
    let field = reader.required(top, name)?;
    let errors_before = reader.errors.len();
    let entries = reader.entries(field);
    if entries.is_empty() && reader.errors.len() == errors_before {
        reader.error(
            &field.path,
            field.span(),
            format!("`{name}` is empty"),
            format!("begin the first with `{}`", field.key.example),
        );
    }
    Some(entries)
}

fn parties(reader: &mut Reader<'_>, top: &Section<'_, '_>) -> Option<Vec<Party>> {
    let mut ids = Vec::new();
    let mut parties = Vec::new();
    for entry in entries(reader, top, "parties")? {
        let id = reader.entry_id::<PartyId>(&entry, None);
        let name = required_text(reader, &entry.section, "name");
        let short_name = optional_text(reader, &entry.section, "short_name");
        let Some((id, span)) = id else { continue };
        ids.push((id.clone(), span));
        parties.push(Party { id, name: name.unwrap_or_default(), short_name });
    }
    reader.unique(&ids, "parties", "give each party an id of its own");
    Some(parties)
}

fn people(
    reader: &mut Reader<'_>,
    top: &Section<'_, '_>,
    parties: Option<&[Party]>,
) -> (Option<Vec<Person>>, People) {
    let mut ids = Vec::new();
    let mut known = People::new();
    let mut people = Vec::new();
    let Some(entries) = entries(reader, top, "people") else {
        return (None, known);
    };
    for entry in entries {
        let section = &entry.section;
        let id = reader.entry_id::<PersonId>(&entry, None);
        let name = required_text(reader, section, "name");
        let honorific = optional_text(reader, section, "honorific");
        let office = optional_text(reader, section, "office");
        let affiliation = optional_text(reader, section, "affiliation");
        let country = section.field("country").and_then(|field| country(reader, field));
        let party = section.field("party").and_then(|field| party(reader, field, parties));
        let roles = roles(reader, section);
        let Some((id, span)) = id else { continue };
        ids.push((id.clone(), span));
        known.entry(id.clone()).or_insert_with(|| roles.clone());
        people.push(Person {
            id,
            name: name.unwrap_or_default(),
            honorific,
            office,
            affiliation,
            country,
            party,
            roles: roles.unwrap_or_default(),
        });
    }
    reader.unique(&ids, "people", "give each person a key of their own");
    (Some(people), known)
}

fn roles(reader: &mut Reader<'_>, section: &Section<'_, '_>) -> Option<Vec<Role>> {
    let field = reader.required(section, "roles")?;
    let roles = reader.some_of::<Role>(field)?;
    if roles.is_empty() {
        reader.error(
            &field.path,
            field.span(),
            "a person has at least one role",
            "who only watches is a \"participant\"",
        );
        return None;
    }
    if roles.contains(&Role::CoOrganiser) && section.field("party").is_none() {
        reader.warning(
            &field.path,
            field.span(),
            "a co-organiser acts for a party, and none is named",
            "add `party` with the id of the party",
        );
    }
    Some(roles)
}

fn country(reader: &mut Reader<'_>, field: &Field<'_, '_>) -> Option<String> {
    let code = field.value.get_ref().as_str().unwrap_or_default();
    if countries::is_assigned(code) {
        return Some(code.to_owned());
    }
    let remedy = match countries::meant(code) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "two capital letters, as \"PK\"; who represents no country has no `country`".into(),
    };
    let what = "`country` takes an ISO 3166-1 code of two letters";
    reader.error(&field.path, field.span(), what, remedy);
    None
}

fn party(
    reader: &mut Reader<'_>,
    field: &Field<'_, '_>,
    parties: Option<&[Party]>,
) -> Option<PartyId> {
    let id = reader.id::<PartyId>(field)?;
    let parties = parties?;
    if parties.iter().any(|party| party.id == id) {
        return Some(id);
    }
    let remedy = match nearest(id.as_str(), parties.iter().map(|party| party.id.as_str())) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("add `[parties.{id}]`, or take the key out"),
    };
    reader.error(&field.path, field.span(), format!("there is no party \"{id}\""), remedy);
    None
}

fn segments(
    reader: &mut Reader<'_>,
    top: &Section<'_, '_>,
    people: &People,
) -> Option<Vec<Segment>> {
    let mut ids = Vec::new();
    let mut segments = Vec::new();
    for entry in entries(reader, top, "segments")? {
        let section = &entry.section;
        let kind =
            reader.required(section, "kind").and_then(|field| reader.one_of::<SegmentKind>(field));
        let kind_word = kind
            .and_then(|_| section.field("kind"))
            .and_then(|field| field.value.get_ref().as_str());
        // Without a kind there is no id to fall back on, and the kind's error says enough.
        let id = (kind.is_some() || section.field("id").is_some() || entry.name.is_some())
            .then(|| reader.entry_id::<SegmentId>(&entry, kind_word))
            .flatten();
        let title = optional_text(reader, section, "title");
        if kind == Some(SegmentKind::Other) && section.field("title").is_none() {
            reader.error(
                &section.path,
                section.span.clone(),
                "a segment of the kind \"other\" must have a title",
                "add `title`: nobody could tell what it is",
            );
        }
        let minutes = reader.required(section, "minutes").and_then(|field| reader.number(field));
        let record_status = match section.field("record") {
            Some(field) => reader.one_of::<RecordStatus>(field),
            None => Some(RecordStatus::OnTheRecord),
        };
        let floor = floor(reader, section, kind, people);
        let Some((id, span)) = id else { continue };
        ids.push((id.clone(), span));
        if let (Some(kind), Some(minutes), Some(record_status), Some(floor)) =
            (kind, minutes, record_status, floor)
        {
            let planned = Millis::from_minutes(u64::from(minutes));
            segments.push(Segment { id, kind, title, planned, floor, record_status });
        }
    }
    reader.unique(&ids, "segments", "give each segment an `id` of its own");
    Some(segments)
}

fn floor(
    reader: &mut Reader<'_>,
    section: &Section<'_, '_>,
    kind: Option<SegmentKind>,
    people: &People,
) -> Option<Vec<PersonId>> {
    let named = match section.field("floor") {
        Some(field) => {
            let named = reader.people(field)?;
            if named.len() > STAGE_MAX {
                reader.error(
                    &field.path,
                    field.span(),
                    format!("{} people cannot have the floor of one segment", named.len()),
                    format!("the stage has {STAGE_MAX} places"),
                );
            }
            named
        }
        None => Vec::new(),
    };
    if named.is_empty() && kind.is_some_and(|kind| !kind.floor_is_open()) {
        reader.warning(
            &section.path,
            section.span.clone(),
            "nobody has the floor in this segment",
            "the moderator must give it by hand; `floor` names who gets it",
        );
    }
    for (id, path, span) in &named {
        match people.get(id) {
            None => {
                let remedy = match nearest(id.as_str(), people.keys().map(PersonId::as_str)) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("add `[people.{id}]`"),
                };
                reader.error(path, span.clone(), format!("there is no person \"{id}\""), remedy);
            }
            Some(Some(roles)) if !roles.iter().any(|role| role.speaks()) => {
                reader.error(
                    path,
                    span.clone(),
                    format!("\"{id}\" has no role that may speak"),
                    format!(
                        "add \"panellist\", \"plenary-speaker\", \"concluding-speaker\" or \
                         \"moderator\" to `people.{id}.roles`"
                    ),
                );
            }
            Some(_) => {}
        }
    }
    Some(named.into_iter().map(|(id, ..)| id).collect())
}

fn policy(reader: &mut Reader<'_>, top: &Section<'_, '_>) -> Option<Policy> {
    let mut policy = Policy {
        lobby: LobbyPolicy::Registered,
        registration_open: false,
        hands_allowed: true,
        recording: true,
        chatham_house_recorded: false,
        attendance_published: true,
        participants_max: PARTICIPANTS_DEFAULT,
    };
    let Some(field) = top.field("policy") else {
        return Some(policy);
    };
    let section = reader.table(field)?;
    let mut flag = |name: &str, value: &mut bool| {
        if let Some(given) = section.field(name).and_then(|field| reader.flag(field)) {
            *value = given;
        }
    };
    flag("registration_open", &mut policy.registration_open);
    flag("hands_allowed", &mut policy.hands_allowed);
    flag("recording", &mut policy.recording);
    flag("chatham_house_recorded", &mut policy.chatham_house_recorded);
    flag("attendance_published", &mut policy.attendance_published);
    if let Some(lobby) = section.field("lobby").and_then(|field| reader.one_of(field)) {
        policy.lobby = lobby;
    }
    if let Some(max) = section.field("participants_max").and_then(|field| reader.number(field)) {
        policy.participants_max = max;
    }
    if let Some(field) = section.field("chatham_house_recorded")
        && policy.chatham_house_recorded
        && !policy.recording
    {
        reader.warning(
            &field.path,
            field.span(),
            "`recording = false` wins: nothing is recorded",
            "take one of the two out",
        );
    }
    Some(policy)
}

/// Somebody must run the event, and who is announced as a speaker should speak somewhere.
fn check_parts(
    reader: &mut Reader<'_>,
    top: &Section<'_, '_>,
    people: &People,
    segments: Option<&[Segment]>,
) {
    let place = |name: &str| -> Range<usize> { top.field(name).map_or(time::FILE, Field::span) };
    let all_roles_known = people.values().all(Option::is_some);
    let moderated = people.values().flatten().flatten().any(|role| role.moderates());
    if !people.is_empty() && all_roles_known && !moderated {
        reader.error(
            "people",
            place("people"),
            "nobody moderates the event",
            "give one person the role \"moderator\"",
        );
    }
    let announced = |roles: &[Role]| {
        roles.iter().any(|role| matches!(role, Role::PlenarySpeaker | Role::ConcludingSpeaker))
    };
    let named = |id: &PersonId| {
        segments.is_none_or(|segments| segments.iter().any(|segment| segment.floor.contains(id)))
    };
    for (id, roles) in people {
        if reader.errors.is_empty() && roles.as_deref().is_some_and(announced) && !named(id) {
            reader.warning(
                &format!("people.{id}"),
                place("people"),
                format!("\"{id}\" is announced as a speaker and has the floor in no segment"),
                "name the person in the `floor` of a segment",
            );
        }
    }
}
