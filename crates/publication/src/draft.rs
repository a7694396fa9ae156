//! Facts in, release out.

use std::collections::{BTreeMap, BTreeSet};

use base::{Language, Localized, PersonId, SegmentId};
use proceedings::{RecordStatus, Role, Wording};

use crate::dates::Day;
use crate::facts::{Clearance, Facts, Gender, Person, Segment, Statement};
use crate::names::Names;
use crate::release::{
    About, Block, Cited, Fact, Named, Part, ProgrammePart, Release, Run, Source, Span, Version,
};
use crate::style::{HouseStyle, InterventionOrder};
use crate::text::{clean, upper_first, without_stop};
use crate::words::{Grammar, fill, grammar};

/// Why nothing can be drafted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// No language of the event has a grammar here.
    #[error(
        "a release can be drafted in English, Russian and Urdu, and the event has none of them"
    )]
    NoLanguage,
}

/// Drafts the release of an event, dated `dated`, in every language of the event that has a
/// grammar here.
///
/// Statements that were withheld, and anything from a part that was off the record, are left out.
/// A statement without words in a language is missing from that version; [`crate::check`] says so.
///
/// # Errors
/// [`DraftError::NoLanguage`].
pub fn draft(facts: &Facts, style: &HouseStyle, dated: Day) -> Result<Release, DraftError> {
    let languages: Vec<&Language> =
        facts.event.languages.iter().filter(|language| grammar(language).is_some()).collect();
    let Some(original) = languages.first() else {
        return Err(DraftError::NoLanguage);
    };
    let interventions = interventions(facts, style.interventions);
    let statements = interventions
        .iter()
        .flat_map(|intervention| &intervention.statements)
        .map(|statement| cited(statement))
        .collect();
    let mut versions = BTreeMap::new();
    for language in &languages {
        if let Some(frame) = Frame::new(facts, language, original, dated) {
            versions.insert((*language).clone(), frame.version(style, &interventions));
        }
    }
    Ok(Release {
        form: Release::FORM,
        event: facts.event.id.clone(),
        dated,
        original: (*original).clone(),
        about: about(facts),
        statements,
        versions,
    })
}

/// What one person said in one go, or all that was said in a part under the Chatham House Rule.
pub(crate) struct Intervention<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) speaker: Option<&'a Person>,
    pub(crate) statements: Vec<&'a Statement>,
}

/// True when the statement may stand in a release at all.
pub(crate) fn is_reportable(facts: &Facts, statement: &Statement) -> bool {
    let attributed = match statement.record {
        RecordStatus::OnTheRecord => {
            statement.speaker.as_ref().is_some_and(|speaker| facts.person(speaker).is_some())
        }
        RecordStatus::ChathamHouseRule => true,
        RecordStatus::OffTheRecord => false,
    };
    let held = facts.segment(&statement.segment).is_some();
    attributed && held && statement.clearance != Clearance::Withheld
}

fn interventions<'a>(facts: &'a Facts, order: InterventionOrder) -> Vec<Intervention<'a>> {
    let mut made: Vec<Intervention<'a>> = Vec::new();
    for segment in &facts.segments {
        let mut statements: Vec<&Statement> = facts
            .statements
            .iter()
            .filter(|statement| statement.segment == segment.id && is_reportable(facts, statement))
            .collect();
        statements.sort_by_key(|statement| (statement.start, statement.id));
        for statement in statements {
            let attributed = statement.speaker.as_ref().filter(|_| statement.is_attributed());
            let speaker = attributed.and_then(|speaker| facts.person(speaker));
            let id = |person: Option<&Person>| person.map(|person| person.id.clone());
            match made.last_mut() {
                Some(last) if last.segment.id == segment.id && id(last.speaker) == id(speaker) => {
                    last.statements.push(statement);
                }
                _ => made.push(Intervention { segment, speaker, statements: vec![statement] }),
            }
        }
    }
    if order == InterventionOrder::PlenaryFirst {
        made.sort_by_key(|intervention| {
            intervention.segment.kind != proceedings::SegmentKind::PlenaryAddress
        });
    }
    made
}

/// What a release says of a statement: under the Chatham House Rule only that it was made.
pub(crate) fn cited(statement: &Statement) -> Cited {
    let named = statement.is_attributed();
    Cited {
        id: statement.id,
        segment: statement.segment.clone(),
        speaker: statement.speaker.clone().filter(|_| named),
        span: named.then_some(Span { start: statement.start, end: statement.end }),
    }
}

/// What a release says of the event around its text.
pub(crate) fn about(facts: &Facts) -> About {
    let nameable = facts.nameable();
    let names = Names::new(facts);
    let tidy = |text: &Localized| {
        Localized(text.0.iter().map(|(tag, text)| (tag.clone(), clean(text))).collect())
    };
    let people = facts
        .people
        .iter()
        .filter(|person| nameable.contains(&person.id))
        .map(|person| Named {
            id: person.id.clone(),
            name: tidy(&person.name),
            title: full_titles(facts, person),
        })
        .collect();
    let programme = facts
        .segments
        .iter()
        .map(|segment| ProgrammePart {
            id: segment.id.clone(),
            kind: segment.kind,
            title: segment.title.as_ref().map(tidy).filter(|title| {
                !title.0.values().any(|text| names.leaks(text, segment.under_rule))
            }),
            record: segment.status(),
        })
        .collect();
    About {
        title: tidy(&facts.event.title),
        opened: facts.event.opened,
        time_zone: facts.event.time_zone.clone(),
        city: tidy(&facts.event.city),
        organisers: facts.event.organisers.iter().map(|body| tidy(&body.name)).collect(),
        people,
        programme,
    }
}

fn full_titles(facts: &Facts, person: &Person) -> Option<Localized> {
    let languages: BTreeSet<&Language> = facts.event.languages.iter().collect();
    let titles: BTreeMap<Language, String> = languages
        .into_iter()
        .filter_map(|language| {
            let title = title(person, language, &facts.event.languages)?;
            Some((language.clone(), title))
        })
        .collect();
    (!titles.is_empty()).then_some(Localized(titles))
}

/// The full title, from what is known.
pub(crate) fn title(
    person: &Person,
    language: &Language,
    fallbacks: &[Language],
) -> Option<String> {
    let text = |text: &Option<Localized>| {
        let text = clean(text.as_ref()?.best(language, fallbacks)?);
        (!text.is_empty()).then_some(text)
    };
    let comma = grammar(language).map_or(", ", |grammar| grammar.comma);
    text(&person.title).or_else(|| match (text(&person.office), text(&person.affiliation)) {
        (Some(office), Some(body)) if grammar(language).is_some_and(|g| g.right_to_left) => {
            Some(format!("{body}{comma}{office}"))
        }
        (Some(office), Some(body)) => Some(format!("{office}{comma}{body}")),
        (office, body) => office.or(body),
    })
}

/// Makes the sentences of one language.
pub(crate) struct Frame<'a> {
    facts: &'a Facts,
    language: &'a Language,
    original: &'a Language,
    dated: Day,
    grammar: &'static Grammar,
    nameable: BTreeSet<PersonId>,
}

impl<'a> Frame<'a> {
    /// `None` when the language has no grammar.
    pub(crate) fn new(
        facts: &'a Facts,
        language: &'a Language,
        original: &'a Language,
        dated: Day,
    ) -> Option<Self> {
        let grammar = grammar(language)?;
        Some(Self { facts, language, original, dated, grammar, nameable: facts.nameable() })
    }

    fn version(&self, style: &HouseStyle, interventions: &[Intervention<'_>]) -> Version {
        let mut blocks = Vec::new();
        let mut done = BTreeSet::new();
        for part in &style.order {
            if !done.insert(*part) {
                continue;
            }
            if *part == Part::Intervention {
                blocks.extend(
                    interventions.iter().filter_map(|intervention| self.paragraph(intervention)),
                );
            } else if *part == Part::EndMark {
                blocks.extend(block(*part, vec![run(&style.end_mark, Fact::House)]));
            } else {
                blocks.extend(block(*part, self.facts_of(*part)));
            }
        }
        Version { blocks }
    }

    fn paragraph(&self, intervention: &Intervention<'_>) -> Option<Block> {
        let mut runs = Vec::new();
        for statement in &intervention.statements {
            let text = match runs.is_empty() {
                true => self.opening(statement),
                false => self.following(statement),
            };
            if let Some(text) = text {
                runs.push(Run { text, source: Source::Statement(statement.id) });
            }
        }
        (!runs.is_empty()).then(|| Block {
            part: Part::Intervention,
            segment: Some(intervention.segment.id.clone()),
            runs,
        })
    }

    /// All that the facts have for a part other than interventions and the end mark.
    pub(crate) fn facts_of(&self, part: Part) -> Vec<Run> {
        let event = &self.facts.event;
        let given = |text: &Option<Localized>, fact: Fact| {
            text.as_ref().and_then(|text| self.given(text)).map(|text| run(&text, fact))
        };
        match part {
            Part::Letterhead => {
                let names: Vec<String> =
                    event.organisers.iter().map(|body| self.any(&body.name)).collect();
                vec![run(&names.join(" · "), Fact::Organiser)]
            }
            Part::Headline => {
                let headline = event.headline.as_ref().and_then(|text| self.given(text));
                let headline = headline.unwrap_or_else(|| self.any(&event.title));
                vec![run(&headline, Fact::Subject)]
            }
            Part::Deck => given(&event.occasion, Fact::Occasion).into_iter().collect(),
            Part::Lede => self.lede(),
            Part::Thanks => given(&event.thanks, Fact::Thanks).into_iter().collect(),
            Part::Outlook => given(&event.outlook, Fact::Outlook).into_iter().collect(),
            Part::Boilerplate => given(&event.boilerplate, Fact::Boilerplate).into_iter().collect(),
            Part::Contact => given(&event.contact, Fact::Contact).into_iter().collect(),
            Part::Notice => given(&event.notice, Fact::Notice).into_iter().collect(),
            Part::Prevailing => vec![run(&self.prevailing(), Fact::House)],
            Part::Intervention | Part::Paragraph | Part::EndMark => Vec::new(),
        }
    }

    fn prevailing(&self) -> String {
        if self.language == self.original {
            return self.grammar.this_prevails.to_owned();
        }
        let name = self.grammar.language_name(self.original);
        fill(self.grammar.translation, &[("", &name)])
    }

    fn lede(&self) -> Vec<Run> {
        let (grammar, event) = (self.grammar, &self.facts.event);
        let city = self.any(&event.city);
        let dated = self.dated.in_words(grammar);
        let dateline = fill(grammar.dateline, &[("city", &city), ("date", &dated)]);
        let mut runs = vec![run(&dateline, Fact::Dateline), run(&self.held(), Fact::Event)];
        let people = |role: Role| {
            self.facts
                .people
                .iter()
                .filter(move |person| {
                    person.roles.contains(&role) && self.nameable.contains(&person.id)
                })
                .map(|person| (person, self.full_name(person)))
        };
        for (person, name) in people(Role::Moderator) {
            let text = fill(grammar.moderator, &[("person", &name)]);
            runs.push(run(&text, Fact::Person(person.id.clone())));
        }
        for (role, forms) in [
            (Role::PlenarySpeaker, &grammar.plenary),
            (Role::ConcludingSpeaker, &grammar.concluding),
        ] {
            for (person, name) in people(role) {
                let comma = if self.title(person).is_some() { "," } else { "" };
                let form = Grammar::pick(forms, person.gender);
                let text = fill(form, &[("person", &name), (",", comma)]);
                runs.push(run(&upper_first(&text), Fact::Person(person.id.clone())));
            }
        }
        let panel: Vec<String> = people(Role::Panellist).map(|(_, name)| name).collect();
        if !panel.is_empty() {
            let text = fill(grammar.panellists, &[("people", &panel.join(grammar.semicolon))]);
            runs.push(run(&text, Fact::Panel));
        }
        if let Some(count) = event.attendance.filter(|_| !self.facts.has_chatham_house()) {
            let text = fill(grammar.attendance, &[("", &count.to_string())]);
            runs.push(run(&text, Fact::Attendance));
        }
        runs
    }

    fn held(&self) -> String {
        let (grammar, event) = (self.grammar, &self.facts.event);
        let organisers: Vec<String> = event
            .organisers
            .iter()
            .map(|body| {
                let in_text = body.in_text.as_ref().and_then(|text| self.given(text));
                in_text.unwrap_or_else(|| self.any(&body.name))
            })
            .collect();
        let dedication = event.dedication.as_ref().and_then(|text| self.given(text));
        let dedication = dedication.map(|text| fill(grammar.dedication, &[("", &text)]));
        let day = Day::of(event.opened, &event.time_zone).with_weekday(grammar);
        let [one, several] = grammar.held;
        let text = fill(
            if organisers.len() > 1 { several } else { one },
            &[
                ("title", &self.any(&event.title)),
                ("day", &day),
                ("organisers", &grammar.list(&organisers)),
                ("dedication", &dedication.unwrap_or_default()),
            ],
        );
        upper_first(&text)
    }

    /// The sentence that opens an intervention with this statement; `None` without words in this
    /// language.
    pub(crate) fn opening(&self, statement: &Statement) -> Option<String> {
        let segment = self.facts.segment(&statement.segment)?;
        let own_title = segment.title.as_ref().map(|title| self.any(title)).unwrap_or_default();
        match self.speaker(statement) {
            Some(person) => {
                let part = (self.grammar.part)(segment.kind, person.gender);
                let values = [
                    ("subject", &*self.subject(person)),
                    ("part", &fill(part, &[("title", &own_title)])),
                    ("verb", &self.reported(statement, person.gender)?),
                ];
                Some(self.finished(&fill(self.grammar.opening, &values)))
            }
            None => {
                let part = (self.grammar.chatham_part)(segment.kind);
                let values = [
                    ("part", &*fill(part, &[("title", &own_title)])),
                    ("verb", &self.reported(statement, Gender::Masculine)?),
                ];
                Some(self.finished(&fill(self.grammar.chatham_opening, &values)))
            }
        }
    }

    /// The sentence with this statement after others of the same person.
    pub(crate) fn following(&self, statement: &Statement) -> Option<String> {
        let sentence = match self.speaker(statement) {
            Some(person) => {
                let pronoun = (self.grammar.pronoun)(person.gender).map(str::to_owned);
                let subject = pronoun.unwrap_or_else(|| self.subject(person));
                let verb = self.reported(statement, person.gender)?;
                fill(self.grammar.following, &[("subject", &subject), ("verb", &verb)])
            }
            None => {
                let verb = self.reported(statement, Gender::Masculine)?;
                fill(self.grammar.chatham_following, &[("verb", &verb)])
            }
        };
        Some(self.finished(&sentence))
    }

    /// The sentence with this statement where it stands by itself.
    pub(crate) fn alone(&self, statement: &Statement) -> Option<String> {
        let Some(person) = self.speaker(statement) else { return self.following(statement) };
        let verb = self.reported(statement, person.gender)?;
        let values = [("subject", &*self.subject(person)), ("verb", &verb)];
        Some(self.finished(&fill(self.grammar.following, &values)))
    }

    /// Who may be named as the speaker of a statement.
    fn speaker(&self, statement: &Statement) -> Option<&'a Person> {
        statement
            .speaker
            .as_ref()
            .filter(|_| statement.is_attributed())
            .and_then(|id| self.facts.person(id))
    }

    /// Verb and words.
    fn reported(&self, statement: &Statement, gender: Gender) -> Option<String> {
        let words = statement.words.get(self.language)?;
        let text = clean(words.text());
        let mut text = without_stop(&text);
        if matches!(words, Wording::Indirect { .. }) {
            let conjunction = |word: &&str| text.strip_prefix(*word).is_some();
            if let Some(word) = self.grammar.conjunctions.iter().find(|word| conjunction(word)) {
                text = text[word.len()..].trim_start();
            }
        }
        if text.is_empty() {
            return None;
        }
        let form = match words {
            Wording::Indirect { .. } => (self.grammar.verb)(statement.verb, gender),
            Wording::Verbatim { .. } => Grammar::pick(&self.grammar.quoted, gender),
        };
        let mut reported = fill(form, &[("", text)]);
        // Under the Chatham House Rule the language may tell who spoke.
        let named = statement.is_attributed();
        let interpreted = statement.interpreted_from.as_ref();
        if let Some(from) = interpreted.filter(|from| named && *from != self.language) {
            let name = self.grammar.language_name(from);
            reported.push_str(&format!(" ({})", fill(self.grammar.interpreted, &[("", &name)])));
        }
        Some(reported)
    }

    /// As a sentence: a capital first, and no full stop after a quoted question.
    fn finished(&self, sentence: &str) -> String {
        let mut sentence = upper_first(&clean(sentence));
        let closing = self.grammar.quotes.1;
        let asked = ['?', '!', '؟', '…']
            .iter()
            .any(|mark| sentence.ends_with(&format!("{mark}{closing}{}", self.grammar.full_stop)));
        if asked {
            sentence.pop();
        }
        sentence
    }

    /// "Ambassador Kazi" for those whom the lede introduced, else with full title.
    fn subject(&self, person: &Person) -> String {
        let introduced = person.roles.iter().any(|role| {
            matches!(
                role,
                Role::Moderator | Role::PlenarySpeaker | Role::ConcludingSpeaker | Role::Panellist
            )
        });
        let text = |text: &Option<Localized>| {
            text.as_ref().and_then(|text| self.given(text)).filter(|text| !text.is_empty())
        };
        if !introduced {
            return self.full_name(person);
        }
        match (text(&person.surname), text(&person.address)) {
            (Some(surname), Some(address)) => format!("{address} {surname}"),
            _ => self.styled_name(person),
        }
    }

    fn styled_name(&self, person: &Person) -> String {
        let honorific = person.honorific.as_ref().map(|text| self.any(text)).unwrap_or_default();
        let values = [("honorific", honorific.as_str()), ("name", &self.name(person))];
        clean(&fill(self.grammar.full_name_untitled, &values))
    }

    fn full_name(&self, person: &Person) -> String {
        let Some(title) = self.title(person) else {
            return self.styled_name(person);
        };
        let honorific = person.honorific.as_ref().map(|text| self.any(text)).unwrap_or_default();
        let values =
            [("honorific", honorific.as_str()), ("name", &self.name(person)), ("title", &title)];
        clean(&fill(self.grammar.full_name, &values))
    }

    fn title(&self, person: &Person) -> Option<String> {
        title(person, self.language, &self.facts.event.languages)
    }

    /// The name; who has none is called by the key of the programme file.
    fn name(&self, person: &Person) -> String {
        let name = self.any(&person.name);
        if name.is_empty() { person.id.to_string() } else { name }
    }

    /// The text in this language or, since a name is better in another script than missing, in
    /// another.
    fn any(&self, text: &Localized) -> String {
        clean(text.best(self.language, &self.facts.event.languages).unwrap_or_default())
    }

    /// The text in this language only.
    fn given(&self, text: &Localized) -> Option<String> {
        let text = clean(text.0.get(self.language)?);
        (!text.is_empty()).then_some(text)
    }
}

fn run(text: &str, fact: Fact) -> Run {
    Run { text: clean(text), source: Source::Fact(fact) }
}

fn block(part: Part, runs: Vec<Run>) -> Option<Block> {
    let runs: Vec<Run> = runs.into_iter().filter(|run| !run.text.is_empty()).collect();
    (!runs.is_empty()).then_some(Block { part, segment: None::<SegmentId>, runs })
}
