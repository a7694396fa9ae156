//! Elements: an id, a size, a body (RFC 8794).

/// The size of an element whose end is not known yet, eight bytes long so that the true size fits
/// into its place (RFC 8794, section 6.2).
pub(crate) const SIZE_UNKNOWN: [u8; 8] = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

/// The largest size that an eight-byte size can say.
const SIZE_MAX: u64 = (1 << 56) - 2;

/// Writes an id.
pub(crate) fn put_id(out: &mut Vec<u8>, id: u32) {
    let bytes = id.to_be_bytes();
    let zeros = (id.leading_zeros() / 8) as usize;
    out.extend_from_slice(&bytes[zeros.min(3)..]);
}

/// A size in eight bytes.
pub(crate) fn size_in_eight(size: u64) -> [u8; 8] {
    (size.min(SIZE_MAX) | 1 << 56).to_be_bytes()
}

/// Writes a size in as few bytes as it takes.
pub(crate) fn put_size(out: &mut Vec<u8>, size: u64) {
    for length in 1..8_u32 {
        // All ones mean "unknown", so the largest number of each length is not used.
        if size < (1 << (7 * length)) - 1 {
            let marked = size | 1 << (7 * length);
            out.extend_from_slice(&marked.to_be_bytes()[8 - length as usize..]);
            return;
        }
    }
    out.extend_from_slice(&size_in_eight(size));
}

/// Writes a whole element.
pub(crate) fn put(out: &mut Vec<u8>, id: u32, body: &[u8]) {
    put_id(out, id);
    put_size(out, body.len() as u64);
    out.extend_from_slice(body);
}

/// Writes an element with a number in as few bytes as it takes.
pub(crate) fn put_uint(out: &mut Vec<u8>, id: u32, value: u64) {
    let zeros = (value.leading_zeros() / 8).min(7) as usize;
    put(out, id, &value.to_be_bytes()[zeros..]);
}

/// Writes an element with a number in eight bytes.
pub(crate) fn put_f64(out: &mut Vec<u8>, id: u32, value: f64) {
    put(out, id, &value.to_be_bytes());
}

/// Writes an element of other elements.
pub(crate) fn put_group(out: &mut Vec<u8>, id: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    put(out, id, &body);
}

/// Writes an element that says nothing and is `bytes` long in all, from 2 to 128.
pub(crate) fn put_void(out: &mut Vec<u8>, bytes: usize) {
    let body = bytes.saturating_sub(2).min(126);
    put(out, crate::ids::VOID, &[0; 126][..body]);
}

/// Reads an id: its value with the marker bit, and its length. `None` when it is none or cut off.
pub(crate) fn id(bytes: &[u8]) -> Option<(u32, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 4 {
        return None;
    }
    let value = bytes.get(..length)?.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
    Some((value, length))
}

/// Reads a size and its length; the size is `None` when it is unknown.
pub(crate) fn size(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let marked = bytes.get(..length)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    let mask = (1_u64 << (7 * length)) - 1;
    let value = marked & mask;
    Some(((value != mask).then_some(value), length))
}

/// Walks through the elements in a body that is there as a whole. Ends at the first that makes no
/// sense.
pub(crate) fn children(mut body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let (id, id_bytes) = id(body)?;
        let (size, size_bytes) = size(&body[id_bytes..])?;
        let rest = &body[id_bytes + size_bytes..];
        let inner = rest.get(..usize::try_from(size?).ok()?)?;
        body = &rest[inner.len()..];
        Some((id, inner))
    })
}

/// The number in a body of at most eight bytes.
pub(crate) fn uint(body: &[u8]) -> Option<u64> {
    (body.len() <= 8).then(|| body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_sizes() {
        let mut out = Vec::new();
        put_id(&mut out, crate::ids::EBML);
        put_id(&mut out, crate::ids::VOID);
        assert_eq!(out, [0x1A, 0x45, 0xDF, 0xA3, 0xEC]);
        assert_eq!(id(&out), Some((crate::ids::EBML, 4)));
        for (value, bytes) in [(0, 1), (126, 1), (127, 2), (16_382, 2), (16_383, 3), (1 << 50, 8)] {
            let mut out = Vec::new();
            put_size(&mut out, value);
            assert_eq!(out.len(), bytes, "{value}");
            assert_eq!(size(&out), Some((Some(value), bytes)));
        }
        assert_eq!(size(&SIZE_UNKNOWN), Some((None, 8)));
        assert_eq!(size(&[0xFF]), Some((None, 1)));
        assert_eq!(size(&size_in_eight(77)), Some((Some(77), 8)));
        assert_eq!(id(&[0x00, 0x01]), None);
    }

    #[test]
    fn voids_have_the_length_asked_for() {
        for bytes in 2..=128 {
            let mut out = Vec::new();
            put_void(&mut out, bytes);
            assert_eq!(out.len(), bytes);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_walked_through(bytes: Vec<u8>) {
            proptest::prop_assert!(children(&bytes).count() <= bytes.len());
        }
    }
}
