//! `spear:hostcalls/kv` and `wasi:keyvalue`: versioned values in granted stores.
//!
//! ```text
//! spear:hostcalls/kv ─▶ host ───┐
//! wasi:keyvalue ──────▶ wasi ───┼─▶ checked ─▶ Backend
//! spear.v1.Kv ────────▶ remote ─┘   grants, limits
//! ```

mod backend;
mod checked;
mod convert;
mod counted;
mod host;
#[cfg(feature = "remote")]
pub(crate) mod remote;
mod wasi;

use std::sync::Arc;

use spear_types::{KvKey, Refusal, StoreName};
use wasmtime::component::{HasData, Linker, ResourceTable};

pub use self::backend::{Answer, Backend};
use crate::{
    bindings::{
        spear::hostcalls::kv as wit,
        wasi::keyvalue::{atomics, batch, store},
    },
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    gate::Gate,
    meter::Count,
};

/// The capability over the store that really has the values.
#[derive(Clone)]
pub(crate) struct Kv {
    backend: Arc<dyn Backend>,
}

/// What one instance may use.
pub(crate) struct State {
    backend: Arc<dyn Backend>,
    max_answer: u64,
}

/// A guest's handle to a store, of either interface. Holding one proves that the store is granted for something.
pub struct Store {
    name: StoreName,
    listed: Option<Listed>,
}

/// Where `wasi:keyvalue` may go on listing: its cursor is a number, a store's order is that of its keys.
struct Listed {
    count: u64,
    last: KvKey,
}

/// What the interfaces work on.
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

impl HasData for Kv {
    type Data<'a> = Handles<'a>;
}

impl Kv {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }
}

impl Capability for Kv {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        fn view<H: Host>(guest: &mut Guest<H>) -> Handles<'_> {
            let state = &mut guest.hostcalls;
            Handles { view: state.own.kv(), table: &mut state.table }
        }
        wit::add_to_linker::<_, Self>(linker, view::<H>)?;
        store::add_to_linker::<_, Self>(linker, view::<H>)?;
        atomics::add_to_linker::<_, Self>(linker, view::<H>)?;
        batch::add_to_linker::<_, Self>(linker, view::<H>)
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        State { backend: Arc::clone(&self.backend), max_answer: run.limits.payload }
    }
}
