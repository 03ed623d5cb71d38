//! One call from its attempt to its report, whether its sandbox is fresh or waited for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use spear_engine::{Attempt, Report};
use spear_hostcalls::{
    Host,
    logs::LogBuffer,
    remote::{Session, SessionContext},
};
use spear_types::{Outcome, Usage};

use super::{Ready, call::Given};
use crate::{
    agent::Unready,
    sandbox::{Sandboxes, Used},
};

/// A call that has begun.
pub(super) struct Called {
    pub(super) given: Given,
    /// What its hostcalls are answered by.
    pub(super) session: Session,
    pub(super) log: Arc<LogBuffer>,
    pub(super) deadline: Instant,
    timeout: Duration,
    started: Instant,
    size: u64,
    memory: Arc<Memory>,
}

/// Tells hostcalls how much memory is used: what the sandbox was last asked.
#[derive(Default)]
struct Memory(AtomicU64);

impl Called {
    /// Its time begins.
    ///
    /// # Errors
    /// For a call that no program can be given.
    pub(super) fn new<S: Sandboxes>(ready: &Ready<S>, attempt: Attempt, log: Arc<LogBuffer>) -> Result<Self, Unready> {
        let timeout = attempt.timeout(&ready.limits);
        let Attempt { identity, call, time: _ } = attempt;
        let (started, size, memory) = (Instant::now(), call.size(), Arc::<Memory>::default());
        let deadline = started + timeout;
        let given = Given::new(call, &identity, timeout).map_err(Unready::Refused)?;
        let (limits, host) = (ready.limits.clone(), Arc::<Memory>::clone(&memory));
        let context = SessionContext { identity, limits, deadline, log: Arc::clone(&log), host };
        let session = ready.programs.hostcalls.session(&ready.configured, context).map_err(Unready::Refused)?;
        Ok(Self { given, session, log, deadline, timeout, started, size, memory })
    }

    /// The outcome of one that is late.
    pub(super) fn late(&self) -> Outcome {
        Outcome::TimedOut { limit: self.timeout }
    }

    /// Takes note of what the sandbox was seen to use.
    pub(super) fn saw(&self, used: Used) {
        self.memory.0.store(used.peak_memory, Ordering::Relaxed);
    }

    /// What came of it.
    pub(super) fn report(&self, outcome: Outcome, used: Used) -> Report {
        let meter = self.session.meter();
        let usage = Usage {
            wall: self.started.elapsed(),
            cpu: used.cpu,
            fuel: None,
            peak_memory: used.peak_memory,
            hostcalls: meter.hostcalls,
            bytes_in: meter.bytes_in + self.size,
            bytes_out: meter.bytes_out + outcome.answered(),
        };
        Report { outcome, usage, log: self.log.take(), ran: None }
    }
}

impl Host for Memory {
    fn peak_memory(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
