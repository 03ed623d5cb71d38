//! What a watcher has seen: a look at everything may be ahead of the changes that follow it, and time does not go back.

use std::collections::{BTreeSet, HashMap};

use spear_types::{TaskId, TaskInfo, TaskState};

/// How far each task was shown. One that has ended is here until the next look.
#[derive(Debug, Default)]
pub(super) struct Shown {
    ranks: HashMap<TaskId, Rank>,
}

/// Attempts are counted, and within one a task only gets further.
type Rank = (u32, Step);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Assigned,
    Running,
    Cancelling,
    /// The attempt is over and another will follow; or none was made yet.
    Queued,
    Ended,
}

impl Shown {
    /// Whether it was not shown as far as this; from now on it was.
    pub(super) fn is_news(&mut self, task: &TaskInfo) -> bool {
        let rank = rank(task);
        let shown = self.ranks.insert(task.id, rank);
        match shown.filter(|shown| *shown >= rank) {
            Some(shown) => {
                self.ranks.insert(task.id, shown);
                false
            }
            None => true,
        }
    }

    /// Those that had not ended when they were shown. The others are forgotten.
    pub(super) fn living(&mut self) -> BTreeSet<TaskId> {
        self.ranks.retain(|_, (_, step)| *step != Step::Ended);
        self.ranks.keys().copied().collect()
    }

    /// It needs to be known no more.
    pub(super) fn forget(&mut self, task: TaskId) {
        self.ranks.remove(&task);
    }
}

fn rank(task: &TaskInfo) -> Rank {
    let step = match task.state {
        TaskState::Assigned { .. } => Step::Assigned,
        TaskState::Running { cancelling: false, .. } => Step::Running,
        TaskState::Running { cancelling: true, .. } => Step::Cancelling,
        TaskState::Queued { .. } => Step::Queued,
        TaskState::Ended { .. } => Step::Ended,
    };
    (task.attempt, step)
}

#[cfg(test)]
mod tests {
    use spear_types::{OutcomeKind, Priority, Timestamp};

    use super::*;

    fn task(id: TaskId, attempt: u32, state: TaskState) -> TaskInfo {
        TaskInfo {
            id,
            function: "f".parse().unwrap(),
            version: 1,
            priority: Priority::DEFAULT,
            schedule: None,
            submitted: Timestamp::ZERO,
            deadline: None,
            attempt,
            state,
            changed: Timestamp::ZERO,
        }
    }

    #[test]
    fn a_task_is_never_shown_where_it_was_before() {
        let node = || "n".parse().unwrap();
        let id = TaskId::generate();
        let way = [
            task(id, 0, TaskState::Queued { not_before: None, after: None }),
            task(id, 1, TaskState::Assigned { node: node() }),
            task(id, 1, TaskState::Running { node: node(), since: Timestamp::ZERO, cancelling: false }),
            task(id, 1, TaskState::Queued { not_before: None, after: Some(OutcomeKind::NodeLost) }),
            task(id, 2, TaskState::Assigned { node: node() }),
            task(id, 2, TaskState::Running { node: node(), since: Timestamp::ZERO, cancelling: true }),
            task(id, 2, TaskState::Ended { outcome: OutcomeKind::Cancelled, at: Timestamp::ZERO, node: None }),
        ];
        for from in 0..way.len() {
            let mut shown = Shown::default();
            assert!(shown.is_news(&way[from]));
            for (index, step) in way.iter().enumerate() {
                assert_eq!(shown.is_news(step), index > from, "{from} {index}");
            }
        }
    }

    #[test]
    fn the_ended_are_forgotten_with_the_next_look() {
        let (one, other) = (TaskId::generate(), TaskId::generate());
        let mut shown = Shown::default();
        shown.is_news(&task(one, 0, TaskState::Queued { not_before: None, after: None }));
        shown.is_news(&task(
            other,
            0,
            TaskState::Ended { outcome: OutcomeKind::Refused, at: Timestamp::ZERO, node: None },
        ));
        assert_eq!(shown.living(), BTreeSet::from([one]));
        assert_eq!(shown.ranks.len(), 1);
    }
}
