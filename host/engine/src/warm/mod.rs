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

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use spear_types::Pool;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use self::counts::Idle;
pub use self::{
    counts::Counts,
    keeper::{Keeper, keep},
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

/// Room for one instance; the pool has lost one when it is dropped.
struct Alive(Arc<Room>);

struct Waiting<T> {
    kept: Kept<T>,
    since: Instant,
    _idle: Idle,
}

/// The right to an instance. No more than `max` have it at once.
pub struct Turn<'a, T> {
    warm: &'a Warm<T>,
    waited: bool,
    _permit: SemaphorePermit<'a>,
}

/// The right to start an instance, as none waits.
pub struct Vacancy(Alive);

/// An instance of a pool. One that is dropped is lost to the pool.
pub struct Kept<T> {
    instance: T,
    calls: u32,
    born: Instant,
    alive: Alive,
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

    /// Waits for a turn; none once the pool is closed.
    pub async fn turn(&self) -> Option<Turn<'_, T>> {
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

impl<T: Instance> Turn<'_, T> {
    /// One that waits, the one that waited least, so that the others may go; else the right to start one.
    ///
    /// # Errors
    /// None waits.
    pub fn take(&self) -> Result<Kept<T>, Vacancy> {
        let counts = &self.warm.room.counts;
        loop {
            let mut waiting = self.warm.lock();
            let Some(Waiting { mut kept, .. }) = waiting.pop() else {
                counts.miss();
                // Counted before anybody else can look whether there are too few.
                return Err(Vacancy::new(&self.warm.room));
            };
            drop(waiting);
            if !kept.instance.is_over() {
                counts.found(self.waited);
                return Ok(kept);
            }
        }
    }
}

impl Vacancy {
    fn new(room: &Arc<Room>) -> Self {
        room.alive.fetch_add(1, Ordering::Relaxed);
        Self(Alive(Arc::clone(room)))
    }

    /// The instance was started.
    #[must_use]
    pub fn filled<T>(self, instance: T) -> Kept<T> {
        self.0.0.counts.start();
        Kept { instance, calls: 0, born: Instant::now(), alive: self.0 }
    }
}

impl<T> Kept<T> {
    /// Takes it out of the pool.
    #[must_use]
    pub fn into_inner(self) -> T {
        let Self { instance, alive, .. } = self;
        drop(alive);
        instance
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.instance
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.instance
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::Relaxed);
        self.0.lost.notify_one();
    }
}
