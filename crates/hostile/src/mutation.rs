//! Mutations: what a careless or malicious sender does to something that once was right.

use base::{Random, SplitMix};

/// Longest input that a mutation makes: the largest offer, programme file or datagram that is read
/// at all is shorter.
pub const BYTES_MAX: usize = 80 << 10;

/// Changes made to one input. Many small ones keep more of its form than one large one.
const CHANGES_MAX: u64 = 6;

/// Numbers at which lengths and counts go wrong.
const NUMBERS: [&str; 8] =
    ["0", "-1", "255", "256", "65535", "65536", "4294967296", "18446744073709551616"];

/// One input of the corpus, changed in one to six places.
#[must_use]
pub fn mutate(corpus: &[Vec<u8>], random: &mut SplitMix) -> Vec<u8> {
    let Some(input) = pick(corpus, random) else { return Vec::new() };
    let mut input = input.clone();
    let is_text = std::str::from_utf8(&input).is_ok();
    for _ in 0..=random.below(CHANGES_MAX) {
        if is_text && random.below(2) == 0 {
            change_text(&mut input, corpus, random);
        } else {
            change_bytes(&mut input, corpus, random);
        }
    }
    input.truncate(BYTES_MAX);
    input
}

fn change_bytes(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut SplitMix) {
    let at = below(input.len().max(1), random);
    let length = 1 + below(16, random);
    let end = (at + length).min(input.len());
    match random.below(9) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                [*byte] = random.bytes();
            }
        }
        // A length, a count or a flag at its end of range.
        2 => input[at.min(end)..end].fill(if random.below(2) == 0 { 0 } else { 0xff }),
        3 => {
            let [a, b, c, d]: [u8; 4] = random.bytes();
            input.splice(at.min(end)..at.min(end), [a, b, c, d].into_iter().take(length));
        }
        4 => drop(input.drain(at.min(end)..end)),
        5 => input.truncate(at),
        6 => {
            let again = input[at.min(end)..end].to_vec();
            input.splice(end..end, again);
        }
        7 => {
            // Two records where there was one, or the tail of another sort of input.
            if let Some(other) = pick(corpus, random) {
                let from = below(other.len().max(1), random);
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
        }
        _ => {
            if let Some(other) = pick(corpus, random) {
                input.extend_from_slice(other);
            }
        }
    }
}

/// Changes whole lines, or words and numbers in them.
fn change_text(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut SplitMix) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if lines.is_empty() {
        return;
    }
    let at = below(lines.len(), random);
    match random.below(6) {
        0 => drop(lines.remove(at)),
        1 => {
            let line = lines[at].clone();
            lines.insert(below(lines.len(), random), line);
        }
        2 => {
            let other = below(lines.len(), random);
            lines.swap(at, other);
        }
        3 => {
            let foreign = pick(corpus, random).and_then(|other| std::str::from_utf8(other).ok());
            let foreign: Vec<&str> = foreign.unwrap_or_default().split_inclusive('\n').collect();
            if let Some(line) = pick(&foreign, random) {
                lines.insert(at, (*line).to_owned());
            }
        }
        4 => lines[at] = with_other_number(&lines[at], random),
        _ => {
            let words: Vec<&str> = lines[at].split_inclusive([' ', ':', ',', '=', ';']).collect();
            let (one, other) =
                (below(words.len().max(1), random), below(words.len().max(1), random));
            let mut words = words;
            if one < words.len() {
                words[one] = words[other];
            }
            lines[at] = words.concat();
        }
    }
    *input = lines.concat().into_bytes();
}

/// The line with one of its numbers replaced.
fn with_other_number(line: &str, random: &mut SplitMix) -> String {
    let starts: Vec<usize> = line
        .char_indices()
        .filter(|(at, c)| {
            c.is_ascii_digit() && !line[..*at].ends_with(|before: char| before.is_ascii_digit())
        })
        .map(|(at, _)| at)
        .collect();
    let Some(&start) = pick(&starts, random) else { return line.to_owned() };
    let rest = line[start..].trim_start_matches(|c: char| c.is_ascii_digit());
    let number = pick(&NUMBERS, random).copied().unwrap_or_default();
    format!("{}{number}{rest}", &line[..start])
}

fn pick<'a, T>(from: &'a [T], random: &mut SplitMix) -> Option<&'a T> {
    if from.is_empty() { None } else { from.get(below(from.len(), random)) }
}

/// A place below `bound`, which is not zero.
fn below(bound: usize, random: &mut SplitMix) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_differ_repeat_with_their_seed_and_are_bounded() {
        let corpus =
            [b"v=0\r\na=mid:0 17\r\n".to_vec(), vec![0xff; 30], Vec::new(), vec![b'x'; BYTES_MAX]];
        let run = |seed| {
            let mut random = SplitMix(seed);
            (0..2_000).map(|_| mutate(&corpus, &mut random)).collect::<Vec<_>>()
        };
        let inputs = run(1);
        assert_eq!(inputs, run(1));
        assert!(inputs.iter().all(|input| input.len() <= BYTES_MAX));
        let distinct: std::collections::BTreeSet<_> = inputs.iter().collect();
        assert!(distinct.len() > 1_000, "{} of 2,000 differ", distinct.len());
        let numbers = inputs.iter().filter(|input| input.windows(10).any(|w| w == b"4294967296"));
        assert!(numbers.count() > 5);
        assert!(mutate(&[], &mut SplitMix(1)).is_empty());
    }
}
