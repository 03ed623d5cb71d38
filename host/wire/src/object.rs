//! Objects.

use spear_types::{ObjectInfo, ObjectPage, Refusal};

use crate::{Decode, Encode, payload::timestamp, v1};

impl Decode<v1::Object> for ObjectInfo {
    fn decode(message: v1::Object) -> Result<Self, Refusal> {
        let v1::Object { bucket, key, size, etag, version, content_type, modified } = message;
        Ok(Self {
            bucket: bucket.try_into()?,
            key: key.try_into()?,
            size,
            etag: etag.parse()?,
            version,
            content_type,
            modified: timestamp(modified, "object.modified")?,
        })
    }
}

impl Encode<v1::Object> for ObjectInfo {
    fn encode(self) -> v1::Object {
        let Self { bucket, key, size, etag, version, content_type, modified } = self;
        v1::Object {
            bucket: bucket.into(),
            key: key.into(),
            size,
            etag: etag.to_string(),
            version,
            content_type,
            modified: Some(modified.into()),
        }
    }
}

impl Decode<v1::ListObjectsResponse> for ObjectPage {
    fn decode(message: v1::ListObjectsResponse) -> Result<Self, Refusal> {
        let v1::ListObjectsResponse { objects, next } = message;
        Ok(Self {
            objects: objects.into_iter().map(ObjectInfo::decode).collect::<Result<_, _>>()?,
            next: next.map(TryInto::try_into).transpose()?,
        })
    }
}

impl Encode<v1::ListObjectsResponse> for ObjectPage {
    fn encode(self) -> v1::ListObjectsResponse {
        let Self { objects, next } = self;
        v1::ListObjectsResponse {
            objects: objects.into_iter().map(Encode::encode).collect(),
            next: next.map(Into::into),
        }
    }
}
