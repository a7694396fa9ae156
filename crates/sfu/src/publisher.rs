//! The sending side of a person: a full WebRTC engine, for there are few of them and they bring
//! everything that the protocol has (simulcast, repair, reports, every codec).

use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use forwarding::{Codec, DependencyReader, Format, FrameMark, TrackKind};
use str0m::media::{KeyframeRequestKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, Ssrc};
use str0m::stats::MediaIngressStats;
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc};

use crate::exchange::RemoteTrack;
use crate::formats::Descriptor;
use crate::negotiate::{LAYERS_MAX, Section};
use crate::peer::{Failure, Parcel};
use crate::quality::Measured;
use crate::tunnels::OWN_END;
use crate::types::Source;

/// Outputs of one engine in one turn. An engine that gives more has lost its way.
const OUTPUTS_MAX: usize = 20_000;

/// Streams of a publisher that are remembered. Three layers and a voice, each begun anew a few
/// times.
const STREAMS_MAX: usize = 24;

/// The sending side of a person.
pub(crate) struct Publisher {
    pub(crate) rtc: Rtc,
    pub(crate) source: Source,
    pub(crate) sections: Vec<Section>,
    pub(crate) payload_types: Vec<(Pt, Format, Codec)>,
    pub(crate) streams: Vec<Stream>,
    /// Names of layers in the order of their numbers: those of the offer first.
    pub(crate) layers: Vec<Rid>,
    /// Readers of the dependency descriptors of streams that have them.
    pub(crate) dependencies: Vec<(Ssrc, DependencyReader)>,
    /// What it sends now: sound and picture.
    pub(crate) tracks: [Option<SentTrack>; 2],
    /// How its streams arrive.
    pub(crate) line: Line,
}

/// How the streams of a publisher arrive, as its engine last said.
#[derive(Debug, Default)]
pub(crate) struct Line {
    streams: Vec<Arriving>,
}

#[derive(Debug, Clone, Copy)]
struct Arriving {
    stream: (Mid, Option<Rid>),
    packets: u64,
    nacks: u64,
    /// When it was last seen to go on.
    at: Instant,
    loss: f64,
    jitter: Duration,
    round_trip: Option<Duration>,
}

/// What a stream said for so long is still true of it: two looks and a bit.
const LINE_KEPT: Duration = Duration::from_secs(5);

impl Line {
    /// Takes up what the engine says of a stream, and returns how often it has asked for packets
    /// again since the last time.
    pub(crate) fn note(&mut self, now: Instant, is_audio: bool, stats: &MediaIngressStats) -> u64 {
        let stream = (stats.mid, stats.rid);
        let before = self.streams.iter().position(|known| known.stream == stream);
        let (packets, nacks) =
            before.map_or((0, 0), |at| (self.streams[at].packets, self.streams[at].nacks));
        let asked = stats.nacks.saturating_sub(nacks);
        let clock_hz = if is_audio { AUDIO_CLOCK_HZ } else { PICTURE_CLOCK_HZ };
        if stats.packets != packets {
            let arriving = Arriving {
                stream,
                packets: stats.packets,
                nacks: stats.nacks,
                at: now,
                loss: f64::from(stats.loss.unwrap_or_default()),
                jitter: Duration::from_secs_f64(f64::from(stats.jitter) / clock_hz),
                round_trip: stats.rtt,
            };
            match before {
                Some(at) => self.streams[at] = arriving,
                None if self.streams.len() < STREAMS_MAX => self.streams.push(arriving),
                None => {}
            }
        }
        asked
    }

    /// The worst of what arrives now; `None` when nothing does.
    pub(crate) fn measured(&self, now: Instant) -> Option<Measured> {
        let mut worst: Option<Measured> = None;
        let fresh = |arriving: &&Arriving| now.saturating_duration_since(arriving.at) <= LINE_KEPT;
        for arriving in self.streams.iter().filter(fresh) {
            let worst = worst.get_or_insert_default();
            worst.loss = worst.loss.max(arriving.loss);
            worst.jitter = worst.jitter.max(arriving.jitter);
            worst.round_trip = worst.round_trip.max(arriving.round_trip.unwrap_or_default());
        }
        worst
    }
}

/// Units of RTP time a second: of Opus (RFC 7587), and of every picture codec here.
const AUDIO_CLOCK_HZ: f64 = 48_000.0;
const PICTURE_CLOCK_HZ: f64 = 90_000.0;

/// One stream of a publisher, found out with its first packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    ssrc: Ssrc,
    pub(crate) kind: TrackKind,
    pub(crate) layer: u8,
}

/// A track that is being sent.
#[derive(Debug, Clone)]
pub(crate) struct SentTrack {
    /// The track as the other workers know it.
    pub(crate) track: Arc<RemoteTrack>,
    pub(crate) since: Instant,
    pub(crate) last_packet: Instant,
}

impl Publisher {
    /// Hands a datagram to the engine. `Ok(false)` when it made no sense.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) -> Result<bool, Failure> {
        let taken = self.guarded(|rtc| {
            let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) else {
                return Ok(false);
            };
            let input = Input::Receive(now, receive);
            if !rtc.accepts(&input) {
                return Ok(false);
            }
            rtc.handle_input(input).map(|()| true)
        })?;
        taken.map_err(|error| Failure::Engine(error.to_string()))
    }

    /// Moves the engine's time to `now`.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<(), Failure> {
        self.guarded(|rtc| rtc.handle_input(Input::Timeout(now)))?
            .map_err(|error| Failure::Engine(error.to_string()))
    }

    /// Takes everything out of the engine: datagrams into `outbox`, events into `events`. Returns
    /// when it wants to be called again.
    pub(crate) fn drain(
        &mut self,
        outbox: &mut Vec<Parcel>,
        local: Option<IpAddr>,
        events: &mut Vec<Event>,
    ) -> Result<Instant, Failure> {
        self.guarded(|rtc| {
            for _ in 0..OUTPUTS_MAX {
                match rtc.poll_output() {
                    Ok(Output::Transmit(transmit)) => outbox.push(Parcel {
                        to: transmit.destination,
                        local,
                        bytes: transmit.contents.into(),
                    }),
                    Ok(Output::Event(event)) => events.push(event),
                    Ok(Output::Timeout(at)) if rtc.is_alive() => return Ok(at),
                    Ok(Output::Timeout(_)) => return Err(Failure::Closed),
                    Err(error) => return Err(Failure::Engine(error.to_string())),
                }
            }
            Err(Failure::Engine("it gives output without end".to_owned()))
        })?
    }

    /// Says goodbye, so that the other side need not find out by itself.
    pub(crate) fn close(&mut self, outbox: &mut Vec<Parcel>, local: Option<IpAddr>) {
        let mut events = Vec::new();
        if self.guarded(Rtc::close).is_ok_and(|closed| closed.is_ok()) {
            // An error now says only that the engine is done.
            let _ = self.drain(outbox, local, &mut events);
        }
    }

    /// Restarts ICE towards the given credentials and returns the candidates of the answer. Pairs
    /// of the old credentials are dropped, so that the next check decides where to send.
    pub(crate) fn restart_ice(
        &mut self,
        local: IceCreds,
        remote: IceCreds,
        candidates: &[Candidate],
    ) -> Result<Vec<Candidate>, Failure> {
        self.guarded(|rtc| {
            let mut direct = rtc.direct_api();
            direct.set_local_ice_credentials(local);
            direct.set_remote_ice_credentials(remote);
            let own_end = Candidate::host(OWN_END, "udp").ok();
            for candidate in candidates.iter().chain(&own_end) {
                direct.invalidate_candidate(candidate);
            }
            // The end of the tunnels is ours alone, and not told.
            if let Some(own_end) = own_end {
                rtc.add_local_candidate(own_end);
            }
            candidates
                .iter()
                .filter_map(|candidate| rtc.add_local_candidate(candidate.clone()).cloned())
                .collect()
        })
    }

    /// Asks for a key frame of one layer.
    pub(crate) fn request_key_frame(&mut self, kind: TrackKind, layer: u8) -> Result<(), Failure> {
        // The newest stream of the layer is the one that is still sent.
        let stream = self.streams.iter().rev().find(|s| s.kind == kind && s.layer == layer);
        let Some(ssrc) = stream.map(|stream| stream.ssrc) else { return Ok(()) };
        self.guarded(|rtc| {
            if let Some(stream) = rtc.direct_api().stream_rx(&ssrc) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        })
    }

    /// Finds out to which track and layer a stream belongs, and in which format its packet is.
    pub(crate) fn identify(
        &mut self,
        ssrc: Ssrc,
        payload_type: Pt,
    ) -> Option<(Stream, Format, Codec)> {
        let (_, format, codec) =
            *self.payload_types.iter().find(|(number, ..)| *number == payload_type)?;
        if let Some(stream) = self.streams.iter().find(|stream| stream.ssrc == ssrc) {
            return Some((*stream, format, codec));
        }
        let rtc = &mut self.rtc;
        let (mid, rid) = catch_unwind(AssertUnwindSafe(|| {
            rtc.direct_api().stream_rx(&ssrc).map(|stream| (stream.mid(), stream.rid()))
        }))
        .ok()
        .flatten()?;
        let section = self.sections.iter().find(|section| section.mid == mid)?;
        let kind = match (self.source, section.kind.is_audio()) {
            (Source::Camera, true) => TrackKind::Microphone,
            (Source::Camera, false) => TrackKind::Camera,
            (Source::Screen, true) => TrackKind::ScreenSound,
            (Source::Screen, false) => TrackKind::Screen,
        };
        let layer = match rid {
            None => 0,
            Some(rid) => match self.layers.iter().position(|known| *known == rid) {
                Some(place) => place,
                None if self.layers.len() < LAYERS_MAX => {
                    self.layers.push(rid);
                    self.layers.len() - 1
                }
                None => return None,
            },
        };
        if self.streams.len() >= STREAMS_MAX {
            self.streams.remove(0);
        }
        let stream = Stream { ssrc, kind, layer: u8::try_from(layer).ok()? };
        self.streams.push(stream);
        Some((stream, format, codec))
    }

    /// What the dependency descriptor of a packet says, if there is one.
    pub(crate) fn mark(&mut self, ssrc: Ssrc, values: &ExtensionValues) -> Option<FrameMark> {
        let Descriptor(bytes) = values.user_values.get::<Descriptor>()?;
        let place = self.dependencies.iter().position(|(known, _)| *known == ssrc);
        let place = place.unwrap_or_else(|| {
            if self.dependencies.len() >= STREAMS_MAX {
                self.dependencies.remove(0);
            }
            self.dependencies.push((ssrc, DependencyReader::default()));
            self.dependencies.len() - 1
        });
        self.dependencies[place].1.read(bytes)
    }

    /// How many layers were declared for a track.
    pub(crate) fn layers(&self, kind: TrackKind) -> u8 {
        let declared = if kind.is_audio() { 1 } else { self.layers.len().clamp(1, LAYERS_MAX) };
        u8::try_from(declared).unwrap_or(1)
    }

    fn guarded<T>(&mut self, call: impl FnOnce(&mut Rtc) -> T) -> Result<T, Failure> {
        let rtc = &mut self.rtc;
        // After a panic the peer is ended and its engine never called again.
        catch_unwind(AssertUnwindSafe(|| call(rtc))).map_err(|_| Failure::Panic)
    }
}
