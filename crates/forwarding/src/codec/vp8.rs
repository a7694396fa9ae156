//! VP8 payloads (RFC 7741 section 4.2) and the head of a key frame (RFC 6386 section 9.1).

use super::{Description, Level, PictureFields, Reader, Rise, Size};

pub(super) fn describe(payload: &[u8]) -> Option<Description> {
    let mut reader = Reader { payload, at: 0 };
    let mut pictures = PictureFields::default();
    let required = reader.byte()?;
    let (mut temporal, mut rise) = (0, Rise::No);
    if required & 0x80 != 0 {
        let extension = reader.byte()?;
        if extension & 0x80 != 0 {
            pictures.id = Some(reader.picture_id()?);
        }
        if extension & 0x40 != 0 {
            let at = reader.at;
            pictures.base_layer = Some((reader.byte()?, at));
        }
        if extension & 0x30 != 0 {
            let layers = reader.byte()?;
            if extension & 0x20 != 0 {
                temporal = layers >> 6;
                // Y: the picture depends only on base layer pictures.
                if layers & 0x20 != 0 {
                    rise = Rise::Here;
                }
            }
        }
    }
    // S is set and the partition index is 0: the frame header follows, whose lowest bit is 0 in a
    // key frame.
    let picture_start = required & 0x17 == 0x10;
    let key_frame_start = picture_start && reader.byte()? & 0x01 == 0;
    let mut description = Description {
        key_frame_start,
        pictures,
        level: Level::new(0, temporal),
        rise,
        picture_start,
        ..Description::default()
    };
    if key_frame_start {
        description.sizes[0] = size(&payload[usize::from(reader.at)..]);
    }
    Some(description)
}

/// Behind the three bytes of the frame tag stand the start code and, in 14 bits each, the size.
fn size(rest: &[u8]) -> Option<Size> {
    let [_, _, 0x9d, 0x01, 0x2a, width @ .., _, _] = rest.get(..9)? else { return None };
    let (width, height) = ([width[0], width[1]], [rest[7], rest[8]]);
    let side = |bytes| u16::from_le_bytes(bytes) & 0x3fff;
    Some(Size { width: side(width), height: side(height) })
}
