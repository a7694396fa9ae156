//! Who is speaking, from the levels that publishers send along (RFC 6464).

use crate::units::Micros;

/// Levels are given in dB below the loudest; a voice at a normal distance lies between 15 and 45,
/// a quiet room between 60 and 90.
const VOICE_LEVEL_DB: u8 = 48;

/// So many voiced packets in a row make speech; a single one is a knock on the table. Five packets
/// of 20 ms are a tenth of a second.
const VOICED_PACKETS_MIN: u8 = 5;

/// A speaker stays the speaker over a pause for breath.
const PAUSE_MAX: Micros = Micros::from_millis(800);

/// The level assumed of a publisher that sends none: audible, yet anybody's voice goes before it.
const UNKNOWN_LEVEL_DB: u8 = 60;

/// What the levels of one microphone say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Voice {
    voiced_packets: u8,
    last_voiced: Option<Micros>,
    loudness: u16,
}

impl Voice {
    /// A packet came with `level` in dB below the loudest (0 to 127).
    pub(crate) fn hear(&mut self, now: Micros, level: Option<u8>) {
        let level = level.unwrap_or(UNKNOWN_LEVEL_DB).min(127);
        let loudness = u16::from(127 - level) << 4;
        // Rises within two packets, falls over half a second, as ears do.
        self.loudness = if loudness > self.loudness {
            (self.loudness + loudness).div_ceil(2)
        } else {
            self.loudness - (self.loudness - loudness).div_ceil(24)
        };
        if level <= VOICE_LEVEL_DB {
            self.voiced_packets = self.voiced_packets.saturating_add(1);
            if self.voiced_packets >= VOICED_PACKETS_MIN {
                self.last_voiced = Some(now);
            }
        } else if self.last_voiced.is_none_or(|at| now.since(at) > PAUSE_MAX) {
            self.voiced_packets = 0;
        } else {
            self.voiced_packets = self.voiced_packets.saturating_sub(1);
        }
    }

    /// Whether speech was heard a moment ago.
    pub(crate) fn is_speaking(&self, now: Micros) -> bool {
        self.last_voiced.is_some_and(|at| now.since(at) <= PAUSE_MAX)
    }

    /// How loud the microphone is, smoothed; 0 is silence.
    pub(crate) const fn loudness(&self) -> u16 {
        self.loudness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(levels: &[(u8, u64)]) -> (Voice, Micros) {
        let (mut voice, mut now) = (Voice::default(), Micros(0));
        for &(level, packets) in levels {
            for _ in 0..packets {
                now = now.plus(Micros::from_millis(20));
                voice.hear(now, Some(level));
            }
        }
        (voice, now)
    }

    #[test]
    fn speech_begins_quickly_and_outlasts_a_breath() {
        for (levels, speaking, what) in [
            (&[(127, 50)][..], false, "silence"),
            (&[(127, 50), (30, 2), (127, 3)][..], false, "a knock"),
            (&[(127, 50), (30, 5)][..], true, "a tenth of a second"),
            (&[(30, 50), (90, 30)][..], true, "a breath"),
            (&[(30, 50), (90, 60)][..], false, "more than a second of quiet"),
        ] {
            let (voice, now) = run(levels);
            assert_eq!(voice.is_speaking(now), speaking, "{what}");
        }
    }

    #[test]
    fn speech_ends_by_itself_when_packets_stop() {
        let (voice, now) = run(&[(20, 50)]);
        assert!(!voice.is_speaking(now.plus(Micros::from_millis(900))));
    }

    #[test]
    fn the_louder_of_two_is_told_apart() {
        assert!(run(&[(20, 50)]).0.loudness() > run(&[(40, 50)]).0.loudness());
        assert!(run(&[(20, 50), (127, 50)]).0.loudness() < run(&[(40, 50)]).0.loudness());
    }
}
