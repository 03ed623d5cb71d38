//! What was acknowledged, and every end that anybody saw.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard},
};

use spear_types::{OutcomeKind, TaskId, TaskInfo, TaskState};
use tokio::sync::watch;

use super::load::Wanted;
use crate::harness::soon;

/// Shared by everybody who submits or watches.
#[derive(Default)]
pub(super) struct Ledger {
    entries: Mutex<Entries>,
    /// How much was acknowledged or ended.
    progress: watch::Sender<u64>,
}

#[derive(Default)]
struct Entries {
    acknowledged: BTreeMap<String, (TaskId, Wanted)>,
    /// As they were first seen.
    ends: HashMap<TaskId, TaskInfo>,
    /// Attempts that were seen to be given up with their node.
    moved: u64,
    cancelled: u64,
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().expect("nobody panicked with it")
    }

    /// The SMS said that it remembers this one.
    pub(super) fn acknowledge(&self, key: &str, task: TaskId, wanted: Wanted) {
        let before = self.entries().acknowledged.insert(key.to_owned(), (task, wanted));
        assert!(before.is_none(), "the key {key} was used before");
        self.progress.send_modify(|count| *count += 1);
    }

    /// Somebody wants it no more.
    pub(super) fn cancel(&self, key: &str) {
        let mut entries = self.entries();
        entries.cancelled += 1;
        if let Some((_, wanted)) = entries.acknowledged.get_mut(key) {
            wanted.cancelled = true;
        }
    }

    /// Somebody saw this. An end that was seen never changes.
    pub(super) fn see(&self, task: &TaskInfo) {
        match &task.state {
            TaskState::Queued { after: Some(OutcomeKind::NodeLost), .. } => self.entries().moved += 1,
            TaskState::Ended { .. } => {
                let first = self.entries().ends.entry(task.id).or_insert_with(|| task.clone()).clone();
                assert_eq!(&first, task, "it ended twice");
                self.progress.send_modify(|count| *count += 1);
            }
            TaskState::Queued { .. } | TaskState::Assigned { .. } | TaskState::Running { .. } => {}
        }
    }

    /// The tasks that anybody saw end: who looks from now on sees no other state of them.
    pub(super) fn ended(&self) -> HashSet<TaskId> {
        self.entries().ends.keys().copied().collect()
    }

    /// Waits until so much more was acknowledged or ended.
    pub(super) async fn moves_on(&self, by: u64) {
        let mut progress = self.progress.subscribe();
        let wanted = *progress.borrow() + by;
        let moved = progress.wait_for(|count| *count >= wanted);
        let _ = soon("something to be acknowledged or to end", moved).await.expect("the ledger is there");
    }

    pub(super) fn acknowledged(&self) -> BTreeMap<String, (TaskId, Wanted)> {
        self.entries().acknowledged.clone()
    }

    pub(super) fn moved(&self) -> u64 {
        self.entries().moved
    }

    pub(super) fn cancelled(&self) -> u64 {
        self.entries().cancelled
    }
}
