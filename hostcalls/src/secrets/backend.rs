//! The operator's secrets behind the interface.

use bytes::Bytes;
use futures::future::BoxFuture;
use spear_types::{Refusal, SecretName};

/// The largest secret in bytes.
pub const MAX_SECRET: u64 = 64 << 10;

/// Where secrets are. Grants are checked before a backend is asked.
pub trait Backend: Send + Sync + 'static {
    /// The value as it is now. Refuses with `UnknownSecret`, which says where it was looked for, and `TooLarge`.
    fn get<'a>(&'a self, secret: &'a SecretName) -> BoxFuture<'a, Result<Bytes, Refusal>>;
}
