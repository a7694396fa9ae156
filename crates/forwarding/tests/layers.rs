//! Streams with layers of their own, through lines that carry now more, now less: what a receiver
//! gets must be whole, numbered without a gap, and decodable.

use std::collections::BTreeMap;

use base::{Random, SplitMix};
use forwarding::{
    Class, Codec, Format, Formats, Forward, Hearing, Micros, Output, Owner, Packet, ReceiverId,
    ReceiverSpec, Room, SLOTS, TrackId, TrackKind,
};

const SEEDS: u64 = 40;
const FRAMES: u64 = 900;
const FRAME: Micros = Micros::from_millis(33);
const PACKET_BYTES: usize = 1_000;

/// One packet of the publisher.
#[derive(Debug, Clone)]
struct Sent {
    sequence: u64,
    picture: u64,
    spatial: u8,
    temporal: u8,
    key: bool,
    first: bool,
    last: bool,
    marker: bool,
    payload: Vec<u8>,
}

/// Packets of one layer of one picture.
const PACKETS: u64 = 2;

/// Makes the packets of one picture.
type Encode = fn(picture: u64, key: bool, sequence: &mut u64) -> Vec<Sent>;

/// Three temporal layers in the pattern 0 2 1 2. The second picture of layer 2 depends on layer 1.
const TEMPORAL: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];

fn vp8(picture: u64, key: bool, sequence: &mut u64) -> Vec<Sent> {
    let (temporal, sync) = TEMPORAL[usize::try_from(picture % 4).expect("small")];
    let (temporal, sync) = if key { (0, false) } else { (temporal, sync) };
    let [high, low] = u16::try_from(picture & 0x7fff).expect("15 bits").to_be_bytes();
    let base = u8::try_from((picture / 4) & 0xff).expect("8 bits");
    (0..PACKETS)
        .map(|index| {
            *sequence += 1;
            let start = if index == 0 { 0x10 } else { 0 };
            let layers = temporal << 6 | u8::from(sync) << 5;
            let head = [0x80 | start, 0xe0, 0x80 | high, low, base, layers, u8::from(!key)];
            let mut payload = head.to_vec();
            payload.resize(PACKET_BYTES, 0x55);
            Sent {
                sequence: *sequence,
                picture,
                spatial: 0,
                temporal,
                key,
                first: index == 0,
                last: index + 1 == PACKETS,
                marker: index + 1 == PACKETS,
                payload,
            }
        })
        .collect()
}

/// Three spatial layers, each predicted from the smaller one.
fn vp9(picture: u64, key: bool, sequence: &mut u64) -> Vec<Sent> {
    let [high, low] = u16::try_from(picture & 0x7fff).expect("15 bits").to_be_bytes();
    let mut packets = Vec::new();
    for spatial in 0..3_u8 {
        for index in 0..PACKETS {
            *sequence += 1;
            let (first, last) = (index == 0, index + 1 == PACKETS);
            let inter = if key { 0 } else { 0x40 };
            let ends = u8::from(first) << 3 | u8::from(last) << 2;
            let between = u8::from(spatial > 0);
            let base = u8::try_from(picture & 0xff).expect("8 bits");
            let head = [0xa0 | inter | ends, 0x80 | high, low, spatial << 1 | between, base];
            let mut payload = head.to_vec();
            payload.resize(PACKET_BYTES << spatial >> 1, 0x55);
            let marker = spatial == 2 && last;
            let sequence = *sequence;
            packets.push(Sent {
                sequence,
                picture,
                spatial,
                temporal: 0,
                key,
                first,
                last,
                marker,
                payload,
            });
        }
    }
    packets
}

/// What reached the receiver: the packet and how it was rewritten.
type Got = Vec<(Sent, Forward)>;

struct World {
    random: SplitMix,
    room: Room,
    track: TrackId,
    receiver: ReceiverId,
    now: Micros,
    key_wanted: bool,
    got: Got,
}

impl World {
    fn new(seed: u64, codec: Codec) -> Self {
        let mut room = Room::new();
        let now = Micros::from_millis(1_000);
        let who = Owner(1);
        let spec = ReceiverSpec {
            owner: Owner(2),
            class: Class::Audience,
            slots: [true; SLOTS],
            formats: Formats::default().with(Format(1)),
            first_sequence: 500,
            first_timestamp: 7,
        };
        let receiver = room.add_receiver(now, &spec).expect("there is room");
        while !matches!(room.poll_output(), Output::Timeout(_)) {}
        let track = room
            .add_track(now, who, TrackKind::Camera, codec, Format(1), 1)
            .expect("there is room");
        while !matches!(room.poll_output(), Output::Timeout(_)) {}
        let plan = Hearing { main: Some(who), ..Hearing::default() };
        room.set_plan(now, plan, Hearing::default());
        let random = SplitMix(seed);
        let mut world =
            Self { random, room, track, receiver, now, key_wanted: true, got: Vec::new() };
        world.drain(None);
        world
    }

    /// Sends all pictures over a line that loses, repeats and reorders if `disturbed`.
    fn run(&mut self, encode: Encode, disturbed: bool) {
        let mut sequence = 0;
        let mut late: Vec<(u64, Sent)> = Vec::new();
        for picture in 0..FRAMES {
            self.now = self.now.plus(FRAME);
            self.room.handle_timeout(self.now);
            self.drain(None);
            if self.random.below(40) == 0 {
                // Never so little that the picture is given up, which the other simulation does.
                let estimate_bps = 250_000 + self.random.below(2_000_000);
                self.room.set_estimate(self.now, self.receiver, estimate_bps);
                self.drain(None);
            }
            let key = std::mem::take(&mut self.key_wanted) && picture.is_multiple_of(4);
            self.key_wanted |= picture == 0 && !key;
            for sent in encode(picture, key, &mut sequence) {
                let fate = if disturbed && !sent.key { self.random.below(100) } else { 100 };
                match fate {
                    0..=2 => {}
                    3..=8 => late.push((picture + 1 + self.random.below(6), sent)),
                    9..=11 => {
                        self.arrive(&sent);
                        self.arrive(&sent);
                    }
                    _ => self.arrive(&sent),
                }
            }
            let due: Vec<Sent> =
                late.extract_if(.., |(at, _)| *at <= picture).map(|l| l.1).collect();
            for sent in due {
                self.arrive(&sent);
            }
        }
    }

    fn arrive(&mut self, sent: &Sent) {
        let packet = Packet {
            ssrc: 9,
            sequence: sent.sequence,
            timestamp: u32::try_from(sent.picture * 3_000).expect("a short run"),
            marker: sent.marker,
            level_db: None,
            mark: None,
            payload: &sent.payload,
            token: 0,
        };
        self.room.handle_packet(self.now, self.track, 0, &packet);
        self.drain(Some(sent));
    }

    fn drain(&mut self, current: Option<&Sent>) {
        loop {
            match self.room.poll_output() {
                Output::Forward(forward) => {
                    let sent = current.expect("only packets are forwarded").clone();
                    self.got.push((sent, forward));
                }
                Output::RequestKeyFrame { .. } => self.key_wanted = true,
                Output::Timeout(_) => return,
                _ => {}
            }
        }
    }
}

/// Temporal layers of the pictures that came whole, and the number each was given.
fn whole_pictures(got: &Got) -> BTreeMap<u64, (u8, u16)> {
    let mut packets: BTreeMap<u64, u64> = BTreeMap::new();
    for (sent, _) in got {
        *packets.entry(sent.picture).or_default() += 1;
    }
    got.iter()
        .filter(|(sent, _)| packets[&sent.picture] == PACKETS)
        .map(|(sent, forward)| {
            let own = u16::try_from(sent.picture & 0x7fff).expect("15 bits");
            (sent.picture, (sent.temporal, forward.picture_id.unwrap_or(own)))
        })
        .collect()
}

#[test]
fn temporal_layers_come_and_go_without_a_gap() {
    let mut thinned = 0;
    for seed in 0..SEEDS {
        let mut world = World::new(seed, Codec::Vp8);
        world.run(vp8, false);
        let numbers: Vec<u64> = world.got.iter().map(|(_, forward)| forward.sequence).collect();
        let all: Vec<u64> = (500..500 + numbers.len() as u64).collect();
        assert_eq!(numbers, all, "seed {seed}");
        let pictures = whole_pictures(&world.got);
        assert_eq!(pictures.len() as u64 * PACKETS, numbers.len() as u64, "parts, seed {seed}");
        let ids: Vec<u16> = pictures.values().map(|(_, id)| *id).collect();
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "seed {seed}: {ids:?}");
        // A picture that is no sync point needs the layers below since the last base picture.
        for (&picture, &(temporal, _)) in &pictures {
            let (_, sync) = TEMPORAL[usize::try_from(picture % 4).expect("small")];
            if temporal > 0 {
                assert!(pictures.contains_key(&(picture / 4 * 4)), "seed {seed}: {picture}");
            }
            if temporal == 2 && !sync {
                assert!(pictures.contains_key(&(picture - 1)), "seed {seed}: {picture}");
            }
        }
        thinned += FRAMES - pictures.len() as u64;
    }
    assert!(thinned > FRAMES, "layers were left out: {thinned}");
}

#[test]
fn disturbed_streams_keep_their_order() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed, Codec::Vp8);
        world.run(vp8, true);
        let mut by_source: BTreeMap<u64, (u64, u16, u64)> = BTreeMap::new();
        for (sent, forward) in &world.got {
            let own = u16::try_from(sent.picture & 0x7fff).expect("15 bits");
            let id = forward.picture_id.unwrap_or(own);
            let before = by_source.insert(sent.sequence, (forward.sequence, id, sent.picture));
            assert_eq!(before, None, "twice, seed {seed}");
        }
        let ordered: Vec<&(u64, u16, u64)> = by_source.values().collect();
        for pair in ordered.windows(2) {
            assert!(pair[0].0 < pair[1].0, "numbers go up as at the source, seed {seed}");
            let same = pair[0].2 == pair[1].2;
            assert_eq!(pair[0].1 == pair[1].1, same, "one number a picture, seed {seed}: {pair:?}");
        }
    }
}

#[test]
fn spatial_layers_end_with_the_marker_and_grow_at_key_frames() {
    let (mut large, mut small) = (0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed, Codec::Vp9);
        world.run(vp9, false);
        let numbers: Vec<u64> = world.got.iter().map(|(_, forward)| forward.sequence).collect();
        assert_eq!(numbers, (500..500 + numbers.len() as u64).collect::<Vec<_>>(), "seed {seed}");
        let mut pictures: BTreeMap<u64, Vec<&(Sent, Forward)>> = BTreeMap::new();
        for got in &world.got {
            pictures.entry(got.0.picture).or_default().push(got);
        }
        let mut before = 0;
        for (picture, packets) in pictures {
            let (last, rest) = packets.split_last().expect("not empty");
            assert!(last.1.marker, "seed {seed}: {picture} has no end");
            assert!(rest.iter().all(|(_, f)| !f.marker), "seed {seed}: {picture} ends twice");
            assert!(packets[0].0.first && last.0.last, "seed {seed}: {picture} in parts");
            let top = last.0.spatial;
            assert_eq!(packets.len() as u64, PACKETS * (u64::from(top) + 1), "seed {seed}");
            assert!(top <= before || last.0.key, "seed {seed}: {picture} grew without a key frame");
            before = top;
            large += u64::from(top == 2);
            small += u64::from(top < 2);
        }
    }
    assert!(large > FRAMES && small > FRAMES, "{large} large, {small} small");
}
