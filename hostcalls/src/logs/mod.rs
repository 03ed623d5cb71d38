//! `spear:hostcalls/logs`: the guest's lines, to the task's log and to tracing.

mod buffer;
mod checked;
mod hidden;
mod host;
#[cfg(feature = "remote")]
pub(crate) mod remote;

use std::sync::Arc;

use spear_types::{Refusal, TaskId};
use wasmtime::component::{HasData, Linker};

pub use self::buffer::{LogBuffer, MAX_LINE, TaskLog};
use crate::{
    bindings::spear::hostcalls::logs as wit,
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    meter::Count,
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
    pub(crate) state: &'a State,
    pub(crate) meter: &'a Count,
}

impl HasData for Logs {
    type Data<'a> = View<'a>;
}

impl Capability for Logs {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        wit::add_to_linker::<Guest<H>, Self>(linker, |guest| guest.hostcalls.own.logs())
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        State { task: run.identity.task, buffer: Arc::clone(&run.log) }
    }
}

impl State {
    pub(crate) fn redact(&self, text: &str, max: usize) -> String {
        self.buffer.redact(text, max)
    }
}

/// What the tests of all that shows text have in common.
#[cfg(test)]
pub(crate) mod tests {
    /// A secret of that many bytes that does not repeat itself.
    pub(crate) fn secret(len: usize) -> String {
        let letter = |n: usize| char::from(b'a' + u8::try_from((n * n + n / 7) * 31 / 3 % 26).unwrap());
        (0..len).map(letter).collect()
    }

    /// Whether no 16 bytes of the secret are in the text.
    pub(crate) fn shows_nothing_of(secret: &str, text: &str) -> bool {
        let pieces: std::collections::HashSet<_> = secret.as_bytes().windows(16).collect();
        text.as_bytes().windows(16).all(|piece| !pieces.contains(piece))
    }
}
