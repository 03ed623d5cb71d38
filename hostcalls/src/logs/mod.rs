//! `spear:hostcalls/logs`: the guest's lines, to the task's log and to tracing.

mod buffer;
mod hidden;
mod host;

use std::sync::Arc;

use spear_types::{Refusal, TaskId};
use wasmtime::component::{HasData, Linker};

pub use self::buffer::{LogBuffer, MAX_LINE, TaskLog};
use crate::{
    Meter,
    bindings::spear::hostcalls::logs as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
};

/// The capability; needs no grant.
#[derive(Clone, Copy)]
pub(crate) struct Logs;

/// Where an instance's lines go.
pub(crate) struct State {
    task: TaskId,
    buffer: Arc<LogBuffer>,
}

/// What the interface works on.
pub(crate) struct View<'a> {
    state: &'a State,
    meter: &'a mut Meter,
}

impl HasData for Logs {
    type Data<'a> = View<'a>;
}

impl Capability for Logs {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        wit::add_to_linker::<Guest<H>, Self>(linker, |guest| {
            let state = &mut guest.hostcalls;
            View { state: &state.logs, meter: &mut state.meter }
        })
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        State { task: run.identity.task, buffer: Arc::clone(&run.log) }
    }
}

impl State {
    pub(crate) fn redact(&self, text: String) -> String {
        self.buffer.redact(text)
    }
}
