//! What may follow what, as it is remembered and told.

use std::collections::{BTreeMap, BTreeSet};

use spear_state::{Change, End, Journal as _, MemoryJournal, Phase, Progress, TaskRecord};
use spear_types::{AttemptId, FunctionName, NodeName, OutcomeKind, TaskId, TaskInfo, TaskState, Timestamp};

use super::nodes::SimNode;
use crate::common::incarnation;

#[derive(Default)]
pub(crate) struct Model {
    live: BTreeMap<TaskId, Progress>,
    ended: BTreeSet<TaskId>,
    /// Whose each attempt is.
    given: BTreeMap<AttemptId, (NodeName, spear_state::Incarnation)>,
    /// The last state that was told of each task.
    told: BTreeMap<TaskId, TaskState>,
    pub(crate) acknowledged: BTreeSet<TaskId>,
    forgotten: BTreeSet<TaskId>,
    /// Somebody asked for it.
    pub(crate) cancelled: BTreeSet<TaskId>,
    /// A node said so.
    pub(crate) succeeded: BTreeSet<AttemptId>,
    /// Functions that were removed, up to these versions.
    pub(crate) removed: BTreeMap<FunctionName, u32>,
}

impl Model {
    pub(crate) fn follow(&mut self, change: &Change, latest: Timestamp) {
        match change {
            Change::Submitted { record, progress, .. } => {
                let is_new = !self.ended.contains(&record.id) && !self.forgotten.contains(&record.id);
                assert!(is_new && progress.attempt <= 1 && !progress.cancelling, "{record:?} {progress:?}");
                self.give(record.id, progress);
                assert_eq!(self.live.insert(record.id, progress.clone()), None, "it was submitted twice");
            }
            Change::Progressed { task, progress } => {
                let before = self.live.insert(*task, progress.clone()).expect("only what lives progresses");
                check_step(&before, progress);
                self.give(*task, progress);
            }
            Change::Ended { record, end } => self.end(record, end, latest),
            Change::Forgotten(tasks) => {
                for task in tasks {
                    assert!(!self.live.contains_key(task), "only what has ended is forgotten");
                    self.ended.remove(task);
                    self.forgotten.insert(*task);
                }
            }
            Change::Logged { .. } | Change::Scheduled(_) | Change::Unscheduled(_) | Change::Duty(..) => {}
        }
    }

    fn give(&mut self, task: TaskId, progress: &Progress) {
        let Phase::Assigned { node, incarnation } = &progress.phase else { return };
        let attempt = AttemptId { task, attempt: progress.attempt };
        let of = (node.clone(), *incarnation);
        let before = self.given.entry(attempt).or_insert_with(|| of.clone());
        assert_eq!(*before, of, "an attempt is one node's");
    }

    fn end(&mut self, record: &TaskRecord, end: &End, latest: Timestamp) {
        let id = record.id;
        let before = self.live.remove(&id).expect("only what lives ends");
        assert!(self.ended.insert(id), "{id} ended twice");
        assert_eq!(before.attempt, end.attempt);
        let attempt = AttemptId { task: id, attempt: end.attempt };
        let outcome = end.result.outcome.kind();
        let right = match outcome {
            OutcomeKind::Succeeded => self.succeeded.contains(&attempt),
            OutcomeKind::Cancelled => self.cancelled.contains(&id),
            OutcomeKind::TimedOut => record.deadline.is_some_and(|deadline| deadline <= latest),
            _ => true,
        };
        assert!(right, "{id} is {outcome:?} for no reason");
        assert!(!before.cancelling || !matches!(outcome, OutcomeKind::NodeLost), "a cancelled task is lost: {end:?}");
    }

    /// Whether the attempt is this node's.
    pub(crate) fn was_given(&self, attempt: AttemptId, node: &SimNode) -> bool {
        self.given.get(&attempt) == Some(&(node.spec.name.clone(), incarnation(node.incarnation)))
    }

    /// Whoever watches sees steps that there are, and nothing after the end.
    pub(crate) fn told(&mut self, info: &TaskInfo) {
        let before = self.told.insert(info.id, info.state.clone());
        let step = (before.as_ref().map(TaskState::name), info.state.name());
        let after_end = before.is_some_and(|before| before.has_ended());
        assert!(!after_end, "{step:?}");
        assert!(!matches!(step, (Some("queued"), "running")), "{step:?}");
    }

    /// What was told of a task that is not remembered as it was is told anew.
    pub(crate) fn restarted(&mut self) {
        self.told.retain(|_, state| state.has_ended());
    }

    /// What was acknowledged is somewhere, until it is forgotten.
    pub(crate) fn check_kept(&self, journal: &MemoryJournal, live: impl Fn(TaskId) -> bool) {
        for task in self.acknowledged.difference(&self.forgotten) {
            assert!(live(*task) || journal.ended(*task).unwrap().is_some(), "{task} is lost");
        }
    }
}

fn check_step(before: &Progress, after: &Progress) {
    let step = format!("{before:?} → {after:?}");
    assert!(!before.cancelling || after.cancelling, "{step}");
    match (&before.phase, &after.phase) {
        (Phase::Queued { .. }, Phase::Queued { .. }) => panic!("{step}"),
        (Phase::Queued { .. }, Phase::Assigned { .. }) => assert_eq!(after.attempt, before.attempt + 1, "{step}"),
        (Phase::Assigned { .. }, Phase::Queued { .. }) => {
            assert!(after.attempt == before.attempt && !before.cancelling, "{step}");
        }
        (Phase::Assigned { .. }, Phase::Assigned { .. }) if after.attempt == before.attempt => {
            assert!(after.phase == before.phase && after.cancelling && !before.cancelling, "{step}");
        }
        (Phase::Assigned { .. }, Phase::Assigned { .. }) => {
            assert!(after.attempt == before.attempt + 1 && !after.cancelling, "{step}");
        }
    }
}
