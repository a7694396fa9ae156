//! Languages and text in several of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language tag: a primary subtag of two or three letters with an optional script or region,
/// as `en`, `ur`, `zh-hant` (BCP 47, RFC 5646, the part that names of languages need).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
pub struct Language(String);

/// The text is not a language tag that we accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a language is a tag like en, ru or zh-hant")]
pub struct LanguageError;

impl Language {
    /// Checks a tag and folds it to lower case.
    ///
    /// # Errors
    /// [`LanguageError`] when it is not a tag of the accepted form.
    pub fn new(tag: &str) -> Result<Self, LanguageError> {
        let tag = tag.to_ascii_lowercase();
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or_default();
        let letters = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase());
        if !(2..=3).contains(&primary.len()) || !letters(primary) {
            return Err(LanguageError);
        }
        let rest: Vec<_> = parts.collect();
        let alphanumeric = |part: &&str| {
            (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        if rest.len() > 2 || !rest.iter().all(alphanumeric) {
            return Err(LanguageError);
        }
        Ok(Self(tag))
    }

    /// The tag in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Language {
    type Err = LanguageError;
    fn from_str(tag: &str) -> Result<Self, LanguageError> {
        Self::new(tag)
    }
}

impl TryFrom<String> for Language {
    type Error = LanguageError;
    fn try_from(tag: String) -> Result<Self, LanguageError> {
        Self::new(&tag)
    }
}

impl From<Language> for String {
    fn from(language: Language) -> String {
        language.0
    }
}

/// One text in one or more languages. As JSON it is an object from tag to text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "Record<string, string>"))]
pub struct Localized(pub BTreeMap<Language, String>);

impl Localized {
    /// A text given in a single language.
    pub fn single(language: Language, text: impl Into<String>) -> Self {
        Self(BTreeMap::from([(language, text.into())]))
    }

    /// The text in `language`, else in the first of `fallbacks` that is there, else in any.
    pub fn best<'a>(&'a self, language: &Language, fallbacks: &[Language]) -> Option<&'a str> {
        std::iter::once(language)
            .chain(fallbacks)
            .find_map(|language| self.0.get(language))
            .or_else(|| self.0.values().next())
            .map(String::as_str)
    }

    /// True when no language has a text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Language {
        Language::new(text).expect("a tag")
    }

    #[test]
    fn tags() {
        assert_eq!(tag("EN").as_str(), "en");
        assert_eq!(tag("zh-Hant").as_str(), "zh-hant");
        for bad in ["", "e", "english", "en_GB", "1a", "en-", "en-a-b-c-d"] {
            assert_eq!(Language::new(bad), Err(LanguageError), "{bad}");
        }
    }

    #[test]
    fn the_best_text_is_the_asked_language_then_the_fallbacks_then_any() {
        let name = Localized(BTreeMap::from([
            (tag("en"), "Danila Ganich".to_owned()),
            (tag("ru"), "Данила Ганич".to_owned()),
        ]));
        assert_eq!(name.best(&tag("ru"), &[]), Some("Данила Ганич"));
        assert_eq!(name.best(&tag("ur"), &[tag("ru")]), Some("Данила Ганич"));
        assert_eq!(name.best(&tag("ur"), &[]), Some("Danila Ganich"));
        assert_eq!(Localized::default().best(&tag("en"), &[]), None);
    }
}
