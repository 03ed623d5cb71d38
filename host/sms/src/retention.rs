//! Ended tasks and logs are kept for a while: what is over it goes in small steps, between which others have their turn.

use std::{convert::Infallible, time::Duration};

use spear_state::{Command, KeyHash};
use spear_types::{Refusal, TaskId, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use crate::{Config, disk::Disk, scheduler::Scheduler};

/// How often it is looked for what is over.
const EVERY: Duration = Duration::from_secs(5);

/// The most tasks that are forgotten at once: one group of a few milliseconds.
const STEP: usize = 1_000;

/// What is kept.
#[derive(Debug, Clone)]
pub(crate) struct Retention {
    keep: u64,
    keep_for: Duration,
    log_tasks: u64,
    log_bytes: u64,
}

impl Retention {
    pub(crate) fn of(config: &Config) -> Self {
        let Config { keep, keep_for, log_tasks, log_bytes, .. } = *config;
        Self { keep, keep_for, log_tasks, log_bytes }
    }

    /// Keeps no more than that, for ever.
    pub(crate) async fn run(self, scheduler: Scheduler, disk: Disk) -> Infallible {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(refusal) = self.clean(&scheduler, &disk).await {
                tracing::warn!(%refusal, "what is over what is kept stays for now");
            }
        }
    }

    async fn clean(&self, scheduler: &Scheduler, disk: &Disk) -> Result<(), Refusal> {
        loop {
            let expired = self.expired(disk).await?;
            let count = expired.len();
            if count > 0 {
                scheduler.apply(Command::Forget(expired)).await?;
            }
            if count < STEP {
                break;
            }
        }
        let Self { log_tasks, log_bytes, .. } = *self;
        disk.read(move |journal| journal.trim_logs(log_tasks, log_bytes)).await
    }

    async fn expired(&self, disk: &Disk) -> Result<Vec<(TaskId, Option<KeyHash>)>, Refusal> {
        let (keep, keep_for) = (self.keep, self.keep_for);
        let kept = Timestamp::now().since(Timestamp::ZERO.after(keep_for));
        let ended_before = Timestamp::ZERO.after(kept);
        disk.read(move |journal| journal.expired(ended_before, keep, STEP)).await
    }
}
