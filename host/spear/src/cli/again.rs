//! Commands that wait for hours survive an SMS that is away for minutes.

use std::time::Duration;

use spear_types::{Code, Refusal};
use tokio::time;

use crate::output::Output;

/// The wait before the first new attempt; doubled before each further one.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait: whoever looks does not want to wait for long after the SMS is back.
const LONGEST: Duration = Duration::from_secs(2);

/// What was lost is tried again, with growing waits and one note.
pub(crate) struct Again<'a> {
    output: &'a Output,
    wait: Duration,
}

impl<'a> Again<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        Self { output, wait: FIRST }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The refusal itself, where trying again would not mend it.
    pub(crate) async fn after(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        if !matches!(refusal.code, Code::Unreachable | Code::Draining) {
            return Err(refusal);
        }
        if self.wait == FIRST {
            self.output.note(format_args!("{}; trying again until it is back", refusal.message));
        }
        time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(LONGEST);
        Ok(())
    }

    /// It answered.
    pub(crate) fn reached(&mut self) {
        self.wait = FIRST;
    }
}
