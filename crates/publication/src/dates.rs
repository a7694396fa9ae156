//! Days and hours in the event's zone, in words.

use std::sync::LazyLock;

use base::{Millis, Timestamp};
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::words::Grammar;

/// A day of the calendar. As JSON it is `2021-02-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// The day that `moment` belongs to in the zone of this IANA name; in UTC when there is no such
    /// zone.
    pub fn of(moment: Timestamp, time_zone: &str) -> Self {
        Self(zoned(moment, time_zone).date())
    }

    /// "9 February 2021", with spaces at which no line ends.
    pub(crate) fn in_words(self, grammar: &Grammar) -> String {
        let month = grammar.months.get(usize::from(self.0.month().unsigned_abs()) - 1);
        let month = month.copied().unwrap_or_default();
        grammar
            .date
            .replace("{day}", &self.0.day().to_string())
            .replace("{month}", month)
            .replace("{year}", &self.0.year().to_string())
    }

    /// "Tuesday, 9 February 2021", in the form that says when something was held.
    pub(crate) fn with_weekday(self, grammar: &Grammar) -> String {
        let weekday = usize::from(self.0.weekday().to_monday_zero_offset().unsigned_abs());
        let weekday = grammar.on_weekday.get(weekday).copied().unwrap_or_default();
        grammar.on_day.replace("{weekday}", weekday).replace("{date}", &self.in_words(grammar))
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// "15:04:12" by the clock of the event's city.
pub(crate) fn clock(opened: Timestamp, after: Millis, time_zone: &str) -> String {
    zoned(opened.plus(after), time_zone).time().strftime("%H:%M:%S").to_string()
}

/// "17:46" by the clock of the event's city.
pub(crate) fn minute(moment: Timestamp, time_zone: &str) -> String {
    zoned(moment, time_zone).time().strftime("%H:%M").to_string()
}

/// The difference to universal time: "UTC+5", "UTC+5:30".
pub(crate) fn utc_offset(moment: Timestamp, time_zone: &str) -> String {
    let seconds = zoned(moment, time_zone).offset().seconds();
    let sign = if seconds < 0 { '−' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    match minutes % 60 {
        0 => format!("UTC{sign}{}", minutes / 60),
        rest => format!("UTC{sign}{}:{rest:02}", minutes / 60),
    }
}

/// RFC 3339, in the event's zone.
pub(crate) fn rfc3339(moment: Timestamp, time_zone: &str) -> String {
    zoned(moment, time_zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// RFC 3339, in universal time.
pub(crate) fn utc(moment: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(moment.0).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn zoned(moment: Timestamp, time_zone: &str) -> jiff::Zoned {
    // Kept, because it remembers the zones that it has read.
    static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    let zone = ZONES.get(time_zone).unwrap_or(TimeZone::UTC);
    jiff::Timestamp::from_millisecond(moment.0).unwrap_or_default().to_zoned(zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::grammar;
    use base::Language;

    const KARACHI: &str = "Asia/Karachi";
    /// 15:00 in Karachi on 9 February 2021.
    const OPENED: Timestamp = Timestamp(1_612_864_800_000);

    #[test]
    fn days_in_three_languages() {
        let day = Day::of(OPENED, KARACHI);
        assert_eq!(serde_json::to_string(&day).expect("well-formed"), "\"2021-02-09\"");
        assert_eq!(serde_json::from_str::<Day>("\"2021-02-09\"").expect("well-formed"), day);
        for (language, in_words, with_weekday) in [
            ("en", "9\u{A0}February\u{A0}2021", "on Tuesday, 9\u{A0}February\u{A0}2021"),
            ("ru", "9\u{A0}февраля 2021\u{A0}года", "во вторник, 9\u{A0}февраля 2021\u{A0}года"),
            ("ur", "9\u{A0}فروری 2021", "منگل، 9\u{A0}فروری 2021"),
        ] {
            let grammar =
                grammar(&Language::new(language).expect("well-formed")).expect("well-formed");
            assert_eq!(day.in_words(grammar), in_words);
            assert_eq!(day.with_weekday(grammar), with_weekday);
        }
    }

    #[test]
    fn hours_by_the_clock_of_the_city() {
        assert_eq!(clock(OPENED, Millis::from_secs(252), KARACHI), "15:04:12");
        assert_eq!(utc_offset(OPENED, KARACHI), "UTC+5");
        assert_eq!(utc_offset(OPENED, "Asia/Kolkata"), "UTC+5:30");
        assert_eq!(rfc3339(OPENED, KARACHI), "2021-02-09T15:00:00+05:00");
        assert_eq!(utc(OPENED), "2021-02-09T10:00:00Z");
        assert_eq!(clock(Timestamp(i64::MAX), Millis(9), "Nowhere/At_all"), "00:00:00");
    }
}
