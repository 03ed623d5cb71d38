//! What did not succeed is tried again, as often as its submitter wants.

use std::time::Duration;

use serde_json::json;
use spear_types::{Access, LimitRequest, Outcome, OutcomeKind, RetryPolicy, TaskState};

use crate::harness::{Ended, Function, NewTask, Sms, retries};

async fn ended(sms: &Sms, task: NewTask) -> Ended {
    let task = sms.api.submit(task).await.unwrap();
    sms.api.ended(task).await
}

#[tokio::test]
async fn a_failure_that_says_so_is_tried_again_until_the_policy_is_exhausted() {
    let sms = Sms::with_node().await;
    sms.deploy("fail").await;
    let retryable = ended(&sms, NewTask::of("fail", "busy retryable").retry(retries(4))).await;
    assert_eq!((retryable.outcome.name(), retryable.task.attempt), ("failed", 4));
    let Outcome::Failed(failure) = retryable.outcome else { unreachable!() };
    assert_eq!(failure.code, "busy");
    let for_good = ended(&sms, NewTask::of("fail", "no-stock").retry(retries(4))).await;
    assert_eq!((for_good.outcome.name(), for_good.task.attempt), ("failed", 1));
    let once = ended(&sms, NewTask::of("fail", "busy retryable").once()).await;
    assert_eq!(once.task.attempt, 1);
}

#[tokio::test]
async fn each_wait_is_twice_the_one_before_up_to_the_longest() {
    let sms = Sms::with_node().await;
    sms.deploy("fail").await;
    let millis = Duration::from_millis;
    let retry = RetryPolicy { max_attempts: 5, backoff: millis(50), max_backoff: millis(150), ..retries(5) };
    let task = sms.api.submit(NewTask::of("fail", "busy retryable").retry(retry)).await.unwrap();
    let ended = sms.api.ended(task).await;
    let took = ended.at().since(ended.task.submitted);
    assert_eq!(ended.task.attempt, 5);
    assert!(took >= millis(50 + 100 + 150 + 150), "{took:?}");
}

#[tokio::test]
async fn while_it_waits_it_says_how_the_last_attempt_ended_and_when_the_next_one_begins() {
    const BACKOFF: Duration = Duration::from_secs(3600);
    let sms = Sms::with_node().await;
    sms.deploy("fail").await;
    let retry = RetryPolicy { backoff: BACKOFF, max_backoff: BACKOFF, ..retries(2) };
    let task = sms.api.submit(NewTask::of("fail", "busy retryable").retry(retry)).await.unwrap();
    let waits = |state: &TaskState| matches!(state, TaskState::Queued { after: Some(_), .. });
    let info = sms.api.reaches(task, waits).await;
    let TaskState::Queued { not_before: Some(not_before), after } = info.state else { panic!("{info:?}") };
    assert_eq!((after, info.attempt), (Some(OutcomeKind::Failed), 1));
    assert!(not_before.since(info.submitted) >= BACKOFF, "{info:?}");
}

#[tokio::test]
async fn only_the_outcomes_that_were_named_are_tried_again() {
    let sms = Sms::with_node().await;
    let brief = LimitRequest { timeout: Some(Duration::from_millis(20)), ..LimitRequest::default() };
    let little = LimitRequest { fuel: Some(1_000_000), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("spin").named("slow").limits(brief)).await.unwrap();
    sms.api.deploy(&Function::guest("spin").named("hungry").limits(little)).await.unwrap();
    sms.api.deploy(&Function::guest("snoop").grant("public", Access::Read)).await.unwrap();
    sms.deploy("trap").await;
    let all = [
        ("slow", "", OutcomeKind::TimedOut),
        ("hungry", "", OutcomeKind::OutOfFuel),
        ("trap", "", OutcomeKind::Trapped),
        ("snoop", "secret", OutcomeKind::Denied),
    ];
    for (function, body, kind) in all {
        for (on, attempts) in [(vec![kind], 2), (vec![OutcomeKind::Failed, OutcomeKind::NodeLost], 1), (vec![], 1)] {
            let retry = RetryPolicy { on, ..retries(2) };
            let ended = ended(&sms, NewTask::of(function, body).retry(retry)).await;
            assert_eq!((ended.outcome.kind(), ended.task.attempt), (kind, attempts), "{function}");
        }
    }
}

#[tokio::test]
async fn what_fails_at_first_succeeds_in_the_end() {
    let sms = Sms::with_node().await;
    sms.deploy("flaky").await;
    let call = json!({ "succeed_on": 4 }).to_string();
    let ended = ended(&sms, NewTask::of("flaky", call).retry(retries(10))).await;
    assert_eq!((ended.text(), ended.task.attempt), ("4", 4));
}

#[tokio::test]
async fn an_attempt_knows_its_number() {
    let sms = Sms::with_node().await;
    sms.deploy("status").await;
    let first = ended(&sms, NewTask::of("status", "")).await;
    let status: serde_json::Value = serde_json::from_str(first.text()).unwrap();
    assert_eq!(status["who_am_i"]["attempt"], 1);
    assert_eq!(status["who_am_i"]["task"], first.task.id.to_string());
}

#[tokio::test]
async fn attempts_go_on_where_they_were_after_a_restart() {
    const BACKOFF: Duration = Duration::from_secs(2);
    let mut sms = Sms::with_node().await;
    sms.deploy("fail").await;
    let retry = RetryPolicy { backoff: BACKOFF, max_backoff: BACKOFF, ..retries(2) };
    let task = sms.api.submit(NewTask::of("fail", "busy retryable").retry(retry)).await.unwrap();
    let waits = |state: &TaskState| matches!(state, TaskState::Queued { after: Some(_), .. });
    sms.api.reaches(task, waits).await;
    sms.kill_and_start_again("up").await;
    let ended = sms.api.ended(task).await;
    assert_eq!((ended.outcome.name(), ended.task.attempt), ("failed", 2));
    assert!(ended.at().since(ended.task.submitted) >= BACKOFF);
}
