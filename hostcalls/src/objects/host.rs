//! What the guest calls: check, convert, hand over, convert back.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use spear_types::{Access, BucketName, Code, MAX_MEDIA_TYPE, ObjectInfo, ObjectKey, ObjectPage, Refusal};
use wasmtime::component::Resource;

use super::{Bucket, Range, View, wit};

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
    ) -> Hostcall<wit::Info> {
        let name = self.name(&bucket)?;
        Ok(self.write(&name, key, bytes, content_type).await)
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

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Hostcall<()> {
        let name = self.name(&bucket)?;
        Ok(self.delete_key(&name, key).await)
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
        self.state.check(&name, None)?;
        Ok(name)
    }

    fn key(&mut self, bucket: &BucketName, key: String, need: Access) -> Result<ObjectKey, wit::Error> {
        self.state.check(bucket, Some(need))?;
        Ok(ObjectKey::try_from(key).map_err(Refusal::from)?)
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
    ) -> Result<wit::Info, wit::Error> {
        self.meter.hostcall(key.len() + bytes.len());
        let key = self.key(bucket, key, Access::Write)?;
        capped(content_type.as_ref(), "the content type", MAX_MEDIA_TYPE)?;
        let limit = self.state.max_object;
        if bytes.len() as u64 > limit {
            return Err(wit::Error::OverLimit(format!(
                "{} bytes are over the limit `payload` of {limit}",
                bytes.len()
            )));
        }
        Ok(self.state.backend.put(bucket, &key, Bytes::from(bytes), content_type).await?.into())
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
        self.state.check(bucket, Some(Access::Read))?;
        capped(Some(&prefix), "the prefix", ObjectKey::MAX)?;
        capped(after.as_ref(), "`after`", ObjectKey::MAX)?;
        // The guest's number is capped here: what one page costs is ours to say.
        let limit = limit.min(ObjectPage::MAX);
        let page = self.state.backend.list(bucket, prefix, after, limit).await?;
        self.meter.answer(page.objects.iter().map(|info| info.key.as_str().len()).sum());
        Ok(page.into())
    }

    async fn delete_key(&mut self, bucket: &BucketName, key: String) -> Result<(), wit::Error> {
        self.meter.hostcall(key.len());
        let key = self.key(bucket, key, Access::Write)?;
        Ok(self.state.backend.delete(bucket, &key).await?)
    }
}

/// Refuses a text that the guest made longer than it needs to be.
fn capped(text: Option<&String>, what: &str, max: usize) -> Result<(), wit::Error> {
    match text.map_or(0, String::len) {
        length if length > max => Err(wit::Error::Invalid(format!("{what} has {length} bytes, the limit is {max}"))),
        _ => Ok(()),
    }
}

impl From<ObjectInfo> for wit::Info {
    fn from(info: ObjectInfo) -> Self {
        let ObjectInfo { bucket: _, key, size, etag, version, content_type, modified } = info;
        let modified_ms = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Self { key: key.into(), size, etag: etag.to_string(), version, content_type, modified_ms }
    }
}

impl From<ObjectPage> for wit::Page {
    fn from(page: ObjectPage) -> Self {
        let ObjectPage { objects, next } = page;
        Self { objects: objects.into_iter().map(Into::into).collect(), next: next.map(Into::into) }
    }
}

impl From<Refusal> for wit::Error {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.message;
        match refusal.code {
            Code::NotGranted => Self::Denied(text),
            Code::UnknownBucket => Self::UnknownBucket(text),
            Code::UnknownObject => Self::NotFound(text),
            Code::InvalidName | Code::InvalidRequest => Self::Invalid(text),
            Code::TooLarge | Code::LimitTooHigh => Self::OverLimit(text),
            Code::InvalidManifest
            | Code::InvalidComponent
            | Code::DigestMismatch
            | Code::UnknownFunction
            | Code::UnknownVersion
            | Code::UnknownArtifact
            | Code::UnknownNode
            | Code::UnknownTask
            | Code::DeployInProgress
            | Code::NameTaken
            | Code::NoNodeFits
            | Code::QueueFull
            | Code::NodeLost
            | Code::Draining
            | Code::StorageFull
            | Code::Unreachable
            | Code::Internal => Self::Unavailable(text),
        }
    }
}
