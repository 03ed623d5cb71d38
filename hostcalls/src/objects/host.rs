//! What a component calls: take the name behind the handle, hand over, convert.

use spear_types::{BucketName, Condition, ObjectChange, ObjectInfo};
use wasmtime::component::Resource;

use super::{Bucket, Handles, Operation, Range, checked::over_limit, wit};

/// The guest's answer inside, the host's fault outside.
type Hostcall<T> = wasmtime::Result<Result<T, wit::Error>>;

impl wit::Host for Handles<'_> {}

impl wit::HostBucket for Handles<'_> {
    async fn open(&mut self, name: String) -> Hostcall<Resource<Bucket>> {
        let name = match self.view.granted(name) {
            Ok(name) => name,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let full = format!("{} handles are open, the limit `handles`", self.table.max_capacity());
        Ok(self.table.push(Bucket { name }).map_err(|_| over_limit(full).into()))
    }

    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<Vec<u8>> {
        let name = self.name(&bucket)?;
        Ok(self.view.read(&name, key, Range::Whole).await.map(Into::into).map_err(Into::into))
    }

    async fn get_range(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        offset: u64,
        length: u64,
    ) -> Hostcall<Vec<u8>> {
        let name = self.name(&bucket)?;
        let read = self.view.read(&name, key, Range::Part { offset, length }).await;
        Ok(read.map(Into::into).map_err(Into::into))
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
        let put = self.view.write(&name, key, bytes.into(), content_type, condition.try_into()).await;
        Ok(put.map(Into::into).map_err(Into::into))
    }

    async fn stat(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.view.look(&name, key).await.map(Into::into).map_err(Into::into))
    }

    async fn list(
        &mut self,
        bucket: Resource<Bucket>,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Hostcall<wit::Page> {
        let name = self.name(&bucket)?;
        Ok(self.view.page(&name, prefix, after, limit).await.map(Into::into).map_err(Into::into))
    }

    async fn delete(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        condition: wit::Condition,
        force: bool,
    ) -> Hostcall<()> {
        let name = self.name(&bucket)?;
        let delete = Condition::try_from(condition).map(|condition| ObjectChange::Delete { condition, force });
        Ok(self.view.change(&name, key, delete).await.map(|_| ()).map_err(Into::into))
    }

    async fn add_ref(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.view.keep(&name, key, ObjectChange::AddRef).await.map(Into::into).map_err(Into::into))
    }

    async fn remove_ref(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<Option<wit::Info>> {
        let name = self.name(&bucket)?;
        let changed = self.view.change(&name, key, Ok(ObjectChange::RemoveRef)).await;
        Ok(changed.map(|info| info.map(Into::into)).map_err(Into::into))
    }

    async fn pin(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.view.keep(&name, key, ObjectChange::Pin).await.map(Into::into).map_err(Into::into))
    }

    async fn unpin(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.view.keep(&name, key, ObjectChange::Unpin).await.map(Into::into).map_err(Into::into))
    }

    async fn batch(
        &mut self,
        bucket: Resource<Bucket>,
        operations: Vec<wit::Operation>,
    ) -> Hostcall<Vec<Option<wit::Info>>> {
        let name = self.name(&bucket)?;
        let operations = operations.into_iter().map(Operation::try_from).collect();
        let infos = self.view.apply(&name, operations).await;
        let shown = |infos: Vec<Option<ObjectInfo>>| infos.into_iter().map(|info| info.map(Into::into)).collect();
        Ok(infos.map(shown).map_err(Into::into))
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl Handles<'_> {
    /// The name behind a handle; a handle that the guest made up is a trap.
    fn name(&self, bucket: &Resource<Bucket>) -> wasmtime::Result<BucketName> {
        Ok(self.table.get(bucket)?.name.clone())
    }
}
