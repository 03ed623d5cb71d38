//! The journal of tasks: a file of its own, so that no put of an object delays a task.
//!
//! ```text
//! changes ─▶ group ─▶ write ─▶ one commit, one wait for the disk
//!            folded   table by table, in the order of keys
//! ```
//!
//! Ids sort by time and a task touches few rows, so what is written lies side by side at the ends of the tables:
//!
//! | table | key | what |
//! |---|---|---|
//! | `live` | task | of one that has not ended: record, first progress, call |
//! | `progress` | task | where it got to since, if it did |
//! | `calls` | task | its call, where that is long |
//! | `ends` | task | of one that has ended: outcome, time, record, result |
//! | `results` | task | its result, where that is long |
//! | `ends by function` | function, task | its outcome |
//! | `keys` | task | the hash of its idempotency key |
//! | `schedules`, `duties` | name, node | as they are |
//! | `lines` | task, attempt, line | some lines of a log |
//! | `logs`, `logs by function` | task | whose log it is |
//! | `log bytes` | | what all lines count |
//!
//! Of a group only the last progress of a task is written, and of a task that came and ended in it only the end. What is
//! long lies apart, so that no list and no start reads it.
//!
//! A row that cannot be read is an error that names it, and a `live` one that is damaged keeps the SMS from starting:
//! it would be a task that was accepted and never ends.

mod ends;
mod expire;
mod group;
mod live;
mod logs;
mod rows;
mod write;

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use spear_state::{Change, EndedTask, Journal, JournalError, KeyHash, LoggedLines, Page, PageRequest, Remembered};
use spear_types::{Call, FunctionName, TaskId, Timestamp};

use self::group::Group;
use crate::{
    Error,
    blobs::{make_dir, sync_dir},
    database::Tables,
};

/// What outlives the SMS of its tasks, in `tasks.redb`. Every method blocks.
pub struct TaskJournal {
    tables: Tables,
    /// Whether the last commit failed: it may have come through all the same.
    uncertain: AtomicBool,
}

impl TaskJournal {
    /// Opens it in a data directory, which is made where it does not exist. Blocks.
    ///
    /// # Errors
    /// [`Error::InUse`] while it is open elsewhere; [`Error::Corrupted`] for a file that is not ours.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        make_dir(dir)?;
        let tables = Tables::open(dir.join("tasks.redb"), &rows::THIS_FORM)?;
        sync_dir(dir)?;
        Ok(Self { tables, uncertain: AtomicBool::new(false) })
    }
}

impl Journal for TaskJournal {
    fn commit(&self, changes: &[Change]) -> Result<(), JournalError> {
        let group = Group::of(changes)?;
        if self.uncertain.load(Ordering::Relaxed) && self.tables.read(|tables| write::is_written(tables, &group))? {
            self.uncertain.store(false, Ordering::Relaxed);
            return Ok(());
        }
        let written = self.tables.write(|tables| write::write(tables, &group).map(|()| true));
        let failed = matches!(written, Err(Error::Full | Error::Io(_) | Error::Database(_)));
        self.uncertain.store(failed, Ordering::Relaxed);
        Ok(written?)
    }

    fn load(&self) -> Result<Remembered, JournalError> {
        Ok(self.tables.read(live::load)?)
    }

    fn call(&self, task: TaskId) -> Result<Option<Call>, JournalError> {
        Ok(self.tables.read(|tables| live::call(tables, task))?)
    }

    fn ended(&self, task: TaskId) -> Result<Option<EndedTask>, JournalError> {
        Ok(self.tables.read(|tables| ends::ended(tables, task))?)
    }

    fn page(&self, request: &PageRequest) -> Result<Page, JournalError> {
        Ok(self.tables.read(|tables| ends::page(tables, request))?)
    }

    fn lines(&self, task: TaskId, after: (u32, u64), limit: usize) -> Result<Vec<LoggedLines>, JournalError> {
        Ok(self.tables.read(|tables| logs::lines(tables, task, after, limit))?)
    }

    fn logged(&self, function: &FunctionName, limit: usize) -> Result<Vec<TaskId>, JournalError> {
        Ok(self.tables.read(|tables| logs::logged(tables, function, limit))?)
    }

    fn expired(
        &self,
        ended_before: Timestamp,
        keep: u64,
        limit: usize,
    ) -> Result<Vec<(TaskId, Option<KeyHash>)>, JournalError> {
        Ok(self.tables.read(|tables| expire::expired(tables, ended_before, keep, limit))?)
    }

    fn trim_logs(&self, tasks: u64, bytes: u64) -> Result<(), JournalError> {
        while self.tables.read(|tables| logs::is_over(tables, tasks, bytes))? {
            self.tables.write(|tables| logs::trim(tables, tasks, bytes))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spear_state::{Phase, Progress, TaskRecord};
    use spear_types::{Priority, RetryPolicy};

    use super::*;

    #[test]
    fn a_group_that_came_through_although_its_commit_failed_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let journal = TaskJournal::open(dir.path()).unwrap();
        let group = [submitted()];
        journal.commit(&group).unwrap();
        assert!(matches!(journal.commit(&group), Err(JournalError::Contradiction(_))));
        journal.uncertain.store(true, Ordering::Relaxed);
        journal.commit(&group).unwrap();
        assert_eq!(journal.load().unwrap().tasks.len(), 1);
        assert!(matches!(journal.commit(&group), Err(JournalError::Contradiction(_))));
        journal.uncertain.store(true, Ordering::Relaxed);
        journal.commit(&[submitted()]).unwrap();
        assert_eq!(journal.load().unwrap().tasks.len(), 2);
    }

    fn submitted() -> Change {
        let record = TaskRecord {
            id: TaskId::generate(),
            function: "hello".parse().unwrap(),
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
        };
        let phase = Phase::Queued { not_before: None };
        let progress =
            Progress { attempt: 0, tries: 0, after: None, cancelling: false, phase, changed: Timestamp::ZERO };
        Change::Submitted { record: Arc::new(record), progress, call: Call::Typed("run()".into()) }
    }
}
