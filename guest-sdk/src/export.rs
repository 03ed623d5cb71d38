//! What the expansion of `#[function]` names. Not for authors.

use std::io::{self, Write as _};

pub use crate::bindings::exports::spear::hostcalls::handler::{Call, Failure, Guest, Reply};
pub use crate::bindings::{export, exports};
use crate::{FromCall, IntoReply};

/// Answers one call with the author's function.
///
/// # Errors
///
/// Where the call does not fit, the function fails or its answer cannot be written.
pub fn run<I: FromCall, O: IntoReply>(call: Call, function: impl FnOnce(I) -> O) -> Result<Reply, Failure> {
    let answer = I::from_call(call.into()).and_then(|input| function(input).into_reply());
    flush_stdout();
    answer.map(Into::into).map_err(Into::into)
}

/// A component's function has no `main` after which std would write out an unfinished last line.
fn flush_stdout() {
    // There is nobody to tell: what the host does not take is lost, as it is for a `main`.
    let _ = io::stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(body: &[u8]) -> Call {
        Call { content_type: None, headers: Vec::new(), body: body.to_vec() }
    }

    #[test]
    fn the_function_answers_the_call() {
        let reply = run(call(b"Ada"), |name: String| format!("Hello, {name}!")).unwrap();
        assert_eq!(reply.body, b"Hello, Ada!");
    }

    #[test]
    fn a_call_that_does_not_fit_never_reaches_the_function() {
        let failure = run(call(b"\xff"), |_: String| -> () { unreachable!() }).map(drop).unwrap_err();
        assert_eq!(failure.code, "bad-input");
    }
}
