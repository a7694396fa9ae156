//! H.264 (RFC 6184): units behind their length in four bytes, as Matroska holds them.

use super::frames::Frame;
use crate::PictureSize;
use crate::bits::Bits;

const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Units of one picture. Encoders for calls cut it into a few slices.
const UNITS_MAX: usize = 512;

#[derive(Debug, Default)]
pub(crate) struct Parts {
    units: Vec<Vec<u8>>,
    /// The last unit comes in fragments and has not ended.
    open: bool,
}

impl Parts {
    /// Takes a payload; `false` when it makes no sense here.
    pub(super) fn push(&mut self, payload: &[u8]) -> bool {
        let Some((&header, rest)) = payload.split_first() else { return false };
        let kind = header & 0x1F;
        if self.units.len() >= UNITS_MAX || self.open && kind != FU_A {
            return false;
        }
        match kind {
            1..=23 => {
                self.units.push(payload.to_vec());
                true
            }
            STAP_A => self.push_aggregate(rest),
            FU_A => {
                let [fragment, body @ ..] = rest else { return false };
                let (begins, ends) = (fragment & 0x80 != 0, fragment & 0x40 != 0);
                if begins == self.open {
                    return false;
                }
                if begins {
                    self.units.push(vec![header & 0xE0 | fragment & 0x1F]);
                }
                if let Some(unit) = self.units.last_mut() {
                    unit.extend_from_slice(body);
                }
                self.open = !ends;
                true
            }
            _ => false,
        }
    }

    fn push_aggregate(&mut self, mut rest: &[u8]) -> bool {
        while let [high, low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(unit) = after.get(..length).filter(|unit| !unit.is_empty()) else {
                return false;
            };
            if self.units.len() >= UNITS_MAX {
                return false;
            }
            self.units.push(unit.to_vec());
            rest = &after[length..];
        }
        true
    }

    /// Whether the first unit can be the first of a key frame.
    pub(super) fn starts_whole(&self) -> bool {
        let kind = self.units.first().and_then(|unit| unit.first()).map(|header| header & 0x1F);
        matches!(kind, Some(SPS | DELIMITER))
    }

    pub(super) fn finish(self) -> Option<Frame> {
        if self.open {
            return None;
        }
        let kind = |unit: &Vec<u8>| unit.first().map_or(0, |header| header & 0x1F);
        let find = |wanted| self.units.iter().find(|unit| kind(unit) == wanted);
        let key = find(IDR).is_some();
        // Parameter sets alone are no picture.
        self.units.iter().find(|unit| (1..=IDR).contains(&kind(unit)))?;
        let sets = find(SPS).zip(find(PPS));
        let private = sets.and_then(|(sps, pps)| configuration(sps, pps));
        let size = find(SPS).and_then(|sps| size_in(sps));
        let mut data = Vec::new();
        for unit in &self.units {
            data.extend_from_slice(&u32::try_from(unit.len()).ok()?.to_be_bytes());
            data.extend_from_slice(unit);
        }
        Some(Frame { key, data, size, private, ..Frame::default() })
    }
}

/// `avcC` (ISO/IEC 14496-15, section 5.3.3.1).
fn configuration(sps: &[u8], pps: &[u8]) -> Option<Vec<u8>> {
    let [_, profile, compatibility, level, ..] = *sps else { return None };
    let mut out = vec![1, profile, compatibility, level, 0xFF, 0xE1];
    out.extend_from_slice(&u16::try_from(sps.len()).ok()?.to_be_bytes());
    out.extend_from_slice(sps);
    out.push(1);
    out.extend_from_slice(&u16::try_from(pps.len()).ok()?.to_be_bytes());
    out.extend_from_slice(pps);
    Some(out)
}

/// H.264, section 7.3.2.1.1, as far as the size.
fn size_in(sps: &[u8]) -> Option<PictureSize> {
    let plain = without_emulation_prevention(sps);
    let mut bits = Bits::new(plain.get(1..)?);
    let profile = bits.bits(8)?;
    bits.skip(16)?;
    bits.exp_golomb()?;
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.exp_golomb()?;
        if chroma == 3 {
            bits.skip(1)?;
        }
        bits.exp_golomb()?;
        bits.exp_golomb()?;
        bits.skip(1)?;
        if bits.bit()? {
            // Scaling matrices do not occur in calls, and reading over them takes a page.
            return None;
        }
    }
    bits.exp_golomb()?;
    match bits.exp_golomb()? {
        0 => drop(bits.exp_golomb()?),
        1 => {
            bits.skip(1)?;
            bits.exp_golomb()?;
            bits.exp_golomb()?;
            for _ in 0..bits.exp_golomb()?.min(255) {
                bits.exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?;
    bits.skip(1)?;
    let width = bits.exp_golomb()?.checked_add(1)?.checked_mul(16)?;
    let map_units = bits.exp_golomb()?.checked_add(1)?;
    let frames_only = bits.bit()?;
    if !frames_only {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let fields = if frames_only { 1 } else { 2 };
    let height = map_units.checked_mul(16 * fields)?;
    let (mut cut_x, mut cut_y) = (0, 0);
    if bits.bit()? {
        let mut next = || bits.exp_golomb();
        let (left, right, top, bottom) = (next()?, next()?, next()?, next()?);
        let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let unit_y = if chroma == 1 { 2 } else { 1 } * fields;
        cut_x = left.checked_add(right)?.checked_mul(unit_x)?;
        cut_y = top.checked_add(bottom)?.checked_mul(unit_y)?;
    }
    Some(PictureSize { width: width.checked_sub(cut_x)?, height: height.checked_sub(cut_y)? })
}

fn without_emulation_prevention(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len());
    for byte in unit {
        if !(*byte == 3 && out.ends_with(&[0, 0])) {
            out.push(*byte);
        }
    }
    out
}
