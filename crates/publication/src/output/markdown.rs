//! Markdown (CommonMark): text that stays text whatever it holds.

use base::Language;

use super::{Edition, label, words};
use crate::release::Part;
use crate::text::clean;
use crate::words::fill;

/// The version in `language` as Markdown; empty when there is none.
pub fn markdown(edition: &Edition<'_>, language: &Language) -> String {
    let labels = &words(language).labels;
    let mut parts = vec![format!("*{}*", escaped(&edition.status_line(language)))];
    if edition.is_withdrawn() {
        let headline = edition.release.text_of(language, Part::Headline);
        parts.push(format!("# {}", escaped(&headline)));
        return parts.join("\n\n") + "\n";
    }
    if let Some(issued) = edition.issued_line(language) {
        parts.push(escaped(&issued));
    }
    if let Some(correction) = edition.correction() {
        parts.push(format!("> {}", escaped(&correction)));
    }
    for block in edition.blocks(language) {
        let texts: Vec<String> = block
            .runs
            .iter()
            .map(|run| {
                let link = edition
                    .reference(run)
                    .and_then(|(number, cited)| Some((number, edition.clip_url(cited)?)));
                match link {
                    Some((number, url)) => {
                        format!("{} [\\[{number}\\]](<{}>)", escaped(&run.text), target(&url))
                    }
                    None => escaped(&run.text),
                }
            })
            .collect();
        let text = texts.join(" ");
        parts.push(match (block.part, label(block.part, language)) {
            (Part::Letterhead, _) => format!("**{text}** — {}", escaped(labels.press_release)),
            (Part::Headline, _) => format!("# {text}"),
            (Part::Deck, _) => format!("## {text}"),
            (_, Some(label)) => format!("**{}** {text}", escaped(label)),
            _ => text,
        });
    }
    parts.push(escaped(&fill(labels.version, &[("", &edition.short_hash())])));
    parts.join("\n\n") + "\n"
}

/// Every ASCII punctuation mark that could begin something gets a backslash, which CommonMark shows
/// as the mark alone. Colons and at-signs too: some readers make links of bare addresses.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for (index, c) in clean(text).chars().enumerate() {
        let anywhere = "\\`*_{}[]<>()#|~&!:@$^=\"".contains(c);
        let at_start = index == 0 && "+-".contains(c);
        if anywhere || at_start || c == '.' {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A link's target between angle brackets.
fn target(url: &str) -> String {
    url.chars()
        .filter(|c| !c.is_whitespace() && !c.is_control())
        .map(|c| match c {
            '<' => "%3C".to_owned(),
            '>' => "%3E".to_owned(),
            '\\' => "%5C".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
