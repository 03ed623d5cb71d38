//! The store behind the interface.

use bytes::Bytes;
use futures::future::BoxFuture;
use spear_types::{BucketName, Condition, ObjectChange, ObjectInfo, ObjectKey, ObjectPage, Refusal};

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
        condition: Condition,
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

    /// Changes an object without bytes; answers what it is then, or nothing when it is gone.
    fn change<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        change: ObjectChange,
    ) -> Answer<'a, Option<ObjectInfo>>;

    /// Does up to [`ObjectChange::MAX`] operations, all or none; answers what came of each.
    fn batch<'a>(&'a self, bucket: &'a BucketName, operations: Vec<Operation>) -> Answer<'a, Vec<Option<ObjectInfo>>>;
}

/// One operation of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Puts an object whole.
    Put {
        /// The key.
        key: ObjectKey,
        /// The object.
        bytes: Bytes,
        /// The media type.
        content_type: Option<String>,
        /// What has to be true first.
        condition: Condition,
    },
    /// Changes an object without bytes.
    Change {
        /// The key.
        key: ObjectKey,
        /// What is done.
        change: ObjectChange,
    },
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
