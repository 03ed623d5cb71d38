//! What is remembered of a task.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spear_types::{
    Call, FunctionName, IdempotencyKey, NodeName, OutcomeKind, Payload, Priority, RetryPolicy, ScheduleName, TaskId,
    TaskOptions, TaskResult, Timestamp,
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
    /// Its idempotency key, and its call as far as that tells.
    pub key: Option<KeyHash>,
    /// The key as it was given, for who looks at the task.
    pub key_text: Option<IdempotencyKey>,
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
    /// How the last attempt ended; none where a node gave it back.
    pub after: Option<OutcomeKind>,
    /// Somebody cancelled it; its node has not said so yet.
    pub cancelling: bool,
    /// Where it is.
    pub phase: Phase,
    /// When it came there, or was cancelled.
    pub changed: Timestamp,
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
    pub deadline: Option<Duration>,
    /// What happens after an attempt that did not succeed.
    pub retry: RetryPolicy,
    /// When it was made.
    pub created: Timestamp,
    /// The last time that it was due: it does not submit twice for one.
    pub fired: Option<Timestamp>,
    /// The task it submitted last.
    pub last: Option<TaskId>,
}

/// One run of a node's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub Uuid);

/// An idempotency key of a function, and the call that was made with it, in 16 bytes: a million of them fit into memory.
///
/// 12 bytes tell keys apart, 4 bytes tell the calls of one key apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyHash(pub [u8; 16]);

impl TaskRecord {
    /// How it is tried: as it was submitted, without the delay, which nobody needs once it is over.
    #[must_use]
    pub fn options(&self) -> TaskOptions {
        TaskOptions {
            priority: Some(self.priority),
            delay: Duration::ZERO,
            deadline: self.deadline.map(|deadline| deadline.since(self.submitted)),
            retry: self.retry.clone(),
            key: self.key_text.clone(),
            trace_parent: self.trace_parent.clone(),
        }
    }
}

impl ScheduleRecord {
    /// How the tasks that it submits are tried.
    #[must_use]
    pub fn options(&self) -> TaskOptions {
        TaskOptions {
            priority: self.priority,
            delay: Duration::ZERO,
            deadline: self.deadline,
            retry: self.retry.clone(),
            key: None,
            trace_parent: None,
        }
    }
}

impl KeyHash {
    /// Made of SHA-256 of function and key, and of the call. Takes time by the call's size.
    #[must_use]
    pub fn of(function: &FunctionName, key: &IdempotencyKey, call: &Call) -> Self {
        let name =
            Sha256::new().chain_update(function.as_str()).chain_update([0]).chain_update(key.as_str()).finalize();
        let mut hash = [0; 16];
        hash[..12].copy_from_slice(&name[..12]);
        hash[12..].copy_from_slice(&fingerprint(call)[..4]);
        Self(hash)
    }

    /// What tells keys apart.
    pub(crate) fn key(self) -> [u8; 12] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = self.0;
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// The same for equal calls, by any version of SPEAR: it outlives the program.
fn fingerprint(call: &Call) -> [u8; 32] {
    let mut hasher = Sha256::new();
    // Each with its length before it, so that no two calls make the same bytes.
    let mut text = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    match call {
        Call::Payload(Payload { content_type, headers, body }) => {
            text(b"payload");
            content_type.iter().for_each(|content_type| text(content_type.as_bytes()));
            text(b"headers");
            for (name, value) in headers {
                text(name.as_bytes());
                text(value.as_bytes());
            }
            text(b"body");
            text(body);
        }
        Call::Command { args, stdin } => {
            text(b"command");
            args.iter().for_each(|arg| text(arg.as_bytes()));
            text(b"stdin");
            text(stdin);
        }
        Call::Typed(typed) => {
            text(b"typed");
            text(typed.as_bytes());
        }
    }
    hasher.finalize().into()
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
