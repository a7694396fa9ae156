//! Offers in, answers out. Done in the caller's task, so that a thousand offers at once never
//! hold up the media worker; what it makes is then handed over whole.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base::limits::{FLOOR_VOICES_MAX, SDP_BYTES_MAX, THUMBNAILS_MAX};
use egress::{SLOTS_MAX, SlotConfig};
use forwarding::{Codec, Format, Formats, SLOTS, SlotKind};
use rand::Rng;
use rand::distr::Alphanumeric;
use str0m::change::SdpOffer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::from_feature_flags;
use str0m::media::{MediaKind, Mid, Pt, Rid};
use str0m::rtp::Extension;
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};

use crate::errors::{OfferError, StartError};
use crate::formats::{
    FORMATS, PICTURE_CODECS, codecs, dependency_extension, format_of, needs_descriptor,
};
use crate::quality::LOOK_EVERY;
use crate::tunnels::{OWN_END, Tunnels};

/// Sound sections of a receiver: the voices and the language channel.
const AUDIO_SECTIONS_MAX: usize = FLOOR_VOICES_MAX + 1;

/// Picture sections of a receiver: main, screen, thumbnails.
const VIDEO_SECTIONS_MAX: usize = 2 + THUMBNAILS_MAX;

/// Simulcast layers of a publisher, as the core takes them.
pub(crate) const LAYERS_MAX: usize = 4;

/// Bandwidth that a receiver is taken to have before anything is measured. Enough for the middle
/// layer of a picture; what is there beyond it is found by probing within a second.
pub(crate) const ESTIMATE_FIRST_BPS: u64 = 800_000;

/// Packets kept for repair. At 2.5 Mbit/s (260 packets a second) a receiver can ask for what was
/// lost a second and a half ago.
const REPAIR_PACKETS: usize = 400;

/// The same for thumbnails, which have a tenth of the packets.
const REPAIR_PACKETS_SMALL: usize = 64;

/// Our number for the dependency descriptor; the publisher's own takes its place.
const DEPENDENCY_EXTENSION: u8 = 12;

/// The name of our clock in sender reports.
const CNAME: &str = "plenary";

/// Seconds from 1900, where NTP time begins, to 1970.
const NTP_OFFSET_SECS: u64 = 2_208_988_800;

/// What all negotiations share.
pub(crate) struct Negotiator {
    candidates: Vec<Candidate>,
    tunnels: Tunnels,
    crypto: Arc<CryptoProvider>,
    /// One certificate for the life of the process: making one takes longer than all the rest of
    /// a negotiation.
    certificate: DtlsCert,
    /// Settings of DTLS for viewers. ICE has shown that a browser is where it says, so no cookie
    /// is asked for.
    dtls: Arc<dimpl::Config>,
    /// A moment and its NTP time, from which all sender reports count.
    ntp_epoch: (Instant, u64),
}

impl std::fmt::Debug for Negotiator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Negotiator").finish_non_exhaustive()
    }
}

/// A peer that has been answered and waits to be taken over by a worker.
pub(crate) struct Negotiated {
    pub(crate) engine: Engine,
    pub(crate) sdp: String,
    pub(crate) local: IceCreds,
    pub(crate) remote_ufrag: String,
    pub(crate) first_mid: Mid,
}

/// What carries the media of a peer.
pub(crate) enum Engine {
    /// A whole WebRTC engine, for who sends.
    Publishing {
        rtc: Box<Rtc>,
        sections: Vec<Section>,
        /// The formats by payload type, for packets that come in.
        payload_types: Vec<(Pt, Format, Codec)>,
        /// Simulcast layers by name, in the order of the offer.
        layers: Vec<Rid>,
    },
    /// A lean peer, for who receives only.
    Viewing { config: Box<egress::PeerConfig>, side: ReceivingSide },
}

/// One media section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
}

/// What a receiver has negotiated.
#[derive(Debug, Clone)]
pub(crate) struct ReceivingSide {
    /// The slots it has.
    pub(crate) slots: [bool; SLOTS],
    pub(crate) formats: Formats,
    /// The payload type for each format, and that of its repair.
    pub(crate) payload_types: [Option<(u8, Option<u8>)>; FORMATS],
    /// The payload type of redundant voice, if the peer takes it.
    pub(crate) redundant: Option<u8>,
    /// Whether the peer reports what arrives, so that its bandwidth can be estimated.
    pub(crate) reports_arrival: bool,
}

/// What an offer says, as far as it must be known before the engine sees it.
struct Outline {
    /// The offer without its candidates, and with two-way sections turned into one-way ones.
    text: String,
    remote_ufrag: String,
    /// The picture codecs in the order of the offer.
    preference: Vec<&'static str>,
    kinds: Vec<MediaKind>,
    layers: Vec<Rid>,
    /// It asks for redundant voice, and shall get it.
    redundant: bool,
}

impl Negotiator {
    pub(crate) fn new(announce: Vec<SocketAddr>, tunnels: Tunnels) -> Result<Self, StartError> {
        if announce.is_empty() {
            return Err(StartError::NoAddress);
        }
        let candidates = announce
            .into_iter()
            .map(|address| {
                if address.ip().is_unspecified() {
                    return Err(StartError::Wildcard(address));
                }
                Candidate::host(address, "udp").map_err(|_| StartError::Wildcard(address))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let crypto = Arc::new(from_feature_flags());
        let certificate =
            crypto.dtls_provider.generate_certificate().ok_or(StartError::Certificate)?;
        let dtls = dimpl::Config::builder()
            .use_server_cookie(false)
            // What every browser has; the larger groups cost a thousand who come at once dear.
            .kx_groups(&[dimpl::NamedGroup::X25519, dimpl::NamedGroup::Secp256r1])
            .build()
            .map_err(|_| StartError::Certificate)?;
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ntp_epoch = (Instant::now(), (unix.as_secs() + NTP_OFFSET_SECS) << 32);
        Ok(Self { candidates, tunnels, crypto, certificate, dtls: Arc::new(dtls), ntp_epoch })
    }

    /// Answers somebody who wants to send.
    pub(crate) fn publishing(&self, offer: &str) -> Result<Negotiated, OfferError> {
        let outline = outline(offer, "sendonly")?;
        bounded(&outline.kinds, 1, 1, "publishing")?;
        let mut config = self.config(&outline);
        if outline.preference.first().is_some_and(|codec| needs_descriptor(codec)) {
            config = config.set_extension(DEPENDENCY_EXTENSION, dependency_extension());
        }
        self.answer(outline, config)
    }

    /// Answers somebody who wants to receive.
    pub(crate) fn receiving(&self, offer: &str) -> Result<Negotiated, OfferError> {
        let outline = outline(offer, "recvonly")?;
        bounded(&outline.kinds, AUDIO_SECTIONS_MAX, VIDEO_SECTIONS_MAX, "receiving")?;
        let config = self.config(&outline);
        let mut negotiated = self.answer(outline, config)?;
        let remote_fingerprint = fingerprint(offer)?;
        self.make_lean(&mut negotiated, remote_fingerprint);
        Ok(negotiated)
    }

    /// Puts a viewer's peer in the place of the engine that answered for it.
    fn make_lean(&self, negotiated: &mut Negotiated, remote_fingerprint: [u8; 32]) {
        let Engine::Publishing { rtc, sections, .. } = &mut negotiated.engine else { return };
        let (slots, side) = receiving_side(rtc, sections);
        let DtlsCert { certificate, private_key } = self.certificate.clone();
        let IceCreds { ufrag, pass } = negotiated.local.clone();
        let config = egress::PeerConfig {
            local: (ufrag, pass),
            remote_ufrag: negotiated.remote_ufrag.clone(),
            remote_fingerprint,
            certificate: dimpl::DtlsCertificate { certificate, private_key },
            dtls: Arc::clone(&self.dtls),
            slots,
            cname: CNAME.to_owned(),
            ntp_epoch: self.ntp_epoch,
        };
        negotiated.engine = Engine::Viewing { config: Box::new(config), side };
    }

    fn config(&self, outline: &Outline) -> RtcConfig {
        let mut config = Rtc::builder()
            .set_crypto_provider(Arc::clone(&self.crypto))
            .set_dtls_cert(self.certificate.clone())
            .set_local_ice_credentials(credentials())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_stats_interval(Some(LOOK_EVERY));
        *config.codec_config() = codecs(&outline.preference, outline.redundant);
        config
    }

    fn answer(&self, outline: Outline, config: RtcConfig) -> Result<Negotiated, OfferError> {
        let Outline { text, remote_ufrag, kinds, layers, .. } = outline;
        // The engine is fed by strangers here, and panics on some offers that contradict
        // themselves.
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            let offer = SdpOffer::from_sdp_string(&text)
                .map_err(|error| OfferError::Malformed(one_line(&error.to_string())))?;
            let mut rtc = config.build(Instant::now());
            for candidate in &self.candidates {
                rtc.add_local_candidate(candidate.clone());
            }
            let answer = rtc
                .sdp_api()
                .accept_offer(offer)
                .map_err(|error| OfferError::Unusable(one_line(&error.to_string())))?;
            if let Ok(candidate) = Candidate::host(OWN_END, "udp") {
                rtc.add_local_candidate(candidate);
            }
            Ok((rtc, self.tunnels.with_tcp(answer.to_sdp_string())))
        }));
        let (mut rtc, sdp) = attempt.unwrap_or_else(|_| {
            Err(OfferError::Unusable("its parts contradict each other".to_owned()))
        })?;
        let sections = sections(&sdp, &kinds)?;
        for (number, section) in sections.iter().enumerate() {
            let agreed = rtc.media(section.mid).is_some_and(|media| !media.remote_pts().is_empty());
            if !agreed {
                return Err(OfferError::NoCodec { section: number + 1 });
            }
        }
        let first_mid = sections
            .first()
            .map(|section| section.mid)
            .ok_or_else(|| OfferError::Unusable("it has no media section".to_owned()))?;
        let payload_types = rtc
            .codec_config()
            .params()
            .iter()
            .filter_map(|params| {
                format_of(params.spec()).map(|(format, codec)| (params.pt(), format, codec))
            })
            .collect();
        let local = rtc.direct_api().local_ice_credentials();
        let engine = Engine::Publishing { rtc: Box::new(rtc), sections, payload_types, layers };
        Ok(Negotiated { engine, sdp, local, remote_ufrag, first_mid })
    }
}

/// New ICE credentials from the system's generator: the user name routes, the password
/// authenticates (RFC 8445 section 5.3 asks for 24 and 128 random bits; these are 71 and 142).
pub(crate) fn credentials() -> IceCreds {
    let text =
        |length| rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect();
    IceCreds { ufrag: text(12), pass: text(24) }
}

/// Assigns the sections of a receiver to its slots, in order.
fn receiving_side(
    rtc: &mut Rtc,
    sections: &[Section],
) -> ([Option<SlotConfig>; SLOTS_MAX], ReceivingSide) {
    let mut slots = [None; SLOTS_MAX];
    let mut side = ReceivingSide {
        slots: [false; SLOTS],
        formats: Formats::default(),
        payload_types: [None; FORMATS],
        redundant: None,
        reports_arrival: false,
    };
    let (audio, video): (Vec<_>, Vec<_>) = SlotKind::ALL.into_iter().partition(|k| k.is_audio());
    let (mut audio, mut video) = (audio.into_iter(), video.into_iter());
    for section in sections {
        let slot = if section.kind.is_audio() { audio.next() } else { video.next() };
        let Some(slot) = slot else { continue };
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(section.mid, None) else { continue };
        let (ssrc, repair_ssrc) = (*stream.ssrc(), stream.rtx().map(|ssrc| *ssrc));
        let Some(media) = rtc.media(section.mid) else { continue };
        let transport_extension = media.remote_extmap().id_of(Extension::TransportSequenceNumber);
        let clock_hz = if slot.is_audio() { Codec::Opus } else { Codec::Vp8 }.clock_hz();
        side.slots[slot.index()] = true;
        side.reports_arrival |= transport_extension.is_some();
        slots[slot.index()] = Some(SlotConfig {
            ssrc,
            repair_ssrc,
            clock_hz,
            transport_extension,
            history_packets: match slot {
                SlotKind::Main | SlotKind::Screen => REPAIR_PACKETS,
                _ => REPAIR_PACKETS_SMALL,
            },
        });
        for params in rtc.codec_config().params() {
            if let Some((format, _)) = format_of(params.spec())
                && media.remote_pts().contains(&params.pt())
            {
                side.formats = side.formats.with(format);
                side.redundant = side.redundant.or(params.red().map(|red| *red));
                side.payload_types[usize::from(format.0)] =
                    Some((*params.pt(), params.resend().map(|resend| *resend)));
            }
        }
    }
    (slots, side)
}

/// The SHA-256 fingerprint of the certificate that an offer announces (RFC 8122).
fn fingerprint(offer: &str) -> Result<[u8; 32], OfferError> {
    let text = offer
        .lines()
        .find_map(|line| line.trim_end().strip_prefix("a=fingerprint:"))
        .and_then(|line| line.split_once(' '))
        .filter(|(algorithm, _)| algorithm.eq_ignore_ascii_case("sha-256"))
        .map(|(_, text)| text);
    let bytes: Option<Vec<u8>> = text
        .and_then(|text| text.split(':').map(|pair| u8::from_str_radix(pair, 16).ok()).collect());
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        OfferError::Unusable("it has no a=fingerprint with a SHA-256 fingerprint".to_owned())
    })
}

fn bounded(kinds: &[MediaKind], audio: usize, video: usize, doing: &str) -> Result<(), OfferError> {
    for (kind, most, name) in
        [(MediaKind::Audio, audio, "sound"), (MediaKind::Video, video, "picture")]
    {
        let count = kinds.iter().filter(|offered| **offered == kind).count();
        if count > most {
            return Err(OfferError::Unusable(format!(
                "it has {count} {name} sections; {doing} takes at most {most}"
            )));
        }
    }
    Ok(())
}

/// Reads an offer as far as needed, and checks what the engine would not, or not with a sentence.
fn outline(offer: &str, direction: &str) -> Result<Outline, OfferError> {
    if offer.len() > SDP_BYTES_MAX {
        return Err(OfferError::TooLarge { bytes: offer.len() });
    }
    if offer.lines().next().map(str::trim_end) != Some("v=0") {
        return Err(OfferError::Malformed("it does not begin with v=0".to_owned()));
    }
    let wanted = format!("a={direction}");
    let mut redundant = redundant(offer);
    let agreed = redundant_voice(offer).filter(|_| direction == "recvonly");
    redundant.retain(|number| agreed != Some(number));
    let mut outline = Outline {
        text: String::with_capacity(offer.len()),
        remote_ufrag: String::new(),
        preference: Vec::new(),
        kinds: Vec::new(),
        layers: Vec::new(),
        redundant: agreed.is_some(),
    };
    let mut payload_types: Vec<&str> = Vec::new();
    let mut maps: Vec<(&str, &str)> = Vec::new();
    for line in offer.lines().map(str::trim_end) {
        if attribute_payload_type(line).is_some_and(|number| redundant.contains(&number)) {
            continue;
        }
        if let Some(section) = line.strip_prefix("m=") {
            let mut words = section.split(' ');
            let number = outline.kinds.len() + 1;
            match words.next() {
                Some("audio") => outline.kinds.push(MediaKind::Audio),
                Some("video") => {
                    outline.kinds.push(MediaKind::Video);
                    if payload_types.is_empty() {
                        payload_types = words.skip(2).collect();
                    }
                }
                _ => {
                    return Err(OfferError::Unusable(format!(
                        "media section {number} is neither sound nor picture"
                    )));
                }
            }
        }
        // A phone that may say how it is held does not turn its picture itself; viewers are not
        // told, so it has to.
        if line.starts_with("a=extmap:") && line.ends_with("urn:3gpp:video-orientation") {
            continue;
        }
        // Candidates are not needed (see `fragment`), and browsers hide theirs behind names that
        // only the local network can resolve.
        if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
            continue;
        }
        if let Some(ufrag) = line.strip_prefix("a=ice-ufrag:") {
            outline.remote_ufrag = ufrag.to_owned();
        }
        if let Some(send) = line.strip_prefix("a=simulcast:send ") {
            // Alternatives are set apart by commas, and paused layers marked (RFC 8853).
            let names = send.split(' ').next().unwrap_or_default().split([';', ',']);
            let names = names.take(LAYERS_MAX).map(|name| name.trim_start_matches('~'));
            outline.layers = names.map(Rid::from).collect();
        }
        if let Some((payload_type, codec)) =
            line.strip_prefix("a=rtpmap:").and_then(|map| map.split_once(' '))
        {
            maps.push((payload_type, codec.split('/').next().unwrap_or_default()));
        }
        let line = match line {
            "a=sendrecv" | "a=sendonly" | "a=recvonly" | "a=inactive" => {
                if line != wanted && line != "a=sendrecv" {
                    return Err(OfferError::Unusable(format!(
                        "media section {} says {}; it must say {direction}",
                        outline.kinds.len(),
                        &line[2..],
                    )));
                }
                wanted.as_str()
            }
            "a=setup:passive" => {
                return Err(OfferError::Unusable(
                    "it says setup:passive; the server waits for the client to begin DTLS"
                        .to_owned(),
                ));
            }
            other => other,
        };
        if line.starts_with("m=") {
            // The kind, the port and the protocol stand before the payload types.
            let words = line.split(' ').enumerate();
            let kept = words.filter(|(at, word)| *at < 3 || !redundant.contains(word));
            outline.text.push_str(&kept.map(|(_, word)| word).collect::<Vec<_>>().join(" "));
        } else {
            outline.text.push_str(line);
        }
        outline.text.push_str("\r\n");
    }
    for payload_type in payload_types {
        let name = maps.iter().find(|(number, _)| *number == payload_type).map(|(_, name)| *name);
        let known = name
            .and_then(|name| PICTURE_CODECS.iter().find(|known| known.eq_ignore_ascii_case(name)));
        if let Some(known) = known
            && !outline.preference.contains(known)
        {
            outline.preference.push(known);
        }
    }
    Ok(outline)
}

/// The payload types of redundant coding (RFC 2198). Every browser offers them for sound and for
/// pictures; what is not agreed to is taken out, for the engine warns of each.
fn redundant(offer: &str) -> Vec<&str> {
    let is_red = |name: &str| name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("red/"));
    offer
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '))
        .filter(|(_, name)| is_red(name))
        .map(|(number, _)| number)
        .collect()
}

/// The payload type under which a receiver takes its voices with redundancy: the same in all sound
/// sections, there made of Opus alone, and nowhere else.
///
/// A publisher is not asked for it. Browsers send it all the time or never, whatever the line, at
/// twice the rate; a single lost packet Opus makes good itself (in-band FEC), and what is recorded,
/// forwarded and judged for loudness stays one format.
fn redundant_voice(offer: &str) -> Option<&str> {
    let mut agreed = None;
    for section in offer.split("\nm=").skip(1) {
        let map = |wanted: &str| {
            section.lines().filter_map(|line| line.trim_end().strip_prefix("a=rtpmap:")).find_map(
                |map| {
                    let (number, name) = map.split_once(' ')?;
                    name.eq_ignore_ascii_case(wanted).then_some(number)
                },
            )
        };
        if !section.starts_with("audio") {
            let used = |line: &str| attribute_payload_type(line) == agreed;
            if agreed.is_some() && section.lines().any(used) {
                return None;
            }
            continue;
        }
        let number = map("red/48000/2")?;
        let made_of = section.lines().find_map(|line| {
            line.trim_end().strip_prefix("a=fmtp:")?.strip_prefix(number)?.strip_prefix(' ')
        });
        let opus = map("opus/48000/2")?;
        if made_of? != format!("{opus}/{opus}") || agreed.is_some_and(|before| before != number) {
            return None;
        }
        agreed = Some(number);
    }
    agreed
}

/// The payload type that an attribute is about.
fn attribute_payload_type(line: &str) -> Option<&str> {
    let rest = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().find_map(|p| line.strip_prefix(p))?;
    rest.split(' ').next()
}

/// The sections of an answer, which stand in the order of the offer.
fn sections(answer: &str, kinds: &[MediaKind]) -> Result<Vec<Section>, OfferError> {
    let mids = answer.lines().filter_map(|line| line.trim_end().strip_prefix("a=mid:"));
    let sections: Vec<Section> =
        mids.zip(kinds).map(|(mid, kind)| Section { mid: Mid::from(mid), kind: *kind }).collect();
    if sections.len() != kinds.len() {
        return Err(OfferError::Unusable("not every media section has an a=mid".to_owned()));
    }
    Ok(sections)
}

/// Errors of the parser draw the place with line breaks, which do not belong into a sentence.
fn one_line(text: &str) -> String {
    const CHARS_MAX: usize = 300;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(CHARS_MAX).collect()
}
