//! How many runs a node takes at once.

use std::sync::Arc;

use spear_types::{Code, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// The node's slots; a cheap clone.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    all: u32,
}

impl Slots {
    pub(crate) fn new(all: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Takes a slot until the permit is dropped.
    ///
    /// # Errors
    /// `QueueFull` at once: a node that waits here would hide that it is full. `Draining` once they are closed.
    pub(crate) fn take(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.free).try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => {
                Refusal::new(Code::QueueFull, format!("all {} slots of the node are taken", self.all))
                    .help("try again later, or start another node")
            }
            TryAcquireError::Closed => Refusal::new(Code::Draining, "the node is stopping"),
        })
    }

    /// Gives no more: what is taken comes back, and stays.
    pub(crate) fn close(&self) {
        self.free.close();
    }

    pub(crate) fn taken(&self) -> u32 {
        let free = u32::try_from(self.free.available_permits()).unwrap_or(u32::MAX);
        self.all.saturating_sub(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_comes_back_with_its_permit_and_no_more_than_all_are_given() {
        let slots = Slots::new(1);
        let permit = slots.take().unwrap();
        assert_eq!(slots.taken(), 1);
        assert_eq!(slots.take().unwrap_err().code, Code::QueueFull);
        drop(permit);
        assert_eq!(slots.taken(), 0);
        assert!(slots.take().is_ok());
    }

    #[test]
    fn closed_slots_are_not_given_and_those_that_are_taken_still_count() {
        let slots = Slots::new(2);
        let _permit = slots.take().unwrap();
        slots.close();
        assert_eq!(slots.take().unwrap_err().code, Code::Draining);
        assert_eq!(slots.taken(), 1);
    }
}
