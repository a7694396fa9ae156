//! ZIP archives of a few small files (PKWARE's APPNOTE 6.3, stored): the crate of that name draws
//! randomness, which nothing pure may reach.

/// The first day that the format knows, 1 January 1980, for files that have no day of their own.
const DAY: u16 = 0x21;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// Version of the format that a reader needs: 2.0.
const NEEDED: u16 = 20;

/// An archive of these files, in this order. Files are documents of a page or two; what would not
/// fit into the format's 32 bits is cut, and does not occur below four gigabytes.
pub(super) fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = length(out.len());
        let mut common = Vec::new();
        for half in [NEEDED, FLAGS, 0, 0, DAY] {
            common.extend(half.to_le_bytes());
        }
        let size = length(content.len());
        for word in [crc32(content.as_bytes()), size, size] {
            common.extend(word.to_le_bytes());
        }
        common.extend(half(name.len()).to_le_bytes());
        common.extend(0_u16.to_le_bytes());

        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(content.as_bytes());

        directory.extend(b"PK\x01\x02");
        directory.extend(NEEDED.to_le_bytes());
        directory.extend(&common);
        // No comment, first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = length(out.len());
    let size = length(directory.len());
    out.extend(directory);
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    let count = half(files.len());
    for half in [count, count] {
        out.extend(half.to_le_bytes());
    }
    for word in [size, start] {
        out.extend(word.to_le_bytes());
    }
    out.extend(0_u16.to_le_bytes());
    out
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn half(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// CRC-32 as ZIP and Ethernet have it (polynomial 0xEDB88320, reflected).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
