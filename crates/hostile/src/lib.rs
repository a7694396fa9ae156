//! Hostile input for tests. Each crate that reads what strangers send has functions that take any
//! bytes and panic when something is wrong (its module `fuzzing`, never compiled into the product);
//! [`replay`] gives them what `fuzz/corpus/TARGET` holds, and seeded mutations of it. The same
//! functions and the same corpora serve `cargo fuzz`, see `fuzz/README.md`.

mod mutation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use base::SplitMix;

pub use mutation::{BYTES_MAX, mutate};

/// Set to a number of seconds, every target goes on with new mutations for that long. The seed is
/// drawn from the clock and printed.
pub const SECONDS_VARIABLE: &str = "PLENARY_FUZZ_SECONDS";

/// The seed of an ordinary test run: the same inputs on every machine.
const SEED: u64 = 7;

/// Gives `check` every input of a target's corpus, then `mutations` mutations of them.
///
/// # Panics
/// When `check` does; the input is kept in a file, which the message names. Also when there is no
/// corpus.
#[expect(clippy::panic, reason = "this is how a test fails")]
pub fn replay(target: &str, mutations: usize, mut check: impl FnMut(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "fuzz/corpus/{target} is empty");
    let mut attempt = |input: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| check(input))).is_err() {
            let file = env::temp_dir().join(format!("hostile-{target}"));
            // If it cannot be kept, the seed still leads to it.
            let kept = fs::write(&file, input).is_ok();
            panic!("target {target} failed on {} bytes (kept: {kept}, {file:?})", input.len());
        }
    };
    for input in &corpus {
        attempt(input);
    }
    let mut random = SplitMix(SEED);
    for _ in 0..mutations {
        attempt(&mutate(&corpus, &mut random));
    }
    let Some(length) = seconds() else { return };
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut random = SplitMix(seed);
    let (end, mut tried) = (Instant::now() + length, 0_u64);
    while Instant::now() < end {
        attempt(&mutate(&corpus, &mut random));
        tried += 1;
    }
    #[expect(clippy::print_stderr, reason = "asked for by whoever set the variable")]
    {
        eprintln!("{target}: {tried} inputs in {} s, seed {seed}", length.as_secs());
    }
}

fn seconds() -> Option<Duration> {
    env::var(SECONDS_VARIABLE).ok()?.parse().ok().map(Duration::from_secs)
}

/// The inputs kept for a target, in the order of their names.
#[must_use]
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = root().join("fuzz/corpus").join(target);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files.iter().filter_map(|file| fs::read(file).ok()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_input_fails_the_test_and_is_kept() {
        let failed = catch_unwind(|| {
            replay("reports", 10, |input| assert!(input.is_empty(), "not what it may be"));
        });
        assert!(failed.is_err());
        let kept = fs::read(env::temp_dir().join("hostile-reports")).expect("the file");
        assert!(corpus("reports").contains(&kept));
    }

    #[test]
    fn a_target_without_corpus_is_an_error() {
        assert!(catch_unwind(|| replay("nothing", 1, |_| {})).is_err());
    }

    /// A corpus that nobody replays would be a promise that nobody keeps.
    #[test]
    fn every_corpus_has_its_target() {
        let names = |folder: &str| {
            let entries = fs::read_dir(root().join(folder)).expect("the folder");
            let mut names: Vec<_> = entries
                .flatten()
                .map(|entry| entry.path().with_extension(""))
                .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
                .collect();
            names.sort();
            names
        };
        assert_eq!(names("fuzz/corpus"), names("fuzz/fuzz_targets"));
    }
}
