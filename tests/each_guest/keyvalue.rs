//! `wasi:keyvalue`, as a component that knows nothing of SPEAR has it. The same stores, grants and limits as `values`.

use serde_json::{Value, json};
use spear_types::Outcome;

use crate::harness::{Invoked, Sms};

async fn with_both() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("keyvalue").await;
    sms.deploy("values").await;
    sms
}

async fn invoked(sms: &Sms, call: Value) -> Invoked {
    sms.api.invoke("keyvalue", call.to_string()).await.unwrap()
}

async fn answer(sms: &Sms, call: Value) -> Value {
    invoked(sms, call).await.json()
}

async fn values(sms: &Sms, call: Value) -> Value {
    sms.api.invoke("values", call.to_string()).await.unwrap().json()
}

async fn assert_failed(sms: &Sms, call: Value, code: &str, text: &str) {
    let outcome = invoked(sms, call.clone()).await.outcome;
    let Outcome::Failed(failure) = outcome else { panic!("{call}: {outcome}") };
    assert!(failure.code == code && failure.message.contains(text), "{call}: {failure:?}");
}

#[tokio::test]
async fn both_interfaces_see_the_same_data() {
    let sms = with_both().await;
    let at = |op: &str| json!({ "op": op, "store": "desk", "key": "k" });
    values(&sms, json!({ "op": "put", "store": "desk", "key": "k", "text": "from values" })).await;
    assert_eq!(answer(&sms, at("get")).await, "from values");
    assert_eq!(answer(&sms, at("exists")).await, true);
    answer(&sms, json!({ "op": "set", "store": "desk", "key": "k", "text": "from keyvalue" })).await;
    assert_eq!(values(&sms, at("get")).await["value"], "from keyvalue");
    answer(&sms, at("delete")).await;
    assert_eq!((answer(&sms, at("exists")).await, values(&sms, at("get")).await), (json!(false), Value::Null));

    values(&sms, json!({ "op": "increment", "store": "desk", "key": "n", "by": 40 })).await;
    assert_eq!(answer(&sms, json!({ "op": "increment", "store": "desk", "key": "n", "delta": 2 })).await, 42);
}

#[tokio::test]
async fn a_batch_is_set_read_and_removed() {
    let sms = with_both().await;
    answer(&sms, json!({ "op": "set-many", "store": "desk", "values": [["a", "1"], ["b", "2"]] })).await;
    let read = json!({ "op": "get-many", "store": "desk", "keys": ["b", "c", "a"] });
    assert_eq!(answer(&sms, read.clone()).await, json!([["b", "2"], null, ["a", "1"]]));
    answer(&sms, json!({ "op": "delete-many", "store": "desk", "keys": ["b", "c"] })).await;
    assert_eq!(answer(&sms, read).await, json!([null, null, ["a", "1"]]));
}

#[tokio::test]
async fn keys_come_in_pages_and_a_cursor_goes_on_in_another_run_too() {
    let sms = with_both().await;
    answer(&sms, json!({ "op": "fill", "store": "desk", "count": 1_000 })).await;
    for (key, pages) in [("x1", vec![1_000, 1]), ("x2", vec![1_000, 2])] {
        answer(&sms, json!({ "op": "set", "store": "desk", "key": key, "text": "" })).await;
        let listed = answer(&sms, json!({ "op": "list-keys", "store": "desk" })).await;
        let sizes: Vec<usize> = listed.as_array().unwrap().iter().map(|page| page.as_array().unwrap().len()).collect();
        assert_eq!(sizes, pages);
        assert_eq!((&listed[0][999], &listed[1][0]), (&json!("0999"), &json!("x1")));
    }
    for (cursor, keys) in [(1_000, json!([["x1", "x2"]])), (1_001, json!([["x2"]])), (u64::MAX, json!([[]]))] {
        assert_eq!(answer(&sms, json!({ "op": "list-keys", "store": "desk", "cursor": cursor })).await, keys);
    }
}

#[tokio::test]
async fn each_access_is_granted_by_itself() {
    let sms = with_both().await;
    for (call, grant) in [
        (json!({ "op": "get", "store": "outbox", "key": "k" }), "outbox = \"read-write\""),
        (json!({ "op": "exists", "store": "outbox", "key": "k" }), "outbox = \"read-write\""),
        (json!({ "op": "list-keys", "store": "outbox" }), "outbox = \"read-write\""),
        (json!({ "op": "get-many", "store": "outbox", "keys": ["k"] }), "outbox = \"read-write\""),
        (json!({ "op": "increment", "store": "outbox", "key": "k", "delta": 1 }), "outbox = \"read-write\""),
        (json!({ "op": "set", "store": "inbox", "key": "k", "text": "x" }), "inbox = \"read-write\""),
        (json!({ "op": "delete", "store": "inbox", "key": "k" }), "inbox = \"read-write\""),
        (json!({ "op": "set-many", "store": "inbox", "values": [["k", "x"]] }), "inbox = \"read-write\""),
        (json!({ "op": "delete-many", "store": "inbox", "keys": ["k"] }), "inbox = \"read-write\""),
        (json!({ "op": "get", "store": "attic", "key": "k" }), "attic = \"read\""),
    ] {
        let outcome = invoked(&sms, call.clone()).await.outcome;
        let Outcome::Denied(denial) = outcome else { panic!("{call}: {outcome}") };
        assert_eq!(denial.grant, format!("[grants.kv]\n{grant}"), "{call}");
    }
    assert_eq!(answer(&sms, json!({ "op": "get", "store": "inbox", "key": "k" })).await, Value::Null);
    answer(&sms, json!({ "op": "set", "store": "outbox", "key": "k", "text": "x" })).await;
}

#[tokio::test]
async fn what_cannot_be_is_an_error_and_never_a_trap() {
    let sms = with_both().await;
    let keys: Vec<String> = (0..10_000).map(|key| key.to_string()).collect();
    for (call, code, text) in [
        (json!({ "op": "get", "store": "No Store", "key": "k" }), "no-such-store", ""),
        (json!({ "op": "get", "store": "desk", "key": "" }), "other", "is empty"),
        (json!({ "op": "open", "store": "desk", "handles": 1_000_000 }), "other", "the limit `handles`"),
        (json!({ "op": "get-many", "store": "desk", "keys": keys }), "other", "the limit of 1000"),
        (json!({ "op": "fill", "store": "desk", "count": 10_000 }), "other", "the limit of 1000"),
        (json!({ "op": "set", "store": "desk", "key": "k", "text": "x".repeat(2 << 20) }), "other", "limit is 1048576"),
        (json!({ "op": "increment", "store": "desk", "key": "k", "delta": u64::MAX }), "other", "over the limit of"),
    ] {
        assert_failed(&sms, call, code, text).await;
    }
    values(&sms, json!({ "op": "increment", "store": "desk", "key": "n", "by": -9 })).await;
    assert_failed(&sms, json!({ "op": "increment", "store": "desk", "key": "n", "delta": 2 }), "other", "-7").await;
}

#[tokio::test]
async fn only_spears_own_interfaces_count_as_hostcalls() {
    let sms = with_both().await;
    assert_eq!(invoked(&sms, json!({ "op": "get", "store": "desk", "key": "k" })).await.usage.hostcalls, 0);
    let read = json!({ "op": "get", "store": "desk", "key": "k" });
    assert_eq!(sms.api.invoke("values", read.to_string()).await.unwrap().usage.hostcalls, 2);
}
