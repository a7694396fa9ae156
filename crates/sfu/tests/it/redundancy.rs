//! Redundant voice for viewers of lossy lines.

use std::collections::BTreeSet;
use std::time::Duration;

use sfu::{Hearing, ReceiverClass, Source};

use super::client::{Client, Heard, Plan, Redundant, redundant_blocks};
use super::{House, VOICE, hearing};

const OPUS: u8 = 111;
const CHROMIUM: &str = include_str!("chromium-whep.sdp");
const CHROMIUM_SENDING: &str = include_str!("chromium-whip.sdp");

async fn speaker(house: &House, name: &str, tag: u8) -> Client {
    let plan = Plan { tag, microphone: true, ..Plan::default() };
    house.publish(name, Source::Camera, plan).await.0
}

async fn viewer(house: &House, redundant: bool, loss_percent: u64) -> Client {
    let plan = Plan { receive: (4, 0), redundant, loss_percent, ..Plan::default() };
    house.receive("viewer", ReceiverClass::Audience, plan).await.0
}

fn redundant(client: &Client, section: usize) -> Vec<Redundant> {
    client.log.lock().expect("log").redundant.get(&section).cloned().unwrap_or_default()
}

async fn wait_redundant(client: &Client, section: usize, count: usize) -> Vec<Redundant> {
    // On a busy machine the line looks full at times, and has no room for a while.
    for _ in 0..6_000 {
        let packets = redundant(client, section);
        if packets.len() >= count {
            return packets;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} redundant packets, not {count}", redundant(client, section).len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lossy_line_swallows_comes_with_the_next_packet() {
    let house = House::open();
    let _ganich = speaker(&house, "ganich", 1).await;
    let viewer = viewer(&house, true, 15).await;
    house.audience(hearing(&["ganich"], None));
    let packets = wait_redundant(&viewer, VOICE, 300).await;
    let from = packets[100].frame;
    let alone: BTreeSet<u32> = (viewer.heard(VOICE).iter().map(|heard| heard.frame))
        .filter(|frame| *frame >= from)
        .collect();
    let mut together = alone.clone();
    for packet in &packets {
        let (mut time, mut frame) = (packet.timestamp, packet.frame);
        assert!((1..=2).contains(&packet.earlier.len()));
        for (earlier_time, tag, earlier_frame) in packet.earlier.iter().rev() {
            (time, frame) = (time.wrapping_sub(960), frame - 1);
            assert_eq!((*earlier_time, *tag, *earlier_frame), (time, 1, frame), "{packet:?}");
            if frame >= from {
                together.insert(frame);
            }
        }
    }
    // Where the next to arrive is plain, the line had no room for more at that moment.
    let redundant: BTreeSet<u32> = packets.iter().map(|packet| packet.frame).collect();
    let next = |frame| alone.range(frame..).next().is_some_and(|next| redundant.contains(next));
    let (first, last) = (*alone.first().expect("heard"), *alone.last().expect("heard"));
    let lost: Vec<u32> = (first..last).filter(|f| !alone.contains(f) && next(*f)).collect();
    let still_lost = lost.iter().filter(|frame| !together.contains(frame)).count();
    assert!(lost.len() > 15, "the line loses: {}", lost.len());
    assert!(still_lost * 2 < lost.len(), "{still_lost} of {} are still lost", lost.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_everything_or_does_not_take_it_gets_plain_voice() {
    for (takes, loss_percent) in [(true, 0), (false, 15)] {
        let house = House::open();
        let _ganich = speaker(&house, "ganich", 1).await;
        let viewer = viewer(&house, takes, loss_percent).await;
        house.audience(hearing(&["ganich"], None));
        viewer.wait_heard(VOICE, "four seconds of voice", |heard| heard.len() > 160).await;
        assert!(redundant(&viewer, VOICE).is_empty(), "loss {loss_percent} %");
    }
}

/// What may no longer be heard is never sent again, in whatever form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redundancy_never_reaches_across_a_change_of_speaker() {
    let house = House::open();
    let _ganich = speaker(&house, "ganich", 1).await;
    let _kazi = speaker(&house, "kazi", 2).await;
    let viewer = viewer(&house, true, 8).await;
    house.audience(hearing(&["ganich"], None));
    wait_redundant(&viewer, VOICE, 20).await;
    let before = viewer.heard(VOICE).len();
    for (name, tag) in [("kazi", 2), ("ganich", 1)].repeat(8) {
        house.audience(hearing(&[name], None));
        let from = viewer.heard(VOICE).len();
        let turned = move |heard: &[Heard]| all_in(&heard[from..], tag) > 6;
        viewer.wait_heard(VOICE, name, turned).await;
        // A short silence, in which the speaker goes on for nobody.
        house.audience(Hearing::default());
        tokio::time::sleep(Duration::from_millis(70)).await;
        let from = viewer.heard(VOICE).len();
        house.audience(hearing(&[name], None));
        let goes_on = move |heard: &[Heard]| all_in(&heard[from..], tag) > 6;
        viewer.wait_heard(VOICE, name, goes_on).await;
    }
    let heard = viewer.heard(VOICE);
    assert!(heard.len() > before);
    let packets = redundant(&viewer, VOICE);
    assert!(packets.len() > 60, "{} redundant packets", packets.len());
    for packet in packets {
        let own = heard.iter().find(|heard| heard.sequence == packet.sequence).expect("heard");
        for (number, (_, tag, frame)) in (1..).zip(packet.earlier.iter().rev()) {
            assert_eq!(*tag, own.tag, "the voice of another: {packet:?}");
            assert_eq!(*frame, own.frame - number, "said when not to be heard: {packet:?}");
            // In one piece with it: the slot's numbers between them are the same as the voice's.
            let same = |heard: &&Heard| heard.sequence + u64::from(number) == packet.sequence;
            let sent = heard.iter().find(same);
            assert!(sent.is_none_or(|sent| (sent.tag, sent.frame) == (own.tag, *frame)));
        }
    }
}

fn all_in(heard: &[Heard], tag: u8) -> usize {
    heard.iter().filter(|packet| packet.tag == tag).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_receives_is_answered_with_redundancy() {
    let house = House::open();
    let subscribe = |offer: String| {
        let sfu = house.sfu.clone();
        let event = house.event.clone();
        async move {
            let class = ReceiverClass::Audience;
            sfu.subscribe(&event, &super::person("viewer"), class, &offer).await.expect("answered")
        }
    };
    let answer = subscribe(CHROMIUM.to_owned()).await.sdp;
    let count = |text: &str, what: &str| text.lines().filter(|l| l.trim_end() == what).count();
    assert_eq!(count(&answer, "a=rtpmap:63 red/48000/2"), 4);
    assert_eq!(count(&answer, "a=fmtp:63 111/111"), 4);
    let with_fec = |line: &&str| line.starts_with("a=fmtp:111") && line.contains("useinbandfec=1");
    assert_eq!(answer.lines().filter(with_fec).count(), 4, "Opus repairs single packets itself");
    assert!(!answer.contains("red/90000"), "nothing is redundant in pictures");

    let first = CHROMIUM.replacen("a=fmtp:63 111/111", "a=fmtp:63 9/9", 1);
    let one_without = CHROMIUM.replacen("a=rtpmap:63 red/48000/2\n", "", 1);
    assert_ne!(one_without, CHROMIUM);
    for (why, offer) in [
        ("made of something else", CHROMIUM.replace("a=fmtp:63 111/111", "a=fmtp:63 111/9")),
        ("in one section made of something else", first),
        ("in one section not at all", one_without),
        ("of one channel", CHROMIUM.replace("red/48000/2", "red/48000")),
        (
            "its number stands at a picture too",
            CHROMIUM.replace(
                "a=rtcp-fb:96 nack
",
                "a=rtcp-fb:63 nack
",
            ),
        ),
    ] {
        let answer = subscribe(offer).await.sdp;
        assert!(!answer.contains("red/"), "{why}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_sends_is_answered_without_redundancy() {
    let house = House::open();
    let person = super::person("ganich");
    let answer = house.sfu.publish(&house.event, &person, Source::Camera, CHROMIUM_SENDING).await;
    let answer = answer.expect("answered").sdp;
    assert!(!answer.contains("red/") && answer.contains("useinbandfec=1"), "{answer}");
}

#[test]
fn payloads_of_rfc_2198() {
    let two: &[u8] = &[0xef, 0x1e, 0, 1, 0xef, 0x0f, 0, 2, 111, 7, 8, 8, 9];
    let blocks = [(1_920, &[7][..]), (960, &[8, 8]), (0, &[9])];
    assert_eq!(redundant_blocks(OPUS, two).as_deref(), Some(&blocks[..]));
    assert_eq!(redundant_blocks(OPUS, &[111, 9]), Some(vec![(0, &[9][..])]));
    for length in 0..two.len() {
        assert_eq!(redundant_blocks(OPUS, &two[..length]), None, "cut off after {length}");
    }
    for (why, wrong) in [
        ("no payload", &[111][..]),
        ("another codec", &[9, 1, 2]),
        ("another codec before", &[0x89, 0x0f, 0, 1, 111, 7, 9]),
        ("only headers", &[0xef, 0x0f, 0, 1, 0xef, 0x0f, 0, 1]),
        ("longer than it is", &[0xef, 0x0f, 3, 0xff, 111, 7, 9]),
    ] {
        assert_eq!(redundant_blocks(OPUS, wrong), None, "{why}");
    }
}
