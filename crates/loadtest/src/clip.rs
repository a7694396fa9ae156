//! Media as the synthetic people send it: pictures cut into RTP payloads, speech as Opus packets
//! with their loudness.

use std::sync::Arc;

/// Samples of one Opus packet at 48 kHz: 20 ms.
pub const OPUS_PACKET_SAMPLES: usize = 960;

/// RTP clock of Opus, in Hz (RFC 7587).
pub const OPUS_CLOCK_HZ: u32 = 48_000;

/// RTP clock of pictures, in Hz (RFC 7741).
pub const VIDEO_CLOCK_HZ: u32 = 90_000;

/// Longest piece of a frame in one packet, in bytes. With descriptor, RTP header, extensions and
/// SRTP tag it stays below the 1,200 bytes that every path on the internet carries.
const PART_BYTES_MAX: usize = 1_100;

/// Largest clip that is read, in bytes. Clips are a few seconds; a gigabyte is somebody's mistake.
const CLIP_BYTES_MAX: usize = 64 << 20;

/// Longest sound of one person, in packets: ten minutes. Longer texts start again from the top.
pub const SOUND_PACKETS_MAX: usize = 30_000;

/// Why a clip cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The file is not what its place says.
    #[error("not {expected}: {reason}")]
    Format {
        /// The format that was expected here.
        expected: &'static str,
        /// What is wrong with the bytes.
        reason: String,
    },
    /// The Opus codec refused the sound.
    #[error("the sound cannot be encoded or decoded as Opus: {0}")]
    Opus(#[from] opus::Error),
}

/// One frame of a picture.
#[derive(Debug, Clone)]
pub struct Frame {
    /// True when the frame can be decoded without any before it.
    pub key: bool,
    /// The frame in pieces that each fit into one packet; never empty.
    pub parts: Vec<Arc<[u8]>>,
}

/// A moving picture encoded as VP8, played in a loop. The first frame is a key frame.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Frames for each second.
    pub frames_per_second: u32,
    /// Width and height in pixels.
    pub size: (u16, u16),
    /// The frames of one round of the loop; never empty.
    pub frames: Vec<Frame>,
}

impl Picture {
    /// Reads a VP8 clip in the IVF container.
    ///
    /// # Errors
    /// [`ClipError::Format`] when the file is no such clip, is cut off, or does not begin with a
    /// key frame.
    pub fn from_ivf(file: &[u8]) -> Result<Self, ClipError> {
        let bad = |reason: &str| ClipError::Format {
            expected: "a VP8 clip in IVF",
            reason: reason.to_owned(),
        };
        if file.len() > CLIP_BYTES_MAX {
            return Err(bad("it is larger than 64 MiB"));
        }
        let header = file.get(..32).ok_or_else(|| bad("it has no header"))?;
        if &header[..4] != b"DKIF" || &header[8..12] != b"VP80" {
            return Err(bad("it does not begin with DKIF and VP80"));
        }
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let long = |at: usize| u32::from(short(at)) | u32::from(short(at + 2)) << 16;
        let (rate, scale) = (long(16), long(20));
        if rate == 0 || scale == 0 || rate / scale == 0 || rate / scale > 120 {
            return Err(bad("it does not have 1 to 120 frames a second"));
        }
        let mut frames = Vec::new();
        let mut rest = file.get(usize::from(short(6))..).unwrap_or_default();
        while !rest.is_empty() {
            let length = rest
                .first_chunk::<12>()
                .map(|head| u32::from_le_bytes([head[0], head[1], head[2], head[3]]))
                .and_then(|length| usize::try_from(length).ok())
                .ok_or_else(|| bad("its last frame is cut off"))?;
            let data = rest
                .get(12..)
                .and_then(|body| body.get(..length))
                .ok_or_else(|| bad("its last frame is cut off"))?;
            let first = *data.first().ok_or_else(|| bad("it has an empty frame"))?;
            frames.push(Frame {
                // RFC 6386, section 9.1: the lowest bit of the frame tag is 0 for key frames.
                key: first & 1 == 0,
                parts: split(data),
            });
            rest = &rest[12 + length..];
        }
        if !frames.first().is_some_and(|frame| frame.key) {
            return Err(bad("it does not begin with a key frame"));
        }
        Ok(Self { frames_per_second: rate / scale, size: (short(12), short(14)), frames })
    }

    /// The first key frame at or after `position`, counted round the loop.
    pub fn next_key(&self, position: usize) -> usize {
        let count = self.frames.len();
        (0..count)
            .map(|step| (position + step) % count)
            .find(|&at| self.frames[at].key)
            .unwrap_or_default()
    }
}

/// Cuts a frame into parts of nearly equal length, as encoders' packetisers do, so that no tiny
/// last packet costs a header of its own.
fn split(frame: &[u8]) -> Vec<Arc<[u8]>> {
    let parts = frame.len().div_ceil(PART_BYTES_MAX);
    frame.chunks(frame.len().div_ceil(parts)).map(Arc::from).collect()
}

/// One 20 ms packet of Opus.
#[derive(Debug, Clone)]
pub struct SoundPacket {
    /// The RTP payload.
    pub payload: Arc<[u8]>,
    /// Loudness in dBov, from −127 (silence) to 0 (RFC 6464).
    pub level_dbov: i8,
}

/// Speech as 20 ms Opus packets, 48 kHz, one channel, played in a loop.
#[derive(Debug, Clone)]
pub struct Sound {
    /// The packets of one round of the loop; never empty.
    pub packets: Vec<SoundPacket>,
}

impl Sound {
    /// Encodes samples (48 kHz, one channel) with in-band error correction and without
    /// discontinuous transmission: silence would hide a fault that continuous packets show.
    ///
    /// `room` seeds a faint noise, about −60 dBov, that is mixed in. Without it the pauses of two
    /// people would encode to the same bytes, and nobody could tell whose pause was received.
    ///
    /// # Errors
    /// [`ClipError::Format`] when there is no sample, [`ClipError::Opus`] when the encoder refuses.
    pub fn encode(samples: &[i16], room: u64) -> Result<Self, ClipError> {
        use opus::{Application, Bitrate, Channels, Encoder};

        if samples.is_empty() {
            return Err(ClipError::Format {
                expected: "speech",
                reason: "it has no sample".to_owned(),
            });
        }
        let mut encoder = Encoder::new(OPUS_CLOCK_HZ, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(24_000))?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(10)?;
        encoder.set_dtx(false)?;
        let mut noise = base::SplitMix(room);
        let mut packets = Vec::new();
        for chunk in samples.chunks(OPUS_PACKET_SAMPLES).take(SOUND_PACKETS_MAX) {
            let mut frame = [0i16; OPUS_PACKET_SAMPLES];
            frame[..chunk.len()].copy_from_slice(chunk);
            for sample in &mut frame {
                *sample = sample.saturating_add(room_tone(&mut noise));
            }
            let payload = encoder.encode_vec(&frame, PART_BYTES_MAX)?;
            packets.push(SoundPacket { payload: payload.into(), level_dbov: level_dbov(&frame) });
        }
        Ok(Self { packets })
    }

    /// Reads an Ogg Opus file of 20 ms packets (RFC 7845). The packets are decoded once to learn
    /// their loudness.
    ///
    /// # Errors
    /// [`ClipError`] when the file is not one channel of 20 ms Opus packets.
    pub fn from_ogg(file: &[u8]) -> Result<Self, ClipError> {
        let bad = |reason: String| ClipError::Format { expected: "speech in Ogg Opus", reason };
        let mut reader = ogg::PacketReader::new(std::io::Cursor::new(file));
        let mut decoder = opus::Decoder::new(OPUS_CLOCK_HZ, opus::Channels::Mono)?;
        let mut packets = Vec::new();
        let mut headers = 0;
        while let Some(packet) = reader.read_packet().map_err(|error| bad(error.to_string()))? {
            if headers < 2 {
                let magic: &[u8] = [b"OpusHead", b"OpusTags"][headers];
                if !packet.data.starts_with(magic) {
                    return Err(bad("its two header packets are missing".to_owned()));
                }
                headers += 1;
                continue;
            }
            if packets.len() == SOUND_PACKETS_MAX {
                break;
            }
            let mut frame = [0i16; OPUS_PACKET_SAMPLES];
            if decoder.get_nb_samples(&packet.data)? != OPUS_PACKET_SAMPLES {
                return Err(bad("a packet is not 20 ms long".to_owned()));
            }
            decoder.decode(&packet.data, &mut frame, false)?;
            packets
                .push(SoundPacket { level_dbov: level_dbov(&frame), payload: packet.data.into() });
        }
        if packets.is_empty() {
            return Err(bad("it has no packet".to_owned()));
        }
        Ok(Self { packets })
    }

    /// The length of one round of the loop in milliseconds.
    pub fn length_ms(&self) -> u64 {
        self.packets.len() as u64 * 20
    }
}

/// A sample of noise with an amplitude of about 32 of 32,768.
fn room_tone(noise: &mut base::SplitMix) -> i16 {
    use base::Random;
    i16::try_from(noise.below(65)).unwrap_or_default() - 32
}

/// Loudness of samples in dB relative to the loudest sine that does not clip (RFC 6465 appendix).
fn level_dbov(samples: &[i16]) -> i8 {
    let square: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let mean = square / samples.len().max(1) as f64;
    let level = 10.0 * (mean / f64::from(i16::MAX).powi(2)).log10();
    #[expect(clippy::cast_possible_truncation, reason = "the range of an i8 is clamped to")]
    let level = level.clamp(-127.0, 0.0).round() as i8;
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_clip_is_refused_with_a_reason() {
        for (file, reason) in
            [(&b""[..], "it has no header"), (&[0; 40][..], "it does not begin with DKIF and VP80")]
        {
            let error = Picture::from_ivf(file).expect_err("no clip").to_string();
            assert!(error.ends_with(reason), "{error}");
        }
        let mut cut = include_bytes!("../clips/picture-05.ivf").to_vec();
        cut.truncate(cut.len() - 3);
        let error = Picture::from_ivf(&cut).expect_err("cut off").to_string();
        assert!(error.ends_with("its last frame is cut off"), "{error}");
        assert!(Sound::from_ogg(b"RIFF....").is_err());
        assert!(Sound::encode(&[], 1).is_err());
    }

    #[test]
    fn a_picture_is_cut_into_parts_that_give_the_frames_again() {
        let file = include_bytes!("../clips/picture-01.ivf");
        let picture = Picture::from_ivf(file).expect("a clip");
        assert_eq!((picture.frames_per_second, picture.size), (12, (640, 360)));
        assert_eq!(picture.frames.len(), 48);
        let bytes: usize =
            picture.frames.iter().flat_map(|frame| &frame.parts).map(|part| part.len()).sum();
        assert_eq!(bytes, file.len() - 32 - 12 * 48);
        let longest = picture.frames.iter().flat_map(|frame| &frame.parts).map(|part| part.len());
        assert!(longest.max() <= Some(PART_BYTES_MAX));
        assert!(picture.frames.iter().any(|frame| frame.parts.len() > 1));
    }

    #[test]
    fn the_next_key_frame_is_found_round_the_loop() {
        let picture = Picture::from_ivf(include_bytes!("../clips/picture-05.ivf")).expect("a clip");
        assert_eq!(picture.next_key(0), 0);
        assert_eq!(picture.next_key(1), 12);
        assert_eq!(picture.next_key(47), 0);
    }

    #[test]
    fn the_pauses_of_two_people_differ_and_levels_follow_the_sound() {
        let silence = vec![0i16; OPUS_PACKET_SAMPLES * 50];
        let (a, b) = (Sound::encode(&silence, 1), Sound::encode(&silence, 2));
        let (a, b) = (a.expect("encodes"), b.expect("encodes"));
        assert_eq!(a.packets.len(), 50);
        for (one, other) in a.packets.iter().zip(&b.packets) {
            assert_ne!(one.payload, other.payload);
            assert!((-70..=-55).contains(&one.level_dbov), "{}", one.level_dbov);
        }
        let tone: Vec<i16> = (0..OPUS_PACKET_SAMPLES * 5)
            .map(|at| if at / 50 % 2 == 0 { 8_000 } else { -8_000 })
            .collect();
        let tone = Sound::encode(&tone, 1).expect("encodes");
        assert!((-13..=-12).contains(&tone.packets[2].level_dbov));
    }
}
