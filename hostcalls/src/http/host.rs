//! What the guest calls: `wasi:http` as it is, with our own way of sending.

use std::time::SystemTime;

use http::{Method, Request, Response};
use spear_types::{Level, LogLine};
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::p2::IoError;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
    p2::{add_only_http_to_linker_async, bindings::http::types::ErrorCode},
};

use super::{Hooks, exchange::Io, request, target::Target};
use crate::capability::{Guest, Host};

/// Bytes that a guest may write to a request's body at once; a guest has as many bodies as it has handles.
const CHUNK: usize = 16 << 10;

impl<H: Host> WasiHttpView for Guest<H> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let state = &mut self.hostcalls;
        WasiHttpCtxView { hooks: &mut state.http.hooks, table: &mut state.table, ctx: &mut state.http.ctx }
    }
}

pub(super) fn add_to_linker<H: Host>(linker: &mut Linker<Guest<H>>) -> wasmtime::Result<()> {
    add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    request::add_to_linker(&mut types)?;
    // The standard one knows only its own errors, and so none of a body that breaks off.
    types.func_wrap("http-error-code", |store: StoreContextMut<'_, Guest<H>>, (error,): (Resource<IoError>,)| {
        let error = store.data().hostcalls.table.get(&error)?;
        let standard = || error.downcast_ref::<ErrorCode>().cloned();
        Ok((error.downcast_ref().and_then(of_body).or_else(standard),))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The code of an error that a response's body ends with.
fn of_body(error: &Error) -> Option<ErrorCode> {
    match error {
        Error::HttpResponseBodySize(limit) => Some(ErrorCode::HttpResponseBodySize(*limit)),
        Error::HttpResponseHeaderSectionSize(limit) => Some(ErrorCode::HttpResponseTrailerSectionSize(*limit)),
        Error::HttpResponseIncomplete => Some(ErrorCode::HttpResponseIncomplete),
        Error::HttpProtocolError => Some(ErrorCode::HttpProtocolError),
        Error::ConnectionReadTimeout => Some(ErrorCode::ConnectionReadTimeout),
        Error::ConnectionTerminated => Some(ErrorCode::ConnectionTerminated),
        _ => None,
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io), Error>> + Send> {
        match self.admit(&request) {
            Ok(target) => Box::new(self.exchange.clone().send(target, request, options)),
            Err(error) => Box::new(async { Err(error) }),
        }
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }
}

impl Hooks {
    /// Where a request may go, before anything is asked outside of this process.
    fn admit(&mut self, request: &Request<WasiBody>) -> Result<Target, Error> {
        self.count()?;
        // A tunnel would lead to where nothing is checked any more.
        if request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let target = Target::of(request.uri())?;
        let granted = self.exchange.gate.check(|grants| grants.http(target.scheme, &target.host, target.port));
        granted.map(|()| target).map_err(|_| Error::HttpRequestDenied)
    }

    fn count(&mut self) -> Result<(), Error> {
        self.sent = self.sent.saturating_add(1);
        if self.sent <= self.requests {
            return Ok(());
        }
        if self.sent == self.requests.saturating_add(1) {
            let message = format!("over a limit: {} HTTP requests were sent, the limit `requests`", self.requests);
            self.log.write(LogLine { time: SystemTime::now(), level: Level::Warn, message, fields: Vec::new() });
        }
        Err(Error::ConnectionLimitReached)
    }
}
