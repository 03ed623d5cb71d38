//! The SDK's HTTP from inside of a function.

use serde_json::{Value, json};
use spear_types::{Grants, Outcome};

use crate::harness::{Function, Sms, Web};

async fn with(http: &str, networks: &str) -> (Sms, Web) {
    let (sms, web) = (Sms::with_node().await, Web::start().await);
    let grants: Grants = toml::from_str(&format!("http = [\"{http}\"]\nnetworks = [{networks}]")).unwrap();
    sms.api.deploy(&Function::guest("courier").grants(grants)).await.unwrap();
    (sms, web)
}

async fn outcome(sms: &Sms, call: Value) -> Outcome {
    sms.api.invoke("courier", call.to_string()).await.unwrap().outcome
}

#[tokio::test]
async fn a_letter_arrives_with_its_headers_and_what_is_answered_comes_back() {
    let (sms, web) = with("http://127.0.0.1:*", "\"127.0.0.1/32\"").await;
    let call = json!({ "url": web.url("127.0.0.1", "/head"), "text": { "a": 1 } });
    let answer = sms.api.invoke("courier", call.to_string()).await.unwrap().json();
    let head = answer["text"].as_str().unwrap().to_ascii_lowercase();
    assert_eq!(answer["status"], 200);
    for part in ["post /head http/1.1", "x-courier: spear", "content-type: application/json", "content-length: 7"] {
        assert!(head.contains(part), "{part}: {head}");
    }
    let redirect = json!({ "url": web.url("127.0.0.1", "/redirect?http://elsewhere.test/") });
    let answer = sms.api.invoke("courier", redirect.to_string()).await.unwrap().json();
    assert_eq!((&answer["status"], &answer["redirect"]), (&json!(302), &json!("http://elsewhere.test/")));
}

#[tokio::test]
async fn each_way_to_fail_has_a_code_of_its_own() {
    let (sms, web) = with("http://127.0.0.1:*", "\"127.0.0.1/32\"").await;
    for (call, code) in [
        (json!({ "url": web.url("127.0.0.1", "/endless"), "max_body": 10_000 }), "too-large"),
        (json!({ "url": web.url("127.0.0.1", "/claims?99999999") }), "too-large"),
        (json!({ "url": web.url("127.0.0.1", "/silence"), "timeout_ms": 50 }), "timeout"),
        (json!({ "url": web.url("127.0.0.1", "/half"), "timeout_ms": 50 }), "timeout"),
        (json!({ "url": "http://127.0.0.1:1/" }), "unavailable"),
        (json!({ "url": "127.0.0.1/" }), "invalid-url"),
    ] {
        let Outcome::Failed(failure) = outcome(&sms, call.clone()).await else { panic!("{call}") };
        assert_eq!(failure.code, code, "{call}: {failure:?}");
    }
}

#[tokio::test]
async fn a_host_or_a_network_that_is_not_granted_is_denied_with_its_line() {
    let (sms, web) = with("http://other.test", "").await;
    let url = web.url("127.0.0.1", "");
    let Outcome::Denied(denial) = outcome(&sms, json!({ "url": url })).await else { panic!("a host") };
    assert_eq!(denial.grant, format!("[grants]\nhttp = [\"{url}\"]"));
    let (sms, web) = with("http://127.0.0.1:*", "").await;
    let call = json!({ "url": web.url("127.0.0.1", "/") });
    let Outcome::Denied(denial) = outcome(&sms, call).await else { panic!("a network") };
    assert_eq!(denial.grant, "[grants]\nnetworks = [\"127.0.0.1/32\"]");
}
