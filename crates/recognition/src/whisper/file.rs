//! Weights out of a ggml file, the format that whisper.cpp publishes Whisper's models in.
//!
//! The layout follows whisper.cpp, `models/convert-pt-to-ggml.py`; the quantised blocks follow
//! `ggml-common.h`. All numbers are little-endian. Whatever their type in the file, weights are kept
//! as 32-bit floats.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// First bytes of the file: "ggml" as a number.
const MAGIC: u32 = 0x6767_6d6c;

/// Largest number of weights that is read: the largest Whisper has 1,550 million.
const WEIGHTS_MAX: u64 = 2_000_000_000;

/// Tensors at most: the largest Whisper has about 1,260.
const TENSORS_MAX: usize = 4_000;

/// Longest name of a tensor, and longest token of the vocabulary.
const NAME_BYTES_MAX: usize = 256;

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read, or ends too early.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("it is not a ggml file of a Whisper model, such as ggml-base.bin")]
    NotGgml,
    /// It is damaged, or of a kind that is not known.
    #[error("it cannot be used: {0}")]
    Unusable(String),
}

/// Sizes of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) vocabulary: usize,
    pub(super) audio_context: usize,
    pub(super) audio_heads: usize,
    pub(super) audio_layers: usize,
    pub(super) text_context: usize,
    pub(super) width: usize,
    pub(super) text_heads: usize,
    pub(super) text_layers: usize,
    pub(super) mels: usize,
}

/// A matrix by rows, or a vector as one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    /// Outermost first.
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// A file that has been read.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) sizes: Sizes,
    /// `mels` rows, one column for each frequency.
    pub(super) filters: Vec<f32>,
    /// The text tokens in their order.
    pub(super) tokens: Vec<Vec<u8>>,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Reads a whole file.
    pub(super) fn read(path: &Path) -> Result<Self, ModelError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut source = Source { input: BufReader::with_capacity(1 << 20, file), left: length };
        source.weights()
    }

    /// Takes a tensor out; its shape must be this one, apart from ones.
    pub(super) fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let Some(tensor) = self.tensors.remove(name) else {
            return Err(ModelError::Unusable(format!("{name} is missing")));
        };
        let plain = |shape: &[usize]| -> Vec<usize> {
            shape.iter().copied().filter(|size| *size != 1).collect()
        };
        if plain(&tensor.shape) != plain(shape) {
            let text = format!("{name} is {:?} and should be {shape:?}", tensor.shape);
            return Err(ModelError::Unusable(text));
        }
        Ok(tensor.values)
    }
}

/// A file being read; `left` bounds every length that the file claims.
struct Source<R> {
    input: R,
    left: u64,
}

impl<R: Read> Source<R> {
    fn weights(&mut self) -> Result<Weights, ModelError> {
        if self.number().ok() != Some(MAGIC) {
            return Err(ModelError::NotGgml);
        }
        let sizes = self.sizes()?;
        let (mels, columns) = (self.size("mel filters", 512)?, self.size("frequencies", 1_024)?);
        if mels != sizes.mels || columns != super::sound::FREQUENCIES {
            return Err(ModelError::Unusable("its mel filters are not Whisper's".to_owned()));
        }
        let filters = floats(&self.bytes(mels * columns * 4)?);
        let tokens = self.tokens(sizes.vocabulary)?;
        let tensors = self.tensors()?;
        Ok(Weights { sizes, filters, tokens, tensors })
    }

    fn sizes(&mut self) -> Result<Sizes, ModelError> {
        let vocabulary = self.size("vocabulary", 60_000)?;
        let audio_context = self.size("audio context", 1_500)?;
        let width = self.size("width", 2_048)?;
        let audio_heads = self.size("heads", 64)?;
        let audio_layers = self.size("layers", 64)?;
        let text_context = self.size("text context", 1_024)?;
        let text_width = self.size("text width", 2_048)?;
        let text_heads = self.size("text heads", 64)?;
        let text_layers = self.size("text layers", 64)?;
        let mels = self.size("mel bands", 256)?;
        self.number()?;
        let fits = width == text_width
            && width.is_multiple_of(audio_heads)
            && width.is_multiple_of(text_heads)
            && audio_context == super::sound::FRAMES / 2;
        if !fits {
            return Err(ModelError::Unusable("its sizes are not those of a Whisper".to_owned()));
        }
        Ok(Sizes {
            vocabulary,
            audio_context,
            audio_heads,
            audio_layers,
            text_context,
            width,
            text_heads,
            text_layers,
            mels,
        })
    }

    fn tokens(&mut self, vocabulary: usize) -> Result<Vec<Vec<u8>>, ModelError> {
        let count = self.size("tokens", vocabulary)?;
        let mut tokens = Vec::with_capacity(count);
        for _ in 0..count {
            let length = self.number()? as usize;
            if length > NAME_BYTES_MAX {
                return Err(ModelError::Unusable("its vocabulary is damaged".to_owned()));
            }
            tokens.push(self.bytes(length)?);
        }
        Ok(tokens)
    }

    fn tensors(&mut self) -> Result<BTreeMap<String, Tensor>, ModelError> {
        let (mut tensors, mut weights) = (BTreeMap::new(), 0_u64);
        while self.left > 0 {
            let damaged = || ModelError::Unusable("a tensor in it is damaged".to_owned());
            let (dimensions, name_length) = (self.number()? as usize, self.number()? as usize);
            let kind = self.number()?;
            if !(1..=4).contains(&dimensions) || name_length > NAME_BYTES_MAX {
                return Err(damaged());
            }
            let mut shape = Vec::with_capacity(dimensions);
            for _ in 0..dimensions {
                shape.push(self.number()? as usize);
            }
            shape.reverse();
            let name = String::from_utf8(self.bytes(name_length)?).map_err(|_| damaged())?;
            let count = shape.iter().try_fold(1_u64, |all, size| all.checked_mul(*size as u64));
            let count = count.filter(|count| *count > 0).ok_or_else(damaged)?;
            weights = weights.saturating_add(count);
            if weights > WEIGHTS_MAX || tensors.len() >= TENSORS_MAX {
                return Err(ModelError::Unusable("it is larger than any Whisper".to_owned()));
            }
            let block = Block::of(kind).ok_or_else(|| {
                ModelError::Unusable(format!("{name} is of type {kind}, which is not known"))
            })?;
            let bytes = block.bytes(count).ok_or_else(damaged)?;
            let values = block.values(&self.bytes(bytes)?);
            tensors.insert(name, Tensor { shape, values });
        }
        Ok(tensors)
    }

    fn number(&mut self) -> Result<u32, ModelError> {
        let mut four = [0; 4];
        self.input.read_exact(&mut four)?;
        self.left = self.left.saturating_sub(4);
        Ok(u32::from_le_bytes(four))
    }

    fn size(&mut self, what: &str, max: usize) -> Result<usize, ModelError> {
        let size = self.number()? as usize;
        if size == 0 || size > max {
            return Err(ModelError::Unusable(format!("{size} is no number of {what}")));
        }
        Ok(size)
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, ModelError> {
        if count as u64 > self.left {
            return Err(ModelError::Unusable("it ends too early".to_owned()));
        }
        let mut bytes = vec![0; count];
        self.input.read_exact(&mut bytes)?;
        self.left -= count as u64;
        Ok(bytes)
    }
}

/// How weights stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Float32,
    Float16,
    /// 32 weights in 5 bits and a scale.
    Five,
    /// The same with a least value.
    FiveAbove,
    /// 32 weights in 8 bits and a scale.
    Eight,
}

/// Weights of a quantised block.
const BLOCK: usize = 32;

impl Block {
    fn of(kind: u32) -> Option<Self> {
        match kind {
            0 => Some(Self::Float32),
            1 => Some(Self::Float16),
            6 => Some(Self::Five),
            7 => Some(Self::FiveAbove),
            8 => Some(Self::Eight),
            _ => None,
        }
    }

    fn block_bytes(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Float16 => 2,
            Self::Five => 22,
            Self::FiveAbove => 24,
            Self::Eight => 34,
        }
    }

    /// Bytes of so many weights; `None` when they do not fill blocks.
    fn bytes(self, count: u64) -> Option<usize> {
        let count = usize::try_from(count).ok()?;
        let each = if matches!(self, Self::Float32 | Self::Float16) { 1 } else { BLOCK };
        count.is_multiple_of(each).then(|| count / each * self.block_bytes())
    }

    fn values(self, bytes: &[u8]) -> Vec<f32> {
        let blocks = bytes.chunks_exact(self.block_bytes());
        let half =
            |bytes: &[u8], at: usize| float16(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        match self {
            Self::Float32 => floats(bytes),
            Self::Float16 => blocks.map(|two| half(two, 0)).collect(),
            Self::Eight => blocks
                .flat_map(|block| {
                    let scale = half(block, 0);
                    block[2..].iter().map(move |q| f32::from(q.cast_signed()) * scale)
                })
                .collect(),
            Self::Five => blocks
                .flat_map(|block| {
                    let scale = half(block, 0);
                    five_bits(&block[2..]).map(move |q| (f32::from(q) - 16.0) * scale)
                })
                .collect(),
            Self::FiveAbove => blocks
                .flat_map(|block| {
                    let (scale, least) = (half(block, 0), half(block, 2));
                    five_bits(&block[4..]).map(move |q| f32::from(q) * scale + least)
                })
                .collect(),
        }
    }
}

/// 32 numbers of 5 bits: the fifth bits in four bytes, then two numbers a byte, 16 apart.
fn five_bits(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let (high, low) = bytes.split_at(4);
    (0..BLOCK).map(move |n| {
        let pair = low[n % 16];
        let four = if n < 16 { pair & 0x0F } else { pair >> 4 };
        four | (high[n / 8] >> (n % 8) & 1) << 4
    })
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// IEEE 754 binary16.
fn float16(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1F), u32::from(bits & 0x3FF));
    match exponent {
        0 => {
            let size = fraction as f32 / 16_777_216.0;
            if sign == 0 { size } else { -size }
        }
        31 => f32::from_bits(sign | 0x7F80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Weights, ModelError> {
        Source { input: bytes, left: bytes.len() as u64 }.weights()
    }

    #[test]
    fn halves() {
        let cases = [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65_504.0),
            (0x7C00, f32::INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(float16(bits), value, "{bits:#x}");
        }
        assert!(float16(0x7E00).is_nan());
    }

    /// One block of each kind, whose weights are the numbers 0 to 31, or as near as its bits allow.
    #[test]
    fn quantised_blocks() {
        let half_of_one = [0x00, 0x38];
        let pairs = |shift: u8| (0..16_u8).map(move |n| n | (n + shift) << 4);
        let mut five: Vec<u8> = half_of_one.to_vec();
        five.extend([0x00, 0x00, 0xFF, 0xFF]);
        five.extend(pairs(0));
        let values = Block::Five.values(&five);
        let expected: Vec<f32> = (0..32_u8).map(|n| (f32::from(n) - 16.0) / 2.0).collect();
        assert_eq!(values, expected);

        let mut above: Vec<u8> = half_of_one.to_vec();
        above.extend([0x00, 0xBC, 0x00, 0x00, 0xFF, 0xFF]);
        above.extend(pairs(0));
        let expected: Vec<f32> = (0..32_u8).map(|n| f32::from(n) / 2.0 - 1.0).collect();
        assert_eq!(Block::FiveAbove.values(&above), expected);

        let mut eight: Vec<u8> = half_of_one.to_vec();
        eight.extend((0..32_u8).map(|n| n.wrapping_sub(16)));
        let expected: Vec<f32> = (0..32_u8).map(|n| (f32::from(n) - 16.0) / 2.0).collect();
        assert_eq!(Block::Eight.values(&eight), expected);
        assert_eq!(Block::Eight.bytes(33), None, "no whole block");
    }

    #[test]
    fn another_file_is_named_as_such() {
        assert!(matches!(read(b"RIFF"), Err(ModelError::NotGgml)));
        assert!(matches!(read(b""), Err(ModelError::NotGgml)));
    }

    #[test]
    fn a_file_that_lies_about_its_sizes_is_refused() {
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        for size in [51_864_u32, 1_500, 384, 6, 4, 448, 384, 6, 4, 80, 1, 80, 201] {
            bytes.extend(size.to_le_bytes());
        }
        let told = |bytes: &[u8]| read(bytes).err().map(|error| error.to_string());
        assert_eq!(told(&bytes).as_deref(), Some("it cannot be used: it ends too early"));
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(
            told(&bytes).as_deref(),
            Some("it cannot be used: 4294967295 is no number of vocabulary")
        );
    }
}
