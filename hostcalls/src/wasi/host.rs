//! Which of WASI 0.2 is linked: HTTP has a folder of its own, `crate::http`.

use wasmtime::component::Linker;
use wasmtime_wasi::{
    WasiCtxView, WasiView,
    cli::{WasiCli, WasiCliView as _},
    p2::{
        add_to_linker_proxy_interfaces_async,
        bindings::{cli, random},
    },
    random::{WasiRandom, WasiRandomView as _},
};

use super::{files, sockets};
use crate::capability::{Guest, Host};

impl<H: Host> WasiView for Guest<H> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.hostcalls.wasi.ctx, table: &mut self.hostcalls.table }
    }
}

pub(super) fn add_to_linker<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    // Polls, streams, clocks, secure randomness and stdio.
    add_to_linker_proxy_interfaces_async(linker)?;
    random::insecure::add_to_linker::<_, WasiRandom>(linker, |guest| guest.random())?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, |guest| guest.random())?;
    sockets::add_to_linker(linker)?;
    files::add_to_linker(linker)?;
    cli::environment::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, |guest| guest.cli())
}
