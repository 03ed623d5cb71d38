//! `wasi:http/incoming-handler`: one request in, one response out.
//!
//! What HTTP has beside headers and a body travels as pseudo-headers: `:method`, `:path`, `:authority` and `:scheme` of the
//! request, `:status` of the response.

use std::{fmt::Write as _, future::Future, pin::pin};

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use spear_types::{Code, Failure, Payload, Refusal};
use tokio::{sync::oneshot, task::unconstrained};
use wasmtime::component::{ComponentExportIndex, Resource, TypedFunc};
use wasmtime_wasi_http::{
    Error, WasiHttpView as _,
    p2::{
        bindings::http::types::{ErrorCode, Scheme},
        body::HyperOutgoingBody,
        types::{HostIncomingRequest, HostResponseOutparam},
    },
};

use super::{Answer, BrokenOff, MAX_RAW, other_type, text::Bounded, too_large};
use crate::{instance::Instance, prepared::Prepared};

/// The interface that an HTTP handler exports.
pub(super) const INTERFACE: &str = "wasi:http/incoming-handler@0.2.0";
/// The function in it.
pub(super) const FUNCTION: &str = "handle";

/// Failures of a guest that gives no whole response.
const NO_RESPONSE: &str = "no-response";
const UNFINISHED: &str = "it returned without setting its response-outparam, or without finishing its response's body";

type Handle = TypedFunc<(Resource<HostIncomingRequest>, Resource<HostResponseOutparam>), ()>;
type Responded = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// The request that a payload stands for. Without pseudo-headers it is a POST where there is a body, else a GET, of
/// `http://NAME/`.
///
/// # Errors
/// `InvalidRequest` for what HTTP does not allow, with its name and value.
pub(super) fn request(payload: Payload, name: &str) -> Result<Request<Bytes>, Refusal> {
    let Payload { content_type, headers, body } = payload;
    let mut method = if body.is_empty() { Method::GET } else { Method::POST };
    let (mut scheme, mut authority, mut path) = ("http", name, "/");
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in &headers {
        match name.as_str() {
            ":method" => method = value.parse().map_err(|error| wrong(name, value, &error))?,
            ":scheme" => scheme = value,
            ":authority" => authority = value,
            ":path" => path = value,
            _ => drop(map.try_append(header_name(name, value)?, header_value(name, value)?)),
        }
    }
    if let Some(content_type) = content_type {
        map.insert(CONTENT_TYPE, header_value("content-type", &content_type)?);
    }
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
    let uri = uri.map_err(|error| wrong("request", &format!("{scheme}://{authority}{path}"), &error))?;
    let mut request = Request::new(body);
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, map);
    Ok(request)
}

pub(super) async fn run(
    within: &mut Instance,
    prepared: &Prepared,
    handle: ComponentExportIndex,
    request: Request<Bytes>,
) -> wasmtime::Result<Answer> {
    let limit = prepared.limits.payload;
    let instance = within.enter(prepared).await?;
    let store = &mut within.store;
    let handle: Handle =
        instance.get_typed_func(&mut *store, handle).map_err(|error| other_type(FUNCTION, INTERFACE, error))?;
    let scheme = if request.uri().scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
    let request = request.map(|body| Full::new(body).map_err(|never| -> Error { match never {} }));
    let (responder, response) = oneshot::channel();
    let request = store.data_mut().http().new_incoming_request(scheme, request)?;
    let responder = store.data_mut().http().new_response_outparam(responder)?;
    answer(handle.call_async(&mut *store, (request, responder)), collect(response, limit)).await
}

/// Takes the response in while the guest goes on: what it writes, somebody has to read. The guest may work on after its
/// response is whole, until it returns.
async fn answer(
    guest: impl Future<Output = wasmtime::Result<()>>,
    response: impl Future<Output = Result<Answer, BrokenOff>>,
) -> wasmtime::Result<Answer> {
    let (mut guest, mut response) = (pin!(guest), pin!(response));
    let taken = tokio::select! {
        biased;
        returned = &mut guest => {
            returned?;
            // All that it wrote is there already: what is not to be had at once never comes.
            unconstrained(response).now_or_never().unwrap_or_else(|| Ok(Err(failure(NO_RESPONSE, UNFINISHED))))
        }
        taken = &mut response => match taken {
            Ok(answer) => guest.await.map(|()| Ok(answer))?,
            too_large => too_large,
        }
    };
    // What is too large ends the guest at once: it must not write on for nobody.
    Ok(taken?)
}

async fn collect(response: oneshot::Receiver<Responded>, limit: u64) -> Result<Answer, BrokenOff> {
    let Ok(responded) = response.await else {
        return Ok(Err(failure(NO_RESPONSE, "it returned without setting its response-outparam")));
    };
    let (parts, mut body) = match responded {
        Ok(response) => response.into_parts(),
        Err(code) => return Ok(Err(failure("http-error", &error_text(&code)))),
    };
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Ok(Err(failure("incomplete-response", "it dropped its response's body before it finished it")));
        };
        let data = frame.into_data().unwrap_or_default();
        if (bytes.len() + data.len()) as u64 > limit {
            let message = format!("the response's body is over the limit `payload` of {limit} bytes");
            return Err(BrokenOff(too_large(message)));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Ok(reply(parts.status, &parts.headers, bytes.freeze())))
}

/// The guest chose how long the texts in the error are.
fn error_text(code: &ErrorCode) -> String {
    let mut text = Bounded::new(MAX_RAW);
    // It fails where it is cut.
    let _ = write!(text, "it responded with the error {code:?}");
    text.into_string()
}

/// A value that is not UTF-8 has � in the place of what is not.
fn reply(status: http::StatusCode, headers: &HeaderMap, body: Bytes) -> Payload {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let status = (":status".to_owned(), status.as_str().to_owned());
    let others = headers.iter().filter(|(name, _)| *name != CONTENT_TYPE);
    let content_type = headers.get(CONTENT_TYPE).map(text);
    let headers = others.map(|(name, value)| (name.as_str().to_owned(), text(value)));
    Payload { content_type, headers: std::iter::once(status).chain(headers).collect(), body }
}

fn header_name(name: &str, value: &str) -> Result<HeaderName, Refusal> {
    name.parse().map_err(|error| wrong(name, value, &error))
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Refusal> {
    value.parse().map_err(|error| wrong(name, value, &error))
}

fn wrong(name: &str, value: &str, error: &dyn std::fmt::Display) -> Refusal {
    let shown = |text: &str| text.chars().take(100).collect::<String>();
    let message = format!("{:?}: {:?} is not allowed in HTTP: {error}", shown(name), shown(value));
    Refusal::new(Code::InvalidRequest, message)
}

fn failure(code: &str, message: &str) -> Failure {
    Failure { code: code.to_owned(), message: message.to_owned(), retryable: false, exit: None }
}
