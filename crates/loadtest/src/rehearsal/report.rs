//! The report of a rehearsal: every check with its outcome, and the figures.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use base::{EventId, PersonId};
use serde::Serialize;

use super::attendance::{self, Attendance};
use super::desk::{self, Record};
use super::outcome::Outcome;
use super::timeline::{Fault, Verdict, seconds};
use super::{RehearsalError, RehearsalPlan};
use crate::live::View;
use crate::reception::Histogram;

/// Faults named for each check; the rest is counted.
const FAULTS_NAMED_MAX: usize = 20;

/// A message of the live socket must reach everybody this long after the command.
const MESSAGE_AFTER: Duration = Duration::from_millis(1_000);

/// Share of packets or frames that may be lost before it is a fault. Nobody hears one in a
/// hundred; on one machine nothing is lost at all.
const LOSS_MAX: f64 = 0.01;

/// What a rehearsal found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RehearsalReport {
    /// Which event.
    pub event: EventId,
    /// Which server.
    pub server: String,
    /// When it began, RFC 3339 in UTC.
    pub began: String,
    /// How long it took.
    pub took_ms: u64,
    /// How much faster than planned.
    pub pace: f64,
    /// People on stage, the guest not counted.
    pub on_stage: usize,
    /// People who received media.
    pub receivers: u64,
    /// Where the voices came from.
    pub voices: String,
    /// True when every check passed.
    pub passed: bool,
    /// Every check.
    pub checks: Vec<Check>,
    /// What became of the record, where there was a script.
    pub record: Option<Record>,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// What happened when, in milliseconds from the first moment.
    pub course: Vec<(u64, String)>,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable word for programs.
    pub id: &'static str,
    /// What must be so.
    pub title: String,
    /// It was so.
    pub passed: bool,
    /// How many single observations stand behind it. A check without any has not passed.
    pub observations: u64,
    /// What was not so, the first of them in words.
    pub faults: Vec<String>,
    /// How many faults there are in all.
    pub faults_count: usize,
}

/// One thing that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Stable word for programs, with the unit at the end.
    pub id: String,
    /// In words.
    pub title: String,
    /// The value, in the unit that the id ends with.
    pub value: f64,
}

pub(super) fn make(plan: &RehearsalPlan, outcome: &Outcome) -> RehearsalReport {
    let checks = checks(plan, outcome);
    let first = outcome.timeline.first().map(|moment| moment.asked);
    RehearsalReport {
        event: plan.event.id.clone(),
        server: plan.base_url.clone(),
        began: jiff::Timestamp::try_from(outcome.began)
            .map(|moment| moment.to_string())
            .unwrap_or_default(),
        took_ms: millis(outcome.took),
        pace: plan.pace,
        on_stage: outcome.stage.len(),
        receivers: outcome.totals.receivers,
        voices: outcome.voices.clone(),
        passed: checks.iter().all(|check| check.passed),
        checks,
        record: outcome.record.clone(),
        figures: figures(outcome),
        course: outcome
            .timeline
            .iter()
            .map(|moment| {
                let at = first.map_or(Duration::ZERO, |first| moment.asked - first);
                (millis(at), moment.what.clone())
            })
            .collect(),
    }
}

/// Checks that follow from single attempts, in the order of the report.
const TRIALS: [(&str, &str); 9] = [
    ("come-in", "everybody came in by their link"),
    ("publish-refused", "whoever may not publish was refused (403)"),
    ("receive-refused", "the audience was refused in the green room (403)"),
    ("publish", "people on stage published microphone and camera"),
    ("receive", "everybody received"),
    ("commands", "every command was carried out"),
    ("roles", "a participant could not move the programme"),
    ("hand", "the moderator saw the raised hand"),
    ("guest-leaves", "who lost the stage stopped publishing"),
];

/// Checks of [`TRIALS`] that only apply when there is an audience with a question.
const WITH_GUEST: [&str; 5] =
    ["receive-refused", "roles", "hand", "guest-leaves", "record-refused"];

fn checks(plan: &RehearsalPlan, outcome: &Outcome) -> Vec<Check> {
    let has_guest = outcome.guest.is_some();
    let asks = plan.event.segments.iter().any(|s| s.kind == proceedings::SegmentKind::Questions);
    let applies = |id: &str| match id {
        "hand" => has_guest && asks && plan.event.policy.hands_allowed,
        "guest-leaves" => has_guest && asks,
        id => has_guest || !WITH_GUEST.contains(&id),
    };
    let desk = outcome.record.iter().flat_map(|_| desk::CHECKS);
    let mut checks: Vec<Check> = TRIALS
        .into_iter()
        .chain(desk)
        .filter(|(id, _)| applies(id))
        .map(|(id, title)| {
            let trials = || outcome.trials.iter().filter(|trial| trial.check == id);
            let faults = trials().filter_map(|trial| trial.fault.clone());
            check(id, title, trials().count() as u64, faults.collect())
        })
        .collect();
    checks.extend(media_checks(outcome));
    checks.extend(stream_checks(outcome));
    checks.push(message_check(outcome));
    checks.push(proceedings_check(outcome));
    checks
}

fn media_checks(outcome: &Outcome) -> Vec<Check> {
    let verdicts = &outcome.verdicts;
    let sum = |count: fn(&Verdict) -> usize| verdicts.iter().map(count).sum::<usize>() as u64;
    let faults = |of: fn(&Verdict) -> &Vec<Fault>| -> Vec<String> {
        let all = verdicts.iter().flat_map(of);
        all.map(|fault| format!("{}: {}", fault.receiver, fault.what)).collect()
    };
    let receivers = verdicts.len() as u64;
    vec![
        check(
            "right-voice",
            "everybody heard who had the floor, at the right time and without interruption",
            sum(|verdict| verdict.interruptions.len()),
            faults(|verdict| &verdict.voices_missing),
        ),
        check(
            "no-other-voice",
            "nobody without the floor was heard",
            receivers,
            faults(|verdict| &verdict.voices_intruding),
        ),
        check(
            "silence-in-time",
            "nothing said later than 200 ms after the command that took the floor was heard",
            sum(|verdict| verdict.silence_after.len()),
            faults(|verdict| &verdict.voices_late_to_stop),
        ),
        check(
            "no-echo",
            "nobody heard themselves",
            receivers,
            faults(|verdict| &verdict.own_voice),
        ),
        check(
            "right-picture",
            "everybody saw the main picture and the shared screen of the right person",
            sum(|verdict| verdict.picture_after.len()),
            faults(|verdict| &verdict.pictures_missing),
        ),
        check(
            "no-other-picture",
            "no picture came out of turn",
            receivers,
            faults(|verdict| &verdict.pictures_intruding),
        ),
    ]
}

fn stream_checks(outcome: &Outcome) -> Vec<Check> {
    let totals = &outcome.totals;
    let mut breaks = Vec::new();
    for (count, what) in [
        (totals.ssrc_changes, "changes of the stream's source number within a slot"),
        (totals.time_steps_back, "steps back of the stream's time"),
        (totals.misplaced, "packets in a slot of another kind"),
        (totals.unknown, "packets that nobody of the rehearsal sent"),
    ] {
        if count > 0 {
            breaks.push(format!("{count} {what}"));
        }
    }
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let lost = share(totals.lost, totals.packets + totals.lost);
    let shown = totals.frames + totals.frames_undecodable;
    let undecodable = share(totals.frames_undecodable, shown);
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    vec![
        check("continuity", "every slot was one continuous stream", totals.packets, breaks),
        check(
            "loss",
            "next to nothing was lost",
            totals.packets,
            (lost > LOSS_MAX)
                .then(|| format!("{} of the packets", percent(lost)))
                .into_iter()
                .collect(),
        ),
        check(
            "decodable",
            "pictures could be shown: key frames first, no frame missing",
            shown,
            (undecodable > LOSS_MAX)
                .then(|| format!("{} of the frames could not be shown", percent(undecodable)))
                .into_iter()
                .collect(),
        ),
    ]
}

/// Every person on the live socket saw every change of the floor, in time.
fn message_check(outcome: &Outcome) -> Check {
    let mut faults = Vec::new();
    let mut observations = 0;
    for (asked, done, holder) in changes(outcome) {
        for (person, view) in &outcome.views {
            observations += 1;
            let name = holder.map_or("nobody", PersonId::as_str);
            match seen_after(view, *asked, holder) {
                Some(after) if in_time(outcome, *asked, *done, after) => {}
                Some(after) => {
                    faults.push(format!(
                        "{person} learnt that {name} has the floor after {}",
                        seconds(after)
                    ));
                }
                None => faults.push(format!("{person} never learnt that {name} has the floor")),
            }
        }
    }
    check("messages", "everybody was told who has the floor, within a second", observations, faults)
}

fn changes(outcome: &Outcome) -> impl Iterator<Item = (&Instant, &Instant, Option<&PersonId>)> {
    // The first entry is the state before the first change.
    outcome.floors.iter().skip(1).map(|(asked, done, holder)| (asked, done, holder.as_ref()))
}

fn in_time(outcome: &Outcome, asked: Instant, done: Instant, after: Duration) -> bool {
    asked + after <= done + MESSAGE_AFTER + outcome.stalls.between(done, asked + after)
}

fn seen_after(view: &View, asked: Instant, holder: Option<&PersonId>) -> Option<Duration> {
    view.seen
        .floor
        .iter()
        .find(|(at, seen)| *at >= asked && seen.as_ref() == holder)
        .map(|(at, _)| *at - asked)
}

/// The proceedings are whole, and tell what was done.
fn proceedings_check(outcome: &Outcome) -> Check {
    let title = "the proceedings are complete, chained, and tell who had the floor";
    let lines = match outcome
        .proceedings
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|text| attendance::read(text))
    {
        Ok(lines) => lines,
        Err(reason) => return check("proceedings", title, 1, vec![reason]),
    };
    let mut faults = attendance::verify(&lines);
    let told = attendance::holders(&lines);
    let done: Vec<_> = outcome.floors.iter().filter_map(|(_, _, holder)| holder.clone()).collect();
    if told != done {
        faults.push(format!("the floor was with {done:?}, the proceedings say {told:?}"));
    }
    check("proceedings", title, lines.len() as u64, faults)
}

fn check(id: &'static str, title: &str, observations: u64, mut faults: Vec<String>) -> Check {
    if observations == 0 && faults.is_empty() {
        faults.push("nothing was observed".to_owned());
    }
    let faults_count = faults.len();
    faults.truncate(FAULTS_NAMED_MAX);
    Check {
        id,
        title: title.to_owned(),
        passed: faults_count == 0,
        observations,
        faults,
        faults_count,
    }
}

fn figures(outcome: &Outcome) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |id: &str, title: &str, value: f64| {
        figures.push(Figure { id: id.to_owned(), title: title.to_owned(), value });
    };
    let verdicts = &outcome.verdicts;
    let all = |of: fn(&Verdict) -> &Vec<Duration>| histogram(verdicts.iter().flat_map(of));
    let totals = &outcome.totals;
    let messages = changes(outcome).flat_map(|(asked, _, holder)| {
        outcome.views.values().filter_map(move |view| seen_after(view, *asked, holder))
    });
    let messages: Vec<_> = messages.collect();
    for (id, title, lengths) in [
        ("join_live", "link to welcome on the live socket", histogram(&outcome.live_joins)),
        ("join_publish", "offer to media path, publishing", histogram(&outcome.publish_joins)),
        ("join_receive", "offer to media path, receiving", histogram(&outcome.receive_joins)),
        ("voice_delay", "microphone to listener", totals.voice_delay.clone()),
        ("picture_delay", "camera to viewer", totals.picture_delay.clone()),
        (
            "voice_after_floor",
            "command that gave the floor to first sound",
            all(|v| &v.voice_after),
        ),
        (
            "silence_after_floor",
            "command that took the floor to last sound",
            all(|v| &v.silence_after),
        ),
        (
            "picture_after_floor",
            "command that gave the floor to first picture",
            all(|v| &v.picture_after),
        ),
        ("interruption", "longest interruption of a voice, each scene", all(|v| &v.interruptions)),
        ("message_delay", "command to message on the live socket", histogram(&messages)),
    ] {
        for (share, name) in [(0.5, "p50"), (0.95, "p95"), (1.0, "max")] {
            if let Some(value) = lengths.quantile(share) {
                let value = (value.as_secs_f64() * 10_000.0).round() / 10.0;
                add(&format!("{id}_{name}_ms"), &format!("{title}, {name}"), value);
            }
        }
    }
    let sent: u64 = outcome.sent.iter().map(|s| s.sound_packets + s.picture_packets).sum();
    let asked: u64 = outcome.sent.iter().map(|s| s.key_frames_asked).sum();
    let late: u64 = outcome.sent.iter().map(|s| s.late).sum();
    for (id, title, value) in [
        ("packets_sent", "packets sent", sent),
        ("packets_received", "packets received", totals.packets),
        ("packets_lost", "packets lost on the way", totals.lost),
        ("packets_late", "packets that came after a later one", totals.late),
        ("bytes_received", "bytes of media received", totals.bytes),
        ("frames_shown", "frames that could be shown", totals.frames),
        (
            "key_frames_asked_by_receivers",
            "key frames that receivers asked for",
            totals.key_frames_asked,
        ),
        ("key_frames_asked_of_publishers", "key frames that the server asked for", asked),
        (
            "stalls_total_ms",
            "time in which this machine stood still",
            millis(outcome.stalls.total()),
        ),
        (
            "stall_longest_ms",
            "longest time in which this machine stood still",
            millis(outcome.stalls.longest()),
        ),
        ("publishers_late", "times this machine was too slow to publish in time", late),
    ] {
        add(id, title, value as f64);
    }
    figures
}

fn histogram<'a>(lengths: impl IntoIterator<Item = &'a Duration>) -> Histogram {
    let mut histogram = Histogram::default();
    lengths.into_iter().for_each(|length| histogram.add(*length));
    histogram
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

impl RehearsalReport {
    /// The report as a page for people.
    pub fn markdown(&self) -> String {
        let failed = self.checks.iter().filter(|check| !check.passed).count();
        let verdict = match failed {
            0 => format!("All {} checks passed.", self.checks.len()),
            1 => format!("1 of {} checks failed.", self.checks.len()),
            failed => format!("{failed} of {} checks failed.", self.checks.len()),
        };
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "# Rehearsal of {}\n\n**{verdict}**\n\n\
             Server {}, {}, {} seconds, pace {}. {} people on stage, {} receivers. Voices: {}.\n\n\
             Time in which the rehearsing machine itself stood still (see the figures) is not \
             counted against the server.\n\n\
             ## Checks\n\n| | check | observations |\n|---|---|---|\n",
            self.event,
            self.server,
            self.began,
            self.took_ms / 1_000,
            self.pace,
            self.on_stage,
            self.receivers,
            self.voices,
        );
        for check in &self.checks {
            let mark = if check.passed { "passed" } else { "**failed**" };
            let _ = writeln!(page, "| {mark} | {} | {} |", check.title, check.observations);
        }
        for check in self.checks.iter().filter(|check| !check.passed) {
            let _ = write!(page, "\n### Failed: {}\n\n", check.title);
            for fault in &check.faults {
                let _ = writeln!(page, "- {}", fault.replace('\n', " "));
            }
            if check.faults_count > check.faults.len() {
                let _ = writeln!(page, "- … {} in all", check.faults_count);
            }
        }
        if let Some(record) = &self.record {
            let list = |words: Vec<String>| words.join(", ");
            let release = record.release.map_or("none".to_owned(), |hash| hash.to_string());
            let _ = write!(
                page,
                "\n## Record\n\n{} lines of transcript, {} statements, {} of them cleared.\n\n\
                 Release {release}, approved by {}, read in {}.\n",
                record.lines,
                record.statements,
                record.cleared,
                list(record.parties.iter().map(ToString::to_string).collect()),
                list(record.languages.iter().map(ToString::to_string).collect()),
            );
        }
        let _ = write!(page, "\n## Figures\n\n| what | value |\n|---|---:|\n");
        for figure in &self.figures {
            let unit = if figure.id.ends_with("_ms") { " ms" } else { "" };
            let _ = writeln!(page, "| {} | {}{unit} |", figure.title, figure.value);
        }
        let _ = write!(page, "\n## Course\n\n| s | what |\n|---:|---|\n");
        for (at, what) in &self.course {
            let _ = writeln!(page, "| {:.1} | {what} |", *at as f64 / 1_000.0);
        }
        page
    }
}

/// Writes everything into the folder.
pub(super) fn write(
    folder: &Path,
    report: &RehearsalReport,
    outcome: &Outcome,
) -> Result<(), RehearsalError> {
    let rows = outcome
        .proceedings
        .as_ref()
        .ok()
        .and_then(|text| attendance::read(text).ok())
        .map(|lines| Attendance::of(&lines))
        .unwrap_or_default();
    let json = |error: serde_json::Error| std::io::Error::other(error);
    let files: [(&str, Result<String, std::io::Error>); 5] = [
        ("report.md", Ok(report.markdown())),
        ("report.json", serde_json::to_string_pretty(report).map_err(json)),
        ("proceedings.jsonl", Ok(outcome.proceedings.clone().unwrap_or_default())),
        ("attendance.csv", Ok(Attendance::csv(&rows))),
        ("attendance.json", serde_json::to_string_pretty(&rows).map_err(json)),
    ];
    for (name, content) in files {
        let path = folder.join(name);
        content
            .and_then(|content| std::fs::write(&path, content))
            .map_err(|error| RehearsalError::Output { path, error })?;
    }
    Ok(())
}
