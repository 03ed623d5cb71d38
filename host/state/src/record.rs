//! What is remembered of a task.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spear_types::{
    Call, FunctionName, IdempotencyKey, NodeName, OutcomeKind, Priority, RetryPolicy, ScheduleName, TaskId, TaskResult,
    Timestamp,
};
use uuid::Uuid;

/// What does not change from a task's submission to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Its id.
    pub id: TaskId,
    /// The function.
    pub function: FunctionName,
    /// The version it runs.
    pub version: u32,
    /// Which goes first.
    pub priority: Priority,
    /// The schedule that submitted it.
    pub schedule: Option<ScheduleName>,
    /// When it was submitted.
    pub submitted: Timestamp,
    /// When it has to have ended.
    pub deadline: Option<Timestamp>,
    /// What happens after an attempt that did not succeed.
    pub retry: RetryPolicy,
    /// Its idempotency key.
    pub key: Option<KeyHash>,
    /// W3C trace context.
    pub trace_parent: Option<String>,
    /// Its call's size in bytes.
    pub call_size: u64,
}

/// Where a task that has not ended is. That it runs is not remembered: its node says so again after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The newest attempt's number; 0 before the first. It fences reports.
    pub attempt: u32,
    /// Attempts that count against the retry policy: those that a node did not return unstarted.
    pub tries: u32,
    /// How the last attempt ended.
    pub after: Option<OutcomeKind>,
    /// Somebody cancelled it; its node has not said so yet.
    pub cancelling: bool,
    /// Where it is.
    pub phase: Phase,
}

/// See [`Progress`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// It waits for a node.
    Queued {
        /// Not before then.
        not_before: Option<Timestamp>,
    },
    /// It was given to a node.
    Assigned {
        /// The node.
        node: NodeName,
        /// The run of the node's program that has it.
        incarnation: Incarnation,
    },
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// The last attempt's number; 0 where there was none.
    pub attempt: u32,
    /// The last attempt's node.
    pub node: Option<NodeName>,
    /// What came of it.
    pub result: TaskResult,
    /// Lines that the log limit dropped in the last attempt.
    pub log_dropped: u64,
}

/// A schedule, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRecord {
    /// Its name.
    pub name: ScheduleName,
    /// The function.
    pub function: FunctionName,
    /// When, in UTC.
    pub cron: String,
    /// What is called.
    pub call: Call,
    /// Absent: the function's own.
    pub priority: Option<Priority>,
    /// How long after its submission a task has to have ended.
    pub deadline: Option<std::time::Duration>,
    /// What happens after an attempt that did not succeed.
    pub retry: RetryPolicy,
    /// When it was made.
    pub created: Timestamp,
    /// The last time that it submitted for: it does not do so twice for one.
    pub fired: Option<Timestamp>,
    /// The task it submitted then.
    pub last: Option<TaskId>,
}

/// One run of a node's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub Uuid);

/// A function's name and an idempotency key in 16 bytes, so that a million of them fit into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyHash(pub [u8; 16]);

impl KeyHash {
    /// The first half of the SHA-256 of both.
    #[must_use]
    pub fn of(function: &FunctionName, key: &IdempotencyKey) -> Self {
        let hash = Sha256::new().chain_update(function.as_str()).chain_update([0]).chain_update(key.as_str());
        let mut half = [0; 16];
        half.copy_from_slice(&hash.finalize()[..16]);
        Self(half)
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
