//! Offers and answers of a receiver, and the little that it must know of the other side's.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// What a payload type carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Opus.
    Voice,
    /// VP8.
    Picture,
    /// Packets sent again (RFC 4588).
    Repair,
}

/// ICE user fragment and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User fragment.
    pub ufrag: String,
    /// Password.
    pub pwd: String,
}

impl Credentials {
    /// New ones. They guard nothing but synthetic media.
    pub fn random() -> Self {
        let word = || format!("{:016x}", crate::random());
        Self { ufrag: word(), pwd: word() + &word() }
    }
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its credentials.
    pub credentials: Credentials,
    /// SHA-256 fingerprint of its certificate.
    pub fingerprint: [u8; 32],
    /// Where it may be reached over UDP.
    pub candidates: Vec<SocketAddr>,
    /// Payload types.
    pub formats: Vec<(u8, Format)>,
    /// Streams and their repair streams.
    pub repairs: Vec<(u32, u32)>,
    /// Number of the header extension for transport-wide numbers.
    pub transport_extension: Option<u8>,
    /// Media sections.
    pub sections: Vec<Section>,
}

/// One media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `audio`, `video`, or what else there may be.
    pub kind: String,
    /// Its name in the bundle.
    pub mid: String,
}

/// What is missing in a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has no usable {0}")]
pub struct Missing(pub &'static str);

/// What both kinds of descriptions begin with.
fn head(own: &Credentials, fingerprint: &[u8; 32], setup: &str, mids: &[String]) -> String {
    let bytes: Vec<_> = fingerprint.iter().map(|byte| format!("{byte:02X}")).collect();
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
         a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\na=setup:{setup}\r\n",
        mids.join(" "),
        own.ufrag,
        own.pwd,
        bytes.join(":"),
    )
}

const TRANSPORT_WIDE: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// An offer to receive so many sounds and pictures.
pub fn offer(
    own: &Credentials,
    fingerprint: &[u8; 32],
    candidate: SocketAddr,
    (sounds, pictures): (usize, usize),
) -> String {
    let mids: Vec<_> = (0..sounds + pictures).map(|number| number.to_string()).collect();
    let mut text = head(own, fingerprint, "actpass", &mids);
    for (number, mid) in mids.iter().enumerate() {
        let (kind, formats) = if number < sounds {
            ("audio 9 UDP/TLS/RTP/SAVPF 111", VOICE)
        } else {
            ("video 9 UDP/TLS/RTP/SAVPF 96 97", PICTURE)
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "m={kind}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=recvonly\r\na=rtcp-mux\r\n\
             a=rtcp-rsize\r\na=extmap:3 {TRANSPORT_WIDE}\r\n{formats}\
             a=candidate:1 1 udp 2130706431 {} {} typ host\r\n",
            candidate.ip(),
            candidate.port(),
        );
    }
    text
}

/// The answer to an offer to send: everything that is known is taken. We are an ICE-lite side, for
/// the one who offers is the one who checks.
pub fn answer(
    offer: &str,
    remote: &Description,
    own: &Credentials,
    fingerprint: &[u8; 32],
    candidate: SocketAddr,
) -> String {
    let taken = |section: &&Section| matches!(section.kind.as_str(), "audio" | "video");
    let mids: Vec<_> = remote.sections.iter().filter(taken).map(|s| s.mid.clone()).collect();
    let mut text = head(own, fingerprint, "active", &mids);
    text.push_str("a=ice-lite\r\n");
    let known = |number: &str| number.parse().is_ok_and(|number| remote.format(number).is_some());
    for line in offer.lines().map(str::trim_end) {
        if let Some(section) = line.strip_prefix("m=") {
            let words: Vec<_> = section.split(' ').collect();
            let [kind, _, protocol, numbers @ ..] = &words[..] else { continue };
            let numbers: Vec<_> = numbers.iter().copied().filter(|number| known(number)).collect();
            // Writing to a String cannot fail.
            if numbers.is_empty() {
                let _ = write!(text, "m={kind} 0 {protocol} 0\r\nc=IN IP4 0.0.0.0\r\n");
                continue;
            }
            let _ = write!(
                text,
                "m={kind} 9 {protocol} {}\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\na=rtcp-mux\r\n\
                 a=candidate:1 1 udp 2130706431 {} {} typ host\r\n",
                numbers.join(" "),
                candidate.ip(),
                candidate.port(),
            );
            continue;
        }
        let about = |name: &str| {
            let number = line.strip_prefix(name).and_then(|rest| rest.split(' ').next());
            number.is_some_and(known)
        };
        if ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].into_iter().any(about)
            || line.starts_with("a=mid:")
            || line.starts_with("a=extmap:") && line.ends_with(TRANSPORT_WIDE)
        {
            let _ = write!(text, "{line}\r\n");
        }
    }
    text
}

const VOICE: &str = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
                     a=rtcp-fb:111 transport-cc\r\n";
const PICTURE: &str = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 transport-cc\r\n\
                       a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
                       a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";

impl Description {
    /// Reads an offer or an answer.
    ///
    /// # Errors
    /// [`Missing`] names the first thing without which there is no connection.
    pub fn parse(text: &str) -> Result<Self, Missing> {
        let mut credentials = Credentials { ufrag: String::new(), pwd: String::new() };
        let mut fingerprint = None;
        let mut this = Self {
            credentials: credentials.clone(),
            fingerprint: [0; 32],
            candidates: Vec::new(),
            formats: Vec::new(),
            repairs: Vec::new(),
            transport_extension: None,
            sections: Vec::new(),
        };
        for line in text.lines().map(str::trim_end) {
            if let Some(section) = line.strip_prefix("m=") {
                let kind = section.split(' ').next().unwrap_or_default().to_owned();
                this.sections.push(Section { kind, mid: String::new() });
                continue;
            }
            let Some((name, value)) = line.strip_prefix("a=").and_then(|a| a.split_once(':'))
            else {
                continue;
            };
            match name {
                "ice-ufrag" => credentials.ufrag = value.to_owned(),
                "ice-pwd" => credentials.pwd = value.to_owned(),
                "fingerprint" => fingerprint = fingerprint.or_else(|| sha_256(value)),
                "candidate" => this.candidates.extend(host(value)),
                "extmap" => {
                    if let Some((number, TRANSPORT_WIDE)) = value.split_once(' ') {
                        let number = number.split('/').next().unwrap_or_default();
                        this.transport_extension = number.parse().ok();
                    }
                }
                "rtpmap" => this.formats.extend(format(value)),
                "ssrc-group" => this.repairs.extend(flow(value)),
                "mid" => {
                    if let Some(section) = this.sections.last_mut() {
                        value.clone_into(&mut section.mid);
                    }
                }
                _ => {}
            }
        }
        this.candidates.sort_unstable();
        this.candidates.dedup();
        this.repairs.sort_unstable();
        this.repairs.dedup();
        if credentials.ufrag.is_empty() || credentials.pwd.is_empty() {
            return Err(Missing("ICE credentials"));
        }
        this.credentials = credentials;
        this.fingerprint = fingerprint.ok_or(Missing("SHA-256 fingerprint"))?;
        if this.candidates.is_empty() {
            return Err(Missing("UDP candidate"));
        }
        Ok(this)
    }

    /// What a payload type carries.
    pub fn format(&self, payload_type: u8) -> Option<Format> {
        self.formats.iter().find(|(number, _)| *number == payload_type).map(|(_, format)| *format)
    }
}

fn sha_256(value: &str) -> Option<[u8; 32]> {
    let (algorithm, text) = value.split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        text.split(':').map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    bytes?.try_into().ok()
}

/// The address of a UDP candidate of the first component (RFC 8839 section 5.1).
fn host(value: &str) -> Option<SocketAddr> {
    let words: Vec<_> = value.split(' ').collect();
    let [_, "1", protocol, _, address, port, ..] = words[..] else { return None };
    if !protocol.eq_ignore_ascii_case("udp") {
        return None;
    }
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

fn format(value: &str) -> Option<(u8, Format)> {
    let (number, name) = value.split_once(' ')?;
    let format = match name.split('/').next()?.to_ascii_lowercase().as_str() {
        "opus" => Format::Voice,
        "vp8" => Format::Picture,
        "rtx" => Format::Repair,
        _ => return None,
    };
    Some((number.parse().ok()?, format))
}

/// A stream and its repair stream (RFC 5576 section 4.2).
fn flow(value: &str) -> Option<(u32, u32)> {
    let (stream, repair) = value.strip_prefix("FID ")?.split_once(' ')?;
    Some((stream.parse().ok()?, repair.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Credentials {
        Credentials { ufrag: "own".into(), pwd: "p".repeat(24) }
    }

    fn local() -> SocketAddr {
        "127.0.0.1:5000".parse().expect("an address")
    }

    #[test]
    fn an_offer_is_read_as_it_was_written() {
        let fingerprint = std::array::from_fn(|at| u8::try_from(at).expect("small"));
        let text = offer(&own(), &fingerprint, local(), (2, 1));
        let read = Description::parse(&text).expect("an offer");
        assert_eq!((read.credentials.clone(), read.fingerprint), (own(), fingerprint));
        assert_eq!(read.candidates, [local()]);
        assert_eq!(read.transport_extension, Some(3));
        let kinds: Vec<_> =
            read.sections.iter().map(|s| (s.kind.as_str(), s.mid.as_str())).collect();
        assert_eq!(kinds, [("audio", "0"), ("audio", "1"), ("video", "2")]);
        assert_eq!(read.format(111), Some(Format::Voice));
        assert_eq!(
            (read.format(96), read.format(97)),
            (Some(Format::Picture), Some(Format::Repair))
        );
        assert_eq!(read.format(98), None);
    }

    #[test]
    fn an_answer_takes_what_is_known_and_nothing_else() {
        let theirs = "v=0\r\na=group:BUNDLE a v d\r\na=ice-ufrag:u\r\na=ice-pwd:pw\r\n\
            a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 0 111\r\na=mid:a\r\na=rtpmap:0 PCMU/8000\r\n\
            a=rtpmap:111 opus/48000/2\r\na=candidate:1 1 udp 1 127.0.0.1 7000 typ host\r\n\
            a=candidate:2 1 tcp 1 127.0.0.1 7001 typ host tcptype passive\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc-group:FID 5 6\r\n\
            a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n";
        let remote = Description::parse(theirs).expect("an offer");
        assert_eq!(remote.candidates, ["127.0.0.1:7000".parse().expect("an address")]);
        assert_eq!((remote.repairs.as_slice(), remote.transport_extension), (&[(5, 6)][..], None));
        let text = answer(theirs, &remote, &own(), &[7; 32], local());
        for line in [
            "a=group:BUNDLE a v",
            "a=setup:active",
            "a=ice-lite",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
            "a=fmtp:97 apt=96",
            "m=application 0 UDP/DTLS/SCTP 0",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        assert!(!text.contains("PCMU") && !text.contains("extmap"), "{text}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let whole = offer(&own(), &[1; 32], local(), (1, 1));
        for (line, missing) in [
            ("a=ice-pwd:", "ICE credentials"),
            ("a=fingerprint:", "SHA-256 fingerprint"),
            ("a=candidate:", "UDP candidate"),
        ] {
            let without: Vec<_> = whole.lines().filter(|other| !other.starts_with(line)).collect();
            assert_eq!(Description::parse(&without.join("\n")), Err(Missing(missing)));
        }
    }
}
