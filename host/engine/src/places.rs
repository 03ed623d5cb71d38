//! Room for instances: as many as there may be runs at once, those that wait for calls included.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Instant,
};

use spear_types::{Code, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::prepared::Prepared;

/// The places of an engine. An instance that waits gives its place up to a run that needs one: nobody is refused because
/// instances wait for others.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    /// What has instances that wait.
    pools: Mutex<Vec<Weak<Prepared>>>,
}

/// One instance's place.
pub(crate) type Place = OwnedSemaphorePermit;

impl Places {
    pub(crate) fn new(slots: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(slots as usize)), pools: Mutex::default() }
    }

    /// A place for a run.
    ///
    /// # Errors
    /// `QueueFull` where runs have all of them.
    pub(crate) fn take(&self) -> Result<Place, Refusal> {
        loop {
            if let Some(place) = self.spare() {
                return Ok(place);
            }
            let full = || Refusal::new(Code::QueueFull, "the node's instances are used up");
            drop(self.longest_waiting().ok_or_else(full)?);
        }
    }

    /// A place that nobody has.
    pub(crate) fn spare(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// Takes note of what has instances that wait.
    pub(crate) fn know(&self, prepared: &Arc<Prepared>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(prepared));
    }

    /// The instance that waits longest, whosever it is.
    fn longest_waiting(&self) -> Option<crate::instance::Instance> {
        let pools: Vec<Arc<Prepared>> = {
            let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
            pools.iter().filter_map(Weak::upgrade).collect()
        };
        let since = |pool: &Arc<Prepared>| -> Option<Instant> { pool.warm.as_ref()?.longest() };
        let (_, pool) = pools.iter().filter_map(|pool| Some((since(pool)?, pool))).min_by_key(|(since, _)| *since)?;
        pool.warm.as_ref()?.give_up()
    }
}
