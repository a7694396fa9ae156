//! Whole releases, from facts to every format.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chatham;
mod editing;
mod hostile;
mod record;
mod reference;
mod support;
