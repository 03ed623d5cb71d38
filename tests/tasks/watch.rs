//! Tasks as they change.

use spear_proto::v1::watch_tasks_request::{All, Of, TaskIds};
use spear_types::{Code, TaskId, TaskState};
use tonic::Code as Grpc;

use super::{HOUR, busy};
use crate::harness::{NewTask, Refused as _, Sms, Spearlet, Watch};

/// The names of the states that come, until and with an end.
async fn states(watch: &mut Watch, task: TaskId) -> Vec<&'static str> {
    let mut states = Vec::new();
    while let Some(info) = watch.next().await {
        if info.id == task {
            states.push(info.state.name());
            if info.state.has_ended() {
                break;
            }
        }
    }
    states
}

#[tokio::test]
async fn each_state_of_a_task_is_told_and_then_the_stream_ends() {
    let sms = Sms::alone().await;
    sms.deploy("echo").await;
    let task = sms.api.submit(NewTask::of("echo", "")).await.unwrap();
    let mut watch = sms.api.watch_tasks([task]).await.unwrap();
    assert_eq!(watch.next().await.unwrap().state.name(), "queued");
    let _node = Spearlet::of(&sms, "one").await;
    assert_eq!(states(&mut watch, task).await, ["assigned", "running", "succeeded"]);
    assert!(watch.next().await.is_none());
    // One that has ended is told as it is.
    let mut late = sms.api.watch_tasks([task]).await.unwrap();
    assert_eq!(states(&mut late, task).await, ["succeeded"]);
    assert!(late.next().await.is_none());
}

#[tokio::test]
async fn a_stream_of_many_ends_with_the_last_of_them() {
    let (sms, spin) = busy().await;
    sms.deploy("echo").await;
    let echo = sms.api.submit(NewTask::of("echo", "")).await.unwrap();
    let mut watch = sms.api.watch_tasks([spin, echo]).await.unwrap();
    sms.api.cancel(spin).await.unwrap();
    let mut ended = Vec::new();
    while let Some(info) = watch.next().await {
        if info.state.has_ended() {
            ended.push((info.id, info.state.name()));
        }
    }
    assert_eq!(ended, [(spin, "cancelled"), (echo, "succeeded")]);
}

#[tokio::test]
async fn the_tasks_of_a_function_and_all_tasks_are_told_as_they_come() {
    let sms = Sms::with_node().await;
    for guest in ["echo", "hello"] {
        sms.deploy(guest).await;
    }
    let mut of_echo = sms.api.watch(Of::Function("echo".to_owned())).await.unwrap();
    let mut of_all = sms.api.watch(Of::All(All {})).await.unwrap();
    let hello = sms.api.submit(NewTask::of("hello", "")).await.unwrap();
    assert_eq!(states(&mut of_all, hello).await.last(), Some(&"succeeded"));
    for _ in 0..2 {
        let echo = sms.api.submit(NewTask::of("echo", "")).await.unwrap();
        let mut seen = Vec::new();
        loop {
            let info = of_echo.next().await.unwrap();
            assert_eq!((info.id, info.function.as_str()), (echo, "echo"));
            seen.push(info.state.name());
            if info.state.has_ended() {
                break;
            }
        }
        assert!(seen.ends_with(&["running", "succeeded"]), "{seen:?}");
        assert_eq!(states(&mut of_all, echo).await.last(), Some(&"succeeded"));
    }
}

#[tokio::test]
async fn a_retry_and_a_cancel_are_told() {
    let (sms, spin) = busy().await;
    let mut watch = sms.api.watch_tasks([spin]).await.unwrap();
    let first = watch.next().await.unwrap();
    assert!(matches!(first.state, TaskState::Running { cancelling: false, .. }), "{first:?}");
    sms.api.cancel(spin).await.unwrap();
    let second = watch.next().await.unwrap();
    assert!(matches!(second.state, TaskState::Running { cancelling: true, .. }), "{second:?}");
    assert_eq!(states(&mut watch, spin).await, ["cancelled"]);

    sms.deploy("fail").await;
    let retry = crate::harness::retries(2);
    let task = sms.api.submit(NewTask::of("fail", "busy retryable").delay(HOUR / 18_000).retry(retry)).await.unwrap();
    let mut watch = sms.api.watch_tasks([task]).await.unwrap();
    let attempt = ["assigned", "running"];
    let mut wanted = vec!["queued"];
    wanted.extend(attempt);
    wanted.push("queued");
    wanted.extend(attempt);
    wanted.push("failed");
    assert_eq!(states(&mut watch, task).await, wanted);
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let sms = Sms::alone().await;
    let ids = |tasks: Vec<String>| Of::Tasks(TaskIds { tasks });
    let unknown = TaskId::generate().to_string();
    for (of, code, grpc) in [
        (ids(vec![unknown.clone()]), Code::UnknownTask, Grpc::NotFound),
        (ids(vec!["x".to_owned()]), Code::InvalidRequest, Grpc::InvalidArgument),
        (ids(vec![unknown; 1_001]), Code::InvalidRequest, Grpc::InvalidArgument),
        (ids(Vec::new()), Code::InvalidRequest, Grpc::InvalidArgument),
        (Of::Function("No Name".to_owned()), Code::InvalidName, Grpc::InvalidArgument),
    ] {
        let watch = sms.api.watch(of).await.map(|_| ());
        watch.refused(code, grpc);
    }
}

#[tokio::test]
async fn a_watcher_that_does_not_read_holds_nobody_up() {
    let sms = Sms::with_node().await;
    sms.deploy("echo").await;
    let idle = sms.api.watch(Of::All(All {})).await.unwrap();
    for _ in 0..5 {
        let submitted = sms.api.submit_all((0..400).map(|_| NewTask::of("echo", vec![b'x'; 100]))).await.unwrap();
        sms.api.ended(submitted[399].0).await;
    }
    drop(idle);
}
