//! What the guest calls: `wasi:http` as it is, with our own way of sending.

use http::{Request, Response};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView, p2::add_only_http_to_linker_async,
};

use super::Hooks;
use crate::capability::{Guest, Host};

/// Bytes that a guest may write to a request's body at once; a guest has as many bodies as it has handles.
const CHUNK: usize = 16 << 10;

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl<H: Host> WasiHttpView for Guest<H> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let state = &mut self.hostcalls;
        WasiHttpCtxView { hooks: &mut state.http.hooks, table: &mut state.table, ctx: &mut state.http.ctx }
    }
}

pub(super) fn add_to_linker<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    add_only_http_to_linker_async(linker)
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _written: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let _ = &self.gate;
        Box::new(async { Err(Error::HttpRequestDenied) })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}
