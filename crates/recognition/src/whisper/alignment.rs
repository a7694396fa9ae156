//! When each word was said: where in the sound the decoder looked for it, made into a path that
//! goes forward only (dynamic time warping).

use std::ops::Deref;

/// Frames over which a look is smoothed, an odd number: the decoder's heads flicker.
const SMOOTHED: usize = 7;

/// For each row of looks the frame at which it begins.
///
/// `looks` holds for each token what each head looked at: a share for each of `frames` frames.
pub(super) fn beginnings<L: Deref<Target = Vec<Vec<f32>>>>(
    looks: &[L],
    frames: usize,
) -> Vec<usize> {
    let tokens = looks.len();
    let heads = looks.first().map_or(0, |looks| looks.len());
    if tokens == 0 || heads == 0 || frames == 0 {
        return vec![0; tokens];
    }
    let mut sum = vec![0.0_f32; tokens * frames];
    for head in 0..heads {
        let mut rows: Vec<f32> = looks.iter().flat_map(|of| &of[head][..frames]).copied().collect();
        stand_out(&mut rows, frames);
        for (sum, row) in sum.chunks_exact_mut(frames).zip(rows.chunks_exact(frames)) {
            for (sum, value) in sum.iter_mut().zip(medians(row)) {
                *sum += value;
            }
        }
    }
    path(&sum, frames)
}

/// Of each frame's looks, how far each stands out from those of the other tokens.
fn stand_out(rows: &mut [f32], frames: usize) {
    let tokens = (rows.len() / frames) as f32;
    for frame in 0..frames {
        let column = || rows.iter().skip(frame).step_by(frames);
        let mean = column().sum::<f32>() / tokens;
        let variance = column().map(|value| (value - mean) * (value - mean)).sum::<f32>() / tokens;
        let factor = 1.0 / (variance.sqrt() + 1e-9);
        for value in rows.iter_mut().skip(frame).step_by(frames) {
            *value = (*value - mean) * factor;
        }
    }
}

fn medians(row: &[f32]) -> Vec<f32> {
    let around = |at: usize| {
        let mut near = [0.0; SMOOTHED];
        for (offset, place) in near.iter_mut().enumerate() {
            // Beyond the ends the nearest value goes on.
            let at = (at + offset).saturating_sub(SMOOTHED / 2).min(row.len() - 1);
            *place = row[at];
        }
        near.sort_by(f32::total_cmp);
        near[SMOOTHED / 2]
    };
    (0..row.len()).map(around).collect()
}

/// The path from the first token and frame to the last, by single steps forward, on which the sum
/// is largest; for each token the frame at which it is entered.
fn path(values: &[f32], frames: usize) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum From {
        Both,
        Token,
        Frame,
    }
    let tokens = values.len() / frames;
    let mut best = vec![f32::NEG_INFINITY; values.len()];
    let mut came = vec![From::Both; values.len()];
    for token in 0..tokens {
        for frame in 0..frames {
            let at = token * frames + frame;
            let before =
                |is: bool, steps: usize| if is { best[at - steps] } else { f32::NEG_INFINITY };
            let both = before(token > 0 && frame > 0, frames + 1);
            let of_token = before(token > 0, frames);
            let of_frame = before(frame > 0, 1);
            let (from, sum) = if at == 0 {
                (From::Both, 0.0)
            } else if both >= of_token && both >= of_frame {
                (From::Both, both)
            } else if of_token >= of_frame {
                (From::Token, of_token)
            } else {
                (From::Frame, of_frame)
            };
            best[at] = sum + values[at];
            came[at] = from;
        }
    }
    let mut entered = vec![0; tokens];
    let (mut token, mut frame) = (tokens - 1, frames - 1);
    while token > 0 {
        match came[token * frames + frame] {
            From::Frame => frame -= 1,
            From::Token => {
                entered[token] = frame;
                token -= 1;
            }
            From::Both => {
                entered[token] = frame;
                token -= 1;
                frame -= 1;
            }
        }
    }
    entered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_where_the_decoder_looked() {
        // Three tokens, said at frames 0 to 19, 20 to 49 and 50 to 59; a second head looks nowhere.
        let spans = [(0, 20), (20, 50), (50, 60)];
        let looks: Vec<Box<Vec<Vec<f32>>>> = spans
            .iter()
            .map(|(from, until)| {
                let share = |frame| if (*from..*until).contains(&frame) { 0.05 } else { 0.001 };
                Box::new(vec![(0..60).map(share).collect(), vec![1.0 / 60.0; 60]])
            })
            .collect();
        let found = beginnings(&looks, 60);
        for (found, (from, _)) in found.iter().zip(spans) {
            assert!(found.abs_diff(from) <= 2, "{found} {from}");
        }
    }

    #[test]
    fn nothing_and_odd_sizes_are_no_problem() {
        assert!(beginnings::<Box<_>>(&[], 10).is_empty());
        assert_eq!(beginnings(&[Box::new(vec![])], 10), [0]);
        assert_eq!(beginnings(&[Box::new(vec![vec![]])], 0), [0]);
        let many = vec![Box::new(vec![vec![0.5, 0.5]]); 5];
        let found = beginnings(&many, 2);
        assert!(found.is_sorted() && found.iter().all(|frame| *frame < 2), "{found:?}");
    }
}
