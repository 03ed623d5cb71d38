//! Log lines without end.

use spear_types::Outcome;

use crate::harness::{Sms, TaskLog};

/// The manifest's.
const LIMIT: usize = 64 << 10;

#[tokio::test]
async fn its_log_is_bounded_and_the_dropped_lines_are_counted() {
    let sms = Sms::with_node().await;
    sms.deploy("chatter").await;
    let invoked = sms.api.invoke("chatter", "10000").await.unwrap();
    assert_eq!(invoked.text(), "wrote 10000 lines");
    let log = sms.api.log(&invoked.task).await;
    assert_full(&log);
    assert_eq!(log.lines.len() as u64 + log.dropped, 10_000);

    let shown = sms.spear(["logs", &invoked.task]).await.answer();
    assert!(shown.contains(&format!("over the limit `log`: {} more lines", log.dropped)), "{shown}");
    assert_eq!(sms.json(["logs", "chatter"]).await[0]["dropped"], log.dropped);
}

#[tokio::test]
async fn the_log_of_a_call_that_timed_out_is_still_there() {
    let sms = Sms::with_node().await;
    sms.deploy("chatter").await;
    let invoked = sms.api.invoke("chatter", "").await.unwrap();
    assert!(matches!(invoked.outcome, Outcome::TimedOut { .. }), "{}", invoked.outcome);
    let log = sms.api.log(&invoked.task).await;
    assert_full(&log);
    assert!(log.lines[0].message.starts_with("line 0,") && log.dropped > 0);
}

/// As many lines as the limit has room for, and no more.
fn assert_full(log: &TaskLog) {
    let bytes: usize = log.lines.iter().map(|line| line.message.len()).sum();
    assert!((LIMIT / 4..=LIMIT).contains(&bytes), "{bytes} bytes in {} lines", log.lines.len());
}
