//! What is behind the capabilities here: one object, one value, one secret and one task, under every name.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use spear_types::{
    BucketName, Condition, KvChange, KvChanged, KvEntry, KvKey, KvPage, ObjectChange, ObjectInfo, ObjectKey,
    ObjectPage, Outcome, Priority, Refusal, SecretName, StoreName, TaskId, TaskInfo, TaskState, Timestamp,
};
use tokio::sync::Notify;

use crate::{
    Backends,
    files::Folders,
    http::Network,
    kv,
    objects::{self, Operation, Range},
    secrets,
    tasks::{self, Invocation, NewTask},
};

/// What nobody may see without a grant; also a secret, and so in no log.
pub(super) const TREASURE: &str = "treasure";

#[derive(Default)]
pub(super) struct Cluster {
    /// How often it was asked.
    asked: AtomicU32,
    /// A call of the function, the object or the value `waits` came, and will not be answered.
    pub(super) waiting: Notify,
    /// It was given up.
    pub(super) given_up: Notify,
}

pub(super) fn backends(cluster: &Arc<Cluster>) -> Backends {
    Backends {
        objects: Arc::clone(cluster) as _,
        kv: Arc::clone(cluster) as _,
        tasks: Arc::clone(cluster) as _,
        secrets: Arc::clone(cluster) as _,
        network: Network::new(None).unwrap(),
        folders: Folders::default(),
    }
}

impl Cluster {
    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    fn answer<'a, T: Send + 'a>(&self, value: T) -> BoxFuture<'a, Result<T, Refusal>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        async { Ok(value) }.boxed()
    }

    fn wait<'a, T: Send + 'a>(&'a self) -> BoxFuture<'a, Result<T, Refusal>> {
        struct GivenUp<'a>(&'a Notify);
        impl Drop for GivenUp<'_> {
            fn drop(&mut self) {
                self.0.notify_one();
            }
        }
        async {
            let _given_up = GivenUp(&self.given_up);
            self.waiting.notify_one();
            std::future::pending().await
        }
        .boxed()
    }
}

fn info(bucket: &BucketName, key: &ObjectKey) -> ObjectInfo {
    ObjectInfo {
        bucket: bucket.clone(),
        key: key.clone(),
        size: TREASURE.len() as u64,
        etag: "a".repeat(64).parse().unwrap(),
        version: 4,
        content_type: Some("text/plain".to_owned()),
        modified: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        references: 2,
        pinned: true,
    }
}

impl objects::Backend for Cluster {
    fn get<'a>(&'a self, _: &'a BucketName, key: &'a ObjectKey, range: Range, _: u64) -> objects::Answer<'a, Bytes> {
        if key.as_str() == "waits" {
            return self.wait();
        }
        let Range::Part { offset, length } = range else { return self.answer(TREASURE.into()) };
        let (start, end) = (usize::try_from(offset).unwrap(), usize::try_from(offset + length).unwrap());
        self.answer(TREASURE.as_bytes()[start..end].into())
    }

    fn put<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        _: Bytes,
        _: Option<String>,
        condition: Condition,
    ) -> objects::Answer<'a, ObjectInfo> {
        if condition == Condition::Absent {
            let refusal = Refusal::new(spear_types::Code::ConditionFailed, "it is there");
            return async { Err(refusal) }.boxed();
        }
        self.answer(info(bucket, key))
    }

    fn stat<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey) -> objects::Answer<'a, ObjectInfo> {
        self.answer(info(bucket, key))
    }

    fn list<'a>(
        &'a self,
        bucket: &'a BucketName,
        _: String,
        _: Option<String>,
        _: u32,
    ) -> objects::Answer<'a, ObjectPage> {
        let key = "k".parse().unwrap();
        self.answer(ObjectPage { objects: vec![info(bucket, &key)], next: Some(key) })
    }

    fn change<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        change: ObjectChange,
    ) -> objects::Answer<'a, Option<ObjectInfo>> {
        let gone = matches!(change, ObjectChange::Delete { .. } | ObjectChange::RemoveRef);
        self.answer((!gone).then(|| info(bucket, key)))
    }

    fn batch<'a>(
        &'a self,
        _: &'a BucketName,
        operations: Vec<Operation>,
    ) -> objects::Answer<'a, Vec<Option<ObjectInfo>>> {
        self.answer(operations.iter().map(|_| None).collect())
    }
}

fn entry() -> KvEntry {
    KvEntry { value: TREASURE.into(), version: 5 }
}

impl kv::Backend for Cluster {
    fn get<'a>(&'a self, _: &'a StoreName, keys: Vec<KvKey>) -> kv::Answer<'a, Vec<Option<KvEntry>>> {
        if keys.iter().any(|key| key.as_str() == "waits") {
            return self.wait();
        }
        self.answer(keys.iter().map(|key| (key.as_str() == "k").then(entry)).collect())
    }

    fn apply<'a>(&'a self, _: &'a StoreName, changes: Vec<KvChange>) -> kv::Answer<'a, Vec<KvChanged>> {
        let changed = |change: &KvChange| match change {
            KvChange::Put { .. } => KvChanged::Put { version: 6 },
            KvChange::Delete { .. } => KvChanged::Deleted { existed: true },
            KvChange::Increment { by, .. } => KvChanged::Incremented { number: *by, version: 6 },
        };
        self.answer(changes.iter().map(changed).collect())
    }

    fn list<'a>(&'a self, _: &'a StoreName, _: String, _: Option<String>, _: u32) -> kv::Answer<'a, KvPage> {
        self.answer(KvPage { entries: vec![("k".parse().unwrap(), entry())], next: None })
    }
}

impl secrets::Backend for Cluster {
    fn get<'a>(&'a self, _: &'a SecretName) -> BoxFuture<'a, Result<Bytes, Refusal>> {
        self.answer(TREASURE.into())
    }
}

impl tasks::Backend for Cluster {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Refusal>> {
        if invocation.function.as_str() != "waits" {
            return self.answer(Outcome::Succeeded(invocation.call));
        }
        self.wait()
    }

    fn submit(&self, _: NewTask) -> BoxFuture<'_, Result<TaskId, Refusal>> {
        self.answer(TaskId::from_bytes([7; 16]))
    }

    fn status(&self, id: TaskId, _: Duration) -> BoxFuture<'_, Result<(TaskInfo, Option<Outcome>), Refusal>> {
        let info = TaskInfo {
            id,
            function: "mine".parse().unwrap(),
            version: 1,
            priority: Priority::DEFAULT,
            schedule: None,
            submitted: Timestamp::ZERO,
            deadline: None,
            attempt: 1,
            state: TaskState::Queued { not_before: None, after: None },
            changed: Timestamp::ZERO,
        };
        self.answer((info, None))
    }
}
