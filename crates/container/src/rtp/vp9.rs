//! VP9 (RFC 9628). The spatial layers of a picture become one frame with an index at its end, as
//! the bitstream specification (annex B, "superframes") wants it.

use super::frames::Frame;
use crate::PictureSize;
use crate::bits::Bits;

/// Frames that the index of a superframe can count.
const LAYERS_MAX: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Parts {
    layers: Vec<Vec<u8>>,
    /// The last layer has begun and not ended.
    open: bool,
    inter: bool,
    from_base: bool,
    size: Option<PictureSize>,
}

impl Parts {
    /// Takes a payload; `false` when it makes no sense here.
    pub(super) fn push(&mut self, payload: &[u8]) -> bool {
        let Some(descriptor) = Descriptor::read(payload) else { return false };
        if descriptor.begins {
            if self.open || self.layers.len() >= LAYERS_MAX {
                return false;
            }
            if self.layers.is_empty() {
                self.inter = descriptor.inter;
                self.from_base = descriptor.layer == 0;
            }
            self.layers.push(Vec::new());
        } else if !self.open {
            return false;
        }
        self.size = descriptor.size.or(self.size);
        self.open = !descriptor.ends;
        match self.layers.last_mut() {
            Some(layer) => layer.extend_from_slice(descriptor.data),
            None => return false,
        }
        !descriptor.data.is_empty()
    }

    /// Whether the picture begins with its lowest layer.
    pub(super) fn starts_whole(&self) -> bool {
        self.from_base
    }

    pub(super) fn finish(self) -> Option<Frame> {
        if self.open {
            return None;
        }
        let first = self.layers.first()?;
        let key = !self.inter;
        let told = self.size.filter(|_| self.layers.len() > 1);
        let size = if key { told.or_else(|| size_in(first)) } else { None };
        let data = match <[Vec<u8>; 1]>::try_from(self.layers) {
            Ok([only]) => only,
            Err(layers) => superframe(&layers),
        };
        Some(Frame { key, data, size, ..Frame::default() })
    }
}

struct Descriptor<'a> {
    inter: bool,
    layer: u8,
    begins: bool,
    ends: bool,
    size: Option<PictureSize>,
    data: &'a [u8],
}

impl<'a> Descriptor<'a> {
    /// Section 4.2.
    fn read(payload: &'a [u8]) -> Option<Self> {
        let first = *payload.first()?;
        let [id, inter, layered, flexible, begins, ends, structure] =
            [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02].map(|bit| first & bit != 0);
        let mut at = 1;
        if id {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        let mut layer = 0;
        if layered {
            layer = payload.get(at)? >> 1 & 0x07;
            at += if flexible { 1 } else { 2 };
        }
        if flexible && inter {
            // Up to three references, each saying whether another follows.
            for _ in 0..3 {
                let reference = *payload.get(at)?;
                at += 1;
                if reference & 1 == 0 {
                    break;
                }
            }
        }
        let mut size = None;
        if structure {
            let head = *payload.get(at)?;
            at += 1;
            if head & 0x10 != 0 {
                for _ in 0..=head >> 5 {
                    let [a, b, c, d] = *payload.get(at..)?.first_chunk()?;
                    at += 4;
                    let pixels = |high, low| u32::from(u16::from_be_bytes([high, low]));
                    size = Some(PictureSize { width: pixels(a, b), height: pixels(c, d) });
                }
            }
            if head & 0x08 != 0 {
                let pictures = *payload.get(at)?;
                at += 1;
                for _ in 0..pictures {
                    at += 1 + usize::from(*payload.get(at)? >> 2 & 0x03);
                }
            }
        }
        Some(Self { inter, layer, begins, ends, size, data: payload.get(at..)? })
    }
}

/// The size in a key frame's uncompressed header (bitstream specification, section 6.2).
fn size_in(frame: &[u8]) -> Option<PictureSize> {
    let mut bits = Bits::new(frame);
    if bits.bits(2)? != 2 {
        return None;
    }
    let profile = bits.bits(1)? | bits.bits(1)? << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    let (shown, kind) = (bits.bit()?, bits.bit()?);
    if shown || kind {
        return None;
    }
    bits.skip(2)?;
    if bits.bits(24)? != 0x49_83_42 {
        return None;
    }
    if profile >= 2 {
        bits.skip(1)?;
    }
    const SRGB: u32 = 7;
    if bits.bits(3)? == SRGB {
        bits.skip(if profile & 1 == 1 { 1 } else { 0 })?;
    } else {
        bits.skip(if profile & 1 == 1 { 4 } else { 1 })?;
    }
    Some(PictureSize { width: bits.bits(16)? + 1, height: bits.bits(16)? + 1 })
}

fn superframe(layers: &[Vec<u8>]) -> Vec<u8> {
    let longest = layers.iter().map(Vec::len).max().unwrap_or_default();
    let bytes = (1..4_usize).find(|bytes| longest < 1 << (8 * bytes)).unwrap_or(4);
    let marker = 0xC0
        | u8::try_from(bytes - 1).unwrap_or(3) << 3
        | u8::try_from(layers.len().saturating_sub(1)).unwrap_or(7) & 7;
    let mut data = layers.concat();
    data.push(marker);
    for layer in layers {
        data.extend_from_slice(&layer.len().to_le_bytes()[..bytes]);
    }
    data.push(marker);
    data
}
