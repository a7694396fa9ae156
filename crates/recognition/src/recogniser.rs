//! What turns sound into words, whichever it is.

use std::time::Instant;

use base::Language;

/// Turns the sound of one utterance into words.
pub trait Recogniser: Send {
    /// Recognises what is said in `samples`, mono at [`crate::SAMPLE_HZ`], in one of `languages`, the
    /// first of which is that of the floor. `None` when it cannot tell any of them.
    fn recognise(&mut self, samples: &[f32], languages: &[Language], care: Care) -> Option<Heard>;
}

/// How much work an utterance is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// It is shown for a moment.
    Quick,
    /// It is kept.
    Thorough,
}

/// How many times as fast as it is spoken speech is recognised, when nothing else is done: measured
/// on noise, in which a recogniser finds more to do than in speech.
pub fn speed(recogniser: &mut dyn Recogniser) -> f64 {
    const SECONDS: usize = 8;
    let mut state = 0x9E37_79B9_u32;
    let samples: Vec<f32> = (0..SECONDS * crate::SAMPLE_HZ)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 * 0.2 - 0.1
        })
        .collect();
    let languages: Vec<Language> = "en".parse().into_iter().collect();
    let began = Instant::now();
    recogniser.recognise(&samples, &languages, Care::Thorough);
    SECONDS as f64 / began.elapsed().as_secs_f64().max(1e-6)
}

/// What a recogniser believes that was said, with what it thinks of that itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// In which of the languages asked for.
    pub language: Language,
    /// How much speaks for that language among all that the recogniser knows, 0 to 1.
    pub language_share: f32,
    /// The words in order.
    pub words: Vec<Word>,
    /// How likely nobody spoke at all, 0 to 1.
    pub no_speech: f32,
    /// Mean of the logarithms of the words' probabilities.
    pub confidence: f32,
    /// It came to an end by itself.
    pub complete: bool,
}

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// With the punctuation that follows it.
    pub text: String,
    /// When it begins, in milliseconds from the first sample.
    pub start_ms: u64,
    /// When it ends.
    pub end_ms: u64,
    /// Logarithm of its probability.
    pub confidence: f32,
}
