//! The listening server itself: one port, real media engine, TLS, orderly end.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use api_types::EndReason;
use base::{ManualClock, SplitMix};
use proceedings::testing::{START, reference_event};
use server::{Config, Parts, ServeError, Server, TlsFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio_rustls::rustls;

use crate::support::{EVENT, FaultyStorage, Socket, create, key, token};

pub(crate) async fn parts() -> Parts {
    let storage = FaultyStorage::default();
    create(&storage, reference_event()).await;
    Parts {
        storage: Arc::new(storage),
        clock: Arc::new(ManualClock::new(START)),
        random: Box::new(SplitMix(1)),
        links: key(),
    }
}

pub(crate) fn loopback() -> Config {
    Config::on(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0))
}

async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // A server that closes before it has read everything resets the connection.
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await.expect("an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_server_serves_and_ends_in_order() {
    let server = Server::bind(loopback(), parts().await).unwrap();
    let address = server.address();
    assert_eq!(server.public_url(), format!("http://localhost:{}", address.port()));
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));

    let request = "GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert!(raw(address, request).await.starts_with("HTTP/1.1 200"), "it answers");
    // Noise on both ports disturbs nobody.
    let noise = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for length in [0, 1, 20, 1_200] {
        noise.send_to(&vec![0xa5; length], address).await.unwrap();
    }
    assert_eq!(raw(address, "\0\0\0\u{1}").await, "", "what is no HTTP is closed");
    assert!(raw(address, "GET\r\n\r\n").await.starts_with("HTTP/1.1 400"));

    let mut socket = Socket::dial(address).await;
    socket.hello(EVENT, &token("kazi"), None).await;
    socket.welcome().await;
    let idle = TcpStream::connect(address).await.unwrap();
    stop.send(()).unwrap();
    assert_eq!(socket.end().await, EndReason::ServerStops);
    drop((socket, idle));
    tokio::time::timeout(Duration::from_secs(8), running).await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "the port is free");
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_said() {
    let taken = Server::bind(loopback(), parts().await).unwrap();
    let again = Server::bind(Config::on(taken.address()), parts().await).map(drop);
    let text = again.unwrap_err().to_string();
    assert!(text.contains(&taken.address().to_string()), "{text}");

    for bad in ["example.org", "ftp://x", "https://", "https://x/path", "https://x?y"] {
        let config = Config { public_url: Some(bad.to_owned()), ..loopback() };
        let result = Server::bind(config, parts().await).map(drop);
        assert!(matches!(result, Err(ServeError::PublicUrl(_))), "{bad}");
    }
    let config = Config { public_url: Some("https://x.example/".to_owned()), ..loopback() };
    let server = Server::bind(config, parts().await).unwrap();
    assert_eq!(server.public_url(), "https://x.example");
}

/// Certificate and key of `localhost`, as files.
fn certificate(folder: &std::path::Path) -> (TlsFiles, rcgen::CertifiedKey<rcgen::KeyPair>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made)
}

#[tokio::test]
async fn tls_and_the_way_there() {
    let folder = tempfile::tempdir().unwrap();
    let (files, made) = certificate(folder.path());
    let config = Config { tls: Some(files), ..loopback() };
    let server = Server::bind(config, parts().await).unwrap();
    let address = server.address();
    let url = server.public_url().to_owned();
    assert_eq!(url, format!("https://localhost:{}", address.port()));
    tokio::spawn(server.run(std::future::pending()));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let request = "GET /api/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    // Who comes without TLS is sent where it is.
    let request = "GET /e/x?lang=ru HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = raw(address, request).await;
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    assert!(answer.contains(&format!("location: {url}/e/x?lang=ru\r\n")), "{answer}");
}

#[tokio::test]
async fn files_of_tls_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = certificate(folder.path());
    let missing = folder.path().join("missing.pem");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
    let foreign = folder.path().join("foreign.pem");
    std::fs::write(&foreign, other.signing_key.serialize_pem()).unwrap();
    for (certificate, key, named) in [
        (&missing, &files.key, &missing),
        (&files.certificate, &missing, &missing),
        (&empty, &files.key, &empty),
        (&files.certificate, &empty, &empty),
        (&files.certificate, &foreign, &files.certificate),
    ] {
        let tls = Some(TlsFiles { certificate: certificate.clone(), key: key.clone() });
        let result = Server::bind(Config { tls, ..loopback() }, parts().await).map(drop);
        let text = result.unwrap_err().to_string();
        assert!(text.starts_with(&named.display().to_string()), "{text}");
    }
}

/// Time stands still here and jumps when everything waits.
#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_closed() {
    let server = Server::bind(loopback(), parts().await).unwrap();
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    let begin = tokio::time::Instant::now();
    for half in ["", "GET /api/health HTT", "GET / HTTP/1.1\r\nx: y\r\n"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(60));
}
