//! Sends HTTP requests as its input says: `{"url": "http://localhost:8080/", "headers": [["name", "value"]]}`.

use serde::Deserialize;
use serde_json::{Value, json};
use spear_guest::{Failure, Json};
use wasip2::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, HeaderError, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
            RequestOptions, Scheme, http_error_code,
        },
    },
    io::streams::StreamError,
};

/// One request after the other.
#[derive(Deserialize)]
struct Command {
    url: String,
    #[serde(default = "get")]
    method: String,
    /// The values of bytes are code points: what is no text can be asked for too.
    #[serde(default)]
    headers: Vec<(String, String)>,
    /// What is sent in its body, so many times.
    body: Option<(String, usize)>,
    /// How often the same request is sent; the last answer is given.
    #[serde(default = "once")]
    times: u32,
    /// Redirects that are followed.
    #[serde(default)]
    follow: u32,
    /// Every timeout in milliseconds.
    timeout_ms: Option<u64>,
    /// Whether what the host did not allow is a failure.
    #[serde(default)]
    strict: bool,
}

/// Why there is no answer.
enum Broken {
    Header(HeaderError),
    Code(ErrorCode),
    Other(&'static str),
}

#[spear_guest::function]
fn fetch(Json(command): Json<Command>) -> Result<Json<Value>, Failure> {
    let strict = command.strict;
    answer(command).map(Json).or_else(|broken| broken.told(strict))
}

fn answer(mut command: Command) -> Result<Value, Broken> {
    let mut answer = Value::Null;
    for _ in 0..command.times {
        answer = send(&command)?;
    }
    while command.follow > 0
        && let Some(location) = answer["headers"]["location"].as_str()
    {
        command.follow -= 1;
        command.url = location.to_owned();
        answer = send(&command)?;
    }
    Ok(answer)
}

impl Broken {
    fn told(self, strict: bool) -> Result<Json<Value>, Failure> {
        let text = match &self {
            Self::Header(error) => format!("{error:?}"),
            Self::Code(code) => format!("{code:?}"),
            Self::Other(what) => (*what).to_owned(),
        };
        match self {
            Self::Code(ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited) if strict => {
                Err(Failure::new("denied", text))
            }
            _ => Ok(Json(json!({ "error": text }))),
        }
    }
}

fn send(command: &Command) -> Result<Value, Broken> {
    let bytes = |text: &str| text.chars().map(|character| character as u8).collect::<Vec<u8>>();
    let fields = Fields::new();
    for (name, value) in &command.headers {
        fields.append(name, &bytes(value)).map_err(Broken::Header)?;
    }
    let request = OutgoingRequest::new(fields);
    let (scheme, rest) = command.url.split_once("://").ok_or(Broken::Other("a URL without a scheme"))?;
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let (authority, path) = rest.find('/').map_or((rest, "/"), |start| rest.split_at(start));
    let method = match command.method.as_str() {
        "GET" => Method::Get,
        other => Method::Other(other.to_owned()),
    };
    request.set_method(&method).map_err(|()| Broken::Other("the method"))?;
    request.set_scheme(Some(&scheme)).map_err(|()| Broken::Other("the scheme"))?;
    request.set_authority(Some(authority)).map_err(|()| Broken::Other("the authority"))?;
    request.set_path_with_query(Some(path)).map_err(|()| Broken::Other("the path"))?;
    let body = command.body.as_ref().map(|_| request.body().map_err(|()| Broken::Other("the body"))).transpose()?;
    let pending = outgoing_handler::handle(request, options(command.timeout_ms)).map_err(Broken::Code)?;
    if let (Some(body), Some((text, times))) = (body, &command.body) {
        write(body, text, *times);
    }
    pending.subscribe().block();
    let answer = pending.get().ok_or(Broken::Other("nothing came"))?.map_err(|()| Broken::Other("it came twice"))?;
    read(answer.map_err(Broken::Code)?)
}

fn options(timeout_ms: Option<u64>) -> Option<RequestOptions> {
    let nanoseconds = timeout_ms? * 1_000_000;
    let options = RequestOptions::new();
    for set in [
        RequestOptions::set_connect_timeout,
        RequestOptions::set_first_byte_timeout,
        RequestOptions::set_between_bytes_timeout,
    ] {
        set(&options, Some(nanoseconds)).expect("timeouts can be set");
    }
    Some(options)
}

/// What breaks a body off is told by the answer.
fn write(body: OutgoingBody, text: &str, times: usize) {
    let stream = body.write().expect("the first stream of a body");
    let sent = (0..times).try_for_each(|_| stream.blocking_write_and_flush(text.as_bytes()));
    drop(stream);
    if sent.is_ok() {
        let _ = OutgoingBody::finish(body, None);
    }
}

fn read(response: IncomingResponse) -> Result<Value, Broken> {
    let headers = response.headers().entries().into_iter();
    let headers = headers.map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned().into()));
    let (status, headers) = (response.status(), headers.collect::<serde_json::Map<_, _>>());
    let body = read_body(&response.consume().map_err(|()| Broken::Other("no body"))?)?;
    Ok(json!({ "status": status, "headers": headers, "size": body.len(), "body": String::from_utf8_lossy(&body) }))
}

fn read_body(body: &IncomingBody) -> Result<Vec<u8>, Broken> {
    let stream = body.stream().map_err(|()| Broken::Other("no stream"))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(part) => bytes.extend_from_slice(&part),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(http_error_code(&error).map_or(Broken::Other("an error without a code"), Broken::Code));
            }
        }
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn once() -> u32 {
    1
}
