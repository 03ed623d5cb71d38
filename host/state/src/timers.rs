//! When what is to happen by itself.

use std::collections::BTreeSet;

use spear_placement::NodeId;
use spear_types::{ScheduleName, TaskId, Timestamp};

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Nodes that were remembered and have not come back are lost.
    Absent,
    /// A node may have been silent for too long.
    Lease(NodeId),
    /// A node's runs have to move.
    Drain(NodeId),
    /// A lost node is shown no longer.
    ForgetNode(NodeId),
    /// A node is avoided no longer.
    PenaltyEnd,
    /// A task has to have ended.
    Deadline(TaskId),
    /// A task may start.
    Wake(TaskId),
    /// A schedule is due.
    Schedule(ScheduleName),
}

/// All of them, by time.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Timestamp, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Timestamp, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn remove(&mut self, at: Timestamp, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the next one that is due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }

    pub(crate) fn contains(&self, at: Timestamp, timer: Timer) -> bool {
        self.0.contains(&(at, timer))
    }

    /// How many there are of those that are counted.
    pub(crate) fn count(&self, counted: impl Fn(&Timer) -> bool) -> usize {
        self.0.iter().filter(|(_, timer)| counted(timer)).count()
    }
}
