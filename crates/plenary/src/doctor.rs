//! `plenary doctor`: examines the machine and its settings before the day. Every finding that is
//! not ok says what to do.

mod certificate;
mod machine;
mod network;
mod recordings;
mod records;
mod speech;

use serde::Serialize;

use crate::output::{Exit, Failure, Ink, Terminal};
use crate::settings::Settings;

/// How a finding is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    /// It works, with a drawback.
    Warning,
    /// It will not work.
    Wrong,
}

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    /// What was examined.
    topic: &'static str,
    verdict: Verdict,
    what: String,
    /// What to do; absent when it is ok.
    remedy: Option<String>,
}

impl Finding {
    fn ok(topic: &'static str, what: impl Into<String>) -> Self {
        Self { topic, verdict: Verdict::Ok, what: what.into(), remedy: None }
    }

    fn warning(topic: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { topic, verdict: Verdict::Warning, what: what.into(), remedy }
    }

    fn wrong(topic: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { topic, verdict: Verdict::Wrong, what: what.into(), remedy }
    }
}

/// Examines everything and prints what was found.
///
/// # Errors
/// When something is wrong; the report has been printed then.
pub(crate) fn run(terminal: Terminal, settings: &Settings) -> Result<Option<Exit>, Failure> {
    let mut findings = vec![settings_in_force(settings)];
    findings.extend(network::examine(settings));
    findings.extend(certificate::examine(settings));
    findings.extend(machine::examine(settings));
    findings.extend(records::examine(settings));
    findings.extend(recordings::examine(settings));
    findings.extend(speech::examine(settings));

    if terminal.json {
        terminal.print_json(&serde_json::json!({ "findings": findings }))?;
    } else {
        for finding in &findings {
            terminal.print(&line(terminal, finding))?;
        }
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (wrong, warnings) = (count(Verdict::Wrong), count(Verdict::Warning));
    if !terminal.json {
        terminal.print(&format!("\n{}\n", summary(wrong, warnings)))?;
    }
    Ok((wrong > 0).then_some(Exit::Failed))
}

fn summary(wrong: usize, warnings: usize) -> String {
    let things = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    match (wrong, warnings) {
        (0, 0) => "All is well.".to_owned(),
        (0, _) => format!("It will work, with {}.", things(warnings, "warning")),
        (1, 0) => "1 thing is wrong.".to_owned(),
        (_, 0) => format!("{wrong} things are wrong."),
        (1, _) => format!("1 thing is wrong, with {} besides.", things(warnings, "warning")),
        _ => format!("{wrong} things are wrong, with {} besides.", things(warnings, "warning")),
    }
}

fn line(terminal: Terminal, finding: &Finding) -> String {
    let (word, ink) = match finding.verdict {
        Verdict::Ok => ("ok     ", Ink::Green),
        Verdict::Warning => ("warning", Ink::Yellow),
        Verdict::Wrong => ("wrong  ", Ink::Red),
    };
    let mut text = format!("{}  {:<12} {}\n", terminal.ink(ink, word), finding.topic, finding.what);
    if let Some(remedy) = &finding.remedy {
        text += &format!("{:23}{}\n", "", remedy);
    }
    text
}

fn settings_in_force(settings: &Settings) -> Finding {
    let listen = &settings.listen;
    let url = settings.public_url(listen.value.port());
    let url_origin = settings
        .public_url
        .as_ref()
        .map_or_else(|| "default".to_owned(), |url| url.origin.to_string());
    Finding::ok(
        "settings",
        format!(
            "listens on {} ({}), reached at {url} ({url_origin}), data in {} ({})",
            listen.value,
            listen.origin,
            settings.data.value.display(),
            settings.data.origin
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts() {
        for ((wrong, warnings), expected) in [
            ((0, 0), "All is well."),
            ((0, 1), "It will work, with 1 warning."),
            ((1, 0), "1 thing is wrong."),
            ((2, 3), "2 things are wrong, with 3 warnings besides."),
        ] {
            assert_eq!(summary(wrong, warnings), expected);
        }
    }
}
