//! Whether a quotation is what the transcript says.

/// True when the words of `quotation` stand one after the other in `said`. Marks, spaces and
/// capitals do not count: they are the writer's and not the speaker's.
pub(crate) fn is_quoted<'a>(quotation: &str, said: impl Iterator<Item = &'a str>) -> bool {
    let wanted = words(quotation);
    let heard: Vec<String> = said.flat_map(words).collect();
    !wanted.is_empty() && heard.windows(wanted.len()).any(|window| window == wanted)
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations() {
        let said = ["We believe in multilateralism,", "not unilateralism. That is all."];
        let quoted = |text| is_quoted(text, said.into_iter());
        assert!(quoted("multilateralism, not unilateralism"));
        assert!(quoted("Multilateralism — not unilateralism!"));
        assert!(!quoted("multilateralism, and multilateralism"));
        assert!(!quoted("not multilateralism"));
        assert!(!quoted("lateralism"), "a part of a word is no word");
        assert!(!quoted("…"), "nothing is no quotation");
        assert!(is_quoted("امن ہماری مشترکہ", ["امن، ہماری مشترکہ ضرورت ہے۔"].into_iter()));
        assert!(is_quoted(
            "мир в афганистане",
            ["Мир в Афганистане — наш общий интерес."].into_iter()
        ));
    }
}
