//! Keeping what is said and shown: the worker's part in `taps`.

use forwarding::sink::SinkId;
use forwarding::{Codec, TrackId, TrackKind};

use super::Worker;
use crate::peer::Side;
use crate::taps::NewTrack;

impl Worker {
    /// Takes up a track that begins.
    pub(super) fn tap(&mut self, at: usize, id: TrackId, kind: TrackKind, codec: Codec) {
        let Some(peer) = self.peers.get(at).and_then(Option::as_ref) else { return };
        let (room_at, owner, person) = (peer.room, peer.owner, peer.person.clone());
        let clock = peer.session.clock();
        if let Some(room) = &mut self.rooms[room_at] {
            room.taps.add(NewTrack { id, peer: at, owner, person, kind, codec, clock });
        }
        self.start_taps(room_at);
    }

    /// Asks for the key frames with which the pictures of new sinks can begin.
    pub(super) fn start_taps(&mut self, room_at: usize) {
        let Some(room) = &mut self.rooms[room_at] else { return };
        for (peer, kind) in room.taps.due(self.now) {
            self.request_all_layers(peer, kind);
        }
    }

    /// A subscriber asks for a key frame.
    pub(super) fn tap_key_frame(&mut self, sink: SinkId) {
        let now = self.now;
        let mut rooms = self.rooms.iter_mut().flatten();
        if let Some((peer, kind)) = rooms.find_map(|room| room.taps.want(now, sink)) {
            self.request_all_layers(peer, kind);
        }
    }

    fn request_all_layers(&mut self, at: usize, kind: TrackKind) {
        let peer = self.peers.get_mut(at).and_then(Option::as_mut);
        let Some(Side::Publisher(publisher)) = peer.map(|peer| &mut peer.side) else { return };
        for layer in 0..publisher.layers(kind) {
            self.statistics.key_frame_requests += 1;
            if let Err(failure) = publisher.request_key_frame(kind, layer) {
                self.failed.push((at, failure));
                return;
            }
        }
        self.mark_dirty(at);
    }
}
