//! `spear:hostcalls/kv` and `wasi:keyvalue`: versioned values in granted stores.

mod backend;

use std::sync::Arc;

use spear_types::{Refusal, StoreName};
use wasmtime::component::Linker;

pub use self::backend::{Answer, Backend};
use crate::capability::{Capability, ConfigureContext, Guest, Host, PrepareContext};

/// The capability over the store that really has the values.
#[derive(Clone)]
pub(crate) struct Kv {
    backend: Arc<dyn Backend>,
}

/// What one instance may use.
pub(crate) struct State {
    backend: Arc<dyn Backend>,
}

/// A guest's handle to a store. Holding one proves that the store is granted for something.
pub struct Store {
    name: StoreName,
}

impl Kv {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

impl Capability for Kv {
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
