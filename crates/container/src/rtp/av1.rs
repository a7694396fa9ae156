//! AV1 (AOMedia, "RTP Payload Format for AV1" v1.0): units with their size, without temporal
//! delimiters, as Matroska holds them ("AV1 Codec Mapping for Matroska").

use super::frames::Frame;
use crate::PictureSize;
use crate::bits::Bits;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// Units of one temporal unit: a few for each tile and layer.
const UNITS_MAX: usize = 512;

#[derive(Debug, Default)]
pub(crate) struct Parts {
    units: Vec<Vec<u8>>,
    /// The last unit goes on in the next packet.
    open: bool,
}

impl Parts {
    /// Takes a payload; `false` when it makes no sense here.
    pub(super) fn push(&mut self, payload: &[u8]) -> bool {
        let Some((&aggregation, mut rest)) = payload.split_first() else { return false };
        let (mut continues, goes_on) = (aggregation & 0x80 != 0, aggregation & 0x40 != 0);
        let count = usize::from(aggregation >> 4 & 0x03);
        if continues != self.open {
            return false;
        }
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let element = if count != 0 && number == count {
                std::mem::take(&mut rest)
            } else {
                let Some((length, bytes)) = leb128(rest) else { return false };
                let Some(element) = rest.get(bytes..).and_then(|after| after.get(..length)) else {
                    return false;
                };
                rest = &rest[bytes + length..];
                element
            };
            if std::mem::take(&mut continues) {
                let Some(unit) = self.units.last_mut() else { return false };
                unit.extend_from_slice(element);
            } else if self.units.len() < UNITS_MAX {
                self.units.push(element.to_vec());
            } else {
                return false;
            }
        }
        self.open = goes_on;
        number > 0
    }

    /// Whether the first unit can be the first of a key frame.
    pub(super) fn starts_whole(&self) -> bool {
        let kind = self.units.first().and_then(|unit| open(unit)).map(|(kind, ..)| kind);
        matches!(kind, Some(TEMPORAL_DELIMITER | SEQUENCE_HEADER))
    }

    pub(super) fn finish(self) -> Option<Frame> {
        if self.open {
            return None;
        }
        let (mut data, mut sequence, mut key_frame) = (Vec::new(), None, None);
        for unit in &self.units {
            let (kind, extension, body) = open(unit)?;
            if kind == TEMPORAL_DELIMITER {
                continue;
            }
            let start = data.len();
            data.push(unit.first()? & 0xFC | 0x02 | u8::from(extension.is_some()) << 2);
            data.extend(extension);
            put_leb128(&mut data, body.len());
            data.extend_from_slice(body);
            if kind == SEQUENCE_HEADER && sequence.is_none() {
                sequence = Sequence::read(body).map(|read| (read, data[start..].to_vec()));
            }
            if matches!(kind, FRAME_HEADER | FRAME) && key_frame.is_none() {
                // show_existing_frame, then two bits of frame_type, 0 for a key frame.
                key_frame = body.first().map(|first| first >> 5 == 0);
            }
        }
        let key = key_frame? && sequence.is_some();
        let size = sequence.as_ref().map(|(sequence, _)| sequence.size);
        let private = sequence.map(|(sequence, unit)| sequence.configuration(&unit));
        Some(Frame { key, data, size, private, ..Frame::default() })
    }
}

/// Kind, extension byte and body of a unit (AV1, section 5.3).
fn open(unit: &[u8]) -> Option<(u8, Option<u8>, &[u8])> {
    let header = *unit.first()?;
    let extended = header & 0x04 != 0;
    let extension = if extended { Some(*unit.get(1)?) } else { None };
    let mut body = unit.get(1 + usize::from(extended)..)?;
    if header & 0x02 != 0 {
        let (length, bytes) = leb128(body)?;
        body = body.get(bytes..)?.get(..length)?;
    }
    Some((header >> 3 & 0x0F, extension, body))
}

fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (number, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * number);
        if byte & 0x80 == 0 {
            return Some((value, number + 1));
        }
    }
    None
}

fn put_leb128(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7F).unwrap_or_default();
        value >>= 7;
        out.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

/// What a file's front must know of a sequence header.
#[derive(Debug)]
struct Sequence {
    profile: u32,
    level: u32,
    tier: bool,
    colour: Colour,
    size: PictureSize,
}

#[derive(Debug)]
struct Colour {
    high_bit_depth: bool,
    twelve_bit: bool,
    monochrome: bool,
    subsampling: (bool, bool),
    position: u32,
}

impl Colour {
    /// AV1, section 5.5.2.
    fn read(bits: &mut Bits<'_>, profile: u32) -> Option<Self> {
        let high_bit_depth = bits.bit()?;
        let twelve_bit = profile == 2 && high_bit_depth && bits.bit()?;
        let monochrome = profile != 1 && bits.bit()?;
        let described = if bits.bit()? { bits.bits(24)? } else { 0x02_02_02 };
        /// BT.709 primaries, sRGB transfer, identity matrix: the colours of a screen, unsampled.
        const SRGB: u32 = 0x01_0D_00;
        let subsampling = if monochrome {
            bits.skip(1)?;
            (true, true)
        } else if described == SRGB {
            (false, false)
        } else {
            bits.skip(1)?;
            match profile {
                0 => (true, true),
                1 => (false, false),
                _ if twelve_bit => {
                    let across = bits.bit()?;
                    (across, across && bits.bit()?)
                }
                _ => (true, false),
            }
        };
        let position = if subsampling == (true, true) && !monochrome { bits.bits(2)? } else { 0 };
        Some(Self { high_bit_depth, twelve_bit, monochrome, subsampling, position })
    }
}

impl Sequence {
    /// AV1, section 5.5.
    fn read(body: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(body);
        let profile = bits.bits(3)?;
        bits.skip(1)?;
        let reduced = bits.bit()?;
        let (mut level, mut tier) = (0, false);
        if reduced {
            level = bits.bits(5)?;
        } else {
            let mut model = None;
            if bits.bit()? {
                bits.skip(64)?;
                if bits.bit()? {
                    bits.uvlc()?;
                }
                if bits.bit()? {
                    let delay_bits = bits.bits(5)? + 1;
                    bits.skip(32 + 5 + 5)?;
                    model = Some(delay_bits);
                }
            }
            let display_delay = bits.bit()?;
            for point in 0..=bits.bits(5)? {
                bits.skip(12)?;
                let this_level = bits.bits(5)?;
                let this_tier = this_level > 7 && bits.bit()?;
                if point == 0 {
                    (level, tier) = (this_level, this_tier);
                }
                if let Some(delay_bits) = model
                    && bits.bit()?
                {
                    bits.skip(2 * delay_bits + 1)?;
                }
                if display_delay && bits.bit()? {
                    bits.skip(4)?;
                }
            }
        }
        let (width_bits, height_bits) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
        let size = PictureSize {
            width: bits.bits(width_bits)?.checked_add(1)?,
            height: bits.bits(height_bits)?.checked_add(1)?,
        };
        if !reduced && bits.bit()? {
            bits.skip(7)?;
        }
        bits.skip(3)?;
        if !reduced {
            bits.skip(4)?;
            let order_hint = bits.bit()?;
            if order_hint {
                bits.skip(2)?;
            }
            // Screen content tools are chosen for each frame, forced, or never used.
            if (bits.bit()? || bits.bit()?) && !bits.bit()? {
                bits.skip(1)?;
            }
            if order_hint {
                bits.skip(3)?;
            }
        }
        bits.skip(3)?;
        let colour = Colour::read(&mut bits, profile)?;
        Some(Self { profile, level, tier, colour, size })
    }

    /// `av1C` ("AV1 Codec ISO Media File Format Binding", section 2.3).
    fn configuration(&self, unit: &[u8]) -> Vec<u8> {
        let colour = &self.colour;
        let low = |value: u32, mask: u32| u8::try_from(value & mask).unwrap_or_default();
        let bit = |value: bool, at: u8| u8::from(value) << at;
        let mut out = vec![
            0x81,
            low(self.profile, 7) << 5 | low(self.level, 0x1F),
            bit(self.tier, 7)
                | bit(colour.high_bit_depth, 6)
                | bit(colour.twelve_bit, 5)
                | bit(colour.monochrome, 4)
                | bit(colour.subsampling.0, 3)
                | bit(colour.subsampling.1, 2)
                | low(colour.position, 3),
            0,
        ];
        out.extend_from_slice(unit);
        out
    }
}
