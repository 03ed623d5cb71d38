//! Keeps a pool as it is to be: so many that wait, and none that nobody needs.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    sync::SemaphorePermit,
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Instance, Room, Vacancy, Warm};

/// It is looked at least and at most so often for instances that nobody needs.
const SOON: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(10);

/// What could not be started ahead is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// What may have a pool, and can start what is in it.
pub trait Keeper: Send + Sync + 'static {
    /// What is in it.
    type Instance: Instance;

    /// The pool; none where each call gets a fresh instance.
    fn warm(&self) -> Option<&Warm<Self::Instance>>;

    /// Starts an instance for a call that has not come yet.
    ///
    /// # Errors
    /// Why it did not start, for the node's log.
    fn start(&self) -> impl Future<Output = Result<Self::Instance, String>> + Send;
}

/// Keeps a pool for as long as anybody holds it, and ends all that waits in it once `closing` is told.
pub async fn keep<K: Keeper>(keeper: Weak<K>, closing: CancellationToken) {
    let kept = async {
        let Some((room, every)) = keeper.upgrade().as_deref().and_then(watched) else { return };
        let mut looks = interval(every);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                () = room.lost.notified() => {}
            }
            let Some(keeper) = keeper.upgrade() else { return };
            if let Err(reason) = look(&*keeper).await {
                drop(keeper);
                tracing::warn!(reason, again = ?AGAIN, "an instance could not be started ahead");
                sleep(AGAIN).await;
            }
        }
    };
    tokio::select! {
        () = kept => {}
        () = closing.cancelled() => if let Some(keeper) = keeper.upgrade() && let Some(warm) = keeper.warm() {
            warm.close().await;
        },
    }
}

fn watched<K: Keeper>(keeper: &K) -> Option<(Arc<Room>, Duration)> {
    let warm = keeper.warm()?;
    Some((Arc::clone(&warm.room), (warm.pool.idle / 2).clamp(SOON, LATE)))
}

/// Ends those that are not needed, and starts those that are lacking.
async fn look<K: Keeper>(keeper: &K) -> Result<(), String> {
    let Some(warm) = keeper.warm() else { return Ok(()) };
    for instance in warm.unneeded() {
        instance.end().await;
    }
    let over = warm.over();
    let died = over.len();
    for instance in over {
        instance.end().await;
    }
    if died > 0 && warm.min() > 0 {
        return Err(format!("{died} ended while nobody called them"));
    }
    while let Some((turn, vacancy)) = warm.lacking().await {
        let instance = keeper.start().await?;
        warm.wait(vacancy.filled(instance));
        drop(turn);
    }
    Ok(())
}

impl<T: Instance> Warm<T> {
    /// The right to start one that nobody called for, where there are too few. A call that comes meanwhile waits for it
    /// rather than start one more than there may be.
    async fn lacking(&self) -> Option<(SemaphorePermit<'_>, Vacancy)> {
        let too_few = || self.room.alive.load(Ordering::Relaxed) < self.min();
        if !too_few() {
            return None;
        }
        let turn = self.turns.acquire().await.ok()?;
        let _waiting = self.lock();
        too_few().then(|| (turn, Vacancy::new(&self.room)))
    }

    /// Those that ended while they waited.
    fn over(&self) -> Vec<T> {
        let mut waiting = self.lock();
        let over = waiting.extract_if(.., |waiting| waiting.kept.instance.is_over());
        over.map(|waiting| waiting.kept.instance).collect()
    }

    /// Gives no more turns, and ends all that waits.
    async fn close(&self) {
        self.turns.close();
        let waiting: Vec<_> = self.lock().drain(..).map(|waiting| waiting.kept.into_inner().end()).collect();
        join_all(waiting).await;
    }
}
