use std::time::{Duration, SystemTime};

use crate::host::objects as wire;

/// What is known of an object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The key.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes in lower-case hexadecimal: equal bytes, equal etag.
    pub etag: String,
    /// 1 when the key was first put, one more with each put.
    pub version: u64,
    /// The media type given with the put.
    pub content_type: Option<String>,
    /// When it was put, by SPEAR's clock, to the millisecond.
    pub modified: SystemTime,
    /// How many references hold it.
    pub references: u64,
    /// Whether it stays without a reference.
    pub pinned: bool,
}

/// What has to be true of a key before it is changed: compare-and-swap. Of two that want the same version, one gets
/// [`Error::ConditionFailed`](super::Error::ConditionFailed).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// It has an object with this etag.
    Etag(String),
    /// It has an object of this version.
    Version(u64),
    /// It has no object.
    Absent,
}

impl From<wire::Info> for Info {
    fn from(info: wire::Info) -> Self {
        let wire::Info { key, size, etag, version, content_type, modified_ms, references, pinned } = info;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(modified_ms);
        Self { key, size, etag, version, content_type, modified, references, pinned }
    }
}

impl From<Condition> for wire::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::None => Self::None,
            Condition::Etag(etag) => Self::Etag(etag),
            Condition::Version(version) => Self::Version(version),
            Condition::Absent => Self::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_become_a_time() {
        let info = wire::Info {
            key: "a".to_owned(),
            size: 0,
            etag: String::new(),
            version: 1,
            content_type: None,
            modified_ms: 1_500,
            references: 2,
            pinned: true,
        };
        let put = Info::from(info).modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(put, Duration::from_millis(1_500));
    }
}
