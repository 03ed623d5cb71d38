//! Which task goes first, and when.

use std::time::Duration;

use spear_types::{OutcomeKind, TaskState};

use super::{busy, is_queued};
use crate::harness::{Function, NewTask, Sms, Spearlet, ended_at, retries};

#[tokio::test]
async fn the_highest_priority_goes_first_and_among_equals_who_came_first() {
    let (sms, spin) = busy().await;
    sms.deploy("echo").await;
    let mut wanted = Vec::new();
    for (place, priority) in [(4, 10), (0, 90), (2, 50), (1, 90), (5, 0), (3, 50)] {
        let task = sms.api.submit(NewTask::of("echo", "").priority(priority)).await.unwrap();
        wanted.push((place, task));
    }
    wanted.sort();
    sms.api.cancel(spin).await.unwrap();
    for (_, task) in &wanted {
        sms.api.ended(*task).await;
    }
    // On one slot they end in the order in which they began.
    let mut ended = sms.api.list(Some("echo"), &["succeeded"]).await.unwrap();
    ended.sort_by_key(ended_at);
    let found: Vec<_> = ended.iter().map(|task| task.id).collect();
    assert_eq!(found, wanted.into_iter().map(|(_, task)| task).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_functions_own_priority_counts_where_a_task_has_none() {
    let (sms, spin) = busy().await;
    let placement = spear_types::Placement { priority: 90.try_into().unwrap(), ..Default::default() };
    sms.api.deploy(&Function::guest("echo").named("first").placement(placement)).await.unwrap();
    sms.deploy("echo").await;
    let second = sms.api.submit(NewTask::of("echo", "")).await.unwrap();
    let first = sms.api.submit(NewTask::of("first", "")).await.unwrap();
    assert_eq!(sms.api.task(first).await.unwrap().priority.get(), 90);
    sms.api.cancel(spin).await.unwrap();
    assert!(sms.api.ended(first).await.at() < sms.api.ended(second).await.at());
}

#[tokio::test]
async fn a_delayed_task_starts_no_sooner_and_another_one_passes_it() {
    const DELAY: Duration = Duration::from_millis(400);
    let sms = Sms::with_node().await;
    sms.deploy("echo").await;
    // From then on it is compiled.
    sms.api.invoke("echo", "").await.unwrap();
    let delayed = sms.api.submit(NewTask::of("echo", "").delay(DELAY).priority(100)).await.unwrap();
    let other = sms.api.submit(NewTask::of("echo", "").priority(0)).await.unwrap();
    let info = sms.api.task(delayed).await.unwrap();
    let TaskState::Queued { not_before: Some(not_before), after: None } = info.state else { panic!("{info:?}") };
    assert_eq!(not_before.since(info.submitted), DELAY);
    let (delayed, other) = (sms.api.ended(delayed).await, sms.api.ended(other).await);
    assert!(delayed.at().since(delayed.task.submitted) >= DELAY, "{delayed:?}");
    assert!(other.at() < delayed.at(), "{other:?} {delayed:?}");
}

#[tokio::test]
async fn a_delay_outlives_a_restart() {
    const DELAY: Duration = Duration::from_secs(3);
    let mut sms = Sms::with_node().await;
    sms.deploy("echo").await;
    let delayed = sms.api.submit(NewTask::of("echo", "").delay(DELAY)).await.unwrap();
    let long = sms.api.submit(NewTask::of("echo", "").delay(super::HOUR)).await.unwrap();
    sms.kill_and_start_again("up").await;
    let ended = sms.api.ended(delayed).await;
    assert!(ended.at().since(ended.task.submitted) >= DELAY, "{ended:?}");
    assert!(is_queued(&sms.api.task(long).await.unwrap().state));
}

#[tokio::test]
async fn a_task_that_no_node_took_by_its_deadline_has_timed_out() {
    const DEADLINE: Duration = Duration::from_millis(200);
    let sms = Sms::alone().await;
    sms.deploy("echo").await;
    let task = sms.api.submit(NewTask::of("echo", "").deadline(DEADLINE)).await.unwrap();
    let ended = sms.api.ended(task).await;
    assert_eq!((ended.outcome.kind(), ended.task.attempt), (OutcomeKind::TimedOut, 0));
    let waited = ended.at().since(ended.task.submitted);
    assert!(waited >= DEADLINE && ended.task.deadline == Some(ended.task.submitted.after(DEADLINE)), "{ended:?}");
    // It does not come back.
    let _node = Spearlet::of(&sms, "one").await;
    assert_eq!(sms.api.ended(task).await.at(), ended.at());
}

#[tokio::test]
async fn a_deadline_ends_a_run_and_every_attempt_after_it() {
    const DEADLINE: Duration = Duration::from_secs(1);
    let sms = Sms::with_node().await;
    sms.deploy_compiled(&Function::spin(super::HOUR)).await;
    let retry = spear_types::RetryPolicy { on: vec![OutcomeKind::TimedOut], ..retries(10) };
    let task = sms.api.submit(NewTask::of("spin", "").deadline(DEADLINE).retry(retry)).await.unwrap();
    sms.api.runs(task).await;
    let ended = sms.api.ended(task).await;
    assert_eq!((ended.outcome.kind(), ended.task.attempt), (OutcomeKind::TimedOut, 1));
    let took = ended.at().since(ended.task.submitted);
    assert!(took >= DEADLINE && took < DEADLINE * 2, "{took:?}");
    sms.is_running(0).await;
}

#[tokio::test]
async fn a_deadline_that_passed_while_the_sms_was_dead_has_passed() {
    const DEADLINE: Duration = Duration::from_millis(100);
    let mut sms = Sms::alone().await;
    sms.deploy("echo").await;
    let task = sms.api.submit(NewTask::of("echo", "").deadline(DEADLINE)).await.unwrap();
    sms.kill_and_start_again("sms").await;
    assert_eq!(sms.api.ended(task).await.outcome.kind(), OutcomeKind::TimedOut);
}
