//! Recent calls that wrote nothing: their logs are empty, and not unknown.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use spear_types::TaskId;

/// So many are known. Only who made such a call knows its id, and asks at once.
const KEPT: usize = 10_000;

/// Such calls; a cheap clone. They are forgotten with the SMS.
#[derive(Debug, Clone, Default)]
pub(super) struct Quiet {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    known: HashSet<TaskId>,
    order: VecDeque<TaskId>,
}

impl Quiet {
    pub(super) fn add(&self, task: TaskId) {
        let mut kept = self.lock();
        if kept.order.len() >= KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.known.remove(&oldest);
        }
        kept.known.insert(task);
        kept.order.push_back(task);
    }

    pub(super) fn has(&self, task: TaskId) -> bool {
        self.lock().known.contains(&task)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // One that is in the order and not known is only forgotten sooner.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let quiet = Quiet::default();
        let tasks: Vec<TaskId> = std::iter::repeat_with(TaskId::generate).take(KEPT + 1).collect();
        tasks.iter().for_each(|task| quiet.add(*task));
        assert!(!quiet.has(tasks[0]) && quiet.has(tasks[1]) && quiet.has(tasks[KEPT]));
    }
}
