//! Credentials that need no table: the user name says until when and for whom, the password follows
//! from the user name and a secret of this process.

use aws_lc_rs::{constant_time, hmac};
use md5::{Digest, Md5};

/// The realm of all credentials. A realm is a label; there is one.
pub const REALM: &str = "plenary";

/// For whom an allocation is: a name that says nothing to anybody else, for user names travel in
/// the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder(u64);

/// What a client is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `{expiry}:{holder}`, the expiry in seconds since 1970.
    pub username: String,
    /// Its password.
    pub password: String,
}

/// The secret from which everything follows.
pub struct Secret(hmac::Key);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// From random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// The holder for a person of an event.
    pub fn holder(&self, event: &str, person: &str) -> Holder {
        let tag = self.tag(&[b"holder", event.as_bytes(), person.as_bytes()]);
        Holder(u64::from_be_bytes(std::array::from_fn(|at| tag[at])))
    }

    /// Credentials until a moment, in seconds since 1970.
    pub fn credentials(&self, holder: Holder, expires_s: u64) -> Credentials {
        let username = format!("{expires_s}:{:016x}", holder.0);
        let password = self.password(&username);
        Credentials { username, password }
    }

    /// Whose user name this is and until when; nothing is proven by it.
    pub(crate) fn read(username: &str) -> Option<(Holder, u64)> {
        let (expires_s, holder) = username.split_once(':')?;
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
        if holder.len() != 16 || expires_s.len() > 12 || !plain(holder) || !plain(expires_s) {
            return None;
        }
        Some((Holder(u64::from_str_radix(holder, 16).ok()?), expires_s.parse().ok()?))
    }

    /// The key by which a client with this user name signs (RFC 8489 section 9.2.2).
    pub(crate) fn key(&self, username: &str) -> [u8; 16] {
        long_term_key(username, &self.password(username))
    }

    /// A nonce for a client, which it may use for a while from this minute on.
    pub(crate) fn nonce(&self, minute: u32, client: &str) -> String {
        let tag = self.tag(&[b"nonce", &minute.to_be_bytes(), client.as_bytes()]);
        format!("{minute:08x}{}", hex(&tag[..8]))
    }

    /// The minute of a nonce, if it was given to this client.
    pub(crate) fn minute_of(&self, nonce: &str, client: &str) -> Option<u32> {
        let minute = u32::from_str_radix(nonce.get(..8)?, 16).ok()?;
        let same = self.nonce(minute, client);
        let equal = constant_time::verify_slices_are_equal(same.as_bytes(), nonce.as_bytes());
        equal.is_ok().then_some(minute)
    }

    fn password(&self, username: &str) -> String {
        hex(&self.tag(&[b"password", username.as_bytes()])[..16])
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        std::array::from_fn(|at| tag.as_ref()[at])
    }
}

/// The key of long-term credentials. MD5 is what the standard says, and what every browser does; it
/// keeps no secret here, for the password is random.
pub fn long_term_key(username: &str, password: &str) -> [u8; 16] {
    Md5::digest(format!("{username}:{REALM}:{password}")).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_says_whose_it_is_and_no_more() {
        let secret = Secret::new([1; 32]);
        let holder = secret.holder("day", "mirza");
        let given = secret.credentials(holder, 1_800_000_000);
        assert_eq!(Secret::read(&given.username), Some((holder, 1_800_000_000)));
        assert!(!given.username.contains("mirza"));
        assert_eq!(long_term_key(&given.username, &given.password), secret.key(&given.username));
        assert_ne!(holder, secret.holder("da", "ymirza"), "parts do not run together");
        assert_ne!(holder, Secret::new([2; 32]).holder("day", "mirza"));
        for bad in ["", ":", "1:2", "+1:0123456789abcdef", "9999999999999:0123456789abcdef"] {
            assert_eq!(Secret::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_nonce_is_for_one_client() {
        let secret = Secret::new([1; 32]);
        let nonce = secret.nonce(77, "udp 192.0.2.1:5");
        assert_eq!(secret.minute_of(&nonce, "udp 192.0.2.1:5"), Some(77));
        assert_eq!(secret.minute_of(&nonce, "udp 192.0.2.1:6"), None);
        assert_eq!(secret.minute_of("é", "udp 192.0.2.1:5"), None);
    }
}
