use crate::{Failure, error::error, host::tasks as wire};

error! {
    /// Why there is no reply. The text is a whole sentence for people.
    retryable: Self::Unavailable(_) | Self::Failed(Failure { retryable: true, .. }),
    /// `denied`: the grant does not cover this; the text names the grant to add.
    Denied(String) = "denied",
    /// `invalid`: a name, a key or a number is malformed, or the call cannot be written; the text says how.
    Invalid(String) = "invalid",
    /// `unknown-function`: there is no function of this name.
    UnknownFunction(String) = "unknown-function",
    /// `unknown-task`: there is no task of this id, or none of a granted function.
    UnknownTask(String) = "unknown-task",
    /// `key-taken`: the key belongs to a task with another call.
    KeyTaken(String) = "key-taken",
    /// `cycle`: the function waits for this one already; the text shows the way round.
    Cycle(String) = "cycle",
    /// `too-deep`: functions invoke each other deeper than the operator allows; the text names the limit.
    TooDeep(String) = "too-deep",
    /// `over-limit`: a limit was reached; the text names the limit and its value.
    OverLimit(String) = "over-limit",
    /// `failed`: the function answered that it failed; retryable where its failure is.
    Failed(Failure) = "failed",
    /// `ended`: the function trapped, ran out of time, fuel or memory, or was denied something. The text starts with the
    /// name of the outcome.
    Ended(String) = "ended",
    /// `bad-reply`: the function answered something else than was expected; the text says how.
    BadReply(String) = "bad-reply",
    /// `unavailable`: no node could take it or the node was lost; trying again may help.
    Unavailable(String) = "unavailable",
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Denied(text) => Self::Denied(text),
            wire::Error::Invalid(text) => Self::Invalid(text),
            wire::Error::UnknownFunction(text) => Self::UnknownFunction(text),
            wire::Error::UnknownTask(text) => Self::UnknownTask(text),
            wire::Error::KeyTaken(text) => Self::KeyTaken(text),
            wire::Error::Cycle(text) => Self::Cycle(text),
            wire::Error::TooDeep(text) => Self::TooDeep(text),
            wire::Error::OverLimit(text) => Self::OverLimit(text),
            wire::Error::Failed(wire::Failure { code, message, retryable }) => {
                Self::Failed(Failure { code, message, retryable })
            }
            wire::Error::Ended(text) => Self::Ended(text),
            wire::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
