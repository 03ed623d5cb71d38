//! Time passes: the state says when it next has to.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use spear_state::Command;
use spear_types::Timestamp;
use tokio::time::timeout;

use super::Scheduler;

/// The clock is looked at so often: it may have been set while the ticker waited.
const LONGEST: Duration = Duration::from_secs(10);

/// The clock was set where it is so much further on than time that passed: what is less, no lease minds.
const SET: Duration = Duration::from_millis(500);

/// Lets time pass for ever.
pub(crate) async fn run(scheduler: Scheduler) -> Infallible {
    let mut clock = Clock::new(Timestamp::now(), Instant::now());
    loop {
        let next = scheduler.shared.lock().next_tick();
        let left = next.map_or(LONGEST, |next| next.since(Timestamp::now()));
        if !left.is_zero() {
            // Whether that time has come or an earlier one is wanted: both are looked at anew.
            let _ = timeout(left.min(LONGEST), scheduler.shared.sooner.notified()).await;
            continue;
        }
        let skipped = clock.skipped(Timestamp::now(), Instant::now());
        for command in skipped.map(Command::Skipped).into_iter().chain([Command::Tick]) {
            if let Err(refusal) = scheduler.apply_now(command) {
                tracing::error!(%refusal, "time does not pass");
            }
        }
    }
}

/// Tells time that passed from a clock that was set.
struct Clock {
    time: Timestamp,
    passed: Instant,
}

impl Clock {
    fn new(time: Timestamp, passed: Instant) -> Self {
        Self { time, passed }
    }

    /// How much further on the clock is than it would be had nobody set it since the last time.
    fn skipped(&mut self, time: Timestamp, passed: Instant) -> Option<Duration> {
        let skipped = time.since(self.time).saturating_sub(passed.saturating_duration_since(self.passed));
        *self = Self::new(time, passed);
        (skipped >= SET).then_some(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_forward_is_told_from_time_that_passed() {
        const fn seconds(seconds: u64) -> Duration {
            Duration::from_secs(seconds)
        }
        let (time, passed) = (Timestamp::ZERO.after(seconds(1_000)), Instant::now());
        let mut clock = Clock::new(time, passed);
        assert_eq!(clock.skipped(time.after(seconds(60)), passed + seconds(60)), None);
        assert_eq!(clock.skipped(time.after(seconds(81)), passed + seconds(61)), Some(seconds(20)));
        assert_eq!(clock.skipped(time.after(seconds(82)), passed + seconds(62)), None, "it is told of once");
        assert_eq!(clock.skipped(time, passed + seconds(63)), None, "it was set back");
    }
}
