//! What is between the state and the disk.

mod memory;

use std::sync::Arc;

use spear_types::{
    AttemptId, Call, Duty, FunctionName, LogLine, NodeName, OutcomeKind, ScheduleName, TaskId, TaskInfo, TaskState,
    Timestamp,
};

pub use self::memory::MemoryJournal;
use crate::{End, KeyHash, Progress, ScheduleRecord, TaskRecord};

/// One thing to remember. Changes are remembered in their order, a group of them at once or not at all.
///
/// A task is submitted once, progresses while it lives, ends once and is then forgotten. A change that does not follow
/// contradicts what is remembered, and its group is refused: who decided it has lost count.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A task was accepted: it is queued from now on.
    Submitted {
        /// What does not change.
        record: Arc<TaskRecord>,
        /// Where it is.
        progress: Progress,
        /// What is called.
        call: Call,
    },
    /// A task is somewhere else now.
    Progressed {
        /// Which.
        task: TaskId,
        /// Where it is.
        progress: Progress,
    },
    /// A task has ended.
    Ended {
        /// Which.
        record: Arc<TaskRecord>,
        /// How.
        end: End,
    },
    /// An attempt, or a call that nobody remembers, wrote to its log. The same lines again replace themselves. Without
    /// lines, dropped ones included, there is nothing to remember.
    Logged {
        /// Which.
        attempt: AttemptId,
        /// Its function, by which logs are found.
        function: FunctionName,
        /// The function's version.
        version: u32,
        /// The node.
        node: NodeName,
        /// The number of the first line, from 1.
        first: u64,
        /// The lines.
        lines: Vec<LogLine>,
        /// Lines that the log limit dropped; told with the last lines.
        dropped: u64,
    },
    /// A schedule is new or was run.
    Scheduled(ScheduleRecord),
    /// A schedule is gone.
    Unscheduled(ScheduleName),
    /// A node's duty. `Open` needs no remembering.
    Duty(NodeName, Duty),
    /// Ended tasks that are kept no longer, with their keys and logs. One that is forgotten already is no contradiction.
    Forgotten(Vec<TaskId>),
}

/// What a restart starts from.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Tasks that have not ended.
    pub tasks: Vec<RememberedTask>,
    /// The idempotency keys of all tasks that are kept.
    pub keys: Vec<(KeyHash, TaskId)>,
    /// The schedules.
    pub schedules: Vec<ScheduleRecord>,
    /// The duties that are not `Open`.
    pub duties: Vec<(NodeName, Duty)>,
    /// How many ended tasks are kept.
    pub ended: u64,
}

/// A task that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RememberedTask {
    /// What does not change.
    pub record: Arc<TaskRecord>,
    /// Where it is.
    pub progress: Progress,
}

/// A task that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedTask {
    /// What did not change.
    pub record: TaskRecord,
    /// How it ended.
    pub end: End,
}

/// What of the ended tasks is wanted, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Of this function only.
    pub function: Option<FunctionName>,
    /// With these outcomes only; empty: all.
    pub outcomes: Vec<OutcomeKind>,
    /// Older than this task.
    pub before: Option<TaskId>,
    /// So many at the most; at least 1 is meant.
    pub limit: usize,
}

/// Some of the ended tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Newest first; without their results, which may be large.
    pub tasks: Vec<TaskInfo>,
    /// The last that was looked at, where there may be more. What was left out by its outcome was looked at too: a page
    /// may be short, so that none takes long.
    pub next: Option<TaskId>,
}

/// Some lines of a log, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoggedLines {
    /// The attempt that wrote them.
    pub attempt: u32,
    /// The number of the first line.
    pub first: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Lines that the log limit dropped.
    pub dropped: u64,
    /// The function.
    pub function: Option<(FunctionName, u32)>,
    /// The node.
    pub node: Option<NodeName>,
}

impl EndedTask {
    /// What a client may know of it.
    #[must_use]
    pub fn info(&self) -> TaskInfo {
        let Self { record, end } = self;
        let outcome = end.result.outcome.kind();
        TaskInfo {
            id: record.id,
            function: record.function.clone(),
            version: record.version,
            priority: record.priority,
            schedule: record.schedule.clone(),
            submitted: record.submitted,
            deadline: record.deadline,
            attempt: end.attempt,
            state: TaskState::Ended { outcome, at: end.at, node: end.node.clone() },
            changed: end.at,
        }
    }
}

/// What lines count against the limit of all logs, in bytes: their texts, and 32 for what stands beside each.
#[must_use]
pub fn log_size(lines: &[LogLine]) -> u64 {
    let fields = |line: &LogLine| line.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    lines.iter().map(|line| 32 + line.message.len() as u64 + fields(line) as u64).sum()
}

/// Why the disk did not do it. Nothing of it happened; only where the disk fails in the last step of a commit may all of
/// it have. The same changes again are then remembered once.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The changes do not follow what is remembered: trying again does not help.
    #[error("{0}")]
    Contradiction(String),
    /// It failed, or what is on it is damaged.
    #[error("{0}")]
    Failed(String),
}

/// What remembers. Every method blocks.
pub trait Journal: Send + Sync + 'static {
    /// Remembers all changes, or none: when it returns they outlive the machine's power.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn commit(&self, changes: &[Change]) -> Result<(), JournalError>;

    /// What a restart starts from. Takes time by what has not ended, not by what has.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn load(&self) -> Result<Remembered, JournalError>;

    /// The call of a task that has not ended: nobody needs it afterwards.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn call(&self, task: TaskId) -> Result<Option<Call>, JournalError>;

    /// A task that has ended.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn ended(&self, task: TaskId) -> Result<Option<EndedTask>, JournalError>;

    /// Some of the tasks that have ended.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn page(&self, request: &PageRequest) -> Result<Page, JournalError>;

    /// A task's lines after a place in its log, in the order of attempts and lines, each once; about `limit` of them.
    /// Only where there is no line after that place is it empty.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn lines(&self, task: TaskId, after: (u32, u64), limit: usize) -> Result<Vec<LoggedLines>, JournalError>;

    /// The tasks and calls of a function that wrote to their logs, newest first.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn logged(&self, function: &FunctionName, limit: usize) -> Result<Vec<TaskId>, JournalError>;

    /// The oldest ended tasks that are to be forgotten: those that ended before `ended_before`, and the oldest of those
    /// over `keep`. At most `limit`, with their keys. Not all of them are found where old tasks ended late: those are
    /// found when the old ones are forgotten.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn expired(
        &self,
        ended_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<(TaskId, Option<KeyHash>)>, JournalError>;

    /// Forgets the oldest logs over so many tasks or bytes; bytes as [`log_size`] counts them.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn trim_logs(&self, tasks: u64, bytes: u64) -> Result<(), JournalError>;
}
