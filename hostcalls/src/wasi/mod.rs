//! The standard interfaces that every guest's runtime imports: clocks, randomness, stdio and an empty environment, which
//! need no grant because there is nothing in them to grant; files in granted folders and sockets to granted addresses.

mod files;
mod host;
mod sockets;
mod stdio;
mod streams;

use std::sync::Arc;

use bytes::Bytes;
use spear_types::{Level, Refusal};
use wasmtime::component::Linker;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, filesystem::WasiFilesystemCtx, p2::pipe::MemoryInputPipe};

use self::stdio::Lines;
pub use self::stdio::Stdout;
use crate::{
    capability::{Capability, ConfigureContext, Guest, Host, PrepareContext},
    files::Folders,
    logs::LogBuffer,
};

/// The most random bytes one call may ask for: a guest must not make the host allocate.
const MAX_RANDOM: u64 = 64 << 10;

/// The capability over the node's folders.
#[derive(Clone)]
pub(crate) struct Wasi {
    folders: Folders,
}

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
    log: Arc<LogBuffer>,
}

impl Wasi {
    pub(crate) fn new(folders: Folders) -> Self {
        Self { folders }
    }
}

impl Capability for Wasi {
    /// The open folders.
    type Config = WasiFilesystemCtx;
    type State = State;

    fn init<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
        host::add_to_linker(linker)
    }

    fn configure(&self, version: &ConfigureContext<'_>) -> Result<WasiFilesystemCtx, Refusal> {
        self.folders.open(version.granted)
    }

    fn prepare(&self, folders: &WasiFilesystemCtx, run: &PrepareContext) -> State {
        let stdout = Lines::new("stdout", Level::Info, &run.log);
        let stderr = Lines::new("stderr", Level::Error, &run.log);
        let mut ctx = WasiCtxBuilder::new();
        ctx.stdout(stdout.clone()).stderr(stderr.clone()).max_random_size(MAX_RANDOM);
        sockets::configure(&mut ctx, &run.gate);
        if let Some(CommandIo { args, stdin }) = &run.command {
            stdout.keep(run.limits.payload);
            ctx.args(args).stdin(MemoryInputPipe::new(stdin.clone()));
        }
        let mut ctx = ctx.build();
        ctx.filesystem().clone_from(folders);
        State { ctx, stdout, stderr, log: Arc::clone(&run.log) }
    }
}

impl State {
    /// A call begins.
    pub(crate) fn begin(&mut self, run: &PrepareContext) {
        self.stdout.begin(&run.log);
        self.stderr.begin(&run.log);
        self.log = Arc::clone(&run.log);
    }

    /// The log of the call that is under way, or of the last one.
    pub(crate) fn log(&self) -> &LogBuffer {
        &self.log
    }

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
