//! A log that takes its time.

use std::time::Duration;

use crate::harness::Sms;

#[tokio::test]
async fn it_writes_its_lines_in_order_and_waits_after_each() {
    let sms = Sms::with_node().await;
    sms.deploy("slow-log").await;
    let invoked = sms.api.invoke("slow-log", r#"{"lines": 5, "every_ms": 10}"#).await.unwrap();
    assert_eq!(invoked.text(), "wrote 5 lines");
    assert!(invoked.usage.wall >= Duration::from_millis(50), "{:?}", invoked.usage);
    let log = sms.api.log(&invoked.task).await;
    assert_eq!(log.messages(), ["line 1", "line 2", "line 3", "line 4", "line 5"]);
}
