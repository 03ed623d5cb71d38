use crate::host::kv as wire;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The bytes, at most 1 MiB.
    pub value: Vec<u8>,
    /// Rises with each write to any key and is never given twice, so a key that was deleted and written again has another
    /// version.
    pub version: u64,
}

/// What has to be true of a key before it is changed: compare-and-swap. Of two that expect the same version, one gets
/// [`Error::Conflict`](super::Error::Conflict).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    #[default]
    Anything,
    /// It has no value.
    Absent,
    /// Its value has this version.
    Version(u64),
}

/// One change of [several at once](super::Store::apply).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Sets a value.
    Put {
        /// The key.
        key: String,
        /// The value, at most 1 MiB.
        value: Vec<u8>,
        /// What has to be true first.
        expected: Expected,
    },
    /// Removes a value; a key without one is left alone.
    Delete {
        /// The key.
        key: String,
        /// What has to be true first.
        expected: Expected,
    },
    /// Adds to a number.
    Increment {
        /// The key.
        key: String,
        /// What is added.
        by: i64,
    },
}

impl Change {
    /// Sets a value whatever the key has.
    pub fn put(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Put { key: key.into(), value: value.into(), expected: Expected::Anything }
    }

    /// Removes a value whatever it is.
    pub fn delete(key: impl Into<String>) -> Self {
        Self::Delete { key: key.into(), expected: Expected::Anything }
    }

    /// Adds to a number; an absent one counts as 0.
    pub fn increment(key: impl Into<String>, by: i64) -> Self {
        Self::Increment { key: key.into(), by }
    }
}

impl From<wire::Entry> for Entry {
    fn from(wire::Entry { value, version }: wire::Entry) -> Self {
        Self { value, version }
    }
}

impl From<Expected> for wire::Expected {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Anything => Self::Anything,
            Expected::Absent => Self::Absent,
            Expected::Version(version) => Self::Version(version),
        }
    }
}

impl From<Change> for wire::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::Put { key, value, expected } => Self::Put((key, value, expected.into())),
            Change::Delete { key, expected } => Self::Delete((key, expected.into())),
            Change::Increment { key, by } => Self::Increment((key, by)),
        }
    }
}
