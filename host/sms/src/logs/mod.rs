//! The logs of tasks and calls: lines that are remembered, read back, and followed while they come.
//!
//! ```text
//! ReadLogs ───▶ read ─────────────────────┐
//!                                         ├─▶ Journal     pages, where blocking is allowed
//! FollowLogs ─▶ follow: read to the end ──┘
//!                 ▲    wait ◀── Followers ◀── Effects     there are new lines, and they are remembered
//!                 └──────┘
//! ```
//!
//! Whoever follows is told that there is something new, and reads it from where it is: what it has not taken yet is on the
//! disk and nowhere else.

mod follow;
mod followers;
mod quiet;
mod read;

use std::sync::Arc;

use spear_state::Journal;
use spear_types::{FunctionName, LogLine, NodeName, Refusal, TaskId};

pub(crate) use self::follow::{Cursor, Followed, Follower};
use self::{followers::Followers, quiet::Quiet};
use crate::disk::Disk;

/// Reads logs; a cheap clone.
#[derive(Clone)]
pub(crate) struct Logs {
    disk: Disk,
    followers: Followers,
    quiet: Quiet,
}

/// What one attempt of a task, or a call, wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskLog {
    pub(crate) task: TaskId,
    pub(crate) attempt: u32,
    pub(crate) function: FunctionName,
    pub(crate) version: u32,
    pub(crate) node: NodeName,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) dropped: u64,
}

impl Logs {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { disk: Disk::new(journal), followers: Followers::default(), quiet: Quiet::default() }
    }

    /// Tells who follows the task's log that there are new lines, which are remembered.
    pub(crate) fn notify(&self, task: TaskId) {
        self.followers.notify(task);
    }

    /// A call that nobody remembers wrote nothing.
    pub(crate) fn wrote_nothing(&self, call: TaskId) {
        self.quiet.add(call);
    }

    /// Whether it is a recent call that wrote nothing.
    pub(crate) fn is_quiet(&self, call: TaskId) -> bool {
        self.quiet.has(call)
    }

    /// The last lines of a task, in the order of its attempts. None where nothing was written.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) async fn of_task(&self, task: TaskId, last: usize) -> Result<Vec<TaskLog>, Refusal> {
        self.disk.read(move |journal| read::of_task(journal, task, last)).await
    }

    /// The last lines of a function, of its newest tasks and calls, the oldest of them first.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) async fn of_function(&self, function: FunctionName, last: usize) -> Result<Vec<TaskLog>, Refusal> {
        self.disk.read(move |journal| read::of_function(journal, &function, last)).await
    }

    /// Follows a task's log from behind `after` on. It notices what is written from now on.
    pub(crate) fn follow(&self, task: TaskId, after: Cursor) -> Follower {
        Follower::new(self.disk.clone(), self.followers.listen(task), task, after)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use spear_state::{Change, End, MemoryJournal, Phase, Progress, TaskRecord};
    use spear_types::{AttemptId, Call, Level, Outcome, Priority, RetryPolicy, TaskResult, Timestamp, Usage};

    use super::*;

    /// The task of this number; a larger one is newer.
    pub(super) fn task(number: u128) -> TaskId {
        format!("{number:032x}").parse().unwrap()
    }

    pub(super) fn line(message: &str) -> LogLine {
        let (time, message) = (SystemTime::UNIX_EPOCH, message.to_owned());
        LogLine { time, level: Level::Info, message, fields: Vec::new() }
    }

    /// One line for each character.
    pub(super) fn logged(task: TaskId, attempt: u32, first: u64, lines: &str) -> Change {
        Change::Logged {
            attempt: AttemptId { task, attempt },
            function: "f".parse().unwrap(),
            version: 1,
            node: "one".parse().unwrap(),
            first,
            lines: lines.chars().map(|text| line(&text.to_string())).collect(),
            dropped: 0,
        }
    }

    /// The end of a task that was submitted, in this attempt.
    pub(super) fn ended(task: TaskId, attempt: u32, log_dropped: u64) -> [Change; 2] {
        let record = Arc::new(TaskRecord {
            id: task,
            function: "f".parse().unwrap(),
            version: 1,
            priority: Priority::DEFAULT,
            schedule: None,
            submitted: Timestamp::ZERO,
            deadline: None,
            retry: RetryPolicy::default(),
            key: None,
            key_text: None,
            trace_parent: None,
            call_size: 0,
        });
        let phase = Phase::Queued { not_before: None };
        let progress =
            Progress { attempt: 0, tries: 0, after: None, cancelling: false, phase, changed: Timestamp::ZERO };
        let result = TaskResult { outcome: Outcome::Cancelled, usage: Usage::default(), ran: None };
        let end = End { at: Timestamp::ZERO, attempt, node: Some("one".parse().unwrap()), result, log_dropped };
        let call = Call::Typed(String::new());
        [Change::Submitted { record: Arc::clone(&record), progress, call }, Change::Ended { record, end }]
    }

    pub(super) fn journal(changes: impl IntoIterator<Item = Change>) -> MemoryJournal {
        let journal = MemoryJournal::default();
        journal.commit(&changes.into_iter().collect::<Vec<_>>()).unwrap();
        journal
    }

    pub(super) fn texts(lines: &[LogLine]) -> Vec<String> {
        lines.iter().map(|line| line.message.clone()).collect()
    }
}
