//! The network: an encoder for half a minute of sound, a decoder for one token after another
//! (Radford et al. 2022; Vaswani et al. 2017).

use super::file::{ModelError, Sizes, Weights};
use super::maths::{
    Linear, Norm, add, dot, gelu, in_parts, multiply, multiply_transposed, softmax,
};

/// Queries whose scores are worked out together: they fit the processor's cache with the keys.
const QUERIES: usize = 125;

/// The network with its weights.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) sizes: Sizes,
    convolutions: [Linear; 2],
    audio_positions: Vec<f32>,
    encoder: Vec<Block>,
    encoder_norm: Norm,
    tokens: Linear,
    text_positions: Vec<f32>,
    decoder: Vec<Block>,
    decoder_norm: Norm,
}

#[derive(Debug)]
struct Block {
    own_norm: Norm,
    own: Attention,
    /// The decoder's look at the sound.
    sound: Option<(Norm, Attention)>,
    widen_norm: Norm,
    widen: Linear,
    narrow: Linear,
}

#[derive(Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
}

/// Keys and values of some rows.
#[derive(Debug, Default, Clone)]
struct Known {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// What was heard, as each layer of the decoder looks at it.
#[derive(Debug)]
pub(super) struct Sound(Vec<Known>);

/// The tokens so far, as each layer of the decoder remembers them.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    text: Vec<Known>,
    position: usize,
}

/// What one token leads to.
#[derive(Debug)]
pub(super) struct Step {
    /// How likely each token follows, as logits.
    pub(super) logits: Vec<f32>,
    /// Where in the sound the heads of the upper half looked: for each head a share for each frame.
    pub(super) looks: Vec<Vec<f32>>,
}

impl Model {
    pub(super) fn new(weights: &mut Weights) -> Result<Self, ModelError> {
        let sizes = weights.sizes;
        let width = sizes.width;
        let convolutions = [
            convolution(weights, "encoder.conv1", sizes.mels, width)?,
            convolution(weights, "encoder.conv2", width, width)?,
        ];
        let blocks = |weights: &mut Weights, side: &str, count: usize, looks: bool| {
            (0..count)
                .map(|number| block(weights, &format!("{side}.blocks.{number}"), width, looks))
                .collect::<Result<Vec<_>, _>>()
        };
        let positions = [sizes.audio_context, width];
        let tokens = weights.take("decoder.token_embedding.weight", &[sizes.vocabulary, width])?;
        Ok(Self {
            sizes,
            convolutions,
            audio_positions: weights.take("encoder.positional_embedding", &positions)?,
            encoder: blocks(weights, "encoder", sizes.audio_layers, false)?,
            encoder_norm: norm(weights, "encoder.ln_post", width)?,
            tokens: Linear::new(width, tokens, None),
            text_positions: weights
                .take("decoder.positional_embedding", &[sizes.text_context, width])?,
            decoder: blocks(weights, "decoder", sizes.text_layers, true)?,
            decoder_norm: norm(weights, "decoder.ln", width)?,
        })
    }

    /// Listens to mel bands.
    pub(super) fn listen(&self, bands: &[f32], threads: usize) -> Sound {
        let Sizes { mels, width, audio_heads, .. } = self.sizes;
        let mut sound = convolve(&self.convolutions[0], bands, mels, 1, threads);
        sound = convolve(&self.convolutions[1], &sound, width, 2, threads);
        add(&mut sound, &self.audio_positions);
        for block in &self.encoder {
            let rows = block.own_norm.apply(&sound);
            let known = block.own.know(&rows, threads);
            let query = block.own.query.apply(&rows, threads);
            let seen = attend(&query, &known, width, audio_heads, threads);
            add(&mut sound, &block.own.out.apply(&seen, threads));
            block.think(&mut sound, threads);
        }
        let sound = self.encoder_norm.apply(&sound);
        let known = |block: &Block| {
            let looks = block.sound.as_ref();
            looks.map(|(_, looks)| looks.know(&sound, threads)).unwrap_or_default()
        };
        Sound(self.decoder.iter().map(known).collect())
    }

    /// A decoder that knows no tokens yet.
    pub(super) fn begin(&self) -> Memory {
        Memory { text: vec![Known::default(); self.decoder.len()], position: 0 }
    }

    /// Takes the next token of each of several texts.
    ///
    /// The caller takes no more tokens than the text context has.
    pub(super) fn step(
        &self,
        sound: &Sound,
        texts: &mut [(Memory, usize)],
        threads: usize,
    ) -> Vec<Step> {
        let Sizes { width, text_heads, vocabulary, .. } = self.sizes;
        let mut rows = Vec::with_capacity(texts.len() * width);
        for (memory, token) in texts.iter() {
            let position = &self.text_positions[memory.position * width..][..width];
            rows.extend(self.tokens.row(*token).iter().zip(position).map(|(t, p)| t + p));
        }
        let mut looks = vec![Vec::new(); texts.len()];
        let upper_half = self.decoder.len() / 2;
        for (number, block) in self.decoder.iter().enumerate() {
            let input = block.own_norm.apply(&rows);
            let new = block.own.know(&input, threads);
            let query = block.own.query.apply(&input, threads);
            let mut seen = Vec::with_capacity(rows.len());
            for (place, (memory, _)) in texts.iter_mut().enumerate() {
                let of = place * width..(place + 1) * width;
                let known = &mut memory.text[number];
                known.keys.extend_from_slice(&new.keys[of.clone()]);
                known.values.extend_from_slice(&new.values[of.clone()]);
                seen.extend(look(&query[of], known, width, text_heads).0);
            }
            add(&mut rows, &block.own.out.apply(&seen, threads));
            if let Some((norm, attention)) = &block.sound {
                let query = attention.query.apply(&norm.apply(&rows), threads);
                let mut seen = Vec::with_capacity(rows.len());
                for (query, looks) in query.chunks_exact(width).zip(&mut looks) {
                    let (found, shares) = look(query, &sound.0[number], width, text_heads);
                    seen.extend(found);
                    if number >= upper_half {
                        looks.extend(shares);
                    }
                }
                add(&mut rows, &attention.out.apply(&seen, threads));
            }
            block.think(&mut rows, threads);
        }
        for (memory, _) in texts.iter_mut() {
            memory.position += 1;
        }
        let logits = self.tokens.apply(&self.decoder_norm.apply(&rows), threads);
        let logits = logits.chunks_exact(vocabulary).map(<[f32]>::to_vec);
        logits.zip(looks).map(|(logits, looks)| Step { logits, looks }).collect()
    }
}

impl Block {
    fn think(&self, rows: &mut [f32], threads: usize) {
        let mut wide = self.widen.apply(&self.widen_norm.apply(rows), threads);
        in_parts(&mut wide, self.widen_norm.scale.len(), threads, |_, part| gelu(part));
        add(rows, &self.narrow.apply(&wide, threads));
    }
}

impl Attention {
    fn know(&self, rows: &[f32], threads: usize) -> Known {
        Known { keys: self.key.apply(rows, threads), values: self.value.apply(rows, threads) }
    }
}

/// What many queries see in what is known.
fn attend(query: &[f32], known: &Known, width: usize, heads: usize, threads: usize) -> Vec<f32> {
    let each = width / heads;
    let scale = 1.0 / (each as f32).sqrt();
    let mut seen = vec![0.0; query.len()];
    for head in 0..heads {
        let of_head = |rows: &[f32]| -> Vec<f32> {
            rows.chunks_exact(width).flat_map(|row| &row[head * each..][..each]).copied().collect()
        };
        let (queries, keys, values) =
            (of_head(query), of_head(&known.keys), of_head(&known.values));
        let count = keys.len() / each;
        let mut result = vec![0.0; queries.len()];
        in_parts(&mut result, each, threads, |first, part| {
            let mut scores = vec![0.0; QUERIES * count];
            for (number, part) in part.chunks_mut(QUERIES * each).enumerate() {
                let rows = part.len() / each;
                let queries = &queries[(first + number * QUERIES) * each..][..rows * each];
                let scores = &mut scores[..rows * count];
                multiply_transposed(scale, (queries, each), (&keys, each), scores);
                softmax(scores, count);
                multiply((scores, count), (&values, each), part);
            }
        });
        for (row, part) in seen.chunks_exact_mut(width).zip(result.chunks_exact(each)) {
            row[head * each..][..each].copy_from_slice(part);
        }
    }
    seen
}

/// What one query sees in what is known, and for each head where it looked.
fn look(query: &[f32], known: &Known, width: usize, heads: usize) -> (Vec<f32>, Vec<Vec<f32>>) {
    let each = width / heads;
    let scale = 1.0 / (each as f32).sqrt();
    let mut seen = vec![0.0; width];
    let mut looks = Vec::with_capacity(heads);
    for head in 0..heads {
        let columns = head * each..(head + 1) * each;
        let query = &query[columns.clone()];
        let keys = known.keys.chunks_exact(width);
        let mut shares: Vec<f32> =
            keys.map(|key| dot(query, &key[columns.clone()]) * scale).collect();
        let count = shares.len();
        softmax(&mut shares, count);
        for (share, value) in shares.iter().zip(known.values.chunks_exact(width)) {
            for (sum, value) in seen[columns.clone()].iter_mut().zip(&value[columns.clone()]) {
                *sum += share * value;
            }
        }
        looks.push(shares);
    }
    (seen, looks)
}

/// A convolution over three rows of `inputs` numbers, at every `stride`th row, and its unit.
fn convolve(
    weights: &Linear,
    rows: &[f32],
    inputs: usize,
    stride: usize,
    threads: usize,
) -> Vec<f32> {
    let mut padded = vec![0.0; inputs];
    padded.extend_from_slice(rows);
    padded.extend(std::iter::repeat_n(0.0, inputs));
    let count = rows.len() / inputs / stride;
    let threes = (0..count).flat_map(|row| &padded[row * stride * inputs..][..3 * inputs]);
    let threes: Vec<f32> = threes.copied().collect();
    let mut output = weights.apply(&threes, threads);
    gelu(&mut output);
    output
}

/// The weights of a convolution, turned so that those of one row stand together.
fn convolution(
    weights: &mut Weights,
    name: &str,
    inputs: usize,
    outputs: usize,
) -> Result<Linear, ModelError> {
    let given = weights.take(&format!("{name}.weight"), &[outputs, inputs, 3])?;
    let bias = weights.take(&format!("{name}.bias"), &[outputs])?;
    let mut turned = vec![0.0; given.len()];
    for (from, to) in given.chunks_exact(3 * inputs).zip(turned.chunks_exact_mut(3 * inputs)) {
        for input in 0..inputs {
            for row in 0..3 {
                to[row * inputs + input] = from[input * 3 + row];
            }
        }
    }
    Ok(Linear::new(3 * inputs, turned, Some(bias)))
}

fn block(
    weights: &mut Weights,
    name: &str,
    width: usize,
    looks: bool,
) -> Result<Block, ModelError> {
    let sound = looks.then(|| {
        let norm = norm(weights, &format!("{name}.cross_attn_ln"), width)?;
        Ok::<_, ModelError>((norm, attention(weights, &format!("{name}.cross_attn"), width)?))
    });
    Ok(Block {
        own_norm: norm(weights, &format!("{name}.attn_ln"), width)?,
        own: attention(weights, &format!("{name}.attn"), width)?,
        sound: sound.transpose()?,
        widen_norm: norm(weights, &format!("{name}.mlp_ln"), width)?,
        widen: linear(weights, &format!("{name}.mlp.0"), width, 4 * width, true)?,
        narrow: linear(weights, &format!("{name}.mlp.2"), 4 * width, width, true)?,
    })
}

fn attention(weights: &mut Weights, name: &str, width: usize) -> Result<Attention, ModelError> {
    Ok(Attention {
        query: linear(weights, &format!("{name}.query"), width, width, true)?,
        key: linear(weights, &format!("{name}.key"), width, width, false)?,
        value: linear(weights, &format!("{name}.value"), width, width, true)?,
        out: linear(weights, &format!("{name}.out"), width, width, true)?,
    })
}

fn linear(
    weights: &mut Weights,
    name: &str,
    inputs: usize,
    outputs: usize,
    bias: bool,
) -> Result<Linear, ModelError> {
    let matrix = weights.take(&format!("{name}.weight"), &[outputs, inputs])?;
    let bias = bias.then(|| weights.take(&format!("{name}.bias"), &[outputs])).transpose()?;
    Ok(Linear::new(inputs, matrix, bias))
}

fn norm(weights: &mut Weights, name: &str, width: usize) -> Result<Norm, ModelError> {
    Ok(Norm {
        scale: weights.take(&format!("{name}.weight"), &[width])?,
        shift: weights.take(&format!("{name}.bias"), &[width])?,
    })
}
