//! What a function may know of itself.

use std::time::Duration;

use serde_json::{Value, json};
use spear_proto::v1;
use spear_types::{LimitRequest, Limits};

use crate::harness::{Function, Sms, payload};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn it_knows_who_it_is() {
    let sms = Sms::with_node().await;
    sms.deploy("status").await;
    let request = v1::InvokeRequest {
        function: "status".to_owned(),
        call: Some(payload(v1::Payload::default())),
        trace_parent: Some(TRACE.to_owned()),
        version: None,
        ..Default::default()
    };
    let invoked = sms.api.call(request).await.unwrap();
    let me = json!({
        "task": invoked.task,
        "attempt": 1,
        "function": "status",
        "version": 1,
        "node": invoked.node,
        "trace_parent": TRACE,
    });
    assert_eq!(invoked.json()["who_am_i"], me);
}

#[tokio::test]
async fn it_knows_its_limits_what_it_used_and_what_is_left() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest {
        memory: Some(8 << 20),
        timeout: Some(Duration::from_secs(5)),
        fuel: Some(50_000_000),
        payload: Some(10_000),
        log: Some(5_000),
        ..LimitRequest::default()
    };
    sms.api.deploy(&Function::guest("status").limits(limits)).await.unwrap();
    let status = sms.api.invoke("status", "").await.unwrap().json();
    let expected = json!({
        "memory_bytes": 8 << 20, "timeout_ms": 5_000, "fuel": 50_000_000, "payload_bytes": 10_000, "log_bytes": 5_000,
        "hostcall_bytes": Limits::DEFAULTS.hostcall, "table_elements": 20_000, "handles": 1_000,
    });
    assert_eq!(status["limits"], expected);
    let number =
        |part: &str, name: &str| status[part][name].as_u64().unwrap_or_else(|| panic!("{part}.{name}: {status}"));
    for name in ["memory_bytes", "fuel"] {
        let (used, limit) = (number("usage", name), number("limits", name));
        assert!((1..limit).contains(&used), "{name}: {status}");
    }
    assert_eq!(number("usage", "memory_bytes") + number("remaining", "memory_bytes"), 8 << 20);
    // The second question burns fuel itself.
    assert!(number("usage", "fuel") + number("remaining", "fuel") <= 50_000_000);
    assert!(number("remaining", "wall_ms") <= 5_000 && number("remaining", "fuel") > 0, "{status}");
    assert_eq!((number("usage", "hostcalls"), number("remaining", "log_bytes")), (3, 5_000));
}

#[tokio::test]
async fn a_run_that_is_not_metered_has_no_fuel() {
    let sms = Sms::with_node().await;
    sms.deploy("status").await;
    let status = sms.api.invoke("status", "").await.unwrap().json();
    for part in ["limits", "usage", "remaining"] {
        assert_eq!(status[part]["fuel"], Value::Null);
    }
}
