//! What a call has of a pool: its turn, and an instance or the right to start one.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use tokio::sync::SemaphorePermit;

use super::{Instance, Room, Waiting, Warm};

/// The right to an instance. No more than `max` have it at once.
pub struct Turn<'a, T> {
    pub(super) warm: &'a Warm<T>,
    pub(super) waited: bool,
    pub(super) _permit: SemaphorePermit<'a>,
}

/// The right to start an instance, as none waits.
pub struct Vacancy(Alive);

/// An instance of a pool. One that is dropped is lost to the pool.
pub struct Kept<T> {
    pub(super) instance: T,
    pub(super) calls: u32,
    pub(super) born: Instant,
    alive: Alive,
}

/// Room for one instance; the pool has lost one when it is dropped.
struct Alive(Arc<Room>);

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
    pub(super) fn new(room: &Arc<Room>) -> Self {
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
