//! Secure RTP for one direction of one peer: keys are scheduled once, packets are protected in
//! place (RFC 3711, RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use dimpl::SrtpProfile;

/// The longest trailer that protection adds to a packet: a GCM tag of 16 bytes and, for RTCP, the
/// index of 4.
pub const TRAILER_BYTES_MAX: usize = 20;

const GCM_TAG_BYTES: usize = 16;
const SHA1_TAG_BYTES: usize = 10;
const RTCP_INDEX_BYTES: usize = 4;

/// The packet was not protected, or not accepted: too short, forged, or seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet is not authentic")]
pub struct NotAuthentic;

/// The two keys and salts that DTLS exported, for what we send and for what we receive.
#[derive(Debug)]
pub struct Sessions {
    /// Protects RTP that we send.
    pub rtp: Sender,
    /// Protects RTCP that we send.
    pub rtcp: RtcpSender,
    /// Opens RTCP that we receive.
    pub received_rtcp: RtcpReceiver,
}

impl Sessions {
    /// Splits the exported keying material (RFC 5764 section 4.2): client key, server key, client
    /// salt, server salt. We are the DTLS server.
    ///
    /// # Errors
    /// [`NotAuthentic`] when the material is not as long as the profile asks.
    pub fn of_server(profile: SrtpProfile, material: &[u8]) -> Result<Self, NotAuthentic> {
        let (key_bytes, salt_bytes) = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            _ => return Err(NotAuthentic),
        };
        if material.len() < 2 * (key_bytes + salt_bytes) {
            return Err(NotAuthentic);
        }
        let (keys, salts) = material.split_at(2 * key_bytes);
        let (client_key, server_key) = keys.split_at(key_bytes);
        let (client_salt, rest) = salts.split_at(salt_bytes);
        let server_salt = &rest[..salt_bytes];
        let ours = Master { profile, key: server_key, salt: server_salt };
        let theirs = Master { profile, key: client_key, salt: client_salt };
        Ok(Self {
            rtp: Sender(ours.derive(0)?),
            rtcp: RtcpSender { cipher: ours.derive(3)?, index: 0 },
            received_rtcp: RtcpReceiver { cipher: theirs.derive(3)?, windows: Vec::new() },
        })
    }
}

/// A master key and salt as DTLS exported them.
struct Master<'a> {
    profile: SrtpProfile,
    key: &'a [u8],
    salt: &'a [u8],
}

impl Master<'_> {
    /// The session cipher whose labels begin at `label`: 0 for RTP, 3 for RTCP (RFC 3711 section
    /// 4.3).
    fn derive(&self, label: u8) -> Result<Cipher, NotAuthentic> {
        let mut key = vec![0; self.key.len()];
        self.fill(label, &mut key)?;
        let mut salt = [0; 14];
        let salt_bytes = self.salt.len();
        self.fill(label + 2, &mut salt[..salt_bytes])?;
        match self.profile {
            SrtpProfile::AES128_CM_SHA1_80 => {
                let mut auth = [0; 20];
                self.fill(label + 1, &mut auth)?;
                let unbound = UnboundCipherKey::new(&AES_128, &key).map_err(|_| NotAuthentic)?;
                Ok(Cipher::CounterModeSha1 {
                    key: Box::new(EncryptingKey::ctr(unbound).map_err(|_| NotAuthentic)?),
                    auth: Box::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth)),
                    salt,
                })
            }
            _ => {
                let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
                let unbound = UnboundKey::new(algorithm, &key).map_err(|_| NotAuthentic)?;
                let mut nonce = [0; 12];
                nonce.copy_from_slice(&salt[..12]);
                Ok(Cipher::Gcm { key: Box::new(LessSafeKey::new(unbound)), salt: nonce })
            }
        }
    }

    /// The key derivation function: AES in counter mode over zeros, keyed with the master key
    /// (RFC 3711 section 4.3.3). A salt of 96 bits is multiplied by 2^16 first (RFC 7714 section
    /// 11).
    fn fill(&self, label: u8, out: &mut [u8]) -> Result<(), NotAuthentic> {
        let mut iv = [0; 16];
        iv[..self.salt.len()].copy_from_slice(self.salt);
        iv[7] ^= label;
        let algorithm = if self.key.len() == 16 { &AES_128 } else { &AES_256 };
        let unbound = UnboundCipherKey::new(algorithm, self.key).map_err(|_| NotAuthentic)?;
        let key = EncryptingKey::ctr(unbound).map_err(|_| NotAuthentic)?;
        out.fill(0);
        key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(iv)))
            .map(|_| ())
            .map_err(|_| NotAuthentic)
    }
}

/// A session cipher, ready to use for every packet.
enum Cipher {
    Gcm { key: Box<LessSafeKey>, salt: [u8; 12] },
    CounterModeSha1 { key: Box<EncryptingKey>, auth: Box<hmac::Key>, salt: [u8; 14] },
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gcm { .. } => "Gcm",
            Self::CounterModeSha1 { .. } => "CounterModeSha1",
        })
    }
}

/// The nonce of GCM: the salt, with the synchronisation source and the packet's index folded in.
/// For RTP the index is the rollover counter and the sequence number (RFC 7714 section 8.1), for
/// RTCP its index of 31 bits (section 9.1); both are the lower 48 bits of `index`.
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    for (byte, part) in nonce[2..6].iter_mut().zip(ssrc.to_be_bytes()) {
        *byte ^= part;
    }
    for (byte, part) in nonce[6..].iter_mut().zip(&index.to_be_bytes()[2..]) {
        *byte ^= part;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// The counter block of counter mode (RFC 3711 section 4.1.1).
fn counter_block(salt: &[u8; 14], ssrc: u32, index: u64) -> EncryptionContext {
    let mut block = [0; 16];
    block[..14].copy_from_slice(salt);
    for (byte, part) in block[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
        *byte ^= part;
    }
    for (byte, part) in block[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
        *byte ^= part;
    }
    EncryptionContext::Iv128(FixedLength::from(block))
}

/// Protects RTP packets of one peer, whatever their synchronisation source.
#[derive(Debug)]
pub struct Sender(Cipher);

impl Sender {
    /// Bytes that [`Self::protect`] adds.
    pub fn trailer_bytes(&self) -> usize {
        match self.0 {
            Cipher::Gcm { .. } => GCM_TAG_BYTES,
            Cipher::CounterModeSha1 { .. } => SHA1_TAG_BYTES,
        }
    }

    /// Protects the packet that begins at `start` in `buffer` and reaches to its end, with a
    /// header of `header_bytes`, and appends the tag. `index` is the extended sequence number: the
    /// rollover counter in the bits above the lower 16.
    pub fn protect(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
        header_bytes: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), NotAuthentic> {
        match &self.0 {
            Cipher::Gcm { key, salt } => {
                let (header, payload) = buffer[start..].split_at_mut(header_bytes);
                let tag = key
                    .seal_in_place_separate_tag(
                        gcm_nonce(salt, ssrc, index),
                        Aad::from(&*header),
                        payload,
                    )
                    .map_err(|_| NotAuthentic)?;
                buffer.extend_from_slice(tag.as_ref());
            }
            Cipher::CounterModeSha1 { key, auth, salt } => {
                let payload = &mut buffer[start + header_bytes..];
                key.less_safe_encrypt(payload, counter_block(salt, ssrc, index))
                    .map_err(|_| NotAuthentic)?;
                let mut context = hmac::Context::with_key(auth);
                context.update(&buffer[start..]);
                let rollover = u32::try_from(index >> 16 & 0xffff_ffff).unwrap_or_default();
                context.update(&rollover.to_be_bytes());
                buffer.extend_from_slice(&context.sign().as_ref()[..SHA1_TAG_BYTES]);
            }
        }
        Ok(())
    }
}

/// Protects RTCP packets that we send.
#[derive(Debug)]
pub struct RtcpSender {
    cipher: Cipher,
    index: u32,
}

impl RtcpSender {
    /// Protects the compound packet that begins at `start` in `buffer` and reaches to its end.
    pub fn protect(&mut self, buffer: &mut Vec<u8>, start: usize) -> Result<(), NotAuthentic> {
        let ssrc = ssrc_of_rtcp(&buffer[start..]).ok_or(NotAuthentic)?;
        self.index = (self.index + 1) & 0x7fff_ffff;
        let trailer = (self.index | 0x8000_0000).to_be_bytes();
        match &self.cipher {
            Cipher::Gcm { key, salt } => {
                let (header, payload) = buffer[start..].split_at_mut(8);
                let mut aad = [0; 12];
                aad[..8].copy_from_slice(header);
                aad[8..].copy_from_slice(&trailer);
                let nonce = gcm_nonce(salt, ssrc, u64::from(self.index));
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(aad), payload)
                    .map_err(|_| NotAuthentic)?;
                buffer.extend_from_slice(tag.as_ref());
                buffer.extend_from_slice(&trailer);
            }
            Cipher::CounterModeSha1 { key, auth, salt } => {
                let context = counter_block(salt, ssrc, u64::from(self.index));
                key.less_safe_encrypt(&mut buffer[start + 8..], context)
                    .map_err(|_| NotAuthentic)?;
                buffer.extend_from_slice(&trailer);
                let tag = hmac::sign(auth, &buffer[start..]);
                buffer.extend_from_slice(&tag.as_ref()[..SHA1_TAG_BYTES]);
            }
        }
        Ok(())
    }
}

/// Sources from which a browser may report: one for each media section, one for the transport, and
/// some that are no longer used.
const SOURCES_MAX: usize = 32;

/// Opens RTCP packets that we receive, each only once.
#[derive(Debug)]
pub struct RtcpReceiver {
    cipher: Cipher,
    windows: Vec<Window>,
}

/// What was received of one source. Each source counts its packets by itself (RFC 3711 section
/// 3.2.3: the source is part of the cryptographic context).
#[derive(Debug)]
struct Window {
    ssrc: u32,
    highest: u32,
    /// Which of the 64 indices up to the highest were seen.
    seen: u64,
}

impl RtcpReceiver {
    /// Opens `packet` in place and returns the length of the plain compound packet.
    ///
    /// # Errors
    /// [`NotAuthentic`] when it is too short, forged or a replay; nothing changes then.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<usize, NotAuthentic> {
        let ssrc = ssrc_of_rtcp(packet).ok_or(NotAuthentic)?;
        let (index, length) = match &self.cipher {
            Cipher::Gcm { key, salt } => {
                let at = packet
                    .len()
                    .checked_sub(RTCP_INDEX_BYTES)
                    .filter(|at| *at >= 8 + GCM_TAG_BYTES)
                    .ok_or(NotAuthentic)?;
                let (sealed, trailer) = packet.split_at_mut(at);
                let index = self.fresh(ssrc, trailer)?;
                let (header, body) = sealed.split_at_mut(8);
                let mut aad = [0; 12];
                aad[..8].copy_from_slice(header);
                aad[8..].copy_from_slice(trailer);
                let nonce = gcm_nonce(salt, ssrc, u64::from(index));
                let plain =
                    key.open_in_place(nonce, Aad::from(aad), body).map_err(|_| NotAuthentic)?;
                (index, 8 + plain.len())
            }
            Cipher::CounterModeSha1 { key, auth, salt } => {
                let tag_at = packet
                    .len()
                    .checked_sub(SHA1_TAG_BYTES)
                    .filter(|at| *at >= 8 + RTCP_INDEX_BYTES)
                    .ok_or(NotAuthentic)?;
                let (signed, tag) = packet.split_at(tag_at);
                let expected = hmac::sign(auth, signed);
                aws_lc_rs::constant_time::verify_slices_are_equal(
                    &expected.as_ref()[..SHA1_TAG_BYTES],
                    tag,
                )
                .map_err(|_| NotAuthentic)?;
                let length = tag_at - RTCP_INDEX_BYTES;
                let index = self.fresh(ssrc, &packet[length..tag_at])?;
                let encrypted = packet[length] & 0x80 != 0;
                if encrypted {
                    let context = counter_block(salt, ssrc, u64::from(index));
                    key.less_safe_encrypt(&mut packet[8..length], context)
                        .map_err(|_| NotAuthentic)?;
                }
                (index, length)
            }
        };
        self.note(ssrc, index);
        Ok(length)
    }

    /// The index in a trailer, if no packet of this source with it was opened before.
    fn fresh(&self, ssrc: u32, trailer: &[u8]) -> Result<u32, NotAuthentic> {
        let bytes = trailer.try_into().map_err(|_| NotAuthentic)?;
        let index = u32::from_be_bytes(bytes) & 0x7fff_ffff;
        let is_fresh = match self.windows.iter().find(|window| window.ssrc == ssrc) {
            Some(window) => window.is_fresh(index),
            None => self.windows.len() < SOURCES_MAX,
        };
        if is_fresh { Ok(index) } else { Err(NotAuthentic) }
    }

    fn note(&mut self, ssrc: u32, index: u32) {
        match self.windows.iter_mut().find(|window| window.ssrc == ssrc) {
            Some(window) => window.note(index),
            None => self.windows.push(Window { ssrc, highest: index, seen: 1 }),
        }
    }
}

impl Window {
    fn is_fresh(&self, index: u32) -> bool {
        let Some(age) = self.highest.checked_sub(index) else { return true };
        age < 64 && self.seen & (1 << age) == 0
    }

    fn note(&mut self, index: u32) {
        if let Some(age) = self.highest.checked_sub(index) {
            self.seen |= 1 << age;
        } else {
            let moved = index - self.highest;
            self.seen = if moved < 64 { self.seen << moved } else { 0 } | 1;
            self.highest = index;
        }
    }
}

/// The sender's synchronisation source of a compound packet, if it is long enough to have one.
fn ssrc_of_rtcp(packet: &[u8]) -> Option<u32> {
    packet.get(4..8)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: [(SrtpProfile, usize); 3] = [
        (SrtpProfile::AES128_CM_SHA1_80, 60),
        (SrtpProfile::AEAD_AES_128_GCM, 56),
        (SrtpProfile::AEAD_AES_256_GCM, 88),
    ];

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| {
                u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex")
            })
            .collect()
    }

    #[test]
    fn session_keys_are_those_of_rfc_3711_appendix_b_3() {
        let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let master = Master { profile: SrtpProfile::AES128_CM_SHA1_80, key: &key, salt: &salt };
        let derived = |label, length| {
            let mut out = vec![0; length];
            master.fill(label, &mut out).expect("a key");
            out
        };
        assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(derived(1, 20), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn gcm_packets_are_those_of_rfc_7714_section_16_1_1() {
        let key = hex("000102030405060708090a0b0c0d0e0f");
        let unbound = UnboundKey::new(&AES_128_GCM, &key).expect("a key");
        let salt = hex("517569642070726f2071756f").try_into().expect("twelve bytes");
        let sender = Sender(Cipher::Gcm { key: Box::new(LessSafeKey::new(unbound)), salt });
        let header = hex("8040f17b 8041f8d3 5501a0b2");
        let plain = hex(
            "47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573",
        );
        let mut packet = [header, plain].concat();
        sender.protect(&mut packet, 0, 12, 0x5501_a0b2, 0xf17b).expect("protected");
        assert_eq!(
            packet,
            hex("8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
                 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce")
        );
    }

    #[test]
    fn rtcp_is_opened_once_and_only_when_authentic() {
        for (profile, length) in PROFILES {
            let material: Vec<u8> = (0..length).map(|n| u8::try_from(n).expect("small")).collect();
            // The other side of the same material: its sender is our receiver.
            let (key, salt) = if length == 60 { (16, 14) } else { ((length - 24) / 2, 12) };
            let theirs =
                Master { profile, key: &material[..key], salt: &material[2 * key..2 * key + salt] };
            let mut sender = RtcpSender { cipher: theirs.derive(3).expect("a cipher"), index: 0 };
            let mut receiver =
                Sessions::of_server(profile, &material).expect("sessions").received_rtcp;
            let plain =
                hex("81c90007 01020304 05060708 00000000 00000000 00000000 00000000 00000000");
            let mut first = plain.clone();
            sender.protect(&mut first, 0).expect("protected");
            let mut second = plain.clone();
            sender.protect(&mut second, 0).expect("protected");

            let mut forged = second.clone();
            forged[10] ^= 1;
            assert_eq!(receiver.open(&mut forged), Err(NotAuthentic));
            let mut copy = second.clone();
            assert_eq!(receiver.open(&mut copy), Ok(plain.len()), "{profile:?}");
            assert_eq!(copy[..plain.len()], plain);
            assert_eq!(receiver.open(&mut first.clone()), Ok(plain.len()), "out of order");
            assert_eq!(receiver.open(&mut first), Err(NotAuthentic), "replayed");
            assert_eq!(receiver.open(&mut second), Err(NotAuthentic), "replayed");
            assert_eq!(receiver.open(&mut [0; 7]), Err(NotAuthentic), "short");
        }
    }

    /// Chromium reports arrivals from one source, losses and key frames from another, and counts
    /// each by itself: with one window for all, requests for repair were taken for replays.
    #[test]
    fn each_source_counts_by_itself() {
        let material = [7; 56];
        let profile = SrtpProfile::AEAD_AES_128_GCM;
        let theirs = Master { profile, key: &material[..16], salt: &material[32..44] };
        let sender = || RtcpSender { cipher: theirs.derive(3).expect("a cipher"), index: 0 };
        let mut receiver = Sessions::of_server(profile, &material).expect("keys").received_rtcp;
        let report = |sender: &mut RtcpSender, source: u8| {
            let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, source];
            sender.protect(&mut packet, 0).expect("protected");
            packet
        };
        let mut often = sender();
        for _ in 0..500 {
            assert_eq!(receiver.open(&mut report(&mut often, 9)), Ok(8));
        }
        let mut seldom = sender();
        let first = report(&mut seldom, 1);
        assert_eq!(receiver.open(&mut first.clone()), Ok(8), "its first packet has number 1");
        assert_eq!(receiver.open(&mut first.clone()), Err(NotAuthentic), "replayed");
        // Sources without end are not remembered.
        for source in 10..60 {
            let opened = receiver.open(&mut report(&mut sender(), source));
            assert_eq!(opened.is_ok(), usize::from(source) < 10 + SOURCES_MAX - 2);
        }
    }
}
