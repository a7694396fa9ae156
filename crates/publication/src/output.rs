//! Ways to show a release. Each takes an [`Edition`] and a language, and gives text or bytes;
//! nothing in them asks for anything from another host.

pub mod atom;
pub mod docx;
pub mod html;
pub mod json_ld;
pub mod mail;
pub mod markdown;
pub mod ninjs;
mod packed;
pub mod pdf;
pub mod plain;
pub mod record;
pub mod web_vtt;

use base::{Language, Millis, Timestamp};

use crate::dates::{Day, clock, minute, utc_offset};
use crate::release::{Block, Cited, Part, Release, Run, Source, Span};
use crate::text::clean;
use crate::words::{Grammar, fill, grammar, grammars};

/// A release with what surrounds it when it is shown.
#[derive(Debug, Clone)]
pub struct Edition<'a> {
    /// The document.
    pub release: &'a Release,
    /// How far it may be used.
    pub status: Status,
    /// When this version was made.
    pub versioned: Timestamp,
    /// What this version corrects, if it is a corrigendum: the words of who issued it.
    pub correction: Option<&'a str>,
    /// Address of the event itself.
    pub event_url: &'a str,
    /// Address of the event's record page, without fragment; `None` while the public may not read
    /// the record. Then nothing here says that there is something to hear.
    pub record_url: Option<&'a str>,
    /// Address under which the release stands; its language versions are `/en`, `/ru` below it, and
    /// their other forms `/en.pdf`, `/en.txt`.
    pub release_url: &'a str,
}

/// How far a release may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not approved: for its editors only.
    Draft,
    /// Approved, and not to be published before this moment.
    Embargoed(Timestamp),
    /// Issued at this moment.
    Issued(Timestamp),
    /// Withdrawn at this moment: a kill notice.
    Withdrawn(Timestamp),
}

impl Edition<'_> {
    /// Address of the version in `language`.
    pub fn url(&self, language: &Language) -> String {
        format!("{}/{language}", self.release_url)
    }

    /// Address of the second where a statement was made; `None` under the Chatham House Rule, and
    /// while there is no public record.
    pub fn clip_url(&self, cited: &Cited) -> Option<String> {
        Some(format!("{}#{}", self.record_url?, fragment(cited.span?)))
    }

    /// Time of day at which a statement was made, in the event's city.
    fn said_at(&self, cited: &Cited) -> Option<String> {
        let about = &self.release.about;
        cited.span.map(|span| clock(about.opened, span.start, &about.time_zone))
    }

    /// Paragraphs of a version; none when there is no such version.
    fn blocks(&self, language: &Language) -> &[Block] {
        self.release.versions.get(language).map_or(&[], |version| version.blocks.as_slice())
    }

    /// Number and statement that a run goes back to, where there is something to hear.
    fn reference(&self, run: &Run) -> Option<(usize, &Cited)> {
        let Source::Statement(id) = &run.source else { return None };
        self.record_url?;
        let cited = self.release.cited(*id).filter(|cited| cited.span.is_some())?;
        Some((self.release.number(*id)?, cited))
    }

    /// "For immediate release", "Embargoed until …".
    fn status_line(&self, language: &Language) -> String {
        let labels = &words(language).labels;
        match self.status {
            Status::Draft => labels.draft.to_owned(),
            Status::Embargoed(until) => {
                fill(labels.embargo, &[("", &self.moment(until, language))])
            }
            Status::Issued(_) => labels.immediate.to_owned(),
            Status::Withdrawn(_) => labels.withdrawn.to_owned(),
        }
    }

    /// "Issued on Tuesday, 9 February 2021, 17:46 in Karachi (UTC+5)"; "Corrected" with its own moment
    /// for a version that came later.
    fn issued_line(&self, language: &Language) -> Option<String> {
        match self.status {
            Status::Issued(at) if self.versioned > at => {
                let moment = self.moment(self.versioned, language);
                Some(fill(words(language).labels.corrected, &[("", &moment)]))
            }
            Status::Issued(at) => {
                Some(fill(words(language).labels.issued, &[("", &self.moment(at, language))]))
            }
            Status::Draft | Status::Embargoed(_) | Status::Withdrawn(_) => None,
        }
    }

    /// What is corrected, beside a release that was.
    fn correction(&self) -> Option<String> {
        match self.status {
            Status::Issued(_) => self.correction.map(clean),
            Status::Draft | Status::Embargoed(_) | Status::Withdrawn(_) => None,
        }
    }

    fn moment(&self, moment: Timestamp, language: &Language) -> String {
        let (grammar, about) = (words(language), &self.release.about);
        let zone = &about.time_zone;
        let day = Day::of(moment, zone).with_weekday(grammar);
        let city = clean(about.city.best(language, &[]).unwrap_or_default());
        fill(
            grammar.labels.moment,
            &[
                ("day", &day),
                ("time", &minute(moment, zone)),
                ("city", &city),
                ("offset", &utc_offset(moment, zone)),
            ],
        )
    }

    /// The first sixteen digits of the hash in groups of four, as they stand on a sheet.
    fn short_hash(&self) -> String {
        let Ok(hash) = self.release.hash() else { return String::new() };
        let hash = hash.to_string();
        let groups: Vec<&str> = (0..32).step_by(4).filter_map(|at| hash.get(at..at + 4)).collect();
        groups.join(" ")
    }

    /// Headline of a version; a withdrawn one says so first.
    fn headline(&self, language: &Language) -> String {
        let headline = self.release.text_of(language, Part::Headline);
        match self.status {
            Status::Withdrawn(_) => format!("{} {headline}", words(language).labels.withdrawn),
            _ => headline,
        }
    }

    /// A withdrawn release shows nothing but that it was withdrawn.
    fn is_withdrawn(&self) -> bool {
        matches!(self.status, Status::Withdrawn(_))
    }
}

/// The place of a span in the record, counted from the opening: "t=72.5,80".
pub(crate) fn fragment(span: Span) -> String {
    format!("t={},{}", seconds(span.start), seconds(span.end))
}

/// Seconds with as many decimals as it takes.
pub(crate) fn seconds(at: Millis) -> String {
    match at.0 % 1_000 {
        0 => format!("{}", at.0 / 1_000),
        rest => format!("{}.{rest:03}", at.0 / 1_000),
    }
}

/// The frame's words in `language`; in English for a language that has none here.
fn words(language: &Language) -> &'static Grammar {
    grammar(language).unwrap_or(grammars()[0])
}

/// The label over a paragraph, for those that have one.
fn label(part: Part, language: &Language) -> Option<&'static str> {
    match part {
        Part::Boilerplate => Some(words(language).labels.about),
        Part::Contact => Some(words(language).labels.contact),
        _ => None,
    }
}
