//! H.264 payloads (RFC 6184) and the sequence parameter set (ISO/IEC 14496-10 section 7.3.2.1).

use super::bits::Bits;
use super::{Description, Size, Sizes};

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Bytes of a parameter set that are looked at; the size stands far at the front.
const SPS_BYTES_MAX: usize = 64;

pub(super) fn describe(payload: &[u8]) -> Description {
    let mut sizes = Sizes::default();
    let key_frame_start = key_frame_start(payload, &mut sizes[0]);
    Description { key_frame_start, sizes, ..Description::default() }
}

/// A key picture begins with its sequence parameter set, alone or at the head of an aggregate, or,
/// from senders that give the set only once, with the first slice of an IDR picture.
fn key_frame_start(payload: &[u8], found: &mut Option<Size>) -> bool {
    let Some((&header, rest)) = payload.split_first() else { return false };
    match header & 0x1f {
        SPS => {
            *found = size(rest);
            true
        }
        IDR => first_slice(rest),
        STAP_A => {
            let mut rest = rest;
            while let [high, low, unit @ ..] = rest {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(body) = unit.get(..length) else { return false };
                match body.split_first().map(|(header, body)| (header & 0x1f, body)) {
                    Some((SPS, body)) => {
                        *found = size(body);
                        return true;
                    }
                    Some((IDR, body)) if first_slice(body) => return true,
                    _ => rest = &unit[length..],
                }
            }
            false
        }
        FU_A => match rest {
            [fragment, body @ ..] => {
                fragment & 0x80 != 0 && fragment & 0x1f == IDR && first_slice(body)
            }
            [] => false,
        },
        _ => false,
    }
}

/// `first_mb_in_slice` is the first Exp-Golomb number of a slice; zero is the single bit 1.
fn first_slice(body: &[u8]) -> bool {
    body.first().is_some_and(|byte| byte & 0x80 != 0)
}

/// The size of the pictures that follow a parameter set, before cropping in units of 16 pixels.
fn size(set: &[u8]) -> Option<Size> {
    let mut plain = [0; SPS_BYTES_MAX];
    let (mut length, mut zeros) = (0, 0);
    for &byte in set.iter().take(SPS_BYTES_MAX) {
        // A 3 after two zeros only keeps the bytes from looking like a start code.
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain[length] = byte;
        length += 1;
    }
    let mut bits = Bits::new(&plain[..length]);
    let profile = bits.small(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128) {
        chroma = bits.golomb()?;
        if chroma == 3 {
            bits.skip(1)?;
        }
        bits.golomb()?;
        bits.golomb()?;
        bits.skip(1)?;
        if bits.bit()? {
            // Scaling matrices, which no encoder for conversation uses.
            return None;
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.skip(1)?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.skip(1)?;
    let blocks = |number: Option<u32>| number?.checked_add(1)?.checked_mul(16);
    let width = blocks(bits.golomb())?;
    let mut height = blocks(bits.golomb())?;
    let progressive = bits.bit()?;
    if !progressive {
        height = height.checked_mul(2)?;
        bits.skip(1)?;
    }
    bits.skip(1)?;
    let (mut cut_width, mut cut_height) = (0, 0);
    if bits.bit()? {
        let mut both = || bits.golomb()?.checked_add(bits.golomb()?);
        let (across, down) = (both()?, both()?);
        let unit = |halved: bool| if halved { 2 } else { 1 };
        cut_width = across.checked_mul(unit(matches!(chroma, 1 | 2)))?;
        cut_height = down.checked_mul(unit(chroma == 1) * unit(!progressive))?;
    }
    let side = |whole: u32, cut: u32| u16::try_from(whole.checked_sub(cut)?).ok();
    Some(Size { width: side(width, cut_width)?, height: side(height, cut_height)? })
}
