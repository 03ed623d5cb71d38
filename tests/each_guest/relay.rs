//! Functions that invoke functions.

use std::time::Duration;

use serde_json::{Value, json};
use spear_proto::v1;
use spear_types::{Access, Failure, Grants, LimitRequest, Outcome};

use crate::harness::{Function, Invoked, Sms, Spearlet, payload, soon};

const HOUR: Duration = Duration::from_secs(3600);

async fn with_relay() -> Sms {
    with_relay_set(&[]).await
}

async fn with_relay_set(settings: &[(&str, &str)]) -> Sms {
    let sms = Sms::with_node_set(settings).await;
    sms.deploy("relay").await;
    sms
}

/// A relay that may invoke these.
fn relay(name: &str, functions: &[&str]) -> Function {
    let tasks = functions.iter().map(|function| function.parse().unwrap()).collect();
    Function::guest("relay").named(name).grants(Grants { tasks, ..Grants::default() })
}

async fn invoke(sms: &Sms, relay: &str, call: Value) -> Invoked {
    sms.api.invoke(relay, call.to_string()).await.unwrap()
}

async fn failure(sms: &Sms, relay: &str, call: Value) -> Failure {
    match invoke(sms, relay, call.clone()).await.outcome {
        Outcome::Failed(failure) => failure,
        outcome => panic!("{call}: {outcome}"),
    }
}

#[tokio::test]
async fn the_answer_and_the_failure_of_the_other_function_pass() {
    let sms = with_relay().await;
    sms.deploy("hello").await;
    sms.deploy("fail").await;
    assert_eq!(invoke(&sms, "relay", json!({ "function": "hello", "call": "Ada" })).await.text(), "Hello, Ada!");
    for (call, code, retryable) in [("busy retryable", "busy", true), ("no-stock", "no-stock", false)] {
        let failure = failure(&sms, "relay", json!({ "function": "fail", "call": call })).await;
        assert_eq!((failure.code.as_str(), failure.retryable), (code, retryable));
    }
}

#[tokio::test]
async fn the_other_function_runs_under_its_own_grants_and_knows_where_the_call_came_from() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let sms = Sms::with_node().await;
    sms.api.deploy(&relay("relay", &["status", "store"])).await.unwrap();
    sms.api.deploy(&Function::guest("status")).await.unwrap();
    sms.api.deploy(&Function::guest("store").grant("shelf", Access::Read)).await.unwrap();
    sms.api.put("shelf", "k", "a book").await.unwrap();
    let get = json!({ "op": "get", "bucket": "shelf", "key": "k" });
    assert_eq!(invoke(&sms, "relay", json!({ "function": "store", "call": get })).await.json(), "a book");

    let body = json!({ "function": "status" }).to_string().into();
    let request = v1::InvokeRequest {
        function: "relay".to_owned(),
        call: Some(payload(v1::Payload { body, ..Default::default() })),
        trace_parent: Some(TRACE.to_owned()),
        ..Default::default()
    };
    let status = sms.api.call(request).await.unwrap().json();
    assert_eq!(
        (&status["who_am_i"]["function"], &status["who_am_i"]["trace_parent"]),
        (&json!("status"), &json!(TRACE))
    );
}

#[tokio::test]
async fn a_way_round_ends_in_an_error_that_shows_it() {
    let sms = Sms::with_node().await;
    sms.api.deploy(&relay("a", &["a", "b"])).await.unwrap();
    sms.api.deploy(&relay("b", &["a"])).await.unwrap();
    let round = json!({ "function": "b", "call": { "function": "a", "call": { "function": "b" } } });
    for (call, way) in [(round, "a → b → a"), (json!({ "function": "a" }), "a → a")] {
        let failure = failure(&sms, "a", call).await;
        assert!(failure.code == "cycle" && failure.message.contains(way), "{failure:?}");
    }
}

#[tokio::test]
async fn what_is_deeper_than_the_operator_allows_ends_in_an_error_that_names_the_limit() {
    let sms = Sms::with_node_set(&[("SPEAR_SMS_DEPTH", "2")]).await;
    sms.deploy("hello").await;
    sms.api.deploy(&relay("a", &["b", "hello"])).await.unwrap();
    sms.api.deploy(&relay("b", &["hello"])).await.unwrap();
    let hello = json!({ "function": "hello", "call": "Ada" });
    assert_eq!(invoke(&sms, "a", hello.clone()).await.text(), "Hello, Ada!");
    let failure = failure(&sms, "a", json!({ "function": "b", "call": hello })).await;
    assert!(failure.code == "too-deep" && failure.message.contains("the limit [sms] depth is 2"), "{failure:?}");
}

#[tokio::test]
async fn each_limit_is_named() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { calls: Some(3), payload: Some(10_000), ..LimitRequest::default() };
    sms.api.deploy(&relay("relay", &["echo", "hello", "store"]).limits(limits)).await.unwrap();
    sms.deploy("hello").await;
    let tight = LimitRequest { payload: Some(10), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("echo").limits(tight)).await.unwrap();
    sms.api.deploy(&Function::guest("store").grant("shelf", Access::Read)).await.unwrap();
    sms.api.put("shelf", "large", vec![b'x'; 20_000]).await.unwrap();

    let times = |times: u32| json!({ "function": "hello", "call": "Ada", "times": times });
    assert_eq!(invoke(&sms, "relay", times(3)).await.text(), "Hello, Ada!");
    let large = json!({ "op": "get", "bucket": "shelf", "key": "large" });
    for (call, limit) in [
        (times(4), "the limit `calls` is 3"),
        (json!({ "function": "echo", "call": "more than ten" }), "limit `payload` is 10"),
        (json!({ "function": "store", "call": large }), "the limit `payload` is 10000"),
    ] {
        let failure = failure(&sms, "relay", call).await;
        assert!(failure.code == "over-limit" && failure.message.contains(limit), "{failure:?}");
    }
}

#[tokio::test]
async fn a_function_that_was_granted_to_another_is_denied_and_does_not_run() {
    let sms = with_relay().await;
    sms.deploy("counter").await;
    sms.api.deploy(&relay("other", &["counter"])).await.unwrap();
    let outcome = invoke(&sms, "relay", json!({ "function": "counter" })).await.outcome;
    let Outcome::Denied(denial) = outcome else { panic!("{outcome}") };
    assert_eq!(denial.grant, "[grants]\ntasks = [\"counter\"]");
    let logs = sms.json(["logs", "counter"]).await;
    assert_eq!(logs["lines"].as_array().map_or(0, Vec::len), 0, "{logs}");
}

#[tokio::test]
async fn each_end_without_an_answer_has_a_code_of_its_own() {
    let sms = with_relay().await;
    sms.deploy("trap").await;
    for (call, code, text) in [
        (json!({ "function": "trap" }), "ended", "trapped: "),
        (json!({ "function": "spin" }), "unknown-function", "spin"),
        (json!({ "function": "No Name" }), "invalid", "the function name"),
    ] {
        let failure = failure(&sms, "relay", call).await;
        assert!(failure.code == code && failure.message.contains(text), "{failure:?}");
    }
    sms.api.deploy(&Function::spin(Duration::from_millis(100))).await.unwrap();
    let ended = failure(&sms, "relay", json!({ "function": "spin" })).await;
    assert!(ended.code == "ended" && ended.message.starts_with("timed-out: the limit is 100ms"), "{ended:?}");
}

#[tokio::test]
async fn a_node_that_is_full_is_worth_another_try() {
    let sms = with_relay_set(&[("SPEAR_SPEARLET_SLOTS", "1")]).await;
    sms.deploy("hello").await;
    let failure = failure(&sms, "relay", json!({ "function": "hello", "call": "Ada" })).await;
    assert!(failure.code == "unavailable" && failure.retryable, "{failure:?}");
    assert!(failure.message.contains("all 1 slots are taken"), "{failure:?}");
}

#[tokio::test]
async fn a_caller_that_runs_out_of_time_ends_what_it_invoked() {
    let sms = Sms::with_node().await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    let limits = LimitRequest { timeout: Some(Duration::from_millis(500)), ..LimitRequest::default() };
    sms.api
        .deploy(&relay("inner", &["spin"]).limits(LimitRequest { timeout: Some(HOUR), ..limits.clone() }))
        .await
        .unwrap();
    sms.api.deploy(&relay("outer", &["inner"]).limits(limits)).await.unwrap();
    let call = json!({ "function": "inner", "call": { "function": "spin" } });
    let outcome = invoke(&sms, "outer", call).await.outcome;
    assert!(matches!(outcome, Outcome::TimedOut { .. }), "{outcome}");
    sms.is_running(0).await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_whole_chain_on_every_node() {
    let sms = Sms::alone().await;
    let one_slot = [("SPEAR_SPEARLET_SLOTS", "1")];
    let _nodes = [Spearlet::of_set(&sms, "one", &one_slot).await, Spearlet::of_set(&sms, "two", &one_slot).await];
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    let limits = LimitRequest { timeout: Some(HOUR), ..LimitRequest::default() };
    sms.api.deploy(&relay("relay", &["spin"]).limits(limits)).await.unwrap();
    let api = sms.api.clone();
    let call = json!({ "function": "spin" }).to_string();
    let client = tokio::spawn(async move { api.invoke("relay", call).await.map(|invoked| invoked.outcome) });
    sms.is_running(2).await;
    client.abort();
    assert!(soon("its end", client).await.unwrap_err().is_cancelled());
    sms.is_running(0).await;
}
