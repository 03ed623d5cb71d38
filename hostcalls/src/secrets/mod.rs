//! `spear:hostcalls/secrets`: what the operator gives to functions and to nobody else.

mod backend;

use std::sync::Arc;

use spear_types::Refusal;
use wasmtime::component::Linker;

pub use self::backend::{Backend, MAX_SECRET};
use crate::capability::{Capability, ConfigureContext, Guest, Host, PrepareContext};

/// The capability over the operator's secrets.
#[derive(Clone)]
pub(crate) struct Secrets {
    backend: Arc<dyn Backend>,
}

/// What one instance may use.
pub(crate) struct State {
    backend: Arc<dyn Backend>,
}

impl Secrets {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

impl Capability for Secrets {
    type Config = ();
    type State = State;

    fn init<H: Host>(_linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        Ok(())
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), _run: &PrepareContext) -> State {
        State { backend: Arc::clone(&self.backend) }
    }
}
