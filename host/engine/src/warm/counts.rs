//! What the pools of one agent were good for.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use spear_types::InstanceCounts;

/// Counts over all pools of one agent, since the node was started.
#[derive(Debug, Default)]
pub struct Counts {
    idle: AtomicU32,
    hits: AtomicU64,
    misses: AtomicU64,
    starts: AtomicU64,
}

/// An instance that waits.
pub(super) struct Idle(Arc<Counts>);

impl Counts {
    /// As they are now.
    #[must_use]
    pub fn read(&self) -> InstanceCounts {
        let Self { idle, hits, misses, starts } = self;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        InstanceCounts {
            idle: idle.load(Ordering::Relaxed),
            hits: read(hits),
            misses: read(misses),
            starts: read(starts),
        }
    }

    /// A call found an instance; one that had to wait for its turn did not find it at once.
    pub(super) fn found(&self, waited: bool) {
        let count = if waited { &self.misses } else { &self.hits };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn start(&self) {
        self.starts.fetch_add(1, Ordering::Relaxed);
    }
}

impl Idle {
    pub(super) fn new(counts: &Arc<Counts>) -> Self {
        counts.idle.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counts))
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.idle.fetch_sub(1, Ordering::Relaxed);
    }
}
