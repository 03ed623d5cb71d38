//! `spear:hostcalls/secrets`: what the operator gives to functions and to nobody else.

mod backend;
mod host;

use std::sync::Arc;

use spear_types::Refusal;
use wasmtime::component::{HasData, Linker};

pub use self::backend::{Backend, MAX_SECRET};
use crate::{
    Meter,
    bindings::spear::hostcalls::secrets as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    gate::Gate,
    logs::LogBuffer,
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
    state: &'a State,
    meter: &'a mut Meter,
    gate: &'a mut Gate,
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
        wit::add_to_linker::<Guest<H>, Self>(linker, |guest| {
            let state = &mut guest.hostcalls;
            View { state: &state.secrets, meter: &mut state.meter, gate: &mut state.gate }
        })
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        State { backend: Arc::clone(&self.backend), log: Arc::clone(&run.log) }
    }
}
