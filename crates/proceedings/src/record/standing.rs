//! Whether the public may read the record.

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// How the record of an event stands for the public. It is never public by itself: somebody who
/// moderates decides it, and may take it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum RecordStanding {
    /// For those who made it.
    #[default]
    Internal,
    /// Everybody reads it.
    Public {
        /// Since when.
        since: Timestamp,
    },
    /// It was public and is not any more.
    Withdrawn {
        /// Since when.
        at: Timestamp,
    },
}

impl RecordStanding {
    /// True while everybody may read the record.
    pub fn is_public(self) -> bool {
        matches!(self, Self::Public { .. })
    }
}
