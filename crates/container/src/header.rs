//! What stands at the front of a file.

use base::{Millis, Timestamp};

use crate::ebml::{put, put_f64, put_group, put_uint};
use crate::{ids, opus};

/// The codecs that a file can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Opus (RFC 6716, RFC 7845).
    Opus,
    /// VP8 (RFC 6386).
    Vp8,
    /// VP9.
    Vp9,
    /// H.264; its file is Matroska, for WebM does not know it.
    H264,
    /// AV1.
    Av1,
}

impl Codec {
    const ALL: [Self; 5] = [Self::Opus, Self::Vp8, Self::Vp9, Self::H264, Self::Av1];

    /// Whether it carries sound.
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Opus)
    }

    /// Ticks of the RTP timestamp in a second.
    pub const fn clock_hz(self) -> u32 {
        if self.is_audio() { 48_000 } else { 90_000 }
    }

    /// The codec with this CodecID.
    pub(crate) fn from_id(id: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.id().as_bytes() == id)
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Opus => "A_OPUS",
            Self::Vp8 => "V_VP8",
            Self::Vp9 => "V_VP9",
            Self::H264 => "V_MPEG4/ISO/AVC",
            Self::Av1 => "V_AV1",
        }
    }
}

/// Width and height of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSize {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// A track of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its codec.
    pub codec: Codec,
    /// What decoders need before the first frame: `avcC`, `av1C`; empty for VP8 and VP9, and for
    /// Opus, whose header is made here.
    pub private: Vec<u8>,
    /// Size of the first picture. Later ones may differ where the codec says so in its frames.
    pub size: Option<PictureSize>,
}

/// A place in a file that players show by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// Where it begins.
    pub start: Millis,
    /// Where it ends.
    pub end: Millis,
    /// Its name.
    pub title: String,
}

/// What is known of a file before its first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The moment of the file's time zero.
    pub began_at: Timestamp,
    /// Its title.
    pub title: String,
    /// Names and values that describe it further.
    pub tags: Vec<(String, String)>,
    /// Its tracks; the first has number 1.
    pub tracks: Vec<Track>,
}

/// Bytes kept for the SeekHead: five entries of at most 21 bytes and its own head.
pub(crate) const SEEK_HEAD_BYTES: usize = 128;

/// 2001-01-01 as milliseconds since 1970: the epoch of `DateUTC` (RFC 8794, section 7.6).
pub(crate) const DATE_EPOCH_MS: i64 = 978_307_200_000;

/// Where what is written in place later stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    /// The segment's size.
    pub(crate) segment_size_at: u64,
    /// Where the segment's body begins; positions within it count from here.
    pub(crate) segment_body_at: u64,
    /// The SeekHead, [`SEEK_HEAD_BYTES`] long with what fills it up.
    pub(crate) seek_head_at: u64,
    pub(crate) info_at: u64,
    pub(crate) tracks_at: u64,
    pub(crate) tags_at: u64,
    /// The eight bytes of the duration.
    pub(crate) duration_at: u64,
}

/// Writes everything that stands before the first cluster.
pub(crate) fn write(header: &Header) -> (Vec<u8>, Layout) {
    let webm = header.tracks.iter().all(|track| track.codec != Codec::H264);
    let mut out = Vec::new();
    let mut layout = Layout::default();
    put_group(&mut out, ids::EBML, |body| {
        put_uint(body, ids::EBML_VERSION, 1);
        put_uint(body, ids::EBML_READ_VERSION, 1);
        put_uint(body, ids::EBML_MAX_ID_LENGTH, 4);
        put_uint(body, ids::EBML_MAX_SIZE_LENGTH, 8);
        put(body, ids::DOC_TYPE, if webm { b"webm" } else { b"matroska" });
        put_uint(body, ids::DOC_TYPE_VERSION, 4);
        put_uint(body, ids::DOC_TYPE_READ_VERSION, 2);
    });
    crate::ebml::put_id(&mut out, ids::SEGMENT);
    layout.segment_size_at = out.len() as u64;
    out.extend_from_slice(&crate::ebml::SIZE_UNKNOWN);
    layout.segment_body_at = out.len() as u64;
    layout.seek_head_at = out.len() as u64;
    out.resize(out.len() + SEEK_HEAD_BYTES, 0);
    layout.info_at = out.len() as u64;
    let mut info = Vec::new();
    put_uint(&mut info, ids::TIMESTAMP_SCALE, 1_000_000);
    put_f64(&mut info, ids::DURATION, 0.0);
    let duration_in_body = info.len() - 8;
    let date = header.began_at.0.saturating_sub(DATE_EPOCH_MS).saturating_mul(1_000_000);
    put(&mut info, ids::DATE_UTC, &date.to_be_bytes());
    put(&mut info, ids::TITLE, header.title.as_bytes());
    put(&mut info, ids::MUXING_APP, b"Plenary");
    put(&mut info, ids::WRITING_APP, b"Plenary");
    put(&mut out, ids::INFO, &info);
    layout.duration_at = (out.len() - info.len() + duration_in_body) as u64;
    layout.tracks_at = out.len() as u64;
    put_group(&mut out, ids::TRACKS, |body| {
        for (number, track) in (1..).zip(&header.tracks) {
            put_group(body, ids::TRACK_ENTRY, |entry| put_track(entry, number, track));
        }
    });
    layout.tags_at = out.len() as u64;
    put_group(&mut out, ids::TAGS, |body| {
        put_group(body, ids::TAG, |tag| {
            put(tag, ids::TARGETS, &[]);
            for (name, value) in &header.tags {
                put_group(tag, ids::SIMPLE_TAG, |simple| {
                    put(simple, ids::TAG_NAME, name.as_bytes());
                    put(simple, ids::TAG_STRING, value.as_bytes());
                });
            }
        });
    });
    let seek_head = seek_head(&layout, &[]);
    let at = usize::try_from(layout.seek_head_at).unwrap_or_default();
    out[at..at + SEEK_HEAD_BYTES].copy_from_slice(&seek_head);
    (out, layout)
}

/// The SeekHead with what is known of the file and `more`, filled up to its room.
pub(crate) fn seek_head(layout: &Layout, more: &[(u32, u64)]) -> Vec<u8> {
    let known =
        [(ids::INFO, layout.info_at), (ids::TRACKS, layout.tracks_at), (ids::TAGS, layout.tags_at)];
    let mut out = Vec::new();
    put_group(&mut out, ids::SEEK_HEAD, |body| {
        for (id, at) in known.iter().chain(more) {
            put_group(body, ids::SEEK, |seek| {
                put(seek, ids::SEEK_ID, &id.to_be_bytes());
                put_uint(seek, ids::SEEK_POSITION, at.saturating_sub(layout.segment_body_at));
            });
        }
    });
    let left = SEEK_HEAD_BYTES.saturating_sub(out.len());
    crate::ebml::put_void(&mut out, left);
    out
}

fn put_track(out: &mut Vec<u8>, number: u64, track: &Track) {
    put_uint(out, ids::TRACK_NUMBER, number);
    put_uint(out, ids::TRACK_UID, number);
    put_uint(out, ids::TRACK_TYPE, if track.codec.is_audio() { 2 } else { 1 });
    put_uint(out, ids::FLAG_LACING, 0);
    put(out, ids::LANGUAGE, b"und");
    put(out, ids::CODEC_ID, track.codec.id().as_bytes());
    if track.codec.is_audio() {
        put(out, ids::CODEC_PRIVATE, &opus::HEAD);
        // A decoder that begins anywhere is right after 80 ms (RFC 7845, section 4.6).
        put_uint(out, ids::SEEK_PRE_ROLL, 80_000_000);
        put_group(out, ids::AUDIO, |audio| {
            put_f64(audio, ids::SAMPLING_FREQUENCY, 48_000.0);
            put_uint(audio, ids::CHANNELS, u64::from(opus::CHANNELS));
        });
        return;
    }
    if !track.private.is_empty() {
        put(out, ids::CODEC_PRIVATE, &track.private);
    }
    let size = track.size.unwrap_or(PictureSize { width: 1_280, height: 720 });
    put_group(out, ids::VIDEO, |video| {
        put_uint(video, ids::PIXEL_WIDTH, u64::from(size.width.max(1)));
        put_uint(video, ids::PIXEL_HEIGHT, u64::from(size.height.max(1)));
    });
}
