//! Text on its way into and out of documents.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// True for characters that no document may hold: controls, marks that turn the direction of what
/// follows (they would reach beyond their run), and code points that XML cannot carry.
pub(crate) fn is_forbidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1F}'
        | '\u{7F}'..='\u{9F}'
        | '\u{AD}'
        | '\u{2028}' | '\u{2029}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFB}'
        | '\u{FDD0}'..='\u{FDEF}'
        | '\u{E000}'..='\u{F8FF}'
        | '\u{F0000}'..
    ) || u32::from(c) & 0xFFFE == 0xFFFE
        || ('\u{E0000}'..='\u{E0FFF}').contains(&c)
}

/// One line of clean text: white space and controls become single spaces, forbidden characters go.
/// The joiners that Urdu and Persian spelling needs stay.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if (c.is_whitespace() || c.is_control() || c == '\u{2028}' || c == '\u{2029}')
            && !is_no_break(c)
        {
            gap = true;
        } else if !is_forbidden(c) {
            if gap && !out.is_empty() {
                out.push(' ');
            }
            gap = false;
            out.push(c);
        }
    }
    out
}

/// Spaces at which no line ends; they are kept as they are.
fn is_no_break(c: char) -> bool {
    matches!(c, '\u{A0}' | '\u{202F}')
}

/// The same text for comparing: white space of any kind counts as one space.
pub(crate) fn folded(text: &str) -> String {
    clean(text).replace(['\u{A0}', '\u{202F}'], " ")
}

/// With its first letter in upper case, where the script has cases.
pub(crate) fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// Without the full stop, comma or semicolon at its end, which the frame brings.
pub(crate) fn without_stop(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_whitespace() || ".;,،؛۔".contains(c))
}

/// `text` broken into lines of at most `width` columns, at spaces only. A word that is longer
/// stands on a line of its own.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let length = word.width();
        if columns > 0 && columns + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        }
        if columns > 0 {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += length;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Columns that a text takes in a terminal.
#[cfg(test)]
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` at most `chars` long, cut with an ellipsis.
pub(crate) fn shortened(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(chars.saturating_sub(1)).collect();
    while cut.chars().last().is_some_and(|c| c.width() == Some(0) || c == ' ') {
        cut.pop();
    }
    cut.push('…');
    cut
}

/// Escaped for the text or an attribute value (in double or single quotes) of HTML and XML.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_forbidden(c) => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_clean_line() {
        for (dirty, expected) in [
            ("  a\r\n\tb  ", "a b"),
            ("a\u{202E}b\u{2066}c\u{2069}", "abc"),
            ("a\u{0}\u{1b}[31mb", "a [31mb"),
            ("صدر\u{200C}مملکت", "صدر\u{200C}مملکت"),
            ("9\u{A0}February", "9\u{A0}February"),
            ("\u{FEFF}x\u{2028}y\u{FFFF}", "x y"),
            ("", ""),
        ] {
            assert_eq!(clean(dirty), expected, "{dirty:?}");
            assert_eq!(clean(&clean(dirty)), clean(dirty));
        }
    }

    #[test]
    fn lines_are_not_wider_than_asked() {
        let text = "один два три четыре пять шесть семь восемь девять десять";
        let lines = wrap(text, 20);
        assert!(lines.len() > 2 && lines.iter().all(|line| columns(line) <= 20), "{lines:?}");
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrap("Unaufschiebbarkeit x", 5), ["Unaufschiebbarkeit", "x"]);
    }

    #[test]
    fn stops_and_first_letters() {
        assert_eq!(without_stop("said so. "), "said so");
        assert_eq!(without_stop("کہا۔"), "کہا");
        assert_eq!(upper_first("посол"), "Посол");
        assert_eq!(upper_first("سفیر"), "سفیر");
        assert_eq!(shortened("abcdef", 4), "abc…");
    }
}
