//! What one receiver received: per fixed slot who was heard or seen from when until when, what was
//! lost, how long it took. Pure: packets go in with their time, figures come out.

use std::time::{Duration, Instant};

use base::PersonId;

use crate::ledger::{Found, Kind, Ledger, TrackIndex};
use crate::vp8;

/// Fixed slots for voices of the floor.
pub const VOICE_SLOTS: usize = base::limits::FLOOR_VOICES_MAX;
/// Fixed slots for small pictures.
pub const THUMBNAIL_SLOTS: usize = base::limits::THUMBNAILS_MAX;

/// Silence that ends a span of a voice. Packets come every 20 ms, silence is sent too.
const VOICE_SPAN_GAP: Duration = Duration::from_millis(100);

/// Silence that ends a span of a picture: several frames at 12 a second.
const PICTURE_SPAN_GAP: Duration = Duration::from_millis(500);

/// Spans kept for each slot. A rehearsal has a few dozen changes of the floor; more spans mean
/// that something stutters, and then the count says enough.
const SPANS_MAX: usize = 10_000;

/// People whose spans in one slot can be open at once. There is one, unless a server mixes.
const SPANS_OPEN_MAX: usize = 8;

/// A fixed slot of a receiver (docs/PROTOCOL.md, "Fixed slots").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// A voice of the floor.
    Voice(u8),
    /// The chosen language channel.
    Language,
    /// The main picture.
    Main,
    /// The shared screen.
    Screen,
    /// A small picture.
    Thumbnail(u8),
}

impl Slot {
    /// Slots of sound in the order of their media sections.
    pub fn sounds() -> impl Iterator<Item = Self> {
        (0..VOICE_SLOTS as u8).map(Self::Voice).chain([Self::Language])
    }

    /// Slots of pictures in the order of their media sections.
    pub fn pictures() -> impl Iterator<Item = Self> {
        [Self::Main, Self::Screen]
            .into_iter()
            .chain((0..THUMBNAIL_SLOTS as u8).map(Self::Thumbnail))
    }

    /// True for slots that carry sound.
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Voice(_) | Self::Language)
    }
}

/// One person in one slot without interruption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Whose track.
    pub track: TrackIndex,
    /// First packet.
    pub from: Instant,
    /// Last packet so far.
    pub until: Instant,
    /// When the first packet was sent, as far as is known.
    pub sent_from: Instant,
    /// When the last packet was sent, as far as is known.
    pub sent_until: Instant,
    /// Packets.
    pub packets: u64,
    /// Longest time between two packets.
    pub gap_max: Duration,
    /// Complete frames that a decoder could show (pictures only).
    pub frames: u64,
    /// Key frames begun (pictures only).
    pub key_frames: u64,
}

/// Counted lengths of time: steps of 0.1 ms up to 100 ms, of 10 ms up to 10 s.
#[derive(Debug, Clone)]
pub struct Histogram {
    fine: Vec<u32>,
    coarse: Vec<u32>,
    count: u64,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { fine: vec![0; 1_000], coarse: vec![0; 1_000], count: 0, max: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one length.
    pub fn add(&mut self, length: Duration) {
        self.count += 1;
        self.max = self.max.max(length);
        let micros = usize::try_from(length.as_micros()).unwrap_or(usize::MAX);
        let bucket = match self.fine.get_mut(micros / 100) {
            Some(bucket) => bucket,
            None => &mut self.coarse[(micros / 10_000).min(999)],
        };
        *bucket = bucket.saturating_add(1);
    }

    /// Adds all lengths of another histogram.
    pub fn merge(&mut self, other: &Self) {
        let buckets = self.fine.iter_mut().zip(&other.fine);
        for (mine, theirs) in buckets.chain(self.coarse.iter_mut().zip(&other.coarse)) {
            *mine = mine.saturating_add(*theirs);
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// How many lengths were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The length that `share` (0 to 1) of all do not exceed, rounded up to the step; `None` when
    /// nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "counts of packets are far below 2^52 and shares are 0 to 1"
        )]
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let fine = self.fine.iter().zip(1u32..).map(|(n, step)| (n, step * 100));
        let coarse = self.coarse.iter().zip(1u32..).map(|(n, step)| (n, step * 10_000));
        let mut seen = 0;
        fine.chain(coarse).find_map(|(n, micros)| {
            seen += u64::from(*n);
            (seen >= rank && self.count > 0)
                .then(|| Duration::from_micros(micros.into()).min(self.max))
        })
    }
}

/// A received packet, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sequence number, extended beyond 16 bits.
    pub sequence: u64,
    /// RTP time in ticks of the slot's clock.
    pub time: u64,
    /// Payload, with the VP8 descriptor for pictures.
    pub payload: &'a [u8],
}

/// What arrived in one slot.
#[derive(Debug, Clone, Default)]
pub struct SlotReception {
    /// Packets of any content.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Packets whose payload nobody of the rehearsal sent.
    pub unknown: u64,
    /// Packets of the wrong kind, such as a camera in the slot for the screen.
    pub misplaced: u64,
    /// Packets that arrived after one with a higher number.
    pub late: u64,
    /// Changes of the synchronisation source; fixed slots have none.
    pub ssrc_changes: u64,
    /// Steps back of the RTP time from one packet in order to the next.
    pub time_steps_back: u64,
    /// Frames that a decoder could show.
    pub frames: u64,
    /// Frames that arrived incomplete or without those they refer to.
    pub frames_undecodable: u64,
    /// Key frames begun.
    pub key_frames: u64,
    /// Spans in order of their beginning.
    pub spans: Vec<Span>,
    /// Spans that were not kept.
    pub spans_dropped: u64,
    stream: Option<Stream>,
    picture: PictureState,
}

#[derive(Debug, Clone)]
struct Stream {
    ssrc: u32,
    first: u64,
    highest: u64,
    time: u64,
    counted: u64,
    lost_before: u64,
}

/// Follows whether a decoder could show what arrives.
#[derive(Debug, Clone, Default)]
struct PictureState {
    /// Track and frame that is arriving, with its parts so far and whether it was counted.
    current: Option<Arriving>,
    /// Track and frame shown last, if the decoder has an intact picture.
    shown: Option<(TrackIndex, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Arriving {
    track: TrackIndex,
    frame: u32,
    time: u64,
    parts: u16,
    key: bool,
}

/// What one packet changed, for the receiver's reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// The picture cannot be decoded until a key frame comes.
    pub needs_key_frame: bool,
    /// How long the packet was on its way.
    pub delay: Option<Duration>,
}

impl SlotReception {
    /// Takes one packet.
    pub fn take(
        &mut self,
        now: Instant,
        slot: Slot,
        ledger: &Ledger,
        packet: Received<'_>,
    ) -> Effect {
        self.packets += 1;
        self.bytes += packet.payload.len() as u64;
        self.follow_stream(&packet);
        let found = if slot.is_sound() {
            ledger.find(packet.payload, now).map(|found| (found, false))
        } else {
            vp8::read(packet.payload).and_then(|payload| {
                ledger.find(payload.data, now).map(|found| (found, payload.starts_key_frame))
            })
        };
        let Some((found, key)) = found else {
            self.unknown += 1;
            return Effect::default();
        };
        let kind = ledger.track(found.track).kind;
        let fits = match slot {
            Slot::Voice(_) | Slot::Language => kind == Kind::Voice,
            Slot::Main | Slot::Thumbnail(_) => kind == Kind::Camera,
            Slot::Screen => kind == Kind::Screen,
        };
        if !fits {
            self.misplaced += 1;
        }
        let shown_before = (self.frames, self.key_frames);
        let needs_key_frame = !slot.is_sound() && self.follow_picture(found, packet.time, key);
        let (frames, key_frames) = (self.frames - shown_before.0, self.key_frames - shown_before.1);
        let sent = found.age.and_then(|age| now.checked_sub(age)).unwrap_or(now);
        if let Some(span) = self.extend_spans(now, sent, slot, found.track) {
            span.frames += frames;
            span.key_frames += key_frames;
        }
        Effect { needs_key_frame, delay: found.age }
    }

    fn follow_stream(&mut self, packet: &Received<'_>) {
        match &mut self.stream {
            Some(stream) if stream.ssrc == packet.ssrc => {
                stream.counted += 1;
                if packet.sequence < stream.highest {
                    self.late += 1;
                    stream.first = stream.first.min(packet.sequence);
                } else {
                    self.time_steps_back += u64::from(packet.time < stream.time);
                    (stream.highest, stream.time) = (packet.sequence, packet.time);
                }
            }
            stream => {
                let lost_before = stream.as_ref().map_or(0, Stream::lost);
                self.ssrc_changes += u64::from(stream.is_some());
                *stream = Some(Stream {
                    ssrc: packet.ssrc,
                    first: packet.sequence,
                    highest: packet.sequence,
                    time: packet.time,
                    counted: 1,
                    lost_before,
                });
            }
        }
    }

    /// Adds the packet to the span of its track and returns that span.
    fn extend_spans(
        &mut self,
        now: Instant,
        sent: Instant,
        slot: Slot,
        track: TrackIndex,
    ) -> Option<&mut Span> {
        let gap_most = if slot.is_sound() { VOICE_SPAN_GAP } else { PICTURE_SPAN_GAP };
        let open = self.spans.len().saturating_sub(SPANS_OPEN_MAX);
        let continued = self.spans[open..].iter().rposition(|span| {
            span.track == track && now.saturating_duration_since(span.until) <= gap_most
        });
        if let Some(at) = continued {
            let span = &mut self.spans[open + at];
            span.gap_max = span.gap_max.max(now.saturating_duration_since(span.until));
            span.until = now;
            span.sent_until = span.sent_until.max(sent);
            span.packets += 1;
            return Some(span);
        }
        if self.spans.len() == SPANS_MAX {
            self.spans_dropped += 1;
            return None;
        }
        self.spans.push(Span {
            track,
            from: now,
            until: now,
            sent_from: sent,
            sent_until: sent,
            packets: 1,
            gap_max: Duration::ZERO,
            frames: 0,
            key_frames: 0,
        });
        self.spans.last_mut()
    }

    /// Follows frames the way a decoder does; true when it needs a key frame.
    fn follow_picture(&mut self, found: Found, time: u64, starts_key_frame: bool) -> bool {
        let same = |current: &Arriving| {
            (current.track, current.frame, current.time) == (found.track, found.frame, time)
        };
        let current = match self.picture.current.filter(same) {
            Some(mut current) => {
                current.parts += 1;
                current.key |= starts_key_frame;
                current
            }
            None => {
                if self.picture.current.take().is_some() {
                    // The frame before never became complete.
                    self.frames_undecodable += 1;
                    self.picture.shown = None;
                }
                Arriving {
                    track: found.track,
                    frame: found.frame,
                    time,
                    parts: 1,
                    key: starts_key_frame,
                }
            }
        };
        if starts_key_frame {
            self.key_frames += 1;
        }
        if current.parts < found.parts {
            self.picture.current = Some(current);
            return false;
        }
        self.picture.current = None;
        let follows = self
            .picture
            .shown
            .is_some_and(|(track, frame)| track == current.track && frame + 1 == current.frame);
        if current.key || follows {
            self.frames += 1;
            self.picture.shown = Some((current.track, current.frame));
            return false;
        }
        self.frames_undecodable += 1;
        self.picture.shown = None;
        true
    }

    /// Packets that never arrived, as far as the numbers of those that did tell.
    pub fn lost(&self) -> u64 {
        self.stream.as_ref().map_or(0, Stream::lost)
    }
}

impl Stream {
    fn lost(&self) -> u64 {
        self.lost_before + (self.highest - self.first + 1).saturating_sub(self.counted)
    }
}

/// What one receiver received.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    /// In the order of [`Slot::sounds`], then [`Slot::pictures`]; an audio-only receiver has no
    /// pictures.
    pub slots: Vec<(Slot, SlotReception)>,
    /// Delay of every recognised packet of sound.
    pub voice_delay: Histogram,
    /// Delay of every recognised packet of pictures.
    pub picture_delay: Histogram,
    /// Key frames that the receiver asked for.
    pub key_frames_asked: u64,
}

impl Reception {
    /// The reception of one slot.
    pub fn slot(&self, slot: Slot) -> Option<&SlotReception> {
        self.slots.iter().find(|(other, _)| *other == slot).map(|(_, reception)| reception)
    }

    /// All spans of a kind of track with their slots.
    pub fn spans(&self) -> impl Iterator<Item = (Slot, &Span)> {
        self.slots
            .iter()
            .flat_map(|(slot, reception)| reception.spans.iter().map(move |span| (*slot, span)))
    }

    /// Whom the receiver hears at this moment, or heard within the last `within`.
    pub fn hears(&self, ledger: &Ledger, now: Instant, within: Duration) -> Vec<PersonId> {
        let mut people: Vec<_> = self
            .slots
            .iter()
            .filter(|(slot, _)| slot.is_sound())
            .filter_map(|(_, reception)| reception.spans.last())
            .filter(|span| now.saturating_duration_since(span.until) <= within)
            .map(|span| ledger.track(span.track).person.clone())
            .collect();
        people.sort();
        people.dedup();
        people
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle;
    use crate::clip::{Picture, Sound};

    const MS: Duration = Duration::from_millis(1);

    fn person(name: &str) -> PersonId {
        PersonId::new(name).expect("an id")
    }

    fn picture_packets(picture: &Picture, frames: std::ops::Range<usize>) -> Vec<(u64, Vec<u8>)> {
        let mut packets = Vec::new();
        for at in frames {
            for (part, data) in picture.frames[at].parts.iter().enumerate() {
                let mut payload = vp8::write(part == 0, 7).to_vec();
                payload.extend_from_slice(data);
                packets.push((at as u64 * 7_500, payload));
            }
        }
        packets
    }

    fn take_all(
        slot: &mut SlotReception,
        ledger: &Ledger,
        now: Instant,
        packets: &[(u64, Vec<u8>)],
    ) -> bool {
        let first = slot.stream.as_ref().map_or(0, |stream| stream.highest + 1);
        let mut asked = false;
        for ((time, payload), sequence) in packets.iter().zip(first..) {
            let packet = Received { ssrc: 1, sequence, time: *time, payload };
            asked |= slot.take(now, Slot::Main, ledger, packet).needs_key_frame;
        }
        asked
    }

    #[test]
    fn a_decoder_needs_a_key_frame_and_every_frame_after_it() {
        let start = Instant::now();
        let mut ledger = Ledger::new(start);
        let picture = bundle::picture(0).expect("a clip").expect("in the bundle");
        ledger.enter_picture(&person("a"), Kind::Camera, &picture).expect("distinct");
        let mut slot = SlotReception::default();
        assert!(take_all(&mut slot, &ledger, start, &picture_packets(&picture, 3..6)));
        assert_eq!((slot.frames, slot.frames_undecodable), (0, 3));
        assert!(!take_all(&mut slot, &ledger, start, &picture_packets(&picture, 12..20)));
        assert_eq!((slot.frames, slot.key_frames), (8, 1));
        assert!(take_all(&mut slot, &ledger, start, &picture_packets(&picture, 21..22)));
        assert!(!take_all(&mut slot, &ledger, start, &picture_packets(&picture, 24..26)));
        assert_eq!((slot.frames, slot.frames_undecodable, slot.lost()), (10, 4, 0));
        // The first part of a key frame alone shows nothing.
        let key = picture_packets(&picture, 36..37);
        assert!(key.len() > 1);
        take_all(&mut slot, &ledger, start, &key[..1]);
        assert!(take_all(&mut slot, &ledger, start, &picture_packets(&picture, 37..38)));
    }

    #[test]
    fn spans_tell_who_was_heard_and_gaps_end_them() {
        let start = Instant::now();
        let mut ledger = Ledger::new(start);
        let silence = vec![0i16; 960 * 10];
        let sounds = [1, 2].map(|seed| Sound::encode(&silence, seed).expect("encodes"));
        for (name, sound) in ["a", "b"].into_iter().zip(&sounds) {
            ledger.enter_sound(&person(name), sound).expect("distinct");
        }
        let mut slot = SlotReception::default();
        let mut sequence = 0;
        let mut hear = |slot: &mut SlotReception, who: usize, at: u32, skip: u64| {
            let payload = &sounds[who].packets[at as usize % 10].payload;
            sequence += 1 + skip;
            let packet = Received { ssrc: 1, sequence, time: sequence * 960, payload };
            slot.take(start + MS * at * 20, Slot::Voice(0), &ledger, packet);
        };
        (0..5).for_each(|at| hear(&mut slot, 0, at, 0));
        (5..8).for_each(|at| hear(&mut slot, 1, at, 0));
        (20..22).for_each(|at| hear(&mut slot, 1, at, 2));
        let spans: Vec<_> = slot
            .spans
            .iter()
            .map(|span| {
                let ms = |at: Instant| (at - start).as_millis();
                (
                    ledger.track(span.track).person.as_str(),
                    ms(span.from),
                    ms(span.until),
                    span.packets,
                )
            })
            .collect();
        assert_eq!(spans, [("a", 0, 80, 5), ("b", 100, 140, 3), ("b", 400, 420, 2)]);
        assert_eq!((slot.lost(), slot.unknown), (4, 0));
        let packet = Received { ssrc: 1, sequence: 99, time: 0, payload: b"somebody else" };
        slot.take(start, Slot::Voice(0), &ledger, packet);
        assert_eq!((slot.unknown, slot.time_steps_back), (1, 1));
    }

    #[test]
    fn quantiles() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        (1..=100).for_each(|n| histogram.add(MS * n));
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_micros(50_100)));
        assert_eq!(histogram.quantile(1.0), Some(MS * 100));
        histogram.add(Duration::from_secs(60));
        assert_eq!(histogram.max(), Duration::from_secs(60));
    }
}
