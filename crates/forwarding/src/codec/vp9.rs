//! VP9 payloads (RFC 9628 section 4.2) and the head of a key frame (VP9 bitstream specification
//! section 6.2).

use super::bits::Bits;
use super::{Description, LEVELS_MAX, Level, PictureFields, Reader, Rise, Size, Sizes};

pub(super) fn describe(payload: &[u8]) -> Option<Description> {
    let mut reader = Reader { payload, at: 0 };
    let mut pictures = PictureFields::default();
    let required = reader.byte()?;
    let [has_id, inter, layered, flexible, begin, end, structure] =
        [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02].map(|bit| required & bit != 0);
    if has_id {
        pictures.id = Some(reader.picture_id()?);
    }
    let (mut level, mut rise, mut between_layers) = (Level::default(), Rise::No, false);
    if layered {
        let layers = reader.byte()?;
        level = Level::new(layers >> 1 & 0x07, layers >> 5);
        between_layers = layers & 0x01 != 0;
        if layers & 0x10 != 0 {
            rise = Rise::Above;
        }
        if !flexible {
            let at = reader.at;
            pictures.base_layer = Some((reader.byte()?, at));
        }
    }
    if flexible && inter {
        // At most three differences of picture numbers; the lowest bit says that one more follows.
        for _ in 0..3 {
            if reader.byte()? & 0x01 == 0 {
                break;
            }
        }
    }
    let mut sizes = Sizes::default();
    if structure {
        sizes = read_structure(&mut reader)?;
    }
    let key_frame_start = begin && !inter && !between_layers && level.spatial == 0;
    if key_frame_start && sizes == Sizes::default() {
        sizes[0] = size(payload.get(usize::from(reader.at)..)?);
    }
    Some(Description {
        key_frame_start,
        pictures,
        level,
        rise,
        picture_start: begin && level.spatial == 0,
        layer_end: end,
        sizes,
    })
}

/// The scalability structure: how many spatial layers there are and how large, and how the
/// pictures of a group depend on each other.
fn read_structure(reader: &mut Reader<'_>) -> Option<Sizes> {
    let head = reader.byte()?;
    let mut sizes = Sizes::default();
    if head & 0x10 != 0 {
        for layer in 0..=usize::from(head >> 5) {
            let [a, b, c, d] = [reader.byte()?, reader.byte()?, reader.byte()?, reader.byte()?];
            if let Some(size) = sizes.get_mut(layer.min(LEVELS_MAX - 1)) {
                *size = Some(Size {
                    width: u16::from_be_bytes([a, b]),
                    height: u16::from_be_bytes([c, d]),
                });
            }
        }
    }
    if head & 0x08 != 0 {
        for _ in 0..reader.byte()? {
            for _ in 0..reader.byte()? >> 2 & 0x03 {
                reader.byte()?;
            }
        }
    }
    Some(sizes)
}

/// The size from the uncompressed header of a key frame.
fn size(frame: &[u8]) -> Option<Size> {
    const SYNC_CODE: u32 = 0x49_8342;
    const SRGB: u8 = 7;
    let mut bits = Bits::new(frame);
    if bits.number(2)? != 0b10 {
        return None;
    }
    let profile = u8::from(bits.bit()?) | u8::from(bits.bit()?) << 1;
    let reserved = profile == 3 && bits.bit()?;
    let shows_existing = bits.bit()?;
    let predicted = bits.bit()?;
    if reserved || shows_existing || predicted {
        return None;
    }
    bits.skip(2)?;
    if bits.number(24)? != SYNC_CODE {
        return None;
    }
    if profile >= 2 {
        bits.skip(1)?;
    }
    let space = bits.small(3)?;
    let odd_profile = profile == 1 || profile == 3;
    if space != SRGB {
        bits.skip(if odd_profile { 4 } else { 1 })?;
    } else if odd_profile {
        bits.skip(1)?;
    }
    let mut side = || u16::try_from(bits.number(16)?.checked_add(1)?).ok();
    Some(Size { width: side()?, height: side()? })
}
