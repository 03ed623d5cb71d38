//! Changes of objects: first all is decided, then all is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use redb::{ReadableTable, Table};
use spear_types::{BucketName, Condition, Digest, ObjectChange, ObjectInfo, ObjectKey};

use super::{rules, unknown};
use crate::{
    Error, NewBlob,
    store::Change,
    tables::{BUCKETS, OBJECTS, Record, decode, encode},
};

/// One operation on an object.
#[derive(Debug)]
pub enum Operation {
    /// Puts one in place of the one under its key.
    Put(Put),
    /// Changes one without bytes.
    Change {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
        /// What is done.
        change: ObjectChange,
    },
}

/// An object to be put.
#[derive(Debug)]
pub struct Put {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The media type.
    pub content_type: Option<String>,
    /// What has to be true of the key first.
    pub condition: Condition,
    /// The bytes.
    pub blob: NewBlob,
}

/// What will be when all is written.
struct Plan<'a> {
    objects: Table<'a, (&'static str, &'static str), Record>,
    buckets: Table<'a, &'static str, ()>,
    opened: BTreeSet<BucketName>,
    decided: BTreeMap<(BucketName, ObjectKey), Option<ObjectInfo>>,
    blobs: Vec<Blob>,
}

/// What happens to bytes.
enum Blob {
    Refer(NewBlob),
    Release(Digest),
}

pub(super) fn apply(
    change: &mut Change<'_>,
    operations: Vec<Operation>,
    now: SystemTime,
) -> Result<Vec<Option<ObjectInfo>>, Error> {
    let mut plan = Plan::over(change)?;
    let infos = operations.into_iter().map(|operation| plan.add(operation, now)).collect::<Result<_, _>>()?;
    for blob in plan.write()? {
        match blob {
            Blob::Refer(blob) => change.refer(blob)?,
            Blob::Release(digest) => change.release(digest)?,
        }
    }
    Ok(infos)
}

impl<'a> Plan<'a> {
    fn over(change: &Change<'a>) -> Result<Self, Error> {
        Ok(Self {
            objects: change.tables.open_table(OBJECTS)?,
            buckets: change.tables.open_table(BUCKETS)?,
            opened: BTreeSet::new(),
            decided: BTreeMap::new(),
            blobs: Vec::new(),
        })
    }

    fn add(&mut self, operation: Operation, now: SystemTime) -> Result<Option<ObjectInfo>, Error> {
        match operation {
            Operation::Put(put) => self.put(put, now).map(Some),
            Operation::Change { bucket, key, change } => self.change(bucket, key, change),
        }
    }

    fn put(&mut self, put: Put, now: SystemTime) -> Result<ObjectInfo, Error> {
        let Put { bucket, key, content_type, condition, blob } = put;
        let found = self.find(&bucket, &key)?;
        rules::check(&bucket, &key, condition, found.as_ref())?;
        let new = ObjectInfo {
            bucket: bucket.clone(),
            key: key.clone(),
            size: blob.size(),
            etag: blob.digest(),
            version: found.as_ref().map_or(1, |found| found.version.saturating_add(1)),
            content_type,
            modified: now,
            references: found.as_ref().map_or(0, |found| found.references),
            pinned: found.as_ref().is_some_and(|found| found.pinned),
        };
        self.blobs.push(Blob::Refer(blob));
        self.blobs.extend(found.map(|found| Blob::Release(found.etag)));
        self.opened.insert(bucket.clone());
        self.decided.insert((bucket, key), Some(new.clone()));
        Ok(new)
    }

    fn change(
        &mut self,
        bucket: BucketName,
        key: ObjectKey,
        change: ObjectChange,
    ) -> Result<Option<ObjectInfo>, Error> {
        let found = self.find(&bucket, &key)?;
        if found.is_none() && !self.opened.contains(&bucket) {
            super::check_bucket(&self.buckets, &bucket)?;
        }
        if let ObjectChange::Delete { condition, .. } = change {
            rules::check(&bucket, &key, condition, found.as_ref())?;
        }
        let found = found.ok_or_else(|| unknown(&bucket, &key))?;
        let etag = found.etag;
        let changed = rules::change(found, change)?;
        if changed.is_none() {
            self.blobs.push(Blob::Release(etag));
        }
        self.decided.insert((bucket, key), changed.clone());
        Ok(changed)
    }

    /// The object under a key, as the operations before this one leave it.
    fn find(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Option<ObjectInfo>, Error> {
        // The map is asked with owned names: they are short beside what an operation writes.
        if let Some(decided) = self.decided.get(&(bucket.clone(), key.clone())) {
            return Ok(decided.clone());
        }
        self.objects.get((bucket.as_str(), key.as_str()))?.map(|record| decode(record.value())).transpose()
    }

    /// Writes the rows, and closes the tables; what happens to bytes is left to do.
    fn write(mut self) -> Result<Vec<Blob>, Error> {
        for bucket in &self.opened {
            self.buckets.insert(bucket.as_str(), ())?;
        }
        for ((bucket, key), object) in &self.decided {
            let at = (bucket.as_str(), key.as_str());
            match object {
                Some(object) => self.objects.insert(at, encode(object)?.as_slice())?,
                None => self.objects.remove(at)?,
            };
        }
        Ok(self.blobs)
    }
}
