//! Speech for the synthetic people: spoken by espeak-ng in the person's language where it is
//! installed, else a bundled voice.

use std::process::Stdio;
use std::time::Duration;

use base::Language;
use tokio::process::Command;

use crate::clip::{ClipError, OPUS_CLOCK_HZ, Sound};

/// The speech synthesiser, a program of the machine.
const SYNTHESISER: &str = "espeak-ng";

/// Time for one text. It speaks a minute in well under a second.
const SYNTHESIS_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest text that is spoken, in bytes: about a minute. Longer speech says nothing more about a
/// server.
const TEXT_BYTES_MAX: usize = 1_500;

/// How a person speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// Language of the text.
    pub language: Language,
    /// A number of their own: gives pitch and the noise of their room.
    pub number: u32,
}

/// Why a text was not spoken.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The synthesiser is not installed or failed.
    #[error("espeak-ng cannot speak: {0}")]
    Synthesiser(String),
    /// What it said cannot be used.
    #[error(transparent)]
    Clip(#[from] ClipError),
}

/// Speaks `text`.
///
/// # Errors
/// [`SpeechError`] when espeak-ng is missing, has no such language, or fails.
pub async fn speak(text: &str, speaker: &Speaker) -> Result<Sound, SpeechError> {
    let failed = |reason: &dyn std::fmt::Display| SpeechError::Synthesiser(reason.to_string());
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let primary = speaker.language.as_str().split('-').next().unwrap_or_default();
    let run = Command::new(SYNTHESISER)
        .args(["-v", primary, "-s", "165", "--stdout", "-p"])
        .arg((30 + speaker.number * 11 % 60).to_string())
        .arg("--")
        .arg(&text[..end])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let spoken = tokio::time::timeout(SYNTHESIS_TIMEOUT, run)
        .await
        .map_err(|_| failed(&"it takes too long"))?
        .map_err(|error| failed(&error))?;
    if !spoken.status.success() {
        return Err(failed(&String::from_utf8_lossy(&spoken.stderr).trim()));
    }
    let (rate, samples) =
        read_wav(&spoken.stdout).ok_or_else(|| failed(&"its output is no 16-bit mono WAV"))?;
    Ok(Sound::encode(&resample(&samples, rate), u64::from(speaker.number) + 1)?)
}

/// Rate and samples of a 16-bit WAV file of one channel. A program that writes to a pipe does not
/// know the length beforehand, so the data may end before its stated length.
fn read_wav(file: &[u8]) -> Option<(u32, Vec<i16>)> {
    if file.get(..4)? != b"RIFF" || file.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut rest = file.get(12..)?;
    let mut rate = None;
    while let Some((head, body)) = rest.split_at_checked(8) {
        let length = u32::from_le_bytes(head[4..].try_into().ok()?);
        let length = usize::try_from(length).ok()?.min(body.len());
        let chunk = &body[..length];
        match &head[..4] {
            b"fmt " => {
                let short =
                    |at: usize| Some(u16::from_le_bytes([*chunk.get(at)?, *chunk.get(at + 1)?]));
                if (short(0)?, short(2)?, short(14)?) != (1, 1, 16) {
                    return None;
                }
                rate = Some(u32::from_le_bytes(chunk.get(4..8)?.try_into().ok()?));
            }
            b"data" => {
                let samples =
                    chunk.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
                return rate.filter(|rate| *rate > 0).map(|rate| (rate, samples.collect()));
            }
            _ => {}
        }
        rest = &body[(length + length % 2).min(body.len())..];
    }
    None
}

/// Brings samples to 48 kHz by straight lines between them: enough for speech of 22 kHz.
fn resample(samples: &[i16], rate: u32) -> Vec<i16> {
    let (from, to) = (u64::from(rate), u64::from(OPUS_CLOCK_HZ));
    let count = samples.len() as u64 * to / from;
    let sample = |at: u64| {
        usize::try_from(at).ok().and_then(|at| samples.get(at)).copied().map_or(0, i64::from)
    };
    (0..count)
        .map(|at| {
            let (whole, part) = (at * from / to, at * from % to);
            let (before, after) = (sample(whole), sample(whole + 1));
            let step = (after - before) * i64::try_from(part).unwrap_or_default()
                / i64::from(OPUS_CLOCK_HZ);
            i16::try_from(before + step).unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
        let mut file = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend(rate.to_le_bytes());
        file.extend((rate * 2).to_le_bytes());
        file.extend(*b"\x02\0\x10\0LIST\x03\0\0\0abc\0data\xff\xff\xff\x7f");
        file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }

    #[test]
    fn a_wav_from_a_pipe_is_read_to_its_end() {
        assert_eq!(read_wav(&wav(22_050, &[1, -2, 3])), Some((22_050, vec![1, -2, 3])));
        for bad in [&b""[..], b"RIFF", &wav(0, &[1]), b"RIFF\0\0\0\0WAVEdata\x02\0\0\0\0\0"] {
            assert_eq!(read_wav(bad), None);
        }
    }

    #[test]
    fn resampling_keeps_the_length_in_time_and_the_shape() {
        let ramp: Vec<i16> = (0..240).map(|at| at * 10).collect();
        let slow = resample(&ramp, 24_000);
        assert_eq!(slow.len(), 480);
        assert_eq!(slow[..5], [0, 5, 10, 15, 20]);
    }

    #[tokio::test]
    async fn the_three_languages_of_the_first_day_are_spoken() {
        for (number, (tag, text)) in (0..).zip([
            ("en", "Thank you for the invitation."),
            ("ru", "Благодарю за приглашение."),
            ("ur", "دعوت کا شکریہ۔"),
        ]) {
            let language = Language::new(tag).expect("a tag");
            match speak(text, &Speaker { language, number }).await {
                Ok(sound) => {
                    assert!((500..6_000).contains(&sound.length_ms()), "{} ms", sound.length_ms());
                    let loudest = sound.packets.iter().map(|packet| packet.level_dbov).max();
                    assert!(loudest > Some(-30), "{tag}: {loudest:?}");
                }
                // The test of the fallback is `every_bundled_clip_can_be_told_from_every_other`.
                Err(SpeechError::Synthesiser(reason)) if reason.contains("No such file") => return,
                Err(error) => panic!("{tag}: {error}"),
            }
        }
    }
}
