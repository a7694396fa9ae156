//! The dependency descriptor: a header extension in which a sender tells, in the same way for
//! every codec, to which layer a packet belongs and on what it depends (AOMedia, "RTP Payload
//! Format for AV1", appendix A). Templates are sent with key frames and referred to afterwards.

use crate::codec::bits::Bits;
use crate::codec::{LEVELS_MAX, Level, Size, Sizes};

/// The name of the header extension in SDP.
pub const DEPENDENCY_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Templates are numbered with six bits.
const TEMPLATES_MAX: usize = 64;

/// Decode targets are numbered with five bits.
const TARGETS_MAX: usize = 32;

/// Frames that a template names as its dependencies; three bits of buffers allow eight.
const DEPENDENCIES_MAX: usize = 8;

/// What the descriptor says of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameMark {
    /// To which layer its frame belongs.
    pub level: Level,
    /// It is the first packet of its frame.
    pub start: bool,
    /// It is the last packet of its frame.
    pub end: bool,
    /// After this frame a receiver may get pictures of higher temporal layers in the same size.
    pub rises: bool,
    /// The sizes of the spatial layers, where they are told.
    pub sizes: Option<Sizes>,
}

/// One kind of frame.
#[derive(Debug, Clone, Copy, Default)]
struct Template {
    level: Level,
    rises: bool,
}

/// How a frame stands to a decode target.
const SWITCH: u8 = 2;

/// Reads the descriptors of one stream, in the order in which its packets come.
#[derive(Debug, Clone, Default)]
pub struct DependencyReader {
    offset: u8,
    templates: Vec<Template>,
}

impl DependencyReader {
    /// What a packet's descriptor says; `None` when it is malformed, or refers to templates that
    /// have not come.
    pub fn read(&mut self, descriptor: &[u8]) -> Option<FrameMark> {
        let mut bits = Bits::new(descriptor);
        let (start, end) = (bits.bit()?, bits.bit()?);
        let number = bits.small(6)?;
        bits.skip(16)?;
        let mut sizes = None;
        if descriptor.len() > 3 {
            let structure = bits.bit()?;
            bits.skip(4)?;
            if structure {
                sizes = self.read_structure(&mut bits)?;
            }
        }
        // Numbers of templates go round at 64.
        let place = number.wrapping_sub(self.offset) & 0x3f;
        let Template { level, rises } = *self.templates.get(usize::from(place))?;
        Some(FrameMark { level, start, end, rises, sizes })
    }

    /// Replaces the templates. `Some(None)` when the sizes are not told.
    fn read_structure(&mut self, bits: &mut Bits<'_>) -> Option<Option<Sizes>> {
        let offset = bits.small(6)?;
        let targets = usize::from(bits.small(5)?) + 1;
        let levels = read_levels(bits)?;
        let count = levels.len();
        let mut indications = vec![[0_u8; TARGETS_MAX]; count];
        for template in &mut indications {
            for indication in &mut template[..targets] {
                *indication = bits.small(2)?;
            }
        }
        for _ in 0..count {
            let mut dependencies = 0;
            while bits.bit()? {
                bits.skip(4)?;
                dependencies += 1;
                if dependencies > DEPENDENCIES_MAX {
                    return None;
                }
            }
        }
        let chains = bits.below(u32::try_from(targets).ok()? + 1)?;
        if chains > 0 {
            for _ in 0..targets {
                bits.below(chains)?;
            }
            bits.skip(count * usize::try_from(chains).ok()? * 4)?;
        }
        let spatial_max = levels.iter().map(|level| level.0).max()?;
        let sizes = if bits.bit()? { Some(read_sizes(bits, spatial_max)?) } else { None };
        self.offset = offset;
        self.templates = (0..count)
            .map(|at| Template {
                level: Level::new(levels[at].0, levels[at].1),
                rises: rises(&levels, &indications, targets, at),
            })
            .collect();
        Some(sizes)
    }
}

/// The spatial and temporal layer of each template.
fn read_levels(bits: &mut Bits<'_>) -> Option<Vec<(u8, u8)>> {
    let (mut spatial, mut temporal) = (0_u8, 0_u8);
    let mut levels = Vec::new();
    loop {
        levels.push((spatial, temporal));
        match bits.small(2)? {
            0 => {}
            1 => temporal += 1,
            2 => (spatial, temporal) = (spatial + 1, 0),
            _ => return Some(levels),
        }
        if levels.len() >= TEMPLATES_MAX {
            return None;
        }
    }
}

fn read_sizes(bits: &mut Bits<'_>, spatial_max: u8) -> Option<Sizes> {
    let mut sizes = Sizes::default();
    for layer in 0..=usize::from(spatial_max) {
        let mut side = || u16::try_from(bits.number(16)?.checked_add(1)?).ok();
        let size = Size { width: side()?, height: side()? };
        sizes[layer.min(LEVELS_MAX - 1)] = Some(size);
    }
    Some(sizes)
}

/// Whether frames of a template are switching points towards every target that has its size and
/// more pictures.
fn rises(
    levels: &[(u8, u8)],
    indications: &[[u8; TARGETS_MAX]],
    targets: usize,
    template: usize,
) -> bool {
    let (spatial, temporal) = levels[template];
    // A decode target is as high as the highest template that it needs.
    let of_target = |target: usize| {
        let needed = || (0..levels.len()).filter(move |at| indications[*at][target] != 0);
        let spatial = needed().map(|at| levels[at].0).max();
        let temporal = needed().map(|at| levels[at].1).max();
        spatial.zip(temporal)
    };
    let mut above = (0..targets)
        .filter(|target| of_target(*target).is_some_and(|(s, t)| s == spatial && t > temporal))
        .peekable();
    above.peek().is_some() && above.all(|target| indications[template][target] == SWITCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits written as text, spaces between fields.
    fn bytes(text: &str) -> Vec<u8> {
        let bits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |all, (at, bit)| all | bit << (7 - at)))
            .collect()
    }

    /// Two temporal layers, two targets, one chain: a key frame that carries the structure.
    fn key_frame() -> Vec<u8> {
        let mandatory = "1 1 000011 0000000000000101";
        let flags = "1 0 0 0 0";
        let structure = "000011 00001";
        // Key frame, base layer, upper layer.
        let levels = "00 01 11";
        let indications = "10 10  10 10  00 01";
        let differences = "0  1 0001 0  1 0000 0";
        // Of three values the second takes two bits.
        // One chain: which one protects a target need not be said.
        let chains = "10  0000 0010 0001";
        let sizes = "1 0000001001111111 0000000101100111";
        bytes(
            &[mandatory, flags, structure, levels, indications, differences, chains, sizes]
                .concat(),
        )
    }

    #[test]
    fn layers_come_from_templates() {
        let mut reader = DependencyReader::default();
        assert_eq!(reader.read(&[0xc4, 0, 6]), None, "no templates yet");
        let key = reader.read(&key_frame()).expect("a whole descriptor");
        let size = Size { width: 640, height: 360 };
        assert_eq!(key.sizes.map(|sizes| sizes[0]), Some(Some(size)));
        assert_eq!(
            (key.level, key.start, key.end, key.rises),
            (Level::new(0, 0), true, true, true)
        );
        let upper = reader.read(&[0x80 | 5, 0, 6]).expect("known");
        assert_eq!((upper.level, upper.start, upper.end), (Level::new(0, 1), true, false));
        assert!(!upper.rises, "nothing is above");
        let base = reader.read(&[0x40 | 4, 0, 7]).expect("known");
        assert_eq!((base.level, base.start, base.end), (Level::new(0, 0), false, true));
        assert!(base.rises);
        assert_eq!(reader.read(&[0xc0 | 6, 0, 8]), None, "no such template");
    }

    #[test]
    fn a_cut_structure_changes_nothing() {
        let mut reader = DependencyReader::default();
        let whole = key_frame();
        reader.read(&whole);
        let known = reader.templates.len();
        for cut in 0..whole.len() - 4 {
            reader.read(&whole[..cut]);
            assert_eq!(reader.templates.len(), known, "cut at {cut}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(descriptors: Vec<Vec<u8>>) {
            let mut reader = DependencyReader::default();
            for descriptor in descriptors {
                reader.read(&descriptor);
                proptest::prop_assert!(reader.templates.len() <= TEMPLATES_MAX);
            }
        }
    }
}
