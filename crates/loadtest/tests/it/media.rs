use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{EventId, Language, PersonId};
use hyper::StatusCode;
use loadtest::bundle;
use loadtest::clip::{Picture, Sound};
use loadtest::ledger::{Kind, Ledger};
use loadtest::reception::{Reception, Slot};
use loadtest::whep::{self, Receiver, Wants};
use loadtest::whip::{self, Media, Publisher};

use proceedings::Hearing;

use crate::answerer::Answerer;

const MS: Duration = Duration::from_millis(1);

fn event() -> EventId {
    EventId::new("reference").expect("an id")
}

fn person(name: &str) -> PersonId {
    PersonId::new(name).expect("an id")
}

fn floor_of(name: &str) -> Hearing {
    let main = Some(person(name));
    Hearing { voices: vec![person(name)], main, ..Hearing::default() }
}

type Clips = (Arc<Sound>, Arc<Picture>);

/// Two people with their own voice and picture.
fn people() -> (Arc<Ledger>, [Clips; 2]) {
    let mut ledger = Ledger::new(Instant::now());
    let voices = bundle::voices(&Language::new("en").expect("a tag"));
    let media = [("kazi", 0), ("ganich", 1)].map(|(name, at)| {
        let sound = voices[at].sound().expect("a clip");
        let picture = bundle::picture(at).expect("a clip").expect("in the bundle");
        ledger.enter_sound(&person(name), &sound).expect("distinct");
        ledger.enter_picture(&person(name), Kind::Camera, &picture).expect("distinct");
        (Arc::new(sound), Arc::new(picture))
    });
    (Arc::new(ledger), media)
}

async fn publish(
    answerer: &Answerer,
    name: &str,
    (sound, picture): Clips,
    ledger: &Arc<Ledger>,
) -> Publisher {
    let media = Media { sound: Some(sound), picture: Some(picture) };
    let path = whip::camera_path(&event());
    let joined = Publisher::join(&answerer.server, &path, name, media, Arc::clone(ledger)).await;
    let mut publisher = joined.expect("accepted");
    publisher.connection.connected().await.expect("media path");
    publisher
}

async fn receive(answerer: &Answerer, wants: Wants, ledger: &Arc<Ledger>) -> Receiver {
    let path = whep::path(&event());
    let joined = Receiver::join(&answerer.server, &path, "viewer", wants, Arc::clone(ledger)).await;
    let mut receiver = joined.expect("accepted");
    receiver.connection.connected().await.expect("media path");
    receiver
}

/// Who was heard in a slot, in order, without repetition.
fn heard(reception: &Reception, ledger: &Ledger, slot: Slot) -> Vec<String> {
    let spans = &reception.slot(slot).expect("the slot").spans;
    let mut people: Vec<_> =
        spans.iter().map(|span| ledger.track(span.track).person.to_string()).collect();
    people.dedup();
    people
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_hears_and_sees_whom_the_server_forwards_and_nobody_else() {
    let answerer = Answerer::start().await;
    let (ledger, [kazi, ganich]) = people();
    answerer.plan(floor_of("kazi"));
    let kazi = publish(&answerer, "kazi", kazi, &ledger).await;
    let ganich = publish(&answerer, "ganich", ganich, &ledger).await;
    let viewer = receive(&answerer, Wants::Everything, &ledger).await;
    let listener = receive(&answerer, Wants::Sound, &ledger).await;

    tokio::time::sleep(1_500 * MS).await;
    let now = Instant::now();
    assert_eq!(viewer.reception(|r| r.hears(&ledger, now, 200 * MS)), [person("kazi")]);
    answerer.plan(floor_of("ganich"));
    tokio::time::sleep(1_500 * MS).await;

    let sent = ganich.sent();
    assert!((140..=170).contains(&sent.sound_packets), "the pace of real time: {sent:?}");
    assert!((34..=42).contains(&sent.frames), "the pace of real time: {sent:?}");
    assert!(sent.key_frames_asked > 0, "a key frame is asked for at the switch: {sent:?}");
    assert!(answerer.levels().iter().any(|level| *level > -35), "speech has its loudness");

    let (seen, left) = viewer.leave().await;
    left.expect("the server confirms");
    let voice = seen.slot(Slot::Voice(0)).expect("the slot");
    assert_eq!(heard(&seen, &ledger, Slot::Voice(0)), ["kazi", "ganich"]);
    assert_eq!(heard(&seen, &ledger, Slot::Main), ["kazi", "ganich"]);
    assert_eq!((voice.lost(), voice.unknown, voice.ssrc_changes), (0, 0, 0));
    let main = seen.slot(Slot::Main).expect("the slot");
    assert!(main.frames >= 24 && main.frames_undecodable == 0, "{main:?}");
    assert_eq!((main.unknown, main.misplaced, main.time_steps_back), (0, 0, 0));
    assert!(seen.slots.iter().filter(|(_, slot)| slot.packets > 0).count() == 2);
    let delay = seen.voice_delay.quantile(0.5).expect("delays");
    assert!(delay < 100 * MS, "loopback: {delay:?}");

    let (heard_only, left) = listener.leave().await;
    left.expect("the server confirms");
    assert_eq!(heard_only.slots.len(), 4);
    assert_eq!(heard(&heard_only, &ledger, Slot::Voice(0)), ["kazi", "ganich"]);
    for publisher in [kazi, ganich] {
        publisher.leave().await.expect("the server confirms");
    }
    assert_eq!(answerer.sessions(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leak_and_a_loss_are_seen() {
    let answerer = Answerer::start().await;
    let (ledger, [kazi, ganich]) = people();
    answerer.plan(floor_of("kazi"));
    answerer.state().faults.leak = vec![person("ganich")];
    answerer.state().faults.lose_every = Some(7);
    let _kazi = publish(&answerer, "kazi", kazi, &ledger).await;
    let _ganich = publish(&answerer, "ganich", ganich, &ledger).await;
    let viewer = receive(&answerer, Wants::Sound, &ledger).await;
    tokio::time::sleep(1_000 * MS).await;
    let (seen, _) = viewer.leave().await;
    assert_eq!(heard(&seen, &ledger, Slot::Voice(2)), ["ganich"]);
    assert!(seen.slot(Slot::Voice(0)).expect("the slot").lost() >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_comes_with_its_status_and_leaves_nothing_behind() {
    let answerer = Answerer::start().await;
    let (ledger, [(sound, _), _]) = people();
    let media = Media { sound: Some(sound), picture: None };
    let path = whip::camera_path(&event());
    let joined = Publisher::join(&answerer.server, &path, "participant-1", media, ledger).await;
    let error = joined.err().expect("refused");
    assert_eq!(error.status(), Some(StatusCode::FORBIDDEN));
    assert_eq!(
        error.to_string(),
        "POST /whip/reference was answered 403 Forbidden: not you, not now"
    );
    assert_eq!(answerer.sessions(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_named() {
    let server = loadtest::http::Server::new("http://127.0.0.1:9").expect("an address");
    let (ledger, _) = people();
    let joined =
        Receiver::join(&server, &whep::path(&event()), "viewer", Wants::Sound, ledger).await;
    let error = joined.err().expect("refused").to_string();
    assert!(error.starts_with("no connection to 127.0.0.1:9: "), "{error}");
}
