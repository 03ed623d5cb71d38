//! A task: one durable call, from its submission to its end.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Code, FunctionName, IdempotencyKey, NodeName, Outcome, OutcomeKind, Priority, Ran, Refusal, ScheduleName, TaskId,
    Timestamp, Usage, placement::MAX_WAIT,
};

/// How a task is to be run, beside its function and its call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskOptions {
    /// Absent: the function's own.
    pub priority: Option<Priority>,
    /// Not before so long after its submission.
    pub delay: Duration,
    /// It has to have ended so long after its submission; what has not by then ends as `timed-out`.
    pub deadline: Option<Duration>,
    /// What happens after an attempt that did not succeed.
    pub retry: RetryPolicy,
    /// A submission with the key of an earlier one of the same function is that one.
    pub key: Option<IdempotencyKey>,
    /// W3C trace context.
    pub trace_parent: Option<String>,
}

/// When another attempt is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts in all: 1 to [`Self::MAX_ATTEMPTS`].
    pub max_attempts: u32,
    /// The wait before the second attempt; doubled before each further one.
    pub backoff: Duration,
    /// The longest wait.
    pub max_backoff: Duration,
    /// The outcomes after which another attempt is made. `Failed` means a failure that says it is retryable.
    pub on: Vec<OutcomeKind>,
}

/// What a client may know of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskInfo {
    /// Its id.
    pub id: TaskId,
    /// The function.
    pub function: FunctionName,
    /// The version that was the newest when it was submitted.
    pub version: u32,
    /// Which goes first.
    pub priority: Priority,
    /// The schedule that submitted it.
    pub schedule: Option<ScheduleName>,
    /// When it was submitted.
    pub submitted: Timestamp,
    /// When it has to have ended.
    pub deadline: Option<Timestamp>,
    /// The newest attempt's number; 0 before the first.
    pub attempt: u32,
    /// Where it is.
    pub state: TaskState,
    /// When it came there by the SMS's clock: when it was submitted or had to wait again, was given to a node, started, was
    /// cancelled, ended.
    pub changed: Timestamp,
}

/// Where a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskState {
    /// It waits for a node.
    Queued {
        /// It starts no sooner: it was delayed, or the last attempt did not succeed.
        not_before: Option<Timestamp>,
        /// How the last attempt ended, where this is not the first and no node gave it back.
        after: Option<OutcomeKind>,
    },
    /// A node was chosen for it.
    Assigned {
        /// The node.
        node: NodeName,
    },
    /// It runs.
    Running {
        /// The node.
        node: NodeName,
        /// Since when, as far as the SMS knows.
        since: Timestamp,
        /// Whether it is being cancelled.
        cancelling: bool,
    },
    /// It has ended.
    Ended {
        /// How.
        outcome: OutcomeKind,
        /// When.
        at: Timestamp,
        /// The node of the last attempt.
        node: Option<NodeName>,
    },
}

/// One attempt of one task: what an order or a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptId {
    /// The task.
    pub task: TaskId,
    /// The attempt's number, from 1.
    pub attempt: u32,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The outcome of its last attempt.
    pub outcome: Outcome,
    /// What that attempt cost.
    pub usage: Usage,
    /// By what it was run; none where it was not.
    pub ran: Option<Ran>,
}

/// A call that is made again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleInfo {
    /// Its name.
    pub name: ScheduleName,
    /// The function; in its newest version each time.
    pub function: FunctionName,
    /// When, in UTC: five fields of cron, or six with seconds first, or `@hourly`, `@daily`, ….
    pub cron: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it submits next; none: never again.
    pub next: Option<Timestamp>,
    /// The task it submitted last.
    pub last: Option<TaskId>,
}

/// The most tasks of one submission.
pub const MAX_BATCH: usize = 10_000;

impl RetryPolicy {
    /// The most attempts.
    pub const MAX_ATTEMPTS: u32 = 100;

    /// Whether the numbers make sense.
    ///
    /// # Errors
    /// `InvalidRequest` names the one that does not.
    pub fn check(&self) -> Result<(), Refusal> {
        let invalid = |message: String| Err(Refusal::new(Code::InvalidRequest, message));
        if !(1..=Self::MAX_ATTEMPTS).contains(&self.max_attempts) {
            return invalid(format!("{} attempts are not 1 to {}", self.max_attempts, Self::MAX_ATTEMPTS));
        }
        if self.backoff > self.max_backoff || self.max_backoff > MAX_WAIT {
            return invalid(format!("the backoff of {:?} to {:?} is no range", self.backoff, self.max_backoff));
        }
        match self.on.iter().find(|kind| !Self::may_retry(**kind)) {
            Some(kind) => invalid(format!("a task that is {} is not tried again", kind.name())),
            None => Ok(()),
        }
    }

    /// The wait after this many attempts.
    #[must_use]
    pub fn wait_after(&self, attempts: u32) -> Duration {
        let doubled = 2u32.saturating_pow(attempts.saturating_sub(1));
        self.backoff.saturating_mul(doubled).min(self.max_backoff)
    }

    /// Whether there are policies that try again after it.
    #[must_use]
    pub fn may_retry(kind: OutcomeKind) -> bool {
        !matches!(kind, OutcomeKind::Succeeded | OutcomeKind::Cancelled | OutcomeKind::Refused)
    }
}

impl Default for RetryPolicy {
    /// Three attempts; after a failure that says it is retryable, and after the loss of a node.
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            on: vec![OutcomeKind::Failed, OutcomeKind::NodeLost],
        }
    }
}

impl TaskState {
    /// The state's name; that of one that has ended is its outcome's.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Assigned { .. } => "assigned",
            Self::Running { .. } => "running",
            Self::Ended { outcome, .. } => outcome.name(),
        }
    }

    /// Whether nothing will happen to it any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.task, self.attempt)
    }
}
