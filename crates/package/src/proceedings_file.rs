//! Reads proceedings as they come, line by line, against their hash chain.

use base::EventId;
use proceedings::{Broken, Event, Line, Tip, verify_after};

/// Longest line, in bytes. The first line holds the whole programme and is the longest; a programme
/// file has at most a megabyte.
const LINE_BYTES_MAX: usize = 8 << 20;

/// The first line that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokenLine {
    pub(crate) line: u64,
    pub(crate) why: String,
}

/// A reader of proceedings that is fed pieces.
#[derive(Debug, Default)]
pub(crate) struct ChainReader {
    tip: Tip,
    event: Option<EventId>,
    pending: Vec<u8>,
    broken: Option<BrokenLine>,
}

impl ChainReader {
    pub(crate) fn feed(&mut self, mut piece: &[u8]) {
        while self.broken.is_none() {
            let Some(end) = piece.iter().position(|byte| *byte == b'\n') else {
                self.pending.extend_from_slice(piece);
                if self.pending.len() > LINE_BYTES_MAX {
                    self.break_off("it is longer than any line can be");
                }
                return;
            };
            self.pending.extend_from_slice(&piece[..end]);
            piece = &piece[end + 1..];
            self.line();
        }
    }

    /// The end, the event of the first line, and what is broken. A broken chain ends before its
    /// broken line.
    pub(crate) fn finish(mut self) -> (Tip, Option<EventId>, Option<BrokenLine>) {
        if self.broken.is_none() && !self.pending.is_empty() {
            self.break_off("it is cut off");
        }
        (self.tip, self.event, self.broken)
    }

    fn line(&mut self) {
        let text = std::mem::take(&mut self.pending);
        let line: Line = match serde_json::from_slice(&text) {
            Ok(line) => line,
            Err(error) => return self.break_off(&format!("it cannot be read ({error})")),
        };
        match verify_after(self.tip, std::slice::from_ref(&line)) {
            // The hash is that of the line's meaning; spaces or a key more would not be seen.
            Ok(_) if serde_json::to_vec(&line).ok().as_ref() != Some(&text) => {
                self.break_off(&Broken::Content.to_string());
            }
            Ok(tip) => {
                self.tip = tip;
                if let Event::EventCreated { definition } = line.event {
                    self.event = Some(definition.id);
                }
            }
            Err(broken) => self.break_off(&broken.why.to_string()),
        }
    }

    fn break_off(&mut self, why: &str) {
        self.pending = Vec::new();
        self.broken = Some(BrokenLine { line: self.tip.sequence.next().0, why: why.to_owned() });
    }
}
