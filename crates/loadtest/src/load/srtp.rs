//! Secure RTP as the DTLS client has it: opens what the server sends, protects our RTCP (RFC 3711,
//! RFC 7714). Written apart from the server's own, so that one checks the other.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::{constant_time, hmac, iv::FixedLength};
use dimpl::SrtpProfile;

const SHA1_TAG_BYTES: usize = 10;

/// Bit of the RTCP index word that says that the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Header of an RTCP packet that stays in clear.
const RTCP_HEADER_BYTES: usize = 8;

/// Forged, cut off, or of other keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet is not authentic")]
pub struct NotAuthentic;

impl From<aws_lc_rs::error::Unspecified> for NotAuthentic {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

/// The name of a profile as the IANA registry has it.
pub fn name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::AEAD_AES_128_GCM => "AEAD_AES_128_GCM",
        SrtpProfile::AEAD_AES_256_GCM => "AEAD_AES_256_GCM",
        SrtpProfile::AES128_CM_SHA1_80 => "AES128_CM_HMAC_SHA1_80",
        _ => "unknown",
    }
}

/// The keys of one connection.
#[derive(Debug)]
pub struct Keys {
    received_rtp: Cipher,
    received_rtcp: Cipher,
    sent_rtcp: Cipher,
    sent_index: u32,
}

impl Keys {
    /// Splits what DTLS exported: client key, server key, client salt, server salt (RFC 5764
    /// section 4.2).
    ///
    /// # Errors
    /// [`NotAuthentic`] when the material does not fit the profile.
    pub fn of_client(profile: SrtpProfile, material: &[u8]) -> Result<Self, NotAuthentic> {
        let (key_bytes, salt_bytes) = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            _ => return Err(NotAuthentic),
        };
        let (keys, salts) = material.split_at_checked(2 * key_bytes).ok_or(NotAuthentic)?;
        let (our_key, their_key) = keys.split_at(key_bytes);
        let (our_salt, rest) = salts.split_at_checked(salt_bytes).ok_or(NotAuthentic)?;
        let their_salt = rest.get(..salt_bytes).ok_or(NotAuthentic)?;
        Ok(Self {
            received_rtp: Cipher::derive(their_key, their_salt, 0)?,
            received_rtcp: Cipher::derive(their_key, their_salt, 3)?,
            sent_rtcp: Cipher::derive(our_key, our_salt, 3)?,
            sent_index: 0,
        })
    }

    /// Opens an RTP packet in place; the payload is what stands behind the header of
    /// `header_bytes`. `index` is the extended sequence number.
    ///
    /// # Errors
    /// [`NotAuthentic`], and the packet is of no more use.
    pub fn open_rtp<'a>(
        &self,
        packet: &'a mut [u8],
        header_bytes: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<&'a [u8], NotAuthentic> {
        match &self.received_rtp {
            Cipher::Gcm { key, salt } => {
                let (header, body) = packet.split_at_mut(header_bytes);
                let nonce = Nonce::assume_unique_for_key(folded(salt, 2, ssrc, index));
                Ok(key.open_in_place(nonce, Aad::from(&*header), body)?)
            }
            Cipher::CounterMode { key, auth, salt } => {
                let at = packet.len().checked_sub(SHA1_TAG_BYTES).ok_or(NotAuthentic)?;
                let (signed, tag) = packet.split_at_mut(at);
                let mut context = hmac::Context::with_key(auth);
                context.update(signed);
                let rollover = u32::try_from(index >> 16 & 0xffff_ffff).unwrap_or_default();
                context.update(&rollover.to_be_bytes());
                let expected = context.sign();
                constant_time::verify_slices_are_equal(&expected.as_ref()[..SHA1_TAG_BYTES], tag)?;
                let body = signed.get_mut(header_bytes..).ok_or(NotAuthentic)?;
                apply(key, salt, ssrc, index, body)?;
                Ok(body)
            }
        }
    }

    /// Opens a compound RTCP packet in place.
    ///
    /// # Errors
    /// [`NotAuthentic`], and the packet is of no more use.
    pub fn open_rtcp<'a>(&self, packet: &'a mut [u8]) -> Result<&'a [u8], NotAuthentic> {
        let ssrc = packet.get(4..8).and_then(|bytes| bytes.try_into().ok());
        let ssrc = u32::from_be_bytes(ssrc.ok_or(NotAuthentic)?);
        let word =
            |bytes: &[u8]| bytes.try_into().map(u32::from_be_bytes).map_err(|_| NotAuthentic);
        match &self.received_rtcp {
            Cipher::Gcm { key, salt } => {
                let at = packet.len().checked_sub(4).ok_or(NotAuthentic)?;
                let (sealed, trailer) = packet.split_at_mut(at);
                let (header, body) =
                    sealed.split_at_mut_checked(RTCP_HEADER_BYTES).ok_or(NotAuthentic)?;
                let aad = [&*header, &*trailer].concat();
                let index = u64::from(word(trailer)? & !ENCRYPTED);
                let nonce = Nonce::assume_unique_for_key(folded(salt, 2, ssrc, index));
                let plain = key.open_in_place(nonce, Aad::from(aad), body)?.len();
                Ok(&packet[..RTCP_HEADER_BYTES + plain])
            }
            Cipher::CounterMode { key, auth, salt } => {
                let at = packet.len().checked_sub(SHA1_TAG_BYTES).ok_or(NotAuthentic)?;
                let (signed, tag) = packet.split_at_mut(at);
                let expected = hmac::sign(auth, signed);
                constant_time::verify_slices_are_equal(&expected.as_ref()[..SHA1_TAG_BYTES], tag)?;
                let at = signed.len().checked_sub(4).ok_or(NotAuthentic)?;
                let (plain, trailer) = signed.split_at_mut(at);
                let trailer = word(trailer)?;
                if trailer & ENCRYPTED != 0 {
                    let body = plain.get_mut(RTCP_HEADER_BYTES..).ok_or(NotAuthentic)?;
                    apply(key, salt, ssrc, u64::from(trailer & !ENCRYPTED), body)?;
                }
                Ok(plain)
            }
        }
    }

    /// Protects a compound RTCP packet of ours.
    ///
    /// # Errors
    /// [`NotAuthentic`] when it is too short to be one.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), NotAuthentic> {
        let ssrc = packet.get(4..8).and_then(|bytes| bytes.try_into().ok());
        let ssrc = u32::from_be_bytes(ssrc.ok_or(NotAuthentic)?);
        self.sent_index = (self.sent_index + 1) & !ENCRYPTED;
        let (index, trailer) = (u64::from(self.sent_index), self.sent_index | ENCRYPTED);
        let trailer = trailer.to_be_bytes();
        match &self.sent_rtcp {
            Cipher::Gcm { key, salt } => {
                let (header, body) = packet.split_at_mut(RTCP_HEADER_BYTES);
                let aad = [&*header, &trailer].concat();
                let nonce = Nonce::assume_unique_for_key(folded(salt, 2, ssrc, index));
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), body)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&trailer);
            }
            Cipher::CounterMode { key, auth, salt } => {
                apply(key, salt, ssrc, index, &mut packet[RTCP_HEADER_BYTES..])?;
                packet.extend_from_slice(&trailer);
                let tag = hmac::sign(auth, packet);
                packet.extend_from_slice(&tag.as_ref()[..SHA1_TAG_BYTES]);
            }
        }
        Ok(())
    }
}

/// A session cipher.
enum Cipher {
    Gcm { key: Box<LessSafeKey>, salt: [u8; 12] },
    CounterMode { key: Box<EncryptingKey>, auth: Box<hmac::Key>, salt: [u8; 14] },
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gcm { .. } => "Gcm",
            Self::CounterMode { .. } => "CounterMode",
        })
    }
}

impl Cipher {
    /// The cipher whose labels begin at `label`: 0 for RTP, 3 for RTCP (RFC 3711 section 4.3).
    fn derive(master: &[u8], salt: &[u8], label: u8) -> Result<Self, NotAuthentic> {
        let key = derived(master, salt, label, master.len())?;
        let session_salt = derived(master, salt, label + 2, salt.len())?;
        if let Ok(salt) = <[u8; 12]>::try_from(&session_salt[..]) {
            let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
            let key = Box::new(LessSafeKey::new(UnboundKey::new(algorithm, &key)?));
            return Ok(Self::Gcm { key, salt });
        }
        let auth = derived(master, salt, label + 1, 20)?;
        Ok(Self::CounterMode {
            key: Box::new(EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, &key)?)?),
            auth: Box::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth)),
            salt: session_salt.try_into().map_err(|_| NotAuthentic)?,
        })
    }
}

/// The key derivation function (RFC 3711 section 4.3.3): AES in counter mode over zeros.
fn derived(master: &[u8], salt: &[u8], label: u8, bytes: usize) -> Result<Vec<u8>, NotAuthentic> {
    let mut counter = [0; 16];
    counter[..salt.len()].copy_from_slice(salt);
    counter[7] ^= label;
    let algorithm = if master.len() == 16 { &AES_128 } else { &AES_256 };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, master)?)?;
    let mut out = vec![0; bytes];
    key.less_safe_encrypt(&mut out, EncryptionContext::Iv128(FixedLength::from(counter)))?;
    Ok(out)
}

/// The salt with source and index folded in from byte `at` on: 2 makes it the nonce of GCM
/// (RFC 7714 section 8.1), 4 the counter block (RFC 3711 section 4.1.1).
fn folded<const N: usize>(salt: &[u8; N], at: usize, ssrc: u32, index: u64) -> [u8; N] {
    let mut block = *salt;
    let (source, place) = (ssrc.to_be_bytes(), index.to_be_bytes());
    for (byte, part) in block[at..].iter_mut().zip(source.iter().chain(&place[2..])) {
        *byte ^= part;
    }
    block
}

/// Counter mode, which is its own inverse.
fn apply(
    key: &EncryptingKey,
    salt: &[u8; 14],
    ssrc: u32,
    index: u64,
    body: &mut [u8],
) -> Result<(), NotAuthentic> {
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(&folded(salt, 4, ssrc, index));
    key.less_safe_encrypt(body, EncryptionContext::Iv128(FixedLength::from(counter)))?;
    Ok(())
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
        let pair = |pair: &[u8]| {
            u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex")
        };
        digits.chunks(2).map(pair).collect()
    }

    fn keys(profile: SrtpProfile, length: usize) -> Keys {
        let material: Vec<u8> = (0..length).map(|n| u8::try_from(n).expect("small")).collect();
        Keys::of_client(profile, &material).expect("keys")
    }

    #[test]
    fn session_keys_are_those_of_rfc_3711_appendix_b_3() {
        let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        for (label, bytes, expected) in [
            (0, 16, "C61E7A93744F39EE10734AFE3FF7A087"),
            (2, 14, "30CBBC08863D8C85D49DB34A9AE1"),
            (1, 20, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"),
        ] {
            assert_eq!(derived(&key, &salt, label, bytes).expect("a key"), hex(expected));
        }
    }

    #[test]
    fn gcm_packets_are_those_of_rfc_7714_section_16_1_1() {
        let key = UnboundKey::new(&AES_128_GCM, &hex("000102030405060708090a0b0c0d0e0f"));
        let salt = hex("517569642070726f2071756f").try_into().expect("twelve bytes");
        let key = Box::new(LessSafeKey::new(key.expect("a key")));
        let mut keys = keys(SrtpProfile::AEAD_AES_128_GCM, 56);
        keys.received_rtp = Cipher::Gcm { key, salt };
        let mut packet =
            hex("8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
             0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce");
        let plain = keys
            .open_rtp(&mut packet.clone(), 12, 0x5501_a0b2, 0xf17b)
            .expect("authentic")
            .to_vec();
        assert_eq!(plain, b"Gallia est omnis divisa in partes tres");
        assert_eq!(
            keys.open_rtp(&mut packet.clone(), 12, 0x5501_a0b2, 0x1_f17b),
            Err(NotAuthentic),
            "another rollover"
        );
        packet[20] ^= 1;
        assert_eq!(keys.open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b), Err(NotAuthentic));
    }

    /// The key stream of counter mode, which the RFC gives for the session key alone.
    #[test]
    fn the_key_stream_is_that_of_rfc_3711_appendix_b_2() {
        let key = UnboundCipherKey::new(&AES_128, &hex("2B7E151628AED2A6ABF7158809CF4F3C"));
        let key = EncryptingKey::ctr(key.expect("a key")).expect("counter mode");
        let salt: [u8; 14] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().expect("fourteen");
        let mut stream = [0; 32];
        apply(&key, &salt, 0, 0, &mut stream).expect("a stream");
        assert_eq!(
            stream[..],
            hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB")
        );
    }

    #[test]
    fn what_the_server_protects_is_opened_in_every_profile() {
        for (profile, length) in PROFILES {
            let (key, salt) = if length == 60 { (16, 14) } else { ((length - 24) / 2, 12) };
            let material: Vec<u8> = (0..length).map(|n| u8::try_from(n).expect("small")).collect();
            // The server's own sender: the other half of the material.
            let mut server = keys(profile, length);
            let (theirs, salts) = (&material[key..2 * key], &material[2 * key + salt..]);
            server.sent_rtcp = Cipher::derive(theirs, salts, 3).expect("a cipher");
            let plain = hex("80c80006 01020304 05060708 090a0b0c 00000000 00000001 00000002");
            let mut packet = plain.clone();
            server.protect_rtcp(&mut packet).expect("protected");
            let client = keys(profile, length);
            let mut forged = packet.clone();
            forged[9] ^= 1;
            assert_eq!(client.open_rtcp(&mut forged), Err(NotAuthentic), "{profile:?}");
            assert_eq!(client.open_rtcp(&mut packet).expect("authentic"), plain, "{profile:?}");
            for cut in 0..plain.len() {
                let mut cut = plain[..cut].to_vec();
                assert_eq!(client.open_rtcp(&mut cut), Err(NotAuthentic), "{profile:?}");
            }
        }
        assert!(Keys::of_client(SrtpProfile::AEAD_AES_128_GCM, &[0; 55]).is_err());
    }
}
