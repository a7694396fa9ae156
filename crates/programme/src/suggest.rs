//! "Did you mean": the known word that an unknown one most resembles.

/// Longer words than this are not compared: the comparison costs the product of both lengths.
const WORD_CHARS_MAX: usize = 64;

/// The candidate that `word` was probably meant to be, if any is near enough: one slip for every
/// three characters, and letter case, spaces and underscores do not count.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    if folded.is_empty() || folded.chars().count() > WORD_CHARS_MAX {
        return None;
    }
    let slips_max = (folded.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 4 * WORD_CHARS_MAX)
        .map(|candidate| (strsim::osa_distance(&folded, &fold(candidate)), candidate))
        .filter(|&(slips, candidate)| slips <= slips_max && slips < candidate.chars().count())
        .min_by_key(|&(slips, _)| slips)
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.trim().to_lowercase().replace([' ', '_'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_or_none() {
        let words = ["plenary-speaker", "panellist", "moderator", "id"];
        for (word, expected) in [
            ("Moderator", Some("moderator")),
            ("moderater", Some("moderator")),
            ("plenary speaker", Some("plenary-speaker")),
            ("panelist", Some("panellist")),
            ("di", Some("id")),
            ("chair", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, words), expected, "{word}");
        }
        assert_eq!(nearest(&"a".repeat(10_000), words), None);
    }
}
