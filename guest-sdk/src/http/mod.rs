//! HTTP requests to other hosts.
//!
//! A function reaches only the hosts that its manifest grants (`[grants] http`, as `https://api.example.com`,
//! `https://*.example.com:8443` or `http://*`), and of what their names stand for only addresses of the public Internet;
//! others need `[grants] networks`. A run sends at most as many requests as its limit `requests`.
//!
//! Redirects are not followed: [`Response::redirect`] says where to, and the next request has to be granted as any other.
//!
//! ```
//! use spear_guest::http::{self, Request};
//!
//! # use spear_guest::test::Host;
//! # fn main() -> Result<(), http::Error> {
//! # let _host = Host::from_manifest().http("https://api.example.com", |_| http::Response::new(200, "[2.5]"));
//! let response = Request::get("https://api.example.com/prices?day=today").header("accept", "application/json").send()?;
//! let prices: Vec<f64> = response.success()?.json()?;
//! # Ok(())
//! # }
//! ```

mod error;
mod request;
mod response;
mod target;
#[cfg(target_family = "wasm")]
mod wasi;

pub(crate) use self::target::Target;
#[cfg(target_family = "wasm")]
use self::wasi as host;
pub use self::{error::Error, request::Request, response::Response};
#[cfg(not(target_family = "wasm"))]
use crate::fake::http as host;
