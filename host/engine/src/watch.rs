//! Watches a guest from outside: its deadline and the thread time it takes.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Sleep;

/// What came of the guest.
pub(crate) struct Watched<T> {
    /// What the guest's future gave; none when the deadline came first.
    pub(crate) output: Option<T>,
    /// The time that threads spent in it.
    pub(crate) cpu: Duration,
}

/// When a run has to be done, and what wakes it then.
pub(crate) struct Deadline {
    at: Instant,
    /// Wakes a guest that waits inside of a hostcall. A guest that computes is stopped at its next yield, by the clock:
    /// the timer is another runtime's, which stays idle while guests keep their threads busy.
    timer: Sleep,
}

impl Deadline {
    /// A deadline whose timer belongs to the calling runtime.
    pub(crate) fn new(at: Instant) -> Self {
        Self { at, timer: tokio::time::sleep_until(at.into()) }
    }
}

/// Drives `guest` until it is done or its deadline comes.
pub(crate) async fn watch<F: Future>(guest: F, deadline: Deadline) -> Watched<F::Output> {
    let Deadline { at, timer } = deadline;
    let mut guest = pin!(guest);
    let mut timer = pin!(timer);
    let mut cpu = Duration::ZERO;
    let mut poll = |context: &mut Context<'_>| {
        if Instant::now() >= at || timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let started = thread_time();
        let polled = guest.as_mut().poll(context);
        cpu += thread_time().saturating_sub(started);
        // What comes after the deadline is late, also where nothing could interrupt it.
        polled.map(|output| (Instant::now() < at).then_some(output))
    };
    let output = poll_fn(&mut poll).await;
    Watched { output, cpu }
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_future_that_waits_forever_is_ended_by_the_timer() {
        let watched =
            watch(std::future::pending::<()>(), Deadline::new(Instant::now() + Duration::from_secs(60))).await;
        assert!(watched.output.is_none());
    }

    #[tokio::test]
    async fn a_future_that_yields_forever_is_ended_by_the_clock() {
        let spin = async {
            loop {
                tokio::task::yield_now().await;
            }
        };
        let watched = watch::<_>(
            async {
                spin.await;
            },
            Deadline::new(Instant::now() + Duration::from_millis(20)),
        )
        .await;
        assert!(watched.output.is_none() && watched.cpu > Duration::ZERO);
    }

    #[tokio::test]
    async fn what_is_done_in_time_is_given_back() {
        let watched = watch(async { 7 }, Deadline::new(Instant::now() + Duration::from_secs(60))).await;
        assert_eq!(watched.output, Some(7));
    }
}
