//! Failures that pass: what retries are for.

use spear_types::{Failure, Outcome};

use crate::harness::{Ended, NewTask, Sms, retries};

async fn with_flaky() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("flaky").await;
    sms
}

/// Submits it and waits for its end.
async fn end(sms: &Sms, body: &'static str, attempts: u32) -> Ended {
    let task = sms.api.submit(NewTask::of("flaky", body).retry(retries(attempts))).await.unwrap();
    sms.api.ended(task).await
}

#[tokio::test]
async fn its_first_attempt_says_that_another_may_help() {
    let sms = with_flaky().await;
    assert_eq!(sms.api.invoke("flaky", r#"{"succeed_on": 1}"#).await.unwrap().text(), "1");
    let outcome = sms.api.invoke("flaky", r#"{"succeed_on": 2}"#).await.unwrap().outcome;
    let Outcome::Failed(Failure { code, retryable, .. }) = outcome else { panic!("{outcome}") };
    assert_eq!((code.as_str(), retryable), ("not-yet", true));
}

#[tokio::test]
async fn a_task_is_tried_again_until_it_succeeds() {
    let sms = with_flaky().await;
    let ended = end(&sms, r#"{"succeed_on": 3}"#, 5).await;
    assert_eq!((ended.text(), ended.task.attempt), ("3", 3));
}

#[tokio::test]
async fn a_task_is_not_tried_more_often_than_it_was_asked_to_be() {
    let sms = with_flaky().await;
    let ended = end(&sms, r#"{"succeed_on": 9}"#, 2).await;
    assert!(matches!(&ended.outcome, Outcome::Failed(failure) if failure.code == "not-yet"), "{}", ended.outcome);
    assert_eq!(ended.task.attempt, 2);
}
