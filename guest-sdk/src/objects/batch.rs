use super::Condition;
use crate::host::objects as wire;

/// One operation of a [batch](super::Bucket::batch).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Puts an object whole.
    Put {
        /// The key.
        key: String,
        /// The object; at most the function's `payload` limit.
        bytes: Vec<u8>,
        /// The media type, at most 256 bytes.
        content_type: Option<String>,
        /// What has to be true first.
        condition: Condition,
    },
    /// Removes an object.
    Delete {
        /// The key.
        key: String,
        /// What has to be true first.
        condition: Condition,
        /// Also if it is pinned or referenced.
        force: bool,
    },
    /// One reference more to the object under this key.
    AddRef(String),
    /// One reference less; with its last one an object goes, unless it is pinned.
    RemoveRef(String),
    /// Pins the object under this key.
    Pin(String),
    /// Unpins it.
    Unpin(String),
}

impl Operation {
    /// Puts an object whatever the key holds, without a media type.
    pub fn put(key: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::Put { key: key.into(), bytes: bytes.into(), content_type: None, condition: Condition::None }
    }

    /// Removes an object, unless it is pinned or referenced.
    pub fn delete(key: impl Into<String>) -> Self {
        Self::Delete { key: key.into(), condition: Condition::None, force: false }
    }

    /// One reference more to the object under `key`.
    pub fn add_ref(key: impl Into<String>) -> Self {
        Self::AddRef(key.into())
    }

    /// One reference less.
    pub fn remove_ref(key: impl Into<String>) -> Self {
        Self::RemoveRef(key.into())
    }

    /// Pins the object under `key`.
    pub fn pin(key: impl Into<String>) -> Self {
        Self::Pin(key.into())
    }

    /// Unpins it.
    pub fn unpin(key: impl Into<String>) -> Self {
        Self::Unpin(key.into())
    }
}

impl From<Operation> for wire::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Put { key, bytes, content_type, condition } => {
                Self::Put(wire::PutOperation { key, bytes, content_type, condition: condition.into() })
            }
            Operation::Delete { key, condition, force } => {
                Self::Delete(wire::DeleteOperation { key, condition: condition.into(), force })
            }
            Operation::AddRef(key) => Self::AddRef(key),
            Operation::RemoveRef(key) => Self::RemoveRef(key),
            Operation::Pin(key) => Self::Pin(key),
            Operation::Unpin(key) => Self::Unpin(key),
        }
    }
}
