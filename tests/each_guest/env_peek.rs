//! Looks for what the sandbox should hide.

use serde_json::json;

use crate::harness::Sms;

#[tokio::test]
async fn nothing_of_the_node_is_seen_or_touched() {
    let sms = Sms::with_node_set(&[("TOKEN", "the node's own"), ("HTTP_PROXY", "http://127.0.0.1:1")]).await;
    sms.deploy("env-peek").await;
    let seen = sms.api.invoke("env-peek", "").await.unwrap().json();
    let nothing = json!({ "variables": [], "arguments": [], "root": [], "file": null, "wrote": false });
    assert_eq!(seen, nothing);
}
