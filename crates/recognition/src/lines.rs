//! Words become lines of the transcript.

use crate::recogniser::Word;

/// Letters of a line at most: two lines of captions on a wide screen.
const LETTERS_MAX: usize = 160;

/// A sentence of fewer words stays with the next one.
const WORDS_MIN: usize = 4;

/// A line of the transcript; its times count from the beginning of the utterance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The words.
    pub text: String,
    /// From when, in milliseconds.
    pub start_ms: u64,
    /// Until when.
    pub end_ms: u64,
}

/// Cuts after sentences, and where a line would be too long. Lines do not overlap.
pub fn lines(words: &[Word]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut count = 0;
    let mut ended = true;
    for word in words {
        let letters = word.text.chars().count() + 1;
        let fits = |piece: &Piece| piece.text.chars().count() + letters <= LETTERS_MAX;
        match pieces.last_mut() {
            Some(piece) if !ended && fits(piece) => {
                piece.text.push(' ');
                piece.text.push_str(&word.text);
                piece.end_ms = piece.end_ms.max(word.end_ms);
                count += 1;
            }
            last => {
                let start_ms = word.start_ms.max(last.map_or(0, |piece| piece.end_ms));
                let text: String = word.text.chars().take(LETTERS_MAX).collect();
                let end_ms = word.end_ms.max(start_ms + 1);
                pieces.push(Piece { text, start_ms, end_ms });
                count = 1;
            }
        }
        ended = count >= WORDS_MIN && word.text.ends_with(['.', '?', '!', '…', '؟', '۔', '。']);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<Word> {
        let word = |(n, text): (usize, &str)| Word {
            text: text.to_owned(),
            start_ms: n as u64 * 300,
            end_ms: n as u64 * 300 + 250,
            confidence: 0.0,
        };
        text.split_whitespace().enumerate().map(word).collect()
    }

    #[test]
    fn sentences_are_lines() {
        let said = lines(&words("Good morning. Welcome to all of you. The floor is yours"));
        let made: Vec<_> = said.iter().map(|p| (p.text.as_str(), p.start_ms, p.end_ms)).collect();
        let expected = [
            ("Good morning. Welcome to all of you.", 0, 2_050),
            ("The floor is yours", 2_100, 3_250),
        ];
        assert_eq!(made, expected);
        assert!(lines(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_line_too_long(text in "([a-z]{1,12}[.?]? ){0,120}") {
            let words = words(&text);
            let made = lines(&words);
            let joined = made.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(joined, text.split_whitespace().collect::<Vec<_>>().join(" "));
            for two in made.windows(2) {
                prop_assert!(two[0].end_ms <= two[1].start_ms);
            }
            for piece in &made {
                prop_assert!(piece.text.chars().count() <= LETTERS_MAX && piece.start_ms < piece.end_ms);
            }
        }
    }
}
