//! When the event begins: a time of day in a zone, as a moment.

use std::ops::Range;

use base::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use toml::de::DeValue;

use crate::reader::{Field, Reader};
use crate::suggest::nearest;

/// The zone and its canonical name. The zones are those bundled with the program, so that a file
/// means the same on every machine.
pub(crate) fn time_zone(reader: &mut Reader<'_>, field: &Field<'_, '_>) -> Option<TimeZone> {
    let Some(name) = field.value.get_ref().as_str() else {
        reader.error(
            &field.path,
            field.span(),
            "`time_zone` takes the name of a zone as text",
            format!("for example `{}`", field.key.example),
        );
        return None;
    };
    let database = TimeZoneDatabase::bundled();
    // The database would also accept "Etc/Unknown", which tells the reader nothing.
    if let Ok(zone) = database.get(name)
        && zone.iana_name().is_some_and(|name| name != "Etc/Unknown")
    {
        return Some(zone);
    }
    let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let by_city = names.iter().find(|known| {
        let city = known.rsplit('/').next().unwrap_or_default();
        city.eq_ignore_ascii_case(&name.trim().replace(' ', "_"))
    });
    let near =
        by_city.map(String::as_str).or_else(|| nearest(name, names.iter().map(String::as_str)));
    let remedy = match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "zones are named by continent and city, as \"Asia/Karachi\"".to_owned(),
    };
    reader.error(&field.path, field.span(), format!("there is no time zone \"{name}\""), remedy);
    None
}

/// The moment of the opening. `zone` is `None` when the zone is missing or wrong, which has been
/// reported; the date itself is checked all the same.
pub(crate) fn start(
    reader: &mut Reader<'_>,
    field: &Field<'_, '_>,
    zone: Option<&TimeZone>,
) -> Option<Timestamp> {
    let text = match field.value.get_ref() {
        DeValue::String(text) => text.trim().to_owned(),
        DeValue::Datetime(moment) => moment.to_string(),
        _ => String::new(),
    };
    let (local, offset) = match pieces(&text) {
        Ok(parsed) => parsed,
        Err(what) => {
            let remedy = "write year-month-day, T, and hour:minute of the event's city, \
                          as `start = \"2021-02-09T15:00\"`";
            reader.error(&field.path, field.span(), what, remedy);
            return None;
        }
    };
    let zone = zone?;
    match resolve(local, offset, zone) {
        Ok(moment) => Some(moment),
        Err((what, remedy)) => {
            reader.error(&field.path, field.span(), what, remedy);
            None
        }
    }
}

fn pieces(text: &str) -> Result<(DateTime, Option<Offset>), String> {
    let pieces =
        Pieces::parse(text).map_err(|_| "`start` is not a date with a time of day".to_owned())?;
    if pieces.time_zone_annotation().is_some() {
        return Err("the zone in brackets belongs in `time_zone`".to_owned());
    }
    let time = pieces.time().ok_or("`start` has a date but no time of day")?;
    Ok((pieces.date().to_datetime(time), pieces.to_numeric_offset()))
}

fn resolve(
    local: DateTime,
    offset: Option<Offset>,
    zone: &TimeZone,
) -> Result<Timestamp, (String, String)> {
    let name = zone.iana_name().unwrap_or("the zone");
    let shown = shown(local);
    let possible = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![offset],
        AmbiguousOffset::Fold { before, after } => vec![before, after],
        AmbiguousOffset::Gap { before, after } => {
            let later = before.to_timestamp(local).map(|moment| after.to_datetime(moment));
            let remedy = match later {
                Ok(later) => format!("did you mean {}?", self::shown(later)),
                Err(_) => "choose another hour".to_owned(),
            };
            return Err((
                format!("{shown} does not exist in {name}: the clocks go forward over it"),
                remedy,
            ));
        }
    };
    let chosen = match (offset, possible.as_slice()) {
        (None, [only]) => *only,
        (Some(given), possible) if possible.contains(&given) => given,
        (None, [before, after, ..]) => {
            return Err((
                format!("{shown} occurs twice in {name}: the clocks go back over it"),
                format!(
                    "write which: `start = \"{shown}{}\"` for the first, {} for the second",
                    offset_text(*before),
                    offset_text(*after)
                ),
            ));
        }
        (given, possible) => {
            let given = given.map(offset_text).unwrap_or_default();
            let right: Vec<_> = possible.iter().copied().map(offset_text).collect();
            return Err((
                format!("the offset {given} does not agree with `time_zone`"),
                format!("{name} has {} then; leave the offset out or mend it", right.join(" or ")),
            ));
        }
    };
    chosen.to_timestamp(local).map(|moment| Timestamp(moment.as_millisecond())).map_err(|_| {
        (format!("{shown} lies outside of the calendar"), "choose a date of this era".to_owned())
    })
}

fn shown(local: DateTime) -> String {
    let format = if local.second() == 0 && local.subsec_nanosecond() == 0 {
        "%Y-%m-%dT%H:%M"
    } else {
        "%Y-%m-%dT%H:%M:%S"
    };
    local.strftime(format).to_string()
}

fn offset_text(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// The city in a zone's name, to be offered where the city is missing.
pub(crate) fn city_of(zone: &TimeZone) -> Option<String> {
    let name = zone.iana_name()?;
    let (_, city) = name.rsplit_once('/')?;
    Some(city.replace('_', " "))
}

/// An empty place at the start of the file.
pub(crate) const FILE: Range<usize> = 0..0;
