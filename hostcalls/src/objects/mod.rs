//! `spear:hostcalls/objects`: bytes in granted buckets.

mod backend;
mod convert;
mod host;

use std::sync::Arc;

use spear_types::{BucketName, Refusal};
use wasmtime::component::{HasData, Linker, ResourceTable};

pub use self::backend::{Answer, Backend, Operation, Range};
use crate::{
    Meter,
    bindings::spear::hostcalls::objects as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    gate::Gate,
};

/// The capability over the store that really has the objects.
#[derive(Clone)]
pub(crate) struct Objects {
    backend: Arc<dyn Backend>,
}

/// What one instance may use.
pub(crate) struct State {
    backend: Arc<dyn Backend>,
    max_object: u64,
}

/// A guest's handle to a bucket. Holding one proves that the bucket is granted for something.
pub struct Bucket {
    name: BucketName,
}

/// What the interface works on.
pub(crate) struct View<'a> {
    state: &'a State,
    table: &'a mut ResourceTable,
    meter: &'a mut Meter,
    gate: &'a mut Gate,
}

impl HasData for Objects {
    type Data<'a> = View<'a>;
}

impl Objects {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

impl Capability for Objects {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        wit::add_to_linker::<Guest<H>, Self>(linker, |guest| {
            let state = &mut guest.hostcalls;
            View { state: &state.objects, table: &mut state.table, meter: &mut state.meter, gate: &mut state.gate }
        })
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        State { backend: Arc::clone(&self.backend), max_object: run.limits.payload }
    }
}
