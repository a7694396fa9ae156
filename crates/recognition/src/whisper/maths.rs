//! The arithmetic of a transformer, on slices, by rows.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Rows that a thread takes at least; below it starting the thread costs more than it saves.
const ROWS_PER_THREAD_MIN: usize = 32;

/// Rows up to which a matrix is not worth being arranged for the processor first.
const FEW_ROWS: usize = 8;

/// A matrix of weights, one row for each output, and what is added to each.
#[derive(Debug)]
pub(super) struct Linear {
    inputs: usize,
    outputs: usize,
    weights: Vec<f32>,
    bias: Option<Vec<f32>>,
}

impl Linear {
    pub(super) fn new(inputs: usize, weights: Vec<f32>, bias: Option<Vec<f32>>) -> Self {
        Self { inputs, outputs: weights.len() / inputs, weights, bias }
    }

    /// Each row of `input` becomes a row of the result.
    pub(super) fn apply(&self, input: &[f32], threads: usize) -> Vec<f32> {
        let rows = input.len() / self.inputs;
        let mut output = vec![0.0; rows * self.outputs];
        if rows <= FEW_ROWS {
            // What takes the time is to get the weights from memory, once for all rows.
            let mut columns = vec![0.0; rows * self.outputs];
            in_parts(&mut columns, rows, threads, |first, part| {
                for (number, column) in part.chunks_exact_mut(rows).enumerate() {
                    let weights = self.row(first + number);
                    for (place, input) in column.iter_mut().zip(input.chunks_exact(self.inputs)) {
                        *place = dot(weights, input);
                    }
                }
            });
            for (place, value) in columns.into_iter().enumerate() {
                output[place % rows * self.outputs + place / rows] = value;
            }
        } else {
            in_parts(&mut output, self.outputs, threads, |first, part| {
                let rows = part.len() / self.outputs;
                let input = &input[first * self.inputs..][..rows * self.inputs];
                multiply_transposed(1.0, (input, self.inputs), (&self.weights, self.inputs), part);
            });
        }
        if let Some(bias) = &self.bias {
            for row in output.chunks_exact_mut(self.outputs) {
                add(row, bias);
            }
        }
        output
    }

    /// One row of the weights.
    pub(super) fn row(&self, number: usize) -> &[f32] {
        &self.weights[number * self.inputs..][..self.inputs]
    }
}

/// Scale and shift of a layer's normalisation.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

impl Norm {
    /// Each row with mean zero and variance one, then scaled and shifted.
    pub(super) fn apply(&self, input: &[f32]) -> Vec<f32> {
        const EPSILON: f32 = 1e-5;
        let width = self.scale.len();
        let mut output = input.to_vec();
        for row in output.chunks_exact_mut(width) {
            let mean = sum(row) / width as f32;
            row.iter_mut().for_each(|value| *value -= mean);
            let factor = 1.0 / (dot(row, row) / width as f32 + EPSILON).sqrt();
            for (value, (scale, shift)) in row.iter_mut().zip(self.scale.iter().zip(&self.shift)) {
                *value = *value * factor * scale + shift;
            }
        }
        output
    }
}

/// Cuts `output`, rows of `width`, into as many parts as there are threads, and fills each; `fill`
/// gets the number of the part's first row.
pub(super) fn in_parts(
    output: &mut [f32],
    width: usize,
    threads: usize,
    fill: impl Fn(usize, &mut [f32]) + Sync,
) {
    let rows = output.len() / width;
    let threads = threads.min(rows / ROWS_PER_THREAD_MIN).max(1);
    let each = rows.div_ceil(threads);
    let mut parts = output.chunks_mut((each * width).max(1)).enumerate();
    let Some((_, own)) = parts.next() else { return };
    std::thread::scope(|scope| {
        for (number, part) in parts {
            let fill = &fill;
            scope.spawn(move || fill(number * each, part));
        }
        fill(0, own);
    });
}

/// `output = factor · a · bᵀ`; both are given with their widths.
pub(super) fn multiply_transposed(
    factor: f32,
    a: (&[f32], usize),
    b: (&[f32], usize),
    output: &mut [f32],
) {
    let columns = b.0.len() / b.1;
    general_mat_mul(
        factor,
        &matrix(a),
        &matrix(b).reversed_axes(),
        0.0,
        &mut target(output, columns),
    );
}

/// `output = a · b`; both are given with their widths.
pub(super) fn multiply(a: (&[f32], usize), b: (&[f32], usize), output: &mut [f32]) {
    general_mat_mul(1.0, &matrix(a), &matrix(b), 0.0, &mut target(output, b.1));
}

fn matrix((values, width): (&[f32], usize)) -> ArrayView2<'_, f32> {
    let rows = values.len() / width;
    ArrayView2::from_shape((rows, width), &values[..rows * width])
        .unwrap_or_else(|_| ArrayView2::from(&[] as &[[f32; 0]]))
}

fn target(values: &mut [f32], width: usize) -> ArrayViewMut2<'_, f32> {
    let rows = values.len() / width;
    let cut = &mut values[..rows * width];
    ArrayViewMut2::from_shape((rows, width), cut)
        .unwrap_or_else(|_| ArrayViewMut2::from(&mut [] as &mut [[f32; 0]]))
}

/// Lanes in which sums are gathered, so that the processor adds several at once.
const LANES: usize = 16;

/// Sum of products.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let lanes = values.chunks_exact(LANES);
    let rest: f32 = lanes.remainder().iter().sum();
    for chunk in lanes {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Adds `b` to `a`.
pub(super) fn add(a: &mut [f32], b: &[f32]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b;
    }
}

/// Each row becomes shares of one.
pub(super) fn softmax(values: &mut [f32], width: usize) {
    for row in values.chunks_exact_mut(width) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut().for_each(|value| *value = exp(*value - largest));
        let factor = 1.0 / sum(row);
        row.iter_mut().for_each(|value| *value *= factor);
    }
}

/// The Gaussian error linear unit, by its approximation with the hyperbolic tangent.
pub(super) fn gelu(values: &mut [f32]) {
    // √(2/π), doubled: 1 + tanh(x) is 2 / (1 + e^-2x).
    const FACTOR: f32 = -1.595_769;
    for value in values {
        let inner = FACTOR * (*value + 0.044_715 * *value * *value * *value);
        *value /= 1.0 + exp(inner);
    }
}

/// e to the power of `x`, to six digits. Without branches, so that several are worked out at once.
#[inline]
pub(super) fn exp(x: f32) -> f32 {
    // Adding it rounds to a whole number, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let power = (x * std::f32::consts::LOG2_E).clamp(-126.0, 126.0);
    let rounded = power + ROUND;
    let part = (power - (rounded - ROUND)) * std::f32::consts::LN_2;
    let exponent = rounded.to_bits() << 23;
    // Taylor's series for |part| ≤ ln 2 / 2.
    let series = 1.0
        + part
            * (1.0
                + part
                    * (0.5
                        + part
                            * (1.0 / 6.0
                                + part * (1.0 / 24.0 + part * (1.0 / 120.0 + part / 720.0)))));
    f32::from_bits(series.to_bits().wrapping_add(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for step in -8_700..8_700_i16 {
            let x = f32::from(step) / 100.0;
            let (ours, theirs) = (exp(x), x.exp());
            assert!((ours / theirs - 1.0).abs() < 2e-5, "{x}: {ours} {theirs}");
        }
        assert!(exp(-1_000.0) < 1e-37);
    }

    #[test]
    fn the_unit_is_nearly_the_exact_one() {
        // x/2 · (1 + erf(x/√2)) at some points.
        for (x, expected) in [(-3.0, -0.004_05), (-1.0, -0.158_66), (0.0, 0.0), (1.0, 0.841_34)] {
            let mut values = [x];
            gelu(&mut values);
            assert!((values[0] - expected).abs() < 5e-4, "{x}: {}", values[0]);
        }
    }

    #[test]
    fn threads_change_no_result() {
        let value = |n: usize| ((n * 7_919) % 1_000) as f32 / 500.0 - 1.0;
        let weights: Vec<f32> = (0..96 * 64).map(value).collect();
        let bias: Vec<f32> = (0..96).map(value).collect();
        let linear = Linear::new(64, weights, Some(bias));
        let input: Vec<f32> = (0..200 * 64).map(|n| value(n + 13)).collect();
        let alone = linear.apply(&input, 1);
        for threads in [2, 3, 7] {
            assert_eq!(linear.apply(&input, threads), alone);
        }
        let one = linear.apply(&input[..64], 1);
        for (a, b) in one.iter().zip(&alone) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
        let by_hand = dot(linear.row(5), &input[64..128]) + linear.bias.as_ref().expect("one")[5];
        assert!((alone[96 + 5] - by_hand).abs() < 1e-3);
    }

    #[test]
    fn rows_are_normalised_and_shares_add_up() {
        let norm = Norm { scale: vec![2.0; 4], shift: vec![1.0; 4] };
        let out = norm.apply(&[1.0, 2.0, 3.0, 4.0]);
        assert!((sum(&out) - 4.0).abs() < 1e-4 && out[3] > 3.6 && out[3] < 3.7);
        let mut shares = [0.0, 1.0, 2.0, -50.0, 1.0, 1.0, 1.0, 1.0];
        softmax(&mut shares, 4);
        assert!((shares[..4].iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((shares[4] - 0.25).abs() < 1e-5 && shares[3] < 1e-20);
    }
}
