//! `spear:hostcalls/tasks`: other functions.

mod backend;
mod checked;
mod convert;
mod host;
#[cfg(feature = "remote")]
pub(crate) mod remote;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, atomic::AtomicU32},
    time::Instant,
};

use spear_types::{FunctionName, Limits, Refusal};
use wasmtime::component::{HasData, Linker};

pub use self::backend::{Backend, Invocation, NewTask};
use crate::{
    bindings::spear::hostcalls::tasks as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    gate::Gate,
    meter::Count,
};

/// The capability over the cluster.
#[derive(Clone)]
pub(crate) struct Tasks {
    backend: Arc<dyn Backend>,
}

/// What one instance may use.
pub(crate) struct State {
    backend: Arc<dyn Backend>,
    /// The functions that wait for what it invokes, outermost first; it is the last itself.
    callers: Vec<FunctionName>,
    trace_parent: Option<String>,
    deadline: Instant,
    payload: u64,
    calls: Calls,
}

/// What is left of the limit `calls`: how far a run fans out.
#[derive(Debug)]
struct Calls {
    made: AtomicU32,
    limit: u32,
}

/// What the interface works on.
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) meter: &'a Count,
    pub(crate) gate: &'a Gate,
}

impl HasData for Tasks {
    type Data<'a> = View<'a>;
}

impl Tasks {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

impl Capability for Tasks {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        wit::add_to_linker::<Guest<H>, Self>(linker, |guest| guest.hostcalls.own.tasks())
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        let Limits { payload, calls, .. } = run.limits;
        let identity = &run.identity;
        State {
            backend: Arc::clone(&self.backend),
            callers: identity.callers.iter().chain([&identity.function]).cloned().collect(),
            trace_parent: identity.trace_parent.clone(),
            deadline: run.deadline,
            payload,
            calls: Calls::new(calls),
        }
    }
}
