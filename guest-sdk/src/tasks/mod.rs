//! Other functions.
//!
//! A function invokes and submits only the functions that its manifest grants (`[grants] tasks`). They run under their own
//! limits and grants, not under their caller's. An invoked one is waited for, and ended when its caller is; a submitted one
//! is a task, which SPEAR remembers and runs to its end, whatever becomes of who submitted it. How many a run may invoke and
//! submit is its limit `calls`; how deep functions may invoke each other is the operator's.
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
//!
//! let task = tasks::submit("hello", "Grace")?;
//! if let Some(text) = tasks::status(&task)?.into_reply::<String>()? {
//!     assert_eq!(text, "Grace");
//! }
//! # Ok(())
//! # }
//! ```

mod error;
mod options;
mod status;

pub use self::{
    error::Error,
    options::Options,
    status::{Status, TaskId},
};
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

/// Submits a function as a task, in its newest version; the answer is the task's id, once SPEAR remembers it. [`Options`]
/// say more: when, how often, and with which key a repeated submission is the same one.
///
/// # Errors
///
/// [`Error::Denied`] where the manifest does not grant it, [`Error::OverLimit`] where the run has used up its limit `calls`,
/// [`Error::KeyTaken`] where the key belongs to a task with another call, and see [`Error`].
pub fn submit(function: &str, call: impl IntoCall) -> Result<TaskId, Error> {
    Options::new().submit(function, call)
}

/// Where a task of a granted function is, whoever submitted it.
///
/// # Errors
///
/// [`Error::UnknownTask`] where there is no such task any more, or it is of a function that is not granted.
pub fn status(task: &TaskId) -> Result<Status, Error> {
    Ok(wire::status(task.as_str())?.into())
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
