//! The logs of tasks and calls.

use std::sync::Arc;

use spear_state::Journal;
use spear_types::TaskId;

#[derive(Clone)]
pub(crate) struct Logs {
    _journal: Arc<dyn Journal>,
}

impl Logs {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { _journal: journal }
    }

    pub(crate) fn notify(&self, _task: TaskId) {}
}
