//! How good the lines of the peers are: looked at every two seconds, told to the server when it
//! changes, sampled for the statistics.

use std::time::Duration;

use forwarding::SlotKind;
use str0m::stats::MediaIngressStats;

use super::Worker;
use crate::peer::Side;
use crate::quality::{LOOK_EVERY, LOST_AFTER, Measured, quality};
use crate::statistics::{
    BANDWIDTH_BOUNDS_BPS, LAYERS_COUNTED, LOSS_BOUNDS, ROUND_TRIP_BOUNDS_S, Statistics, WorkerLoad,
    thread_cpu_ns,
};
use crate::types::{Quality, SfuEvent};

/// A viewer's bandwidth is found out by asking the line for more, step by step. Before it was
/// asked for so long, too little bandwidth says nothing.
const BANDWIDTH_SETTLES: Duration = Duration::from_secs(10);

impl Worker {
    /// Looks at the line of a connected peer, if it is time.
    pub(super) fn look_at_line(&mut self, at: usize) {
        let now = self.now;
        let Some(peer) = self.peers[at].as_mut() else { return };
        if !peer.connected || now < peer.next_look {
            return;
        }
        peer.next_look = now + LOOK_EVERY;
        let Some(room) = &self.rooms[peer.room] else { return };
        let step = if now.saturating_duration_since(peer.last_heard) > LOST_AFTER {
            Quality::Lost
        } else {
            let measured = match &peer.side {
                Side::Publisher(publisher) => {
                    let measured = publisher.line.measured(now);
                    if let Some(measured) = &measured {
                        self.statistics.losses_in.note(&LOSS_BOUNDS, measured.loss);
                    }
                    measured.unwrap_or_default()
                }
                Side::Viewer(viewer) => {
                    let line = viewer.line();
                    if let Some(round_trip) = line.round_trip {
                        let samples = &mut self.statistics.round_trips;
                        samples.note(&ROUND_TRIP_BOUNDS_S, round_trip.as_secs_f64());
                        self.statistics.losses_out.note(&LOSS_BOUNDS, line.loss);
                    }
                    #[expect(clippy::cast_precision_loss, reason = "bits a second of one line")]
                    let bps = line.estimate_bps as f64;
                    if viewer.side.reports_arrival && viewer.picture_since.is_some() {
                        self.statistics.bandwidths.note(&BANDWIDTH_BOUNDS_BPS, bps);
                    }
                    let settled = viewer.side.reports_arrival
                        && viewer.picture_since.is_some_and(|at| now >= at + BANDWIDTH_SETTLES);
                    let demand = viewer.id.filter(|_| settled).map(|id| room.core.demand(id));
                    #[expect(clippy::cast_precision_loss, reason = "bits a second of one line")]
                    let bandwidth_share = demand
                        .filter(|demand| demand.next_bps > 0 && demand.wish_bps > 0)
                        .map(|demand| bps / demand.wish_bps as f64);
                    Measured {
                        loss: line.loss,
                        round_trip: line.round_trip.unwrap_or_default(),
                        jitter: Duration::ZERO,
                        bandwidth_share,
                    }
                }
            };
            quality(&measured)
        };
        if let Some(quality) = peer.mark.note(step) {
            self.outlet.push(SfuEvent::Quality {
                event: room.id.clone(),
                person: peer.person.clone(),
                session: peer.session,
                quality,
            });
        }
    }

    /// What the engine of a publisher found out about one of its streams.
    pub(super) fn note_stream(&mut self, at: usize, stats: &MediaIngressStats) {
        let Some(peer) = self.peers[at].as_mut() else { return };
        let Side::Publisher(publisher) = &mut peer.side else { return };
        let section = publisher.sections.iter().find(|section| section.mid == stats.mid);
        let is_audio = section.is_some_and(|section| section.kind.is_audio());
        self.statistics.nacks_sent += publisher.line.note(self.now, is_audio, stats);
    }

    /// Everything counted so far, and how things are now.
    pub(super) fn count(&self) -> (Statistics, WorkerLoad) {
        let mismatches: u64 = self.rooms.iter().flatten().map(|room| room.core.mismatches()).sum();
        let mut statistics = self.statistics;
        statistics.codec_mismatches += mismatches;
        statistics.events_lost = self.outlet.lost();
        let mut peers = 0;
        for peer in self.peers.iter().flatten() {
            peers += 1;
            let (Side::Viewer(viewer), Some(room)) = (&peer.side, &self.rooms[peer.room]) else {
                continue;
            };
            let Some(id) = viewer.id else { continue };
            let layer = room.core.layer(id, SlotKind::Main);
            let place = layer.map_or(0, |layer| 1 + usize::from(layer).min(LAYERS_COUNTED - 1));
            statistics.main_picture[place] += 1;
        }
        let load = WorkerLoad { cpu_ns: thread_cpu_ns(), peers, ..self.work };
        (statistics, load)
    }
}
