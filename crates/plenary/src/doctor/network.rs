//! Ports, the way of a datagram, and the address that people are given.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

use super::Finding;
use crate::settings::{PublicUrl, Settings};

/// How long a datagram may take from this machine to itself, by way of a router at most.
const DATAGRAM_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a server on this machine may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the names of hosts may take to be looked up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let listen = settings.listen.value;
    let mut findings = Vec::new();
    let serving = match TcpListener::bind(listen) {
        Ok(_) => {
            findings.push(Finding::ok("TCP port", format!("{listen} is free")));
            false
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse && answers(listen) => {
            findings.push(Finding::ok("TCP port", format!("a Plenary server runs on {listen}")));
            true
        }
        Err(error) => {
            findings.push(busy("TCP port", listen, &error, "-ltnp"));
            false
        }
    };
    match UdpSocket::bind(listen) {
        Ok(socket) => {
            findings.push(Finding::ok("UDP port", format!("{listen} is free")));
            findings.extend(datagrams(&socket, settings));
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse && serving => {
            findings.push(Finding::warning(
                "UDP port",
                "the running server holds it, so the way of datagrams could not be tried",
                "stop the server and ask the doctor again",
            ));
        }
        Err(error) => findings.push(busy("UDP port", listen, &error, "-lunp")),
    }
    let url = settings.public_url(listen.port());
    findings.push(public_url(settings, &url));
    findings.extend(way_to(settings, &url));
    findings
}

fn busy(topic: &'static str, listen: SocketAddr, error: &std::io::Error, tool: &str) -> Finding {
    let port = listen.port();
    let remedy = match error.kind() {
        ErrorKind::AddrInUse => {
            format!("see who uses it with: ss {tool} 'sport = :{port}'; or choose another port")
        }
        ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a right: run as a service with \
             AmbientCapabilities=CAP_NET_BIND_SERVICE, or choose a port such as 8080 instead of \
             {port}"
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{} is no address of this machine: listen on 0.0.0.0 or [::], and name the public \
             address in `announce`",
            listen.ip()
        ),
        _ => "choose another address or port".to_owned(),
    };
    Finding::wrong(topic, format!("{listen} cannot be used: {error}"), remedy)
}

/// True when a Plenary server answers on this machine at the port.
fn answers(listen: SocketAddr) -> bool {
    let host = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let ask = || -> std::io::Result<bool> {
        let mut stream =
            TcpStream::connect_timeout(&SocketAddr::new(host, listen.port()), ANSWER_TIMEOUT)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let request = "GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes())?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(&head == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

/// Sends a datagram to each address that browsers will be told, and waits for it at the port.
fn datagrams(socket: &UdpSocket, settings: &Settings) -> Vec<Finding> {
    const TOPIC: &str = "UDP way";
    let listen = settings.listen.value;
    let port = socket.local_addr().map_or(listen.port(), |bound| bound.port());
    announced(settings, port)
        .into_iter()
        .map(|ip| match arrives(socket, SocketAddr::new(ip, port)) {
            Ok(true) => Finding::ok(TOPIC, format!("a datagram to {ip} port {port} arrives")),
            Ok(false) => Finding::warning(
                TOPIC,
                format!("a datagram to {ip} port {port} did not arrive"),
                format!(
                    "allow and forward UDP port {port} in the firewall and the router; many \
                     routers do not lead a datagram back in, then try from outside"
                ),
            ),
            Err(error) => Finding::warning(
                TOPIC,
                format!("no datagram can be sent to {ip}: {error}"),
                "check the address in `announce` and the routes of this machine",
            ),
        })
        .collect()
}

/// The addresses that the server announces.
fn announced(settings: &Settings, port: u16) -> Vec<IpAddr> {
    if settings.announce.value.is_empty() {
        let bound = SocketAddr::new(settings.listen.value.ip(), port);
        server::reachable(bound).iter().map(SocketAddr::ip).collect()
    } else {
        settings.announce.value.clone()
    }
}

fn arrives(socket: &UdpSocket, to: SocketAddr) -> std::io::Result<bool> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let sender = UdpSocket::bind(any)?;
    let word = getrandom::u64().map_err(std::io::Error::other)?.to_le_bytes();
    sender.send_to(&word, to)?;
    socket.set_read_timeout(Some(DATAGRAM_TIMEOUT))?;
    // Other datagrams may arrive at an open port; a few of them do not hide ours.
    for _ in 0..16 {
        let mut buffer = [0; 64];
        match socket.recv(&mut buffer) {
            Ok(length) if buffer[..length] == word => return Ok(true),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn public_url(settings: &Settings, url: &PublicUrl) -> Finding {
    const TOPIC: &str = "public URL";
    if !url.is_trustworthy() {
        return Finding::wrong(
            TOPIC,
            format!("browsers give no microphone or camera to pages at {url}"),
            "they want https, or localhost: set `tls.certificate` and `tls.key` and let \
             `public_url` begin with https://",
        );
    }
    if settings.tls.is_some() && !url.https {
        return Finding::wrong(
            TOPIC,
            format!("the server has a certificate and speaks https, but people are sent to {url}"),
            "let `public_url` begin with https://",
        );
    }
    let port = settings.listen.value.port();
    if settings.tls.is_none() && url.https {
        return Finding::warning(
            TOPIC,
            format!("{url} is https, and this server has no certificate"),
            format!(
                "a proxy must speak https and lead to port {port}, WebSockets included; UDP port \
                 {port} must reach this machine directly. Or set `tls.certificate` and `tls.key`"
            ),
        );
    }
    if url.port != port {
        return Finding::warning(
            TOPIC,
            format!("people come to port {} and the server listens on {port}", url.port),
            "a proxy or router must lead from one to the other; or mend `public_url`",
        );
    }
    Finding::ok(TOPIC, format!("browsers trust pages at {url} with the microphone"))
}

/// Whether the public host's name leads to this machine.
fn way_to(settings: &Settings, url: &PublicUrl) -> Option<Finding> {
    const TOPIC: &str = "host name";
    if url.host.parse::<IpAddr>().is_ok() || url.host.ends_with("localhost") {
        return None;
    }
    let host = url.host.clone();
    let remedy = "add the name to the DNS of those who will come, pointing to this machine";
    let Some(found) = lookup(host.clone(), url.port) else {
        return Some(Finding::warning(TOPIC, format!("{host} is not found from here"), remedy));
    };
    let own = announced(settings, url.port);
    let listed: Vec<_> = found.iter().map(IpAddr::to_string).collect();
    let listed = listed.join(", ");
    Some(if found.iter().any(|ip| own.contains(ip)) {
        Finding::ok(TOPIC, format!("{host} leads here ({listed})"))
    } else {
        Finding::warning(
            TOPIC,
            format!("{host} leads to {listed}, which this machine does not announce"),
            "name that address in `announce` if it is forwarded to this machine; else mend the DNS",
        )
    })
}

/// Addresses of a name; `None` when there are none, or nobody answers in time.
fn lookup(host: String, port: u16) -> Option<Vec<IpAddr>> {
    let (sender, receiver) = mpsc::channel();
    // The resolver cannot be interrupted: a thread waits for it, and ends with the process.
    std::thread::spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs();
        // Nobody listens any more when it took too long.
        let _ = sender.send(found.map(|found| found.map(|addr| addr.ip()).collect::<Vec<_>>()));
    });
    let found = receiver.recv_timeout(LOOKUP_TIMEOUT).ok()?.ok()?;
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use crate::settings::settle;

    fn settings(pairs: &[(&'static str, &str)]) -> Settings {
        let flags = pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        settle(&flags, &std::collections::BTreeMap::new(), None, false)
            .unwrap_or_else(|failure| panic!("{}", failure.message))
    }

    #[test]
    fn a_free_port_is_free_and_a_taken_one_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address").to_string();
        let findings = examine(&settings(&[("listen", &address)]));
        assert_eq!(findings[0].verdict, Verdict::Wrong);
        assert!(findings[0].remedy.as_deref().is_some_and(|remedy| remedy.contains("ss -ltnp")));
        drop(taken);
        let findings = examine(&settings(&[("listen", &address)]));
        assert_eq!(findings[0].verdict, Verdict::Ok, "{:?}", findings[0]);
        let way = findings.iter().find(|finding| finding.topic == "UDP way").expect("a way");
        assert_eq!(way.verdict, Verdict::Ok, "{way:?}");
    }

    #[test]
    fn a_datagram_that_cannot_arrive_is_a_warning() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("an address").port();
        assert!(arrives(&socket, ([127, 0, 0, 1], port).into()).expect("sent"));
        // Nobody listens at this address of the loopback network.
        assert!(!arrives(&socket, ([127, 0, 0, 9], port).into()).expect("sent"));
    }

    #[test]
    fn public_addresses() {
        for (url, listen, verdict) in [
            ("http://localhost:8080", "0.0.0.0:8080", Verdict::Ok),
            ("http://talks.example.org", "0.0.0.0:80", Verdict::Wrong),
            ("https://talks.example.org", "0.0.0.0:8080", Verdict::Warning),
            ("http://localhost:80", "0.0.0.0:8080", Verdict::Warning),
        ] {
            let settings = settings(&[("public_url", url), ("listen", listen)]);
            let finding = public_url(&settings, &settings.public_url(0));
            assert_eq!(finding.verdict, verdict, "{url}: {finding:?}");
        }
    }
}
