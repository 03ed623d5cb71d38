//! A disk that is full: the largest allowed file is bounded, which is how a process without privileges meets one.
//!
//! The limit is of a whole process, and past it the system sends a signal that ends one unless it is ignored: the test
//! runs itself again, alone, under a shell that ignores it.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::SystemTime};

use bytes::Bytes;
use rustix::process::{Resource, Rlimit, setrlimit};
use spear_store::{Error, Operation, Put, Store};
use spear_types::{BucketName, Code, Condition, Digest, ObjectInfo, ObjectKey, ObjectPage, Refusal};
use tempfile::TempDir;

const CHILD: &str = "SPEAR_STORE_TEST_CHILD";

#[test]
fn a_full_disk_leaves_nothing_half_written_and_is_no_trouble_once_there_is_room() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(blobs_without_room());
        return runtime.block_on(tables_without_room());
    }
    let again = "trap '' XFSZ; exec \"$0\" --nocapture";
    let child = Command::new("sh").args(["-c", again]).arg(std::env::current_exe().unwrap()).env(CHILD, "1").status();
    assert!(child.unwrap().success());
}

async fn blobs_without_room() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    put(&store, "before", b"before").await.unwrap();
    limit_files(Some(1 << 20));
    let error = put(&store, "large", &[7; 2 << 20]).await.unwrap_err();
    assert!(matches!(error, Error::Full), "{error}");
    let refusal = Refusal::from(error);
    assert_eq!((refusal.code, refusal.help.is_some()), (Code::StorageFull, true));
    check_whole(dir.path(), &store).await;
    limit_files(None);
    put(&store, "large", &[7; 2 << 20]).await.unwrap();
    assert_eq!(check_whole(dir.path(), &store).await.len(), 2);
}

async fn tables_without_room() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    limit_files(Some(fs::metadata(dir.path().join("spear.redb")).unwrap().len()));
    let mut fitted = 0_usize;
    let error = loop {
        match put(&store, &long_key(fitted), fitted.to_string().as_bytes()).await {
            Ok(_) => fitted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full), "{error}");
    assert_eq!(check_whole(dir.path(), &store).await.len(), fitted);
    limit_files(None);
    put(&store, &long_key(0), b"another").await.unwrap();
    put(&store, &long_key(fitted), b"once more").await.unwrap();
    drop(store);
    let store = Store::open(dir.path()).await.unwrap();
    assert_eq!(check_whole(dir.path(), &store).await.len(), fitted + 1);
}

/// Every object can be read, and every file is an object's.
async fn check_whole(dir: &Path, store: &Store) -> Vec<ObjectInfo> {
    let (mut objects, mut after) = (Vec::new(), None);
    loop {
        let page = store.list_objects(&bucket(), "", after.as_ref(), ObjectPage::MAX).await.unwrap();
        objects.extend(page.objects);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for object in &objects {
        let (_, reader) = store.open_object(&object.bucket, &object.key).await.unwrap();
        assert_eq!(Digest::of(&reader.read_all(u64::MAX).await.unwrap()), object.etag);
    }
    assert_eq!(files(&dir.join("blobs")), objects.iter().map(|object| object.etag.to_string()).collect());
    objects
}

fn files(blobs: &Path) -> BTreeSet<String> {
    let shelves = fs::read_dir(blobs).unwrap().map(|shelf| shelf.unwrap().path());
    let files = shelves.flat_map(|shelf| fs::read_dir(shelf).unwrap());
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

async fn put(store: &Store, key: &str, bytes: &[u8]) -> Result<ObjectInfo, Error> {
    let mut writer = store.writer(u64::MAX).await?;
    for piece in bytes.chunks(1_000) {
        writer.write(Bytes::copy_from_slice(piece)).await?;
    }
    let (key, blob): (ObjectKey, _) = (key.parse().unwrap(), writer.finish().await?);
    let put = Put { bucket: bucket(), key, content_type: None, condition: Condition::None, blob };
    let mut infos = store.change_objects(vec![Operation::Put(put)], SystemTime::UNIX_EPOCH).await?;
    Ok(infos.remove(0).unwrap())
}

/// Long, so that the tables are full soon.
fn long_key(number: usize) -> String {
    format!("{number:0>1024}")
}

fn bucket() -> BucketName {
    "photos".parse().unwrap()
}

fn limit_files(bytes: Option<u64>) {
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}
