//! `wasi:config/store`: what the function's author set under `[config]`.

mod host;
#[cfg(feature = "remote")]
pub(crate) mod remote;

use std::sync::Arc;

use spear_types::{Refusal, Settings};
use wasmtime::component::{HasData, Linker};

use crate::{
    bindings::wasi::config::store as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
};

/// The capability; needs no grant.
#[derive(Clone, Copy)]
pub(crate) struct Config;

/// The settings of one version, which all of its instances share.
pub(crate) struct State {
    settings: Arc<Settings>,
}

/// What the interface works on.
pub(crate) struct View<'a> {
    settings: &'a Settings,
}

impl<'a> View<'a> {
    pub(crate) fn new(state: &'a State) -> Self {
        Self { settings: &state.settings }
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        self.settings.get(key)
    }

    fn values(&self) -> impl Iterator<Item = (String, String)> + use<'a> {
        self.settings.iter().map(|(key, value)| (key.to_owned(), value.to_owned()))
    }
}

impl HasData for Config {
    type Data<'a> = View<'a>;
}

impl Capability for Config {
    type Config = Arc<Settings>;
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        wit::add_to_linker::<Guest<H>, Self>(linker, |guest| guest.hostcalls.own.config())
    }

    fn configure(&self, version: &ConfigureContext<'_>) -> Result<Arc<Settings>, Refusal> {
        Ok(Arc::new(version.settings.clone()))
    }

    fn prepare(&self, settings: &Arc<Settings>, _run: &PrepareContext) -> State {
        State { settings: Arc::clone(settings) }
    }
}
