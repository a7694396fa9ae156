//! The frame of a release in each language, as data: one file per language. The frame is built so
//! that names, titles and subjects always stand as they are given and are never declined.

mod en;
mod ru;
mod ur;

use base::Language;
use proceedings::{ReportingVerb, SegmentKind};
use serde::{Deserialize, Serialize};

use crate::facts::Gender;

/// What the frame of one language is made of. Texts in braces are filled in.
pub(crate) struct Grammar {
    pub(crate) code: &'static str,
    pub(crate) right_to_left: bool,
    /// The language's own name.
    pub(crate) own_name: &'static str,
    pub(crate) months: [&'static str; 12],
    /// Monday first, in the form that says on which day.
    pub(crate) on_weekday: [&'static str; 7],
    pub(crate) date: &'static str,
    pub(crate) on_day: &'static str,
    pub(crate) quotes: (&'static str, &'static str),
    /// Between the last two of a list.
    pub(crate) and: &'static str,
    /// Between the others of a list.
    pub(crate) comma: &'static str,
    /// Between people whose titles have commas of their own.
    pub(crate) semicolon: &'static str,
    pub(crate) full_stop: char,
    /// A person with honorific, name and title.
    pub(crate) full_name: &'static str,
    /// The same without a title.
    pub(crate) full_name_untitled: &'static str,
    pub(crate) dateline: &'static str,
    /// The event was held, by one organiser and by several; `{dedication}` is empty or
    /// [`Grammar::dedication`].
    pub(crate) held: [&'static str; 2],
    pub(crate) dedication: &'static str,
    pub(crate) moderator: &'static str,
    pub(crate) plenary: ByGender,
    pub(crate) concluding: ByGender,
    pub(crate) panellists: &'static str,
    pub(crate) attendance: &'static str,
    /// First sentence of an intervention: `{subject}`, `{part}`, `{verb}`.
    pub(crate) opening: &'static str,
    /// Sentences after it: `{subject}`, `{verb}`.
    pub(crate) following: &'static str,
    /// What stands for the subject after its first mention; `None` repeats the name.
    pub(crate) pronoun: fn(Gender) -> Option<&'static str>,
    /// "in his introductory remarks"; `{title}` is the segment's own title.
    pub(crate) part: fn(SegmentKind, Gender) -> &'static str,
    /// What a kind of segment is called.
    pub(crate) kind: fn(SegmentKind) -> &'static str,
    /// The verb with its complement `{}`.
    pub(crate) verb: fn(ReportingVerb, Gender) -> &'static str,
    /// What may stand before reported words and is in the verb's form already.
    pub(crate) conjunctions: &'static [&'static str],
    /// A sentence that quotes: "said: “{}”".
    pub(crate) quoted: ByGender,
    /// First sentence under the Chatham House Rule: `{part}`, `{verb}`.
    pub(crate) chatham_opening: &'static str,
    pub(crate) chatham_following: &'static str,
    /// The part, where the Rule held: "During the questions"; `{title}` as above.
    pub(crate) chatham_part: fn(SegmentKind) -> &'static str,
    /// How the Rule is called, to find mentions of it, in lower case.
    pub(crate) chatham_names: &'static [&'static str],
    /// "interpreted from Russian".
    pub(crate) interpreted: &'static str,
    /// Names of languages in the form that `interpreted` and `translation` need.
    pub(crate) language_names: &'static [(&'static str, &'static str)],
    /// For a language that has no name here; `{}` is its tag.
    pub(crate) language_unknown: &'static str,
    pub(crate) this_prevails: &'static str,
    pub(crate) translation: &'static str,
    pub(crate) labels: Labels,
}

/// A text in three forms: masculine, feminine, and one that agrees with nobody.
pub(crate) type ByGender = [&'static str; 3];

/// Labels around the text.
pub(crate) struct Labels {
    pub(crate) press_release: &'static str,
    pub(crate) immediate: &'static str,
    /// `{}` is a moment.
    pub(crate) embargo: &'static str,
    pub(crate) issued: &'static str,
    pub(crate) corrected: &'static str,
    pub(crate) draft: &'static str,
    pub(crate) withdrawn: &'static str,
    pub(crate) contact: &'static str,
    pub(crate) about: &'static str,
    pub(crate) version: &'static str,
    pub(crate) record: &'static str,
    pub(crate) statements: &'static str,
    pub(crate) unbound: &'static str,
    pub(crate) name_withheld: &'static str,
    /// "{day}, {time} in {city} ({offset})".
    pub(crate) moment: &'static str,
}

impl Grammar {
    /// One of three forms.
    pub(crate) fn pick(forms: &ByGender, gender: Gender) -> &'static str {
        match gender {
            Gender::Masculine => forms[0],
            Gender::Feminine => forms[1],
            Gender::Unspecified => forms[2],
        }
    }

    /// A list in words.
    pub(crate) fn list(&self, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => {
                format!("{}{}{last}", first.join(self.comma), self.and)
            }
        }
    }

    /// The name of `language`, as "interpreted from" needs it.
    pub(crate) fn language_name(&self, language: &Language) -> String {
        let known = self.language_names.iter().find(|(tag, _)| *tag == language.as_str());
        match known {
            Some((_, name)) => (*name).to_owned(),
            None => self.language_unknown.replace("{}", language.as_str()),
        }
    }
}

/// The grammar of `language`; `None` when no file brings one.
pub(crate) fn grammar(language: &Language) -> Option<&'static Grammar> {
    [&en::GRAMMAR, &ru::GRAMMAR, &ur::GRAMMAR]
        .into_iter()
        .find(|grammar| grammar.code == language.as_str())
}

/// What follows a reporting verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Complement {
    /// A clause, after "that".
    Clause,
    /// A phrase, in the case that the verb governs: whom somebody thanked.
    Phrase,
    /// A question, as "whether …".
    Question,
}

/// What the rapporteur writes after a verb.
pub fn complement(verb: ReportingVerb) -> Complement {
    match verb {
        ReportingVerb::Asked => Complement::Question,
        ReportingVerb::CalledFor
        | ReportingVerb::Thanked
        | ReportingVerb::Welcomed
        | ReportingVerb::ExpressedAppreciation
        | ReportingVerb::Criticised
        | ReportingVerb::Rejected => Complement::Phrase,
        _ => Complement::Clause,
    }
}

/// How a verb reports in a language, with `{}` for what is reported: "stressed that {}". `None`
/// when the language has no grammar here.
pub fn reported(verb: ReportingVerb, language: &Language, gender: Gender) -> Option<&'static str> {
    grammar(language).map(|grammar| (grammar.verb)(verb, gender))
}

/// All grammars.
pub(crate) fn grammars() -> [&'static Grammar; 3] {
    [&en::GRAMMAR, &ru::GRAMMAR, &ur::GRAMMAR]
}

/// Fills `{name}` by the values given. Values are not searched again, so that a text in braces
/// inside a value stays what it is.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 1..start + length];
        out.push_str(&rest[..start]);
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_searched_again() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "x")]), "{b} and x");
        assert_eq!(fill("{}: {c}", &[("", "y")]), "y: {c}");
    }

    #[test]
    fn every_form_has_its_place_for_what_is_reported() {
        for grammar in grammars() {
            for gender in [Gender::Masculine, Gender::Feminine, Gender::Unspecified] {
                for verb in ReportingVerb::ALL {
                    let form = (grammar.verb)(verb, gender);
                    assert_eq!(form.matches("{}").count(), 1, "{}: {form}", grammar.code);
                }
                assert!(Grammar::pick(&grammar.quoted, gender).contains("{}"));
                for forms in [&grammar.plenary, &grammar.concluding] {
                    assert!(Grammar::pick(forms, gender).contains("{person}"));
                }
            }
            for template in [grammar.opening, grammar.chatham_opening] {
                assert!(template.contains("{part}") && template.contains("{verb}"));
            }
            assert!(!grammar.chatham_names.is_empty());
        }
    }

    #[test]
    fn lists() {
        let grammar = grammar(&Language::new("en").expect("well-formed")).expect("well-formed");
        let items =
            |n: usize| ["a", "b", "c"][..n].iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(grammar.list(&items(1)), "a");
        assert_eq!(grammar.list(&items(2)), "a and b");
        assert_eq!(grammar.list(&items(3)), "a, b and c");
    }
}
