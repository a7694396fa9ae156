//! What the program prints: results on the standard output, everything else on the standard
//! error; colours only on a terminal.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It failed, or something examined is wrong.
    Failed = 1,
    /// The command line is wrong, or names what is no package. Clap uses the same code.
    Usage = 2,
    /// A programme file or the configuration is wrong.
    BadFile = 3,
    /// There is no such event or person.
    NotFound = 4,
    /// The event exists already.
    Exists = 5,
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// A sentence for people: what is wrong and what to do.
    pub(crate) message: String,
    /// What stands before the sentence, for people: files with the places that are wrong in them.
    pub(crate) report: String,
    /// The same for programs: an object whose keys are added to the answer.
    pub(crate) details: serde_json::Map<String, serde_json::Value>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { exit, message, report: String::new(), details: serde_json::Map::new() }
    }

    /// The command ran and did not succeed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The stable word of the failure in JSON.
    fn word(&self) -> &'static str {
        match self.exit {
            Exit::Failed => "failed",
            Exit::Usage => "usage",
            Exit::BadFile => "bad-file",
            Exit::NotFound => "not-found",
            Exit::Exists => "exists",
        }
    }
}

/// Colours of words.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ink {
    Green,
    Yellow,
    Red,
    Bold,
}

/// Where the program prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    pub(crate) json: bool,
    /// The standard output takes colours.
    colour: bool,
    /// The standard error takes colours.
    pub(crate) colour_of_errors: bool,
    /// The standard error is a terminal, so that a line of it can be written over.
    pub(crate) progress: bool,
}

impl Terminal {
    /// `json` comes from the command line; the rest from where the output goes to and from
    /// `NO_COLOR` (<https://no-color.org>).
    pub(crate) fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            colour: io::stdout().is_terminal() && !plain,
            colour_of_errors: io::stderr().is_terminal() && !plain,
            progress: io::stderr().is_terminal() && !plain,
        }
    }

    /// Prints a part of the result.
    ///
    /// # Errors
    /// When the output cannot be written, as on a full disk. A reader that went away, as `head`
    /// does, is no error.
    pub(crate) fn print(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("The output cannot be written: {error}.")))
            }
            _ => Ok(()),
        }
    }

    /// Prints the whole result as JSON.
    pub(crate) fn print_json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::failed(format!("The result is not JSON: {error}.")))?;
        self.print(&format!("{text}\n"))
    }

    /// Prints something beside the result. If the standard error is closed there is nobody to
    /// tell.
    pub(crate) fn note(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Shows how far long work is: over the last line on a terminal, else on a line of its own.
    pub(crate) fn progress(self, text: &str) {
        let mut error = io::stderr().lock();
        let _ = if self.progress {
            write!(error, "\r\x1b[K{text}").and_then(|()| error.flush())
        } else {
            writeln!(error, "{text}")
        };
    }

    /// Ends the line that [`Self::progress`] writes over.
    pub(crate) fn progress_ends(self) {
        if self.progress {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }

    /// The word in colour, if the standard output takes colours.
    pub(crate) fn ink(self, ink: Ink, word: &str) -> String {
        if !self.colour {
            return word.to_owned();
        }
        let code = match ink {
            Ink::Green => "32",
            Ink::Yellow => "33",
            Ink::Red => "1;31",
            Ink::Bold => "1",
        };
        format!("\x1b[{code}m{word}\x1b[0m")
    }

    /// Says why the command failed.
    pub(crate) fn fail(self, failure: &Failure) {
        if self.json {
            let mut value = failure.details.clone();
            value.insert("error".to_owned(), failure.word().into());
            value.insert("message".to_owned(), failure.message.clone().into());
            // The exit code tells it already when the output cannot be written.
            let _ = self.print_json(&value);
        } else {
            self.note(&format!("{}{}", failure.report, failure.message));
        }
    }
}
