//! A task that nobody wants any more.

use std::time::Duration;

use serde_json::json;
use spear_types::{Code, Grants, LimitRequest, Outcome, TaskId, TaskState, Timestamp};
use tonic::Code as Grpc;

use super::{HOUR, busy, is_queued};
use crate::harness::{Function, Home, NewTask, ROUNDS, Refused as _, Sms, Spearlet, Web, retries};

/// What SPEAR promises of a cancelled run's end.
const PROMISED: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_queued_task_is_gone_at_once() {
    let sms = Sms::alone().await;
    sms.deploy("hello").await;
    for task in [NewTask::of("hello", ""), NewTask::of("hello", "").delay(HOUR)] {
        let task = sms.api.submit(task).await.unwrap();
        let cancelled = sms.api.cancel(task).await.unwrap();
        assert!(cancelled.state.has_ended(), "{cancelled:?}");
        let ended = sms.api.ended(task).await;
        assert_eq!((ended.outcome, ended.task.attempt), (Outcome::Cancelled, 0));
    }
    // Nothing of it comes to a node.
    let _node = Spearlet::of(&sms, "one").await;
    let last = sms.api.submit(NewTask::of("hello", "")).await.unwrap();
    sms.api.ended(last).await;
    assert_eq!(sms.api.list(None, &["cancelled"]).await.unwrap().len(), 2);
    assert_eq!(sms.api.list(None, &["succeeded"]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_nine_that_run_seven_have_stopped_within_100_ms() {
    let sms = Sms::with_node_in(Home::alone().await, &[]).await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    assert_stop_in_time(&sms, NewTask::of("spin", "")).await;
}

#[tokio::test]
async fn of_nine_that_wait_in_a_hostcall_seven_have_stopped_within_100_ms_and_what_they_wait_for_stops_too() {
    let sms = Sms::with_node_in(Home::alone().await, &[("SPEAR_SMS_HEARTBEAT", "20ms")]).await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    let limits = LimitRequest { timeout: Some(HOUR), ..LimitRequest::default() };
    let tasks = ["spin".parse().unwrap()].into();
    let relay = Function::guest("relay").limits(limits).grants(Grants { tasks, ..Grants::default() });
    sms.deploy_compiled(&relay).await;
    let call = json!({ "function": "spin" }).to_string();
    let task = sms.api.submit(NewTask::of("relay", call.clone())).await.unwrap();
    sms.is_running(2).await;
    assert_eq!(stop(&sms, task).await.1, Outcome::Cancelled);
    sms.is_running(0).await;
    assert_stop_in_time(&sms, NewTask::of("relay", call)).await;
    sms.is_running(0).await;
}

#[tokio::test]
async fn one_that_waits_for_a_web_server_hangs_up() {
    let sms = Sms::with_node().await;
    let web = Web::start().await;
    let limits = LimitRequest { timeout: Some(HOUR), ..LimitRequest::default() };
    let grants = Grants {
        http: [web.url("127.0.0.1", "").parse().unwrap()].into(),
        networks: ["127.0.0.0/8".parse().unwrap()].into(),
        ..Grants::default()
    };
    sms.api.deploy(&Function::guest("fetch").limits(limits).grants(grants)).await.unwrap();
    let call = json!({ "url": web.url("127.0.0.1", "/silence") });
    let task = sms.api.submit(NewTask::of("fetch", call.to_string())).await.unwrap();
    web.saw(1).await;
    let (_, outcome) = stop(&sms, task).await;
    assert_eq!(outcome, Outcome::Cancelled);
    web.left_alone().await;
}

#[tokio::test]
async fn it_is_not_tried_again() {
    let (sms, spin) = busy().await;
    assert_eq!(stop(&sms, spin).await.1, Outcome::Cancelled);
    sms.deploy("fail").await;
    let backoff = spear_types::RetryPolicy { backoff: HOUR, max_backoff: HOUR, ..retries(5) };
    let failing = sms.api.submit(NewTask::of("fail", "busy retryable").retry(backoff)).await.unwrap();
    let waits = |state: &TaskState| matches!(state, TaskState::Queued { after: Some(_), .. });
    sms.api.reaches(failing, waits).await;
    assert!(sms.api.cancel(failing).await.unwrap().state.has_ended());
    assert_eq!(sms.api.ended(failing).await.task.attempt, 1);
}

#[tokio::test]
async fn one_that_has_ended_stays_as_it_ended() {
    let sms = Sms::with_node().await;
    sms.deploy("hello").await;
    let task = sms.api.submit(NewTask::of("hello", "Ada")).await.unwrap();
    let ended = sms.api.ended(task).await;
    let refusal = sms.api.cancel(task).await.refused(Code::TaskEnded, Grpc::FailedPrecondition);
    assert!(refusal.message.contains("succeeded"), "{refusal}");
    assert_eq!(sms.api.ended(task).await.task, ended.task);

    sms.api.cancel(TaskId::generate()).await.refused(Code::UnknownTask, Grpc::NotFound);
}

#[tokio::test]
async fn twice_is_as_good_as_once() {
    let (sms, spin) = busy().await;
    let first = sms.api.cancel(spin).await.unwrap();
    assert!(!is_queued(&first.state), "{first:?}");
    match sms.api.cancel(spin).await {
        Ok(second) => assert!(matches!(second.state, TaskState::Running { cancelling: true, .. }), "{second:?}"),
        ended => drop(ended.refused(Code::TaskEnded, Grpc::FailedPrecondition)),
    }
    assert_eq!(sms.api.ended(spin).await.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn a_cancel_that_was_acknowledged_outlives_the_sms() {
    let mut sms = Sms::alone().await;
    let node = Spearlet::of(&sms, "one").await;
    sms.deploy_compiled(&Function::spin(HOUR)).await;
    let spin = sms.api.submit(NewTask::of("spin", "")).await.unwrap();
    sms.api.runs(spin).await;
    // The node cannot hear of it before the SMS is dead.
    node.program.signal(rustix::process::Signal::STOP);
    sms.api.cancel(spin).await.unwrap();
    sms.kill_and_start_again("sms").await;
    node.program.signal(rustix::process::Signal::CONT);
    assert_eq!(sms.api.ended(spin).await.outcome, Outcome::Cancelled);
}

/// Cancels a task that runs; how long after that it ended, and how.
async fn stop(sms: &Sms, task: TaskId) -> (Duration, Outcome) {
    let now = Timestamp::now();
    sms.api.cancel(task).await.unwrap();
    let ended = sms.api.ended(task).await;
    (ended.at().since(now), ended.outcome)
}

/// All but two keep the promise: the machine under us may take a core away for longer.
async fn assert_stop_in_time(sms: &Sms, task: NewTask) {
    let mut late = Vec::new();
    for _ in 0..ROUNDS {
        let task = sms.api.submit(task.clone()).await.unwrap();
        sms.api.runs(task).await;
        let (time, outcome) = stop(sms, task).await;
        assert_eq!(outcome, Outcome::Cancelled);
        late.push(time);
    }
    late.sort();
    assert!(late[ROUNDS - 3] <= PROMISED, "{late:?}");
}
