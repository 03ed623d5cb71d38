//! What is remembered, read where blocking is allowed.

use std::sync::Arc;

use spear_state::{EndedTask, Journal, JournalError};
use spear_types::{Code, Refusal, TaskId};

/// Reads the journal; a cheap clone.
#[derive(Clone)]
pub(crate) struct Disk {
    journal: Arc<dyn Journal>,
}

impl Disk {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal }
    }

    /// What `look` finds.
    ///
    /// # Errors
    /// `Internal` where the disk fails.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&dyn Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let journal = Arc::clone(&self.journal);
        let found = tokio::task::spawn_blocking(move || look(&*journal)).await;
        let found = found.map_err(|error| failed(&error.to_string()))?;
        found.map_err(|error| failed(&error.to_string()))
    }

    /// A task that has ended.
    ///
    /// # Errors
    /// `UnknownTask` where none of this id is kept.
    pub(crate) async fn ended(&self, task: TaskId) -> Result<EndedTask, Refusal> {
        let found = self.read(move |journal| journal.ended(task)).await?;
        found.ok_or_else(|| unknown(task))
    }
}

/// No task of this id is kept.
pub(crate) fn unknown(task: TaskId) -> Refusal {
    Refusal::new(Code::UnknownTask, format!("no task {task} is known"))
        .help("`spear task ls` lists the tasks; those that ended are kept as [sms] keep and keep_for say")
}

fn failed(error: &str) -> Refusal {
    Refusal::new(Code::Internal, format!("what is remembered cannot be read: {error}"))
}
