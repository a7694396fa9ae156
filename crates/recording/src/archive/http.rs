//! The way to the store: HTTP and TLS of the workspace, for the client of `object_store`.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};

/// Time for a connection to the store.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time from a request to the head of its answer. A part of a file needs this long over a line of
/// 300 kbit/s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(240);

/// Time between two pieces of an answer.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection nobody uses stays open, and how many of them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const IDLE_MAX: usize = 8;

/// Makes the client. It asks nobody but the endpoint: it knows no proxy and follows no redirect.
#[derive(Debug)]
pub(super) struct Connector;

impl object_store::client::HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| {
            object_store::Error::Generic { store: "S3", source: Box::new(error) }
        })?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(tls.https_or_http().enable_http1().wrap_connector(tcp));
        Ok(HttpClient::new(Service(client)))
    }
}

#[derive(Debug)]
struct Service(Client<HttpsConnector<HttpConnector>, HttpRequestBody>);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.0.request(request)).await;
        let answer = answer.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?;
        let answer = answer.map_err(|error| {
            let kind =
                if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
            HttpError::new(kind, error)
        })?;
        let (head, body) = answer.into_parts();
        let pieces = futures_util::stream::unfold(Some(body), |body| async move {
            let mut body = body?;
            match tokio::time::timeout(PIECE_TIMEOUT, body.frame()).await {
                Ok(Some(Ok(frame))) => Some((Ok(frame), Some(body))),
                Ok(Some(Err(error))) => {
                    Some((Err(HttpError::new(HttpErrorKind::Interrupted, error)), None))
                }
                Ok(None) => None,
                Err(late) => Some((Err(HttpError::new(HttpErrorKind::Timeout, late)), None)),
            }
        });
        let body = http_body_util::StreamBody::new(SyncStream::new(Box::pin(pieces)));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

type Pieces = std::pin::Pin<
    Box<dyn futures_util::Stream<Item = Result<http_body::Frame<bytes::Bytes>, HttpError>> + Send>,
>;

/// A stream that is only ever polled through `&mut`, and may therefore be shared.
struct SyncStream(std::sync::Mutex<Pieces>);

impl SyncStream {
    fn new(pieces: Pieces) -> Self {
        Self(std::sync::Mutex::new(pieces))
    }
}

impl futures_util::Stream for SyncStream {
    type Item = Result<http_body::Frame<bytes::Bytes>, HttpError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let pieces = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        pieces.as_mut().poll_next(context)
    }
}
