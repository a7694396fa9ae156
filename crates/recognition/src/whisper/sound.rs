//! Samples become what Whisper hears: the strength of each mel band every 10 ms, on a scale of its
//! own (Radford et al. 2022, section 2.2).

use super::maths::multiply_transposed;
use crate::SAMPLE_HZ;

/// Samples of a window, 25 ms.
const WINDOW: usize = 400;

/// Samples from one window to the next, 10 ms.
const HOP: usize = 160;

/// Frequencies of a window.
pub(super) const FREQUENCIES: usize = WINDOW / 2 + 1;

/// Windows that Whisper takes at once: half a minute.
pub(super) const FRAMES: usize = 3_000;

/// Longest sound that can be recognised at once, in samples.
pub(super) const SAMPLES_MAX: usize = FRAMES * HOP;

/// Turns samples into mel bands.
#[derive(Debug)]
pub(super) struct Ear {
    mels: usize,
    /// `mels` rows of [`FREQUENCIES`].
    filters: Vec<f32>,
    /// Windowed cosines, then sines, a row for each frequency.
    waves: Vec<f32>,
}

impl Ear {
    pub(super) fn new(mels: usize, filters: Vec<f32>) -> Self {
        let mut waves = vec![0.0; 2 * FREQUENCIES * WINDOW];
        let turn = std::f64::consts::TAU / WINDOW as f64;
        let (cosines, sines) = waves.split_at_mut(FREQUENCIES * WINDOW);
        for frequency in 0..FREQUENCIES {
            for sample in 0..WINDOW {
                let window = 0.5 - 0.5 * (turn * sample as f64).cos();
                let angle = turn * ((frequency * sample) % WINDOW) as f64;
                cosines[frequency * WINDOW + sample] = (window * angle.cos()) as f32;
                sines[frequency * WINDOW + sample] = (window * angle.sin()) as f32;
            }
        }
        Self { mels, filters, waves }
    }

    /// So many rows of mel bands, at most [`FRAMES`]; after the sound there is silence.
    pub(super) fn hear(&self, samples: &[f32], rows: usize) -> Vec<f32> {
        let samples = &samples[..samples.len().min(rows * HOP)];
        let frames = (samples.len() / HOP + 2).min(rows);
        let mut windows = vec![0.0; frames * WINDOW];
        for (number, window) in windows.chunks_exact_mut(WINDOW).enumerate() {
            for (place, value) in window.iter_mut().enumerate() {
                // The window lies around its moment; before the beginning the sound is mirrored.
                let at = (number * HOP + place).abs_diff(WINDOW / 2);
                *value = samples.get(at).copied().unwrap_or_default();
            }
        }
        let mut parts = vec![0.0; frames * 2 * FREQUENCIES];
        multiply_transposed(1.0, (&windows, WINDOW), (&self.waves, WINDOW), &mut parts);
        let power: Vec<f32> = parts
            .chunks_exact(2 * FREQUENCIES)
            .flat_map(|row| {
                let (cosines, sines) = row.split_at(FREQUENCIES);
                cosines.iter().zip(sines).map(|(c, s)| c * c + s * s)
            })
            .collect();
        const LEAST: f32 = 1e-10;
        let mut bands = vec![0.0; rows * self.mels];
        let heard = &mut bands[..frames * self.mels];
        multiply_transposed(1.0, (&power, FREQUENCIES), (&self.filters, FREQUENCIES), heard);
        let mut loudest = f32::NEG_INFINITY;
        for band in &mut bands {
            *band = band.max(LEAST).log10();
            loudest = loudest.max(*band);
        }
        for band in &mut bands {
            *band = (band.max(loudest - 8.0) + 4.0) / 4.0;
        }
        bands
    }
}

/// Frames of the encoder's result, of which there are half as many as windows, in so many samples.
pub(super) fn encoded_frames(samples: usize) -> usize {
    samples.div_ceil(2 * HOP).min(FRAMES / 2)
}

/// Milliseconds of a frame of the encoder's result.
pub(super) const ENCODED_MS: u64 = (2 * HOP * 1_000 / SAMPLE_HZ) as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_heard_in_its_band() {
        // Two bands: around 1 kHz, and around 3 kHz.
        let mut filters = vec![0.0; 2 * FREQUENCIES];
        filters[25] = 1.0;
        filters[FREQUENCIES + 75] = 1.0;
        let ear = Ear::new(2, filters);
        let tone: Vec<f32> = (0..16_000)
            .map(|n| (n as f32 * 1_000.0 / 16_000.0 * std::f32::consts::TAU).sin())
            .collect();
        let bands = ear.hear(&tone, FRAMES);
        assert_eq!(bands.len(), FRAMES * 2);
        // The window adds up to 200; half of it falls on the frequency.
        let loud = (100.0_f32 * 100.0).log10();
        assert!((bands[2 * 50] - (loud + 4.0) / 4.0).abs() < 0.01, "{}", bands[100]);
        assert!((bands[2 * 50 + 1] - (loud - 8.0 + 4.0) / 4.0).abs() < 0.01);
        assert!((bands[2 * 200] - (loud - 8.0 + 4.0) / 4.0).abs() < 0.01, "silence behind it");
    }

    #[test]
    fn every_length_is_taken() {
        let ear = Ear::new(1, vec![1.0; FREQUENCIES]);
        for length in [0, 1, 159, 400, SAMPLES_MAX, SAMPLES_MAX + 5_000] {
            let bands = ear.hear(&vec![0.1; length], FRAMES);
            assert_eq!(bands.len(), FRAMES);
            assert!(bands.iter().all(|band| band.is_finite()));
        }
    }
}
