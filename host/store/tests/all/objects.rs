//! Objects and buckets.

use spear_store::Error;
use spear_types::{Code, Condition, Digest, ObjectChange, ObjectInfo, ObjectPage, Refusal};

use crate::{FORCE, Fixture, REMOVE, at, change, changing, delete, digests, get, name, now, put, put_if, putting};

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

#[tokio::test]
async fn a_put_happens_only_if_its_condition_holds() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    let first = put_if(&store, "photos", "k", "a", Condition::Absent).await.unwrap();
    for condition in [Condition::Absent, Condition::Version(2), Condition::Etag(Digest::of(b"b"))] {
        let refusal = Refusal::from(put_if(&store, "photos", "k", "b", condition).await.unwrap_err());
        assert_eq!((refusal.code, refusal.version), (Code::ConditionFailed, Some(1)), "{refusal}");
        assert!(refusal.message.contains("photos/k") && refusal.message.contains("version 1"), "{refusal}");
    }
    assert_eq!(get(&store, "photos", "k").await.unwrap(), "a");
    let second = put_if(&store, "photos", "k", "b", Condition::Etag(first.etag)).await.unwrap();
    assert_eq!(put_if(&store, "photos", "k", "c", Condition::Version(second.version)).await.unwrap().version, 3);
    for condition in [Condition::Version(1), Condition::Etag(first.etag)] {
        let refusal = Refusal::from(put_if(&store, "photos", "other", "b", condition).await.unwrap_err());
        assert_eq!((refusal.code, refusal.version), (Code::ConditionFailed, None), "{refusal}");
    }
}

#[tokio::test]
async fn an_overwrite_keeps_references_and_pin() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    put(&store, "photos", "k", "a").await;
    change(&store, "photos", "k", ObjectChange::AddRef).await.unwrap();
    change(&store, "photos", "k", ObjectChange::Pin).await.unwrap();
    let info = put(&store, "photos", "k", "b").await;
    assert_eq!((info.version, info.references, info.pinned), (2, 1, true));
}

#[tokio::test]
async fn an_object_goes_with_its_last_reference_unless_it_is_pinned() {
    let fixture = Fixture::new().await;
    let of = async |what| change(&fixture.store, "photos", "k", what).await.unwrap();
    put(&fixture.store, "photos", "k", "a").await;
    for references in [1, 2] {
        assert_eq!(of(ObjectChange::AddRef).await.unwrap().references, references);
    }
    assert_eq!(of(ObjectChange::RemoveRef).await.unwrap().references, 1);
    assert!(of(ObjectChange::Pin).await.unwrap().pinned);
    assert_eq!(of(ObjectChange::RemoveRef).await.unwrap().references, 0);
    assert!(!of(ObjectChange::Unpin).await.unwrap().pinned, "it stays without either");
    assert_eq!(of(ObjectChange::AddRef).await.unwrap().references, 1);
    assert_eq!(of(ObjectChange::RemoveRef).await, None);
    assert_eq!(fixture.kept(), [].into());
    let error = change(&fixture.store, "photos", "k", ObjectChange::AddRef).await.unwrap_err();
    assert!(matches!(error, Error::UnknownObject { .. }), "{error}");
}

#[tokio::test]
async fn an_object_without_a_reference_has_none_to_remove() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    put(&store, "photos", "k", "a").await;
    let refusal = Refusal::from(change(&store, "photos", "k", ObjectChange::RemoveRef).await.unwrap_err());
    assert_eq!((refusal.code, refusal.version), (Code::ConditionFailed, Some(1)));
    assert_eq!(refusal.message, "the object photos/k has no reference");
    assert_eq!(get(&store, "photos", "k").await.unwrap(), "a");
}

#[tokio::test]
async fn what_is_in_use_is_removed_by_force_only() {
    let fixture = Fixture::new().await;
    put(&fixture.store, "photos", "k", "a").await;
    for (what, message) in [
        (ObjectChange::AddRef, "the object photos/k is in use: it is not pinned and has 1 reference"),
        (ObjectChange::Pin, "the object photos/k is in use: it is pinned and has 1 reference"),
    ] {
        change(&fixture.store, "photos", "k", what).await.unwrap();
        let refusal = Refusal::from(change(&fixture.store, "photos", "k", REMOVE).await.unwrap_err());
        assert_eq!((refusal.code, refusal.message.as_str()), (Code::ObjectInUse, message));
    }
    let other = ObjectChange::Delete { condition: Condition::Version(2), force: true };
    let error = change(&fixture.store, "photos", "k", other).await.unwrap_err();
    assert!(matches!(error, Error::ConditionFailed { .. }), "force does not override a condition: {error}");
    assert_eq!(change(&fixture.store, "photos", "k", FORCE).await.unwrap(), None);
    assert_eq!(fixture.kept(), [].into());
}

#[tokio::test]
async fn each_operation_of_a_batch_sees_those_before_it() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let batch = vec![
        putting(store, "new", "k", "a", Condition::Absent).await,
        changing("new", "k", ObjectChange::AddRef),
        putting(store, "new", "k", "b", Condition::Version(1)).await,
        changing("new", "k", ObjectChange::RemoveRef),
        putting(store, "new", "k", "b", Condition::Absent).await,
        putting(store, "new", "l", "a", Condition::None).await,
        changing("new", "l", REMOVE),
    ];
    let infos = store.change_objects(batch, now()).await.unwrap();
    let seen: Vec<_> = infos.iter().map(|info| info.as_ref().map(|info| (info.version, info.references))).collect();
    assert_eq!(seen, [Some((1, 0)), Some((1, 1)), Some((2, 1)), None, Some((1, 0)), Some((1, 0)), None]);
    assert_eq!(get(store, "new", "k").await.unwrap(), "b");
    assert_eq!(fixture.kept(), digests(["b"]));
}

#[tokio::test]
async fn a_batch_that_fails_at_its_end_has_changed_nothing() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let before = put(store, "photos", "k", "before").await;
    for last in [
        changing("photos", "unknown", ObjectChange::Pin),
        changing("photos", "k", ObjectChange::RemoveRef),
        changing("photos", "k", ObjectChange::Delete { condition: Condition::Version(1), force: true }),
    ] {
        let batch = vec![
            putting(store, "other", "k", "new", Condition::None).await,
            putting(store, "photos", "k", "new", Condition::None).await,
            changing("photos", "k", ObjectChange::Pin),
            last,
        ];
        store.change_objects(batch, now()).await.unwrap_err();
        assert_eq!(store.object(&name("photos"), &at("k")).await.unwrap(), before);
        let error = store.list_objects(&name("other"), "", None, 1).await.unwrap_err();
        assert!(matches!(error, Error::UnknownBucket { .. }), "{error}");
        assert_eq!(fixture.kept(), digests(["before"]));
    }
    delete(store, "photos", "k").await.unwrap();
    assert_eq!(fixture.kept(), [].into(), "the count of its bytes stayed right");
}

#[tokio::test]
async fn a_batch_has_a_thousand_operations_at_the_most() {
    let Fixture { store, dir: _dir } = Fixture::new().await;
    put(&store, "photos", "k", "a").await;
    let batch = |count| (0..count).map(|_| changing("photos", "k", ObjectChange::AddRef)).collect();
    let infos = store.change_objects(batch(ObjectChange::MAX), now()).await.unwrap();
    assert_eq!(infos.last().unwrap().as_ref().unwrap().references, 1000);
    let refusal = Refusal::from(store.change_objects(batch(ObjectChange::MAX + 1), now()).await.unwrap_err());
    assert_eq!(
        (refusal.code, refusal.message.as_str()),
        (Code::TooLarge, "1001 operations are over the limit of 1000 for one call")
    );
    assert_eq!(store.object(&name("photos"), &at("k")).await.unwrap().references, 1000);
}

#[tokio::test]
async fn an_object_of_before_there_were_references_has_none_and_takes_some() {
    let Fixture { dir, store } = Fixture::new().await;
    let info = put(&store, "photos", "k", "a").await;
    drop(store);
    let database = redb::Database::open(dir.path().join("spear.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let old = format!(
        r#"{{"bucket":"photos","key":"k","size":1,"etag":"{}","version":7,"content_type":null,
            "modified":"2026-01-01T00:00:00Z"}}"#,
        info.etag
    );
    let objects = redb::TableDefinition::<(&str, &str), &[u8]>::new("objects");
    transaction.open_table(objects).unwrap().insert(("photos", "k"), old.as_bytes()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let store = spear_store::Store::open(dir.path()).await.unwrap();
    let info = store.object(&name("photos"), &at("k")).await.unwrap();
    assert_eq!((info.version, info.references, info.pinned), (7, 0, false));
    let info = change(&store, "photos", "k", ObjectChange::AddRef).await.unwrap().unwrap();
    assert_eq!((info.version, info.references), (7, 1));
}
