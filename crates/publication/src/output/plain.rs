//! Plain text, wrapped, with the statements' addresses below the end mark.

use base::Language;

use super::{Edition, label, words};
use crate::release::Part;
use crate::text::{clean, wrap};
use crate::words::fill;

/// Columns of a line. Mail clients quote 72 columns twice without breaking them again.
const COLUMNS: usize = 72;

/// The version in `language` as text; empty when there is none.
pub fn text(edition: &Edition<'_>, language: &Language) -> String {
    let mut out = Lines::default();
    let labels = &words(language).labels;
    out.paragraph(&edition.status_line(language));
    if edition.is_withdrawn() {
        out.paragraph(&edition.release.text_of(language, Part::Headline));
        return out.finished();
    }
    if let Some(issued) = edition.issued_line(language) {
        out.paragraph(&issued);
    }
    if let Some(correction) = edition.correction() {
        out.paragraph(&correction);
    }
    for block in edition.blocks(language) {
        let texts: Vec<String> = block
            .runs
            .iter()
            .map(|run| match edition.reference(run) {
                Some((number, _)) => format!("{}\u{A0}[{number}]", clean(&run.text)),
                None => clean(&run.text),
            })
            .collect();
        let text = texts.join(" ");
        match (block.part, label(block.part, language)) {
            (Part::Letterhead, _) => out.paragraph(&format!("{} | {text}", labels.press_release)),
            (Part::Headline, _) => out.underlined(&text),
            (_, Some(label)) => out.paragraph(&format!("{label}: {text}")),
            _ => out.paragraph(&text),
        }
    }
    let references: Vec<String> = edition
        .release
        .statements
        .iter()
        .filter_map(|cited| {
            let number = edition.release.number(cited.id)?;
            Some(format!("[{number}] {} {}", edition.said_at(cited)?, edition.clip_url(cited)?))
        })
        .collect();
    if !references.is_empty() {
        out.paragraph(labels.statements);
        out.lines(&references);
    }
    out.paragraph(&fill(labels.version, &[("", &edition.short_hash())]));
    out.finished()
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn paragraph(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(String::new());
        }
        self.0.extend(wrap(text, COLUMNS));
    }

    fn underlined(&mut self, text: &str) {
        self.paragraph(text);
        let widest = wrap(text, COLUMNS)
            .iter()
            .map(|line| unicode_width::UnicodeWidthStr::width(line.as_str()))
            .max();
        self.0.push("=".repeat(widest.unwrap_or(0).min(COLUMNS)));
    }

    fn lines(&mut self, lines: &[String]) {
        self.0.extend(lines.iter().cloned());
    }

    fn finished(self) -> String {
        let mut text = self.0.join("\n");
        text.push('\n');
        text
    }
}
