use std::error::Error;
use std::fmt;
use std::iter;

use crate::bindings::exports::spear::hostcalls::handler as wire;
use crate::{config, http, kv, objects, secrets, tasks};

/// The function's own failure: an outcome for the client, not a fault of SPEAR.
///
/// `?` makes one of any [`std::error::Error`]: its message is the error's and those of its sources, joined by `: `, and
/// its code is `error`. Where the error of a capability is among them, the code is that error's kind (`denied`,
/// `not-found`, `conflict`…) and the failure is retryable where trying again may help.
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
        let (code, retryable) = chain(&error).find_map(kind).unwrap_or(("error", false));
        let messages: Vec<String> = chain(&error).map(ToString::to_string).collect();
        Self { code: code.to_owned(), message: messages.join(": "), retryable }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// A capability's error.
pub(crate) trait Kind: Error + 'static {
    /// Its code, and whether trying again may help.
    fn kind(&self) -> (&'static str, bool);
}

/// The kind of an error that is a capability's. A new capability is a new line here.
fn kind(error: &(dyn Error + 'static)) -> Option<(&'static str, bool)> {
    fn of<E: Kind>(error: &(dyn Error + 'static)) -> Option<(&'static str, bool)> {
        error.downcast_ref::<E>().map(Kind::kind)
    }
    [
        of::<config::Error>,
        of::<http::Error>,
        of::<kv::Error>,
        of::<objects::Error>,
        of::<secrets::Error>,
        of::<tasks::Error>,
    ]
    .iter()
    .find_map(|of| of(error))
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
    fn the_error_of_a_capability_keeps_its_kind_also_within_another_error() {
        fn check<E: Error + 'static>(error: impl Fn() -> E, code: &str) {
            let text = error().to_string();
            assert_eq!(Failure::from(error()), Failure::new(code, text.as_str()));
            assert_eq!(Failure::from(Outer(error())), Failure::new(code, format!("cannot do it: {text}")));
        }
        let text = || "ask for it".to_owned();
        check(|| config::Error::Missing(text()), "missing");
        check(|| http::Error::InvalidUrl(text()), "invalid-url");
        check(|| kv::Error::Conflict(kv::Conflict { key: None, version: Some(7) }), "conflict");
        check(|| objects::Error::Denied(text()), "denied");
        check(|| secrets::Error::UnknownSecret(text()), "unknown-secret");
        check(|| tasks::Error::Failed(Failure::new("odd", "no half")), "failed");
    }

    #[test]
    fn only_what_may_pass_is_retryable() {
        assert!(Failure::from(objects::Error::Unavailable("full".to_owned())).retryable);
        assert!(!Failure::from(objects::Error::NotFound("k".to_owned())).retryable);
        assert!(Failure::from(tasks::Error::Failed(Failure::new("busy", "later").retryable())).retryable);
        assert!(Failure::new("busy", "come back").retryable().retryable);
    }
}
