//! Objects as a component has them.

use std::time::UNIX_EPOCH;

use spear_types::{Code, Condition, ObjectChange, ObjectInfo, ObjectKey, ObjectPage, Refusal};

use super::{Operation, wit};

impl From<ObjectInfo> for wit::Info {
    fn from(info: ObjectInfo) -> Self {
        let ObjectInfo { bucket: _, key, size, etag, version, content_type, modified, references, pinned } = info;
        let modified_ms = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        Self { key: key.into(), size, etag: etag.to_string(), version, content_type, modified_ms, references, pinned }
    }
}

impl From<ObjectPage> for wit::Page {
    fn from(page: ObjectPage) -> Self {
        let ObjectPage { objects, next } = page;
        Self { objects: objects.into_iter().map(Into::into).collect(), next: next.map(Into::into) }
    }
}

impl TryFrom<wit::Condition> for Condition {
    type Error = Refusal;

    fn try_from(condition: wit::Condition) -> Result<Self, Refusal> {
        Ok(match condition {
            wit::Condition::None => Self::None,
            wit::Condition::Etag(etag) => Self::Etag(etag.parse()?),
            wit::Condition::Version(version) => Self::Version(version),
            wit::Condition::Absent => Self::Absent,
        })
    }
}

impl TryFrom<wit::Operation> for Operation {
    type Error = Refusal;

    fn try_from(operation: wit::Operation) -> Result<Self, Refusal> {
        let (key, change) = match operation {
            wit::Operation::Put(wit::PutOperation { key, bytes, content_type, condition }) => {
                let (key, condition) = (ObjectKey::try_from(key)?, condition.try_into()?);
                return Ok(Self::Put { key, bytes: bytes.into(), content_type, condition });
            }
            wit::Operation::Delete(wit::DeleteOperation { key, condition, force }) => {
                (key, ObjectChange::Delete { condition: condition.try_into()?, force })
            }
            wit::Operation::AddRef(key) => (key, ObjectChange::AddRef),
            wit::Operation::RemoveRef(key) => (key, ObjectChange::RemoveRef),
            wit::Operation::Pin(key) => (key, ObjectChange::Pin),
            wit::Operation::Unpin(key) => (key, ObjectChange::Unpin),
        };
        Ok(Self::Change { key: ObjectKey::try_from(key)?, change })
    }
}

impl From<Refusal> for wit::Error {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.message;
        match refusal.code {
            Code::NotGranted => Self::Denied(text),
            Code::UnknownBucket => Self::UnknownBucket(text),
            Code::UnknownObject => Self::NotFound(text),
            Code::InvalidName | Code::InvalidRequest => Self::Invalid(text),
            Code::TooLarge | Code::LimitTooHigh => Self::OverLimit(text),
            Code::ConditionFailed => Self::ConditionFailed(text),
            Code::ObjectInUse => Self::InUse(text),
            // The store says nothing else of an object: what is left is its own trouble.
            _ => Self::Unavailable(text),
        }
    }
}
