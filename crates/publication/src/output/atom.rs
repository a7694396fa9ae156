//! A feed of releases (Atom, RFC 4287). Drafts and releases under embargo are not in it; one that
//! was withdrawn stays as its own notice, so that readers learn of it.

use base::{Language, Timestamp};

use super::{Edition, Status, html, words};
use crate::dates::utc;
use crate::release::Part;
use crate::text::{clean, escaped, shortened};

/// Entries of a feed, the latest: readers ask for feeds hourly, and nobody issues fifty an hour.
pub const ENTRIES_MAX: usize = 50;

/// Longest summary, in characters.
const SUMMARY_CHARS_MAX: usize = 500;

/// What a feed says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a> {
    /// Its own address.
    pub url: &'a str,
    /// Title, as "Press releases of the Council".
    pub title: &'a str,
    /// Who issues.
    pub author: &'a str,
    /// Language of its entries.
    pub language: &'a Language,
}

/// The feed of `editions`, in any order. `empty_since` is when the feed was last changed if it has
/// no entry.
pub fn feed(feed: &Feed<'_>, editions: &[Edition<'_>], empty_since: Timestamp) -> String {
    let mut shown: Vec<(Timestamp, Timestamp, &Edition<'_>)> = editions
        .iter()
        .filter(|edition| edition.release.versions.contains_key(feed.language))
        .filter_map(|edition| match edition.status {
            Status::Issued(at) => Some((edition.versioned.max(at), at, edition)),
            Status::Withdrawn(at) => Some((at, at, edition)),
            Status::Draft | Status::Embargoed(_) => None,
        })
        .collect();
    shown.sort_by_key(|(updated, ..)| std::cmp::Reverse(*updated));
    shown.truncate(ENTRIES_MAX);
    let updated = shown.first().map_or(empty_since, |(updated, ..)| *updated);
    let entries: String = shown
        .iter()
        .map(|(updated, at, edition)| entry(edition, feed.language, *updated, *at))
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n\
         <id>{url}</id>\n<title>{}</title>\n<updated>{}</updated>\n\
         <author><name>{}</name></author>\n<link rel=\"self\" href=\"{url}\"/>\n{entries}</feed>\n",
        escaped(feed.language.as_str()),
        escaped(&clean(feed.title)),
        utc(updated),
        escaped(&clean(feed.author)),
        url = escaped(feed.url),
    )
}

fn entry(
    edition: &Edition<'_>,
    language: &Language,
    updated: Timestamp,
    published: Timestamp,
) -> String {
    let url = escaped(&edition.url(language));
    let summary = match edition.is_withdrawn() {
        true => words(language).labels.withdrawn.to_owned(),
        false => {
            shortened(&clean(&edition.release.text_of(language, Part::Lede)), SUMMARY_CHARS_MAX)
        }
    };
    format!(
        "<entry>\n<id>{url}</id>\n<title>{}</title>\n<updated>{}</updated>\n\
         <published>{}</published>\n<link rel=\"alternate\" type=\"text/html\" href=\"{url}\"/>\n\
         <summary>{}</summary>\n<content type=\"html\">{}</content>\n</entry>\n",
        escaped(&clean(&edition.headline(language))),
        utc(updated),
        utc(published),
        escaped(&summary),
        escaped(&html::article(edition, language, &[])),
    )
}
