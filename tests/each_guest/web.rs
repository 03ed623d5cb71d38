//! An HTTP handler: one request in, one response out.

use serde_json::json;
use spear_types::{Call, Code, LimitRequest, Outcome, Payload};
use tonic::Code as Grpc;

use crate::harness::{Function, Refused as _, Sms};

fn request(path: &str, headers: &[(&str, &str)], body: &'static str) -> Payload {
    let headers = [(":path", path)].into_iter().chain(headers.iter().copied());
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Payload { content_type: None, headers, body: body.into() }
}

async fn deployed() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("web").await;
    sms
}

async fn response(sms: &Sms, request: Payload) -> Payload {
    let outcome = sms.api.invoke_by("web", request).await.unwrap().outcome;
    let Outcome::Succeeded(response) = outcome else { panic!("{outcome}") };
    response
}

fn header<'a>(response: &'a Payload, name: &str) -> &'a str {
    let found = response.headers.iter().find(|(found, _)| found == name);
    &found.unwrap_or_else(|| panic!("no {name}: {:?}", response.headers)).1
}

#[tokio::test]
async fn without_anything_it_is_a_get_of_the_root() {
    let sms = deployed().await;
    let hello = response(&sms, Payload::default()).await;
    assert_eq!(hello.headers[0], (":status".to_owned(), "200".to_owned()), "the status comes first");
    assert_eq!(
        (hello.content_type.as_deref(), hello.body.as_ref()),
        (Some("text/plain"), &b"Hello from the web\n"[..])
    );
    let missing = response(&sms, request("/nowhere", &[], "")).await;
    assert_eq!((header(&missing, ":status"), header(&missing, "x-tried")), ("404", "/nowhere"));
}

#[tokio::test]
async fn all_of_a_request_arrives_and_all_of_a_response_comes_back() {
    let sms = deployed().await;
    let plain = response(&sms, request("/echo?a=b", &[], "text")).await;
    assert_eq!((header(&plain, "x-head"), plain.body.as_ref()), ("POST http://web/echo?a=b", &b"text"[..]));
    let headers =
        [(":method", "PUT"), (":scheme", "https"), (":authority", "example.com:8080"), ("X-One", "1"), ("x-one", "2")];
    let asked = Payload { content_type: Some("text/x-own".to_owned()), ..request("/echo", &headers, "") };
    let full = response(&sms, asked).await;
    let head = header(&full, "x-head");
    assert!(head.starts_with("PUT https://example.com:8080/echo; "), "{head}");
    for part in ["x-one: 1", "x-one: 2", "content-type: text/x-own"] {
        assert!(head.contains(part), "{part}: {head}");
    }
    assert_eq!(full.content_type.as_deref(), Some("application/octet-stream"));
}

#[tokio::test]
async fn a_large_body_goes_in_and_comes_out_and_one_over_the_limit_does_not() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { payload: Some(5 << 20), timeout: None, ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("web").limits(limits)).await.unwrap();
    let filled = response(&sms, request("/fill?5000000", &[], "")).await;
    assert_eq!(filled.body.len(), 5_000_000);
    let large = Payload { body: vec![b'x'; 4 << 20].into(), ..request("/echo", &[], "") };
    assert_eq!(response(&sms, large).await.body.len(), 4 << 20);
    let outcome = sms.api.invoke_by("web", request("/fill?20000000", &[], "")).await.unwrap().outcome;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome}") };
    assert_eq!(failure.code, "reply-too-large");
}

#[tokio::test]
async fn a_guest_works_on_after_its_response() {
    let sms = deployed().await;
    let invoked = sms.api.invoke_by("web", request("/after", &[], "")).await.unwrap();
    assert!(matches!(&invoked.outcome, Outcome::Succeeded(response) if response.headers[0].1 == "202"));
    assert_eq!(sms.api.log(&invoked.task).await.messages(), ["still here"]);
}

#[tokio::test]
async fn no_whole_response_is_a_failure_that_says_so() {
    let sms = deployed().await;
    for (path, code, message) in [
        ("/silent", "no-response", "without setting its response-outparam"),
        ("/leaked", "no-response", "without finishing its response's body"),
        ("/unfinished", "incomplete-response", "before it finished it"),
        ("/error", "http-error", "ConfigurationError"),
    ] {
        let outcome = sms.api.invoke_by("web", request(path, &[], "")).await.unwrap().outcome;
        let Outcome::Failed(failure) = outcome else { panic!("{path}: {outcome}") };
        assert!(failure.code == code && failure.message.contains(message), "{path}: {failure:?}");
    }
    let outcome = sms.api.invoke_by("web", request("/panic", &[], "")).await.unwrap().outcome;
    assert!(matches!(&outcome, Outcome::Trapped(trap) if trap.message.contains("as asked")), "{outcome}");
}

#[tokio::test]
async fn what_http_does_not_allow_is_refused() {
    let sms = deployed().await;
    for headers in [
        [("x-one", "1\r\nx-two: 2")],
        [("x one", "1")],
        [("", "1")],
        [(":method", "G E T")],
        [(":scheme", "no scheme")],
        [(":authority", "a/b")],
        [(":path", "/a b")],
    ] {
        let call = sms.api.invoke_by("web", request("/", &headers, "")).await;
        let refusal = call.refused(Code::InvalidRequest, Grpc::InvalidArgument);
        assert!(refusal.message.contains("is not allowed in HTTP"), "{headers:?}: {refusal}");
    }
    let command = Call::Command { args: vec!["x".to_owned()], stdin: Default::default() };
    let refusal = sms.api.invoke_by("web", command).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
    assert!(refusal.message.contains("it is an HTTP handler and does not take arguments"), "{refusal}");
}

#[tokio::test]
async fn the_command_line_has_a_method_and_a_path_and_shows_the_status() {
    let sms = deployed().await;
    let ran = sms.spear(["invoke", "web", "--method", "PUT", "--path", "/echo?x", "-d", "body"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "body\n"), "{ran:?}");
    assert!(ran.stderr.contains("status 200"), "{ran:?}");
    let missing = sms.json(["invoke", "web", "--path", "/nowhere"]).await;
    assert_eq!(missing["outcome"]["headers"][0], json!([":status", "404"]));
}
