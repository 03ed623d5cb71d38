//! What one store may grow to.

use spear_hostcalls::Host;
use spear_types::Limits;
use wasmtime::ResourceLimiter;

/// Counts and bounds one run's memories and tables, all of them together.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_limit: u64,
    memory: u64,
    peak: u64,
    table_limit: u64,
    tables: u64,
    refused: Option<u64>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_limit: limits.memory,
            memory: 0,
            peak: 0,
            table_limit: limits.tables.into(),
            tables: 0,
            refused: None,
        }
    }

    /// Another call begins: its peak is not the last one's, and what that was refused is not its own.
    pub(crate) fn begin(&mut self) {
        (self.peak, self.refused) = (self.memory, None);
    }

    /// What the memories would have come to in bytes when the last growth was refused.
    pub(crate) fn refused(&self) -> Option<u64> {
        self.refused
    }
}

impl Host for Limiter {
    fn peak_memory(&self) -> u64 {
        self.peak
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if over_its_own(desired, maximum) {
            return Ok(false);
        }
        let total = self.memory.saturating_add(desired.saturating_sub(current) as u64);
        if total > self.memory_limit {
            self.refused = Some(total);
            return Ok(false);
        }
        self.memory = total;
        self.peak = self.peak.max(total);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if over_its_own(desired, maximum) {
            return Ok(false);
        }
        let total = self.tables.saturating_add(desired.saturating_sub(current) as u64);
        if total <= self.table_limit {
            self.tables = total;
        }
        Ok(total <= self.table_limit)
    }
}

/// Whether a growth fails by what the guest itself declared: wasmtime asks us first, and it is none of our limits.
fn over_its_own(desired: usize, maximum: Option<usize>) -> bool {
    maximum.is_some_and(|maximum| desired > maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_count_together() {
        let mut limiter = Limiter::new(&Limits { memory: 100, ..Limits::DEFAULTS });
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap(), "a second memory");
        assert!(limiter.memory_growing(60, 100, None).unwrap(), "the first again");
        assert_eq!((limiter.peak_memory(), limiter.refused()), (100, Some(120)));
    }

    #[test]
    fn a_call_begins_with_the_memory_there_is_and_without_what_another_was_refused() {
        let mut limiter = Limiter::new(&Limits { memory: 100, ..Limits::DEFAULTS });
        assert!(limiter.memory_growing(0, 60, None).unwrap() && !limiter.memory_growing(60, 120, None).unwrap());
        limiter.begin();
        assert_eq!((limiter.peak_memory(), limiter.refused()), (60, None));
        assert!(!limiter.memory_growing(60, 101, None).unwrap(), "the limit is the instance's");
    }

    #[test]
    fn a_growth_over_the_guests_own_maximum_is_not_counted() {
        let mut limiter = Limiter::new(&Limits { memory: 100, ..Limits::DEFAULTS });
        assert!(!limiter.memory_growing(0, 60, Some(50)).unwrap());
        assert_eq!((limiter.peak_memory(), limiter.refused()), (0, None));
    }

    #[test]
    fn all_tables_count_together() {
        let mut limiter = Limiter::new(&Limits { tables: 10, ..Limits::DEFAULTS });
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
    }
}
