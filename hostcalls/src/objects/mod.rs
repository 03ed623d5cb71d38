//! `spear:hostcalls/objects`: bytes in granted buckets.

mod backend;
mod checked;
mod convert;
mod host;
#[cfg(feature = "remote")]
pub(crate) mod remote;

use std::sync::Arc;

use spear_types::{BucketName, Refusal};
use wasmtime::component::{HasData, Linker, ResourceTable};

pub use self::backend::{Answer, Backend, Operation, Range};
use crate::{
    bindings::spear::hostcalls::objects as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    gate::Gate,
    meter::Count,
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
    pub(crate) state: &'a State,
    pub(crate) meter: &'a Count,
    pub(crate) gate: &'a Gate,
}

/// What a component calls: the same, through its handles.
pub(crate) struct Handles<'a> {
    pub(crate) view: View<'a>,
    pub(crate) table: &'a mut ResourceTable,
}

impl HasData for Objects {
    type Data<'a> = Handles<'a>;
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
            Handles { view: state.own.objects(), table: &mut state.table }
        })
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        State { backend: Arc::clone(&self.backend), max_object: run.limits.payload }
    }
}
