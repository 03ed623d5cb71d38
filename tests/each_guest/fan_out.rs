//! Functions that submit functions.

use serde_json::{Value, json};
use spear_types::{Denial, Failure, Grants, LimitRequest, Outcome, TaskId};

use crate::harness::{Function, Sms};

async fn with_fan_out() -> Sms {
    let sms = Sms::with_node().await;
    for guest in ["fan-out", "hello", "fail"] {
        sms.deploy(guest).await;
    }
    sms
}

async fn call(sms: &Sms, function: &str, call: Value) -> Outcome {
    sms.api.invoke(function, call.to_string()).await.unwrap().outcome
}

async fn answer(sms: &Sms, command: Value) -> Value {
    let Outcome::Succeeded(reply) = call(sms, "fan-out", command.clone()).await else { panic!("{command}") };
    serde_json::from_slice(&reply.body).unwrap()
}

async fn submit(sms: &Sms, submit: Value) -> Vec<TaskId> {
    serde_json::from_value(answer(sms, json!({ "submit": submit })).await).unwrap()
}

async fn failure(sms: &Sms, function: &str, command: Value) -> Failure {
    match call(sms, function, command.clone()).await {
        Outcome::Failed(failure) => failure,
        outcome => panic!("{command}: {outcome}"),
    }
}

async fn ends(sms: &Sms, tasks: &[TaskId]) {
    for task in tasks {
        sms.api.ended(*task).await;
    }
}

#[tokio::test]
async fn what_it_submitted_runs_when_it_has_ended_and_another_run_of_it_sees_how_it_went() {
    let sms = with_fan_out().await;
    let tasks = submit(&sms, json!({ "function": "hello", "lines": "Ada\nGrace\nEdsger" })).await;
    ends(&sms, &tasks).await;
    let succeeded = |name: &str| json!({ "succeeded": format!("Hello, {name}!") });
    let seen = answer(&sms, json!({ "look": tasks })).await;
    assert_eq!(seen, json!([succeeded("Ada"), succeeded("Grace"), succeeded("Edsger")]));
}

#[tokio::test]
async fn what_waits_is_queued_and_what_was_cancelled_says_so() {
    let sms = with_fan_out().await;
    let tasks = submit(&sms, json!({ "function": "hello", "lines": "Ada", "delay_ms": 3_600_000 })).await;
    assert_eq!(answer(&sms, json!({ "look": tasks })).await, json!(["queued"]));
    sms.api.cancel(tasks[0]).await.unwrap();
    assert_eq!(answer(&sms, json!({ "look": tasks })).await, json!([{ "ended": "cancelled" }]));
}

#[tokio::test]
async fn a_key_makes_one_task_of_two_submissions() {
    let sms = with_fan_out().await;
    let lines = json!({ "function": "hello", "lines": "Ada\nGrace", "key": "names" });
    let tasks = submit(&sms, lines.clone()).await;
    assert_eq!(submit(&sms, lines).await, tasks);
    let others = json!({ "submit": { "function": "hello", "lines": "Edsger", "key": "names" } });
    assert_eq!(failure(&sms, "fan-out", others).await.code, "key-taken");
}

#[tokio::test]
async fn how_often_it_is_tried_is_its_submitters_word() {
    let sms = with_fan_out().await;
    let tasks = submit(&sms, json!({ "function": "fail", "lines": "busy retryable", "max_attempts": 1 })).await;
    let ended = sms.api.ended(tasks[0]).await;
    assert_eq!((ended.outcome.name(), ended.task.attempt), ("failed", 1));
    assert_eq!(answer(&sms, json!({ "look": tasks })).await, json!([{ "failed": "busy" }]));
    let never = json!({ "submit": { "function": "fail", "lines": "x", "max_attempts": 0 } });
    assert_eq!(failure(&sms, "fan-out", never).await.code, "invalid");
}

#[tokio::test]
async fn a_function_that_is_not_granted_is_not_submitted_and_its_tasks_are_unknown() {
    let sms = with_fan_out().await;
    sms.deploy("counter").await;
    let submit = json!({ "submit": { "function": "counter", "lines": "x" } });
    let outcome = call(&sms, "fan-out", submit).await;
    let Outcome::Denied(Denial { grant, .. }) = outcome else { panic!("{outcome}") };
    assert_eq!(grant, "[grants]\ntasks = [\"counter\"]");
    assert!(sms.api.list(Some("counter"), &[]).await.unwrap().is_empty());

    let task = sms.api.submit(crate::harness::NewTask::of("counter", "")).await.unwrap();
    ends(&sms, &[task]).await;
    let unknown = failure(&sms, "fan-out", json!({ "look": [task] })).await;
    assert_eq!(unknown.code, "unknown-task");
    let no_id = failure(&sms, "fan-out", json!({ "look": ["no id"] })).await;
    assert_eq!(no_id.code, "invalid");
}

#[tokio::test]
async fn what_it_submits_counts_against_its_limit_of_calls() {
    let sms = with_fan_out().await;
    let grants = Grants { tasks: ["hello".parse().unwrap()].into(), ..Grants::default() };
    let limits = LimitRequest { calls: Some(2), ..LimitRequest::default() };
    let tight = Function::guest("fan-out").named("tight").grants(grants).limits(limits);
    sms.api.deploy(&tight).await.unwrap();
    let three = json!({ "submit": { "function": "hello", "lines": "1\n2\n3" } });
    let failure = failure(&sms, "tight", three).await;
    assert!(failure.code == "over-limit" && failure.message.contains("the limit `calls` is 2"), "{failure:?}");
    // Those before it are remembered: nothing takes back what was submitted.
    assert_eq!(sms.api.list(Some("hello"), &[]).await.unwrap().len(), 2);
}
