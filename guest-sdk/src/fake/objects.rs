//! `spear:hostcalls/objects`: grant, names and limits before the store.

use std::{cell::RefMut, fmt, rc::Rc, time::UNIX_EPOCH};

use spear_types::{Access, BucketName, InvalidName, MAX_MEDIA_TYPE, ObjectChange, ObjectInfo, ObjectKey, Refusal};

use super::{
    Shared, World,
    bucket::{self, Object},
    current,
};
pub(crate) use crate::bindings::spear::hostcalls::objects::{
    Condition, DeleteOperation, Error, Info, Operation, Page, PutOperation,
};

/// A handle to a bucket.
pub(crate) struct Bucket {
    name: BucketName,
    world: Shared,
}

impl Bucket {
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        let shared = current();
        let mut world = shared.borrow_mut();
        world.hostcalls += 1;
        let name: BucketName = name.parse().map_err(invalid)?;
        let need = world.granted.opening_bucket(&name);
        world.check(|grants| grants.objects(&name, need)).map_err(Error::Denied)?;
        world.open().map_err(Error::OverLimit)?;
        drop(world);
        Ok(Self { name, world: shared })
    }

    pub(crate) fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.get_range(key, 0, u64::MAX)
    }

    pub(crate) fn get_range(&self, key: &str, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let world = self.allow(Access::Read)?;
        let Object { bytes, .. } = world.buckets.get(&self.name, &key.parse().map_err(invalid)?)?;
        let start = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        let rest = &bytes[start..];
        let part = &rest[..usize::try_from(length).map_or(rest.len(), |length| length.min(rest.len()))];
        within(&world, part.len())?;
        Ok(part.to_vec())
    }

    pub(crate) fn put(
        &self,
        key: &str,
        bytes: &[u8],
        content_type: Option<&str>,
        condition: &Condition,
    ) -> Result<Info, Error> {
        let (key, content_type) = (key.to_owned(), content_type.map(str::to_owned));
        let put = PutOperation { key, bytes: bytes.to_vec(), content_type, condition: condition.clone() };
        self.one(Operation::Put(put))?.ok_or_else(lost)
    }

    pub(crate) fn stat(&self, key: &str) -> Result<Info, Error> {
        let world = self.allow(Access::Read)?;
        Ok(info(&world.buckets.get(&self.name, &key.parse().map_err(invalid)?)?.info))
    }

    pub(crate) fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Page, Error> {
        let world = self.allow(Access::Read)?;
        capped(prefix, "the prefix", ObjectKey::MAX)?;
        capped(after.unwrap_or_default(), "`after`", ObjectKey::MAX)?;
        let page = world.buckets.list(&self.name, prefix, after, limit)?;
        Ok(Page { objects: page.objects.iter().map(info).collect(), next: page.next.map(Into::into) })
    }

    pub(crate) fn delete(&self, key: &str, condition: &Condition, force: bool) -> Result<(), Error> {
        let delete = DeleteOperation { key: key.to_owned(), condition: condition.clone(), force };
        self.one(Operation::Delete(delete)).map(drop)
    }

    pub(crate) fn add_ref(&self, key: &str) -> Result<Info, Error> {
        self.one(Operation::AddRef(key.to_owned()))?.ok_or_else(lost)
    }

    pub(crate) fn remove_ref(&self, key: &str) -> Result<Option<Info>, Error> {
        self.one(Operation::RemoveRef(key.to_owned()))
    }

    pub(crate) fn pin(&self, key: &str) -> Result<Info, Error> {
        self.one(Operation::Pin(key.to_owned()))?.ok_or_else(lost)
    }

    pub(crate) fn unpin(&self, key: &str) -> Result<Info, Error> {
        self.one(Operation::Unpin(key.to_owned()))?.ok_or_else(lost)
    }

    pub(crate) fn batch(&self, operations: &[Operation]) -> Result<Vec<Option<Info>>, Error> {
        let mut world = self.allow(Access::Write)?;
        let (count, limit) = (operations.len(), ObjectChange::MAX);
        if count > limit {
            return Err(Error::OverLimit(format!("{count} operations are over the limit of {limit} for a batch")));
        }
        let operations = operations.iter().map(|one| operation(&world, one)).collect::<Result<Vec<_>, _>>()?;
        let infos = world.buckets.apply(&self.name, operations)?;
        Ok(infos.iter().map(|done| done.as_ref().map(info)).collect())
    }

    fn one(&self, operation: Operation) -> Result<Option<Info>, Error> {
        Ok(self.batch(&[operation])?.into_iter().next().flatten())
    }

    /// The world, for a use that is granted.
    fn allow(&self, need: Access) -> Result<RefMut<'_, World>, Error> {
        let mut world = self.world.borrow_mut();
        world.hostcalls += 1;
        world.check(|grants| grants.objects(&self.name, need)).map_err(Error::Denied)?;
        Ok(world)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.world.borrow_mut().handles -= 1;
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.name).finish()
    }
}

fn operation(world: &World, operation: &Operation) -> Result<bucket::Operation, Error> {
    let (key, change) = match operation {
        Operation::Put(PutOperation { key, bytes, content_type, condition }) => {
            let key = key.parse().map_err(invalid)?;
            within(world, bytes.len())?;
            capped(content_type.as_deref().unwrap_or_default(), "the content type", MAX_MEDIA_TYPE)?;
            let (bytes, content_type) = (Rc::from(bytes.as_slice()), content_type.clone());
            return Ok(bucket::Operation::Put { key, bytes, content_type, condition: wanted(condition)? });
        }
        Operation::Delete(DeleteOperation { key, condition, force }) => {
            (key, ObjectChange::Delete { condition: wanted(condition)?, force: *force })
        }
        Operation::AddRef(key) => (key, ObjectChange::AddRef),
        Operation::RemoveRef(key) => (key, ObjectChange::RemoveRef),
        Operation::Pin(key) => (key, ObjectChange::Pin),
        Operation::Unpin(key) => (key, ObjectChange::Unpin),
    };
    Ok(bucket::Operation::Change { key: key.parse().map_err(invalid)?, change })
}

fn wanted(condition: &Condition) -> Result<spear_types::Condition, Error> {
    Ok(match condition {
        Condition::None => spear_types::Condition::None,
        Condition::Etag(etag) => {
            let etag = etag.parse().map_err(|refusal: Refusal| Error::Invalid(refusal.message))?;
            spear_types::Condition::Etag(etag)
        }
        Condition::Version(version) => spear_types::Condition::Version(*version),
        Condition::Absent => spear_types::Condition::Absent,
    })
}

/// An object as the function has it.
pub(crate) fn info(info: &ObjectInfo) -> Info {
    let ObjectInfo { bucket: _, key, size, etag, version, content_type, modified, references, pinned } = info;
    Info {
        key: key.to_string(),
        size: *size,
        etag: etag.to_string(),
        version: *version,
        content_type: content_type.clone(),
        modified_ms: modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64),
        references: *references,
        pinned: *pinned,
    }
}

fn within(world: &World, size: usize) -> Result<(), Error> {
    let limit = world.limits.payload;
    if size as u64 > limit {
        return Err(Error::OverLimit(format!("{size} bytes are over the limit `payload` of {limit}")));
    }
    Ok(())
}

fn capped(text: &str, what: &str, max: usize) -> Result<(), Error> {
    match text.len() {
        length if length > max => Err(Error::Invalid(format!("{what} has {length} bytes, the limit is {max}"))),
        _ => Ok(()),
    }
}

/// As the host would say it; only the last reference takes an object away.
fn lost() -> Error {
    Error::Unavailable("the store lost the object that it changed".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it")]
fn invalid(name: InvalidName) -> Error {
    Error::Invalid(name.to_string())
}
