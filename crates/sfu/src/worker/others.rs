//! What a worker has to do with the others: sessions whose packets arrive at the wrong one,
//! publishers who live elsewhere, and who decides which voice sits where.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use forwarding::{Class, Owner, Seating, TrackId};

use super::media::{Arriving, stored};
use super::{TRACK_SILENCE_MAX, Worker};
use crate::directory::{Found, Place};
use crate::exchange::{Passing, RemoteTrack, TrackPacket};
use crate::mailbox::KeptSeats;
use crate::rooms::{Origin, RemoteSource, class_for_server, class_in_core};
use crate::socket::Datagram;
use crate::types::{ReceiverClass, SessionId};

/// A publisher's worker says when a track is over; should that be lost, the track ends by itself
/// somewhat later here than there.
const REMOTE_SILENCE_MAX: Duration = TRACK_SILENCE_MAX.saturating_add(Duration::from_secs(1));

impl Worker {
    /// A check names a session that is not known here: it is new and stays, or lives on another
    /// worker, because its peer has wandered into another network.
    pub(super) fn claim(&mut self, datagram: &Datagram<'_>, ufrag: &str) -> Option<usize> {
        match self.directory.claim(ufrag, self.exchange.own) {
            Found::Newcomer(newcomer) => Some(self.admit(*newcomer)),
            Found::On(worker) => {
                self.routes.learn_elsewhere(datagram.source, worker);
                self.pass_on(datagram, &datagram.source)
            }
            Found::Nobody => None,
        }
    }

    /// Gives a datagram to the worker where its session lives, if that is known.
    pub(super) fn pass_on(
        &mut self,
        datagram: &Datagram<'_>,
        source: &SocketAddr,
    ) -> Option<usize> {
        let worker = self.routes.elsewhere(source)?;
        let Datagram { source, local, bytes } = *datagram;
        self.exchange.pass(worker, Passing::Datagram { source, local, bytes: bytes.to_vec() });
        None
    }

    /// Takes up what another worker has passed.
    pub(super) fn take_up(&mut self, batch: Vec<Passing>) {
        for passing in batch {
            match passing {
                Passing::Packet { track, packet } => self.take_packet(&track, packet),
                Passing::Stopped(track) => self.stop_remote_track(&track),
                Passing::KeyFrame { event, track, layer } => {
                    let now = self.micros();
                    let Some(&at) = self.rooms_by_event.get(&event) else { continue };
                    if let Some(room) = &mut self.rooms[at] {
                        room.core.want_key_frame(now, track, layer);
                    }
                    self.drain_room(at, None);
                }
                Passing::Datagram { source, local, bytes } => {
                    self.handle(&Datagram { source, local, bytes: &bytes });
                }
                Passing::End(session) => {
                    if let Some(&at) = self.sessions.get(&session) {
                        self.end(at);
                    }
                }
            }
        }
    }

    /// A packet of a publisher who lives on another worker.
    fn take_packet(&mut self, track: &Arc<RemoteTrack>, packet: TrackPacket) {
        let now = self.micros();
        // Without the room nobody here receives any more, and the other has not noticed yet.
        let Some(&at) = self.rooms_by_event.get(&track.event) else { return };
        let Some(id) = self.remote_track(at, track) else { return };
        let Some(room) = &mut self.rooms[at] else { return };
        let core_packet = packet.for_core(room.ring.next_token());
        let keep = room.core.handle_packet(now, id, packet.layer, &core_packet);
        let stored = stored(id, track.codec, track.format, packet);
        self.drain_room(at, Some(Arriving { stored, keep }));
    }

    /// The number of such a track in the core here.
    fn remote_track(&mut self, room_at: usize, track: &Arc<RemoteTrack>) -> Option<TrackId> {
        let (now, moment) = (self.micros(), self.now);
        let room = self.rooms[room_at].as_mut()?;
        if let Some(known) = room.remote_tracks.get_mut(&(track.worker, track.id)) {
            known.last_packet = moment;
            return Some(known.id);
        }
        let owner = room.owner(&track.person);
        let RemoteTrack { kind, codec, format, layers, .. } = **track;
        let id = room.core.add_track(now, owner, kind, codec, format, layers).ok()?;
        room.set_track(id, Some(Origin::Elsewhere { worker: track.worker, track: track.id }));
        room.remote_tracks
            .insert((track.worker, track.id), RemoteSource { id, last_packet: moment });
        self.drain_room(room_at, None);
        Some(id)
    }

    fn stop_remote_track(&mut self, track: &RemoteTrack) {
        let now = self.micros();
        let Some(&at) = self.rooms_by_event.get(&track.event) else { return };
        let Some(room) = &mut self.rooms[at] else { return };
        if let Some(source) = room.remote_tracks.remove(&(track.worker, track.id)) {
            room.core.remove_track(now, source.id);
            room.set_track(source.id, None);
            self.drain_room(at, None);
        }
    }

    pub(super) fn stop_silent_remote_tracks(&mut self, room_at: usize) {
        let (now, moment) = (self.micros(), self.now);
        let Some(room) = &mut self.rooms[room_at] else { return };
        let silent = room.remote_tracks.extract_if(|_, source| {
            moment.saturating_duration_since(source.last_packet) > REMOTE_SILENCE_MAX
        });
        let silent: Vec<TrackId> = silent.map(|(_, source)| source.id).collect();
        for id in silent {
            if let Some(room) = &mut self.rooms[room_at] {
                room.core.remove_track(now, id);
                room.set_track(id, None);
            }
            self.drain_room(room_at, None);
        }
    }

    /// A publisher has come back: the sessions it had before for the same end.
    pub(super) fn end_elders(&mut self, session: SessionId) {
        for (elder, place) in self.directory.elders(session) {
            match place {
                Place::On(worker) if worker != self.exchange.own => {
                    self.exchange.pass(worker, Passing::End(elder));
                }
                Place::On(_) => {
                    if let Some(&at) = self.sessions.get(&elder) {
                        self.end(at);
                    }
                }
                Place::Waiting => {
                    self.directory.remove(elder);
                }
            }
        }
    }

    /// Tells the other workers who keeps which seat in an event that is at home here.
    pub(super) fn tell_seats(&self, room_at: usize, class: Class, seating: &Seating) {
        let Some(room) = &self.rooms[room_at] else { return };
        let name = |seat: Option<Owner>| seat.and_then(|owner| room.person(owner));
        for (worker, mailbox) in self.mailboxes.iter().enumerate() {
            if worker != self.exchange.own {
                let seats = KeptSeats {
                    voices: seating.voices.map(name),
                    thumbnails: seating.thumbnails.map(name),
                };
                mailbox.set_seats(&room.id, class_for_server(class), seats);
            }
        }
    }

    /// Seats as the worker decided where the event is at home.
    pub(super) fn follow(&mut self, event: &base::EventId, class: ReceiverClass, seats: KeptSeats) {
        let now = self.micros();
        let at = self.room(event);
        if let Some(room) = &mut self.rooms[at] {
            let mut number = |seat: Option<_>| seat.map(|person| room.owner(&person));
            let seating = Seating {
                voices: seats.voices.map(&mut number),
                thumbnails: seats.thumbnails.map(&mut number),
            };
            room.core.follow(now, class_in_core(class), seating);
        }
        self.drain_room(at, None);
    }
}
