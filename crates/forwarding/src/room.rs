//! One room: its tracks, its receivers, and who gets what.

mod replay;
mod requests;
mod seating;

use self::replay::{REPLAYS_AT_ONCE_MAX, Replaying};
use self::requests::Asking;
use crate::allocation::{Allocation, Change, Keeping, Ladder};
use crate::codec::{Codec, Level, describe};
use crate::dependency::FrameMark;
use crate::plan::{Class, Hearing, SLOTS, Seating, Seats, SlotKind, VOICES};
use crate::rewrite::{Place, Rewriter};
use crate::speaking::Voice;
use crate::track::{Arrival, Layer, Passed, Stream, Track, TrackKind};
use crate::units::{Format, Formats, Micros, Owner, ReceiverId, TrackId};

/// Tracks of a room: four of each person that a stage holds, twice, for the moments when a
/// publisher has come back and the old session has not timed out yet.
const TRACKS_MAX: usize = 2 * 4 * base::limits::STAGE_MAX;

/// Receivers of a room on one worker: ten times what one core is measured to serve.
const RECEIVERS_MAX: usize = 10_000;

/// How often rates, speakers and layer choices are looked at. Also bounds the speaker reports to
/// four a second.
const TICK: Micros = Micros::from_millis(250);

/// Layers are chosen anew on every second tick, and at once when a receiver's bandwidth changes.
const TICKS_PER_ALLOCATION: u32 = 2;

/// A change of the bandwidth estimate below this share of it, in percent, changes no layer.
const ESTIMATE_CHANGE_MIN_PERCENT: u64 = 5;

/// A shortage of bandwidth must last so long before a picture is given up altogether. Estimates
/// dip for a second or two when a line, or a machine, is busy for a moment.
const SHORTAGE_MIN: Micros = Micros::from_millis(2_500);

/// How long a picture that had to shrink does not grow. Each time that it had to shrink soon after
/// it had grown, this is doubled: such a line promises more than it keeps.
const HOLD_MIN: Micros = Micros::from_millis(3_000);
const HOLD_MAX: Micros = Micros::from_millis(24_000);
const SOON_AFTER_GROWTH: Micros = Micros::from_millis(10_000);

/// A larger size of the stream that runs is asked for again after so long.
const LARGER_SIZE_RETRY: Micros = Micros::from_millis(1_000);

/// The room holds as many tracks or receivers as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// One packet of a publisher, decrypted.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Which stream of the layer it belongs to; a change means that the publisher began anew.
    pub ssrc: u32,
    /// Sequence number, extended over its 16 bits.
    pub sequence: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// Sound level in dB below the loudest, 0 to 127 (RFC 6464), where the publisher sends it.
    pub level_db: Option<u8>,
    /// What the dependency descriptor said, where the publisher sends it.
    pub mark: Option<FrameMark>,
    /// RTP payload.
    pub payload: &'a [u8],
    /// By which the driver finds the packet again, see [`Output::Replay`].
    pub token: u32,
}

/// Write a packet for this receiver: the one last handed in, or an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// To whom.
    pub receiver: ReceiverId,
    /// In which slot.
    pub slot: SlotKind,
    /// Extended sequence number in the slot.
    pub sequence: u64,
    /// RTP timestamp in the slot.
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// New picture number to write into the payload's descriptor, if it must change.
    pub picture_id: Option<u16>,
    /// New TL0PICIDX to write into the payload's descriptor, if it must change.
    pub base_layer: Option<u8>,
}

/// What the room wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send the current packet to somebody.
    Forward(Forward),
    /// Send an earlier packet to somebody who has come since.
    Replay {
        /// To whom, and where.
        forward: Forward,
        /// The [`Packet::token`] under which it was handed in.
        token: u32,
    },
    /// Ask the publisher of this layer for a key frame.
    RequestKeyFrame {
        /// Whose.
        track: TrackId,
        /// Which layer.
        layer: u8,
    },
    /// A picture is over in this slot: what was sent in it must not be sent again, neither as a
    /// repair nor as filling.
    Stopped {
        /// Whose slot.
        receiver: ReceiverId,
        /// Which.
        slot: SlotKind,
    },
    /// The slots of a class carry other persons than before.
    Slots {
        /// Whose slots.
        class: Class,
        /// Who is in them now.
        seats: Seats,
    },
    /// Others than before keep seats in a class: to be told to the rooms that follow this one.
    Seating {
        /// Whose slots.
        class: Class,
        /// Who sits in them.
        seating: Seating,
    },
    /// Other persons are speaking than before, the loudest first.
    Speaking(Vec<Owner>),
    /// Nothing more to do until then, or until the next change if `None`.
    Timeout(Option<Micros>),
}

/// What a receiver could use more bandwidth for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Bits a second in all with which its next picture would appear or grow; 0 when none would.
    pub next_bps: u64,
    /// Bits a second in all with which it would get everything at its largest; 0 when there is no
    /// picture to send.
    pub wish_bps: u64,
}

/// What a receiver has negotiated.
#[derive(Debug, Clone, Copy)]
pub struct ReceiverSpec {
    /// Who it is; nobody receives their own tracks.
    pub owner: Owner,
    /// Which hearing applies.
    pub class: Class,
    /// The slots it has, by [`SlotKind::index`].
    pub slots: [bool; SLOTS],
    /// What it can decode.
    pub formats: Formats,
    /// The sequence number with which each slot begins. Must leave room below 2¹⁶, so that the
    /// rollover counter begins at zero (RFC 3711 section 3.3.1).
    pub first_sequence: u16,
    /// The timestamp with which each slot begins.
    pub first_timestamp: u32,
}

/// One layer of one track, as places in the room's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    track: u16,
    layer: u8,
}

/// A link, and where in the layer's list of slots it stands.
#[derive(Debug, Clone, Copy)]
struct Held {
    link: Link,
    position: u32,
}

/// One slot of one receiver. They lie in one table, [`SLOTS`] to a receiver.
#[derive(Debug, Clone)]
struct Slot {
    present: bool,
    /// The next packet is the first of a new source.
    entering: bool,
    /// The seated track is in a format that the receiver cannot decode.
    mismatched: bool,
    running: Option<Held>,
    waiting: Option<Held>,
    /// Up to which of the layers within its stream the running picture shall be sent, and the one
    /// that waits.
    aim: Level,
    waiting_aim: Level,
    /// When a key frame was asked for so that the running picture can become larger.
    larger_asked: Option<Micros>,
    steadiness: Steadiness,
    asking: Asking,
    rewriter: Rewriter,
}

/// What keeps a picture from growing and shrinking all the time.
#[derive(Debug, Clone, Copy, Default)]
struct Steadiness {
    /// The track that it is about.
    track: Option<u16>,
    grown_at: Option<Micros>,
    held_until: Micros,
    hold: Micros,
}

impl Steadiness {
    /// Whether the picture of this track is not to grow now.
    fn holds(&self, now: Micros, track: u16) -> bool {
        self.track == Some(track) && now < self.held_until
    }

    fn note(&mut self, now: Micros, track: u16, change: Change) {
        if self.track != Some(track) {
            *self = Self { track: Some(track), ..Self::default() };
        }
        match change {
            Change::Grows => self.grown_at = Some(now),
            Change::Shrinks => {
                let grown = self.grown_at.take();
                let soon = grown.is_some_and(|at| now.since(at) <= SOON_AFTER_GROWTH);
                let twice = Micros(self.hold.0.saturating_mul(2));
                self.hold = if soon { twice.clamp(HOLD_MIN, HOLD_MAX) } else { HOLD_MIN };
                self.held_until = now.plus(self.hold);
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Receiver {
    owner: Owner,
    class: Class,
    formats: Formats,
    estimate_bps: Option<u64>,
    /// Since when its bandwidth is too small for what it is getting.
    short_since: Option<Micros>,
}

/// What a class may get and what its slots carry.
#[derive(Debug, Clone, Default)]
struct ClassState {
    hearing: Hearing,
    seating: Seating,
    seating_told: Seating,
    seats: [Option<u16>; SLOTS],
    shown: Seats,
    reported: Seats,
}

/// The packet that is being handed out.
#[derive(Debug, Clone, Copy)]
struct FanOut {
    link: Link,
    clock_hz: u32,
    audio: bool,
    next: usize,
    packet: Passed,
}

/// The forwarding core of one event.
#[derive(Debug, Default)]
pub struct Room {
    tracks: Vec<Option<Track>>,
    track_generation: u32,
    track_generations: Vec<u32>,
    receivers: Vec<Option<Receiver>>,
    receiver_generation: u32,
    receiver_generations: Vec<u32>,
    vacant_receivers: Vec<u32>,
    slots: Vec<Slot>,
    classes: [ClassState; 2],
    /// Another room seats the voices, see [`Room::follow`].
    follows: bool,
    fan_out: Option<FanOut>,
    /// What is being sent again, and how many slots more may begin with that in this call.
    replays: Vec<Replaying>,
    replays_left: usize,
    /// Slots in which a picture is over and nothing was said about it yet.
    stopped: Vec<u32>,
    now: Micros,
    next_tick: Option<Micros>,
    ticks: u32,
    requests_changed: bool,
    next_request: Option<Micros>,
    speaking: Vec<Owner>,
    speaking_changed: bool,
    mismatches: u64,
}

impl Room {
    /// An empty room whose plan lets nobody be heard or seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// A publisher began to send a track in so many layers (1 without simulcast), numbered, as far
    /// as is known, from the smallest.
    ///
    /// # Errors
    /// [`Full`] when the room holds as many tracks as it can.
    pub fn add_track(
        &mut self,
        now: Micros,
        owner: Owner,
        kind: TrackKind,
        codec: Codec,
        format: Format,
        layers: u8,
    ) -> Result<TrackId, Full> {
        self.begin(now);
        let vacant = self.tracks.iter().position(Option::is_none);
        let place = vacant.unwrap_or(self.tracks.len());
        let index = u16::try_from(place).ok().filter(|_| place < TRACKS_MAX).ok_or(Full)?;
        if vacant.is_none() {
            self.tracks.push(None);
            self.track_generations.push(0);
        }
        self.track_generation += 1;
        self.track_generations[place] = self.track_generation;
        let mut track = Track {
            owner,
            kind,
            codec,
            format,
            number: u64::from(self.track_generation),
            since: now,
            layers: Vec::new(),
            ladder: Ladder::default(),
            voice: Voice::default(),
        };
        for layer in 0..layers.max(1) {
            track.layer_or_new(now, layer);
        }
        track.look(now);
        self.tracks[place] = Some(track);
        self.next_tick = self.next_tick.or(Some(now.plus(TICK)));
        self.reseat_all();
        Ok(TrackId { index, generation: self.track_generation })
    }

    /// The track is no longer sent. Whoever received it gets nothing in that slot from now on.
    pub fn remove_track(&mut self, now: Micros, id: TrackId) {
        self.begin(now);
        if !self.is_track(id) {
            return;
        }
        for slot in 0..self.slots.len() {
            let of_track =
                |held: Option<Held>| held.is_some_and(|held| held.link.track == id.index);
            if of_track(self.slots[slot].running) {
                self.stop_for_good(slot);
            }
            if of_track(self.slots[slot].waiting) {
                self.stop_waiting(slot);
            }
        }
        self.tracks[id.index()] = None;
        self.track_generations[id.index()] = 0;
        if self.tracks.iter().all(Option::is_none) {
            self.next_tick = None;
        }
        self.reseat_all();
    }

    /// Somebody receives from now on.
    ///
    /// # Errors
    /// [`Full`] when the room holds as many receivers as it can.
    pub fn add_receiver(&mut self, now: Micros, spec: &ReceiverSpec) -> Result<ReceiverId, Full> {
        self.begin(now);
        let index = match self.vacant_receivers.pop() {
            Some(index) => index,
            None => {
                let place = self.receivers.len();
                let index =
                    u32::try_from(place).ok().filter(|_| place < RECEIVERS_MAX).ok_or(Full)?;
                self.receivers.push(None);
                self.receiver_generations.push(0);
                self.slots.extend((0..SLOTS).map(|_| Slot::vacant()));
                index
            }
        };
        self.receiver_generation += 1;
        let id = ReceiverId { index, generation: self.receiver_generation };
        self.receiver_generations[id.index()] = id.generation;
        self.receivers[id.index()] = Some(Receiver {
            owner: spec.owner,
            class: spec.class,
            formats: spec.formats,
            estimate_bps: None,
            short_since: None,
        });
        for (slot, present) in spec.slots.into_iter().enumerate() {
            self.slots[id.index() * SLOTS + slot] = Slot {
                present,
                rewriter: Rewriter::new(spec.first_sequence, spec.first_timestamp),
                ..Slot::vacant()
            };
        }
        self.assign(id.index());
        self.update_shown(spec.class);
        Ok(id)
    }

    /// The receiver is gone.
    pub fn remove_receiver(&mut self, now: Micros, id: ReceiverId) {
        self.begin(now);
        let Some(class) = self.receiver(id).map(|receiver| receiver.class) else { return };
        for slot in id.index() * SLOTS..(id.index() + 1) * SLOTS {
            self.stop_running(slot);
            self.stop_waiting(slot);
            self.slots[slot] = Slot::vacant();
        }
        self.receivers[id.index()] = None;
        self.receiver_generations[id.index()] = 0;
        self.vacant_receivers.push(id.index);
        self.update_shown(class);
    }

    /// The receiver is moved to another class. What that class may not get stops at once.
    pub fn set_class(&mut self, now: Micros, id: ReceiverId, class: Class) {
        self.begin(now);
        if self.receiver(id).is_none() {
            return;
        }
        if let Some(receiver) = &mut self.receivers[id.index()] {
            receiver.class = class;
        }
        self.assign(id.index());
        for class in Class::ALL {
            self.update_shown(class);
        }
    }

    /// What each class may hear and see from now on. What is not named stops at once.
    pub fn set_plan(&mut self, now: Micros, audience: Hearing, stage: Hearing) {
        self.begin(now);
        for (class, hearing) in [(Class::Audience, audience), (Class::Stage, stage)] {
            let hearing = hearing.bounded();
            let state = &mut self.classes[class.index()];
            if state.hearing != hearing {
                state.hearing = hearing;
                self.reseat(class);
            }
        }
    }

    /// From now on another room that serves the same event says who keeps which seat of a class.
    /// Whom the plan does not name is not seated all the same.
    pub fn follow(&mut self, now: Micros, class: Class, seating: Seating) {
        self.begin(now);
        self.follows = true;
        let state = &mut self.classes[class.index()];
        if state.seating != seating {
            state.seating = seating;
            self.reseat(class);
        }
    }

    /// The receiver's network carries so much, in bits a second.
    pub fn set_estimate(&mut self, now: Micros, id: ReceiverId, estimate_bps: u64) {
        self.begin(now);
        if self.receiver(id).is_none() {
            return;
        }
        if let Some(receiver) = &mut self.receivers[id.index()] {
            let known = receiver.estimate_bps;
            let small = known.is_some_and(|known| {
                known.abs_diff(estimate_bps) * 100 < known * ESTIMATE_CHANGE_MIN_PERCENT
            });
            if small {
                return;
            }
            receiver.estimate_bps = Some(estimate_bps);
        }
        self.assign(id.index());
        self.show_replayed();
    }

    /// A packet arrived from the publisher of `id`. Drain [`Room::poll_output`] before anything
    /// else: its `Forward`s speak of this packet. Returns whether [`Output::Replay`] may ask for the
    /// packet later, in the next half of a second.
    pub fn handle_packet(
        &mut self,
        now: Micros,
        id: TrackId,
        layer: u8,
        packet: &Packet<'_>,
    ) -> bool {
        self.begin(now);
        // What is sent again must not mix with what is being sent.
        self.replays_left = 0;
        if !self.is_track(id) {
            return false;
        }
        let link = Link { track: id.index, layer };
        let Some(track) = self.tracks[id.index()].as_mut() else { return false };
        let (codec, audio) = (track.codec, track.kind.is_audio());
        let Some(state) = track.layer_or_new(now, layer) else { return false };
        let stream = state.stream(now, packet.ssrc);
        if stream == Stream::Former {
            return false;
        }
        let appears = !state.is_active(now);
        let Some(arrival) = state.note(now, packet.sequence) else { return false };
        let description = describe(codec, packet.payload).marked(codec, packet.mark.as_ref());
        state.count(description.level, packet.payload.len());
        state.learn_sizes(&description.sizes);
        if audio && arrival == Arrival::Newest {
            track.voice.hear(now, packet.level_db);
        }
        if appears && !audio {
            // The layer is there, or there again: those who watch may want it.
            track.look(now);
            self.assign_watchers_of(id.index);
        }
        if stream == Stream::Restarted {
            self.restart(link, audio);
        }
        // A key frame whose first packet comes late, after others of the same frame, is of no use
        // to those who wait: they would never get the packets that went by.
        let key_frame_begins = description.key_frame_start && arrival == Arrival::Newest;
        if key_frame_begins {
            self.promote(link);
        }
        let place = Place {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            pictures: description.pictures,
            level: description.level,
            rise: description.rise,
            picture_start: description.picture_start,
            key_frame_start: description.key_frame_start,
            dense: codec.numbers_are_dense(),
        };
        let passed = Passed {
            at: now,
            token: packet.token,
            place,
            marker: packet.marker,
            layer_end: description.layer_end,
        };
        self.fan_out =
            Some(FanOut { link, clock_hz: codec.clock_hz(), audio, next: 0, packet: passed });
        let layer = layer_mut(&mut self.tracks, link).filter(|_| !audio);
        layer.is_some_and(|layer| layer.keep(&passed, key_frame_begins, packet.payload.len()))
    }

    /// Time has come to the moment that [`Output::Timeout`] named.
    pub fn handle_timeout(&mut self, now: Micros) {
        self.begin(now);
        self.requests_changed |= self.next_request.is_some_and(|at| at <= now);
        if self.next_tick.is_some_and(|at| at <= now) {
            self.next_tick = Some(now.plus(TICK));
            self.tick();
        }
    }

    /// The next thing to do. Call until it says [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        if let Some(forward) = self.next_forward() {
            return Output::Forward(forward);
        }
        // Before anything is sent again: it may be in the place of what has stopped.
        while let Some(slot) = self.stopped.pop() {
            let receiver = slot as usize / SLOTS;
            if self.receivers[receiver].is_some() {
                return Output::Stopped {
                    receiver: self.receiver_id(receiver),
                    slot: SlotKind::ALL[slot as usize % SLOTS],
                };
            }
        }
        if let Some((forward, token)) = self.next_replay() {
            return Output::Replay { forward, token };
        }
        if self.requests_changed {
            if let Some(request) = self.next_due_request() {
                return request;
            }
            self.requests_changed = false;
        }
        for class in Class::ALL {
            let state = &mut self.classes[class.index()];
            if state.reported != state.shown {
                state.reported = state.shown;
                return Output::Slots { class, seats: state.shown };
            }
            if !self.follows && state.seating_told != state.seating {
                state.seating_told = state.seating;
                return Output::Seating { class, seating: state.seating };
            }
        }
        if std::mem::take(&mut self.speaking_changed) {
            return Output::Speaking(self.speaking.clone());
        }
        let soonest = match (self.next_tick, self.next_request) {
            (Some(tick), Some(request)) => Some(tick.min(request)),
            (tick, request) => tick.or(request),
        };
        Output::Timeout(soonest)
    }

    /// What it is worth looking for more bandwidth for.
    pub fn demand(&self, id: ReceiverId) -> Demand {
        let Some(estimate) = self.receiver(id).map(|receiver| receiver.estimate_bps) else {
            return Demand::default();
        };
        let Allocation { next_bps, wish_bps, .. } =
            self.allocation(id.index(), estimate, Keeping::Strictly);
        Demand { next_bps, wish_bps }
    }

    /// The layer that a receiver gets in a slot, by its number in the track; `None` when the slot is
    /// empty or waits for a key frame.
    pub fn layer(&self, id: ReceiverId, slot: SlotKind) -> Option<u8> {
        self.receiver(id)?;
        let slot = self.slots.get(id.index() * SLOTS + slot.index())?;
        slot.running.map(|held| held.link.layer)
    }

    /// How often a slot stayed empty because its receiver cannot decode what the publisher sends.
    pub const fn mismatches(&self) -> u64 {
        self.mismatches
    }

    /// Whether anybody receives.
    pub fn has_receivers(&self) -> bool {
        self.vacant_receivers.len() < self.receivers.len()
    }

    /// Whether nobody sends and nobody receives.
    pub fn is_empty(&self) -> bool {
        self.tracks.iter().all(Option::is_none) && self.receivers.iter().all(Option::is_none)
    }

    fn begin(&mut self, now: Micros) {
        debug_assert!(self.fan_out.is_none(), "poll_output must be drained before another change");
        debug_assert!(self.replays.is_empty(), "poll_output must be drained before another change");
        self.fan_out = None;
        self.replays.clear();
        self.replays_left = REPLAYS_AT_ONCE_MAX;
        self.now = self.now.max(now);
    }

    fn is_track(&self, id: TrackId) -> bool {
        self.track_generations.get(id.index()) == Some(&id.generation)
    }

    fn receiver(&self, id: ReceiverId) -> Option<&Receiver> {
        if self.receiver_generations.get(id.index()) != Some(&id.generation) {
            return None;
        }
        self.receivers.get(id.index())?.as_ref()
    }

    fn receiver_id(&self, receiver: usize) -> ReceiverId {
        ReceiverId { index: place(receiver), generation: self.receiver_generations[receiver] }
    }

    fn next_forward(&mut self) -> Option<Forward> {
        let mut fan_out = self.fan_out?;
        let running = &self.tracks[usize::from(fan_out.link.track)].as_ref()?.layers
            [usize::from(fan_out.link.layer)]
        .running;
        while let Some(&at) = running.get(fan_out.next) {
            fan_out.next += 1;
            let at = at as usize;
            let FanOut { clock_hz, audio, packet, .. } = fan_out;
            let to = (self.receiver_id(at / SLOTS), SlotKind::ALL[at % SLOTS]);
            let placed = self.slots[at].place(self.now, to, &packet, clock_hz, audio);
            let Some(forward) = placed else { continue };
            self.fan_out = Some(fan_out);
            return Some(forward);
        }
        self.fan_out = None;
        None
    }

    fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        let now = self.now;
        for track in self.tracks.iter_mut().flatten() {
            for layer in &mut track.layers {
                layer.measure(now);
            }
            track.look(now);
        }
        for class in Class::ALL {
            if self.classes[class.index()].hearing.voices.len() > VOICES {
                self.reseat(class);
            } else {
                self.update_shown(class);
            }
        }
        self.ask_for_owed();
        if self.ticks.is_multiple_of(TICKS_PER_ALLOCATION) {
            for receiver in 0..self.receivers.len() {
                self.assign(receiver);
            }
        }
        self.listen();
    }

    /// Finds out who of those who may be heard is speaking.
    fn listen(&mut self) {
        let heard = |owner: &Owner| self.classes.iter().any(|c| c.hearing.voices.contains(owner));
        let mut speaking: Vec<(u16, Owner)> = self
            .tracks
            .iter()
            .flatten()
            .filter(|track| {
                track.kind == TrackKind::Microphone && track.voice.is_speaking(self.now)
            })
            .map(|track| (track.voice.loudness(), track.owner))
            .filter(|(_, owner)| heard(owner))
            .collect();
        speaking.sort_unstable_by_key(|(loudness, owner)| (std::cmp::Reverse(*loudness), *owner));
        let mut speaking: Vec<Owner> = speaking.into_iter().map(|(_, owner)| owner).collect();
        speaking.dedup();
        let same = speaking.len() == self.speaking.len()
            && speaking.iter().all(|owner| self.speaking.contains(owner));
        if !same {
            self.speaking = speaking;
            self.speaking_changed = true;
        }
    }

    fn link_voice(&mut self, slot: usize, wanted: Option<Link>) {
        if self.slots[slot].running.map(|held| held.link) == wanted {
            return;
        }
        self.stop_running(slot);
        if let Some(link) = wanted {
            self.start_running(slot, link);
        }
    }

    fn link_picture(&mut self, slot: usize, class: Class, wanted: Option<(Link, Level)>) {
        let Some((link, aim)) = wanted else {
            self.stop_for_good(slot);
            self.stop_waiting(slot);
            return;
        };
        let running = self.slots[slot].running.map(|held| held.link);
        let permitted = |track: u16| self.classes[class.index()].seats.contains(&Some(track));
        if running.is_some_and(|running| running.track != link.track && !permitted(running.track)) {
            self.stop_for_good(slot);
        }
        if running == Some(link) {
            self.stop_waiting(slot);
            self.slots[slot].aim = aim;
            self.ask_for_larger_size(slot, link);
            return;
        }
        if self.slots[slot].running.is_none() && self.begin_replay(slot, link, aim) {
            return;
        }
        if self.slots[slot].waiting.map(|held| held.link) != Some(link) {
            self.stop_waiting(slot);
            self.start_waiting(slot, link);
        }
        self.slots[slot].waiting_aim = aim;
    }

    /// A larger size within the same stream begins with a key frame.
    fn ask_for_larger_size(&mut self, slot: usize, link: Link) {
        let now = self.now;
        let state = &mut self.slots[slot];
        if state.entering || state.aim.spatial <= state.rewriter.ceiling().spatial {
            state.larger_asked = None;
            return;
        }
        if state.larger_asked.is_some_and(|at| now.since(at) < LARGER_SIZE_RETRY) {
            return;
        }
        state.larger_asked = Some(now);
        if let Some(layer) = layer_mut(&mut self.tracks, link) {
            layer.want_key_frame();
            self.requests_changed = true;
        }
    }

    /// A key frame begins: everybody who waits for it joins.
    fn promote(&mut self, link: Link) {
        let Some(layer) = layer_mut(&mut self.tracks, link) else { return };
        layer.key_frame_arrived();
        self.requests_changed = true;
        let waiting = std::mem::take(&mut layer.waiting);
        if waiting.is_empty() {
            return;
        }
        for &slot in &waiting {
            let slot = slot as usize;
            self.slots[slot].waiting = None;
            self.stop_running(slot);
            self.start_running(slot, link);
            self.slots[slot].aim = self.slots[slot].waiting_aim;
        }
        // The list goes back empty, so that the next wait allocates nothing.
        if let Some(layer) = layer_mut(&mut self.tracks, link) {
            layer.waiting = waiting;
            layer.waiting.clear();
        }
        for class in Class::ALL {
            self.update_shown(class);
        }
    }

    /// The publisher began a layer anew. Sound goes on with the next packet, pictures with the
    /// next key frame.
    fn restart(&mut self, link: Link, audio: bool) {
        let Some(layer) = layer_mut(&mut self.tracks, link) else { return };
        let running = layer.running.clone();
        for slot in running.into_iter().map(|slot| slot as usize) {
            if audio {
                self.slots[slot].entering = true;
            } else {
                self.stop_running(slot);
                if self.slots[slot].waiting.is_none() {
                    self.start_waiting(slot, link);
                    self.slots[slot].waiting_aim = self.slots[slot].aim;
                }
            }
        }
    }

    fn start_running(&mut self, slot: usize, link: Link) {
        let Some(layer) = layer_mut(&mut self.tracks, link) else {
            // A voice whose first packet has not come; its only layer is made now.
            let now = self.now;
            let Some(track) = self.tracks[usize::from(link.track)].as_mut() else { return };
            if track.layer_or_new(now, link.layer).is_some() {
                self.start_running(slot, link);
            }
            return;
        };
        layer.running.push(place(slot));
        let position = place(layer.running.len() - 1);
        self.slots[slot].running = Some(Held { link, position });
        self.slots[slot].entering = true;
    }

    fn start_waiting(&mut self, slot: usize, link: Link) {
        let Some(layer) = layer_mut(&mut self.tracks, link) else { return };
        layer.waiting.push(place(slot));
        layer.want_key_frame();
        let position = place(layer.waiting.len() - 1);
        self.slots[slot].waiting = Some(Held { link, position });
        self.requests_changed = true;
    }

    /// Stops what runs in a slot because nothing, or nothing that is permitted, goes on in it.
    fn stop_for_good(&mut self, slot: usize) {
        if self.slots[slot].running.is_some() && !SlotKind::ALL[slot % SLOTS].is_audio() {
            self.stopped.push(place(slot));
        }
        self.stop_running(slot);
    }

    fn stop_running(&mut self, slot: usize) {
        let Some(held) = self.slots[slot].running.take() else { return };
        self.slots[slot].entering = false;
        let Some(layer) = layer_mut(&mut self.tracks, held.link) else { return };
        layer.running.swap_remove(held.position as usize);
        if let Some(&moved) = layer.running.get(held.position as usize)
            && let Some(moved) = &mut self.slots[moved as usize].running
        {
            moved.position = held.position;
        }
    }

    fn stop_waiting(&mut self, slot: usize) {
        let Some(held) = self.slots[slot].waiting.take() else { return };
        let Some(layer) = layer_mut(&mut self.tracks, held.link) else { return };
        layer.waiting.swap_remove(held.position as usize);
        if let Some(&moved) = layer.waiting.get(held.position as usize)
            && let Some(moved) = &mut self.slots[moved as usize].waiting
        {
            moved.position = held.position;
        }
    }
}

impl Slot {
    fn vacant() -> Self {
        Self {
            present: false,
            entering: false,
            mismatched: false,
            running: None,
            waiting: None,
            aim: Level::TOP,
            waiting_aim: Level::TOP,
            larger_asked: None,
            steadiness: Steadiness::default(),
            asking: Asking::default(),
            rewriter: Rewriter::new(0, 0),
        }
    }

    /// Gives a packet of the layer that runs its place in the slot; `None` if it is left out.
    fn place(
        &mut self,
        now: Micros,
        (receiver, slot): (ReceiverId, SlotKind),
        packet: &Passed,
        clock_hz: u32,
        audio: bool,
    ) -> Option<Forward> {
        let entering = std::mem::take(&mut self.entering);
        if entering {
            self.rewriter.enter(packet.at, clock_hz, &packet.place, self.aim);
        }
        let new = self.rewriter.place(packet.at, &packet.place, self.aim)?;
        if packet.place.key_frame_start {
            self.asking.serve(now);
        }
        Some(Forward {
            receiver,
            slot,
            sequence: new.sequence,
            timestamp: new.timestamp,
            // The first packet of a voice begins a talk spurt (RFC 3551 section 4.1).
            // The last packet of a picture carries the marker, also where larger sizes of the
            // same picture that came behind it are left out.
            marker: packet.marker || entering && audio || new.topmost && packet.layer_end,
            picture_id: new.picture_id,
            base_layer: new.base_layer,
        })
    }
}

fn layer_mut(tracks: &mut [Option<Track>], link: Link) -> Option<&mut Layer> {
    tracks.get_mut(usize::from(link.track))?.as_mut()?.layers.get_mut(usize::from(link.layer))
}

/// A place in the table of slots, which [`RECEIVERS_MAX`] keeps far below 2³².
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
