//! The oracle: once all is quiet, what is there is what was acknowledged.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use futures::{StreamExt as _, stream};
use spear_types::{Outcome, TaskId, TaskInfo, TaskState};

use super::{cluster::Cluster, load::Wanted};
use crate::harness::{Sms, assert_whole, eventually};

/// What came of it.
pub(super) struct Verdict {
    tasks: usize,
    attempts: u64,
    moved: u64,
    cancelled: u64,
}

impl Cluster {
    /// Stops the load, waits until everything has ended, and looks at all of it.
    pub(super) async fn settle(mut self) -> Verdict {
        self.stop.cancel();
        while let Some(submitter) = self.submitters.join_next().await {
            submitter.expect("a submitter that was content");
        }
        for node in &self.nodes {
            node.is_live(&self.sms).await;
        }
        let acknowledged = self.ledger.acknowledged();
        nothing_is_left(&self.sms).await;
        let ended = everything_ended_once(&self.sms, &acknowledged).await;
        ended.values().for_each(|task| self.ledger.see(task));
        self.watchers.abort_all();
        while let Some(watcher) = self.watchers.join_next().await {
            assert!(watcher.as_ref().is_err_and(tokio::task::JoinError::is_cancelled), "{watcher:?}");
        }
        keys_find_their_tasks(&self.sms, &acknowledged).await;
        ends_are_as_wanted(&self.sms, &acknowledged).await;
        nothing_is_reserved(&self.sms).await;
        self.sms.kill_and_start_again("sms").await;
        assert_eq!(everything_ended_once(&self.sms, &acknowledged).await, ended, "after another restart");
        Verdict {
            tasks: ended.len(),
            attempts: ended.values().map(|task| u64::from(task.attempt)).sum(),
            moved: self.ledger.moved(),
            cancelled: self.ledger.cancelled(),
        }
    }
}

async fn nothing_is_left(sms: &Sms) {
    let left = async || {
        let left = sms.api.list(None, &["queued", "assigned", "running"]).await.expect("a listing");
        left.is_empty().then_some(())
    };
    eventually("the end of every task", left).await;
}

async fn everything_ended_once(
    sms: &Sms,
    acknowledged: &BTreeMap<String, (TaskId, Wanted)>,
) -> HashMap<TaskId, TaskInfo> {
    let listed = sms.api.list(None, &[]).await.expect("a listing");
    let ended: HashMap<_, _> = listed.iter().map(|task| (task.id, task.clone())).collect();
    assert_eq!(ended.len(), listed.len(), "a task is listed twice");
    let by_key: HashMap<_, _> = acknowledged.iter().map(|(key, (task, wanted))| (*task, (key, wanted))).collect();
    assert_eq!(by_key.len(), acknowledged.len(), "two keys have one task");
    for task in ended.values() {
        let Some((key, wanted)) = by_key.get(&task.id) else { panic!("nobody was told of {task:?}") };
        let TaskState::Ended { outcome, .. } = task.state else { panic!("{task:?} has not ended") };
        assert!(wanted.allows(outcome), "{key}: {wanted:?} ended as {task:?}");
    }
    for (key, (task, _)) in acknowledged {
        assert!(ended.contains_key(task), "{key}, the task {task}, was acknowledged and is gone");
    }
    ended
}

async fn keys_find_their_tasks(sms: &Sms, acknowledged: &BTreeMap<String, (TaskId, Wanted)>) {
    let all: Vec<_> = acknowledged.values().collect();
    for some in all.chunks(1_000) {
        let found = sms.api.submit_all(some.iter().map(|(_, wanted)| wanted.task.clone())).await.expect("an answer");
        for ((task, _), found) in some.iter().zip(found) {
            assert_eq!(found, (*task, true));
        }
    }
}

async fn ends_are_as_wanted(sms: &Sms, acknowledged: &BTreeMap<String, (TaskId, Wanted)>) {
    const AT_ONCE: usize = 16;
    let each = acknowledged.iter().map(|(key, (task, wanted))| ends_as_wanted(sms, key, *task, wanted));
    stream::iter(each).buffer_unordered(AT_ONCE).collect::<()>().await;
}

async fn ends_as_wanted(sms: &Sms, key: &str, task: TaskId, wanted: &Wanted) {
    let ended = sms.api.result(task, None).await.expect("an answer").expect("it has ended");
    let succeeded = matches!(ended.outcome, Outcome::Succeeded(_));
    if let Some(answer) = wanted.answer.as_ref().filter(|_| succeeded) {
        assert_eq!(ended.text(), answer, "{key}");
    }
    if let Some(lines) = wanted.lines.filter(|_| succeeded) {
        let log = sms.api.follow(task, None).await.expect("a log").rest().await;
        assert_whole(&log, None);
        let of_last = log.iter().filter(|((attempt, _), _)| *attempt == ended.task.attempt).count();
        assert_eq!(of_last, lines, "{key}: {log:?}");
    }
}

async fn nothing_is_reserved(sms: &Sms) {
    let free = async || {
        let nodes = sms.api.all_nodes().await;
        nodes.iter().all(|node| node.reserved.slots == 0 && node.reserved.memory == 0).then_some(())
    };
    eventually("nodes with nothing given away", free).await;
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tasks, attempts, moved, cancelled } = self;
        write!(f, "{tasks} tasks were acknowledged and each ended once, in {attempts} attempts; ")?;
        write!(f, "{moved} were given up with their node, {cancelled} were to be cancelled")
    }
}
