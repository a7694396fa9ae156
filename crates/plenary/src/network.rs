//! Which addresses browsers are told to send sound and pictures to.

use std::net::{IpAddr, SocketAddr};

use crate::settings::Settings;

/// Addresses announced when none are named: each is a candidate that every browser probes, and a
/// machine with many container networks has dozens.
const ADDRESSES_MAX: usize = 8;

/// The addresses to announce: those that the operator named; else the one that the server listens
/// on; else those of this machine, loopback last.
pub(crate) fn announced(settings: &Settings) -> std::io::Result<Vec<IpAddr>> {
    let listen = settings.listen.value.ip();
    if !settings.announce.value.is_empty() {
        return Ok(settings.announce.value.clone());
    }
    if !listen.is_unspecified() {
        return Ok(vec![listen]);
    }
    let interfaces = if_addrs::get_if_addrs()?;
    let addresses = interfaces.into_iter().map(|interface| interface.ip());
    Ok(usable(addresses, settings.listen.value))
}

/// Those of the addresses that a peer can send to when the server listens on `listen`.
fn usable(addresses: impl Iterator<Item = IpAddr>, listen: SocketAddr) -> Vec<IpAddr> {
    let mut usable: Vec<_> = addresses
        .filter(|ip| match ip {
            IpAddr::V4(ip) => !ip.is_link_local(),
            // Link-local addresses need a zone, which a candidate cannot carry.
            IpAddr::V6(ip) => listen.is_ipv6() && !ip.is_unicast_link_local(),
        })
        .collect();
    usable.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6(), *ip));
    usable.dedup();
    if usable.len() > ADDRESSES_MAX {
        // The last is the loopback, which people on this machine need.
        let last = usable.pop();
        usable.truncate(ADDRESSES_MAX - 1);
        usable.extend(last);
    }
    usable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn loopback_comes_last_and_link_local_never() {
        let all = ips(&["127.0.0.1", "::1", "10.0.0.2", "fe80::1", "2001:db8::1", "169.254.1.1"]);
        let v4 = "0.0.0.0:1".parse().expect("an address");
        assert_eq!(usable(all.clone().into_iter(), v4), ips(&["10.0.0.2", "127.0.0.1"]));
        let both = "[::]:1".parse().expect("an address");
        let expected = ips(&["10.0.0.2", "2001:db8::1", "127.0.0.1", "::1"]);
        assert_eq!(usable(all.into_iter(), both), expected);
    }

    #[test]
    fn a_machine_with_many_networks_announces_a_few_and_the_loopback() {
        let many = (0..40).map(|n| IpAddr::from([10, 0, n, 1])).chain(ips(&["127.0.0.1"]));
        let usable = usable(many, "0.0.0.0:1".parse().expect("an address"));
        assert_eq!(usable.len(), ADDRESSES_MAX);
        assert!(usable[ADDRESSES_MAX - 1].is_loopback());
    }
}
