//! How long a node is avoided that failed.
//!
//! ```text
//! failed ─▶ avoided 1 s, 2 s, 4 s … 60 s ─▶ half open: one run is let through ─▶ tried ─┬ failed: twice as long
//!                                                                                        └ succeeded: forgotten
//! ```
//!
//! One that failed once and opens its link again was away, and is back: it gets whatever fits. Its next failure is its
//! second all the same, until a run succeeds.

use std::time::Duration;

use spear_types::{Penalty, Timestamp};

/// After the first failure. Long enough that a queue does not empty itself into a node that refuses everything; short
/// enough that nobody notices a single failure.
const FIRST: Duration = Duration::from_secs(1);

/// The longest. A node that was repaired has work again within a minute; one that was not costs a run a minute.
const LONGEST: Duration = Duration::from_secs(60);

/// A node that failed and has not shown since that it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Health {
    /// Failures in a row.
    pub(super) failures: u32,
    /// It is avoided until then.
    pub(super) until: Timestamp,
    pub(super) phase: Phase,
}

/// What a node gets that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing before the penalty is over.
    Avoided,
    /// One run.
    HalfOpen,
    /// Nothing: that one is out.
    Tried,
    /// Whatever fits.
    Back,
}

/// The node's health after a failure.
pub(super) fn after_failure(before: Option<Health>, now: Timestamp) -> Health {
    let failures = match before {
        Some(health) if health.phase == Phase::Avoided && health.is_closed(now) => return health,
        before => before.map_or(0, |health| health.failures).saturating_add(1),
    };
    Health { failures, until: now.after(length(failures)), phase: Phase::Avoided }
}

fn length(failures: u32) -> Duration {
    let doubled = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST.saturating_mul(doubled).min(LONGEST)
}

impl Health {
    /// Whether it gets nothing.
    pub(super) fn is_closed(&self, now: Timestamp) -> bool {
        match self.phase {
            Phase::Avoided => now < self.until,
            Phase::HalfOpen | Phase::Back => false,
            Phase::Tried => true,
        }
    }

    /// Its penalty is over.
    pub(super) fn half_open(self) -> Self {
        Self { phase: Phase::HalfOpen, ..self }
    }

    /// A run was let through.
    pub(super) fn tried(self) -> Self {
        if self.phase == Phase::Back { self } else { Self { phase: Phase::Tried, ..self } }
    }

    /// Its link is open again.
    pub(super) fn back(self) -> Self {
        if self.failures == 1 { Self { phase: Phase::Back, ..self } } else { self }
    }

    /// A run is gone that did not show whether the node works. If it was the one that tried, another may.
    pub(super) fn untried(self) -> Self {
        if self.phase == Phase::Tried { self.half_open() } else { self }
    }

    pub(super) fn penalty(&self) -> Penalty {
        Penalty { failures: self.failures, until: self.until.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_doubles_the_penalty_up_to_a_minute() {
        let mut health = None;
        let mut now = Timestamp::ZERO;
        let lengths = [1, 2, 4, 8, 16, 32, 60, 60].map(|expected| {
            let after = after_failure(health, now);
            let length = after.until.since(now);
            (health, now) = (Some(after), after.until);
            assert_eq!(length, Duration::from_secs(expected));
            length
        });
        assert_eq!(lengths.len(), 8);
        let worn = Health { failures: u32::MAX, until: now, phase: Phase::Tried };
        assert_eq!(after_failure(Some(worn), now).until.since(now), LONGEST);
    }

    #[test]
    fn failures_of_runs_from_before_the_penalty_do_not_lengthen_it() {
        let health = after_failure(None, Timestamp::ZERO);
        assert_eq!(after_failure(Some(health), Timestamp::from_micros(10)), health);
    }
}
