//! Links between the SMS and its nodes: what breaks, what is said again, and what is believed.

mod partition;
mod reports;
mod rude;

use std::time::Duration;

use spear_types::{AttemptId, LimitRequest, OutcomeKind, TaskId};

use crate::harness::{Function, Link, NewTask, Sms, Spearlet, register};

const HOUR: Duration = Duration::from_secs(3600);

/// Nothing is lost for its silence.
const PATIENT: &[(&str, &str)] = &[("SPEAR_SMS_LEASE", "1h"), ("SPEAR_SMS_HEARTBEAT", "20ms")];

/// An SMS and a node without a program that was given a task.
async fn with_one_task() -> (Sms, Link, AttemptId) {
    let sms = Sms::alone_set(PATIENT).await;
    sms.deploy("echo").await;
    let mut node = Link::open(&sms.api, register("one", 10)).await.unwrap();
    let task = submit(&sms).await;
    let attempt = node.assigned().await;
    assert_eq!(attempt, AttemptId { task, attempt: 1 });
    (sms, node, attempt)
}

async fn submit(sms: &Sms) -> TaskId {
    sms.api.submit(NewTask::of("echo", "Ada")).await.unwrap()
}

#[tokio::test]
async fn a_call_that_is_larger_than_a_node_takes_is_refused_and_its_link_stays_open() {
    const SMALL: &[(&str, &str)] = &[("SPEAR_MAXIMA_PAYLOAD", "1MiB"), ("SPEAR_MAXIMA_LOG", "64KiB")];
    let sms = Sms::alone_set(PATIENT).await;
    let small = Spearlet::of_set(&sms, "small", SMALL).await;
    sms.deploy("echo").await;
    let task = sms.api.submit(NewTask::of("echo", vec![b'a'; 7 << 19])).await.unwrap();
    let ended = sms.api.ended(task).await;
    assert_eq!(ended.outcome.kind(), OutcomeKind::Refused, "{:?}", ended.outcome);
    assert!(!small.program.stderr.text().contains("no link to the SMS"));
}

#[tokio::test]
async fn a_call_that_was_taken_under_wider_limits_is_refused_and_the_link_stays_open() {
    let mut sms = Sms::alone_set(PATIENT).await;
    let limits = LimitRequest { payload: Some(16 << 20), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("echo").limits(limits)).await.unwrap();
    let task = sms.api.submit(NewTask::of("echo", vec![b'a'; 12 << 20])).await.unwrap();
    sms.kill_and_start_again_with("sms", &[("SPEAR_MAXIMA_PAYLOAD", "1MiB"), ("SPEAR_MAXIMA_LOG", "64KiB")]).await;
    let node = Spearlet::of(&sms, "one").await;
    let ended = sms.api.ended(task).await;
    assert_eq!(ended.outcome.kind(), OutcomeKind::Refused, "{:?}", ended.outcome);
    assert!(!node.program.stderr.text().contains("no link to the SMS"));
}
