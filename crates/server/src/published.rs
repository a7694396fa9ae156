//! The issued release, for everybody: `/e/{event}/release` as a page that needs no script, the same
//! as text, Markdown, DOCX, PDF and ninjs, and `/releases.atom` over all events.
//!
//! Nothing is shown before its issue and before the end of its embargo: until then nothing here
//! tells that there is a release at all. A recalled release answers 410 with its kill notice. What
//! is shown comes out of the document whose hash the parties approved.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::{EventId, Language, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use proceedings::{EventState, Hash, Life, Published};
use publication::Release;
use publication::output::mail::{Mail, mail};
use publication::output::{Edition, Status, atom, docx, html, markdown, ninjs, pdf, plain};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::error::ApiError;
use crate::pages;

/// Renderings kept at once. A release in three languages and six forms has eighteen; the news is
/// about few events at a time.
const KEPT_MAX: usize = 128;

/// Bytes of them: the records of some dozen events of a day each.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Below this size headers weigh more than what gzip saves.
const PACKED_BYTES_MIN: usize = 1_024;

/// Events of the feed, the latest: twice its entries, for not every event has a release.
const FEED_EVENTS_MAX: usize = 2 * atom::ENTRIES_MAX;

/// May be kept anywhere, and is asked for again each time: a recall must reach every reader.
const ASK_AGAIN: &str = "public, no-cache";

/// What a negotiated answer depends on.
pub(crate) const VARY: &str = "accept-language, accept-encoding";

/// The page's one style is named by its hash; it runs nothing and fetches nothing.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        STANDARD.encode(Sha256::digest(html::STYLE))
    )
});

/// The addresses.
pub(crate) fn routes() -> Router<Arc<App>> {
    let mut routes = Router::new()
        .route("/releases.atom", get(feed))
        .route("/e/{event}/release", get(page))
        .route("/e/{event}/release/{version}", get(version));
    for form in Form::FILES {
        let show = async move |app, Path(event): Path<String>, asked, headers| {
            negotiate(app, &event, form, asked, &headers).await
        };
        routes = routes.route(&format!("/e/{{event}}/release.{}", form.ending()), get(show));
    }
    routes.layer(CompressionLayer::new())
}

/// In which language.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    lang: Option<String>,
}

pub(crate) type AskedQuery = Result<Query<Asked>, axum::extract::rejection::QueryRejection>;

async fn page(
    app: State<Arc<App>>,
    Path(event): Path<String>,
    asked: AskedQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    match negotiate(app.clone(), &event, Form::Html, asked, &headers).await {
        Err(ApiError::NoSuchRelease | ApiError::NoSuchEvent) => nothing(app, uri, headers).await,
        answer => answer.into_response(),
    }
}

/// `/e/{event}/release/ru`, `/e/{event}/release/ru.txt`: the addresses that a release itself names.
async fn version(
    app: State<Arc<App>>,
    Path((event, version)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let (language, form) = match version.split_once('.') {
        None => (version.as_str(), Some(Form::Html)),
        Some((language, ending)) => {
            (language, Form::FILES.into_iter().find(|form| form.ending() == ending))
        }
    };
    let (Ok(language), Some(form)) = (Language::new(language), form) else {
        return nothing(app, uri, headers).await;
    };
    let shown = async {
        let (id, standing) = standing(&app, &event).await?;
        if !standing.languages.contains(&language) {
            return Err(ApiError::NoSuchRelease);
        }
        show(&app, &id, &standing, &language, form, &headers).await
    };
    match shown.await {
        Err(ApiError::NoSuchRelease | ApiError::NoSuchEvent) if form == Form::Html => {
            nothing(app, uri, headers).await
        }
        answer => answer.into_response(),
    }
}

/// The client's own page for an address that leads nowhere, in the reader's language.
pub(crate) async fn nothing(app: State<Arc<App>>, uri: Uri, mut headers: HeaderMap) -> Response {
    headers.remove(header::IF_NONE_MATCH);
    let mut response = pages::show(app, uri, headers).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().remove(header::ETAG);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn negotiate(
    State(app): State<Arc<App>>,
    event: &str,
    form: Form,
    asked: AskedQuery,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let asked = language_asked(asked)?;
    let (id, standing) = standing(&app, event).await?;
    let otherwise = standing.languages.get(&standing.floor).or(standing.languages.first());
    let otherwise = otherwise.ok_or(ApiError::NoSuchRelease)?;
    let language = chosen(asked.as_ref(), headers, &standing.languages, otherwise);
    let mut response = show(&app, &id, &standing, language, form, headers).await?;
    response.headers_mut().insert(header::VARY, HeaderValue::from_static(VARY));
    Ok(response)
}

/// A feed of all releases that the public may read, and of those recalled.
async fn feed(
    State(app): State<Arc<App>>,
    asked: AskedQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = language_asked(asked)?;
    let events = app.storage.list_events().await?;
    let begun = events.into_iter().filter(|event| event.life != Life::Scheduled);
    let mut found = Vec::new();
    for event in begun.take(FEED_EVENTS_MAX) {
        match standing(&app, event.id.as_str()).await {
            Ok(one) => found.push(one),
            Err(ApiError::NoSuchRelease | ApiError::NoSuchEvent) => {}
            Err(error) => return Err(error),
        }
    }
    let languages = found.iter().flat_map(|(_, one)| one.languages.iter().cloned()).collect();
    let english = Language::new("en").map_err(|error| ApiError::Internal(error.to_string()))?;
    let otherwise = found.first().map_or(&english, |(_, newest)| &newest.floor);
    let language = chosen(asked.as_ref(), &headers, &languages, otherwise).clone();

    let shown: Vec<String> = found.iter().map(|(id, one)| format!("{id} {}", one.key())).collect();
    let key = format!("atom {language} {}", shown.join(" "));
    let rendering = app.renderings.get(key, async || {
        let mut releases = Vec::new();
        for (id, one) in &found {
            if one.languages.contains(&language) {
                releases.push((id.clone(), one.clone(), document(&app, id, one.document).await?));
            }
        }
        let (url, started) = (app.public_url.clone(), app.started);
        let language = language.clone();
        blocking(move || feed_of(&url, &language, &releases, started).into_bytes()).await
    });
    let rendering = rendering.await?;
    let mut response = answer(&rendering, &headers, StatusCode::OK);
    let kind = HeaderValue::from_static("application/atom+xml; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static(VARY));
    Ok(response)
}

fn feed_of(
    public_url: &str,
    language: &Language,
    releases: &[(EventId, Standing, Release)],
    started: Timestamp,
) -> String {
    let addresses: Vec<Addresses> =
        releases.iter().map(|(id, ..)| Addresses::new(public_url, id)).collect();
    let editions: Vec<Edition<'_>> = releases
        .iter()
        .zip(&addresses)
        .map(|((_, standing, release), addresses)| edition(release, standing, addresses))
        .collect();
    let host = public_url.split_once("://").map_or(public_url, |(_, host)| host);
    let releases = match language.as_str() {
        "ru" => "Пресс-релизы",
        "ur" => "پریس ریلیزیں",
        _ => "Press releases",
    };
    let feed = atom::Feed {
        url: &format!("{public_url}/releases.atom?lang={language}"),
        title: &format!("{releases}: {host}"),
        author: host,
        language,
    };
    atom::feed(&feed, &editions, started)
}

/// A file of the issued release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedFile {
    /// Language and form, as `ru.pdf`.
    pub name: String,
    /// As in HTTP's `Content-Type`.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What the public may read of the release at the moment `now`, in every language and form, as the
/// server at `public_url` shows it; nothing where nothing was issued. `documents` holds the
/// versions by their hashes.
///
/// # Errors
/// Says which document is missing or cannot be set.
pub fn issued_release(
    state: &EventState,
    documents: &BTreeMap<Hash, Vec<u8>>,
    public_url: &str,
    now: Timestamp,
) -> Result<Vec<IssuedFile>, String> {
    let Some(standing) = standing_of(state, now) else { return Ok(Vec::new()) };
    let document = documents.get(&standing.document);
    let document =
        document.ok_or_else(|| format!("the issued document {} is gone", standing.document))?;
    let release = Release::from_json(document).map_err(|error| error.to_string())?;
    let urls = Addresses::new(public_url, &state.definition.id);
    let edition = edition(&release, &standing, &urls);
    let mut files = Vec::new();
    for language in &standing.languages {
        for form in std::iter::once(Form::Html).chain(Form::FILES) {
            files.push(IssuedFile {
                name: format!("{language}.{}", form.ending()),
                media_type: form.media_type(),
                bytes: form.bytes(&edition, language)?,
            });
        }
    }
    Ok(files)
}

/// In what form a release is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Text,
    Markdown,
    Docx,
    Pdf,
    Ninjs,
}

impl Form {
    /// Those that have an ending.
    const FILES: [Self; 5] = [Self::Text, Self::Markdown, Self::Docx, Self::Pdf, Self::Ninjs];

    fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Text => "txt",
            Self::Markdown => "md",
            Self::Docx => "docx",
            Self::Pdf => "pdf",
            Self::Ninjs => "json",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Pdf => "application/pdf",
            Self::Ninjs => "application/json",
        }
    }

    fn bytes(self, edition: &Edition<'_>, language: &Language) -> Result<Vec<u8>, String> {
        match self {
            Self::Html => Ok(html::page(edition, language, &[]).into_bytes()),
            Self::Text => Ok(plain::text(edition, language).into_bytes()),
            Self::Markdown => Ok(markdown::markdown(edition, language).into_bytes()),
            Self::Docx => Ok(docx::docx(edition, language)),
            Self::Pdf => pdf::pdf(edition, language).map_err(|error| error.to_string()),
            Self::Ninjs => serde_json::to_vec(&ninjs::item(edition, language))
                .map_err(|error| error.to_string()),
        }
    }
}

/// How the release of an event stands for the public.
#[derive(Debug, Clone)]
struct Standing {
    document: Hash,
    status: Status,
    versioned: Timestamp,
    /// What it corrects, if it is a corrigendum.
    correction: Option<String>,
    languages: BTreeSet<Language>,
    /// The language of the floor.
    floor: Language,
    /// Everybody may read the record, and hear each sentence there.
    record: bool,
}

impl Standing {
    /// Changes with everything that is shown.
    fn key(&self) -> String {
        let Self { document, status, versioned, correction, record, .. } = self;
        format!("{document} {status:?} {versioned:?} {record} {correction:?}")
    }
}

async fn standing(app: &App, event: &str) -> Result<(EventId, Standing), ApiError> {
    let (id, event) = app.event(event).await?;
    let standing = event.read(|state| standing_of(state, app.clock.now()));
    Ok((id, standing.ok_or(ApiError::NoSuchRelease)?))
}

fn standing_of(state: &EventState, now: Timestamp) -> Option<Standing> {
    let release = &state.record.release;
    let (issue, status) = match release.published(now)? {
        Published::Recalled(issue, at) => (issue, Status::Withdrawn(at)),
        Published::Issued(issue) => {
            // A corrigendum does not make the release a new one.
            let kept = release.issues.iter().filter(|issue| issue.killed_at.is_none());
            let first = kept.filter_map(|issue| issue.published_at()).min()?;
            (issue, Status::Issued(first))
        }
    };
    let version = release.version(issue.version)?;
    Some(Standing {
        document: issue.document,
        status,
        versioned: issue.published_at()?,
        correction: issue.correction.clone(),
        languages: version.languages.clone(),
        floor: state.definition.languages.first()?.clone(),
        record: state.record.standing.is_public(),
    })
}

/// The languages of the release that everybody reads now; none while there is none, or after its
/// recall.
pub(crate) fn languages_issued(state: &EventState, now: Timestamp) -> BTreeSet<Language> {
    match standing_of(state, now) {
        Some(Standing { status: Status::Issued(_), languages, .. }) => languages,
        _ => BTreeSet::new(),
    }
}

struct Addresses {
    event: String,
    record: String,
    release: String,
}

impl Addresses {
    fn new(public_url: &str, event: &EventId) -> Self {
        let event = format!("{public_url}/e/{event}");
        Self { release: format!("{event}/release"), record: format!("{event}/record"), event }
    }
}

fn edition<'a>(release: &'a Release, standing: &'a Standing, urls: &'a Addresses) -> Edition<'a> {
    Edition {
        release,
        status: standing.status,
        versioned: standing.versioned,
        correction: standing.correction.as_deref(),
        event_url: &urls.event,
        record_url: Some(urls.record.as_str()).filter(|_| standing.record),
        release_url: &urls.release,
    }
}

async fn show(
    app: &App,
    id: &EventId,
    standing: &Standing,
    language: &Language,
    form: Form,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let key = format!("{id} {language} {} {}", form.ending(), standing.key());
    let rendering = app.renderings.get(key, async || {
        let release = document(app, id, standing.document).await?;
        let urls = Addresses::new(&app.public_url, id);
        let (standing, language) = (standing.clone(), language.clone());
        let made =
            blocking(move || form.bytes(&edition(&release, &standing, &urls), &language)).await?;
        made.map_err(ApiError::Internal)
    });
    let rendering = rendering.await?;
    let status = match standing.status {
        Status::Withdrawn(_) => StatusCode::GONE,
        _ => StatusCode::OK,
    };
    let mut response = answer(&rendering, headers, status);
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    if let Ok(language) = HeaderValue::from_str(language.as_str()) {
        out.insert(header::CONTENT_LANGUAGE, language);
    }
    if matches!(form, Form::Docx | Form::Pdf)
        && let Ok(name) = HeaderValue::from_str(&format!(
            "attachment; filename=\"{id}-{language}.{}\"",
            form.ending()
        ))
    {
        out.insert(header::CONTENT_DISPOSITION, name);
    }
    if form == Form::Html
        && let Ok(policy) = HeaderValue::from_str(&POLICY)
    {
        out.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// What the public may read now as a mail: in the language wanted, a variety of it, or else the
/// language of the floor.
pub(crate) async fn letter(
    app: &App,
    event: &EventId,
    wanted: &Language,
) -> Result<Mail, ApiError> {
    let (id, standing) = standing(app, event.as_str()).await?;
    let offered = &standing.languages;
    let otherwise = offered.get(&standing.floor).or(offered.first());
    let found = offered.get(wanted).or_else(|| liked(wanted.as_str(), offered)).or(otherwise);
    let language = found.ok_or(ApiError::NoSuchRelease)?.clone();
    let release = document(app, &id, standing.document).await?;
    let urls = Addresses::new(&app.public_url, &id);
    blocking(move || mail(&edition(&release, &standing, &urls), &language)).await
}

/// A recall is told to whoever has the notice already, too: 410 is no answer that 304 stands for.
pub(crate) fn answer(rendering: &Rendering, headers: &HeaderMap, status: StatusCode) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let unchanged = status == StatusCode::OK
        && known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == rendering.tag));
    let encoded = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let packed = rendering.packed.as_ref();
    let packed = packed.filter(|_| encoded.is_some_and(|encoded| pages::accepts(encoded, "gzip")));
    let mut response = match (unchanged, packed) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, None) => (status, rendering.bytes.clone()).into_response(),
        (false, Some(packed)) => {
            let mut response = (status, packed.clone()).into_response();
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
            response
        }
    };
    let out = response.headers_mut();
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(ASK_AGAIN));
    if let Ok(tag) = HeaderValue::from_str(&rendering.tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

fn packed(bytes: &[u8]) -> Option<Bytes> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let worth = |packed: &Vec<u8>| packed.len() < bytes.len() / 10 * 9;
    (bytes.len() >= PACKED_BYTES_MIN && packer.write_all(bytes).is_ok())
        .then(|| packer.finish().ok())
        .flatten()
        .filter(worth)
        .map(Bytes::from)
}

async fn document(app: &App, id: &EventId, hash: Hash) -> Result<Release, ApiError> {
    let bytes = app.storage.document(id, hash).await?;
    let bytes = bytes.ok_or_else(|| ApiError::Internal("an issued document is gone".to_owned()))?;
    let read = blocking(move || Release::from_json(&bytes)).await?;
    read.map_err(|error| ApiError::Internal(error.to_string()))
}

/// Setting a document takes some milliseconds, which no other task should wait for.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ApiError::Internal(error.to_string()))
}

pub(crate) fn language_asked(asked: AskedQuery) -> Result<Option<Language>, ApiError> {
    let Query(asked) = asked.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let language = asked.lang.as_deref().map(Language::new).transpose();
    language.map_err(|error| ApiError::bad_request(format!("lang: {error}")))
}

/// The language asked for, the one that the reader's browser likes best, or `otherwise`.
pub(crate) fn chosen<'a>(
    asked: Option<&Language>,
    headers: &HeaderMap,
    offered: &'a BTreeSet<Language>,
    otherwise: &'a Language,
) -> &'a Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    asked
        .and_then(|asked| offered.get(asked))
        .or_else(|| accepted.and_then(|accepted| liked(accepted, offered)))
        .unwrap_or(otherwise)
}

/// What `Accept-Language` likes best of what there is: a variety of a language is good enough for
/// who reads the language (RFC 4647, section 3.4).
fn liked<'a>(accepted: &str, offered: &'a BTreeSet<Language>) -> Option<&'a Language> {
    let mut ranges: Vec<(f32, String)> = accepted
        .split(',')
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next()?.to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            Some((quality.map_or(Some(1.0), |q| q.parse().ok())?, tag))
        })
        .filter(|(quality, _)| *quality > 0.0)
        .collect();
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_owned();
    ranges.iter().find_map(|(_, tag)| {
        let same = offered.iter().find(|language| language.as_str() == tag);
        same.or_else(|| offered.iter().find(|other| primary(other.as_str()) == primary(tag)))
    })
}

/// What was made for one reader and serves the next. Making goes one at a time, so that no crowd of
/// readers sets the same document in every thread.
#[derive(Default)]
pub(crate) struct Renderings(Mutex<BTreeMap<String, Arc<Rendering>>>);

pub(crate) struct Rendering {
    bytes: Bytes,
    /// The same in gzip, where that is worth it: made once and not for each reader.
    packed: Option<Bytes>,
    /// Weak, for on the way the bytes may be compressed.
    tag: String,
}

impl Renderings {
    pub(crate) async fn get(
        &self,
        key: String,
        make: impl AsyncFnOnce() -> Result<Vec<u8>, ApiError>,
    ) -> Result<Arc<Rendering>, ApiError> {
        let mut kept = self.0.lock().await;
        if let Some(rendering) = kept.get(&key) {
            return Ok(Arc::clone(rendering));
        }
        let bytes = make().await?;
        let hash = Hash(Sha256::digest(&bytes).into()).to_string();
        let (bytes, packed) = blocking(move || {
            let packed = packed(&bytes);
            (bytes, packed)
        })
        .await?;
        let rendering = Rendering { bytes: bytes.into(), packed, tag: format!("W/\"{hash}\"") };
        let size = |one: &Rendering| one.bytes.len() + one.packed.as_ref().map_or(0, Bytes::len);
        let rendering = Arc::new(rendering);
        let all: usize = kept.values().map(|one| size(one)).sum();
        if kept.len() >= KEPT_MAX || all + size(&rendering) > KEPT_BYTES_MAX {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&rendering));
        Ok(rendering)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_gets_what_they_like_best() {
        let offered: BTreeSet<Language> =
            ["en", "ru", "ur"].map(|tag| Language::new(tag).expect("a tag")).into();
        let liked = |accepted: &str| liked(accepted, &offered).map(Language::as_str);
        assert_eq!(liked("ru-RU,ru;q=0.9,en;q=0.8"), Some("ru"));
        assert_eq!(liked("de,en;q=0.3,UR;q=0.4"), Some("ur"));
        assert_eq!(liked("ru;q=0, en-GB;q=0.1"), Some("en"));
        assert_eq!(liked("de, *;q=0.1"), None);
        assert_eq!(liked(";;,q=,ru;q=x"), None);
    }
}
