//! A small HTTP/1.1 client for one server: WHIP, WHEP and the few documents that a rehearsal
//! fetches. One connection for each request, with a limit on time and length.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Time for one request from the connection to the last byte. A server that takes longer to
/// answer an offer has lost its visitor.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest answer that is read, in bytes. Proceedings of a long event have some megabytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Longest part of an answer that is repeated in an error, in characters.
const REASON_CHARS_MAX: usize = 300;

/// Why a request was not answered as hoped.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address of the server cannot be used.
    #[error("{0} is not an http:// or https:// address of a server")]
    Address(String),
    /// No connection, or it broke.
    #[error("no connection to {server}: {reason}")]
    Connection {
        /// Host and port.
        server: String,
        /// What failed.
        reason: String,
    },
    /// The server did not answer in time.
    #[error("{server} did not answer within {} seconds", REQUEST_TIMEOUT.as_secs())]
    Timeout {
        /// Host and port.
        server: String,
    },
    /// The server answered something else than hoped.
    #[error("{method} {path} was answered {status}: {reason}")]
    Refused {
        /// The method of the request.
        method: Method,
        /// Its path, which never holds a token.
        path: String,
        /// The status of the answer.
        status: StatusCode,
        /// The beginning of the answer's text.
        reason: String,
    },
    /// The answer lacks something.
    #[error("the answer to {path} has no usable {what}")]
    Incomplete {
        /// The path of the request.
        path: String,
        /// What is missing.
        what: &'static str,
    },
}

/// An answer with any status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text; bytes that are no text are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What to ask.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// Path and query, beginning with a slash and below the server's base path, or a whole
    /// address on the same server.
    pub path: &'a str,
    /// The token of a personal link, sent as a bearer token.
    pub token: Option<&'a str>,
    /// Type and text of the body.
    pub body: Option<(&'static str, String)>,
}

/// A stream with or without TLS.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A server, and how to reach it. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    host: String,
    port: u16,
    /// Path below which the server is mounted, without a slash at the end.
    base: String,
    tls: Option<TlsConnector>,
}

impl Server {
    /// Reads the address of a server, such as `https://webinar.example.org`.
    ///
    /// # Errors
    /// [`HttpError::Address`] when it is not an http or https address with a host.
    pub fn new(base_url: &str) -> Result<Self, HttpError> {
        let wrong = || HttpError::Address(base_url.to_owned());
        let uri: Uri = base_url.parse().map_err(|_| wrong())?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            base: uri.path().trim_end_matches('/').to_owned(),
            tls: secure.then(connector).transpose().map_err(|_| wrong())?,
        })
    }

    /// Host and port, for messages and the `Host` header.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// True when the connection is encrypted.
    pub fn secure(&self) -> bool {
        self.tls.is_some()
    }

    /// A path below the base path of this server.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The address of this machine from which packets to the server leave.
    ///
    /// # Errors
    /// [`HttpError::Connection`] when the server's name has no address or there is no way to it.
    pub async fn local_ip(&self) -> Result<IpAddr, HttpError> {
        let probe = async {
            let remote = self.resolve().await?;
            let any: IpAddr = if remote.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
            let socket = tokio::net::UdpSocket::bind((any, 0)).await?;
            // Connecting a UDP socket sends nothing; it only asks the routing table.
            socket.connect(remote).await?;
            Ok::<_, std::io::Error>(socket.local_addr()?.ip())
        };
        probe.await.map_err(|error| self.broken(&error))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// [`HttpError::Connection`] when it fails.
    pub async fn connect(&self) -> Result<Box<dyn Stream>, HttpError> {
        let open = async {
            let stream = TcpStream::connect(self.resolve().await?).await?;
            stream.set_nodelay(true)?;
            let Some(tls) = &self.tls else { return Ok(Box::new(stream) as Box<dyn Stream>) };
            let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(Box::new(tls.connect(name, stream).await?))
        };
        open.await.map_err(|error| self.broken(&error))
    }

    async fn resolve(&self) -> std::io::Result<SocketAddr> {
        tokio::net::lookup_host((self.host.as_str(), self.port))
            .await?
            .next()
            .ok_or_else(|| std::io::Error::other("the name has no address"))
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> HttpError {
        HttpError::Connection { server: self.authority(), reason: error.to_string() }
    }

    /// Sends one request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, HttpError> {
        tokio::time::timeout(REQUEST_TIMEOUT, self.ask_unbounded(ask))
            .await
            .unwrap_or_else(|_| Err(HttpError::Timeout { server: self.authority() }))
    }

    async fn ask_unbounded(&self, ask: Ask<'_>) -> Result<Answer, HttpError> {
        let request = self.request(&ask)?;
        let io = TokioIo::new(self.connect().await?);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(io).await.map_err(|error| self.broken(&error))?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|e| self.broken(&e))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| self.broken(&error))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        // The connection is driven beside the exchange and dropped with it.
        tokio::pin!(connection, exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            end = &mut connection => match end {
                Ok(()) => exchange.await,
                Err(error) => Err(self.broken(&error)),
            },
        }
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request<Full<Bytes>>, HttpError> {
        let target = match ask.path.strip_prefix('/') {
            Some(_) => ask.path.to_owned(),
            // A Location may be a whole address (RFC 9110, section 10.2.2).
            None => ask
                .path
                .parse::<Uri>()
                .ok()
                .and_then(|uri| uri.path_and_query().map(ToString::to_string))
                .ok_or_else(|| HttpError::Address(ask.path.to_owned()))?,
        };
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(target)
            .header(header::HOST, self.authority())
            .header(header::USER_AGENT, concat!("plenary-rehearse/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        if let Some(token) = ask.token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| HttpError::Address("a token with a line break".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let body = match &ask.body {
            Some((kind, text)) => {
                request = request.header(header::CONTENT_TYPE, *kind);
                Full::from(text.clone())
            }
            None => Full::default(),
        };
        request.body(body).map_err(|_| HttpError::Address(ask.path.to_owned()))
    }

    /// Like [`Server::ask`], but any other status than `hoped` is an error.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer, or another one.
    pub async fn ask_for(&self, hoped: StatusCode, ask: Ask<'_>) -> Result<Answer, HttpError> {
        let (method, path) = (ask.method.clone(), ask.path.to_owned());
        let answer = self.ask(ask).await?;
        if answer.status == hoped {
            return Ok(answer);
        }
        let reason = answer.text().chars().take(REASON_CHARS_MAX).collect();
        Err(HttpError::Refused { method, path, status: answer.status, reason })
    }
}

/// TLS that trusts what this machine trusts, an organisation's own authority included.
fn connector() -> Result<TlsConnector, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate of this machine cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn addresses() {
        let server = Server::new("http://[::1]:8080/webinar/").expect("an address");
        assert_eq!(server.authority(), "[::1]:8080");
        assert_eq!(server.path("/whip/e"), "/webinar/whip/e");
        assert_eq!(
            Server::new("https://example.org").expect("an address").authority(),
            "example.org:443"
        );
        for bad in ["", "example.org", "ftp://example.org", "/path"] {
            assert!(matches!(Server::new(bad), Err(HttpError::Address(_))), "{bad}");
        }
    }

    /// Answers one request with fixed bytes and returns what was asked.
    async fn once(answer: &'static [u8]) -> (Server, tokio::task::JoinHandle<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut text = vec![0; 4_096];
            let length = stream.read(&mut text).await.expect("a request");
            stream.write_all(answer).await.expect("sent");
            text.truncate(length);
            String::from_utf8(text).expect("text")
        });
        (Server::new(&format!("http://127.0.0.1:{port}")).expect("an address"), asked)
    }

    #[tokio::test]
    async fn a_request_carries_the_token_and_another_status_is_an_error() {
        let (server, asked) =
            once(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\nNot you.\n").await;
        let ask = Ask {
            method: Method::POST,
            path: "/whip/e",
            token: Some("t0ken"),
            body: Some(("application/sdp", "v=0".to_owned())),
        };
        let error = server.ask_for(StatusCode::CREATED, ask).await.expect_err("refused");
        assert_eq!(error.to_string(), "POST /whip/e was answered 403 Forbidden: Not you.\n");
        let asked = asked.await.expect("asked");
        assert!(asked.starts_with("POST /whip/e HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("authorization: Bearer t0ken\r\n"), "{asked}");
        assert!(asked.ends_with("\r\n\r\nv=0"), "{asked}");
    }

    #[tokio::test]
    async fn a_broken_answer_is_an_error_that_names_the_server() {
        let (server, _) = once(b"noise\r\n\r\n").await;
        let ask = Ask { method: Method::GET, path: "/", token: None, body: None };
        let error = server.ask(ask).await.expect_err("no HTTP");
        assert!(error.to_string().contains(&server.authority()), "{error}");
    }
}
