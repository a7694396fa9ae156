//! ICE fragments as WHIP and WHEP clients send them (RFC 8840): candidates, and new credentials
//! when ICE is to be restarted.

use std::fmt::Write as _;

use str0m::{Candidate, IceCreds};

use crate::errors::PatchError;

/// Lines of a fragment. A browser sends a dozen candidates for each of ten sections.
const LINES_MAX: usize = 1_000;

/// The credentials of a fragment. Its candidates are not looked at: an ICE-lite agent learns a
/// peer's address from the peer's own checks (RFC 8445 section 2.5).
pub(crate) fn parse(fragment: &str) -> Result<Option<IceCreds>, PatchError> {
    let (mut ufrag, mut password, mut known) = (None, None, false);
    for (number, line) in fragment.lines().map(str::trim_end).enumerate() {
        if number >= LINES_MAX {
            return Err(PatchError::Malformed("it has too many lines"));
        }
        if line.is_empty() {
            continue;
        }
        if !(line.starts_with("a=") || line.starts_with("m=")) {
            return Err(PatchError::Malformed("every line begins with a= or m="));
        }
        if let Some(text) = line.strip_prefix("a=ice-ufrag:") {
            ufrag = Some(text);
        } else if let Some(text) = line.strip_prefix("a=ice-pwd:") {
            password = Some(text);
        }
        known |= line.starts_with("a=candidate:") || line == "a=end-of-candidates";
    }
    let ice = |text: &str, bounds: std::ops::RangeInclusive<usize>| {
        bounds.contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
    };
    match (ufrag, password) {
        // Lengths: RFC 8839 section 5.4.
        (Some(ufrag), Some(password)) if ice(ufrag, 4..=256) && ice(password, 22..=256) => {
            Ok(Some(IceCreds { ufrag: ufrag.to_owned(), pass: password.to_owned() }))
        }
        (Some(_), Some(_)) => Err(PatchError::Malformed("its ice-ufrag or ice-pwd is not valid")),
        (None, None) if known => Ok(None),
        (None, None) => Err(PatchError::Malformed("it holds neither candidates nor credentials")),
        _ => Err(PatchError::Malformed("ice-ufrag and ice-pwd must come together")),
    }
}

/// The answer to a restart: our new credentials and candidates for the one transport.
pub(crate) fn answer(credentials: &IceCreds, candidates: &[Candidate], mid: &str) -> String {
    let mut text = String::new();
    let IceCreds { ufrag, pass } = credentials;
    // Writing into a String cannot fail.
    let _ = write!(text, "a=ice-lite\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pass}\r\n");
    let _ = write!(text, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:{mid}\r\n");
    for candidate in candidates {
        // A candidate remembers the user name that it was made for, which is no longer ours.
        let line = candidate.to_sdp_string();
        let line = line.split(" ufrag ").next().unwrap_or_default();
        let _ = write!(text, "a={line}\r\n");
    }
    text.push_str("a=end-of-candidates\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments() {
        let password = "x".repeat(24);
        let restart = format!(
            "a=ice-ufrag:EsAw\r\na=ice-pwd:{password}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
        );
        let creds = parse(&restart).expect("valid").expect("credentials");
        assert_eq!((creds.ufrag.as_str(), creds.pass), ("EsAw", password));
        let trickle = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
             a=candidate:1 1 UDP 2113667327 host.local 4321 typ host\r\na=end-of-candidates\r\n";
        assert!(matches!(parse(trickle), Ok(None)));
        for bad in
            ["", "hello", "a=ice-ufrag:EsAw\r\n", "a=ice-ufrag:E\r\na=ice-pwd:short\r\n", "a=mid:0"]
        {
            assert!(matches!(parse(bad), Err(PatchError::Malformed(_))), "{bad}");
        }
        assert!(parse(&"a=mid:0\n".repeat(LINES_MAX + 1)).is_err());
    }
}
