//! Tasks that have not ended: where each is, with only what it has there.
//!
//! ```text
//! Queued ─▶ Assigned ─▶ Running ─▶ ended
//!    ▲          │           │
//!    └──────────┴───────────┘       retried, returned, moved
//! ```

use std::{collections::BTreeMap, sync::Arc};

use spear_placement::NodeId;
use spear_types::{AttemptId, NodeName, OutcomeKind, TaskId, TaskInfo, TaskState, Timestamp};

use crate::{Incarnation, Phase, Progress, TaskRecord, functions::Terms, queue::GroupKey};

/// A task that has not ended.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) record: Arc<TaskRecord>,
    /// What it runs; none where that is gone, and then it is not tried again.
    pub(crate) terms: Option<Arc<Terms>>,
    /// See [`Progress::attempt`].
    pub(crate) attempt: u32,
    /// See [`Progress::tries`].
    pub(crate) tries: u32,
    /// See [`Progress::after`].
    pub(crate) after: Option<OutcomeKind>,
    /// How often nodes returned it unstarted.
    pub(crate) returns: u32,
    /// The nodes that did so, and until when they are not asked again.
    pub(crate) refused_by: Vec<(NodeId, Timestamp)>,
    /// Its function was removed: it is not tried again.
    pub(crate) orphaned: bool,
    pub(crate) place: Place,
    /// See [`TaskInfo::changed`].
    pub(crate) changed: Timestamp,
}

/// Where a task is.
#[derive(Debug)]
pub(crate) enum Place {
    /// It waits.
    Queued(Queued),
    /// A node was given it.
    Assigned(Holding),
    /// It runs.
    Running(Holding, Timestamp),
}

/// A task that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queued {
    /// See [`Phase::Queued`].
    pub(crate) not_before: Option<Timestamp>,
    /// When it goes to its group; none where it is there.
    pub(crate) wakes: Option<Timestamp>,
}

/// What a task has while a node has it.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    pub(crate) by: Arc<Holder>,
    /// Why it is being stopped.
    pub(crate) stop: Option<Stop>,
    /// The number of the log line that comes next, where that is known.
    pub(crate) next_line: Option<u64>,
}

/// A node's program that has tasks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) node: NodeName,
    pub(crate) incarnation: Incarnation,
    /// None until the node came back after a restart of the SMS.
    pub(crate) id: Option<NodeId>,
}

/// Why an attempt is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Somebody cancelled the task.
    Cancelled,
    /// Its deadline passed.
    TimedOut,
    /// Its node is drained: it goes to another one.
    Moved,
}

/// How many tasks are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) queued: usize,
    pub(crate) assigned: usize,
    pub(crate) running: usize,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    all: BTreeMap<TaskId, Task>,
    places: Places,
    /// The bytes of their calls.
    bytes: u64,
}

impl Task {
    /// One that waits.
    pub(crate) fn new(record: Arc<TaskRecord>, terms: Option<Arc<Terms>>, place: Place) -> Self {
        Self {
            changed: record.submitted,
            record,
            terms,
            attempt: 0,
            tries: 0,
            after: None,
            returns: 0,
            refused_by: Vec::new(),
            orphaned: false,
            place,
        }
    }

    pub(crate) fn attempt_id(&self) -> AttemptId {
        AttemptId { task: self.record.id, attempt: self.attempt }
    }

    /// Its group in the queue.
    pub(crate) fn group(&self) -> Option<GroupKey> {
        self.terms.as_ref().map(|terms| GroupKey::of(self.record.priority, terms))
    }

    /// What is remembered of where it is.
    pub(crate) fn progress(&self) -> Progress {
        let Self { attempt, tries, after, changed, .. } = *self;
        let phase = match &self.place {
            Place::Queued(queued) => Phase::Queued { not_before: queued.not_before },
            Place::Assigned(Holding { by, .. }) | Place::Running(Holding { by, .. }, _) => {
                Phase::Assigned { node: by.node.clone(), incarnation: by.incarnation }
            }
        };
        let cancelling = self.holding().is_some_and(|holding| holding.stop == Some(Stop::Cancelled));
        Progress { attempt, tries, after, cancelling, phase, changed }
    }

    /// What a client may know of it.
    pub(crate) fn info(&self) -> TaskInfo {
        let state = match &self.place {
            Place::Queued(queued) => TaskState::Queued { not_before: queued.not_before, after: self.after },
            Place::Assigned(holding) => TaskState::Assigned { node: holding.by.node.clone() },
            Place::Running(holding, since) => TaskState::Running {
                node: holding.by.node.clone(),
                since: *since,
                cancelling: holding.stop == Some(Stop::Cancelled),
            },
        };
        self.info_in(state, self.changed)
    }

    /// The same once it has ended.
    pub(crate) fn info_ended(&self, outcome: OutcomeKind, at: Timestamp, node: Option<NodeName>) -> TaskInfo {
        self.info_in(TaskState::Ended { outcome, at, node }, at)
    }

    fn info_in(&self, state: TaskState, changed: Timestamp) -> TaskInfo {
        TaskInfo {
            id: self.record.id,
            function: self.record.function.clone(),
            version: self.record.version,
            priority: self.record.priority,
            schedule: self.record.schedule.clone(),
            submitted: self.record.submitted,
            deadline: self.record.deadline,
            attempt: self.attempt,
            state,
            changed,
        }
    }

    /// What it has where a node has it.
    pub(crate) fn holding(&self) -> Option<&Holding> {
        match &self.place {
            Place::Queued(_) => None,
            Place::Assigned(holding) | Place::Running(holding, _) => Some(holding),
        }
    }

    pub(crate) fn holding_mut(&mut self) -> Option<&mut Holding> {
        match &mut self.place {
            Place::Queued(_) => None,
            Place::Assigned(holding) | Place::Running(holding, _) => Some(holding),
        }
    }

    /// Whether its deadline has passed.
    pub(crate) fn is_late(&self, now: Timestamp) -> bool {
        self.record.deadline.is_some_and(|deadline| deadline <= now)
    }
}

impl Places {
    fn of(&mut self, place: &Place) -> &mut usize {
        match place {
            Place::Queued(_) => &mut self.queued,
            Place::Assigned(_) => &mut self.assigned,
            Place::Running(..) => &mut self.running,
        }
    }
}

impl Tasks {
    pub(crate) fn get(&self, task: TaskId) -> Option<&Task> {
        self.all.get(&task)
    }

    /// To be changed in all but its place.
    pub(crate) fn get_mut(&mut self, task: TaskId) -> Option<&mut Task> {
        self.all.get_mut(&task)
    }

    pub(crate) fn contains(&self, task: TaskId) -> bool {
        self.all.contains_key(&task)
    }

    pub(crate) fn insert(&mut self, task: Task) {
        *self.places.of(&task.place) += 1;
        self.bytes += task.record.call_size;
        self.all.insert(task.record.id, task);
    }

    pub(crate) fn remove(&mut self, task: TaskId) -> Option<Task> {
        let task = self.all.remove(&task)?;
        *self.places.of(&task.place) -= 1;
        self.bytes -= task.record.call_size;
        Some(task)
    }

    /// Takes a task elsewhere, as who looks sees it.
    pub(crate) fn move_to(&mut self, task: TaskId, place: Place, now: Timestamp) {
        self.put(task, place);
        self.changed(task, now);
    }

    /// A task is not as it was any more.
    pub(crate) fn changed(&mut self, task: TaskId, now: Timestamp) {
        if let Some(task) = self.all.get_mut(&task) {
            task.changed = now;
        }
    }

    /// Takes a task elsewhere.
    pub(crate) fn put(&mut self, task: TaskId, place: Place) {
        if let Some(task) = self.all.get_mut(&task) {
            *self.places.of(&task.place) -= 1;
            *self.places.of(&place) += 1;
            task.place = place;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn places(&self) -> Places {
        self.places
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// By id.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.all.values()
    }

    /// Newest first, older than `before`.
    pub(crate) fn before(&self, before: Option<TaskId>) -> impl Iterator<Item = &Task> {
        use std::ops::Bound::{Excluded, Unbounded};
        let end = before.map_or(Unbounded, Excluded);
        self.all.range((Unbounded, end)).rev().map(|(_, task)| task)
    }

    /// Counts them anew.
    pub(crate) fn recount(&self) -> (Places, u64) {
        let mut places = Places::default();
        self.iter().for_each(|task| *places.of(&task.place) += 1);
        (places, self.iter().map(|task| task.record.call_size).sum())
    }
}
