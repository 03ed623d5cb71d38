//! SPEAR in memory, for tests on the author's machine: the functions that the wrappers call, over the same grants.
//!
//! ```text
//! wrapper ─▶ fake::{kv, objects, …}      as the host: grant, limits, names
//!                 │ World                what there is, what was denied, what was logged
//!                 └─▶ values, bucket     as the store: all or nothing
//! ```
//!
//! The types are those of `wit/`, so that a wrapper does not know which world it is in.

pub(crate) mod bucket;
pub(crate) mod config;
pub(crate) mod http;
pub(crate) mod kv;
mod log;
pub(crate) mod logs;
pub(crate) mod objects;
pub(crate) mod resources;
pub(crate) mod secrets;
pub(crate) mod tasks;
pub(crate) mod values;
mod world;

pub use self::log::Line;
pub(crate) use self::world::{Shared, World, current, install, parse};
