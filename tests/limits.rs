//! Limits: whose they are, and that nobody pays for another's.

use std::time::Duration;

use futures::future::{join, join_all};
use spear_proto::v1;
use spear_types::{Code, LimitRequest, Outcome};
use tonic::Code as Grpc;

use crate::harness::{Function, Refused as _, Sms, eventually, payload};

/// As long as the operator allows: whoever waits for the end of such a call waits for the end of the test.
const HOUR: Duration = Duration::from_secs(3600);

fn timeout(timeout: Duration) -> LimitRequest {
    LimitRequest { timeout: Some(timeout), ..LimitRequest::default() }
}

#[tokio::test]
async fn a_guest_that_misbehaves_leaves_the_node_to_the_next_one() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    for (guest, outcome) in [
        ("spin", "timed-out"),
        ("hog", "out-of-memory"),
        ("trap", "trapped"),
        ("panic", "trapped"),
        ("chatter", "timed-out"),
    ] {
        sms.deploy(guest).await;
        let invoked = sms.api.invoke(guest, "").await.unwrap();
        assert_eq!(invoked.outcome.name(), outcome, "{guest}");
        assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().text(), "Hello, Ada!", "after {guest}");
    }
}

#[tokio::test]
async fn while_spinners_keep_every_thread_busy_others_are_served() {
    let sms = Sms::with_node_set(&[("SPEAR_SPEARLET_THREADS", "2"), ("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    sms.deploy("hello").await;
    for (name, fuel) in [("timed", None), ("metered", Some(u64::MAX))] {
        let limits = LimitRequest { fuel, ..timeout(HOUR) };
        sms.deploy_compiled(&Function::guest("spin").named(name).limits(limits)).await;
    }
    let spinners = join_all(["timed", "timed", "metered", "metered"].map(|name| sms.api.invoke(name, "")));
    let node = sms.node().await;
    let others = async {
        sms.is_running(4).await;
        let everything = String::new();
        for program in [&sms.api, &node] {
            program.health().check(health(&everything)).await.unwrap();
        }
        for _ in 0..20 {
            assert_eq!(sms.api.invoke("hello", "Ada").await.unwrap().text(), "Hello, Ada!");
        }
    };
    tokio::select! {
        ended = spinners => panic!("spinners do not end: {ended:?}"),
        () = others => {}
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_gives_its_slot_back() {
    let sms = Sms::with_node_set(&[("SPEAR_SPEARLET_SLOTS", "1"), ("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    // Not metered either: both need the one instance that there is room for.
    sms.api.deploy(&Function::guest("hello")).await.unwrap();
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    tokio::select! {
        ended = sms.api.invoke("spin", "") => panic!("it does not end: {ended:?}"),
        () = sms.is_running(1) => {}
    }
    eventually("the slot", async || sms.api.invoke("hello", "Ada").await.ok()).await;
}

#[tokio::test]
async fn a_full_node_says_so_at_once() {
    let sms = Sms::with_node_set(&[("SPEAR_SPEARLET_SLOTS", "1"), ("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    sms.deploy("hello").await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    let refused = async {
        sms.is_running(1).await;
        sms.api.invoke("hello", "Ada").await.refused(Code::QueueFull, Grpc::ResourceExhausted)
    };
    tokio::select! {
        ended = sms.api.invoke("spin", "") => panic!("it does not end: {ended:?}"),
        refusal = refused => assert!(refusal.message.contains("all 1 slots are taken"), "{refusal}"),
    }
}

#[tokio::test]
async fn a_call_a_reply_and_a_message_may_not_be_larger_than_their_limits() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { payload: Some(100), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("hello").limits(limits)).await.unwrap();
    assert!(sms.api.invoke("hello", "x".repeat(50)).await.is_ok());

    let refusal = sms.api.invoke("hello", "x".repeat(101)).await.refused(Code::TooLarge, Grpc::InvalidArgument);
    assert_eq!(refusal.message, "the call has 101 bytes, the function's limit `payload` is 100");

    let outcome = sms.api.invoke("hello", "x".repeat(99)).await.unwrap().outcome;
    let Outcome::Failed(failure) = outcome else { panic!("{outcome}") };
    assert_eq!(failure.code, "reply-too-large");

    // Over what the operator allows at the most: the message is not even taken in.
    sms.api.invoke("hello", vec![0; 80 << 20]).await.refused(Code::TooLarge, Grpc::OutOfRange);
    assert!(sms.api.invoke("hello", "Ada").await.is_ok());
}

#[tokio::test]
async fn a_call_may_not_have_more_headers_than_anybody_needs() {
    let sms = Sms::with_node().await;
    sms.deploy("echo").await;
    let header = v1::Header { name: "n".to_owned(), value: String::new() };
    let call = v1::Payload { headers: vec![header; 1_001], ..v1::Payload::default() };
    let request =
        v1::InvokeRequest { function: "echo".to_owned(), call: Some(payload(call)), ..v1::InvokeRequest::default() };
    sms.api.call(request).await.refused(Code::InvalidRequest, Grpc::InvalidArgument);
}

#[tokio::test]
async fn limits_over_the_operators_maxima_are_refused_all_at_once() {
    let sms = Sms::alone_set(&[("SPEAR_MAXIMA_TIMEOUT", "1m")]).await;
    let before = sms.kept().await;
    let limits = LimitRequest { memory: Some(1 << 40), handles: Some(u32::MAX), ..timeout(HOUR) };
    let deploy = sms.api.deploy(&Function::guest("hello").limits(limits)).await;
    let refusal = deploy.refused(Code::LimitTooHigh, Grpc::FailedPrecondition);
    for part in ["memory: 1.0 TiB asked, 1.0 GiB allowed", "timeout: 1h asked, 1m allowed", "handles: 4294967295 asked"]
    {
        assert!(refusal.message.contains(part), "{refusal}");
    }
    assert_eq!(sms.kept().await, before);
}

#[tokio::test]
async fn the_operators_limits_hold_where_a_function_says_nothing() {
    let sms = Sms::with_node_set(&[("SPEAR_DEFAULTS_TIMEOUT", "150ms"), ("SPEAR_DEFAULTS_MEMORY", "16MiB")]).await;
    for guest in ["spin", "hog"] {
        sms.api.deploy(&Function::guest(guest)).await.unwrap();
    }
    let spun = sms.api.invoke("spin", "").await.unwrap().outcome;
    assert_eq!(spun, Outcome::TimedOut { limit: Duration::from_millis(150) });
    let hogged = sms.api.invoke("hog", "").await.unwrap().outcome;
    assert!(matches!(hogged, Outcome::OutOfMemory { limit, .. } if limit == 16 << 20), "{hogged}");
}

#[tokio::test]
async fn an_operator_who_bounds_fuel_has_every_run_metered() {
    let sms = Sms::with_node_set(&[("SPEAR_MAXIMA_FUEL", "1000000000"), ("SPEAR_DEFAULTS_FUEL", "5000000")]).await;
    sms.api.deploy(&Function::guest("spin")).await.unwrap();
    let invoked = sms.api.invoke("spin", "").await.unwrap();
    assert_eq!(invoked.outcome, Outcome::OutOfFuel { limit: 5_000_000 });

    let greedy = LimitRequest { fuel: Some(1_000_000_001), ..LimitRequest::default() };
    let deploy = sms.api.deploy(&Function::guest("spin").limits(greedy)).await;
    deploy.refused(Code::LimitTooHigh, Grpc::FailedPrecondition);
}

#[tokio::test]
async fn less_memory_than_a_guest_starts_with_is_out_of_memory() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { memory: Some(64 << 10), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("hello").limits(limits)).await.unwrap();
    let invoked = sms.api.invoke("hello", "Ada").await.unwrap();
    assert!(matches!(invoked.outcome, Outcome::OutOfMemory { limit: 0x10000, .. }), "{}", invoked.outcome);
}

#[tokio::test]
async fn what_one_hostcall_carries_is_limited_by_itself() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { hostcall: Some(4_096), ..LimitRequest::default() };
    let store = Function::guest("store").limits(limits).grant("shelf", spear_types::Access::Write);
    sms.api.deploy(&store).await.unwrap();
    let put = |length: usize| {
        serde_json::json!({ "op": "put", "bucket": "shelf", "key": "k", "text": "x", "repeat": length }).to_string()
    };
    let (small, large) = join(sms.api.invoke("store", put(1_000)), sms.api.invoke("store", put(10_000))).await;
    assert!(matches!(small.unwrap().outcome, Outcome::Succeeded(_)));
    let outcome = large.unwrap().outcome;
    assert!(matches!(outcome, Outcome::Trapped(_)), "{outcome}");
}

fn health(service: &str) -> tonic_health::pb::HealthCheckRequest {
    tonic_health::pb::HealthCheckRequest { service: service.to_owned() }
}
