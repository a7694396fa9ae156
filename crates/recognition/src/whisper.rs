//! Whisper (Radford et al. 2022) in plain Rust: the weights are read from the files that whisper.cpp
//! publishes, and worked through on the processor.
//!
//! Why not whisper.cpp itself: an assertion that fails in it ends the process, with the webinar in
//! it; it is built for one processor at a time; and it wants a C++ compiler and library. What it
//! does that is needed here are the few hundred lines below.

mod alignment;
mod file;
mod maths;
mod model;
mod sound;

use std::path::Path;
use std::rc::Rc;

use base::Language;

use crate::SAMPLE_HZ;
use crate::recogniser::{Care, Heard, Recogniser, Word};
pub use file::ModelError;
use file::Weights;
use maths::{exp, softmax};
use model::{Memory, Model, Sound, Step};
use sound::Ear;

/// Tokens of an utterance: the fastest speech has about five a second, in scripts that Whisper
/// knows badly twice as many. More is a decoder that goes round in circles.
const TOKENS_PER_S: usize = 12;
const TOKENS_AT_LEAST: usize = 24;

/// Texts that are followed at once: as many as other programs do. One alone is cheaper, and hears
/// half as many words again wrongly.
const BEAMS: usize = 5;

/// Whisper learned from half minutes. It hears as well with less behind the sound, and works for
/// that only; without any silence it does not notice the end.
const SILENCE_FRAMES: usize = 150;

/// The languages in the order of their tokens.
const LANGUAGES: [&str; 100] = [
    "en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca", "nl", "ar", "sv", "it",
    "id", "hi", "fi", "vi", "he", "uk", "el", "ms", "cs", "ro", "da", "hu", "ta", "no", "th", "ur",
    "hr", "bg", "lt", "la", "mi", "ml", "cy", "sk", "te", "fa", "lv", "bn", "sr", "az", "sl", "kn",
    "et", "mk", "br", "eu", "is", "hy", "ne", "mn", "bs", "kk", "sq", "sw", "gl", "mr", "pa", "si",
    "km", "sn", "yo", "so", "af", "oc", "ka", "be", "tg", "sd", "gu", "am", "yi", "lo", "uz", "fo",
    "ht", "ps", "tk", "nn", "mt", "sa", "lb", "my", "bo", "tl", "mg", "as", "tt", "haw", "ln",
    "ha", "ba", "jw", "su", "yue",
];

/// Numbers of the tokens that are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Special {
    end: usize,
    start: usize,
    /// How many tokens of languages follow [`Self::start`]; none is used by an English model.
    languages: usize,
    transcribe: usize,
    no_speech: usize,
    no_times: usize,
}

impl Special {
    /// English models have one token of text less, newer ones a language more.
    fn of(vocabulary: usize) -> Option<Self> {
        let (end, languages) = match vocabulary {
            51_864 => (50_256, 0),
            51_865 => (50_257, 99),
            51_866 => (50_257, 100),
            _ => return None,
        };
        let after = end + 2 + if languages == 0 { 99 } else { languages };
        Some(Self {
            end,
            start: end + 1,
            languages,
            transcribe: after + 1,
            no_speech: after + 4,
            no_times: after + 5,
        })
    }
}

/// A Whisper with its weights.
#[derive(Debug)]
pub struct Whisper {
    model: Model,
    ear: Ear,
    tokens: Vec<Vec<u8>>,
    /// The token of a single space.
    blank: Option<usize>,
    special: Special,
    threads: usize,
}

impl Whisper {
    /// Reads the weights; with `threads` it works on so many cores at once.
    ///
    /// # Errors
    /// [`ModelError`] when there is no such file, or it holds something else.
    pub fn open(path: &Path, threads: usize) -> Result<Self, ModelError> {
        let mut weights = Weights::read(path)?;
        let special = Special::of(weights.sizes.vocabulary).ok_or_else(|| {
            ModelError::Unusable("its vocabulary is none of Whisper's".to_owned())
        })?;
        if weights.tokens.len() < special.end {
            return Err(ModelError::Unusable("its vocabulary is not complete".to_owned()));
        }
        let model = Model::new(&mut weights)?;
        let ear = Ear::new(weights.sizes.mels, weights.filters);
        let tokens = weights.tokens;
        let blank = tokens.iter().position(|token| token == b" ");
        Ok(Self { model, ear, tokens, blank, special, threads: threads.max(1) })
    }

    /// The candidates that the model knows, with their tokens. An English model hears English in
    /// whatever is said; it is asked only where that is the language of the floor.
    fn known<'a>(&self, languages: &'a [Language]) -> Vec<(&'a Language, usize)> {
        let languages =
            if self.special.languages == 0 { languages.get(..1) } else { Some(languages) };
        let languages = languages.unwrap_or_default();
        let place = |language: &&'a Language| {
            let primary = language.as_str().split('-').next().unwrap_or_default();
            let known = LANGUAGES.iter().position(|known| *known == primary)?;
            (known < self.special.languages.max(1)).then_some(known)
        };
        let known = languages.iter().filter_map(|language| Some((language, place(&language)?)));
        known.map(|(language, place)| (language, self.special.start + 1 + place)).collect()
    }

    /// Which of the candidates is spoken, and how much speaks for it among all languages.
    fn language(&self, logits: &[f32], candidates: &[(&Language, usize)]) -> Option<(usize, f32)> {
        let first = self.special.start + 1;
        if self.special.languages == 0 {
            return candidates.first().map(|_| (0, 1.0));
        }
        let mut shares = logits[first..first + self.special.languages].to_vec();
        let count = shares.len();
        softmax(&mut shares, count);
        let share = |at: &usize| shares[candidates[*at].1 - first];
        let best = (0..candidates.len()).max_by(|a, b| share(a).total_cmp(&share(b)))?;
        Some((best, share(&best)))
    }

    /// Takes one token of the only text there is.
    fn step(&self, sound: &Sound, text: &mut (Memory, usize), token: usize) -> Step {
        text.1 = token;
        let mut steps = self.model.step(sound, std::slice::from_mut(text), self.threads);
        steps.pop().unwrap_or_else(|| Step { logits: Vec::new(), looks: Vec::new() })
    }

    /// The likeliest text after the prompt, looking for it in `beams` ways at once.
    fn decode(&self, sound: &Sound, memory: Memory, step: Step, beams: usize, most: usize) -> Text {
        let mut open = vec![Hypothesis { memory, sum: 0.0, length: 0, path: None, step }];
        let mut ended: Vec<(f32, Option<Rc<Said>>)> = Vec::new();
        for length in 1..=most + 1 {
            let mut ways: Vec<(f32, usize, usize, f32)> = Vec::new();
            for (place, hypothesis) in open.iter().enumerate() {
                let likely = self.likeliest(&hypothesis.step.logits, length == 1, beams + 1);
                let sum = hypothesis.sum;
                ways.extend(likely.into_iter().map(|(token, p)| (sum + p, place, token, p)));
            }
            ways.sort_by(|a, b| b.0.total_cmp(&a.0));
            let looks: Vec<Rc<Looks>> =
                open.iter_mut().map(|h| Rc::new(std::mem::take(&mut h.step.looks))).collect();
            let (mut next, mut texts) = (Vec::new(), Vec::new());
            for (sum, from, token, confidence) in ways {
                let before = open[from].path.clone();
                let said = Said { token, confidence, looks: Rc::clone(&looks[from]), before };
                let path = Some(Rc::new(said));
                if token == self.special.end {
                    ended.push((sum / length as f32, path));
                } else if next.len() < beams && length <= most {
                    texts.push((open[from].memory.clone(), token));
                    next.push((sum, path));
                }
                if next.len() >= beams || ended.len() >= beams {
                    break;
                }
            }
            if ended.len() >= beams || next.is_empty() {
                break;
            }
            let steps = self.model.step(sound, &mut texts, self.threads);
            let all = next.into_iter().zip(texts).zip(steps);
            open = all
                .map(|(((sum, path), (memory, _)), step)| Hypothesis {
                    memory,
                    sum,
                    length,
                    path,
                    step,
                })
                .collect();
        }
        let best = ended.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        let complete = best.is_some();
        let unfinished = || {
            let best = open.into_iter().max_by(|a, b| a.sum.total_cmp(&b.sum));
            best.map_or((f32::NEG_INFINITY, None), |h| (h.sum / h.length.max(1) as f32, h.path))
        };
        let (confidence, path) = best.unwrap_or_else(unfinished);
        let mut text = Text { tokens: Vec::new(), looks: Vec::new(), confidence, complete };
        let mut last = path;
        while let Some(said) = last {
            text.looks.push(Rc::clone(&said.looks));
            if said.token != self.special.end {
                text.tokens.push((said.token, said.confidence));
            }
            last = said.before.clone();
        }
        text.tokens.reverse();
        text.looks.reverse();
        text
    }

    /// The likeliest tokens of text, or the end, with the logarithms of their probabilities.
    fn likeliest(&self, logits: &[f32], first: bool, count: usize) -> Vec<(usize, f32)> {
        let text = &logits[..=self.special.end];
        let largest = text.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let all = text.iter().map(|logit| exp(logit - largest)).sum::<f32>().ln() + largest;
        let mut best: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
        for (token, logit) in text.iter().enumerate() {
            if best.len() >= count && best.last().is_some_and(|(_, least)| least >= logit) {
                continue;
            }
            // An empty answer begins with a blank or the end; what was not said is judged by the
            // probability that nobody speaks.
            let empty = token == self.special.end || Some(token) == self.blank;
            if first && empty {
                continue;
            }
            let place = best.partition_point(|(_, other)| other >= logit);
            best.insert(place, (token, *logit));
            best.truncate(count);
        }
        best.into_iter().map(|(token, logit)| (token, logit - all)).collect()
    }
}

/// Where the heads of the decoder's upper half looked for a token.
type Looks = Vec<Vec<f32>>;

/// A token of a text, and those before it.
struct Said {
    token: usize,
    confidence: f32,
    looks: Rc<Looks>,
    before: Option<Rc<Said>>,
}

/// A text that may go on.
struct Hypothesis {
    memory: Memory,
    /// Logarithm of its probability.
    sum: f32,
    length: usize,
    path: Option<Rc<Said>>,
    /// What its last token leads to.
    step: Step,
}

/// A text, with the logarithm of each token's probability.
struct Text {
    tokens: Vec<(usize, f32)>,
    /// One more than there are tokens, unless it is not complete.
    looks: Vec<Rc<Looks>>,
    confidence: f32,
    complete: bool,
}

impl Recogniser for Whisper {
    fn recognise(&mut self, samples: &[f32], languages: &[Language], care: Care) -> Option<Heard> {
        let candidates = self.known(languages);
        if candidates.is_empty() {
            return None;
        }
        let samples = &samples[..samples.len().min(sound::SAMPLES_MAX)];
        let frames = sound::encoded_frames(samples.len());
        let context = (frames + SILENCE_FRAMES).min(self.model.sizes.audio_context);
        let bands = self.ear.hear(samples, 2 * context);
        let sound = self.model.listen(&bands, self.threads);
        let mut text = (self.model.begin(), 0);
        let mut step = self.step(&sound, &mut text, self.special.start);
        let (chosen, language_share) = self.language(&step.logits, &candidates)?;
        let mut all = std::mem::take(&mut step.logits);
        let count = all.len();
        softmax(&mut all, count);
        let no_speech = all[self.special.no_speech];
        let (language, language_token) = candidates[chosen];
        if self.special.languages > 0 {
            self.step(&sound, &mut text, language_token);
            self.step(&sound, &mut text, self.special.transcribe);
        }
        let step = self.step(&sound, &mut text, self.special.no_times);

        let most = (samples.len() / SAMPLE_HZ * TOKENS_PER_S + TOKENS_AT_LEAST)
            .min(self.model.sizes.text_context.saturating_sub(8));
        let beams = match care {
            Care::Quick => 1,
            Care::Thorough => BEAMS,
        };
        let Text { tokens, looks, confidence, complete } =
            self.decode(&sound, text.0, step, beams, most);
        let times: Vec<u64> = alignment::beginnings(&looks, frames)
            .into_iter()
            .map(|frame| frame as u64 * sound::ENCODED_MS)
            .collect();
        let words = words(&self.tokens, &tokens, &times, frames as u64 * sound::ENCODED_MS);
        let language = language.clone();
        Some(Heard { language, language_share, words, no_speech, confidence, complete })
    }
}

/// Puts tokens together to words; a word begins with a space. `times` has one moment more than
/// there are tokens, unless the decoder was stopped.
fn words(tokens: &[Vec<u8>], said: &[(usize, f32)], times: &[u64], end_ms: u64) -> Vec<Word> {
    let mut words: Vec<(Vec<u8>, u64, u64, f32)> = Vec::new();
    for (place, (token, sure)) in said.iter().enumerate() {
        let bytes = tokens.get(*token).map(Vec::as_slice).unwrap_or_default();
        let start = times.get(place).copied().unwrap_or(end_ms);
        let end = times.get(place + 1).copied().unwrap_or(end_ms);
        match words.last_mut() {
            Some((word, _, until, confidence)) if !bytes.starts_with(b" ") => {
                word.extend_from_slice(bytes);
                *until = end;
                *confidence = confidence.min(*sure);
            }
            _ => words.push((bytes.to_vec(), start, end, *sure)),
        }
    }
    let word = |(bytes, start_ms, end_ms, confidence): (Vec<u8>, u64, u64, f32)| {
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        (!text.is_empty()).then_some(Word { text, start_ms, end_ms, confidence })
    };
    words.into_iter().filter_map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_special_tokens() {
        let english = Special::of(51_864).expect("tiny.en");
        let expected = (50_256, 50_257, 50_358, 50_361, 50_362);
        let of = |s: Special| (s.end, s.start, s.transcribe, s.no_speech, s.no_times);
        assert_eq!(of(english), expected);
        let many = Special::of(51_865).expect("tiny");
        assert_eq!(of(many), (50_257, 50_258, 50_359, 50_362, 50_363));
        let newest = Special::of(51_866).expect("large-v3");
        assert_eq!(of(newest), (50_257, 50_258, 50_360, 50_363, 50_364));
        assert_eq!(Special::of(32_000), None);
    }

    #[test]
    fn tokens_become_words() {
        let tokens: Vec<Vec<u8>> = [" The", " plen", "ary", ".", " ", "\u{20bd}"]
            .iter()
            .map(|t| t.as_bytes().to_vec())
            .collect();
        let said = [(0, -0.1), (1, -0.5), (2, -0.2), (3, -0.1), (4, -0.1)];
        let made = words(&tokens, &said, &[0, 20, 60, 90, 100, 120], 500);
        let made: Vec<_> =
            made.iter().map(|w| (w.text.as_str(), w.start_ms, w.end_ms, w.confidence)).collect();
        assert_eq!(made, [("The", 0, 20, -0.1), ("plenary.", 20, 100, -0.5)]);
        // The decoder was stopped: the last word lasts until the end.
        let cut = words(&tokens, &[(0, -0.1)], &[40], 500);
        assert_eq!((cut[0].start_ms, cut[0].end_ms), (40, 500));
    }
}
