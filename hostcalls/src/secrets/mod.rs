//! `spear:hostcalls/secrets`: what the operator gives to functions and to nobody else.

mod backend;
mod checked;
mod host;
#[cfg(feature = "remote")]
pub(crate) mod remote;

use std::sync::Arc;

use spear_types::Refusal;
use wasmtime::component::{HasData, Linker};

pub use self::backend::{Backend, MAX_SECRET};
use crate::{
    bindings::spear::hostcalls::secrets as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    gate::Gate,
    logs::LogBuffer,
    meter::Count,
};

/// The capability over the operator's secrets.
#[derive(Clone)]
pub(crate) struct Secrets {
    backend: Arc<dyn Backend>,
}

/// What one instance may use.
pub(crate) struct State {
    backend: Arc<dyn Backend>,
    log: Arc<LogBuffer>,
}

/// What the interface works on.
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) meter: &'a Count,
    pub(crate) gate: &'a Gate,
}

impl HasData for Secrets {
    type Data<'a> = View<'a>;
}

impl Secrets {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

impl Capability for Secrets {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        wit::add_to_linker::<Guest<H>, Self>(linker, |guest| guest.hostcalls.own.secrets())
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        State { backend: Arc::clone(&self.backend), log: Arc::clone(&run.log) }
    }
}
