//! AV1 payloads (AOMedia, "RTP Payload Format for AV1") and the sequence header (AV1 bitstream
//! specification section 5.5).

use super::bits::Bits;
use super::{Description, Size, Sizes};

const SEQUENCE_HEADER: u8 = 1;

pub(super) fn describe(payload: &[u8]) -> Description {
    let Some((&aggregation, rest)) = payload.split_first() else {
        return Description::default();
    };
    let (continues, elements, begins_sequence) =
        (aggregation & 0x80 != 0, aggregation >> 4 & 0x03, aggregation & 0x08 != 0);
    // With one element its length is implied, otherwise a LEB128 number stands before it.
    let unit = if elements == 1 {
        rest
    } else {
        let length_bytes = rest.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        rest.get(length_bytes..).unwrap_or_default()
    };
    let begins_with_header =
        !continues && unit.first().is_some_and(|header| header >> 3 & 0x0f == SEQUENCE_HEADER);
    let mut sizes = Sizes::default();
    if begins_with_header {
        sizes[0] = size(unit);
    }
    Description {
        // The aggregation header says when a packet begins a new coded video sequence (N); senders
        // that leave N out are recognised by a sequence header as the first whole unit.
        key_frame_start: begins_sequence || begins_with_header,
        sizes,
        ..Description::default()
    }
}

/// The largest size of the frames that follow a sequence header.
fn size(unit: &[u8]) -> Option<Size> {
    const EXTENSION: u8 = 0x04;
    const SIZE_FIELD: u8 = 0x02;
    let header = *unit.first()?;
    let skipped = 1 + usize::from(header & EXTENSION != 0);
    let mut body = unit.get(skipped..)?;
    if header & SIZE_FIELD != 0 {
        let length_bytes = body.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        body = body.get(length_bytes..)?;
    }
    let mut bits = Bits::new(body);
    bits.skip(4)?;
    if bits.bit()? {
        bits.skip(5)?;
    } else {
        let timing = bits.bit()?;
        if timing {
            // Encoders for conversation leave timing to RTP.
            return None;
        }
        let display_delay = bits.bit()?;
        for _ in 0..=bits.number(5)? {
            bits.skip(12)?;
            if bits.number(5)? > 7 {
                bits.skip(1)?;
            }
            if display_delay && bits.bit()? {
                bits.skip(4)?;
            }
        }
    }
    let (width_bits, height_bits) = (bits.small(4)? + 1, bits.small(4)? + 1);
    let mut side = |count| u16::try_from(bits.number(count)?.checked_add(1)?).ok();
    Some(Size { width: side(width_bits)?, height: side(height_bits)? })
}
