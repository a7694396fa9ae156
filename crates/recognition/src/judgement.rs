//! Whether what a recogniser heard was said. Recognisers of Whisper's kind always write something;
//! over silence, noise and music they write what they have read most often. Nothing here is a list
//! of such sentences: each rule measures the sound, or what the recogniser tells of its own doubt.

use crate::activity::FRAME_MS;
use crate::recogniser::{Heard, Word};
use crate::utterance::Utterance;

/// The recogniser believes rather that nobody spoke.
const NO_SPEECH_MAX: f32 = 0.6;

/// Mean logarithm of the words' probabilities below which it guesses.
const CONFIDENCE_MIN: f32 = -1.0;

/// Where it half believes that nobody spoke, it must be surer of its words.
const DOUBTED: f32 = 0.3;
const DOUBTED_CONFIDENCE_MIN: f32 = -0.6;

/// Of all languages that the recogniser knows, the event's must have this much for it; else
/// another one is spoken, and the words are made up.
const LANGUAGE_SHARE_MIN: f32 = 0.5;

/// Letters a second, pauses within a sentence included. The fastest speakers reach 25.
const LETTERS_PER_S_MAX: f32 = 32.0;

/// A phrase of up to so many words that is said over and over is a decoder that goes in circles.
const PHRASE_WORDS_MAX: usize = 8;
/// What is repeated in a row may be this share of all words; "no, no, no" is short, and kept.
const REPEATED_SHARE_MAX: f32 = 0.5;
const REPEATED_WORDS_MIN: usize = 6;

/// A word belongs to sound so near to it; times of words are so exact.
const NEAR_MS: u64 = 300;

/// When more than this share of the words lies over silence, none of them is believed.
const OVER_SILENCE_MAX: f32 = 0.34;

/// Why nothing of what was heard is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// No words.
    Empty,
    /// Nobody spoke: noise, or music.
    NoSpeech,
    /// The recogniser guessed.
    Unsure,
    /// Another language is spoken than the event's.
    OtherLanguage,
    /// The same again and again.
    Repeated,
    /// More words than can be said in that time.
    TooFast,
    /// Words where there is silence.
    OverSilence,
}

impl Doubt {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Empty,
        Self::NoSpeech,
        Self::Unsure,
        Self::OtherLanguage,
        Self::Repeated,
        Self::TooFast,
        Self::OverSilence,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NoSpeech => "no_speech",
            Self::Unsure => "unsure",
            Self::OtherLanguage => "other_language",
            Self::Repeated => "repeated",
            Self::TooFast => "too_fast",
            Self::OverSilence => "over_silence",
        }
    }
}

/// The words that were said.
///
/// # Errors
/// [`Doubt`] when none are to be believed.
pub fn judge(utterance: &Utterance, heard: Heard) -> Result<Vec<Word>, Doubt> {
    let Heard { language_share, words, no_speech, confidence, complete, .. } = heard;
    if language_share < LANGUAGE_SHARE_MIN {
        return Err(Doubt::OtherLanguage);
    }
    if no_speech > NO_SPEECH_MAX {
        return Err(Doubt::NoSpeech);
    }
    let least = if no_speech > DOUBTED { DOUBTED_CONFIDENCE_MIN } else { CONFIDENCE_MIN };
    if confidence < least {
        return Err(Doubt::Unsure);
    }
    if !complete || circles(&words) {
        return Err(Doubt::Repeated);
    }
    let words = without_remarks(words);
    if words.is_empty() {
        return Err(Doubt::Empty);
    }
    let letters: usize = words.iter().map(|word| word.text.chars().count()).sum();
    if letters as f32 > LETTERS_PER_S_MAX * (spoken_ms(utterance) as f32 / 1_000.0).max(0.5) {
        return Err(Doubt::TooFast);
    }
    let all = words.len();
    let said: Vec<Word> = words.into_iter().filter(|word| is_over_sound(utterance, word)).collect();
    if (all - said.len()) as f32 > OVER_SILENCE_MAX * all as f32 || said.is_empty() {
        return Err(Doubt::OverSilence);
    }
    Ok(said)
}

/// Leaves out what the recogniser itself marks as no speech: "[Music]", "(applause)", "♪".
fn without_remarks(words: Vec<Word>) -> Vec<Word> {
    let mut open = 0_usize;
    let mut said = Vec::new();
    for word in words {
        let opened = word.text.chars().filter(|letter| "[(*♪♫".contains(*letter)).count();
        let closed = word.text.chars().filter(|letter| "])*♪♫".contains(*letter)).count();
        // A mark that opens and closes alike ends what it began.
        let symmetric = word.text.chars().filter(|letter| "*♪♫".contains(*letter)).count();
        let remark = open > 0 || opened + closed > 0;
        open = if symmetric > 0 {
            (open + symmetric) % 2
        } else {
            (open + opened).saturating_sub(closed)
        };
        if !remark && word.text.chars().any(char::is_alphanumeric) {
            said.push(word);
        }
    }
    said
}

/// True when too much of it is one phrase in a row.
fn circles(words: &[Word]) -> bool {
    let plain: Vec<String> = words
        .iter()
        .map(|word| {
            word.text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
        })
        .collect();
    (1..=PHRASE_WORDS_MAX).any(|length| {
        let mut repeated = 0;
        let mut run = 0;
        for at in length..plain.len() {
            run = if plain[at] == plain[at - length] { run + 1 } else { 0 };
            // A phrase that comes twice has been said once too often by its whole length.
            if run >= length {
                repeated = repeated.max(run);
            }
        }
        repeated >= REPEATED_WORDS_MIN.max(length)
            && repeated as f32 > REPEATED_SHARE_MAX * plain.len() as f32
    })
}

/// From the first sound that is louder than the room to the last. What lies between is part of
/// speech: soft sounds drown in a noisy room.
fn spoken_ms(utterance: &Utterance) -> u64 {
    let first = utterance.active.iter().position(|active| *active).unwrap_or_default();
    let last = utterance.active.iter().rposition(|active| *active).unwrap_or_default();
    (last + 1 - first) as u64 * FRAME_MS
}

fn is_over_sound(utterance: &Utterance, word: &Word) -> bool {
    let frame = |ms: u64| usize::try_from(ms / FRAME_MS).unwrap_or(usize::MAX);
    let until = frame(word.end_ms.saturating_add(NEAR_MS)).saturating_add(1);
    let until = until.min(utterance.active.len());
    let from = frame(word.start_ms.saturating_sub(NEAR_MS)).min(until);
    utterance.active[from..until].iter().any(|active| *active)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::FRAME;

    fn utterance(seconds: usize, active: impl Fn(usize) -> bool) -> Utterance {
        let frames = seconds * 50;
        Utterance {
            at: 0,
            samples: vec![0.0; frames * FRAME],
            active: (0..frames).map(active).collect(),
        }
    }

    /// The words of a text, evenly over so many seconds.
    fn heard(text: &str, seconds: u64) -> Heard {
        let texts: Vec<&str> = text.split_whitespace().collect();
        let each = seconds * 1_000 / texts.len().max(1) as u64;
        let word = |(n, text): (usize, &&str)| Word {
            text: (*text).to_owned(),
            start_ms: n as u64 * each,
            end_ms: (n as u64 + 1) * each,
            confidence: -0.1,
        };
        Heard {
            language: "en".parse().expect("en"),
            language_share: 1.0,
            words: texts.iter().enumerate().map(word).collect(),
            no_speech: 0.05,
            confidence: -0.2,
            complete: true,
        }
    }

    fn judged(utterance: &Utterance, heard: Heard) -> Result<String, Doubt> {
        let words = judge(utterance, heard)?;
        Ok(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_is_believed_and_what_is_not() {
        let five = utterance(5, |_| true);
        let text = "A multilateral order makes it easier to work together.";
        let with = |change: fn(&mut Heard)| {
            let mut heard = heard("A multilateral order makes it easier to work together.", 5);
            change(&mut heard);
            heard
        };
        assert_eq!(judged(&five, heard(text, 5)).as_deref(), Ok(text));
        let cases: [(Heard, Doubt); 8] = [
            (with(|h| h.no_speech = 0.9), Doubt::NoSpeech),
            (with(|h| h.confidence = -1.3), Doubt::Unsure),
            (with(|h| (h.no_speech, h.confidence) = (0.45, -0.8)), Doubt::Unsure),
            (with(|h| h.language_share = 0.1), Doubt::OtherLanguage),
            (with(|h| h.complete = false), Doubt::Repeated),
            (with(|h| h.words.clear()), Doubt::Empty),
            (heard("thank you thank you thank you thank you thank you", 5), Doubt::Repeated),
            (heard(&"incomprehensibilities ".repeat(3).repeat(4), 5), Doubt::Repeated),
        ];
        for (heard, doubt) in cases {
            assert_eq!(judged(&five, heard.clone()), Err(doubt), "{heard:?}");
        }
        let long = "unquestionably incomprehensible responsibilities characterise administrations \
                    notwithstanding institutional considerations everywhere internationally today";
        assert_eq!(judged(&utterance(2, |_| true), heard(long, 2)), Err(Doubt::TooFast));
    }

    /// A microphone in a noisy room: of three seconds of speech a third was louder than the noise.
    #[test]
    fn speech_in_a_noisy_room_was_taken_for_too_fast() {
        let sound = utterance(3, |frame| frame % 3 == 0);
        let text = "The members were worried about the price of bread.";
        assert_eq!(judged(&sound, heard(text, 3)).as_deref(), Ok(text));
    }

    #[test]
    fn people_do_repeat_themselves() {
        let five = utterance(5, |_| true);
        for text in [
            "No, no, no, that is not what I said.",
            "It is very, very, very important.",
            "Peace, peace and again peace; trade, trade and again trade.",
        ] {
            assert_eq!(judged(&five, heard(text, 5)).as_deref(), Ok(text));
        }
    }

    #[test]
    fn words_over_silence_are_left_out() {
        // Speech in the first three seconds; the last word lies in the silence behind.
        let sound = utterance(6, |frame| frame < 150);
        let mut said = heard("Thank you for the invitation", 3);
        let ghost = Word { text: "Bye.".into(), start_ms: 5_000, end_ms: 5_600, confidence: -0.1 };
        said.words.push(ghost);
        assert_eq!(judged(&sound, said.clone()).as_deref(), Ok("Thank you for the invitation"));
        let later = |word: &mut Word| (word.start_ms, word.end_ms) = (4_500, 5_500);
        said.words.iter_mut().skip(2).for_each(later);
        assert_eq!(judged(&sound, said), Err(Doubt::OverSilence));
    }

    #[test]
    fn the_recognisers_own_remarks_are_no_words() {
        let five = utterance(5, |_| true);
        for (text, said) in [
            ("[Music]", Err(Doubt::Empty)),
            ("(upbeat music) (applause)", Err(Doubt::Empty)),
            ("♪ la la ♪", Err(Doubt::Empty)),
            ("...", Err(Doubt::Empty)),
            ("[ Applause ] Thank you. *coughs* We begin.", Ok("Thank you. We begin.".to_owned())),
        ] {
            assert_eq!(judged(&five, heard(text, 5)), said, "{text}");
        }
    }
}
