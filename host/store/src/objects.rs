//! Objects and their buckets.

mod apply;
mod rules;

use std::{ops::Bound, sync::Arc, time::SystemTime};

use redb::{ReadTransaction, ReadableTable};
use spear_types::{BucketName, ObjectChange, ObjectInfo, ObjectKey, ObjectPage};

use self::apply::apply;
pub use self::apply::{Operation, Put};

use crate::{
    BlobReader, Error, Store,
    blobs::{Dir, blocking},
    tables::{BUCKETS, OBJECTS, decode},
};

impl Store {
    /// Does up to [`ObjectChange::MAX`] operations, of which each sees what those before it did; all of them or none.
    /// The answer has for each what its object is then, or nothing when it is gone.
    ///
    /// A bucket comes to be with its first put, and stays. An object's version is one more than that of the one it
    /// replaces, whose references and pin it keeps. A deleted key starts again at 1.
    ///
    /// # Errors
    /// [`Error::UnknownBucket`], [`Error::UnknownObject`], [`Error::ConditionFailed`], [`Error::ObjectInUse`],
    /// [`Error::TooManyOperations`]; [`Error::Full`] or a failing disk. Nothing has changed then.
    pub async fn change_objects(
        &self,
        operations: Vec<Operation>,
        now: SystemTime,
    ) -> Result<Vec<Option<ObjectInfo>>, Error> {
        let (count, limit) = (operations.len(), ObjectChange::MAX);
        if count > limit {
            return Err(Error::TooManyOperations { count, limit });
        }
        self.change(move |change| apply(change, operations, now)).await
    }

    /// What is known of an object.
    ///
    /// # Errors
    /// [`Error::UnknownBucket`], [`Error::UnknownObject`].
    pub async fn object(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error> {
        let (bucket, key) = (bucket.clone(), key.clone());
        self.read(move |tables| find(tables, &bucket, &key)).await
    }

    /// An object with its bytes, which stay whole even if it is overwritten or deleted meanwhile.
    ///
    /// # Errors
    /// [`Error::UnknownBucket`], [`Error::UnknownObject`]; [`Error::Corrupted`] when its bytes are lost.
    pub async fn open_object(&self, bucket: &BucketName, key: &ObjectKey) -> Result<(ObjectInfo, BlobReader), Error> {
        match self.try_open(bucket, key).await {
            // It was replaced between the look and the opening, or its bytes are lost: our turn tells which.
            Err(Error::UnknownBlob { .. }) => {
                let _turn = self.turn().await;
                self.try_open(bucket, key).await.map_err(lost)
            }
            opened => opened,
        }
    }

    /// The objects of a bucket whose keys begin with `prefix`, in the order of their keys' bytes, from the first one
    /// behind `after` on; 1 to [`ObjectPage::MAX`] of them, as `limit` has it.
    ///
    /// # Errors
    /// [`Error::UnknownBucket`].
    pub async fn list_objects(
        &self,
        bucket: &BucketName,
        prefix: &str,
        after: Option<&ObjectKey>,
        limit: u32,
    ) -> Result<ObjectPage, Error> {
        let (bucket, prefix, after) = (bucket.clone(), prefix.to_owned(), after.cloned());
        let limit = limit.clamp(1, ObjectPage::MAX) as usize;
        self.read(move |tables| list(tables, &bucket, &prefix, after.as_ref(), limit)).await
    }

    async fn try_open(&self, bucket: &BucketName, key: &ObjectKey) -> Result<(ObjectInfo, BlobReader), Error> {
        let (bucket, key) = (bucket.clone(), key.clone());
        let disk = Arc::clone(&self.disk);
        blocking(move || disk.tables.read(|tables| open(tables, &disk.blobs, &bucket, &key))).await
    }
}

fn find(tables: &ReadTransaction, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error> {
    check_bucket(&tables.open_table(BUCKETS)?, bucket)?;
    let record = tables.open_table(OBJECTS)?.get((bucket.as_str(), key.as_str()))?;
    decode(record.ok_or_else(|| unknown(bucket, key))?.value())
}

fn open(
    tables: &ReadTransaction,
    blobs: &Dir,
    bucket: &BucketName,
    key: &ObjectKey,
) -> Result<(ObjectInfo, BlobReader), Error> {
    let info = find(tables, bucket, key)?;
    let reader = blobs.open_read(&info.etag)?;
    if reader.left() != info.size {
        return Err(Error::Corrupted(format!("{} has {} bytes instead of {}", info.etag, reader.left(), info.size)));
    }
    Ok((info, reader))
}

fn list(
    tables: &ReadTransaction,
    bucket: &BucketName,
    prefix: &str,
    after: Option<&ObjectKey>,
    limit: usize,
) -> Result<ObjectPage, Error> {
    check_bucket(&tables.open_table(BUCKETS)?, bucket)?;
    let start = match after {
        Some(after) if after.as_str() >= prefix => Bound::Excluded((bucket.as_str(), after.as_str())),
        _ => Bound::Included((bucket.as_str(), prefix)),
    };
    let mut page = ObjectPage::default();
    for entry in tables.open_table(OBJECTS)?.range((start, Bound::Unbounded))? {
        let (at, record) = entry?;
        if at.value().0 != bucket.as_str() || !at.value().1.starts_with(prefix) {
            break;
        }
        if page.objects.len() == limit {
            page.next = page.objects.last().map(|last: &ObjectInfo| last.key.clone());
            break;
        }
        page.objects.push(decode(record.value())?);
    }
    Ok(page)
}

fn check_bucket(buckets: &impl ReadableTable<&'static str, ()>, bucket: &BucketName) -> Result<(), Error> {
    match buckets.get(bucket.as_str())? {
        Some(_) => Ok(()),
        None => Err(Error::UnknownBucket { bucket: bucket.clone() }),
    }
}

fn unknown(bucket: &BucketName, key: &ObjectKey) -> Error {
    Error::UnknownObject { bucket: bucket.clone(), key: key.clone() }
}

fn lost(error: Error) -> Error {
    match error {
        Error::UnknownBlob { digest } => Error::Corrupted(format!("the bytes of {digest} are lost")),
        other => other,
    }
}
