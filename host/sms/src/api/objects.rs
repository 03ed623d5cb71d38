//! `ObjectService`.

mod upload;

use std::time::SystemTime;

use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use spear_proto::v1::{self, get_object_response, object_service_server::ObjectService};
use spear_store::{Operation, Store};
use spear_types::{BucketName, Code, ObjectInfo, ObjectKey, ObjectPage, Refusal};
use spear_wire::{Encode as _, capped, to_status};
use tonic::{Request, Response, Status, Streaming};

use super::nodes::chunks;

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
        self.delete(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(v1::DeleteObjectResponse {}))
    }

    async fn change_object(
        &self,
        request: Request<v1::ChangeObjectRequest>,
    ) -> Result<Response<v1::ChangeObjectResponse>, Status> {
        let object = self.change(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(changed(object)))
    }

    async fn apply_objects(
        &self,
        request: Request<Streaming<v1::ApplyObjectsRequest>>,
    ) -> Result<Response<v1::ApplyObjectsResponse>, Status> {
        let objects = self.apply(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(v1::ApplyObjectsResponse { results: objects.into_iter().map(changed).collect() }))
    }
}

impl Objects {
    async fn put(&self, parts: Streaming<v1::PutObjectRequest>) -> Result<ObjectInfo, Refusal> {
        let put = upload::put(&self.store, parts).await?;
        self.one(put).await?.ok_or_else(|| Refusal::new(Code::Internal, "what was put is not there"))
    }

    async fn delete(&self, request: v1::DeleteObjectRequest) -> Result<(), Refusal> {
        self.one(upload::delete(request)?).await.map(drop)
    }

    async fn change(&self, request: v1::ChangeObjectRequest) -> Result<Option<ObjectInfo>, Refusal> {
        self.one(upload::change(request)?).await
    }

    async fn apply(&self, parts: Streaming<v1::ApplyObjectsRequest>) -> Result<Vec<Option<ObjectInfo>>, Refusal> {
        let operations = upload::batch(&self.store, parts).await?;
        Ok(self.store.change_objects(operations, SystemTime::now()).await?)
    }

    async fn one(&self, operation: Operation) -> Result<Option<ObjectInfo>, Refusal> {
        Ok(self.store.change_objects(vec![operation], SystemTime::now()).await?.pop().flatten())
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
}

fn changed(object: Option<ObjectInfo>) -> v1::ChangeObjectResponse {
    v1::ChangeObjectResponse { object: object.map(ObjectInfo::encode) }
}

fn locate(bucket: String, key: String) -> Result<(BucketName, ObjectKey), Refusal> {
    Ok((bucket.try_into()?, key.try_into()?))
}
