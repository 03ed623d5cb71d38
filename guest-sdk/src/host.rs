//! What the wrappers call. The types are those of `wit/` either way.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::{
    spear::hostcalls::{kv, logs, objects, resources, secrets, tasks},
    wasi::config::store as config,
};
#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::bindings::{
    spear::hostcalls::{kv, logs, objects, resources, secrets, tasks},
    wasi::config::store as config,
};
