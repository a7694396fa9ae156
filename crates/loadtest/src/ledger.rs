//! Who a received packet comes from.
//!
//! A forwarding server passes payloads on unchanged, so the bytes of a payload name its source
//! exactly: every payload of every clip is entered here by its hash before the rehearsal begins.
//! Publishers note when they sent a payload last; the age of a payload at a receiver in the same
//! process is then the delay of its whole way.

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base::PersonId;

use crate::clip::{Picture, Sound};

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A microphone.
    Voice,
    /// A camera.
    Camera,
    /// A shared screen.
    Screen,
}

/// The track of one person, an index into [`Ledger::track`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackIndex(u16);

/// A track that was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Whose track it is.
    pub person: PersonId,
    /// What it carries.
    pub kind: Kind,
}

/// A payload that was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Whose it is.
    pub track: TrackIndex,
    /// The frame within the clip (the packet, for sound).
    pub frame: u32,
    /// The part of the frame, from 0.
    pub part: u16,
    /// The parts that the frame has.
    pub parts: u16,
    /// How long ago it was sent; `None` when it was not sent by this process.
    pub age: Option<Duration>,
}

struct Unit {
    track: TrackIndex,
    frame: u32,
    part: u16,
    parts: u16,
    /// Nanoseconds after `Ledger::start`, plus one; 0 means never.
    sent: AtomicU64,
}

/// All payloads of a rehearsal. Entered first, then shared and only looked up.
pub struct Ledger {
    start: Instant,
    tracks: Vec<Track>,
    units: HashMap<u64, Unit>,
}

/// Two people would send the same payload, so they could not be told apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the clips of {0} and {1} share a payload, so one could not be told from the other")]
pub struct SharedPayload(pub PersonId, pub PersonId);

impl Ledger {
    /// An empty ledger; `now` is any moment before the first packet is sent.
    pub fn new(now: Instant) -> Self {
        Self { start: now, tracks: Vec::new(), units: HashMap::new() }
    }

    /// Enters the microphone of `person`.
    ///
    /// # Errors
    /// [`SharedPayload`] when another person already has one of the payloads.
    pub fn enter_sound(
        &mut self,
        person: &PersonId,
        sound: &Sound,
    ) -> Result<TrackIndex, SharedPayload> {
        let track = self.add(person, Kind::Voice);
        for (frame, packet) in (0..).zip(&sound.packets) {
            self.enter(track, frame, 0, 1, &packet.payload)?;
        }
        Ok(track)
    }

    /// Enters the camera or the screen of `person`.
    ///
    /// # Errors
    /// [`SharedPayload`] when another person already has one of the payloads.
    pub fn enter_picture(
        &mut self,
        person: &PersonId,
        kind: Kind,
        picture: &Picture,
    ) -> Result<TrackIndex, SharedPayload> {
        let track = self.add(person, kind);
        for (number, frame) in (0..).zip(&picture.frames) {
            let parts = u16::try_from(frame.parts.len()).unwrap_or(u16::MAX);
            for (part, data) in (0..).zip(&frame.parts) {
                self.enter(track, number, part, parts, data)?;
            }
        }
        Ok(track)
    }

    fn add(&mut self, person: &PersonId, kind: Kind) -> TrackIndex {
        self.tracks.push(Track { person: person.clone(), kind });
        TrackIndex(u16::try_from(self.tracks.len() - 1).unwrap_or(u16::MAX))
    }

    fn enter(
        &mut self,
        track: TrackIndex,
        frame: u32,
        part: u16,
        parts: u16,
        payload: &[u8],
    ) -> Result<(), SharedPayload> {
        let unit = Unit { track, frame, part, parts, sent: AtomicU64::new(0) };
        match self.units.entry(hash(payload)) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(unit);
            }
            // The same payload again within one clip still names the right person.
            std::collections::hash_map::Entry::Occupied(other) => {
                let other = other.get().track;
                if other != track {
                    let person = |track| self.track(track).person.clone();
                    return Err(SharedPayload(person(other), person(track)));
                }
            }
        }
        Ok(())
    }

    /// The person and kind of a track.
    ///
    /// # Panics
    /// When the index is of another ledger.
    pub fn track(&self, index: TrackIndex) -> &Track {
        &self.tracks[usize::from(index.0)]
    }

    /// Notes that a payload is sent now. A payload that was not entered is left alone.
    pub fn sent(&self, payload: &[u8], now: Instant) {
        if let Some(unit) = self.units.get(&hash(payload)) {
            unit.sent.store(self.nanos(now) + 1, Ordering::Relaxed);
        }
    }

    /// Looks a payload up: sound as it arrived, pictures without their descriptor.
    pub fn find(&self, payload: &[u8], now: Instant) -> Option<Found> {
        let unit = self.units.get(&hash(payload))?;
        let age = unit
            .sent
            .load(Ordering::Relaxed)
            .checked_sub(1)
            .map(|sent| Duration::from_nanos(self.nanos(now).saturating_sub(sent)));
        let &Unit { track, frame, part, parts, .. } = unit;
        Some(Found { track, frame, part, parts, age })
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX - 1)
    }
}

/// SipHash with fixed keys: the ledger lives for one rehearsal and holds our own clips.
fn hash(payload: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(payload);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle;

    fn person(name: &str) -> PersonId {
        PersonId::new(name).expect("an id")
    }

    #[test]
    fn every_bundled_clip_can_be_told_from_every_other() {
        let mut ledger = Ledger::new(Instant::now());
        for number in 0..bundle::PICTURES {
            let picture = bundle::picture(number).expect("a clip").expect("in the bundle");
            let person = person(&format!("person-{number}"));
            ledger.enter_picture(&person, Kind::Camera, &picture).expect("distinct pictures");
        }
        let screen = bundle::screen().expect("a clip");
        ledger.enter_picture(&person("screen"), Kind::Screen, &screen).expect("distinct screen");
        let english = base::Language::new("en").expect("a tag");
        for voice in bundle::voices(&english) {
            let sound = voice.sound().expect("a clip");
            ledger.enter_sound(&person(&voice.name()), &sound).expect("distinct voices");
        }
        assert_eq!(ledger.tracks.len(), 12 + 1 + 12);
    }

    #[test]
    fn a_payload_names_its_person_and_its_age() {
        let start = Instant::now();
        let mut ledger = Ledger::new(start);
        let silence = vec![0i16; 9_600];
        let (a, b) = (Sound::encode(&silence, 1), Sound::encode(&silence, 2));
        let (a, b) = (a.expect("encodes"), b.expect("encodes"));
        ledger.enter_sound(&person("a"), &a).expect("distinct");
        let of_b = ledger.enter_sound(&person("b"), &b).expect("distinct");
        let payload = &b.packets[7].payload;
        let ms = Duration::from_millis;
        assert_eq!(ledger.find(payload, start).expect("known").age, None);
        ledger.sent(payload, start + ms(100));
        let found = ledger.find(payload, start + ms(130)).expect("known");
        assert_eq!((found.track, found.frame, found.age), (of_b, 7, Some(ms(30))));
        assert_eq!(ledger.track(found.track).person, person("b"));
        assert_eq!(ledger.find(b"noise", start), None);
    }

    #[test]
    fn people_with_the_same_clip_are_refused() {
        let mut ledger = Ledger::new(Instant::now());
        let sound = Sound::encode(&[0; 960], 1).expect("encodes");
        ledger.enter_sound(&person("a"), &sound).expect("the first");
        let error = ledger.enter_sound(&person("b"), &sound).expect_err("shared");
        assert_eq!(error, SharedPayload(person("a"), person("b")));
    }
}
