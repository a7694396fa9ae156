//! Which layer of each picture a receiver gets, from the bandwidth it has.
//!
//! Sound comes first and is never bargained with. Then every picture gets its smallest layer, the
//! screen before the main picture before the thumbnails, as far as the bandwidth goes; then the
//! screen and the main picture grow.

use crate::plan::{SLOTS, SlotKind};
use crate::track::LAYERS_MAX;

/// Set aside for sound, whatever the estimate says: three Opus voices with headers.
const SOUND_BPS: u64 = 3 * 50_000;

/// A larger layer is taken only if this much more than it needs is there, in percent, so that a
/// layer at the limit does not come and go.
const GROWTH_MARGIN_PERCENT: u64 = 120;

/// One layer that could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The number of the layer in its track.
    pub(crate) layer: u8,
    pub(crate) rate_bps: u64,
}

/// The layers of one slot's track, from the smallest to the largest, and the one that runs now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Choice {
    offers: [Option<Offer>; LAYERS_MAX],
    count: usize,
    pub(crate) running: Option<u8>,
}

impl Choice {
    /// Adds an offer in its place by rate.
    pub(crate) fn add(&mut self, offer: Offer) {
        if self.count == LAYERS_MAX {
            return;
        }
        let mut at = self.count;
        while at > 0 && self.offers[at - 1].is_some_and(|o| o.rate_bps > offer.rate_bps) {
            self.offers[at] = self.offers[at - 1];
            at -= 1;
        }
        self.offers[at] = Some(offer);
        self.count += 1;
    }

    fn smallest(&self) -> Option<Offer> {
        self.offers[0]
    }

    /// From the largest down.
    fn falling(&self) -> impl Iterator<Item = Offer> + '_ {
        self.offers[..self.count].iter().rev().flatten().copied()
    }
}

/// The order in which pictures get their smallest layer.
const FIRST_ROUND: [SlotKind; 6] = [
    SlotKind::Screen,
    SlotKind::Main,
    SlotKind::Thumbnail(0),
    SlotKind::Thumbnail(1),
    SlotKind::Thumbnail(2),
    SlotKind::Thumbnail(3),
];

/// Those that may grow beyond it.
const SECOND_ROUND: [SlotKind; 2] = [SlotKind::Screen, SlotKind::Main];

/// Chooses a layer for every picture slot; `None` where there is nothing to send or no room for
/// it. `estimate_bps` is what the receiver's network carries, `None` while nobody knows.
pub(crate) fn allocate(
    choices: &[Choice; SLOTS],
    estimate_bps: Option<u64>,
) -> [Option<u8>; SLOTS] {
    let mut chosen: [Option<Offer>; SLOTS] = [None; SLOTS];
    let mut left = estimate_bps.unwrap_or(u64::MAX).saturating_sub(SOUND_BPS);
    for slot in FIRST_ROUND.map(SlotKind::index) {
        let choice = &choices[slot];
        let Some(smallest) = choice.smallest() else { continue };
        // What already runs may stay up to the limit, what does not run must clear it with room.
        if fits(smallest.rate_bps, left, choice.running.is_some()) {
            left -= smallest.rate_bps.min(left);
            chosen[slot] = Some(smallest);
        }
    }
    for slot in SECOND_ROUND.map(SlotKind::index) {
        let choice = &choices[slot];
        let Some(smallest) = chosen[slot] else { continue };
        let budget = left.saturating_add(smallest.rate_bps);
        let larger = choice.falling().find(|offer| {
            fits(offer.rate_bps, budget, choice.running == Some(offer.layer)) || *offer == smallest
        });
        if let Some(larger) = larger {
            left = budget.saturating_sub(larger.rate_bps);
            chosen[slot] = Some(larger);
        }
    }
    chosen.map(|offer| offer.map(|offer| offer.layer))
}

const fn fits(rate_bps: u64, budget_bps: u64, runs_already: bool) -> bool {
    let margin = if runs_already { 100 } else { GROWTH_MARGIN_PERCENT };
    rate_bps.saturating_mul(margin) / 100 <= budget_bps
}

/// What the receiver would get if its network carried everything: the aim for bandwidth probing.
pub(crate) fn wish_bps(choices: &[Choice; SLOTS]) -> u64 {
    let largest = |slot: &SlotKind| choices[slot.index()].falling().next();
    let smallest = |slot: &SlotKind| choices[slot.index()].smallest();
    let grown: u64 = SECOND_ROUND
        .iter()
        .filter_map(largest)
        .map(|o| o.rate_bps * GROWTH_MARGIN_PERCENT / 100)
        .sum();
    let small: u64 = FIRST_ROUND[2..].iter().filter_map(smallest).map(|o| o.rate_bps).sum();
    SOUND_BPS + grown + small
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: usize = SlotKind::Main.index();
    const SCREEN: usize = SlotKind::Screen.index();
    const THUMB: usize = SlotKind::Thumbnail(0).index();

    fn choices(running: Option<u8>) -> [Choice; SLOTS] {
        let mut all = [Choice::default(); SLOTS];
        // Senders number their layers as they like: here 2 is the smallest.
        for (layer, rate_bps) in [(0, 1_500_000), (2, 150_000), (1, 500_000)] {
            all[MAIN].add(Offer { layer, rate_bps });
            all[THUMB].add(Offer { layer, rate_bps });
        }
        all[MAIN].running = running;
        all
    }

    #[test]
    fn pictures_grow_and_shrink_with_the_bandwidth() {
        for (estimate, running, main, thumb) in [
            (None, None, Some(0), Some(2)),
            (Some(5_000_000), None, Some(0), Some(2)),
            (Some(1_700_000), None, Some(1), Some(2)),
            (Some(1_900_000), Some(0), Some(0), Some(2)),
            (Some(1_900_000), Some(1), Some(1), Some(2)),
            (Some(500_000), Some(0), Some(2), Some(2)),
            (Some(350_000), Some(0), Some(2), None),
            (Some(160_000), Some(2), None, None),
            (Some(64_000), Some(2), None, None),
        ] {
            let got = allocate(&choices(running), estimate);
            assert_eq!((got[MAIN], got[THUMB]), (main, thumb), "{estimate:?} {running:?}");
        }
    }

    #[test]
    fn the_screen_comes_first() {
        let mut all = choices(None);
        all[SCREEN].add(Offer { layer: 0, rate_bps: 700_000 });
        let got = allocate(&all, Some(1_250_000));
        assert_eq!((got[SCREEN], got[MAIN], got[THUMB]), (Some(0), Some(2), Some(2)));
    }

    #[test]
    fn a_thumbnail_is_always_the_smallest_layer() {
        assert_eq!(allocate(&choices(None), None)[THUMB], Some(2));
        assert_eq!(wish_bps(&choices(None)), SOUND_BPS + 1_800_000 + 150_000);
    }
}
