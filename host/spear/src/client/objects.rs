//! Objects.

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use spear_proto::v1::{self, get_object_response, object_service_client::ObjectServiceClient, put_object_request};
use spear_types::{BucketName, Code, ObjectChange, ObjectInfo, ObjectKey, ObjectPage, Refusal};
use spear_wire::{Decode as _, Encode as _, from_status, required, stream::chunks};
use tonic::{Streaming, transport::Channel};

use super::{Answer, Client};

impl Client {
    pub(crate) async fn put_object(
        &self,
        header: v1::PutObjectHeader,
        bytes: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Answer<ObjectInfo> {
        let header = futures::stream::iter([put_object_request::Part::Header(header)]);
        let body = bytes.flat_map(|bytes| futures::stream::iter(chunks(bytes).map(put_object_request::Part::Chunk)));
        let requests = header.chain(body).map(|part| v1::PutObjectRequest { part: Some(part) });
        let response = self.objects().put_object(requests).await;
        ObjectInfo::decode(required(self.answered(response)?.object, "object")?)
    }

    /// The object's info, and its bytes as they come: `length` of them from `offset` on, or all.
    pub(crate) async fn get_object(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        offset: Option<u64>,
        length: Option<u64>,
    ) -> Answer<(ObjectInfo, Streaming<v1::GetObjectResponse>)> {
        let request = v1::GetObjectRequest { bucket: bucket.to_string(), key: key.to_string(), offset, length };
        let response = self.objects().get_object(request).await;
        let mut parts = self.answered(response)?;
        let first = parts.message().await.map_err(from_status)?.and_then(|response| response.part);
        let Some(get_object_response::Part::Object(object)) = first else {
            return Err(Refusal::new(Code::InvalidRequest, "the object's info is missing"));
        };
        Ok((ObjectInfo::decode(object)?, parts))
    }

    pub(crate) async fn stat_object(&self, bucket: &BucketName, key: &ObjectKey) -> Answer<ObjectInfo> {
        let request = v1::StatObjectRequest { bucket: bucket.to_string(), key: key.to_string() };
        let response = self.objects().stat_object(request).await;
        ObjectInfo::decode(required(self.answered(response)?.object, "object")?)
    }

    pub(crate) async fn list_objects(
        &self,
        bucket: &BucketName,
        prefix: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Answer<ObjectPage> {
        let request = v1::ListObjectsRequest { bucket: bucket.to_string(), prefix, after, limit: Some(limit) };
        let response = self.objects().list_objects(request).await;
        ObjectPage::decode(self.answered(response)?)
    }

    /// What the object is then; nothing when it is gone.
    pub(crate) async fn change_object(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        change: ObjectChange,
    ) -> Answer<Option<ObjectInfo>> {
        let (bucket, key) = (bucket.to_string(), key.to_string());
        let change = match change {
            ObjectChange::Delete { condition, force } => {
                let request = v1::DeleteObjectRequest { bucket, key, condition: condition.encode(), force };
                let response = self.objects().delete_object(request).await;
                return self.answered(response).map(|v1::DeleteObjectResponse {}| None);
            }
            ObjectChange::AddRef => v1::ObjectChange::AddRef,
            ObjectChange::RemoveRef => v1::ObjectChange::RemoveRef,
            ObjectChange::Pin => v1::ObjectChange::Pin,
            ObjectChange::Unpin => v1::ObjectChange::Unpin,
        };
        let request = v1::ChangeObjectRequest { bucket, key, change: change.into() };
        let response = self.objects().change_object(request).await;
        Option::<ObjectInfo>::decode(self.answered(response)?)
    }

    fn objects(&self) -> ObjectServiceClient<Channel> {
        ObjectServiceClient::new(self.channel.clone())
    }
}
