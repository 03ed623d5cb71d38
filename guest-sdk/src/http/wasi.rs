//! A request over `wasi:http/outgoing-handler`.

use wasip2::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingBody, IncomingResponse, Method,
            OutgoingBody, OutgoingRequest, RequestOptions, Scheme, http_error_code,
        },
    },
    io::streams::StreamError,
};

use super::{Error, Request, Response, Target};
use crate::resources;

/// What the host takes with one blocking write.
const PIECE: usize = 4096;

/// What is read at a time.
const READ: u64 = 64 << 10;

pub(super) fn send(request: &Request, target: &Target, max_body: u64) -> Result<Response, Error> {
    let failed = |code: ErrorCode| error(&code, target);
    let outgoing = outgoing(request, target)?;
    let body = outgoing.body().map_err(|()| invalid("the body", target))?;
    let response = outgoing_handler::handle(outgoing, Some(options(request, target)?)).map_err(failed)?;
    // A host may answer before it has read all: then its answer counts, and not that we could not go on.
    let sent = write(body, &request.body);
    match (wait(&response), sent) {
        (Ok(response), _) => receive(&response, target, max_body),
        (Err(ErrorCode::InternalError(None)), Err(code)) | (Err(code), _) => Err(failed(code)),
    }
}

fn outgoing(request: &Request, target: &Target) -> Result<OutgoingRequest, Error> {
    let outgoing = OutgoingRequest::new(fields(request)?);
    let scheme = if target.https { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method(&request.method)).map_err(|()| invalid("the method", target))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid("the scheme", target))?;
    outgoing.set_authority(Some(&target.authority)).map_err(|()| invalid("the host", target))?;
    outgoing.set_path_with_query(Some(&target.path_and_query)).map_err(|()| invalid("the path", target))?;
    Ok(outgoing)
}

fn invalid(what: &str, target: &Target) -> Error {
    Error::Invalid(format!("HTTP to {}: {what} is malformed", target.origin()))
}

fn fields(request: &Request) -> Result<Fields, Error> {
    let fields = Fields::new();
    let sized = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = (!sized && !request.body.is_empty())
        .then(|| ("content-length".to_owned(), request.body.len().to_string().into_bytes()));
    for (name, value) in request.headers.iter().chain(&length) {
        fields.append(name, value).map_err(|error| match error {
            HeaderError::Forbidden => Error::Invalid(format!("the header {name:?} is SPEAR's own to set")),
            HeaderError::InvalidSyntax => Error::Invalid(format!("the header {name:?} is malformed")),
            HeaderError::Immutable => Error::Invalid(format!("the header {name:?} cannot be set")),
        })?;
    }
    Ok(fields)
}

fn method(method: &str) -> Method {
    match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn options(request: &Request, target: &Target) -> Result<RequestOptions, Error> {
    let options = RequestOptions::new();
    let nanoseconds = request.timeout.map(|timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
    if nanoseconds.is_some() {
        options
            .set_connect_timeout(nanoseconds)
            .and_then(|()| options.set_first_byte_timeout(nanoseconds))
            .and_then(|()| options.set_between_bytes_timeout(nanoseconds))
            .map_err(|()| invalid("the timeout", target))?;
    }
    Ok(options)
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), ErrorCode> {
    let stream = body.write().map_err(|()| ErrorCode::InternalError(None))?;
    for piece in bytes.chunks(PIECE) {
        stream.blocking_write_and_flush(piece).map_err(code)?;
    }
    drop(stream);
    OutgoingBody::finish(body, None)
}

fn wait(response: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    response.subscribe().block();
    match response.get() {
        Some(Ok(answer)) => answer,
        // It is ready, and asked for once.
        Some(Err(())) | None => Err(ErrorCode::InternalError(None)),
    }
}

fn receive(response: &IncomingResponse, target: &Target, max_body: u64) -> Result<Response, Error> {
    let status = response.status();
    let headers = response.headers().entries().into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let headers = headers.collect();
    let body = response.consume().map_err(|()| error(&ErrorCode::InternalError(None), target))?;
    Ok(Response { status, headers, body: read(&body, target, max_body)? })
}

fn read(body: &IncomingBody, target: &Target, max_body: u64) -> Result<Vec<u8>, Error> {
    let stream = body.stream().map_err(|()| error(&ErrorCode::InternalError(None), target))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ) {
            Ok(piece) if (bytes.len() + piece.len()) as u64 > max_body => {
                let origin = target.origin();
                return Err(Error::TooLarge(format!("the response of {origin} is over the limit of {max_body} bytes")));
            }
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(failed) => return Err(error(&code(failed), target)),
        }
    }
}

fn code(error: StreamError) -> ErrorCode {
    match error {
        StreamError::Closed => ErrorCode::ConnectionTerminated,
        StreamError::LastOperationFailed(error) => {
            http_error_code(&error).unwrap_or_else(|| ErrorCode::InternalError(Some(error.to_debug_string())))
        }
    }
}

/// What the host said, with what the author can do about it.
fn error(code: &ErrorCode, target: &Target) -> Error {
    use ErrorCode as E;
    let text = |what: &str| format!("HTTP to {}: {what}", target.origin());
    let shown = |what: &str| text(&format!("{what} ({})", code.to_string().trim_start_matches("ErrorCode::")));
    match code {
        E::HttpRequestDenied => Error::Denied(not_granted(target)),
        E::DestinationIpProhibited => Error::Denied(not_public(target)),
        E::ConnectionLimitReached => Error::OverLimit(text("the run has used up its limit `requests`")),
        E::DnsTimeout
        | E::ConnectionTimeout
        | E::ConnectionReadTimeout
        | E::ConnectionWriteTimeout
        | E::HttpResponseTimeout => Error::Timeout(shown("no answer in time")),
        E::HttpRequestUriInvalid | E::HttpRequestUriTooLong => Error::InvalidUrl(shown("the URL is refused")),
        E::HttpRequestMethodInvalid | E::HttpRequestLengthRequired => Error::Invalid(shown("the request is refused")),
        E::HttpRequestBodySize(_) => Error::TooLarge(text(&over_payload("request"))),
        E::HttpResponseBodySize(_) => Error::TooLarge(text(&over_payload("response"))),
        E::HttpRequestHeaderSectionSize(_)
        | E::HttpRequestHeaderSize(_)
        | E::HttpResponseHeaderSectionSize(_)
        | E::HttpResponseHeaderSize(_) => Error::TooLarge(shown("the headers are too large")),
        E::DnsError(_) | E::DestinationNotFound => Error::Unavailable(shown("the name is not known")),
        E::DestinationUnavailable | E::DestinationIpUnroutable | E::ConnectionRefused | E::ConnectionTerminated => {
            Error::Unavailable(shown("nobody answers"))
        }
        E::TlsProtocolError | E::TlsCertificateError | E::TlsAlertReceived(_) => {
            Error::Tls(shown("the host did not prove who it is"))
        }
        E::InternalError(Some(what)) => Error::BadResponse(text(what)),
        _ => Error::BadResponse(shown("the exchange broke")),
    }
}

fn not_granted(target: &Target) -> String {
    let origin = target.origin();
    format!(
        "HTTP to {origin} is not granted; add to spear.toml, and to the operator's policy where there is one:\n\
         [grants]\nhttp = [\"{origin}\"]"
    )
}

fn not_public(target: &Target) -> String {
    let origin = target.origin();
    format!(
        "HTTP to {origin}: its address is not public; add the network that it is in, which the task's log names, to \
         spear.toml:\n[grants]\nnetworks = [\"…\"]"
    )
}

fn over_payload(what: &str) -> String {
    format!("the {what} is over the limit `payload` of {} bytes", resources::limits().payload_bytes)
}
