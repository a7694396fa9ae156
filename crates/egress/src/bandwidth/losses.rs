//! What a line loses: what of it is its own, and what comes from too much being sent.

use std::time::{Duration, Instant};

/// Loss is looked at over so long and so many packets at the least; where there are fewer, over
/// the longer time.
const LOSS_WINDOW: Duration = Duration::from_millis(500);
const LOSS_WINDOW_MAX: Duration = Duration::from_millis(1_500);
const LOSS_PACKETS_MIN: u32 = 50;

/// More than this is never taken for the line's own: no repair keeps up with it.
pub(super) const OWN_LOSS_MAX: f64 = 0.3;

/// How much each report weighs in the loss as it is told to others.
const RAW_LOSS_WEIGHT: f64 = 0.3;

/// How much each look weighs, and how much for the line's own loss.
const LOSS_WEIGHT: f64 = 0.25;
const OWN_LOSS_WEIGHT: f64 = 0.03;

/// After a cut because of loss, the loss of what was sent before still comes in for so long, with
/// the time that smaller layers need to begin.
const LOSS_TRIAL_SETTLES: Duration = Duration::from_millis(1_000);

/// How long the loss after a cut is then looked at, in packets.
const LOSS_TRIAL_PACKETS: u32 = 150;

/// The share of what is being sent that remains while it is tried whose a loss is.
pub(super) const LOSS_BACK_OFF: f64 = 0.6;

/// What is lost, and how much of it the line loses whatever is sent.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// The share lost in the last reports.
    pub(super) raw: f64,
    /// The share lost lately, looked at more slowly: a burst of losses is no nature of a line.
    pub(super) lately: f64,
    pub(super) own: f64,
    /// The line's own loss as the last trial showed it.
    shown: f64,
    looked_at: Option<Instant>,
    packets: u32,
    lost: u32,
    pub(super) trial: Option<LossTrial>,
}

/// A cut to find out whose the loss is.
#[derive(Debug, Clone, Copy)]
pub(super) struct LossTrial {
    since: Instant,
    pub(super) before_bps: f64,
    before: f64,
    packets: u32,
    lost: u32,
}

impl Losses {
    pub(super) fn note(&mut self, sent: Instant, arrived: bool) {
        self.packets += 1;
        self.lost += u32::from(!arrived);
        if let Some(trial) = &mut self.trial
            && sent >= trial.since + LOSS_TRIAL_SETTLES
        {
            trial.packets += 1;
            trial.lost += u32::from(!arrived);
        }
    }

    /// A report spoke of so many packets, and so many of them are missing.
    pub(super) fn note_report(&mut self, known: u32, missing: u32) {
        if known > 0 {
            let share = f64::from(missing) / f64::from(known);
            self.raw += (share - self.raw) * RAW_LOSS_WEIGHT;
        }
    }

    pub(super) fn look(&mut self, now: Instant) {
        let since = *self.looked_at.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        let few = self.packets < LOSS_PACKETS_MIN && passed < LOSS_WINDOW_MAX;
        if self.packets == 0 || passed < LOSS_WINDOW || few {
            return;
        }
        self.looked_at = Some(now);
        let share = f64::from(self.lost) / f64::from(self.packets);
        (self.packets, self.lost) = (0, 0);
        self.lately += (share - self.lately) * LOSS_WEIGHT;
        // It follows what is seen, but never above what a trial has shown.
        let own = self.own + (self.lately - self.own) * OWN_LOSS_WEIGHT;
        self.own = own.min(self.shown);
        if self.own < self.shown / 2.0 {
            self.shown = self.own;
        }
    }

    pub(super) fn excess(&self) -> f64 {
        (self.lately - self.own).max(0.0)
    }

    pub(super) fn begin_trial(&mut self, now: Instant, before_bps: f64) {
        self.trial =
            Some(LossTrial { since: now, before_bps, before: self.lately, packets: 0, lost: 0 });
    }

    /// Ends a trial that has seen enough. If the loss was the line's own, gives the estimate from
    /// before.
    pub(super) fn conclude_trial(&mut self, now: Instant) -> Option<f64> {
        let trial = self.trial?;
        let long = now.saturating_duration_since(trial.since) >= 4 * LOSS_TRIAL_SETTLES;
        if trial.packets < LOSS_TRIAL_PACKETS && !long {
            return None;
        }
        self.trial = None;
        let after = f64::from(trial.lost) / f64::from(trial.packets.max(1));
        // An overfull line would have lost so much less that as much as before arrived.
        let overfull = (1.0 - (1.0 - trial.before) / LOSS_BACK_OFF).max(0.0);
        if trial.packets == 0 || after < (trial.before + overfull) / 2.0 {
            return None;
        }
        self.own = after.max(self.own).min(OWN_LOSS_MAX);
        self.shown = self.own;
        self.lately = after;
        Some(trial.before_bps)
    }
}
