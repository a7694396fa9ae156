//! Captions and chapters (WebVTT). Off the record there is no cue at all; under the Chatham House
//! Rule a cue has no voice, and names in it are struck out.

use base::{Language, Millis};
use proceedings::RecordStatus;

use super::words;
use crate::draft::about;
use crate::facts::{Facts, Line};
use crate::names::Names;
use crate::text::clean;

/// How long a cue stays when its end is not after its beginning, in milliseconds.
const CUE_MS_MIN: u64 = 1_000;

/// The lines in `language` as captions, with the speaker as voice.
pub fn captions(facts: &Facts, lines: &[Line], language: &Language) -> String {
    let names = Names::new(facts);
    let nameable = facts.nameable();
    let withheld = words(language).labels.name_withheld;
    let mut shown: Vec<&Line> = lines
        .iter()
        .filter(|line| line.language == *language)
        .filter(|line| line.record != RecordStatus::OffTheRecord)
        .collect();
    shown.sort_by_key(|line| (line.start, line.end));
    let mut out = head(language);
    for line in shown {
        let rule = line.record == RecordStatus::ChathamHouseRule;
        let text = clean(&names.redacted(&clean(&line.text), rule, withheld));
        if text.is_empty() {
            continue;
        }
        let voice = line
            .speaker
            .as_ref()
            .filter(|id| !rule && nameable.contains(id))
            .and_then(|id| facts.person(id))
            .and_then(|person| person.name.best(language, &facts.event.languages));
        let voice = match voice {
            Some(name) => format!("<v {}>", cue_text(&clean(name))),
            None => String::new(),
        };
        cue(&mut out, line.start, line.end, &format!("{voice}{}", cue_text(&text)));
    }
    out
}

/// The parts of the programme as chapters. A part off the record is none: there is nothing to hear.
pub fn chapters(facts: &Facts, language: &Language) -> String {
    let about = about(facts);
    let mut out = head(language);
    for (segment, part) in facts.segments.iter().zip(&about.programme) {
        let Some((start, end)) = segment.held else { continue };
        if segment.status() == RecordStatus::OffTheRecord {
            continue;
        }
        let title = part.title.as_ref().and_then(|title| title.best(language, &[]));
        let title = title.unwrap_or_else(|| (words(language).kind)(segment.kind));
        cue(&mut out, start, end, &cue_text(&clean(title)));
    }
    out
}

/// Cues with a text and nothing else.
pub(super) fn cues<'a>(
    language: &Language,
    cues: impl Iterator<Item = (Millis, Millis, &'a str)>,
) -> String {
    let mut out = head(language);
    for (start, end, text) in cues {
        cue(&mut out, start, end, &cue_text(&clean(text)));
    }
    out
}

fn head(language: &Language) -> String {
    format!("WEBVTT\nLanguage: {language}\n")
}

fn cue(out: &mut String, start: Millis, end: Millis, text: &str) {
    let end = Millis(end.0.max(start.0.saturating_add(CUE_MS_MIN)));
    out.push_str(&format!("\n{} --> {}\n{text}\n", timestamp(start), timestamp(end)));
}

fn timestamp(at: Millis) -> String {
    let (seconds, millis) = (at.0 / 1_000, at.0 % 1_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{millis:03}", seconds % 60)
}

/// Text inside a cue: no tag and no arrow can begin in it.
fn cue_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
