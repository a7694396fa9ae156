//! What the core must read in a payload: where a key frame begins, and the picture numbers that
//! have to go on across a change of source. Everything else in a payload is opaque.

/// The codecs that the core can forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Opus (RFC 7587).
    Opus,
    /// VP8 (RFC 7741).
    Vp8,
    /// VP9 (RFC 9628).
    Vp9,
    /// H.264 (RFC 6184).
    H264,
    /// AV1 (AOMedia, "RTP Payload Format for AV1").
    Av1,
}

impl Codec {
    /// Ticks of the RTP timestamp in a second.
    pub const fn clock_hz(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::Av1 => 90_000,
        }
    }

    /// Whether the codec carries sound.
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Opus)
    }
}

/// The number of a picture in a payload descriptor, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    /// The number, 7 or 15 bits.
    pub value: u16,
    /// Where its first byte stands in the payload.
    pub at: u8,
    /// Whether it has 15 bits (two bytes) instead of 7 (one byte).
    pub wide: bool,
}

/// The fields of a payload descriptor that count pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PictureFields {
    /// The picture number, where the sender gives one.
    pub id: Option<PictureId>,
    /// TL0PICIDX, the running number of base layer pictures: its value and where it stands.
    pub base_layer: Option<(u8, u8)>,
}

impl PictureFields {
    /// The bytes of the payload to write anew, as places and values, so that it carries these
    /// numbers.
    pub fn patches(&self, id: Option<u16>, base_layer: Option<u8>) -> [Option<(u8, u8)>; 3] {
        let mut patches = [None; 3];
        if let (Some(field), Some(id)) = (self.id, id) {
            let [high, low] = id.to_be_bytes();
            if field.wide {
                patches[0] = Some((field.at, 0x80 | high & 0x7f));
                patches[1] = Some((field.at.saturating_add(1), low));
            } else {
                patches[0] = Some((field.at, low & 0x7f));
            }
        }
        if let (Some((_, at)), Some(value)) = (self.base_layer, base_layer) {
            patches[2] = Some((at, value));
        }
        patches
    }

    /// Writes new numbers into a copy of the payload that this description was read from.
    #[cfg(test)]
    fn write(&self, payload: &mut [u8], id: Option<u16>, base_layer: Option<u8>) {
        for (at, value) in self.patches(id, base_layer).into_iter().flatten() {
            if let Some(byte) = payload.get_mut(usize::from(at)) {
                *byte = value;
            }
        }
    }
}

/// What [`describe`] found in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Description {
    /// This is the first packet of a key frame: a decoder can begin here.
    pub key_frame_start: bool,
    /// The picture numbers.
    pub pictures: PictureFields,
}

/// Reads what the core needs from the payload of one packet. A payload that makes no sense is
/// described as an ordinary packet without picture numbers: the receiver's decoder judges it.
pub fn describe(codec: Codec, payload: &[u8]) -> Description {
    match codec {
        Codec::Opus => Some(Description::default()),
        Codec::Vp8 => vp8(payload),
        Codec::Vp9 => vp9(payload),
        Codec::H264 => Some(Description { key_frame_start: h264(payload), ..Default::default() }),
        Codec::Av1 => Some(Description { key_frame_start: av1(payload), ..Default::default() }),
    }
    .unwrap_or_default()
}

/// A cursor that remembers offsets in the first bytes of a payload.
struct Reader<'a> {
    payload: &'a [u8],
    at: u8,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(usize::from(self.at))?;
        self.at += 1;
        Some(byte)
    }

    fn picture_id(&mut self) -> Option<PictureId> {
        let at = self.at;
        let first = self.byte()?;
        let wide = first & 0x80 != 0;
        let mut value = u16::from(first & 0x7f);
        if wide {
            value = value << 8 | u16::from(self.byte()?);
        }
        Some(PictureId { value, at, wide })
    }
}

/// RFC 7741 section 4.2.
fn vp8(payload: &[u8]) -> Option<Description> {
    let mut reader = Reader { payload, at: 0 };
    let mut pictures = PictureFields::default();
    let required = reader.byte()?;
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
            reader.byte()?;
        }
    }
    // S is set and the partition index is 0: the frame header follows, whose lowest bit is 0 in a
    // key frame (RFC 6386 section 9.1).
    let starts_frame = required & 0x17 == 0x10;
    let key_frame_start = starts_frame && reader.byte()? & 0x01 == 0;
    Some(Description { key_frame_start, pictures })
}

/// RFC 9628 section 4.2.
fn vp9(payload: &[u8]) -> Option<Description> {
    let mut reader = Reader { payload, at: 0 };
    let mut pictures = PictureFields::default();
    let required = reader.byte()?;
    let [has_id, inter, layered, flexible, begin] =
        [0x80, 0x40, 0x20, 0x10, 0x08].map(|bit| required & bit != 0);
    if has_id {
        pictures.id = Some(reader.picture_id()?);
    }
    let mut spatial_layer = 0;
    if layered {
        spatial_layer = reader.byte()? >> 1 & 0x07;
        if !flexible {
            let at = reader.at;
            pictures.base_layer = Some((reader.byte()?, at));
        }
    }
    Some(Description { key_frame_start: begin && !inter && spatial_layer == 0, pictures })
}

/// A key picture begins with its sequence parameter set, alone or at the head of an aggregate, or,
/// from senders that give the set only once, with the first slice of an IDR picture.
fn h264(payload: &[u8]) -> bool {
    const IDR: u8 = 5;
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let Some((&header, rest)) = payload.split_first() else { return false };
    match header & 0x1f {
        SPS => true,
        IDR => first_slice(rest),
        STAP_A => {
            let mut rest = rest;
            while let [high, low, unit @ ..] = rest {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(body) = unit.get(..length) else { return false };
                match body.split_first().map(|(header, body)| (header & 0x1f, body)) {
                    Some((SPS, _)) => return true,
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

/// The aggregation header says when a packet begins a new coded video sequence (N); senders that
/// leave N out are recognised by a sequence header as the first whole unit.
fn av1(payload: &[u8]) -> bool {
    const SEQUENCE_HEADER: u8 = 1;
    let Some((&aggregation, rest)) = payload.split_first() else { return false };
    let (continues, elements, begins_sequence) =
        (aggregation & 0x80 != 0, aggregation >> 4 & 0x03, aggregation & 0x08 != 0);
    if begins_sequence {
        return true;
    }
    if continues {
        return false;
    }
    // With one element its length is implied, otherwise a LEB128 number stands before it.
    let unit = if elements == 1 {
        rest
    } else {
        let length_bytes = rest.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        rest.get(length_bytes..).unwrap_or_default()
    };
    unit.first().is_some_and(|header| header >> 3 & 0x0f == SEQUENCE_HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(codec: Codec, payload: &[u8]) -> bool {
        describe(codec, payload).key_frame_start
    }

    #[test]
    fn vp8_descriptors() {
        let wide = [0x90, 0xe0, 0x92, 0x34, 0x55, 0x20, 0x10];
        let described = describe(Codec::Vp8, &wide);
        assert!(described.key_frame_start);
        assert_eq!(described.pictures.id, Some(PictureId { value: 0x1234, at: 2, wide: true }));
        assert_eq!(described.pictures.base_layer, Some((0x55, 4)));
        let narrow = [0x90, 0x80, 0x42, 0x01];
        let described = describe(Codec::Vp8, &narrow);
        assert!(!described.key_frame_start);
        assert_eq!(described.pictures.id, Some(PictureId { value: 0x42, at: 2, wide: false }));
        assert!(key(Codec::Vp8, &[0x10, 0x00]), "no extension at all");
        assert!(!key(Codec::Vp8, &[0x00, 0x00]), "not the start of a partition");
        assert!(!key(Codec::Vp8, &[0x11, 0x00]), "start of the second partition");
        for cut in 0..wide.len() {
            assert!(!key(Codec::Vp8, &wide[..cut]), "cut at {cut}");
        }
    }

    #[test]
    fn vp9_descriptors() {
        let described = describe(Codec::Vp9, &[0xa8, 0x81, 0x02, 0x00, 0x07, 0xff]);
        assert!(described.key_frame_start);
        assert_eq!(described.pictures.id, Some(PictureId { value: 0x102, at: 1, wide: true }));
        assert_eq!(described.pictures.base_layer, Some((7, 4)));
        assert!(!key(Codec::Vp9, &[0xe8, 0x81, 0x02, 0x00, 0x07]), "predicted");
        assert!(!key(Codec::Vp9, &[0xa0, 0x81, 0x02, 0x00, 0x07]), "not the beginning");
        assert!(!key(Codec::Vp9, &[0xa8, 0x81, 0x02, 0x02, 0x07]), "second spatial layer");
    }

    #[test]
    fn h264_key_pictures() {
        assert!(key(Codec::H264, &[0x67, 0x42]), "parameter set");
        assert!(key(Codec::H264, &[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68]), "aggregate");
        assert!(key(Codec::H264, &[0x7c, 0x85, 0xb8]), "first fragment of an IDR slice");
        assert!(!key(Codec::H264, &[0x7c, 0x05, 0xb8]), "a later fragment");
        assert!(!key(Codec::H264, &[0x65, 0x40]), "a later slice");
        assert!(!key(Codec::H264, &[0x41, 0x9a]), "predicted");
        assert!(!key(Codec::H264, &[0x78, 0xff, 0xff, 0x67]), "length beyond the end");
    }

    #[test]
    fn av1_sequences() {
        assert!(key(Codec::Av1, &[0x18, 0x0a]), "N is set");
        assert!(key(Codec::Av1, &[0x10, 0x08]), "one element, a sequence header");
        assert!(key(Codec::Av1, &[0x20, 0x02, 0x08, 0x00, 0x30]), "two elements");
        assert!(!key(Codec::Av1, &[0x10, 0x30]), "a frame");
        assert!(!key(Codec::Av1, &[0x90, 0x08]), "continues a unit");
    }

    #[test]
    fn numbers_are_written_where_they_were_read() {
        let mut payload = [0x90, 0xe0, 0x92, 0x34, 0x55, 0x20, 0x10];
        let described = describe(Codec::Vp8, &payload);
        described.pictures.write(&mut payload, Some(0x7fff), Some(9));
        assert_eq!(payload, [0x90, 0xe0, 0xff, 0xff, 9, 0x20, 0x10]);
        let again = describe(Codec::Vp8, &payload).pictures;
        assert_eq!((again.id.map(|id| id.value), again.base_layer), (Some(0x7fff), Some((9, 4))));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_described(payload: Vec<u8>) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
                let described = describe(codec, &payload);
                let mut copy = payload.clone();
                described.pictures.write(&mut copy, Some(5), Some(5));
                proptest::prop_assert_eq!(copy.len(), payload.len());
            }
        }
    }
}
