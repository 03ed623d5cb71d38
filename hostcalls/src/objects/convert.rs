//! Objects as the guest has them.

use std::time::UNIX_EPOCH;

use spear_types::{Code, Condition, ObjectInfo, ObjectPage, Refusal};

use super::wit;

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
    type Error = wit::Error;

    fn try_from(condition: wit::Condition) -> Result<Self, wit::Error> {
        Ok(match condition {
            wit::Condition::None => Self::None,
            wit::Condition::Etag(etag) => Self::Etag(etag.parse()?),
            wit::Condition::Version(version) => Self::Version(version),
            wit::Condition::Absent => Self::Absent,
        })
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
