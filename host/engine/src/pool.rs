//! How instances get their memory.

use std::fmt;

use spear_types::Limits;
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::class::{Interruption, settings};

/// Core instances that one component may have; what Rust and JavaScript make has 4, componentised Go 5, Python 14 and one
/// more for each native library.
const CORE_INSTANCES: u32 = 32;
/// Memories that one component may have: its own and an adapter's.
const MEMORIES: u32 = 4;
/// Tables that one component may have.
const TABLES: u32 = 8;

// What stays mapped in a slot between two runs and is cleared by writing instead of unmapping: page faults and madvise
// under the process's memory lock are what makes plain pooling slower on two threads than on one (38 → 181 µs a call;
// with these 34 → 37 µs, and with the page map scan, which clears what was written only, 15 → 18 µs).
const MEMORY_RESIDENT: usize = 2 << 20;
const TABLE_RESIDENT: usize = 64 << 10;
const STACK_RESIDENT: usize = 64 << 10;

/// How instances get their memory on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// From slots that are reserved at start.
    Pooling {
        /// Whether the kernel tells which pages were written (Linux 6.7 and later).
        pagemap_scan: bool,
    },
    /// With a mapping of its own for each instance; the address space does not allow slots.
    OnDemand,
}

impl Allocation {
    /// What this machine allows for so many runs at once, found by trying.
    #[must_use]
    pub fn of_machine(slots: u32, maxima: &Limits) -> Self {
        let pooling = Self::Pooling { pagemap_scan: PoolingAllocationConfig::is_pagemap_scan_available() };
        let trial = || {
            let mut trial = settings(Interruption::Epoch);
            trial.allocation_strategy(strategy(slots, maxima, pooling));
            wasmtime::Engine::new(&trial)
        };
        // Both classes of engine reserve their slots, so both have to fit at once.
        match (trial(), trial()) {
            (Ok(_), Ok(_)) => pooling,
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, slots, "no address space for pooled instances: each gets its own mappings, at about four times the cost");
                Self::OnDemand
            }
        }
    }
}

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pooling { pagemap_scan: true } => "pooling with page map scan",
            Self::Pooling { pagemap_scan: false } => "pooling",
            Self::OnDemand => "on demand",
        })
    }
}

pub(crate) fn strategy(slots: u32, maxima: &Limits, allocation: Allocation) -> InstanceAllocationStrategy {
    match allocation {
        Allocation::Pooling { pagemap_scan } => pool(slots, maxima, pagemap_scan).into(),
        Allocation::OnDemand => InstanceAllocationStrategy::OnDemand,
    }
}

fn pool(slots: u32, maxima: &Limits, pagemap_scan: bool) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        // Nothing is reserved for these: they are counted. Whatever their language, runs fill every slot.
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(2).max(MEMORIES))
        .total_tables(slots.saturating_mul(2).max(TABLES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memory_size(usize::try_from(maxima.memory).unwrap_or(usize::MAX))
        .table_elements(maxima.tables as usize)
        .linear_memory_keep_resident(MEMORY_RESIDENT)
        .table_keep_resident(TABLE_RESIDENT)
        .async_stack_keep_resident(STACK_RESIDENT)
        .pagemap_scan(if pagemap_scan { Enabled::Yes } else { Enabled::No });
    pool
}
