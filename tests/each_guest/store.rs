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
        ("add-ref", "inbox", "inbox = \"read-write\""),
        ("pin", "inbox", "inbox = \"read-write\""),
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

#[tokio::test]
async fn a_put_with_a_condition_happens_where_it_holds_and_nowhere_else() {
    let sms = with_store().await;
    let put = |text: &str, with: Value| {
        let mut call = json!({ "op": "put-if", "bucket": "shelf", "key": "k", "text": text });
        call.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        call
    };
    let first = answer(&sms, put("one", json!({}))).await;
    assert_eq!(first["version"], 1);
    assert_failed(&sms, put("two", json!({})), "condition-failed").await;
    assert_eq!(answer(&sms, put("two", json!({ "version": 1 }))).await["version"], 2);
    assert_failed(&sms, put("three", json!({ "version": 1 })), "condition-failed").await;
    assert_failed(&sms, put("three", json!({ "etag": first["etag"] })), "condition-failed").await;
    let etag = Digest::of(b"two").to_string();
    assert_eq!(answer(&sms, put("three", json!({ "etag": etag }))).await["version"], 3);
    assert_failed(&sms, put("four", json!({ "etag": "no etag" })), "invalid").await;
    assert_eq!(sms.api.get("shelf", "k").await.unwrap(), b"three");
}

#[tokio::test]
async fn references_and_pins_keep_an_object_and_the_last_reference_takes_it_away() {
    let sms = with_store().await;
    sms.api.put("shelf", "k", "kept").await.unwrap();
    let at = |op: &str| json!({ "op": op, "bucket": "shelf", "key": "k" });
    assert_failed(&sms, at("remove-ref"), "condition-failed").await;
    assert_eq!(answer(&sms, at("add-ref")).await["references"], 1);
    assert_failed(&sms, at("delete"), "in-use").await;
    assert_eq!(answer(&sms, at("pin")).await["pinned"], true);
    assert_eq!(answer(&sms, at("remove-ref")).await["references"], 0);
    assert_failed(&sms, at("delete"), "in-use").await;
    assert_eq!(answer(&sms, at("unpin")).await["pinned"], false);
    answer(&sms, at("add-ref")).await;
    assert_eq!(answer(&sms, at("remove-ref")).await, Value::Null);
    assert_failed(&sms, at("stat"), "not-found").await;
    sms.api.put("shelf", "k", "again").await.unwrap();
    answer(&sms, at("pin")).await;
    assert_eq!(answer(&sms, at("force-delete")).await, Value::Null);
}

#[tokio::test]
async fn a_batch_happens_whole_or_not_at_all() {
    let sms = with_store().await;
    let batch = |key: &str| {
        let texts = json!([["a", "one"], ["b", "two"]]);
        json!({ "op": "batch", "bucket": "shelf", "key": key, "texts": texts })
    };
    sms.api.put("shelf", "other", "x").await.unwrap();
    assert_failed(&sms, batch("absent"), "not-found").await;
    assert!(sms.api.get("shelf", "a").await.is_err(), "nothing of it happened");
    let infos = answer(&sms, batch("b")).await;
    assert_eq!((&infos[1]["version"], &infos[2]["references"]), (&json!(1), &json!(1)));
    assert_eq!(sms.api.get("shelf", "a").await.unwrap(), b"one");
}

async fn assert_failed(sms: &Sms, call: Value, code: &str) {
    let outcome = outcome(sms, call.clone()).await;
    let Outcome::Failed(failure) = outcome else { panic!("{call}: {outcome}") };
    assert_eq!(failure.code, code, "{call}");
}
