//! What a program calls: parse the bucket's name, hand over, convert.

use bytes::Bytes;
use spear_types::{BucketName, Condition, ObjectChange, ObjectInfo, ObjectKey, Refusal};
use spear_wire::{
    Decode as _, Encode as _, required,
    v1::{self, objects_error::Kind, objects_operation as operation, objects_server::Objects},
};
use tonic::{Request, Response};

use super::{Operation, Range, View, checked::Checked, wit};
use crate::remote::{Answer, Program};

#[tonic::async_trait]
impl Objects for Program {
    async fn get(&self, request: Request<v1::ObjectsKeyRequest>) -> Answer<v1::ObjectsGetResponse> {
        let v1::ObjectsKeyRequest { bucket, key } = request.into_inner();
        bytes(self.own.objects().get(bucket, key, Range::Whole).await)
    }

    async fn get_range(&self, request: Request<v1::ObjectsGetRangeRequest>) -> Answer<v1::ObjectsGetResponse> {
        let v1::ObjectsGetRangeRequest { bucket, key, offset, length } = request.into_inner();
        bytes(self.own.objects().get(bucket, key, Range::Part { offset, length }).await)
    }

    async fn put(&self, request: Request<v1::ObjectsPutRequest>) -> Answer<v1::ObjectsInfoResponse> {
        let v1::ObjectsPutRequest { bucket, key, bytes, content_type, condition } = request.into_inner();
        let objects = self.own.objects();
        let put = async {
            let bucket = objects.named(bucket)?;
            objects.write(&bucket, key, bytes, content_type, Condition::decode(condition)).await.map(Some)
        };
        info(put.await)
    }

    async fn stat(&self, request: Request<v1::ObjectsKeyRequest>) -> Answer<v1::ObjectsInfoResponse> {
        let v1::ObjectsKeyRequest { bucket, key } = request.into_inner();
        let objects = self.own.objects();
        let stat = async { objects.look(&objects.named(bucket)?, key).await.map(Some) };
        info(stat.await)
    }

    async fn list(&self, request: Request<v1::ObjectsListRequest>) -> Answer<v1::ObjectsListResponse> {
        let v1::ObjectsListRequest { bucket, prefix, after, limit } = request.into_inner();
        let objects = self.own.objects();
        let page = async { objects.page(&objects.named(bucket)?, prefix, after, limit).await };
        Ok(Response::new(match page.await {
            Ok(page) => {
                let v1::ListObjectsResponse { objects, next } = page.encode();
                v1::ObjectsListResponse { error: None, objects, next }
            }
            Err(refusal) => v1::ObjectsListResponse { error: error(refusal), ..Default::default() },
        }))
    }

    async fn delete(&self, request: Request<v1::ObjectsDeleteRequest>) -> Answer<v1::ObjectsDeleteResponse> {
        let v1::ObjectsDeleteRequest { bucket, key, condition, force } = request.into_inner();
        let change = Condition::decode(condition).map(|condition| ObjectChange::Delete { condition, force });
        let changed = self.own.objects().changed(bucket, key, change).await;
        Ok(Response::new(v1::ObjectsDeleteResponse { error: changed.err().and_then(error) }))
    }

    async fn add_ref(&self, request: Request<v1::ObjectsKeyRequest>) -> Answer<v1::ObjectsInfoResponse> {
        info(self.own.objects().kept(request, ObjectChange::AddRef).await)
    }

    async fn remove_ref(&self, request: Request<v1::ObjectsKeyRequest>) -> Answer<v1::ObjectsInfoResponse> {
        let v1::ObjectsKeyRequest { bucket, key } = request.into_inner();
        info(self.own.objects().changed(bucket, key, Ok(ObjectChange::RemoveRef)).await)
    }

    async fn pin(&self, request: Request<v1::ObjectsKeyRequest>) -> Answer<v1::ObjectsInfoResponse> {
        info(self.own.objects().kept(request, ObjectChange::Pin).await)
    }

    async fn unpin(&self, request: Request<v1::ObjectsKeyRequest>) -> Answer<v1::ObjectsInfoResponse> {
        info(self.own.objects().kept(request, ObjectChange::Unpin).await)
    }

    async fn batch(&self, request: Request<v1::ObjectsBatchRequest>) -> Answer<v1::ObjectsBatchResponse> {
        let v1::ObjectsBatchRequest { bucket, operations } = request.into_inner();
        let objects = self.own.objects();
        let operations = operations.into_iter().map(self::operation).collect();
        let applied = async { objects.apply(&objects.named(bucket)?, operations).await };
        let result = |info: Option<ObjectInfo>| v1::ChangeObjectResponse { object: info.map(ObjectInfo::encode) };
        Ok(Response::new(match applied.await {
            Ok(infos) => v1::ObjectsBatchResponse { error: None, results: infos.into_iter().map(result).collect() },
            Err(refusal) => v1::ObjectsBatchResponse { error: error(refusal), ..Default::default() },
        }))
    }
}

impl View<'_> {
    /// The bucket that a call names; one that cannot be is a hostcall as well.
    fn named(&self, name: String) -> Checked<BucketName> {
        let malformed = |error| {
            self.meter.hostcall(0);
            Refusal::from(error)
        };
        BucketName::try_from(name).map_err(malformed)
    }

    async fn get(&self, bucket: String, key: String, range: Range) -> Checked<Bytes> {
        self.read(&self.named(bucket)?, key, range).await
    }

    async fn changed(&self, bucket: String, key: String, change: Checked<ObjectChange>) -> Checked<Option<ObjectInfo>> {
        self.change(&self.named(bucket)?, key, change).await
    }

    async fn kept(&self, request: Request<v1::ObjectsKeyRequest>, change: ObjectChange) -> Checked<Option<ObjectInfo>> {
        let v1::ObjectsKeyRequest { bucket, key } = request.into_inner();
        self.keep(&self.named(bucket)?, key, change).await.map(Some)
    }
}

fn operation(message: v1::ObjectsOperation) -> Checked<Operation> {
    let v1::ObjectsOperation { key, kind } = message;
    let key = ObjectKey::try_from(key)?;
    let change = match required(kind, "operation.kind")? {
        operation::Kind::Put(operation::Put { bytes, content_type, condition }) => {
            return Ok(Operation::Put { key, bytes, content_type, condition: Condition::decode(condition)? });
        }
        operation::Kind::Delete(operation::Delete { condition, force }) => {
            ObjectChange::Delete { condition: Condition::decode(condition)?, force }
        }
        operation::Kind::Change(change) => ObjectChange::decode(change)?,
    };
    Ok(Operation::Change { key, change })
}

fn bytes(read: Checked<Bytes>) -> Answer<v1::ObjectsGetResponse> {
    Ok(Response::new(match read {
        Ok(bytes) => v1::ObjectsGetResponse { error: None, bytes },
        Err(refusal) => v1::ObjectsGetResponse { error: error(refusal), ..Default::default() },
    }))
}

fn info(info: Checked<Option<ObjectInfo>>) -> Answer<v1::ObjectsInfoResponse> {
    Ok(Response::new(match info {
        Ok(info) => v1::ObjectsInfoResponse { error: None, info: info.map(ObjectInfo::encode) },
        Err(refusal) => v1::ObjectsInfoResponse { error: error(refusal), info: None },
    }))
}

/// As a component has it, in a message.
fn error(refusal: Refusal) -> Option<v1::ObjectsError> {
    let kind = match wit::Error::from(refusal) {
        wit::Error::Denied(text) => Kind::Denied(text),
        wit::Error::UnknownBucket(text) => Kind::UnknownBucket(text),
        wit::Error::NotFound(text) => Kind::NotFound(text),
        wit::Error::Invalid(text) => Kind::Invalid(text),
        wit::Error::ConditionFailed(text) => Kind::ConditionFailed(text),
        wit::Error::InUse(text) => Kind::InUse(text),
        wit::Error::OverLimit(text) => Kind::OverLimit(text),
        wit::Error::Unavailable(text) => Kind::Unavailable(text),
    };
    Some(v1::ObjectsError { kind: Some(kind) })
}
