//! `wasi:http/outgoing-handler`: requests to granted hosts.

mod host;

use spear_types::Refusal;
use wasmtime::component::Linker;
use wasmtime_wasi_http::WasiHttpCtx;

use crate::{
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    gate::Gate,
};

/// What one `fields` of a guest may hold in bytes: a guest has as many of them as it has handles.
const MAX_FIELDS: usize = 16 << 10;

/// The capability.
#[derive(Clone)]
pub(crate) struct Http;

/// What one instance holds.
pub(crate) struct State {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

/// What the standard implementation asks us.
struct Hooks {
    gate: Gate,
}

impl Capability for Http {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        host::add_to_linker(linker)
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(MAX_FIELDS);
        State { ctx, hooks: Hooks { gate: run.gate.clone() } }
    }
}
