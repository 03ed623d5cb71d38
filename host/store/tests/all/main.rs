//! The store as its users see it: real tables and real files, in a directory that is gone afterwards.

mod blobs;
mod damage;
mod functions;
mod kv;
mod lifecycle;
mod model;
mod objects;
mod together;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use spear_store::{Error, NewBlob, Operation, Put, Store};
use spear_types::{BucketName, Condition, Digest, ObjectChange, ObjectInfo, ObjectKey};
use tempfile::TempDir;

/// A store in a directory of its own.
struct Fixture {
    dir: TempDir,
    store: Store,
}

impl Fixture {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        Self { dir, store }
    }

    async fn reopened(self) -> Self {
        let Self { dir, store } = self;
        drop(store);
        let store = Store::open(dir.path()).await.unwrap();
        Self { dir, store }
    }

    fn kept(&self) -> BTreeSet<Digest> {
        kept(&self.dir.path().join("blobs"))
    }
}

/// The digests of all blobs on the disk. There is nothing else: no file in the making, no name that is no digest.
fn kept(blobs: &Path) -> BTreeSet<Digest> {
    let files = |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(files(&blobs.join("tmp")).count(), 0, "a file in the making was left");
    let names = files(blobs).flat_map(|shelf| files(&shelf).collect::<Vec<_>>());
    names.map(|path| path.file_name().unwrap().to_str().unwrap().parse().unwrap()).collect()
}

fn digests<const N: usize>(contents: [&'static str; N]) -> BTreeSet<Digest> {
    contents.into_iter().map(|content| Digest::of(content.as_bytes())).collect()
}

async fn blob(store: &Store, bytes: impl Into<bytes::Bytes>) -> NewBlob {
    let mut writer = store.writer(u64::MAX).await.unwrap();
    writer.write(bytes.into()).await.unwrap();
    writer.finish().await.unwrap()
}

async fn put(store: &Store, bucket: &str, key: &str, content: &'static str) -> ObjectInfo {
    put_if(store, bucket, key, content, Condition::None).await.unwrap()
}

async fn put_if(
    store: &Store,
    bucket: &str,
    key: &str,
    content: impl Into<bytes::Bytes>,
    condition: Condition,
) -> Result<ObjectInfo, Error> {
    let operation = putting(store, bucket, key, content, condition).await;
    Ok(store.change_objects(vec![operation], now()).await?.remove(0).unwrap())
}

async fn putting(
    store: &Store,
    bucket: &str,
    key: &str,
    content: impl Into<bytes::Bytes>,
    condition: Condition,
) -> Operation {
    let (bucket, key, content_type) = (name(bucket), at(key), Some("text/plain".into()));
    Operation::Put(Put { bucket, key, content_type, condition, blob: blob(store, content).await })
}

async fn change(store: &Store, bucket: &str, key: &str, change: ObjectChange) -> Result<Option<ObjectInfo>, Error> {
    Ok(store.change_objects(vec![changing(bucket, key, change)], now()).await?.remove(0))
}

fn changing(bucket: &str, key: &str, change: ObjectChange) -> Operation {
    Operation::Change { bucket: name(bucket), key: at(key), change }
}

async fn get(store: &Store, bucket: &str, key: &str) -> Result<String, Error> {
    let (info, reader) = store.open_object(&name(bucket), &at(key)).await?;
    let bytes = reader.read_all(u64::MAX).await?;
    assert_eq!(Digest::of(&bytes), info.etag, "half of one, half of another");
    Ok(String::from_utf8(bytes.into()).unwrap())
}

async fn delete(store: &Store, bucket: &str, key: &str) -> Result<(), Error> {
    change(store, bucket, key, REMOVE).await.map(|info| assert_eq!(info, None))
}

const REMOVE: ObjectChange = ObjectChange::Delete { condition: Condition::None, force: false };
const FORCE: ObjectChange = ObjectChange::Delete { condition: Condition::None, force: true };

fn name(bucket: &str) -> BucketName {
    bucket.parse().unwrap()
}

fn at(key: &str) -> ObjectKey {
    key.parse().unwrap()
}

/// A moment that is not a whole second.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_800_000_000, 123_456_789)
}
