//! Any file taken for a programme file, for the tests of hostile input (crate `hostile`, folder
//! `fuzz/`). Not compiled into the product.

use crate::{ERRORS_MAX, Gravity, parse_bytes};

/// The file is read, or everything that is wrong in it is said, with its place.
pub fn programme(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let problems = match parse_bytes(input) {
        Ok(checked) => {
            assert!(!checked.definition.segments.is_empty(), "a programme has segments");
            checked.warnings
        }
        Err(problems) => {
            assert!(!problems.errors.is_empty() && problems.errors.len() <= ERRORS_MAX);
            assert!(!problems.to_string().is_empty());
            problems.errors
        }
    };
    for problem in problems {
        let lines = text.split('\n').count();
        assert!((1..=lines).contains(&problem.line), "{problem:?} in {lines} lines");
        assert!(problem.column >= 1 && !problem.what.is_empty(), "{problem:?}");
        assert!(!problem.render("event.toml", &text, Gravity::Error, true).is_empty());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn hostile_programmes() {
        hostile::replay("programme", 1_500, super::programme);
    }
}
