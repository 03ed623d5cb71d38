//! What can go wrong, and which of it is only a full disk.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytesize::ByteSize;
use spear_state::JournalError;
use spear_types::{BucketName, Digest, FunctionName, KvKey, ObjectKey, StoreName, TaskId};

/// Why the store did not do what it was asked.
///
/// Nothing of it happened. Only when the disk fails in the last step of a commit may all of it have happened after all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk, a quota or the largest file that is allowed is reached.
    #[error("the disk is full")]
    Full,
    /// More bytes than the caller allows.
    #[error("the bytes are over the limit of {}", ByteSize(*limit).display().iec())]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// No function of this name.
    #[error("no function is named {name}")]
    UnknownFunction {
        /// The name that was asked for.
        name: FunctionName,
        /// Up to ten names that exist, the closest first.
        known: Vec<FunctionName>,
    },
    /// The function exists, this version of it does not.
    #[error("the function {name} has no version {version}; the newest is {newest}")]
    UnknownVersion {
        /// The function.
        name: FunctionName,
        /// The version that was asked for.
        version: u32,
        /// The newest version that exists.
        newest: u32,
    },
    /// Nothing was ever put into the bucket.
    #[error("there is no bucket {bucket}")]
    UnknownBucket {
        /// The bucket.
        bucket: BucketName,
    },
    /// The bucket exists, the object does not.
    #[error("the bucket {bucket} has no object {key}")]
    UnknownObject {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
    },
    /// The object or the value is another one than was expected.
    #[error("{message}")]
    ConditionFailed {
        /// What was expected, and what is there.
        message: String,
        /// The version that is there; none where nothing is.
        version: Option<u64>,
    },
    /// The object is pinned or referenced, and its removal was not forced.
    #[error("the object {bucket}/{key} is in use: it is {}pinned and has {references} reference{}", if *pinned { "" } else { "not " }, if *references == 1 { "" } else { "s" })]
    ObjectInUse {
        /// The bucket.
        bucket: BucketName,
        /// The key.
        key: ObjectKey,
        /// How many references hold it.
        references: u64,
        /// Whether it is pinned.
        pinned: bool,
    },
    /// An increment of what is no number, or out of the numbers' range.
    #[error("the value {store}/{key} {problem}")]
    NotANumber {
        /// The store.
        store: StoreName,
        /// The key.
        key: KvKey,
        /// What is wrong with it.
        problem: String,
    },
    /// A value over the limit.
    #[error("the value {store}/{key} has {size} bytes, the limit is {limit}")]
    ValueTooLarge {
        /// The store.
        store: StoreName,
        /// The key.
        key: KvKey,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// More bytes than one call may read or change.
    #[error("the keys and values of one call have more than {limit} bytes in all")]
    TooManyBytes {
        /// The limit in bytes.
        limit: usize,
    },
    /// More operations than one call may have.
    #[error("{count} operations are over the limit of {limit} for one call")]
    TooManyOperations {
        /// How many there were.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// No bytes of this digest.
    #[error("no bytes with the digest {digest} are kept")]
    UnknownBlob {
        /// The digest.
        digest: Digest,
    },
    /// Another process has the directory or the file in it open, or this one has it open already.
    #[error("{} is in use by another process", dir.display())]
    InUse {
        /// The directory, or the file.
        dir: PathBuf,
    },
    /// What is to be remembered of a task does not follow from what is.
    #[error("the task {task} {problem}")]
    Contradiction {
        /// The task.
        task: TaskId,
        /// What does not follow.
        problem: &'static str,
    },
    /// What is on the disk was not written by this program, or was damaged since.
    #[error("the stored data is damaged: {0}")]
    Corrupted(String),
    /// The disk or the file system failed.
    #[error("the file system failed: {0}")]
    Io(#[source] io::Error),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[source] redb::Error),
}

impl Error {
    /// Whether it is about what was asked, and not about the disk.
    pub(crate) fn is_refusal(&self) -> bool {
        !matches!(
            self,
            Self::Full
                | Self::InUse { .. }
                | Self::Contradiction { .. }
                | Self::Corrupted(_)
                | Self::Io(_)
                | Self::Database(_)
        )
    }

    /// A failure of the disk, for another whose change went with it.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Full => Self::Full,
            Self::Corrupted(what) => Self::Corrupted(what.clone()),
            Self::Io(error) => Self::Io(io::Error::new(error.kind(), error.to_string())),
            other => Self::Io(io::Error::other(other.to_string())),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// What failed at `path`: the system's own errors do not say where.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()
}

impl From<redb::Error> for Error {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::Corrupted(what) => Self::Corrupted(what),
            other => Self::Database(other),
        }
    }
}

impl From<Error> for JournalError {
    fn from(error: Error) -> Self {
        match error {
            Error::Full => Self::Full,
            error @ Error::Contradiction { .. } => Self::Contradiction(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupted(format!("a record: {error}"))
    }
}

/// redb has an error for each kind of step; all are the same to us.
macro_rules! from_redb {
    ($($step:ident),*) => {$(
        impl From<redb::$step> for Error {
            fn from(error: redb::$step) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}

from_redb!(DatabaseError, TransactionError, TableError, StorageError, CommitError);
