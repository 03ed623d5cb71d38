//! What is known of an object without its bytes.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{BucketName, Digest, ObjectKey};

/// The longest media type in bytes: it stands in every listing.
pub const MAX_MEDIA_TYPE: usize = 256;

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes: equal bytes, equal etag.
    pub etag: Digest,
    /// 1 when the key was first put, one more with each put.
    pub version: u64,
    /// The media type given with the put.
    pub content_type: Option<String>,
    /// When it was put, by the SMS's clock.
    #[serde(with = "humantime_serde")]
    pub modified: SystemTime,
}

/// One page of a listing, in the order of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// The objects.
    pub objects: Vec<ObjectInfo>,
    /// The key to go on after; none at the end.
    pub next: Option<ObjectKey>,
}

impl ObjectPage {
    /// The longest page: what one listing may cost is not the caller's choice.
    pub const MAX: u32 = 1000;
}
