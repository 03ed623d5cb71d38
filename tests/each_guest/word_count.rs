//! A text in a bucket, counted.

use serde_json::json;
use spear_types::Outcome;

use crate::harness::Sms;

#[tokio::test]
async fn it_counts_a_text_from_its_bucket() {
    let sms = Sms::with_node().await;
    sms.deploy("word-count").await;
    let text = "A rose is a rose\nis a rose.\n";
    sms.api.put("texts", "stein.txt", text).await.unwrap();
    let counted = sms.api.invoke("word-count", r#"{"key": "stein.txt"}"#).await.unwrap().json();
    let top = json!([["a", 3], ["rose", 3], ["is", 2]]);
    assert_eq!(counted, json!({ "lines": 2, "words": 8, "bytes": text.len(), "top": top }));
}

#[tokio::test]
async fn what_it_cannot_read_is_a_failure_with_a_code() {
    let sms = Sms::with_node().await;
    sms.deploy("word-count").await;
    for (call, code) in [
        (r#"{"key": "stein.txt"}"#, "unknown-bucket"),
        (r#"{"key": "../stein.txt"}"#, "invalid"),
        (r#"{"kee": "stein.txt"}"#, "bad-input"),
        ("no JSON", "bad-input"),
    ] {
        let Outcome::Failed(failure) = sms.api.invoke("word-count", call).await.unwrap().outcome else { panic!() };
        assert_eq!(failure.code, code, "{call}");
    }
}
