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

#[cfg(test)]
mod tests {
    use spear_types::TaskOptions;

    use super::*;
    use crate::testing::{Middle, function};

    fn keep(keep: u64, keep_for: Duration) -> Retention {
        Retention { keep, keep_for, log_tasks: 10, log_bytes: 1 << 20 }
    }

    fn ended(middle: &Middle) -> u64 {
        middle.scheduler.read(|state| state.counts().ended)
    }

    #[tokio::test]
    async fn the_oldest_of_too_many_go_with_their_keys_and_those_that_wait_stay() {
        let middle = Middle::new();
        let f = function("f");
        let keyed = TaskOptions { key: Some("k".to_owned().try_into().unwrap()), ..TaskOptions::default() };
        let first = middle.submit_with(&f, 1, &keyed).await[0];
        assert_eq!(middle.submit_with(&f, 1, &keyed).await, [first], "it is the same one");
        let rest = middle.submit(&f, 2_500).await;
        for task in rest.iter().chain([&first]) {
            middle.cancel(*task).await;
        }
        let waits = middle.submit(&f, 1).await[0];
        keep(10, Duration::from_secs(3_600)).clean(&middle.scheduler, &middle.disk).await.unwrap();
        assert_eq!(ended(&middle), 10);
        assert!(middle.disk.ended(first).await.is_err() && middle.disk.ended(rest[2_499]).await.is_ok());
        assert!(middle.scheduler.read(|state| state.task(waits)).is_some());
        assert_ne!(middle.submit_with(&f, 1, &keyed).await, [first], "the key is another task's");
    }

    #[tokio::test]
    async fn what_is_older_than_it_is_kept_goes() {
        let middle = Middle::new();
        let task = middle.submit(&function("f"), 1).await[0];
        middle.cancel(task).await;
        keep(10, Duration::from_secs(3_600)).clean(&middle.scheduler, &middle.disk).await.unwrap();
        assert_eq!(ended(&middle), 1);
        // What ended before now did so before this moment.
        while ended(&middle) > 0 {
            keep(10, Duration::ZERO).clean(&middle.scheduler, &middle.disk).await.unwrap();
        }
        assert!(middle.disk.ended(task).await.is_err());
    }
}
