//! From the programme to facts, and what the programme does not say: how people are addressed the
//! second time, the house's own paragraphs.

use std::collections::{BTreeMap, BTreeSet};

use base::limits::PROGRAMME_FILE_BYTES_MAX;
use base::{
    Language, Localized, Millis, PartyId, PersonId, Revision, SegmentId, StatementId, Timestamp,
};
use proceedings::{
    Admission, Attendance, EventDefinition, EventState, RecordStatus, ReportingVerb, StatementLife,
    Wording,
};
use serde::{Deserialize, Serialize};

use crate::facts::{Clearance, Event, Facts, Gender, Line, Organiser, Person, Segment, Statement};
use crate::output::record::Stretch;
use crate::release::Span;

/// What a release needs and a programme does not have. Everything may be missing: then names are
/// repeated in full and the house's paragraphs are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReleaseNotes {
    /// See [`Event::headline`].
    pub headline: Option<Localized>,
    /// See [`Event::dedication`].
    pub dedication: Option<Localized>,
    /// See [`Event::thanks`].
    pub thanks: Option<Localized>,
    /// See [`Event::outlook`].
    pub outlook: Option<Localized>,
    /// See [`Event::boilerplate`].
    pub boilerplate: Option<Localized>,
    /// See [`Event::contact`].
    pub contact: Option<Localized>,
    /// Parties' names as they stand inside a sentence.
    pub parties: BTreeMap<PartyId, Localized>,
    /// How people are addressed.
    pub people: BTreeMap<PersonId, PersonNotes>,
}

/// How a person is addressed and spoken of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PersonNotes {
    /// See [`Person::gender`].
    pub gender: Gender,
    /// See [`Person::surname`].
    pub surname: Option<Localized>,
    /// See [`Person::address`].
    pub address: Option<Localized>,
    /// See [`Person::title`].
    pub title: Option<Localized>,
    /// The honorific as a release writes it out, where it differs from the name plate's.
    pub honorific: Option<Localized>,
}

/// A statement of a rehearsal: what will be marked while the example's speech plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RehearsedStatement {
    /// Who says it.
    pub speaker: PersonId,
    /// In which part.
    pub segment: SegmentId,
    /// How it is reported.
    pub verb: ReportingVerb,
    /// Language in which it is said.
    pub original: Language,
    /// Set when the other languages go back to an interpreter.
    #[serde(default)]
    pub interpreted_from: Option<Language>,
    /// Where it begins, in milliseconds from the opening.
    pub start_ms: u64,
    /// Where it ends.
    pub end_ms: u64,
    /// What is heard then, as the transcript has it; the words in the original language where it
    /// is missing.
    #[serde(default)]
    pub said: Option<String>,
    /// The words by language.
    pub words: BTreeMap<Language, Wording>,
}

/// Why the text is not a file of notes.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// Longer than a programme file may be.
    #[error("the file has {0} bytes, of at most {PROGRAMME_FILE_BYTES_MAX}")]
    TooLong(usize),
    /// Not TOML of this form; the message has line and column.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotesFile {
    release: ReleaseNotes,
    #[serde(default)]
    statements: Vec<RehearsedStatement>,
}

/// Reads a file of notes: `[release]` and `[[statements]]`, as
/// `examples/russian-diplomats-day.statements.toml`.
///
/// # Errors
/// [`NotesError`] with the line of the first mistake.
pub fn read_notes(text: &str) -> Result<(ReleaseNotes, Vec<RehearsedStatement>), NotesError> {
    if text.len() > PROGRAMME_FILE_BYTES_MAX {
        return Err(NotesError::TooLong(text.len()));
    }
    let file: NotesFile = toml::from_str(text)?;
    Ok((file.release, file.statements))
}

impl RehearsedStatement {
    /// The statement of this number, on the record, as far as its office has agreed to it.
    pub fn with(self, id: StatementId, clearance: Clearance) -> Statement {
        Statement {
            id,
            speaker: Some(self.speaker),
            segment: self.segment,
            record: RecordStatus::OnTheRecord,
            verb: self.verb,
            words: self.words,
            original: self.original,
            interpreted_from: self.interpreted_from,
            start: Millis(self.start_ms),
            end: Millis(self.end_ms),
            clearance,
            revision: Revision(1),
        }
    }
}

/// The facts of an event as planned, without statements. Who knows better when it was opened, how
/// long its parts were and what their status became overwrites that.
pub fn from_programme(definition: &EventDefinition, notes: &ReleaseNotes) -> Facts {
    let mut at = Millis(0);
    let segments = definition
        .segments
        .iter()
        .map(|segment| {
            let start = at;
            at = Millis(at.0.saturating_add(segment.planned.0));
            Segment {
                id: segment.id.clone(),
                kind: segment.kind,
                title: segment.title.clone(),
                on_the_record: segment.record_status == RecordStatus::OnTheRecord,
                under_rule: segment.record_status == RecordStatus::ChathamHouseRule,
                floor: segment.floor.clone(),
                held: Some((start, at)),
            }
        })
        .collect();
    let people = definition.people.iter().map(|known| person(known, notes)).collect();
    let organisers = definition
        .parties
        .iter()
        .map(|party| Organiser {
            name: party.name.clone(),
            in_text: notes.parties.get(&party.id).cloned(),
        })
        .collect();
    Facts {
        event: Event {
            id: definition.id.clone(),
            languages: definition.languages.clone(),
            title: definition.title.clone(),
            occasion: definition.occasion.clone(),
            dedication: notes.dedication.clone(),
            headline: notes.headline.clone(),
            notice: definition.notice.clone(),
            opened: definition.start,
            time_zone: definition.time_zone.clone(),
            city: definition.city.clone(),
            organisers,
            thanks: notes.thanks.clone(),
            outlook: notes.outlook.clone(),
            boilerplate: notes.boilerplate.clone(),
            contact: notes.contact.clone(),
            attendance: None,
        },
        people,
        segments,
        statements: Vec::new(),
    }
}

fn person(person: &proceedings::Person, notes: &ReleaseNotes) -> Person {
    let notes = notes.people.get(&person.id).cloned().unwrap_or_default();
    Person {
        id: person.id.clone(),
        name: person.name.clone(),
        honorific: notes.honorific.or_else(|| person.honorific.clone()),
        surname: notes.surname,
        address: notes.address,
        title: notes.title,
        office: person.office.clone(),
        affiliation: person.affiliation.clone(),
        gender: notes.gender,
        roles: person.roles.clone(),
    }
}

/// The facts of an event as its proceedings have them: who came, what each part's status was while
/// it ran, what was said and how far it is cleared.
pub fn from_state(state: &EventState, notes: &ReleaseNotes) -> Facts {
    let mut facts = from_programme(&state.definition, notes);
    let opened = state.opened_at.unwrap_or(state.definition.start);
    facts.event.opened = opened;
    let planned: BTreeSet<PersonId> = facts.people.iter().map(|person| person.id.clone()).collect();
    let came = state.people.values().map(|attendance| &attendance.person);
    let others = came.filter(|known| !planned.contains(&known.id));
    facts.people.extend(others.map(|known| person(known, notes)));
    for segment in &mut facts.segments {
        let runs = || state.record.time.runs().iter().filter(|run| run.segment == segment.id);
        let had = |status: RecordStatus| runs().any(|run| run.status == status);
        let began = runs().map(|run| run.from).min();
        let ended = runs().map(|run| run.until.or(state.closed_at).unwrap_or(run.from)).max();
        segment.held =
            began.zip(ended).map(|(from, until)| (from.since(opened), until.since(opened)));
        segment.on_the_record = had(RecordStatus::OnTheRecord);
        // What was planned under the Rule counts too: people came because of it.
        segment.under_rule |= had(RecordStatus::ChathamHouseRule);
    }
    facts.statements = state.record.statements.iter().map(|said| statement(state, said)).collect();
    facts
}

fn statement(state: &EventState, said: &proceedings::Statement) -> Statement {
    let opened = state.opened_at.unwrap_or(state.definition.start);
    Statement {
        id: said.id,
        speaker: said.speaker.clone(),
        segment: said.segment.clone(),
        record: status_at(state, said.start),
        verb: said.verb.unwrap_or(ReportingVerb::Said),
        words: said.wordings.clone(),
        original: said.language.clone(),
        interpreted_from: None,
        start: said.start.since(opened),
        end: said.end.since(opened),
        clearance: match said.life {
            StatementLife::Cleared => Clearance::Cleared,
            StatementLife::Withheld { .. } | StatementLife::Withdrawn { .. } => Clearance::Withheld,
            StatementLife::Drafted
            | StatementLife::Checked
            | StatementLife::Sent { .. }
            | StatementLife::Corrected { .. } => Clearance::Pending,
        },
        revision: said.revision,
    }
}

/// The lines of the transcript, without those that were struck.
pub fn transcript(state: &EventState) -> Vec<Line> {
    let opened = state.opened_at.unwrap_or(state.definition.start);
    let lines = state.record.transcript.iter().filter(|line| !line.struck);
    lines
        .map(|line| Line {
            speaker: line.person.clone(),
            record: status_at(state, line.start),
            start: line.start.since(opened),
            end: line.end.since(opened),
            language: line.language.clone(),
            text: line.text.clone(),
        })
        .collect()
}

/// The parts of the event as they were held, in order: each stretch of one part under one status,
/// and whole parts that were off the record.
pub fn stretches(state: &EventState) -> Vec<Stretch> {
    let opened = state.opened_at.unwrap_or(state.definition.start);
    let over = state.closed_at.unwrap_or(opened);
    let span = |from: Timestamp, until: Option<Timestamp>| Span {
        start: from.since(opened),
        end: until.unwrap_or(over).since(opened),
    };
    let mut found: Vec<Stretch> = Vec::new();
    for run in state.record.time.runs() {
        let span = span(run.from, run.until);
        match found.last_mut() {
            // A suspension makes no new part.
            Some(last) if last.segment == run.segment && last.status == run.status => {
                last.span.end = span.end;
            }
            _ => found.push(Stretch { segment: run.segment.clone(), status: run.status, span }),
        }
    }
    for (segment, progress) in state.definition.segments.iter().zip(&state.programme.segments) {
        let Some(began) = progress.began_at else { continue };
        if found.iter().all(|stretch| stretch.segment != segment.id) {
            found.push(Stretch {
                segment: segment.id.clone(),
                status: RecordStatus::OffTheRecord,
                span: span(began, progress.ended_at),
            });
        }
    }
    found.sort_by_key(|stretch| stretch.span.start);
    found
}

/// How many came, beside those with a task in the event. Nothing is told where the policy forbids
/// it, nor when a part was under the Chatham House Rule, which hides who was there.
pub fn attendance(state: &EventState, facts: &Facts) -> Option<u32> {
    if !state.definition.policy.attendance_published || facts.has_chatham_house() {
        return None;
    }
    let came = |known: &&Attendance| {
        known.person.is_participant()
            && known.arrived_at.is_some()
            && known.admission == Admission::Admitted
    };
    u32::try_from(state.people.values().filter(came).count()).ok()
}

/// Status of a moment; one that no stretch of the record covers was off the record.
fn status_at(state: &EventState, at: Timestamp) -> RecordStatus {
    state.record.time.run_at(at).map_or(RecordStatus::OffTheRecord, |run| run.status)
}
