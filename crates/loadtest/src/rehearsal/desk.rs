//! The record of a rehearsal: sentences are put down and marked while they are said, and after the
//! close they go the way of docs/RECORD.md to the issued release. Everybody acts by the public
//! interface with their own personal link, as people will.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use api_types::{ClearanceView, ReleaseView, StatementsView, TranscriptView, VersionSaved};
use base::{Language, Millis, PartyId, PersonId, StatementId, Timestamp};
use hyper::{Method, StatusCode};
use proceedings::{Clearance, Hash, Person, RecordCommand, RecordStatus, StatementEdit};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cast::Cast;
use super::outcome::Trial;
use super::script::{Cue, Script};
use super::{Progress, RehearsalPlan};
use crate::http::{Ask, Server};

/// Time that speakers' offices are given. Nothing waits for it.
const CLEARANCE: Millis = Millis::from_minutes(24 * 60);

/// Length of the embargo: long enough to see that it holds on a busy machine.
const EMBARGO: Millis = Millis::from_secs(5);

/// Time for the embargo to end after its moment; the server looks each half minute at the least,
/// and answers readers by the moment itself.
const EMBARGO_ENDS: Duration = Duration::from_secs(60);

/// Between two looks at whether it has.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// The forms of an issued release, by their endings.
const FORMS: [&str; 5] = ["txt", "md", "docx", "pdf", "json"];

/// What became of the record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Lines of the transcript.
    pub lines: usize,
    /// Statements that were marked.
    pub statements: usize,
    /// Of these, cleared by their speakers.
    pub cleared: usize,
    /// SHA-256 of the release that was issued.
    pub release: Option<Hash>,
    /// Parties that approved it.
    pub parties: BTreeSet<PartyId>,
    /// Languages in which it was read after its issue.
    pub languages: BTreeSet<Language>,
}

/// Who makes the record, and how far they are.
pub(super) struct Desk<'a> {
    plan: &'a RehearsalPlan,
    cast: &'a Cast,
    script: &'a Script,
    /// A moment here and the server's clock then.
    clock: (Instant, Timestamp),
    cues: VecDeque<Cue>,
    /// Sentences that were marked, with the moment from which on.
    marked: Vec<(usize, Timestamp)>,
    trials: Vec<Trial>,
    record: Record,
}

/// Whether something could be done; what not is among the trials already.
type Done<T> = Option<T>;

impl<'a> Desk<'a> {
    pub(super) fn new(
        plan: &'a RehearsalPlan,
        cast: &'a Cast,
        clock: (Instant, Timestamp),
    ) -> Option<Self> {
        let script = plan.script.as_ref()?;
        Some(Self {
            plan,
            cast,
            script,
            clock,
            cues: VecDeque::new(),
            marked: Vec::new(),
            trials: Vec::new(),
            record: Record::default(),
        })
    }

    // While people speak.

    /// A turn begins.
    pub(super) fn turn(
        &mut self,
        segment: &proceedings::Segment,
        speaker: Option<&PersonId>,
        began: Instant,
        length: Duration,
    ) {
        let cues = self.script.cues(&self.plan.event, segment, speaker, (began, length));
        self.cues.extend(cues);
    }

    /// The next sentence that ends before `until`.
    pub(super) fn due(&mut self, until: Instant) -> Option<Cue> {
        self.cues.front().filter(|cue| cue.end <= until)?;
        self.cues.pop_front()
    }

    /// A sentence was said: the captioner puts it down, the rapporteur marks it.
    pub(super) async fn put_down(&mut self, cue: Cue) {
        let Some(sentence) = self.script.sentences.get(cue.sentence) else { return };
        let (start, end) = (self.server_time(cue.start), self.server_time(cue.end));
        let line = RecordCommand::CommitTranscriptLine {
            person: Some(sentence.speaker.clone()),
            start,
            end,
            language: sentence.language.clone(),
            interpreted_from: None,
            text: sentence.said.clone(),
        };
        if let Some(captioner) = self.somebody("transcript", "captions", Person::captions) {
            self.command("transcript", &captioner, line).await;
        }
        let mark = RecordCommand::MarkStatement {
            speaker: Some(sentence.speaker.clone()),
            start,
            end,
            language: sentence.language.clone(),
        };
        if let Some(rapporteur) = self.rapporteur("marked")
            && self.command("marked", &rapporteur, mark).await.is_some()
        {
            self.marked.push((cue.sentence, start));
        }
    }

    // After the close.

    /// From the marked statements to the issued release.
    pub(super) async fn finish(mut self) -> (Vec<Trial>, Record) {
        for cue in std::mem::take(&mut self.cues) {
            self.fault("marked", format!("sentence {} never had its turn", cue.sentence + 1));
        }
        self.strangers_are_refused().await;
        self.tell("the transcript is read, statements are worded and checked");
        self.transcript().await;
        if let Some(rapporteur) = self.rapporteur("worded") {
            self.word(&rapporteur).await;
            self.tell("the speakers clear their statements");
            self.clear().await;
            self.tell("the release is drafted, approved and issued");
            self.release(&rapporteur).await;
        }
        (self.trials, self.record)
    }

    /// A participant's link opens nothing of all this.
    async fn strangers_are_refused(&mut self) {
        let Some(guest) = self.cast.guest.clone() else { return };
        for view in ["transcript", "statements", "release"] {
            let path = self.api(view);
            let answer = self.ask(Method::GET, &path, Some(&guest), None).await;
            let fault = match answer {
                Ok((StatusCode::FORBIDDEN, _)) => None,
                Ok((status, _)) => Some(format!("{guest} asking for {view} got {status}")),
                Err(error) => Some(error),
            };
            self.judge("record-refused", fault);
        }
    }

    async fn transcript(&mut self) {
        let Some(rapporteur) = self.rapporteur("transcript") else { return };
        let path = self.api("transcript");
        let Some(view) = self.read::<TranscriptView>("transcript", &path, &rapporteur).await else {
            return;
        };
        self.record.lines = view.lines.len();
        for (number, sentence) in self.script.sentences.iter().enumerate() {
            let is_there = view.lines.iter().any(|line| line.text == sentence.said.trim());
            let fault = format!("sentence {} is not in the transcript", number + 1);
            self.judge("transcript", (!is_there).then_some(fault));
        }
    }

    /// Each statement gets its verb and its words, is checked, and sent.
    async fn word(&mut self, rapporteur: &PersonId) {
        let path = self.api("statements");
        let Some(view) = self.read::<StatementsView>("worded", &path, rapporteur).await else {
            return;
        };
        self.record.statements = view.statements.len();
        let script = self.script;
        for (sentence, start) in std::mem::take(&mut self.marked) {
            let Some(said) = script.sentences.get(sentence) else { continue };
            let found = view.statements.iter().find(|one| {
                one.start == start && one.speaker.as_ref().is_none_or(|who| *who == said.speaker)
            });
            let Some(found) = found else {
                self.fault("worded", format!("the mark of sentence {} is lost", sentence + 1));
                continue;
            };
            let (statement, mut revision) = (found.id, found.revision);
            let wordings = said.words.iter().map(|(language, wording)| StatementEdit::Wording {
                language: language.clone(),
                wording: Some(wording.clone()),
            });
            let edits = std::iter::once(StatementEdit::Verb { verb: said.verb }).chain(wordings);
            for edit in edits {
                let edit = RecordCommand::EditStatement { statement, revision, edit };
                if self.command("worded", rapporteur, edit).await.is_none() {
                    break;
                }
                revision = base::Revision(revision.0 + 1);
            }
            let check = RecordCommand::CheckStatement { statement, revision };
            let deadline = self.server_time(Instant::now()).plus(CLEARANCE);
            let send = RecordCommand::SendForClearance { statement, revision, deadline };
            if self.command("worded", rapporteur, check).await.is_some() {
                self.command("worded", rapporteur, send).await;
            }
        }
    }

    /// Every speaker opens their own link and clears what was sent to them; who moderates clears
    /// what names nobody.
    async fn clear(&mut self) {
        let people = self.plan.event.people.iter().map(|person| &person.id).chain(&self.cast.guest);
        let people: BTreeSet<PersonId> =
            people.filter(|id| !self.token(id).is_empty()).cloned().collect();
        let path = self.api("clearance");
        let mut answered: BTreeSet<StatementId> = BTreeSet::new();
        for person in people {
            let Some(view) = self.read::<ClearanceView>("cleared", &path, &person).await else {
                continue;
            };
            for sent in view.statements {
                let own = sent.speaker.as_ref().is_none_or(|speaker| *speaker == person);
                self.judge("cleared", (!own).then(|| format!("{person} was sent another's")));
                if !answered.insert(sent.id) {
                    continue;
                }
                let (statement, revision) = (sent.id, sent.revision);
                let clearance = Clearance::Cleared;
                let answer = RecordCommand::AnswerClearance { statement, revision, clearance };
                if self.command("cleared", &person, answer).await.is_some() {
                    self.record.cleared += 1;
                }
            }
        }
        if self.record.cleared < self.record.statements {
            let (cleared, all) = (self.record.cleared, self.record.statements);
            self.fault("cleared", format!("{cleared} of {all} statements were cleared"));
        }
    }

    async fn release(&mut self, rapporteur: &PersonId) -> Done<()> {
        let (notes, json) = (self.script.notes.clone(), "application/json");
        let path = self.api("release/notes");
        let body = Some((json, notes));
        self.hoped("release", StatusCode::NO_CONTENT, Method::PUT, &path, rapporteur, body).await?;
        let path = self.api("release/draft");
        let ok = StatusCode::OK;
        let draft = self.hoped("release", ok, Method::GET, &path, rapporteur, None).await?;
        let path = self.api("release/check");
        let body = Some((json, draft.clone()));
        let problems = self.hoped("release", ok, Method::POST, &path, rapporteur, body).await?;
        let fault = format!("the draft cannot be issued: {problems}");
        self.judge("release", (problems != "[]").then_some(fault));
        let path = self.api("release/versions");
        let (created, body) = (StatusCode::CREATED, Some((json, draft)));
        let saved = self.hoped("release", created, Method::POST, &path, rapporteur, body).await?;
        let VersionSaved { version, document } = self.parsed("release", &path, &saved)?;

        let parties: Vec<PartyId> =
            self.plan.event.parties.iter().map(|party| party.id.clone()).collect();
        let issuer = self.organiser(parties.first()?)?;
        let issue = RecordCommand::IssueRelease { version, document, correction: None };
        let path = self.command_path();
        let early = self.post(&path, &issuer, &issue).await;
        let fault = match early {
            Ok((StatusCode::CONFLICT | StatusCode::FORBIDDEN, _)) => None,
            Ok((status, text)) => Some(format!("issuing unapproved was answered {status}: {text}")),
            Err(error) => Some(error),
        };
        self.judge("release-refused", fault);
        self.nothing_is_public("before the issue").await;
        for party in parties {
            let approver = self.organiser(&party)?;
            let approve = RecordCommand::ApproveRelease { version, document };
            self.command("release", &approver, approve).await?;
            self.record.parties.insert(party);
        }
        let until = self.server_time(Instant::now()).plus(EMBARGO);
        let embargo = RecordCommand::SetEmbargo { until: Some(until) };
        self.command("release", &issuer, embargo).await?;
        self.command("release", &issuer, issue).await?;
        let path = self.api("release");
        let view: ReleaseView = self.read("release", &path, &issuer).await?;
        let issued = view.issues.iter().any(|issue| issue.document == document);
        self.judge("release", (!issued).then(|| "the issue is not in the release".to_owned()));
        self.record.release = Some(document);
        if self.server_time(Instant::now()) < until {
            self.nothing_is_public("under the embargo").await;
        }
        self.tell("the embargo ends, everybody reads");
        self.everybody_reads(until).await
    }

    /// Whoever asks before the moment learns nothing.
    async fn nothing_is_public(&mut self, when: &str) {
        let path = self.page("release");
        let answer = self.ask(Method::GET, &path, None, None).await;
        let fault = match answer {
            Ok((StatusCode::NOT_FOUND, _)) => None,
            Ok((status, _)) => Some(format!("the release was answered {status} {when}")),
            Err(error) => Some(error),
        };
        self.judge("release-refused", fault);
    }

    /// After the embargo everybody reads the release in every language and form, and every
    /// statement stands in it.
    async fn everybody_reads(&mut self, until: Timestamp) -> Done<()> {
        let path = self.page("release");
        let latest = Instant::now() + EMBARGO_ENDS;
        while !matches!(self.ask(Method::GET, &path, None, None).await, Ok((StatusCode::OK, _))) {
            if Instant::now() > latest {
                self.fault("public", "the embargo did not end".to_owned());
                return None;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        let early = self.server_time(Instant::now()) < until;
        self.judge("release-refused", early.then(|| "the embargo ended too early".to_owned()));
        let script = self.script;
        let languages: BTreeSet<Language> =
            script.sentences.iter().flat_map(|sentence| sentence.words.keys()).cloned().collect();
        for language in languages {
            let page = self.page(&format!("release/{language}"));
            let text = self.open("public", &page).await?;
            self.judge("public", text.is_empty().then(|| format!("{page} is empty")));
            for form in FORMS {
                let path = format!("{page}.{form}");
                let text = self.open("public", &path).await?;
                self.judge("public", text.is_empty().then(|| format!("{path} is empty")));
                if form == "txt" {
                    self.facts(&language, &text);
                }
            }
            self.record.languages.insert(language);
        }
        Some(())
    }

    /// What each statement says, and who is named for it, stands in the release.
    fn facts(&mut self, language: &Language, release: &str) {
        let (release, script) = (flat(release), self.script);
        let chatham_house = |sentence: &super::script::Sentence| {
            let segment = self.plan.event.segments.iter().find(|one| one.id == sentence.segment);
            segment.is_some_and(|one| one.record_status == RecordStatus::ChathamHouseRule)
        };
        let mut faults = Vec::new();
        for (number, sentence) in script.sentences.iter().enumerate() {
            let Some(words) = sentence.words.get(language) else { continue };
            if !release.contains(&flat(words.text())) {
                faults.push(Some(format!("sentence {} is not in it in {language}", number + 1)));
            } else {
                faults.push(None);
            }
            let speaker = self.plan.event.people.iter().find(|one| one.id == sentence.speaker);
            let name = speaker.and_then(|one| one.name.0.get(language));
            let missing =
                name.filter(|name| !chatham_house(sentence) && !release.contains(&flat(name)));
            faults.push(missing.map(|name| format!("{name} is not named in {language}")));
        }
        for fault in faults {
            self.judge("facts", fault);
        }
    }

    // How they do it.

    fn tell(&self, what: &'static str) {
        (self.plan.progress)(Progress::Record { what });
    }

    fn server_time(&self, at: Instant) -> Timestamp {
        let (here, there) = self.clock;
        let passed = at.saturating_duration_since(here).as_millis();
        there.plus(Millis(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    fn token(&self, person: &PersonId) -> &'a str {
        let audience = self.cast.audience.iter().find(|(other, _)| other == person);
        let token = audience.map(|(_, token)| token).or_else(|| self.plan.links.get(person));
        token.map_or("", String::as_str)
    }

    /// The first person of the programme with a link who may do this.
    fn somebody(
        &mut self,
        check: &'static str,
        what: &str,
        may: fn(&Person) -> bool,
    ) -> Done<PersonId> {
        let mut people = self.plan.event.people.iter();
        let found = people.find(|one| may(one) && self.plan.links.contains_key(&one.id));
        if found.is_none() {
            self.fault(check, format!("the programme names nobody who {what}"));
        }
        found.map(|person| person.id.clone())
    }

    fn rapporteur(&mut self, check: &'static str) -> Done<PersonId> {
        // Who has no other task comes first: a speaker has other things to do.
        let only = |one: &Person| one.works_at_desk() && !one.moderates();
        let people = &self.plan.event.people;
        let known = people.iter().find(|one| only(one) && self.plan.links.contains_key(&one.id));
        match known {
            Some(person) => Some(person.id.clone()),
            None => self.somebody(check, "reports", Person::works_at_desk),
        }
    }

    /// Who speaks for a party. An organiser of no party speaks for the first.
    fn organiser(&mut self, party: &PartyId) -> Done<PersonId> {
        let first = self.plan.event.parties.first().map(|first| &first.id);
        let speaks_for = |one: &&Person| match &one.party {
            Some(own) => own == party,
            None => first == Some(party),
        };
        let mut people = self.plan.event.people.iter().filter(|one| one.organises());
        let found = people.find(|one| speaks_for(one) && self.plan.links.contains_key(&one.id));
        if found.is_none() {
            self.fault("release", format!("the programme names no organiser of the party {party}"));
        }
        found.map(|person| person.id.clone())
    }

    fn fault(&mut self, check: &'static str, fault: String) {
        self.judge(check, Some(fault));
    }

    fn judge(&mut self, check: &'static str, fault: Option<String>) {
        self.trials.push(Trial { check, fault });
    }

    fn server(&self) -> &'a Server {
        &self.cast.server
    }

    fn api(&self, what: &str) -> String {
        self.server().path(&format!("/api/events/{}/{what}", self.plan.event.id))
    }

    fn command_path(&self) -> String {
        self.api("commands")
    }

    fn page(&self, what: &str) -> String {
        self.server().path(&format!("/e/{}/{what}", self.plan.event.id))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        person: Option<&PersonId>,
        body: Option<(&'static str, String)>,
    ) -> Result<(StatusCode, String), String> {
        let token = person.map(|person| self.token(person));
        let answer = self.server().ask(Ask { method, path, token, body }).await;
        answer.map(|answer| (answer.status, answer.text())).map_err(|error| error.to_string())
    }

    async fn post(
        &self,
        path: &str,
        person: &PersonId,
        command: &RecordCommand,
    ) -> Result<(StatusCode, String), String> {
        let body = serde_json::to_string(command).map_err(|error| error.to_string())?;
        self.ask(Method::POST, path, Some(person), Some(("application/json", body))).await
    }

    /// A command that must be carried out.
    async fn command(
        &mut self,
        check: &'static str,
        person: &PersonId,
        command: RecordCommand,
    ) -> Done<()> {
        let path = self.command_path();
        let fault = match self.post(&path, person, &command).await {
            Ok((StatusCode::OK, _)) => None,
            Ok((status, text)) => Some(format!("{person}: {status}: {text}")),
            Err(error) => Some(format!("{person}: {error}")),
        };
        let done = fault.is_none().then_some(());
        self.judge(check, fault);
        done
    }

    async fn hoped(
        &mut self,
        check: &'static str,
        hoped: StatusCode,
        method: Method,
        path: &str,
        person: &PersonId,
        body: Option<(&'static str, String)>,
    ) -> Done<String> {
        match self.ask(method, path, Some(person), body).await {
            Ok((status, text)) if status == hoped => {
                self.judge(check, None);
                Some(text)
            }
            Ok((status, text)) => {
                self.fault(check, format!("{person}: {path} was answered {status}: {text}"));
                None
            }
            Err(error) => {
                self.fault(check, format!("{person}: {error}"));
                None
            }
        }
    }

    async fn read<T: DeserializeOwned>(
        &mut self,
        check: &'static str,
        path: &str,
        person: &PersonId,
    ) -> Done<T> {
        let text = self.hoped(check, StatusCode::OK, Method::GET, path, person, None).await?;
        self.parsed(check, path, &text)
    }

    fn parsed<T: DeserializeOwned>(
        &mut self,
        check: &'static str,
        path: &str,
        text: &str,
    ) -> Done<T> {
        match serde_json::from_str(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(check, format!("the answer to {path} cannot be read: {error}"));
                None
            }
        }
    }

    /// What everybody may read.
    async fn open(&mut self, check: &'static str, path: &str) -> Done<String> {
        match self.ask(Method::GET, path, None, None).await {
            Ok((StatusCode::OK, text)) => Some(text),
            Ok((status, _)) => {
                self.fault(check, format!("{path} was answered {status}"));
                None
            }
            Err(error) => {
                self.fault(check, error);
                None
            }
        }
    }
}

/// The text without line breaks and without marks of direction.
fn flat(text: &str) -> String {
    let marks = |letter: char| matches!(letter, '\u{200E}' | '\u{200F}' | '\u{2066}'..='\u{2069}');
    let plain: String = text.chars().filter(|letter| !marks(*letter)).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Checks that the desk adds, in the order of the report.
pub(super) const CHECKS: [(&str, &str); 9] = [
    ("transcript", "the captioner put down every sentence while it was said"),
    ("marked", "the rapporteur marked every statement"),
    ("worded", "every statement was worded, checked and sent"),
    ("cleared", "every speaker cleared their own statements by their own link"),
    ("record-refused", "a participant could read nothing of it (403)"),
    ("release", "the release was drafted, approved by every party and issued"),
    ("release-refused", "nothing was issued unapproved, nothing was public before its moment"),
    ("public", "everybody read the release in every language and form"),
    ("facts", "the release says in every language what each speaker said"),
];
