//! What the moderator is told about the recording of an event.

use serde::{Deserialize, Serialize};

/// What is wrong with a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// There will soon be no room on the disk.
    DiskNearlyFull,
    /// The machine does not keep up: something was not recorded.
    Overloaded,
    /// There is no room on the disk: nothing is recorded.
    DiskFull,
    /// The disk refuses to be written to: nothing is recorded.
    WriteFailed,
}

/// How the recording of an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Something is written now.
    pub recording: bool,
    /// The worst of what is wrong.
    pub problem: Option<Problem>,
}
