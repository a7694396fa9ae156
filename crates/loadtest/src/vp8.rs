//! The VP8 payload descriptor (RFC 7741, section 4.2): written by the publisher, skipped by the
//! receiver. A forwarding server rewrites it, and only it, so everything after it tells whose
//! picture a packet belongs to.

/// Bytes of the descriptor that [`write`] makes.
pub const DESCRIPTOR_BYTES: usize = 4;

/// A descriptor with a 15-bit picture id, as browsers send it.
pub fn write(first_part: bool, picture_id: u16) -> [u8; DESCRIPTOR_BYTES] {
    let [high, low] = (picture_id | 0x8000).to_be_bytes();
    [0x80 | if first_part { 0x10 } else { 0 }, 0x80, high, low]
}

/// What a receiver needs of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The payload begins a frame.
    pub starts_frame: bool,
    /// The payload begins a key frame.
    pub starts_key_frame: bool,
    /// The picture id and its width in bits, when there is one.
    pub picture_id: Option<(u16, u8)>,
    /// The piece of the frame.
    pub data: &'a [u8],
}

/// Splits a payload; `None` when it is cut off or has no data.
pub fn read(payload: &[u8]) -> Option<Payload<'_>> {
    let first = *payload.first()?;
    let mut at = 1;
    let mut picture_id = None;
    if first & 0x80 != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & 0x80 != 0 {
            let high = *payload.get(at)?;
            at += 1;
            picture_id = Some(if high & 0x80 == 0 {
                (u16::from(high), 7)
            } else {
                at += 1;
                (u16::from_be_bytes([high & 0x7f, *payload.get(at - 1)?]), 15)
            });
        }
        if extension & 0x40 != 0 {
            at += 1;
        }
        if extension & 0x30 != 0 {
            at += 1;
        }
    }
    let data = payload.get(at..).filter(|data| !data.is_empty())?;
    let starts_frame = first & 0x17 == 0x10;
    Some(Payload {
        starts_frame,
        starts_key_frame: starts_frame && data[0] & 1 == 0,
        picture_id,
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut payload = write(true, 0x1234).to_vec();
        payload.extend([0x10, 7]);
        let read = read(&payload).expect("a payload");
        assert_eq!(read.picture_id, Some((0x1234, 15)));
        assert!(read.starts_key_frame);
        assert_eq!(read.data, [0x10, 7]);
    }

    #[test]
    fn every_width_of_descriptor_is_skipped() {
        for (payload, id, data) in [
            (&[0x10, 9][..], None, &[9][..]),
            (&[0x90, 0x80, 5, 9], Some((5, 7)), &[9]),
            (&[0x90, 0xf0, 0x80, 5, 1, 2, 9], Some((5, 15)), &[9]),
            (&[0x80, 0x20, 2, 9, 8], None, &[9, 8]),
        ] {
            let read = read(payload).expect("a payload");
            assert_eq!((read.picture_id, read.data), (id, data), "{payload:?}");
        }
        for cut in [&[][..], &[0x10], &[0x90], &[0x90, 0x80, 0x81], &[0x90, 0xf0, 1, 2, 3]] {
            assert_eq!(read(cut), None, "{cut:?}");
        }
    }
}
