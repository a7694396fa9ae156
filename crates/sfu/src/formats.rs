//! The closed list of what can be forwarded, and how it is written in SDP. Two sides agree on a
//! format by its parameters, never by its payload type, which each peer numbers as it likes.

use forwarding::{Codec, DEPENDENCY_URI, Format};
use str0m::format::{Codec as SdpCodec, CodecConfig, CodecSpec, FormatParams};
use str0m::media::Frequency;
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

/// Formats are numbered: Opus, VP8, VP9 profile 0 and 2, AV1, then those of H.264.
const OPUS: u8 = 0;
pub(crate) const OPUS_FORMAT: Format = Format(OPUS);
const VP8: u8 = 1;
const VP9: [(u32, u8); 2] = [(0, 2), (2, 3)];
const AV1: u8 = 4;
const H264_FIRST: u8 = 5;

/// The profiles of H.264 that browsers offer, with their packetization mode. The level is
/// negotiable and left out of the comparison by the engine (RFC 6184 section 8.2.2).
const H264: [(u32, u8); 8] = [
    (0x42_e01f, 1),
    (0x42_e01f, 0),
    (0x42_001f, 1),
    (0x42_001f, 0),
    (0x4d_001f, 1),
    (0x4d_001f, 0),
    (0x64_001f, 1),
    (0x64_0c1f, 1),
];

/// How many formats there are.
pub(crate) const FORMATS: usize = H264_FIRST as usize + H264.len();

/// The format with these parameters, as configured by [`codecs`], and its codec.
pub(crate) fn format_of(spec: CodecSpec) -> Option<(Format, Codec)> {
    let params = spec.format;
    let (number, codec) = match spec.codec {
        SdpCodec::Opus => (OPUS, Codec::Opus),
        SdpCodec::Vp8 => (VP8, Codec::Vp8),
        SdpCodec::Vp9 => {
            let profile = params.profile_id.unwrap_or(0);
            (VP9.iter().find(|(known, _)| *known == profile)?.1, Codec::Vp9)
        }
        SdpCodec::Av1 => (AV1, Codec::Av1),
        SdpCodec::H264 => {
            let wanted = (params.profile_level_id?, params.packetization_mode.unwrap_or(0));
            let place = H264.iter().position(|known| *known == wanted)?;
            (H264_FIRST + u8::try_from(place).ok()?, Codec::H264)
        }
        _ => return None,
    };
    Some((Format(number), codec))
}

/// The names of the picture codecs, as in `a=rtpmap`.
pub(crate) const PICTURE_CODECS: [&str; 4] = ["VP8", "VP9", "H264", "AV1"];

/// The engine's configuration with the picture codecs in the order of `preference`; a publisher
/// sends the first that it can. `redundant` says whether redundant voice is agreed to.
pub(crate) fn codecs(preference: &[&str], redundant: bool) -> CodecConfig {
    let mut config = CodecConfig::empty();
    // Payload types are only proposals, which the offer overrides. They avoid 64 to 95, where RTCP
    // would be taken for RTP (RFC 5761 section 4).
    let mut free = (35..=63u8).chain(96..=127);
    let mut next = || free.next().unwrap_or(127).into();
    if redundant {
        config.enable_opus(true, true);
    } else {
        config.add_config(
            next(),
            None,
            SdpCodec::Opus,
            Frequency::FORTY_EIGHT_KHZ,
            Some(2),
            FormatParams {
                min_p_time: Some(10),
                use_inband_fec: Some(true),
                // Whoever is silent on stage costs nobody anything.
                use_dtx: Some(true),
                ..FormatParams::default()
            },
        );
    }
    let rest = PICTURE_CODECS.iter().filter(|codec| !preference.contains(codec));
    for codec in preference.iter().chain(rest) {
        let mut add = |codec: SdpCodec, format: FormatParams| {
            let (payload_type, repair) = (next(), next());
            let clock = Frequency::NINETY_KHZ;
            config.add_config(payload_type, Some(repair), codec, clock, None, format);
        };
        let plain = FormatParams::default();
        match *codec {
            "VP8" => add(SdpCodec::Vp8, plain),
            "AV1" => add(SdpCodec::Av1, plain),
            "VP9" => {
                for (profile, _) in VP9 {
                    add(SdpCodec::Vp9, FormatParams { profile_id: Some(profile), ..plain });
                }
            }
            "H264" => {
                for (profile, mode) in H264 {
                    let format = FormatParams {
                        level_asymmetry_allowed: Some(true),
                        packetization_mode: Some(mode),
                        profile_level_id: Some(profile),
                        ..plain
                    };
                    add(SdpCodec::H264, format);
                }
            }
            _ => {}
        }
    }
    config
}

/// Whether the layers of a codec are told only by the dependency descriptor. For the others it
/// would be bytes for nothing.
pub(crate) fn needs_descriptor(codec: &str) -> bool {
    matches!(codec, "AV1" | "H264")
}

/// The dependency descriptor of a packet as it came, for the reader of its stream.
#[derive(Debug)]
pub(crate) struct Descriptor(pub(crate) Vec<u8>);

/// The header extension that carries [`Descriptor`]s.
pub(crate) fn dependency_extension() -> Extension {
    Extension::with_serializer(DEPENDENCY_URI, KeepDescriptor)
}

/// Keeps descriptors that come in; none is ever sent.
#[derive(Debug)]
struct KeepDescriptor;

impl ExtensionSerializer for KeepDescriptor {
    fn write_to(&self, _buffer: &mut [u8], _values: &ExtensionValues) -> usize {
        0
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(Descriptor(bytes.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configured_codec_has_its_own_format() {
        let config = codecs(&["AV1", "unknown"], false);
        let formats: Vec<u8> =
            config.params().iter().filter_map(|p| format_of(p.spec())).map(|(f, _)| f.0).collect();
        let mut sorted = formats.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..u8::try_from(FORMATS).expect("few")).collect::<Vec<_>>());
        assert_eq!(formats[..2], [OPUS, AV1], "the preferred codec comes first");
    }

    #[test]
    fn a_descriptor_is_kept_as_it_came() {
        let mut values = ExtensionValues::default();
        assert!(KeepDescriptor.parse_value(&[0xc0, 0, 1], &mut values));
        let kept = values.user_values.get::<Descriptor>();
        assert_eq!(kept.map(|descriptor| descriptor.0.as_slice()), Some(&[0xc0, 0, 1][..]));
    }
}
