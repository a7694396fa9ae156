//! Tracks and their layers: what arrives from publishers.

use crate::allocation::{Ladder, Offer};
use crate::codec::{Codec, LEVELS_MAX, Level, Size, Sizes};
use crate::meter::Meter;
use crate::rewrite::Place;
use crate::speaking::Voice;
use crate::units::{Format, Micros, Owner};

/// Simulcast layers of a track. Browsers send three; the fourth is room for encoders that send a
/// very small one too.
pub(crate) const LAYERS_MAX: usize = 4;

/// A layer without a packet for so long is not being sent now (its sender lacks bandwidth). Slow
/// screen content still sends a frame a second.
const LAYER_SILENCE_MAX: Micros = Micros::from_millis(1_500);

/// A new track's declared layers are all expected for so long, whichever comes first.
pub(crate) const LAYERS_ARRIVE: Micros = Micros::from_millis(500);

/// Between two key frame requests to the same layer. A key frame costs the publisher about ten
/// ordinary frames; everybody who asks meanwhile shares the one that is coming. Chromium ignores
/// a request that comes within 300 ms of the last, which counts from its arrival there.
const KEY_FRAME_INTERVAL_MIN: Micros = Micros::from_millis(320);

/// A request is repeated while somebody still waits, for requests and key frames get lost.
const KEY_FRAME_RETRY: Micros = Micros::from_millis(1_000);

/// Packets of a stream that was replaced may straggle in for so long.
const STRAGGLERS_MAX: Micros = Micros::from_millis(2_000);

/// What is sent again to a newcomer begins with a key frame at most so old: the next one is to be
/// had by then ([`KEY_FRAME_INTERVAL_MIN`] and a moment for its way), and what is shown too fast at
/// the beginning is over before anybody sees it.
const REPLAY_AGE_MAX: Micros = Micros::from_millis(350);

/// What is sent again at most: 350 ms of a picture of 1.5 Mbit/s. Whose line is thinner than that
/// has it standing in its queue, before the voice.
const REPLAY_BYTES_MAX: usize = 64 * 1_024;

/// The same in packets, which encoders fill to 1,100 bytes or so.
const REPLAY_PACKETS_MAX: usize = 80;

/// What a track is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackKind {
    /// A person's voice.
    Microphone,
    /// A person's picture.
    Camera,
    /// A shared screen.
    Screen,
    /// The sound of a shared screen.
    ScreenSound,
}

impl TrackKind {
    /// Whether the track carries sound.
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Microphone | Self::ScreenSound)
    }
}

/// Packets of repair and reordering are told from repetitions over so many sequence numbers:
/// a second at 1,000 packets a second, longer than any retransmission is useful.
const HISTORY: u64 = 1_024;

/// Which of the newest sequence numbers have been seen.
#[derive(Debug, Clone)]
struct History {
    newest: Option<u64>,
    bits: [u64; (HISTORY / 64) as usize],
}

impl History {
    const fn new() -> Self {
        Self { newest: None, bits: [0; (HISTORY / 64) as usize] }
    }

    const fn place(sequence: u64) -> (usize, u64) {
        let bit = sequence % HISTORY;
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    /// Notes `sequence`; says whether it was new, and whether it is the newest of all.
    fn note(&mut self, sequence: u64) -> Option<Arrival> {
        let (word, bit) = Self::place(sequence);
        let Some(newest) = self.newest else {
            self.newest = Some(sequence);
            self.bits[word] |= bit;
            return Some(Arrival::Newest);
        };
        if sequence > newest {
            if sequence - newest >= HISTORY {
                self.bits = [0; (HISTORY / 64) as usize];
            } else {
                for missed in newest + 1..sequence {
                    let (word, bit) = Self::place(missed);
                    self.bits[word] &= !bit;
                }
            }
            self.newest = Some(sequence);
            self.bits[word] |= bit;
            return Some(Arrival::Newest);
        }
        if newest - sequence >= HISTORY || self.bits[word] & bit != 0 {
            return None;
        }
        self.bits[word] |= bit;
        Some(Arrival::Late)
    }
}

/// Which of a layer's streams a packet belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// The one that runs.
    Running,
    /// A new one, from now on the one that runs.
    Restarted,
    /// The one before; its packets come too late.
    Former,
}

/// How a packet stands to those that came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// No packet with a higher sequence number has come yet.
    Newest,
    /// A gap is filled.
    Late,
}

/// One encoding of a track.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    ssrc: Option<u32>,
    /// The stream before this one, and when it was replaced.
    former: Option<(u32, Micros)>,
    history: History,
    /// Slots that carry this layer, as places in the room's table of slots.
    pub(crate) running: Vec<u32>,
    /// Slots that will carry it from its next key frame on.
    pub(crate) waiting: Vec<u32>,
    meter: Meter,
    counted_since: Micros,
    /// The sizes of its pictures by spatial layer, as far as they were told.
    sizes: Sizes,
    last_packet: Option<Micros>,
    key_frames: KeyFrames,
    replay: Replay,
}

/// A packet and what is needed to send it, now or once more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed {
    pub(crate) at: Micros,
    /// By which the driver finds it again.
    pub(crate) token: u32,
    pub(crate) place: Place,
    pub(crate) marker: bool,
    /// It is the last packet of a picture in the size of its layer.
    pub(crate) layer_end: bool,
}

/// The last key frame and all that followed it, in the order of arrival: whoever gets this has the
/// picture without waiting for the next.
#[derive(Debug, Clone, Default)]
struct Replay {
    since: Micros,
    bytes: usize,
    /// Empty when it has become too long.
    packets: Vec<Passed>,
}

/// The requests for key frames of one layer.
#[derive(Debug, Clone, Copy, Default)]
struct KeyFrames {
    wanted: bool,
    last_request: Option<Micros>,
}

impl Layer {
    fn new(now: Micros) -> Self {
        Self {
            ssrc: None,
            former: None,
            history: History::new(),
            running: Vec::new(),
            waiting: Vec::new(),
            meter: Meter::new(),
            counted_since: now,
            sizes: Sizes::default(),
            last_packet: None,
            key_frames: KeyFrames::default(),
            replay: Replay::default(),
        }
    }

    /// Notes a packet. `None` if it was here before, or is too old to tell.
    pub(crate) fn note(&mut self, now: Micros, sequence: u64) -> Option<Arrival> {
        let arrival = self.history.note(sequence)?;
        self.last_packet = Some(now);
        Some(arrival)
    }

    /// Counts a packet that was noted as a part of what its layer costs.
    pub(crate) fn count(&mut self, level: Level, bytes: usize) {
        self.meter.note(level, bytes);
    }

    /// A key frame told how large the pictures are.
    pub(crate) fn learn_sizes(&mut self, sizes: &Sizes) {
        if sizes.iter().any(Option::is_some) {
            self.sizes = *sizes;
        }
    }

    /// Which stream a packet belongs to. A new stream's numbers have nothing to do with those of
    /// the old one, whose history is forgotten.
    pub(crate) fn stream(&mut self, now: Micros, ssrc: u32) -> Stream {
        match self.ssrc {
            None => {
                self.ssrc = Some(ssrc);
                Stream::Running
            }
            Some(known) if known == ssrc => Stream::Running,
            Some(known) => {
                let late = self.former.is_some_and(|(former, since)| {
                    former == ssrc && now.since(since) <= STRAGGLERS_MAX
                });
                if late {
                    return Stream::Former;
                }
                self.former = Some((known, now));
                self.ssrc = Some(ssrc);
                self.history = History::new();
                self.replay.packets.clear();
                Stream::Restarted
            }
        }
    }

    /// Whether the layer is being sent now.
    pub(crate) fn is_active(&self, now: Micros) -> bool {
        self.last_packet.is_some_and(|at| now.since(at) <= LAYER_SILENCE_MAX)
    }

    /// Takes stock of what came since the last call.
    pub(crate) fn measure(&mut self, now: Micros) {
        self.meter.measure(now.since(self.counted_since).0);
        self.counted_since = now;
    }

    /// Takes a packet into what is sent again to newcomers; says whether it is a part of it.
    /// `begins` says that it is the first of a key frame, and the newest that has come.
    pub(crate) fn keep(&mut self, packet: &Passed, begins: bool, bytes: usize) -> bool {
        let replay = &mut self.replay;
        if begins {
            replay.packets.clear();
            (replay.since, replay.bytes) = (packet.at, 0);
        } else if replay.packets.is_empty() {
            return false;
        }
        replay.bytes += bytes;
        let fits = replay.bytes <= REPLAY_BYTES_MAX
            && replay.packets.len() < REPLAY_PACKETS_MAX
            && packet.at.since(replay.since) <= REPLAY_AGE_MAX;
        if fits {
            replay.packets.push(*packet);
        } else {
            replay.packets.clear();
        }
        fits
    }

    /// What a newcomer is sent so that it need not wait; nothing if that would be too old.
    pub(crate) fn replay(&self, now: Micros) -> &[Passed] {
        if now.since(self.replay.since) <= REPLAY_AGE_MAX { &self.replay.packets } else { &[] }
    }

    /// How much [`Self::replay`] is.
    pub(crate) fn replay_bytes(&self) -> usize {
        self.replay.bytes
    }

    /// Somebody needs a key frame.
    pub(crate) fn want_key_frame(&mut self) {
        self.key_frames.wanted = true;
    }

    /// A key frame begins: whoever asked before this moment is served by it.
    pub(crate) fn key_frame_arrived(&mut self) {
        self.key_frames.wanted = false;
    }

    /// When a request is due, if one is wanted.
    pub(crate) fn key_frame_due(&self) -> Option<Micros> {
        let KeyFrames { wanted, last_request } = self.key_frames;
        match last_request {
            None if wanted || !self.waiting.is_empty() => Some(Micros(0)),
            Some(at) if wanted => Some(at.plus(KEY_FRAME_INTERVAL_MIN)),
            Some(at) if !self.waiting.is_empty() => Some(at.plus(KEY_FRAME_RETRY)),
            _ => None,
        }
    }

    /// The request is being sent. `wanted` falls with it: a later want asks anew.
    pub(crate) fn key_frame_requested(&mut self, now: Micros) {
        self.key_frames = KeyFrames { wanted: false, last_request: Some(now) };
    }
}

/// One media stream of an owner in all its layers.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub(crate) owner: Owner,
    pub(crate) kind: TrackKind,
    pub(crate) codec: Codec,
    pub(crate) format: Format,
    /// Tracks are numbered as they come; of two of one kind the later one counts.
    pub(crate) number: u64,
    pub(crate) since: Micros,
    pub(crate) layers: Vec<Layer>,
    /// What could be sent of it, as of the last look.
    pub(crate) ladder: Ladder,
    pub(crate) voice: Voice,
}

/// One size of a track's picture.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    layer: u8,
    spatial: u8,
    /// It is the largest of its encoding.
    topmost: bool,
    pixels: Option<u32>,
}

impl Track {
    /// Looks anew at what could be sent. Which layer is larger than another is told by the key
    /// frames; while one of them has not said it, by the order in which the layers were declared.
    pub(crate) fn look(&mut self, now: Micros) {
        let expected = now.since(self.since) <= LAYERS_ARRIVE;
        let any = self.layers.iter().any(|layer| layer.is_active(now));
        let mut steps = [Step::default(); LAYERS_MAX * LEVELS_MAX];
        let mut count = 0;
        for (number, layer) in (0..).zip(&self.layers) {
            if any && !expected && !layer.is_active(now) {
                continue;
            }
            let top = layer.meter.top().spatial;
            for spatial in 0..=top {
                let pixels = layer.sizes[usize::from(spatial)].map(Size::pixels);
                steps[count] = Step { layer: number, spatial, topmost: spatial == top, pixels };
                count += 1;
            }
        }
        let steps = &mut steps[..count];
        let all_known = steps.iter().all(|step| step.pixels.is_some());
        steps.sort_unstable_by_key(|step| {
            (step.pixels.filter(|_| all_known), step.layer, step.spatial)
        });
        self.ladder = self.rungs(steps);
    }

    /// The ladder of these sizes. Of a person few pictures a second are taken only where not even
    /// the smallest fits otherwise: gestures and lips want smoothness. A screen is read, so a
    /// large picture that moves in steps goes before a small smooth one.
    fn rungs(&self, steps: &[Step]) -> Ladder {
        let mut ladder = Ladder::default();
        for (rank, step) in (0..).zip(steps) {
            let Some(layer) = self.layers.get(usize::from(step.layer)) else { continue };
            let spatial = if step.topmost { Level::TOP.spatial } else { step.spatial };
            let top = layer.meter.top().temporal;
            let first = if rank == 0 || self.kind == TrackKind::Screen { 0 } else { top };
            for temporal in first..=top {
                let smooth = temporal == top;
                let temporal = if smooth { Level::TOP.temporal } else { temporal };
                let ceiling = Level { spatial, temporal };
                ladder.add(Offer {
                    layer: step.layer,
                    ceiling,
                    size_rank: rank,
                    pixels: step.pixels,
                    smooth,
                    rate_bps: layer.meter.rate_bps(ceiling),
                });
            }
        }
        ladder
    }

    /// The layer with this number, made if it was not declared.
    pub(crate) fn layer_or_new(&mut self, now: Micros, layer: u8) -> Option<&mut Layer> {
        let index = usize::from(layer);
        if index >= LAYERS_MAX {
            return None;
        }
        while self.layers.len() <= index {
            self.layers.push(Layer::new(now));
        }
        self.layers.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_told_from_repairs() {
        let mut history = History::new();
        let all = [
            (10, Some(Arrival::Newest)),
            (12, Some(Arrival::Newest)),
            (11, Some(Arrival::Late)),
            (11, None),
            (12, None),
            (9, Some(Arrival::Late)),
            (12 + HISTORY - 1, Some(Arrival::Newest)),
            (13, Some(Arrival::Late)),
            (13, None),
            (11, None),
            (12 + 3 * HISTORY, Some(Arrival::Newest)),
            (12 + 3 * HISTORY - 5, Some(Arrival::Late)),
        ];
        for (sequence, arrival) in all {
            assert_eq!(history.note(sequence), arrival, "{sequence}");
        }
    }

    #[test]
    fn stragglers_do_not_bring_an_old_stream_back() {
        let mut layer = Layer::new(Micros(0));
        let at = Micros::from_millis;
        assert_eq!(layer.stream(at(0), 1), Stream::Running);
        assert_eq!(layer.stream(at(10), 2), Stream::Restarted);
        assert_eq!(layer.stream(at(20), 1), Stream::Former);
        assert_eq!(layer.stream(at(30), 2), Stream::Running);
        assert_eq!(layer.stream(at(5_000), 1), Stream::Restarted, "it is used again");
    }

    #[test]
    fn requests_are_shared_and_spaced() {
        let mut layer = Layer::new(Micros(0));
        assert_eq!(layer.key_frame_due(), None);
        layer.want_key_frame();
        assert_eq!(layer.key_frame_due(), Some(Micros(0)), "the first is asked for at once");
        let now = Micros::from_millis(10_000);
        layer.key_frame_requested(now);
        assert_eq!(layer.key_frame_due(), None);
        layer.want_key_frame();
        assert_eq!(layer.key_frame_due(), Some(now.plus(KEY_FRAME_INTERVAL_MIN)));
        layer.key_frame_arrived();
        assert_eq!(layer.key_frame_due(), None, "served by the frame that came");
        layer.waiting.push(1);
        assert_eq!(layer.key_frame_due(), Some(now.plus(KEY_FRAME_RETRY)));
    }

    #[test]
    fn a_replay_is_whole_or_none() {
        let packet = |at_ms: u64, token: u32| Passed {
            at: Micros::from_millis(at_ms),
            token,
            place: Place::default(),
            marker: false,
            layer_end: false,
        };
        let tokens = |layer: &Layer, at_ms: u64| -> Vec<u32> {
            layer.replay(Micros::from_millis(at_ms)).iter().map(|packet| packet.token).collect()
        };
        let mut layer = Layer::new(Micros(0));
        assert!(!layer.keep(&packet(100, 0), false, 1_000), "no key frame yet");
        assert!(layer.keep(&packet(110, 1), true, 1_000));
        assert!(layer.keep(&packet(120, 2), false, 1_000));
        assert_eq!(tokens(&layer, 130), [1, 2]);
        assert_eq!(tokens(&layer, 460), [1, 2], "nothing has come since");
        assert_eq!(tokens(&layer, 461), [0; 0], "too old");
        assert!(!layer.keep(&packet(470, 3), false, 1_000));
        assert_eq!(tokens(&layer, 130), [0; 0], "no longer whole");
        assert!(layer.keep(&packet(480, 4), true, 1_000));
        assert!(layer.keep(&packet(481, 5), true, 1_000), "the next key frame");
        assert_eq!(tokens(&layer, 490), [5]);
        assert!(!layer.keep(&packet(490, 6), false, REPLAY_BYTES_MAX));
        assert!(!layer.keep(&packet(491, 7), false, 1));
        for token in 0..200 {
            layer.keep(&packet(500, token), token == 0, 1);
        }
        assert_eq!(tokens(&layer, 500), [0; 0]);
        layer.stream(Micros(0), 1);
        assert!(layer.keep(&packet(510, 8), true, 1));
        layer.stream(Micros(0), 2);
        assert_eq!(tokens(&layer, 510), [0; 0], "the publisher began anew");
    }

    fn track(kind: TrackKind) -> Track {
        Track {
            owner: Owner(0),
            kind,
            codec: Codec::Vp8,
            format: Format(0),
            number: 0,
            since: Micros(0),
            layers: Vec::new(),
            ladder: Ladder::default(),
            voice: Voice::default(),
        }
    }

    /// The ladder of two encodings with two temporal layers each, the large one declared first.
    fn two_by_two(kind: TrackKind, sizes: bool) -> Vec<(u8, u8, u64)> {
        let mut track = track(kind);
        let now = Micros::from_millis(1_000);
        for (number, width, bytes) in [(0, 640, 1_000), (1, 320, 250)] {
            let layer = track.layer_or_new(Micros(0), number).expect("few");
            layer.note(now, 1);
            for temporal in 0..2 {
                layer.count(Level::new(0, temporal), bytes);
            }
            if sizes {
                let size = Size { width, height: width / 2 };
                layer.learn_sizes(&[Some(size), None, None, None]);
            }
            layer.measure(now);
        }
        track.look(now);
        track.ladder.offers().map(|o| (o.layer, o.ceiling.temporal, o.rate_bps)).collect()
    }

    #[test]
    fn layers_are_ordered_by_what_they_are() {
        let top = Level::TOP.temporal;
        assert_eq!(
            two_by_two(TrackKind::Camera, true),
            [(1, 0, 2_000), (1, top, 4_000), (0, top, 16_000)],
            "a person is shown smoothly"
        );
        assert_eq!(
            two_by_two(TrackKind::Screen, true),
            [(1, 0, 2_000), (1, top, 4_000), (0, 0, 8_000), (0, top, 16_000)],
            "a screen is shown large"
        );
        assert_eq!(
            two_by_two(TrackKind::Camera, false),
            [(0, 0, 8_000), (0, top, 16_000), (1, top, 4_000)],
            "as they were declared, while nobody knows better"
        );
    }
}
