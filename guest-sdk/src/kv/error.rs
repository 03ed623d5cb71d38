use std::fmt;

use crate::{error::error, host::kv as wire};

error! {
    /// Why an operation did not happen. Nothing was changed. The text is a whole sentence for people.
    retryable: Self::Unavailable(_),
    /// `denied`: the grant does not cover this; the text names the grant to add.
    Denied(String) = "denied",
    /// `invalid`: the store's name or the key is malformed; the text says how.
    Invalid(String) = "invalid",
    /// `conflict`: the key's value is another one than was expected.
    Conflict(Conflict) = "conflict",
    /// `not-a-number`: the value is not the decimal text of a 64-bit number, or would leave its range.
    NotANumber(String) = "not-a-number",
    /// `over-limit`: a limit was reached; the text names the limit and its value.
    OverLimit(String) = "over-limit",
    /// `unavailable`: the store cannot be reached or is full; trying again may help.
    Unavailable(String) = "unavailable",
}

/// The value that a key has in place of the one that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The key; `None` where one of a batch was not as expected.
    pub key: Option<String>,
    /// The version that it has; `None` where it has no value.
    pub version: Option<u64>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "the key {key:?} ")?,
            None => f.write_str("a key of the batch ")?,
        }
        match self.version {
            Some(version) => write!(f, "has the version {version}, another was expected"),
            None => f.write_str("has no value, one was expected"),
        }
    }
}

impl Error {
    /// The same error, naming the key.
    pub(super) fn of(key: &str) -> impl Fn(wire::Error) -> Self {
        move |error| match Self::from(error) {
            Self::Conflict(conflict) => Self::Conflict(Conflict { key: Some(key.to_owned()), ..conflict }),
            other => other,
        }
    }
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Denied(text) => Self::Denied(text),
            wire::Error::Invalid(text) => Self::Invalid(text),
            wire::Error::Conflict(version) => Self::Conflict(Conflict { key: None, version }),
            wire::Error::NotANumber(text) => Self::NotANumber(text),
            wire::Error::OverLimit(text) => Self::OverLimit(text),
            wire::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
