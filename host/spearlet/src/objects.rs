//! The guest's objects: in the SMS's store, over gRPC.

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use spear_hostcalls::objects::{Answer, Backend, Range};
use spear_proto::v1::{self, get_object_response, object_service_client::ObjectServiceClient, put_object_request};
use spear_types::{BucketName, Code, ObjectInfo, ObjectKey, ObjectPage, Refusal};
use spear_wire::{Decode, from_status, required, stream::chunks};
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
    ) -> Result<ObjectInfo, Refusal> {
        let header = v1::PutObjectHeader {
            bucket: bucket.to_string(),
            key: key.to_string(),
            content_type,
            size: Some(bytes.len() as u64),
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

    async fn delete(&self, bucket: &BucketName, key: &ObjectKey) -> Result<(), Refusal> {
        let request = v1::DeleteObjectRequest { bucket: bucket.to_string(), key: key.to_string() };
        self.sms.clone().delete_object(request).await.map_err(from_status)?;
        Ok(())
    }
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
    ) -> Answer<'a, ObjectInfo> {
        self.put(bucket, key, bytes, content_type).boxed()
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

    fn delete<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey) -> Answer<'a, ()> {
        self.delete(bucket, key).boxed()
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
