//! What a guest says about a request before it sends it, which the host keeps: as long as it has to be, and no longer.

use wasmtime::{
    StoreContextMut,
    component::{ComponentNamedList, Lift, LinkerInstance, Resource},
};
use wasmtime_wasi_http::{
    WasiHttpCtxView, WasiHttpView as _,
    p2::{
        bindings::http::types::{HostOutgoingRequest as _, Method, Scheme},
        types::HostOutgoingRequest,
    },
};

use crate::capability::{Guest, Host};

// In bytes. A guest without any grant has as many requests as it has handles.
const MAX_METHOD: usize = 64;
const MAX_SCHEME: usize = 64;
/// A name of 253 in brackets or not, and a port.
const MAX_AUTHORITY: usize = 261;
const MAX_PATH: usize = 8 << 10;

type Set = Result<(), ()>;

/// Puts bounded setters in place of the standard ones, for which any length will do.
pub(super) fn add_to_linker<H: Host>(types: &mut LinkerInstance<'_, Guest<H>>) -> wasmtime::Result<()> {
    setter(types, "set-method", of_method, MAX_METHOD, |http, request, method| http.set_method(request, method))?;
    setter(types, "set-scheme", of_scheme, MAX_SCHEME, |http, request, scheme| http.set_scheme(request, scheme))?;
    setter(types, "set-authority", of_text, MAX_AUTHORITY, |http, request, text| http.set_authority(request, text))?;
    setter(types, "set-path-with-query", of_text, MAX_PATH, |http, request, text| {
        http.set_path_with_query(request, text)
    })
}

fn setter<H: Host, T>(
    types: &mut LinkerInstance<'_, Guest<H>>,
    name: &str,
    length: fn(&T) -> usize,
    limit: usize,
    set: fn(&mut WasiHttpCtxView<'_>, Resource<HostOutgoingRequest>, T) -> wasmtime::Result<Set>,
) -> wasmtime::Result<()>
where
    (Resource<HostOutgoingRequest>, T): ComponentNamedList + Lift + 'static,
    T: 'static,
{
    types.func_wrap(
        &format!("[method]outgoing-request.{name}"),
        move |mut store: StoreContextMut<'_, Guest<H>>, (request, value): (Resource<HostOutgoingRequest>, T)| {
            if length(&value) > limit {
                return Ok((Err(()),));
            }
            Ok((set(&mut store.data_mut().http(), request, value)?,))
        },
    )
}

fn of_method(method: &Method) -> usize {
    if let Method::Other(name) = method { name.len() } else { 0 }
}

fn of_scheme(scheme: &Option<Scheme>) -> usize {
    if let Some(Scheme::Other(name)) = scheme { name.len() } else { 0 }
}

fn of_text(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}
