//! The candidates that an engine knows nothing of: those of the TCP port, where the server waits
//! for connections (RFC 6544). They are written into a finished answer.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// Lines of TCP candidates, ready to be put into an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct TcpCandidates {
    lines: String,
}

impl TcpCandidates {
    /// Candidates for these addresses, the first preferred. Loopback is named only where there is
    /// nothing else, for elsewhere it would be the browser's own machine.
    pub(crate) fn new(announce: &[SocketAddr]) -> Self {
        let everywhere = announce.iter().all(|address| address.ip().is_loopback());
        let named = announce.iter().filter(|address| everywhere || !address.ip().is_loopback());
        let mut lines = String::new();
        for (number, address) in (0..).zip(named) {
            let (ip, port, priority) = (address.ip(), address.port(), priority(number));
            // Writing into a String cannot fail.
            let _ = write!(
                lines,
                "a=candidate:tcp{number} 1 TCP {priority} {ip} {port} typ host tcptype passive\r\n"
            );
        }
        Self { lines }
    }

    /// The text with these candidates after the candidates of every section.
    pub(crate) fn add_to(&self, text: String) -> String {
        if self.lines.is_empty() {
            return text;
        }
        let mut added = String::with_capacity(text.len() + 4 * self.lines.len());
        let mut within = false;
        for line in text.split_inclusive('\n') {
            let is_candidate = line.starts_with("a=candidate:");
            if within && !is_candidate {
                added.push_str(&self.lines);
            }
            within = is_candidate;
            added.push_str(line);
        }
        if within {
            added.push_str(&self.lines);
        }
        added
    }
}

/// RFC 6544 section 4.2: below any host candidate of UDP; the passive end of a host has 4 as its
/// direction preference.
fn priority(number: u32) -> u32 {
    const TYPE: u32 = 105;
    const DIRECTION: u32 = 4;
    const OTHER_MAX: u32 = (1 << 13) - 1;
    let local = DIRECTION << 13 | OTHER_MAX.saturating_sub(number);
    TYPE << 24 | local << 8 | 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_follow_the_others_in_every_section() {
        let announce = ["127.0.0.1:443", "192.0.2.7:443"].map(|a| a.parse().expect("an address"));
        let candidates = TcpCandidates::new(&announce);
        let own = "a=candidate:tcp0 1 TCP 1772093439 192.0.2.7 443 typ host tcptype passive\r\n";
        let udp = "a=candidate:1 1 udp 9 192.0.2.7 443 typ host\r\n";
        let text = format!("m=audio\r\n{udp}{udp}a=end-of-candidates\r\nm=video\r\n{udp}");
        let added =
            format!("m=audio\r\n{udp}{udp}{own}a=end-of-candidates\r\nm=video\r\n{udp}{own}");
        assert_eq!(candidates.add_to(text), added);
        assert!(priority(0) < 126 << 24);
        assert_eq!(TcpCandidates::default().add_to(udp.to_owned()), udp);
        assert!(TcpCandidates::new(&announce[..1]).lines.contains("127.0.0.1"));
    }
}
