//! `GET /api/events/{event}/calendar.ics`, read back by another program's parser.

use icalendar::{Calendar, CalendarComponent, Component, EventLike};
use proceedings::testing::reference_event;

use crate::support::{EVENT, TestApp, wide_limits};

async fn calendar(app: &TestApp, query: &str) -> String {
    let answer = app.get(&format!("/api/events/{EVENT}/calendar.ics{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/calendar; charset=utf-8");
    answer.body
}

#[tokio::test]
async fn another_program_reads_it() {
    let app = TestApp::new().await;
    let text = calendar(&app, "").await;
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')));
    let parsed: Calendar = text.parse().unwrap();
    let event = parsed
        .components
        .iter()
        .find_map(|component| match component {
            CalendarComponent::Event(event) => Some(event),
            _ => None,
        })
        .unwrap();
    assert_eq!(event.get_uid(), Some("russian-diplomats-day@localhost"));
    assert_eq!(event.get_sequence(), Some(0));
    assert_eq!(event.get_summary(), Some("Russia–Pakistan relations"));
    assert_eq!(event.get_location(), Some("http://localhost/e/russian-diplomats-day"));
    assert_eq!(event.property_value("DTSTART"), Some("20210209T150000"));
    assert_eq!(event.property_value("DTEND"), Some("20210209T160500"));
    let zone = event.properties()["DTSTART"].params()["TZID"].value().to_owned();
    assert_eq!(zone, "Asia/Karachi");
    assert!(text.contains("BEGIN:VTIMEZONE\r\nTZID:Asia/Karachi\r\n"));
    assert!(text.contains("TZOFFSETTO:+0500\r\n"));
}

#[tokio::test]
async fn a_zone_with_summer_time_carries_its_changes() {
    let mut definition = reference_event();
    definition.time_zone = "Europe/Vienna".to_owned();
    let app = TestApp::with(definition, wide_limits()).await;
    let text = calendar(&app, "").await;
    // Onsets are written in the time that held until then (RFC 5545, section 3.6.5).
    for expected in [
        "BEGIN:DAYLIGHT\r\nDTSTART:20210328T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n",
        "BEGIN:STANDARD\r\nDTSTART:20201025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(text.contains("DTSTART;TZID=Europe/Vienna:20210209T110000\r\n"));
    text.parse::<Calendar>().unwrap();
}

#[tokio::test]
async fn the_language_can_be_asked_for() {
    let mut definition = reference_event();
    let ru = "ru".parse().unwrap();
    definition.title.0.insert(ru, "Отношения России и Пакистана".to_owned());
    let app = TestApp::with(definition, wide_limits()).await;
    assert!(calendar(&app, "?lang=ru").await.contains("SUMMARY:Отношения"));
    assert!(calendar(&app, "?lang=ur").await.contains("SUMMARY:Russia"));
    let path = format!("/api/events/{EVENT}/calendar.ics?lang=!");
    app.get(&path).await.is_error(400, "bad-request");
}
