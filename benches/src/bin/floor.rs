//! The floor: what one media packet costs at the least on this machine, when a loop does nothing
//! but encrypt it for each viewer and hand it to the system. Whatever a media server needs above
//! that is its own doing.
//!
//! One thread sends frames to many viewers, another takes the datagrams up, so that nothing is
//! dropped early. The processor time of the sending thread alone is counted, user and system.

use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use clap::Parser;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use nix::sys::time::TimeValLike;
use quinn_udp::{Transmit, UdpSocketState};

/// Bytes of header and tag in each packet.
const HEADER_BYTES: usize = 20;
const TAG_BYTES: usize = 16;

/// Bytes of a voice's packet, all in all, as `plenary load` sends it.
const VOICE_BYTES: u16 = 116;

/// 50 packets of a voice go with some 150 of the picture (1.5 Mbit/s).
const PICTURE_PACKETS_FOR_A_VOICE: usize = 3;

/// Packets of as many viewers are handed over at once, when each has one.
const SINGLE_BATCH: usize = 96;

/// Sockets among which the viewers are spread; the system's cost does not depend on their number
/// beyond a few.
const SOCKETS: usize = 32;

#[derive(Debug, Parser)]
#[command(about = "What a delivered packet costs at the least on this machine")]
struct Arguments {
    /// Viewers that each frame is sent to.
    #[arg(long, default_value_t = 500)]
    viewers: usize,
    /// Packets of a frame.
    #[arg(long, default_value_t = 6)]
    burst: usize,
    /// Bytes of a packet, all in all.
    #[arg(long, default_value_t = 1_200)]
    bytes: usize,
    /// Seconds for each way.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How packets are handed to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One system call for each packet.
    Single,
    /// One system call for many packets.
    Many,
    /// One system call for the packets of one frame to one viewer (UDP GSO).
    Segmented,
    /// One system call for the frames of many viewers, each segmented.
    ManySegmented,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let receiver = Receiver::start()?;
    let mut results = Vec::new();
    for (cipher, name) in [(&AES_128_GCM, "AES-128-GCM"), (&AES_256_GCM, "AES-256-GCM")] {
        for (way, burst, voices) in [
            (Way::Single, arguments.burst, false),
            (Way::Many, arguments.burst, false),
            (Way::Segmented, arguments.burst, false),
            (Way::ManySegmented, arguments.burst, false),
            (Way::ManySegmented, arguments.burst, true),
            // A frame that comes packet by packet leaves so; there is nothing to segment.
            (Way::Single, 1, false),
            (Way::Many, 1, false),
            (Way::Many, 1, true),
        ] {
            let load = Load { cipher, way, burst, voices };
            let us = measure(&arguments, &receiver.addresses, load)?;
            results.push((name, way, burst, voices, us));
        }
    }
    receiver.stop.store(true, Ordering::Relaxed);
    if arguments.json {
        let rows: Vec<_> = results
            .iter()
            .map(|(cipher, way, burst, voices, us)| {
                let way = format!("{way:?}");
                serde_json::json!({
                    "cipher": cipher, "way": way, "burst": burst, "voices": voices,
                    "us_per_packet": us,
                })
            })
            .collect();
        write(&serde_json::to_string_pretty(&rows)?);
    } else {
        for (cipher, way, burst, voices, us) in results {
            let way = format!("{way:?}");
            let voices = if voices { "with voices" } else { "" };
            write(&format!(
                "{cipher:<12} {way:<14} frames of {burst:<3} {voices:<12} {us:>6.2} µs a packet"
            ));
        }
    }
    Ok(())
}

fn write(line: &str) {
    use std::io::Write;
    // A closed pipe ends the output; there is nobody left to tell.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Takes up what is sent, on a thread of its own.
struct Receiver {
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
}

impl Receiver {
    fn start() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let sockets: Vec<UdpSocket> = (0..SOCKETS)
            .map(|_| {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            })
            .collect::<std::io::Result<_>>()?;
        let addresses = sockets.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;
        let flag = Arc::clone(&stop);
        let taken = AtomicU64::new(0);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while !flag.load(Ordering::Relaxed) {
                let mut idle = true;
                for socket in &sockets {
                    for _ in 0..64 {
                        if socket.recv(&mut buffer).is_err() {
                            break;
                        }
                        idle = false;
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                }
                if idle {
                    std::thread::sleep(Duration::from_micros(100));
                }
            }
        });
        Ok(Self { addresses, stop })
    }
}

/// Processor time of this thread so far, in microseconds.
fn thread_us() -> Result<i64> {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).context("the thread's usage")?;
    Ok(usage.user_time().num_microseconds() + usage.system_time().num_microseconds())
}

/// What is sent, and how.
struct Load {
    cipher: &'static Algorithm,
    way: Way,
    /// Packets of a frame.
    burst: usize,
    /// Voices go with the picture, each packet by itself.
    voices: bool,
}

/// Microseconds of processor time for each packet.
fn measure(arguments: &Arguments, addresses: &[SocketAddr], load: Load) -> Result<f64> {
    let Load { cipher, way, burst, voices } = load;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let state = UdpSocketState::new((&socket).into())?;
    state.set_send_buffer_size((&socket).into(), 4 << 20)?;
    let keys: Vec<LessSafeKey> = (0..arguments.viewers)
        .map(|n| {
            let material = vec![u8::try_from(n % 251).unwrap_or_default(); cipher.key_len()];
            UnboundKey::new(cipher, &material).map(LessSafeKey::new)
        })
        .collect::<Result<_, _>>()
        .map_err(|_| anyhow::anyhow!("a key was refused"))?;
    let payload = vec![7_u8; arguments.bytes - HEADER_BYTES - TAG_BYTES];
    let voice = vec![7_u8; usize::from(VOICE_BYTES) - HEADER_BYTES - TAG_BYTES];
    let segment = u16::try_from(arguments.bytes).context("packets of at most 65,535 bytes")?;

    let frame_bytes = arguments.bytes * burst;
    // Frames of one packet are gathered over the viewers, else over the packets of one.
    let batch = match way {
        Way::ManySegmented => 16,
        Way::Many if burst == 1 => SINGLE_BATCH,
        _ => 1,
    };
    let mut buffer: Vec<u8> = Vec::with_capacity(frame_bytes * batch);
    let mut sequence = 0_u64;
    let mut packets = 0_u64;
    let mut voices_due = 0;
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let before = thread_us()?;
    while Instant::now() < end {
        sequence += burst as u64;
        for (group, viewers) in keys.chunks(batch).enumerate() {
            buffer.clear();
            for key in viewers {
                for n in 0..burst {
                    encrypt(key, sequence + n as u64, &payload, &mut buffer)?;
                }
            }
            let first = group * batch;
            hand_over(&socket, &state, way, &buffer, first, segment, frame_bytes, addresses)?;
            packets += (viewers.len() * burst) as u64;
        }
        voices_due += if voices { burst } else { 0 };
        while voices_due >= PICTURE_PACKETS_FOR_A_VOICE {
            voices_due -= PICTURE_PACKETS_FOR_A_VOICE;
            sequence += 1;
            for (group, viewers) in keys.chunks(SINGLE_BATCH).enumerate() {
                buffer.clear();
                for key in viewers {
                    encrypt(key, sequence, &voice, &mut buffer)?;
                }
                let (first, whole) = (group * SINGLE_BATCH, usize::from(VOICE_BYTES));
                let way = Way::Many;
                hand_over(&socket, &state, way, &buffer, first, VOICE_BYTES, whole, addresses)?;
                packets += viewers.len() as u64;
            }
        }
    }
    let used = thread_us()? - before;
    #[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
    Ok(used as f64 / packets as f64)
}

fn encrypt(key: &LessSafeKey, sequence: u64, payload: &[u8], buffer: &mut Vec<u8>) -> Result<()> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    buffer.extend_from_slice(&sequence.to_be_bytes());
    buffer.extend_from_slice(payload);
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    let (header, body) = buffer[start..].split_at_mut(HEADER_BYTES);
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&*header), body)
        .map_err(|_| anyhow::anyhow!("a packet was not encrypted"))?;
    buffer.extend_from_slice(tag.as_ref());
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "one call site, in the loop that is measured")]
fn hand_over(
    socket: &UdpSocket,
    state: &UdpSocketState,
    way: Way,
    buffer: &[u8],
    first_viewer: usize,
    segment: u16,
    frame_bytes: usize,
    addresses: &[SocketAddr],
) -> Result<()> {
    let address = |viewer: usize| addresses[viewer % addresses.len()];
    match way {
        Way::Single => {
            for packet in buffer.chunks(usize::from(segment)) {
                // A full buffer drops the packet, as it would in a server.
                let _ = socket.send_to(packet, address(first_viewer));
            }
        }
        Way::Segmented => {
            let transmit = Transmit {
                destination: address(first_viewer),
                ecn: None,
                contents: buffer,
                segment_size: Some(usize::from(segment)),
                src_ip: None,
            };
            let _ = state.try_send(socket.into(), &transmit);
        }
        Way::Many | Way::ManySegmented => {
            let length = if way == Way::Many { usize::from(segment) } else { frame_bytes };
            let chunks: Vec<_> = buffer.chunks(length).map(|chunk| [IoSlice::new(chunk)]).collect();
            let targets: Vec<_> = (0..chunks.len())
                .map(|n| {
                    let packets_each = frame_bytes / length;
                    let viewer = first_viewer + n / packets_each;
                    Some(SockaddrStorage::from(address(viewer)))
                })
                .collect();
            let control = [ControlMessage::UdpGsoSegments(&segment)];
            let (control, space) = if way == Way::Many {
                (&control[..0], None)
            } else {
                (&control[..], Some(nix::cmsg_space!(u16)))
            };
            let mut headers = MultiHeaders::preallocate(chunks.len(), space);
            let _ = sendmmsg(
                socket.as_raw_fd(),
                &mut headers,
                &chunks,
                &targets,
                control,
                MsgFlags::empty(),
            );
        }
    }
    Ok(())
}
