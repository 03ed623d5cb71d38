use crate::{error::error, host::objects as wire};

error! {
    /// Why an operation did not happen. Nothing was changed. The text is a whole sentence for people.
    retryable: Self::Unavailable(_),
    /// `denied`: the grant does not cover this; the text names the grant to add.
    Denied(String) = "denied",
    /// `unknown-bucket`: nothing was ever put into a bucket of this name.
    UnknownBucket(String) = "unknown-bucket",
    /// `not-found`: the bucket has no object under this key.
    NotFound(String) = "not-found",
    /// `invalid`: the bucket's name or the key is malformed; the text says how.
    Invalid(String) = "invalid",
    /// `condition-failed`: the object is another one than the [`Condition`](super::Condition) wants, or there is none.
    ConditionFailed(String) = "condition-failed",
    /// `in-use`: the object is pinned or referenced, and the removal was not forced.
    InUse(String) = "in-use",
    /// `over-limit`: a limit was reached; the text names the limit and its value.
    OverLimit(String) = "over-limit",
    /// `unavailable`: the store cannot be reached or is full; trying again may help.
    Unavailable(String) = "unavailable",
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Denied(text) => Self::Denied(text),
            wire::Error::UnknownBucket(text) => Self::UnknownBucket(text),
            wire::Error::NotFound(text) => Self::NotFound(text),
            wire::Error::Invalid(text) => Self::Invalid(text),
            wire::Error::ConditionFailed(text) => Self::ConditionFailed(text),
            wire::Error::InUse(text) => Self::InUse(text),
            wire::Error::OverLimit(text) => Self::OverLimit(text),
            wire::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
