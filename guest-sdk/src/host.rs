//! What the wrappers call: SPEAR in a component, a fake of it on the author's machine. The types are those of `wit/`.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::{
    spear::hostcalls::{kv, logs, objects, resources, secrets, tasks},
    wasi::config::store as config,
};
#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::fake::{config, kv, logs, objects, resources, secrets, tasks};
