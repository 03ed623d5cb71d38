//! Objects and buckets.

use spear_store::Error;
use spear_types::{Code, Digest, ObjectInfo, ObjectPage, Refusal};

use crate::{Fixture, at, delete, get, name, now, put};

#[tokio::test]
async fn an_object_survives_a_reopen() {
    let fixture = Fixture::new().await;
    let put = put(&fixture.store, "photos", "a/b.txt", "hello").await;
    let expected = ObjectInfo {
        bucket: name("photos"),
        key: at("a/b.txt"),
        size: 5,
        etag: Digest::of(b"hello"),
        version: 1,
        content_type: Some("text/plain".into()),
        references: 0,
        pinned: false,
        modified: now(),
    };
    assert_eq!(put, expected);
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.store.object(&name("photos"), &at("a/b.txt")).await.unwrap(), expected);
    assert_eq!(get(&fixture.store, "photos", "a/b.txt").await.unwrap(), "hello");
}

#[tokio::test]
async fn each_put_is_one_version_more_and_a_deleted_key_starts_again() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    for (version, content) in [(1, "a"), (2, "a"), (3, "b")] {
        assert_eq!(put(&store, "photos", "k", content).await.version, version);
    }
    delete(&store, "photos", "k").await.unwrap();
    assert_eq!(put(&store, "photos", "k", "a").await.version, 1);
}

#[tokio::test]
async fn a_bucket_comes_to_be_with_its_first_put_and_stays() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    let list = async || store.list_objects(&name("photos"), "", None, 9).await;
    for error in [
        list().await.unwrap_err(),
        get(&store, "photos", "k").await.unwrap_err(),
        delete(&store, "photos", "k").await.unwrap_err(),
        store.object(&name("photos"), &at("k")).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::UnknownBucket { .. }), "{error}");
        assert_eq!(Refusal::from(error).code, Code::UnknownBucket);
    }
    put(&store, "photos", "k", "a").await;
    delete(&store, "photos", "k").await.unwrap();
    assert_eq!(list().await.unwrap(), ObjectPage::default());
}

#[tokio::test]
async fn an_unknown_object_is_named_with_how_to_find_others() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    put(&store, "photos", "k", "a").await;
    for error in [get(&store, "photos", "l").await.unwrap_err(), delete(&store, "photos", "l").await.unwrap_err()] {
        let refusal = Refusal::from(error);
        assert_eq!(refusal.code, Code::UnknownObject);
        assert_eq!(
            refusal.to_string(),
            "UnknownObject: the bucket photos has no object l\n`spear object ls photos` lists what it has"
        );
    }
}

#[tokio::test]
async fn no_prefix_reaches_into_another_bucket() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    for bucket in ["a", "a-b", "ab", "b"] {
        put(&store, bucket, "b", bucket.to_owned().leak()).await;
    }
    for (prefix, found) in [("", 1), ("b", 1), ("b/", 0), ("-b", 0), ("\u{10ffff}", 0), ("\0", 0)] {
        let page = store.list_objects(&name("a"), prefix, None, 9).await.unwrap();
        assert_eq!((page.objects.len(), page.next), (found, None), "{prefix:?}");
        assert!(page.objects.iter().all(|object| object.bucket == name("a")));
    }
}

#[tokio::test]
async fn a_page_is_never_empty_while_there_is_more_and_never_longer_than_the_longest() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    for key in ["a", "b", "c"] {
        put(&store, "photos", key, "x").await;
    }
    let page = async |limit| store.list_objects(&name("photos"), "", None, limit).await.unwrap();
    assert_eq!((page(0).await.objects.len(), page(0).await.next), (1, Some(at("a"))));
    assert_eq!((page(3).await.objects.len(), page(3).await.next), (3, None));
    assert_eq!(page(u32::MAX).await.objects.len(), 3);
}
