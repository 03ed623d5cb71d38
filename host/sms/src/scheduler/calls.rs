//! The calls of tasks that were just submitted: most of them run at once, and are not read from the disk for it.

use std::{collections::HashMap, sync::Arc};

use spear_state::{Change, Journal, JournalError};
use spear_types::{Call, TaskId};

/// The most bytes of calls that are kept.
const MAX_KEPT: u64 = 64 << 20;

/// What a call takes beside its bytes.
const ENTRY: u64 = 256;

/// Recent calls, and behind them those on the disk.
pub(super) struct Calls {
    journal: Arc<dyn Journal>,
    kept: HashMap<TaskId, Call>,
    bytes: u64,
}

impl Calls {
    pub(super) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, kept: HashMap::new(), bytes: 0 }
    }

    /// Keeps the calls of submitted tasks while there is room: those that came first run first.
    pub(super) fn note(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Submitted { record, call, .. } if self.bytes + cost(&call) <= MAX_KEPT => {
                    self.bytes += cost(&call);
                    self.kept.insert(record.id, call);
                }
                Change::Ended { record, .. } => drop(self.remove(record.id)),
                _ => {}
            }
        }
    }

    /// A task's call. It is kept no longer: another attempt is rare, and reads it.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn take(&mut self, task: TaskId) -> Result<Option<Call>, JournalError> {
        self.remove(task).map_or_else(|| self.journal.call(task), |call| Ok(Some(call)))
    }

    fn remove(&mut self, task: TaskId) -> Option<Call> {
        let call = self.kept.remove(&task)?;
        self.bytes -= cost(&call);
        Some(call)
    }
}

fn cost(call: &Call) -> u64 {
    call.size() + ENTRY
}
