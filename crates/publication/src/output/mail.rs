//! The release as a mail to the press: subject, text and HTML, for whoever sends it.

use base::Language;

use super::{Edition, html, plain, words};
use crate::text::{clean, escaped, shortened};

/// Longest subject, in characters: RFC 5322 (section 2.1.1) asks for lines under 78, of which
/// "Subject: " takes nine.
const SUBJECT_CHARS_MAX: usize = 68;

/// A mail's parts. None of them has a line break where a header could begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The subject, one line.
    pub subject: String,
    /// `text/plain; charset=utf-8`.
    pub text: String,
    /// `text/html; charset=utf-8`.
    pub html: String,
}

/// The version in `language` as a mail.
pub fn mail(edition: &Edition<'_>, language: &Language) -> Mail {
    let words = words(language);
    let subject = format!("{}: {}", words.labels.press_release, edition.headline(language));
    let direction = if words.right_to_left { "rtl" } else { "ltr" };
    let html = format!(
        "<!doctype html>\n<html lang=\"{tag}\" dir=\"{direction}\"><head><meta charset=\"utf-8\">\
         <title>{title}</title></head>\n<body style=\"margin:0;padding:24px;max-width:40em;\
         font:17px/1.6 Georgia,'Noto Serif',serif;color:#14201F;background:#FFFFFF\">\n\
         {article}<p><a href=\"{url}\">{url}</a></p>\n</body></html>\n",
        tag = escaped(language.as_str()),
        title = escaped(&clean(&edition.headline(language))),
        article = html::article(edition, language, &[]),
        url = escaped(&edition.url(language)),
    );
    Mail {
        subject: shortened(&clean(&subject), SUBJECT_CHARS_MAX),
        text: plain::text(edition, language),
        html,
    }
}
