//! Hostcalls of what is no component: a process or a container calls `spear.v1` over a Unix socket in its sandbox.
//!
//! ```text
//!              socket             token            turn, room
//! program ──▶ Server ─▶ whose? ─▶ Session ─▶ how many at once? ─▶ <capability>/remote.rs ─▶ checked.rs
//!             one for a            one for an                      message ↔ nouns           grant, limits, backend:
//!             sandbox              attempt                                                   as for a component
//! ```
//!
//! A socket is for one sandbox: it lies in a folder that only this sandbox is shown. A token is for one attempt: a sandbox
//! that serves one call after another keeps its socket, and is told a token with each call. What is called with another
//! token, or after the end of the attempt, is refused before anything of it is read.
//!
//! What is inside the sandbox is not trusted: connections, calls at once, messages and headers are bounded here.

mod budget;
mod calls;
mod connection;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod token;

use std::{path::Path, sync::Arc};

use tonic::{Response, Status};

pub use self::{
    server::{SOCKET, Server},
    session::{Session, SessionContext},
};
use crate::{Host, own::Own};

/// The environment variable that tells a program where its socket is: [`address`].
pub const SOCKET_VARIABLE: &str = "SPEAR_HOSTCALLS";

/// The environment variable that tells a program its token.
pub const TOKEN_VARIABLE: &str = "SPEAR_TOKEN";

/// One program's run, as every service sees it.
pub(crate) struct Program {
    pub(crate) own: Own,
    pub(crate) host: Arc<dyn Host + Sync>,
}

/// What a service answers. A hostcall's error is in the message.
pub(crate) type Answer<T> = Result<Response<T>, Status>;

/// What [`SOCKET_VARIABLE`] has of a socket that the program finds at `path`.
#[must_use]
pub fn address(path: &Path) -> String {
    format!("unix:{}", path.display())
}
