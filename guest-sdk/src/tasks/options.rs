use std::time::Duration;

use super::{Error, TaskId};
use crate::{IntoCall, host::tasks as wire};

/// How a task is to be run.
///
/// ```
/// use std::time::Duration;
/// use spear_guest::tasks;
///
/// # fn main() -> Result<(), tasks::Error> {
/// # let _host = spear_guest::test::Host::from_manifest().function("hello", |_| Ok(Default::default()));
/// let task = tasks::Options::new()
///     .key("greeting-of-ada")
///     .delay(Duration::from_secs(60))
///     .max_attempts(5)
///     .submit("hello", "Ada")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "nothing is submitted without `submit`"]
pub struct Options {
    key: Option<String>,
    priority: Option<u8>,
    delay: Option<Duration>,
    deadline: Option<Duration>,
    max_attempts: Option<u32>,
}

impl Options {
    /// Those of [`submit`](super::submit): as the function's own `[placement]` has it, at once, with three attempts.
    pub fn new() -> Self {
        Self::default()
    }

    /// What makes two submissions of a function one: 1 to 256 bytes. With the key of an earlier one nothing is submitted
    /// and the answer is that task.
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }

    /// 0 to 100; of what waits, the highest goes first.
    pub fn priority(self, priority: u8) -> Self {
        Self { priority: Some(priority), ..self }
    }

    /// Not before so long from now.
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// What has not ended so long from now ends as `timed-out`.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Attempts in all, 1 to 100. Another one is made after a failure that says it is retryable, and after the loss of a
    /// node.
    pub fn max_attempts(self, attempts: u32) -> Self {
        Self { max_attempts: Some(attempts), ..self }
    }

    /// Submits a function as a task.
    ///
    /// # Errors
    ///
    /// As [`submit`](super::submit), and [`Error::Invalid`] where a number or the key is out of its range.
    pub fn submit(&self, function: &str, call: impl IntoCall) -> Result<TaskId, Error> {
        let call = call.into_call().map_err(|failure| Error::Invalid(failure.message))?;
        Ok(TaskId::from(wire::submit(function, &call.into(), &self.into())?))
    }
}

impl From<&Options> for wire::Options {
    fn from(Options { key, priority, delay, deadline, max_attempts }: &Options) -> Self {
        Self {
            key: key.clone(),
            priority: *priority,
            delay_ms: delay.map(millis),
            deadline_ms: deadline.map(millis),
            max_attempts: *max_attempts,
        }
    }
}

#[cfg(not(target_family = "wasm"))]
impl From<wire::Options> for Options {
    fn from(wire::Options { key, priority, delay_ms, deadline_ms, max_attempts }: wire::Options) -> Self {
        let [delay, deadline] = [delay_ms, deadline_ms].map(|millis| millis.map(Duration::from_millis));
        Self { key, priority, delay, deadline, max_attempts }
    }
}

/// A delay of less than a millisecond is one all the same.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
