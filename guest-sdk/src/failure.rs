use std::error::Error;
use std::iter;

use crate::bindings::exports::spear::hostcalls::handler as wire;
use crate::objects;

/// The function's own failure: an outcome for the client, not a fault of SPEAR.
///
/// `?` makes one of any [`std::error::Error`]: its message is the error's and those of its sources, joined by `: `, and
/// its code is `error`. Where an [`objects::Error`] is among them, the code is that error's kind (`denied`,
/// `not-found`…) and the failure is retryable where trying again may help.
///
/// It is no [`std::error::Error`] itself, or that conversion could not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A short name for programs, such as `bad-input`. The host cuts what is longer than 64 bytes.
    pub code: String,
    /// A sentence for people. The host cuts what is longer than 16 KiB.
    pub message: String,
    /// Whether the same call may succeed when it is made again.
    pub retryable: bool,
}

impl Failure {
    /// A failure that making the same call again would not mend.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retryable: false }
    }

    /// The same failure, but making the same call again may succeed.
    #[must_use]
    pub fn retryable(self) -> Self {
        Self { retryable: true, ..self }
    }

    /// What the client sent is not what the function takes.
    pub(crate) fn bad_input(message: String) -> Self {
        Self::new("bad-input", message)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let object = chain(&error).find_map(|error| error.downcast_ref::<objects::Error>());
        let messages: Vec<String> = chain(&error).map(ToString::to_string).collect();
        Self {
            code: object.map_or("error", objects::Error::code).to_owned(),
            message: messages.join(": "),
            retryable: object.is_some_and(objects::Error::is_retryable),
        }
    }
}

impl From<Failure> for wire::Failure {
    fn from(Failure { code, message, retryable }: Failure) -> Self {
        Self { code, message, retryable }
    }
}

/// The error and its sources, outermost first.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Outer<E>(E);

    impl<E> fmt::Display for Outer<E> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot do it")
        }
    }

    impl<E: Error + 'static> Error for Outer<E> {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn any_error_becomes_a_failure_with_its_sources() {
        let failure = Failure::from(Outer("x".parse::<u8>().unwrap_err()));
        assert_eq!(failure, Failure::new("error", "cannot do it: invalid digit found in string"));
    }

    #[test]
    fn an_object_error_keeps_its_kind_also_within_another_error() {
        let denied = || objects::Error::Denied("ask for it".to_owned());
        assert_eq!(Failure::from(denied()), Failure::new("denied", "ask for it"));
        assert_eq!(Failure::from(Outer(denied())), Failure::new("denied", "cannot do it: ask for it"));
    }

    #[test]
    fn only_what_may_pass_is_retryable() {
        assert!(Failure::from(objects::Error::Unavailable("full".to_owned())).retryable);
        assert!(!Failure::from(objects::Error::NotFound("k".to_owned())).retryable);
        assert!(Failure::new("busy", "come back").retryable().retryable);
    }
}
