//! The form that the errors of all capabilities share.

/// A capability's error: a kind, its code, and the text or value that comes with it.
macro_rules! error {
    (
        $(#[$doc:meta])*
        retryable: $retryable:pat,
        $($(#[$kind_doc:meta])* $kind:ident($with:ty) = $code:literal,)+
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Error {
            $($(#[$kind_doc])* $kind($with),)+
        }

        impl Error {
            /// The kind of error as a short name for programs; the code of the [`Failure`](crate::Failure) that `?`
            /// makes of it.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $code,)+
                }
            }

            /// Whether the same operation may succeed when it is tried again.
            pub fn is_retryable(&self) -> bool {
                matches!(self, $retryable)
            }
        }

        impl ::std::fmt::Display for Error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $(Self::$kind(with) => ::std::fmt::Display::fmt(with, f),)+
                }
            }
        }

        impl ::std::error::Error for Error {}

        impl $crate::failure::Kind for Error {
            fn kind(&self) -> (&'static str, bool) {
                (self.code(), self.is_retryable())
            }
        }
    };
}

pub(crate) use error;
