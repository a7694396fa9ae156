//! How good people's lines are: who is told of whose.

use api_types::{LineCounts, LineQuality, LinesSection, PersonLine, Section, ServerMessage};
use base::PersonId;
use proceedings::Command;
use proceedings::testing::parsed;
use sfu::{Kind, Quality, ReceiverClass, SessionId, SfuEvent, Source};

use crate::media::delete;
use crate::support::{EVENT, Socket, TestApp, token};

const OFFER: &str = "v=0\r\n";

/// Begins a media session and returns its address and its name.
async fn begin(app: &TestApp, person: &str, path: &str) -> (String, SessionId) {
    let answer = app.post_sdp(&token(person), &format!("/{path}/{EVENT}"), OFFER).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let location = answer.header("location").to_owned();
    let session = parsed(location.rsplit('/').next().unwrap());
    (location, session)
}

async fn judge(app: &TestApp, person: &str, session: SessionId, quality: Quality) {
    let (event, person) = (parsed(EVENT), parsed(person));
    let news = SfuEvent::Quality { event, person, session, quality };
    app.news.send(news).await.unwrap();
}

async fn gone(app: &TestApp, person: &str, session: SessionId, kind: Kind) {
    let (event, person) = (parsed(EVENT), parsed(person));
    app.news.send(SfuEvent::Gone { event, person, session, kind }).await.unwrap();
}

/// Reads until the lines are these: the listed people, and the numbers of the audience.
async fn lines(socket: &mut Socket, people: &[(&str, LineQuality)], audience: LineCounts) {
    let row = |(person, quality): &(&str, LineQuality)| PersonLine {
        person: parsed::<PersonId>(person),
        quality: *quality,
    };
    let wanted = LinesSection { people: people.iter().map(row).collect(), audience };
    socket
        .section(|section| match section {
            Section::Lines(lines) if *lines == wanted => Some(()),
            _ => None,
        })
        .await;
}

/// Reads until the person is told their own line.
async fn own(socket: &mut Socket) -> Option<LineQuality> {
    socket
        .until(|message| match message {
            ServerMessage::Line { quality } => Some(*quality),
            _ => None,
        })
        .await
}

/// An open event with a speaker on stage and a participant, a media session of each, and the
/// moderator, who has none.
struct House {
    app: TestApp,
    kazi: Socket,
    ganich: Socket,
    anwar: Socket,
    sends: (String, SessionId),
    watches: (String, SessionId),
}

impl House {
    async fn open() -> Self {
        let mut app = TestApp::new().await;
        let mut kazi = app.join("kazi").await;
        let mut ganich = app.join("ganich").await;
        let anwar = app.join("anwar").await;
        kazi.must(Command::OpenGreenRoom).await;
        ganich.must(Command::EnterStage).await;
        kazi.must(Command::OpenEvent).await;
        let sends = begin(&app, "ganich", "whip").await;
        let watches = begin(&app, "anwar", "whep").await;
        Self { app, kazi, ganich, anwar, sends, watches }
    }
}

const NOBODY: LineCounts = LineCounts { good: 0, fair: 0, poor: 0, lost: 0 };

#[tokio::test]
async fn moderators_read_all_lines_and_everybody_their_own() {
    let mut house = House::open().await;
    judge(&house.app, "ganich", house.sends.1, Quality::Good).await;
    judge(&house.app, "anwar", house.watches.1, Quality::Poor).await;
    assert_eq!(own(&mut house.ganich).await, Some(LineQuality::Good));
    assert_eq!(own(&mut house.anwar).await, Some(LineQuality::Poor));
    let both = [("ganich", LineQuality::Good), ("anwar", LineQuality::Poor)];
    lines(&mut house.kazi, &both, LineCounts { poor: 1, ..NOBODY }).await;

    // What is good again is counted and not listed, but for the stage.
    judge(&house.app, "anwar", house.watches.1, Quality::Good).await;
    judge(&house.app, "ganich", house.sends.1, Quality::Lost).await;
    let stage = [("ganich", LineQuality::Lost)];
    lines(&mut house.kazi, &stage, LineCounts { good: 1, ..NOBODY }).await;

    // A second page is told at once how it stands.
    let mut again = house.app.dial().await;
    again.hello(EVENT, &token("anwar"), None).await;
    let told = again.next().await;
    let Some(ServerMessage::Welcome { line, .. }) = &told else { panic!("not welcomed: {told:?}") };
    assert_eq!(*line, Some(LineQuality::Good));
}

#[tokio::test]
async fn nobody_but_moderators_learns_of_the_lines_of_others() {
    let mut house = House::open().await;
    judge(&house.app, "ganich", house.sends.1, Quality::Poor).await;
    lines(&mut house.kazi, &[("ganich", LineQuality::Poor)], NOBODY).await;
    // All that came before the answer has been read by then.
    house.anwar.must(Command::RaiseHand).await;
    house.ganich.must(Command::SetCamera { on: true }).await;
    for socket in [&house.anwar, &house.ganich] {
        let reads = |section: &Section| matches!(section, Section::Lines(_));
        assert!(!socket.sections.iter().any(reads));
    }
    judge(&house.app, "anwar", house.watches.1, Quality::Fair).await;
    assert_eq!(
        own(&mut house.anwar).await,
        Some(LineQuality::Fair),
        "the first line that is told to a participant is their own"
    );
    // Neither the proceedings nor the page of joining know anything of it.
    let stored = serde_json::to_string(&house.app.lines().await).unwrap();
    assert!(!stored.contains("\"poor\"") && !stored.contains("\"fair\""));
}

#[tokio::test]
async fn who_leaves_disappears_from_the_lines() {
    let mut house = House::open().await;
    judge(&house.app, "anwar", house.watches.1, Quality::Poor).await;
    let one = LineCounts { poor: 1, ..NOBODY };
    lines(&mut house.kazi, &[("anwar", LineQuality::Poor)], one).await;
    drop(house.anwar);
    lines(&mut house.kazi, &[], NOBODY).await;
}

#[tokio::test]
async fn a_session_that_is_over_is_judged_no_more() {
    let mut house = House::open().await;
    let (hears, kind) = (begin(&house.app, "ganich", "whep").await, ReceiverClass::Stage);
    judge(&house.app, "ganich", house.sends.1, Quality::Fair).await;
    assert_eq!(own(&mut house.ganich).await, Some(LineQuality::Fair));
    judge(&house.app, "ganich", hears.1, Quality::Poor).await;
    assert_eq!(own(&mut house.ganich).await, Some(LineQuality::Poor), "the worse of the two");

    assert_eq!(delete(&house.app, &token("ganich"), &hears.0).await.status, 200);
    // It was judged before the engine knew that it was ended.
    judge(&house.app, "ganich", hears.1, Quality::Lost).await;
    gone(&house.app, "ganich", hears.1, Kind::Receiving(kind)).await;
    assert_eq!(own(&mut house.ganich).await, Some(LineQuality::Fair));

    gone(&house.app, "ganich", house.sends.1, Kind::Publishing(Source::Camera)).await;
    assert_eq!(own(&mut house.ganich).await, None);
    lines(&mut house.kazi, &[], NOBODY).await;
}
