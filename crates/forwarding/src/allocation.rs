//! Which layer of each picture a receiver gets, from the bandwidth it has.
//!
//! Sound comes first and is never bargained with. Then every picture gets its smallest layer, the
//! screen before the main picture before the thumbnails, as far as the bandwidth goes; then the
//! screen and the main picture grow.

use crate::plan::{SLOTS, SlotKind};
use crate::track::LAYERS_MAX;

/// Set aside for each voice that may be heard, whatever the estimate says: Opus with headers.
const VOICE_BPS: u64 = 50_000;

/// A larger layer is taken only if this much more than it needs is there, in percent, so that a
/// layer at the limit does not come and go.
const GROWTH_MARGIN_PERCENT: u64 = 120;

/// A larger layer that runs may need this much of what is there, in percent.
const KEEP_LARGE_PERCENT: u64 = 100;

/// The smallest layer that runs is given up only below this share, in percent: estimates fall
/// short of what is being carried by a fifth after every hiccup, and the next step is no picture.
const KEEP_SMALLEST_PERCENT: u64 = 60;

/// For a moment even less will do, see [`Keeping::Patiently`].
const KEEP_PATIENTLY_PERCENT: u64 = 30;

/// The screen and the main picture begin if their smallest layer about fits: an estimate made
/// without pictures, or with a smaller one, says too little to show nothing.
const BEGIN_PERCENT: u64 = 80;

/// How firmly pictures that run are kept when the bandwidth is too small even for their smallest
/// layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// The shortage has lasted.
    Strictly,
    /// The shortage may be a hiccup of the measurement.
    Patiently,
}

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

    /// From the smallest up.
    fn rising(&self) -> impl Iterator<Item = Offer> + '_ {
        self.offers[..self.count].iter().flatten().copied()
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

/// What a receiver gets, and what it would be worth having more bandwidth for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allocation {
    /// The layer of every picture slot; `None` where there is nothing to send or no room for it.
    pub(crate) layers: [Option<u8>; SLOTS],
    /// A picture that runs does not fit any more.
    pub(crate) given_up: bool,
    /// Bits a second in all with which the next picture would appear or grow; 0 when none would.
    pub(crate) next_bps: u64,
    /// Bits a second with which everything would be sent at its largest; 0 without any picture.
    pub(crate) wish_bps: u64,
}

/// Chooses a layer for every picture slot. `estimate_bps` is what the receiver's network carries;
/// while nobody knows (`None`), every picture begins with its smallest layer, so that even a thin
/// line is not flooded in the first seconds. `voices` is the number of voices to set aside for.
pub(crate) fn allocate(
    choices: &[Choice; SLOTS],
    voices: usize,
    estimate_bps: Option<u64>,
    keeping: Keeping,
) -> Allocation {
    let keep = match keeping {
        Keeping::Strictly => KEEP_SMALLEST_PERCENT,
        Keeping::Patiently => KEEP_PATIENTLY_PERCENT,
    };
    let sound_bps = VOICE_BPS * voices as u64;
    let mut chosen: [Option<Offer>; SLOTS] = [None; SLOTS];
    let mut left = estimate_bps.unwrap_or(u64::MAX).saturating_sub(sound_bps);
    let (mut used_bps, mut next_bps) = (sound_bps, 0);
    for slot in FIRST_ROUND.map(SlotKind::index) {
        let choice = &choices[slot];
        let Some(smallest) = choice.smallest() else { continue };
        let share = match choice.running {
            Some(_) => keep,
            None if SECOND_ROUND.iter().any(|kind| kind.index() == slot) => BEGIN_PERCENT,
            None => GROWTH_MARGIN_PERCENT,
        };
        if percent(smallest.rate_bps, share) <= left {
            left = left.saturating_sub(smallest.rate_bps);
            used_bps += smallest.rate_bps;
            chosen[slot] = Some(smallest);
        } else if next_bps == 0 {
            next_bps = used_bps + percent(smallest.rate_bps, GROWTH_MARGIN_PERCENT);
        }
    }
    for slot in SECOND_ROUND.map(SlotKind::index) {
        let choice = &choices[slot];
        let Some(smallest) = chosen[slot] else { continue };
        if estimate_bps.is_none() {
            continue;
        }
        let budget = left.saturating_add(smallest.rate_bps);
        let mut larger = smallest;
        for offer in choice.rising().filter(|offer| *offer != smallest) {
            let share = if choice.running == Some(offer.layer) {
                KEEP_LARGE_PERCENT
            } else {
                GROWTH_MARGIN_PERCENT
            };
            if percent(offer.rate_bps, share) <= budget {
                larger = offer;
            } else if next_bps == 0 {
                let grown = percent(offer.rate_bps, GROWTH_MARGIN_PERCENT);
                next_bps = (used_bps + grown).saturating_sub(smallest.rate_bps);
            }
        }
        used_bps += larger.rate_bps - smallest.rate_bps;
        left = budget.saturating_sub(larger.rate_bps);
        chosen[slot] = Some(larger);
    }
    let wish_bps = match wish_bps(choices) {
        0 => 0,
        pictures => sound_bps + pictures,
    };
    let given_up = (0..SLOTS).any(|s| choices[s].running.is_some() && chosen[s].is_none());
    Allocation {
        given_up,
        layers: chosen.map(|offer| offer.map(|offer| offer.layer)),
        next_bps,
        wish_bps,
    }
}

const fn percent(bps: u64, share: u64) -> u64 {
    bps.saturating_mul(share) / 100
}

fn wish_bps(choices: &[Choice; SLOTS]) -> u64 {
    let largest = |slot: &SlotKind| choices[slot.index()].rising().last();
    let smallest = |slot: &SlotKind| choices[slot.index()].smallest();
    let grown: u64 = SECOND_ROUND
        .iter()
        .filter_map(largest)
        .map(|offer| percent(offer.rate_bps, GROWTH_MARGIN_PERCENT))
        .sum();
    let small: u64 = FIRST_ROUND[2..].iter().filter_map(smallest).map(|o| o.rate_bps).sum();
    grown + small
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
            (None, None, Some(2), Some(2)),
            (Some(5_000_000), None, Some(0), Some(2)),
            (Some(1_900_000), None, Some(1), Some(2)),
            (Some(1_900_000), Some(0), Some(0), Some(2)),
            (Some(1_900_000), Some(1), Some(1), Some(2)),
            (Some(500_000), Some(0), Some(2), Some(2)),
            (Some(350_000), Some(0), Some(2), None),
            (Some(250_000), Some(2), Some(2), None),
            (Some(230_000), Some(2), None, None),
            (Some(320_000), None, Some(2), None),
            (Some(260_000), None, None, None),
            (Some(64_000), Some(2), None, None),
        ] {
            let got = allocate(&choices(running), 3, estimate, Keeping::Strictly).layers;
            assert_eq!((got[MAIN], got[THUMB]), (main, thumb), "{estimate:?} {running:?}");
        }
    }

    #[test]
    fn a_hiccup_takes_no_picture_away() {
        let main = |estimate, keeping| {
            let got = allocate(&choices(Some(2)), 1, Some(estimate), keeping);
            (got.layers[MAIN], got.given_up)
        };
        assert_eq!(main(120_000, Keeping::Strictly), (None, true));
        assert_eq!(main(120_000, Keeping::Patiently), (Some(2), false));
        assert_eq!(main(80_000, Keeping::Patiently), (None, true));
    }

    #[test]
    fn the_screen_comes_first() {
        let mut all = choices(None);
        all[SCREEN].add(Offer { layer: 0, rate_bps: 700_000 });
        let got = allocate(&all, 1, Some(1_150_000), Keeping::Strictly).layers;
        assert_eq!((got[SCREEN], got[MAIN], got[THUMB]), (Some(0), Some(2), Some(2)));
    }

    #[test]
    fn a_thumbnail_is_always_the_smallest_layer() {
        let got = allocate(&choices(None), 3, Some(100_000_000), Keeping::Strictly);
        assert_eq!(got.layers[THUMB], Some(2));
        assert_eq!((got.next_bps, got.wish_bps), (0, 150_000 + 1_800_000 + 150_000));
        let nothing = allocate(&[Choice::default(); SLOTS], 3, Some(500_000), Keeping::Strictly);
        assert_eq!((nothing.next_bps, nothing.wish_bps), (0, 0), "nothing to look for");
    }

    #[test]
    fn the_next_step_is_known() {
        let next =
            |estimate| allocate(&choices(None), 1, Some(estimate), Keeping::Strictly).next_bps;
        assert_eq!(next(100_000), 50_000 + 180_000, "the main picture appears");
        assert_eq!(next(300_000), 50_000 + 150_000 + 180_000, "the thumbnail appears");
        assert_eq!(next(500_000), 50_000 + 150_000 + 600_000, "the main picture grows");
        assert_eq!(next(900_000), 50_000 + 150_000 + 1_800_000, "and grows again");
    }
}
