//! Objects.

use spear_types::{Condition, ObjectChange, ObjectInfo, ObjectPage, Refusal};
use v1::condition::{Absent, Is};

use crate::{Decode, Encode, invalid, payload::timestamp, v1};

impl Decode<v1::Object> for ObjectInfo {
    fn decode(message: v1::Object) -> Result<Self, Refusal> {
        let v1::Object { bucket, key, size, etag, version, content_type, modified, references, pinned } = message;
        Ok(Self {
            bucket: bucket.try_into()?,
            key: key.try_into()?,
            size,
            etag: etag.parse()?,
            version,
            content_type,
            modified: timestamp(modified, "object.modified")?,
            references,
            pinned,
        })
    }
}

impl Encode<v1::Object> for ObjectInfo {
    fn encode(self) -> v1::Object {
        let Self { bucket, key, size, etag, version, content_type, modified, references, pinned } = self;
        v1::Object {
            bucket: bucket.into(),
            key: key.into(),
            size,
            etag: etag.to_string(),
            version,
            content_type,
            modified: Some(modified.into()),
            references,
            pinned,
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

/// An absent message is no condition.
impl Decode<Option<v1::Condition>> for Condition {
    fn decode(message: Option<v1::Condition>) -> Result<Self, Refusal> {
        Ok(match message.and_then(|condition| condition.is) {
            None => Self::None,
            Some(Is::Etag(etag)) => Self::Etag(etag.parse()?),
            Some(Is::Version(version)) => Self::Version(version),
            Some(Is::Absent(Absent {})) => Self::Absent,
        })
    }
}

impl Encode<Option<v1::Condition>> for Condition {
    fn encode(self) -> Option<v1::Condition> {
        let is = match self {
            Self::None => return None,
            Self::Etag(etag) => Is::Etag(etag.to_string()),
            Self::Version(version) => Is::Version(version),
            Self::Absent => Is::Absent(Absent {}),
        };
        Some(v1::Condition { is: Some(is) })
    }
}

impl Decode<i32> for ObjectChange {
    fn decode(message: i32) -> Result<Self, Refusal> {
        match v1::ObjectChange::try_from(message) {
            Ok(v1::ObjectChange::AddRef) => Ok(Self::AddRef),
            Ok(v1::ObjectChange::RemoveRef) => Ok(Self::RemoveRef),
            Ok(v1::ObjectChange::Pin) => Ok(Self::Pin),
            Ok(v1::ObjectChange::Unpin) => Ok(Self::Unpin),
            Ok(v1::ObjectChange::Unspecified) | Err(_) => Err(invalid(format!("{message} is no change"))),
        }
    }
}

impl Decode<v1::DeleteObjectRequest> for ObjectChange {
    fn decode(message: v1::DeleteObjectRequest) -> Result<Self, Refusal> {
        let v1::DeleteObjectRequest { bucket: _, key: _, condition, force } = message;
        Ok(Self::Delete { condition: Condition::decode(condition)?, force })
    }
}

/// What an object is after a change; none when it is gone.
impl Decode<v1::ChangeObjectResponse> for Option<ObjectInfo> {
    fn decode(message: v1::ChangeObjectResponse) -> Result<Self, Refusal> {
        message.object.map(ObjectInfo::decode).transpose()
    }
}
