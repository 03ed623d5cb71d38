//! `ObjectService`.

use std::time::SystemTime;

use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use spear_proto::v1::{self, get_object_response, object_service_server::ObjectService, put_object_request};
use spear_store::{NewBlob, Store};
use spear_types::{BucketName, Code, MAX_MEDIA_TYPE, ObjectInfo, ObjectKey, ObjectPage, Refusal};
use spear_wire::{Encode as _, capped, from_status, required, to_status};
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

use super::nodes::chunks;
use crate::deploys::PAUSE;

/// The largest object, as S3 has it for one put.
const MAX_OBJECT: u64 = 5 << 30;

pub(super) struct Objects {
    pub(super) store: Store,
}

type Parts = BoxStream<'static, Result<v1::GetObjectResponse, Status>>;

#[tonic::async_trait]
impl ObjectService for Objects {
    type GetObjectStream = Parts;

    async fn put_object(
        &self,
        request: Request<Streaming<v1::PutObjectRequest>>,
    ) -> Result<Response<v1::PutObjectResponse>, Status> {
        let object = self.put(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(v1::PutObjectResponse { object: Some(object.encode()) }))
    }

    async fn get_object(&self, request: Request<v1::GetObjectRequest>) -> Result<Response<Parts>, Status> {
        self.get(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn stat_object(
        &self,
        request: Request<v1::StatObjectRequest>,
    ) -> Result<Response<v1::StatObjectResponse>, Status> {
        let v1::StatObjectRequest { bucket, key } = request.into_inner();
        let object = self.stat(bucket, key).await.map_err(to_status)?;
        Ok(Response::new(v1::StatObjectResponse { object: Some(object.encode()) }))
    }

    async fn list_objects(
        &self,
        request: Request<v1::ListObjectsRequest>,
    ) -> Result<Response<v1::ListObjectsResponse>, Status> {
        let page = self.list(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(page.encode()))
    }

    async fn delete_object(
        &self,
        request: Request<v1::DeleteObjectRequest>,
    ) -> Result<Response<v1::DeleteObjectResponse>, Status> {
        let v1::DeleteObjectRequest { bucket, key, condition: _, force: _ } = request.into_inner();
        self.delete(bucket, key).await.map_err(to_status)?;
        Ok(Response::new(v1::DeleteObjectResponse {}))
    }

    async fn change_object(
        &self,
        _: Request<v1::ChangeObjectRequest>,
    ) -> Result<Response<v1::ChangeObjectResponse>, Status> {
        Err(to_status(Refusal::new(Code::Internal, "WIP")))
    }

    async fn apply_objects(
        &self,
        _: Request<Streaming<v1::ApplyObjectsRequest>>,
    ) -> Result<Response<v1::ApplyObjectsResponse>, Status> {
        Err(to_status(Refusal::new(Code::Internal, "WIP")))
    }
}

impl Objects {
    async fn put(&self, mut parts: Streaming<v1::PutObjectRequest>) -> Result<ObjectInfo, Refusal> {
        let first = parts.message().await.map_err(from_status)?.and_then(|request| request.part);
        let Some(put_object_request::Part::Header(header)) = first else {
            return Err(Refusal::new(Code::InvalidRequest, "the first message of a put has to be its header"));
        };
        let v1::PutObjectHeader { bucket, key, content_type, size, condition: _ } = header;
        let (bucket, key) = locate(bucket, key)?;
        let content_type = content_type.map(|text| capped(text, "content_type", MAX_MEDIA_TYPE)).transpose()?;
        let blob = self.receive(parts, size).await?;
        Ok(self.store.put_object(&bucket, &key, content_type, blob, SystemTime::now()).await?)
    }

    async fn receive(&self, mut parts: Streaming<v1::PutObjectRequest>, size: Option<u64>) -> Result<NewBlob, Refusal> {
        if size.is_some_and(|size| size > MAX_OBJECT) {
            return Err(Refusal::new(Code::TooLarge, format!("the object is over the limit of {MAX_OBJECT} bytes")));
        }
        let mut writer = self.store.writer(size.unwrap_or(MAX_OBJECT)).await?;
        let paused = |_| Refusal::new(Code::InvalidRequest, format!("nothing came of the object for {PAUSE:?}"));
        while let Some(request) = timeout(PAUSE, parts.message()).await.map_err(paused)?.map_err(from_status)? {
            match required(request.part, "part")? {
                put_object_request::Part::Chunk(v1::Chunk { data }) => writer.write(data).await?,
                put_object_request::Part::Header(_) => {
                    return Err(Refusal::new(Code::InvalidRequest, "a put has one header"));
                }
            }
        }
        let blob = writer.finish().await?;
        match size {
            Some(size) if size != blob.size() => {
                let message = format!("the object came with {} of {size} bytes", blob.size());
                Err(Refusal::new(Code::InvalidRequest, message))
            }
            Some(_) | None => Ok(blob),
        }
    }

    async fn get(&self, request: v1::GetObjectRequest) -> Result<Parts, Refusal> {
        let v1::GetObjectRequest { bucket, key, offset, length } = request;
        let (bucket, key) = locate(bucket, key)?;
        let (info, reader) = self.store.open_object(&bucket, &key).await?;
        let reader = reader.range(offset.unwrap_or(0), length);
        let info = get_object_response::Part::Object(info.encode());
        let first = futures::stream::once(async { Ok(info) });
        let all = first.chain(chunks(reader).map_ok(get_object_response::Part::Chunk));
        Ok(all.map_ok(|part| v1::GetObjectResponse { part: Some(part) }).boxed())
    }

    async fn stat(&self, bucket: String, key: String) -> Result<ObjectInfo, Refusal> {
        let (bucket, key) = locate(bucket, key)?;
        Ok(self.store.object(&bucket, &key).await?)
    }

    async fn list(&self, request: v1::ListObjectsRequest) -> Result<ObjectPage, Refusal> {
        let v1::ListObjectsRequest { bucket, prefix, after, limit } = request;
        let bucket: BucketName = bucket.try_into()?;
        let after: Option<ObjectKey> = after.map(TryInto::try_into).transpose()?;
        let prefix = capped(prefix.unwrap_or_default(), "prefix", ObjectKey::MAX)?;
        let limit = limit.unwrap_or(ObjectPage::MAX);
        Ok(self.store.list_objects(&bucket, &prefix, after.as_ref(), limit).await?)
    }

    async fn delete(&self, bucket: String, key: String) -> Result<(), Refusal> {
        let (bucket, key) = locate(bucket, key)?;
        Ok(self.store.delete_object(&bucket, &key).await?)
    }
}

fn locate(bucket: String, key: String) -> Result<(BucketName, ObjectKey), Refusal> {
    Ok((bucket.try_into()?, key.try_into()?))
}
