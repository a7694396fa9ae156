//! Puts the packets of one stream in order.

use std::collections::BTreeMap;

use base::Millis;

/// Packets that may be held while one is missing: a second of a large picture.
const HELD_MAX: usize = 1_024;

/// Holds packets back while one before them is missing and may still come.
#[derive(Debug)]
pub struct Sequencer<T> {
    patience: Millis,
    next: Option<u64>,
    held: BTreeMap<u64, (Millis, T)>,
}

impl<T> Sequencer<T> {
    /// `patience` is how long a repair may take.
    pub fn new(patience: Millis) -> Self {
        Self { patience, next: None, held: BTreeMap::new() }
    }

    /// Takes a packet. Repetitions, and packets that were given up, are dropped.
    pub fn push(&mut self, now: Millis, sequence: u64, packet: T) {
        if self.next.is_none_or(|next| sequence >= next) {
            self.next.get_or_insert(sequence);
            self.held.entry(sequence).or_insert((now, packet));
        }
    }

    /// The next packet in order: at once when none before it is missing, else when it has waited
    /// long enough.
    pub fn pop(&mut self, now: Millis) -> Option<T> {
        let (&sequence, (since, _)) = self.held.first_key_value()?;
        let is_next = self.next == Some(sequence);
        let waited = now.0.saturating_sub(since.0) >= self.patience.0;
        if !is_next && !waited && self.held.len() <= HELD_MAX {
            return None;
        }
        self.next = Some(sequence.saturating_add(1));
        self.held.pop_first().map(|(_, (_, packet))| packet)
    }

    /// Everything that is left, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.held).into_values().map(|(_, packet)| packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_wait_for_those_before_them() {
        let mut sequencer = Sequencer::new(Millis(200));
        let mut pop = |now, push: Option<u64>| {
            if let Some(sequence) = push {
                sequencer.push(Millis(now), sequence, sequence);
            }
            std::iter::from_fn(|| sequencer.pop(Millis(now))).collect::<Vec<_>>()
        };
        assert_eq!(pop(0, Some(10)), [10]);
        assert_eq!(pop(10, Some(12)), []);
        assert_eq!(pop(20, Some(13)), []);
        assert_eq!(pop(30, Some(11)), [11, 12, 13]);
        assert_eq!(pop(40, Some(12)), [], "a repetition");
        assert_eq!(pop(50, Some(15)), []);
        assert_eq!(pop(240, Some(16)), []);
        assert_eq!(pop(250, None), [15, 16], "14 is given up");
        assert_eq!(pop(260, Some(14)), [], "too late");
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut sequencer = Sequencer::new(Millis(1_000_000));
        sequencer.push(Millis(0), 0, 0);
        assert_eq!(sequencer.pop(Millis(0)), Some(0));
        for sequence in 2..5_000 {
            sequencer.push(Millis(0), sequence, sequence);
            while sequencer.pop(Millis(0)).is_some() {}
            assert!(sequencer.held.len() <= HELD_MAX + 1);
        }
    }
}
