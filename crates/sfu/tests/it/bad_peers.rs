//! One bad peer disturbs nobody: while two good ones watch and listen, a third sends everything
//! that its authenticated address lets it send, and more.

use std::time::{Duration, Instant};

use base::{Random, SplitMix};
use sfu::{Hearing, ReceiverClass, Source, Statistics};

use crate::client::{Client, Heard};
use crate::stranger::{Newcomer, Stranger};
use crate::{House, MAIN, VOICE, all_of, assert_continuous, hearing, person};

const WHEP: &str = include_str!("chromium-whep.sdp");
const WHIP: &str = include_str!("chromium-whip.sdp");

/// A voice has a packet every 20 ms; a debug build on a busy machine may stumble for a moment.
const SILENCE_MAX: Duration = Duration::from_millis(1_000);

/// What all floods together, some 30 MB, may leave behind in this process with all its other
/// tests.
const MEMORY_MAX: u64 = 100 << 20;

/// The voice of the publisher's offer, and its numbers for sections and layers in packets.
const VOICE_SSRC: u32 = 4_074_510_808;
const MID_EXTENSION: u8 = 4;
const RID_EXTENSION: u8 = 10;

/// One request to a layer at most in this time, and a few at the beginnings.
const KEY_FRAMES_PER_S: f64 = 1_000.0 / 300.0;
const KEY_FRAMES_AT_ONCE: f64 = 12.0;

struct Watch {
    house: House,
    speaker: Client,
    viewers: [Client; 2],
    since: Instant,
    before: Statistics,
    memory: u64,
}

impl Watch {
    async fn begin() -> Self {
        let house = House::open();
        let speaker = house.camera("ganich", 1).await;
        let viewers = [house.viewer("anwar").await, house.viewer("bilal").await];
        house.audience(Hearing {
            thumbnails: vec![person("stranger")],
            ..hearing(&["ganich", "stranger"], Some("ganich"))
        });
        for viewer in &viewers {
            viewer.wait_heard(VOICE, "the voice", all_of(1)).await;
            viewer.wait_heard(MAIN, "the picture", all_of(1)).await;
        }
        let before = house.sfu.statistics().await;
        Self { house, speaker, viewers, since: Instant::now(), before, memory: resident_bytes() }
    }

    /// Lets a stranger who receives act on a thread of its own.
    async fn viewing<T: Send + 'static>(
        &self,
        handshake: bool,
        act: impl FnOnce(Stranger) -> T + Send + 'static,
    ) -> T {
        let newcomer = Newcomer::offering(WHEP);
        let (event, class) = (&self.house.event, ReceiverClass::Audience);
        let stranger = person("stranger");
        let answer = self.house.sfu.subscribe(event, &stranger, class, &newcomer.offer).await;
        let (answer, server) = (answer.expect("answered").sdp, self.house.address);
        let acting = tokio::task::spawn_blocking(move || {
            act(if handshake {
                Stranger::connected(newcomer, &answer, server)
            } else {
                Stranger::checked(newcomer, &answer, server)
            })
        });
        acting.await.expect("the stranger came to the end")
    }

    /// The same with a stranger who sends.
    async fn publishing(&self, seed: u64, act: impl FnOnce(Stranger, u64) + Send + 'static) {
        let newcomer = Newcomer::offering(WHIP);
        let (event, stranger) = (&self.house.event, person("stranger"));
        let answer = self.house.sfu.publish(event, &stranger, Source::Camera, &newcomer.offer);
        let (answer, server) = (answer.await.expect("answered").sdp, self.house.address);
        let acting = tokio::task::spawn_blocking(move || {
            act(Stranger::connected(newcomer, &answer, server), seed);
        });
        acting.await.expect("the stranger came to the end");
    }

    /// The good ones had everything, in order and without a pause, and the engine is well.
    async fn end(self) {
        let [voices, pictures] = [VOICE, MAIN]
            .map(|section| [0, 1].map(|viewer: usize| self.viewers[viewer].heard(section).len()));
        let still = |count: usize| move |heard: &[Heard]| heard.len() > count + 10;
        for (at, viewer) in self.viewers.iter().enumerate() {
            viewer.wait_heard(VOICE, "the voice afterwards", still(voices[at])).await;
            viewer.wait_heard(MAIN, "the picture afterwards", still(pictures[at])).await;
        }
        for viewer in &self.viewers {
            for section in [VOICE, MAIN] {
                let heard = viewer.heard(section);
                assert_continuous(&heard, section == MAIN);
                assert!(heard.iter().all(|packet| packet.tag == 1), "nobody else is in this slot");
                let pause = heard.windows(2).map(|pair| pair[1].at - pair[0].at).max();
                assert!(pause < Some(SILENCE_MAX), "section {section} paused for {pause:?}");
            }
        }
        let passed = self.since.elapsed();
        let now = self.house.sfu.statistics().await;
        assert_eq!(now.panics_caught, 0, "an engine panicked");
        let most = 2 + base::limits::CONNECTIONS_PER_PERSON_MAX as u64;
        assert!((2..=most).contains(&now.receivers), "{} receivers", now.receivers);
        let asked = self.speaker.log.lock().expect("log").key_frame_requests;
        let requests = now.key_frame_requests - self.before.key_frame_requests;
        // The stranger is asked too, for each of three layers.
        let bound = KEY_FRAMES_AT_ONCE + KEY_FRAMES_PER_S * passed.as_secs_f64();
        // Counts of a test lie far below where floating point is not exact.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let counts = [asked as f64, requests as f64 / 4.0];
        assert!(counts.iter().all(|count| *count <= bound), "{counts:?} key frames in {passed:?}");
        let grown = resident_bytes().saturating_sub(self.memory);
        assert!(grown < MEMORY_MAX, "memory grew by {} MB", grown >> 20);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_viewer_with_broken_handshakes_disturbs_nobody() {
    let watch = Watch::begin().await;
    for seed in 0..6 {
        let act = watch.viewing(false, move |mut bad| {
            let mut random = SplitMix(seed);
            let records = hostile::corpus("datagrams");
            bad.flood(400, |bad, number| match number % 4 {
                0 => {
                    let input = hostile::mutate(&records, &mut random);
                    egress::fuzzing::pieces(&input).for_each(|record| bad.send(record));
                }
                1 => {
                    let mut noise = random.bytes::<300>();
                    noise[0] = 20 + noise[0] % 44;
                    bad.send(&noise);
                }
                2 => bad.send(&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1]),
                _ => bad.send(&[number.to_be_bytes()[7]; 64]),
            });
        });
        act.await;
    }
    watch.viewing(true, |mut bad| bad.listen(Duration::from_millis(50))).await;
    watch.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_viewer_that_reports_nonsense_disturbs_nobody() {
    let watch = Watch::begin().await;
    watch
        .viewing(true, |mut bad| {
            bad.listen(Duration::from_millis(500));
            let (&picture, _) = bad.heard.iter().max_by_key(|(_, count)| **count).expect("media");
            let sources: Vec<u32> = bad.heard.keys().copied().collect();
            let mut random = SplitMix(1);
            // Broken SRTP and SRTCP: no key, no end, no beginning.
            bad.flood(1_500, |bad, number| {
                let mut noise = random.bytes::<1_200>();
                noise[0] = 0x80;
                if number % 2 == 0 {
                    noise[1] = 200 + noise[1] % 8;
                }
                bad.send(&noise[..1 + number % 1_200]);
            });
            bad.flood(600, |bad, number| {
                bad.report(&key_frame(1 + u8::try_from(number % 2).expect("small") * 3, picture));
            });
            bad.flood(400, |bad, number| bad.report(&absurd_arrivals(number)));
            bad.flood(200, |bad, _| {
                bad.report(&[
                    0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0xff, 0xff,
                    0xff, 0, 0, 0, 5,
                ]);
                bad.report(&[0x81, 203, 0, 1, 0, 0, 0, 1]);
            });
            let inputs = hostile::corpus("reports");
            bad.flood(1_000, |bad, _| {
                let input = hostile::mutate(&inputs, &mut random);
                for piece in egress::fuzzing::pieces(&input)
                    .filter(|piece| (8..1_200).contains(&piece.len()))
                {
                    let mut piece = piece.to_vec();
                    let aim = sources[usize::from(piece[7]) % sources.len()];
                    if let Some(source) = piece.get_mut(8..12) {
                        source.copy_from_slice(&aim.to_be_bytes());
                    }
                    bad.report(&piece);
                }
            });
            // Strangers to the engine, and the address changing to and fro.
            let elsewhere = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
            bad.flood(1_500, |bad, number| match number % 3 {
                0 => bad.send(&bad.wrong_check()),
                1 => bad.send(&bad.check()),
                _ => drop(elsewhere.send_to(&bad.check(), bad.server)),
            });
            let others: Vec<_> = (0..30)
                .map(|_| std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket"))
                .collect();
            for other in &others {
                drop(other.send_to(&bad.check(), bad.server));
            }
        })
        .await;
    watch.end().await;
}

/// The bound on repairs (`REPAIRS_PER_PACKET`, `REPAIRS_AT_ONCE_MAX` in viewer.rs): who says that
/// everything is lost, again and again, gets less than half of it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_viewer_that_says_all_is_lost_is_not_sent_without_end() {
    let watch = Watch::begin().await;
    let (media, repairs) = watch
        .viewing(true, |mut bad| {
            bad.listen(Duration::from_millis(1_000));
            let honest = bad.heard.clone();
            let (&picture, _) = honest.iter().max_by_key(|(_, count)| **count).expect("media");
            bad.flood(4_000, |bad, number| {
                let newest =
                    bad.newest[&picture].wrapping_sub(u16::try_from(number % 17).expect("small"));
                let mut packet = vec![0x81, 205, 0, 0, 0, 0, 0, 1];
                packet.extend(picture.to_be_bytes());
                for back in 0..25 {
                    packet.extend(newest.wrapping_sub(17 * back).to_be_bytes());
                    packet.extend([0xff; 2]);
                }
                let words = u16::try_from(packet.len() / 4 - 1).expect("small");
                packet[2..4].copy_from_slice(&words.to_be_bytes());
                bad.report(&packet);
            });
            let count = |of_media: bool| -> u64 {
                let before = |source| honest.get(source).copied().unwrap_or_default();
                let repairs = |source| bad.repairing.contains(source);
                let heard = bad.heard.iter().filter(|(source, _)| repairs(source) != of_media);
                heard.map(|(source, count)| count - before(source)).sum()
            };
            (count(true), count(false))
        })
        .await;
    let bound = 150 + media * 3 / 10;
    assert!(repairs > 50, "only {repairs} repairs came: the flood missed its aim");
    assert!(repairs <= bound, "{repairs} repairs for {media} packets; bound {bound}");
    watch.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_publisher_of_nonsense_disturbs_nobody() {
    let watch = Watch::begin().await;
    for seed in 0..2 {
        let acting = watch.publishing(seed, |mut bad, seed| {
            let mut random = SplitMix(seed);
            let payloads = hostile::corpus("payload");
            let mut indices = [1_000_u64; 4];
            bad.flood(4_000, |bad, number| {
                // Three layers and a voice; every fourth packet of a source that nobody offered.
                let track = number % 4;
                let index = &mut indices[track];
                // Numbers that jump, and come again.
                *index = match random.below(40) {
                    0 => *index + random.below(30_000),
                    1 => index.saturating_sub(random.below(200)),
                    _ => *index + 1,
                };
                let ssrc = match random.below(4) {
                    0 => u32::from_be_bytes(random.bytes()),
                    _ => VOICE_SSRC + u32::try_from(track).expect("small"),
                };
                let payload_type =
                    [111, 96, 98, 96, 63, 35, 96][usize::try_from(random.below(7)).expect("small")];
                let mut packet = vec![0x90, if track == 0 { 111 } else { payload_type }];
                packet.extend(&index.to_be_bytes()[6..]);
                packet.extend(random.bytes::<4>());
                packet.extend(ssrc.to_be_bytes());
                packet.extend([0xbe, 0xde, 0, 3]);
                let mut extension = [
                    MID_EXTENSION << 4,
                    b'0' + u8::from(track > 0),
                    RID_EXTENSION << 4,
                    b"qhfq"[track],
                    0x10,
                    0xa0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                ];
                if random.below(3) == 0 {
                    let at = usize::try_from(random.below(12)).expect("small");
                    [extension[at]] = random.bytes();
                }
                packet.extend(extension);
                packet.extend(hostile::mutate(&payloads, &mut random).iter().skip(1).take(1_100));
                if random.below(11) == 0 {
                    // Filling that reaches beyond the beginning.
                    packet[0] |= 0x20;
                    packet.extend(random.bytes::<1>());
                }
                bad.media(&packet, 28, ssrc, *index);
            });
            let inputs = hostile::corpus("reports");
            bad.flood(600, |bad, _| {
                let input = hostile::mutate(&inputs, &mut random);
                for piece in egress::fuzzing::pieces(&input)
                    .filter(|piece| (8..1_200).contains(&piece.len()))
                {
                    bad.report(piece);
                }
            });
        });
        acting.await;
    }
    let taken = watch.house.sfu.statistics().await.packets_in - watch.before.packets_in;
    assert!(taken > 1_500, "only {taken} packets came in: the flood missed its aim");
    watch.end().await;
}

/// Each change of codec began a new track: a request for a key frame, new seats, news for all
/// screens, with every packet.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_publisher_that_changes_the_codec_with_every_packet_changes_it_seldom() {
    let watch = Watch::begin().await;
    let acting = watch.publishing(0, |mut bad, _| {
        bad.flood(1_000, |bad, number| {
            let payload_type = [96, 98][number % 2];
            let index = 1_000 + number as u64;
            let mut packet = vec![0x90, payload_type];
            packet.extend(&index.to_be_bytes()[6..]);
            packet.extend([0; 4]);
            packet.extend((VOICE_SSRC + 1).to_be_bytes());
            packet.extend([0xbe, 0xde, 0, 1, MID_EXTENSION << 4, b'1', RID_EXTENSION << 4, b'q']);
            packet.extend([0x10; 100]);
            bad.media(&packet, 20, VOICE_SSRC + 1, index);
        });
    });
    acting.await;
    let seconds = watch.since.elapsed().as_secs() + 1;
    let now = watch.house.sfu.statistics().await;
    assert!(now.packets_in - watch.before.packets_in > 800, "the flood missed its aim");
    let requests = now.key_frame_requests - watch.before.key_frame_requests;
    assert!(requests <= 5 * seconds, "{requests} requests in {seconds} s");
    watch.end().await;
}

/// PLI or FIR (RFC 4585, RFC 5104).
fn key_frame(kind: u8, source: u32) -> Vec<u8> {
    let mut packet = vec![0x80 | kind, 206, 0, 2, 0, 0, 0, 1];
    if kind == 4 {
        packet[3] = 4;
        packet.extend([0; 4]);
    }
    packet.extend(source.to_be_bytes());
    if kind == 4 {
        packet.extend([1, 0, 0, 0]);
    }
    packet
}

/// Arrivals of packets that were never sent, before they were, all at one moment and years apart.
fn absurd_arrivals(number: usize) -> Vec<u8> {
    let mut packet = vec![0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5];
    let base = u16::try_from(number * 163 % 65_536).expect("small");
    packet.extend(base.to_be_bytes());
    packet.extend([0, 70]);
    packet.extend([[0x7f, 0xff, 0xff], [0x80, 0, 0], [0, 0, 0]][number % 3]);
    packet.push(u8::try_from(number % 256).expect("small"));
    // Ten vectors of seven packets with a wide delta each.
    packet.extend([0xea, 0xaa].repeat(10));
    let delta = [i16::MIN, i16::MAX, 0, 1][number % 4];
    packet.extend(delta.to_be_bytes().repeat(70));
    let words = u16::try_from(packet.len() / 4 - 1).expect("small");
    packet[2..4].copy_from_slice(&words.to_be_bytes());
    packet
}

/// Memory of this process that lies in the machine's.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4_096
}
