//! What the core must read in a payload: where a key frame begins and how large its picture is, to
//! which layer a packet belongs, and the picture numbers that have to go on across a change of
//! source. Everything else in a payload is opaque.

mod av1;
pub(crate) mod bits;
mod h264;
mod vp8;
mod vp9;

use crate::dependency::FrameMark;

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

    /// Whether a receiver finds the pictures that a picture depends on by counting back picture
    /// numbers without knowing which were left out. Then the numbers must stay dense when pictures
    /// are dropped. A VP9 receiver counts too, but by a pattern that holds only for the numbers as
    /// they were sent (RFC 9628 section 4.2.1), so there the gaps must stay.
    pub(crate) const fn numbers_are_dense(self) -> bool {
        matches!(self, Self::Vp8)
    }
}

/// The size of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels of a line.
    pub width: u16,
    /// Lines.
    pub height: u16,
}

impl Size {
    /// Pixels of the whole picture.
    pub const fn pixels(self) -> u32 {
        self.width as u32 * self.height as u32
    }
}

/// Layers of one kind within a stream: codecs allow eight, encoders for conversation make three.
/// What lies above the last is taken for a part of it.
pub(crate) const LEVELS_MAX: usize = 4;

/// Where a packet stands among the layers of its stream, or up to where a receiver gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Level {
    /// Spatial layer, 0 the smallest picture.
    pub spatial: u8,
    /// Temporal layer, 0 the fewest pictures a second.
    pub temporal: u8,
}

impl Level {
    /// Above every layer that is told apart.
    pub(crate) const TOP: Self = Self::new(u8::MAX, u8::MAX);

    /// The level of these layers.
    pub const fn new(spatial: u8, temporal: u8) -> Self {
        const TOP: u8 = LEVELS_MAX as u8 - 1;
        Self {
            spatial: if spatial < TOP { spatial } else { TOP },
            temporal: if temporal < TOP { temporal } else { TOP },
        }
    }

    /// Whether a packet of `level` is among what this ceiling lets through.
    pub(crate) const fn admits(self, level: Self) -> bool {
        level.spatial <= self.spatial && level.temporal <= self.temporal
    }
}

/// Whether a receiver that got fewer pictures a second may get more from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rise {
    /// Not here.
    #[default]
    No,
    /// This picture depends on no other of its own temporal layer: who gets the one below may
    /// begin with it.
    Here,
    /// Pictures of higher temporal layers after this one depend on none before it.
    Above,
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

/// The sizes of a stream's spatial layers, as far as they are told.
pub type Sizes = [Option<Size>; LEVELS_MAX];

/// What [`describe`] found in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Description {
    /// This is the first packet of a key frame: a decoder can begin here.
    pub key_frame_start: bool,
    /// The picture numbers.
    pub pictures: PictureFields,
    /// To which layer of its stream the packet belongs.
    pub level: Level,
    /// Whether a receiver may get more temporal layers from here on.
    pub rise: Rise,
    /// This is the first packet of a picture in its smallest size.
    pub picture_start: bool,
    /// This is the last packet of a picture in the size of its layer.
    pub layer_end: bool,
    /// How large the pictures are, told at key frames.
    pub sizes: Sizes,
}

/// Reads what the core needs from the payload of one packet. A payload that makes no sense is
/// described as an ordinary packet without picture numbers: the receiver's decoder judges it.
pub fn describe(codec: Codec, payload: &[u8]) -> Description {
    match codec {
        Codec::Opus => Some(Description::default()),
        Codec::Vp8 => vp8::describe(payload),
        Codec::Vp9 => vp9::describe(payload),
        Codec::H264 => Some(h264::describe(payload)),
        Codec::Av1 => Some(av1::describe(payload)),
    }
    .unwrap_or_default()
}

impl Description {
    /// Adds what the header extension said of a codec whose payload does not tell its layers.
    #[must_use]
    pub(crate) fn marked(mut self, codec: Codec, mark: Option<&FrameMark>) -> Self {
        let Some(mark) = mark.filter(|_| matches!(codec, Codec::H264 | Codec::Av1)) else {
            return self;
        };
        self.level = mark.level;
        self.picture_start = mark.start && mark.level.spatial == 0;
        self.layer_end = mark.end;
        if mark.rises {
            self.rise = Rise::Above;
        }
        if let Some(sizes) = mark.sizes {
            self.sizes = sizes;
        }
        self
    }
}

/// A cursor that remembers offsets in the first bytes of a payload.
struct Reader<'a> {
    payload: &'a [u8],
    at: u8,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(usize::from(self.at))?;
        self.at = self.at.checked_add(1)?;
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
    fn sizes_are_read_from_key_frames() {
        // The first bytes that libvpx, x264 and libaom make of 640 × 360 pixels.
        let vp8 = [0x10, 0x90, 0x9c, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 0];
        let vp9 = [0x88, 0x00, 0x82, 0x49, 0x83, 0x42, 0, 0x27, 0xf0, 0x16, 0x76];
        let structure = [0x8a, 0x00, 0x10, 0x02, 0x80, 0x01, 0x68];
        let baseline = [
            0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03,
            0x00,
        ];
        let high = [
            0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00,
            0x03,
        ];
        let av1 = [0x18, 0x0a, 0x0b, 0, 0, 0, 0x0c, 0xc4, 0xff, 0x67, 0x36, 0xbe, 0x40];
        for (codec, payload) in [
            (Codec::Vp8, &vp8[..]),
            (Codec::Vp9, &vp9),
            (Codec::Vp9, &structure),
            (Codec::H264, &baseline),
            (Codec::H264, &high),
            (Codec::Av1, &av1),
        ] {
            let described = describe(codec, payload);
            let size = Size { width: 640, height: 360 };
            assert!(described.key_frame_start, "{codec:?}");
            assert_eq!(described.sizes[0], Some(size), "{codec:?} {payload:x?}");
            for cut in 0..payload.len() {
                describe(codec, &payload[..cut]);
            }
        }
    }

    #[test]
    fn layers_are_read_from_descriptors() {
        let vp8 = |temporal: u8, sync: u8| {
            describe(Codec::Vp8, &[0x90, 0xe0, 0x92, 0x34, 0x55, temporal << 6 | sync << 5, 0x11])
        };
        assert_eq!((vp8(2, 1).level, vp8(2, 1).rise), (Level::new(0, 2), Rise::Here));
        assert_eq!((vp8(1, 0).level, vp8(1, 0).rise), (Level::new(0, 1), Rise::No));
        // Flexible mode, predicted from two pictures, second spatial and third temporal layer, end.
        let vp9 = describe(Codec::Vp9, &[0xf4, 0x81, 0x02, 0x52, 0x03, 0x04, 0xff]);
        assert_eq!((vp9.level, vp9.rise), (Level::new(1, 2), Rise::Above));
        assert!(vp9.layer_end && !vp9.picture_start && !vp9.key_frame_start);
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
