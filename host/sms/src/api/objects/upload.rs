//! Objects that come in: each byte goes to a file without a place, and nothing is changed before all of them are here.

use spear_proto::v1::{self, apply_objects_request, put_object_request};
use spear_store::{BlobWriter, Operation, Put, Store};
use spear_types::{BucketName, Code, Condition, MAX_MEDIA_TYPE, ObjectChange, ObjectKey, Refusal};
use spear_wire::{Decode as _, capped, from_status, required};
use tokio::time::timeout;
use tonic::Streaming;

use super::locate;
use crate::deploys::PAUSE;

/// The largest object, as S3 has it for one put; and what all objects of a batch may have together.
const MAX_OBJECT: u64 = 5 << 30;

/// A put on its way in. Dropped, it leaves nothing.
struct Incoming {
    bucket: BucketName,
    key: ObjectKey,
    content_type: Option<String>,
    condition: Condition,
    /// What the header said.
    size: Option<u64>,
    writer: BlobWriter,
}

/// Takes in one put: its header, and then its bytes.
pub(super) async fn put(store: &Store, mut parts: Streaming<v1::PutObjectRequest>) -> Result<Operation, Refusal> {
    use put_object_request::Part;
    let Some(Part::Header(header)) = next(&mut parts).await?.and_then(|request| request.part) else {
        return Err(invalid("the first message of a put has to be its header"));
    };
    let mut incoming = Incoming::begin(store, header, MAX_OBJECT).await?;
    while let Some(request) = next(&mut parts).await? {
        match required(request.part, "part")? {
            Part::Chunk(v1::Chunk { data }) => incoming.writer.write(data).await?,
            Part::Header(_) => return Err(invalid("a put has one header")),
        }
    }
    Ok(Operation::Put(incoming.finish().await?))
}

/// Takes in a batch: operations, and behind each put its bytes.
pub(super) async fn batch(
    store: &Store,
    mut parts: Streaming<v1::ApplyObjectsRequest>,
) -> Result<Vec<Operation>, Refusal> {
    use apply_objects_request::Part;
    let mut batch = Batch { store, operations: Vec::new(), incoming: None, room: MAX_OBJECT };
    while let Some(request) = next(&mut parts).await? {
        match required(request.part, "part")? {
            Part::Chunk(v1::Chunk { data }) => batch.incoming()?.writer.write(data).await?,
            Part::Put(header) => batch.begin(header).await?,
            Part::Delete(request) => batch.change(delete(request)?).await?,
            Part::Change(request) => batch.change(change(request)?).await?,
        }
    }
    batch.finish().await
}

/// A removal.
pub(super) fn delete(mut request: v1::DeleteObjectRequest) -> Result<Operation, Refusal> {
    let (bucket, key) = locate(std::mem::take(&mut request.bucket), std::mem::take(&mut request.key))?;
    Ok(Operation::Change { bucket, key, change: ObjectChange::decode(request)? })
}

/// A change of references or of the pin.
pub(super) fn change(request: v1::ChangeObjectRequest) -> Result<Operation, Refusal> {
    let v1::ChangeObjectRequest { bucket, key, change } = request;
    let (bucket, key) = locate(bucket, key)?;
    Ok(Operation::Change { bucket, key, change: ObjectChange::decode(change)? })
}

/// What came of a batch so far.
struct Batch<'a> {
    store: &'a Store,
    operations: Vec<Operation>,
    incoming: Option<Incoming>,
    /// Bytes that may still come.
    room: u64,
}

impl Batch<'_> {
    fn incoming(&mut self) -> Result<&mut Incoming, Refusal> {
        self.incoming.as_mut().ok_or_else(|| invalid("a chunk has to follow its put"))
    }

    async fn begin(&mut self, header: v1::PutObjectHeader) -> Result<(), Refusal> {
        self.end_put().await?;
        self.check_count()?;
        self.incoming = Some(Incoming::begin(self.store, header, self.room).await?);
        Ok(())
    }

    async fn change(&mut self, operation: Operation) -> Result<(), Refusal> {
        self.end_put().await?;
        self.check_count()?;
        self.operations.push(operation);
        Ok(())
    }

    async fn finish(mut self) -> Result<Vec<Operation>, Refusal> {
        self.end_put().await?;
        Ok(self.operations)
    }

    /// Whatever comes next, the bytes of the last put are complete.
    async fn end_put(&mut self) -> Result<(), Refusal> {
        if let Some(incoming) = self.incoming.take() {
            let put = incoming.finish().await?;
            self.room = self.room.saturating_sub(put.blob.size());
            self.operations.push(Operation::Put(put));
        }
        Ok(())
    }

    /// A client's stream has no end of its own: each put of it is a file.
    fn check_count(&self) -> Result<(), Refusal> {
        let limit = ObjectChange::MAX;
        if self.operations.len() < limit {
            return Ok(());
        }
        let message = format!("there are more operations than the limit of {limit} for one call");
        Err(Refusal::new(Code::TooLarge, message).help("make it several calls"))
    }
}

impl Incoming {
    /// Checks the header, and begins an object of up to `room` bytes.
    async fn begin(store: &Store, header: v1::PutObjectHeader, room: u64) -> Result<Self, Refusal> {
        let v1::PutObjectHeader { bucket, key, content_type, size, condition } = header;
        let (bucket, key) = locate(bucket, key)?;
        let content_type = content_type.map(|text| capped(text, "content_type", MAX_MEDIA_TYPE)).transpose()?;
        let condition = Condition::decode(condition)?;
        if let Some(size) = size.filter(|size| *size > room) {
            let message = format!("{bucket}/{key} has {size} bytes, and {room} are left of the limit of {MAX_OBJECT}");
            return Err(Refusal::new(Code::TooLarge, message));
        }
        let writer = store.writer(size.unwrap_or(room)).await?;
        Ok(Self { bucket, key, content_type, condition, size, writer })
    }

    async fn finish(self) -> Result<Put, Refusal> {
        let Self { bucket, key, content_type, condition, size, writer } = self;
        let blob = writer.finish().await?;
        if let Some(size) = size.filter(|size| *size != blob.size()) {
            return Err(invalid(format!("the object came with {} of {size} bytes", blob.size())));
        }
        Ok(Put { bucket, key, content_type, condition, blob })
    }
}

async fn next<T>(parts: &mut Streaming<T>) -> Result<Option<T>, Refusal> {
    let paused = |_| invalid(format!("nothing came of the objects for {PAUSE:?}"));
    let part = timeout(PAUSE, parts.message()).await.map_err(paused)?.map_err(from_status)?;
    if part.is_none() {
        // tonic shows a stream that its client reset as one that ended well, and hyper drops its handler once it waits.
        // So it waits here: half of an upload that was given up must not pass for all of it.
        tokio::task::yield_now().await;
    }
    Ok(part)
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidRequest, message)
}
