//! Tests on the author's own machine.
//!
//! `cargo test` runs the function natively. What it asks of SPEAR is answered by a [`Host`] in memory, under the grants, the
//! limits and the configuration of the `spear.toml` beside its `Cargo.toml`: what is not granted there is denied here, with
//! the same words. Each test runs in a thread of its own and so has a host of its own. Files are those of `std::fs`.
//!
//! ```
//! use spear_guest::{Failure, objects, test::Host};
//!
//! fn size(key: String) -> Result<String, Failure> {
//!     Ok(objects::bucket("photos")?.get(&key)?.len().to_string())
//! }
//!
//! let host = Host::from_manifest().object("photos", "cat.jpg", b"meow");
//! assert_eq!(size("cat.jpg".to_owned()).unwrap(), "4");
//! assert_eq!(size("dog.jpg".to_owned()).unwrap_err().code, "not-found");
//! assert!(host.denials().is_empty());
//! ```
//!
//! Not in memory: the limits of memory, time and fuel, and how deep functions may invoke each other. A name stands for a public
//! address.

mod host;

pub use self::host::{Host, Submitted};
pub use crate::fake::Line;
use crate::{Failure, FromCall, IntoCall, IntoReply, Reply};

/// Calls a function as SPEAR does: what it takes is made from a call, what it answers becomes a reply.
///
/// A function that takes nothing is called as `call(|()| tidy(), ())`. Where a function's own types are enough, call it
/// itself.
///
/// # Errors
///
/// The function's failure, and `bad-input` where the call is not what it takes.
pub fn call<I: FromCall, O: IntoReply>(function: impl FnOnce(I) -> O, input: impl IntoCall) -> Result<Reply, Failure> {
    function(I::from_call(input.into_call()?)?).into_reply()
}
