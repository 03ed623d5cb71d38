//! The guest's objects: in the SMS's store, over gRPC.

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use spear_hostcalls::objects::{Answer, Backend, Operation, Range};
use spear_proto::v1::{
    self, apply_objects_request::Part, get_object_response, object_service_client::ObjectServiceClient,
    put_object_request,
};
use spear_types::{BucketName, Code, Condition, ObjectChange, ObjectInfo, ObjectKey, ObjectPage, Refusal};
use spear_wire::{Decode, Encode as _, from_status, required, stream::chunks};
use tonic::{Streaming, transport::Channel};

/// The SMS's objects.
pub(crate) struct RemoteObjects {
    sms: ObjectServiceClient<Channel>,
}

impl RemoteObjects {
    pub(crate) fn new(sms: Channel) -> Self {
        Self { sms: ObjectServiceClient::new(sms) }
    }

    async fn get(&self, bucket: &BucketName, key: &ObjectKey, range: Range, max: u64) -> Result<Bytes, Refusal> {
        let (offset, length) = match range {
            Range::Whole => (None, None),
            Range::Part { offset, length } => (Some(offset), Some(length)),
        };
        let request = v1::GetObjectRequest { bucket: bucket.to_string(), key: key.to_string(), offset, length };
        let mut parts = self.sms.clone().get_object(request).await.map_err(from_status)?.into_inner();
        let info = first_info(&mut parts).await?;
        let size = expected(info.size, range);
        if size > max {
            let message = format!("{bucket}/{key}: {size} bytes are over the limit `payload` of {max}");
            return Err(Refusal::new(Code::TooLarge, message));
        }
        collect(parts, size).await
    }

    async fn put(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        bytes: Bytes,
        content_type: Option<String>,
        condition: Condition,
    ) -> Result<ObjectInfo, Refusal> {
        let header = v1::PutObjectHeader {
            bucket: bucket.to_string(),
            key: key.to_string(),
            content_type,
            size: Some(bytes.len() as u64),
            condition: condition.encode(),
        };
        let header = std::iter::once(put_object_request::Part::Header(header));
        let parts = header.chain(chunks(bytes).map(put_object_request::Part::Chunk));
        let requests = parts.map(|part| v1::PutObjectRequest { part: Some(part) });
        let response = self.sms.clone().put_object(futures::stream::iter(requests)).await.map_err(from_status)?;
        ObjectInfo::decode(required(response.into_inner().object, "object")?)
    }

    async fn stat(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Refusal> {
        let request = v1::StatObjectRequest { bucket: bucket.to_string(), key: key.to_string() };
        let response = self.sms.clone().stat_object(request).await.map_err(from_status)?;
        ObjectInfo::decode(required(response.into_inner().object, "object")?)
    }

    async fn list(
        &self,
        bucket: &BucketName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<ObjectPage, Refusal> {
        let request =
            v1::ListObjectsRequest { bucket: bucket.to_string(), prefix: Some(prefix), after, limit: Some(limit) };
        let response = self.sms.clone().list_objects(request).await.map_err(from_status)?;
        ObjectPage::decode(response.into_inner())
    }

    async fn change(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        change: ObjectChange,
    ) -> Result<Option<ObjectInfo>, Refusal> {
        match message(bucket, key, change) {
            Message::Delete(request) => {
                self.sms.clone().delete_object(request).await.map_err(from_status)?;
                Ok(None)
            }
            Message::Change(request) => {
                let response = self.sms.clone().change_object(request).await.map_err(from_status)?;
                Option::<ObjectInfo>::decode(response.into_inner())
            }
        }
    }

    async fn batch(&self, bucket: &BucketName, operations: Vec<Operation>) -> Result<Vec<Option<ObjectInfo>>, Refusal> {
        let bucket = bucket.clone();
        let parts = operations.into_iter().flat_map(move |operation| parts(&bucket, operation));
        let requests = parts.map(|part| v1::ApplyObjectsRequest { part: Some(part) });
        let response = self.sms.clone().apply_objects(futures::stream::iter(requests)).await.map_err(from_status)?;
        response.into_inner().results.into_iter().map(Option::<ObjectInfo>::decode).collect()
    }
}

/// A change as its own message.
enum Message {
    Delete(v1::DeleteObjectRequest),
    Change(v1::ChangeObjectRequest),
}

fn message(bucket: &BucketName, key: &ObjectKey, change: ObjectChange) -> Message {
    let (bucket, key) = (bucket.to_string(), key.to_string());
    let change = match change {
        ObjectChange::Delete { condition, force } => {
            return Message::Delete(v1::DeleteObjectRequest { bucket, key, condition: condition.encode(), force });
        }
        ObjectChange::AddRef => v1::ObjectChange::AddRef,
        ObjectChange::RemoveRef => v1::ObjectChange::RemoveRef,
        ObjectChange::Pin => v1::ObjectChange::Pin,
        ObjectChange::Unpin => v1::ObjectChange::Unpin,
    };
    Message::Change(v1::ChangeObjectRequest { bucket, key, change: change.into() })
}

/// The messages of one operation of a batch: a put's bytes follow it.
fn parts(bucket: &BucketName, operation: Operation) -> impl Iterator<Item = Part> + Send + use<> {
    let (first, bytes) = match operation {
        Operation::Put { key, bytes, content_type, condition } => {
            let size = Some(bytes.len() as u64);
            let (bucket, key, condition) = (bucket.to_string(), key.into(), condition.encode());
            (Part::Put(v1::PutObjectHeader { bucket, key, content_type, size, condition }), bytes)
        }
        Operation::Change { key, change } => match message(bucket, &key, change) {
            Message::Delete(request) => (Part::Delete(request), Bytes::new()),
            Message::Change(request) => (Part::Change(request), Bytes::new()),
        },
    };
    std::iter::once(first).chain(chunks(bytes).map(Part::Chunk))
}

impl Backend for RemoteObjects {
    fn get<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey, range: Range, max: u64) -> Answer<'a, Bytes> {
        self.get(bucket, key, range, max).boxed()
    }

    fn put<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        bytes: Bytes,
        content_type: Option<String>,
        condition: Condition,
    ) -> Answer<'a, ObjectInfo> {
        self.put(bucket, key, bytes, content_type, condition).boxed()
    }

    fn stat<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey) -> Answer<'a, ObjectInfo> {
        self.stat(bucket, key).boxed()
    }

    fn list<'a>(
        &'a self,
        bucket: &'a BucketName,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Answer<'a, ObjectPage> {
        self.list(bucket, prefix, after, limit).boxed()
    }

    fn change<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        change: ObjectChange,
    ) -> Answer<'a, Option<ObjectInfo>> {
        self.change(bucket, key, change).boxed()
    }

    fn batch<'a>(&'a self, bucket: &'a BucketName, operations: Vec<Operation>) -> Answer<'a, Vec<Option<ObjectInfo>>> {
        self.batch(bucket, operations).boxed()
    }
}

async fn first_info(parts: &mut Streaming<v1::GetObjectResponse>) -> Result<ObjectInfo, Refusal> {
    match parts.message().await.map_err(from_status)?.and_then(|response| response.part) {
        Some(get_object_response::Part::Object(object)) => ObjectInfo::decode(object),
        Some(get_object_response::Part::Chunk(_)) | None => {
            Err(Refusal::new(Code::InvalidRequest, "the object's info is missing"))
        }
    }
}

/// How many bytes a range of an object of `size` has.
fn expected(size: u64, range: Range) -> u64 {
    match range {
        Range::Whole => size,
        Range::Part { offset, length } => size.saturating_sub(offset).min(length),
    }
}

/// The chunks in one piece of memory that is made once, and no more of them than were promised.
async fn collect(mut parts: Streaming<v1::GetObjectResponse>, size: u64) -> Result<Bytes, Refusal> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut bytes = BytesMut::with_capacity(size);
    while let Some(response) = parts.message().await.map_err(from_status)? {
        let Some(get_object_response::Part::Chunk(chunk)) = response.part else { continue };
        bytes.extend_from_slice(&chunk.data);
        if bytes.len() > size {
            break;
        }
    }
    if bytes.len() == size {
        return Ok(bytes.freeze());
    }
    Err(Refusal::new(Code::Unreachable, format!("the object came with {} of {size} bytes", bytes.len())))
}
