//! ICE as a receiver needs it (RFC 8445): it checks the one path to the server and keeps it, or,
//! where the server checks, answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use is::stun::{StunMessage, TransId};

use super::sdp::Credentials;

/// Time to the next check while there is no answer.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// Time between checks of a path that works; browsers take two to five seconds.
const CONSENT_EVERY: Duration = Duration::from_millis(2_500);

/// Longest check or answer.
const MESSAGE_BYTES_MAX: usize = 256;

/// Priority of a peer-reflexive candidate (RFC 8445 section 5.1.2).
const PRIORITY: u32 = 110 << 24 | 0xffff << 8 | 0xff;

/// The state of the path.
pub struct Ice {
    own: Credentials,
    own_key: hmac::Key,
    remote: Credentials,
    remote_key: hmac::Key,
    /// We check and nominate; otherwise the other side does, and we only answer.
    controlling: bool,
    tie_breaker: u64,
    waiting: Option<TransId>,
    next_at: Instant,
    up: bool,
}

impl Ice {
    /// A path that is checked from now on.
    pub fn new(own: Credentials, remote: Credentials, controlling: bool, now: Instant) -> Self {
        let key = |credentials: &Credentials| {
            hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, credentials.pwd.as_bytes())
        };
        let (own_key, remote_key) = (key(&own), key(&remote));
        let tie_breaker = crate::random();
        Self {
            own,
            own_key,
            remote,
            remote_key,
            controlling,
            tie_breaker,
            waiting: None,
            next_at: now,
            up: false,
        }
    }

    /// Whether the path is known to work in both directions.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// The check that is due, if one is.
    pub fn check(&mut self, now: Instant) -> Option<Vec<u8>> {
        if !self.controlling || now < self.next_at {
            return None;
        }
        self.next_at = now + if self.up { CONSENT_EVERY } else { CHECK_EVERY };
        let transaction = TransId::new();
        self.waiting = Some(transaction);
        let name = format!("{}:{}", self.remote.ufrag, self.own.ufrag);
        let check = StunMessage::binding_request(
            &name,
            transaction,
            true,
            self.tie_breaker,
            PRIORITY,
            true,
        );
        encode(check, &self.remote_key)
    }

    /// Takes a STUN message and returns the answer to it, if it wants one.
    pub fn handle(&mut self, message: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let message = StunMessage::parse(message).ok()?;
        if message.is_successful_binding_response() {
            let ours = self.waiting == Some(message.trans_id());
            if ours && message.verify(&[], |_, parts| sign(&self.remote_key, parts)) {
                self.up = true;
            }
            return None;
        }
        let named =
            message.split_username() == Some((self.own.ufrag.as_str(), self.remote.ufrag.as_str()));
        let authentic = message.verify(&[], |_, parts| sign(&self.own_key, parts));
        if !message.is_binding_request() || !named || !authentic {
            return None;
        }
        if !self.controlling && message.use_candidate() {
            self.up = true;
        }
        encode(StunMessage::binding_reply(message.trans_id(), from), &self.own_key)
    }
}

fn sign(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 20] {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    let mut tag = [0; 20];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

fn encode(message: StunMessage<'_>, key: &hmac::Key) -> Option<Vec<u8>> {
    let mut buffer = vec![0; MESSAGE_BYTES_MAX];
    let length = message.to_bytes(Some(&[]), &mut buffer, |_, parts| sign(key, parts)).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(now: Instant) -> (Ice, Ice) {
        let (one, other) = (Credentials::random(), Credentials::random());
        (Ice::new(one.clone(), other.clone(), true, now), Ice::new(other, one, false, now))
    }

    #[test]
    fn the_one_who_checks_and_the_one_who_answers_agree() {
        let now = Instant::now();
        let address = "127.0.0.1:5000".parse().expect("an address");
        let (mut checking, mut answering) = pair(now);
        assert_eq!(answering.check(now), None, "it only answers");
        let check = checking.check(now).expect("a check is due");
        assert_eq!(checking.check(now), None, "one at a time");
        let answer = answering.handle(&check, address).expect("an answer");
        assert!(answering.is_up() && !checking.is_up());
        assert_eq!(checking.handle(&answer, address), None);
        assert!(checking.is_up());
        assert!(checking.check(now + CHECK_EVERY).is_some(), "the next check was set before");
        assert!(checking.check(now + CHECK_EVERY * 2).is_none(), "then consent is enough");
    }

    #[test]
    fn strangers_are_not_answered() {
        let now = Instant::now();
        let address = "127.0.0.1:5000".parse().expect("an address");
        let ((mut stranger, _), (mut checking, mut answering)) = (pair(now), pair(now));
        let check = stranger.check(now).expect("a check");
        assert_eq!(answering.handle(&check, address), None);
        let mut check = checking.check(now).expect("a check");
        let last = check.len() - 1;
        for at in [20, last - 10] {
            let mut changed = check.clone();
            changed[at] ^= 1;
            assert_eq!(answering.handle(&changed, address), None, "byte {at}");
        }
        check.truncate(last);
        assert_eq!(answering.handle(&check, address), None);
        assert!(!answering.is_up());
    }
}
