//! What an author of a SPEAR function uses.
//!
//! A function is one ordinary Rust function with one attribute:
//!
//! ```
//! #[spear_guest::function]
//! fn hello(name: String) -> String {
//!     format!("Hello, {name}!")
//! }
//! ```
//!
//! What it takes is a [`FromCall`], what it answers an [`IntoReply`], and what goes wrong a [`Failure`].
//! What it may ask of SPEAR is one module per capability: [`config`], [`http`], [`kv`], [`log`], [`objects`],
//! [`resources`], [`secrets`] and [`tasks`]. Files, clocks, randomness and printing are those of `std`.
//!
//! On the author's own machine `cargo test` runs the same function against SPEAR in memory, under the same grants: see
//! `spear_guest::test`.

mod call;
pub mod config;
mod error;
mod failure;
#[cfg(not(target_family = "wasm"))]
mod fake;
mod host;
pub mod http;
mod json;
pub mod kv;
pub mod log;
pub mod objects;
mod pages;
mod reply;
pub mod resources;
pub mod secrets;
pub mod tasks;
#[cfg(not(target_family = "wasm"))]
pub mod test;

#[allow(clippy::allow_attributes_without_reason, missing_docs, unreachable_pub, unsafe_code, reason = "generated code")]
mod bindings;
#[doc(hidden)]
pub mod export;

pub use call::{Call, FromCall, IntoCall};
pub use failure::Failure;
pub use json::Json;
pub use reply::{FromReply, IntoReply, Reply};
pub use spear_guest_macros::function;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
