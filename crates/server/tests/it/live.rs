//! `GET /api/live`.

use std::time::Duration;

use api_types::{ClientMessage, CommandFailure, EndReason, Section, ServerMessage, SlotsView};
use base::limits::{CLIENT_MESSAGE_BYTES_MAX, CONNECTIONS_PER_PERSON_MAX};
use base::{ConnectionId, Millis, Timestamp};
use futures_util::SinkExt;
use proceedings::testing::{START, parsed};
use proceedings::{Admission, Command, Event, Life, Refusal, StagePlace, verify};
use sfu::{ReceiverClass, SfuEvent, Slots};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{Asked, EVENT, TestApp, token};

fn names(sections: &[Section]) -> Vec<&'static str> {
    let mut names: Vec<_> = sections
        .iter()
        .map(|section| match section {
            Section::Life(_) => "life",
            Section::Programme(_) => "programme",
            Section::Floor(_) => "floor",
            Section::Stage(_) => "stage",
            Section::Audience(_) => "audience",
            Section::Slots(_) => "slots",
            Section::Hands(_) => "hands",
            Section::Lobby(_) => "lobby",
            Section::Roster(_) => "roster",
            Section::Recording(_) => "recording",
            Section::Lines(_) => "lines",
            Section::Captions(_) => "captions",
            Section::Partials(_) => "partials",
        })
        .collect();
    names.sort_unstable();
    names
}

fn life(section: &Section) -> Option<Life> {
    match section {
        Section::Life(life) => Some(life.life),
        _ => None,
    }
}

fn person(id: &str) -> base::PersonId {
    parsed(id)
}

/// Registers a person on the public page and returns their token.
async fn registered(app: &TestApp, name: &str) -> String {
    let body = format!(r#"{{"name": "{name}", "language": "en"}}"#);
    let answer = app.post_json(&format!("/api/events/{EVENT}/registrations"), &body).await;
    let issued: api_types::LinkIssued = answer.json();
    issued.link.split_once('#').unwrap().1.to_owned()
}

#[tokio::test]
async fn readers_get_what_their_class_may_know() {
    let mut app = TestApp::new().await;
    let mut moderator = app.dial().await;
    moderator.hello(EVENT, &token("kazi"), None).await;
    let all = [
        "audience",
        "captions",
        "floor",
        "hands",
        "life",
        "lines",
        "lobby",
        "partials",
        "programme",
        "recording",
        "roster",
        "slots",
        "stage",
    ];
    assert_eq!(names(&moderator.welcome().await), all);

    let mut participant = app.dial().await;
    participant.hello(EVENT, &token("anwar"), None).await;
    let admitted =
        ["audience", "captions", "floor", "life", "partials", "programme", "slots", "stage"];
    assert_eq!(names(&participant.welcome().await), admitted);

    let waiting_token = registered(&app, "Nadia").await;
    let mut waiting = app.dial().await;
    waiting.hello(EVENT, &waiting_token, None).await;
    assert_eq!(names(&waiting.welcome().await), ["life", "programme"]);
    let you = waiting.you.clone().unwrap();
    assert_eq!((you.admission, you.may_receive), (Admission::Waiting, false));
    let refused = waiting.command(Command::RaiseHand).await;
    assert_eq!(refused, Err(Ok(Refusal::NotAdmitted)));

    let row = moderator
        .section(|section| match section {
            Section::Lobby(lobby) if lobby.count == 1 => Some(lobby.waiting[0].person.id.clone()),
            _ => None,
        })
        .await;
    moderator.must(Command::Admit { person: row }).await;
    waiting.until(|message| matches!(message, ServerMessage::You { .. }).then_some(())).await;
    let now = waiting
        .until(|message| match message {
            ServerMessage::Changed { sections, .. } => Some(names(sections)),
            _ => None,
        })
        .await;
    assert_eq!(now, admitted, "who is admitted gets all that they may read now");
}

#[tokio::test]
async fn the_event_runs_over_the_socket() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    let mut ganich = app.join("ganich").await;
    let mut anwar = app.join("anwar").await;

    kazi.must(Command::EnterStage).await;
    kazi.must(Command::SetMicrophone { on: true }).await;
    assert_eq!(anwar.section(|s| life(s).filter(|l| *l == Life::GreenRoom)).await, Life::GreenRoom);
    ganich.must(Command::EnterStage).await;
    let forbidden = anwar.command(Command::EnterStage).await;
    assert_eq!(forbidden, Err(Ok(Refusal::NotAllowed)));
    kazi.must(Command::OpenEvent).await;
    app.clock.advance(Millis::from_minutes(10));
    let sequence = kazi.must(Command::NextSegment).await;
    assert_eq!(kazi.sequence, sequence, "what a command changed is sent before it is accepted");

    let holder = |section: &Section| match section {
        Section::Floor(floor) => {
            floor.holder.as_ref().filter(|grant| grant.person == person("ganich")).cloned()
        }
        _ => None,
    };
    let grant = anwar.section(holder).await;
    assert_eq!(grant.since, START.plus(Millis::from_minutes(10)));
    ganich
        .until(|message| match message {
            ServerMessage::You { you } if you.has_floor => Some(()),
            _ => None,
        })
        .await;
    assert!(ganich.you.as_ref().is_some_and(|you| you.may_publish));
    assert!(anwar.you.as_ref().is_some_and(|you| you.may_receive && !you.may_publish));

    anwar.must(Command::RaiseHand).await;
    assert_eq!(anwar.you.as_ref().and_then(|you| you.hand), Some(1));
    kazi.section(|section| match section {
        Section::Hands(hands) => (hands.hands.len() == 1).then_some(()),
        _ => None,
    })
    .await;
    let again = anwar.command(Command::RaiseHand).await;
    assert_eq!(again, Err(Ok(Refusal::HandAlreadyRaised)));

    kazi.must(Command::CloseEvent).await;
    for socket in [&mut kazi, &mut ganich, &mut anwar] {
        assert_eq!(socket.end().await, EndReason::Closed);
        assert_eq!(socket.sections.iter().find_map(life), Some(Life::Closed), "told before");
    }
    let mut late = app.dial().await;
    late.hello(EVENT, &token("bilal"), None).await;
    assert_eq!(late.end().await, EndReason::Closed);
    verify(&app.lines().await).unwrap();
}

#[tokio::test]
async fn commands_of_the_server_are_refused_to_people() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    let before = app.lines().await;
    for command in [
        Command::Restart,
        Command::Arrive { person: person("anwar"), connection: ConnectionId(9) },
        Command::Depart { person: person("kazi"), connection: ConnectionId(1) },
    ] {
        assert_eq!(kazi.command(command).await, Err(Ok(Refusal::NotAllowed)));
    }
    assert_eq!(app.lines().await, before);
}

#[tokio::test]
async fn whoever_is_put_out_is_told_and_closed_everywhere() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    let mut one = app.join("anwar").await;
    let mut two = app.join("anwar").await;
    let mut bilal = app.join("bilal").await;
    kazi.must(Command::RemovePerson { person: person("anwar") }).await;
    assert_eq!((one.end().await, two.end().await), (EndReason::Removed, EndReason::Removed));
    let mut again = app.dial().await;
    again.hello(EVENT, &token("anwar"), None).await;
    assert_eq!(again.end().await, EndReason::Removed, "removed is removed");

    kazi.must(Command::SuspendPerson { person: person("bilal") }).await;
    assert_eq!(bilal.end().await, EndReason::Suspended);
    let mut again = app.dial().await;
    again.hello(EVENT, &token("bilal"), None).await;
    assert_eq!(again.end().await, EndReason::Suspended);
    kazi.must(Command::Readmit { person: person("bilal") }).await;
    app.join("bilal").await;
}

#[tokio::test]
async fn greetings_that_are_wrong() {
    let mut app = TestApp::new().await;
    for (event, token, reason) in [
        (EVENT, "nonsense".to_owned(), EndReason::BadToken),
        (EVENT, String::new(), EndReason::BadToken),
        (EVENT, "a".repeat(32), EndReason::BadToken),
        ("no-such-event", token("kazi"), EndReason::NoSuchEvent),
    ] {
        let mut socket = app.dial().await;
        socket.hello(event, &token, None).await;
        assert_eq!(socket.end().await, reason);
    }
    for text in [
        "",
        "{",
        r#"{"type":"ping"}"#,
        r#"{"type":"hello","event":"../etc","token":"x","resume":null}"#,
        r#"{"type":"command","id":1,"command":{"do":"open-event"}}"#,
    ] {
        let mut socket = app.dial().await;
        socket.say_text(text).await;
        assert_eq!(socket.end().await, EndReason::BadMessage, "{text}");
    }
    assert_eq!(app.lines().await.len(), 1, "nobody came in");
}

#[tokio::test]
async fn a_message_that_is_not_understood_ends_the_socket() {
    let mut app = TestApp::new().await;
    let long = format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(CLIENT_MESSAGE_BYTES_MAX));
    for message in [
        Message::text("{}"),
        Message::text(r#"{"type":"command","id":1,"command":{"do":"fly"}}"#),
        Message::text(r#"{"type":"command","id":-1,"command":{"do":"raise-hand"}}"#),
        Message::binary(vec![0; 8]),
        Message::text(long),
    ] {
        let mut anwar = app.join("anwar").await;
        anwar.stream.send(message.clone()).await.unwrap();
        assert_eq!(anwar.end().await, EndReason::BadMessage, "{message}");
    }
}

#[tokio::test]
async fn pings_are_answered_with_the_servers_clock() {
    let mut app = TestApp::new().await;
    let mut anwar = app.join("anwar").await;
    app.clock.advance(Millis(1_234));
    anwar.say(&ClientMessage::Ping {}).await;
    let now = anwar
        .until(|message| match message {
            ServerMessage::Pong { now } => Some(*now),
            _ => None,
        })
        .await;
    assert_eq!(now, Timestamp(START.0 + 1_234));
}

#[tokio::test]
async fn a_link_is_open_in_few_places_at_once() {
    let mut app = TestApp::new().await;
    let mut sockets = Vec::new();
    for _ in 0..CONNECTIONS_PER_PERSON_MAX {
        sockets.push(app.join("anwar").await);
    }
    let mut surplus = app.dial().await;
    surplus.hello(EVENT, &token("anwar"), None).await;
    assert_eq!(surplus.end().await, EndReason::TooManyConnections);
    drop(sockets);
    // The departures are written down within moments, and then there is room again.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let gone = |line: &proceedings::Line| matches!(line.event, Event::PersonDeparted { .. });
        if app.lines().await.iter().filter(|line| gone(line)).count() == CONNECTIONS_PER_PERSON_MAX
        {
            break;
        }
    }
    app.join("anwar").await;
}

#[tokio::test]
async fn too_many_commands_at_once_fail() {
    let mut app = TestApp::new().await;
    let mut anwar = app.join("anwar").await;
    let mut failures = 0;
    for _ in 0..60 {
        if anwar.command(Command::LowerHand).await == Err(Err(CommandFailure::TooFast)) {
            failures += 1;
        }
    }
    assert!((1..40).contains(&failures), "{failures} of 60 were held back");
}

#[tokio::test]
async fn pages_of_other_sites_cannot_open_a_socket() {
    let mut app = TestApp::new().await;
    let address = app.address().await;
    let dial = |origin: String| async move {
        let mut request = format!("ws://{address}/api/live").into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        tokio_tungstenite::connect_async(request).await.map(|_| ()).map_err(|e| e.to_string())
    };
    assert!(dial("https://evil.example".to_owned()).await.unwrap_err().contains("403"));
    assert!(dial("null".to_owned()).await.unwrap_err().contains("403"));
    assert_eq!(dial(format!("http://{address}")).await, Ok(()));
    assert_eq!(dial("http://localhost".to_owned()).await, Ok(()), "the public address");
}

#[tokio::test]
async fn plain_requests_to_the_socket_are_errors() {
    let app = TestApp::new().await;
    app.get("/api/live").await.is_error(400, "bad-request");
}

#[tokio::test]
async fn a_lost_line_keeps_the_place_on_stage() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::EnterStage).await;
    let mut ganich = app.join("ganich").await;
    ganich.must(Command::EnterStage).await;
    let present = |wanted: bool| {
        move |section: &Section| match section {
            Section::Stage(stage) => {
                let ganich = stage.people.iter().find(|p| p.person.id == person("ganich"))?;
                (ganich.present == wanted && ganich.place == StagePlace::Member).then_some(())
            }
            _ => None,
        }
    };
    kazi.section(present(true)).await;
    drop(ganich);
    kazi.section(present(false)).await;
    app.join("ganich").await;
    kazi.section(present(true)).await;
}

#[tokio::test]
async fn slots_and_speakers_are_told_to_their_class() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    kazi.must(Command::EnterStage).await;
    let mut anwar = app.join("anwar").await;
    let mut slots = Slots { main: Some(person("ganich")), ..Slots::default() };
    slots.voices[0] = Some(person("ganich"));
    let event: base::EventId = parsed(EVENT);
    let news = [
        SfuEvent::Slots { event: event.clone(), class: ReceiverClass::Audience, slots },
        SfuEvent::Speaking { event: event.clone(), persons: vec![person("ganich")] },
    ];
    for news in news {
        app.news.send(news).await.unwrap();
    }
    let main = |slots: &SlotsView| slots.main.clone();
    anwar
        .section(|section| match section {
            Section::Slots(slots) => main(slots).filter(|main| *main == person("ganich")),
            _ => None,
        })
        .await;
    for socket in [&mut anwar, &mut kazi] {
        socket
            .until(|message| match message {
                ServerMessage::Speaking { people } => {
                    assert_eq!(*people, [person("ganich")]);
                    Some(())
                }
                _ => None,
            })
            .await;
    }
    let of_stage = kazi.sections.iter().find_map(|section| match section {
        Section::Slots(slots) => Some(main(slots)),
        _ => None,
    });
    assert_eq!(of_stage, Some(None), "the stage has slots of its own");
    assert!(!app.engine.take().contains(&Asked::EndEvent));
}

#[tokio::test]
async fn a_clock_that_jumps_back_does_not_break_the_order() {
    let mut app = TestApp::new().await;
    let mut kazi = app.join("kazi").await;
    app.clock.set(Timestamp(START.0 - 3_600_000));
    kazi.must(Command::OpenGreenRoom).await;
    let lines = app.lines().await;
    verify(&lines).unwrap();
    assert!(lines.is_sorted_by_key(|line| line.at));
}

/// Time stands still here and jumps when everything waits.
#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_closed() {
    let mut app = TestApp::new().await;
    let mut silent = app.dial().await;
    let next = futures_util::StreamExt::next(&mut silent.stream).await;
    let Some(Ok(Message::Text(text))) = next else { panic!("{next:?}") };
    assert_eq!(text.as_str(), r#"{"type":"end","reason":"bad-message"}"#);
}

/// The reader takes nothing; the event goes on without it, and when it reads again it is told.
#[tokio::test]
async fn whoever_reads_too_slowly_is_told_and_dropped() {
    let mut app = TestApp::new().await;
    let mut slow = app.join("anwar").await;
    let mut quick = app.join("bilal").await;
    // Long messages fill the buffers of the system on both sides, and then the socket's own queue.
    let persons = vec![person("ganich"); 5_000];
    let mut seen = 0;
    for round in 1..=2_000 {
        let news = SfuEvent::Speaking { event: parsed(EVENT), persons: persons.clone() };
        app.news.send(news).await.unwrap();
        // The quick reader keeps up.
        while seen < round {
            let message = quick.next().await.expect("the quick reader stays");
            seen += usize::from(matches!(message, ServerMessage::Speaking { .. }));
        }
        let lines = app.lines().await;
        let departed = |line: &proceedings::Line| matches!(&line.event, Event::PersonDeparted { person: id, .. } if *id == person("anwar"));
        if lines.iter().any(departed) {
            assert_eq!(slow.end().await, EndReason::TooSlow);
            assert_eq!(quick.command(Command::LowerHand).await, Err(Ok(Refusal::NoHandRaised)));
            return;
        }
    }
    panic!("the slow reader is still there");
}
