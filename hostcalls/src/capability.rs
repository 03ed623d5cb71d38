//! The three moments that every capability has.

use std::sync::Arc;

use spear_types::{Granted, Identity, Limits, Refusal, Settings};
use wasmtime::component::Linker;

use crate::{Gate, State, logs::LogBuffer};

/// A store's data: the hostcalls' own part, and what the host keeps beside it.
pub struct Guest<H> {
    /// The part of the hostcalls.
    pub hostcalls: State,
    /// The part of the host.
    pub host: H,
}

/// What the host's part must tell to hostcalls.
pub trait Host: Send + 'static {
    /// Bytes of linear memory at the peak, as the store's limiter counts them.
    fn peak_memory(&self) -> u64;
}

/// A version about to be run for the first time.
pub struct ConfigureContext<'a> {
    /// What it was granted.
    pub granted: &'a Arc<Granted>,
    /// What its author set.
    pub settings: &'a Settings,
}

/// An instance about to be made.
pub struct PrepareContext {
    /// Who runs.
    pub identity: Identity,
    /// What it may use.
    pub limits: Limits,
    /// When it has to be done.
    pub deadline: std::time::Instant,
    /// Where its log goes; outlives the instance.
    pub log: Arc<LogBuffer>,
    /// Where it asks for what it may: [`Configured::gate`](crate::Configured::gate).
    pub gate: Gate,
}

/// One capability.
pub(crate) trait Capability {
    /// What one version may do with it.
    type Config;
    /// What one instance holds of it.
    type State;

    /// Once per process: define the interface.
    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()>;

    /// Once per version: check the grant.
    fn configure(&self, version: &ConfigureContext<'_>) -> Result<Self::Config, Refusal>;

    /// Once per instance: make its state. Cannot fail: what may fail belongs to `configure`.
    fn prepare(&self, config: &Self::Config, run: &PrepareContext) -> Self::State;
}
