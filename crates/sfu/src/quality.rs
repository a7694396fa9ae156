//! How good a person's line is, in four steps that a moderator can act on.
//!
//! The steps of the voice follow the E-model (ITU-T G.107), which adds up what disturbs a
//! conversation to a rating R between 0 and about 93: here its delay term as simplified by Cole and
//! Rosenbluth (2001), and its loss term with the robustness that ITU-T G.113 Appendix I gives to a
//! codec with concealment. Annex B of G.107 says what people think of a rating: from 80 on they
//! are satisfied, below 60 nearly all are dissatisfied.
//!
//! Only one leg of the way is rated, the person's line to this server: it is the one that the
//! person can do something about.

use std::time::Duration;

use crate::types::Quality;

/// How often a line is looked at, and so how often a session may report at most.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A connected peer that says nothing for so long has lost its line, as far as anybody can tell.
/// Browsers check every 2.5 s (Chromium) to 6 s (Firefox).
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(7);

/// R without any disturbance (G.107, default values).
const RATING_MAX: f64 = 93.2;

/// Loss in percent at which half of the worst is reached (Bpl of G.113 Appendix I, G.711 with
/// concealment; Opus with in-band repair is no worse).
const LOSS_ROBUSTNESS: f64 = 25.1;

/// What cannot be lost any more: the worst that loss does to a rating (G.107, 95 − Ie with Ie = 0).
const LOSS_IMPAIRMENT_MAX: f64 = 95.0;

/// Delay that every voice has: its packet and the browser's shortest playout buffer.
const DELAY_FIXED_MS: f64 = 40.0;

/// A playout buffer holds this many times the jitter, so that few packets come too late.
const JITTER_HELD: f64 = 2.0;

/// From here on people are satisfied, and below nearly all are not (G.107 Annex B).
const SATISFIED: f64 = 80.0;
const DISSATISFIED: f64 = 60.0;

/// Shares of the bandwidth that a viewer's pictures would take at their largest. The layers of a
/// picture differ by about four in bits: with less than a quarter only the smallest is left or
/// none, and with less than three quarters something is smaller than it could be.
const PICTURE_WHOLE: f64 = 0.75;
const PICTURE_SMALLEST: f64 = 0.25;

/// What is known of a line; what is not known disturbs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Measured {
    /// Share of packets lost, 0 to 1.
    pub(crate) loss: f64,
    pub(crate) round_trip: Duration,
    pub(crate) jitter: Duration,
    /// The bandwidth that there is, of what a viewer could use; 1 is enough.
    pub(crate) bandwidth_share: Option<f64>,
}

/// The step of a line.
pub(crate) fn quality(measured: &Measured) -> Quality {
    let voice = match rating(measured) {
        rating if rating >= SATISFIED => Quality::Good,
        rating if rating >= DISSATISFIED => Quality::Fair,
        _ => Quality::Poor,
    };
    let picture = match measured.bandwidth_share {
        Some(share) if share < PICTURE_SMALLEST => Quality::Poor,
        Some(share) if share < PICTURE_WHOLE => Quality::Fair,
        _ => Quality::Good,
    };
    voice.max(picture)
}

/// The rating R of the voice.
fn rating(measured: &Measured) -> f64 {
    let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    let delay_ms =
        ms(measured.round_trip) / 2.0 + JITTER_HELD * ms(measured.jitter) + DELAY_FIXED_MS;
    let delay = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    let percent = 100.0 * measured.loss.clamp(0.0, 1.0);
    let loss = LOSS_IMPAIRMENT_MAX * percent / (percent + LOSS_ROBUSTNESS);
    RATING_MAX - delay - loss
}

/// What has been reported of one session. A step counts when it was measured twice in a row, so
/// that a single burst does not make the mark flicker; a line that is lost counts at once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    reported: Option<Quality>,
    last: Option<Quality>,
}

impl Mark {
    /// Takes up a step; returns it if it is to be reported.
    pub(crate) fn note(&mut self, step: Quality) -> Option<Quality> {
        let sure = step == Quality::Lost || self.last == Some(step);
        self.last = Some(step);
        if sure && self.reported != Some(step) {
            self.reported = Some(step);
            return Some(step);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Quality::{Fair, Good, Lost, Poor};

    #[test]
    fn the_steps() {
        for (loss, round_trip_ms, jitter_ms, share, expected) in [
            (0.0, 0, 0, None, Good),
            (0.01, 80, 10, Some(1.0), Good),
            // Half a world away, and clean.
            (0.0, 280, 5, None, Good),
            (0.03, 40, 5, None, Good),
            (0.05, 40, 5, None, Fair),
            (0.10, 40, 5, None, Fair),
            (0.15, 40, 5, None, Poor),
            (0.20, 40, 5, None, Poor),
            (1.00, 0, 0, None, Poor),
            // A satellite: speaking together is hard.
            (0.0, 600, 5, None, Fair),
            (0.0, 1_000, 5, None, Poor),
            (0.0, 40, 100, None, Fair),
            (0.0, 40, 200, None, Poor),
            (0.05, 400, 20, None, Poor),
            (0.0, 40, 5, Some(0.8), Good),
            (0.0, 40, 5, Some(0.7), Fair),
            (0.0, 40, 5, Some(0.2), Poor),
            (0.2, 40, 5, Some(1.0), Poor),
        ] {
            let measured = Measured {
                loss,
                round_trip: Duration::from_millis(round_trip_ms),
                jitter: Duration::from_millis(jitter_ms),
                bandwidth_share: share,
            };
            let rating = rating(&measured);
            assert_eq!(quality(&measured), expected, "{measured:?} is rated {rating:.0}");
        }
    }

    #[test]
    fn a_mark_does_not_flicker() {
        let mut mark = Mark::default();
        let seen = [Good, Good, Poor, Good, Good, Fair, Poor, Poor, Poor, Lost, Lost, Good, Good];
        let told: Vec<_> = seen.into_iter().map(|step| mark.note(step)).collect();
        let expected = [
            None,
            Some(Good),
            None,
            None,
            None,
            None,
            None,
            Some(Poor),
            None,
            Some(Lost),
            None,
            None,
            Some(Good),
        ];
        assert_eq!(told, expected);
    }
}
