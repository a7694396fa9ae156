//! VP8 (RFC 7741).

use super::frames::Frame;
use crate::PictureSize;

#[derive(Debug, Default)]
pub(crate) struct Parts {
    data: Vec<u8>,
}

impl Parts {
    /// Takes a payload; `false` when it makes no sense here.
    pub(super) fn push(&mut self, payload: &[u8]) -> bool {
        let Some((begins, data)) = strip(payload) else { return false };
        if begins != self.data.is_empty() {
            return false;
        }
        self.data.extend_from_slice(data);
        !data.is_empty()
    }

    pub(super) fn finish(self) -> Option<Frame> {
        let data = self.data;
        let key = data.first()? & 1 == 0;
        // RFC 6386, section 9.1: a start code, then width and height of 14 bits.
        let size = match *data.get(3..10).unwrap_or_default() {
            [0x9D, 0x01, 0x2A, a, b, c, d] if key => {
                let pixels = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
                Some(PictureSize { width: pixels(a, b), height: pixels(c, d) })
            }
            _ if key => return None,
            _ => None,
        };
        Some(Frame { key, data, size, ..Frame::default() })
    }
}

/// Section 4.2: whether the payload begins a frame, and what follows the descriptor.
fn strip(payload: &[u8]) -> Option<(bool, &[u8])> {
    let first = *payload.first()?;
    let mut at = 1;
    if first & 0x80 != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & 0x80 != 0 {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(extension & 0x40 != 0) + usize::from(extension & 0x30 != 0);
    }
    Some((first & 0x17 == 0x10, payload.get(at..)?))
}
