//! Bits, most significant first, as the headers of codecs are written.

/// A cursor over the bits of some bytes.
#[derive(Debug, Clone)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// A number of `count` bits, at most 32.
    pub(crate) fn number(&mut self, count: u8) -> Option<u32> {
        (0..count).try_fold(0, |number, _| Some(number << 1 | u32::from(self.bit()?)))
    }

    /// A number of `count` bits that is small.
    pub(crate) fn small(&mut self, count: u8) -> Option<u8> {
        u8::try_from(self.number(count)?).ok()
    }

    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// An unsigned Exp-Golomb number (ISO/IEC 14496-10 section 9.1).
    pub(crate) fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.number(zeros)?;
        (1_u32.checked_shl(u32::from(zeros))? - 1).checked_add(rest)
    }

    /// A number below `most` that takes no more bits than it must (AV1 specification section
    /// 4.10.7).
    pub(crate) fn below(&mut self, most: u32) -> Option<u32> {
        if most == 0 {
            return None;
        }
        let width = u8::try_from(32 - most.leading_zeros()).ok()?;
        let short = (1_u64 << width) - u64::from(most);
        let value = self.number(width - 1)?;
        if u64::from(value) < short {
            return Some(value);
        }
        let extra = u32::from(self.bit()?);
        u32::try_from((u64::from(value) << 1) - short + u64::from(extra)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_kinds() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0000]);
        assert_eq!((bits.bit(), bits.number(3)), (Some(true), Some(0b010)));
        // 011 is 2, 00100 would be 3.
        assert_eq!(bits.golomb(), Some(2));
        assert_eq!(bits.skip(9), Some(()));
        assert_eq!((bits.bit(), bits.skip(1)), (None, None));
        // Of five values the first three take two bits, the others three.
        let read = |byte: u8| Bits::new(&[byte]).below(5);
        assert_eq!(
            [0b0000_0000, 0b0100_0000, 0b1000_0000, 0b1100_0000, 0b1110_0000].map(read),
            [Some(0), Some(1), Some(2), Some(3), Some(4)]
        );
        assert_eq!(Bits::new(&[0; 8]).golomb(), None, "no end of zeros");
    }
}
