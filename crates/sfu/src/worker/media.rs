//! What moves between peers: packets, key frame requests, bandwidth, and who is sending what.

use std::sync::Arc;

use forwarding::{Codec, Format, Output, Owner, Packet, SlotKind, TrackId, TrackKind, describe};
use str0m::rtp::RtpPacket;

use super::{ESTIMATE_CLEARLY_LOW_BPS, ESTIMATE_SETTLES, TRACK_SILENCE_MAX, Worker};
use crate::negotiate::ESTIMATE_FIRST_BPS;
use crate::peer::Side;
use crate::publisher::SentTrack;
use crate::ring::Stored;
use crate::rooms::{Origin, Sending, class_for_server};
use crate::statistics::Statistics;
use crate::types::SfuEvent;
use crate::viewer::Run;

impl Worker {
    /// Passes the estimate of a receiver on to the core, once it says something.
    pub(super) fn estimate(&mut self, at: usize) {
        let now = self.micros();
        let Some(peer) = self.peers[at].as_ref() else { return };
        let Side::Viewer(viewer) = &peer.side else { return };
        let Some(estimate_bps) = viewer.estimate_bps else { return };
        let clearly_low = estimate_bps < ESTIMATE_CLEARLY_LOW_BPS;
        let settled = match viewer.picture_since {
            None => clearly_low,
            Some(since) => {
                clearly_low
                    || estimate_bps > ESTIMATE_FIRST_BPS
                    || self.now.saturating_duration_since(since) >= ESTIMATE_SETTLES
            }
        };
        if !settled {
            return;
        }
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
        let Some(room) = &mut self.rooms[room_at] else { return };
        let place = &mut publisher.tracks[usize::from(!stream.kind.is_audio())];
        let known = place.as_mut().filter(|track| track.format == format);
        let id = if let Some(track) = known {
            track.last_packet = self.now;
            track.id
        } else {
            // The first packet of a track, or the first after a change of codec.
            if let Some(old) = place.take() {
                room.core.remove_track(now, old.id);
                room.taps.remove(old.id);
                room.set_track(old.id, None);
                self.drain_room(room_at, None);
            }
            let Some(id) = self.add_track(at, room_at, owner, stream.kind, codec, format) else {
                return;
            };
            id
        };
        let Some(room) = &mut self.rooms[room_at] else { return };
        room.core.handle_packet(
            now,
            id,
            stream.layer,
            &Packet {
                ssrc: *header.ssrc,
                sequence: *packet.seq_no,
                timestamp: header.timestamp,
                marker: header.marker,
                level_db: header.ext_vals.audio_level.map(i8::unsigned_abs),
                payload: &packet.payload,
            },
        );
        let described = describe(codec, &packet.payload);
        room.taps.take(id, stream.layer, described.key_frame_start, packet);
        let arriving =
            Stored { payload: Arc::clone(&packet.payload), format, pictures: described.pictures };
        self.drain_room(room_at, Some(arriving));
    }

    fn add_track(
        &mut self,
        at: usize,
        room_at: usize,
        owner: Owner,
        kind: TrackKind,
        codec: Codec,
        format: Format,
    ) -> Option<TrackId> {
        let now = self.micros();
        let layers = match &self.peers[at].as_ref()?.side {
            Side::Publisher(publisher) => publisher.layers(kind),
            Side::Viewer(_) => return None,
        };
        let room = self.rooms[room_at].as_mut()?;
        let id = room.core.add_track(now, owner, kind, codec, format, layers).ok()?;
        room.set_track(id, Some(Origin { peer: at, kind }));
        if let Some(Side::Publisher(publisher)) = self.peers[at].as_mut().map(|peer| &mut peer.side)
        {
            publisher.tracks[usize::from(!kind.is_audio())] =
                Some(SentTrack { id, kind, format, last_packet: self.now });
        }
        self.tap(at, id, kind, codec);
        self.drain_room(room_at, None);
        self.report_tracks(room_at, owner);
        Some(id)
    }

    /// Does what a core wants done. `arriving` is the packet that its `Forward`s speak of; they wait
    /// for the end of the turn, so that a viewer gets a whole frame in one call of the system.
    pub(super) fn drain_room(&mut self, at: usize, arriving: Option<Stored>) {
        let Some(room) = self.rooms[at].as_mut() else { return };
        let format = arriving.as_ref().map(|stored| usize::from(stored.format.0));
        let mut arriving = arriving;
        let mut token = None;
        let mut requests: Vec<(Origin, u8)> = Vec::new();
        loop {
            match room.core.poll_output() {
                Output::Forward(forward) => {
                    if let Some(stored) = arriving.take() {
                        token = Some(room.ring.push(stored));
                    }
                    let (Some(token), Some(format)) = (token, format) else { continue };
                    let Some(place) = room.receiver(forward.receiver) else { continue };
                    let peer = self.peers.get_mut(place).and_then(Option::as_mut);
                    let Some(Side::Viewer(viewer)) = peer.map(|peer| &mut peer.side) else {
                        continue;
                    };
                    if viewer.push(self.now, &forward, token, format) {
                        self.busy.push(place);
                    }
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
                Output::Slots { class, seats } => self.outlet.push(SfuEvent::Slots {
                    event: room.id.clone(),
                    class: class_for_server(class),
                    slots: room.slots(&seats),
                }),
                Output::Speaking(owners) => self.outlet.push(SfuEvent::Speaking {
                    event: room.id.clone(),
                    persons: owners.into_iter().filter_map(|owner| room.person(owner)).collect(),
                }),
                // The only room of its event decides by itself; no other has to follow.
                Output::Seating { .. } => {}
                Output::Timeout(deadline) => {
                    room.deadline = deadline;
                    break;
                }
            }
        }
        for (origin, layer) in requests {
            self.statistics.key_frame_requests += 1;
            let peer = self.peers[origin.peer].as_mut().map(|peer| &mut peer.side);
            let Some(Side::Publisher(publisher)) = peer else { continue };
            match publisher.request_key_frame(origin.kind, layer) {
                Ok(()) => self.mark_dirty(origin.peer),
                Err(failure) => self.failed.push((origin.peer, failure)),
            }
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
            for track in publisher.tracks.iter().flatten() {
                match track.kind {
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
        let now = self.micros();
        let Some(peer) = self.peers[at].as_mut() else { return };
        let (room_at, owner) = (peer.room, peer.owner);
        let Side::Publisher(publisher) = &mut peer.side else { return };
        let stopped: Vec<SentTrack> =
            publisher.tracks.iter_mut().filter_map(|track| track.take_if(|t| which(t))).collect();
        if stopped.is_empty() {
            return;
        }
        for track in stopped {
            if let Some(room) = &mut self.rooms[room_at] {
                room.core.remove_track(now, track.id);
                room.taps.remove(track.id);
                room.set_track(track.id, None);
            }
            self.drain_room(room_at, None);
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
        let asked = viewer.ask_for_more(self.now, demand, &room.ring, &mut self.buffer, |run| {
            let sent = socket.send_run(run.to, local, run.bytes, run.segment_bytes);
            count(statistics, &run, sent);
        });
        if let Err(failure) = asked {
            self.failed.push((at, failure));
        }
    }
}

/// Counts the datagrams of a run.
fn count(statistics: &mut Statistics, run: &Run<'_>, sent: bool) {
    let datagrams = run.bytes.len().div_ceil(run.segment_bytes.max(1)) as u64;
    if sent {
        statistics.datagrams_out += datagrams;
    } else {
        statistics.datagrams_unsent += datagrams;
    }
}
