//! Failures that pass: what retries are for.

use std::time::Duration;

use spear_proto::v1::{self, task::State, task_service_client::TaskServiceClient};
use spear_types::{Failure, Outcome};
use spear_wire::Decode as _;

use crate::harness::{Sms, payload};

const PATIENCE: Duration = Duration::from_secs(300);

async fn with_flaky() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("flaky").await;
    sms
}

/// Submits it and waits for its end.
async fn end(sms: &Sms, body: &'static str, max_attempts: u32) -> (v1::Task, Outcome) {
    let mut tasks = TaskServiceClient::new(sms.api.channel());
    let wait = |millis| Some(Duration::from_millis(millis).try_into().unwrap());
    let retry = v1::RetryPolicy { max_attempts, backoff: wait(1), max_backoff: wait(5), on: vec!["failed".to_owned()] };
    let task = v1::TaskSpec {
        function: "flaky".to_owned(),
        version: None,
        call: Some(payload(v1::Payload { body: body.into(), ..Default::default() })),
        options: Some(v1::TaskOptions { retry: Some(retry), ..Default::default() }),
    };
    let submitted = tasks.submit_tasks(v1::SubmitTasksRequest { tasks: vec![task] }).await.unwrap().into_inner();
    let task = submitted.tasks[0].task.clone();
    let wait = Some(PATIENCE.try_into().unwrap());
    let result = tasks.get_result(v1::GetResultRequest { task, wait }).await.unwrap().into_inner();
    (result.task.unwrap(), Outcome::decode(result.outcome.expect("it ended")).unwrap())
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
    let (task, outcome) = end(&sms, r#"{"succeed_on": 3}"#, 5).await;
    let Outcome::Succeeded(reply) = outcome else { panic!("{outcome}") };
    assert_eq!((&reply.body[..], task.attempt), (&b"3"[..], 3));
}

#[tokio::test]
async fn a_task_is_not_tried_more_often_than_it_was_asked_to_be() {
    let sms = with_flaky().await;
    let (task, outcome) = end(&sms, r#"{"succeed_on": 9}"#, 2).await;
    assert!(matches!(&outcome, Outcome::Failed(failure) if failure.code == "not-yet"), "{outcome}");
    assert_eq!(task.attempt, 2);
    assert!(matches!(task.state, Some(State::Ended(ended)) if ended.outcome == "failed"));
}
