//! The programme file: what an organiser writes down before the event, checked and typed.
//!
//! [`parse`] turns the TOML text into a [`proceedings::EventDefinition`], or into [`Problems`]:
//! everything that is wrong in the file at once, each with its line, column, field, and what would
//! be right. Time zones are bundled, so that a file means the same on every machine; there is no
//! I/O and no clock here. The keys are described for people in `docs/PROGRAMME-FILE.md` and for
//! editors by [`schema`].

mod countries;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod keys;
mod problem;
mod reader;
mod schema;
mod suggest;
mod time;

use base::limits::PROGRAMME_FILE_BYTES_MAX;
use proceedings::EventDefinition;
use toml::de::DeTable;

pub use problem::{Gravity, Problem, Problems};
pub use schema::schema;
pub use suggest::nearest;

/// Errors of one file that are described; the others are counted. Nobody mends more than this
/// before trying again.
pub const ERRORS_MAX: usize = 100;

/// What editors of one system put before the text of a file.
const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// A programme file that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The event.
    pub definition: EventDefinition,
    /// What is doubtful but allowed, in the order of the file.
    pub warnings: Vec<Problem>,
}

/// Reads a programme file.
///
/// # Errors
/// All that is wrong in the file. A file that is not TOML at all is reported as such, and its
/// content is not looked at.
pub fn parse(text: &str) -> Result<Checked, Problems> {
    let mut reader = reader::Reader::new(text);
    if text.len() > PROGRAMME_FILE_BYTES_MAX {
        reader.error(
            "",
            time::FILE,
            format!("the file has {} bytes", text.len()),
            format!("a programme has at most {PROGRAMME_FILE_BYTES_MAX}"),
        );
        return Err(problems(reader));
    }
    let (root, mistakes) = DeTable::parse_recoverable(text);
    for mistake in &mistakes {
        let span = mistake.span().unwrap_or(time::FILE);
        reader.error("", span, mistake.message(), "");
    }
    if !mistakes.is_empty() {
        return Err(problems(reader));
    }
    match event::read(&mut reader, root.get_ref()) {
        Some(definition) => {
            reader.warnings.sort_by_key(|problem| problem.span.start);
            Ok(Checked { definition, warnings: reader.warnings })
        }
        None => Err(problems(reader)),
    }
}

/// Reads a programme file that may not even be text.
///
/// # Errors
/// As [`parse`]; bytes that are not UTF-8 are reported with their line.
pub fn parse_bytes(bytes: &[u8]) -> Result<Checked, Problems> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
        Err(error) => {
            let readable = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let mut reader = reader::Reader::new(readable);
            reader.error(
                "",
                readable.len()..readable.len(),
                "the file is not UTF-8 text from here on",
                "save it as UTF-8",
            );
            Err(problems(reader))
        }
    }
}

fn problems(mut reader: reader::Reader<'_>) -> Problems {
    reader.errors.sort_by_key(|problem| problem.span.start);
    reader.warnings.sort_by_key(|problem| problem.span.start);
    Problems {
        errors: reader.errors,
        errors_not_shown: reader.errors_not_shown,
        warnings: reader.warnings,
    }
}
