//! Personal links. A link's token is derived from a key that lies beside the database, so that
//! links can be printed again; the database holds only hashes of tokens and reveals none.
//!
//! A token is looked up by its hash, so comparing takes no time that depends on the secret.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base::{EventId, PersonId, Random};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes of a token: 160 bits cannot be guessed, and 32 characters still fit a line of a letter.
const TOKEN_BYTES: usize = 20;

/// Characters of a token.
const TOKEN_CHARS: usize = TOKEN_BYTES * 8 / 5;

/// RFC 4648's base32 in lower case: no character is mistaken for another when read aloud.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The server's secret from which all tokens are derived.
#[derive(Clone)]
pub struct LinkKey([u8; 32]);

/// Why the key's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkKeyError {
    /// The file cannot be read or written.
    #[error("the link key {} cannot be used: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not hold 32 bytes.
    #[error(
        "the link key {} is damaged (it must hold 32 bytes); restore it from a backup, or delete \
         it and every personal link becomes invalid",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// Others than the owner may read the file.
    #[error("the link key {} can be read by others; run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
    },
}

impl LinkKey {
    /// A key of the given bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the key from `path`; where there is none, makes one from `random`, which must be the
    /// system's generator, readable by the owner only and durable on return.
    ///
    /// # Errors
    /// [`LinkKeyError`]; a key is never replaced.
    pub fn read_or_create(path: &Path, random: &mut impl Random) -> Result<Self, LinkKeyError> {
        let failed = |source| LinkKeyError::File { path: path.to_owned(), source };
        match fs::File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes = random.bytes();
                match create(path, &bytes) {
                    Ok(()) => Ok(Self(bytes)),
                    // Another program was faster: its key counts.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        Self::read(path, fs::File::open(path).map_err(failed)?)
                    }
                    Err(error) => Err(failed(error)),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn read(path: &Path, file: fs::File) -> Result<Self, LinkKeyError> {
        let failed = |source| LinkKeyError::File { path: path.to_owned(), source };
        if is_exposed(&file.metadata().map_err(failed)?) {
            return Err(LinkKeyError::Exposed { path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        file.take(33).read_to_end(&mut bytes).map_err(failed)?;
        let bytes =
            bytes.try_into().map_err(|_| LinkKeyError::Damaged { path: path.to_owned() })?;
        Ok(Self(bytes))
    }

    /// The token of a person's link in the given generation.
    pub fn token(&self, event: &EventId, person: &PersonId, generation: u32) -> LinkToken {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key");
        // Identifiers hold no bar, so no two people share a text.
        mac.update(format!("{event}|{person}|{generation}").as_bytes());
        LinkToken(base32(&mac.finalize().into_bytes()[..TOKEN_BYTES]))
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

/// The secret part of a personal link. It is shown on purpose only: `Debug` hides it, and there is
/// no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken(String);

/// The text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a personal link ends with 32 letters and digits")]
pub struct LinkTokenError;

impl LinkToken {
    /// Reads a token as it came from a person; capitals are folded, as mail programs and people
    /// who copy by hand may change them.
    ///
    /// # Errors
    /// [`LinkTokenError`] when it cannot be one.
    pub fn parse(text: &str) -> Result<Self, LinkTokenError> {
        let text = text.trim().to_ascii_lowercase();
        if text.len() == TOKEN_CHARS && text.bytes().all(|byte| ALPHABET.contains(&byte)) {
            Ok(Self(text))
        } else {
            Err(LinkTokenError)
        }
    }

    /// The secret itself, for printing the link.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

/// SHA-256 of a token. The token has 160 random bits, so a fast hash is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// Writes the whole key before the file has its name, so that no crash leaves half of one.
fn create(path: &Path, bytes: &[u8; 32]) -> io::Result<()> {
    let draft = path.with_extension("new");
    // A draft that an earlier crash left is nobody's key.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // Unlike a renaming, this fails where the file exists.
    fs::hard_link(&draft, path)?;
    fs::remove_file(&draft)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(unix)]
fn is_exposed(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_exposed(_: &fs::Metadata) -> bool {
    false
}

/// Base32 of bytes whose number is a multiple of five.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5);
    for five in bytes.chunks_exact(5) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for position in (0..8).rev() {
            let digit = usize::try_from(bits >> (position * 5) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET[digit]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use base::SplitMix;
    use proceedings::testing::parsed;

    use super::*;

    fn token(event: &str, person: &str, generation: u32) -> LinkToken {
        LinkKey::new([7; 32]).token(&parsed(event), &parsed(person), generation)
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        assert_eq!(base32(b"fooba"), "mzxw6ytb");
        assert_eq!(base32(&[0xff; 5]), "77777777");
    }

    /// Links in invitations that were sent depend on this.
    #[test]
    fn a_token_never_changes() {
        let token = token("russian-diplomats-day", "ganich", 0);
        // printf 'russian-diplomats-day|ganich|0' | openssl dgst -sha256 -mac hmac
        //   -macopt hexkey:$(printf '07%.0s' {1..32}) -binary | head -c 20 | base32
        assert_eq!(token.expose(), "zp56y2l7cbogqh4xsarfqaaw2qr5cyfy");
        assert_eq!(LinkToken::parse(&token.expose().to_uppercase()), Ok(token.clone()));
        assert_eq!(token.hash().0, <[u8; 32]>::from(Sha256::digest(token.expose())));
    }

    #[test]
    fn tokens_differ_by_event_person_generation_and_key() {
        let all = [
            token("a", "b", 0),
            token("a", "b", 1),
            token("a", "c", 0),
            token("c", "b", 0),
            LinkKey::new([8; 32]).token(&parsed("a"), &parsed("b"), 0),
        ];
        let hashes: std::collections::BTreeSet<_> = all.iter().map(LinkToken::hash).collect();
        assert_eq!(hashes.len(), all.len());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in ["", "abc", &"a".repeat(31), &"a".repeat(33), &"1".repeat(32), &"é".repeat(16)]
        {
            assert_eq!(LinkToken::parse(bad), Err(LinkTokenError), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let token = token("a", "b", 0);
        let shown = format!("{:?} {token:?}", LinkKey::new([7; 32]));
        assert!(!shown.contains(token.expose()) && !shown.contains('7'), "{shown}");
    }

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("link.key");
        let of = |key: &LinkKey| key.token(&parsed("a"), &parsed("b"), 0);
        let made = LinkKey::read_or_create(&path, &mut SplitMix(1)).expect("a key");
        let read = LinkKey::read_or_create(&path, &mut SplitMix(2)).expect("a key");
        assert_eq!(of(&made), of(&read));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode));
            assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
            mode(0o640).expect("a mode");
            let exposed = LinkKey::read_or_create(&path, &mut SplitMix(2));
            assert!(matches!(exposed, Err(LinkKeyError::Exposed { .. })));
            mode(0o600).expect("a mode");
        }
        for damaged in [31, 33] {
            fs::write(&path, vec![0; damaged]).expect("a file");
            let read = LinkKey::read_or_create(&path, &mut SplitMix(2));
            assert!(matches!(read, Err(LinkKeyError::Damaged { .. })));
            assert_eq!(fs::read(&path).expect("a file").len(), damaged, "nothing is replaced");
        }
        let nowhere = folder.path().join("missing").join("link.key");
        let failed = LinkKey::read_or_create(&nowhere, &mut SplitMix(2)).expect_err("no folder");
        assert!(failed.to_string().contains("missing/link.key"), "{failed}");
    }
}
