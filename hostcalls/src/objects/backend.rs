//! The store behind the interface.

use bytes::Bytes;
use futures::future::BoxFuture;
use spear_types::{BucketName, ObjectInfo, ObjectKey, ObjectPage, Refusal};

/// Where objects really are. Grants are checked before a backend is asked.
pub trait Backend: Send + Sync + 'static {
    /// The bytes of an object in a range. Refuses when there are more than `max`.
    fn get<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey, range: Range, max: u64) -> Answer<'a, Bytes>;

    /// Puts an object whole.
    fn put<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        bytes: Bytes,
        content_type: Option<String>,
    ) -> Answer<'a, ObjectInfo>;

    /// What is known of an object.
    fn stat<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey) -> Answer<'a, ObjectInfo>;

    /// A page of the bucket; `limit` is [`ObjectPage::MAX`] at the most.
    fn list<'a>(
        &'a self,
        bucket: &'a BucketName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Answer<'a, ObjectPage>;

    /// Removes an object.
    fn delete<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey) -> Answer<'a, ()>;
}

/// Which bytes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// All.
    Whole,
    /// At most `length` from `offset`.
    Part {
        /// Bytes to skip.
        offset: u64,
        /// Bytes at the most.
        length: u64,
    },
}

/// What a backend answers.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Refusal>>;
