//! When a blob comes and when it goes.

use std::fs;

use spear_store::Store;
use spear_types::{Condition, Digest};

use crate::{Fixture, blobs::check_modes, delete, digests, functions::created, get, put, put_if, putting};

#[tokio::test]
async fn a_blob_stays_as_long_as_one_object_has_its_bytes() {
    let fixture = Fixture::new().await;
    put(&fixture.store, "photos", "a", "same").await;
    put(&fixture.store, "photos", "b", "same").await;
    put(&fixture.store, "texts", "a", "same").await;
    assert_eq!(fixture.kept(), digests(["same"]));
    delete(&fixture.store, "photos", "a").await.unwrap();
    put(&fixture.store, "photos", "b", "other").await;
    assert_eq!(fixture.kept(), digests(["same", "other"]));
    let fixture = fixture.reopened().await;
    delete(&fixture.store, "texts", "a").await.unwrap();
    assert_eq!(fixture.kept(), digests(["other"]));
}

#[tokio::test]
async fn an_object_and_a_function_share_their_bytes() {
    let fixture = Fixture::new().await;
    let function = created(&fixture.store, "hello", "same").await;
    put(&fixture.store, "photos", "a", "same").await;
    delete(&fixture.store, "photos", "a").await.unwrap();
    assert_eq!(fixture.kept(), digests(["same"]));
    put(&fixture.store, "photos", "a", "same").await;
    fixture.store.delete_function(&function.name).await.unwrap();
    assert_eq!(get(&fixture.store, "photos", "a").await.unwrap(), "same");
    delete(&fixture.store, "photos", "a").await.unwrap();
    assert_eq!(fixture.kept(), [].into());
}

#[tokio::test]
async fn putting_the_same_bytes_again_keeps_them() {
    let fixture = Fixture::new().await;
    put(&fixture.store, "photos", "a", "same").await;
    put(&fixture.store, "photos", "a", "same").await;
    assert_eq!(get(&fixture.store, "photos", "a").await.unwrap(), "same");
    delete(&fixture.store, "photos", "a").await.unwrap();
    assert_eq!(fixture.kept(), [].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn puts_of_the_same_bytes_with_deletes_between_never_lose_them() {
    let fixture = Fixture::new().await;
    let keys = ["a", "b", "c", "d", "e", "f"];
    let tasks: Vec<_> = keys.map(|key| tokio::spawn(put_and_delete_often(fixture.store.clone(), key))).into();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(fixture.kept(), [].into());
}

async fn put_and_delete_often(store: Store, key: &'static str) {
    for _ in 0..200 {
        put(&store, "photos", key, "same").await;
        assert_eq!(get(&store, "photos", key).await.unwrap(), "same");
        delete(&store, "photos", key).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_gets_the_old_or_the_new_bytes_whole() {
    let fixture = Fixture::new().await;
    put(&fixture.store, "photos", "a", "start").await;
    let writer = tokio::spawn(overwrite_often(fixture.store.clone()));
    let mut read = 0;
    while !writer.is_finished() {
        get(&fixture.store, "photos", "a").await.unwrap();
        read += 1;
    }
    writer.await.unwrap();
    assert!(read > 0);
}

async fn overwrite_often(store: Store) {
    for round in 0..150 {
        put_if(&store, "photos", "a", format!("{round}").repeat(100_000), Condition::None).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_crash_leaves_behind_is_swept_at_open() {
    let fixture = Fixture::new().await;
    put(&fixture.store, "photos", "a", "kept").await;
    let Fixture { dir, store } = fixture;
    drop(store);
    let blobs = dir.path().join("blobs");
    let orphan = Digest::of(b"orphan").to_string();
    fs::create_dir_all(blobs.join(&orphan[..2])).unwrap();
    fs::write(blobs.join(&orphan[..2]).join(&orphan), "orphan").unwrap();
    fs::write(blobs.join("tmp/.tmpHALF"), "half").unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    let fixture = Fixture { dir, store };
    assert_eq!(fixture.kept(), digests(["kept"]));
    assert_eq!(get(&fixture.store, "photos", "a").await.unwrap(), "kept");
}

#[tokio::test]
async fn a_put_that_nobody_waits_for_any_more_is_done_or_not_but_never_half() {
    let fixture = Fixture::new().await;
    put(&fixture.store, "photos", "first", "first").await;
    for polls in 0..40 {
        let operation = putting(&fixture.store, "photos", "a", "given up", Condition::None).await;
        let put = fixture.store.change_objects(vec![operation], crate::now());
        tokio::select! {
            biased;
            () = yield_often(polls) => {}
            _ = put => {}
        }
        // Behind it in the line: what was begun is completed by now.
        put_and_delete(&fixture.store).await;
        let is_there = get(&fixture.store, "photos", "a").await.is_ok();
        let expected = if is_there { digests(["first", "given up"]) } else { digests(["first"]) };
        assert_eq!(fixture.kept(), expected);
        let _ = delete(&fixture.store, "photos", "a").await;
    }
}

async fn yield_often(times: u32) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

async fn put_and_delete(store: &Store) {
    put(store, "photos", "z", "z").await;
    delete(store, "photos", "z").await.unwrap();
}

#[tokio::test]
async fn only_the_owner_may_read_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("data")).await.unwrap();
    put(&store, "photos", "a", "secret").await;
    check_modes(&dir.path().join("data"));
}
