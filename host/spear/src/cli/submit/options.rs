//! How a task is to be run, from the command line.

use std::time::Duration;

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use spear_types::{IdempotencyKey, OutcomeKind, Priority, Refusal, RetryPolicy, TaskOptions};

use crate::cli::length;

/// How a task is to be run.
#[derive(Debug, Args)]
pub(crate) struct OptionArgs {
    /// What makes a repeated submission of the function the same one. With --count and --batch: followed by each one's
    /// number, so that what broke off can be repeated.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// 0 to 100; of what waits, the highest goes first. [default: the function's own]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(0..=100))]
    priority: Option<u8>,
    /// Not before so long from now: 10s, 5m, 2h.
    #[arg(long, value_name = "TIME", value_parser = length, allow_hyphen_values = true)]
    delay: Option<Duration>,
    /// What has not ended by then ends as timed-out.
    #[arg(long, value_name = "TIME", value_parser = length, allow_hyphen_values = true)]
    deadline: Option<Duration>,
    /// Attempts in all. [default: 3]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(RetryPolicy::MAX_ATTEMPTS)))]
    max_attempts: Option<u32>,
    /// The wait before the second attempt, doubled before each further one. [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = length, allow_hyphen_values = true)]
    backoff: Option<Duration>,
    /// The longest wait. [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = length, allow_hyphen_values = true)]
    max_backoff: Option<Duration>,
    /// After which outcomes; after failed only where the failure says that another attempt may help.
    /// [default: failed,node-lost]
    #[arg(long, value_name = "OUTCOME,…", value_delimiter = ',', value_parser = outcomes())]
    retry_on: Option<Vec<OutcomeKind>>,
}

impl OptionArgs {
    /// # Errors
    /// When the key is malformed, or the waits are no range.
    pub(crate) fn options(&self) -> Result<TaskOptions, Refusal> {
        let default = RetryPolicy::default();
        let backoff = self.backoff.unwrap_or_else(|| default.backoff.min(self.max_backoff.unwrap_or(default.backoff)));
        let retry = RetryPolicy {
            max_attempts: self.max_attempts.unwrap_or(default.max_attempts),
            backoff,
            max_backoff: self.max_backoff.unwrap_or_else(|| default.max_backoff.max(backoff)),
            on: self.retry_on.clone().unwrap_or(default.on),
        };
        retry.check()?;
        Ok(TaskOptions {
            priority: self.priority.map(Priority::try_from).transpose()?,
            delay: self.delay.unwrap_or_default(),
            deadline: self.deadline,
            retry,
            key: self.key.clone().map(IdempotencyKey::try_from).transpose()?,
            trace_parent: None,
        })
    }
}

/// The outcomes after which there may be another attempt.
fn outcomes() -> impl TypedValueParser<Value = OutcomeKind> {
    let kinds = || OutcomeKind::ALL.into_iter().filter(|kind| RetryPolicy::may_retry(*kind));
    PossibleValuesParser::new(kinds().map(OutcomeKind::name))
        .try_map(move |name| kinds().find(|kind| kind.name() == name).ok_or("it is no outcome"))
}
