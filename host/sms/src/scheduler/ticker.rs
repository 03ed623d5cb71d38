//! Time passes: the state says when it next has to.

use std::{convert::Infallible, time::Duration};

use spear_state::Command;
use spear_types::Timestamp;
use tokio::time::timeout;

use super::Scheduler;

/// The clock is looked at so often: it may have been set while the ticker waited.
const LONGEST: Duration = Duration::from_secs(10);

/// Lets time pass for ever.
pub(crate) async fn run(scheduler: Scheduler) -> Infallible {
    loop {
        let next = scheduler.shared.lock().next_tick();
        let left = next.map_or(LONGEST, |next| next.since(Timestamp::now()));
        if !left.is_zero() {
            // Whether that time has come or an earlier one is wanted: both are looked at anew.
            let _ = timeout(left.min(LONGEST), scheduler.shared.sooner.notified()).await;
            continue;
        }
        if let Err(refusal) = scheduler.apply_now(Command::Tick) {
            tracing::error!(%refusal, "time does not pass");
        }
    }
}
