//! What is found on the disk is not to be trusted.

use std::fs;

use spear_store::{Error, Store};
use spear_types::{Code, Digest, Refusal};

use crate::{Fixture, digests, get, kept, put};

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let garbage = [vec![0xA5; 5_000], b"short".to_vec(), vec![0; 1 << 20]];
    for bytes in garbage {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("spear.redb");
        fs::write(&file, &bytes).unwrap();
        let error = Store::open(dir.path()).await.err().unwrap();
        assert_eq!(Refusal::from(error).code, Code::Internal);
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = Store::open(dir.path().join("file/data")).await.err().unwrap();
    assert!(error.to_string().contains("file/data"), "{error}");
}

#[tokio::test]
async fn a_data_directory_is_open_once() {
    let fixture = Fixture::new().await;
    let error = Store::open(fixture.dir.path()).await.err().unwrap();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
}

#[tokio::test]
async fn lost_and_shortened_bytes_are_damage_and_not_an_unknown_object() {
    let fixture = Fixture::new().await;
    let digest = Digest::of(b"hello").to_string();
    let file = fixture.dir.path().join("blobs").join(&digest[..2]).join(&digest);
    put(&fixture.store, "photos", "a", "hello").await;
    fs::write(&file, "hell").unwrap();
    assert!(matches!(get(&fixture.store, "photos", "a").await, Err(Error::Corrupted(_))));
    fs::remove_file(&file).unwrap();
    assert!(matches!(get(&fixture.store, "photos", "a").await, Err(Error::Corrupted(_))));
    // Another put of the same bytes brings them back.
    put(&fixture.store, "photos", "b", "hello").await;
    assert_eq!(get(&fixture.store, "photos", "a").await.unwrap(), "hello");
}

#[tokio::test]
async fn tables_of_another_form_are_refused_before_a_blob_is_swept() {
    let Fixture { dir, store } = Fixture::new().await;
    put(&store, "photos", "a", "hello").await;
    drop(store);
    let hello = Digest::of(b"hello").to_string();
    let database = redb::Database::open(dir.path().join("spear.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(redb::TableDefinition::<(), u32>::new("form")).unwrap().insert((), 9).unwrap();
    transaction
        .open_table(redb::TableDefinition::<&str, u64>::new("references"))
        .unwrap()
        .remove(hello.as_str())
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = Store::open(dir.path()).await.err().unwrap();
    assert!(error.to_string().contains("form 9"), "{error}");
    assert_eq!(kept(&dir.path().join("blobs")), digests(["hello"]));
}
