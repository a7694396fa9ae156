//! The media engine with real peers over loopback: str0m clients in the same process publish
//! made-up media and judge strictly what they receive.

mod bad_peers;
mod client;
mod kept;
mod listening;
mod redundancy;
mod stranger;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{EventId, PersonId, Random, SplitMix};
use forwarding::sink::Subscriber;
use sfu::{
    Hearing, Kind, OfferError, PatchError, ReceiverClass, Sfu, SfuConfig, SfuEvent, Source,
    StagePlan,
};
use str0m::IceCreds;
use str0m::format::Codec;
use tokio::sync::mpsc;

use client::{Client, Heard, Plan};

/// Sections of a full receiver: four of sound, then main, screen and four thumbnails.
const FULL: (usize, usize) = (4, 6);
const VOICE: usize = 0;
const MAIN: usize = 4;
const SCREEN: usize = 5;
const THUMBNAIL: usize = 6;

/// Workers of a house: the system decides which of them a client meets, so that every test sees
/// people of one event on one worker and on several.
const WORKERS: usize = 3;

struct House {
    sfu: Sfu,
    events: mpsc::Receiver<SfuEvent>,
    seen: Vec<SfuEvent>,
    address: SocketAddr,
    event: EventId,
}

impl House {
    fn open() -> Self {
        Self::open_at("127.0.0.1:0")
    }

    /// Opens on an address of the system, and tells peers the loopback address.
    fn open_at(bind: &str) -> Self {
        Self::open_with(bind, None)
    }

    fn open_with(bind: &str, subscriber: Option<Arc<dyn Subscriber>>) -> Self {
        let udp = sfu::bind(bind.parse().expect("an address"), WORKERS).expect("sockets");
        let port = udp[0].local_addr().expect("bound").port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let config = SfuConfig { udp, announce: vec![address], subscriber };
        let (sfu, events) = Sfu::start(config).expect("it starts");
        let event = EventId::new("russian-diplomats-day").expect("an id");
        Self { sfu, events, seen: Vec::new(), address, event }
    }

    async fn publish(&self, name: &str, source: Source, plan: Plan) -> (Client, sfu::SessionId) {
        let client = Client::new(plan).await;
        let answer = self
            .sfu
            .publish(&self.event, &person(name), source, &client.offer)
            .await
            .expect("answered");
        assert_eq!(answer.owner, person(name));
        client.answer(&answer.sdp);
        (client, answer.session)
    }

    async fn camera(&self, name: &str, tag: u8) -> Client {
        let plan = Plan { tag, microphone: true, camera: Some(Codec::Vp8), ..Plan::default() };
        self.publish(name, Source::Camera, plan).await.0
    }

    async fn receive(
        &self,
        name: &str,
        class: ReceiverClass,
        plan: Plan,
    ) -> (Client, sfu::SessionId) {
        let client = Client::new(plan).await;
        let answer = self
            .sfu
            .subscribe(&self.event, &person(name), class, &client.offer)
            .await
            .expect("answered");
        client.answer(&answer.sdp);
        (client, answer.session)
    }

    async fn viewer(&self, name: &str) -> Client {
        let plan = Plan { receive: FULL, ..Plan::default() };
        self.receive(name, ReceiverClass::Audience, plan).await.0
    }

    fn audience(&self, hearing: Hearing) {
        let plan = StagePlan { audience: hearing, ..StagePlan::default() };
        self.sfu.set_plan(&self.event, plan);
    }

    /// Waits for an event, keeping all that came before.
    async fn wait(&mut self, what: &str, found: impl Fn(&SfuEvent) -> bool) -> SfuEvent {
        self.wait_for(what, Duration::from_secs(10), found).await
    }

    async fn wait_for(
        &mut self,
        what: &str,
        patience: Duration,
        found: impl Fn(&SfuEvent) -> bool,
    ) -> SfuEvent {
        if let Some(at) = self.seen.iter().position(&found) {
            return self.seen.remove(at);
        }
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(Some(event)) = tokio::time::timeout(left, self.events.recv()).await else {
                panic!("waiting in vain for {what}; seen: {:?}", self.seen);
            };
            if found(&event) {
                return event;
            }
            self.seen.push(event);
        }
    }
}

fn person(name: &str) -> PersonId {
    PersonId::new(name).expect("an id")
}

fn hearing(voices: &[&str], main: Option<&str>) -> Hearing {
    Hearing {
        voices: voices.iter().map(|name| person(name)).collect(),
        main: main.map(person),
        ..Hearing::default()
    }
}

/// A slot's stream must be one continuous stream: no sequence number twice, none missing, time and
/// pictures going on, and a change of source or layer only where a key frame begins.
fn assert_continuous(packets: &[Heard], picture: bool) {
    let mut sorted = packets.to_vec();
    sorted.sort_by_key(|packet| packet.sequence);
    for pair in sorted.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        assert_eq!(after.sequence, before.sequence + 1, "{before:?} {after:?}");
        let ticks = after.timestamp.wrapping_sub(before.timestamp);
        assert!(ticks < 90_000 * 5, "time jumps: {before:?} {after:?}");
        let switched = (before.tag, before.layer) != (after.tag, after.layer);
        if picture && switched {
            assert!(after.key, "a switch without a key frame: {before:?} {after:?}");
        }
        if switched {
            assert_ne!(ticks, 0, "two sources at one moment: {before:?} {after:?}");
        }
        if let (Some(one), Some(other)) = (before.picture, after.picture) {
            let step = other.wrapping_sub(one) & 0x7fff;
            let expected = u16::from(switched || before.frame != after.frame);
            assert_eq!(step, expected, "picture numbers: {before:?} {after:?}");
        }
    }
}

fn all_of(tag: u8) -> impl Fn(&[Heard]) -> bool {
    move |heard| heard.iter().filter(|packet| packet.tag == tag).count() > 30
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_planned_person_is_heard_and_seen_and_nobody_else() {
    let mut house = House::open();
    let _ganich = house.camera("ganich", 1).await;
    let kazi = house.camera("kazi", 2).await;
    let viewer = house.viewer("viewer").await;
    house.audience(hearing(&["ganich"], Some("ganich")));

    viewer.wait_heard(VOICE, "the voice", all_of(1)).await;
    viewer.wait_heard(MAIN, "the picture", all_of(1)).await;
    house
        .wait("all slots", |event| {
            matches!(event, SfuEvent::Slots { slots, class, .. }
            if *class == ReceiverClass::Audience
                && slots.main == Some(person("ganich"))
                && slots.voices == [Some(person("ganich")), None, None])
        })
        .await;
    house
        .wait("the tracks", |event| {
            matches!(event, SfuEvent::Tracks { person: who, microphone, camera, screen, .. }
            if *who == person("kazi") && *microphone && *camera && !screen)
        })
        .await;
    house
        .wait("the speaker", |event| {
            matches!(event, SfuEvent::Speaking { persons, .. }
            if *persons == [person("ganich")])
        })
        .await;
    assert!(kazi.log.lock().expect("log").connected);
    let heard = viewer.log.lock().expect("log").heard.clone();
    assert_eq!(heard.keys().copied().collect::<Vec<_>>(), [VOICE, MAIN], "others are silent");
    for (section, packets) in &heard {
        assert!(packets.iter().all(|packet| packet.tag == 1), "somebody else was forwarded");
        assert_continuous(packets, *section == MAIN);
    }
    assert!(heard[&MAIN][0].key, "a picture begins with a key frame");
    let statistics = house.sfu.statistics().await;
    assert_eq!((statistics.publishers, statistics.receivers), (2, 1));
    assert_eq!((statistics.panics_caught, statistics.peers_failed), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taking_the_floor_stops_voice_and_picture_within_200_ms() {
    let mut house = House::open();
    let _ganich = house.camera("ganich", 1).await;
    let viewer = house.viewer("viewer").await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    viewer.wait_heard(VOICE, "the voice", all_of(1)).await;
    viewer.wait_heard(MAIN, "the picture", all_of(1)).await;

    let taken = Instant::now();
    house.audience(Hearing::default());
    // Long enough for filling and repairs to show.
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    let last = viewer.log.lock().expect("log").last_bytes.get(&1).copied().expect("heard");
    let after = last.saturating_duration_since(taken);
    assert!(after <= Duration::from_millis(200), "voice or picture ran on for {after:?}");
    house
        .wait("empty slots", |event| {
            matches!(event, SfuEvent::Slots { slots, .. }
            if *slots == sfu::Slots::default())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_speaker_is_one_continuous_stream() {
    let house = House::open();
    let _ganich = house.camera("ganich", 1).await;
    let _kazi = house.camera("kazi", 2).await;
    let viewer = house.viewer("viewer").await;
    for (name, tag) in [("ganich", 1), ("kazi", 2), ("ganich", 1), ("kazi", 2)] {
        let before = viewer.heard(MAIN).len();
        house.audience(hearing(&[name], Some(name)));
        viewer
            .wait_heard(MAIN, name, move |heard| {
                heard[before..].iter().filter(|packet| packet.tag == tag).count() > 20
            })
            .await;
    }
    assert_continuous(&viewer.heard(MAIN), true);
    assert_continuous(&viewer.heard(VOICE), false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_picture_runs_until_the_new_one_begins_if_it_is_still_permitted() {
    let house = House::open();
    let _ganich = house.camera("ganich", 1).await;
    let viewer = house.viewer("viewer").await;
    house.audience(hearing(&[], Some("ganich")));
    viewer.wait_heard(MAIN, "the first picture", all_of(1)).await;
    let _kazi = house.camera("kazi", 2).await;
    house.audience(Hearing {
        main: Some(person("kazi")),
        thumbnails: vec![person("ganich")],
        ..Hearing::default()
    });
    viewer.wait_heard(MAIN, "the second picture", all_of(2)).await;
    viewer.wait_heard(THUMBNAIL, "the thumbnail", all_of(1)).await;
    let main = viewer.heard(MAIN);
    assert_continuous(&main, true);
    let turn = main.iter().position(|packet| packet.tag == 2).expect("switched");
    let gap = main[turn].at - main[turn - 1].at;
    assert!(gap < Duration::from_millis(150), "the old picture stopped {gap:?} before the new one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_codec_passes_through() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let house = House::open();
        let plan = |tag| Plan { tag, camera: Some(codec), ..Plan::default() };
        let (_one, _) = house.publish("ganich", Source::Camera, plan(1)).await;
        let (_two, _) = house.publish("kazi", Source::Camera, plan(2)).await;
        let viewer = house.viewer("viewer").await;
        for (name, tag) in [("ganich", 1), ("kazi", 2)] {
            house.audience(hearing(&[], Some(name)));
            viewer.wait_heard(MAIN, &format!("{codec:?}"), all_of(tag)).await;
        }
        let heard = viewer.heard(MAIN);
        assert_continuous(&heard, true);
        let numbered = matches!(codec, Codec::Vp8 | Codec::Vp9);
        assert!(heard.iter().all(|packet| packet.picture.is_some() == numbered), "{codec:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_cannot_be_decoded_is_left_out_and_counted() {
    let mut house = House::open();
    let plan = Plan { tag: 1, microphone: true, camera: Some(Codec::Av1), ..Plan::default() };
    let (_publisher, _) = house.publish("ganich", Source::Camera, plan).await;
    let plan = Plan { receive: FULL, only: Some(Codec::Vp8), ..Plan::default() };
    let (viewer, _) = house.receive("viewer", ReceiverClass::Audience, plan).await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    house.wait("the camera", |event| matches!(event, SfuEvent::Tracks { camera: true, .. })).await;
    viewer.wait_heard(VOICE, "the voice", all_of(1)).await;
    assert!(viewer.heard(MAIN).is_empty());
    assert_eq!(house.sfu.statistics().await.codec_mismatches, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulcast_layers_follow_slot_and_bandwidth() {
    let house = House::open();
    let plan = Plan {
        tag: 1,
        camera: Some(Codec::Vp8),
        layers: vec![("q", 1), ("h", 2), ("f", 5)],
        ..Plan::default()
    };
    let (_publisher, _) = house.publish("ganich", Source::Camera, plan).await;
    let viewer = house.viewer("viewer").await;
    house.audience(Hearing {
        main: Some(person("ganich")),
        thumbnails: vec![person("ganich")],
        ..Hearing::default()
    });
    viewer.wait_heard(THUMBNAIL, "the thumbnail", |heard| heard.len() > 60).await;
    viewer
        .wait_heard(MAIN, "the largest layer", |heard| {
            heard.iter().filter(|packet| packet.layer == 2).count() > 60
        })
        .await;
    assert!(viewer.heard(THUMBNAIL).iter().all(|packet| packet.layer == 0));
    assert_continuous(&viewer.heard(MAIN), true);
    assert_continuous(&viewer.heard(THUMBNAIL), true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_on_the_way_is_sent_again() {
    let house = House::open();
    let _ganich = house.camera("ganich", 1).await;
    let plan = Plan { receive: FULL, loss_percent: 5, ..Plan::default() };
    let (viewer, _) = house.receive("viewer", ReceiverClass::Audience, plan).await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    viewer.wait_heard(MAIN, "three seconds of picture", |heard| heard.len() > 270).await;
    // The newest may still be on their way.
    let mut sequences: Vec<u64> = viewer.heard(MAIN).iter().map(|packet| packet.sequence).collect();
    sequences.sort_unstable();
    sequences.truncate(sequences.len() - 60);
    let span = sequences[sequences.len() - 1] - sequences[0] + 1;
    let missing = span - sequences.len() as u64;
    assert!(missing * 200 <= span, "{missing} of {span} packets were never repaired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_frame_requests_of_many_viewers_are_merged() {
    let house = House::open();
    let ganich = house.camera("ganich", 1).await;
    house.audience(hearing(&[], Some("ganich")));
    let mut viewers = Vec::new();
    for number in 0..8 {
        viewers.push(house.viewer(&format!("viewer-{number}")).await);
    }
    for viewer in &viewers {
        viewer.wait_heard(MAIN, "the picture", |heard| heard.len() > 10).await;
    }
    let before = ganich.log.lock().expect("log").key_frame_requests;
    for _ in 0..10 {
        for viewer in &viewers {
            viewer.ask_key_frame(MAIN);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = ganich.log.lock().expect("log").key_frame_requests - before;
    assert!((1..=4).contains(&asked), "80 requests became {asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_on_stage_hear_each_other_but_not_themselves() {
    let house = House::open();
    let _one = house.camera("ganich", 1).await;
    let _two = house.camera("kazi", 2).await;
    let both = vec![person("ganich"), person("kazi")];
    let stage = Hearing { voices: both, main: Some(person("ganich")), ..Hearing::default() };
    house.sfu.set_plan(&house.event, StagePlan { stage, ..StagePlan::default() });
    let plan = Plan { receive: FULL, ..Plan::default() };
    let (ganich, _) = house.receive("ganich", ReceiverClass::Stage, plan.clone()).await;
    let (kazi, _) = house.receive("kazi", ReceiverClass::Audience, plan).await;
    let heard = |client: &Client, tag: u8| {
        (0..10).flat_map(|section| client.heard(section)).filter(|packet| packet.tag == tag).count()
    };
    while heard(&ganich, 2) < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(heard(&ganich, 1), 0, "one's own voice and picture");
    assert_eq!(heard(&kazi, 1), 0, "the audience hears nothing yet");
    house.sfu.set_class(&house.event, &person("kazi"), ReceiverClass::Stage);
    kazi.wait_heard(MAIN, "the picture on stage", all_of(1)).await;
    house.sfu.set_class(&house.event, &person("kazi"), ReceiverClass::Audience);
    let left = Instant::now();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let last = kazi.heard(MAIN).last().expect("heard").at;
    assert!(last < left + Duration::from_millis(200), "the stage went on after leaving it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_has_its_own_slot_and_its_sound_takes_a_free_voice() {
    let house = House::open();
    let _camera = house.camera("ganich", 1).await;
    let plan = Plan { tag: 3, microphone: true, camera: Some(Codec::Vp8), ..Plan::default() };
    let (_screen, _) = house.publish("ganich", Source::Screen, plan).await;
    let viewer = house.viewer("viewer").await;
    let mut plan = hearing(&["ganich"], Some("ganich"));
    plan.screen = Some(person("ganich"));
    house.audience(plan);
    viewer.wait_heard(SCREEN, "the screen", all_of(3)).await;
    viewer.wait_heard(MAIN, "the camera", all_of(1)).await;
    viewer.wait_heard(VOICE, "the voice", all_of(1)).await;
    viewer.wait_heard(VOICE + 2, "the screen's sound", all_of(3)).await;
}

/// With more voices than slots it is decided in one place who is heard, whichever worker a viewer
/// is on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_on_different_workers_hear_the_same_voices() {
    const VIEWERS: usize = 8;
    let mut house = House::open();
    let names = ["kazi", "ganich", "shakirov", "moderator", "guest"];
    house.audience(Hearing { voices: names.map(person).to_vec(), ..Hearing::default() });
    let mut speakers = Vec::new();
    for (tag, name) in (1..).zip(names) {
        let plan = Plan { tag, microphone: true, ..Plan::default() };
        speakers.push(house.publish(name, Source::Camera, plan).await.0);
    }
    let mut viewers = Vec::new();
    for number in 0..VIEWERS {
        viewers.push(house.viewer(&format!("viewer-{number}")).await);
    }
    for viewer in &viewers {
        for slot in 0..3 {
            viewer.wait_heard(VOICE + slot, "a voice", |heard| !heard.is_empty()).await;
        }
    }
    // What is heard changes for a while as people begin to speak; afterwards it is one.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let heard = |viewer: &Client| {
        [0, 1, 2].map(|slot| viewer.heard(VOICE + slot).last().map(|last| last.tag))
    };
    let first = heard(&viewers[0]);
    for viewer in &viewers {
        assert_eq!(heard(viewer), first);
    }
    let slots = house
        .wait("the voices", |event| {
            matches!(event, SfuEvent::Slots { slots, .. }
        if slots.voices.iter().all(Option::is_some))
        })
        .await;
    assert!(matches!(slots, SfuEvent::Slots { class: ReceiverClass::Audience, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_offers_only_sound_gets_only_sound() {
    let house = House::open();
    let _ganich = house.camera("ganich", 1).await;
    let plan = Plan { receive: (4, 0), ..Plan::default() };
    let (viewer, _) = house.receive("viewer", ReceiverClass::Audience, plan).await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    viewer.wait_heard(VOICE, "the voice", all_of(1)).await;
    assert_eq!(viewer.log.lock().expect("log").heard.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_end_by_name_by_person_and_by_event() {
    let mut house = House::open();
    let plan = Plan { tag: 1, microphone: true, camera: Some(Codec::Vp8), ..Plan::default() };
    let (publisher, session) = house.publish("ganich", Source::Camera, plan).await;
    let viewer = house.viewer("viewer").await;
    let other = house.viewer("other").await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    viewer.wait_heard(VOICE, "the voice", all_of(1)).await;
    other.wait_heard(VOICE, "the voice", all_of(1)).await;

    assert!(house.sfu.end(&session).await);
    assert!(!house.sfu.end(&session).await, "it is gone");
    house
        .wait(
            "its end",
            |event| matches!(event, SfuEvent::Gone { session: s, .. } if *s == session),
        )
        .await;
    house
        .wait("no tracks", |event| {
            matches!(event, SfuEvent::Tracks { microphone: false, camera: false, .. })
        })
        .await;
    house.sfu.end_person(&house.event, &person("viewer"));
    house
        .wait(
            "the viewer's end",
            |event| matches!(event, SfuEvent::Gone { person: who, .. } if *who == person("viewer")),
        )
        .await;
    house.sfu.end_event(&house.event);
    house
        .wait("the other's end", |event| {
            matches!(event, SfuEvent::Gone { person: who, kind, .. }
        if *who == person("other") && *kind == Kind::Receiving(ReceiverClass::Audience))
        })
        .await;
    let end = Instant::now() + Duration::from_secs(5);
    for client in [&publisher, &viewer, &other] {
        while !client.log.lock().expect("log").closed {
            assert!(Instant::now() < end, "a client was not told");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let statistics = house.sfu.statistics().await;
    assert_eq!((statistics.publishers, statistics.receivers, statistics.peers_failed), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_publishes_again_replaces_the_old_session() {
    let mut house = House::open();
    let plan = |tag| Plan { tag, microphone: true, camera: Some(Codec::Vp8), ..Plan::default() };
    let (_old, old) = house.publish("ganich", Source::Camera, plan(1)).await;
    let viewer = house.viewer("viewer").await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    viewer.wait_heard(MAIN, "the picture", all_of(1)).await;
    let (_new, _) = house.publish("ganich", Source::Camera, plan(2)).await;
    house
        .wait(
            "the old one's end",
            |event| matches!(event, SfuEvent::Gone { session, .. } if *session == old),
        )
        .await;
    viewer.wait_heard(MAIN, "the new picture", all_of(2)).await;
    viewer.wait_heard(VOICE, "the new voice", all_of(2)).await;
    assert_continuous(&viewer.heard(MAIN), true);
    assert_continuous(&viewer.heard(VOICE), false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ice_restarts_from_another_address() {
    let house = House::open();
    let _ganich = house.camera("ganich", 1).await;
    let plan = Plan { receive: FULL, ..Plan::default() };
    let (viewer, session) = house.receive("viewer", ReceiverClass::Audience, plan).await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    viewer.wait_heard(MAIN, "the picture", all_of(1)).await;

    let local = IceCreds {
        ufrag: "moved".to_owned(),
        pass: "a-new-password-of-24-chars".replace('-', "x"),
    };
    let fragment = format!(
        "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n",
        local.ufrag, local.pass
    );
    let answer = house.sfu.patch(&session, &fragment).await.expect("accepted").expect("answered");
    let line = |name: &str| {
        let found = answer.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        found.expect("in the answer")
    };
    assert!(answer.contains("a=candidate:") && answer.contains(&house.address.port().to_string()));
    assert!(!answer.contains(" ufrag "), "names the old credentials: {answer}");
    let remote = IceCreds { ufrag: line("a=ice-ufrag:"), pass: line("a=ice-pwd:") };
    viewer.restart(local.clone(), remote);
    let before = viewer.heard(MAIN).len();
    viewer
        .wait_heard(MAIN, "the picture at the new address", move |heard| heard.len() > before + 60)
        .await;
    assert_eq!(
        house.sfu.patch(&session, &fragment).await,
        Ok(None),
        "no restart without new names"
    );

    let trickle = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=end-of-candidates\r\n";
    assert_eq!(house.sfu.patch(&session, trickle).await, Ok(None));
    assert!(matches!(house.sfu.patch(&session, "hello").await, Err(PatchError::Malformed(_))));
    let unknown = "0".repeat(32).parse().expect("a name");
    assert_eq!(house.sfu.patch(&unknown, trickle).await, Err(PatchError::NoSession));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_on_the_port_disturbs_nobody() {
    let house = House::open();
    let _ganich = house.camera("ganich", 1).await;
    let viewer = house.viewer("viewer").await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    viewer.wait_heard(MAIN, "the picture", |heard| heard.len() > 10).await;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut random = SplitMix(3);
    let mut sent = 0;
    for _ in 0..50 {
        for _ in 0..100 {
            let length = usize::try_from(random.below(1_400)).expect("small");
            let mut bytes: Vec<u8> =
                (0..length).map(|_| random.next_u64().to_le_bytes()[0]).collect();
            if let (Some(first), true) = (bytes.first_mut(), random.below(2) == 0) {
                // Half of it looks like something: STUN, DTLS, RTP.
                *first =
                    [0, 1, 22, 23, 0x80, 0x90][usize::try_from(random.below(6)).expect("small")];
            }
            sent += u64::from(socket.send_to(&bytes, house.address).is_ok());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    viewer.wait_heard(MAIN, "the picture after the noise", |heard| heard.len() > 200).await;
    let heard = viewer.heard(MAIN);
    let longest = heard.windows(2).map(|pair| pair[1].at - pair[0].at).max().expect("heard");
    assert!(longest < Duration::from_millis(500), "the picture stood still for {longest:?}");
    let statistics = house.sfu.statistics().await;
    assert!(statistics.datagrams_ignored * 10 >= sent * 9, "{statistics:?} of {sent}");
    assert_eq!((statistics.peers_failed, statistics.receivers), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_stops_answering_is_gone() {
    let mut house = House::open();
    let ganich = house.camera("ganich", 1).await;
    house
        .wait("the track", |event| {
            matches!(event, SfuEvent::Tracks { camera: true, microphone: true, .. })
        })
        .await;
    ganich.vanish();
    house
        .wait("the end of its tracks", |event| {
            matches!(event, SfuEvent::Tracks { camera: false, microphone: false, .. })
        })
        .await;
    house
        .wait_for("its end", Duration::from_secs(20), |event| {
            matches!(event, SfuEvent::Gone { .. })
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_track_that_stops_leaves_its_slot() {
    let mut house = House::open();
    let ganich = house.camera("ganich", 1).await;
    house.audience(hearing(&["ganich"], Some("ganich")));
    house
        .wait(
            "the slots",
            |event| matches!(event, SfuEvent::Slots { slots, .. } if slots.main.is_some()),
        )
        .await;
    ganich.fall_silent();
    house.wait("empty slots", |event| matches!(event, SfuEvent::Slots { slots, .. } if *slots == sfu::Slots::default())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_offers_are_refused_with_a_sentence() {
    let house = House::open();
    let good = Client::new(Plan { receive: FULL, ..Plan::default() }).await.offer.clone();
    let publishing = Client::new(Plan { microphone: true, ..Plan::default() }).await.offer.clone();
    let without = |name: &str| {
        let lines = good.lines().filter(|line| !line.starts_with(name));
        lines.map(|line| format!("{line}\r\n")).collect::<String>()
    };
    let cases = [
        (String::new(), "v=0"),
        ("hello".to_owned(), "v=0"),
        ("v=0\r\nhello\r\n".to_owned(), "not a session description"),
        (good.replace("m=video", "m=application"), "neither sound nor picture"),
        (good.replace("a=setup:actpass", "a=setup:passive"), "setup:passive"),
        (good.replace("a=recvonly", "a=inactive"), "inactive"),
        (without("a=fingerprint"), "fingerprint"),
        (without("a=ice-ufrag"), "ice-ufrag"),
        (without("a=group"), "group"),
        (good.replace("opus", "speex"), "no codec"),
        (publishing.clone(), "recvonly"),
        ("v".repeat(70_000), "at most"),
    ];
    for (offer, sentence) in cases {
        let event = &house.event;
        let refused =
            house.sfu.subscribe(event, &person("v"), ReceiverClass::Audience, &offer).await;
        let error = refused.expect_err(sentence).to_string();
        assert!(error.contains(sentence) && !error.contains('\n'), "{sentence}: {error}");
    }
    let refused = house.sfu.publish(&house.event, &person("p"), Source::Camera, &good).await;
    assert!(matches!(refused, Err(OfferError::Unusable(_))));
    let mut random = SplitMix(11);
    for _ in 0..150 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..=random.below(20) {
            let at = usize::try_from(random.below(bytes.len() as u64)).expect("small");
            bytes[at] = b' ' + random.next_u64().to_le_bytes()[0] % 95;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // Some still make sense; none may do harm.
        let _ =
            house.sfu.subscribe(&house.event, &person("v"), ReceiverClass::Audience, &text).await;
    }
    assert!(house.sfu.statistics().await.receivers <= 4, "one person has a few sessions at most");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_on_all_addresses_answers_from_the_right_one() {
    for bind in ["0.0.0.0:0", "[::]:0"] {
        let house = House::open_at(bind);
        let _ganich = house.camera("ganich", 1).await;
        let viewer = house.viewer("viewer").await;
        house.audience(hearing(&["ganich"], Some("ganich")));
        viewer.wait_heard(MAIN, bind, all_of(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_handle_ends_everything() {
    let mut house = House::open();
    let viewer = house.viewer("viewer").await;
    house.wait("the viewer", |event| matches!(event, SfuEvent::Connected { .. })).await;
    let House { sfu, mut events, .. } = house;
    let other = sfu.clone();
    drop(sfu);
    assert_eq!(other.statistics().await.receivers, 1, "one handle is left");
    drop(other);
    let rest = tokio::time::timeout(Duration::from_secs(5), async {
        let mut rest = Vec::new();
        while let Some(event) = events.recv().await {
            rest.push(event);
        }
        rest
    });
    let rest = rest.await.expect("the events end");
    assert!(rest.iter().any(|event| matches!(event, SfuEvent::Gone { .. })));
    let end = Instant::now() + Duration::from_secs(5);
    while !viewer.log.lock().expect("log").closed {
        assert!(Instant::now() < end, "the viewer was not told");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn a_wrong_start_says_what_is_wrong() {
    let wildcard = SocketAddr::from(([0, 0, 0, 0], 443));
    let here = SocketAddr::from(([127, 0, 0, 1], 443));
    for (announce, workers, sentence) in [
        (vec![], 1, "no address"),
        (vec![wildcard], 1, "0.0.0.0:443 cannot be announced"),
        (vec![here], 0, "at least one"),
        (vec![here], 65, "at most 64"),
    ] {
        let socket = |_| UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let udp = (0..workers).map(socket).collect();
        let started = Sfu::start(SfuConfig { udp, announce, subscriber: None });
        let error = started.map(|_| ()).expect_err(sentence).to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

/// Offers as Chromium 156 makes them, recorded from a page with ten receiving sections and from
/// one that publishes a microphone and a camera in three layers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browsers_offers_are_answered() {
    let house = House::open();
    let lines =
        |sdp: &str, line: &str| sdp.lines().filter(|found| found.trim_end() == line).count();
    let offer = include_str!("chromium-whep.sdp");
    let viewer = person("viewer");
    let answer = house.sfu.subscribe(&house.event, &viewer, ReceiverClass::Audience, offer).await;
    let sdp = answer.expect("answered").sdp;
    for (line, count) in [("a=sendonly", 10), ("a=setup:passive", 10), ("a=ice-lite", 1)] {
        assert_eq!(lines(&sdp, line), count, "{line}");
    }
    for (part, what) in [
        ("transport-wide-cc-extensions", "bandwidth estimation"),
        ("rtx/90000", "repair"),
        ("nack pli", "key frame requests"),
        ("ssrc-audio-level", "sound levels"),
        ("useinbandfec=1", "error correction in sound"),
        ("AV1/90000", "every codec"),
        ("VP9/90000", "every codec"),
        ("H264/90000", "every codec"),
    ] {
        assert!(sdp.contains(part), "{what}");
    }
    let offer = include_str!("chromium-whip.sdp");
    let ganich = person("ganich");
    let answer = house.sfu.publish(&house.event, &ganich, Source::Camera, offer).await;
    let sdp = answer.expect("answered").sdp;
    assert_eq!(lines(&sdp, "a=recvonly"), 2);
    assert_eq!(lines(&sdp, "a=simulcast:recv q;h;f"), 1);
    assert!(sdp.contains("usedtx=1") && sdp.contains("repaired-rtp-stream-id"));
}
