//! The record of a closed event, for everybody: `/e/{event}/record` as a page that needs no script,
//! the transcript as text and captions, and the files of the recording with ranges.
//!
//! Nothing of it is there before somebody who moderates has published it, and nothing after it was
//! withdrawn; whether it is there is asked of the proceedings at each request. Only files that were
//! recorded on the record are ever public.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::{EventId, Language, Millis, Sequence, Timestamp};
use proceedings::{EventState, Hash, RecordStanding};
use publication::output::record::{self, Addresses, Media, MediaSpan, Record, Stretch};
use publication::{Facts, Line, Span};
use recording::{Index, Programme, Status};
use sha2::{Digest, Sha256};
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::error::ApiError;
use crate::event_actor::EventHandle;
use crate::published::{
    AskedQuery, VARY, answer, blocking, chosen, language_asked, languages_issued, nothing,
};
use crate::recording_files;
use crate::release::facts_of;

/// How old what is known of an event's recording may be. It changes once after the closing, within
/// ten seconds.
const INDEX_LIFE: Millis = Millis::from_secs(5);

/// Events whose recording is known at once; the news is about few at a time.
const INDEXES_MAX: usize = 64;

/// Files of one recording on its page: a status that changed every minute for four hours.
const FILES_MAX: usize = 256;

/// Only what this server serves: its style, script and typefaces, the recording and its captions.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
     img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's script and style, built by the web client.
const SCRIPT: &str = "/record/page.js";
const STYLE: &str = "/record/page.css";

/// The addresses.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/e/{event}/record", get(page))
        .route("/e/{event}/record/{version}", get(version))
        .route("/e/{event}/record/tracks/{file}/{track}", get(track))
        .layer(CompressionLayer::new())
        .route("/e/{event}/record/media/{*file}", get(media))
}

async fn page(
    app: State<Arc<App>>,
    Path(event): Path<String>,
    asked: AskedQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        let asked = language_asked(asked)?;
        let (id, event) = app.event(&event).await?;
        let (offered, floor) = event.read(languages);
        let floor = floor.ok_or(ApiError::NoSuchEvent)?;
        let language = chosen(asked.as_ref(), &headers, &offered, &floor).clone();
        show(&app, &id, &event, language, Form::Page, &headers).await
    };
    match shown.await {
        Ok(mut response) => {
            response.headers_mut().insert(header::VARY, HeaderValue::from_static(VARY));
            response
        }
        Err(ApiError::NoSuchEvent) => nothing(app, uri, headers).await,
        Err(error) => error.into_response(),
    }
}

/// `/e/{event}/record/ru`, `/e/{event}/record/ru.txt`.
async fn version(
    app: State<Arc<App>>,
    Path((event, version)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let (language, form) = match version.split_once('.') {
        None => (version.as_str(), Some(Form::Page)),
        Some((language, "txt")) => (language, Some(Form::Text)),
        Some((language, "vtt")) => (language, Some(Form::Captions)),
        Some((language, _)) => (language, None),
    };
    let shown = async {
        let form = form.ok_or(ApiError::NoSuchPath)?;
        let (id, event) = app.event(&event).await?;
        let language = offered(&event, language)?;
        show(&app, &id, &event, language, form, &headers).await
    };
    match shown.await {
        Err(ApiError::NoSuchEvent | ApiError::NoSuchPath) => nothing(app, uri, headers).await,
        answer => answer.into_response(),
    }
}

/// `/e/{event}/record/tracks/0/en.vtt`, `…/chapters.en.vtt`: what a player shows over a file.
async fn track(
    State(app): State<Arc<App>>,
    Path((event, file, track)): Path<(String, usize, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (id, event) = app.event(&event).await?;
    let track = track.strip_suffix(".vtt").ok_or(ApiError::NoSuchPath)?;
    let (language, form) = match track.strip_prefix("chapters.") {
        Some(language) => (language, Form::ChaptersOf(file)),
        None => (track, Form::CaptionsOf(file)),
    };
    let language = offered(&event, language)?;
    show(&app, &id, &event, language, form, &headers).await
}

/// A file of the recording, or a range of it (RFC 9110, section 14).
async fn media(
    State(app): State<Arc<App>>,
    Path((event, file)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let (id, event) = app.event(&event).await?;
    if !event.read(|state| state.record.standing.is_public()) {
        return Err(ApiError::NoSuchRecording);
    }
    let files = app.public_media.of(&app, &id, &event).await?;
    let found = files.media.iter().find(|media| media.file == file);
    let found = found.ok_or(ApiError::NoSuchRecording)?;
    let mut response = recording_files::serve(request, &app, &id, &file, !found.picture).await?;
    let ask_again = HeaderValue::from_static("public, no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, ask_again);
    Ok(response)
}

/// In what form a record is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Text,
    Captions,
    CaptionsOf(usize),
    ChaptersOf(usize),
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Self::Page => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::Captions | Self::CaptionsOf(_) | Self::ChaptersOf(_) => "text/vtt; charset=utf-8",
        }
    }

    fn of(self, record: &Record<'_>, language: &Language) -> Option<String> {
        match self {
            Self::Page => Some(record::page(record, language)),
            Self::Text => Some(record.text(language)),
            Self::Captions => Some(record.captions(language)),
            Self::CaptionsOf(file) => record.captions_of(file, language),
            Self::ChaptersOf(file) => record.chapters_of(file, language),
        }
    }
}

async fn show(
    app: &App,
    id: &EventId,
    event: &EventHandle,
    language: Language,
    form: Form,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let now = app.clock.now();
    let (standing, changed, release) = event
        .read(|state| (state.record.standing, state.record.changed, languages_issued(state, now)));
    let RecordStanding::Public { since } = standing else {
        return absent(app, id, event, &release, standing, &language, form).await;
    };
    let files = app.public_media.of(app, id, event).await?;
    if let Form::CaptionsOf(file) | Form::ChaptersOf(file) = form
        && file >= files.media.len()
    {
        return Err(ApiError::NoSuchRecording);
    }
    let key = key(id, &language, form, changed, &release, &files);
    let rendering = app.renderings.get(key, async || {
        let contents = contents(app, id, event, since, release, &files).await?;
        let (addresses, language) = (addresses(app, id), language.clone());
        let made = blocking(move || form.of(&contents.record(&addresses), &language)).await?;
        Ok(made.ok_or(ApiError::NoSuchRecording)?.into_bytes())
    });
    let rendering = rendering.await?;
    Ok(dressed(answer(&rendering, headers, StatusCode::OK), form, &language))
}

/// Why there is nothing to read: as a page for people, as an error for programs.
async fn absent(
    app: &App,
    id: &EventId,
    event: &EventHandle,
    release: &BTreeSet<Language>,
    standing: RecordStanding,
    language: &Language,
    form: Form,
) -> Result<Response, ApiError> {
    if form != Form::Page {
        return Err(ApiError::NoSuchRecording);
    }
    let (status, withdrawn) = match standing {
        RecordStanding::Withdrawn { at } => (StatusCode::GONE, Some(at)),
        _ => (StatusCode::NOT_FOUND, None),
    };
    let of_event = event
        .read(|state| publication::from_programme(&state.definition, &Default::default()).event);
    let release: Vec<Language> = release.iter().cloned().collect();
    let page = record::absent(&of_event, &addresses(app, id), &release, withdrawn, language);
    let mut response = dressed((status, page).into_response(), form, language);
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    Ok(response)
}

fn dressed(mut response: Response, form: Form, language: &Language) -> Response {
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    out.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(language) = HeaderValue::from_str(language.as_str()) {
        out.insert(header::CONTENT_LANGUAGE, language);
    }
    response
}

/// Changes with everything that is shown. The release is named by its languages alone, for the
/// page only leads to it.
fn key(
    id: &EventId,
    language: &Language,
    form: Form,
    changed: Sequence,
    release: &BTreeSet<Language>,
    files: &Files,
) -> String {
    let (script, style) = (built(SCRIPT), built(STYLE));
    format!(
        "record {id} {language} {form:?} {changed:?} {release:?} {} {script:?} {style:?}",
        files.hash
    )
}

/// All that a record shows, apart from the state, which must not be held while it is written.
struct Contents {
    facts: Facts,
    stretches: Vec<Stretch>,
    lines: Vec<Line>,
    media: Vec<Media>,
    closed: Timestamp,
    published: Timestamp,
    release: Vec<Language>,
}

impl Contents {
    fn record<'a>(&'a self, addresses: &'a Addresses) -> Record<'a> {
        Record {
            facts: &self.facts,
            stretches: &self.stretches,
            lines: &self.lines,
            media: &self.media,
            closed: self.closed,
            published: self.published,
            release: &self.release,
            addresses,
        }
    }
}

async fn contents(
    app: &App,
    id: &EventId,
    event: &EventHandle,
    published: Timestamp,
    release: BTreeSet<Language>,
    files: &Files,
) -> Result<Contents, ApiError> {
    let mut facts = facts_of(app, id, event).await?;
    Ok(event.read(|state| {
        facts.event.attendance = publication::attendance(state, &facts);
        let order = &state.definition.languages;
        Contents {
            stretches: publication::stretches(state),
            lines: publication::transcript(state),
            media: files.media.clone(),
            closed: state.closed_at.unwrap_or(facts.event.opened),
            published,
            release: order.iter().filter(|tag| release.contains(*tag)).cloned().collect(),
            facts,
        }
    }))
}

fn addresses(app: &App, id: &EventId) -> Addresses {
    Addresses {
        origin: app.public_url.clone(),
        event: format!("/e/{id}"),
        script: built(SCRIPT),
        styles: built(STYLE).into_iter().collect(),
    }
}

/// The address of a file of the web client, with what tells its versions apart.
fn built(path: &str) -> Option<String> {
    let asset = web_ui::find(path, [])?.asset;
    Some(format!("{path}?v={}", asset.etag.trim_matches('"').get(..12)?))
}

fn languages(state: &EventState) -> (BTreeSet<Language>, Option<Language>) {
    let languages = &state.definition.languages;
    (languages.iter().cloned().collect(), languages.first().cloned())
}

fn offered(event: &EventHandle, language: &str) -> Result<Language, ApiError> {
    let language = Language::new(language).map_err(|_| ApiError::NoSuchPath)?;
    let known = event.read(|state| state.definition.languages.contains(&language));
    known.then_some(language).ok_or(ApiError::NoSuchPath)
}

/// The files of recordings that everybody may have, read now and then.
#[derive(Default)]
pub(crate) struct PublicMedia(Mutex<BTreeMap<EventId, (Timestamp, Arc<Files>)>>);

struct Files {
    media: Vec<Media>,
    /// Of all that they are.
    hash: Hash,
}

impl PublicMedia {
    async fn of(
        &self,
        app: &App,
        id: &EventId,
        event: &EventHandle,
    ) -> Result<Arc<Files>, ApiError> {
        let now = app.clock.now();
        let kept = |known: &BTreeMap<EventId, (Timestamp, Arc<Files>)>| {
            let (at, files) = known.get(id)?;
            (now.since(*at) < INDEX_LIFE && *at <= now).then(|| Arc::clone(files))
        };
        if let Some(files) = kept(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(files);
        }
        let opened = event.read(|state| state.opened_at);
        let Index { programme, .. } = recording_files::index(app, id).await?;
        let mut media = Vec::new();
        for file in programme.iter().filter(|file| file.status == Status::OnTheRecord) {
            let path = recording_files::path(app, id, &file.file);
            let picture = async {
                let path = path?;
                blocking(move || recording::has_picture(&path)).await.ok()?
            };
            // What cannot be read is left to the player, which can do without a picture.
            let picture = picture.await.unwrap_or(true);
            media.extend(opened.and_then(|opened| public(file, picture, opened)));
        }
        media.truncate(FILES_MAX);
        let hash = Hash(Sha256::digest(format!("{media:?}")).into());
        let files = Arc::new(Files { media, hash });
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= INDEXES_MAX {
            known.clear();
        }
        known.insert(id.clone(), (now, Arc::clone(&files)));
        Ok(files)
    }
}

/// A file with its place in time; none while it is not known how long it lasts, or when it was.
fn public(file: &Programme, picture: bool, opened: Timestamp) -> Option<Media> {
    let duration = file.duration.filter(|_| !file.spans.is_empty())?;
    let ends = file.spans.iter().skip(1).map(|next| next.at).chain([duration]);
    let spans = file.spans.iter().zip(ends).map(|(span, end)| {
        let start = span.began_at.since(opened);
        let length = end.0.saturating_sub(span.at.0);
        let end = Millis(start.0.saturating_add(length));
        MediaSpan { at: span.at, span: Span { start, end } }
    });
    Some(Media { file: file.file.clone(), picture, spans: spans.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_stretches_counted_from_the_opening() {
        let span = |at, began_at| recording::Span { at: Millis(at), began_at: Timestamp(began_at) };
        let mut file = Programme {
            file: "programme-001.webm".to_owned(),
            status: Status::OnTheRecord,
            duration: Some(Millis(90_000)),
            spans: vec![span(0, 1_002_000), span(60_000, 2_000_000)],
        };
        let opened = Timestamp(1_000_000);
        let found = public(&file, true, opened).expect("a file");
        let stretches: Vec<_> = found
            .spans
            .iter()
            .map(|span| (span.at.0, span.span.start.0, span.span.end.0))
            .collect();
        assert_eq!(stretches, [(0, 2_000, 62_000), (60_000, 1_000_000, 1_030_000)]);
        file.duration = None;
        assert_eq!(public(&file, true, opened), None, "it is being written");
        file = Programme { duration: Some(Millis(1)), spans: Vec::new(), ..file };
        assert_eq!(public(&file, true, opened), None, "nobody knows when that was");
    }
}
