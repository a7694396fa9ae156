//! The press list of an event, and the mails to it.
//!
//! The list holds people's addresses, so it is no part of the proceedings, which are kept for ever
//! and packed for others; it stands in the storage's papers, which are written anew. When what the
//! public may read changes (an issue, the end of an embargo, a recall), the mails of it are put
//! down, one for each person, before the first is sent; and of each it is put down that it is being
//! handed over before it is. So no restart sends a mail a second time: one of which it is not known
//! waits for the organiser's word.

mod smtp;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api_types::{MailAgain, MailState, MailTrouble, Mailing, PressList, PressView, Recipient};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use base::{EventId, Language, Millis, Timestamp};
use proceedings::{EventState, Hash, Published};
use publication::output::mail::Mail;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use storage::{Paper, StorageError};
use tokio::sync::{Notify, watch};

use crate::app::{App, Caller};
use crate::error::ApiError;
use crate::extract::{Address, read_json};
use crate::published;
use crate::record_views::allowed;
use smtp::{Handed, Letter, Post};

pub use smtp::MailConfig;

/// People on a list; the largest press lists of ministries have as many.
const RECIPIENTS_MAX: usize = 2_000;

/// Longest name beside an address, in characters.
const NAME_CHARS_MAX: usize = 120;

/// Bytes of a list as it is sent: each entry 300, and room.
const LIST_BYTES_MAX: usize = 1 << 20;

/// Bytes of the wish to send a mail again: a notice's name and an address, and room.
const AGAIN_BYTES_MAX: usize = 4_096;

/// How often it is looked whether something became public. An embargo is over within this time.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Mails in one conversation with the server; many servers take a hundred.
const MAILS_PER_CONVERSATION_MAX: usize = 50;

/// How long the server is left alone after it was not to be reached; twice as long after each
/// further time.
const RETRY_FIRST: Duration = Duration::from_secs(15);
const RETRY_MAX: Duration = Duration::from_secs(900);

/// How long a mail waits that the server did not take yet (greylisting asks for minutes), and how
/// often that is tried: four days in all, as RFC 5321, section 4.5.4.1, advises.
const LATER: Millis = Millis::from_minutes(5);
const TRIES_MAX: u32 = 10;

/// Names of papers.
const PAPERS: &str = "press/";
const LIST: &str = "press/list";
const MAILINGS: &str = "press/mailing/";
const MAILS: &str = "press/mail/";

/// The list as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    recipients: Vec<Recipient>,
    /// Since when there has been a list: what was public before is not mailed.
    since: Timestamp,
}

/// A mailing as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Notice {
    at: Timestamp,
    document: Hash,
    kill: bool,
}

/// A mail to one person as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Queued {
    recipient: Recipient,
    state: MailState,
    tries: u32,
    not_before: Timestamp,
    said: Option<String>,
}

/// What sends the mails; one for the program.
#[derive(Debug, Default)]
pub(crate) struct Mailer {
    woken: Notify,
    trouble: Mutex<Option<String>>,
    /// The events that have a list, and how each stood when it was last looked through.
    watched: Mutex<BTreeMap<EventId, Option<Settled>>>,
    /// One writer at a time for the papers of all events.
    papers: tokio::sync::Mutex<()>,
}

/// An event of which nothing is to be done until one of these changes.
#[derive(Debug)]
struct Settled {
    /// The mailing of what the public may read.
    notice: Option<String>,
    /// When the next mail is due.
    due: Option<Timestamp>,
}

impl Mailer {
    fn watched(&self) -> std::sync::MutexGuard<'_, BTreeMap<EventId, Option<Settled>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an event be looked through at once.
    fn look_at(&self, event: &EventId) {
        self.watched().insert(event.clone(), None);
        self.woken.notify_one();
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells the organisers, and the log once.
    fn set_trouble(&self, trouble: Option<String>) {
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*known, &trouble) {
            (None, Some(error)) => tracing::error!(%error, "mails wait for the mail server"),
            (Some(_), None) => tracing::info!("the mail server takes mails again"),
            _ => {}
        }
        *known = trouble;
    }
}

// What organisers see and do.

/// The press list, and what was mailed to it.
#[utoipa::path(
    get,
    path = "/api/events/{event}/press-list",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    responses(
        (status = 200, body = PressView),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
) -> Result<axum::Json<PressView>, ApiError> {
    let caller = organiser(&app, &event, &headers, address).await?;
    let list = list(&app, &caller.id).await?;
    let mut mailings = BTreeMap::new();
    for (notice, kept) in notices(&app, &caller.id).await? {
        let row = Mailing {
            notice: notice.clone(),
            at: kept.at,
            sent: 0,
            waiting: 0,
            troubles: Vec::new(),
        };
        mailings.insert(notice, row);
    }
    for (name, mail) in mails(&app, &caller.id, MAILS).await? {
        let Some(row) = name.notice().and_then(|notice| mailings.get_mut(notice)) else { continue };
        match mail.state {
            MailState::Sent => row.sent += 1,
            MailState::Waiting | MailState::Sending if mail.said.is_none() => row.waiting += 1,
            state => {
                let Recipient { address, .. } = mail.recipient;
                row.troubles.push(MailTrouble { address, state, said: mail.said });
            }
        }
    }
    let mut mailings: Vec<Mailing> = mailings.into_values().collect();
    mailings.sort_by_key(|mailing| mailing.at);
    Ok(axum::Json(PressView {
        can_send: app.mail.is_some(),
        trouble: app.mailer.trouble(),
        recipients: list.recipients,
        mailings,
    }))
}

/// Replaces the press list.
#[utoipa::path(
    put,
    path = "/api/events/{event}/press-list",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    request_body = PressList,
    responses(
        (status = 204, description = "Taken"),
        (status = 400, body = api_types::ErrorBody),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
        (status = 503, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let caller = organiser(&app, &event, &headers, address).await?;
    let given: PressList = read_json(&headers, body, LIST_BYTES_MAX, "list").await?;
    let recipients = checked(given.recipients)?;
    let _writing = app.mailer.papers.lock().await;
    let before = list(&app, &caller.id).await?;
    let since = if before.recipients.is_empty() { app.clock.now() } else { before.since };
    let kept = Kept { recipients, since };
    app.storage.put_papers(&caller.id, &[paper(LIST.to_owned(), &kept)?]).await?;
    app.mailer.look_at(&caller.id);
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a mail again that was refused, or of which it is not known whether it arrived.
#[utoipa::path(
    post,
    path = "/api/events/{event}/press-list/again",
    tag = "record",
    params(("event" = String, Path, description = "Identifier of the event")),
    security(("link" = [])),
    request_body = MailAgain,
    responses(
        (status = 204, description = "It waits for its turn"),
        (status = 400, body = api_types::ErrorBody),
        (status = 401, body = api_types::ErrorBody),
        (status = 403, body = api_types::ErrorBody),
        (status = 404, body = api_types::ErrorBody),
        (status = 503, body = api_types::ErrorBody),
    )
)]
pub(crate) async fn again(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let caller = organiser(&app, &event, &headers, address).await?;
    let MailAgain { notice, address } = read_json(&headers, body, AGAIN_BYTES_MAX, "body").await?;
    let _writing = app.mailer.papers.lock().await;
    let known = mails(&app, &caller.id, &format!("{MAILS}{notice}/")).await?;
    let found = known.into_iter().find(|(_, mail)| mail.recipient.address == address);
    let stuck = |mail: &Queued| matches!(mail.state, MailState::Unclear | MailState::Refused);
    let (name, mail) = found.filter(|(_, mail)| stuck(mail)).ok_or_else(|| {
        ApiError::BadRequest("There is no such mail that could be sent again.".to_owned())
    })?;
    let again = Queued {
        state: MailState::Waiting,
        tries: 0,
        said: None,
        not_before: app.clock.now(),
        ..mail
    };
    app.storage.put_papers(&caller.id, &[paper(name.0, &again)?]).await?;
    app.mailer.look_at(&caller.id);
    Ok(StatusCode::NO_CONTENT)
}

/// Addresses are shown to organisers alone: not even the rapporteur writes the list.
async fn organiser(
    app: &App,
    event: &str,
    headers: &HeaderMap,
    address: std::net::IpAddr,
) -> Result<Caller, ApiError> {
    let caller = app.caller(event, headers, address).await?;
    caller.event.read(|state| allowed(state, &caller.person, |own| own.person.organises()))?;
    Ok(caller)
}

fn checked(recipients: Vec<Recipient>) -> Result<Vec<Recipient>, ApiError> {
    if recipients.len() > RECIPIENTS_MAX {
        return Err(ApiError::BadRequest(format!(
            "A press list has at most {RECIPIENTS_MAX} addresses."
        )));
    }
    let mut known = BTreeSet::new();
    let mut out = Vec::new();
    for (place, Recipient { name, address, language }) in (1..).zip(recipients) {
        let (name, address) = (name.trim().to_owned(), address.trim().to_owned());
        if !smtp::is_address(&address) {
            return Err(ApiError::BadRequest(format!(
                "Entry {place}: \"{address}\" is no mail address."
            )));
        }
        if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return Err(ApiError::BadRequest(format!(
                "Entry {place}: a name has one line of at most {NAME_CHARS_MAX} characters."
            )));
        }
        // Whoever stands on the list twice gets one mail.
        if known.insert(address.to_lowercase()) {
            out.push(Recipient { name, address, language });
        }
    }
    Ok(out)
}

// What is kept.

/// The name of a mail's paper.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct MailName(String);

impl MailName {
    fn new(notice: &str, address: &str) -> Self {
        Self(format!("{MAILS}{notice}/{}", digits(address.to_lowercase().as_bytes())))
    }

    fn notice(&self) -> Option<&str> {
        self.0.strip_prefix(MAILS)?.split('/').next()
    }
}

fn digits(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn paper(name: String, value: &impl Serialize) -> Result<Paper, ApiError> {
    let bytes = serde_json::to_vec(value).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(Paper { name, bytes })
}

fn read<T: for<'a> Deserialize<'a>>(paper: &Paper) -> Result<T, StorageError> {
    serde_json::from_slice(&paper.bytes)
        .map_err(|error| StorageError::Corrupt(format!("{}: {error}", paper.name)))
}

async fn list(app: &App, event: &EventId) -> Result<Kept, StorageError> {
    let papers = app.storage.papers(event, LIST).await?;
    papers.first().map_or_else(|| Ok(Kept::default()), read)
}

async fn notices(app: &App, event: &EventId) -> Result<BTreeMap<String, Notice>, StorageError> {
    let mut out = BTreeMap::new();
    for paper in app.storage.papers(event, MAILINGS).await? {
        if let Some(notice) = paper.name.strip_prefix(MAILINGS) {
            out.insert(notice.to_owned(), read(&paper)?);
        }
    }
    Ok(out)
}

async fn mails(
    app: &App,
    event: &EventId,
    prefix: &str,
) -> Result<BTreeMap<MailName, Queued>, StorageError> {
    let mut out = BTreeMap::new();
    for paper in app.storage.papers(event, prefix).await? {
        let mail = read(&paper)?;
        out.insert(MailName(paper.name), mail);
    }
    Ok(out)
}

// Sending.

/// Sends what is to be sent until it is told to stop. Does nothing where no mail server is named.
pub(crate) async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let Some(config) = app.mail.clone() else { return };
    let mut pause = RETRY_FIRST;
    let mut is_new = true;
    while !*stop.borrow() {
        let wait = match turn(&app, &config, is_new, &stop).await {
            Ok(()) => {
                (pause, is_new) = (RETRY_FIRST, false);
                LOOK_EVERY
            }
            Err(trouble) => {
                app.mailer.set_trouble(Some(trouble));
                let wait = pause;
                pause = (pause * 2).min(RETRY_MAX);
                wait
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.mailer.woken.notified() => {}
            // Nobody is left who could say so later.
            stopped = stop.wait_for(|stop| *stop) => if stopped.is_err() { return },
        }
    }
}

/// Looks through the events once, and sends what waits. `is_new`: the program has just started, and
/// what was being handed over before may have arrived.
async fn turn(
    app: &Arc<App>,
    config: &MailConfig,
    is_new: bool,
    stop: &watch::Receiver<bool>,
) -> Result<(), String> {
    let kept = |error: StorageError| format!("the storage of the mails failed: {error}");
    if is_new {
        for event in app.storage.list_events().await.map_err(kept)? {
            if !app.storage.papers(&event.id, PAPERS).await.map_err(kept)?.is_empty() {
                doubt(app, &event.id).await.map_err(kept)?;
                app.mailer.watched().insert(event.id, None);
            }
        }
    }
    let watched: Vec<EventId> = app.mailer.watched().keys().cloned().collect();
    for event in watched {
        let (_, handle) = app.event(event.as_str()).await.map_err(|error| error.to_string())?;
        let now = app.clock.now();
        let notice = handle.read(|state| public(state, now)).map(|(name, ..)| name);
        let is_settled =
            |settled: &Settled| settled.notice == notice && settled.due.is_none_or(|due| due > now);
        if app.mailer.watched().get(&event).is_some_and(|one| one.as_ref().is_some_and(is_settled))
        {
            continue;
        }
        // What changes from now on is seen in the next turn.
        app.mailer.watched().insert(event.clone(), Some(Settled { notice, due: None }));
        let done = async {
            put_down(app, &event).await.map_err(|error| error.to_string())?;
            send(app, config, &event, stop).await
        };
        let done = done.await;
        let waits = |mail: Queued| (mail.state == MailState::Waiting).then_some(mail.not_before);
        let mails = mails(app, &event, MAILS).await.map_err(kept)?;
        let due = mails.into_values().filter_map(waits).min();
        if let Some(Some(settled)) = app.mailer.watched().get_mut(&event) {
            settled.due = due;
        }
        done?;
    }
    Ok(())
}

/// Mails that were being handed over when the program ended.
async fn doubt(app: &App, event: &EventId) -> Result<(), StorageError> {
    let _writing = app.mailer.papers.lock().await;
    let mut papers = Vec::new();
    for (name, mail) in mails(app, event, MAILS).await? {
        if mail.state == MailState::Sending {
            let said = Some("the program ended while it was handed over".to_owned());
            let mail = Queued { state: MailState::Unclear, said, ..mail };
            papers.extend(paper(name.0, &mail).ok());
        }
    }
    if papers.is_empty() { Ok(()) } else { app.storage.put_papers(event, &papers).await }
}

/// What the public may read now, as a mailing.
fn public(state: &EventState, now: Timestamp) -> Option<(String, Notice, Timestamp)> {
    let release = &state.record.release;
    let number =
        |issue| 1 + release.issues.iter().position(|other| std::ptr::eq(other, issue)).unwrap_or(0);
    match release.published(now)? {
        Published::Issued(issue) => {
            let notice = Notice { at: now, document: issue.document, kill: false };
            Some((format!("issue-{}", number(issue)), notice, issue.published_at()?))
        }
        Published::Recalled(issue, at) => {
            let notice = Notice { at: now, document: issue.document, kill: true };
            Some((format!("kill-{}", number(issue)), notice, at))
        }
    }
}

/// Puts down the mails of what has become public, all at once, if they are not yet.
async fn put_down(app: &App, event: &EventId) -> Result<(), ApiError> {
    let list = list(app, event).await?;
    let (_, handle) = app.event(event.as_str()).await?;
    let now = app.clock.now();
    let Some((name, notice, since)) = handle.read(|state| public(state, now)) else {
        return Ok(());
    };
    let _writing = app.mailer.papers.lock().await;
    if notices(app, event).await?.contains_key(&name) {
        return Ok(());
    }
    let before = mails(app, event, MAILS).await?;
    let mut papers = Vec::new();
    let mut recipients: BTreeMap<String, Recipient> = BTreeMap::new();
    if notice.kill {
        // Those who have it, or may have it, wherever they stand now.
        let has = |mail: &&Queued| {
            matches!(mail.state, MailState::Sent | MailState::Sending | MailState::Unclear)
        };
        for mail in before.values().filter(has) {
            recipients.insert(mail.recipient.address.to_lowercase(), mail.recipient.clone());
        }
    } else if since >= list.since {
        for recipient in &list.recipients {
            recipients.insert(recipient.address.to_lowercase(), recipient.clone());
        }
    }
    if recipients.is_empty() && before.is_empty() {
        return Ok(());
    }
    // What waits tells what is not so any more.
    for (name, mail) in before {
        if mail.state == MailState::Waiting {
            papers.push(paper(name.0, &Queued { state: MailState::Dropped, said: None, ..mail })?);
        }
    }
    for (_, recipient) in recipients {
        let name = MailName::new(&name, &recipient.address);
        let (state, not_before) = (MailState::Waiting, now);
        papers.push(paper(name.0, &Queued { recipient, state, tries: 0, not_before, said: None })?);
    }
    papers.push(paper(format!("{MAILINGS}{name}"), &notice)?);
    app.storage.put_papers(event, &papers).await?;
    Ok(())
}

/// Hands over the mails whose turn it is, at the pace that the operator set.
async fn send(
    app: &Arc<App>,
    config: &MailConfig,
    event: &EventId,
    stop: &watch::Receiver<bool>,
) -> Result<(), String> {
    let kept = |error: StorageError| format!("the storage of the mails failed: {error}");
    let now = app.clock.now();
    let due = mails(app, event, MAILS).await.map_err(kept)?.into_iter();
    let due: Vec<(MailName, Queued)> = due
        .filter(|(_, mail)| mail.state == MailState::Waiting && mail.not_before <= now)
        .take(MAILS_PER_CONVERSATION_MAX)
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    let mut post = Some(Post::open(config).await?);
    app.mailer.set_trouble(None);
    let mut letters: BTreeMap<(String, Language), Mail> = BTreeMap::new();
    for (name, mail) in due {
        if *stop.borrow() {
            break;
        }
        let notice = name.notice().unwrap_or_default().to_owned();
        let is_so = is_public(app, event, &notice).await.map_err(|error| error.to_string())?;
        let key = (notice, mail.recipient.language.clone());
        if is_so && !letters.contains_key(&key) {
            let made = published::letter(app, event, &key.1).await;
            letters.insert(key.clone(), made.map_err(|error| error.to_string())?);
        }
        let claimed = claim(app, event, &name, is_so).await.map_err(kept)?;
        let Some(letter) = letters.get(&key).filter(|_| claimed) else { continue };
        let mut conversation = match post.take() {
            Some(open) => open,
            None => match Post::open(config).await {
                Ok(open) => open,
                Err(trouble) => {
                    // Nothing was said of this mail yet.
                    finish(app, event, &name, &mail, None).await.map_err(kept)?;
                    return Err(trouble);
                }
            },
        };
        let recipient = &mail.recipient;
        let id = digits(format!("{event} {} {}", key.0, recipient.address).as_bytes());
        let handed = conversation
            .hand_over(&Letter {
                to: (&recipient.name, &recipient.address),
                language: recipient.language.as_str(),
                mail: letter,
                id: &id,
                at_ms: app.clock.now().0,
            })
            .await;
        if handed == Handed::Taken {
            post = Some(conversation);
        }
        finish(app, event, &name, &mail, Some(handed)).await.map_err(kept)?;
        tokio::time::sleep(config.spacing()).await;
    }
    if let Some(post) = post {
        post.close().await;
    }
    Ok(())
}

/// Puts down that a mail is being handed over, unless it is to be sent no more. `true` when it may
/// be.
async fn claim(
    app: &App,
    event: &EventId,
    name: &MailName,
    is_public: bool,
) -> Result<bool, StorageError> {
    let _writing = app.mailer.papers.lock().await;
    let known = mails(app, event, &name.0).await?.remove(name);
    let Some(mail) = known.filter(|mail| mail.state == MailState::Waiting) else {
        return Ok(false);
    };
    let state = if is_public { MailState::Sending } else { MailState::Dropped };
    let mail = paper(name.0.clone(), &Queued { state, ..mail });
    let mail = mail.map_err(|error| StorageError::Corrupt(error.to_string()))?;
    app.storage.put_papers(event, &[mail]).await?;
    Ok(is_public)
}

/// Puts down how the server answered; without an answer the mail waits as before.
async fn finish(
    app: &App,
    event: &EventId,
    name: &MailName,
    mail: &Queued,
    handed: Option<Handed>,
) -> Result<(), StorageError> {
    let tries = mail.tries + 1;
    let (state, said) = match handed {
        None => (MailState::Waiting, None),
        Some(Handed::Taken) => (MailState::Sent, None),
        Some(Handed::Later(said)) if tries < TRIES_MAX => (MailState::Waiting, Some(said)),
        Some(Handed::Later(said) | Handed::Refused(said)) => (MailState::Refused, Some(said)),
        Some(Handed::Unclear(said)) => (MailState::Unclear, Some(said)),
    };
    let wait = Millis(LATER.0.saturating_mul(1 << tries.min(TRIES_MAX)));
    let not_before = if state == MailState::Waiting && said.is_some() {
        app.clock.now().plus(wait)
    } else {
        mail.not_before
    };
    let tries = if said.is_some() { tries } else { mail.tries };
    let mail = Queued { recipient: mail.recipient.clone(), state, tries, not_before, said };
    let mail = paper(name.0.clone(), &mail);
    let mail = mail.map_err(|error| StorageError::Corrupt(error.to_string()))?;
    let _writing = app.mailer.papers.lock().await;
    app.storage.put_papers(event, &[mail]).await
}

/// Whether a mailing says what the public may read.
async fn is_public(app: &App, event: &EventId, notice: &str) -> Result<bool, ApiError> {
    let (_, handle) = app.event(event.as_str()).await?;
    let now = app.clock.now();
    Ok(handle.read(|state| public(state, now)).is_some_and(|(name, ..)| name == notice))
}
