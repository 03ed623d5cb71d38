use std::fmt;

use crate::bindings::spear::hostcalls::objects as wire;

/// Why an operation did not happen. Nothing was changed. The text is a whole sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The grant does not cover this; the text names the grant to add.
    Denied(String),
    /// Nothing was ever put into a bucket of this name.
    UnknownBucket(String),
    /// The bucket has no object under this key.
    NotFound(String),
    /// The bucket's name or the key is malformed; the text says how.
    Invalid(String),
    /// A limit was reached; the text names the limit and its value.
    OverLimit(String),
    /// The store cannot be reached or is full; trying again may help.
    Unavailable(String),
}

impl Error {
    /// The kind of error as a short name for programs; the code of the [`Failure`](crate::Failure) that `?` makes of it.
    pub fn code(&self) -> &'static str {
        self.parts().0
    }

    /// Whether the same operation may succeed when it is tried again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The code and the text.
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Denied(text) => ("denied", text),
            Self::UnknownBucket(text) => ("unknown-bucket", text),
            Self::NotFound(text) => ("not-found", text),
            Self::Invalid(text) => ("invalid", text),
            Self::OverLimit(text) => ("over-limit", text),
            Self::Unavailable(text) => ("unavailable", text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parts().1)
    }
}

impl std::error::Error for Error {}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Denied(text) => Self::Denied(text),
            wire::Error::UnknownBucket(text) => Self::UnknownBucket(text),
            wire::Error::NotFound(text) => Self::NotFound(text),
            wire::Error::ConditionFailed(text) | wire::Error::InUse(text) | wire::Error::Invalid(text) => {
                Self::Invalid(text)
            }
            wire::Error::OverLimit(text) => Self::OverLimit(text),
            wire::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
