//! `GET /api/events/{event}/calendar.ics`: the event for a calendar (RFC 5545).
//!
//! Written by hand, because the time zone has to travel with the event: calendars that do not know
//! `Asia/Karachi`, or know it from another year, must still show the right hour.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base::{Language, Localized, Millis, Timestamp};
use jiff::tz::TimeZone;
use proceedings::EventState;

use crate::app::App;
use crate::error::ApiError;

/// Longest line in bytes, without its end (RFC 5545, section 3.1).
const LINE_BYTES_MAX: usize = 75;

/// Changes of the zone's offset that are written down: two a year around the event and the one
/// before are enough, and a broken zone cannot make the file long.
const TRANSITIONS_MAX: usize = 8;

/// In which language the texts are.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    lang: Option<String>,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(event): Path<String>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(asked) = asked.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let language = match asked.lang.as_deref().map(Language::new) {
        Some(Ok(language)) => Some(language),
        Some(Err(error)) => return Err(ApiError::bad_request(format!("lang: {error}"))),
        None => None,
    };
    let (id, event) = app.event(&event).await?;
    let url = format!("{}/e/{id}", app.public_url);
    let now = app.clock.now();
    let text = event
        .read(|state| calendar(state, language.as_ref(), &url, now))
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.ics\"")),
    ];
    Ok((headers, text).into_response())
}

/// The calendar file. The definition of an event does not change after its creation, so its
/// `SEQUENCE` is that of the first version; a later one must count up.
fn calendar(
    state: &EventState,
    language: Option<&Language>,
    url: &str,
    now: Timestamp,
) -> Result<String, jiff::Error> {
    let definition = &state.definition;
    let zone = TimeZone::get(&definition.time_zone)?;
    let name = &definition.time_zone;
    let planned: u64 = definition.segments.iter().map(|segment| segment.planned.0).sum();
    let start = definition.start;
    let end = start.plus(Millis(planned));
    let text = |text: &Localized| {
        let language = language.or(definition.languages.first());
        let found = language.and_then(|language| text.best(language, &definition.languages));
        found.unwrap_or_default().to_owned()
    };
    let mut description = vec![text(&definition.topic)];
    description.extend(definition.occasion.as_ref().map(text));
    description.extend(definition.notice.as_ref().map(text));
    description.push(url.to_owned());

    let mut out = Writer::default();
    out.line("BEGIN:VCALENDAR");
    out.line("VERSION:2.0");
    out.line("PRODID:-//Plenary//Plenary//EN");
    out.line("CALSCALE:GREGORIAN");
    out.line("METHOD:PUBLISH");
    write_zone(&mut out, &zone, name, instant(start)?, instant(end)?)?;
    out.line("BEGIN:VEVENT");
    out.line(&format!("UID:{}@{}", definition.id, host(url)));
    out.line("SEQUENCE:0");
    out.line(&format!("DTSTAMP:{}", instant(now)?.strftime("%Y%m%dT%H%M%SZ")));
    out.line(&format!("DTSTART;TZID={name}:{}", local(instant(start)?, &zone)));
    out.line(&format!("DTEND;TZID={name}:{}", local(instant(end)?, &zone)));
    out.line(&format!("SUMMARY:{}", escaped(&text(&definition.title))));
    out.line(&format!("DESCRIPTION:{}", escaped(&description.join("\n\n"))));
    out.line(&format!("LOCATION:{}", escaped(url)));
    out.line(&format!("URL:{url}"));
    out.line("END:VEVENT");
    out.line("END:VCALENDAR");
    Ok(out.0)
}

/// The zone's offset at the event, and its changes from a year before to a year after, so that a
/// calendar can also show what lies around it.
fn write_zone(
    out: &mut Writer,
    zone: &TimeZone,
    name: &str,
    start: jiff::Timestamp,
    end: jiff::Timestamp,
) -> Result<(), jiff::Error> {
    let year = jiff::SignedDuration::from_hours(366 * 24);
    let from = start.checked_sub(year)?;
    let until = end.checked_add(year)?;
    out.line("BEGIN:VTIMEZONE");
    out.line(&format!("TZID:{name}"));
    let before = zone.preceding(from).next();
    let later = zone.following(from).take_while(|change| change.timestamp() <= until);
    let mut changes: Vec<_> = before.into_iter().chain(later).take(TRANSITIONS_MAX).collect();
    if changes.first().is_none_or(|first| first.timestamp() > start) {
        // A zone that never changed before: its offset has held since the beginning.
        let info = zone.to_offset_info(from);
        let onset = "19700101T000000";
        observance(
            out,
            info.dst().is_dst(),
            onset,
            info.offset(),
            info.offset(),
            info.abbreviation(),
        );
    }
    for change in changes.drain(..) {
        let before = change.timestamp().checked_sub(jiff::SignedDuration::from_nanos(1))?;
        let offset_before = zone.to_offset(before);
        // The onset is written in the local time that held until then.
        let onset = offset_before.to_datetime(change.timestamp()).strftime("%Y%m%dT%H%M%S");
        observance(
            out,
            change.dst().is_dst(),
            &onset.to_string(),
            offset_before,
            change.offset(),
            change.abbreviation(),
        );
    }
    out.line("END:VTIMEZONE");
    Ok(())
}

fn observance(
    out: &mut Writer,
    daylight: bool,
    onset: &str,
    from: jiff::tz::Offset,
    to: jiff::tz::Offset,
    name: &str,
) {
    let kind = if daylight { "DAYLIGHT" } else { "STANDARD" };
    out.line(&format!("BEGIN:{kind}"));
    out.line(&format!("DTSTART:{onset}"));
    out.line(&format!("TZOFFSETFROM:{}", offset(from)));
    out.line(&format!("TZOFFSETTO:{}", offset(to)));
    out.line(&format!("TZNAME:{}", escaped(name)));
    out.line(&format!("END:{kind}"));
}

/// `+0500`, with seconds only where there are some (RFC 5545, section 3.3.14).
fn offset(offset: jiff::tz::Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = seconds.unsigned_abs();
    let (hours, minutes, rest) = (all / 3_600, all / 60 % 60, all % 60);
    let mut text = format!("{sign}{hours:02}{minutes:02}");
    if rest > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, "{rest:02}");
    }
    text
}

fn instant(at: Timestamp) -> Result<jiff::Timestamp, jiff::Error> {
    jiff::Timestamp::from_millisecond(at.0)
}

fn local(at: jiff::Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y%m%dT%H%M%S").to_string()
}

fn host(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.split(['/', ':']).next().unwrap_or(after_scheme)
}

/// RFC 5545, section 3.3.11.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            ';' => out.push_str("\\;"),
            ',' => out.push_str("\\,"),
            '\n' => out.push_str("\\n"),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

/// Folds lines: none is longer than 75 bytes, and no letter is cut in two.
#[derive(Default)]
struct Writer(String);

impl Writer {
    fn line(&mut self, line: &str) {
        let mut used = 0;
        for letter in line.chars() {
            if used + letter.len_utf8() > LINE_BYTES_MAX {
                self.0.push_str("\r\n ");
                used = 1;
            }
            self.0.push(letter);
            used += letter.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_letters() {
        let mut out = Writer::default();
        out.line(&format!("SUMMARY:{}", "مذاکرہ ".repeat(30)));
        assert!(out.0.split("\r\n").all(|line| line.len() <= LINE_BYTES_MAX));
        assert_eq!(
            out.0.replace("\r\n ", "").trim_end(),
            format!("SUMMARY:{}", "مذاکرہ ".repeat(30)).trim_end()
        );
    }

    #[test]
    fn offsets() {
        let of = |seconds| offset(jiff::tz::Offset::from_seconds(seconds).expect("an offset"));
        assert_eq!(of(5 * 3_600), "+0500");
        assert_eq!(of(-(3 * 3_600 + 30 * 60)), "-0330");
        assert_eq!(of(4 * 3_600 + 28 * 60 + 12), "+042812");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a,b;c\\d\ne\r"), "a\\,b\\;c\\\\d\\ne");
    }
}
