//! Versioned values under keys.

use bytes::Bytes;

use crate::KvKey;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEntry {
    /// The bytes, at most [`KvEntry::MAX_VALUE`].
    pub value: Bytes,
    /// Drawn with each write from one rising count that the whole store of the SMS shares: never given twice, so a key
    /// that was deleted and written again has another version.
    pub version: u64,
}

/// What has to be true of a key before it is changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    #[default]
    Anything,
    /// It has no value.
    Absent,
    /// It has the value of this version.
    Version(u64),
}

/// One change. Several are made together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvChange {
    /// Sets a value.
    Put {
        /// The key.
        key: KvKey,
        /// The new value.
        value: Bytes,
        /// What has to be true first.
        expected: Expected,
    },
    /// Removes a value; a key without one is left alone.
    Delete {
        /// The key.
        key: KvKey,
        /// What has to be true first.
        expected: Expected,
    },
    /// Adds to a number, which is its decimal text; an absent one counts as 0.
    Increment {
        /// The key.
        key: KvKey,
        /// What is added.
        by: i64,
    },
}

/// What a change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvChanged {
    /// The value has this version now.
    Put {
        /// Its version.
        version: u64,
    },
    /// The key has no value now.
    Deleted {
        /// Whether it had one.
        existed: bool,
    },
    /// The number is this now.
    Incremented {
        /// The number.
        number: i64,
        /// Its version.
        version: u64,
    },
}

/// One page of a listing, in the order of the keys' bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KvPage {
    /// The keys and their values.
    pub entries: Vec<(KvKey, KvEntry)>,
    /// The key to go on after; none at the end.
    pub next: Option<KvKey>,
}

impl KvEntry {
    /// The largest value in bytes: larger ones are objects.
    pub const MAX_VALUE: usize = 1 << 20;
}

impl KvChange {
    /// The most keys that one call may read or change.
    pub const MAX_BATCH: usize = 1000;

    /// The most bytes that one call may read or change: a page ends early, a batch is refused.
    pub const MAX_BYTES: usize = 4 << 20;

    /// The key that is changed.
    #[must_use]
    pub fn key(&self) -> &KvKey {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Increment { key, .. } => key,
        }
    }
}

impl KvPage {
    /// The longest page.
    pub const MAX: u32 = 1000;
}
