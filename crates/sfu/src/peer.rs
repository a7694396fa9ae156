//! One peer: the WebRTC engine of one session and what the worker knows about it. Every call into
//! the engine is guarded, for it is fed by strangers: a panic is an error of this peer alone.

use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use base::{EventId, PersonId};
use forwarding::{Class, Codec, Demand, Format, Owner, ReceiverId, SlotKind, TrackId, TrackKind};
use str0m::bwe::Bitrate;
use str0m::media::{KeyframeRequestKind, Mid, Pt, Rid};
use str0m::net::{DatagramSend, Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc};

use crate::negotiate::{
    LAYERS_MAX, Negotiated, ReceivingSide, Section, credentials, empty_repairs,
};
use crate::rooms::class_in_core;
use crate::types::{Kind, SessionId, Source};

/// Outputs of one peer in one turn. A frame for each slot with all its repair has some hundreds;
/// an engine that gives more has lost its way.
const OUTPUTS_MAX: usize = 20_000;

/// Streams of a publisher that are remembered. Three layers and a voice, each begun anew a few
/// times.
const STREAMS_MAX: usize = 24;

/// A peer on its way from the negotiation to the worker.
pub(crate) struct Newcomer {
    pub(crate) event: EventId,
    pub(crate) person: PersonId,
    pub(crate) kind: Kind,
    pub(crate) session: SessionId,
    pub(crate) negotiated: Negotiated,
}

/// A datagram on its way out.
pub(crate) struct Parcel {
    pub(crate) to: SocketAddr,
    pub(crate) local: Option<IpAddr>,
    pub(crate) bytes: DatagramSend,
}

/// Why a peer cannot go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine gave an error.
    Engine(String),
    /// The engine panicked.
    Panic,
    /// The other side closed, or ours is closed and drained.
    Closed,
}

/// One peer of a worker.
pub(crate) struct Peer {
    rtc: Rtc,
    /// The place of its event in the worker's table.
    pub(crate) room: usize,
    pub(crate) person: PersonId,
    pub(crate) owner: Owner,
    pub(crate) session: SessionId,
    pub(crate) kind: Kind,
    pub(crate) side: Side,
    pub(crate) local: IceCreds,
    remote_ufrag: String,
    first_mid: Mid,
    pub(crate) connected: bool,
    pub(crate) since: Instant,
    /// When it last sent something that was its own.
    pub(crate) last_heard: Instant,
    /// When the engine wants to be called again.
    pub(crate) deadline: Instant,
    /// The time for which the worker's list of timers holds an entry.
    pub(crate) scheduled: Option<Instant>,
    /// Our address that it sends to.
    local_ip: Option<IpAddr>,
    /// Something was written since the engine was last drained.
    pub(crate) dirty: bool,
}

/// What a session is for, with what belongs to that.
pub(crate) enum Side {
    Publisher(Publisher),
    Receiver(Box<Receiver>),
}

/// The sending side of a person.
pub(crate) struct Publisher {
    source: Source,
    sections: Vec<Section>,
    payload_types: Vec<(Pt, Format, Codec)>,
    streams: Vec<Stream>,
    /// Names of layers in the order of their numbers: those of the offer first.
    layers: Vec<Rid>,
    /// What it sends now: sound and picture.
    pub(crate) tracks: [Option<SentTrack>; 2],
}

/// One stream of a publisher, found out with its first packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    ssrc: Ssrc,
    pub(crate) kind: TrackKind,
    pub(crate) layer: u8,
}

/// A track that is being sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentTrack {
    pub(crate) id: TrackId,
    pub(crate) kind: TrackKind,
    pub(crate) format: Format,
    pub(crate) last_packet: Instant,
}

/// The receiving side of a person.
pub(crate) struct Receiver {
    /// Its number in the core, from when it is connected.
    pub(crate) id: Option<ReceiverId>,
    pub(crate) class: Class,
    pub(crate) side: ReceivingSide,
    /// What the engine last said about the bandwidth, in bits a second.
    pub(crate) estimate_bps: Option<u64>,
    /// When the first picture was sent: estimates from before say nothing.
    pub(crate) picture_since: Option<Instant>,
    /// What the engine was last told to look for.
    pub(crate) demand: Demand,
}

impl Peer {
    /// Takes over a newcomer.
    pub(crate) fn new(newcomer: Newcomer, now: Instant, room: usize, owner: Owner) -> Self {
        let Newcomer { person, kind, session, negotiated, .. } = newcomer;
        let Negotiated {
            rtc,
            local,
            remote_ufrag,
            first_mid,
            payload_types,
            sections,
            layers,
            receiving,
            ..
        } = negotiated;
        let side = match (receiving, kind) {
            (Some(side), Kind::Receiving(class)) => Side::Receiver(Box::new(Receiver {
                id: None,
                class: class_in_core(class),
                side,
                estimate_bps: None,
                picture_since: None,
                demand: Demand::default(),
            })),
            (_, kind) => Side::Publisher(Publisher {
                source: if kind == Kind::Publishing(Source::Screen) {
                    Source::Screen
                } else {
                    Source::Camera
                },
                sections,
                payload_types,
                streams: Vec::new(),
                layers,
                tracks: [None; 2],
            }),
        };
        Self {
            rtc,
            room,
            person,
            owner,
            session,
            kind,
            side,
            local,
            remote_ufrag,
            first_mid,
            connected: false,
            since: now,
            last_heard: now,
            deadline: now,
            scheduled: None,
            local_ip: None,
            dirty: false,
        }
    }

    /// Whether a check that names this peer is authentic, that is, made with its password.
    pub(crate) fn accepts(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) -> bool {
        self.guarded(|rtc| {
            Receive::new(Protocol::Udp, source, destination, bytes)
                .is_ok_and(|receive| rtc.accepts(&Input::Receive(now, receive)))
        })
        .unwrap_or(false)
    }

    /// Hands a datagram to the engine. `Ok(false)` when it made no sense.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        (destination, local): (SocketAddr, Option<IpAddr>),
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
        match taken {
            Ok(true) => {
                self.last_heard = now;
                self.local_ip = local;
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => Err(Failure::Engine(error.to_string())),
        }
    }

    /// Moves the engine's time to `now`.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<(), Failure> {
        self.guarded(|rtc| rtc.handle_input(Input::Timeout(now)))?
            .map_err(|error| Failure::Engine(error.to_string()))
    }

    /// Takes everything out of the engine: datagrams into `outbox`, events into `events`.
    pub(crate) fn drain(
        &mut self,
        outbox: &mut Vec<Parcel>,
        events: &mut Vec<Event>,
    ) -> Result<(), Failure> {
        let local = self.local_ip;
        let deadline = self.guarded(|rtc| {
            for _ in 0..OUTPUTS_MAX {
                match rtc.poll_output() {
                    Ok(Output::Transmit(transmit)) => outbox.push(Parcel {
                        to: transmit.destination,
                        local,
                        bytes: transmit.contents,
                    }),
                    Ok(Output::Event(event)) => events.push(event),
                    Ok(Output::Timeout(at)) if rtc.is_alive() => return Ok(at),
                    Ok(Output::Timeout(_)) => return Err(Failure::Closed),
                    Err(error) => return Err(Failure::Engine(error.to_string())),
                }
            }
            Err(Failure::Engine("it gives output without end".to_owned()))
        })??;
        self.deadline = deadline;
        self.dirty = false;
        Ok(())
    }

    /// Says goodbye, so that the other side need not find out by itself.
    pub(crate) fn close(&mut self, outbox: &mut Vec<Parcel>) {
        let mut events = Vec::new();
        if self.guarded(Rtc::close).is_ok_and(|closed| closed.is_ok()) {
            // An error now says only that the engine is done.
            let _ = self.drain(outbox, &mut events);
        }
    }

    /// Drops the engine where a panic in it is caught.
    pub(crate) fn discard(self) {
        let _ = catch_unwind(AssertUnwindSafe(move || drop(self)));
    }

    /// Restarts ICE towards the given credentials and returns the answer and our new user name.
    /// Pairs of the old credentials are dropped, so that the next check decides where to send.
    pub(crate) fn restart_ice(
        &mut self,
        remote: IceCreds,
        candidates: &[Candidate],
    ) -> Result<Option<String>, Failure> {
        if remote.ufrag == self.remote_ufrag {
            return Ok(None);
        }
        let fresh = credentials();
        let local = fresh.clone();
        self.remote_ufrag.clone_from(&remote.ufrag);
        let answered: Vec<Candidate> = self.guarded(|rtc| {
            let mut direct = rtc.direct_api();
            direct.set_local_ice_credentials(local);
            direct.set_remote_ice_credentials(remote);
            for candidate in candidates {
                direct.invalidate_candidate(candidate);
            }
            candidates
                .iter()
                .filter_map(|candidate| rtc.add_local_candidate(candidate.clone()).cloned())
                .collect()
        })?;
        self.local = fresh;
        self.dirty = true;
        Ok(Some(crate::fragment::answer(&self.local, &answered, &self.first_mid.to_string())))
    }

    /// Writes one packet into a slot. `false` when the peer does not have it.
    pub(crate) fn write(&mut self, slot: SlotKind, packet: RtpWrite) -> Result<bool, Failure> {
        let Side::Receiver(receiver) = &self.side else { return Ok(false) };
        let Some((_, ssrc)) = receiver.side.slots[slot.index()] else { return Ok(false) };
        let written = self.guarded(|rtc| match rtc.direct_api().stream_tx(&ssrc) {
            Some(stream) => {
                stream.write_rtp(packet);
                true
            }
            None => false,
        })?;
        Ok(written)
    }

    /// Forgets what was sent in a slot, so that it is never sent again.
    pub(crate) fn forget(&mut self, slot: SlotKind) -> Result<(), Failure> {
        let Side::Receiver(receiver) = &self.side else { return Ok(()) };
        let Some((_, ssrc)) = receiver.side.slots[slot.index()] else { return Ok(()) };
        self.guarded(|rtc| {
            if let Some(stream) = rtc.direct_api().stream_tx(&ssrc) {
                empty_repairs(stream, slot);
            }
        })
    }

    /// Asks a publisher for a key frame of one layer.
    pub(crate) fn request_key_frame(&mut self, kind: TrackKind, layer: u8) -> Result<(), Failure> {
        let Side::Publisher(publisher) = &self.side else { return Ok(()) };
        // The newest stream of the layer is the one that is still sent.
        let stream = publisher.streams.iter().rev().find(|s| s.kind == kind && s.layer == layer);
        let Some(ssrc) = stream.map(|stream| stream.ssrc) else { return Ok(()) };
        self.guarded(|rtc| {
            if let Some(stream) = rtc.direct_api().stream_rx(&ssrc) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        })
    }

    /// Tells the engine what bandwidth to look for: it fills up to the next step with repetitions,
    /// as far as the line seems to carry them, and probes towards the wish.
    pub(crate) fn aim_for(&mut self, demand: Demand) -> Result<(), Failure> {
        let Demand { next_bps, wish_bps } = demand;
        self.guarded(|rtc| {
            rtc.bwe().set_bitrate(Bitrate::from(next_bps), Bitrate::from(wish_bps));
        })
    }

    /// Finds out to which track and layer a stream belongs, and in which format its packet is.
    pub(crate) fn identify(
        &mut self,
        ssrc: Ssrc,
        payload_type: Pt,
    ) -> Option<(Stream, Format, Codec)> {
        let Side::Publisher(publisher) = &mut self.side else { return None };
        let (_, format, codec) =
            *publisher.payload_types.iter().find(|(number, ..)| *number == payload_type)?;
        if let Some(stream) = publisher.streams.iter().find(|stream| stream.ssrc == ssrc) {
            return Some((*stream, format, codec));
        }
        let rtc = &mut self.rtc;
        let (mid, rid) = catch_unwind(AssertUnwindSafe(|| {
            rtc.direct_api().stream_rx(&ssrc).map(|stream| (stream.mid(), stream.rid()))
        }))
        .ok()
        .flatten()?;
        let section = publisher.sections.iter().find(|section| section.mid == mid)?;
        let kind = match (publisher.source, section.kind.is_audio()) {
            (Source::Camera, true) => TrackKind::Microphone,
            (Source::Camera, false) => TrackKind::Camera,
            (Source::Screen, true) => TrackKind::ScreenSound,
            (Source::Screen, false) => TrackKind::Screen,
        };
        let layer = match rid {
            None => 0,
            Some(rid) => match publisher.layers.iter().position(|known| *known == rid) {
                Some(place) => place,
                None if publisher.layers.len() < LAYERS_MAX => {
                    publisher.layers.push(rid);
                    publisher.layers.len() - 1
                }
                None => return None,
            },
        };
        if publisher.streams.len() >= STREAMS_MAX {
            publisher.streams.remove(0);
        }
        let stream = Stream { ssrc, kind, layer: u8::try_from(layer).ok()? };
        publisher.streams.push(stream);
        Some((stream, format, codec))
    }

    /// How many layers a publisher has declared for a track.
    pub(crate) fn layers(&self, kind: TrackKind) -> u8 {
        match &self.side {
            Side::Publisher(publisher) if !kind.is_audio() => {
                u8::try_from(publisher.layers.len().clamp(1, LAYERS_MAX)).unwrap_or(1)
            }
            _ => 1,
        }
    }

    /// The slot of a section.
    pub(crate) fn slot_of(&self, mid: Mid) -> Option<SlotKind> {
        let Side::Receiver(receiver) = &self.side else { return None };
        let place = receiver.side.slots.iter().position(|s| s.is_some_and(|(m, _)| m == mid))?;
        SlotKind::ALL.get(place).copied()
    }

    fn guarded<T>(&mut self, call: impl FnOnce(&mut Rtc) -> T) -> Result<T, Failure> {
        let rtc = &mut self.rtc;
        // After a panic the peer is ended and its engine never called again.
        catch_unwind(AssertUnwindSafe(|| call(rtc))).map_err(|_| Failure::Panic)
    }
}
