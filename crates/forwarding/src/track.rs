//! Tracks and their layers: what arrives from publishers.

use crate::codec::Codec;
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
/// ordinary frames; everybody who asks meanwhile shares the one that is coming. Who joins while
/// many do waits no longer than this.
const KEY_FRAME_INTERVAL_MIN: Micros = Micros::from_millis(300);

/// A request is repeated while somebody still waits, for requests and key frames get lost.
const KEY_FRAME_RETRY: Micros = Micros::from_millis(1_000);

/// Packets of a stream that was replaced may straggle in for so long.
const STRAGGLERS_MAX: Micros = Micros::from_millis(2_000);

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
    bytes: u64,
    counted_since: Micros,
    rate_bps: u64,
    last_packet: Option<Micros>,
    key_frames: KeyFrames,
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
            bytes: 0,
            counted_since: now,
            rate_bps: 0,
            last_packet: None,
            key_frames: KeyFrames::default(),
        }
    }

    /// Notes a packet. `None` if it was here before, or is too old to tell.
    pub(crate) fn note(&mut self, now: Micros, sequence: u64, bytes: usize) -> Option<Arrival> {
        let arrival = self.history.note(sequence)?;
        self.bytes += bytes as u64;
        self.last_packet = Some(now);
        Some(arrival)
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
                Stream::Restarted
            }
        }
    }

    /// Whether the layer is being sent now.
    pub(crate) fn is_active(&self, now: Micros) -> bool {
        self.last_packet.is_some_and(|at| now.since(at) <= LAYER_SILENCE_MAX)
    }

    /// Payload bits a second, measured; 0 before the first measurement.
    pub(crate) const fn rate_bps(&self) -> u64 {
        self.rate_bps
    }

    /// Takes stock of the bytes since the last call.
    pub(crate) fn measure(&mut self, now: Micros) {
        let window = now.since(self.counted_since).0;
        if window == 0 {
            return;
        }
        let measured = self.bytes * 8 * 1_000_000 / window;
        // Half a second of memory at four calls a second: a single large key frame does not look
        // like a larger layer.
        self.rate_bps =
            if self.rate_bps == 0 { measured } else { (self.rate_bps * 3 + measured) / 4 };
        self.bytes = 0;
        self.counted_since = now;
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
    pub(crate) voice: Voice,
}

impl Track {
    /// Whether a layer is being sent, or is to be expected.
    pub(crate) fn offers(&self, now: Micros, layer: &Layer) -> bool {
        layer.is_active(now) || now.since(self.since) <= LAYERS_ARRIVE
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
    fn a_rate_is_measured() {
        let mut layer = Layer::new(Micros(0));
        for second in 1..=20u64 {
            for packet in 0..100 {
                layer.note(Micros(second * 1_000_000), second * 100 + packet, 1_250);
            }
            layer.measure(Micros(second * 1_000_000));
        }
        assert_eq!(layer.rate_bps(), 1_000_000);
    }
}
