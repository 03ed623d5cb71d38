//! The standard interfaces that every guest's runtime imports: clocks, randomness, stdio, an empty environment and a
//! file system without directories. Needs no grant, because there is nothing in it to grant.

mod host;
mod stdio;

use bytes::Bytes;
use spear_types::{Level, Refusal};
use wasmtime::component::Linker;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, p2::pipe::MemoryInputPipe};

use self::stdio::Lines;
pub use self::stdio::Stdout;
use crate::capability::{Capability, ConfigureContext, Guest, Host, PrepareContext};

/// The most random bytes one call may ask for: a guest must not make the host allocate.
const MAX_RANDOM: u64 = 64 << 10;

/// The capability; needs no grant.
#[derive(Clone, Copy)]
pub(crate) struct Wasi;

/// What a command is given.
#[derive(Debug, Clone)]
pub struct CommandIo {
    /// Its arguments, the program's name first.
    pub args: Vec<String>,
    /// Standard input.
    pub stdin: Bytes,
}

/// What one instance holds.
pub(crate) struct State {
    ctx: WasiCtx,
    stdout: Lines,
    stderr: Lines,
}

impl Capability for Wasi {
    type Config = ();
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        host::add_to_linker(linker)
    }

    fn configure(&self, _version: &ConfigureContext<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn prepare(&self, _config: &(), run: &PrepareContext) -> State {
        let stdout = Lines::new("stdout", Level::Info, &run.log);
        let stderr = Lines::new("stderr", Level::Error, &run.log);
        let mut ctx = WasiCtxBuilder::new();
        ctx.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM);
        if let Some(CommandIo { args, stdin }) = &run.command {
            stdout.keep(run.limits.payload);
            ctx.args(args).stdin(MemoryInputPipe::new(stdin.clone()));
        }
        State { ctx: ctx.build(), stdout, stderr }
    }
}

impl State {
    pub(crate) fn panic_message(&self) -> Option<String> {
        self.stderr.panic_message()
    }

    pub(crate) fn take_stdout(&mut self) -> Stdout {
        self.stdout.take()
    }

    pub(crate) fn finish(&mut self) {
        self.stdout.finish();
        self.stderr.finish();
    }
}
