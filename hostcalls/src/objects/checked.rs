//! What is done with a bucket, whoever calls: count, check the grant, hold the limits, ask the backend.

use bytes::Bytes;
use spear_types::{
    Access, BucketName, Code, Condition, MAX_MEDIA_TYPE, ObjectChange, ObjectInfo, ObjectKey, ObjectPage, Refusal,
};

use super::{Operation, Range, View};

/// What a hostcall answers before it is the caller's.
pub(super) type Checked<T> = Result<T, Refusal>;

impl View<'_> {
    /// The name of a bucket that is granted for something.
    pub(super) fn granted(&self, name: String) -> Checked<BucketName> {
        self.meter.hostcall(name.len());
        let name = BucketName::try_from(name)?;
        self.check(&name, self.gate.granted().opening_bucket(&name))?;
        Ok(name)
    }

    /// The bytes of an object.
    pub(super) async fn read(&self, bucket: &BucketName, key: String, range: Range) -> Checked<Bytes> {
        self.meter.hostcall(key.len());
        let key = self.key(bucket, key, Access::Read)?;
        let bytes = self.state.backend.get(bucket, &key, range, self.state.max_object).await?;
        self.meter.answer(bytes.len());
        Ok(bytes)
    }

    /// Puts an object whole.
    pub(super) async fn write(
        &self,
        bucket: &BucketName,
        key: String,
        bytes: Bytes,
        content_type: Option<String>,
        condition: Checked<Condition>,
    ) -> Checked<ObjectInfo> {
        self.meter.hostcall(key.len() + bytes.len());
        let key = self.key(bucket, key, Access::Write)?;
        self.object(&bytes, content_type.as_ref())?;
        self.state.backend.put(bucket, &key, bytes, content_type, condition?).await
    }

    /// What is known of an object.
    pub(super) async fn look(&self, bucket: &BucketName, key: String) -> Checked<ObjectInfo> {
        self.meter.hostcall(key.len());
        let key = self.key(bucket, key, Access::Read)?;
        self.state.backend.stat(bucket, &key).await
    }

    /// A page of the bucket.
    pub(super) async fn page(
        &self,
        bucket: &BucketName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Checked<ObjectPage> {
        self.meter.hostcall(prefix.len() + after.as_ref().map_or(0, String::len));
        self.check(bucket, Access::Read)?;
        capped(Some(&prefix), "the prefix", ObjectKey::MAX)?;
        capped(after.as_ref(), "`after`", ObjectKey::MAX)?;
        // The caller's number is capped here: what one page costs is ours to say.
        let limit = limit.min(ObjectPage::MAX);
        let page = self.state.backend.list(bucket, prefix, after, limit).await?;
        self.meter.answer(page.objects.iter().map(|info| info.key.as_str().len()).sum());
        Ok(page)
    }

    /// Changes an object without bytes; none when it is gone.
    pub(super) async fn change(
        &self,
        bucket: &BucketName,
        key: String,
        change: Checked<ObjectChange>,
    ) -> Checked<Option<ObjectInfo>> {
        self.meter.hostcall(key.len());
        let key = self.key(bucket, key, Access::Write)?;
        self.state.backend.change(bucket, &key, change?).await
    }

    /// The same, where the object stays: only a removal and the last reference take it away.
    pub(super) async fn keep(&self, bucket: &BucketName, key: String, change: ObjectChange) -> Checked<ObjectInfo> {
        let info = self.change(bucket, key, Ok(change)).await?;
        info.ok_or_else(|| Refusal::new(Code::Internal, "the store lost the object that it changed"))
    }

    /// Operations, all or none.
    pub(super) async fn apply(
        &self,
        bucket: &BucketName,
        operations: Vec<Checked<Operation>>,
    ) -> Checked<Vec<Option<ObjectInfo>>> {
        self.meter.hostcall(operations.iter().flatten().map(size).sum());
        self.check(bucket, Access::Write)?;
        let (count, limit) = (operations.len(), ObjectChange::MAX);
        if count > limit {
            return Err(over_limit(format!("{count} operations are over the limit of {limit} for a batch")));
        }
        let operations = operations.into_iter().collect::<Checked<Vec<_>>>()?;
        operations.iter().try_for_each(|operation| match operation {
            Operation::Put { bytes, content_type, .. } => self.object(bytes, content_type.as_ref()),
            Operation::Change { .. } => Ok(()),
        })?;
        self.state.backend.batch(bucket, operations).await
    }

    fn key(&self, bucket: &BucketName, key: String, need: Access) -> Checked<ObjectKey> {
        self.check(bucket, need)?;
        Ok(ObjectKey::try_from(key)?)
    }

    fn check(&self, bucket: &BucketName, need: Access) -> Checked<()> {
        let denied = |text| Refusal::new(Code::NotGranted, text);
        self.gate.check(|grants| grants.objects(bucket, need)).map_err(denied)
    }

    /// Whether an object is within its limits.
    fn object(&self, bytes: &Bytes, content_type: Option<&String>) -> Checked<()> {
        let limit = self.state.max_object;
        if bytes.len() as u64 > limit {
            return Err(over_limit(format!("{} bytes are over the limit `payload` of {limit}", bytes.len())));
        }
        capped(content_type, "the content type", MAX_MEDIA_TYPE)
    }
}

/// What an operation carries out of the caller.
fn size(operation: &Operation) -> usize {
    match operation {
        Operation::Put { key, bytes, .. } => key.as_str().len() + bytes.len(),
        Operation::Change { key, .. } => key.as_str().len(),
    }
}

pub(super) fn over_limit(message: String) -> Refusal {
    Refusal::new(Code::TooLarge, message)
}

/// Refuses a text that the caller made longer than it needs to be.
fn capped(text: Option<&String>, what: &str, max: usize) -> Checked<()> {
    match text.map_or(0, String::len) {
        length if length > max => {
            Err(Refusal::new(Code::InvalidRequest, format!("{what} has {length} bytes, the limit is {max}")))
        }
        _ => Ok(()),
    }
}
