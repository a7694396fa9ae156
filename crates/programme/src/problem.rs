//! What is wrong with a programme file, where, and what would be right.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One thing that is wrong, or doubtful, in a programme file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1 in characters.
    pub column: usize,
    /// Where in the structure: `people.ganich.roles`. Entries are named by their `id`, else by
    /// their number, counted from 1. Empty for the file as a whole.
    pub field: String,
    /// What is wrong, as a sentence without a full stop.
    pub what: String,
    /// What would be right.
    pub remedy: Option<String>,
    /// The place in the text, in bytes.
    #[serde(skip)]
    pub span: Range<usize>,
}

/// All problems of a file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// What must be put right, in the order of the file; never empty.
    pub errors: Vec<Problem>,
    /// Errors beyond the first [`ERRORS_MAX`](crate::ERRORS_MAX), which are only counted.
    pub errors_not_shown: usize,
    /// What is doubtful but allowed.
    pub warnings: Vec<Problem>,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    /// One line for each error: `12:9: people.ganich.roles: …; …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        if self.errors_not_shown > 0 {
            write!(f, "\nand {} more", self.errors_not_shown)?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.what)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

/// How grave a problem is, for [`Problem::render`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// The file cannot be used.
    Error,
    /// The file can be used.
    Warning,
}

impl Problem {
    /// A problem at `span`, in bytes of `text`. An empty `remedy` is none.
    pub fn new(
        text: &str,
        span: Range<usize>,
        field: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = remedy.into();
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            field: field.to_owned(),
            what: what.into(),
            remedy: (!remedy.is_empty()).then_some(remedy),
            span: start..end,
        }
    }

    /// The problem for a terminal: what is wrong, the line of `text` with the place underlined,
    /// and the remedy. `file` is the name to show; `colour` adds ANSI colours.
    ///
    /// Control characters of the text are shown as `·`, so that a hostile file cannot steer the
    /// terminal.
    pub fn render(&self, file: &str, text: &str, gravity: Gravity, colour: bool) -> String {
        let text = text.strip_prefix(crate::BYTE_ORDER_MARK).unwrap_or(text);
        let paint = |code: &str, words: &str| {
            if colour { format!("\x1b[{code}m{words}\x1b[0m") } else { words.to_owned() }
        };
        let (word, code) = match gravity {
            Gravity::Error => ("error", "1;31"),
            Gravity::Warning => ("warning", "1;33"),
        };
        let mut out = format!("{}: {}\n", paint(code, word), paint("1", &shown(&self.what)));
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let place = format!("{file}:{}:{}", self.line, self.column);
        out += &format!("{margin}{} {place}", paint("1;34", "-->"));
        if !self.field.is_empty() {
            out += &format!("  {}", shown(&self.field));
        }
        out.push('\n');

        let start = floor_boundary(text, self.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let bar = paint("1;34", "|");
        if !line.trim().is_empty() {
            let within = (start - line_start).min(line.len());
            let marked_end = floor_boundary(text, self.span.end).max(start) - line_start;
            let before = shown(&line[..within]);
            let marked = shown(&line[within..marked_end.clamp(within, line.len())]);
            let (window, indent) = window(&shown(line), before.width());
            let carets = marked.width().clamp(1, LINE_COLUMNS_MAX.saturating_sub(indent).max(1));
            out += &format!("{margin} {bar}\n");
            out += &format!("{} {bar} {window}\n", paint("1;34", &number));
            let carets = paint(code, &"^".repeat(carets));
            out += &format!("{margin} {bar} {}{carets}\n", " ".repeat(indent));
        }
        if let Some(remedy) = &self.remedy {
            out += &format!("{margin} {} {}\n", paint("1;34", "="), shown(remedy));
        }
        out
    }
}

/// Columns of a source line that are shown; the rest would wrap and carry the caret away.
const LINE_COLUMNS_MAX: usize = 160;

/// Columns that are kept to the left of the caret when a line is too long to show.
const CONTEXT_COLUMNS: usize = 40;

/// The part of a line around column `at`, and where that column is in it.
fn window(line: &str, at: usize) -> (String, usize) {
    if line.width() <= LINE_COLUMNS_MAX {
        return (line.to_owned(), at);
    }
    let from = at.saturating_sub(CONTEXT_COLUMNS);
    let (mut column, mut out) = (0, String::new());
    let mut skipped = None;
    for c in line.chars() {
        if column >= from && column < from + LINE_COLUMNS_MAX {
            skipped.get_or_insert(column);
            out.push(c);
        }
        column += c.width().unwrap_or(0);
    }
    (out, at.saturating_sub(skipped.unwrap_or(0)))
}

/// The text with control characters made harmless and tabs as wide as one space.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() || is_direction_override(c) => '·',
            c => c,
        })
        .collect()
}

/// Characters that reorder the text after them beyond their own word (UAX #9, embeddings and
/// overrides). They have been used to make one text look like another.
pub(crate) fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}')
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
