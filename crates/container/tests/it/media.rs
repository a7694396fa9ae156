//! Real frames, made by Debian's ffmpeg.

use std::process::Command;

use container::{Codec, rtp};

/// A coded frame with its time in milliseconds.
pub(crate) struct Coded {
    pub(crate) at: u64,
    pub(crate) key: bool,
    pub(crate) data: Vec<u8>,
    pub(crate) private: Option<Vec<u8>>,
}

fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(arguments)
        .arg("pipe:1")
        .output()
        .expect("ffmpeg is there (scripts/prepare.sh)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Three seconds of a moving picture, a key frame every second.
pub(crate) fn picture(codec: Codec) -> Vec<Coded> {
    let source = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=3"];
    let encode: &[&str] = match codec {
        Codec::Vp8 => &[
            "-c:v",
            "libvpx",
            "-g",
            "25",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-auto-alt-ref",
            "0",
            "-f",
            "ivf",
        ],
        Codec::Vp9 => &[
            "-c:v",
            "libvpx-vp9",
            "-g",
            "25",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-lag-in-frames",
            "0",
            "-f",
            "ivf",
        ],
        Codec::Av1 => &[
            "-c:v",
            "libaom-av1",
            "-g",
            "25",
            "-usage",
            "realtime",
            "-cpu-used",
            "8",
            "-lag-in-frames",
            "0",
            "-f",
            "ivf",
        ],
        Codec::H264 => &[
            "-c:v",
            "libx264",
            "-g",
            "25",
            "-preset",
            "ultrafast",
            "-tune",
            "zerolatency",
            "-bf",
            "0",
            "-pix_fmt",
            "yuv420p",
            "-x264-params",
            "slices=1",
            "-threads",
            "1",
            "-f",
            "h264",
        ],
        Codec::Opus => panic!("no picture"),
    };
    let bytes = ffmpeg(&[&source[..], encode].concat());
    if codec == Codec::H264 {
        return through_rtp(codec, &annex_b(&bytes));
    }
    through_rtp(codec, &ivf(&bytes))
}

/// Three seconds of a tone, in packets of 20 ms.
pub(crate) fn tone() -> Vec<Coded> {
    let bytes = ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:duration=3",
        "-c:a",
        "libopus",
        "-b:a",
        "32k",
        "-f",
        "ogg",
    ]);
    // Pages of Ogg (RFC 3533), the two header packets skipped.
    let (mut packets, mut at) = (Vec::new(), 0);
    let mut packet = Vec::new();
    while at + 27 <= bytes.len() {
        let segments = usize::from(bytes[at + 26]);
        let table = bytes[at + 27..at + 27 + segments].to_vec();
        at += 27 + segments;
        for length in table {
            packet.extend_from_slice(&bytes[at..at + usize::from(length)]);
            at += usize::from(length);
            if length < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
    }
    packets
        .into_iter()
        .skip(2)
        .zip(0..)
        .map(|(data, number)| Coded { at: number * 20, key: true, data, private: None })
        .collect()
}

fn ivf(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut rest = &bytes[32..];
    while let Some((head, body)) = rest.split_first_chunk::<12>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        frames.push(body[..length].to_vec());
        rest = &body[length..];
    }
    frames
}

fn annex_b(bytes: &[u8]) -> Vec<Vec<u8>> {
    // Access units of one slice each, with what stands before the slice.
    let (mut units, mut start) = (Vec::new(), None);
    let mut at = 0;
    while at + 3 <= bytes.len() {
        if bytes[at..at + 3] == [0, 0, 1] {
            if let Some(start) = start {
                units.push(trimmed(&bytes[start..at]));
            }
            start = Some(at + 3);
            at += 3;
        } else {
            at += 1;
        }
    }
    units.extend(start.map(|start| bytes[start..].to_vec()));
    let (mut pictures, mut picture) = (Vec::new(), Vec::new());
    for unit in units {
        let slice = matches!(unit[0] & 0x1F, 1..=5);
        picture.extend(u32::try_from(unit.len()).expect("small").to_be_bytes());
        picture.extend(unit);
        if slice {
            pictures.push(std::mem::take(&mut picture));
        }
    }
    pictures
}

fn trimmed(unit: &[u8]) -> Vec<u8> {
    let zeros = unit.iter().rev().take_while(|byte| **byte == 0).count();
    unit[..unit.len() - zeros].to_vec()
}

/// Cuts frames into RTP payloads of at most 1,000 bytes and joins them again.
fn through_rtp(codec: Codec, frames: &[Vec<u8>]) -> Vec<Coded> {
    let mut depacketiser = rtp::Depacketiser::new(codec);
    let mut sequence = 0;
    let mut out = Vec::new();
    for (frame, number) in frames.iter().zip(0_u32..) {
        let payloads = payloads(codec, frame, number == 0 || number % 25 == 0);
        let last = payloads.len() - 1;
        for (at, payload) in payloads.iter().enumerate() {
            let packet =
                rtp::Packet { sequence, timestamp: number * 3_600, marker: at == last, payload };
            sequence += 1;
            if let Some(frame) = depacketiser.push(&packet) {
                let at = u64::from(frame.timestamp) / 90;
                let (key, data, private) = (frame.key, frame.data, frame.private);
                out.push(Coded { at, key, data, private });
            }
        }
    }
    assert_eq!(out.len(), frames.len(), "{codec:?}: frames got lost");
    out
}

fn payloads(codec: Codec, frame: &[u8], key: bool) -> Vec<Vec<u8>> {
    let chunks = |bytes: &[u8]| bytes.chunks(1_000).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let join = |head: Vec<u8>, body: &[u8]| [&head[..], body].concat();
    match codec {
        Codec::Opus => vec![frame.to_vec()],
        Codec::Vp8 => chunks(frame)
            .iter()
            .enumerate()
            .map(|(n, body)| join(vec![if n == 0 { 0x90 } else { 0x80 }, 0x80, 0x81, 0x02], body))
            .collect(),
        Codec::Vp9 => {
            let parts = chunks(frame);
            let last = parts.len() - 1;
            let first_byte = |n| {
                0x80 | if n == 0 { 0x08 } else { 0 }
                    | if n == last { 0x04 } else { 0 }
                    | if key { 0 } else { 0x40 }
            };
            let part = |(n, body): (usize, &Vec<u8>)| join(vec![first_byte(n), 0x42], body);
            parts.iter().enumerate().map(part).collect()
        }
        Codec::H264 => {
            let mut out = Vec::new();
            let mut rest = frame;
            while let Some((length, after)) = rest.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                let unit = &after[..length];
                rest = &after[length..];
                if length <= 1_000 {
                    out.push(unit.to_vec());
                    continue;
                }
                let parts = chunks(&unit[1..]);
                let last = parts.len() - 1;
                for (n, body) in parts.iter().enumerate() {
                    let flags = if n == 0 {
                        0x80
                    } else if n == last {
                        0x40
                    } else {
                        0
                    };
                    out.push(join(vec![unit[0] & 0xE0 | 28, unit[0] & 0x1F | flags], body));
                }
            }
            out
        }
        Codec::Av1 => {
            // Each unit of the stream as one element, without its size, cut where it is long.
            let (mut out, mut rest) = (Vec::<Vec<u8>>::new(), frame);
            while let [header, after @ ..] = rest {
                let mut length = 0;
                let mut bytes = 0;
                for byte in after {
                    length |= usize::from(byte & 0x7F) << (7 * bytes);
                    bytes += 1;
                    if byte & 0x80 == 0 {
                        break;
                    }
                }
                let body = &after[bytes..bytes + length];
                rest = &after[bytes + length..];
                if header >> 3 & 0x0F == 2 {
                    continue;
                }
                let unit = join(vec![header & !0x02], body);
                let parts = chunks(&unit);
                let last = parts.len() - 1;
                for (n, part) in parts.iter().enumerate() {
                    let continues = if n == 0 { 0 } else { 0x80 };
                    let goes_on = if n == last { 0 } else { 0x40 };
                    out.push(join(vec![continues | goes_on | 0x10], part));
                }
            }
            out
        }
    }
}
