//! Reads values of the shapes that [`keys`](crate::keys) names, and collects what is wrong
//! instead of stopping at it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr;

use base::limits::LANGUAGES_MAX;
use base::{IdError, Language, Localized, PersonId};
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{Deserialize, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ERRORS_MAX;
use crate::keys::{Choice, EVENT, Key, Shape};
use crate::problem::{Problem, is_direction_override};
use crate::suggest::nearest;

pub(crate) type Value<'i> = Spanned<DeValue<'i>>;

/// A value under a known key.
pub(crate) struct Field<'v, 'i> {
    pub(crate) key: &'static Key,
    pub(crate) path: String,
    pub(crate) value: &'v Value<'i>,
}

/// A table whose unknown keys have been reported.
pub(crate) struct Section<'v, 'i> {
    pub(crate) path: String,
    /// The header or the braces; where a missing key is reported.
    pub(crate) span: Range<usize>,
    keys: &'static [Key],
    fields: BTreeMap<&'static str, Field<'v, 'i>>,
    /// Keys that an unknown key was probably meant to be. They are not reported as missing too.
    meant: Vec<&'static str>,
}

/// One of several tables of a kind.
pub(crate) struct Entry<'v, 'i> {
    /// The identifier, when the table is written as `[people.ID]`.
    pub(crate) name: Option<(String, Range<usize>)>,
    pub(crate) section: Section<'v, 'i>,
}

/// Reads and remembers what is wrong.
pub(crate) struct Reader<'t> {
    text: &'t str,
    pub(crate) errors: Vec<Problem>,
    pub(crate) errors_not_shown: usize,
    pub(crate) warnings: Vec<Problem>,
    /// The languages of the event, empty until they are known.
    pub(crate) languages: Vec<Language>,
}

impl<'v, 'i> Field<'v, 'i> {
    pub(crate) fn span(&self) -> Range<usize> {
        self.value.span()
    }
}

impl<'v, 'i> Section<'v, 'i> {
    pub(crate) fn field(&self, name: &str) -> Option<&Field<'v, 'i>> {
        self.fields.get(name)
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            errors: Vec::new(),
            errors_not_shown: 0,
            warnings: Vec::new(),
            languages: Vec::new(),
        }
    }

    /// Remembers an error.
    pub(crate) fn error(
        &mut self,
        path: &str,
        span: Range<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.errors.len() >= ERRORS_MAX {
            self.errors_not_shown += 1;
            return;
        }
        self.errors.push(Problem::new(self.text, span, path, what, remedy));
    }

    /// Remembers a warning.
    pub(crate) fn warning(
        &mut self,
        path: &str,
        span: Range<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.warnings.len() < ERRORS_MAX {
            self.warnings.push(Problem::new(self.text, span, path, what, remedy));
        }
    }

    /// Sorts the keys of a table and reports those that nobody knows.
    pub(crate) fn section<'v, 'i>(
        &mut self,
        path: &str,
        span: Range<usize>,
        table: &'v DeTable<'i>,
        keys: &'static [Key],
    ) -> Section<'v, 'i> {
        let mut fields = BTreeMap::new();
        let mut meant = Vec::new();
        for (name, value) in table.iter() {
            let path = join(path, name.get_ref());
            match keys.iter().find(|key| key.name == name.get_ref().as_ref()) {
                Some(key) => {
                    fields.insert(key.name, Field { key, path, value });
                }
                None => meant.extend(self.unknown_key(&path, name, keys)),
            }
        }
        Section { path: path.to_owned(), span, keys, fields, meant }
    }

    /// Reports the key, and returns the one that was probably meant.
    fn unknown_key(
        &mut self,
        path: &str,
        name: &Spanned<Cow<'_, str>>,
        keys: &'static [Key],
    ) -> Option<&'static str> {
        let word = name.get_ref().as_ref();
        let folded = word.trim().to_lowercase().replace([' ', '-'], "_");
        let names = || keys.iter().map(|key| key.name);
        let of_the_event = !std::ptr::eq(keys, EVENT) && EVENT.iter().any(|key| key.name == word);
        let by_other_name =
            keys.iter().find(|key| key.also.contains(&folded.as_str())).map(|key| key.name);
        let meant =
            by_other_name.or_else(|| if of_the_event { None } else { nearest(word, names()) });
        let remedy = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if of_the_event => format!(
                "`{word}` belongs to the event: move it above the first [table] of the file"
            ),
            None => {
                format!("the keys here are {}", listed(names().map(|name| format!("`{name}`"))))
            }
        };
        self.error(path, name.span(), format!("there is no key `{word}` here"), remedy);
        meant
    }

    /// The field, or an error that it is missing.
    pub(crate) fn required<'s, 'v, 'i>(
        &mut self,
        section: &'s Section<'v, 'i>,
        name: &str,
    ) -> Option<&'s Field<'v, 'i>> {
        if let Some(field) = section.field(name) {
            return Some(field);
        }
        if let Some(key) = section.key(name)
            && !section.meant.contains(&name)
        {
            self.error(
                &join(&section.path, name),
                section.span.clone(),
                format!("`{name}` is missing"),
                format!("{}; for example `{}`", lower_first(first_sentence(key.doc)), key.example),
            );
        }
        None
    }

    fn wrong_type(&mut self, field: &Field<'_, '_>, expected: &str) {
        self.error(
            &field.path,
            field.span(),
            format!("`{}` takes {expected}, and this is {}", field.key.name, named(field.value)),
            format!("for example `{}`", field.key.example),
        );
    }

    fn string<'v>(&mut self, field: &Field<'v, '_>) -> Option<&'v str> {
        let text = field.value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(field, "text");
        }
        text
    }

    /// A text in one or several languages.
    pub(crate) fn text(&mut self, field: &Field<'_, '_>) -> Option<Localized> {
        let Shape::Text { chars_max } = field.key.shape else {
            return None;
        };
        match field.value.get_ref() {
            DeValue::String(text) => {
                let text = self.plain_text(&field.path, field.span(), text, chars_max)?;
                let first = self.languages.first().cloned();
                Some(first.map_or_else(Localized::default, |first| Localized::single(first, text)))
            }
            DeValue::Table(table) => self.texts(field, table, chars_max),
            _ => {
                self.wrong_type(field, "text, or a table from language to text");
                None
            }
        }
    }

    fn texts(
        &mut self,
        field: &Field<'_, '_>,
        table: &DeTable<'_>,
        chars_max: usize,
    ) -> Option<Localized> {
        let before = self.errors.len() + self.errors_not_shown;
        let mut texts = Localized::default();
        for (tag, value) in table.iter() {
            let path = join(&field.path, tag.get_ref());
            let Some(language) = self.language_of_event(&path, tag.span(), tag.get_ref()) else {
                continue;
            };
            let Some(text) = value.get_ref().as_str() else {
                self.error(
                    &path,
                    value.span(),
                    format!("this takes text, and it is {}", named(value)),
                    format!("for example `{}`", field.key.example),
                );
                continue;
            };
            if let Some(text) = self.plain_text(&path, value.span(), text, chars_max)
                && texts.0.insert(language, text).is_some()
            {
                self.error(
                    &path,
                    tag.span(),
                    "this language is given twice",
                    "keep one of the two texts",
                );
            }
        }
        if self.errors.len() + self.errors_not_shown > before {
            return None;
        }
        if texts.is_empty() {
            self.error(
                &field.path,
                field.span(),
                format!("`{}` has no text in any language", field.key.name),
                format!("for example `{}`", field.key.example),
            );
            return None;
        }
        let missing: Vec<_> = self
            .languages
            .iter()
            .filter(|language| !texts.0.contains_key(language))
            .map(|language| format!("`{language}`"))
            .collect();
        if !missing.is_empty() {
            self.warning(
                &field.path,
                field.span(),
                format!("`{}` has no text in {}", field.key.name, listed(missing)),
                "readers of that language see it in another",
            );
        }
        Some(texts)
    }

    fn language_of_event(&mut self, path: &str, span: Range<usize>, tag: &str) -> Option<Language> {
        let Ok(language) = Language::new(tag) else {
            self.error(
                path,
                span,
                format!("`{tag}` is not the tag of a language"),
                "a language is written as en, ru or zh-hant",
            );
            return None;
        };
        if !self.languages.is_empty() && !self.languages.contains(&language) {
            let known = listed(self.languages.iter().map(|known| format!("`{known}`")));
            self.error(
                path,
                span,
                format!("`{language}` is not one of the event's languages"),
                format!("they are {known}: add it to `languages`, or take the text out"),
            );
            return None;
        }
        Some(language)
    }

    fn plain_text(
        &mut self,
        path: &str,
        span: Range<usize>,
        text: &str,
        chars_max: usize,
    ) -> Option<String> {
        let text = text.trim();
        let lines_allowed = chars_max > base::limits::TEXT_CHARS_MAX;
        let chars = text.chars().count();
        let bad = text.chars().find(|&c| {
            (c.is_control() && !(lines_allowed && c == '\n')) || is_direction_override(c)
        });
        let (what, remedy) = if text.is_empty() {
            ("this text is empty".to_owned(), "write the text, or take the key out".to_owned())
        } else if chars > chars_max {
            (format!("this text has {chars} characters"), format!("at most {chars_max} are shown"))
        } else if bad == Some('\n') {
            (
                "this text has more than one line".to_owned(),
                "write it on one line; it is wrapped where it is shown".to_owned(),
            )
        } else if let Some(bad) = bad {
            (
                format!("this text holds the invisible character U+{:04X}", u32::from(bad)),
                "take it out; right-to-left text needs no such mark".to_owned(),
            )
        } else {
            return Some(text.to_owned());
        };
        self.error(path, span, what, remedy);
        None
    }

    /// An identifier.
    pub(crate) fn id<T: FromStr<Err = IdError>>(&mut self, field: &Field<'_, '_>) -> Option<T> {
        let text = self.string(field)?;
        self.id_from(&field.path, field.span(), text)
    }

    /// An identifier that stands anywhere, for example in a table's header.
    pub(crate) fn id_from<T: FromStr<Err = IdError>>(
        &mut self,
        path: &str,
        span: Range<usize>,
        text: &str,
    ) -> Option<T> {
        match text.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                let slug = slug(text);
                let remedy = match slug.parse::<T>() {
                    Ok(_) => format!("for example `{slug}`"),
                    Err(_) => "for example `kazi` or `plenary-address`".to_owned(),
                };
                let what = match error {
                    IdError::Empty => "this identifier is empty".to_owned(),
                    IdError::TooLong => error.to_string(),
                    IdError::Character => format!("`{text}` cannot be used: {error}"),
                };
                self.error(path, span, what, remedy);
                None
            }
        }
    }

    /// The list of the event's languages.
    pub(crate) fn read_languages(&mut self, field: &Field<'_, '_>) -> Option<Vec<Language>> {
        let Some(array) = field.value.get_ref().as_array() else {
            self.wrong_type(field, "a list of languages");
            return None;
        };
        let mut languages = Vec::new();
        let mut whole = true;
        for (index, value) in array.iter().enumerate() {
            let path = format!("{}[{}]", field.path, index + 1);
            let language = value.get_ref().as_str().and_then(|tag| Language::new(tag).ok());
            match language {
                None => {
                    self.error(
                        &path,
                        value.span(),
                        "this is not the tag of a language",
                        "a language is written as \"en\", \"ru\" or \"zh-hant\"",
                    );
                    whole = false;
                }
                Some(language) if languages.contains(&language) => {
                    self.error(
                        &path,
                        value.span(),
                        format!("`{language}` is listed twice"),
                        "keep one of them",
                    );
                    whole = false;
                }
                Some(_) if languages.len() == LANGUAGES_MAX => {
                    self.error(
                        &path,
                        value.span(),
                        format!("an event has at most {LANGUAGES_MAX} languages"),
                        "take the others out",
                    );
                    whole = false;
                    break;
                }
                Some(language) => languages.push(language),
            }
        }
        if array.is_empty() {
            self.error(
                &field.path,
                field.span(),
                "an event has at least one language",
                format!("for example `{}`", field.key.example),
            );
        }
        (whole && !languages.is_empty()).then_some(languages)
    }

    /// A whole number within the bounds of its key.
    pub(crate) fn number(&mut self, field: &Field<'_, '_>) -> Option<u32> {
        let Shape::Number { min, max, .. } = field.key.shape else {
            return None;
        };
        let Some(integer) = field.value.get_ref().as_integer() else {
            self.wrong_type(field, "a whole number");
            return None;
        };
        let digits: String = integer.as_str().chars().filter(|&c| c != '_').collect();
        let number = i64::from_str_radix(&digits, integer.radix())
            .ok()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.error(
                &field.path,
                field.span(),
                format!("`{}` is out of range", field.key.name),
                format!("it goes from {min} to {max}"),
            );
        }
        number
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, field: &Field<'_, '_>) -> Option<bool> {
        let flag = field.value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(field, "true or false, without quotes");
        }
        flag
    }

    /// One word of the key's list.
    pub(crate) fn one_of<T: for<'de> Deserialize<'de>>(
        &mut self,
        field: &Field<'_, '_>,
    ) -> Option<T> {
        let Shape::OneOf { choices, .. } = &field.key.shape else {
            return None;
        };
        let word = self.string(field)?;
        self.word(&field.path, field.span(), field.key.name, word, choices)
    }

    /// One word of the key's list, or a list of such words, each once.
    pub(crate) fn some_of<T: for<'de> Deserialize<'de> + PartialEq>(
        &mut self,
        field: &Field<'_, '_>,
    ) -> Option<Vec<T>> {
        let Shape::SomeOf(choices) = &field.key.shape else {
            return None;
        };
        let expected = "a word, or a list of words";
        let values = self.strings(field, expected)?;
        let count = values.len();
        let mut words = Vec::new();
        for (path, span, word) in values {
            if let Some(value) = self.word(&path, span.clone(), field.key.name, word, choices) {
                if words.contains(&value) {
                    self.error(&path, span, format!("\"{word}\" is listed twice"), "keep one");
                } else {
                    words.push(value);
                }
            }
        }
        (words.len() == count).then_some(words)
    }

    /// A list of keys of people, with the place of each.
    pub(crate) fn people(
        &mut self,
        field: &Field<'_, '_>,
    ) -> Option<Vec<(PersonId, String, Range<usize>)>> {
        let values = self.strings(field, "a list of keys of people")?;
        let count = values.len();
        let mut people: Vec<(PersonId, String, Range<usize>)> = Vec::new();
        for (path, span, word) in values {
            let Some(id) = self.id_from::<PersonId>(&path, span.clone(), word) else {
                continue;
            };
            if people.iter().any(|(known, ..)| *known == id) {
                self.error(&path, span, format!("\"{id}\" is listed twice"), "keep one");
            } else {
                people.push((id, path, span));
            }
        }
        (people.len() == count).then_some(people)
    }

    /// The strings of a list, or a single string as a list of one.
    fn strings<'v>(
        &mut self,
        field: &Field<'v, '_>,
        expected: &str,
    ) -> Option<Vec<(String, Range<usize>, &'v str)>> {
        match field.value.get_ref() {
            DeValue::String(word) => Some(vec![(field.path.clone(), field.span(), word.as_ref())]),
            DeValue::Array(array) => {
                let mut strings = Vec::new();
                for (index, value) in array.iter().enumerate() {
                    let path = format!("{}[{}]", field.path, index + 1);
                    match value.get_ref().as_str() {
                        Some(word) => strings.push((path, value.span(), word)),
                        None => self.error(
                            &path,
                            value.span(),
                            format!("this takes text, and it is {}", named(value)),
                            format!("for example `{}`", field.key.example),
                        ),
                    }
                }
                (strings.len() == array.len()).then_some(strings)
            }
            _ => {
                self.wrong_type(field, expected);
                None
            }
        }
    }

    fn word<T: for<'de> Deserialize<'de>>(
        &mut self,
        path: &str,
        span: Range<usize>,
        key: &str,
        word: &str,
        choices: &'static [Choice],
    ) -> Option<T> {
        let deserializer: StrDeserializer<'_, WordError> = word.into_deserializer();
        let value = T::deserialize(deserializer).ok();
        if value.is_none() {
            let words = || choices.iter().map(|choice| choice.word);
            let all = listed(words().map(|word| format!("\"{word}\"")));
            let remedy = match nearest(word, words()) {
                Some(near) => format!("did you mean \"{near}\"? The words are {all}"),
                None => format!("the words are {all}"),
            };
            self.error(path, span, format!("`{key}` does not know the word \"{word}\""), remedy);
        }
        value
    }

    /// A table under a key of the shape [`Shape::Table`].
    pub(crate) fn table<'v, 'i>(&mut self, field: &Field<'v, 'i>) -> Option<Section<'v, 'i>> {
        let Shape::Table(keys) = field.key.shape else {
            return None;
        };
        let Some(table) = field.value.get_ref().as_table() else {
            self.wrong_type(field, "a table");
            return None;
        };
        Some(self.section(&field.path, field.span(), table, keys))
    }

    /// The tables under a key of the shape [`Shape::Entries`], in the order of the file.
    pub(crate) fn entries<'v, 'i>(&mut self, field: &Field<'v, 'i>) -> Vec<Entry<'v, 'i>> {
        let Shape::Entries { keys, entries_max } = field.key.shape else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        let too_many = match field.value.get_ref() {
            DeValue::Array(array) => {
                for (index, value) in array.iter().enumerate().take(entries_max) {
                    let numbered = format!("{}[{}]", field.path, index + 1);
                    let Some(table) = value.get_ref().as_table() else {
                        self.error(
                            &numbered,
                            value.span(),
                            format!("this takes a table, and it is {}", named(value)),
                            format!("begin it with `{}`", field.key.example),
                        );
                        continue;
                    };
                    let path = entry_word(table).map_or(numbered, |word| join(&field.path, word));
                    let section = self.section(&path, value.span(), table, keys);
                    entries.push(Entry { name: None, section });
                }
                array.get(entries_max).map(|value| value.span())
            }
            DeValue::Table(table) if is_single(table, keys) => {
                self.error(
                    &field.path,
                    field.span(),
                    format!("`{}` takes several tables, and this is one", field.key.name),
                    format!("write its header as `[[{}]]`", field.key.name),
                );
                None
            }
            DeValue::Table(table) => {
                let mut named_tables: Vec<_> = table.iter().collect();
                named_tables.sort_by_key(|(name, _)| name.span().start);
                for (name, value) in named_tables.iter().take(entries_max) {
                    let path = join(&field.path, name.get_ref());
                    let Some(table) = value.get_ref().as_table() else {
                        self.error(
                            &path,
                            value.span(),
                            format!("this takes a table, and it is {}", named(value)),
                            format!("begin it with `{}`", field.key.example),
                        );
                        continue;
                    };
                    let section = self.section(&path, name.span(), table, keys);
                    let name = Some((name.get_ref().clone().into_owned(), name.span()));
                    entries.push(Entry { name, section });
                }
                named_tables.get(entries_max).map(|(name, _)| name.span())
            }
            _ => {
                self.wrong_type(field, "tables");
                None
            }
        };
        if let Some(span) = too_many {
            self.error(
                &field.path,
                span,
                format!("`{}` has more than {entries_max} entries", field.key.name),
                "take the others out",
            );
        }
        entries
    }

    /// The identifier of an entry: the name of its table, or its key `id`, or `fallback`.
    pub(crate) fn entry_id<T: FromStr<Err = IdError>>(
        &mut self,
        entry: &Entry<'_, '_>,
        fallback: Option<&str>,
    ) -> Option<(T, Range<usize>)> {
        let section = &entry.section;
        if let Some((name, span)) = &entry.name {
            if let Some(field) = section.field("id") {
                self.error(
                    &field.path,
                    field.span(),
                    format!("the identifier stands in the header already: `{name}`"),
                    "take the key `id` out",
                );
            }
            return self.id_from(&section.path, span.clone(), name).map(|id| (id, span.clone()));
        }
        if let (Some(word), None) = (fallback, section.field("id")) {
            return word.parse().ok().map(|id| (id, section.span.clone()));
        }
        let field = self.required(section, "id")?;
        self.id(field).map(|id| (id, field.span()))
    }

    /// Reports identifiers that occur a second time.
    pub(crate) fn unique<T: Ord + Clone + std::fmt::Display>(
        &mut self,
        ids: &[(T, Range<usize>)],
        path: &str,
        remedy: &str,
    ) {
        let mut seen = BTreeSet::new();
        for (id, span) in ids {
            if !seen.insert(id.clone()) {
                let field = join(path, &id.to_string());
                self.error(&field, span.clone(), format!("there is a second `{id}`"), remedy);
            }
        }
    }
}

/// True for an entry written where a table of entries belongs: `[segments]` with `kind = …`.
fn is_single(table: &DeTable<'_>, keys: &[Key]) -> bool {
    let known = |name: &str| keys.iter().any(|key| key.name == name);
    table.iter().any(|(name, value)| known(name.get_ref()) && !value.get_ref().is_table())
}

/// The word by which an entry of a list is named in messages: its `id`, else its `kind`.
fn entry_word<'v>(table: &'v DeTable<'_>) -> Option<&'v str> {
    let word = |name: &str| {
        let word = table.get(name)?.get_ref().as_str()?;
        PersonId::new(word).ok().map(|_| word)
    };
    word("id").or_else(|| word("kind"))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn first_sentence(doc: &str) -> &str {
    doc.split_once(". ").map_or(doc.trim_end_matches('.'), |(first, _)| first)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // "ISO 3166" and "IANA" keep their capitals.
        Some(first) if !chars.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// "a, b and c".
pub(crate) fn listed(words: impl IntoIterator<Item = String>) -> String {
    let mut words: Vec<_> = words.into_iter().collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

/// The text as an identifier, as far as it can be made one.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.to_lowercase().chars().take(base::limits::ID_BYTES_MAX) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

fn named(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
