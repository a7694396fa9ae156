//! `plenary event`: programme files, events and personal links.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base::limits::PROGRAMME_FILE_BYTES_MAX;
use programme::{Checked, Gravity, Problems};
use serde_json::json;

use crate::output::{Exit, Failure, Ink, Terminal};

/// `event check`.
pub(crate) fn check(terminal: Terminal, path: &Path) -> Result<Option<Exit>, Failure> {
    let checked = read(terminal, path)?;
    let event = &checked.definition;
    if terminal.json {
        terminal.print_json(&json!({
            "file": path.display().to_string(),
            "event": event.id,
            "errors": [],
            "warnings": checked.warnings,
        }))?;
        return Ok(None);
    }
    let minutes: u64 = event.segments.iter().map(|segment| segment.planned.0 / 60_000).sum();
    terminal.print(&format!(
        "{} {}: {} segments in {minutes} minutes, {} people, in {}\n",
        terminal.ink(Ink::Green, "right"),
        event.id,
        event.segments.len(),
        event.people.len(),
        event.languages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    ))?;
    Ok(None)
}

/// Reads a programme file; warnings are shown on the way.
pub(crate) fn read(terminal: Terminal, path: &Path) -> Result<Checked, Failure> {
    let bytes = bytes(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let name = path.display().to_string();
    let show = |problems: &[programme::Problem], gravity| -> String {
        let colour = terminal.colour_of_errors;
        let rendered: Vec<_> =
            problems.iter().map(|problem| problem.render(&name, &text, gravity, colour)).collect();
        rendered.join("\n")
    };
    match programme::parse_bytes(&bytes) {
        Ok(checked) => {
            if !terminal.json && !checked.warnings.is_empty() {
                terminal.note(&show(&checked.warnings, Gravity::Warning));
            }
            Ok(checked)
        }
        Err(problems) => {
            let Problems { errors, errors_not_shown, warnings } = &problems;
            let mut message = show(errors, Gravity::Error);
            if !warnings.is_empty() {
                message += &format!("\n{}", show(warnings, Gravity::Warning));
            }
            let count = errors.len() + errors_not_shown;
            let errors_word = if count == 1 { "error" } else { "errors" };
            message += &format!("\n{name}: {count} {errors_word}");
            if *errors_not_shown > 0 {
                message += &format!(", {errors_not_shown} of them not shown");
            }
            let details = json!({
                "file": name,
                "errors": errors,
                "errors_not_shown": errors_not_shown,
                "warnings": warnings,
            });
            Err(Failure { exit: Exit::BadFile, message, details: Some(details) })
        }
    }
}

/// The bytes of the file; one more than a programme may have tells that there are too many.
fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(PROGRAMME_FILE_BYTES_MAX).unwrap_or(u64::MAX);
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| {
        let message = format!("The programme file {} cannot be read: {error}.", path.display());
        Failure::new(Exit::BadFile, message)
    })
}
