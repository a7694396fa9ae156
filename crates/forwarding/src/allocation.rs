//! Which layer of each picture a receiver gets, from the bandwidth it has.
//!
//! Sound comes first and is never bargained with. Then every picture gets the least that there is
//! of it, the screen before the main picture before the thumbnails, as far as the bandwidth goes;
//! then all become smooth, and at last the screen and the main picture grow.
//!
//! What a layer is (how large, how smooth) puts it in its place on the [`Ladder`] of its track; what
//! it costs at the moment only tells whether it fits. So a picture that rests, and costs nothing,
//! is shown at its largest.

use crate::codec::Level;
use crate::plan::{SLOTS, SlotKind};
use crate::track::LAYERS_MAX;

/// Set aside for each voice that may be heard, whatever the estimate says: Opus with headers.
const VOICE_BPS: u64 = 50_000;

/// On a thinner line there are no pictures, however small: what they take in bursts, the voice
/// waits for.
const PICTURES_BPS_MIN: u64 = 120_000;

/// A larger layer is taken only if this much more than it needs is there, in percent, so that a
/// layer at the limit does not come and go.
const GROWTH_MARGIN_PERCENT: u64 = 120;

/// What runs, or less of it, may need this much of what is there, in percent.
const KEEP_PERCENT: u64 = 100;

/// The least that runs is given up only below this share, in percent: estimates fall short of what
/// is being carried by a fifth after every hiccup, and the next step is no picture.
const KEEP_SMALLEST_PERCENT: u64 = 60;

/// For a moment even less will do, see [`Keeping::Patiently`].
const KEEP_PATIENTLY_PERCENT: u64 = 30;

/// The screen and the main picture begin if their least about fits: an estimate made without
/// pictures, or with a smaller one, says too little to show nothing.
const BEGIN_PERCENT: u64 = 80;

/// A thumbnail of fewer pixels than 160 × 90 shows nobody; where a track has a larger layer, that
/// is the one for thumbnails.
const THUMBNAIL_PIXELS_MIN: u32 = 160 * 90;

/// Steps of a ladder: each of a track's encodings with two temporal or spatial layers more.
const RUNGS_MAX: usize = LAYERS_MAX * 3;

/// How firmly pictures that run are kept when the bandwidth is too small even for their smallest
/// layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// The shortage has lasted.
    Strictly,
    /// The shortage may be a hiccup of the measurement.
    Patiently,
}

/// One thing that could be sent of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The number of the encoding in its track.
    pub(crate) layer: u8,
    /// Up to which of the encoding's own layers.
    pub(crate) ceiling: Level,
    /// Where its size stands among those that the track has, 0 the smallest.
    pub(crate) size_rank: u8,
    /// How large it is, where that is known.
    pub(crate) pixels: Option<u32>,
    /// It has as many pictures a second as there are.
    pub(crate) smooth: bool,
    pub(crate) rate_bps: u64,
}

/// What could be sent in one slot, from the least to the best, and what of it is being sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ladder {
    rungs: [Option<Offer>; RUNGS_MAX],
    count: usize,
    /// A picture of the track runs.
    pub(crate) runs: bool,
    /// The rung that runs, or that will with the next key frame.
    current: Option<usize>,
    /// It may not grow now, for it had to shrink a moment ago.
    pub(crate) held: bool,
}

impl Ladder {
    /// Adds the next better offer.
    pub(crate) fn add(&mut self, offer: Offer) {
        if self.count < RUNGS_MAX {
            self.rungs[self.count] = Some(offer);
            self.count += 1;
        }
    }

    /// Says what is being sent, if it is still to be had.
    pub(crate) fn set_current(&mut self, layer: u8, ceiling: Level) {
        let exact = |offer: &Offer| offer.layer == layer && offer.ceiling == ceiling;
        let same_layer = |offer: &Offer| offer.layer == layer && offer.smooth;
        self.current = self.place_of(exact).or_else(|| self.place_of(same_layer));
    }

    /// From the least to the best.
    pub(crate) fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.rungs[..self.count].iter().flatten()
    }

    fn place_of(&self, which: impl Fn(&Offer) -> bool) -> Option<usize> {
        self.offers().position(which)
    }

    fn rung(&self, place: usize) -> Option<Offer> {
        self.rungs.get(place).copied().flatten()
    }

    fn least(&self) -> Option<Offer> {
        self.rungs[0]
    }

    /// The best rung of the smallest size that serves: for a thumbnail, or while nothing is known.
    fn modest(&self, pixels_min: u32) -> usize {
        let serves = |offer: &&Offer| offer.pixels.is_none_or(|pixels| pixels >= pixels_min);
        let found = self.offers().find(serves).or(self.offers().last());
        let rank = found.map(|offer| offer.size_rank);
        self.rungs[..self.count]
            .iter()
            .rposition(|offer| offer.map(|offer| offer.size_rank) == rank)
            .unwrap_or_default()
    }

    fn best(&self) -> usize {
        self.count.saturating_sub(1)
    }
}

/// The order in which pictures get what they get.
const ORDER: [SlotKind; 6] = [
    SlotKind::Screen,
    SlotKind::Main,
    SlotKind::Thumbnail(0),
    SlotKind::Thumbnail(1),
    SlotKind::Thumbnail(2),
    SlotKind::Thumbnail(3),
];

/// Whether pictures in this slot may grow to whatever there is.
const fn is_large(kind: SlotKind) -> bool {
    matches!(kind, SlotKind::Screen | SlotKind::Main)
}

/// What a slot gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick {
    pub(crate) layer: u8,
    pub(crate) ceiling: Level,
    /// Less, or more, than what is being sent now.
    pub(crate) change: Option<Change>,
}

/// How a pick differs from what is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Shrinks,
    Grows,
}

/// What a receiver gets, and what it would be worth having more bandwidth for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allocation {
    /// What every picture slot gets; `None` where there is nothing to send or no room for it.
    pub(crate) picks: [Option<Pick>; SLOTS],
    /// A picture that runs does not fit any more.
    pub(crate) given_up: bool,
    /// Bits a second in all with which the next picture would appear or grow; 0 when none would.
    pub(crate) next_bps: u64,
    /// Bits a second with which everything would be sent at its largest; 0 without any picture.
    pub(crate) wish_bps: u64,
}

/// Chooses for every picture slot. `estimate_bps` is what the receiver's network carries; while
/// nobody knows (`None`), the screen and the main picture begin small and the thumbnails wait, so
/// that a thin line is not flooded in the first moments. `voices` is the number of voices to set aside
/// for.
pub(crate) fn allocate(
    ladders: &[Ladder; SLOTS],
    voices: usize,
    estimate_bps: Option<u64>,
    keeping: Keeping,
) -> Allocation {
    let sound_bps = VOICE_BPS * voices as u64;
    let mut share = Share {
        ladders,
        chosen: [None; SLOTS],
        left_bps: estimate_bps.unwrap_or(u64::MAX).saturating_sub(sound_bps),
        used_bps: sound_bps,
        next_bps: 0,
    };
    let too_thin = estimate_bps.is_some_and(|bps| bps < PICTURES_BPS_MIN);
    let known = estimate_bps.is_some();
    let large_comes =
        ORDER.iter().any(|kind| is_large(*kind) && ladders[kind.index()].least().is_some());
    for kind in ORDER {
        // What runs goes on; a thumbnail waits until a larger picture has shown what the line
        // carries, if there is one.
        let waits = !known && large_comes && !is_large(kind) && !ladders[kind.index()].runs;
        share.begin(kind, keeping, too_thin || waits);
    }
    for kind in ORDER {
        let pixels_min = if is_large(kind) { 0 } else { THUMBNAIL_PIXELS_MIN };
        share.grow(kind, ladders[kind.index()].modest(pixels_min));
    }
    if known {
        for kind in ORDER.into_iter().filter(|kind| is_large(*kind)) {
            share.grow(kind, ladders[kind.index()].best());
        }
    }
    let Share { chosen, next_bps, .. } = share;
    let picks = std::array::from_fn(|slot| {
        let (ladder, place) = (&ladders[slot], chosen[slot]?);
        let Offer { layer, ceiling, .. } = ladder.rung(place)?;
        let change = match ladder.current {
            Some(current) if place < current => Some(Change::Shrinks),
            Some(current) if place > current => Some(Change::Grows),
            _ => None,
        };
        Some(Pick { layer, ceiling, change })
    });
    let wish_bps = match wish_bps(ladders) {
        0 => 0,
        pictures => sound_bps + pictures,
    };
    let given_up = (0..SLOTS).any(|slot| ladders[slot].runs && chosen[slot].is_none());
    Allocation { given_up, picks, next_bps, wish_bps }
}

/// The bandwidth while it is being shared out.
struct Share<'a> {
    ladders: &'a [Ladder; SLOTS],
    /// Places on the ladders.
    chosen: [Option<usize>; SLOTS],
    left_bps: u64,
    used_bps: u64,
    next_bps: u64,
}

impl Share<'_> {
    /// The least of a picture, if it fits.
    fn begin(&mut self, kind: SlotKind, keeping: Keeping, barred: bool) {
        let slot = kind.index();
        let ladder = &self.ladders[slot];
        let Some(least) = ladder.least() else { return };
        let share = match keeping {
            Keeping::Strictly if ladder.runs => KEEP_SMALLEST_PERCENT,
            Keeping::Patiently if ladder.runs => KEEP_PATIENTLY_PERCENT,
            _ if is_large(kind) => BEGIN_PERCENT,
            _ => GROWTH_MARGIN_PERCENT,
        };
        let barred = barred && !(ladder.runs && keeping == Keeping::Patiently);
        if !barred && percent(least.rate_bps, share) <= self.left_bps {
            self.left_bps = self.left_bps.saturating_sub(least.rate_bps);
            self.used_bps += least.rate_bps;
            self.chosen[slot] = Some(0);
        } else if self.next_bps == 0 {
            let needed = self.used_bps + percent(least.rate_bps, GROWTH_MARGIN_PERCENT);
            self.next_bps = needed.max(PICTURES_BPS_MIN);
        }
    }

    /// The best rung up to `most` that fits instead of the one that was chosen.
    fn grow(&mut self, kind: SlotKind, most: usize) {
        let slot = kind.index();
        let ladder = &self.ladders[slot];
        let Some(place) = self.chosen[slot] else { return };
        let Some(chosen) = ladder.rung(place) else { return };
        let budget_bps = self.left_bps.saturating_add(chosen.rate_bps);
        let (mut best, mut best_place) = (chosen, place);
        for at in place + 1..=most {
            let Some(offer) = ladder.rung(at) else { break };
            let kept = ladder.current.is_some_and(|current| at <= current);
            let share = if kept { KEEP_PERCENT } else { GROWTH_MARGIN_PERCENT };
            if !kept && ladder.held {
                continue;
            }
            if percent(offer.rate_bps, share) <= budget_bps {
                (best, best_place) = (offer, at);
            } else if self.next_bps == 0 {
                let grown = percent(offer.rate_bps, GROWTH_MARGIN_PERCENT);
                self.next_bps = (self.used_bps + grown).saturating_sub(chosen.rate_bps);
            }
        }
        self.used_bps = (self.used_bps + best.rate_bps).saturating_sub(chosen.rate_bps);
        self.left_bps = budget_bps.saturating_sub(best.rate_bps);
        self.chosen[slot] = Some(best_place);
    }
}

const fn percent(bps: u64, share: u64) -> u64 {
    bps.saturating_mul(share) / 100
}

fn wish_bps(ladders: &[Ladder; SLOTS]) -> u64 {
    let wish = |kind: &SlotKind| {
        let ladder = &ladders[kind.index()];
        if is_large(*kind) {
            let best = ladder.rung(ladder.best())?;
            Some(percent(best.rate_bps, GROWTH_MARGIN_PERCENT))
        } else {
            Some(ladder.rung(ladder.modest(THUMBNAIL_PIXELS_MIN))?.rate_bps)
        }
    };
    ORDER.iter().filter_map(wish).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: usize = SlotKind::Main.index();
    const SCREEN: usize = SlotKind::Screen.index();
    const THUMB: usize = SlotKind::Thumbnail(0).index();

    fn offer(layer: u8, size_rank: u8, rate_bps: u64) -> Offer {
        Offer { layer, ceiling: Level::TOP, size_rank, pixels: None, smooth: true, rate_bps }
    }

    fn ladders(running: Option<u8>) -> [Ladder; SLOTS] {
        let mut all = [Ladder::default(); SLOTS];
        // Senders number their layers as they like: here 2 is the smallest.
        for (rank, layer, rate_bps) in [(0, 2, 150_000), (1, 1, 500_000), (2, 0, 1_500_000)] {
            all[MAIN].add(offer(layer, rank, rate_bps));
            all[THUMB].add(offer(layer, rank, rate_bps));
        }
        if let Some(layer) = running {
            all[MAIN].runs = true;
            all[MAIN].set_current(layer, Level::TOP);
        }
        all
    }

    fn layer(allocation: &Allocation, slot: usize) -> Option<u8> {
        allocation.picks[slot].map(|pick| pick.layer)
    }

    #[test]
    fn pictures_grow_and_shrink_with_the_bandwidth() {
        for (estimate, running, main, thumb) in [
            (None, None, Some(2), None),
            (Some(5_000_000), None, Some(0), Some(2)),
            (Some(1_900_000), None, Some(1), Some(2)),
            (Some(1_900_000), Some(0), Some(0), Some(2)),
            (Some(1_900_000), Some(1), Some(1), Some(2)),
            (Some(850_000), Some(2), Some(2), Some(2)),
            (Some(850_000), Some(0), Some(1), Some(2)),
            (Some(500_000), Some(0), Some(2), Some(2)),
            (Some(350_000), Some(0), Some(2), None),
            (Some(250_000), Some(2), Some(2), None),
            (Some(230_000), Some(2), None, None),
            (Some(320_000), None, Some(2), None),
            (Some(260_000), None, None, None),
            (Some(64_000), Some(2), None, None),
        ] {
            let got = allocate(&ladders(running), 3, estimate, Keeping::Strictly);
            assert_eq!(
                (layer(&got, MAIN), layer(&got, THUMB)),
                (main, thumb),
                "{estimate:?} {running:?}"
            );
        }
    }

    #[test]
    fn a_hiccup_takes_no_picture_away() {
        let main = |estimate, keeping| {
            let got = allocate(&ladders(Some(2)), 1, Some(estimate), keeping);
            (layer(&got, MAIN), got.given_up)
        };
        assert_eq!(main(130_000, Keeping::Strictly), (None, true));
        assert_eq!(main(110_000, Keeping::Patiently), (Some(2), false));
        assert_eq!(main(80_000, Keeping::Patiently), (None, true));
    }

    #[test]
    fn the_screen_comes_first() {
        let mut all = ladders(None);
        all[SCREEN].add(offer(0, 0, 700_000));
        let got = allocate(&all, 1, Some(1_150_000), Keeping::Strictly);
        assert_eq!(
            [SCREEN, MAIN, THUMB].map(|slot| layer(&got, slot)),
            [Some(0), Some(2), Some(2)]
        );
    }

    #[test]
    fn a_thumbnail_is_the_smallest_layer_that_serves() {
        let got = allocate(&ladders(None), 3, Some(100_000_000), Keeping::Strictly);
        assert_eq!(layer(&got, THUMB), Some(2));
        assert_eq!((got.next_bps, got.wish_bps), (0, 150_000 + 1_800_000 + 150_000));
        let nothing = allocate(&[Ladder::default(); SLOTS], 3, Some(500_000), Keeping::Strictly);
        assert_eq!((nothing.next_bps, nothing.wish_bps), (0, 0), "nothing to look for");

        let mut tiny = [Ladder::default(); SLOTS];
        for (rank, pixels) in [80 * 45, 160 * 90, 320 * 180].into_iter().enumerate() {
            let rank = u8::try_from(rank).expect("few");
            tiny[THUMB].add(Offer {
                pixels: Some(pixels),
                ..offer(rank, rank, 40_000 * (1 + u64::from(rank)))
            });
        }
        let got = allocate(&tiny, 1, Some(1_000_000), Keeping::Strictly);
        assert_eq!(layer(&got, THUMB), Some(1), "80 × 45 shows nobody");
        let got = allocate(&tiny, 1, Some(125_000), Keeping::Strictly);
        assert_eq!(layer(&got, THUMB), Some(0), "but is better than nothing");
    }

    #[test]
    fn a_picture_that_rests_is_shown_at_its_largest() {
        let mut still = [Ladder::default(); SLOTS];
        for (layer, rate_bps) in [(0, 30_000), (1, 21_000), (2, 12_000)] {
            still[MAIN].add(offer(layer, layer, rate_bps));
        }
        let got = allocate(&still, 1, Some(300_000), Keeping::Strictly);
        assert_eq!(layer(&got, MAIN), Some(2));
    }

    #[test]
    fn what_had_to_shrink_does_not_grow_at_once() {
        let mut all = ladders(Some(1));
        all[MAIN].held = true;
        let got = allocate(&all, 1, Some(5_000_000), Keeping::Strictly);
        assert_eq!(got.picks[MAIN].map(|pick| (pick.layer, pick.change)), Some((1, None)));
        let got = allocate(&all, 1, Some(400_000), Keeping::Strictly);
        let pick = got.picks[MAIN].map(|pick| (pick.layer, pick.change));
        assert_eq!(pick, Some((2, Some(Change::Shrinks))), "it may shrink further");
    }

    #[test]
    fn the_next_step_is_known() {
        let next =
            |estimate| allocate(&ladders(None), 1, Some(estimate), Keeping::Strictly).next_bps;
        assert_eq!(next(100_000), 50_000 + 180_000, "the main picture appears");
        assert_eq!(next(300_000), 50_000 + 150_000 + 180_000, "the thumbnail appears");
        assert_eq!(next(500_000), 50_000 + 150_000 + 600_000, "the main picture grows");
        assert_eq!(next(900_000), 50_000 + 150_000 + 1_800_000, "and grows again");
    }
}
