//! `POST /api/events/{event}/registrations`: a person registers on the public page.

use std::sync::Arc;

use api_types::{LinkIssued, Registration};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::{Language, Localized, PersonId};
use proceedings::{Command, Life, Person, Refusal, Role};

use crate::app::App;
use crate::error::ApiError;
use crate::extract::{self, Address};

/// Characters of a generated name, without those that are mistaken for others.
const ALPHABET: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz0";

/// Registers a person and issues their personal link, which is shown only now.
#[utoipa::path(
    post,
    path = "/api/events/{event}/registrations",
    tag = "events",
    params(("event" = String, Path, description = "Identifier of the event")),
    request_body = Registration,
    responses(
        (status = 201, body = LinkIssued),
        (status = 400, body = api_types::ErrorBody),
        (status = 403, description = "Registration is closed, or the event is full",
            body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
        (status = 429, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    extract::Json(registration): extract::Json<Registration>,
) -> Result<(StatusCode, Json<LinkIssued>), ApiError> {
    let (id, event) = app.event(&event).await?;
    if !app.registrations.take(address) {
        return Err(ApiError::TooMany);
    }
    let person = person(registration, new_id(app.random())?)?;
    // The link is stored first: a link to nobody does no harm, but a person without a link could
    // never come in. So it must be clear beforehand that registration is open.
    event.read(|state| match state.life {
        Life::Closed => Err(ApiError::Refused(Refusal::Closed)),
        _ if !state.definition.policy.registration_open => {
            Err(ApiError::Refused(Refusal::RegistrationClosed))
        }
        _ => Ok(()),
    })?;
    let person_id = person.id.clone();
    let token = app.links.token(&id, &person_id, 0);
    app.storage.put_link(&id, &person_id, 0, token.hash()).await?;
    event.command(Command::Register { person }).await?;
    let issued = LinkIssued { person: person_id, link: app.link(&id, &token) };
    Ok((StatusCode::CREATED, Json(issued)))
}

fn person(registration: Registration, id: PersonId) -> Result<Person, ApiError> {
    let Registration { name, affiliation, country, language } = registration;
    let language = Language::new(&language)
        .map_err(|error| ApiError::bad_request(format!("language: {error}")))?;
    let given = |text: Option<String>| {
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    Ok(Person {
        id,
        name: Localized::single(language.clone(), name.trim()),
        honorific: None,
        office: None,
        affiliation: given(affiliation).map(|text| Localized::single(language, text)),
        country: given(country).map(|code| code.to_ascii_uppercase()),
        party: None,
        roles: vec![Role::Participant],
    })
}

/// `p-` and twelve characters of 60 random bits: unique among twenty thousand people beyond doubt.
fn new_id(random: u64) -> Result<PersonId, ApiError> {
    let digit = |place: u32| {
        let value = usize::try_from(random >> (5 * place) & 31).unwrap_or_default();
        char::from(ALPHABET[value])
    };
    let text: String = (0..12).map(digit).collect();
    PersonId::new(&format!("p-{text}")).map_err(|error| ApiError::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_identifiers() {
        for random in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            assert!(new_id(random).is_ok());
        }
        assert_ne!(new_id(1).ok(), new_id(2).ok());
    }
}
