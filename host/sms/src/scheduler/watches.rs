//! Who wants to know what becomes of tasks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spear_types::{TaskId, TaskInfo};
use tokio::sync::{broadcast, watch};

/// How many changes a watcher may be behind before it has to look at everything again.
const BEHIND: usize = 8_192;

/// Tells of changes that are remembered; a cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct Watches {
    changes: broadcast::Sender<TaskInfo>,
    ends: Arc<Mutex<HashMap<TaskId, watch::Sender<()>>>>,
}

/// Waits for a task's end; dropping it ends the wait.
#[derive(Debug)]
pub(crate) struct End {
    watches: Watches,
    task: TaskId,
    ended: Option<watch::Receiver<()>>,
}

impl Watches {
    pub(crate) fn new() -> Self {
        Self { changes: broadcast::Sender::new(BEHIND), ends: Arc::default() }
    }

    /// Every change from now on.
    pub(crate) fn changes(&self) -> broadcast::Receiver<TaskInfo> {
        self.changes.subscribe()
    }

    /// The end of one task, if it has not ended yet.
    pub(crate) fn end(&self, task: TaskId) -> End {
        let ended = self.lock().entry(task).or_insert_with(|| watch::Sender::new(())).subscribe();
        End { watches: self.clone(), task, ended: Some(ended) }
    }

    pub(crate) fn tell(&self, task: TaskInfo) {
        if task.state.has_ended() {
            // Whoever waits sees that the sender is gone.
            self.lock().remove(&task.id);
        }
        if self.changes.receiver_count() > 0 {
            // The last watcher may have gone just now.
            let _ = self.changes.send(task);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, watch::Sender<()>>> {
        // Every change is one entry more or less.
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    /// Resolves once the task has ended and its end is remembered.
    pub(crate) async fn reached(&mut self) {
        if let Some(ended) = &mut self.ended {
            while ended.changed().await.is_ok() {}
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.ended = None;
        let mut ends = self.watches.lock();
        if ends.get(&self.task).is_some_and(watch::Sender::is_closed) {
            ends.remove(&self.task);
        }
    }
}
