//! The receiving side of a person. A viewer is a lean peer (crate `egress`): what the core forwards
//! to it is gathered for a turn and then written, encrypted and sent in as few calls of the system
//! as possible.

use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use egress::{Entry, Event, Outgoing, PROBE_PACKETS_MIN, Peer};
use forwarding::{Class, Demand, Forward, ReceiverId, SlotKind};

use crate::formats::OPUS_FORMAT;
use crate::negotiate::{ESTIMATE_FIRST_BPS, ReceivingSide};
use crate::peer::{Failure, Parcel};
use crate::redundancy::{History, Line, Need, Spoken};
use crate::ring::{Ring, Stored};

/// Packets that wait for the end of the turn. A turn of a few milliseconds has a key frame of each
/// slot at the most; beyond that the newest are dropped, which a repair brings back.
const QUEUE_MAX: usize = 1_024;

/// Control datagrams and events taken out after one input.
const OUTPUTS_MAX: usize = 1_024;

/// A packet is filled up by at most so many bytes to the size of its frame's largest: browsers cut
/// a frame into packets that differ by a byte or two, and the system takes a run of equal ones in
/// one call.
const PADDING_BYTES_MAX: usize = 24;

/// Bytes of one run, below the largest that the system takes at once.
const RUN_BYTES_MAX: usize = 60_000;

/// Segments of one run, as many as Linux takes (UDP_MAX_SEGMENTS).
pub(crate) const RUN_SEGMENTS_MAX: usize = 64;

/// How long a burst that asks the line for more may keep it busy: the voice waits behind it.
const PROBE_LENGTH: Duration = Duration::from_millis(60);

/// Most packets of such a burst, all of one size: as many as leave in one call.
const PROBE_PACKETS_MAX: u64 = RUN_SEGMENTS_MAX as u64;

/// How often the line is asked for more: soon after the beginning, then less and less as long as
/// it brings nothing.
const ASK_EVERY_MIN: Duration = Duration::from_millis(750);
const ASK_EVERY_MAX: Duration = Duration::from_secs(8);

/// After the estimate was cut the line is left alone for so long.
const REST_AFTER_CUT: Duration = Duration::from_secs(4);

/// Loss beyond the line's own above which more would make it worse.
const LOSS_MAX: f64 = 0.05;

/// Without a probe that came through, estimates are only guesses until pictures have been sent for
/// so long. A line far below the first guess shows at once.
const ESTIMATE_SETTLES: Duration = Duration::from_millis(2_000);
const ESTIMATE_CLEARLY_LOW_BPS: u64 = ESTIMATE_FIRST_BPS / 3;

/// Repairs allowed for each packet sent, and at most at once: a line that loses a fifth still gets
/// every packet again, and whoever asks without end is not sent without end.
const REPAIRS_PER_PACKET: f32 = 0.3;
const REPAIRS_AT_ONCE_MAX: f32 = 150.0;

/// The first picture of a viewer leaves as a burst anyway: it is the first probe of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstProbe {
    Waits,
    Runs,
    Done,
}

/// A packet to be written at the end of the turn.
#[derive(Debug, Clone, Copy)]
struct Queued {
    slot: SlotKind,
    entry: Entry,
}

/// The receiving side of a person.
pub(crate) struct Viewer {
    peer: Peer,
    /// Its number in the core, from when it is connected.
    pub(crate) id: Option<ReceiverId>,
    pub(crate) class: Class,
    pub(crate) side: ReceivingSide,
    /// What was last found out about the bandwidth, in bits a second.
    pub(crate) estimate_bps: Option<u64>,
    /// When the first picture was sent: estimates from before say nothing.
    pub(crate) picture_since: Option<Instant>,
    queue: Vec<Queued>,
    /// Of a viewer that takes redundant voice.
    voices: Option<Box<Voices>>,
    /// Repairs that may be sent now.
    repairs_allowed: f32,
    first_probe: FirstProbe,
    next_question: Option<Instant>,
    question_every: Duration,
}

/// Slots of sound, which come first.
const SOUND_SLOTS: usize = SlotKind::Main.index();

/// The voices of a viewer that takes them with redundancy.
#[derive(Default)]
struct Voices {
    /// Payload types of redundant voice and of Opus.
    payload_type: u8,
    opus: u8,
    need: Need,
    sent: [History; SOUND_SLOTS],
    /// The payload that is being written.
    payload: Vec<u8>,
}

impl Voices {
    /// A packet is about to be sent. Where it is of a voice and shall carry what was sent before
    /// it, writes that as its payload.
    fn write(&mut self, peer: &Peer, queued: &Queued, stored: &Stored, ring: &Ring) -> bool {
        let slot = queued.slot.index();
        let (Some(place), Some(history)) = (stored.voice, self.sent.get_mut(slot)) else {
            return false;
        };
        let Entry { timestamp, token, .. } = queued.entry;
        let spoken = Spoken { place, timestamp, token };
        let bytes = stored.payload.len();
        self.need.count(bytes, peer.packet_bytes(slot, bytes));
        self.payload.clear();
        let find = |token| ring.find(token).map(|stored| &*stored.payload);
        let (depth, primary) = (self.need.depth(), &stored.payload);
        let written = history.write(&spoken, depth, self.opus, primary, find, &mut self.payload);
        history.note(spoken);
        written
    }
}

/// What is sent in one call: packets of one size, the last may be shorter.
pub(crate) struct Run<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: &'a [u8],
    pub(crate) segment_bytes: usize,
}

impl Viewer {
    pub(crate) fn new(peer: Peer, class: Class, side: ReceivingSide) -> Self {
        let voices = side.redundant.map(|payload_type| {
            let (opus, _) = side.payload_types[usize::from(OPUS_FORMAT.0)].unwrap_or_default();
            Box::new(Voices { payload_type, opus, ..Voices::default() })
        });
        Self {
            peer,
            id: None,
            class,
            side,
            estimate_bps: None,
            picture_since: None,
            queue: Vec::new(),
            voices,
            repairs_allowed: REPAIRS_AT_ONCE_MAX,
            first_probe: FirstProbe::Waits,
            next_question: None,
            question_every: ASK_EVERY_MIN,
        }
    }

    /// Hands a datagram to the peer; says whether it was authentic. The datagram may be changed.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<bool, Failure> {
        self.guarded(|peer| peer.handle_datagram(now, source, datagram))
    }

    /// Moves the peer's time to `now`.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<(), Failure> {
        self.guarded(|peer| peer.handle_timeout(now))
    }

    /// Takes everything out of the peer and returns when it wants to be called again.
    pub(crate) fn drain(
        &mut self,
        outbox: &mut Vec<Parcel>,
        local: Option<IpAddr>,
        events: &mut Vec<Event>,
    ) -> Result<Option<Instant>, Failure> {
        self.guarded(|peer| {
            for _ in 0..OUTPUTS_MAX {
                let Some((to, bytes)) = peer.poll_transmit() else { break };
                outbox.push(Parcel { to, local, bytes });
            }
            for _ in 0..OUTPUTS_MAX {
                let Some(event) = peer.poll_event() else { break };
                events.push(event);
            }
            peer.poll_timeout()
        })
    }

    /// Says goodbye, so that the browser need not find out by itself.
    pub(crate) fn close(&mut self, outbox: &mut Vec<Parcel>, local: Option<IpAddr>) {
        if self.guarded(Peer::close).is_ok() {
            // A panic now says only that the peer is done.
            let _ = self.drain(outbox, local, &mut Vec::new());
        }
    }

    /// New ICE credentials on both sides.
    pub(crate) fn restart_ice(&mut self, local: (String, String), remote_ufrag: String) {
        self.peer.restart_ice(local, remote_ufrag);
    }

    /// Puts a packet on the queue of this turn. Returns whether the queue was empty.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        forward: &Forward,
        token: u32,
        format: usize,
    ) -> bool {
        let Some((payload_type, _)) = self.side.payload_types[format] else { return false };
        if self.queue.len() >= QUEUE_MAX {
            return false;
        }
        if !forward.slot.is_audio() {
            self.picture_since.get_or_insert(now);
        }
        self.queue.push(Queued {
            slot: forward.slot,
            entry: Entry {
                sequence: forward.sequence,
                timestamp: forward.timestamp,
                token,
                picture_id: forward.picture_id,
                base_layer: forward.base_layer,
                payload_type,
                marker: forward.marker,
            },
        });
        self.queue.len() == 1
    }

    /// Writes what was queued and hands it to `send`, run by run. Returns the packets written.
    pub(crate) fn send_queue(
        &mut self,
        now: Instant,
        ring: &Ring,
        buffer: &mut Vec<u8>,
        mut send: impl FnMut(Run<'_>),
    ) -> Result<u64, Failure> {
        let mut queue = std::mem::take(&mut self.queue);
        let Some(to) = self.peer.address() else { return Ok(0) };
        // Pictures first: a run ends with a shorter packet, so the sound rides at its end. The
        // order within a slot stays.
        queue.sort_by_key(|queued| (queued.slot.is_audio(), queued.slot.index()));
        let mut pictures = queue.iter().filter(|queued| !queued.slot.is_audio()).peekable();
        let begins = self.first_probe == FirstProbe::Waits && pictures.peek().is_some();
        let pictures_written = pictures.clone().count();
        let ends = (begins || self.first_probe == FirstProbe::Runs)
            && pictures.any(|queued| queued.entry.marker);
        if begins {
            self.first_probe = FirstProbe::Runs;
            self.guarded(Peer::begin_probe)?;
        }
        let mut voices = self.voices.take();
        let written = self.guarded(|peer| {
            let mut written = 0;
            let (mut segment_bytes, mut segments, mut closed) = (0, 0, false);
            buffer.clear();
            for packets in queue.chunk_by(|one, next| one.slot == next.slot) {
                let bytes_of = |queued: &Queued| {
                    ring.find(queued.entry.token).map_or(0, |stored| stored.payload.len())
                };
                let largest = packets.iter().map(bytes_of).max().unwrap_or_default();
                for queued in packets {
                    let Some(stored) = ring.find(queued.entry.token) else { continue };
                    let mut entry = queued.entry;
                    let mut payload = &*stored.payload;
                    if let Some(voices) = &mut voices
                        && voices.write(peer, queued, stored, ring)
                    {
                        entry.payload_type = voices.payload_type;
                        payload = &voices.payload;
                    }
                    // A packet with redundancy is larger than all without.
                    let short_by = largest.saturating_sub(payload.len());
                    let fill = if packets.len() > 1 && short_by <= PADDING_BYTES_MAX {
                        short_by
                    } else {
                        0
                    };
                    let slot = queued.slot.index();
                    let bytes = peer.packet_bytes(slot, payload.len() + fill);
                    let fits = !closed
                        && segments < RUN_SEGMENTS_MAX
                        && (segments == 0 || bytes <= segment_bytes)
                        && buffer.len() + bytes <= RUN_BYTES_MAX;
                    if !fits {
                        send(Run { to, bytes: buffer, segment_bytes });
                        buffer.clear();
                        (segments, closed) = (0, false);
                    }
                    let packet = Outgoing {
                        entry,
                        payload,
                        patches: stored
                            .pictures
                            .patches(queued.entry.picture_id, queued.entry.base_layer),
                        padding_bytes: u8::try_from(fill).unwrap_or_default(),
                    };
                    let length = peer.write(now, slot, &packet, buffer);
                    if length == 0 {
                        continue;
                    }
                    written += 1_u16;
                    if segments == 0 {
                        segment_bytes = length;
                    }
                    segments += 1;
                    closed = length < segment_bytes;
                }
            }
            if !buffer.is_empty() {
                send(Run { to, bytes: buffer, segment_bytes });
            }
            written
        });
        queue.clear();
        (self.queue, self.voices) = (queue, voices);
        let written = written?;
        if ends {
            self.first_probe = FirstProbe::Done;
            // A picture of one packet is no burst.
            let missing = PROBE_PACKETS_MIN.saturating_sub(pictures_written as u64);
            self.fill(now, to, missing, buffer, &mut send)?;
            self.guarded(Peer::end_probe)?;
        }
        let earned = self.repairs_allowed + f32::from(written) * REPAIRS_PER_PACKET;
        self.repairs_allowed = earned.min(REPAIRS_AT_ONCE_MAX);
        Ok(u64::from(written))
    }

    /// Whether one more repair may be sent; it is counted.
    pub(crate) fn takes_repair(&mut self) -> bool {
        let allowed = self.repairs_allowed >= 1.0;
        if allowed {
            self.repairs_allowed -= 1.0;
        }
        allowed
    }

    /// Sends one packet again.
    pub(crate) fn send_repair(
        &mut self,
        now: Instant,
        slot: usize,
        entry: Entry,
        ring: &Ring,
        buffer: &mut Vec<u8>,
        send: impl FnOnce(Run<'_>),
    ) -> Result<(), Failure> {
        let Some(stored) = ring.find(entry.token) else { return Ok(()) };
        let repair = self.side.payload_types[usize::from(stored.format.0)];
        let Some((_, Some(repair_payload_type))) = repair else { return Ok(()) };
        let Some(to) = self.peer.address() else { return Ok(()) };
        buffer.clear();
        let packet = Outgoing {
            entry,
            payload: &stored.payload,
            patches: stored.pictures.patches(entry.picture_id, entry.base_layer),
            padding_bytes: 0,
        };
        let length = self
            .guarded(|peer| peer.write_repair(now, slot, &packet, repair_payload_type, buffer))?;
        if length > 0 {
            send(Run { to, bytes: buffer, segment_bytes: length });
        }
        Ok(())
    }

    /// Forgets what was sent in a slot, so that it is never sent again.
    pub(crate) fn forget(&mut self, slot: SlotKind) -> Result<(), Failure> {
        self.queue.retain(|queued| queued.slot != slot);
        if let Some(history) = self.voices.as_mut().and_then(|v| v.sent.get_mut(slot.index())) {
            history.clear();
        }
        self.guarded(|peer| peer.forget(slot.index()))
    }

    /// What the browser's reports say of its line.
    pub(crate) fn line(&self) -> egress::Line {
        self.peer.reported_line(self.side.reports_arrival)
    }

    /// The estimate of the line, after the browser has reported. What redundant voice takes of it is
    /// not there for pictures.
    pub(crate) fn note_estimate(&mut self, now: Instant) {
        let (estimate_bps, loss) = self.peer.line();
        if let Some(voices) = &mut self.voices {
            voices.need.note(now, Line { loss, estimate_bps });
        }
        self.estimate_bps = Some(self.peer.allowed_bps().saturating_sub(self.redundancy_bps()));
    }

    fn redundancy_bps(&self) -> u64 {
        self.voices.as_ref().map_or(0, |voices| voices.need.taken_bps())
    }

    /// The estimate, once it says something.
    pub(crate) fn trusted_estimate_bps(&self, now: Instant) -> Option<u64> {
        let estimate_bps = self.estimate_bps?;
        let trusted = !self.side.reports_arrival
            || self.peer.line_is_known()
            || estimate_bps < ESTIMATE_CLEARLY_LOW_BPS
            || self
                .picture_since
                .is_some_and(|at| now.saturating_duration_since(at) >= ESTIMATE_SETTLES);
        trusted.then_some(estimate_bps)
    }

    /// If more bandwidth would bring a better picture, asks the line for it: with a burst of
    /// packets without content, short enough not to hold up the voice.
    pub(crate) fn ask_for_more(
        &mut self,
        now: Instant,
        demand: Demand,
        buffer: &mut Vec<u8>,
        mut send: impl FnMut(Run<'_>),
    ) -> Result<(), Failure> {
        let excess_loss = self.peer.excess_loss();
        let estimate_bps = self.peer.allowed_bps().saturating_sub(self.redundancy_bps());
        let rests = self.peer.last_cut().is_some_and(|at| now < at + REST_AFTER_CUT);
        let due = self.next_question.is_none_or(|at| at <= now);
        // The layer is taken only with a margin above what it needs.
        let enough = demand.next_bps == 0 || demand.next_bps * 5 / 4 <= estimate_bps;
        let waits = self.trusted_estimate_bps(now).is_none();
        if !due || enough || rests || excess_loss > LOSS_MAX || waits {
            if enough {
                self.question_every = ASK_EVERY_MIN;
            }
            return Ok(());
        }
        self.next_question = Some(now + self.question_every);
        self.question_every = (self.question_every * 3 / 2).min(ASK_EVERY_MAX);
        let Some(to) = self.peer.address() else { return Ok(()) };
        let most = estimate_bps * u64::try_from(PROBE_LENGTH.as_millis()).unwrap_or(0) / 1_000;
        let filling_bits = 8 * 300;
        let packets = (most / filling_bits).clamp(PROBE_PACKETS_MIN, PROBE_PACKETS_MAX);
        self.guarded(Peer::begin_probe)?;
        self.fill(now, to, packets, buffer, &mut send)?;
        self.guarded(Peer::end_probe)
    }

    /// Sends so many packets without content.
    fn fill(
        &mut self,
        now: Instant,
        to: SocketAddr,
        packets: u64,
        buffer: &mut Vec<u8>,
        send: &mut impl FnMut(Run<'_>),
    ) -> Result<(), Failure> {
        let slot = SlotKind::ALL
            .into_iter()
            .find(|slot| !slot.is_audio() && self.side.slots[slot.index()]);
        let repair = self.side.payload_types.iter().flatten().find_map(|(_, repair)| *repair);
        let (Some(slot), Some(payload_type)) = (slot, repair) else { return Ok(()) };
        let segment_bytes = self.guarded(|peer| {
            buffer.clear();
            let mut segment_bytes = 0;
            for _ in 0..packets {
                segment_bytes = peer.write_filling(now, slot.index(), payload_type, buffer);
            }
            segment_bytes
        })?;
        if !buffer.is_empty() {
            send(Run { to, bytes: buffer, segment_bytes });
        }
        Ok(())
    }

    fn guarded<T>(&mut self, call: impl FnOnce(&mut Peer) -> T) -> Result<T, Failure> {
        let peer = &mut self.peer;
        // After a panic the peer is ended and never called again.
        catch_unwind(AssertUnwindSafe(|| call(peer))).map_err(|_| Failure::Panic)
    }
}

#[cfg(test)]
mod line;
