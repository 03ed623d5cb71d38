//! Who waits for new lines of which task.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spear_types::TaskId;
use tokio::sync::watch;

/// Everybody who follows a log; a cheap clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Followers {
    tasks: Arc<Mutex<HashMap<TaskId, watch::Sender<()>>>>,
}

/// Waits for new lines of one task; dropping it ends the wait.
#[derive(Debug)]
pub(super) struct Listener {
    followers: Followers,
    task: TaskId,
    /// Present until it is dropped.
    told: Option<watch::Receiver<()>>,
}

impl Followers {
    /// Waits for what is new from now on.
    pub(super) fn listen(&self, task: TaskId) -> Listener {
        let told = self.lock().entry(task).or_insert_with(|| watch::Sender::new(())).subscribe();
        Listener { followers: self.clone(), task, told: Some(told) }
    }

    pub(super) fn notify(&self, task: TaskId) {
        if let Some(followers) = self.lock().get(&task) {
            followers.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, watch::Sender<()>>> {
        // Every change is one entry more or less.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Resolves when there is something new since the last time.
    pub(super) async fn told(&mut self) {
        if let Some(told) = &mut self.told {
            // The sender stays as long as this does.
            let _ = told.changed().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.told = None;
        let mut tasks = self.followers.lock();
        if tasks.get(&self.task).is_some_and(watch::Sender::is_closed) {
            tasks.remove(&self.task);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn what_is_told_before_somebody_waits_is_not_missed_and_nobody_is_left_behind() {
        let (followers, task) = (Followers::default(), TaskId::generate());
        let (mut one, two) = (followers.listen(task), followers.listen(task));
        assert!(one.told().now_or_never().is_none());
        followers.notify(task);
        followers.notify(task);
        followers.notify(TaskId::generate());
        assert!(one.told().now_or_never().is_some());
        assert!(one.told().now_or_never().is_none(), "both times were one");
        drop(one);
        assert_eq!(followers.lock().len(), 1);
        drop(two);
        assert!(followers.lock().is_empty());
    }
}
