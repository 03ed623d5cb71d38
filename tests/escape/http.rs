//! Requests to where they were not meant to go, and answers that are more than was wanted.

use std::time::Duration;

use serde_json::{Value, json};
use spear_types::{LimitRequest, Outcome};

use crate::harness::{Function, Sms, Web};

/// `fetch` with these grants.
pub(super) fn fetch(http: &[&str], networks: &[&str]) -> Function {
    let mut function = Function::guest("fetch");
    function.spec.grants.http = http.iter().map(|text| text.parse().unwrap()).collect();
    function.spec.grants.networks = networks.iter().map(|text| text.parse().unwrap()).collect();
    function
}

pub(super) async fn answer(sms: &Sms, call: Value) -> Value {
    sms.api.invoke("fetch", call.to_string()).await.unwrap().json()
}

async fn error(sms: &Sms, call: Value) -> String {
    let answer = answer(sms, call).await;
    answer["error"].as_str().unwrap_or_else(|| panic!("it was answered: {answer}")).to_owned()
}

/// An SMS, a server, and `fetch` that may send to it.
async fn granted(limits: LimitRequest) -> (Sms, Web) {
    let (sms, web) = (Sms::with_node().await, Web::start().await);
    sms.api.deploy(&fetch(&["http://127.0.0.1:*"], &["127.0.0.0/8"]).limits(limits)).await.unwrap();
    (sms, web)
}

#[tokio::test]
async fn by_no_name_does_a_request_come_to_an_address_that_is_not_public() {
    let (sms, web) = (Sms::with_node().await, Web::start().await);
    sms.api.deploy(&fetch(&["http://*:*"], &["192.0.2.0/24"])).await.unwrap();
    for host in [
        "localhost",
        "LOCALHOST.",
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        let told = error(&sms, json!({ "url": web.url(host, "/") })).await;
        assert_eq!(told, "ErrorCode::DestinationIpProhibited", "{host}");
    }
    assert_eq!(web.connections(), 0);
}

#[tokio::test]
async fn a_granted_host_in_a_private_network_needs_the_grant_of_the_network_too() {
    let (sms, web) = (Sms::with_node().await, Web::start().await);
    let host = web.url("localhost", "");
    let call = json!({ "url": web.url("localhost", "/"), "strict": true });
    sms.api.deploy(&fetch(&[&host], &[])).await.unwrap();
    let invoked = sms.api.invoke("fetch", call.to_string()).await.unwrap();
    let Outcome::Denied(denial) = invoked.outcome else { panic!("{}", invoked.outcome) };
    assert!(denial.grant.starts_with("[grants]\nnetworks = [\""), "{denial}");
    assert!(sms.api.log(&invoked.task).await.messages()[0].contains("is what localhost stands for"));
    assert_eq!(web.connections(), 0);

    sms.api.deploy(&fetch(&[&host], &["127.0.0.0/8"])).await.unwrap();
    let invoked = sms.api.invoke("fetch", call.to_string()).await.unwrap();
    assert_eq!((invoked.json()["status"].as_u64(), invoked.json()["body"].as_str()), (Some(200), Some("hello")));
    assert!(invoked.usage.bytes_in >= call.to_string().len() as u64 + 5, "the body is counted");
}

#[tokio::test]
async fn a_name_for_a_granted_address_is_another_host() {
    let (sms, web) = granted(LimitRequest::default()).await;
    for host in ["localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "127.0.0.1.nip.test"] {
        assert_eq!(error(&sms, json!({ "url": web.url(host, "/") })).await, "ErrorCode::HttpRequestDenied", "{host}");
    }
    assert_eq!(web.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_checked_as_the_first_request_was() {
    let (sms, web) = granted(LimitRequest::default()).await;
    let follow = |to: &str| json!({ "url": web.url("127.0.0.1", &format!("/redirect?{to}")), "follow": 1 });
    assert_eq!(answer(&sms, follow(&web.url("127.0.0.1", "/"))).await["body"], "hello");
    assert_eq!(web.connections(), 2);
    assert_eq!(error(&sms, follow(&web.url("localhost", "/"))).await, "ErrorCode::HttpRequestDenied");
    assert_eq!(error(&sms, follow(&format!("https://{}/", web.address))).await, "ErrorCode::HttpRequestDenied");
    assert_eq!(web.connections(), 4);
}

#[tokio::test]
async fn a_redirect_to_an_address_that_is_not_granted_is_prohibited_however_it_is_written() {
    let (sms, web) = (Sms::with_node().await, Web::start().await);
    sms.api.deploy(&fetch(&["http://*:*"], &["127.0.0.1/32"])).await.unwrap();
    for host in ["127.0.0.2", "2130706434", "127.2", "[::ffff:127.0.0.2]", "0.0.0.0", "[::1]"] {
        let redirect = format!("/redirect?{}", web.url(host, "/"));
        let call = json!({ "url": web.url("127.0.0.1", &redirect), "follow": 1 });
        assert_eq!(error(&sms, call).await, "ErrorCode::DestinationIpProhibited", "{host}");
    }
    assert_eq!(web.connections(), 6, "only the first request of each pair arrived");
}

#[tokio::test]
async fn nothing_can_be_put_into_the_head_of_a_request() {
    let (sms, web) = granted(LimitRequest::default()).await;
    let url = web.url("127.0.0.1", "/head");
    for (name, value, told) in [
        ("x", "a\r\nhost: evil.test", "HeaderError::InvalidSyntax"),
        ("x", "a\nb", "HeaderError::InvalidSyntax"),
        ("x", "a\0b", "HeaderError::InvalidSyntax"),
        ("x\r\ny", "a", "HeaderError::InvalidSyntax"),
        ("x: y", "a", "HeaderError::InvalidSyntax"),
        ("host", "evil.test", "HeaderError::Forbidden"),
        ("Connection", "keep-alive", "HeaderError::Forbidden"),
        ("transfer-encoding", "chunked", "HeaderError::Forbidden"),
        ("upgrade", "websocket", "HeaderError::Forbidden"),
    ] {
        assert_eq!(error(&sms, json!({ "url": url, "headers": [[name, value]] })).await, told, "{name:?}: {value:?}");
    }
    let authority = web.address.to_string();
    for (url, method) in [
        (format!("http://{authority}/ HTTP/1.1\r\nx: y"), "GET"),
        (format!("http://{authority}\r\nx: y/"), "GET"),
        (format!("http://user:password@{authority}/"), "GET"),
        (format!("http://{authority}@evil.test/"), "GET"),
        (format!("http://evil.test@{authority}/"), "GET"),
        (format!("http://{authority}/"), "GET / HTTP/1.1\r\nx: y\r\n\r\nGET"),
        (format!("http://{authority}/"), "CONNECT"),
        (format!("ftp://{authority}/"), "GET"),
    ] {
        error(&sms, json!({ "url": url, "method": method })).await;
    }
    assert_eq!(web.connections(), 0);
    let head = answer(&sms, json!({ "url": url, "headers": [["x", "y"]] })).await["body"].take();
    assert_eq!(head, format!("GET /head HTTP/1.1\r\nhost: {authority}\r\nx: y\r\n\r\n"));
}

#[tokio::test]
async fn what_a_server_sends_is_broken_off_at_the_limit() {
    let (sms, web) = granted(LimitRequest { payload: Some(100_000), ..LimitRequest::default() }).await;
    for (path, told) in [
        ("/claims?100001", "ErrorCode::HttpResponseBodySize(Some(100001))"),
        ("/endless", "ErrorCode::HttpResponseBodySize(Some(100000))"),
        ("/endless-head", "ErrorCode::HttpResponseHeaderSectionSize(Some(65536))"),
    ] {
        assert_eq!(error(&sms, json!({ "url": web.url("127.0.0.1", path) })).await, told, "{path}");
    }
    let post = |path: &str, times: u32| json!({ "url": web.url("127.0.0.1", path), "method": "POST", "body": ["x".repeat(1_000), times] });
    assert_eq!(answer(&sms, post("/", 100)).await["status"], 200);
    assert_eq!(error(&sms, post("/silence", 101)).await, "ErrorCode::HttpRequestBodySize(Some(100000))");
    web.left_alone().await;
}

#[tokio::test]
async fn requests_over_the_limit_are_not_sent() {
    let (sms, web) = granted(LimitRequest { requests: Some(3), ..LimitRequest::default() }).await;
    let call = json!({ "url": web.url("127.0.0.1", "/"), "times": 9 });
    let invoked = sms.api.invoke("fetch", call.to_string()).await.unwrap();
    assert_eq!(invoked.json()["error"], "ErrorCode::ConnectionLimitReached");
    let log = sms.api.log(&invoked.task).await;
    assert_eq!(log.messages(), ["over a limit: 3 HTTP requests were sent, the limit `requests`"]);
    assert_eq!(web.connections(), 3);
}

#[tokio::test]
async fn a_server_that_never_answers_ends_with_the_run() {
    let timeout = Duration::from_millis(500);
    let (sms, web) = granted(LimitRequest { timeout: Some(timeout), ..LimitRequest::default() }).await;
    for path in ["/silence", "/half"] {
        let call = json!({ "url": web.url("127.0.0.1", path) });
        let before = web.connections();
        // On a busy machine a run may be over before it has connected.
        while web.connections() == before {
            let outcome = sms.api.invoke("fetch", call.to_string()).await.unwrap().outcome;
            assert_eq!(outcome, Outcome::TimedOut { limit: timeout }, "{path}");
        }
        web.left_alone().await;
    }
}

#[tokio::test]
async fn a_guest_waits_no_longer_than_it_said() {
    let (sms, web) = granted(LimitRequest::default()).await;
    for path in ["/silence", "/half"] {
        let call = json!({ "url": web.url("127.0.0.1", path), "timeout_ms": 20 });
        assert_eq!(error(&sms, call).await, "ErrorCode::ConnectionReadTimeout", "{path}");
    }
    web.saw(2).await;
    web.left_alone().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_apart_from_one_that_is_denied() {
    let (sms, web) = granted(LimitRequest::default()).await;
    let url = web.url("127.0.0.1", "/");
    drop(web);
    assert_eq!(error(&sms, json!({ "url": url })).await, "ErrorCode::ConnectionRefused");
}
