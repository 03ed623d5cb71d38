//! Watches a guest from outside: its deadline, its cancellation and the thread time it takes.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

/// What came of the guest.
pub(crate) struct Watched<T> {
    /// How it was left.
    pub(crate) left: Left<T>,
    /// The time that threads spent in it.
    pub(crate) cpu: Duration,
}

/// How a guest was left.
pub(crate) enum Left<T> {
    /// Its future gave this.
    Done(T),
    /// The deadline came first.
    Late {
        /// How long it was given.
        limit: Duration,
    },
    /// It was cancelled first.
    Cancelled,
}

/// When a run has to be done, and what wakes it then.
pub(crate) struct Deadline<'a> {
    at: Instant,
    limit: Duration,
    /// Wakes a guest that waits inside of a hostcall. A guest that computes is stopped at its next yield, by the clock:
    /// the timer is another runtime's, which stays idle while guests keep their threads busy.
    timer: Pin<&'a mut Sleep>,
}

impl<'a> Deadline<'a> {
    /// A deadline at the time of `timer`, which is so long after the start.
    pub(crate) fn new(at: Instant, limit: Duration, timer: Pin<&'a mut Sleep>) -> Self {
        Self { at, limit, timer }
    }
}

/// Drives `guest` until it is done, or its deadline comes, or it is cancelled.
pub(crate) async fn watch<F: Future>(
    guest: F,
    deadline: &mut Deadline<'_>,
    cancel: &CancellationToken,
) -> Watched<F::Output> {
    let Deadline { at, limit, timer } = deadline;
    let (at, limit) = (*at, *limit);
    let (mut guest, mut cancelled) = (pin!(guest), pin!(cancel.cancelled()));
    let mut cpu = Duration::ZERO;
    let mut poll = |context: &mut Context<'_>| {
        if cancelled.as_mut().poll(context).is_ready() {
            return Poll::Ready(Left::Cancelled);
        }
        if Instant::now() >= at || timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(Left::Late { limit });
        }
        let started = thread_time();
        let polled = guest.as_mut().poll(context);
        cpu += thread_time().saturating_sub(started);
        // What comes after the deadline is late, also where nothing could interrupt it.
        polled.map(|output| if Instant::now() < at { Left::Done(output) } else { Left::Late { limit } })
    };
    let left = poll_fn(&mut poll).await;
    Watched { left, cpu }
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn within<F: Future>(guest: F, limit: Duration, cancel: &CancellationToken) -> Watched<F::Output> {
        let at = Instant::now() + limit;
        let timer = pin!(tokio::time::sleep_until(at.into()));
        watch(guest, &mut Deadline::new(at, limit, timer), cancel).await
    }

    async fn watched<F: Future>(guest: F, limit: Duration) -> Watched<F::Output> {
        within(guest, limit, &CancellationToken::new()).await
    }

    async fn spin() {
        loop {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_that_waits_forever_is_ended_by_the_timer() {
        let watched = watched(std::future::pending::<()>(), LONG).await;
        assert!(matches!(watched.left, Left::Late { limit: LONG }));
    }

    #[tokio::test]
    async fn a_future_that_yields_forever_is_ended_by_the_clock() {
        let watched = watched(spin(), Duration::from_millis(20)).await;
        assert!(matches!(watched.left, Left::Late { .. }) && watched.cpu > Duration::ZERO);
    }

    #[tokio::test]
    async fn what_is_done_in_time_is_given_back() {
        assert!(matches!(watched(async { 7 }, LONG).await.left, Left::Done(7)));
    }

    #[tokio::test]
    async fn a_future_is_cancelled_where_it_waits_and_where_it_yields() {
        for guest in [futures::future::pending().boxed(), spin().boxed()] {
            let cancel = CancellationToken::new();
            let told = async {
                tokio::task::yield_now().await;
                cancel.cancel();
            };
            let (watched, ()) = tokio::join!(within(guest, LONG, &cancel), told);
            assert!(matches!(watched.left, Left::Cancelled));
        }
    }

    #[tokio::test]
    async fn what_is_cancelled_before_it_starts_does_not_start() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let guest = async { panic!("it started") };
        let watched: Watched<()> = within(guest, LONG, &cancel).await;
        assert!(matches!(watched.left, Left::Cancelled) && watched.cpu.is_zero());
    }
}
