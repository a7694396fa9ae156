//! Keys and signatures in the format of minisign (<https://jedisct1.github.io/minisign/>), so that
//! what this program signs can be checked without it.
//!
//! A signature is Ed25519 (RFC 8032) over the BLAKE2b-512 (RFC 7693) of the message; a second one
//! binds the trusted comment to it.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Blake2b512, Digest as _};

/// Longest key or signature file that is read, in bytes: five times what minisign writes.
pub(crate) const FILE_BYTES_MAX: usize = 4_096;

/// Ed25519 over the message itself, as minisign wrote before 0.10.
const PURE: [u8; 2] = *b"Ed";

/// Ed25519 over the message's BLAKE2b-512.
const PREHASHED: [u8; 2] = *b"ED";

const UNTRUSTED: &str = "untrusted comment: ";
const TRUSTED: &str = "trusted comment: ";

/// By which a signature names its key. It is no proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    /// As minisign prints it: the number that the bytes are, least byte first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl serde::Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a file of this format.
    #[error("it is no key of minisign")]
    Form,
    /// Protected by a password, which this program does not ask for.
    #[error("the key is protected by a password")]
    Encrypted,
    /// It was changed after it was made.
    #[error("the key is damaged")]
    Damaged,
}

/// The key with which signatures are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    key: [u8; 32],
}

impl PublicKey {
    /// Reads a public key file, or only its second line.
    ///
    /// # Errors
    /// [`KeyError::Form`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines.find(|line| !line.starts_with(UNTRUSTED)).ok_or(KeyError::Form)?;
        let bytes: [u8; 42] = decoded(line).ok_or(KeyError::Form)?;
        let (algorithm, rest) = split::<2>(&bytes);
        let (id, key) = split::<8>(rest);
        if algorithm != PURE || lines.next().is_some() {
            return Err(KeyError::Form);
        }
        Ok(Self { id: KeyId(id), key: key.try_into().map_err(|_| KeyError::Form)? })
    }

    /// Its file.
    pub fn to_file(&self) -> String {
        format!("{UNTRUSTED}minisign public key {}\n{}\n", self.id, self.encoded())
    }

    /// Its one line, for `minisign -P`.
    pub fn encoded(&self) -> String {
        BASE64.encode([&PURE[..], &self.id.0, &self.key].concat())
    }

    /// By which signatures name it.
    pub fn id(&self) -> KeyId {
        self.id
    }

    fn is_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key).verify(message, signature).is_ok()
    }
}

/// The key with which is signed.
pub struct SecretKey {
    id: KeyId,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id)
    }
}

impl SecretKey {
    /// The key of these 40 random bytes, which must come from the system's generator.
    ///
    /// # Errors
    /// [`KeyError::Form`] when the cryptography refuses the seed, which Ed25519 never does.
    pub fn from_random(bytes: [u8; 40]) -> Result<Self, KeyError> {
        let (id, seed) = split::<8>(&bytes);
        Self::new(KeyId(id), seed.try_into().map_err(|_| KeyError::Form)?)
    }

    fn new(id: KeyId, seed: [u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Form)?;
        Ok(Self { id, seed, pair })
    }

    /// Reads a secret key file without a password (`minisign -G -W`).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let line = text.lines().nth(1).ok_or(KeyError::Form)?;
        // Algorithm, derivation, checksum's algorithm, salt and two limits, then key and checksum.
        let bytes: [u8; 158] = decoded(line).ok_or(KeyError::Form)?;
        let (algorithms, rest) = split::<6>(&bytes);
        if algorithms[..2] != PURE || algorithms[4..] != *b"B2" {
            return Err(KeyError::Form);
        }
        if algorithms[2..4] != [0, 0] {
            return Err(KeyError::Encrypted);
        }
        let (_, rest) = split::<48>(rest);
        let (id, rest) = split::<8>(rest);
        let (seed, rest) = split::<32>(rest);
        let (public, checksum) = split::<32>(rest);
        let key = Self::new(KeyId(id), seed)?;
        // Minisign writes zeros when there is no password.
        let checked = *checksum == [0; 32] || *checksum == key.checksum();
        if key.public().key != public || !checked {
            return Err(KeyError::Damaged);
        }
        Ok(key)
    }

    /// Its file, which nobody but its owner may read.
    pub fn to_file(&self) -> String {
        let head = [&PURE[..], &[0, 0], b"B2", &[0; 48]].concat();
        let key = [&self.id.0[..], &self.seed, &self.public().key, &self.checksum()].concat();
        let line = BASE64.encode([head, key].concat());
        format!("{UNTRUSTED}minisign secret key {}, without a password\n{line}\n", self.id)
    }

    /// With which its signatures are checked.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey { id: self.id, key }
    }

    /// The signature file of a message. The trusted comment is signed too; it must be one line.
    pub fn sign(&self, message: &[u8], trusted_comment: &str) -> String {
        let signature = self.pair.sign(&Blake2b512::digest(message));
        let comment: String =
            trusted_comment.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let global = self.pair.sign(&[signature.as_ref(), comment.as_bytes()].concat());
        format!(
            "{UNTRUSTED}signature by the key {}\n{}\n{TRUSTED}{comment}\n{}\n",
            self.id,
            BASE64.encode([&PREHASHED[..], &self.id.0, signature.as_ref()].concat()),
            BASE64.encode(global.as_ref()),
        )
    }

    fn checksum(&self) -> [u8; 32] {
        let mut digest = Blake2b::<U32>::new();
        digest.update(PURE);
        digest.update(self.id.0);
        digest.update(self.seed);
        digest.update(self.public().key);
        digest.finalize().into()
    }
}

/// A signature file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    prehashed: bool,
    /// The key that is said to have made it.
    pub(crate) key: KeyId,
    signature: [u8; 64],
    /// What the signer said besides.
    pub(crate) comment: String,
    global: [u8; 64],
}

impl Signature {
    /// Reads a signature file; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().take(5).collect();
        let [untrusted, signature, comment, global] = lines[..] else { return None };
        untrusted.strip_prefix(UNTRUSTED)?;
        let bytes: [u8; 74] = decoded(signature)?;
        let (algorithm, rest) = split::<2>(&bytes);
        let (key, signature) = split::<8>(rest);
        let prehashed = match algorithm {
            PREHASHED => true,
            PURE => false,
            _ => return None,
        };
        Some(Self {
            prehashed,
            key: KeyId(key),
            signature: signature.try_into().ok()?,
            comment: comment.strip_prefix(TRUSTED)?.to_owned(),
            global: decoded(global)?,
        })
    }

    /// True when `key` made it over this message and this trusted comment.
    pub(crate) fn is_good(&self, key: &PublicKey, message: &[u8]) -> bool {
        let global = [&self.signature[..], self.comment.as_bytes()].concat();
        let message_is_good = if self.prehashed {
            key.is_signature(&Blake2b512::digest(message), &self.signature)
        } else {
            key.is_signature(message, &self.signature)
        };
        key.id == self.key && message_is_good && key.is_signature(&global, &self.global)
    }
}

fn decoded<const N: usize>(line: &str) -> Option<[u8; N]> {
    // Whoever decodes something long decodes it in vain.
    if line.len() > 2 * N + 4 {
        return None;
    }
    BASE64.decode(line.trim_end()).ok()?.try_into().ok()
}

/// The first `N` bytes and the others; missing ones are zero, which no caller's lengths lead to.
fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    bytes.split_first_chunk::<N>().map_or(([0; N], &[]), |(first, rest)| (*first, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretKey {
        SecretKey::from_random([7; 40]).expect("a key")
    }

    #[test]
    fn keys_survive_their_files() {
        let key = key();
        let again = SecretKey::parse(&key.to_file()).expect("its file");
        assert_eq!(again.public(), key.public());
        assert_eq!(PublicKey::parse(&key.public().to_file()), Ok(key.public()));
        assert_eq!(PublicKey::parse(&key.public().encoded()), Ok(key.public()));
        assert_eq!(format!("{key:?}"), "SecretKey(0707070707070707)", "nothing but its id");
    }

    #[test]
    fn a_damaged_secret_key_is_refused() {
        let file = key().to_file();
        let line = file.lines().nth(1).expect("two lines");
        let mut bytes = BASE64.decode(line).expect("base64");
        for at in (54..158).step_by(13) {
            bytes[at] ^= 1;
            let damaged = format!("untrusted comment: x\n{}\n", BASE64.encode(&bytes));
            assert_eq!(SecretKey::parse(&damaged).err(), Some(KeyError::Damaged), "byte {at}");
            bytes[at] ^= 1;
        }
        bytes[2..4].copy_from_slice(b"Sc");
        let locked = format!("untrusted comment: x\n{}\n", BASE64.encode(&bytes));
        assert_eq!(SecretKey::parse(&locked).err(), Some(KeyError::Encrypted));
    }

    #[test]
    fn a_signature_holds_for_its_message_its_comment_and_its_key() {
        let key = key();
        let file = key.sign(b"what was said", "event x");
        let signature = Signature::parse(&file).expect("a signature");
        assert!(signature.is_good(&key.public(), b"what was said"));
        assert!(!signature.is_good(&key.public(), b"what was sand"));
        let other = Signature::parse(&file.replace("event x", "event y")).expect("the form");
        assert!(!other.is_good(&key.public(), b"what was said"));
        let stranger = SecretKey::from_random([8; 40]).expect("a key").public();
        assert!(!signature.is_good(&stranger, b"what was said"));
        let forged = PublicKey { id: key.id, ..stranger };
        assert!(!signature.is_good(&forged, b"what was said"), "the same id is no proof");
    }
}
