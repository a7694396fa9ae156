//! `GET /api/events`, `GET /api/events/{event}`.

use api_types::{EventSummary, EventView};
use base::Millis;
use proceedings::Life;
use proceedings::testing::START;

use crate::support::{EVENT, TestApp};

#[tokio::test]
async fn events_are_listed_and_shown() {
    let app = TestApp::new().await;
    let list: Vec<EventSummary> = app.get("/api/events").await.json();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].id.as_str(), list[0].life), (EVENT, Life::Scheduled));

    let event: EventView = app.get(&format!("/api/events/{EVENT}")).await.json();
    assert_eq!(event.start, START);
    assert_eq!(event.planned_end, START.plus(Millis::from_minutes(65)));
    let people: Vec<_> = event.people.iter().map(|person| person.id.as_str()).collect();
    assert_eq!(people, ["kazi", "ganich", "sehgal", "desk"], "participants are not public");
}

#[tokio::test]
async fn what_is_not_there() {
    let app = TestApp::new().await;
    for path in ["/api/events/other", "/api/events/NoSlug", "/api/events/other/calendar.ics"] {
        app.get(path).await.is_error(404, "no-such-event");
    }
    for path in ["/api", "/api/nothing", "/api/events/a/b", "/whip", "/whep/a/b/c"] {
        app.get(path).await.is_error(404, "no-such-path");
    }
    app.post_json("/api/events", "{}").await.is_error(405, "bad-method");
    app.get(&format!("/whip/{EVENT}")).await.is_error(405, "bad-method");
}
