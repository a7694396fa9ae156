//! What moves between peers: packets, key frame requests, bandwidth, and who is sending what.

use forwarding::{Codec, Demand, Format, Output, Owner, Packet, TrackId, TrackKind};
use str0m::rtp::RtpPacket;

use super::{
    AIM_MAX_BPS, AIM_PERCENT, ESTIMATE_CLEARLY_LOW_BPS, ESTIMATE_SETTLES, TRACK_SILENCE_MAX, Worker,
};
use crate::negotiate::ESTIMATE_FIRST_BPS;
use crate::payloads::{Arriving, Payloads};
use crate::peer::{SentTrack, Side};
use crate::rooms::{Origin, Sending, class_for_server};
use crate::types::SfuEvent;

impl Worker {
    /// Passes the estimate of a receiver on to the core, once it says something.
    pub(super) fn estimate(&mut self, at: usize) {
        let now = self.micros();
        let Some(peer) = self.peers[at].as_ref() else { return };
        let Side::Receiver(receiver) = &peer.side else { return };
        let Some(estimate_bps) = receiver.estimate_bps else { return };
        let clearly_low = estimate_bps < ESTIMATE_CLEARLY_LOW_BPS;
        let settled = match receiver.picture_since {
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
        let (room_at, id) = (peer.room, receiver.id);
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
        let Some((stream, format, codec)) = peer.identify(header.ssrc, header.payload_type) else {
            return;
        };
        if codec.is_audio() != stream.kind.is_audio() {
            return;
        }
        self.statistics.packets_in += 1;
        let (room_at, owner) = (peer.room, peer.owner);
        let Side::Publisher(publisher) = &mut peer.side else { return };
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
        self.drain_room(room_at, Some(&Arriving { packet, codec, format }));
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
        let layers = self.peers[at].as_ref()?.layers(kind);
        let room = self.rooms[room_at].as_mut()?;
        let id = room.core.add_track(now, owner, kind, codec, format, layers).ok()?;
        room.set_track(id, Some(Origin { peer: at, kind }));
        if let Some(Side::Publisher(publisher)) = self.peers[at].as_mut().map(|peer| &mut peer.side)
        {
            publisher.tracks[usize::from(!kind.is_audio())] =
                Some(SentTrack { id, kind, format, last_packet: self.now });
        }
        self.drain_room(room_at, None);
        self.report_tracks(room_at, owner);
        Some(id)
    }

    /// Does what a core wants done. `arriving` is the packet that its `Forward`s speak of.
    pub(super) fn drain_room(&mut self, at: usize, arriving: Option<&Arriving<'_>>) {
        let Some(room) = self.rooms[at].as_mut() else { return };
        let mut payloads = Payloads::new(arriving);
        let mut requests: Vec<(Origin, u8)> = Vec::new();
        loop {
            match room.core.poll_output() {
                Output::Forward(forward) => {
                    let Some(arriving) = arriving else { continue };
                    let Some(place) = room.receiver(forward.receiver) else { continue };
                    let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else {
                        continue;
                    };
                    let Side::Receiver(receiver) = &mut peer.side else { continue };
                    let format = usize::from(arriving.format.0);
                    let Some(payload_type) = receiver.side.payload_types[format] else { continue };
                    if !forward.slot.is_audio() {
                        receiver.picture_since.get_or_insert(self.now);
                    }
                    let write = payloads.write(arriving, payload_type, &forward);
                    match peer.write(forward.slot, write) {
                        Ok(true) => self.statistics.packets_forwarded += 1,
                        Ok(false) => continue,
                        Err(failure) => self.failed.push((place, failure)),
                    }
                    if !std::mem::replace(&mut peer.dirty, true) {
                        self.dirty.push(place);
                    }
                }
                Output::Stopped { receiver, slot } => {
                    let place = room.receiver(receiver);
                    let peer = place.and_then(|at| self.peers.get_mut(at)).and_then(Option::as_mut);
                    if let (Some(at), Some(peer)) = (place, peer)
                        && let Err(failure) = peer.forget(slot)
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
                Output::Timeout(deadline) => {
                    room.deadline = deadline;
                    break;
                }
            }
        }
        for (origin, layer) in requests {
            self.statistics.key_frame_requests += 1;
            let Some(peer) = self.peers[origin.peer].as_mut() else { continue };
            match peer.request_key_frame(origin.kind, layer) {
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
                room.set_track(track.id, None);
            }
            self.drain_room(room_at, None);
        }
        self.report_tracks(room_at, owner);
    }

    pub(super) fn aim(&mut self, at: usize) {
        let Some(peer) = self.peers[at].as_mut().filter(|peer| peer.connected) else { return };
        let Side::Receiver(receiver) = &mut peer.side else { return };
        let Some(room) = &self.rooms[peer.room] else { return };
        let Some(id) = receiver.id else { return };
        let Demand { next_bps, wish_bps } = room.core.demand(id);
        let demand = Demand {
            next_bps: next_bps.min(AIM_MAX_BPS),
            wish_bps: (wish_bps * AIM_PERCENT / 100).min(AIM_MAX_BPS),
        };
        let near = |new: u64, old: u64| new.abs_diff(old) * 10 <= old;
        let known = receiver.demand;
        if near(demand.next_bps, known.next_bps) && near(demand.wish_bps, known.wish_bps) {
            return;
        }
        receiver.demand = demand;
        match peer.aim_for(demand) {
            Ok(()) => self.mark_dirty(at),
            Err(failure) => self.failed.push((at, failure)),
        }
    }
}
