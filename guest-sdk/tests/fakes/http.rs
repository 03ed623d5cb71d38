//! Other hosts.

use spear_guest::http::{Error, Request, Response};

use crate::host;

const GRANTED: &str = "[grants]\nhttp = [\"https://a.test\", \"https://*.b.test:*\", \"https://none.test\"]";

#[test]
fn the_first_stand_in_that_matches_answers_and_sees_the_request() {
    let host = host(GRANTED)
        .http("https://a.test", |request| Response::new(201, request.body.clone()).with_header("X-A", "1"))
        .http("https://*.b.test:*", |_| Response::new(302, "").with_header("location", "/next"));
    let response = Request::post("https://A.test./path?q#f").header("x-b", "2").body("hi").send().unwrap();
    assert_eq!((response.status, response.text().unwrap(), response.header("x-a")), (201, "hi", Some("1")));
    assert_eq!(Request::get("https://c.b.test:99/").send().unwrap().redirect(), Some("/next"));
    let sent = host.requests();
    assert_eq!((sent.len(), sent[0].method.as_str(), sent[0].url.as_str()), (2, "POST", "https://A.test./path?q#f"));
}

#[test]
fn what_goes_wrong_is_an_error_of_its_own() {
    let _host = host(GRANTED).http_fails("https://a.test", Error::Timeout("slow".to_owned()));
    let code = |request: Request| request.send().unwrap_err().code();
    assert_eq!(code(Request::get("https://a.test/")), "timeout");
    assert_eq!(code(Request::get("https://none.test/")), "unavailable");
    assert_eq!(code(Request::get("https://b.test/")), "denied");
    assert_eq!(code(Request::get("a.test")), "invalid-url");
    assert_eq!(code(Request::get("https://a.test/").header("HOST", "b.test")), "invalid");
    assert_eq!(code(Request::get("https://a.test/").header("x", "a\r\nhost: b.test")), "invalid");
    assert_eq!(code(Request::new("CONNECT", "https://a.test/")), "invalid");
}

#[test]
fn a_body_is_taken_as_what_is_asked_for_or_refused() {
    let _host = host(GRANTED).http("https://a.test", |_| Response::new(200, [0xff]));
    let response = Request::get("https://a.test/").send().unwrap();
    assert_eq!(response.text().unwrap_err().code(), "bad-response");
    assert_eq!(response.json::<u8>().unwrap_err().code(), "bad-response");
}
