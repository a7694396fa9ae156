//! What must be known of Opus packets without decoding them.

/// Channels that are declared. WebRTC declares two whatever is sent (RFC 7587, section 7), and
/// each packet says what it holds.
pub const CHANNELS: u8 = 2;

/// The identification header (RFC 7845, section 5.1): two channels, no pre-skip, for recordings
/// begin in the middle of a stream; 48 kHz, no gain, channel mapping family 0.
pub(crate) const HEAD: [u8; 19] = *b"OpusHead\x01\x02\x00\x00\x80\xBB\x00\x00\x00\x00\x00";

/// Samples at 48 kHz that a packet holds (RFC 6716, section 3.1). `None` for a packet that is not
/// one; at most 120 ms.
pub fn samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame = match config {
        0..=11 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        16..=31 => [120, 240, 480, 960][usize::from(config & 3)],
        _ => return None,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(*packet.get(1)? & 0x3F),
    };
    Some(frame * frames).filter(|samples| (1..=5_760).contains(samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_packets() {
        // 20 ms of CELT, 20 ms of hybrid, 60 ms of SILK, two and three frames.
        let rows: [(&[u8], Option<u32>); 7] = [
            (&[0xFC, 1], Some(960)),
            (&[0x78, 1], Some(960)),
            (&[0x18], Some(2_880)),
            (&[0xFD, 1], Some(1_920)),
            (&[0xFF, 3, 1], Some(2_880)),
            (&[0xFF, 63], None),
            (&[], None),
        ];
        for (packet, expected) in rows {
            assert_eq!(samples(packet), expected, "{packet:?}");
        }
    }
}
