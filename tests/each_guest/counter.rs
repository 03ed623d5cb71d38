//! A static that every call should find untouched.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::harness::Sms;

#[tokio::test]
async fn each_call_is_the_first_of_its_instance() {
    let sms = Sms::with_node().await;
    sms.deploy("counter").await;
    for _ in 0..10 {
        assert_eq!(sms.api.invoke("counter", "").await.unwrap().text(), "1");
    }
}

#[tokio::test]
async fn fifty_calls_at_once_get_fifty_instances() {
    let sms = Sms::with_node().await;
    sms.deploy("counter").await;
    let calls = join_all((0..50).map(|_| sms.api.invoke("counter", ""))).await;
    let invoked: Vec<_> = calls.into_iter().map(Result::unwrap).collect();
    assert!(invoked.iter().all(|invoked| invoked.text() == "1"));
    let tasks: BTreeSet<_> = invoked.iter().map(|invoked| &invoked.task).collect();
    assert_eq!(tasks.len(), 50);
}
