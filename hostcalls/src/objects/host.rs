//! What the guest calls: check, convert, hand over, convert back.

use bytes::Bytes;
use spear_types::{Access, BucketName, Condition, MAX_MEDIA_TYPE, ObjectChange, ObjectKey, ObjectPage, Refusal};
use wasmtime::component::Resource;

use super::{Bucket, Operation, Range, View, wit};

/// The guest's answer inside, the host's fault outside.
type Hostcall<T> = wasmtime::Result<Result<T, wit::Error>>;

impl wit::Host for View<'_> {}

impl wit::HostBucket for View<'_> {
    async fn open(&mut self, name: String) -> Hostcall<Resource<Bucket>> {
        self.meter.hostcall(name.len());
        let name = match self.bucket(name) {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        match self.table.push(Bucket { name }) {
            Ok(bucket) => Ok(Ok(bucket)),
            Err(_) => Ok(Err(wit::Error::OverLimit(format!(
                "{} handles are open, the limit `handles`",
                self.table.max_capacity()
            )))),
        }
    }

    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<Vec<u8>> {
        let name = self.name(&bucket)?;
        Ok(self.read(&name, key, Range::Whole).await)
    }

    async fn get_range(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        offset: u64,
        length: u64,
    ) -> Hostcall<Vec<u8>> {
        let name = self.name(&bucket)?;
        Ok(self.read(&name, key, Range::Part { offset, length }).await)
    }

    async fn put(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        bytes: Vec<u8>,
        content_type: Option<String>,
        condition: wit::Condition,
    ) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.write(&name, key, bytes, content_type, condition).await)
    }

    async fn stat(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.stat_key(&name, key).await)
    }

    async fn list(
        &mut self,
        bucket: Resource<Bucket>,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Hostcall<wit::Page> {
        let name = self.name(&bucket)?;
        Ok(self.list_keys(&name, prefix, after, limit).await)
    }

    async fn delete(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        condition: wit::Condition,
        force: bool,
    ) -> Hostcall<()> {
        let name = self.name(&bucket)?;
        Ok(self.delete_key(&name, key, condition, force).await)
    }

    async fn add_ref(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.change(&name, key, ObjectChange::AddRef).await.and_then(still_there))
    }

    async fn remove_ref(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<Option<wit::Info>> {
        let name = self.name(&bucket)?;
        Ok(self.change(&name, key, ObjectChange::RemoveRef).await)
    }

    async fn pin(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.change(&name, key, ObjectChange::Pin).await.and_then(still_there))
    }

    async fn unpin(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.change(&name, key, ObjectChange::Unpin).await.and_then(still_there))
    }

    async fn batch(
        &mut self,
        bucket: Resource<Bucket>,
        operations: Vec<wit::Operation>,
    ) -> Hostcall<Vec<Option<wit::Info>>> {
        let name = self.name(&bucket)?;
        Ok(self.apply(&name, operations).await)
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl View<'_> {
    /// The name behind a handle; a handle that the guest made up is a trap.
    fn name(&self, bucket: &Resource<Bucket>) -> wasmtime::Result<BucketName> {
        Ok(self.table.get(bucket)?.name.clone())
    }

    fn bucket(&mut self, name: String) -> Result<BucketName, wit::Error> {
        let name = BucketName::try_from(name).map_err(Refusal::from)?;
        let need = self.gate.granted().opening_bucket(&name);
        self.gate.check(|grants| grants.objects(&name, need)).map_err(wit::Error::Denied)?;
        Ok(name)
    }

    fn key(&mut self, bucket: &BucketName, key: String, need: Access) -> Result<ObjectKey, wit::Error> {
        self.check(bucket, need)?;
        Ok(ObjectKey::try_from(key).map_err(Refusal::from)?)
    }

    fn check(&mut self, bucket: &BucketName, need: Access) -> Result<(), wit::Error> {
        self.gate.check(|grants| grants.objects(bucket, need)).map_err(wit::Error::Denied)
    }

    async fn read(&mut self, bucket: &BucketName, key: String, range: Range) -> Result<Vec<u8>, wit::Error> {
        self.meter.hostcall(key.len());
        let key = self.key(bucket, key, Access::Read)?;
        let bytes = self.state.backend.get(bucket, &key, range, self.state.max_object).await?;
        self.meter.answer(bytes.len());
        Ok(bytes.into())
    }

    async fn write(
        &mut self,
        bucket: &BucketName,
        key: String,
        bytes: Vec<u8>,
        content_type: Option<String>,
        condition: wit::Condition,
    ) -> Result<wit::Info, wit::Error> {
        self.meter.hostcall(key.len() + bytes.len());
        let key = self.key(bucket, key, Access::Write)?;
        let (bytes, content_type) = (self.object(bytes)?, media_type(content_type)?);
        let condition = Condition::try_from(condition)?;
        Ok(self.state.backend.put(bucket, &key, bytes, content_type, condition).await?.into())
    }

    /// An object's bytes, within the limit.
    fn object(&self, bytes: Vec<u8>) -> Result<Bytes, wit::Error> {
        let limit = self.state.max_object;
        if bytes.len() as u64 > limit {
            let message = format!("{} bytes are over the limit `payload` of {limit}", bytes.len());
            return Err(wit::Error::OverLimit(message));
        }
        Ok(bytes.into())
    }

    async fn stat_key(&mut self, bucket: &BucketName, key: String) -> Result<wit::Info, wit::Error> {
        self.meter.hostcall(key.len());
        let key = self.key(bucket, key, Access::Read)?;
        Ok(self.state.backend.stat(bucket, &key).await?.into())
    }

    async fn list_keys(
        &mut self,
        bucket: &BucketName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<wit::Page, wit::Error> {
        self.meter.hostcall(prefix.len() + after.as_ref().map_or(0, String::len));
        self.check(bucket, Access::Read)?;
        capped(Some(&prefix), "the prefix", ObjectKey::MAX)?;
        capped(after.as_ref(), "`after`", ObjectKey::MAX)?;
        // The guest's number is capped here: what one page costs is ours to say.
        let limit = limit.min(ObjectPage::MAX);
        let page = self.state.backend.list(bucket, prefix, after, limit).await?;
        self.meter.answer(page.objects.iter().map(|info| info.key.as_str().len()).sum());
        Ok(page.into())
    }

    async fn delete_key(
        &mut self,
        bucket: &BucketName,
        key: String,
        condition: wit::Condition,
        force: bool,
    ) -> Result<(), wit::Error> {
        let condition = Condition::try_from(condition)?;
        self.change(bucket, key, ObjectChange::Delete { condition, force }).await.map(|_| ())
    }

    async fn change(
        &mut self,
        bucket: &BucketName,
        key: String,
        change: ObjectChange,
    ) -> Result<Option<wit::Info>, wit::Error> {
        self.meter.hostcall(key.len());
        let key = self.key(bucket, key, Access::Write)?;
        Ok(self.state.backend.change(bucket, &key, change).await?.map(Into::into))
    }

    async fn apply(
        &mut self,
        bucket: &BucketName,
        operations: Vec<wit::Operation>,
    ) -> Result<Vec<Option<wit::Info>>, wit::Error> {
        self.meter.hostcall(operations.iter().map(size).sum());
        self.check(bucket, Access::Write)?;
        let (count, limit) = (operations.len(), ObjectChange::MAX);
        if count > limit {
            return Err(wit::Error::OverLimit(format!("{count} operations are over the limit of {limit} for a batch")));
        }
        let operations = operations.into_iter().map(|operation| self.operation(operation)).collect::<Result<_, _>>()?;
        let infos = self.state.backend.batch(bucket, operations).await?;
        Ok(infos.into_iter().map(|info| info.map(Into::into)).collect())
    }

    fn operation(&self, operation: wit::Operation) -> Result<Operation, wit::Error> {
        let (key, change) = match operation {
            wit::Operation::Put(wit::PutOperation { key, bytes, content_type, condition }) => {
                return Ok(Operation::Put {
                    key: ObjectKey::try_from(key).map_err(Refusal::from)?,
                    bytes: self.object(bytes)?,
                    content_type: media_type(content_type)?,
                    condition: condition.try_into()?,
                });
            }
            wit::Operation::Delete(wit::DeleteOperation { key, condition, force }) => {
                (key, ObjectChange::Delete { condition: condition.try_into()?, force })
            }
            wit::Operation::AddRef(key) => (key, ObjectChange::AddRef),
            wit::Operation::RemoveRef(key) => (key, ObjectChange::RemoveRef),
            wit::Operation::Pin(key) => (key, ObjectChange::Pin),
            wit::Operation::Unpin(key) => (key, ObjectChange::Unpin),
        };
        Ok(Operation::Change { key: ObjectKey::try_from(key).map_err(Refusal::from)?, change })
    }
}

/// What an operation carries out of the guest.
fn size(operation: &wit::Operation) -> usize {
    match operation {
        wit::Operation::Put(put) => put.key.len() + put.bytes.len(),
        wit::Operation::Delete(delete) => delete.key.len(),
        wit::Operation::AddRef(key)
        | wit::Operation::RemoveRef(key)
        | wit::Operation::Pin(key)
        | wit::Operation::Unpin(key) => key.len(),
    }
}

/// Only the last reference takes an object away.
fn still_there(info: Option<wit::Info>) -> Result<wit::Info, wit::Error> {
    info.ok_or_else(|| wit::Error::Unavailable("the store lost the object that it changed".to_owned()))
}

fn media_type(content_type: Option<String>) -> Result<Option<String>, wit::Error> {
    capped(content_type.as_ref(), "the content type", MAX_MEDIA_TYPE)?;
    Ok(content_type)
}

/// Refuses a text that the guest made longer than it needs to be.
fn capped(text: Option<&String>, what: &str, max: usize) -> Result<(), wit::Error> {
    match text.map_or(0, String::len) {
        length if length > max => Err(wit::Error::Invalid(format!("{what} has {length} bytes, the limit is {max}"))),
        _ => Ok(()),
    }
}
