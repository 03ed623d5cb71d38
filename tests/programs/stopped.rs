//! Runs that nobody wants any more.

use std::time::Duration;

use spear_types::{LimitRequest, Outcome};

use super::stage::{Mark, Stage};
use crate::harness::NewTask;

super::on! {
    [process, docker]:
    a_task_that_is_cancelled_stops,
    nothing_of_a_cancelled_task_is_left,
    a_call_whose_client_is_gone_stops,
    what_ends_with_its_node_leaves_nothing;
    [wasm]:
    a_task_that_is_cancelled_stops;
}

fn an_hour() -> LimitRequest {
    LimitRequest { timeout: Some(Duration::from_secs(3600)), ..LimitRequest::default() }
}

const ALL_KINDS: &str =
    "busybox sleep MARK & (busybox setsid busybox sleep MARK &); trap '' TERM; while :; do wait; done";

async fn a_task_that_is_cancelled_stops(stage: Stage) {
    stage.guest_or("spin", "while :; do :; done", an_hour()).await;
    let task = stage.sms.api.submit(NewTask::of("spin", "")).await.unwrap();
    stage.sms.api.runs(task).await;
    stage.sms.api.cancel(task).await.unwrap();
    assert_eq!(stage.sms.api.ended(task).await.outcome, Outcome::Cancelled);
    stage.sms.is_running(0).await;
    stage.is_empty().await;
}

async fn nothing_of_a_cancelled_task_is_left(stage: Stage) {
    let mark = Mark::new();
    stage.script("sleep", &mark.of(ALL_KINDS), an_hour()).await;
    let task = stage.sms.api.submit(NewTask::of("sleep", "")).await.unwrap();
    mark.sleeps(2).await;
    stage.sms.api.cancel(task).await.unwrap();
    assert_eq!(stage.sms.api.ended(task).await.outcome, Outcome::Cancelled);
    mark.is_gone().await;
    stage.is_empty().await;
}

async fn a_call_whose_client_is_gone_stops(stage: Stage) {
    let mark = Mark::new();
    stage.script("sleep", &mark.of(ALL_KINDS), an_hour()).await;
    tokio::select! {
        ended = stage.sms.api.invoke("sleep", "") => panic!("it does not end: {ended:?}"),
        () = mark.sleeps(2) => {}
    }
    mark.is_gone().await;
    stage.sms.is_running(0).await;
    stage.is_empty().await;
}

async fn what_ends_with_its_node_leaves_nothing(mut stage: Stage) {
    let mark = Mark::new();
    stage.script("sleep", &mark.of(ALL_KINDS), an_hour()).await;
    let api = stage.sms.api.clone();
    let call = tokio::spawn(async move { api.invoke("sleep", "").await });
    mark.sleeps(2).await;
    call.abort();
    assert_eq!(stage.sms.stop().await, Some(0));
    mark.is_gone().await;
    stage.is_empty().await;
    assert_eq!(stage.traces().mounts(), [""; 0]);
    crate::harness::eventually("no process", async || stage.traces().processes().is_empty().then_some(())).await;
    crate::harness::eventually("no control group", async || stage.traces().groups().is_empty().then_some(())).await;
}
