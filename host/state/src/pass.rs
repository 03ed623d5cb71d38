//! What one command has led to so far.

use std::{collections::BTreeMap, sync::Arc};

use spear_placement::NodeId;
use spear_types::{Call, TaskId, TaskInfo, Timestamp};

use crate::{Change, Effect, End, Out, Progress, TaskRecord};

/// One command on its way through the state.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    /// The time of the command.
    pub(crate) now: Timestamp,
    out: &'a mut Out,
    /// Where in `out` the newest row of a task is: a task that moves twice is written once.
    rows: BTreeMap<TaskId, usize>,
    /// Nodes on which there may be more room than before.
    pub(crate) room: Vec<NodeId>,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(now: Timestamp, out: &'a mut Out) -> Self {
        Self { now, out, rows: BTreeMap::new(), room: Vec::new() }
    }

    pub(crate) fn submitted(&mut self, record: Arc<TaskRecord>, progress: Progress, call: Call) {
        self.rows.insert(record.id, self.out.changes.len());
        self.out.changes.push(Change::Submitted { record, progress, call });
    }

    pub(crate) fn progressed(&mut self, task: TaskId, newest: Progress) {
        let row = self.rows.get(&task).and_then(|row| self.out.changes.get_mut(*row));
        if let Some(Change::Submitted { progress, .. } | Change::Progressed { progress, .. }) = row {
            *progress = newest;
            return;
        }
        self.rows.insert(task, self.out.changes.len());
        self.out.changes.push(Change::Progressed { task, progress: newest });
    }

    pub(crate) fn ended(&mut self, record: Arc<TaskRecord>, end: End) {
        self.out.changes.push(Change::Ended { record, end });
    }

    /// Any other change.
    pub(crate) fn remember(&mut self, change: Change) {
        self.out.changes.push(change);
    }

    pub(crate) fn then(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    pub(crate) fn changed(&mut self, info: TaskInfo) {
        self.then(Effect::Changed(info));
    }

    /// A node may have more room than before.
    pub(crate) fn more_room(&mut self, node: NodeId) {
        if !self.room.contains(&node) {
            self.room.push(node);
        }
    }
}
