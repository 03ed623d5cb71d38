//! Objects from inside of a function. Its manifest grants `inbox` to read, `outbox` to write and `shelf` for both.

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use spear_types::{Digest, Outcome};

use crate::harness::Sms;

async fn with_store() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("store").await;
    sms
}

async fn outcome(sms: &Sms, call: Value) -> Outcome {
    sms.api.invoke("store", call.to_string()).await.unwrap().outcome
}

async fn answer(sms: &Sms, call: Value) -> Value {
    sms.api.invoke("store", call.to_string()).await.unwrap().json()
}

#[tokio::test]
async fn an_object_is_put_looked_at_read_and_removed() {
    let sms = with_store().await;
    let at = |op: &str| json!({ "op": op, "bucket": "shelf", "key": "a/b.txt" });
    let put =
        json!({ "op": "put", "bucket": "shelf", "key": "a/b.txt", "text": "0123456789", "content_type": "text/x" });
    let info = answer(&sms, put).await;
    assert_eq!(info["etag"], Digest::of(b"0123456789").to_string());
    assert_eq!((&info["size"], &info["version"], &info["content_type"]), (&json!(10), &json!(1), &json!("text/x")));
    assert_eq!(answer(&sms, at("stat")).await, info);
    assert_eq!(answer(&sms, at("get")).await, "0123456789");
    assert_eq!(sms.api.get("shelf", "a/b.txt").await.unwrap(), b"0123456789", "it is the same from outside");
    assert_eq!(answer(&sms, at("delete")).await, Value::Null);
    assert_failed(&sms, at("get"), "not-found").await;
}

#[tokio::test]
async fn a_range_ends_where_the_object_ends() {
    let sms = with_store().await;
    sms.api.put("inbox", "k", "0123456789").await.unwrap();
    for (offset, length, expected) in [(0, 3, "012"), (4, 100, "456789"), (10, 1, ""), (1000, 1, ""), (3, 0, "")] {
        let call = json!({ "op": "get-range", "bucket": "inbox", "key": "k", "offset": offset, "length": length });
        assert_eq!(answer(&sms, call).await, expected, "{length} from {offset}");
    }
    let all = json!({ "op": "get-range", "bucket": "inbox", "key": "k", "offset": 1, "length": u64::MAX });
    assert_eq!(answer(&sms, all).await, "123456789");
}

#[tokio::test]
async fn a_listing_goes_over_more_than_one_page() {
    let sms = with_store().await;
    let puts = (0..1_005).map(|number| {
        let sms = &sms;
        async move { sms.api.put("inbox", &format!("many/{number:04}"), "x").await.map(|_| ()).unwrap() }
    });
    stream::iter(puts).buffer_unordered(32).collect::<()>().await;
    sms.api.put("inbox", "one", "x").await.unwrap();
    let listing = answer(&sms, json!({ "op": "list", "bucket": "inbox", "key": "many/" })).await;
    let keys: Vec<_> = listing.as_array().unwrap().iter().map(|info| info["key"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..1_005).map(|number| format!("many/{number:04}")).collect();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn each_way_to_fail_has_a_code_of_its_own() {
    let sms = with_store().await;
    assert_failed(&sms, json!({ "op": "get", "bucket": "inbox", "key": "k" }), "unknown-bucket").await;
    sms.api.put("inbox", "large", vec![0; 5 << 20]).await.unwrap();
    for (call, code) in [
        (json!({ "op": "get", "bucket": "inbox", "key": "k" }), "not-found"),
        (json!({ "op": "stat", "bucket": "inbox", "key": "k" }), "not-found"),
        (json!({ "op": "get", "bucket": "inbox", "key": "a/../k" }), "invalid"),
        (json!({ "op": "get", "bucket": "inbox", "key": "k".repeat(10_000) }), "invalid"),
        (json!({ "op": "get", "bucket": "In Box", "key": "k" }), "invalid"),
        (json!({ "op": "get", "bucket": "inbox", "key": "large" }), "over-limit"),
        (json!({ "op": "put", "bucket": "outbox", "key": "k", "text": "12345678", "repeat": 1 << 20 }), "over-limit"),
        (json!({ "op": "delete", "bucket": "shelf", "key": "k" }), "unknown-bucket"),
    ] {
        assert_failed(&sms, call, code).await;
    }
    assert!(sms.api.get("outbox", "k").await.is_err(), "what was over its limit left nothing");
}

#[tokio::test]
async fn each_access_is_granted_by_itself() {
    let sms = with_store().await;
    sms.api.put("inbox", "k", "mail").await.unwrap();
    sms.api.put("outbox", "k", "mail").await.unwrap();
    for (op, bucket, grant) in [
        ("put", "inbox", "inbox = \"read-write\""),
        ("delete", "inbox", "inbox = \"read-write\""),
        ("get", "outbox", "outbox = \"read-write\""),
        ("stat", "outbox", "outbox = \"read-write\""),
        ("list", "outbox", "outbox = \"read-write\""),
        ("get", "attic", "attic = \"read\""),
    ] {
        let call = json!({ "op": op, "bucket": bucket, "key": "k", "text": "changed" });
        let Outcome::Denied(denial) = outcome(&sms, call).await else { panic!("{op} {bucket}") };
        assert_eq!(denial.grant, format!("[grants.objects]\n{grant}"));
    }
    assert_eq!(sms.api.get("inbox", "k").await.unwrap(), b"mail");
    assert!(answer(&sms, json!({ "op": "put", "bucket": "outbox", "key": "k", "text": "new" })).await.is_object());
}

async fn assert_failed(sms: &Sms, call: Value, code: &str) {
    let outcome = outcome(sms, call.clone()).await;
    let Outcome::Failed(failure) = outcome else { panic!("{call}: {outcome}") };
    assert_eq!(failure.code, code, "{call}");
}
