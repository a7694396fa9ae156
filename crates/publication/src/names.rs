//! Finding names where none may stand. Text and names are compared word by word, without regard to
//! letter case, combining marks and the endings of Russian cases.

use std::collections::BTreeSet;

use base::Localized;

use crate::facts::{Facts, Person};
use crate::words::grammars;

/// Endings that a Russian name takes when it is declined, and none.
const CASE_ENDINGS: &[&str] = &[
    "", "а", "у", "е", "ы", "и", "о", "я", "ю", "ь", "й", "ом", "ем", "ой", "ою", "ей", "ею", "ым",
    "им", "ого", "его", "ому", "ему", "ая", "ую", "ых", "их", "ами", "ями", "ах", "ях", "ов", "ев",
    "ёв", "ам", "ям", "ий", "ия", "ию", "ии", "ие",
];

/// A name shorter than this is looked for only whole: as a single word of a longer name it would
/// be found everywhere ("al", "de", "ibn").
const SINGLE_WORD_CHARS_MIN: usize = 3;

/// What may not be said of whom.
pub(crate) struct Names {
    /// Names, offices, affiliations and styles of everybody: forbidden under the Rule.
    everybody: Vec<Pattern>,
    /// The same of those who are hidden everywhere, without what is public of others.
    hidden: Vec<Pattern>,
    /// How the Rule itself is called.
    rule: Vec<Pattern>,
}

struct Pattern(Vec<String>);

impl Names {
    pub(crate) fn new(facts: &Facts) -> Self {
        let nameable = facts.nameable();
        let patterns = |person: &Person| {
            let mut words = BTreeSet::new();
            for text in texts(&person.name).chain(person.surname.iter().flat_map(texts)) {
                for (range, word) in token_spans(text) {
                    // "of the" in the name of a desk names nobody: where a script has capital
                    // letters, a name has one.
                    let small = text[range].starts_with(char::is_lowercase);
                    if !small && word.chars().count() >= SINGLE_WORD_CHARS_MIN {
                        words.insert(vec![word]);
                    }
                }
                words.insert(tokens(text));
            }
            for text in [&person.title, &person.office, &person.affiliation]
                .into_iter()
                .flatten()
                .flat_map(texts)
            {
                words.insert(tokens(text));
            }
            words.remove(&Vec::new());
            words
        };
        let of = |hidden: bool| {
            facts
                .people
                .iter()
                .filter(|person| nameable.contains(&person.id) != hidden)
                .flat_map(patterns)
                .collect::<BTreeSet<_>>()
        };
        let (named, hidden) = (of(false), of(true));
        let public: Vec<Vec<String>> = named.iter().cloned().chain(public_words(facts)).collect();
        let everybody = named.union(&hidden).cloned().map(Pattern).collect();
        let hidden = match facts.has_chatham_house() {
            true => hidden
                .into_iter()
                .filter(|words| !public.iter().any(|text| Pattern(words.clone()).is_in(text)))
                .map(Pattern)
                .collect(),
            false => Vec::new(),
        };
        let rule = grammars()
            .iter()
            .flat_map(|grammar| grammar.chatham_names)
            .map(|name| Pattern(tokens(name)))
            .collect();
        Self { everybody, hidden, rule }
    }

    /// True when `text` names somebody who may not be named there. `under_rule` says that it
    /// belongs to a part under the Chatham House Rule; a text that mentions the Rule counts as such.
    pub(crate) fn leaks(&self, text: &str, under_rule: bool) -> bool {
        let text = tokens(text);
        let found = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.is_in(&text));
        found(&self.hidden) || (under_rule || found(&self.rule)) && found(&self.everybody)
    }

    /// True when `text` mentions the Chatham House Rule.
    pub(crate) fn mentions_rule(&self, text: &str) -> bool {
        let text = tokens(text);
        self.rule.iter().any(|pattern| pattern.is_in(&text))
    }

    /// `text` with `mark` in the place of every name that [`Names::leaks`] would find.
    pub(crate) fn redacted(&self, text: &str, under_rule: bool, mark: &str) -> String {
        let spans = token_spans(text);
        let words: Vec<String> = spans.iter().map(|(_, word)| word.clone()).collect();
        let mut struck = vec![false; words.len()];
        let empty = Vec::new();
        let everybody = if under_rule { &self.everybody } else { &empty };
        for pattern in self.hidden.iter().chain(everybody) {
            for start in pattern.places(&words) {
                struck[start..start + pattern.0.len()].fill(true);
            }
        }
        let (mut out, mut at, mut marked) = (String::new(), 0, false);
        for ((range, _), struck) in spans.iter().zip(struck) {
            if !struck {
                out.push_str(&text[at..range.end]);
                marked = false;
            } else if !marked {
                out.push_str(&text[at..range.start]);
                out.push_str(mark);
                marked = true;
            }
            at = range.end;
        }
        out.push_str(&text[at..]);
        out
    }
}

impl Pattern {
    fn is_in(&self, text: &[String]) -> bool {
        self.places(text).next().is_some()
    }

    fn places<'a>(&'a self, text: &'a [String]) -> impl Iterator<Item = usize> + 'a {
        text.windows(self.0.len().max(1))
            .enumerate()
            .filter(|(_, window)| {
                !self.0.is_empty()
                    && self.0.iter().zip(*window).all(|(name, word)| is_form(name, word))
            })
            .map(|(start, _)| start)
    }
}

/// Texts that everybody may read anyway.
fn public_words(facts: &Facts) -> impl Iterator<Item = Vec<String>> + '_ {
    let event = &facts.event;
    let organisers =
        event.organisers.iter().flat_map(|body| std::iter::once(&body.name).chain(&body.in_text));
    [&event.title, &event.city].into_iter().chain(organisers).flat_map(texts).map(tokens)
}

fn texts(text: &Localized) -> impl Iterator<Item = &str> {
    text.0.values().map(String::as_str)
}

/// Words of a text, folded for comparing.
fn tokens(text: &str) -> Vec<String> {
    token_spans(text).into_iter().map(|(_, word)| word).collect()
}

fn token_spans(text: &str) -> Vec<(std::ops::Range<usize>, String)> {
    let mut spans = Vec::new();
    let mut word = String::new();
    let mut start = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if is_mark(c) {
            if !word.is_empty() {
                end = at + c.len_utf8();
            }
        } else if c.is_alphanumeric() {
            if word.is_empty() {
                start = at;
            }
            word.extend(c.to_lowercase().filter(|c| !is_mark(*c)).map(folded_letter));
            end = at + c.len_utf8();
        } else if !word.is_empty() {
            spans.push((start..end, std::mem::take(&mut word)));
        }
    }
    if !word.is_empty() {
        spans.push((start..end, word));
    }
    spans
}

/// Marks that do not make another word: accents, vowel signs of Arabic script, joiners.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}'
        | '\u{610}'..='\u{61A}'
        | '\u{640}'
        | '\u{64B}'..='\u{65F}'
        | '\u{670}'
        | '\u{6D6}'..='\u{6ED}'
        | '\u{200B}'..='\u{200F}'
    ) || crate::text::is_forbidden(c)
}

/// Letters that are written in two ways.
fn folded_letter(c: char) -> char {
    match c {
        'ё' => 'е',
        'ي' | 'ى' => 'ی',
        'ك' => 'ک',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ة' | 'ۃ' | 'ه' | 'ۂ' | 'ۀ' | 'ھ' => 'ہ',
        'ؤ' => 'و',
        'ئ' => 'ی',
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ē' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' => 'i',
        'ñ' | 'ń' => 'n',
        'ò'..='ö' | 'ō' | 'ő' => 'o',
        'ù'..='ü' | 'ū' | 'ű' | 'ů' => 'u',
        'ý' | 'ÿ' => 'y',
        'š' | 'ś' | 'ş' => 's',
        'ž' | 'ź' | 'ż' => 'z',
        c => c,
    }
}

/// True when `word` is `name`, or a declined form of it.
fn is_form(name: &str, word: &str) -> bool {
    if name == word {
        return true;
    }
    let cyrillic = |text: &str| text.chars().all(|c| ('\u{400}'..='\u{52F}').contains(&c));
    if !cyrillic(name) || !cyrillic(word) || name.chars().count() < SINGLE_WORD_CHARS_MIN {
        return false;
    }
    let last = name.chars().last().unwrap_or_default();
    let stem = match "аеиоуыэюяьй".contains(last) {
        true => &name[..name.len() - last.len_utf8()],
        false => name,
    };
    // A stem may itself end in "и" or "ы" ("Ганский" → "Ганск").
    let shorter = stem.strip_suffix(['и', 'ы', 'о']).unwrap_or(stem);
    [stem, shorter]
        .iter()
        .any(|stem| word.strip_prefix(stem).is_some_and(|ending| CASE_ENDINGS.contains(&ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declined_and_disguised_names_are_found() {
        for (name, text) in [
            ("Ганич", "слова Ганича и Ганичем"),
            ("Данила", "Даниле"),
            ("Ганский", "о Ганском"),
            ("Ganich", "GANICH’s words"),
            ("Ganich", "Ga\u{301}nich"),
            ("Sémión", "semion"),
            ("Ganich", "Gan\u{200B}ich"),
            ("مصطفیٰ", "جناب مصطفى نے"),
            ("کمال", "كمال"),
        ] {
            assert!(Pattern(tokens(name)).is_in(&tokens(text)), "{name} in {text}");
        }
        for (name, text) in [("Ли", "лишь"), ("Ganich", "Ganichev"), ("Лев", "левый фланг")]
        {
            assert!(!Pattern(tokens(name)).is_in(&tokens(text)), "{name} in {text}");
        }
    }
}
