//! Instances that serve one call after another, and wait between them: a pool for each version, whatever an instance is.
//!
//! ```text
//! call ─▶ turn: no more than `max` at once ─▶ one waits? ─ yes: hit ──────────▶ call ─▶ it waits again
//!                                               └ no: miss ─▶ vacancy ─ start ─┘    └ broke off, too old: lost
//!                                                                ▲                                       │
//!                                             keeper: fewer than `min`? ◀────────────────────────────────┘
//! ```

mod counts;
mod keeper;
#[cfg(test)]
mod tests;
mod turn;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use spear_types::Pool;
use tokio::sync::{Notify, Semaphore};

use self::counts::Idle;
pub use self::{
    counts::Counts,
    keeper::{Keeper, keep},
    turn::{Kept, Turn, Vacancy},
};

/// What waits in a pool.
pub trait Instance: Send + 'static {
    /// Whether it ended while it waited.
    fn is_over(&mut self) -> bool;

    /// Ends it, and waits until nothing of it is left.
    fn end(self) -> impl Future<Output = ()> + Send;
}

/// The instances of one version.
pub struct Warm<T> {
    pool: Pool,
    /// How many are started ahead and stay.
    min: AtomicU32,
    /// One for each instance that may be busy or be started.
    turns: Semaphore,
    /// Those that wait longest come first.
    waiting: Mutex<Vec<Waiting<T>>>,
    room: Arc<Room>,
}

/// How many instances of a pool there are, those included that are being started.
struct Room {
    alive: AtomicU32,
    lost: Notify,
    counts: Arc<Counts>,
}

struct Waiting<T> {
    kept: Kept<T>,
    since: Instant,
    _idle: Idle,
}

impl<T> Warm<T> {
    /// An empty pool.
    #[must_use]
    pub fn new(pool: Pool, counts: &Arc<Counts>) -> Self {
        let room = Room { alive: AtomicU32::new(0), lost: Notify::new(), counts: Arc::clone(counts) };
        let (min, turns) = (AtomicU32::new(pool.min), Semaphore::new(pool.max as usize));
        Self { pool, min, turns, waiting: Mutex::default(), room: Arc::new(room) }
    }

    /// A turn, where one can be had at once.
    #[must_use]
    pub fn try_turn(&self) -> Option<Turn<'_, T>> {
        let permit = self.turns.try_acquire().ok()?;
        Some(Turn { warm: self, waited: false, _permit: permit })
    }

    /// A turn, which is waited for where none can be had at once; none once the pool is closed.
    pub async fn turn(&self) -> Option<Turn<'_, T>> {
        if let Some(turn) = self.try_turn() {
            return Some(turn);
        }
        let permit = self.turns.acquire().await.ok()?;
        Some(Turn { warm: self, waited: true, _permit: permit })
    }

    /// Keeps none that nobody calls from now on: another version is called instead.
    pub fn retire(&self) {
        self.min.store(0, Ordering::Relaxed);
    }

    /// Takes out the one that waits longest: somebody needs its place more.
    pub fn give_up(&self) -> Option<T> {
        let mut waiting = self.lock();
        (!waiting.is_empty()).then(|| waiting.remove(0).kept.instance)
    }

    /// Since when the one that waits longest does.
    #[must_use]
    pub fn longest(&self) -> Option<Instant> {
        self.lock().first().map(|waiting| waiting.since)
    }

    fn wait(&self, kept: Kept<T>) {
        let idle = Idle::new(&self.room.counts);
        self.lock().push(Waiting { kept, since: Instant::now(), _idle: idle });
    }

    /// Those that nobody called for long, down to so many as are kept, and those that are too old.
    fn unneeded(&self) -> Vec<T> {
        let Pool { age, idle, .. } = self.pool;
        let mut waiting = self.lock();
        let mut spare = waiting.len().saturating_sub(self.min() as usize);
        let unneeded = waiting.extract_if(.., |waiting| {
            let goes = waiting.kept.born.elapsed() >= age || (spare > 0 && waiting.since.elapsed() >= idle);
            spare = spare.saturating_sub(usize::from(goes));
            goes
        });
        unneeded.map(|waiting| waiting.kept.instance).collect()
    }

    fn min(&self) -> u32 {
        self.min.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting<T>>> {
        // An instance is put in or taken out whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Instance> Warm<T> {
    /// Has an instance that is sound wait for the next call; gives it back where it is to be replaced by then.
    pub fn give_back(&self, mut kept: Kept<T>) -> Option<T> {
        kept.calls += 1;
        let worn = kept.calls >= self.pool.calls || kept.born.elapsed() >= self.pool.age;
        if worn || self.turns.is_closed() {
            return Some(kept.instance);
        }
        self.wait(kept);
        None
    }
}
