//! Objects as the SMS keeps them.

use std::{collections::BTreeMap, rc::Rc, time::SystemTime};

use spear_types::{BucketName, Condition, Digest, ObjectChange, ObjectInfo, ObjectKey, ObjectPage};

use crate::bindings::spear::hostcalls::objects::Error;

/// Every bucket that something was ever put into.
#[derive(Default)]
pub(crate) struct Buckets(BTreeMap<BucketName, Objects>);

type Objects = BTreeMap<ObjectKey, Object>;

/// An object with its bytes.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) info: ObjectInfo,
    pub(crate) bytes: Rc<[u8]>,
}

/// One operation.
pub(crate) enum Operation {
    Put { key: ObjectKey, bytes: Rc<[u8]>, content_type: Option<String>, condition: Condition },
    Change { key: ObjectKey, change: ObjectChange },
}

impl Buckets {
    pub(crate) fn get(&self, bucket: &BucketName, key: &ObjectKey) -> Result<&Object, Error> {
        let objects = self.0.get(bucket).ok_or_else(|| no_bucket(bucket))?;
        objects.get(key).ok_or_else(|| no_object(bucket, key))
    }

    /// Does all of it or nothing; what came of each.
    pub(crate) fn apply(
        &mut self,
        bucket: &BucketName,
        operations: impl IntoIterator<Item = Operation>,
    ) -> Result<Vec<Option<ObjectInfo>>, Error> {
        let mut objects = self.0.get(bucket).cloned();
        let infos = operations.into_iter().map(|operation| apply(&mut objects, bucket, operation));
        let infos = infos.collect::<Result<_, _>>()?;
        self.0.extend(objects.map(|objects| (bucket.clone(), objects)));
        Ok(infos)
    }

    pub(crate) fn list(
        &self,
        bucket: &BucketName,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ObjectPage, Error> {
        let objects = self.0.get(bucket).ok_or_else(|| no_bucket(bucket))?;
        let limit = limit.clamp(1, ObjectPage::MAX) as usize;
        let listed = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
        let mut found = objects.values().filter(|object| listed(object.info.key.as_str())).map(|found| &found.info);
        let page: Vec<ObjectInfo> = found.by_ref().take(limit).cloned().collect();
        let next = found.next().and_then(|_| page.last()).map(|last| last.key.clone());
        Ok(ObjectPage { objects: page, next })
    }
}

fn apply(
    objects: &mut Option<Objects>,
    bucket: &BucketName,
    operation: Operation,
) -> Result<Option<ObjectInfo>, Error> {
    match operation {
        Operation::Put { key, bytes, content_type, condition } => {
            let objects = put_into(objects, bucket, &key, condition)?;
            let before = objects.get(&key).map(|object| &object.info);
            let info = ObjectInfo {
                bucket: bucket.clone(),
                key: key.clone(),
                size: bytes.len() as u64,
                etag: Digest::of(&bytes),
                version: before.map_or(1, |before| before.version + 1),
                content_type,
                modified: SystemTime::now(),
                references: before.map_or(0, |before| before.references),
                pinned: before.is_some_and(|before| before.pinned),
            };
            objects.insert(key, Object { info: info.clone(), bytes });
            Ok(Some(info))
        }
        Operation::Change { key, change } => {
            let objects = objects.as_mut().ok_or_else(|| no_bucket(bucket))?;
            let object = objects.get_mut(&key);
            if let ObjectChange::Delete { condition, .. } = change {
                check(bucket, &key, condition, object.as_deref())?;
            }
            let info = &mut object.ok_or_else(|| no_object(bucket, &key))?.info;
            if changed(info, change)? {
                return Ok(Some(info.clone()));
            }
            objects.remove(&key);
            Ok(None)
        }
    }
}

/// The objects that one may be put among.
fn put_into<'a>(
    objects: &'a mut Option<Objects>,
    bucket: &BucketName,
    key: &ObjectKey,
    condition: Condition,
) -> Result<&'a mut Objects, Error> {
    check(bucket, key, condition, objects.as_ref().and_then(|objects| objects.get(key)))?;
    Ok(objects.get_or_insert_default())
}

/// Changes an object; whether it is still there.
fn changed(info: &mut ObjectInfo, change: ObjectChange) -> Result<bool, Error> {
    let free = |info: &ObjectInfo| info.references == 0 && !info.pinned;
    match change {
        ObjectChange::Delete { force, .. } if force || free(info) => return Ok(false),
        ObjectChange::Delete { .. } => return Err(in_use(info)),
        ObjectChange::AddRef => info.references += 1,
        ObjectChange::RemoveRef => {
            info.references = info.references.checked_sub(1).ok_or_else(|| {
                Error::ConditionFailed(format!("the object {}/{} has no reference", info.bucket, info.key))
            })?;
            return Ok(!free(info));
        }
        ObjectChange::Pin => info.pinned = true,
        ObjectChange::Unpin => info.pinned = false,
    }
    Ok(true)
}

fn check(bucket: &BucketName, key: &ObjectKey, condition: Condition, found: Option<&Object>) -> Result<(), Error> {
    let found = found.map(|object| &object.info);
    let (met, wanted) = match condition {
        Condition::None => (true, String::new()),
        Condition::Absent => (found.is_none(), "no object".to_owned()),
        Condition::Etag(etag) => {
            (found.is_some_and(|found| found.etag == etag), format!("an object with the etag {etag}"))
        }
        Condition::Version(version) => {
            (found.is_some_and(|found| found.version == version), format!("an object of version {version}"))
        }
    };
    if met {
        return Ok(());
    }
    let there = found.map_or_else(
        || "none".to_owned(),
        |found| format!("one of version {} with the etag {}", found.version, found.etag),
    );
    Err(Error::ConditionFailed(format!("{bucket}/{key} was to have {wanted}, and has {there}")))
}

fn in_use(info: &ObjectInfo) -> Error {
    let ObjectInfo { bucket, key, references, pinned, .. } = info;
    let not = if *pinned { "" } else { "not " };
    Error::InUse(format!("the object {bucket}/{key} is in use: it is {not}pinned and has {references} references"))
}

fn no_bucket(bucket: &BucketName) -> Error {
    Error::UnknownBucket(format!("there is no bucket {bucket}"))
}

fn no_object(bucket: &BucketName, key: &ObjectKey) -> Error {
    Error::NotFound(format!("the bucket {bucket} has no object {key}"))
}
