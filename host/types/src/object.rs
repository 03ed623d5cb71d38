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
    /// How many references hold it. When the last one goes while it is not pinned, so does the object.
    #[serde(default)]
    pub references: u64,
    /// Whether it stays without a reference.
    #[serde(default)]
    pub pinned: bool,
}

/// What has to be true of a key before it is changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// It has an object with these bytes.
    Etag(Digest),
    /// It has an object of this version.
    Version(u64),
    /// It has no object.
    Absent,
}

/// A change of one object without bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectChange {
    /// Removes it.
    Delete {
        /// What has to be true first.
        condition: Condition,
        /// Also if it is pinned or referenced.
        force: bool,
    },
    /// One reference more.
    AddRef,
    /// One reference less; the object goes with its last one unless it is pinned.
    RemoveRef,
    /// Has it stay without a reference.
    Pin,
    /// Has it go with its last reference.
    Unpin,
}

/// One page of a listing, in the order of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// The objects.
    pub objects: Vec<ObjectInfo>,
    /// The key to go on after; none at the end.
    pub next: Option<ObjectKey>,
}

impl ObjectChange {
    /// The most changes of one batch: what one transaction may cost is not the caller's choice.
    pub const MAX: usize = 1000;
}

impl ObjectPage {
    /// The longest page: what one listing may cost is not the caller's choice.
    pub const MAX: u32 = 1000;
}
