//! Other functions.
//!
//! A function invokes only the functions that its manifest grants (`[grants] tasks`). The invoked one runs under its own
//! limits and grants, not under its caller's, and is ended when its caller is. How many a run may invoke is its limit
//! `calls`; how deep functions may invoke each other is the operator's.
//!
//! ```
//! use spear_guest::{Json, Reply, tasks};
//!
//! # use spear_guest::test::Host;
//! # fn main() -> Result<(), tasks::Error> {
//! # let _host = Host::from_manifest()
//! #     .function("hello", |call| Ok(Reply::new("text/plain", call.body)))
//! #     .function("sizes", |_| Ok(Reply::new("application/json", "[1, 2]")));
//! let text: String = tasks::invoke("hello", "Ada")?;
//! let Json(sizes): Json<Vec<u32>> = tasks::invoke("sizes", Json(["a.jpg", "b.jpg"]))?;
//! let whole: Reply = tasks::invoke("hello", b"bytes".to_vec())?;
//! # Ok(())
//! # }
//! ```

mod error;

pub use self::error::Error;
use crate::{Call, FromReply, IntoCall, Reply, host::tasks as wire};

/// Runs a function now, in its newest version, and waits for its answer.
///
/// It is sent what becomes a call ([`IntoCall`]: nothing, text, bytes, [`Json`](crate::Json) or a whole [`Call`]), and what
/// it answers is taken as what is asked for ([`FromReply`]: nothing, text, bytes, [`Json`](crate::Json) or a whole
/// [`Reply`]).
///
/// # Errors
///
/// [`Error::Denied`] where the manifest does not grant it, [`Error::OverLimit`] where the run has used up its limit `calls`,
/// [`Error::Failed`] with the function's own failure, [`Error::BadReply`] where its answer is none of what is asked for,
/// and see [`Error`].
pub fn invoke<O: FromReply>(function: &str, call: impl IntoCall) -> Result<O, Error> {
    let call = call.into_call().map_err(|failure| Error::Invalid(failure.message))?;
    let reply = wire::invoke(function, &call.into())?;
    O::from_reply(reply.into()).map_err(|why| Error::BadReply(format!("the reply of the function {function:?}: {why}")))
}

impl From<Call> for wire::Call {
    fn from(Call { content_type, headers, body }: Call) -> Self {
        Self { content_type, headers, body }
    }
}

impl From<wire::Reply> for Reply {
    fn from(wire::Reply { content_type, headers, body }: wire::Reply) -> Self {
        Self { content_type, headers, body }
    }
}
