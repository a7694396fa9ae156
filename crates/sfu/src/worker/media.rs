//! What moves between peers: packets, key frame requests, bandwidth, and who is sending what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use forwarding::{
    Class, Codec, Format, Forward, Output, Owner, Seating, SlotKind, TrackId, TrackKind, describe,
};
use str0m::rtp::RtpPacket;

use super::{TRACK_SILENCE_MAX, Worker};
use crate::exchange::{Passing, RemoteTrack, TrackPacket};
use crate::peer::{Peer, Side};
use crate::publisher::SentTrack;
use crate::redundancy::StreamPlace;
use crate::ring::Stored;
use crate::rooms::{Origin, Sending, class_for_server};
use crate::statistics::Statistics;
use crate::types::SfuEvent;
use crate::viewer::Run;

/// A track keeps its codec for so long. A browser changes it when an encoder fails, if ever; packets
/// of the old codec that come late, or of several on purpose, must not begin a new track each time,
/// which every receiver, the recorder and the screens would have to follow.
const FORMAT_KEPT_MIN: Duration = Duration::from_millis(1_000);

impl Worker {
    /// Passes the estimate of a receiver on to the core, once it says something.
    pub(super) fn estimate(&mut self, at: usize) {
        let now = self.micros();
        let Some(peer) = self.peers[at].as_ref() else { return };
        let Side::Viewer(viewer) = &peer.side else { return };
        let Some(estimate_bps) = viewer.trusted_estimate_bps(self.now) else { return };
        let (room_at, id) = (peer.room, viewer.id);
        if let (Some(id), Some(room)) = (id, &mut self.rooms[room_at]) {
            room.core.set_estimate(now, id, estimate_bps);
            self.drain_room(room_at, None);
        }
    }

    /// A packet of a publisher: hands it to the core of its event, and the core's answer to the
    /// receivers.
    pub(super) fn forward(&mut self, at: usize, packet: &RtpPacket) {
        let now = self.micros();
        let Some(peer) = self.peers[at].as_mut() else { return };
        let header = &packet.header;
        let (room_at, owner) = (peer.room, peer.owner);
        let Side::Publisher(publisher) = &mut peer.side else { return };
        let found = publisher.identify(header.ssrc, header.payload_type);
        let Some((stream, format, codec)) = found else { return };
        if codec.is_audio() != stream.kind.is_audio() {
            return;
        }
        self.statistics.packets_in += 1;
        let mark = publisher.mark(header.ssrc, &header.ext_vals);
        let place = &mut publisher.tracks[usize::from(!stream.kind.is_audio())];
        let too_soon = |sent: &SentTrack| self.now < sent.since + FORMAT_KEPT_MIN;
        if place.as_ref().is_some_and(|sent| sent.track.format != format && too_soon(sent)) {
            return;
        }
        let known = place.as_mut().filter(|sent| sent.track.format == format);
        let track = if let Some(sent) = known {
            sent.last_packet = self.now;
            Arc::clone(&sent.track)
        } else {
            // The first packet of a track, or the first after a change of codec.
            if let Some(old) = place.take() {
                self.remove_track(room_at, &old.track);
            }
            let Some(track) = self.add_track(at, room_at, owner, stream.kind, codec, format) else {
                return;
            };
            track
        };
        let arrived = TrackPacket {
            layer: stream.layer,
            ssrc: *header.ssrc,
            sequence: *packet.seq_no,
            timestamp: header.timestamp,
            marker: header.marker,
            level_db: header.ext_vals.audio_level.map(i8::unsigned_abs),
            mark,
            payload: Arc::clone(&packet.payload),
        };
        let Some(room) = &mut self.rooms[room_at] else { return };
        let described = describe(codec, &packet.payload);
        room.taps.take(track.id, stream.layer, described.key_frame_start, packet);
        let packet = arrived;
        self.exchange.pass_all(room.interest.workers(), || Passing::Packet {
            track: Arc::clone(&track),
            packet: packet.clone(),
        });
        let core_packet = packet.for_core(room.ring.next_token());
        let keep = room.core.handle_packet(now, track.id, packet.layer, &core_packet);
        let stored = stored(track.id, codec, format, packet);
        self.drain_room(room_at, Some(Arriving { stored, keep }));
    }

    /// A track of a publisher of this worker is over.
    fn remove_track(&mut self, room_at: usize, track: &Arc<RemoteTrack>) {
        let now = self.micros();
        if let Some(room) = &mut self.rooms[room_at] {
            room.core.remove_track(now, track.id);
            room.taps.remove(track.id);
            room.set_track(track.id, None);
            self.exchange.pass_all(room.interest.workers(), || Passing::Stopped(Arc::clone(track)));
        }
        self.drain_room(room_at, None);
    }

    fn add_track(
        &mut self,
        at: usize,
        room_at: usize,
        owner: Owner,
        kind: TrackKind,
        codec: Codec,
        format: Format,
    ) -> Option<Arc<RemoteTrack>> {
        let now = self.micros();
        let peer = self.peers[at].as_ref()?;
        let layers = match &peer.side {
            Side::Publisher(publisher) => publisher.layers(kind),
            Side::Viewer(_) => return None,
        };
        let room = self.rooms[room_at].as_mut()?;
        let id = room.core.add_track(now, owner, kind, codec, format, layers).ok()?;
        room.set_track(id, Some(Origin::Here { peer: at, kind }));
        let track = Arc::new(RemoteTrack {
            worker: self.exchange.own,
            id,
            event: room.id.clone(),
            person: peer.person.clone(),
            kind,
            codec,
            format,
            layers,
        });
        if let Some(Side::Publisher(publisher)) = self.peers[at].as_mut().map(|peer| &mut peer.side)
        {
            publisher.tracks[usize::from(!kind.is_audio())] = Some(SentTrack {
                track: Arc::clone(&track),
                since: self.now,
                last_packet: self.now,
            });
        }
        self.tap(at, id, kind, codec);
        self.drain_room(room_at, None);
        self.report_tracks(room_at, owner);
        Some(track)
    }

    /// Does what a core wants done. `arriving` is the packet that its `Forward`s speak of; they wait
    /// for the end of the turn, so that a viewer gets a whole frame in one call of the system.
    pub(super) fn drain_room(&mut self, at: usize, arriving: Option<Arriving>) {
        let Some(room) = self.rooms[at].as_mut() else { return };
        // What is to be said of the event as a whole is said by the worker where it is at home.
        let at_home = room.interest.home == self.exchange.own;
        let format = arriving.as_ref().map(|arriving| usize::from(arriving.stored.format.0));
        let (mut arriving, mut token) = match arriving {
            Some(Arriving { stored, keep: true }) => (None, Some(room.ring.push(stored))),
            arriving => (arriving, None),
        };
        let mut requests: Vec<(Origin, u8)> = Vec::new();
        let mut seatings: Vec<(Class, Seating)> = Vec::new();
        loop {
            match room.core.poll_output() {
                Output::Forward(forward) => {
                    if let Some(Arriving { stored, .. }) = arriving.take() {
                        token = Some(room.ring.push(stored));
                    }
                    let (Some(token), Some(format)) = (token, format) else { continue };
                    if room.tell_listeners(&forward, token) {
                        continue;
                    }
                    let Some(place) = room.receiver(forward.receiver) else { continue };
                    self.frame_whole |= forward.marker && !forward.slot.is_audio();
                    push(
                        &mut self.peers,
                        &mut self.busy,
                        self.now,
                        place,
                        (forward, token, format),
                    );
                }
                Output::Replay { forward, token } => {
                    let Some(place) = room.receiver(forward.receiver) else { continue };
                    let Some(stored) = room.ring.find(token) else { continue };
                    let format = usize::from(stored.format.0);
                    self.frame_whole |= forward.marker;
                    push(
                        &mut self.peers,
                        &mut self.busy,
                        self.now,
                        place,
                        (forward, token, format),
                    );
                }
                Output::Stopped { receiver, slot } => {
                    let place = room.receiver(receiver);
                    let peer = place.and_then(|at| self.peers.get_mut(at)).and_then(Option::as_mut);
                    if let (Some(at), Some(Side::Viewer(viewer))) =
                        (place, peer.map(|peer| &mut peer.side))
                        && let Err(failure) = viewer.forget(slot)
                    {
                        self.failed.push((at, failure));
                    }
                }
                Output::RequestKeyFrame { track, layer } => {
                    requests.extend(room.track(track).map(|origin| (origin, layer)));
                }
                Output::Seating { class, seating } if at_home => seatings.push((class, seating)),
                Output::Slots { class, seats } if at_home => self.outlet.push(SfuEvent::Slots {
                    event: room.id.clone(),
                    class: class_for_server(class),
                    slots: room.slots(&seats),
                }),
                Output::Seating { .. } | Output::Slots { .. } => {}
                Output::Speaking(_) if !at_home => {}
                Output::Speaking(owners) => self.outlet.push(SfuEvent::Speaking {
                    event: room.id.clone(),
                    persons: owners.into_iter().filter_map(|owner| room.person(owner)).collect(),
                }),
                Output::Timeout(deadline) => {
                    room.deadline = deadline;
                    break;
                }
            }
        }
        let event = (!requests.is_empty()).then(|| room.id.clone());
        for (class, seating) in seatings {
            self.tell_seats(at, class, &seating);
        }
        for (origin, layer) in requests {
            let Some(event) = &event else { continue };
            match origin {
                Origin::Here { peer, kind } => self.request_key_frame(peer, kind, layer),
                Origin::Elsewhere { worker, track } => {
                    let event = event.clone();
                    self.exchange.pass(worker, Passing::KeyFrame { event, track, layer });
                }
            }
        }
    }

    fn request_key_frame(&mut self, at: usize, kind: TrackKind, layer: u8) {
        self.statistics.key_frame_requests += 1;
        let peer = self.peers[at].as_mut().map(|peer| &mut peer.side);
        let Some(Side::Publisher(publisher)) = peer else { return };
        match publisher.request_key_frame(kind, layer) {
            Ok(()) => self.mark_dirty(at),
            Err(failure) => self.failed.push((at, failure)),
        }
    }

    /// Tells the server what a person is sending, if that has changed.
    fn report_tracks(&mut self, room_at: usize, owner: Owner) {
        let mut sending = Sending::default();
        for peer in self.peers.iter().flatten() {
            let Side::Publisher(publisher) = &peer.side else { continue };
            if peer.room != room_at || peer.owner != owner {
                continue;
            }
            for sent in publisher.tracks.iter().flatten() {
                match sent.track.kind {
                    TrackKind::Microphone => sending.microphone = true,
                    TrackKind::Camera => sending.camera = true,
                    TrackKind::Screen => sending.screen = true,
                    TrackKind::ScreenSound => {}
                }
            }
        }
        let Some(room) = &mut self.rooms[room_at] else { return };
        let Some(person) = room.person(owner) else { return };
        if room.note_sending(owner, sending) {
            let Sending { microphone, camera, screen } = sending;
            let event = room.id.clone();
            self.outlet.push(SfuEvent::Tracks { event, person, microphone, camera, screen });
        }
    }

    pub(super) fn stop_silent_tracks(&mut self, at: usize) {
        let now = self.now;
        self.stop_tracks(at, |track| {
            now.saturating_duration_since(track.last_packet) > TRACK_SILENCE_MAX
        });
    }

    pub(super) fn stop_tracks(&mut self, at: usize, which: impl Fn(&SentTrack) -> bool) {
        let Some(peer) = self.peers[at].as_mut() else { return };
        let (room_at, owner) = (peer.room, peer.owner);
        let Side::Publisher(publisher) = &mut peer.side else { return };
        let stopped: Vec<SentTrack> =
            publisher.tracks.iter_mut().filter_map(|track| track.take_if(|t| which(t))).collect();
        if stopped.is_empty() {
            return;
        }
        for sent in stopped {
            self.remove_track(room_at, &sent.track);
        }
        self.report_tracks(room_at, owner);
    }

    /// Writes and sends what was forwarded to viewers in this turn, and what they lost before.
    pub(super) fn send_media(&mut self) {
        let Some(socket) = &self.socket else { return };
        for at in self.busy.drain(..) {
            let Some(peer) = self.peers[at].as_mut() else { continue };
            let (local, room_at) = (peer.local_ip, peer.room);
            let (Side::Viewer(viewer), Some(room)) = (&mut peer.side, &self.rooms[room_at]) else {
                continue;
            };
            let statistics = &mut self.statistics;
            let sent = viewer.send_queue(self.now, &room.ring, &mut self.buffer, |run| {
                count(
                    statistics,
                    &run,
                    socket.send_run(run.to, local, run.bytes, run.segment_bytes),
                );
            });
            match sent {
                Ok(packets) => self.statistics.packets_forwarded += packets,
                Err(failure) => self.failed.push((at, failure)),
            }
        }
        for (at, slot, entry) in self.repairs.drain(..) {
            let Some(peer) = self.peers[at].as_mut() else { continue };
            let (local, room_at) = (peer.local_ip, peer.room);
            let (Side::Viewer(viewer), Some(room)) = (&mut peer.side, &self.rooms[room_at]) else {
                continue;
            };
            if !viewer.takes_repair() {
                continue;
            }
            let statistics = &mut self.statistics;
            let (now, buffer) = (self.now, &mut self.buffer);
            let sent = viewer.send_repair(now, slot, entry, &room.ring, buffer, |run| {
                statistics.repairs_sent += 1;
                let sent = socket.send_run(run.to, local, run.bytes, run.segment_bytes);
                count(statistics, &run, sent);
            });
            if let Err(failure) = sent {
                self.failed.push((at, failure));
            }
        }
    }

    /// A viewer's decoder needs a key frame.
    pub(super) fn want_key_frame(&mut self, at: usize, slot: usize) {
        let now = self.micros();
        let Some(peer) = &self.peers[at] else { return };
        let Side::Viewer(viewer) = &peer.side else { return };
        let room_at = peer.room;
        if let (Some(id), Some(slot), Some(room)) =
            (viewer.id, SlotKind::ALL.get(slot), &mut self.rooms[room_at])
        {
            room.core.handle_key_frame_request(now, id, *slot);
            self.drain_room(room_at, None);
        }
    }

    /// Looks for the bandwidth that a viewer could use.
    pub(super) fn ask_for_more(&mut self, at: usize) {
        let Some(socket) = &self.socket else { return };
        let Some(peer) = self.peers[at].as_mut().filter(|peer| peer.connected) else { return };
        let (local, room_at) = (peer.local_ip, peer.room);
        let (Side::Viewer(viewer), Some(room)) = (&mut peer.side, &self.rooms[room_at]) else {
            return;
        };
        let Some(id) = viewer.id else { return };
        let demand = room.core.demand(id);
        let statistics = &mut self.statistics;
        let asked = viewer.ask_for_more(self.now, demand, &mut self.buffer, |run| {
            let sent = socket.send_run(run.to, local, run.bytes, run.segment_bytes);
            count(statistics, &run, sent);
        });
        if let Err(failure) = asked {
            self.failed.push((at, failure));
        }
    }
}

/// Queues a packet, by its number and format, for the viewer at a place.
fn push(
    peers: &mut [Option<Box<Peer>>],
    busy: &mut Vec<usize>,
    now: Instant,
    place: usize,
    (forward, token, format): (Forward, u32, usize),
) {
    let peer = peers.get_mut(place).and_then(Option::as_mut);
    let Some(Side::Viewer(viewer)) = peer.map(|peer| &mut peer.side) else { return };
    if viewer.push(now, &forward, token, format) {
        busy.push(place);
    }
}

/// A packet that the core has just been told of.
pub(super) struct Arriving {
    pub(super) stored: Stored,
    /// Whether the core may ask for it later.
    pub(super) keep: bool,
}

/// What viewers are sent of a packet.
pub(super) fn stored(track: TrackId, codec: Codec, format: Format, packet: TrackPacket) -> Stored {
    let TrackPacket { ssrc, sequence, payload, .. } = packet;
    let pictures = describe(codec, &payload).pictures;
    let voice = codec.is_audio().then_some(StreamPlace { track, ssrc, sequence });
    Stored { payload, format, pictures, voice }
}

/// Counts the datagrams of a run.
fn count(statistics: &mut Statistics, run: &Run<'_>, sent: bool) {
    let datagrams = run.bytes.len().div_ceil(run.segment_bytes.max(1)) as u64;
    if sent {
        statistics.datagrams_out += datagrams;
        statistics.bytes_out += run.bytes.len() as u64;
    } else {
        statistics.datagrams_unsent += datagrams;
    }
}
