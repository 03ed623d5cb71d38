//! An HTTP handler as it would run anywhere: its path says what it does. It knows nothing of SPEAR.

use std::io::{Read as _, Write as _};

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{
        ErrorCode, Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam, Scheme,
    },
};

wasip2::http::proxy::export!(Web);

struct Web;

impl Guest for Web {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        match path {
            "/" => respond(out, 200, &[("content-type", "text/plain")], b"Hello from the web\n"),
            "/echo" => {
                let head = head(&request);
                respond(out, 200, &[("content-type", "application/octet-stream"), ("x-head", &head)], &body(&request));
            }
            "/after" => {
                respond(out, 202, &[], b"");
                println!("still here");
            }
            "/fill" => respond(out, 200, &[], &vec![b'x'; query.parse().unwrap_or(0)]),
            "/silent" => drop(out),
            "/error" => ResponseOutparam::set(out, Err(ErrorCode::ConfigurationError)),
            "/unfinished" => {
                let response = OutgoingResponse::new(Fields::new());
                let body = response.body().expect("its body, for the first time");
                ResponseOutparam::set(out, Ok(response));
                drop(body);
            }
            "/leaked" => {
                let response = OutgoingResponse::new(Fields::new());
                let body = response.body().expect("its body, for the first time");
                ResponseOutparam::set(out, Ok(response));
                std::mem::forget(body);
            }
            "/panic" => panic!("as asked"),
            "/spin" => loop {
                std::hint::black_box(());
            },
            _ => respond(out, 404, &[("x-tried", path)], b""),
        }
    }
}

fn respond(out: ResponseOutparam, status: u16, headers: &[(&str, &str)], bytes: &[u8]) {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value.as_bytes()).expect("a header that HTTP allows");
    }
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).expect("a status of HTTP");
    let body = response.body().expect("its body, for the first time");
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().expect("its stream, for the first time");
    stream.write_all(bytes).expect("somebody reads");
    drop(stream);
    OutgoingBody::finish(body, None).expect("all of it was written");
}

fn body(request: &IncomingRequest) -> Vec<u8> {
    let body = request.consume().expect("its body, for the first time");
    let mut bytes = Vec::new();
    body.stream().expect("its stream, for the first time").read_to_end(&mut bytes).expect("all of it");
    bytes
}

/// All of a request but its body, in a line.
fn head(request: &IncomingRequest) -> String {
    let method = match request.method() {
        Method::Get => "GET".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        other => format!("{other:?}"),
    };
    let scheme = match request.scheme() {
        Some(Scheme::Http) => "http",
        Some(Scheme::Https) => "https",
        _ => "",
    };
    let (authority, path) = (request.authority(), request.path_with_query());
    let mut head = format!("{method} {scheme}://{}{}", authority.unwrap_or_default(), path.unwrap_or_default());
    for (name, value) in request.headers().entries() {
        head.push_str(&format!("; {name}: {}", String::from_utf8_lossy(&value)));
    }
    head
}
