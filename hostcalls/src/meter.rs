//! What a run's hostcalls cost.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one run, written by each hostcall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meter {
    /// Calls of `spear:hostcalls`; of a component, the standard interfaces are not counted.
    pub hostcalls: u64,
    /// Bytes that hostcalls, and the bodies of HTTP responses, gave to the run.
    pub bytes_in: u64,
    /// Bytes that the run gave to hostcalls and to the bodies of HTTP requests.
    pub bytes_out: u64,
}

/// The meter while it counts: a program makes many hostcalls at once.
#[derive(Debug, Default)]
pub(crate) struct Count {
    hostcalls: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Count {
    /// Counts one hostcall that carries `bytes` out of the run.
    pub(crate) fn hostcall(&self, bytes: usize) {
        self.hostcalls.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts `bytes` on their way to the run.
    pub(crate) fn answer(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// What was counted up to now.
    pub(crate) fn read(&self) -> Meter {
        let Self { hostcalls, bytes_in, bytes_out } = self;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Meter { hostcalls: read(hostcalls), bytes_in: read(bytes_in), bytes_out: read(bytes_out) }
    }
}
