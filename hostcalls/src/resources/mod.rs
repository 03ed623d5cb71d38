//! `spear:hostcalls/resources`: who runs, what it may use and what it has used.

mod host;
#[cfg(feature = "remote")]
pub(crate) mod remote;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use spear_types::{Identity, Limits, Refusal};
use wasmtime::component::Linker;

use crate::{
    bindings::spear::hostcalls::resources as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    logs::LogBuffer,
};

/// The capability; needs no grant.
#[derive(Clone, Copy)]
pub(crate) struct Resources;

/// What one instance may know of itself.
pub(crate) struct State {
    identity: Identity,
    limits: Limits,
    deadline: Instant,
    log: Arc<LogBuffer>,
}

impl Capability for Resources {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        host::add_to_linker(linker)
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        State {
            identity: run.identity.clone(),
            limits: run.limits.clone(),
            deadline: run.deadline,
            log: Arc::clone(&run.log),
        }
    }
}

impl State {
    /// What the run has taken of its time.
    fn wall(&self) -> Duration {
        self.limits.timeout.saturating_sub(self.wall_left())
    }

    fn wall_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn log_left(&self) -> u64 {
        self.log.limit().saturating_sub(self.log.used())
    }
}
