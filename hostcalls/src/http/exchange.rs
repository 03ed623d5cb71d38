//! One request and its response, on a connection of their own.

use std::{
    error::Error as _,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response, Uri, uri::PathAndQuery};
use http_body_util::BodyExt as _;
use hyper::{
    body::{Body as _, Incoming},
    client::conn::http1,
};
use tokio::{sync::Semaphore, time::timeout};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, io::TokioIo};

use super::{
    body::{Received, Sending, Traffic},
    connect::{Network, Stream},
    target::Target,
};
use crate::gate::Gate;

/// The largest head of a response in bytes, and what is kept of its body until the guest reads it.
const MAX_HEAD: usize = 64 << 10;

/// What goes on behind a response until its body is read.
pub(super) type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// What every request of one instance has in common; a cheap clone.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) network: Network,
    pub(super) gate: Gate,
    pub(super) deadline: Instant,
    /// The most bytes of one body.
    pub(super) payload: u64,
    pub(super) traffic: Arc<Traffic>,
    /// The turns to resolve a name that one run has.
    pub(super) lookups: Arc<Semaphore>,
}

/// How long a guest waits, never longer than its run may take.
struct Waits {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Exchange {
    /// Sends a request whose host is granted. Dropping what comes of it closes the connection.
    pub(super) async fn send(
        self,
        target: Target,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<(Response<WasiBody>, Io), Error> {
        let waits = Waits::new(options, self.deadline);
        let connecting = timeout(waits.connect, self.network.connect(&target, &self.gate, &self.lookups));
        let stream = connecting.await.map_err(|_| Error::ConnectionTimeout)??;
        let request = in_origin_form(request)?.map(|body| Sending::new(body, self.payload, &self.traffic));
        let (response, connection) = exchange(stream, request, waits.first_byte).await?;
        let size = response.body().size_hint().lower();
        if size > self.payload {
            return Err(Error::HttpResponseBodySize(Some(size)));
        }
        let received = |body| Received::new(body, self.payload, waits.between_bytes, &self.traffic).boxed_unsync();
        let io = async move {
            connection.await;
            Ok(())
        };
        Ok((response.map(received), Box::new(io)))
    }
}

async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<Sending>,
    first_byte: Duration,
) -> Result<(Response<Incoming>, AbortOnDropJoinHandle<()>), Error> {
    let mut client = http1::Builder::new();
    client.max_buf_size(MAX_HEAD);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(|error| of_hyper(&error))?;
    // What breaks the connection is told by the request or by the body.
    let connection = spawn(async move { drop(connection.await) });
    let response = timeout(first_byte, sender.send_request(request)).await;
    let response = response.map_err(|_| Error::ConnectionReadTimeout)?.map_err(|error| of_hyper(&error))?;
    Ok((response, connection))
}

/// The request as a server wants it: its line has the path alone, the host stands in the headers.
fn in_origin_form<B>(mut request: Request<B>) -> Result<Request<B>, Error> {
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(request)
}

/// What the guest is told of a fault in the exchange.
pub(super) fn of_hyper(error: &hyper::Error) -> Error {
    if let Some(Error::HttpRequestBodySize(size)) = error.source().and_then(|source| source.downcast_ref()) {
        return Error::HttpRequestBodySize(*size);
    }
    if error.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(Some(MAX_HEAD as u32));
    }
    if error.is_incomplete_message() {
        return Error::HttpResponseIncomplete;
    }
    if error.is_parse() || error.is_user() { Error::HttpProtocolError } else { Error::ConnectionTerminated }
}

impl Waits {
    fn new(options: Option<RequestOptions>, deadline: Instant) -> Self {
        let RequestOptions { connect_timeout, first_byte_timeout, between_bytes_timeout } = options.unwrap_or_default();
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = |asked: Option<Duration>| asked.map_or(left, |asked| asked.min(left));
        Self {
            connect: wait(connect_timeout),
            first_byte: wait(first_byte_timeout),
            between_bytes: wait(between_bytes_timeout),
        }
    }
}
