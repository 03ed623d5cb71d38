//! What watchers see, and when it ends.

use std::{collections::HashMap, time::Duration};

use spear_types::TaskState;
use spear_wire::{Decode as _, from_status};
use tokio::time::timeout;

use super::*;
use crate::testing::{Middle, function, success};

const LONG: Duration = Duration::from_secs(20);

async fn watching(view: &View, of: Of) -> Changes {
    watch(view, v1::WatchTasksRequest { of: Some(of) }).await.unwrap()
}

fn tasks(tasks: &[TaskId]) -> Of {
    let tasks = tasks.iter().map(ToString::to_string).collect();
    Of::Tasks(v1::watch_tasks_request::TaskIds { tasks })
}

fn all() -> Of {
    Of::All(v1::watch_tasks_request::All {})
}

async fn next(changes: &mut Changes) -> Option<Result<TaskInfo, Refusal>> {
    let response = timeout(LONG, changes.next()).await.expect("a change in time")?;
    let task = |response: v1::WatchTasksResponse| TaskInfo::decode(response.task.unwrap()).unwrap();
    Some(response.map(task).map_err(from_status))
}

async fn seen(changes: &mut Changes) -> Option<(TaskId, &'static str)> {
    next(changes).await.map(|task| task.unwrap()).map(|task| (task.id, task.state.name()))
}

#[tokio::test]
async fn a_task_is_seen_on_its_way_and_the_watch_ends_with_it() {
    let middle = Middle::new();
    let view = middle.view();
    let ids = middle.submit(&function("f"), 2).await;
    let mut changes = watching(&view, tasks(&ids[..1])).await;
    assert_eq!(seen(&mut changes).await, Some((ids[0], "queued")));
    let link = middle.join("one", 1).await;
    assert_eq!(seen(&mut changes).await, Some((ids[0], "assigned")));
    let attempt = middle.assigned().await;
    middle.report(link, attempt, spear_state::ReportKind::Started).await;
    assert_eq!(seen(&mut changes).await, Some((ids[0], "running")));
    middle.report(link, attempt, success()).await;
    assert_eq!(seen(&mut changes).await, Some((ids[0], "succeeded")));
    assert_eq!(seen(&mut changes).await, None);

    let mut ended = watching(&view, tasks(&ids[..1])).await;
    assert_eq!((seen(&mut ended).await, seen(&mut ended).await), (Some((ids[0], "succeeded")), None));
}

#[tokio::test]
async fn a_function_or_all_are_watched_on_and_on_until_the_sms_stops() {
    let middle = Middle::new();
    let view = middle.view();
    let [f, g] = [function("f"), function("g")];
    let (mut of_g, mut of_all) = (watching(&view, Of::Function("g".to_owned())).await, watching(&view, all()).await);
    let [one, other] = [middle.submit(&f, 1).await[0], middle.submit(&g, 1).await[0]];
    middle.cancel(other).await;
    assert_eq!(seen(&mut of_g).await, Some((other, "queued")));
    assert_eq!(seen(&mut of_g).await, Some((other, "cancelled")));
    for expected in [(one, "queued"), (other, "queued"), (other, "cancelled")] {
        assert_eq!(seen(&mut of_all).await, Some(expected));
    }
    view.stop.cancel();
    assert_eq!(next(&mut of_g).await.unwrap().unwrap_err().code, Code::Draining);
    assert!(next(&mut of_g).await.is_none());
}

#[tokio::test]
async fn a_task_that_is_unknown_is_refused_at_once() {
    let middle = Middle::new();
    let view = middle.view();
    let known = middle.submit(&function("f"), 1).await[0];
    let of = Some(tasks(&[known, TaskId::generate()]));
    let refusal = watch(&view, v1::WatchTasksRequest { of }).await.map(drop).unwrap_err();
    assert_eq!(refusal.code, Code::UnknownTask);
    let none = watch(&view, v1::WatchTasksRequest { of: Some(tasks(&[])) }).await.map(drop).unwrap_err();
    assert_eq!(none.code, Code::InvalidRequest);
}

#[tokio::test]
async fn whoever_is_slow_hears_the_end_of_every_task_it_saw_and_nothing_twice() {
    let middle = Middle::new();
    let view = middle.view();
    let f = function("f");
    let mut changes = watching(&view, all()).await;
    let ids = middle.submit(&f, 6_000).await;
    let first = seen(&mut changes).await.unwrap().0;
    // Nobody reads: far more changes than wait for a watcher.
    for task in &ids {
        let _ = middle.scheduler.apply_now(spear_state::Command::Cancel(*task));
    }
    middle.scheduler.durable().await.unwrap();
    let (mut states, mut ended) = (HashMap::from([(first, false)]), 0);
    let last = middle.submit(&f, 1).await[0];
    while let Some(task) = next(&mut changes).await {
        let task = task.unwrap();
        if task.id == last {
            break;
        }
        let ends = matches!(task.state, TaskState::Ended { .. });
        let before = states.insert(task.id, ends);
        assert!(before.is_none_or(|ended| !ended), "{} goes on after its end", task.id);
        assert!(before.is_none() || ends, "{} is seen twice", task.id);
        ended += usize::from(ends);
    }
    // What was shown in a look at everything ends with the next one at the latest.
    while ended < states.len() {
        let task = next(&mut changes).await.unwrap().unwrap();
        if states.insert(task.id, true).is_some() {
            ended += 1;
        }
    }
}
