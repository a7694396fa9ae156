//! What came out of a rehearsal, before it is judged as a whole.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use base::PersonId;

use super::desk::Record;
use super::timeline::{Moment, Verdict};
use crate::live::View;
use crate::pulse::Stalls;
use crate::reception::{Histogram, Reception};
use crate::whip::Sent;

/// Something that had to be refused, or to succeed, apart from media.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    /// Stable word of the check that it belongs to.
    pub(super) check: &'static str,
    /// What went wrong, if it did.
    pub(super) fault: Option<String>,
}

/// What came out, before it is judged as a whole.
pub(super) struct Outcome {
    pub(super) voices: String,
    pub(super) began: SystemTime,
    pub(super) took: Duration,
    pub(super) stage: Vec<PersonId>,
    pub(super) guest: Option<PersonId>,
    pub(super) timeline: Vec<Moment>,
    pub(super) trials: Vec<Trial>,
    pub(super) record: Option<Record>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) totals: Totals,
    pub(super) sent: Vec<Sent>,
    pub(super) views: BTreeMap<PersonId, View>,
    pub(super) live_joins: Vec<Duration>,
    pub(super) publish_joins: Vec<Duration>,
    pub(super) receive_joins: Vec<Duration>,
    /// Holders of the floor in order, with the moments asked and acknowledged.
    pub(super) floors: Vec<(Instant, Instant, Option<PersonId>)>,
    /// The proceedings as the server gave them.
    pub(super) proceedings: Result<String, String>,
    pub(super) stalls: Stalls,
}

/// What all receivers received together.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) receivers: u64,
    pub(super) voice_delay: Histogram,
    pub(super) picture_delay: Histogram,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) lost: u64,
    pub(super) unknown: u64,
    pub(super) misplaced: u64,
    pub(super) late: u64,
    pub(super) ssrc_changes: u64,
    pub(super) time_steps_back: u64,
    pub(super) frames: u64,
    pub(super) frames_undecodable: u64,
    pub(super) key_frames_asked: u64,
}

impl Totals {
    pub(super) fn add(&mut self, reception: &Reception) {
        self.receivers += 1;
        self.voice_delay.merge(&reception.voice_delay);
        self.picture_delay.merge(&reception.picture_delay);
        self.key_frames_asked += reception.key_frames_asked;
        for (_, slot) in &reception.slots {
            self.packets += slot.packets;
            self.bytes += slot.bytes;
            self.lost += slot.lost();
            self.unknown += slot.unknown;
            self.misplaced += slot.misplaced;
            self.late += slot.late;
            self.ssrc_changes += slot.ssrc_changes;
            self.time_steps_back += slot.time_steps_back;
            self.frames += slot.frames;
            self.frames_undecodable += slot.frames_undecodable;
        }
    }
}
