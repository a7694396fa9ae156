//! The ways to media besides UDP, on the real port with the real engine.

use std::net::SocketAddr;
use std::time::Duration;

use proceedings::Command;
use relay::stun::{Class, Message, Method, Writer, attribute};
use relay::{REALM, long_term_key};
use server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::serve::{loopback, parts};
use crate::support::{EVENT, Socket, token};

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:theirs\r\n\
    a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 \
    00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\
    \r\na=setup:actpass\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\n";

/// A running server, a media session on it and the credentials that came with it.
pub(crate) struct Session {
    pub(crate) address: SocketAddr,
    location: String,
    ufrag: String,
    password: String,
    username: String,
    credential: String,
    answer: String,
}

impl Session {
    pub(crate) async fn begin() -> Self {
        let server = Server::bind(loopback(), parts().await).unwrap();
        let address = server.address();
        tokio::spawn(server.run(std::future::pending()));
        let mut kazi = Socket::dial(address).await;
        kazi.hello(EVENT, &token("kazi"), None).await;
        kazi.welcome().await;
        kazi.must(Command::OpenEvent).await;
        let token = token("kazi");
        let answer = http(
            address,
            &format!(
                "POST /whep/{EVENT} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                 authorization: Bearer {token}\r\ncontent-type: application/sdp\r\n\
                 content-length: {}\r\n\r\n{OFFER}",
                OFFER.len()
            ),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let after = |mark: &str, end: &str| {
            let rest = answer.split_once(mark).unwrap_or_else(|| panic!("{mark} in {answer}")).1;
            rest.split(end).next().unwrap().to_owned()
        };
        Self {
            address,
            location: after("location: ", "\r\n"),
            ufrag: after("a=ice-ufrag:", "\r\n"),
            password: after("a=ice-pwd:", "\r\n"),
            username: after("username=\"", "\""),
            credential: after("credential=\"", "\""),
            answer,
        }
    }

    /// An ICE check of the session.
    fn check(&self, password: &str) -> Vec<u8> {
        Writer::new(Method::Binding, Class::Request, [5; 12])
            .with(attribute::USERNAME, format!("{}:theirs", self.ufrag).as_bytes())
            .with(0x0024, &[0, 0, 0, 1])
            .with(0x0025, &[])
            .sign(password.as_bytes())
    }

    async fn end(&self) {
        let (location, token) = (&self.location, token("kazi"));
        let request = format!(
            "DELETE {location} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        assert!(http(self.address, &request).await.starts_with("HTTP/1.1 200"));
    }
}

pub(crate) async fn http(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

async fn soon<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(3), wait).await.expect("in time")
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

#[tokio::test]
async fn a_good_check_keeps_a_connection_until_its_session_ends() {
    let session = Session::begin().await;
    let port = session.address.port();
    let candidate = format!("TCP 1772093439 127.0.0.1 {port} typ host tcptype passive");
    assert!(session.answer.contains(&candidate), "{}", session.answer);

    let mut stream = TcpStream::connect(session.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(&framed(&session.check(&session.password))).await.unwrap();
        let length = usize::from(soon(stream.read_u16()).await.unwrap());
        let mut answer = vec![0; length];
        soon(stream.read_exact(&mut answer)).await.unwrap();
        let message = Message::parse(&answer[..]).expect("a message");
        assert_eq!((message.method, message.class), (Method::Binding, Class::Success));
        assert!(message.is_authentic(session.password.as_bytes()));
    }
    session.end().await;
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest)).await.unwrap();
}

#[tokio::test]
async fn whoever_shows_no_good_check_is_put_out_at_once() {
    let session = Session::begin().await;
    let unknown = Writer::new(Method::Binding, Class::Request, [5; 12])
        .with(attribute::USERNAME, b"nobody:theirs")
        .sign(session.password.as_bytes());
    let forged = session.check("0123456789012345678901");
    for (what, first) in [
        ("no such session", framed(&unknown)),
        ("a wrong password", framed(&forged)),
        ("no name", framed(&Writer::new(Method::Binding, Class::Request, [1; 12]).finish())),
    ] {
        let mut stream = TcpStream::connect(session.address).await.unwrap();
        stream.write_all(&first).await.unwrap();
        let mut rest = Vec::new();
        let _ = soon(stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{what}");
    }
    // A frame too long for any datagram ends even a connection that has proven itself.
    let mut stream = TcpStream::connect(session.address).await.unwrap();
    stream.write_all(&framed(&session.check(&session.password))).await.unwrap();
    stream.write_all(&[0xff, 0xff]).await.unwrap();
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
}

/// A client of the relay, by UDP or by TCP.
enum Line {
    Udp(UdpSocket, SocketAddr),
    Tcp(TcpStream),
}

impl Line {
    async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Udp(socket, to) => drop(socket.send_to(bytes, *to).await.unwrap()),
            Self::Tcp(stream) => stream.write_all(bytes).await.unwrap(),
        }
    }

    async fn receive(&mut self) -> Vec<u8> {
        match self {
            Self::Udp(socket, _) => {
                let mut bytes = vec![0; 2_000];
                let (length, _) = soon(socket.recv_from(&mut bytes)).await.unwrap();
                bytes.truncate(length);
                bytes
            }
            Self::Tcp(stream) => {
                let mut bytes = vec![0; 20];
                soon(stream.read_exact(&mut bytes)).await.unwrap();
                let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
                bytes.resize(20 + length, 0);
                soon(stream.read_exact(&mut bytes[20..])).await.unwrap();
                bytes
            }
        }
    }
}

struct RelayClient {
    line: Line,
    username: String,
    password: String,
    nonce: String,
    asked: u8,
}

impl RelayClient {
    async fn ask(
        &mut self,
        method: Method,
        fill: impl FnOnce(Writer) -> Writer,
    ) -> Result<Vec<u8>, u16> {
        self.asked += 1;
        let key = long_term_key(&self.username, &self.password);
        let request = fill(Writer::new(method, Class::Request, [self.asked; 12]))
            .with(attribute::USERNAME, self.username.as_bytes())
            .with(attribute::REALM, REALM.as_bytes())
            .with(attribute::NONCE, self.nonce.as_bytes())
            .sign(&key);
        self.line.send(&request).await;
        let reply = self.line.receive().await;
        let message = Message::parse(&reply).expect("a message");
        if let Some(nonce) = message.text(attribute::NONCE) {
            self.nonce = nonce.to_owned();
        }
        match message.find(attribute::ERROR_CODE) {
            Some([_, _, class, number, ..]) => Err(u16::from(*class) * 100 + u16::from(*number)),
            _ => Ok(reply),
        }
    }

    async fn allocate(&mut self, transport: u8) -> Result<Vec<u8>, u16> {
        self.ask(Method::Allocate, |w| {
            w.with(attribute::REQUESTED_TRANSPORT, &[transport, 0, 0, 0])
        })
        .await
    }

    async fn permit(&mut self, peer: &str) -> Result<Vec<u8>, u16> {
        let peer = peer.parse().unwrap();
        self.ask(Method::CreatePermission, |w| w.with_address(attribute::XOR_PEER_ADDRESS, peer))
            .await
    }

    async fn bind(&mut self, peer: &str) -> Result<Vec<u8>, u16> {
        let peer = peer.parse().unwrap();
        self.ask(Method::ChannelBind, |w| {
            w.with(attribute::CHANNEL_NUMBER, &[0x40, 0, 0, 0])
                .with_address(attribute::XOR_PEER_ADDRESS, peer)
        })
        .await
    }
}

#[tokio::test]
async fn the_relay_reaches_this_servers_media_and_nothing_else() {
    let session = Session::begin().await;
    let own = session.address.to_string();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(session.address).await.unwrap();
    for line in [Line::Udp(socket, session.address), Line::Tcp(stream)] {
        let mut client = RelayClient {
            line,
            username: session.username.clone(),
            password: "wrong".to_owned(),
            nonce: "none".to_owned(),
            asked: 0,
        };
        assert_eq!(client.allocate(17).await, Err(438), "a nonce is needed");
        assert_eq!(client.allocate(17).await, Err(401), "and the password");
        client.password.clone_from(&session.credential);
        assert_eq!(client.allocate(6).await, Err(442), "no connections are relayed");
        client.allocate(17).await.expect("allocated");
        for peer in ["127.0.0.1:22", "127.0.0.1:1", "127.0.0.2:443", "192.0.2.1:80", "8.8.8.8:53"] {
            assert_eq!(client.permit(peer).await, Err(403), "{peer}");
            assert_eq!(client.bind(peer).await, Err(403), "{peer}");
        }
        client.permit(&own).await.expect("our own");

        // A check through the allocation is answered by the session.
        let data = Writer::new(Method::Send, Class::Indication, [7; 12])
            .with_address(attribute::XOR_PEER_ADDRESS, session.address)
            .with(attribute::DATA, &session.check(&session.password))
            .finish();
        client.line.send(&data).await;
        let reply = client.line.receive().await;
        let message = Message::parse(&reply).expect("a message");
        assert_eq!((message.method, message.class), (Method::Data, Class::Indication));
        let inner = Message::parse(message.find(attribute::DATA).expect("data")).expect("inner");
        assert!(inner.class == Class::Success && inner.is_authentic(session.password.as_bytes()));
    }
}

#[tokio::test]
async fn an_allocation_ends_with_the_session_that_uses_it() {
    let session = Session::begin().await;
    let stream = TcpStream::connect(session.address).await.unwrap();
    let mut client = RelayClient {
        line: Line::Tcp(stream),
        username: session.username.clone(),
        password: session.credential.clone(),
        nonce: "none".to_owned(),
        asked: 0,
    };
    assert_eq!(client.allocate(17).await, Err(438));
    client.allocate(17).await.expect("allocated");
    client.permit(&session.address.to_string()).await.expect("our own");
    let data = Writer::new(Method::Send, Class::Indication, [7; 12])
        .with_address(attribute::XOR_PEER_ADDRESS, session.address)
        .with(attribute::DATA, &session.check(&session.password))
        .finish();
    client.line.send(&data).await;
    client.line.receive().await;
    session.end().await;
    let Line::Tcp(mut stream) = client.line else { unreachable!() };
    let mut rest = Vec::new();
    let _ = soon(stream.read_to_end(&mut rest)).await;
}
