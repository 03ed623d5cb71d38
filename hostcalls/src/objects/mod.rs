//! `spear:hostcalls/objects`: bytes in granted buckets.

mod backend;
mod host;

use std::sync::Arc;

use spear_types::{Access, BucketName, Denial, Grants, Refusal};
use wasmtime::component::{HasData, Linker, ResourceTable};

pub use self::backend::{Answer, Backend, Range};
use crate::{
    Meter,
    bindings::spear::hostcalls::objects as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
};

/// The capability over the store that really has the objects.
#[derive(Clone)]
pub(crate) struct Objects {
    backend: Arc<dyn Backend>,
}

/// The buckets of one version.
pub(crate) struct Config {
    grants: Grants,
}

/// What one instance may use.
pub(crate) struct State {
    backend: Arc<dyn Backend>,
    config: Arc<Config>,
    max_object: u64,
    denial: Option<Denial>,
}

/// A guest's handle to a bucket. Holding one proves that the bucket is granted for something.
pub struct Bucket {
    name: BucketName,
}

/// What the interface works on.
pub(crate) struct View<'a> {
    state: &'a mut State,
    table: &'a mut ResourceTable,
    meter: &'a mut Meter,
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
    type Config = Arc<Config>;
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        wit::add_to_linker::<Guest<H>, Self>(linker, |guest| {
            let state = &mut guest.hostcalls;
            View { state: &mut state.objects, table: &mut state.table, meter: &mut state.meter }
        })
    }

    fn configure(&self, version: &ConfigureContext<'_>) -> Result<Arc<Config>, Refusal> {
        Ok(Arc::new(Config { grants: version.grants.clone() }))
    }

    fn prepare(&self, config: &Self::Config, run: &PrepareContext) -> State {
        State {
            backend: Arc::clone(&self.backend),
            config: Arc::clone(config),
            max_object: run.limits.payload,
            denial: None,
        }
    }
}

impl State {
    pub(crate) fn denial(&self) -> Option<&Denial> {
        self.denial.as_ref()
    }

    /// Checks the grant at each use, not only when the bucket is opened, and remembers what was denied.
    fn check(&mut self, bucket: &BucketName, need: Option<Access>) -> Result<(), wit::Error> {
        let grants = &self.config.grants;
        let checked = need.map_or_else(|| grants.bucket(bucket), |need| grants.objects(bucket, need));
        checked.map_err(|denial| {
            let text = denial.to_string();
            self.denial = Some(denial);
            wit::Error::Denied(text)
        })
    }
}
