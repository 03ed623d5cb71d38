//! The cluster behind the interface.

use std::time::Duration;

use futures::future::BoxFuture;
use spear_types::{FunctionName, Outcome, Payload, Refusal, TaskId, TaskInfo, TaskOptions};

/// Where functions are invoked. Grants and limits are checked before a backend is asked.
pub trait Backend: Send + Sync + 'static {
    /// Invokes a function in its newest version and waits for its end. Dropping the future ends the function.
    ///
    /// Refuses with `UnknownFunction`, `CallCycle`, `CallTooDeep`, and whatever keeps a function from running.
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Refusal>>;

    /// Submits a function in its newest version.
    ///
    /// Refuses with `UnknownFunction`, `KeyTaken`, `QueueFull`, and whatever keeps a task from being remembered.
    fn submit(&self, task: NewTask) -> BoxFuture<'_, Result<TaskId, Refusal>>;

    /// Where a task is, and how it ended where it has; the answer comes within `time`.
    ///
    /// Refuses with `UnknownTask`.
    fn status(&self, task: TaskId, time: Duration) -> BoxFuture<'_, Result<(TaskInfo, Option<Outcome>), Refusal>>;
}

/// One function invoking another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Which function.
    pub function: FunctionName,
    /// What it is sent.
    pub call: Payload,
    /// The functions that will wait for it, outermost first; the invoking one is the last.
    pub callers: Vec<FunctionName>,
    /// W3C trace context of the invoking run.
    pub trace_parent: Option<String>,
    /// What is left of the invoking run's time: nobody waits for longer.
    pub time: Duration,
}

/// One function submitting another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Which function.
    pub function: FunctionName,
    /// What it is sent.
    pub call: Payload,
    /// How it is to be run.
    pub options: TaskOptions,
    /// What is left of the submitting run's time.
    pub time: Duration,
}
